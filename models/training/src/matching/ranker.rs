//! A ranker of matches that is learned from what came of introductions, with the report that says whether it may be used.
//!
//! Who was shown for one need is compared with the others who were: whom the seeker asked for, and who said yes. Who was not
//! shown is not learned from, as nobody saw them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
};

use serde::{Deserialize, Serialize};

use super::{complement::complement, scoring::Grid, team::TeamOptions};
use crate::{
    learn::{Options, Outcome, Progress, Ranker, Row, State, TrainError, train},
    measures::{Bootstrap, Difference, Interval, Ranked},
};

/// Version of the features and of the file; any other is refused.
const VERSION: u32 = 1;

/// The share of needs that nothing is learned from: the ranker is compared with the plain score on them.
const COMPARED: f64 = 0.3;

/// People of a need that a seeker looks at: nDCG is cut there.
const LOOKED_AT: usize = 10;

/// Items of a person that the mean of the best is taken over.
const BEST: usize = 3;

/// After how many years what speaks for somebody counts half as recent.
const HALF_LIFE_YEARS: f32 = 8.0;

/// What a row weighs that says less: nobody answered yet, the answer may have been for want of time, or the seeker may not
/// have looked so far down the list.
const LESS: f32 = 0.5;

/// What is known of a match, in a handful of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchSignals;

impl MatchSignals {
    /// What the numbers are called: the score, the highest cosine of vectors, that of terms, the mean evidence of the three
    /// best items, how recent the newest item is, what the person adds to what the seeker has.
    pub const NAMES: [&'static str; 6] = ["score", "dense", "lexical", "best", "recency", "gain"];

    /// The numbers of one person for a need: `theirs` and the seeker's own pairs with it, the plain score, the year of the
    /// newest item that speaks for them, and this year. Nothing that was handed in without a year grows old.
    pub fn of(theirs: &Grid, own: &Grid, score: f32, latest: Option<i16>, year: i16) -> [f32; 6] {
        let pairs = || theirs.pairs.iter().flatten();
        let most = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(0.0, f32::max);
        let mut strengths: Vec<f32> =
            theirs.pairs.iter().map(|item| most(&mut item.iter().map(|pair| pair.strength))).collect();
        strengths.sort_unstable_by(|one, two| two.total_cmp(one));
        strengths.truncate(BEST);
        let best = strengths.iter().sum::<f32>() / strengths.len().max(1) as f32;
        let age = latest.map_or(0.0, |latest| f32::from(year.saturating_sub(latest).max(0)));
        let gain = complement(theirs, own, TeamOptions::default().covered_min).gain;
        let (dense, lexical) = (most(&mut pairs().map(|pair| pair.dense)), most(&mut pairs().map(|pair| pair.terms)));
        [score, dense, lexical, best, (-age / HALF_LIFE_YEARS).exp2(), gain]
    }
}

/// Somebody who was shown for a need, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Which need, by number.
    pub need: u32,
    /// As [`MatchSignals`] has them.
    pub features: Vec<f32>,
    /// Whether the seeker wanted to be introduced.
    pub asked: bool,
    /// Whether they said yes; none as long as they said nothing.
    pub accepted: Option<bool>,
}

impl Shown {
    fn is_wanted(&self) -> bool {
        self.asked && self.accepted != Some(false)
    }

    /// What it is worth in the list that the seeker saw.
    fn gain(&self) -> u32 {
        match (self.is_wanted(), self.accepted) {
            (true, Some(true)) => 2,
            (true, _) => 1,
            (false, _) => 0,
        }
    }

    fn row(&self) -> Row {
        let weight = if self.accepted == Some(true) { 1.0 } else { LESS };
        Row { group: self.need, features: self.features.clone(), wanted: self.is_wanted(), weight }
    }
}

/// A ranker of matches with its report. Serialises as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchModel {
    version: u32,
    ranker: Ranker,
    /// How it came about and how it compares.
    pub report: MatchReport,
}

/// How a ranker of matches came about and how it compares with the plain score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchReport {
    /// How it was learned; the seed is among it.
    pub options: Options,
    /// Introductions that were possible.
    pub introductions: usize,
    /// Rows that were learned from, those held out included.
    pub rows: usize,
    /// How many of them were wanted.
    pub wanted: usize,
    /// The epoch that was kept.
    pub best_epoch: usize,
    /// All epochs.
    pub epochs: Vec<Progress>,
    /// Needs that it was compared on; nothing was learned from them.
    pub compared: usize,
    /// Its nDCG@10 on them.
    pub ndcg: Interval,
    /// That of the plain score.
    pub baseline: Interval,
    /// What it gains over it, need by need.
    pub difference: Difference,
}

