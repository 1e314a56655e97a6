//! Learning by gradient: cross-entropy, AdamW, early stopping.
//!
//! Sources: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2; Prechelt, "Early
//! stopping, but when?", 1998. The optimiser is written out here, as candle's hides the moments that a state must keep.

use std::{collections::BTreeSet, ops::ControlFlow};

use candle_core::{D, Device, Result as CandleResult, Tensor, Var};
use serde::{Deserialize, Serialize};

use super::ranker::{Layer, Ranker};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Gains of the held-out loss below this are none.
const GAIN_MIN: f32 = 1e-5;

/// One candidate that somebody wanted or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Whose: rows of one group are held out together.
    pub group: u32,
    /// As many as there are names.
    pub features: Vec<f32>,
    /// Whether it was wanted.
    pub wanted: bool,
    /// How much it counts, above 0: what is long ago counts less.
    pub weight: f32,
}

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Width of the hidden layer; 0 for none, which is logistic regression.
    pub hidden: usize,
    /// Most passes over the rows.
    pub epochs_max: usize,
    /// Epochs without a gain on what is held out after which it stops.
    pub patience: usize,
    /// Rows of one step.
    pub batch: usize,
    /// Length of a step.
    pub learning_rate: f64,
    /// What the weights shrink by, times the learning rate.
    pub weight_decay: f64,
    /// The share of groups that is held out, to stop early.
    pub held_out: f64,
    /// Of the first weights, the order of the rows and what is held out.
    pub seed: u64,
    /// Fewest rows, and fewest of them wanted and not wanted each is a tenth of it.
    pub rows_min: usize,
    /// Fewest groups.
    pub groups_min: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hidden: 16,
            epochs_max: 100,
            patience: 5,
            batch: 64,
            learning_rate: 5e-3,
            weight_decay: 1e-2,
            held_out: 0.2,
            seed: 42,
            rows_min: 200,
            groups_min: 10,
        }
    }
}

/// All that is needed to go on: weights, moments, the best so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    options: Options,
    /// How many rows it was begun with, and a sum over them: it goes on with no others.
    rows: (usize, u64),
    epoch: usize,
    step: i32,
    now: Ranker,
    moments: [Vec<Vec<f32>>; 2],
    best: Ranker,
    best_epoch: usize,
    history: Vec<Progress>,
}

/// An epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Which, from 1.
    pub epoch: usize,
    /// How many there are at most.
    pub epochs_max: usize,
    /// Mean cross-entropy of the rows that were learned from, in nats.
    pub loss: f32,
    /// That of the rows held out.
    pub held_out: f32,
}

/// How training ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done: the best epoch's ranker, and all epochs.
    Done {
        /// The ranker.
        ranker: Ranker,
        /// Its epoch.
        best_epoch: usize,
        /// Every epoch, in order.
        history: Vec<Progress>,
    },
    /// The watcher broke it off; the state goes on from there.
    Stopped(Box<State>),
}

