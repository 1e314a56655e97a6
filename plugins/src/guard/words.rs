//! One reading of a text for the guard: its words with what can go wrong in each (number, name, polarity, negation).
//!
//! **Invariant:** a draft's sentence and a source's line are read by the same function, so that equal texts compare equal.

use std::sync::LazyLock;

use regex::Regex;

use super::lexicon::{self, Pole};

/// A word and what it states.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// Lower case, as it stands.
    pub lower: String,
    /// Stem, for comparing.
    pub stem: String,
    /// Carries content: no stop word, no cue.
    pub content: bool,
    /// A number's value and unit.
    pub number: Option<Number>,
    /// Written like a name: capital inside a sentence, acronym, letters with digits.
    pub name: bool,
    /// "not", "no", "without", "fail": denies what stands near.
    pub cue: bool,
    /// Stands in the reach of a cue.
    pub denied: bool,
    /// The end of a pair of opposites that it names.
    pub pole: Option<Pole>,
    /// Starts a new clause.
    pub clause: bool,
}

/// A number in canonical form: `1,000` is `1000`, `.50` is `0.5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// Digits without separators, leading or trailing zeros.
    pub value: String,
    /// `%`, `mg`, `year`, where one stands beside it.
    pub unit: Option<&'static str>,
    /// `<` or `>` before it.
    pub bound: Option<char>,
    /// Must be found in the source: "one" need not.
    pub firm: bool,
}

impl Number {
    /// Whether both state the same quantity. A unit that only one of them carries is no difference, a per cent sign is.
    pub fn agrees(&self, other: &Self) -> bool {
        let units = match (self.unit, other.unit) {
            (Some(one), Some(two)) => one == two,
            (Some("%"), None) | (None, Some("%")) => false,
            _ => true,
        };
        let bounds = self.bound.is_none() || other.bound.is_none() || self.bound == other.bound;
        self.value == other.value && units && bounds
    }
}

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?P<number> (?: \p{Nd}{1,3} (?: [,\x{2009}\x{202f}] \p{Nd}{3} )+ | \p{Nd}+ ) (?: [.\x{b7}] \p{Nd}+ )? | [.] \p{Nd}+ )
        | (?P<word> \p{L} [\p{L}\p{Nd}\p{M}]* (?: ['\x{2019}] \p{L}+ )? (?: [-\x{2010}\x{2011}] \p{Nd}+ \p{L}* )? )
        | (?P<sign> [%\x{2030}<>\x{2264}\x{2265},;:.!?()\x{2013}\x{2014}/-] )",
    )
    .expect("a fixed pattern")
});

/// Reads `text` word by word.
pub(super) fn read(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut bound = None;
    let mut clause = true;
    let mut first = true;
    for found in TOKEN.captures_iter(text) {
        if let Some(sign) = found.name("sign") {
            match sign.as_str() {
                "<" | "≤" => bound = Some('<'),
                ">" | "≥" => bound = Some('>'),
                "%" => set_unit(&mut words, "%"),
                "," | ";" | "." | "!" | "?" | "(" | ")" | "—" => clause = true,
                ":" => (clause, first) = (true, true),
                _ => {}
            }
            continue;
        }
        if let Some(number) = found.name("number") {
            let value = canonical(number.as_str());
            let mut word = plain(number.as_str().to_owned());
            word.number = Some(Number { value, unit: None, bound: bound.take(), firm: true });
            word.clause = clause;
            words.push(word);
            (clause, first) = (false, false);
            continue;
        }
        let Some(token) = found.name("word").map(|word| word.as_str()) else { continue };
        if token.chars().next().is_some_and(chat::text::is_cjk) {
            for character in token.chars() {
                let mut word = plain(character.to_string());
                word.content = true;
                word.cue = matches!(character, '不' | '没' | '沒' | '无' | '無' | '未' | '非');
                words.push(word);
            }
            (clause, first) = (false, false);
            continue;
        }
        push_word(&mut words, token, clause, first);
        (clause, first) = (false, false);
        bound = None;
    }
    spread_units(&mut words);
    deny(&mut words);
    words
}

fn plain(text: String) -> Word {
    Word {
        stem: text.clone(),
        lower: text,
        content: false,
        number: None,
        name: false,
        cue: false,
        denied: false,
        pole: None,
        clause: false,
    }
}

fn push_word(words: &mut Vec<Word>, token: &str, clause: bool, first: bool) {
    let lower = token.to_lowercase().replace('’', "'").replace(['‐', '‑'], "-");
    let bare = lower.strip_suffix("'s").unwrap_or(&lower).to_owned();
    if let Some(last) = words.last_mut()
        && let Some(number) = last.number.as_mut()
    {
        if let Some(zeros) = lexicon::multiplier(&bare) {
            number.value = scale(&number.value, zeros);
            return;
        }
        if let Some(unit) = lexicon::unit(&bare)
            && number.unit.is_none()
        {
            number.unit = Some(unit);
        }
    }
    let mut word = plain(bare);
    word.clause = clause || lexicon::opens_clause(&word.lower);
    if let Some(value) = lexicon::spelled(&word.lower) {
        if let Some(sum) = words.last().and_then(|last| tens(last, value)) {
            if let Some(number) = words.last_mut().and_then(|last| last.number.as_mut()) {
                number.value = sum.to_string();
            }
            return;
        }
        word.number = Some(Number { value: value.to_string(), unit: None, bound: None, firm: value > 1 });
        words.push(word);
        return;
    }
    if let Some(value) = word.lower.strip_suffix("fold").and_then(lexicon::spelled) {
        word.number = Some(Number { value: value.to_string(), unit: Some("fold"), bound: None, firm: true });
        words.push(word);
        return;
    }
    word.cue = lexicon::is_cue(&word.lower);
    word.stem = chat::text::stem(&word.lower).into_owned();
    word.content = !word.cue && !chat::text::terms(&word.lower).is_empty();
    word.pole = lexicon::pole(&word.lower, &word.stem);
    word.name = is_name(token, first);
    words.push(word);
}

