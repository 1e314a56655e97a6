//! `replay`: asks the language model again what it was asked in a call, and compares.

use anyhow::{Context, bail};
use chat::{
    CallId,
    ports::{Audit as _, Generator, Piece, Prompt},
};
use futures::StreamExt;

use crate::{
    home,
    progress::{complain, say},
    settings::Settings,
};

/// Words shown from where two texts part.
const WORDS_SHOWN: usize = 12;

/// Replays a call; false where the model says something else.
pub async fn run(settings: &Settings, call: &str) -> anyhow::Result<bool> {
    let store = super::audit::open(settings).await?;
    let call = CallId(call.to_owned());
    let flight = store.flight(&call).await?;
    store.close().await;
    let Some(event) = flight else {
        complain(&format!("nothing is kept of a call {call}; `colloquy audit list` prints the last ones"));
        return Ok(false);
    };
    if event.generations.is_empty() {
        say("no language model was asked in this call");
        return Ok(true);
    }
    let Some(generator) = home::language_model(settings)? else {
        bail!("`models.generate` is empty: there is no language model to ask");
    };
    if generator.model() != event.model {
        say(&format!("{} wrote it, {} is asked now", event.model, generator.model()));
    }
    let mut all_same = true;
    for (generation, number) in event.generations.iter().zip(1..) {
        let prompt = Prompt { temperature: 0.0, ..generation.prompt.clone() };
        let text = generate(&generator, prompt).await.with_context(|| format!("generation {number}"))?;
        // One that was stopped is a beginning.
        let is_cut = event.outcome != "done" && text.starts_with(&generation.text);
        match difference(&generation.text, &text) {
            Some((word, was, is)) if !is_cut => {
                all_same = false;
                say(&format!("generation {number}: other from word {word} on\n  was  {was}\n  is   {is}"));
            }
            Some(_) => say(&format!("generation {number}: the same, as far as it went")),
            None => say(&format!("generation {number}: the same, {} words", text.split_whitespace().count())),
        }
    }
    Ok(all_same)
}

async fn generate(generator: &dyn Generator, prompt: Prompt) -> anyhow::Result<String> {
    let mut pieces = generator.generate(prompt).await?;
    let mut text = String::new();
    while let Some(piece) = pieces.next().await {
        if let Piece::Text(more) = piece? {
            text.push_str(&more);
        }
    }
    Ok(text)
}

/// The number of the first word in which two texts differ, from 1, and some words of each from there on. Texts of the
/// same words that differ in space alone differ after the last.
fn difference(was: &str, is: &str) -> Option<(usize, String, String)> {
    if was == is {
        return None;
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (was, is) = (words(was), words(is));
    let at = was.iter().zip(&is).take_while(|(was, is)| was == is).count();
    let shown = |words: &[String]| match words.get(at..).unwrap_or_default() {
        [] => "(the end)".to_owned(),
        rest => rest[..rest.len().min(WORDS_SHOWN)].join(" "),
    };
    Some((at + 1, shown(&was), shown(&is)))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[track_caller]
    fn check(was: &str, is: &str, want: Option<(usize, &str, &str)>) {
        let found = difference(was, is);
        assert_eq!(found, want.map(|(at, was, is)| (at, was.to_owned(), is.to_owned())), "{was} / {is}");
    }

    #[test]
    fn texts_part_at_a_word() {
        check("ducks swim", "ducks swim", None);
        check("ducks swim", "ducks dive well", Some((2, "swim", "dive well")));
        check("ducks", "ducks dive", Some((2, "(the end)", "dive")));
        check("ducks ", "ducks", Some((2, "(the end)", "(the end)")));
        check("", "ducks", Some((1, "(the end)", "ducks")));
    }
}
