//! Measures of one ranking against graded judgements, as `trec_eval` and BEIR compute them.
//!
//! **Invariant:** a document counts once, at its best rank, so that the passages of one document can be ranked.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// A ranking, reduced to what the measures need.
///
/// Where a query has no relevant document at all, every measure is 0, as in `trec_eval -c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Gain at each rank, without repeated documents.
    gains: Vec<u32>,
    /// All positive gains that were to be had, best first.
    ideal: Vec<u32>,
}

impl Ranked {
    /// Reads `ranking`, best first, against `judged`, the gain of each judged document. A document that is not judged
    /// has gain 0; one with a gain above 0 is relevant.
    pub fn new<Id: Eq + Hash>(ranking: impl IntoIterator<Item = Id>, judged: &HashMap<Id, u32>) -> Self {
        let mut seen = HashSet::new();
        let mut gains = Vec::new();
        for id in ranking {
            let gain = judged.get(&id).copied().unwrap_or(0);
            if seen.insert(id) {
                gains.push(gain);
            }
        }
        let mut ideal: Vec<u32> = judged.values().copied().filter(|&gain| gain > 0).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        Self { gains, ideal }
    }

    /// nDCG@k: `DCG@k / DCG@k of the ideal ranking`, with `DCG@k = sum over ranks i = 1..k of gain(i) / log2(i + 1)`.
    ///
    /// Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; linear gains and
    /// this discount are those of `trec_eval`'s `ndcg_cut`, which BEIR reports.
    pub fn ndcg(&self, k: usize) -> f64 {
        ratio(discounted(&self.gains, k), discounted(&self.ideal, k))
    }

    /// Recall@k: the share of all relevant documents that stand in the first `k`. (`trec_eval`: `recall`.)
    pub fn recall(&self, k: usize) -> f64 {
        ratio(self.relevant_within(k) as f64, self.ideal.len() as f64)
    }

    /// Precision@k: relevant documents in the first `k`, divided by `k` even where the ranking is shorter.
    /// (`trec_eval`: `P`.)
    pub fn precision(&self, k: usize) -> f64 {
        ratio(self.relevant_within(k) as f64, k as f64)
    }

    /// Average precision over the whole ranking: the sum of Precision@i over the ranks `i` of relevant documents,
    /// divided by the number of all relevant ones. Its mean over queries is MAP. (`trec_eval`: `map`.)
    pub fn average_precision(&self) -> f64 {
        let mut found = 0.0;
        let mut sum = 0.0;
        for (rank, _) in self.gains.iter().enumerate().filter(|(_, gain)| **gain > 0) {
            found += 1.0;
            sum += found / (rank + 1) as f64;
        }
        ratio(sum, self.ideal.len() as f64)
    }

    /// Reciprocal rank within the first `k`: 1 / rank of the first relevant document, 0 where there is none. Its mean
    /// over queries is MRR@k. (`trec_eval`: `recip_rank`, there without a cut; MS MARCO cuts at 10.)
    pub fn reciprocal_rank(&self, k: usize) -> f64 {
        self.gains.iter().take(k).position(|&gain| gain > 0).map_or(0.0, |rank| 1.0 / (rank + 1) as f64)
    }

    fn relevant_within(&self, k: usize) -> usize {
        self.gains.iter().take(k).filter(|gain| **gain > 0).count()
    }
}

/// Discounted cumulated gain of the first `k`.
fn discounted(gains: &[u32], k: usize) -> f64 {
    gains.iter().take(k).enumerate().map(|(rank, &gain)| f64::from(gain) / ((rank + 2) as f64).log2()).sum()
}

/// `part / whole`, and 0 where there is no whole.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(ranking: &[&'static str], judged: &[(&'static str, u32)]) -> Ranked {
        Ranked::new(ranking.iter().copied(), &judged.iter().copied().collect())
    }

    #[track_caller]
    fn check(found: f64, want: f64) {
        assert!((found - want).abs() < 1e-9, "{found} is not {want}");
    }

    /// The rankings below, scored once with pytrec_eval-terrier 0.5.11 (trec_eval 9).
    #[test]
    fn the_measures_are_those_of_trec_eval() {
        let graded =
            ranked(&["d2", "d4", "d1", "d6", "d9", "d5"], &[("d1", 2), ("d2", 1), ("d5", 3), ("d9", 0), ("d11", 1)]);
        check(graded.ndcg(3), 0.420_003_991_508);
        check(graded.ndcg(5), 0.385_168_244_357);
        check(graded.ndcg(10), 0.590_967_789_686);
        check(graded.recall(3), 0.5);
        check(graded.recall(100), 0.75);
        check(graded.precision(3), 2.0 / 3.0);
        check(graded.precision(5), 0.4);
        check(graded.average_precision(), 0.541_666_666_667);
        check(graded.reciprocal_rank(10), 1.0);

        let third = ranked(&["d1", "d2", "d3"], &[("d3", 1)]);
        check(third.ndcg(10), 0.5);
        check(third.average_precision(), 0.333_333_333_333);
        check(third.reciprocal_rank(10), 0.333_333_333_333);
        check(third.precision(5), 0.2);
    }

    #[test]
    fn gains_enter_linearly_and_are_discounted_from_the_second_rank_on() {
        // DCG = 1 / log2(2) + 3 / log2(3), ideal = 3 / log2(2) + 1 / log2(3).
        let log2_3 = 3f64.log2();
        check(ranked(&["a", "b"], &[("a", 1), ("b", 3)]).ndcg(10), (1.0 + 3.0 / log2_3) / (3.0 + 1.0 / log2_3));
    }

    #[test]
    fn a_perfect_ranking_scores_one_at_any_cut() {
        let perfect = ranked(&["a", "b", "c"], &[("a", 3), ("b", 2), ("c", 1)]);
        for k in [1, 2, 3, 10] {
            check(perfect.ndcg(k), 1.0);
        }
        check(perfect.average_precision(), 1.0);
    }

    #[test]
    fn the_cut_hides_what_stands_below_it() {
        let late = ranked(&["a", "b", "c"], &[("c", 1)]);
        check(late.reciprocal_rank(2), 0.0);
        check(late.ndcg(2), 0.0);
        check(late.recall(2), 0.0);
        check(late.precision(0), 0.0);
    }

    #[test]
    fn a_query_without_relevant_documents_scores_zero() {
        for judged in [&[][..], &[("a", 0)]] {
            let none = ranked(&["a", "b"], judged);
            for score in [none.ndcg(10), none.recall(10), none.average_precision(), none.reciprocal_rank(10)] {
                check(score, 0.0);
            }
        }
    }

    #[test]
    fn a_repeated_document_counts_once_at_its_best_rank() {
        let judged = &[("a", 1), ("b", 1)];
        assert_eq!(ranked(&["x", "a", "a", "x", "b"], judged), ranked(&["x", "a", "b"], judged));
    }
}
