//! How far a mean over queries may lie from the truth, by drawing the queries again with replacement.
//!
//! Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 (percentile interval) and 16
//! (tests); for retrieval, Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006.
//!
//! **Invariant:** the same values, number of draws and seed give the same interval.

use serde::{Deserialize, Serialize};

/// A mean and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Mean of the values.
    pub mean: f64,
    /// 2.5th percentile of the means of the draws.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// By how much one run beats another on the same queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean of `second - first` over the queries, and its interval.
    pub gain: Interval,
    /// Two-sided achieved significance level: how often a difference this large comes by chance where there is none.
    pub p_value: f64,
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    resamples: usize,
    seed: u64,
}

impl Default for Bootstrap {
    /// 2 000 draws with a fixed seed.
    fn default() -> Self {
        Self::new(2_000, 42)
    }
}

impl Bootstrap {
    /// Fewest draws: below, the tails of the interval are a handful of draws.
    pub const RESAMPLES_MIN: usize = 1_000;
    /// Most draws: beyond, the interval no longer moves.
    pub const RESAMPLES_MAX: usize = 10_000;

    /// Draws `resamples` times, brought within [`Self::RESAMPLES_MIN`] and [`Self::RESAMPLES_MAX`].
    pub fn new(resamples: usize, seed: u64) -> Self {
        Self { resamples: resamples.clamp(Self::RESAMPLES_MIN, Self::RESAMPLES_MAX), seed }
    }

    /// The mean of `values`, one per query, and its 95 % percentile interval; none for no values.
    pub fn mean(&self, values: &[f64]) -> Option<Interval> {
        let mean = mean(values)?;
        let draws = self.draws(values);
        Some(Interval { mean, low: quantile(&draws, 0.025), high: quantile(&draws, 0.975) })
    }

    /// The sum of the first numbers divided by that of the second ones, and its 95 % percentile interval, the pairs being
    /// drawn: a mean over what comes in bunches of unlike size. None where the second ones come to nothing.
    pub fn ratio(&self, pairs: &[(f64, f64)]) -> Option<Interval> {
        let ratio = |pairs: &mut dyn Iterator<Item = (f64, f64)>| {
            let (part, whole) = pairs.fold((0.0, 0.0), |(part, whole), pair| (part + pair.0, whole + pair.1));
            (whole > 0.0).then(|| part / whole)
        };
        let mean = ratio(&mut pairs.iter().copied())?;
        let mut random = fastrand::Rng::with_seed(self.seed);
        // A draw of bunches that are all empty says nothing, and is left out.
        let mut draws: Vec<f64> = (0..self.resamples)
            .filter_map(|_| ratio(&mut (0..pairs.len()).map(|_| pairs[random.usize(..pairs.len())])))
            .collect();
        draws.sort_unstable_by(f64::total_cmp);
        (!draws.is_empty()).then(|| Interval { mean, low: quantile(&draws, 0.025), high: quantile(&draws, 0.975) })
    }

    /// Compares two runs over the same queries, each pair being a query's (first, second) value; none for no pairs.
    ///
    /// The pairs are drawn, not the values, so that what makes a query hard for both does not count. The p-value is
    /// `(1 + draws with |mean - observed| >= |observed|) / (1 + all draws)`: the draws, shifted to a mean of zero, stand
    /// for the world in which the runs do not differ.
    pub fn difference(&self, pairs: &[(f64, f64)]) -> Option<Difference> {
        let gains: Vec<f64> = pairs.iter().map(|(first, second)| second - first).collect();
        let mean = mean(&gains)?;
        let draws = self.draws(&gains);
        // Sums in another order differ in their last bits; a draw equal to the observed mean must count.
        let bar = mean.abs() - 1e-12;
        let beyond = draws.iter().filter(|draw| (*draw - mean).abs() >= bar).count();
        Some(Difference {
            gain: Interval { mean, low: quantile(&draws, 0.025), high: quantile(&draws, 0.975) },
            p_value: (1 + beyond) as f64 / (1 + draws.len()) as f64,
        })
    }

