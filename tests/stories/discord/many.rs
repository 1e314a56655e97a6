//! Many at once on Discord, and a server that dies meanwhile.

use anyhow::{Result, ensure};
use tests::peers::yepcord::Fault;

use super::{Seat, World};
use crate::platforms::{Person, many, until_it_listens};

const PEOPLE: [&str; 5] = ["ana", "bob", "cleo", "dan", "eve"];
const ROOMS: [&str; 4] = ["seminar", "hall", "lake", "boat"];

fn everywhere(world: &World) -> Vec<Seat<'_>> {
    ROOMS.iter().flat_map(|room| PEOPLE.iter().map(|name| world.seat(name, room))).collect()
}

fn people<'a>(seats: &'a [Seat<'_>]) -> Vec<&'a dyn Person> {
    seats.iter().map(|seat| seat as &dyn Person).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_one_answer_to_what_they_asked() -> Result<()> {
    let world = World::of(&PEOPLE, &ROOMS, &[("models.generate", "")]).await?;
    let seats = everywhere(&world);
    until_it_listens(&seats[0]).await?;
    many::two_at_once_get_their_own_answers(&seats[0], &seats[1]).await?;
    let people = people(&seats);
    let asked = many::all_ask(&people).await?;
    many::each_has_one_answer(&people, &asked).await
}

/// What the bot has begun to answer when the server dies is there, once, after it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_under_load_costs_no_answer_that_was_begun() -> Result<()> {
    let mut world = World::start().await?;
    until_it_listens(&world.seat("ana", "seminar")).await?;
    // No answer can be brought to its end before the server dies: edits are refused until then.
    let refused = Fault { method: "PATCH", path: "/messages/", status: 429, times: 10_000, retry_after: 1.0 };
    world.yepcord.fault(refused).await?;
    let asked = {
        let seats = four(&world);
        let people = people(&seats);
        let asked = many::all_ask(&people).await?;
        let whole = many::until_begun(&people, &asked, asked.len()).await?;
        ensure!(whole < asked.len(), "nothing was in flight");
        asked
    };
    world.yepcord.kill().await?;
    world.yepcord.restart().await?;
    let seats = four(&world);
    many::each_has_one_answer(&people(&seats), &asked).await
}

fn four(world: &World) -> Vec<Seat<'_>> {
    ["seminar", "hall"].iter().flat_map(|room| ["ana", "bob"].map(|name| world.seat(name, room))).collect()
}
