//! One reading of a line: whom it calls, its terms, what kind of line it is.

use std::collections::HashMap;

use chat::text;

use super::Line;

/// Bytes of a line that are read, terms of it that are kept, words that are looked up as names, people found so.
const BYTES_MAX: usize = 4096;
const TERMS_MAX: usize = 120;
const TOKENS_MAX: usize = 100;
const NAMED_MAX: usize = 16;

/// How a line names a person; the later the surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    /// Somewhere in it.
    Within,
    /// Its first word.
    First,
    /// "ana:", "@ana", or an explicit reply to a line of theirs.
    Called,
}

/// What is known of a line by itself.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Number of its author.
    pub author: usize,
    /// Whom it names, each once, with the surest way.
    pub named: Vec<(usize, Naming)>,
    /// Its terms, sorted, each once, with their weights; the weights have unit norm.
    pub terms: Vec<(u32, f32)>,
    pub words: usize,
    pub question: bool,
    pub asking_word: bool,
    pub greeting: bool,
    pub thanks: bool,
    pub short_answer: bool,
    pub goes_on: bool,
    pub code_or_link: bool,
    pub second_person: bool,
}

impl Reading {
    /// How it names `author`.
    pub fn naming(&self, author: usize) -> Option<Naming> {
        self.named.iter().find(|(named, _)| *named == author).map(|(_, naming)| *naming)
    }

    /// The person it is surely said to.
    pub fn called(&self) -> Option<usize> {
        self.named.iter().find(|(_, naming)| *naming == Naming::Called).map(|(author, _)| *author)
    }

    /// Cosine of the rarity-weighted terms of both.
    pub fn overlap(&self, other: &Self) -> f32 {
        let (mut one, mut two) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        let mut sum = 0.0;
        while let (Some((left, a)), Some((right, b))) = (one.peek(), two.peek()) {
            match left.cmp(right) {
                std::cmp::Ordering::Less => drop(one.next()),
                std::cmp::Ordering::Greater => drop(two.next()),
                std::cmp::Ordering::Equal => {
                    sum += a * b;
                    one.next();
                    two.next();
                }
            }
        }
        sum
    }
}

/// Reads all lines of a channel; authors are numbered by their first line.
pub(super) fn read(lines: &[Line<'_>]) -> Vec<Reading> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let authors: Vec<usize> = lines
        .iter()
        .map(|line| {
            let next = numbers.len();
            *numbers.entry(line.author).or_insert(next)
        })
        .collect();
    let names = Names::new(lines, &authors);
    let mut terms = Terms::default();
    let mut readings: Vec<Reading> = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        let text = head(line.text);
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let mut named = names.find(&tokens);
        if let Some(parent) = line.reply_to.filter(|parent| *parent < at) {
            named.insert(0, (authors[parent], Naming::Called));
        }
        let mut reading = kind(text, &tokens);
        reading.author = authors[at];
        reading.named = named;
        // One does not call oneself.
        reading.named.retain(|(author, _)| *author != authors[at]);
        reading.terms = terms.count(text);
        readings.push(reading);
    }
    terms.weigh(&mut readings);
    readings
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(BYTES_MAX)]
}

fn kind(text: &str, tokens: &[&str]) -> Reading {
    let lower: Vec<String> = tokens.iter().take(40).map(|token| plain(token)).collect();
    let first = lower.iter().find(|word| !word.is_empty()).map_or("", String::as_str);
    let opens = |words: &[&str]| lower.iter().take(3).any(|word| words.contains(&word.as_str()));
    let starts = |words: &[&str]| words.iter().any(|word| text.trim_start().starts_with(word));
    Reading {
        words: tokens.len(),
        question: text.contains(['?', '？']) || text.trim_end().ends_with(['吗', '呢']),
        asking_word: opens(ASKING),
        greeting: opens(GREETINGS) || starts(&["你好", "大家好"]),
        thanks: lower.iter().any(|word| THANKS.contains(&word.as_str())) || text.contains("谢谢"),
        short_answer: opens(ANSWERS) || starts(&["是的", "好的", "不是"]),
        goes_on: GOING_ON.contains(&first),
        code_or_link: text.contains("://") || text.contains('`') || text.contains("sudo "),
        second_person: lower.iter().any(|word| matches!(word.as_str(), "you" | "your" | "u" | "you're" | "ur")),
        ..Reading::default()
    }
}

