//! chrF: how many character n-grams a translation shares with its reference, as `sacrebleu` 2.6 computes it.
//!
//! Source: Popović, "chrF: character n-gram F-score for automatic MT evaluation", 2015, and "chrF++: words helping
//! character n-grams", 2017. All scores lie in 0..1, where `sacrebleu` prints 0..100. No tokenizer is needed, so that
//! every language is measured alike.

use super::ngrams;

/// Longest run of characters.
const CHARACTERS_MAX: usize = 6;
/// Longest run of words, where words count.
const WORDS_MAX: usize = 2;
/// How many times more recall weighs than precision.
const BETA: f64 = 2.0;

/// Which n-grams count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chrf {
    /// chrF2: runs of 1 to 6 characters, spaces left out.
    Characters,
    /// chrF++ (chrF2++): runs of 1 and 2 words besides.
    CharactersAndWords,
}

impl Chrf {
    /// The score of one translation; of several references the one with the best score counts. 0 without references.
    pub fn sentence<S: AsRef<str>>(self, translation: &str, references: &[S]) -> f64 {
        score(&self.counts(translation, references))
    }

    /// The score of many translations, each with its references: counts are summed before they are divided, so that
    /// this is not the mean over the sentences.
    pub fn corpus<'a, S: AsRef<str>, R: AsRef<[S]>>(self, pairs: impl IntoIterator<Item = (&'a str, R)>) -> f64 {
        let mut all = Counts::default();
        for (translation, references) in pairs {
            for (sum, one) in all.iter_mut().zip(self.counts(translation, references.as_ref())) {
                *sum = [0, 1, 2].map(|part| sum[part] + one[part]);
            }
        }
        score(&all)
    }

    /// The counts against the reference with the best score, the first of equals.
    fn counts<S: AsRef<str>>(self, translation: &str, references: &[S]) -> Counts {
        let found = Text::new(translation);
        let mut best = (-1.0, Counts::default());
        for reference in references {
            let counts = self.compare(&found, &Text::new(reference.as_ref()));
            let score = score(&counts);
            if score > best.0 {
                best = (score, counts);
            }
        }
        best.1
    }

    fn compare(self, found: &Text, wanted: &Text) -> Counts {
        let mut counts = Counts::default();
        let (characters, words) = counts.split_at_mut(CHARACTERS_MAX);
        for (order, count) in characters.iter_mut().enumerate() {
            *count = compare(&found.characters, &wanted.characters, order + 1);
        }
        if self == Self::CharactersAndWords {
            for (order, count) in words.iter_mut().enumerate() {
                *count = compare(&found.words, &wanted.words, order + 1);
            }
        }
        counts
    }
}

/// For each order the number of n-grams in the translation, in the reference, and in both.
type Counts = [[usize; 3]; CHARACTERS_MAX + WORDS_MAX];

fn compare<T: Eq + std::hash::Hash>(found: &[T], wanted: &[T], n: usize) -> [usize; 3] {
    let [found_all, wanted_all] = [found, wanted].map(|items| (items.len() + 1).saturating_sub(n));
    let hits = ngrams::clipped(&ngrams::count(found, n), &ngrams::count(wanted, n));
    // Where the reference is too short for this order, what was said there cannot be wrong.
    [if wanted_all > 0 { found_all } else { 0 }, wanted_all, hits]
}

/// `(1 + beta^2) P R / (beta^2 P + R)`, with P and R the means over the orders that both sides have.
fn score(counts: &Counts) -> f64 {
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
    for &[found, wanted, hits] in counts.iter().filter(|[found, wanted, _]| *found > 0 && *wanted > 0) {
        precision += hits as f64 / found as f64;
        recall += hits as f64 / wanted as f64;
        orders += 1.0;
    }
    if precision + recall == 0.0 {
        return 0.0;
    }
    (precision, recall) = (precision / orders, recall / orders);
    let factor = BETA * BETA;
    (1.0 + factor) * precision * recall / (factor * precision + recall)
}

struct Text<'a> {
    characters: Vec<char>,
    words: Vec<&'a str>,
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            characters: text.chars().filter(|char| !ngrams::is_space(*char)).collect(),
            words: ngrams::words(text).flat_map(without_sign).collect(),
        }
    }
}

/// Cuts one ASCII sign off the end of a word or else off its start, as Popović's script does: `(hi)` is `(hi` and `)`.
fn without_sign(word: &str) -> impl Iterator<Item = &str> {
    let is_sign = |char: char| char.is_ascii_punctuation();
    let at = if word.chars().nth(1).is_none() {
        0
    } else if word.ends_with(is_sign) {
        word.len() - 1
    } else if word.starts_with(is_sign) {
        1
    } else {
        0
    };
    let (head, tail) = word.split_at(at);
    [head, tail].into_iter().filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, want: f64) {
        assert!((found - want).abs() < 1e-12, "{found} is not {want}");
    }

    #[test]
    fn equal_texts_score_one_and_spaces_do_not_count() {
        for text in ["a", "ab cd", "研究 社群", "Was ist das?"] {
            check(Chrf::Characters.sentence(text, &[text]), 1.0);
            check(Chrf::CharactersAndWords.sentence(text, &[text]), 1.0);
        }
        check(Chrf::Characters.sentence("a b c", &["abc"]), 1.0);
    }

    #[test]
    fn precision_and_recall_are_means_over_the_orders_and_recall_weighs_more() {
        // "ab" against "abc": P = (2/2 + 1/1) / 2, R = (2/3 + 1/2) / 2, trigrams are not had.
        let (p, r) = (1.0, (2.0 / 3.0 + 0.5) / 2.0);
        check(Chrf::Characters.sentence("ab", &["abc"]), 5.0 * p * r / (4.0 * p + r));
        // The other way round the reference has no trigram, and that order does not count.
        check(Chrf::Characters.sentence("abc", &["ab"]), 5.0 * p * r / (4.0 * r + p));
    }

    #[test]
    fn the_best_reference_counts_and_none_scores_zero() {
        check(Chrf::Characters.sentence("ab", &["xyz", "ab", "a"]), 1.0);
        check(Chrf::Characters.sentence("ab", &[""; 0]), 0.0);
        check(Chrf::Characters.sentence("", &["ab"]), 0.0);
        check(Chrf::Characters.corpus([("ab", &[""; 0]), ("ab", &[])]), 0.0);
    }

    #[test]
    fn a_corpus_sums_counts() {
        // One character each: 1 of 2 found, 1 of 2 wanted.
        check(Chrf::Characters.corpus([("a", ["a"]), ("b", ["c"])]), 0.5);
    }

    #[test]
    fn one_sign_is_cut_off_a_word() {
        let cut = |word| without_sign(word).collect::<Vec<_>>();
        assert_eq!(cut("(hi)"), ["(hi", ")"]);
        assert_eq!(cut("\"hi"), ["\"", "hi"]);
        assert_eq!(cut("."), ["."]);
        assert_eq!(cut("né…"), ["né…"]);
    }
}