/// Why nothing could be learned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Too little to learn from.
    #[error("{what} to learn from: {got}, at least {want} are needed")]
    TooLittle {
        /// Of what.
        what: &'static str,
        /// How much there is.
        got: usize,
        /// How much there must be.
        want: usize,
    },
    /// Rows that are no rows.
    #[error("row {row} has {problem}")]
    Row {
        /// Which, from 0.
        row: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A state of other rows, options or features.
    #[error("the training that was broken off had other {what}")]
    OtherState {
        /// Which.
        what: &'static str,
    },
    /// The arithmetic failed.
    #[error("while learning")]
    Candle(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<candle_core::Error> for TrainError {
    fn from(error: candle_core::Error) -> Self {
        Self::Candle(Box::new(error))
    }
}

/// Learns from `rows`, or goes on with `from`. `watch` sees each epoch and may break it off.
///
/// # Errors
/// [`TrainError::TooLittle`] where the rows, their groups or one of the two kinds are too few; nothing is learned then.
pub fn train(
    names: &[&str],
    rows: &[Row],
    options: &Options,
    from: Option<State>,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Outcome, TrainError> {
    check(names, rows, options)?;
    let mark = (rows.len(), fingerprint(rows));
    let mut state = match from {
        Some(state) if state.options != *options => return Err(TrainError::OtherState { what: "options" }),
        Some(state) if state.rows != mark => return Err(TrainError::OtherState { what: "rows" }),
        Some(state) if state.now.features != names => return Err(TrainError::OtherState { what: "features" }),
        Some(state) => state,
        None => State::new(names, rows, options, mark),
    };
    let held: BTreeSet<u32> = held_out(rows, options).into_iter().collect();
    let (out, learned): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| held.contains(&row.group));
    let (out, mut net) = (Batch::new(&out, &state.now)?, Net::new(&state)?);
    while state.epoch < options.epochs_max && state.epoch < state.best_epoch + options.patience {
        state.epoch += 1;
        let mut order = learned.clone();
        fastrand::Rng::with_seed(options.seed.wrapping_add(state.epoch as u64)).shuffle(&mut order);
        let (mut loss, mut weight) = (0.0, 0.0);
        for rows in order.chunks(options.batch.max(1)) {
            let batch = Batch::new(rows, &state.now)?;
            state.step += 1;
            loss += net.step(&batch, options, state.step)? * batch.weight;
            weight += batch.weight;
        }
        net.keep(&mut state)?;
        let held_out = net.loss(&out)?.to_scalar::<f32>()?;
        let progress =
            Progress { epoch: state.epoch, epochs_max: options.epochs_max, loss: (loss / weight) as f32, held_out };
        let best = state.history.iter().map(|epoch| epoch.held_out).fold(f32::INFINITY, f32::min);
        if held_out < best - GAIN_MIN {
            state.best = state.now.clone();
            state.best_epoch = state.epoch;
        }
        state.history.push(progress);
        if watch(&progress).is_break() {
            return Ok(Outcome::Stopped(Box::new(state)));
        }
    }
    Ok(Outcome::Done { ranker: state.best, best_epoch: state.best_epoch, history: state.history })
}

fn check(names: &[&str], rows: &[Row], options: &Options) -> Result<(), TrainError> {
    for (row, found) in rows.iter().enumerate() {
        let problem = match found {
            Row { features, .. } if features.len() != names.len() => "another number of features",
            Row { features, .. } if features.iter().any(|feature| !feature.is_finite()) => {
                "a feature that is no number"
            }
            Row { weight, .. } if !(*weight > 0.0 && weight.is_finite()) => "no weight",
            _ => continue,
        };
        return Err(TrainError::Row { row, problem });
    }
    let enough = |what, got, want| if got < want { Err(TrainError::TooLittle { what, got, want }) } else { Ok(()) };
    let wanted = rows.iter().filter(|row| row.wanted).count();
    let groups: BTreeSet<u32> = rows.iter().map(|row| row.group).collect();
    enough("rows", rows.len(), options.rows_min.max(2))?;
    enough("rows that were wanted", wanted, (options.rows_min / 10).max(1))?;
    enough("rows that were not wanted", rows.len() - wanted, (options.rows_min / 10).max(1))?;
    // One to learn from and one to hold out.
    enough("people", groups.len(), options.groups_min.max(2))
}

/// The groups that are held out: a share of them, at least one and not all.
fn held_out(rows: &[Row], options: &Options) -> Vec<u32> {
    let groups: BTreeSet<u32> = rows.iter().map(|row| row.group).collect();
    let mut groups: Vec<u32> = groups.into_iter().collect();
    fastrand::Rng::with_seed(options.seed).shuffle(&mut groups);
    let count = (options.held_out * groups.len() as f64).round() as usize;
    groups.truncate(count.clamp(1, groups.len() - 1));
    groups
}

/// FNV-1a over all numbers.
fn fingerprint(rows: &[Row]) -> u64 {
    let numbers = rows.iter().flat_map(|row| {
        let features = row.features.iter().map(|feature| feature.to_bits());
        features.chain([row.group, u32::from(row.wanted), row.weight.to_bits()])
    });
    numbers.fold(0xcbf2_9ce4_8422_2325, |hash, number| (hash ^ u64::from(number)).wrapping_mul(0x0100_0000_01b3))
}

impl State {
    fn new(names: &[&str], rows: &[Row], options: &Options, mark: (usize, u64)) -> Self {
        let count = rows.len() as f64;
        let mean = |of: &dyn Fn(&Row) -> f64| rows.iter().map(of).sum::<f64>() / count;
        let means: Vec<f64> = (0..names.len()).map(|at| mean(&|row| f64::from(row.features[at]))).collect();
        let spread = |at: usize| {
            let spread = mean(&|row| (f64::from(row.features[at]) - means[at]).powi(2)).sqrt();
            // A feature that is the same everywhere says nothing, and must not be divided by nothing.
            if spread > 1e-6 { spread as f32 } else { 1.0 }
        };
        let sizes = match options.hidden {
            0 => vec![names.len(), 1],
            hidden => vec![names.len(), hidden, 1],
        };
        let mut random = fastrand::Rng::with_seed(options.seed);
        // He et al. 2015: uniform with variance 2 / inputs; the last layer begins at nothing, that is at even odds.
        let layer = |(depth, size): (usize, &[usize])| {
            let bound = if depth + 2 == sizes.len() { 0.0 } else { (6.0 / size[0] as f32).sqrt() };
            let mut row = || (0..size[0]).map(|_| bound * (2.0 * random.f32() - 1.0)).collect();
            Layer { weights: (0..size[1]).map(|_| row()).collect(), bias: vec![0.0; size[1]] }
        };
        let now = Ranker {
            features: names.iter().map(|name| (*name).to_owned()).collect(),
            mean: means.iter().map(|mean| *mean as f32).collect(),
            spread: (0..names.len()).map(spread).collect(),
            layers: sizes.windows(2).enumerate().map(layer).collect(),
        };
        let zeros: Vec<Vec<f32>> = now
            .layers
            .iter()
            .flat_map(|layer| [layer.weights.iter().map(Vec::len).sum(), layer.bias.len()])
            .map(|length: usize| vec![0.0; length])
            .collect();
        Self {
            options: *options,
            rows: mark,
            epoch: 0,
            step: 0,
            best: now.clone(),
            now,
            moments: [zeros.clone(), zeros],
            best_epoch: 0,
            history: Vec::new(),
        }
    }

    /// How many epochs are done.
    pub fn epoch(&self) -> usize {
        self.epoch
    }
}

/// Rows as tensors: features scaled `[n, f]`, labels and weights `[n]`.
struct Batch {
    features: Tensor,
    wanted: Tensor,
    weights: Tensor,
    weight: f64,
}

impl Batch {
    fn new(rows: &[&Row], ranker: &Ranker) -> CandleResult<Self> {
        let width = ranker.mean.len();
        let mut features = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let scaled = row.features.iter().zip(&ranker.mean).zip(&ranker.spread);
            features.extend(scaled.map(|((x, mean), spread)| (x - mean) / spread));
        }
        let weights: Vec<f32> = rows.iter().map(|row| row.weight).collect();
        let wanted: Vec<f32> = rows.iter().map(|row| f32::from(u8::from(row.wanted))).collect();
        Ok(Self {
            features: Tensor::from_vec(features, (rows.len(), width), &Device::Cpu)?,
            wanted: Tensor::from_vec(wanted, rows.len(), &Device::Cpu)?,
            weight: weights.iter().map(|weight| f64::from(*weight)).sum(),
            weights: Tensor::from_vec(weights, rows.len(), &Device::Cpu)?,
        })
    }
}

/// Weights and biases in turn, with their moments.
struct Net {
    parts: Vec<Var>,
    moments: [Vec<Tensor>; 2],
}

impl Net {
    fn new(state: &State) -> CandleResult<Self> {
        let mut parts = Vec::new();
        for layer in &state.now.layers {
            let inputs = layer.weights.first().map_or(0, Vec::len);
            let shape = (layer.weights.len(), inputs);
            parts.push(Var::from_tensor(&Tensor::from_vec(layer.weights.concat(), shape, &Device::Cpu)?)?);
            parts.push(Var::from_tensor(&Tensor::new(layer.bias.as_slice(), &Device::Cpu)?)?);
        }
        let moments = |numbers: &[Vec<f32>]| -> CandleResult<Vec<Tensor>> {
            let one = |(numbers, part): (&Vec<f32>, &Var)| Tensor::from_slice(numbers, part.shape(), &Device::Cpu);
            numbers.iter().zip(&parts).map(one).collect()
        };
        let moments = [moments(&state.moments[0])?, moments(&state.moments[1])?];
        Ok(Self { parts, moments })
    }

    /// Weighted mean of `ln(1 + exp(z)) - wanted * z`, written so that no exponential overflows.
    fn loss(&self, batch: &Batch) -> CandleResult<Tensor> {
        let mut values = batch.features.clone();
        for (depth, part) in self.parts.chunks(2).enumerate() {
            if depth > 0 {
                values = values.relu()?;
            }
            values = values.matmul(&part[0].t()?)?.broadcast_add(&part[1])?;
        }
        let odds = values.squeeze(D::Minus1)?;
        let soft = (odds.relu()? + (odds.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let losses = (soft - (&batch.wanted * &odds)?)?;
        (losses * &batch.weights)?.sum_all()? / batch.weight
    }

    fn step(&mut self, batch: &Batch, options: &Options, step: i32) -> CandleResult<f64> {
        let loss = self.loss(batch)?;
        let gradients = loss.backward()?;
        for (at, part) in self.parts.iter().enumerate() {
            let Some(gradient) = gradients.get(part) else { continue };
            let first = ((&self.moments[0][at] * BETA_1)? + (gradient * (1.0 - BETA_1))?)?.detach();
            let second = ((&self.moments[1][at] * BETA_2)? + (gradient.sqr()? * (1.0 - BETA_2))?)?.detach();
            let scale = (&second / (1.0 - BETA_2.powi(step)))?.sqrt()?;
            let towards = ((&first / (1.0 - BETA_1.powi(step)))? / (scale + EPSILON)?)?;
            // Weights decay, biases (every second part) do not.
            let decay = if at % 2 == 0 { options.learning_rate * options.weight_decay } else { 0.0 };
            let next = ((part.as_tensor() * (1.0 - decay))? - (towards * options.learning_rate)?)?;
            part.set(&next.detach())?;
            (self.moments[0][at], self.moments[1][at]) = (first, second);
        }
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }

    /// Writes all numbers into the state.
    fn keep(&self, state: &mut State) -> CandleResult<()> {
        for (layer, part) in state.now.layers.iter_mut().zip(self.parts.chunks(2)) {
            layer.weights = part[0].to_vec2()?;
            layer.bias = part[1].to_vec1()?;
        }
        for (kept, tensors) in state.moments.iter_mut().zip(&self.moments) {
            *kept = tensors.iter().map(|tensor| tensor.flatten_all()?.to_vec1()).collect::<CandleResult<_>>()?;
        }
        Ok(())
    }
}