/// How learning ended.
#[derive(Debug, Clone, PartialEq)]
pub enum MatchLearned {
    /// With a ranker, which may be used or not: [`MatchModel::ranker`].
    Done(Box<MatchModel>),
    /// It was broken off; with the same arguments and this state it goes on.
    Stopped(Box<State>),
}

impl MatchModel {
    /// The ranker, where it may be used: of this version, whole, and ahead of the plain score in the mean.
    pub fn ranker(&self) -> Option<&Ranker> {
        let ours = self.version == VERSION && self.ranker.features == MatchSignals::NAMES && self.ranker.is_sound();
        (ours && self.report.difference.gain.mean > 0.0).then_some(&self.ranker)
    }
}

/// Options that suit it: no hidden layer, as introductions are few.
pub fn match_options() -> Options {
    Options { hidden: 0, learning_rate: 0.02, rows_min: 100, ..Options::default() }
}

/// Learns from `shown`, or goes on with `from`: from most needs, to be compared with the plain score on the others.
///
/// # Errors
/// [`TrainError::TooLittle`] says of what there is too little, and how much is needed.
pub fn learn_matching(
    shown: &[Shown],
    options: &Options,
    from: Option<State>,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<MatchLearned, TrainError> {
    let mut needs: BTreeMap<u32, Vec<&Shown>> = BTreeMap::new();
    for (row, one) in shown.iter().enumerate() {
        if one.features.len() != MatchSignals::NAMES.len() {
            return Err(TrainError::Row { row, problem: "another number of features" });
        }
        needs.entry(one.need).or_default().push(one);
    }
    // Where all or none were wanted there is nothing to rank.
    needs.retain(|_, people| people.iter().any(|one| one.is_wanted()) && people.iter().any(|one| !one.is_wanted()));
    let want = 2 * options.groups_min.max(2);
    if needs.len() < want {
        return Err(TrainError::TooLittle {
            what: "needs with somebody asked for and somebody not",
            got: needs.len(),
            want,
        });
    }
    let mut order: Vec<u32> = needs.keys().copied().collect();
    fastrand::Rng::with_seed(options.seed).shuffle(&mut order);
    order.truncate(((COMPARED * order.len() as f64).round() as usize).max(1));
    let compared: BTreeSet<u32> = order.into_iter().collect();
    let compared = &compared;
    let of = |is_compared: bool| needs.iter().filter(move |(need, _)| compared.contains(need) == is_compared);
    let rows: Vec<Row> = of(false).flat_map(|(_, people)| people).map(|one| one.row()).collect();
    let wanted = rows.iter().filter(|row| row.wanted).count();
    let (ranker, best_epoch, epochs) = match train(&MatchSignals::NAMES, &rows, options, from, watch)? {
        Outcome::Stopped(state) => return Ok(MatchLearned::Stopped(state)),
        Outcome::Done { ranker, best_epoch, history } => (ranker, best_epoch, history),
    };
    let pairs: Vec<(f64, f64)> = of(true)
        .map(|(_, people)| (ndcg(people, |one| one.features[0]), ndcg(people, |one| ranker.score(&one.features))))
        .collect();
    let bootstrap = Bootstrap::new(Bootstrap::RESAMPLES_MIN, options.seed);
    let (plain, ours): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let intervals = bootstrap.mean(&plain).zip(bootstrap.mean(&ours)).zip(bootstrap.difference(&pairs));
    let nothing = TrainError::TooLittle { what: "needs to compare on", got: 0, want: 1 };
    let Some(((baseline, ndcg), difference)) = intervals else { return Err(nothing) };
    let report = MatchReport {
        options: *options,
        introductions: shown.len(),
        rows: rows.len(),
        wanted,
        best_epoch,
        epochs,
        compared: pairs.len(),
        ndcg,
        baseline,
        difference,
    };
    Ok(MatchLearned::Done(Box::new(MatchModel { version: VERSION, ranker, report })))
}

/// nDCG@10 of the people of one need, ranked by a number; of those with the same number the first one first.
fn ndcg(people: &[&Shown], by: impl Fn(&Shown) -> f32) -> f64 {
    let judged: HashMap<usize, u32> = people.iter().map(|one| one.gain()).enumerate().collect();
    let mut order: Vec<usize> = (0..people.len()).collect();
    order.sort_by(|a, b| by(people[*b]).total_cmp(&by(people[*a])));
    Ranked::new(order, &judged).ndcg(LOOKED_AT)
}

#[cfg(test)]
mod tests {
    use super::{super::scoring::Pair, *};

    /// Needs with six people each; whom the seeker asks for is told by the gain, which the score knows nothing of, or by the
    /// score itself.
    fn shown(needs: u32, by_gain: bool) -> Vec<Shown> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut found = Vec::new();
        for need in 0..needs {
            for _ in 0..6 {
                let features: Vec<f32> = (0..6).map(|_| random.f32()).collect();
                let asked = features[if by_gain { 5 } else { 0 }] + 0.1 * random.f32() > 0.7;
                let accepted = (asked && random.f32() < 0.8).then(|| random.f32() < 0.8);
                found.push(Shown { need, features, asked, accepted });
            }
        }
        found
    }

    fn go_on(_: &Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn model(shown: &[Shown]) -> MatchModel {
        match learn_matching(shown, &match_options(), None, &mut go_on).unwrap() {
            MatchLearned::Done(model) => *model,
            MatchLearned::Stopped(_) => panic!("nobody stopped it"),
        }
    }

    #[test]
    fn what_the_score_does_not_know_is_learned_and_used() {
        let model = model(&shown(120, true));
        let MatchReport { ndcg, baseline, difference, compared, .. } = &model.report;
        assert!(difference.gain.low > 0.1 && ndcg.mean > 0.9, "{ndcg:?} against {baseline:?}");
        assert!((30..=36).contains(compared), "{compared}");
        let ranker = model.ranker().expect("it is ahead");
        assert!(ranker.score(&[0.5, 0.5, 0.5, 0.5, 0.5, 0.9]) > ranker.score(&[0.9, 0.5, 0.5, 0.5, 0.5, 0.1]));
        let written = serde_json::to_string(&model).unwrap();
        // The intervals' last digit is none of JSON's business.
        assert_eq!(serde_json::from_str::<MatchModel>(&written).unwrap().ranker(), Some(ranker));
    }

    #[test]
    fn a_ranker_that_is_not_ahead_of_the_score_is_not_used() {
        let mut model = model(&shown(120, false));
        assert!(model.report.baseline.mean > 0.85, "{:?}", model.report.baseline);
        model.report.difference.gain.mean = 0.0;
        assert!(model.ranker().is_none());
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let refused =
            |shown: &[Shown]| learn_matching(shown, &match_options(), None, &mut go_on).unwrap_err().to_string();
        let want = "needs with somebody asked for and somebody not to learn from: 0, at least 20 are needed";
        assert_eq!(refused(&[]), want);
        let mut nobody = shown(120, true);
        nobody.iter_mut().for_each(|one| one.asked = false);
        assert_eq!(refused(&nobody), want);
        assert!(refused(&shown(22, true)).starts_with("rows to learn from: "));
        let mut short = shown(60, true);
        short[4].features.pop();
        assert_eq!(refused(&short), "row 4 has another number of features");
    }

    #[test]
    fn broken_off_and_taken_up_again_it_is_the_same() {
        let shown = shown(80, true);
        let mut stop = |_: &Progress| ControlFlow::Break(());
        let stopped = learn_matching(&shown, &match_options(), None, &mut stop).unwrap();
        let MatchLearned::Stopped(state) = stopped else { panic!("it went on") };
        let gone_on = learn_matching(&shown, &match_options(), Some(*state), &mut go_on).unwrap();
        assert_eq!(gone_on, MatchLearned::Done(Box::new(model(&shown))));
    }

    #[test]
    fn the_numbers_of_a_match_are_those_of_its_pairs() {
        let pair = |strength, dense, terms| Pair { line: 0, strength, dense, terms };
        let grid = |pairs: &[Pair]| Grid {
            need_lines: 1,
            weights: vec![1.0; pairs.len()],
            pairs: pairs.iter().map(|pair| vec![*pair]).collect(),
        };
        let theirs = grid(&[pair(0.6, 0.7, 0.1), pair(0.3, 0.2, 0.4), pair(0.0, 0.0, 0.0), pair(0.3, 0.3, 0.3)]);
        let found = MatchSignals::of(&theirs, &grid(&[pair(0.2, 0.2, 0.2)]), 0.55, Some(2018), 2026);
        for (name, (got, want)) in MatchSignals::NAMES.iter().zip(found.iter().zip([0.55, 0.7, 0.4, 0.4, 0.5, 0.4])) {
            assert!((got - want).abs() < 1e-6, "{name}: {got} is not {want}");
        }
        let nobody = MatchSignals::of(&Grid::default(), &Grid::default(), 0.0, None, 2026);
        assert_eq!(nobody, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }
}
