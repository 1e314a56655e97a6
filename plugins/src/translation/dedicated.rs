//! A piece by a model that is made for translating: it takes no rules, so that what rules would say is done to the text.
//!
//! Masks are of the form that such a model copies best. Where it breaks them what stands between them is translated, and
//! the masks are put back in their order; where it misses a term of the glossary it is given the text with the term put in.
//!
//! **Invariant:** what comes passes the same judgement as what a language model writes.

use chat::{PluginError, PortError, cx::Pair, ports::Translation};

use super::{
    draft::{Fault, has_words},
    glossary::Glossary,
    protect::{Form, Masked, Translated},
};

/// A piece that is to be translated.
pub struct Sentence<'a> {
    /// The model.
    pub pair: &'a Pair,
    /// The piece, masked.
    pub masked: &'a Masked,
    /// The words of the community, and the languages.
    pub glossary: &'a Glossary,
    /// Its language.
    pub from: &'a str,
    /// The language that is wanted.
    pub to: &'a str,
}

/// What came of a piece.
pub struct Outcome {
    /// The translation, where one holds.
    pub translated: Result<Translated, Fault>,
    /// What was noticed on the way, as clauses.
    pub noted: Vec<String>,
    /// What it cost.
    pub usage: chat::Usage,
}

/// The piece masked for such a model.
pub fn masked(piece: &Masked) -> Masked {
    Masked::with_form(piece.source(), piece.spans().to_vec(), Form::Letters)
}

