//! A person to ask on Matrix, and a link to read.

use anyhow::Result;
use serde_json::json;
use tests::peers::{matrix::Human, synapse::Limits};

use super::{Seat, World};
use crate::platforms::{
    WITHIN,
    experts::{People, a_person_is_asked_who_agreed_to_it},
    links,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_to_ask_is_asked_alone() -> Result<()> {
    let mut world = World::start().await?;
    let mut humans = Vec::new();
    for name in ["ana", "bob", "cyd", "eve"] {
        humans.push(world.synapse.human(name).await?);
    }
    let [ana, bob, cyd, eve] = humans.as_slice() else { anyhow::bail!("four were asked for") };
    let room = world.room(ana, false, &[bob, cyd, eve]).await?;
    let bot = world.bot.clone();
    let alone = async |human: &Human| {
        let room = human.create_room(json!({"direct": true, "encrypted": true, "invite": [bot]})).await?;
        human.wait_member(&room, &bot, "join", WITHIN).await?;
        anyhow::Ok(room)
    };
    let seat = |human, room: &str| Seat::new(human, room, &bot);
    let people = People {
        ids: [ana.user.as_str(), bob.user.as_str()],
        ana: &seat(ana, &room),
        other: &seat(cyd, &room),
        bob: &seat(bob, &alone(bob).await?),
        cyd: &seat(cyd, &alone(cyd).await?),
        eve: &seat(eve, &alone(eve).await?),
    };
    a_person_is_asked_who_agreed_to_it(&people, &mut world.served).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_read_from_a_host_that_was_named() -> Result<()> {
    let host = links::a_host().await?;
    let keys = [("models.generate", ""), ("matrix.edit_gap_ms", "500"), ("library.fetch_hosts", host.as_str())];
    let world = World::of(Limits::Off, &keys).await?;
    let ana = world.synapse.human("ana").await?;
    let room = world.room(&ana, false, &[]).await?;
    links::a_link_is_read_from_a_host_that_was_named(&Seat::new(&ana, &room, &world.bot), &host).await
}
