//! Translations for who asks, the community's words, and the digest of a room, on a real translator of few sentences:
//! see [`bridges`](super::bridges).

use anyhow::{Result, ensure};

use super::{Person, until_it_listens};

/// A text, a message that one replies to, a file: all come to who asked alone, and what is protected as it was.
pub async fn a_message_is_translated_for_who_asks(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    ana.says("!translate de The ducks dive in the lake at dawn.").await?;
    ana.hears_alone(&|text| text.contains("Die Enten tauchen im Morgengrauen im See.")).await?;
    let said = bob.tells("Die zweite Abbildung zeigt die Tiefe des Sees.").await?;
    ana.replies(&said, "!translate en").await?;
    ana.hears_alone(&|text| text.contains("The second figure shows the depth of the lake.")).await?;
    ana.says("!translate de The new method needs less memory. `let zq = 1;` https://a.example/zq?x=1").await?;
    let kept = ["Die neue Methode braucht weniger Speicher.", "let zq = 1;", "https://a.example/zq?x=1"];
    ana.hears_alone(&|text| kept.iter().all(|part| text.contains(part))).await?;
    let file = "# The results are surprisingly good.\n\nWe count the ducks on Friday.\n\n$$ E = mc^2 $$\n";
    ana.sends("!translate de", "notes.md", file.as_bytes()).await?;
    ana.hears_alone(&|text| text.contains("2 of 2 segments")).await?;
    let seen = ana.all().await?;
    ensure!(
        !seen.iter().any(|text| text.contains("Die Enten tauchen") || text.contains("2 of 2 segments")),
        "{seen:?}"
    );
    Ok(())
}

/// `ana` moderates. The papers are English, and so are their lines.
pub async fn a_question_in_another_language_finds_them(ana: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    ana.says("Wie oft pro Stunde taucht jede Ente des Sees?").await?;
    let (answer, _) = ana.hears(&|text| text.contains("14 times an hour") && text.contains("[1]")).await?;
    ana.replies(&answer, "!why").await?;
    ana.hears_alone(&|text| text.contains("the question was translated to be found")).await.map(drop)
}

/// `ana` moderates.
pub async fn the_words_of_a_community_are_kept_by_its_moderators(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    bob.says("!glossary add duck: de=Schnatterente").await?;
    bob.hears(&|text| text.contains("needs the role Moderator")).await?;
    ana.says("!glossary add duck: de=Schnatterente").await?;
    ana.hears(&|text| text.contains("Added: **duck**: de Schnatterente")).await?;
    ana.sends("!glossary import", "terms.csv", "en,de\nlake,Weiher\nreed,Schilf\n".as_bytes()).await?;
    ana.hears(&|text| text.contains("2 added, 0 replaced")).await?;
    bob.says("!glossary list weiher").await?;
    bob.hears(&|text| text.contains("lake") && text.contains("de Weiher")).await?;
    ana.says("!glossary remove lake").await?;
    ana.hears(&|text| text.contains("Removed: **lake**")).await?;
    bob.says("!glossary show lake").await?;
    bob.hears(&|text| text.contains("has no term")).await.map(drop)
}

/// `ana` moderates. What comes at its time is told by the stories of digests.
pub async fn a_digest_is_ordered_by_moderators(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    bob.says("!digest weekly monday 09:00").await?;
    bob.hears(&|text| text.contains("needs the role Moderator")).await?;
    bob.tells("We decided: the counting of the zqducks begins at six.").await?;
    ana.says("!digest weekly monday 09:00").await?;
    ana.hears(&|text| text.contains("Every Monday at 09:00 (UTC)")).await?;
    ana.says("!digest now").await?;
    ana.hears(&|text| text.contains("Decided: “We decided: the counting of the zqducks")).await?;
    ana.says("!digest off").await?;
    ana.hears(&|text| text.contains("No more digests here.")).await?;
    ana.says("!digest").await?;
    ana.hears(&|text| text.contains("No digest is ordered here")).await.map(drop)
}
