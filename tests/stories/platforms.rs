//! Stories that mean the same on every platform, told once; each platform's module says how its people do things.
//!
//! The server, the library and the peers are real; answers are the sources' own lines, so that they are determined. The
//! stories of places, of ends, and of many people at once have files of their own.

pub mod bridges;
pub mod ends;
pub mod experts;
pub mod links;
pub mod many;
pub mod matching;
pub mod permissions;
pub mod places;
pub mod recommendations;
pub mod said;
pub mod summaries;
pub mod translations;

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use tempfile::TempDir;
use tests::served::Served;

/// How long a reply may take on a machine that does other things too.
pub const WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether something has happened.
const POLL: Duration = Duration::from_millis(100);

/// How long a word that may be lost is waited for.
const SAY_AGAIN: Duration = Duration::from_secs(3);

/// Whether a text is the one that is waited for.
pub type Fits<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// A person in a room with the assistant.
#[async_trait]
pub trait Person: Send + Sync {
    /// Says something to the assistant in the room; the message's id.
    async fn says(&self, text: &str) -> Result<String>;

    /// Says something without naming the assistant.
    async fn tells(&self, text: &str) -> Result<String>;

    /// Replies to a message in the room.
    async fn replies(&self, to: &str, text: &str) -> Result<String>;

