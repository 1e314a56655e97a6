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

/// How one enters the rooms that Mallory makes: all by oneself.
const OPEN: [&str; 3] = ["public", "knock", "restricted"];

/// A room that others can enter is no direct message, whoever else is in it just then: what is for one alone goes elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_one_alone_is_not_said_where_others_can_come_in() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let mallory = world.synapse.human("mallory").await?;
    let shared = world.room(&ana, true, &[&bob]).await?;
    let space = mallory.create_room(json!({"name": "hers", "creation_content": {"type": "m.space"}})).await?;
    let mut traps = Vec::new();
    for rule in OPEN {
        let allow = json!([{"type": "m.room_membership", "room_id": space}]);
        let rule =
            json!({"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": rule, "allow": allow}});
        let invite = [&world.bot, &ana.user];
        let trap = mallory.create_room(json!({"direct": true, "invite": invite, "initial_state": [rule]})).await?;
        mallory.wait_member(&trap, &world.bot, "join", WITHIN).await?;
        mallory.leave(&trap).await?;
        traps.push(trap);
    }
    let seat = Seat::new(&ana, &shared, &world.bot);
    seat.says("!privacy export").await?;
    let is_from_bot = |event: &serde_json::Value| event["kind"] == "invite" && event["sender"] == world.bot.as_str();
    let invite = ana.wait(is_from_bot, WITHIN).await?;
    let alone = invite["room"].as_str().unwrap_or_default().to_owned();
    ensure!(!traps.contains(&alone) && !alone.is_empty(), "{invite}");
    ana.join(&alone).await?;
    let exported = |text: &str| text.contains("All that I keep of you");
    ana.wait_text(&alone, &world.bot, exported, WITHIN).await?;
    let state = format!("/_matrix/client/v3/rooms/{alone}/state/m.room.encryption/");
    ana.request("GET", &state, serde_json::Value::Null).await?;

    // She goes there, and asks: who comes in later reads none of what is hers.
    for trap in &traps {
        ana.accept(trap, WITHIN).await?;
        let mark = ana.mark();
        let inside = Seat::new(&ana, trap, &world.bot);
        inside.tells("!privacy").await?;
        let is_told = |event: &serde_json::Value| {
            event["room"] == alone.as_str() && event["body"].as_str().is_some_and(|text| text.contains("index: off"))
        };
        ana.wait_from(mark, is_told, WITHIN).await?;
        inside.tells("!lien 3").await?;
        inside.hears(&|text| text.contains("There is no command `lien`")).await?;
        let said = inside.all().await?;
        ensure!(!said.iter().any(|text| text.contains("index:") || exported(text)), "{said:?}");
    }
    mallory.join(&traps[0]).await?;
    let read = mallory.messages(&traps[0], 100).await?;
    ensure!(!read.iter().any(|event| event.to_string().contains("All that I keep")), "{read:?}");
    Ok(())
}
