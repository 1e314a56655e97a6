//! Threads and direct messages on Matrix.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Seat, World};
use crate::platforms::{Person as _, WITHIN, places};

async fn thread(encrypted: bool) -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = Seat::new(&ana, &world.room(&ana, encrypted, &[&bob]).await?, &world.bot);
    let root = room.tells("Shall we talk about the lake?").await?;
    let thread = room.in_thread(&root);
    places::a_thread_is_answered_within_and_followed_up(&thread, &room).await?;
    for event in thread.ours() {
        let raw = ana.raw_event(&room.room, event["id"].as_str().unwrap()).await?;
        ensure!((raw["type"] == "m.room.encrypted") == encrypted, "{raw}");
        // Clients without the key see the thread all the same: the relation stays outside.
        ensure!(raw["content"]["m.relates_to"]["event_id"] == root.as_str(), "{raw}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_answered_within_and_followed_up() -> Result<()> {
    thread(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_of_an_encrypted_room_is_answered_within_and_followed_up() -> Result<()> {
    thread(true).await
}

/// A direct message is answered without a name; who left the last shared room is no member there either.
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_is_answered_and_knows_who_left_the_room() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let shared = world.room(&ana, true, &[&bob]).await?;
    let alone = async |human| {
        let options = json!({"direct": true, "encrypted": true, "invite": [world.bot]});
        let human: &tests::peers::matrix::Human = human;
        let room = human.create_room(options).await?;
        human.wait_member(&room, &world.bot, "join", WITHIN).await?;
        anyhow::Ok(room)
    };
    let ana = Seat::new(&ana, &alone(&ana).await?, &world.bot);
    places::a_direct_message_needs_no_name(&ana).await?;
    let at_bobs = Seat::new(&bob, &alone(&bob).await?, &world.bot);
    places::a_member_may_add(&at_bobs).await?;
    bob.leave(&shared).await?;
    places::who_is_no_member_may_not_add(&at_bobs).await?;
    places::a_member_may_add(&ana).await
}
