//! Many at once on Matrix, and a homeserver that restarts meanwhile.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use tests::peers::matrix::Human;

use super::{Seat, World};
use crate::platforms::{Person, many};

const PEOPLE: [&str; 5] = ["ana", "bob", "cleo", "dan", "eve"];

/// Everybody in so many rooms.
async fn everywhere<'a>(world: &World, humans: &'a [Human], rooms: usize) -> Result<Vec<Seat<'a>>> {
    let [first, others @ ..] = humans else { return Ok(Vec::new()) };
    let others: Vec<&Human> = others.iter().collect();
    let mut seats = Vec::new();
    for number in 0..rooms {
        // Every other one is encrypted.
        let room = world.room(first, number % 2 == 0, &others).await?;
        for human in humans {
            // Who has not seen the assistant join cannot give it the keys.
            human.wait_member(&room, &world.bot, "join", crate::platforms::WITHIN).await?;
        }
        seats.extend(humans.iter().map(|human| Seat::new(human, &room, &world.bot)));
    }
    Ok(seats)
}

fn people<'a>(seats: &'a [Seat<'_>]) -> Vec<&'a dyn Person> {
    seats.iter().map(|seat| seat as &dyn Person).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_one_answer_to_what_they_asked() -> Result<()> {
    let world = World::start().await?;
    let humans = try_join_all(PEOPLE.iter().map(|name| world.synapse.human(name))).await?;
    let seats = everywhere(&world, &humans, 4).await?;
    many::two_at_once_get_their_own_answers(&seats[0], &seats[1]).await?;
    let people = people(&seats);
    let asked = many::all_ask(&people).await?;
    many::each_has_one_answer(&people, &asked).await
}

/// What was asked before the homeserver went down is answered, once, after it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_homeserver_that_restarts_under_load_costs_no_answer() -> Result<()> {
    let mut world = World::start().await?;
    let humans = try_join_all(PEOPLE[..2].iter().map(|name| world.synapse.human(name))).await?;
    let seats = everywhere(&world, &humans, 2).await?;
    let people = people(&seats);
    let asked = many::all_ask(&people).await?;
    let whole = many::until_begun(&people, &asked, 1).await?;
    ensure!(whole < asked.len(), "nothing was in flight");
    world.synapse.restart().await?;
    many::each_has_one_answer(&people, &asked).await
}
