//! Bridges on Matrix.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::{
    WITHIN,
    bridges::{self, KEYS},
};

async fn world() -> Result<World> {
    tests::phrasebook();
    World::of(Limits::Off, &[KEYS.as_slice(), &[("matrix.edit_gap_ms", "500")]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_speaks_two_languages() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let cleo = world.synapse.human("cleo").await?;
    let room = world.room(&ana, true, &[&bob, &cleo]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    bridges::a_room_speaks_two_languages(&seat(&ana), &seat(&bob), &seat(&cleo)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rooms_understand_each_other() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let (english, german) = (world.room(&ana, true, &[]).await?, world.room(&bob, false, &[]).await?);
    let (ana, bob) = (Seat::new(&ana, &english, &world.bot), Seat::new(&bob, &german, &world.bot));
    bridges::two_rooms_understand_each_other(&ana, &bob).await
}

/// A room that is upgraded goes on with its bridge in the room that replaces it; the other side need do nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_follows_its_room_when_it_is_upgraded() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let (english, german) = (world.room(&ana, false, &[]).await?, world.room(&bob, false, &[]).await?);
    let there = Seat::new(&bob, &german, &world.bot);
    bridges::are_joined(&Seat::new(&ana, &english, &world.bot), &there).await?;
    let next = ana.upgrade(&english, "11").await?;
    ana.invite(&next, &world.bot).await?;
    ana.wait_member(&next, &world.bot, "join", WITHIN).await?;
    let started = Instant::now();
    while !world.served.said().contains("a room goes on in another") {
        ensure!(started.elapsed() < WITHIN, "it did not follow: {}", world.served.said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bridges::hear_each_other(&Seat::new(&ana, &next, &world.bot), &there).await
}
