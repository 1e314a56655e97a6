//! Bridges on Matrix.

use anyhow::Result;
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::bridges::{self, KEYS};

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
