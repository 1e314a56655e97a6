//! Summaries on Matrix.

use anyhow::Result;
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::summaries;

async fn world() -> Result<World> {
    let keys = [
        ("models.generate", ""),
        ("matrix.edit_gap_ms", "500"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    World::of(Limits::Off, &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_told_by_its_conversations() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let cleo = world.synapse.human("cleo").await?;
    let room = world.room(&ana, true, &[&bob, &cleo]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    summaries::a_paper_is_told_in_lines_one_can_check(&seat(&ana)).await?;
    summaries::a_channel_is_told_by_its_conversations(&seat(&ana), &seat(&bob), &seat(&cleo)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_told_to_who_missed_it() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let (seminar, hall) = (world.room(&ana, true, &[&bob]).await?, world.room(&ana, true, &[&bob]).await?);
    let attic = world.room(&ana, true, &[]).await?;
    let (at_anas, at_bobs) = (Seat::new(&ana, &seminar, &world.bot), Seat::new(&bob, &seminar, &world.bot));
    let (elsewhere, secret) = (Seat::new(&ana, &hall, &world.bot), Seat::new(&ana, &attic, &world.bot));
    summaries::what_was_missed_is_told_to_who_missed_it(&at_anas, &at_bobs, &elsewhere, &secret).await
}
