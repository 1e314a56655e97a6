//! Summaries on Discord.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use super::World;
use crate::platforms::summaries;

async fn world() -> Result<World> {
    let keys = [
        ("models.generate", ""),
        ("discord.message_content", "true"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    World::of(&["ana", "bob", "cleo"], &["seminar", "hall", "attic"], &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_told_by_its_conversations() -> Result<()> {
    let world = world().await?;
    let seat = |name| world.seat(name, "seminar");
    summaries::a_paper_is_told_in_lines_one_can_check(&seat("ana")).await?;
    summaries::a_channel_is_told_by_its_conversations(&seat("ana"), &seat("bob"), &seat("cleo")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_told_to_who_missed_it() -> Result<()> {
    let world = world().await?;
    let (ana, secret) = (world.seat("ana", "seminar"), world.seat("ana", "attic"));
    // Of everyone the attic is hidden; who owns the server sees it.
    let path = format!("/channels/{}/permissions/{}", secret.channel, world.guild.id);
    ana.human
        .call(Method::PUT, &path, json!({ "id": world.guild.id, "type": 0, "allow": "0", "deny": "1024" }))
        .await?;
    let (bob, elsewhere) = (world.seat("bob", "seminar"), world.seat("ana", "hall"));
    summaries::what_was_missed_is_told_to_who_missed_it(&ana, &bob, &elsewhere, &secret).await
}