    /// Means of the draws, in rising order. `values` is not empty.
    fn draws(&self, values: &[f64]) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let n = values.len();
        let mut draws: Vec<f64> =
            (0..self.resamples).map(|_| (0..n).map(|_| values[random.usize(..n)]).sum::<f64>() / n as f64).collect();
        draws.sort_unstable_by(f64::total_cmp);
        draws
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The quantile of `sorted`, linear between its neighbours (type 7 of Hyndman and Fan 1996, numpy's default).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [f64; 20] =
        [0.0, 0.25, 0.5, 0.5, 1.0, 1.0, 1.0, 0.3, 0.7, 0.9, 0.1, 0.6, 0.43, 0.8, 0.2, 1.0, 0.0, 0.55, 0.63, 0.71];
    const SECOND: [f64; 20] =
        [0.0, 0.3, 0.45, 0.6, 1.0, 0.9, 1.0, 0.35, 0.7, 1.0, 0.2, 0.6, 0.5, 0.8, 0.2, 1.0, 0.1, 0.5, 0.63, 0.8];

    #[track_caller]
    fn check(found: f64, want: f64, tolerance: f64) {
        assert!((found - want).abs() <= tolerance, "{found} is not {want} +- {tolerance}");
    }

    /// Against `scipy.stats.bootstrap(method="percentile", n_resamples=200_000)`: (.4130, .7005).
    #[test]
    fn the_interval_is_that_of_scipy() {
        for seed in 0..5 {
            let found = Bootstrap::new(10_000, seed).mean(&FIRST).unwrap();
            check(found.mean, 0.5585, 1e-12);
            check(found.low, 0.4130, 0.008);
            check(found.high, 0.7005, 0.008);
        }
    }

    /// Against the same, on the differences: (-.0015, .0470), and 400 000 draws in numpy for the p-value: .069.
    #[test]
    fn two_runs_are_compared_query_by_query() {
        let pairs: Vec<(f64, f64)> = FIRST.into_iter().zip(SECOND).collect();
        let found = Bootstrap::new(10_000, 7).difference(&pairs).unwrap();
        check(found.gain.mean, 0.023, 1e-12);
        check(found.gain.low, -0.0015, 0.002);
        check(found.gain.high, 0.0470, 0.002);
        check(found.p_value, 0.0692, 0.012);
    }

    #[test]
    fn a_ratio_of_bunches_of_one_is_their_mean_and_a_large_bunch_counts_more() {
        let ones: Vec<(f64, f64)> = FIRST.iter().map(|value| (*value, 1.0)).collect();
        let (found, want) = (Bootstrap::default().ratio(&ones).unwrap(), Bootstrap::default().mean(&FIRST).unwrap());
        check(found.mean, want.mean, 1e-12);
        check(found.low, want.low, 1e-9);
        check(found.high, want.high, 1e-9);
        check(Bootstrap::default().ratio(&[(9.0, 9.0), (0.0, 1.0), (0.0, 0.0)]).unwrap().mean, 0.9, 1e-12);
        assert_eq!(Bootstrap::default().ratio(&[(0.0, 0.0)]), None);
    }

    #[test]
    fn a_constant_gain_is_certain_and_none_is_chance() {
        let gain = |by: f64| -> Difference {
            let pairs: Vec<(f64, f64)> = FIRST.iter().map(|value| (*value, value + by)).collect();
            Bootstrap::default().difference(&pairs).unwrap()
        };
        let found = gain(0.25);
        check(found.gain.low, 0.25, 1e-9);
        check(found.gain.high, 0.25, 1e-9);
        check(found.p_value, 1.0 / 2_001.0, 1e-12);
        check(gain(0.0).p_value, 1.0, 0.0);
    }

    #[test]
    fn a_seed_gives_the_same_interval_again_and_another_seed_another() {
        let of = |seed| Bootstrap::new(1_000, seed).mean(&FIRST);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn the_number_of_draws_has_limits() {
        assert_eq!(Bootstrap::new(0, 1), Bootstrap::new(Bootstrap::RESAMPLES_MIN, 1));
        assert_eq!(Bootstrap::new(usize::MAX, 1), Bootstrap::new(Bootstrap::RESAMPLES_MAX, 1));
    }

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(Bootstrap::default().mean(&[]), None);
        assert_eq!(Bootstrap::default().difference(&[]), None);
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        check(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0, 0.0);
        check(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0, 0.0);
        check(quantile(&[5.0], 0.975), 5.0, 0.0);
    }
}
