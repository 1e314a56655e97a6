//! How an answer ends: stopped by who may, cut off with its process, or too long for one message.

use anyhow::{Result, ensure};
use futures::future::BoxFuture;
use tests::served::Served;

use super::{Person, QUESTION, ended, is_apology, until, until_it_listens};

/// Makes somebody a moderator of the room, or takes that back.
pub type Empower<'a> = &'a (dyn Fn(bool) -> BoxFuture<'a, Result<()>> + Sync);

/// Titles of the long list, and their length in characters: as long as one may be.
const TITLES: usize = 25;
const TITLE_CHARS: usize = 200;

/// Titles that a list names.
const NAMED: usize = 20;

/// A question, and its answer while it grows: for this the language model must be there.
async fn begun(person: &dyn Person) -> Result<(String, String)> {
    let asked = person.says(QUESTION).await?;
    until("no answer grows", async || {
        let Some((id, _)) = person.answers(&asked).await?.pop() else { return Ok(None) };
        Ok(person.grows(&id).await?.then(|| (asked.clone(), id)))
    })
    .await
}

fn is_stopped(text: &str) -> bool {
    text.trim_end().ends_with("Stopped.")
}

/// Answers that are begun until one is stopped before its end.
const TRIES: usize = 5;

/// Asks, and lets somebody stop the answer: the question, the answer, and what it says in the end. Where it came to its
/// end before the word to stop arrived, another one is begun, at most so often.
async fn stopped(ana: &dyn Person, by: &dyn Person, tries: usize) -> Result<(String, String, String)> {
    let mut tried = 0;
    loop {
        let (asked, id) = begun(ana).await?;
        by.presses(&id, "stop").await?;
        let (_, text) = until("it does not end", async || ended(ana, &asked).await).await?;
        tried += 1;
        if is_stopped(&text) || tried == tries {
            return Ok((asked, id, text));
        }
    }
}

/// Who asked stops the answer: it says so, and stays as it is.
pub async fn who_asked_can_stop_the_answer(ana: &dyn Person) -> Result<()> {
    let (asked, id, text) = stopped(ana, ana, TRIES).await?;
    ensure!(is_stopped(&text), "{text}");
    // While another one is drafted and told to its end.
    let (next, _) = begun(ana).await?;
    let (_, whole) = until("the next does not end", async || ended(ana, &next).await).await?;
    ensure!(!is_stopped(&whole) && whole.contains("[1]"), "{whole}");
    let told = ana.answers(&asked).await?;
    ensure!(told == [(id, text)], "it went on: {told:?}");
    Ok(())
}

/// Another's answer is stopped by a moderator alone, and by who was one no more.
pub async fn only_a_moderator_stops_anothers_answer(
    ana: &dyn Person,
    bob: &dyn Person,
    empower: Empower<'_>,
) -> Result<()> {
    for is_moderator in [false, true, false] {
        empower(is_moderator).await?;
        let (_, _, text) = stopped(ana, bob, if is_moderator { TRIES } else { 1 }).await?;
        ensure!(is_stopped(&text) == is_moderator, "a moderator: {is_moderator}; {text}");
    }
    Ok(())
}

/// An answer that dies with its process is apologised for in its place, once.
pub async fn an_answer_that_was_cut_off_is_apologised_for(ana: &dyn Person, served: &mut Served) -> Result<()> {
    let (asked, id) = begun(ana).await?;
    served.kill()?;
    served.start().await?;
    until_it_listens(ana).await?;
    let (_, text) = until("it is not apologised for", async || ended(ana, &asked).await).await?;
    let told = ana.answers(&asked).await?;
    ensure!(is_apology(&text) && told == [(id, text)], "{told:?}");
    Ok(())
}

/// A list that is too long for one message comes in several, each within the limit and none of its lines lost or twice:
/// the texts of its parts.
pub async fn a_long_answer_comes_in_parts(ana: &dyn Person) -> Result<Vec<String>> {
    // Characters of three bytes: too long for platforms that count bytes and for those that count characters.
    let title = |number: usize| {
        let filler = char::from_u32(0x4e00 + u32::try_from(number).unwrap_or(0) * 97).unwrap_or('一');
        let name = format!("{number:02}");
        format!("{name}{}", filler.to_string().repeat(TITLE_CHARS - name.len()))
    };
    let entry = |number| {
        format!(
            "@article{{e{number},\n title = {{{}}},\n abstract = {{Entry number {number} of them.}}\n}}\n",
            title(number)
        )
    };
    let catalogue: String = (0..TITLES).map(entry).collect();
    ana.sends("!add", "catalogue.bib", catalogue.as_bytes()).await?;
    let last = format!("- ... and {} more", TITLES - NAMED);
    ana.hears(&|text| text.contains(&last)).await?;
    let mut parts = ana.all().await?;
    let all = parts.join("\n");
    for number in 0..NAMED {
        let title = title(number);
        ensure!(all.matches(&title).count() == 1, "{title} is there {} times", all.matches(&title).count());
    }
    parts.retain(|part| (0..NAMED).any(|number| part.contains(&title(number))));
    ensure!(parts.len() > 1, "it was not split");
    for part in &parts {
        ensure!(part.matches("```").count() % 2 == 0, "a fence was cut: {part}");
    }
    Ok(parts)
}
