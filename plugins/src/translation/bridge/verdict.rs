//! In which language a message is, as sure as a bridge must be. Pure.

use chat::{ports::Identified, text};

use crate::translation::{draft::letters, languages::known};

/// Fewer letters may be of any language.
const LETTERS_MIN: usize = 10;

/// Fewer letters of a sentence say nothing of its language.
const SENTENCE_LETTERS_MIN: usize = 12;

/// A language that is told with less confidence is not told.
const CONFIDENCE_MIN: f32 = 0.7;

/// A second language with more than this share of the letters makes a message a mixed one.
const MIXED_SHARE: f32 = 0.2;

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is in one language and wanted in another.
    Sure {
        /// Its language.
        from: &'static str,
        /// The other.
        to: &'static str,
    },
    /// It cannot be told well enough: these are what a person who forces it most likely means.
    Unsure {
        /// Its language.
        from: &'static str,
        /// The other.
        to: &'static str,
        /// Why, as a clause.
        why: &'static str,
    },
    /// It has no words, or is in the wanted language.
    None,
}

/// Judges the prose of a message on a bridge between two languages. `is_one_way`: from whichever language into the second
/// one; else between the two alone.
pub fn judge(
    prose: &str,
    (here, there): (&str, &str),
    is_one_way: bool,
    identify: impl Fn(&str) -> Option<Identified>,
) -> Verdict {
    let (Some(here), Some(there)) = (known(here), known(there)) else { return Verdict::None };
    let all = letters(prose);
    if all == 0 {
        return Verdict::None;
    }
    let told = identify(prose).and_then(|told| Some((known(told.code)?, told.confidence)));
    let is_there = told.is_some_and(|(code, _)| code == there);
    let (from, to) = match told {
        Some((code, _)) if code == there && is_one_way => (here, there),
        Some((code, _)) if code == there => (there, here),
        Some((code, _)) if code == here || is_one_way => (code, there),
        _ => (here, there),
    };
    let unsure = |why| Verdict::Unsure { from, to, why };
    let Some((code, confidence)) = told else { return unsure("its language is unknown") };
    if all < LETTERS_MIN {
        return unsure("it is too short to tell its language");
    }
    let strangers = sentences(prose).filter(|sentence| letters(sentence) >= SENTENCE_LETTERS_MIN);
    let strangers = strangers.filter(|sentence| {
        identify(sentence).is_some_and(|told| told.code != code && told.confidence >= CONFIDENCE_MIN)
    });
    let strange: usize = strangers.map(letters).sum();
    if strange as f32 > MIXED_SHARE * all as f32 {
        return unsure("it is in more than one language");
    }
    if confidence < CONFIDENCE_MIN {
        return unsure("its language is not clear");
    }
    match is_one_way {
        true if is_there => Verdict::None,
        false if code != here && code != there => unsure("it is in neither language of the bridge"),
        _ => Verdict::Sure { from, to },
    }
}

fn sentences(prose: &str) -> impl Iterator<Item = &str> {
    prose.lines().flat_map(|line| text::sentences(line, "en").into_iter().filter_map(move |range| line.get(range)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells by words that each language has alone; sure, or as sure as one of many.
    fn identify(text: &str) -> Option<Identified> {
        let count = |words: &[&str]| text.split_whitespace().filter(|word| words.contains(word)).count();
        let counts = [
            ("en", count(&["the", "is", "ducks", "tomorrow"])),
            ("de", count(&["die", "ist", "Enten", "morgen"])),
            ("fr", count(&["les", "est", "canards", "demain"])),
        ];
        let all: usize = counts.iter().map(|(_, count)| count).sum();
        let (code, most) = counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0)?;
        Some(Identified { code, confidence: most as f32 / all as f32 })
    }

    #[track_caller]
    fn check(prose: &str, is_one_way: bool, want: Verdict) {
        assert_eq!(judge(prose, ("de", "en"), is_one_way, identify), want, "{prose}");
    }

    #[test]
    fn one_language_of_the_bridge_goes_into_the_other() {
        let (german, english) = ("die Enten schlafen morgen lange", "the ducks sleep long tomorrow");
        check(german, false, Verdict::Sure { from: "de", to: "en" });
        check(english, false, Verdict::Sure { from: "en", to: "de" });
        check(german, true, Verdict::Sure { from: "de", to: "en" });
        check(english, true, Verdict::None);
        check("les canards dorment demain", true, Verdict::Sure { from: "fr", to: "en" });
    }

    #[test]
    fn what_is_short_mixed_or_strange_is_unsure() {
        let unsure = |why| Verdict::Unsure { from: "de", to: "en", why };
        check("die", false, unsure("it is too short to tell its language"));
        check("hmm hmm hmm hmm", false, unsure("its language is unknown"));
        check("les canards dorment demain", false, unsure("it is in neither language of the bridge"));
        check("die Enten the ist is ducks morgen", false, unsure("its language is not clear"));
        check(
            "die Enten schlafen morgen und die Enten essen. the ducks eat again tomorrow",
            false,
            unsure("it is in more than one language"),
        );
        check("1 + 1 = 2 🦆", false, Verdict::None);
        check("", true, Verdict::None);
    }
}
