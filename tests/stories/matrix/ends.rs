//! How answers end on Matrix.

use anyhow::{Result, ensure};
use futures::FutureExt as _;
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::{ends, many};

/// Largest event that homeservers take, in bytes.
const EVENT_MAX: usize = 65_536;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_stopped_by_who_asked_or_a_moderator_and_apologised_for_when_cut_off() -> Result<()> {
    let mut world = World::with_model().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, true, &[&bob]).await?;
    let (at_anas, at_bobs) = (Seat::new(&ana, &room, &world.bot), Seat::new(&bob, &room, &world.bot));
    ends::who_asked_can_stop_the_answer(&at_anas).await?;
    let (ana, bob, room) = (&ana, &bob, &room);
    let empower = |yes: bool| async move { ana.power(room, &bob.user, if yes { 50 } else { 0 }).await }.boxed();
    ends::only_a_moderator_stops_anothers_answer(&at_anas, &at_bobs, &empower).await?;
    ends::an_answer_that_was_cut_off_is_apologised_for(&at_anas, &mut world.served).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_comes_in_parts_that_a_homeserver_takes() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let seat = Seat::new(&ana, &world.room(&ana, true, &[&bob]).await?, &world.bot);
    ends::a_long_answer_comes_in_parts(&seat).await?;
    for event in seat.ours() {
        let raw = ana.raw_event(&seat.room, event["id"].as_str().unwrap()).await?;
        ensure!(raw["type"] == "m.room.encrypted" && raw.to_string().len() <= EVENT_MAX, "{}", raw.to_string().len());
    }
    Ok(())
}

/// With a homeserver's own limits (ten messages, then one in five seconds) answers come slower and whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_homeservers_own_limits_cost_no_answer_its_end() -> Result<()> {
    let world = World::of(Limits::Default, &[("models.generate", "")]).await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, false, &[&bob]).await?;
    let (ana, bob) = (Seat::new(&ana, &room, &world.bot), Seat::new(&bob, &room, &world.bot));
    // More than ten events in all: for each answer its beginning, its end, and the reactions that stand for buttons.
    let people: [&dyn crate::platforms::Person; 4] = [&ana, &bob, &ana, &bob];
    let asked = many::all_ask(&people).await?;
    many::each_has_one_answer(&people, &asked).await?;
    let limited = world.served.metrics().await?;
    ensure!(limited.contains("what=\"limited\""), "no limit was met: {limited}");
    Ok(())
}
