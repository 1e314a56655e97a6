//! Which language a text is in, by lingua: made for short texts, where the tables of other libraries guess.

use chat::ports::{Identified, Linguist};
use lingua::{Language, LanguageDetector, LanguageDetectorBuilder};

/// The languages that are told apart: those of most papers and communities. Each is a table within the program.
const KNOWN: [(Language, &str); 12] = [
    (Language::English, "en"),
    (Language::German, "de"),
    (Language::French, "fr"),
    (Language::Spanish, "es"),
    (Language::Italian, "it"),
    (Language::Portuguese, "pt"),
    (Language::Dutch, "nl"),
    (Language::Russian, "ru"),
    (Language::Arabic, "ar"),
    (Language::Chinese, "zh"),
    (Language::Japanese, "ja"),
    (Language::Korean, "ko"),
];

/// A question below this is taken to be in the room's language.
const SURE: f32 = 0.65;

/// Most of a text that is looked at, in characters.
const CHARS_MAX: usize = 500;

/// Tells languages apart.
pub struct Lingua(LanguageDetector);

impl Default for Lingua {
    fn default() -> Self {
        let languages: Vec<Language> = KNOWN.iter().map(|(language, _)| *language).collect();
        Self(LanguageDetectorBuilder::from_languages(&languages).build())
    }
}

impl Linguist for Lingua {
    fn identify(&self, text: &str) -> Option<Identified> {
        let head = text.char_indices().nth(CHARS_MAX).map_or(text, |(end, _)| &text[..end]);
        // Their sum is 1 over all languages: what counts is by how much the first is ahead of the second.
        let values = self.0.compute_language_confidence_values(head);
        let (language, first) = values.first().copied().filter(|(_, first)| *first > 0.0)?;
        let second = values.get(1).map_or(0.0, |(_, second)| *second);
        let (_, code) = KNOWN.iter().find(|(known, _)| *known == language)?;
        Some(Identified { code, confidence: (first / (first + second)) as f32 })
    }
}

/// The language of a question: ISO 639-1; `otherwise` where it cannot be told.
pub fn of_question(linguist: &dyn Linguist, text: &str, otherwise: &str) -> String {
    let sure = linguist.identify(text).filter(|found| found.confidence >= SURE);
    sure.map_or_else(|| otherwise.to_owned(), |found| found.code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let lingua = Lingua::default();
        assert_eq!(of_question(&lingua, text, "?"), want, "{text}: {:?}", lingua.identify(text));
    }

    #[test]
    fn questions_are_told_apart_by_their_words() {
        check("Why do mallard ducks dive at dawn?", "en");
        check("Wie tief tauchen die Enten?", "de");
        check("Où est la clé de la maison ?", "fr");
        check("鸭子为什么潜水？", "zh");
        check("なぜ鴨は潜るのですか", "ja");
        check("Почему утки ныряют?", "ru");
        check("¿Por qué se zambullen los patos?", "es");
    }

    #[test]
    fn what_is_no_language_is_none() {
        check("", "?");
        check("42", "?");
        check("12.5 %", "?");
    }
}
