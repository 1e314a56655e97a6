//! Threads and direct messages on Discord.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;

use tests::peers::yepcord::VIEW_CHANNEL;

use super::World;
use crate::platforms::{Person as _, experts, places};

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

/// A private thread shares neither its papers with its channel nor what is said in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_thread_is_a_room_of_its_own() -> Result<()> {
    let world = World::start().await?;
    let (room, bob) = (world.seat("ana", "seminar"), world.guild.human("bob"));
    let thread = room.human.private_thread(&room.channel, "the two of us", &[&bob.id]).await?;
    places::what_is_dropped_in_a_room_within_stays_there(&room.in_channel(thread), &room).await
}

/// Of a channel that its overwrites hide from somebody they are told nothing, though they are in the server.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_see_a_channel_is_not_asked_there() -> Result<()> {
    let world = World::of(&["ana", "bob"], &["seminar", "hiring"], &[("models.generate", "")]).await?;
    let guild = &world.guild;
    guild.deny("hiring", VIEW_CHANNEL).await?;
    // She owns the server.
    let (ana, bob) = (world.seat("ana", "hiring"), world.seat("bob", "seminar"));
    let bob = bob.in_channel(bob.human.dm().await?);
    let show = async || guild.deny("hiring", 0).await;
    experts::who_does_not_see_a_room_is_not_asked_there(&ana, &bob, show).await
}
