//! What was learned, as plain numbers.

use serde::{Deserialize, Serialize};

/// Weights of one layer: `out[o] = bias[o] + sum over i of weights[o][i] in[i]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// A row for each output.
    pub weights: Vec<Vec<f32>>,
    /// A number for each output.
    pub bias: Vec<f32>,
}

/// Turns features into the probability that the candidate is wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranker {
    /// What the features are called, in order: whoever scores must hand in the same ones.
    pub features: Vec<String>,
    /// What each feature is lessened by before all.
    pub mean: Vec<f32>,
    /// What each is divided by then, above 0.
    pub spread: Vec<f32>,
    /// One layer, or two with a rectifier between them; the last has one output.
    pub layers: Vec<Layer>,
}

impl Ranker {
    /// The log-odds of a candidate: it ranks as the probability does. A wrong number of features counts as none: 0.
    pub fn score(&self, features: &[f32]) -> f32 {
        if features.len() != self.mean.len() {
            return 0.0;
        }
        let scaled = features.iter().zip(&self.mean).zip(&self.spread).map(|((x, mean), spread)| (x - mean) / spread);
        let mut values: Vec<f32> = scaled.collect();
        for (depth, layer) in self.layers.iter().enumerate() {
            if depth > 0 {
                values.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            values = layer
                .weights
                .iter()
                .zip(&layer.bias)
                .map(|(row, bias)| bias + row.iter().zip(&values).map(|(weight, value)| weight * value).sum::<f32>())
                .collect();
        }
        values.first().copied().unwrap_or(0.0)
    }

    /// The probability, in 0..1.
    pub fn probability(&self, features: &[f32]) -> f32 {
        1.0 / (1.0 + (-self.score(features)).exp())
    }

    /// Whether it is whole: every layer fits the one before and every number is finite.
    pub fn is_sound(&self) -> bool {
        let width = self.features.len();
        let finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
        let mut inputs = width;
        let fits = self.layers.iter().all(|layer| {
            let fits = layer.weights.len() == layer.bias.len()
                && finite(&layer.bias)
                && layer.weights.iter().all(|row| row.len() == inputs && finite(row));
            inputs = layer.weights.len();
            fits
        });
        let scaled =
            self.mean.len() == width && self.spread.len() == width && finite(&self.mean) && finite(&self.spread);
        fits && scaled && inputs == 1 && !self.layers.is_empty() && self.spread.iter().all(|spread| *spread > 0.0)
    }
}
