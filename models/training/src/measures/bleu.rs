//! BLEU: how many word n-grams a translation shares with its references, as `sacrebleu` 2.6 computes it.
//!
//! Source: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002; smoothing: method 3
//! of Chen and Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU", 2014 (`exp`). All
//! scores lie in 0..1, where `sacrebleu` prints 0..100.
//!
//! A figure means something only beside its [`Tokenizer`]; where that is in doubt, take [`Chrf`](super::Chrf).

use regex::Regex;
use std::{collections::HashMap, sync::LazyLock};

use super::ngrams;

/// Longest run of words.
const ORDER_MAX: usize = 4;

/// How a text falls into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// `13a`, that of NIST's `mteval-v13a.pl` and WMT: ASCII signs stand alone, figures stay whole.
    Mteval,
    /// `zh`: every Chinese character stands alone, the rest as in `13a`.
    Chinese,
    /// `char`: every character stands alone.
    Characters,
}

/// BLEU with a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bleu {
    /// Cuts translations and references.
    pub tokenizer: Tokenizer,
}

impl Bleu {
    /// The score of many translations, each with its references: counts are summed before they are divided, so that
    /// this is not the mean over the sentences. One without references does not count.
    pub fn corpus<'a, S: AsRef<str>, R: AsRef<[S]>>(self, pairs: impl IntoIterator<Item = (&'a str, R)>) -> f64 {
        let mut all = Counts::default();
        for (translation, references) in pairs {
            all.add(self.tokenizer, translation, references.as_ref());
        }
        all.score(ORDER_MAX)
    }

    /// The score of one translation, over the orders that it is long enough for (`effective_order=True`).
    pub fn sentence<S: AsRef<str>>(self, translation: &str, references: &[S]) -> f64 {
        let mut one = Counts::default();
        one.add(self.tokenizer, translation, references);
        one.score(one.found.iter().filter(|found| **found > 0).count())
    }
}

#[derive(Default)]
struct Counts {
    length: usize,
    /// Sum of the references' lengths, of each translation's references the one nearest in length.
    reference_length: usize,
    /// N-grams of the translations by order.
    found: [usize; ORDER_MAX],
    /// Those of them that stand in a reference.
    hits: [usize; ORDER_MAX],
}

impl Counts {
    fn add<S: AsRef<str>>(&mut self, tokenizer: Tokenizer, translation: &str, references: &[S]) {
        let found = tokenizer.tokens(translation);
        let references: Vec<_> = references.iter().map(|reference| tokenizer.tokens(reference.as_ref())).collect();
        // Of two equally near, the shorter one.
        let nearest = references.iter().map(Vec::len).min_by_key(|length| (length.abs_diff(found.len()), *length));
        let Some(nearest) = nearest else { return };
        self.length += found.len();
        self.reference_length += nearest;
        for order in 0..ORDER_MAX {
            let mut most = HashMap::new();
            for (run, often) in references.iter().flat_map(|reference| ngrams::count(reference, order + 1)) {
                let entry = most.entry(run).or_insert(0);
                *entry = often.max(*entry);
            }
            self.found[order] += (found.len() + 1).saturating_sub(order + 1);
            self.hits[order] += ngrams::clipped(&ngrams::count(&found, order + 1), &most);
        }
    }

    /// Brevity penalty times the geometric mean of the precisions up to `order`. The first order without a hit counts
    /// as half a hit, the next as a quarter, and so on; no hit at all scores 0.
    fn score(&self, order: usize) -> f64 {
        if self.hits == [0; ORDER_MAX] {
            return 0.0;
        }
        let mut unseen = 1.0;
        let mut logarithms = 0.0;
        for (&found, &hits) in self.found.iter().zip(&self.hits).take(order) {
            let hits = if hits == 0 {
                unseen /= 2.0;
                unseen
            } else {
                hits as f64
            };
            // Nothing found is a division by zero, and infinitely bad.
            logarithms += if found == 0 { f64::NEG_INFINITY } else { (hits / found as f64).ln() };
        }
        let brevity = (1.0 - self.reference_length as f64 / self.length as f64).min(0.0);
        (brevity + logarithms / order as f64).exp()
    }
}

impl Tokenizer {
    /// The one that `sacrebleu` takes for a language (`zh`, `zho-CN`, `de`, ...), but that Japanese and Korean fall into
    /// characters: it takes MeCab there, a morphological analyser with a dictionary of many megabytes. Such figures are
    /// comparable among themselves only.
    pub fn of(language: &str) -> Self {
        match language.split(['-', '_']).next() {
            Some("zh" | "zho") => Self::Chinese,
            Some("ja" | "jpn" | "ko" | "kor") => Self::Characters,
            _ => Self::Mteval,
        }
    }

    fn tokens(self, text: &str) -> Vec<String> {
        let text = text.trim_end_matches(ngrams::is_space);
        match self {
            Self::Mteval => {
                let text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
                let text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
                western(format!(" {text} "))
            }
            Self::Chinese => {
                let mut spaced = String::with_capacity(2 * text.len());
                for char in text.trim_start_matches(ngrams::is_space).chars() {
                    if is_chinese(char) {
                        spaced.extend([' ', char, ' ']);
                    } else {
                        spaced.push(char);
                    }
                }
                western(spaced)
            }
            Self::Characters => text.chars().filter(|char| !ngrams::is_space(*char)).map(String::from).collect(),
        }
    }
}

