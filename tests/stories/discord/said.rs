//! What is said on Discord without being meant for the bot.

use anyhow::Result;

use super::{Seat, World};
use crate::platforms::said;

async fn world() -> Result<World> {
    let keys = [
        ("models.generate", ""),
        ("discord.message_content", "true"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    World::of(&["ana", "bob", "cleo"], &["seminar"], &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_be_kept_is_found() -> Result<()> {
    let world = world().await?;
    let seat = |name| world.seat(name, "seminar");
    said::only_what_may_be_kept_is_found(&seat("ana"), &seat("bob"), &seat("cleo")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_interrupted_but_where_it_is_wanted() -> Result<()> {
    let world = world().await?;
    said::nobody_is_interrupted_but_where_it_is_wanted(&world.seat("ana", "seminar"), &world.seat("bob", "seminar"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderators_mark_makes_a_note() -> Result<()> {
    let world = world().await?;
    let seat = |name| world.seat(name, "seminar");
    said::a_moderators_mark_makes_a_note(&seat("ana"), &seat("bob"), &seat("cleo")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_meanwhile_is_taken_out() -> Result<()> {
    let mut world = world().await?;
    let World { guild, served, .. } = &mut world;
    let seat = |name| Seat::new(guild, name, "seminar");
    said::what_is_deleted_meanwhile_is_taken_out(&seat("ana"), &seat("bob"), served).await
}
