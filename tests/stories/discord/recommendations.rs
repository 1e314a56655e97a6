//! Papers for somebody on Discord.

use anyhow::Result;

use super::World;
use crate::platforms::recommendations;

#[tokio::test(flavor = "multi_thread")]
async fn papers_are_chosen_for_one_alone() -> Result<()> {
    let keys = [
        ("models.generate", ""),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    let world = World::of(&["ana", "bob"], &["seminar"], &keys).await?;
    let (ana, bob) = (world.seat("ana", "seminar"), world.seat("bob", "seminar"));
    recommendations::papers_are_chosen_for_one_alone(&ana, &bob).await
}
