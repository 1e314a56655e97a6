//! A source as the guard reads it: its lines, and how well each supports a sentence.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    Why, compare,
    words::{self, Word},
};

/// Words that tell how something is reported, not what: half a claim may consist of them.
const REPORTING: &[&str] = &[
    "studi", "show", "found", "find", "suggest", "report", "result", "author", "paper", "research", "evid", "demonstr",
    "indic", "conclud", "observ", "provid", "data", "also", "may", "might", "howev", "thus", "therefor", "addit",
    "further", "like", "specif", "includ", "import", "play", "role", "well", "known", "one", "some", "source",
    "passag",
];
/// Weight of a reporting word, a plain term being 1.
const REPORTING_WEIGHT: f32 = 0.3;
/// What a term counts that stands beside the line, or elsewhere in the source or its title.
const BESIDE: f32 = 0.85;
const ELSEWHERE: f32 = 0.6;
/// What another form of the term counts, as a share of those.
const FORM: f32 = 0.9;

/// A text, read.
#[derive(Debug)]
pub(super) struct Reading {
    pub words: Vec<Word>,
    /// Distinct terms.
    pub terms: Vec<String>,
    /// Words in lower case, joined by a space: equal for texts that differ in marks only.
    pub plain: String,
}

impl Reading {
    pub fn new(text: &str) -> Self {
        let words = words::read(text);
        let mut seen = HashSet::new();
        let terms = chat::text::terms(text).into_iter().filter(|term| seen.insert(term.clone())).collect();
        let plain = words.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ");
        Self { words, terms, plain }
    }

    /// The numbers it states, in order.
    pub fn numbers(&self) -> Vec<String> {
        self.words.iter().filter_map(|word| word.number.as_ref()).map(|number| number.value.clone()).collect()
    }
}

/// How well a line supports a sentence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Support {
    pub source: usize,
    pub index: usize,
    pub score: f32,
    /// The draft cites this source itself.
    pub cited: bool,
}

/// A numbered source, read once for all sentences of an answer.
#[derive(Debug)]
pub struct SourceText {
    number: usize,
    text: String,
    lines: Vec<Range<usize>>,
    vectors: Vec<Vec<f32>>,
    readings: Vec<Reading>,
    /// For each term, the lines that hold it.
    places: HashMap<String, Vec<usize>>,
    /// Terms of the title, and of the whole text.
    everywhere: HashSet<String>,
    /// Words without hyphens, as names are looked up.
    names: HashSet<String>,
    /// First letters of the words, for acronyms: with all words, and with content words alone.
    initials: [String; 2],
    /// The words of all lines in order, then of the title; and where those of each line start.
    flat: Vec<Word>,
    starts: Vec<usize>,
}

impl SourceText {
    /// A source whose lines are its sentences.
    pub fn new(number: usize, title: &str, text: &str) -> Self {
        let lines = chat::text::sentences(text, "en");
        Self::with_lines(number, title, text, lines)
    }

