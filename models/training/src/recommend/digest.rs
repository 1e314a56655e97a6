//! What is shown to somebody, in which order, and why.

use serde::{Deserialize, Serialize};

use super::{
    feedback::Taste,
    signals::{Signals, Way},
};

/// Candidates that diversity chooses from, for each place in the list.
const POOL: usize = 10;

/// Raises below this are rounding, not reasons.
const RAISES_MIN: f32 = 1e-4;

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DigestOptions {
    /// Most papers.
    pub limit: usize,
    /// 0 ranks by score alone, 1 by difference from what is shown already alone.
    pub diversity: f32,
    /// Most reasons of a paper.
    pub reasons_max: usize,
    /// Most terms of a topic.
    pub terms_max: usize,
}

impl Default for DigestOptions {
    /// Ten papers, three reasons.
    fn default() -> Self {
        Self { limit: 10, diversity: 0.3, reasons_max: 3, terms_max: 3 }
    }
}

/// A paper that is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// Which.
    pub paper: u32,
    /// Its score, comparable within one person only.
    pub score: f32,
    /// What raised it, with how much, most first. Empty where it only fills the list.
    pub reasons: Vec<(Reason, f32)>,
}

/// What raised a paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reason {
    /// It lies near a paper that the person liked.
    Near {
        /// Which.
        liked: u32,
        /// Cosine of the two.
        cosine: f32,
    },
    /// It is about what the person's papers are about.
    Topic {
        /// Stems, as `chat::text::terms` has them, weightiest first: words for them stand in the paper's title or text.
        terms: Vec<String>,
    },
    /// Who liked this paper of the person's liked it too.
    Together {
        /// Which.
        liked: u32,
        /// How many like both.
        readers: u32,
    },
    /// Many like it.
    Popular {
        /// How many.
        likes: u32,
    },
    /// It is new.
    New {
        /// Its age.
        days: i32,
    },
}

/// Chooses among `candidates` for one person; what the person said anything of before is left out.
pub fn digest(
    signals: &Signals<'_>,
    taste: &Taste,
    way: Way<'_>,
    candidates: &[u32],
    options: &DigestOptions,
) -> Vec<Pick> {
    let here = |paper: &u32| (*paper as usize) < signals.catalogue.len() && taste.seen.binary_search(paper).is_err();
    let mut open: Vec<u32> = candidates.iter().copied().filter(here).collect();
    open.sort_unstable();
    open.dedup();
    let rows = signals.rows(taste, &open);
    let scores: Vec<f32> = rows.iter().map(|row| way.score(row)).collect();
    let mut pool: Vec<usize> = (0..open.len()).collect();
    pool.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(open[*a].cmp(&open[*b])));
    pool.truncate(POOL * options.limit);
    let of_pool: Vec<f32> = pool.iter().map(|at| scores[*at]).collect();
    let cosine = |a: usize, b: usize| signals.catalogue.cosine(open[pool[a]], open[pool[b]]);
    let usual = usual(&rows);
    let pick = |at: usize| {
        let (paper, row) = (open[pool[at]], &rows[pool[at]]);
        Pick { paper, score: of_pool[at], reasons: reasons(signals, taste, way, paper, row, &usual, options) }
    };
    diverse(&of_pool, cosine, options.limit, options.diversity).into_iter().map(pick).collect()
}

/// Maximal marginal relevance: places in `scores`, each the one with the highest
/// `(1 - diversity) score - diversity (largest cosine to those before)`, scores being brought to 0..1. `cosine` is asked for
/// places.
///
/// Source: Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
/// summaries", SIGIR 1998.
pub fn diverse(scores: &[f32], cosine: impl Fn(usize, usize) -> f32, limit: usize, diversity: f32) -> Vec<usize> {
    let low = scores.iter().copied().fold(f32::INFINITY, f32::min);
    let range = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low;
    let relevance = |at: usize| if range > 0.0 { (scores[at] - low) / range } else { 0.0 };
    let mut near = vec![0.0f32; scores.len()];
    let mut left: Vec<usize> = (0..scores.len()).collect();
    let mut chosen = Vec::new();
    while chosen.len() < limit {
        let worth = |at: &usize| (1.0 - diversity) * relevance(*at) - diversity * near[*at];
        let best = left.iter().enumerate().max_by(|(_, a), (_, b)| worth(a).total_cmp(&worth(b)).then(b.cmp(a)));
        let Some((place, _)) = best else { break };
        let next = left.remove(place);
        left.iter().for_each(|at| near[*at] = near[*at].max(cosine(*at, next)));
        chosen.push(next);
    }
    chosen
}

