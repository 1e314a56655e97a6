//! Translations, words and digests on Matrix.

use anyhow::Result;
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::{bridges::KEYS, translations};

#[tokio::test(flavor = "multi_thread")]
async fn translations_words_and_digests() -> Result<()> {
    tests::phrasebook();
    let world = World::of(Limits::Off, &[KEYS.as_slice(), &[("matrix.edit_gap_ms", "500")]].concat()).await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, true, &[&bob]).await?;
    let (ana, bob) = (Seat::new(&ana, &room, &world.bot), Seat::new(&bob, &room, &world.bot));
    translations::a_message_is_translated_for_who_asks(&ana, &bob).await?;
    translations::a_question_in_another_language_finds_them(&ana).await?;
    translations::the_words_of_a_community_are_kept_by_its_moderators(&ana, &bob).await?;
    translations::a_digest_is_ordered_by_moderators(&ana, &bob).await
}