/// "twenty" then "five": 25.
fn tens(last: &Word, value: u32) -> Option<u32> {
    let before: u32 = last.number.as_ref()?.value.parse().ok()?;
    (lexicon::spelled(&last.lower).is_some() && before >= 20 && before.is_multiple_of(10) && value < 10)
        .then_some(before + value)
}

fn is_name(token: &str, first: bool) -> bool {
    let letters = token.chars().count();
    let upper = token.chars().filter(|character| character.is_uppercase()).count();
    let digits = token.chars().any(|character| character.is_numeric());
    let starts_upper = token.starts_with(char::is_uppercase);
    letters >= 2 && (digits || upper >= 2 || (upper == 1 && !starts_upper) || (starts_upper && !first))
}

fn canonical(text: &str) -> String {
    let digits: String = text
        .chars()
        .filter_map(|character| match character {
            '·' | '.' => Some('.'),
            _ => character.to_digit(10).and_then(|digit| char::from_digit(digit, 10)),
        })
        .collect();
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = whole.trim_start_matches('0');
    let part = part.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

fn scale(value: &str, zeros: usize) -> String {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let moved = part.len().min(zeros);
    let (up, rest) = part.split_at(moved);
    canonical(&format!("{whole}{up}{}.{rest}", "0".repeat(zeros - moved)))
}

fn set_unit(words: &mut [Word], unit: &'static str) {
    if let Some(number) = words.last_mut().and_then(|word| word.number.as_mut()) {
        number.unit = Some(unit);
    }
}

/// "10 to 20 %" and "14.9, 20.9 and 22 %" state three and two percentages.
fn spread_units(words: &mut [Word]) {
    let mut carried: Option<&'static str> = None;
    for word in words.iter_mut().rev() {
        match word.number.as_mut() {
            Some(number) => match number.unit {
                Some(unit) => carried = Some(unit),
                None => number.unit = carried,
            },
            None if matches!(word.lower.as_str(), "and" | "or" | "to" | "versus" | "vs") => {}
            None => carried = None,
        }
    }
}

/// Marks what a cue denies: the content words after it, up to three, in its clause. "Not" reaches over a verb, as in
/// "is not likely to be", a noun's "lacking" does not: "mice lacking it are healthy".
fn deny(words: &mut [Word]) {
    const REACH: usize = 3;
    for at in 0..words.len() {
        if !words[at].cue {
            continue;
        }
        let over_verbs = lexicon::denies_verbs(&words[at].lower);
        let mut left = REACH;
        for word in words[at + 1..].iter_mut() {
            if word.clause || left == 0 || (!over_verbs && lexicon::is_auxiliary(&word.lower)) {
                break;
            }
            if word.content {
                word.denied = !word.denied;
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn numbers(text: &str, want: &str) {
        let found: Vec<String> = read(text)
            .iter()
            .filter_map(|word| word.number.as_ref())
            .map(|number| {
                let bound = number.bound.map(String::from).unwrap_or_default();
                format!("{bound}{}{}", number.value, number.unit.unwrap_or_default())
            })
            .collect();
        assert_eq!(found.join(" "), want, "{text}");
    }

    #[track_caller]
    fn marked(text: &str, of: fn(&Word) -> bool, want: &str) {
        let found: Vec<String> = read(text).into_iter().filter(of).map(|word| word.lower).collect();
        assert_eq!(found.join(" "), want, "{text}");
    }

    #[test]
    fn equal_quantities_have_one_form() {
        numbers("1,000 patients, 1000 mice", "1000 1000");
        numbers("0.50 and .5", "0.5 0.5");
        numbers("5 million, 1.25 million", "5000000 1250000");
        numbers("50 %, 50 percent, 50%", "50% 50% 50%");
        numbers("twelve of twenty-five, a two-fold and a threefold rise", "12 25 2fold 3fold");
        numbers("40mg/day for 12 weeks", "40mg 12week");
    }

    #[test]
    fn a_range_shares_its_unit() {
        numbers("10-20%", "10% 20%");
        numbers("14.9, 20.9 and 22 percent of 30 mice", "14.9% 20.9% 22% 30");
    }

    #[test]
    fn a_bound_belongs_to_its_number() {
        numbers("p < 0.05 and n > 10", "<0.05 >10");
    }

    #[test]
    fn names_are_capitals_inside_a_sentence_and_letters_with_digits() {
        marked("Patients in Boston had IL-6 and CYP2D6 but no mTOR.", |word| word.name, "boston il-6 cyp2d6 mtor");
        marked("APOE4 matters", |word| word.name, "apoe4");
    }

    #[test]
    fn a_cue_reaches_to_the_end_of_its_clause() {
        marked("It did not affect overall survival, but reduced pain.", |word| word.denied, "affect overall survival");
        marked("Mice without treatment were dying", |word| word.denied, "treatment");
        marked("It is not known to be safe", |word| word.denied, "known safe");
    }
}
