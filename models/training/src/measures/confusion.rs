//! Measures of yes-or-no decisions: precision, recall and F1.

use serde::{Deserialize, Serialize};

/// How decisions fell against the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Said yes, and it is.
    pub true_positives: usize,
    /// Said yes, and it is not.
    pub false_positives: usize,
    /// Said no, and it is.
    pub false_negatives: usize,
    /// Said no, and it is not.
    pub true_negatives: usize,
}

impl Confusion {
    /// Counts one decision.
    pub fn add(&mut self, decided: bool, truth: bool) {
        *match (decided, truth) {
            (true, true) => &mut self.true_positives,
            (true, false) => &mut self.false_positives,
            (false, true) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        } += 1;
    }

    /// `TP / (TP + FP)`: the share of what was said that is so; 0 where nothing was said.
    pub fn precision(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// `TP / (TP + FN)`: the share of what is so that was said; 0 where there is none.
    pub fn recall(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// `2 TP / (2 TP + FP + FN)`: the harmonic mean of precision and recall; 0 where both are.
    ///
    /// Source: van Rijsbergen, "Information Retrieval", 1979, chapter 7, with beta = 1.
    pub fn f1(&self) -> f64 {
        share(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)
    }

    /// `(TP + TN) / all`: the share of right decisions; 0 where there were none.
    pub fn accuracy(&self) -> f64 {
        let right = self.true_positives + self.true_negatives;
        share(right, right + self.false_positives + self.false_negatives)
    }
}

impl FromIterator<(bool, bool)> for Confusion {
    /// Counts pairs of (decided, truth).
    fn from_iter<T: IntoIterator<Item = (bool, bool)>>(pairs: T) -> Self {
        let mut all = Self::default();
        for (decided, truth) in pairs {
            all.add(decided, truth);
        }
        all
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(bool, bool)], want: [f64; 4]) {
        let all: Confusion = pairs.iter().copied().collect();
        let found = [all.precision(), all.recall(), all.f1(), all.accuracy()];
        assert!(found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-12), "{found:?} is not {want:?}");
    }

    #[test]
    fn precision_and_recall_have_their_own_errors() {
        let (tp, fp, missed, tn) = ((true, true), (true, false), (false, true), (false, false));
        // By hand: TP 2, FP 1, FN 3, TN 1.
        check(&[tp, tp, fp, missed, missed, missed, tn], [2.0 / 3.0, 0.4, 0.5, 3.0 / 7.0]);
        check(&[tp, tn], [1.0; 4]);
        check(&[fp, missed], [0.0; 4]);
    }

    #[test]
    fn no_decision_at_all_scores_zero() {
        check(&[], [0.0; 4]);
        check(&[(false, false)], [0.0, 0.0, 0.0, 1.0]);
    }
}
