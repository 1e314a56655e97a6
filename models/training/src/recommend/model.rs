//! The learned ranker of recommendations, with the report that says whether it may be used.

use std::{collections::HashSet, ops::ControlFlow};

use serde::{Deserialize, Serialize};

use super::{
    catalogue::Catalogue,
    feedback::{Feedback, Taste, Tastes},
    neighbours::Neighbours,
    signals::{Signals, Way},
    trial::{Trial, split},
};
use crate::{
    learn::{Options, Outcome, Progress, Ranker, Row, State, TrainError, train},
    measures::{Bootstrap, Difference, Interval},
};

/// Version of the signals and of the file; any other is refused.
const VERSION: u32 = 1;

/// The share of each person's likes that is held back to learn from and to compare on.
const HELD_BACK: f64 = 0.2;

/// The share of persons that nothing is learned from: the ways are compared on their likes.
const COMPARED: f64 = 0.3;

/// Papers that a person said nothing of, for each that was liked: taken as not wanted.
const UNSEEN: usize = 10;

/// What a row weighs that is told once more as if nobody had liked the paper before: so that new papers are not ranked by what
/// only old ones have (Volkovs, Yu and Poutanen, "DropoutNet: addressing cold start in recommender systems", NeurIPS 2017).
const COLD: f32 = 0.25;

/// What the oldest word still weighs while learning.
const WEIGHT_MIN: f32 = 1e-3;

/// A ranker with its report. Serialises as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    version: u32,
    ranker: Ranker,
    /// How it came about and how it compares.
    pub report: Report,
}

/// How a model came about and how it compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The day of training, as feedback counts days.
    pub day: i32,
    /// After how many days a word counts half.
    pub half_life_days: Option<f32>,
    /// How it was learned; the seed is among it.
    pub options: Options,
    /// Words of feedback.
    pub feedback: usize,
    /// Rows that were learned from, those held out included.
    pub rows: usize,
    /// How many of them were wanted.
    pub wanted: usize,
    /// The epoch that was kept.
    pub best_epoch: usize,
    /// All epochs.
    pub epochs: Vec<Progress>,
    /// Persons it was compared on; nothing was learned from their likes.
    pub compared: usize,
    /// Its nDCG@20 on them.
    pub ndcg: Interval,
    /// The same of each baseline, and what it gains over it.
    pub comparisons: Vec<Comparison>,
}

/// One baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Its name.
    pub baseline: String,
    /// Its nDCG@20.
    pub ndcg: Interval,
    /// What the model gains over it, person by person.
    pub difference: Difference,
}

/// How learning ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Learned {
    /// With a model, which may be used or not: [`Model::ranker`].
    Done(Box<Model>),
    /// It was broken off; with the same arguments and this state it goes on.
    Stopped(Box<State>),
}

impl Report {
    /// Whether the model is ahead of every baseline, in the mean.
    pub fn is_ahead(&self) -> bool {
        !self.comparisons.is_empty() && self.comparisons.iter().all(|comparison| comparison.difference.gain.mean > 0.0)
    }
}

impl Model {
    /// The ranker, where it may be used: of this version, whole, and ahead of every baseline.
    pub fn ranker(&self) -> Option<&Ranker> {
        let ours = self.version == VERSION && self.ranker.features == Signals::NAMES && self.ranker.is_sound();
        (ours && self.report.is_ahead()).then_some(&self.ranker)
    }

    /// The ranker whether it may be used or not: to measure it, never to recommend by it.
    pub fn unchecked(&self) -> &Ranker {
        &self.ranker
    }

    /// How recommendations are made: learned where that may be, blended where not.
    pub fn way(&self) -> Way<'_> {
        self.ranker().map_or(Way::Blend, Way::Learned)
    }
}

