//! Matching on Matrix: the two meet in an encrypted room that nobody else is invited to.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::peers::matrix::Human;

use super::{Seat, World};
use crate::platforms::{
    WITHIN,
    matching::{People, TOGETHER, a_no_is_silent, two_are_brought_together_by_two_yeses},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_meet_in_a_room_of_their_own() -> Result<()> {
    let mut world = World::start().await?;
    let mut humans = Vec::new();
    for name in ["ana", "bob", "cyd", "dan"] {
        humans.push(world.synapse.human(name).await?);
    }
    let [ana, bob, cyd, dan] = humans.as_slice() else { anyhow::bail!("four were asked for") };
    world.room(ana, false, &[bob, cyd, dan]).await?;
    let bot = world.bot.clone();
    let alone = async |human: &Human| {
        let room = human.create_room(json!({"direct": true, "encrypted": true, "invite": [bot]})).await?;
        human.wait_member(&room, &bot, "join", WITHIN).await?;
        anyhow::Ok(room)
    };
    let seat = |human, room: &str| Seat::new(human, room, &bot);
    let people = People {
        ana: &seat(ana, &alone(ana).await?),
        bob: &seat(bob, &alone(bob).await?),
        cyd: &seat(cyd, &alone(cyd).await?),
        dan: &seat(dan, &alone(dan).await?),
    };
    two_are_brought_together_by_two_yeses(&people, &mut world.served).await?;
    let invited = bob.wait(|event| event["kind"] == "invite" && event["sender"] == bot.as_str(), WITHIN).await?;
    let room = invited["room"].as_str().context("an invitation names its room")?;
    for human in [ana, bob] {
        human.accept(room, WITHIN).await?;
        human.wait_text(room, &bot, |text| text.contains(TOGETHER), WITHIN).await?;
    }
    let members = ana.members(room).await?;
    ensure!(members.len() == 3 && !members.contains(&dan.user), "{members:?}");
    ensure!(!dan.events().iter().any(|event| event["kind"] == "invite" && event["room"] == room), "dan was invited");
    a_no_is_silent(&people).await
}
