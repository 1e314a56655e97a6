//! The lines of a paper that say its problem, method, data, result and limits; and the one that says it all. Pure: a
//! choice among the paper's own sentences, so that each stays a line one can check.

use std::{ops::Range, sync::LazyLock};

use chat::Document;
use regex::Regex;

use super::extract::{self, cosine};

/// Sentences of a paper that are looked at, at most: its beginning holds what it is about.
pub const SENTENCES_MAX: usize = 600;

/// Sentences outside these lengths, in words, are headings, fragments, or too much for a line.
const WORDS: Range<usize> = 6..60;

/// What a section under the right heading, and a phrase that authors use for it, are worth beside the cosine.
const SECTION: f32 = 0.12;
const CUE: f32 = 0.15;

/// What an early sentence is worth: a paper says first what it is about.
const EARLY: f32 = 0.08;
const EARLY_SENTENCES: usize = 12;

/// What it costs to lean on a sentence before, or to speak of the paper's own parts: such a line does not stand alone.
const LEANS: f32 = 0.12;

/// What each word past the wanted length costs.
const LONG: f32 = 0.01;

/// From this on a sentence says what is looked for.
const FOUND: f32 = 0.33;

/// Something that a reader wants to know of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facet {
    /// What it is about, and why.
    Problem,
    /// What was done.
    Method,
    /// On what.
    Data,
    /// What came out.
    Result,
    /// What it does not show.
    Limits,
}

impl Facet {
    /// In the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Problem, Self::Method, Self::Data, Self::Result, Self::Limits];

    /// In which order they choose: what only one sentence says chooses first.
    const CHOOSING: [Self; 5] = [Self::Result, Self::Limits, Self::Data, Self::Method, Self::Problem];

    /// What is looked for, in words for the encoder.
    pub fn query(self) -> &'static str {
        match self {
            Self::Problem => "The problem is difficult and not yet solved, and it matters because",
            Self::Method => "We propose a method, model or approach that works in this way",
            Self::Data => "The data set, corpus, participants, samples or materials that were used",
            Self::Result => "The results show that it improves, and the main finding is",
            Self::Limits => "A limitation of this study, what it cannot show, and what is left for future work",
        }
    }

    fn sections(self) -> &'static [&'static str] {
        match self {
            Self::Problem => &["abstract", "introduction", "background", "motivation"],
            Self::Method => &["method", "approach", "model", "abstract", "design"],
            Self::Data => &["data", "corpus", "participants", "materials", "experiment", "setup", "samples"],
            Self::Result => &["result", "conclusion", "abstract", "finding", "evaluation"],
            Self::Limits => &["limitation", "discussion", "conclusion", "future"],
        }
    }

    fn cue(self) -> &'static Regex {
        static CUES: LazyLock<[Regex; 5]> = LazyLock::new(|| {
            [
                r"(?i)\b(problem|challenge|difficult|however|remains?|unclear|little is known|lack(s|ing)?|yet)\b",
                r"(?i)\b(we (propose|present|introduce|develop|describe|design|use|train|apply)|our (method|approach|model|system)|this (paper|article|work|study) (proposes|presents|introduces|describes))\b",
                r"(?i)\b(data ?sets?|corp(us|ora)|participants|patients|samples|annotated|collected|messages|sentences|documents|questionnaires?|genomes?|strains?|mice)\b",
                r"(?i)\b(results? (show|suggest|indicate|demonstrate)|we (find|found|show|demonstrate|observe)|outperforms?|improve[sd]?|achieve[sd]?|increase[sd]?|significant(ly)?|accuracy)\b",
                r"(?i)\b(limitations?|limited|future (work|research|studies)|cannot|could not|did not|caution|further (work|research|studies))\b",
            ]
            .map(|pattern| Regex::new(pattern).expect("the pattern is fixed"))
        });
        &CUES[self as usize]
    }
}

/// Whether a sentence needs the one before it, or speaks of the paper's parts.
fn leans(text: &str) -> bool {
    static LEANING: LazyLock<Regex> = LazyLock::new(|| {
        let words = r"^(this|these|those|that|it|they|such|here|thus|hence|therefore|moreover|furthermore|also|however|but|and|for example|for instance|in contrast|on the other hand|similarly|both|another|again)\b|^by \w+ing (this|these|those)\b|\b(in this section|in section|the (next|following|previous) section|(table|figure|fig\.|appendix) \w)";
        Regex::new(&format!("(?i){words}")).expect("the pattern is fixed")
    });
    LEANING.is_match(text)
}