    /// Waits for a message of the assistant in the room whose text fits: its id and its text.
    async fn hears(&self, fits: Fits<'_>) -> Result<(String, String)>;

    /// The text of a message of the assistant's in the room as it is now; none where it is gone.
    async fn reads(&self, id: &str) -> Result<Option<String>>;

    /// Every message of the assistant's in the room as it is now.
    async fn all(&self) -> Result<Vec<String>>;

    /// Every reply of the assistant's to a message as it is now: ids and texts.
    async fn answers(&self, question: &str) -> Result<Vec<(String, String)>>;

    /// Whether an answer still grows: it can be stopped.
    async fn grows(&self, id: &str) -> Result<bool>;

    /// Whom else than this person a message calls, by what the platform keeps of it and of its edits.
    async fn calls(&self, id: &str) -> Result<Vec<String>>;

    /// Presses what stands for this command under an answer.
    async fn presses(&self, id: &str, command: &str) -> Result<()>;

    /// Sends a file to the assistant with a text.
    async fn sends(&self, text: &str, name: &str, content: &[u8]) -> Result<()>;

    /// Replaces an own message.
    async fn edits(&self, id: &str, text: &str) -> Result<()>;

    /// Replaces an own message without naming the assistant.
    async fn retells(&self, id: &str, text: &str) -> Result<()>;

    /// Marks a message as right; the mark.
    async fn marks(&self, id: &str) -> Result<String>;

    /// Takes the mark from a message.
    async fn unmarks(&self, id: &str, mark: &str) -> Result<()>;

    /// Takes an own message back.
    async fn deletes(&self, id: &str) -> Result<()>;

    /// Waits for what the assistant tells this person alone.
    async fn hears_alone(&self, fits: Fits<'_>) -> Result<String>;

    /// Waits for what the assistant tells this person alone, and presses what shows it to everyone.
    async fn shows_to_everyone(&self, fits: Fits<'_>) -> Result<()>;
}

/// Two notes that every story's library holds.
pub fn papers() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let ducks = "# Ducks of the lake\n\nThe mallard ducks of lake Brennsee dive for water weeds at dawn. Each duck \
                 dives 14 times an hour. The observers counted 212 ducks in the year 2019.\n";
    let loud = "# Announcements in channels\n\nThe mention @everyone notifies all members of a channel at once. \
                Moderators should avoid the mention @here and the mention @room in channels of many members.\n";
    fs::write(folder.path().join("ducks.md"), ducks)?;
    fs::write(folder.path().join("announcements.md"), loud)?;
    Ok(folder)
}

/// Serves them.
pub async fn serve(served: &mut Served) -> Result<()> {
    let papers = papers()?;
    let path = papers.path().to_str().context("a temporary folder has a name")?;
    served.run(&["ingest", path]).await?;
    served.start().await
}

/// A question that one of the notes answers.
pub const QUESTION: &str = "How many times an hour does each duck of the lake dive?";

/// Whether a text is its whole answer.
pub fn is_answer(text: &str) -> bool {
    text.contains("14 times an hour") && text.contains("In the sources' own words")
}

/// Sources with title and quoted line come, then the answer with its marker, in one message.
pub async fn a_question_gets_its_sources_and_its_answer(ana: &dyn Person) -> Result<String> {
    ana.says(QUESTION).await?;
    let (id, text) = ana.hears(&is_answer).await?;
    let (source, answer) = (text.find("Ducks of the lake"), text.find("In the sources' own words"));
    ensure!(source.is_some() && source < answer, "sources first: {text}");
    ensure!(text.contains("[1]"), "{text}");
    Ok(id)
}

/// The line behind an answer, by its button, with its neighbours.
pub async fn the_line_is_one_press_away(ana: &dyn Person, answer: &str) -> Result<()> {
    ana.presses(answer, "line 1").await?;
    ana.hears(&|text| text.contains("212 ducks") && !is_answer(text)).await?;
    Ok(())
}

/// Asked in a reply to the answer, it is about that answer.
pub async fn a_reply_is_about_the_answer_that_it_replies_to(bob: &dyn Person, answer: &str) -> Result<()> {
    bob.replies(answer, "!line 7").await?;
    bob.hears(&|text| text.contains("That answer has the sources 1 to")).await?;
    Ok(())
}

/// What the library does not hold is not answered, and the people in the room can be asked.
pub async fn an_abstention_can_be_handed_to_the_people(ana: &dyn Person) -> Result<()> {
    ana.says("What is the melting point of tungsten carbide?").await?;
    let (id, text) = ana.hears(&|text| text.contains("This is not in the library")).await?;
    ensure!(!text.contains("[1]"), "{text}");
    ana.replies(&id, "!person").await?;
    ana.hears(&|text| text.contains("A question for the people here") && text.contains("tungsten")).await?;
    Ok(())
}

/// Whatever a paper says, nobody is called.
pub async fn no_paper_calls_the_whole_room(ana: &dyn Person) -> Result<()> {
    ana.says("Which mention notifies all members of a channel at once?").await?;
    let (id, text) = ana.hears(&|text| text.contains("notifies all members") && text.contains("own words")).await?;
    let called = ana.calls(&id).await?;
    ensure!(called.is_empty(), "it calls {called:?}: {text}");
    for call in ["@everyone", "@here", "@room"] {
        ensure!(!text.contains(call), "{call} left: {text}");
    }
    Ok(())
}

/// A file that a member drops is read into the room's library and asked about at once.
pub async fn a_dropped_file_is_read_and_asked_about(ana: &dyn Person) -> Result<()> {
    let note = b"# Booking the boat\n\nThe research boat Albatros is booked with Greta until noon of the day before.\n";
    ana.sends("!add", "boat.md", note).await?;
    ana.hears(&|text| text.contains("Added one paper") && text.contains("Booking the boat")).await?;
    ana.says("With whom is the research boat Albatros booked?").await?;
    ana.hears(&|text| text.contains("Greta") && text.contains("[1]")).await?;
    Ok(())
}

/// A file that cannot be read costs that file, with a sentence.
pub async fn a_broken_file_gets_a_sentence(ana: &dyn Person) -> Result<()> {
    ana.sends("!add", "broken.pdf", b"PK\x03\x04 no pdf at all").await?;
    let (_, text) = ana.hears(&|text| text.contains("Refused: broken.pdf")).await?;
    ensure!(text.contains("Nothing was added"), "{text}");
    Ok(())
}

/// A list for the caller alone is not shown to the room.
pub async fn what_is_for_the_caller_alone_stays_so(ana: &dyn Person) -> Result<()> {
    ana.says("!papers ducks").await?;
    ana.hears_alone(&|text| text.contains("Ducks of the lake")).await?;
    let listed = |text: &String| text.starts_with("- ") && text.contains("Ducks of the lake");
    ensure!(!ana.all().await?.iter().any(listed), "the room saw it");
    Ok(())
}

/// What only the room's policy keeps for who asked, they may show to the room, once. What a command keeps for them has no button
/// for that.
pub async fn what_a_policy_keeps_for_the_caller_can_be_shown_to_everyone(moderator: &dyn Person) -> Result<()> {
    let set = async |visibility: &str| {
        moderator.says(&format!("!room set visibility {visibility}")).await?;
        moderator.hears(&|text| text.contains(&format!("visibility = \"{visibility}\""))).await
    };
    set("caller").await?;
    moderator.says("What should moderators avoid in channels of many members?").await?;
    let answer = |text: &str| text.contains("Moderators should avoid the mention") && text.contains("[1]");
    moderator.shows_to_everyone(&answer).await?;
    moderator.hears(&answer).await?;
    moderator.shows_to_everyone(&answer).await?;
    set("room").await?;
    let shown: Vec<String> = moderator.all().await?.into_iter().filter(|text| answer(text)).collect();
    ensure!(shown.len() == 1, "it was not shown once: {shown:?}");
    Ok(())
}

/// A command that does not exist is answered with the nearest one.
pub async fn an_unknown_command_is_answered_with_the_nearest(ana: &dyn Person) -> Result<()> {
    ana.says("!lien 1").await?;
    ana.hears(&|text| text.contains("There is no command `lien`. Did you mean `line`?")).await?;
    Ok(())
}

/// A question that is taken back takes its answer with it.
pub async fn a_deleted_question_takes_its_answer_with_it(ana: &dyn Person) -> Result<()> {
    let question = ana.says("How many ducks did the observers count in the year 2019?").await?;
    let (answer, _) = ana.hears(&|text| text.contains("212 ducks in the year 2019") && text.contains("[1]")).await?;
    ana.deletes(&question).await?;
    let started = Instant::now();
    while ana.reads(&answer).await?.is_some() {
        ensure!(started.elapsed() < WITHIN, "the answer stays");
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// A question that is edited is answered anew; the question and its answers.
pub async fn an_edited_question_is_answered_anew(ana: &dyn Person) -> Result<(String, Vec<String>)> {
    let question = ana.says("What is the melting point of osmium?").await?;
    let (first, _) = ana.hears(&|text| text.contains("This is not in the library") && text.contains("osmium")).await?;
    ana.edits(&question, "What do the mallard ducks of lake Brennsee dive for?").await?;
    let (second, _) = ana.hears(&|text| text.contains("water weeds at dawn") && text.contains("[1]")).await?;
    Ok((question, vec![first, second]))
}

/// Taken back after a restart, it takes along all that answered it.
pub async fn a_question_that_was_edited_takes_its_answers_with_it(
    ana: &dyn Person,
    (question, answers): (String, Vec<String>),
) -> Result<()> {
    ana.deletes(&question).await?;
    until("an answer stays", async || {
        for answer in &answers {
            if ana.reads(answer).await?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await
}

/// Nobody makes the assistant flood a room by being refused.
pub async fn who_is_refused_again_and_again_is_told_a_few_times(bob: &dyn Person) -> Result<()> {
    for _ in 0..6 {
        bob.says("!colloquy pause").await?;
    }
    let asked = bob.says(QUESTION).await?;
    until("it is not answered", async || Ok(bob.answers(&asked).await?.into_iter().find(|(_, text)| is_answer(text))))
        .await?;
    let told = bob.all().await?.iter().filter(|text| text.contains("needs the role Moderator")).count();
    ensure!(told == 3, "told {told} times");
    Ok(())
}

/// What a process that died was answering has its answer or an apology after the restart: one of them, once.
pub async fn a_restart_after_a_kill_answers_or_apologises_once(ana: &dyn Person, served: &mut Served) -> Result<()> {
    let asked = ana.says("What do ducks that nobody has ever seen eat on lake Brennsee?").await?;
    until("it does not begin", async || Ok(ana.answers(&asked).await?.pop())).await?;
    served.kill()?;
    served.start().await?;
    until_it_listens(ana).await?;
    let (id, text) = until("it neither answers nor apologises", async || ended(ana, &asked).await).await?;
    let all = ana.answers(&asked).await?;
    ensure!(all == [(id, text.clone())], "told more than once: {all:?}");
    let (is_answer, is_apology) = (text.contains("library") || text.contains("own words"), is_apology(&text));
    ensure!(is_answer != is_apology, "{text}");
    Ok(())
}

/// Whether a text is what is said of an answer that died with its process.
pub fn is_apology(text: &str) -> bool {
    text.contains("I was interrupted")
}

/// The reply to a question, where it has come to its end.
pub async fn ended(person: &dyn Person, question: &str) -> Result<Option<(String, String)>> {
    let Some((id, _)) = person.answers(question).await?.into_iter().next() else { return Ok(None) };
    if person.grows(&id).await? {
        return Ok(None);
    }
    // What it says now: it may have grown since it was found.
    Ok(person.reads(&id).await?.map(|text| (id, text)))
}

/// Looks again and again until something is there.
pub async fn until<T>(otherwise: &str, mut there: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = there().await? {
            return Ok(found);
        }
        ensure!(started.elapsed() < 2 * WITHIN, "{otherwise}");
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until the assistant answers. What is said while nobody listens is lost on Discord: so it is said again.
pub async fn until_it_listens(person: &dyn Person) -> Result<()> {
    let (mut asked, mut at) = (person.says("!lien 2").await?, Instant::now());
    until("it does not come back", async || {
        if at.elapsed() > SAY_AGAIN {
            (asked, at) = (person.says("!lien 2").await?, Instant::now());
        }
        Ok(person.answers(&asked).await?.pop())
    })
    .await
    .map(drop)
}