/// The language-dependent half of `mteval-v13a.pl`, "assuming Western languages". The rules are applied one after the
/// other to the whole text, and a match begins where the last one ended: that, not a reading by character, decides what
/// becomes of `...`.
fn western(mut text: String) -> Vec<String> {
    static RULES: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        let rule = |pattern, with| (Regex::new(pattern).expect("a constant pattern, compiled in every test"), with);
        [
            rule(r"([{-~\[-` -&(-+:-@/])", " $1 "),
            rule(r"([^0-9])([.,])", "$1 $2 "), // unless a digit stands before
            rule(r"([.,])([^0-9])", " $1 $2"), // unless a digit stands behind
            rule(r"([0-9])(-)", "$1 $2 "),
        ]
    });
    for (pattern, with) in RULES.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    ngrams::words(&text).map(str::to_owned).collect()
}

/// Whether `sacrebleu`'s `zh` lets this character stand alone.
fn is_chinese(char: char) -> bool {
    matches!(char,
        // Meant as U+20000..U+2A6D6 and U+2F800..U+2FA1D and written with four digits there, so that it separates
        // general punctuation, such as “quotation marks”, and no rare character. Published figures hold this.
        '\u{2001}'..='\u{2a6d}' | '\u{2f81}'..='\u{2fa1}'
        | '\u{2e80}'..='\u{2eff}' | '\u{2f00}'..='\u{2fdf}' | '\u{2ff0}'..='\u{303f}' // radicals, signs
        | '\u{3100}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31c0}'..='\u{31ef}' // phonetic, strokes
        | '\u{3200}'..='\u{33ff}' // enclosed and squared
        | '\u{3400}'..='\u{4db5}' | '\u{4e00}'..='\u{9fbb}' // ideographs
        | '\u{f900}'..='\u{fa2d}' | '\u{fa30}'..='\u{fa6a}' | '\u{fa70}'..='\u{fad9}' // compatibility ideographs
        | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ffef}' // vertical and full-width forms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tokenizer: Tokenizer, text: &str, want: &str) {
        assert_eq!(tokenizer.tokens(text).join(" "), want);
    }

    #[test]
    fn western_signs_stand_alone_and_figures_stay_whole() {
        check(Tokenizer::Mteval, "It's 3.14, \"or\" 1-2... (so)", "It's 3.14 , \" or \" 1 - 2 . . . ( so )");
        check(Tokenizer::Mteval, "R&amp;D -\nco-author\n", "R & D co-author");
        check(Tokenizer::Mteval, "« ça » — v2.0.", "« ça » — v2.0 .");
    }

    #[test]
    fn chinese_characters_stand_alone() {
        check(Tokenizer::Chinese, "模型GPT-2,“好”。3.5倍", "模 型 GPT-2 , “ 好 ” 。 3.5 倍");
        check(Tokenizer::Characters, "モデル v2 ", "モ デ ル v 2");
    }

    #[test]
    fn the_language_decides_the_tokenizer() {
        let of = ["zho-CN", "zh", "jpn", "ko", "deu", "arb"].map(Tokenizer::of);
        use Tokenizer::{Characters, Chinese, Mteval};
        assert_eq!(of, [Chinese, Chinese, Characters, Characters, Mteval, Mteval]);
    }

    #[track_caller]
    fn score(found: f64, want: f64) {
        assert!((found - want).abs() < 1e-12, "{found} is not {want}");
    }

    const BLEU: Bleu = Bleu { tokenizer: Tokenizer::Mteval };

    #[test]
    fn an_order_without_a_hit_counts_half_and_then_a_quarter() {
        // 3 of 4 words, 1 of 3 pairs, 0 of 2 and 0 of 1 beyond.
        let want = (3.0 / 4.0 * 1.0 / 3.0 * 0.5 / 2.0 * 0.25 / 1.0f64).powf(0.25);
        score(BLEU.sentence("a b x d", &["a b c d"]), want);
        score(BLEU.corpus([("a b x d", ["a b c d"])]), want);
    }

    #[test]
    fn what_is_shorter_than_its_nearest_reference_is_punished() {
        score(BLEU.sentence("a b c d", &["a b c d e", "a b c d e f g"]), (1.0f64 - 5.0 / 4.0).exp());
        score(BLEU.sentence("a b c d", &["a b c", "a b c d e"]), 1.0);
    }

    #[test]
    fn a_sentence_is_measured_over_the_orders_it_is_long_enough_for() {
        score(BLEU.sentence("a b", &["a b"]), 1.0);
        score(BLEU.corpus([("a b", ["a b"])]), 0.0);
    }

    #[test]
    fn nothing_scores_zero() {
        score(BLEU.sentence("", &["a"]), 0.0);
        score(BLEU.sentence("a", &[""; 0]), 0.0);
        score(BLEU.corpus::<&str, [&str; 0]>([]), 0.0);
    }
}
