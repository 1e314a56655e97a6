//! Counting of n-grams, which ROUGE, BLEU and chrF share.

use std::{collections::HashMap, hash::Hash};

/// How often each run of `n` items occurs; `n` is above 0.
pub(super) fn count<T: Eq + Hash>(items: &[T], n: usize) -> HashMap<&[T], usize> {
    let mut counts = HashMap::new();
    for run in items.windows(n) {
        *counts.entry(run).or_insert(0) += 1;
    }
    counts
}

/// How many n-grams of `found` stand in `want`, each at most as often as there: "clipped" matches.
pub(super) fn clipped<T: Eq + Hash>(found: &HashMap<&[T], usize>, want: &HashMap<&[T], usize>) -> usize {
    found.iter().map(|(run, &often)| want.get(run).map_or(0, |&most| often.min(most))).sum()
}

/// The words of `text` between spaces, as Python's `str.split` cuts them: four control characters count as spaces there,
/// which Unicode's `White_Space` and so `split_whitespace` do not know.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Whether Python's `str.isspace` holds.
pub(super) fn is_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\x1c'..='\x1f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &str, want: &str, n: usize, matches: usize) {
        let [found, want]: [Vec<&str>; 2] = [found, want].map(|text| words(text).collect());
        assert_eq!(clipped(&count(&found, n), &count(&want, n)), matches);
    }

    #[test]
    fn a_repeated_run_matches_only_as_often_as_it_is_wanted() {
        check("the the the the the the the", "the cat is on the mat", 1, 2);
        check("the cat the cat", "the cat is on the mat", 2, 1);
        check("on the mat", "the cat is on the mat", 4, 0);
        check("", "the cat", 1, 0);
    }

    #[test]
    fn words_are_cut_as_in_python() {
        assert_eq!(words(" a\u{a0}b\x1fc\u{3000}\td\u{200b}e ").collect::<Vec<_>>(), ["a", "b", "c", "d\u{200b}e"]);
    }
}
