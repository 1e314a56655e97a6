//! Matching on Discord: the two meet in a private thread.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::World;
use crate::platforms::{
    WITHIN,
    matching::{People, TOGETHER, a_no_is_silent, two_are_brought_together_by_two_yeses},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_meet_in_a_thread_of_their_own() -> Result<()> {
    let mut world = World::of(&["ana", "bob", "cyd", "dan"], &["seminar"], &[("models.generate", "")]).await?;
    let World { guild, served, .. } = &mut world;
    let seat = |name| super::Seat::new(guild, name, "seminar");
    let (ana, bob, cyd, dan) = (seat("ana"), seat("bob"), seat("cyd"), seat("dan"));
    let at_anas = ana.in_channel(ana.human.dm().await?);
    let at_bobs = bob.in_channel(bob.human.dm().await?);
    let at_cyds = cyd.in_channel(cyd.human.dm().await?);
    let at_dans = dan.in_channel(dan.human.dm().await?);
    let people = People { ana: &at_anas, bob: &at_bobs, cyd: &at_cyds, dan: &at_dans };
    two_are_brought_together_by_two_yeses(&people, served).await?;
    let fits = |message: &Value| message["content"].as_str().is_some_and(|text| text.contains(TOGETHER));
    let met = ana.human.hear("MESSAGE_CREATE", fits, WITHIN).await?;
    ensure!(bob.human.hear("MESSAGE_CREATE", fits, WITHIN).await?["channel_id"] == met["channel_id"], "two rooms");
    ensure!(met["channel_id"] != at_anas.channel.as_str(), "she was told alone");
    let others = dan.human.inbox().await?;
    ensure!(!others.iter().any(|event| event["t"] == "MESSAGE_CREATE" && fits(&event["d"])), "dan reads it");
    a_no_is_silent(&people).await
}