/// The mean of each signal: what a reason is held against.
fn usual(rows: &[[f32; 6]]) -> [f32; 6] {
    let mut usual = [0.0; 6];
    for row in rows {
        usual.iter_mut().zip(row).for_each(|(sum, number)| *sum += number / rows.len() as f32);
    }
    usual
}

/// Each kind of signal without which, that is with what is usual in its place, the score would be lower.
fn reasons(
    signals: &Signals<'_>,
    taste: &Taste,
    way: Way<'_>,
    paper: u32,
    row: &[f32; 6],
    usual: &[f32; 6],
    options: &DigestOptions,
) -> Vec<(Reason, f32)> {
    let score = way.score(row);
    let raises = |columns: &[usize]| {
        let mut without = *row;
        columns.iter().for_each(|at| without[*at] = usual[*at]);
        score - way.score(&without)
    };
    let near = taste
        .heaviest()
        .iter()
        .map(|(liked, _)| (*liked, signals.catalogue.cosine(paper, *liked)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(liked, cosine)| Reason::Near { liked, cosine });
    let shares = |liked: u32| signals.neighbours.of(liked).iter().find(|near| near.paper == paper);
    let together = taste
        .liked
        .iter()
        .filter_map(|(liked, weight)| shares(*liked).map(|near| (*liked, near.readers, weight * near.similarity)))
        .max_by(|(_, _, a), (_, _, b)| a.total_cmp(b))
        .map(|(liked, readers, _)| Reason::Together { liked, readers });
    let terms = signals.topic(taste, paper, options.terms_max);
    let likes = signals.tastes.likes(paper);
    let days = signals.today.saturating_sub(signals.catalogue.day(paper)).max(0);
    let all = [
        (near, raises(&[0, 1])),
        ((!terms.is_empty()).then_some(Reason::Topic { terms }), raises(&[2])),
        (together, raises(&[3])),
        ((likes > 0).then_some(Reason::Popular { likes }), raises(&[4])),
        (Some(Reason::New { days }).filter(|_| row[5] < usual[5]), raises(&[5])),
    ];
    let mut found: Vec<(Reason, f32)> =
        all.into_iter().filter_map(|(reason, by)| Some((reason?, by))).filter(|(_, by)| *by > RAISES_MIN).collect();
    found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    found.truncate(options.reasons_max);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_twin_of_what_is_shown_waits() {
        let (scores, groups) = ([0.9, 0.89, 0.7, 0.1], [0, 0, 1, 2]);
        let cosine = |a: usize, b: usize| if groups[a] == groups[b] { 1.0 } else { 0.0 };
        assert_eq!(diverse(&scores, cosine, 3, 0.3), [0, 2, 1]);
        assert_eq!(diverse(&scores, cosine, 3, 0.0), [0, 1, 2]);
        assert_eq!(diverse(&[], cosine, 3, 0.5), [0; 0]);
        assert_eq!(diverse(&[0.5, 0.5], cosine, 9, 0.0), [0, 1]);
    }

    proptest! {
        #[test]
        fn whatever_the_diversity_nothing_is_shown_twice_and_the_best_comes_first(
            scores in proptest::collection::vec(-5.0f32..5.0, 1..30),
            limit in 0usize..40,
            diversity in 0.0f32..0.9,
        ) {
            let found = diverse(&scores, |a, b| 1.0 / (1.0 + a.abs_diff(b) as f32), limit, diversity);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), limit.min(scores.len()));
            let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert!(found.first().is_none_or(|first| scores[*first] == best));
        }
    }
}
