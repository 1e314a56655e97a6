//! A person to ask: who agreed hears the question alone, and the room hears of who offers to help.

use anyhow::{Result, ensure};
use tests::served::Served;

use super::{Person, ended, until, until_it_listens};

/// What the library does not answer, in so many words.
const QUESTIONS: [&str; 4] = [
    "What is the melting point of tungsten carbide?",
    "At which temperature does tungsten carbide melt?",
    "How hot must tungsten carbide become until it melts?",
    "In which furnace does tungsten carbide melt?",
];

/// What each of them owns and nobody else reads; the best of it belongs to who agreed to nothing.
const OF_BOB: &str = "# Hard metals\n\nTungsten carbide melts at 2785 degrees Celsius. The melting point depends on the \
                      binder.\n";
const OF_CYD: &str = "# The diary of Cyd Miller\n\nWhat is the melting point of tungsten carbide? The melting point of \
                      tungsten carbide is a temperature of 2785 degrees Celsius, in any furnace.\n";
const OF_EVE: &str = "# Drills of the workshop\n\nThe drills are made of tungsten carbide, which is hard.\n";

/// Who is there: `ana` and `other` in the room, the others between them and the assistant alone.
pub struct People<'a> {
    /// What the platform calls ana and bob.
    pub ids: [&'a str; 2],
    pub ana: &'a dyn Person,
    pub other: &'a dyn Person,
    pub bob: &'a dyn Person,
    pub cyd: &'a dyn Person,
    pub eve: &'a dyn Person,
}

/// From the first question to the last one that anybody is asked for.
pub async fn a_person_is_asked_who_agreed_to_it(people: &People<'_>, served: &mut Served) -> Result<()> {
    let People { ana, bob, cyd, eve, .. } = people;
    for (person, name, paper) in [(bob, "hard.md", OF_BOB), (cyd, "diary.md", OF_CYD), (eve, "drills.md", OF_EVE)] {
        person.sends("!add", name, paper.as_bytes()).await?;
        person.hears(&|text| text.contains("Added one paper")).await?;
    }
    for person in [bob, eve] {
        person.tells("!privacy set suggest on").await?;
        person.hears(&|text| text.contains("suggest: on")).await?;
    }
    after_a_restart_an_offer_reaches_the_room(people, served).await?;
    who_declines_is_followed_silently(people).await?;
    nobody_is_asked_too_often(people).await?;
    // Who agreed to nothing was told nothing and named to nobody.
    let told = cyd.all().await?;
    ensure!(!told.iter().any(|text| text.contains("may know something")), "{told:?}");
    for person in [ana, bob, eve] {
        let told = person.all().await?;
        ensure!(!told.iter().any(|text| text.contains("Cyd Miller") || text.contains("diary")), "{told:?}");
    }
    Ok(())
}

/// Asks for a person; what the assistant says to that.
async fn asks(ana: &dyn Person, question: &str) -> Result<String> {
    let asked = ana.says(question).await?;
    let (answer, text) = until("it is not answered", async || ended(ana, &asked).await).await?;
    ensure!(text.contains("not in the library"), "{text}");
    let asked = ana.replies(&answer, "!person").await?;
    Ok(until("nobody says whether somebody is asked", async || ended(ana, &asked).await).await?.1)
}

/// In a room that `bob`, who agreed to be asked, does not see, `ana` asks nobody; and him once he does.
pub async fn who_does_not_see_a_room_is_not_asked_there(
    ana: &dyn Person,
    bob: &dyn Person,
    show: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    bob.sends("!add", "hard.md", OF_BOB.as_bytes()).await?;
    bob.hears(&|text| text.contains("Added one paper")).await?;
    bob.tells("!privacy set suggest on").await?;
    bob.hears(&|text| text.contains("suggest: on")).await?;
    let said = asks(ana, QUESTIONS[0]).await?;
    ensure!(said.contains("A question for the people here"), "somebody was asked: {said}");
    ensure!(
        !bob.all().await?.iter().any(|text| text.contains(QUESTIONS[0])),
        "he was told of a room that he does not see"
    );
    show().await?;
    until_it_listens(ana).await?;
    let said = asks(ana, QUESTIONS[1]).await?;
    ensure!(said.contains("agreed to be asked"), "{said}");
    hears_of(bob, QUESTIONS[1]).await.map(drop)
}

async fn hears_of(person: &dyn Person, question: &str) -> Result<String> {
    let (id, text) = person.hears(&|text| text.contains("may know something") && text.contains(question)).await?;
    ensure!(text.contains("your own papers"), "{text}");
    Ok(id)
}

async fn after_a_restart_an_offer_reaches_the_room(people: &People<'_>, served: &mut Served) -> Result<()> {
    let People { ana, other, bob, eve, .. } = people;
    let said = asks(*ana, QUESTIONS[0]).await?;
    ensure!(said.contains("agreed to be asked"), "{said}");
    let asked = hears_of(*bob, QUESTIONS[0]).await?;
    served.kill()?;
    served.start().await?;
    until_it_listens(*ana).await?;
    bob.presses(&asked, "accept").await?;
    bob.hears(&|text| text.contains("I said so in")).await?;
    let (offer, text) = ana.hears(&|text| text.contains("offers to help") && text.contains(QUESTIONS[0])).await?;
    let [asker, helper] = people.ids;
    // It may reach the others later.
    let called = until("it calls nobody", async || {
        let called = other.calls(&offer).await?;
        Ok(called.iter().any(|one| one.contains(asker)).then_some(called))
    })
    .await?;
    // A server that looks for names by itself counts the one who is only named.
    ensure!(called.iter().all(|one| one.contains(asker) || one.contains(helper)), "it calls {called:?}: {text}");
    ensure!(!eve.all().await?.iter().any(|text| text.contains(QUESTIONS[0])), "one is enough");
    Ok(())
}

async fn who_declines_is_followed_silently(people: &People<'_>) -> Result<()> {
    let People { ana, bob, eve, .. } = people;
    asks(*ana, QUESTIONS[1]).await?;
    let asked = hears_of(*bob, QUESTIONS[1]).await?;
    let before = ana.all().await?.len();
    bob.presses(&asked, "decline").await?;
    bob.hears(&|text| text.contains("Nobody learns that I asked you")).await?;
    let asked = hears_of(*eve, QUESTIONS[1]).await?;
    ensure!(ana.all().await?.len() == before, "the room heard of it: {:?}", ana.all().await?);
    eve.presses(&asked, "accept").await?;
    ana.hears(&|text| text.contains("offers to help") && text.contains(QUESTIONS[1])).await?;
    // Too late.
    bob.tells("!accept").await?;
    bob.hears(&|text| text.contains("no question for you")).await?;
    Ok(())
}

/// One person twice a day, then the next; and by one person three times a day, then the room.
async fn nobody_is_asked_too_often(people: &People<'_>) -> Result<()> {
    let People { ana, bob, eve, .. } = people;
    asks(*ana, QUESTIONS[2]).await?;
    let asked = hears_of(*eve, QUESTIONS[2]).await?;
    eve.presses(&asked, "decline").await?;
    ana.hears(&|text| text.contains("A question for the people here") && text.contains(QUESTIONS[2])).await?;
    let said = asks(*ana, QUESTIONS[3]).await?;
    ensure!(said.contains("A question for the people here"), "{said}");
    for person in [bob, eve] {
        ensure!(!person.all().await?.iter().any(|text| text.contains(QUESTIONS[3])), "asked too often");
    }
    ensure!(!bob.all().await?.iter().any(|text| text.contains(QUESTIONS[2])), "asked too often");
    Ok(())
}
