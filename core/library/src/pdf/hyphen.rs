//! Words that a line end cuts in two: `under-` / `standing` is one word, `large-` / `scale` keeps its hyphen.

use std::collections::HashMap;

use super::layout::Page;

/// First parts that hardly ever are syllables of a longer word.
const COMPOUNDS: &[&str] = &["self", "well", "non", "so"];

/// First parts that are syllables as often as not: what follows must be a word of its own.
const PREFIXES: &[&str] = &[
    "pre", "post", "multi", "inter", "cross", "sub", "co", "re", "anti", "semi", "meta", "high", "low", "long", "short",
];

/// How often the document writes each word within a line.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: HashMap<String, usize>,
}

impl Vocabulary {
    /// The words of the lines, but for those that a line end cuts.
    pub(super) fn of(pages: &[Page]) -> Self {
        let mut words: HashMap<String, usize> = HashMap::new();
        let mut is_cut = false;
        for line in pages.iter().flat_map(|page| &page.lines) {
            let halves = usize::from(std::mem::replace(&mut is_cut, line.text.ends_with(['-', '\u{2010}', '\u{ad}'])));
            for word in line.text.split(' ').skip(halves) {
                let word = word.trim_matches(|found: char| !found.is_alphanumeric() && found != '-');
                if !word.is_empty() && !word.ends_with('-') {
                    *words.entry(word.to_lowercase()).or_default() += 1;
                }
            }
        }
        Self { words }
    }

    fn count(&self, word: &str) -> usize {
        self.words.get(&word.to_lowercase()).copied().unwrap_or_default()
    }

    /// Appends the line `next` to `text`, the lines before it.
    ///
    /// The hyphen goes where the next line starts in lower case, unless the document writes the word with it more
    /// often than without, or the first part is a compound's (`state-of-`, `self-`).
    pub(super) fn append(&self, text: &mut String, next: &str) {
        let head = text.strip_suffix(['-', '\u{2010}', '\u{ad}']).filter(|head| head.ends_with(char::is_alphabetic));
        let Some(head) = head.filter(|_| next.starts_with(char::is_alphanumeric)) else {
            let is_tight = text.ends_with(['/', '—']) && next.starts_with(char::is_alphabetic);
            if !(text.is_empty() || is_tight) {
                text.push(' ');
            }
            text.push_str(next);
            return;
        };
        let start = head
            .rfind([' ', '(', '/', '—', '“', '"'])
            .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
        let first = head[start..].to_owned();
        let end = next.find(|found: char| !(found.is_alphanumeric() || found == '-')).unwrap_or(next.len());
        let second = next[..end].trim_end_matches('-');
        let (joined, kept) = (self.count(&format!("{first}{second}")), self.count(&format!("{first}-{second}")));
        let is_low = second.starts_with(char::is_lowercase);
        let lower = first.to_lowercase();
        let is_compound = first.contains('-') || COMPOUNDS.contains(&lower.as_str());
        let has_prefix = PREFIXES.contains(&lower.as_str()) && self.count(second) > 0;
        let has_two_words = first.len() > 3 && second.len() > 3 && self.count(&first) > 1 && self.count(second) > 0;
        let keeps = !is_low || kept > joined || (joined == 0 && (is_compound || has_prefix || has_two_words));
        if !keeps {
            let head = head.len();
            text.truncate(head);
        }
        text.push_str(next);
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Line;
    use super::*;

    #[track_caller]
    fn check(document: &str, first: &str, next: &str, want: &str) {
        let line = Line { text: document.to_owned(), ..Line::default() };
        let vocabulary = Vocabulary::of(&[Page { height: 1.0, lines: vec![line] }]);
        let mut text = first.to_owned();
        vocabulary.append(&mut text, next);
        assert_eq!(text, want);
    }

    #[test]
    fn a_cut_word_is_joined() {
        check("", "we under-", "stand it", "we understand it");
        check("understanding is", "our under-", "standing.", "our understanding.");
        check("find it, find it", "the find-", "ings", "the findings");
        check("", "of conver\u{ad}", "sations", "of conversations");
    }

    #[test]
    fn a_real_hyphen_is_kept() {
        check("a large-scale corpus", "our large-", "scale one", "our large-scale one");
        check("", "the state-of-the-", "art here", "the state-of-the-art here");
        check("", "a self-", "attention", "a self-attention");
        check("no adjudication", "two pre-", "adjudication ones", "two pre-adjudication ones");
        check("", "the BERT-", "Large one", "the BERT-Large one");
        check("", "pages 3-", "5", "pages 3- 5");
        check("graph based and graph based", "a graph-", "based one", "a graph-based one");
    }

    #[test]
    fn other_line_ends_become_a_space() {
        check("", "one", "two", "one two");
        check("", "and/", "or", "and/or");
        check("", "dash -", "here", "dash - here");
    }
}