    /// A source with lines of the caller's: byte ranges in `text`. A range that does not fit the text is left out.
    pub fn with_lines(number: usize, title: &str, text: &str, lines: Vec<Range<usize>>) -> Self {
        let lines: Vec<Range<usize>> =
            lines.into_iter().filter(|line| text.get(line.clone()).is_some_and(|line| !line.is_empty())).collect();
        let readings: Vec<Reading> = lines.iter().map(|line| Reading::new(&text[line.clone()])).collect();
        let title = Reading::new(title);
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, reading) in readings.iter().enumerate() {
            for term in &reading.terms {
                places.entry(term.clone()).or_default().push(index);
            }
        }
        let everywhere = title.terms.iter().cloned().chain(places.keys().cloned()).collect();
        let mut names = HashSet::new();
        let mut initials = [String::new(), String::new()];
        for reading in readings.iter().chain([&title]) {
            learn_names(&reading.words, &mut names, &mut initials);
        }
        let mut starts = vec![0];
        let mut flat = Vec::new();
        for reading in &readings {
            flat.extend(reading.words.iter().cloned());
            starts.push(flat.len());
        }
        flat.extend(title.words);
        let text = text.to_owned();
        Self { number, text, lines, vectors: Vec::new(), readings, places, everywhere, names, initials, flat, starts }
    }

    /// Adds the embeddings of the lines, of unit norm, in the order of [`SourceText::lines`]; others are ignored.
    #[must_use]
    pub fn with_vectors(mut self, vectors: Vec<Vec<f32>>) -> Self {
        if vectors.len() == self.lines.len() {
            self.vectors = vectors;
        }
        self
    }

    /// The number in `[n]`.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The text that the lines are ranges of.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines, as byte ranges of the text.
    pub fn lines(&self) -> &[Range<usize>] {
        &self.lines
    }

    pub(super) fn line(&self, index: usize) -> Option<Range<usize>> {
        self.lines.get(index).cloned()
    }

    /// The support that each line gives.
    pub(super) fn supports(&self, sentence: &Reading, vector: Option<&[f32]>) -> Vec<Support> {
        let mut scores = vec![0.0_f32; self.lines.len()];
        let mut whole = 0.0;
        for term in &sentence.terms {
            let weight = if REPORTING.contains(&term.as_str()) { REPORTING_WEIGHT } else { 1.0 };
            whole += weight;
            self.add(term, weight, &mut scores);
        }
        let lexical = scores.into_iter().map(|score| if whole > 0.0 { score / whole } else { 0.0 });
        let score = |(index, lexical)| Support {
            source: self.number,
            index,
            score: fuse(lexical, vector.and_then(|vector| self.vectors.get(index).map(|line| cosine(vector, line)))),
            cited: false,
        };
        lexical.enumerate().map(score).collect()
    }

    /// Adds to each line's score what it and its surroundings know of `term`.
    fn add(&self, term: &str, weight: f32, scores: &mut [f32]) {
        let form;
        let (places, weight) = match self.places.get(term) {
            Some(places) => (Some(places), weight),
            None if self.everywhere.contains(term) => (None, weight),
            None => {
                form = self.everywhere.iter().find(|known| compare::shared_start(known, term));
                match form {
                    Some(form) => (self.places.get(form), weight * FORM),
                    None => return,
                }
            }
        };
        for (index, score) in scores.iter_mut().enumerate() {
            let near = places.and_then(|places| places.iter().map(|place| place.abs_diff(index)).min());
            *score += weight
                * match near {
                    Some(0) => 1.0,
                    Some(1) => BESIDE,
                    _ => ELSEWHERE,
                };
        }
    }

    /// Whether the line `index` says what the sentence says; `question` may lend names.
    pub(super) fn agrees(&self, index: usize, sentence: &Reading, question: &Reading) -> Result<(), Why> {
        let line = &self.readings[index];
        if line.plain == sentence.plain {
            return Ok(());
        }
        let asked: HashSet<String> = question.words.iter().map(|word| squeezed(&word.lower)).collect();
        for word in sentence.words.iter().filter(|word| word.name) {
            let key = squeezed(&word.lower);
            if !self.knows(&key, &word.stem) && !asked.contains(&key) {
                return Err(Why::Name(word.lower.clone()));
            }
        }
        let beside = index.saturating_sub(1)..(index + 2).min(self.readings.len());
        let near = &self.flat[self.starts[beside.start]..self.starts[beside.end]];
        compare::numbers(&sentence.words, near, &self.flat)?;
        compare::polarity(&sentence.words, &line.words, near)?;
        compare::copy(&sentence.words, &line.words, |word| self.everywhere.contains(&word.stem))
    }

    /// Whether the sentence is the line but for a few words: then no other line excuses what differs.
    pub(super) fn is_copy(&self, index: usize, sentence: &Reading) -> bool {
        compare::copied(&sentence.words, &self.readings[index].words) >= compare::CLOSE_SHARE
    }

    /// Whether a name stands in the source: as it is, in the plural, or spelled out.
    fn knows(&self, key: &str, stem: &str) -> bool {
        let singular = key.strip_suffix('s').filter(|rest| rest.len() >= 2);
        self.names.contains(key)
            || singular.is_some_and(|key| self.names.contains(key))
            || self.everywhere.contains(stem)
            || (key.len() >= 3 && key.len() <= 6 && self.initials.iter().any(|initials| initials.contains(key)))
    }

    /// Whether the address stands in the source, and is not the beginning of another.
    pub(super) fn has_link(&self, link: &str) -> bool {
        self.text.match_indices(link).any(|(at, _)| {
            let before = self.text[..at].chars().next_back().is_none_or(|last| !last.is_alphanumeric());
            let mut rest = self.text[at + link.len()..].trim_start_matches(['.', ',', ';', ':', '!', '?', ')']).chars();
            before
                && rest.next().is_none_or(|next| {
                    next.is_whitespace() || matches!(next, '"' | '\'' | '<' | '>' | '(' | '[' | ']' | '*' | '_')
                })
        })
    }
}

fn learn_names(words: &[Word], names: &mut HashSet<String>, initials: &mut [String; 2]) {
    let mut previous: Option<String> = None;
    for word in words {
        let key = squeezed(&word.lower);
        if let Some(first) = word.lower.chars().next() {
            initials[0].push(first);
            if word.content {
                initials[1].push(first);
            }
        }
        // "IL 6" and "IL-6" are one name.
        if let Some(before) = previous.filter(|_| key.starts_with(char::is_numeric) || key.len() <= 2) {
            names.insert(format!("{before}{key}"));
        }
        names.insert(key.clone());
        previous = Some(key);
    }
    for initials in initials {
        initials.push(' ');
    }
}

fn squeezed(lower: &str) -> String {
    lower.chars().filter(|character| character.is_alphanumeric()).collect()
}

/// Support by words, or by words and meaning where that is greater: a paraphrase shares few words with its line.
///
/// Weight and zero were chosen with MiniLM on 60 documents of the half of the suite that is not in the repository:
/// at them as at every weight up to 0.8 no sentence of another paper stands.
fn fuse(lexical: f32, cosine: Option<f32>) -> f32 {
    const MEANING: f32 = 0.7;
    // The cosine of texts that have nothing to do with each other.
    const UNRELATED: f32 = 0.1;
    let Some(cosine) = cosine else { return lexical };
    let meaning = ((cosine - UNRELATED) / (1.0 - UNRELATED)).clamp(0.0, 1.0);
    lexical.max((1.0 - MEANING) * lexical + MEANING * meaning)
}

fn cosine(one: &[f32], two: &[f32]) -> f32 {
    if one.len() != two.len() { 0.0 } else { one.iter().zip(two).map(|(a, b)| a * b).sum() }
}