/// The sentences of a document that can stand as a line, with the heading that each stands under.
pub fn sentences(document: &Document) -> Vec<(Range<usize>, Option<&str>)> {
    let language = document.language.as_deref().unwrap_or("en");
    let mut found = Vec::new();
    for range in chat::text::sentences(&document.text, language) {
        let text = &document.text[range.clone()];
        let trimmed = text.trim();
        let start = range.start + (text.len() - text.trim_start().len());
        let words = trimmed.split_whitespace().count();
        let is_line = WORDS.contains(&words)
            || (words < WORDS.start && trimmed.chars().filter(|c| chat::text::is_cjk(*c)).count() > 12);
        // A list of references is no line of the paper.
        let heading = document.section_at(start);
        if is_line && !heading.is_some_and(|heading| heading.to_lowercase().starts_with("reference")) {
            found.push((start..start + trimmed.len(), heading));
        }
        if found.len() >= SENTENCES_MAX {
            break;
        }
    }
    found
}

/// For each facet, in the order of [`Facet::ALL`], the sentence that says it; none where no sentence does. `vectors` belong
/// to `sentences` and `queries` to the facets, all of unit norm; about `words` words a line are wanted.
pub fn facets(
    sentences: &[(&str, Option<&str>)],
    vectors: &[Vec<f32>],
    queries: &[Vec<f32>],
    words: usize,
) -> [Option<usize>; 5] {
    let mut chosen = [None; 5];
    for facet in Facet::CHOOSING {
        let score = |at: usize| {
            let (text, heading) = sentences[at];
            let heading = heading.map(str::to_lowercase).unwrap_or_default();
            let under = facet.sections().iter().any(|section| heading.contains(section));
            let long = text.split_whitespace().count().saturating_sub(words) as f32;
            cosine(&vectors[at], &queries[facet as usize])
                + if under { SECTION } else { 0.0 }
                + if facet.cue().is_match(text) { CUE } else { 0.0 }
                + if at < EARLY_SENTENCES { EARLY } else { 0.0 }
                - if leans(text) { LEANS } else { 0.0 }
                - LONG * long
        };
        let free = (0..sentences.len()).filter(|at| !chosen.contains(&Some(*at)));
        let best = free.map(|at| (at, score(at))).max_by(|one, two| one.1.total_cmp(&two.1).then(two.0.cmp(&one.0)));
        chosen[facet as usize] = best.filter(|(_, score)| *score >= FOUND).map(|(at, _)| at);
    }
    chosen
}

/// The sentences that say most of all, the best first, at most `most`. `title` is the embedding of the paper's title.
pub fn tldr(sentences: &[&str], vectors: &[Vec<f32>], title: &[f32], most: usize) -> Vec<usize> {
    let cues = [Facet::Method, Facet::Result];
    let prior: Vec<f32> = sentences
        .iter()
        .zip(vectors)
        .map(|(text, vector)| {
            let cue: f32 = cues.iter().map(|facet| f32::from(u8::from(facet.cue().is_match(text)))).sum();
            cosine(vector, title).max(0.0) + 0.25 * cue - if leans(text) { LEANS } else { 0.0 }
        })
        .collect();
    let positive: Vec<f32> = prior.iter().map(|prior| prior.max(0.0)).collect();
    let central = extract::centrality(vectors, &positive);
    let scores: Vec<f32> = central.iter().zip(&prior).map(|(central, prior)| 0.4 * central + 0.6 * prior).collect();
    extract::diverse(vectors, &scores, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(&str, Option<&str>); 5] = [
        ("Telling conversations in one channel apart is a difficult problem.", Some("Introduction")),
        ("We propose a model that scores each earlier message.", Some("Method")),
        ("The corpus holds messages that were annotated by hand.", Some("Data")),
        ("The results show that it outperforms the heuristic.", Some("Results")),
        ("It remains for future work to try other languages.", Some("Conclusion")),
    ];

    #[test]
    fn a_line_that_leans_on_another_is_told_by_its_words() {
        for text in
            ["This shows that it works.", "However, it fails.", "In Section 3 we propose a model.", "Table 2 shows it."]
        {
            assert!(leans(text), "{text}");
        }
        for text in ["We propose a model.", "The results show that it works.", "Ducks dive at dawn."] {
            assert!(!leans(text), "{text}");
        }
    }

    /// Rows that say nothing: cues and headings decide alone.
    fn flat(count: usize) -> Vec<Vec<f32>> {
        vec![vec![0.2, 0.98]; count]
    }

    #[test]
    fn each_line_says_what_its_section_and_its_words_say() {
        let queries = vec![vec![1.0, 0.0]; 5];
        let found = facets(&TEXTS, &flat(5), &queries, 30);
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn what_no_sentence_says_is_not_made_up() {
        let queries = vec![vec![1.0, 0.0]; 5];
        let found = facets(&TEXTS[..1], &flat(1), &queries, 30);
        assert_eq!(found, [Some(0), None, None, None, None]);
        assert_eq!(facets(&[], &[], &queries, 30), [None; 5]);
    }
}
