//! What moderators may, what is a person's own, and that what was erased is gone.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use futures::future::BoxFuture;
use tests::served::Served;

use super::{Person, QUESTION, ends::Empower, is_answer, until};

/// A word that is said once and erased.
const PLANTED: &str = "zqplanted";

/// Whether a file of this name was sent in the room.
pub type Sent<'a> = &'a (dyn Fn(&'static str) -> BoxFuture<'a, Result<bool>> + Sync);

/// Who is where: a moderator and a member in a room, the member elsewhere and alone with the assistant.
#[derive(Clone, Copy)]
pub struct People<'a> {
    /// The moderator in the room.
    pub ana: &'a dyn Person,
    /// The member in the room.
    pub bob: &'a dyn Person,
    /// The member in another room.
    pub elsewhere: &'a dyn Person,
    /// The member in a direct message.
    pub alone: &'a dyn Person,
    /// How a moderator names the member.
    pub bobs_name: &'a str,
}

/// Says something in a room and waits for what replies to it there.
async fn says(person: &dyn Person, text: &str, want: &str) -> Result<String> {
    let asked = person.says(text).await?;
    replied(person, &asked, text, want).await
}

/// The same in a direct message.
async fn tells(person: &dyn Person, text: &str, want: &str) -> Result<String> {
    let asked = person.tells(text).await?;
    replied(person, &asked, text, want).await
}

async fn replied(person: &dyn Person, asked: &str, text: &str, want: &str) -> Result<String> {
    let otherwise = format!("`{text}` is not answered with `{want}`");
    until(&otherwise, async || Ok(person.answers(asked).await?.into_iter().find(|(_, text)| text.contains(want))))
        .await
        .map(|(_, text)| text)
}

/// Consent is shown, given and kept, and what is kept of a person is theirs to take along.
pub async fn consent_is_a_persons_own(alone: &dyn Person) -> Result<()> {
    tells(alone, "!privacy", "suggest: off").await?;
    tells(alone, "!privacy set suggest on", "suggest: on").await?;
    let shown = tells(alone, "!privacy", "suggest: on").await?;
    ensure!(shown.contains("index: off") && shown.contains("match: off"), "{shown}");
    tells(alone, "!privacy export", "All that I keep of you").await?;
    tells(alone, "!privacy forget", "cannot be taken back").await?;
    // Nothing was erased by that.
    tells(alone, "!privacy", "suggest: on").await.map(drop)
}

/// Whoever is made a moderator may what moderators may, at once, and no longer than that.
pub async fn a_role_holds_as_long_as_the_platform_says(
    People { ana, bob, .. }: People<'_>,
    empower: Empower<'_>,
    sent: Sent<'_>,
) -> Result<()> {
    for refused in ["!room", "!room set paused true", "!colloquy pause", "!library remove - Ducks of the lake"] {
        says(bob, refused, "needs the role Moderator").await?;
    }
    empower(true).await?;
    says(bob, "!room", "auto-answer = false").await?;
    says(bob, "!room set quiet 22:00-07:00", "quiet = \"22:00-07:00\"").await?;
    says(bob, "!room set colour red", "The rules are").await?;
    says(bob, "!room set reads group:nlp", "needs the role Operator").await?;
    says(bob, "!colloquy pause --everywhere", "needs the role Operator").await?;
    says(bob, "!role operator nobody", "needs the role Operator").await?;
    bob.says("!room export").await?;
    until("the policy is not exported", async || Ok(sent("room.toml").await?.then_some(()))).await?;
    bob.sends("!room import", "room.toml", b"quiet = \"21:00-06:00\"\n[roles]\nask = \"moderator\"\n").await?;
    bob.hears(&|text| text.contains("Set:") && text.contains("21:00-06:00")).await?;
    empower(false).await?;
    says(bob, "!room", "needs the role Moderator").await?;
    says(bob, QUESTION, "`ask` needs the role Moderator").await?;
    says(ana, "!room reset", "defaults hold again").await?;
    says(bob, QUESTION, "In the sources' own words").await.map(drop)
}

/// A pause silences a room for all but who wakes it.
pub async fn a_pause_holds_until_a_moderator_ends_it(
    People { ana, bob, elsewhere, alone, .. }: People<'_>,
) -> Result<()> {
    says(ana, "!colloquy pause", "I am silent here").await?;
    says(bob, QUESTION, "I am paused").await?;
    says(ana, "!colloquy", "I am silent here").await?;
    // It holds for this room alone, and never for what is one's own.
    says(elsewhere, QUESTION, "In the sources' own words").await?;
    tells(alone, "!privacy", "index: off").await?;
    says(ana, "!colloquy resume", "here again").await?;
    says(bob, QUESTION, "In the sources' own words").await.map(drop)
}

