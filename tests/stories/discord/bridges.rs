//! Bridges on Discord.

use anyhow::Result;

use super::World;
use crate::platforms::bridges::{self, KEYS};

async fn world() -> Result<World> {
    tests::phrasebook();
    let keys = [KEYS.as_slice(), &[("discord.message_content", "true")]].concat();
    World::of(&["ana", "bob", "cleo"], &["seminar", "hall"], &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_speaks_two_languages() -> Result<()> {
    let world = world().await?;
    let seat = |name| world.seat(name, "seminar");
    bridges::a_room_speaks_two_languages(&seat("ana"), &seat("bob"), &seat("cleo")).await
}