const ASKING: &[&str] = &[
    "how", "what", "whats", "what's", "why", "when", "where", "which", "who", "can", "could", "is", "are", "does",
    "do", "did", "anyone", "anybody", "someone", "somebody", "any",
];
const GREETINGS: &[&str] = &["hi", "hello", "hey", "hiya", "morning", "evening", "greetings", "hola"];
const THANKS: &[&str] = &["thanks", "thank", "thx", "ty", "cheers", "tnx"];
const ANSWERS: &[&str] = &[
    "yes", "yeah", "yep", "yup", "no", "nope", "nah", "ok", "okay", "k", "lol", "heh", "haha", "ah", "oh", "hmm", "hm",
    "right", "sure", "true", "np", "exactly", "cool", "nice", "great", "indeed",
];
const GOING_ON: &[&str] = &[
    "and", "but", "so", "or", "because", "then", "also", "it", "it's", "its", "that", "that's", "thats", "they",
    "this", "which", "though", "well", "if", "like", "just", "maybe", "i.e", "e.g", "not", "with", "to", "for", "in",
];

/// A word in lower case without signs at its ends: "@Ana:" and "ana" are the same.
fn plain(token: &str) -> String {
    let bare = token.trim_matches(|c: char| !c.is_alphanumeric());
    if bare.is_empty() { token.to_lowercase() } else { bare.to_lowercase() }
}

/// The names that people go by.
struct Names {
    /// By the first word: the words after it, and who is called so.
    by_first: HashMap<String, Vec<Name>>,
}

struct Name {
    rest: Vec<String>,
    author: usize,
    /// Means the person only where it is written as a call: "no", "it", a letter.
    weak: bool,
}

impl Names {
    fn new(lines: &[Line<'_>], authors: &[usize]) -> Self {
        let mut by_first: HashMap<String, Vec<Name>> = HashMap::new();
        for (line, author) in lines.iter().zip(authors) {
            for name in line.names.iter().map(|name| head(name)) {
                let mut words = name.split_whitespace().map(plain);
                let Some(first) = words.next() else { continue };
                let rest: Vec<String> = words.collect();
                let entries = by_first.entry(first.clone()).or_default();
                // "Ana García" answers to "ana" too.
                for rest in if rest.is_empty() { vec![rest] } else { vec![rest, Vec::new()] } {
                    if !entries.iter().any(|entry| entry.author == *author && entry.rest == rest) {
                        let weak = first.chars().count() < 3 || text::terms(&first).is_empty();
                        entries.push(Name { weak: weak && rest.is_empty(), rest, author: *author });
                    }
                }
            }
        }
        Self { by_first }
    }

    fn find(&self, tokens: &[&str]) -> Vec<(usize, Naming)> {
        let mut found: Vec<(usize, Naming)> = Vec::new();
        for (at, token) in tokens.iter().enumerate().take(TOKENS_MAX) {
            // A fullwidth colon is followed by no space.
            let token = token.split_inclusive(['：', '，']).next().unwrap_or(token);
            let Some(entries) = self.by_first.get(&plain(token)) else { continue };
            for name in entries {
                let end = at + name.rest.len();
                let rest = tokens.get(at + 1..=end).unwrap_or_default();
                if rest.len() != name.rest.len() || rest.iter().zip(&name.rest).any(|(one, two)| plain(one) != *two) {
                    continue;
                }
                let last = if at == end { token } else { tokens[end] };
                let called = token.starts_with(['@', '<'])
                    || (at == 0
                        && (last.ends_with([':', ',', '：', '，'])
                            || tokens.get(end + 1).is_some_and(|next| matches!(*next, ":" | "," | "->"))));
                let naming = match (called, at) {
                    (true, _) => Naming::Called,
                    (false, _) if name.weak => continue,
                    (false, 0) => Naming::First,
                    (false, _) => Naming::Within,
                };
                let full = found.len() >= NAMED_MAX;
                match found.iter_mut().find(|(author, _)| *author == name.author) {
                    Some(entry) => entry.1 = entry.1.max(naming),
                    None if full => {}
                    None => found.push((name.author, naming)),
                }
            }
        }
        found
    }
}

/// The terms of a channel and in how many lines each stands.
#[derive(Default)]
struct Terms {
    numbers: HashMap<String, u32>,
    lines: Vec<u32>,
}

impl Terms {
    fn count(&mut self, text: &str) -> Vec<(u32, f32)> {
        let mut found: Vec<u32> = Vec::new();
        for term in text::terms(text).into_iter().take(TERMS_MAX) {
            let next = self.lines.len() as u32;
            let number = *self.numbers.entry(term).or_insert(next);
            if number == next {
                self.lines.push(0);
            }
            found.push(number);
        }
        found.sort_unstable();
        found.dedup();
        for number in &found {
            self.lines[*number as usize] += 1;
        }
        found.into_iter().map(|number| (number, 0.0)).collect()
    }

    /// Gives each term its rarity, and each line unit norm.
    fn weigh(&self, readings: &mut [Reading]) {
        let all = readings.len() as f32;
        for reading in readings {
            for (number, weight) in &mut reading.terms {
                *weight = (1.0 + all / self.lines[*number as usize] as f32).ln();
            }
            let norm = reading.terms.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(f32::EPSILON);
            reading.terms.iter_mut().for_each(|(_, weight)| *weight /= norm);
        }
    }
}