impl Sentence<'_> {
    /// Translates it; `judged` says what of an answer holds.
    ///
    /// # Errors
    /// [`PluginError::Port`], but for a text that is too long.
    pub async fn translate(
        &self,
        judged: &(dyn Fn(&str) -> Result<Translated, Fault> + Sync),
    ) -> Result<Outcome, PluginError> {
        let mut outcome = Outcome { translated: Err(Fault::Long), noted: Vec::new(), usage: chat::Usage::default() };
        outcome.translated = self.whole(self.masked.text(), judged, &mut outcome).await?;
        match &outcome.translated {
            Ok(first) => {
                let found = self.hits(first);
                let Some(text) = self.with_terms().filter(|_| found < self.hits_expected()) else { return Ok(outcome) };
                let second = self.whole(&text, judged, &mut outcome).await?;
                if second.as_ref().is_ok_and(|second| self.hits(second) > found) {
                    outcome.noted.push("the words of the glossary were put in".to_owned());
                    outcome.translated = second;
                }
            }
            Err(fault) if !self.masked.spans().is_empty() => {
                outcome.noted.push(format!("a piece did not hold whole: {}", fault.reason()));
                outcome.translated = self.between(judged, &mut outcome).await?;
            }
            Err(_) => {}
        }
        Ok(outcome)
    }

    /// The piece with its masks in it.
    async fn whole(
        &self,
        text: &str,
        judged: &(dyn Fn(&str) -> Result<Translated, Fault> + Sync),
        outcome: &mut Outcome,
    ) -> Result<Result<Translated, Fault>, PluginError> {
        let texts = self.ask(&[text], outcome).await?;
        Ok(match texts.into_iter().flatten().next() {
            Some(text) => judged(&text),
            None => Err(Fault::Long),
        })
    }

    /// What stands between the masks, each for itself.
    async fn between(
        &self,
        judged: &(dyn Fn(&str) -> Result<Translated, Fault> + Sync),
        outcome: &mut Outcome,
    ) -> Result<Result<Translated, Fault>, PluginError> {
        let parts = parts(self.masked);
        let words: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| has_words(part)).collect();
        let texts = self.ask(&words, outcome).await?;
        if texts.len() != words.len() || texts.iter().any(Option::is_none) {
            return Ok(Err(Fault::Long));
        }
        let mut texts = texts.into_iter().flatten();
        let mut whole = String::new();
        for (part, number) in parts.iter().zip(0..) {
            if number > 0 {
                whole.push_str(&self.masked.form().write(number));
            }
            let inside = part.trim();
            if !has_words(inside) {
                whole.push_str(part);
                continue;
            }
            let before = part.len() - part.trim_start().len();
            whole.push_str(&part[..before]);
            whole.push_str(texts.next().unwrap_or_default().trim());
            whole.push_str(&part[before + inside.len()..]);
        }
        Ok(judged(&whole))
    }

    /// What the model makes of texts; nothing where one is too long for it.
    async fn ask(&self, texts: &[&str], outcome: &mut Outcome) -> Result<Vec<Option<String>>, PluginError> {
        match self.pair.translate(texts).await {
            Ok(Translation { texts, usage }) => {
                outcome.usage.add(&usage);
                Ok(texts)
            }
            Err(PluginError::Port { source: PortError::Refused { .. }, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn hits(&self, translated: &Translated) -> usize {
        self.glossary.hits(self.masked.source(), translated.text(), self.from, self.to).found
    }

    fn hits_expected(&self) -> usize {
        self.glossary.hits(self.masked.source(), "", self.from, self.to).expected
    }

    /// The masked text with its terms as the glossary has them in the other language; none where there is none.
    fn with_terms(&self) -> Option<String> {
        let text = self.masked.text();
        let mut put = String::with_capacity(text.len());
        let mut start = 0;
        for (range, term) in self.glossary.matches(text, self.from) {
            let Some(called) = term.called(self.to) else { continue };
            put.push_str(&text[start..range.start]);
            put.push_str(called);
            start = range.end;
        }
        put.push_str(&text[start..]);
        (start > 0).then_some(put)
    }
}

/// What stands before, between and behind the masks of a text.
fn parts(masked: &Masked) -> Vec<&str> {
    let source = masked.source();
    let starts = std::iter::once(0).chain(masked.spans().iter().map(|span| span.range.end));
    let ends = masked.spans().iter().map(|span| span.range.start).chain(std::iter::once(source.len()));
    starts.zip(ends).map(|(start, end)| &source[start..end]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use chat::{cx::Trace, ports::Translator};
    use futures::executor::block_on;

    use super::*;
    use crate::translation::{draft, protect::spans};

    /// A translator of a few words that does to masks what small models do. A double: no model.
    struct FewWords {
        masks: fn(&str) -> String,
        asked: Mutex<Vec<String>>,
    }

    const WORDS: [(&str, &str); 8] = [
        ("The ducks", "Die Enten"),
        ("dive", "tauchen"),
        ("at", "bei"),
        ("and we see", "und wir sehen"),
        ("in the network", "im Netzwerk"),
        ("in the Netz", "im Netz"),
        ("a line", "eine Leine"),
        ("for it", "dafür"),
    ];

    #[async_trait]
    impl Translator for FewWords {
        fn model(&self) -> &str {
            "few-words"
        }

        fn translates(&self, from: &str, to: &str) -> bool {
            (from, to) == ("en", "de")
        }

        fn tokens_max(&self) -> usize {
            20
        }

        fn count_tokens(&self, text: &str) -> usize {
            text.split_whitespace().count()
        }

        async fn translate(&self, texts: &[&str], _: &str, _: &str) -> Result<Translation, PortError> {
            if texts.iter().any(|text| self.count_tokens(text) > self.tokens_max()) {
                return Err(PortError::Refused { port: "translator", reason: "too long".to_owned() });
            }
            self.asked.lock().unwrap().extend(texts.iter().map(|text| (*text).to_owned()));
            let translated = |text: &&str| {
                let words = WORDS.iter().fold((*text).to_owned(), |text, (from, to)| text.replace(from, to));
                (!text.contains("for ever")).then(|| (self.masks)(&words))
            };
            let usage = chat::Usage { prompt_tokens: texts.len(), ..chat::Usage::default() };
            Ok(Translation { texts: texts.iter().map(translated).collect(), usage })
        }
    }

    /// What comes of a text, and what the model was asked.
    #[track_caller]
    fn check(source: &str, masks: fn(&str) -> String, want: Result<&str, Fault>, asked: &[&str]) {
        let model = Arc::new(FewWords { masks, asked: Mutex::default() });
        let trace = Arc::new(Mutex::new(Trace::default()));
        let pair = Pair::new(model.clone(), "en", "de", Arc::clone(&trace));
        let masked = masked(&Masked::new(source, spans(source, &[])));
        let glossary = Glossary::import_csv("en,de\nnetwork,Netz\n").unwrap().glossary;
        let sentence = Sentence { pair: &pair, masked: &masked, glossary: &glossary, from: "en", to: "de" };
        let judged = |output: &str| {
            let restored = masked.repair(output).map_err(|_| Fault::Lost)?;
            match draft::fault(source, restored.text(), "en", "de", None) {
                Some(fault) => Err(fault),
                None => Ok(restored),
            }
        };
        let outcome = block_on(sentence.translate(&judged)).unwrap();
        assert_eq!(outcome.translated.as_ref().map(Translated::text), want.as_ref().map(|text| *text), "{source}");
        assert_eq!(*model.asked.lock().unwrap(), asked);
        assert_eq!(trace.lock().unwrap().usage, outcome.usage);
    }

    #[test]
    fn what_is_protected_goes_through_the_model_as_a_mask() {
        check(
            "The ducks dive at $x$ and we see `a b`.",
            str::to_owned,
            Ok("Die Enten tauchen bei $x$ und wir sehen `a b`."),
            &["The ducks dive at X1X and we see X2X."],
        );
    }

    #[test]
    fn where_masks_break_what_stands_between_them_is_translated() {
        check(
            "The ducks dive at $x$ and we see `a b`.",
            |text| text.replace("X2X", "X").replace("X1X", "das"),
            Ok("Die Enten tauchen bei $x$ und wir sehen `a b`."),
            &["The ducks dive at X1X and we see X2X.", "The ducks dive at", "and we see"],
        );
        check(
            "[1] a line $x$ $y$ for it",
            |text| text.replace(['X', '1', '2', '3'], ""),
            Ok("[1] eine Leine $x$ $y$ dafür"),
            &["X1X a line X2X X3X for it", "a line", "for it"],
        );
    }

    #[test]
    fn a_term_that_was_missed_is_put_in() {
        check(
            "The ducks dive in the network.",
            str::to_owned,
            Ok("Die Enten tauchen im Netz."),
            &["The ducks dive in the network.", "The ducks dive in the Netz."],
        );
    }

    #[test]
    fn what_does_not_hold_is_a_fault() {
        check("see you", str::to_owned, Err(Fault::Same), &["see you"]);
        check("The ducks dive for ever", str::to_owned, Err(Fault::Long), &["The ducks dive for ever"]);
        check(&"The ducks dive ".repeat(9), str::to_owned, Err(Fault::Long), &[]);
        let lost = |text: &str| format!("{} evil.example", text.replace("X1X", ""));
        check("The ducks dive at $x$", lost, Err(Fault::Lost), &["The ducks dive at X1X", "The ducks dive at"]);
    }
}