/// Who is blocked is answered nothing but what is their own, and elsewhere by those who look after that.
pub async fn a_block_leaves_what_is_ones_own(
    People { ana, bob, elsewhere, alone, bobs_name }: People<'_>,
) -> Result<()> {
    ana.says(&format!("!block {bobs_name}")).await?;
    ana.hears_alone(&|text| text.contains("answered nothing from now on")).await?;
    says(bob, QUESTION, "do not answer you").await?;
    tells(alone, "!privacy", "suggest: on").await?;
    says(elsewhere, QUESTION, "In the sources' own words").await?;
    ana.says(&format!("!block --lift {bobs_name}")).await?;
    ana.hears_alone(&|text| text.contains("They are answered again")).await?;
    says(bob, QUESTION, "In the sources' own words").await.map(drop)
}

/// How an answer came about is told to moderators alone.
pub async fn why_is_told_to_a_moderator(People { ana, bob, .. }: People<'_>) -> Result<()> {
    let asked = bob.says(QUESTION).await?;
    let (answer, _) =
        until("no answer", async || Ok(bob.answers(&asked).await?.into_iter().find(|(_, text)| is_answer(text))))
            .await?;
    let why = bob.replies(&answer, "!why").await?;
    replied(bob, &why, "!why", "needs the role Moderator").await?;
    ana.replies(&answer, "!why").await?;
    ana.hears_alone(&|text| text.contains("`ask` of") && text.contains("passage `")).await.map(drop)
}

/// A paper of the room is held back and removed by its moderators, and given to nobody else by them.
pub async fn a_paper_is_held_and_not_given_on_by_moderators(
    People { ana, bob, elsewhere, .. }: People<'_>,
) -> Result<()> {
    const ASKED: &str = "With whom is the research boat Albatros booked?";
    let note = b"# Booking the boat\n\nThe research boat Albatros is booked with Greta until noon of the day before.\n";
    bob.sends("!add", "boat.md", note).await?;
    bob.hears(&|text| text.contains("Added one paper")).await?;
    says(elsewhere, ASKED, "This is not in the library").await?;
    for (line, want) in [
        ("!library embargo until:2999-01-31 Booking the boat", "under embargo until 2999-01-31"),
        ("!library move to:community Booking the boat", "for the whole community"),
        ("!library embargo off Booking the boat", "no embargo"),
        ("!library move to:community Booking the boat", "for the whole community"),
    ] {
        ana.says(line).await?;
        ana.hears_alone(&|text| text.contains(want)).await?;
    }
    says(elsewhere, ASKED, "This is not in the library").await?;
    says(bob, ASKED, "Greta").await?;
    ana.says("!library remove - Booking the boat").await?;
    ana.hears_alone(&|text| text.contains("Removed:")).await.map(drop)
}

/// What a person who is forgotten had asked is in no file of the data folder, whatever wrote it.
pub async fn what_was_erased_is_in_no_file(People { bob, alone, .. }: People<'_>, served: &mut Served) -> Result<()> {
    says(bob, &format!("What do {PLANTED} ducks eat on lake Brennsee?"), "").await?;
    says(bob, &format!("Is there any {PLANTED} tungsten carbide?"), "This is not in the library").await?;
    tells(alone, &format!("What did the {PLANTED} observers count?"), "").await?;
    let before = files_with(served.dir(), PLANTED)?;
    ensure!(!before.is_empty(), "it was kept nowhere: this proves nothing");
    tells(alone, "!privacy forget --confirm", "Erased:").await?;
    tells(alone, "!privacy", "suggest: off").await?;
    ensure!(served.stop().await?, "it ended badly: {}", served.said());
    let left = files_with(served.dir(), PLANTED)?;
    ensure!(left.is_empty(), "it stands in {left:?}");
    let checked = served.run(&["audit", "verify"]).await?;
    ensure!(checked.contains("head"), "{checked}");
    Ok(())
}

/// The files below a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files_with(&path, text)?),
            false if fs::read(&path)?.windows(text.len()).any(|window| window == text.as_bytes()) => {
                found.push(path.display().to_string());
            }
            false => {}
        }
    }
    Ok(found)
}