/// Learns from `feedback` as of day `today`, or goes on with `from`.
///
/// A fifth of each person's likes, the newest, is held back. Of most persons they are learned from: each with ten papers that
/// the person said nothing of, what was waved away counting as not wanted. On those of the others the model is then compared
/// with what is popular, what people with the same likes like, content alone and the fixed blend.
///
/// # Errors
/// [`TrainError::TooLittle`] says of what there is too little, and how much is needed.
pub fn learn(
    catalogue: &Catalogue,
    feedback: &[Feedback],
    today: i32,
    half_life_days: Option<f32>,
    options: &Options,
    from: Option<State>,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Learned, TrainError> {
    let (known, held) = split(feedback, HELD_BACK);
    let tastes = Tastes::new(&known, catalogue.len(), today, half_life_days);
    let neighbours = Neighbours::new(&tastes, catalogue.len());
    let signals = Signals { catalogue, tastes: &tastes, neighbours: &neighbours, today };
    let compared = compared(&held, options)?;
    let trial = Trial::new(signals, &held, Some(&compared));
    let fades = |day: i32| {
        let age = today.saturating_sub(day).max(0) as f32;
        half_life_days.map_or(1.0, |half| (-age / half).exp2().max(WEIGHT_MIN))
    };
    let rows = rows(&signals, &known, &held, &compared, options.seed, &fades);
    let wanted = rows.iter().filter(|row| row.wanted).count();
    let (ranker, best_epoch, epochs) = match train(&Signals::NAMES, &rows, options, from, watch)? {
        Outcome::Stopped(state) => return Ok(Learned::Stopped(state)),
        Outcome::Done { ranker, best_epoch, history } => (ranker, best_epoch, history),
    };
    const BASELINES: [(&str, Way<'static>); 4] = [
        ("popularity", Way::Popularity),
        ("neighbours", Way::Neighbours),
        ("content", Way::Content),
        ("blend", Way::Blend),
    ];
    let mut ways = vec![Way::Learned(&ranker)];
    ways.extend(BASELINES.map(|(_, way)| way));
    let figures = trial.figures(&ways);
    let bootstrap = Bootstrap::new(Bootstrap::RESAMPLES_MIN, options.seed);
    let nobody = TrainError::TooLittle { what: "people to compare on", got: 0, want: 1 };
    let Some(ndcg) = bootstrap.mean(&figures[0].ndcg) else { return Err(nobody) };
    let mut comparisons = Vec::new();
    for ((baseline, _), theirs) in BASELINES.iter().zip(&figures[1..]) {
        let pairs: Vec<(f64, f64)> = theirs.ndcg.iter().copied().zip(figures[0].ndcg.iter().copied()).collect();
        if let Some((ndcg, difference)) = bootstrap.mean(&theirs.ndcg).zip(bootstrap.difference(&pairs)) {
            comparisons.push(Comparison { baseline: (*baseline).to_owned(), ndcg, difference });
        }
    }
    let report = Report {
        day: today,
        half_life_days,
        options: *options,
        feedback: feedback.len(),
        rows: rows.len(),
        wanted,
        best_epoch,
        epochs,
        compared: trial.len(),
        ndcg,
        comparisons,
    };
    Ok(Learned::Done(Box::new(Model { version: VERSION, ranker, report })))
}

/// Who is compared on: a share of those of whom likes were held back.
fn compared(held: &[Feedback], options: &Options) -> Result<HashSet<u32>, TrainError> {
    let mut people: Vec<u32> = held.iter().map(|word| word.user).collect();
    people.sort_unstable();
    people.dedup();
    let want = options.groups_min.max(4);
    if people.len() < want {
        return Err(TrainError::TooLittle { what: "people with five likes or more", got: people.len(), want });
    }
    fastrand::Rng::with_seed(options.seed).shuffle(&mut people);
    people.truncate(((COMPARED * people.len() as f64).round() as usize).max(1));
    Ok(people.into_iter().collect())
}

/// What is learned from.
fn rows(
    signals: &Signals<'_>,
    known: &[Feedback],
    held: &[Feedback],
    compared: &HashSet<u32>,
    seed: u64,
    fades: &dyn Fn(i32) -> f32,
) -> Vec<Row> {
    let mut random = fastrand::Rng::with_seed(seed);
    let papers = signals.catalogue.len() as u32;
    let mut held: Vec<&Feedback> =
        held.iter().filter(|word| !compared.contains(&word.user) && word.paper < papers).collect();
    held.sort_by_key(|word| (word.user, word.paper));
    held.dedup_by_key(|word| (word.user, word.paper));
    let mut rows = Vec::new();
    for words in held.chunk_by(|one, two| one.user == two.user) {
        let user = words[0].user;
        // Without dislikes: those that are learned from here would lie far from a centre that they were taken from.
        let taste = Taste { disliked: Vec::new(), ..signals.tastes.of(user) };
        let liked: Vec<u32> = words.iter().map(|word| word.paper).collect();
        let waved = known.iter().filter(|word| word.user == user && word.value < 0.0 && word.paper < papers);
        let mut not: Vec<u32> = waved.map(|word| word.paper).collect();
        for _ in 0..UNSEEN * liked.len() {
            let paper = random.u32(..papers);
            if taste.seen.binary_search(&paper).is_err() && liked.binary_search(&paper).is_err() {
                not.push(paper);
            }
        }
        let all: Vec<u32> = liked.iter().chain(&not).copied().collect();
        // What was not wanted weighs as what was on the whole: a person who fell silent says less in both.
        let usual = words.iter().map(|word| fades(word.day)).sum::<f32>() / words.len() as f32;
        for (at, row) in signals.rows(&taste, &all).into_iter().enumerate() {
            let weight = words.get(at).map_or(usual, |word| fades(word.day));
            let wanted = at < liked.len();
            rows.push(Row { group: user, features: row.to_vec(), wanted, weight });
            rows.push(Row { group: user, features: Signals::cold(row).to_vec(), wanted, weight: COLD * weight });
        }
    }
    rows
}
