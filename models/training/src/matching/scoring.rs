//! From pairs of lines to a score, and back from a score to the pairs that made it.
//!
//! With `e` the evidence of the pair of need line `j` and item `i` (0..1, see [`Scoring::lexical`]), `w` the item's weight,
//! halved with age, `t` the sharpness and `m` the prior, the score is the mean over the need's lines of
//! `ln((m + sum w exp(t e)) / (m + sum w)) / t`.
//!
//! That is a mean for a small `t` and a maximum for a large one (Boyd and Vandenberghe, "Convex optimization", 2004,
//! section 3.1.5): one close paper counts more than many distant ones, and several close ones more than one. The prior
//! stands for `m` papers on something else, so that one paper is less sure a sign than five.

use serde::{Deserialize, Serialize};

/// How evidence becomes a score.
///
/// The default was chosen once and coarsely. `lexical` makes the spreads of both cosines equal (all-MiniLM-L6-v2 against terms:
/// four to one); `sharpness` is the best of 5, 10, 20 and 40 at telling a person's own paper, taken out of the profile, from
/// papers of others (277 papers of 18 reviewers of the Gold Standard data set; authors of five papers or more in a sample of
/// the ACL Anthology agree within .003). The ratings of these reviewers had been seen by then; they hardly tell one choice from
/// the next.
/// `prior` was read from who wrote the papers of 2019 in that sample. The half-life is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// How much the cosine of terms counts beside that of vectors: `(dense + lexical * terms) / (1 + lexical)`, none below 0.
    pub lexical: f32,
    /// `t` above, in 1..=80: a small one takes the mean of a person's items, a large one the best of them.
    pub sharpness: f32,
    /// `m` above, more than 0.
    pub prior: f32,
    /// After how many years an item counts half; none for never.
    pub half_life_years: Option<f32>,
    /// The year that ages are counted to.
    pub year: i16,
}

impl Default for Scoring {
    /// Without ageing.
    fn default() -> Self {
        Self { lexical: 4.0, sharpness: 20.0, prior: 2.0, half_life_years: None, year: 0 }
    }
}

impl Scoring {
    /// Ages items from `year` on: a paper counts half after eight years.
    pub fn in_year(year: i16) -> Self {
        Self { half_life_years: Some(8.0), year, ..Self::default() }
    }

    /// Evidence of a pair of lines from the cosine of its vectors and that of its terms.
    pub(super) fn fuse(&self, dense: f32, terms: f32) -> f32 {
        (dense.max(0.0) + self.lexical * terms) / (1.0 + self.lexical)
    }

    /// What an item of a weight and a year counts.
    pub(super) fn weight(&self, weight: f32, year: Option<i16>) -> f32 {
        match (self.half_life_years, year) {
            (Some(half), Some(year)) => {
                let age = f32::from(self.year.saturating_sub(year).max(0));
                weight * (-age / half).exp2()
            }
            _ => weight,
        }
    }
}

/// One pair of a need's line and a person's item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The item's line that lies nearest.
    pub line: usize,
    /// Evidence, in 0..1.
    pub strength: f32,
    /// Cosine of the vectors.
    pub dense: f32,
    /// Cosine of the terms.
    pub terms: f32,
}

/// All pairs of a need and one person: `pairs[i][j]` is item `i` for line `j`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// How many lines the need has.
    pub need_lines: usize,
    /// What each item counts, ageing included.
    pub weights: Vec<f32>,
    /// The pairs.
    pub pairs: Vec<Vec<Pair>>,
}

/// A pair that is cited for a match.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which line of the need.
    pub need_line: usize,
    /// Which item of the profile.
    pub item: usize,
    /// Which line of the item.
    pub item_line: usize,
    /// Cosine of the vectors.
    pub dense: f32,
    /// Cosine of the terms.
    pub terms: f32,
    /// By how much the score falls without this item, those cited before it gone already; above 0.
    pub carries: f32,
}

