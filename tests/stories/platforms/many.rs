//! Many at once: everybody gets one answer, to what they asked, whatever the others do.

use anyhow::{Result, ensure};
use futures::future::try_join_all;

use super::{Person, QUESTION, is_answer, until, until_it_listens};

/// Two who ask at once get an answer each, which replies to their question.
pub async fn two_at_once_get_their_own_answers(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    let before = ana.all().await?.len();
    let other = "Which mention notifies all members of a channel at once?";
    let (of_ana, of_bob) = futures::try_join!(ana.says(QUESTION), bob.says(other))?;
    let whole = |text: &str, line: &str| text.contains(line) && text.contains("own words");
    for (question, line) in [(&of_ana, "14 times an hour"), (&of_bob, "notifies all members")] {
        until("one of them is not answered", async || {
            Ok(ana.answers(question).await?.into_iter().find(|(_, text)| whole(text, line)))
        })
        .await?;
        let told = ana.answers(question).await?;
        ensure!(told.len() == 1, "{told:?}");
    }
    let after = ana.all().await?.len();
    ensure!(after == before + 2, "{} messages for two questions", after - before);
    Ok(())
}

/// Asks for everyone at once: the questions.
pub async fn all_ask(people: &[&dyn Person]) -> Result<Vec<String>> {
    try_join_all(people.iter().map(|person| person.says(QUESTION))).await
}

/// Waits until the first sign of an answer is there for so many of them: how many were whole by then.
pub async fn until_begun(people: &[&dyn Person], asked: &[String], at_least: usize) -> Result<usize> {
    until("too few answers begin", async || {
        let (mut begun, mut whole) = (0, 0);
        for (person, question) in people.iter().zip(asked) {
            let told = person.answers(question).await?;
            begun += usize::from(!told.is_empty());
            whole += usize::from(told.iter().any(|(_, text)| is_answer(text)));
        }
        Ok((begun >= at_least).then_some(whole))
    })
    .await
}

/// Every question has one whole answer, and nothing else.
pub async fn each_has_one_answer(people: &[&dyn Person], asked: &[String]) -> Result<()> {
    for (person, question) in people.iter().zip(asked) {
        until("one of them is not answered", async || {
            Ok(person.answers(question).await?.into_iter().find(|(_, text)| is_answer(text)))
        })
        .await?;
    }
    // Whatever came twice has come by the time that a later word is answered.
    if let Some(person) = people.first() {
        until_it_listens(*person).await?;
    }
    for (person, question) in people.iter().zip(asked) {
        let told = person.answers(question).await?;
        ensure!(told.len() == 1, "{} answers to one question: {told:?}", told.len());
    }
    Ok(())
}
