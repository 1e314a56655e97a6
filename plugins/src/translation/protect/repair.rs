//! Puts back what a model lost, where its place is certain.

use super::{Broken, Kind, Masked, Missing, Translated};

/// Most spans that are put back; who loses more has not translated.
const REPAIRS_MAX: usize = 16;

impl Masked {
    /// [`Masked::restored`], and a lost span is put back where that is safe: an address or a citation at the end of a
    /// sentence at the end of its sentence, a code block or a formula that is a paragraph of its own between the same
    /// paragraphs.
    ///
    /// # Errors
    /// [`Broken`] with what is still missing.
    pub fn repair(&self, translated: &str) -> Result<Translated, Broken> {
        let broken = match self.restored(translated) {
            Ok(restored) => return Ok(restored),
            Err(broken) if broken.missing.len() > REPAIRS_MAX => return Err(broken),
            Err(broken) => broken,
        };
        let mut translated = translated.to_owned();
        for missing in broken.missing {
            let repaired = match missing.kind {
                Kind::Code | Kind::Formula => self.with_paragraph(&translated, &missing),
                Kind::Url | Kind::Citation => self.with_ending(&translated, &missing),
                _ => None,
            };
            translated = repaired.unwrap_or(translated);
        }
        self.restored(&translated)
    }

    /// With the placeholder as a paragraph at its place; none where the paragraphs are not the same otherwise.
    fn with_paragraph(&self, translated: &str, missing: &Missing) -> Option<String> {
        let placeholder = self.form.write(missing.number);
        let source = paragraphs(&self.text);
        let at = source.iter().position(|paragraph| *paragraph == placeholder)?;
        let mut found = paragraphs(translated);
        if found.len() + 1 != source.len() {
            return None;
        }
        found.insert(at, &placeholder);
        Some(found.join("\n\n"))
    }

    /// With the placeholder at the end of the sentence that it ended in the source.
    fn with_ending(&self, translated: &str, missing: &Missing) -> Option<String> {
        let placeholder = self.form.write(missing.number);
        let source = sentences(&self.text);
        let at = source.iter().position(|sentence| body(sentence).ends_with(&placeholder))?;
        let found = chat::text::sentences(translated, "en");
        if found.len() != source.len() {
            return None;
        }
        let sentence = found.get(at)?;
        let end = sentence.start + body(&translated[sentence.clone()]).len();
        Some(format!("{} {placeholder}{}", &translated[..end], &translated[end..]))
    }
}

fn sentences(text: &str) -> Vec<&str> {
    chat::text::sentences(text, "en").into_iter().map(|range| &text[range]).collect()
}

fn paragraphs(text: &str) -> Vec<&str> {
    text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()).collect()
}

/// A sentence without what ends it.
fn body(sentence: &str) -> &str {
    sentence.trim_end_matches(|end: char| end.is_whitespace() || ".!?:;。！？।؟".contains(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translation::protect::spans;

    #[track_caller]
    fn check(source: &str, input: &str, expect: Option<&str>) {
        let masked = Masked::new(source, spans(source, &[]));
        let found = masked.repair(input).ok();
        assert_eq!(found.as_ref().map(Translated::text), expect, "{}", masked.text());
    }

    #[test]
    fn what_ended_a_sentence_ends_it_again() {
        let source = "It works well [1]. The rest is open.";
        check(source, "Es geht gut. Der Rest ist offen.", Some("Es geht gut [1]. Der Rest ist offen."));
        check(source, "Es geht gut und der Rest ist offen.", None);
        check("It works [1] as said.", "Es geht wie gesagt.", None);
        check("See https://a.example/x", "Siehe", Some("Siehe https://a.example/x"));
    }

    #[test]
    fn a_block_is_a_paragraph_again() {
        let source = "One.\n\n```\nx\n```\n\nTwo.";
        check(source, "Eins.\n\nZwei.", Some("Eins.\n\n```\nx\n```\n\nZwei."));
        check(source, "Eins. Zwei.", None);
        check("One.\n\n$$x$$\n\nTwo.", "Eins.\n\nZwei.", Some("Eins.\n\n$$x$$\n\nZwei."));
    }

    #[test]
    fn a_lost_number_is_not_guessed() {
        check("It weighs 5 kg.", "Es wiegt.", None);
    }
}
