//! What was said, told in few lines: with links, and without what its authors, or the room, do not want told.

use anyhow::{Result, ensure};

use super::{Person, ended, until, until_it_listens};

/// A question's answer, when it is whole.
async fn told(person: &dyn Person, question: &str) -> Result<String> {
    let asked = person.says(question).await?;
    let (_, text) = until("it is not answered", async || ended(person, &asked).await).await?;
    Ok(text)
}

async fn sets(person: &dyn Person, switch: &str) -> Result<()> {
    person.says(&format!("!privacy set {switch} on")).await?;
    let said = format!("{switch}: on");
    person.hears_alone(&|text| text.contains(&said)).await.map(drop)
}

/// Whether a text links to a message.
fn links_to(text: &str, message: &str) -> bool {
    text.contains(message.trim_start_matches('$'))
}

/// Two conversations that lie in each other, a decision, somebody who is left out by their own word, a deleted message:
/// `bob` lets himself be named, `cleo` wants to be left out, `ana` said nothing about it.
pub async fn a_channel_is_told_by_its_conversations(
    ana: &dyn Person,
    bob: &dyn Person,
    cleo: &dyn Person,
) -> Result<()> {
    until_it_listens(ana).await?;
    sets(bob, "name").await?;
    sets(cleo, "omit").await?;
    let first = ana.tells("Which annotation tool shall we take for the duck videos?").await?;
    let boat = bob.tells("When does the boat to the northern island leave on Thursday?").await?;
    cleo.tells("We decided: the zqsecret sandwich of the boat crew is mine.").await?;
    bob.replies(&first, "BORIS reads the duck videos well, the annotation tool of last year did not.").await?;
    let decided = ana.replies(&first, "We decided: BORIS it is for the annotation of the duck videos.").await?;
    let gone = bob.tells("We decided: the zqdeleted annotation tool comes back.").await?;
    bob.deletes(&gone).await?;
    let taken = bob.replies(&decided, "I'll send the annotation guide to everybody by Friday.").await?;

    let text = told(ana, "!summary channel").await?;
    ensure!(text.contains("Decided: “We decided: BORIS it is") && links_to(&text, &decided), "{text}");
    ensure!(text.contains("To do: “I'll send the annotation guide") && links_to(&text, &taken), "{text}");
    ensure!(text.contains("Open: “When does the boat") && links_to(&text, &boat), "{text}");
    ensure!(
        !text.contains("zqsecret") && text.contains("1 message left out"),
        "who wants to be left out is told: {text}"
    );
    ensure!(!text.contains("zqdeleted") && !links_to(&text, &gone), "what was deleted is told: {text}");
    // Who agreed is named beside what they said, and nobody else.
    ensure!(text.contains("by Friday.” (bob)") && !text.contains("(ana)"), "{text}");

    // From a message on, to who asks alone.
    ana.replies(&decided, "!here").await?;
    let text = ana.hears_alone(&|text| text.contains("from that message on") && text.contains("To do")).await?;
    ensure!(links_to(&text, &taken) && !links_to(&text, &boat), "{text}");
    ensure!(!ana.all().await?.iter().any(|text| text.contains("from that message on")), "the room saw it");
    Ok(())
}

/// What `bob` missed is told to him alone: in the rooms that he reads, what is for him first; `secret` says something where
/// he does not read.
pub async fn what_was_missed_is_told_to_who_missed_it(
    ana: &dyn Person,
    bob: &dyn Person,
    elsewhere: &dyn Person,
    secret: &dyn Person,
) -> Result<()> {
    until_it_listens(bob).await?;
    bob.tells("I am away until Thursday, the zqown boat is yours.").await?;
    elsewhere.tells("The geese of the southern pond have hatched.").await?;
    secret.tells("We decided: the zqhidden budget pays for a new boat.").await?;
    let decided = ana.tells("We decided: the counting of the ducks begins at six.").await?;
    let asked = ana.tells("bob, where is the key of the boat house?").await?;
    bob.says("!catchup").await?;
    let text = bob
        .hears_alone(&|text| {
            ["What you missed", "geese", "Asked of you", "Decided"].iter().all(|part| text.contains(part))
        })
        .await?;
    let (question, decision) = (text.find("Asked of you: “bob, where is the key"), text.find("Decided: “We decided"));
    ensure!(question.is_some() && question < decision, "{text}");
    ensure!(links_to(&text, &asked) && links_to(&text, &decided), "{text}");
    ensure!(!text.contains("zqhidden"), "a room that he does not read is told: {text}");
    ensure!(!text.contains("zqown"), "his own words are told him: {text}");
    ensure!(!bob.all().await?.iter().any(|text| text.contains("What you missed")), "the room saw it");
    Ok(())
}

/// A paper is told in its own lines, each of which can be shown in its place.
pub async fn a_paper_is_told_in_lines_one_can_check(ana: &dyn Person) -> Result<()> {
    let asked = ana.says("!summary paper tldr ducks of the lake").await?;
    let (answer, text) = until("it is not told", async || ended(ana, &asked).await).await?;
    ensure!(text.contains("Ducks of the lake") && text.contains("[1"), "{text}");
    ana.replies(&answer, "!line 1").await?;
    ana.hears(&|text| text.contains("mallard ducks of lake Brennsee") && !text.contains("[1")).await?;
    let text = told(ana, "!summary paper no such title").await?;
    ensure!(text.contains("No paper here has that in its title."), "{text}");
    Ok(())
}
