//! What is said on Matrix without being meant for the bot.

use anyhow::Result;

use super::{Seat, World};
use crate::platforms::said;
use tests::peers::synapse::Limits;

async fn world() -> Result<World> {
    let keys = [
        ("models.generate", ""),
        ("matrix.edit_gap_ms", "500"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    World::of(Limits::Off, &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_be_kept_is_found() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let cleo = world.synapse.human("cleo").await?;
    let room = world.room(&ana, true, &[&bob, &cleo]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    said::only_what_may_be_kept_is_found(&seat(&ana), &seat(&bob), &seat(&cleo)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_interrupted_but_where_it_is_wanted() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, false, &[&bob]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    said::nobody_is_interrupted_but_where_it_is_wanted(&seat(&ana), &seat(&bob)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderators_mark_makes_a_note() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let cleo = world.synapse.human("cleo").await?;
    let room = world.room(&ana, true, &[&bob, &cleo]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    said::a_moderators_mark_makes_a_note(&seat(&ana), &seat(&bob), &seat(&cleo)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_meanwhile_is_taken_out() -> Result<()> {
    let mut world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, true, &[&bob]).await?;
    let (at_anas, at_bobs) = (Seat::new(&ana, &room, &world.bot), Seat::new(&bob, &room, &world.bot));
    said::what_is_deleted_meanwhile_is_taken_out(&at_anas, &at_bobs, &mut world.served).await
}
