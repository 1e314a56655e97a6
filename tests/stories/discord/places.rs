//! Threads and direct messages on Discord.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;

use super::World;
use crate::platforms::{Person as _, places};

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_answered_within_and_followed_up() -> Result<()> {
    let world = World::start().await?;
    let room = world.seat("ana", "seminar");
    let root = room.tells("Shall we talk about the lake?").await?;
    let thread = room.human.thread(&room.channel, &root, "the lake").await?;
    places::a_thread_is_answered_within_and_followed_up(&room.in_channel(thread), &room).await
}

/// A direct message is answered without a name; who left the server is no member there either.
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_is_answered_and_knows_who_left_the_server() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.seat("ana", "seminar"), world.seat("bob", "seminar"));
    let ana = ana.in_channel(ana.human.dm().await?);
    places::a_direct_message_needs_no_name(&ana).await?;
    let bob = bob.in_channel(bob.human.dm().await?);
    places::a_member_may_add(&bob).await?;
    bob.human.call(Method::DELETE, &format!("/users/@me/guilds/{}", world.guild.id), Value::Null).await?;
    places::who_is_no_member_may_not_add(&bob).await?;
    places::a_member_may_add(&ana).await
}