/// Why somebody fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// 0 where nothing is known, at most 1. Comparable between persons for the same need.
    pub score: f32,
    /// Strongest first; empty where nothing stands out.
    pub evidence: Vec<Evidence>,
}

/// Drops below this are rounding, not evidence.
const CARRIES_MIN: f64 = 1e-6;

impl Grid {
    /// The strongest pair for each line of the need, with its item; none without items.
    pub fn best(&self, need_line: usize) -> Option<(usize, Pair)> {
        let of = |item: &usize| self.pairs[*item][need_line].strength;
        let item = (0..self.pairs.len()).max_by(|a, b| of(a).total_cmp(&of(b)).then(b.cmp(a)))?;
        Some((item, self.pairs[item][need_line]))
    }

    /// Score and evidence, at most `evidence_max` items of it.
    pub fn explain(&self, scoring: &Scoring, evidence_max: usize) -> Match {
        let mut sums = Sums::new(self, scoring);
        let score = sums.score();
        let mut left: Vec<usize> = (0..self.pairs.len()).collect();
        let mut evidence = Vec::new();
        while evidence.len() < evidence_max {
            // Each item without which the score falls further, those cited being gone: so they carry it together too.
            let now = sums.score();
            let Some((at, lowest)) = left
                .iter()
                .map(|item| sums.without(*item).score())
                .enumerate()
                .min_by(|(_, a), (_, b)| a.total_cmp(b))
                .filter(|(_, lowest)| now - lowest > CARRIES_MIN)
            else {
                break;
            };
            let item = left.swap_remove(at);
            let need_line = sums.most(item);
            let pair = self.pairs[item][need_line];
            evidence.push(Evidence {
                need_line,
                item,
                item_line: pair.line,
                dense: pair.dense,
                terms: pair.terms,
                carries: (now - lowest) as f32,
            });
            sums = sums.without(item);
        }
        Match { score: score as f32, evidence }
    }
}

/// The sums under the logarithm, for each line of the need.
struct Sums<'a> {
    grid: &'a Grid,
    sharpness: f64,
    weight: f64,
    sums: Vec<f64>,
}

impl<'a> Sums<'a> {
    fn new(grid: &'a Grid, scoring: &Scoring) -> Self {
        let (sharpness, prior) = (f64::from(scoring.sharpness), f64::from(scoring.prior));
        let mut all = Self { grid, sharpness, weight: prior, sums: vec![prior; grid.need_lines] };
        (0..grid.pairs.len()).for_each(|item| all.add(item, 1.0));
        all
    }

    fn add(&mut self, item: usize, sign: f64) {
        let weight = sign * f64::from(self.grid.weights[item]);
        self.weight += weight;
        for (sum, pair) in self.sums.iter_mut().zip(&self.grid.pairs[item]) {
            *sum += weight * (self.sharpness * f64::from(pair.strength)).exp();
        }
    }

    fn without(&self, item: usize) -> Self {
        let mut rest = Self { sums: self.sums.clone(), ..*self };
        rest.add(item, -1.0);
        rest
    }

    fn score(&self) -> f64 {
        mean_log(&self.sums, self.weight, self.sharpness)
    }

    /// The line of the need that an item says most about.
    fn most(&self, item: usize) -> usize {
        let share =
            |line: usize| (self.sharpness * f64::from(self.grid.pairs[item][line].strength)).exp() / self.sums[line];
        (0..self.sums.len()).max_by(|a, b| share(*a).total_cmp(&share(*b)).then(b.cmp(a))).unwrap_or(0)
    }
}

/// The formula above, from its sums; 0 for a need without lines.
pub(super) fn mean_log(sums: &[f64], weight: f64, sharpness: f64) -> f64 {
    let logs: f64 = sums.iter().map(|sum| (sum / weight).ln().max(0.0)).sum();
    if sums.is_empty() { 0.0 } else { logs / sharpness / sums.len() as f64 }
}
