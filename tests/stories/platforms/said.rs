//! What people say in a room without naming the assistant: kept of those alone who let it be, for as long as they do; and
//! answered where the room wants that.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::served::Served;

use super::{Person, QUESTION, WITHIN, ended, is_answer, until, until_it_listens};

/// Between two questions of who waits for an answer to become another one.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What is kept is found by then: a document is written at most every 20 seconds.
const MADE_WITHIN: Duration = Duration::from_secs(25);

const BOAT: &str = "When does the research boat Albatros leave the northern pier?";
const KEY: &str = "Where does the spare key of the boat house hang?";
const KEPT: &str = "Where is the spare key of the boat house kept?";
const LAMP: &str = "Which colour has the signal lamp of the weather station?";

fn is_lost(text: &str) -> bool {
    text.contains("This is not in the library")
}

/// A question's answer, when it is whole.
async fn told(person: &dyn Person, question: &str) -> Result<String> {
    let asked = person.says(question).await?;
    let (_, text) = until("it is not answered", async || ended(person, &asked).await).await?;
    Ok(text)
}

/// Asks again and again until the answer fits; within a minute.
async fn until_told(person: &dyn Person, question: &str, fits: impl Fn(&str) -> bool) -> Result<String> {
    let started = Instant::now();
    loop {
        let text = told(person, question).await?;
        if fits(&text) {
            return Ok(text);
        }
        ensure!(started.elapsed() < WITHIN, "after a minute `{question}` is still answered with: {text}");
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn consents(person: &dyn Person, value: &str) -> Result<()> {
    person.says(&format!("!privacy set index {value}")).await?;
    let said = format!("index: {value}");
    person.hears_alone(&|text| text.contains(&said)).await.map(drop)
}

/// Sets a rule of the room.
async fn rules(moderator: &dyn Person, key: &str, value: &str) -> Result<()> {
    let text = told(moderator, &format!("!room set {key} {value}")).await?;
    ensure!(text.contains(&format!("{key} = ")), "{text}");
    Ok(())
}

/// `ana` is a moderator, `bob` consents, and `cleo` never says a word about it.
pub async fn only_what_may_be_kept_is_found(ana: &dyn Person, bob: &dyn Person, cleo: &dyn Person) -> Result<()> {
    consents(bob, "on").await?;
    bob.tells("The spare key of the boat house hangs behind the blue barrel.").await?;
    let text = told(ana, "!room set index-messages true").await?;
    ensure!(text.contains("privacy set index on"), "nobody is told: {text}");
    cleo.tells("The signal lamp of the weather station has the colour amber.").await?;
    let boat = bob.tells("The research boat Albatros leaves the northern pier at 07:40 on Thursday.").await?;

    let text = until_told(ana, BOAT, |text| text.contains("07:40")).await?;
    let id = boat.trim_start_matches('$');
    ensure!(text.contains("Conversation"), "{text}");
    ensure!(!text.contains(": The spare key") && !text.contains("amber"), "{text}");
    ensure!(text.contains("https://") && text.contains(id), "no link to {boat}: {text}");
    // By default nothing is kept, and nothing of who did not consent.
    let text = told(ana, KEY).await?;
    ensure!(is_lost(&text), "what was said before the room indexed is found: {text}");
    let text = told(ana, LAMP).await?;
    ensure!(is_lost(&text), "who did not consent is quoted: {text}");

    bob.retells(&boat, "The research boat Albatros leaves the northern pier at 09:15 on Thursday.").await?;
    let text = until_told(ana, BOAT, |text| text.contains("09:15")).await?;
    ensure!(!text.contains("07:40"), "the old text is there still: {text}");
    bob.deletes(&boat).await?;
    until_told(ana, BOAT, is_lost).await?;

    bob.tells("The research boat Albatros leaves the northern pier at 11:30 on Thursday.").await?;
    until_told(ana, BOAT, |text| text.contains("11:30")).await?;
    consents(bob, "off").await?;
    let text = told(ana, BOAT).await?;
    ensure!(is_lost(&text), "a consent that was withdrawn left this: {text}");
    Ok(())
}

/// What is deleted while the assistant is away is taken out when it is back.
pub async fn what_is_deleted_meanwhile_is_taken_out(
    ana: &dyn Person,
    bob: &dyn Person,
    served: &mut Served,
) -> Result<()> {
    consents(bob, "on").await?;
    rules(ana, "index-messages", "true").await?;
    let boat = bob.tells("The research boat Albatros leaves the northern pier at 07:40 on Thursday.").await?;
    let kept = bob.tells("The signal lamp of the weather station has the colour amber.").await?;
    until_told(ana, BOAT, |text| text.contains("07:40")).await?;
    ensure!(served.stop().await?, "it ended badly: {}", served.said());
    bob.deletes(&boat).await?;
    served.start().await?;
    until_it_listens(ana).await?;
    until_told(ana, BOAT, |text| !text.contains("07:40")).await?;
    // What is there still is found still.
    let text = until_told(ana, LAMP, |text| text.contains("amber")).await?;
    ensure!(text.contains(kept.trim_start_matches('$')), "{text}");
    Ok(())
}

/// Of a person's answer, and of ours, the mark of `ana`, a moderator, makes a note where the room keeps what is said; that of
/// `cleo` does not.
pub async fn a_moderators_mark_makes_a_note(ana: &dyn Person, bob: &dyn Person, cleo: &dyn Person) -> Result<()> {
    consents(bob, "on").await?;
    let asked = bob.tells("Where is the spare key of the boat house kept in winter?").await?;
    let silent = cleo.replies(&asked, "The spare key of the boat house is kept in room 117 in winter.").await?;
    ana.marks(&silent).await?;
    // What counts is the consent at the time of the mark.
    tokio::time::sleep(ASK_AGAIN).await;
    consents(cleo, "on").await?;
    let answer = cleo.replies(&asked, "The spare key of the boat house is kept with Greta in room 214.").await?;
    cleo.marks(&answer).await?;
    tokio::time::sleep(MADE_WITHIN).await;
    let text = told(ana, KEPT).await?;
    ensure!(is_lost(&text), "who did not consent was noted, or by who may not: {text}");
    let mark = ana.marks(&answer).await?;
    tokio::time::sleep(MADE_WITHIN).await;
    let text = told(ana, KEPT).await?;
    ensure!(is_lost(&text), "a note was made where the room keeps nothing: {text}");
    ana.unmarks(&answer, &mark).await?;

    rules(ana, "index-messages", "true").await?;
    let mark = ana.marks(&answer).await?;
    let text = until_told(ana, KEPT, |text| text.contains("room 214")).await?;
    ensure!(text.contains("Note") && text.contains(answer.trim_start_matches('$')), "{text}");
    ana.unmarks(&answer, &mark).await?;
    until_told(ana, KEPT, is_lost).await?;

    bob.says(QUESTION).await?;
    let (ours, _) = bob.hears(&is_answer).await?;
    ana.marks(&ours).await?;
    until_told(ana, QUESTION, |text| text.contains("Note")).await?;
    consents(bob, "off").await?;
    let text = told(ana, QUESTION).await?;
    ensure!(!text.contains("Note"), "the question of who withdrew is quoted: {text}");
    Ok(())
}

/// Whether a question that was addressed to nobody has an answer by the time that a later word is answered.
async fn is_answered(ana: &dyn Person, question: &str) -> Result<bool> {
    until_it_listens(ana).await?;
    Ok(!ana.answers(question).await?.is_empty())
}

/// Nobody is answered unasked but where the room wants it, the library is sure, and it is neither night nor too often.
pub async fn nobody_is_interrupted_but_where_it_is_wanted(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    let asked = bob.tells(QUESTION).await?;
    ensure!(!is_answered(ana, &asked).await?, "it answers unasked by default");
    rules(ana, "auto-answer", "true").await?;
    let asked = bob.tells(QUESTION).await?;
    let answer = async || Ok(bob.answers(&asked).await?.into_iter().find(|(_, text)| is_answer(text)));
    until("it does not answer where it is wanted", answer).await?;

    let unknown = bob.tells("Does anybody know the melting point of tungsten carbide?").await?;
    let statement = bob.tells("Each duck of the lake dives many times an hour.").await?;
    ensure!(!is_answered(ana, &unknown).await?, "it is not sure and speaks");
    ensure!(!is_answered(ana, &statement).await?, "nobody asked");

    rules(ana, "quiet", "00:00-23:59").await?;
    let asked = bob.tells(QUESTION).await?;
    ensure!(!is_answered(ana, &asked).await?, "it speaks in the quiet hours");
    told(ana, "!room reset quiet").await?;
    rules(ana, "interruptions-per-hour", "1").await?;
    let asked = bob.tells(QUESTION).await?;
    ensure!(!is_answered(ana, &asked).await?, "it interrupts more than once an hour");
    Ok(())
}
