//! Papers for somebody on Matrix.

use anyhow::Result;
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::recommendations;

#[tokio::test(flavor = "multi_thread")]
async fn papers_are_chosen_for_one_alone() -> Result<()> {
    let keys = [
        ("models.generate", ""),
        ("matrix.edit_gap_ms", "500"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    let world = World::of(Limits::Off, &keys).await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, true, &[&bob]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    recommendations::papers_are_chosen_for_one_alone(&seat(&ana), &seat(&bob)).await
}
