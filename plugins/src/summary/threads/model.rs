//! The learned scorer: one hidden layer beside a linear part, over the rows of `features`.
//!
//! `weights.json` says what it was trained on and how. A line's candidates compete in one softmax, start included, so
//! that only differences of scores mean anything.
//!
//! Of the same kind of model, five-fold by file on the ten files of `dev` (spoken lines alone): links F 70.9, one-to-one
//! 77.5, exact F 39.3, with vectors 72.7, 80.9 and 42.1; trained on them and measured on the Rust channel 70.7, 79.0 and
//! 43.5, with vectors 70.7, 82.2 and 51.1. Another seed moves one-to-one and exact F by two or three.

use std::sync::LazyLock;

use serde::Deserialize;

use super::features::{FEATURES, OWN};

/// Hidden units.
const HIDDEN: usize = 32;
/// Weights are whole thousandths in the file.
const UNIT: f32 = 1000.0;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let file = serde_json::from_str(include_str!("weights.json")).expect("a test reads the file");
    Model::new(&file).expect("a test reads the file")
});

/// The file: how it was made, then one list a part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: Vec<String>,
    direct: Vec<i32>,
    inner: Vec<Vec<i32>>,
    bias: Vec<i32>,
    outer: Vec<i32>,
}

#[derive(Debug)]
struct Model {
    /// From each feature to the score, and to each hidden unit.
    direct: Vec<f32>,
    inner: Vec<[f32; HIDDEN]>,
    /// Of each hidden unit, and from it to the score.
    bias: [f32; HIDDEN],
    outer: [f32; HIDDEN],
}

impl Model {
    fn new(file: &File) -> Option<Self> {
        let all = |list: &[i32]| list.iter().map(|weight| *weight as f32 / UNIT).collect::<Vec<f32>>();
        let units = |list: &Vec<i32>| <[f32; HIDDEN]>::try_from(all(list)).ok();
        let inner = file.inner.iter().map(units).collect::<Option<Vec<_>>>()?;
        let model = Self { direct: all(&file.direct), inner, bias: units(&file.bias)?, outer: units(&file.outer)? };
        (model.direct.len() == FEATURES && model.inner.len() == FEATURES).then_some(model)
    }
}

/// Scores the candidates of one line; its own features are weighed once.
#[derive(Debug)]
pub(super) struct Scorer {
    score: f32,
    hidden: [f32; HIDDEN],
}

impl Scorer {
    /// For the line that `row` speaks of: any of its rows.
    pub fn new(row: &[f32]) -> Self {
        Self { score: 0.0, hidden: MODEL.bias }.add(&row[..OWN], &MODEL.direct[..OWN], &MODEL.inner[..OWN])
    }

    /// How likely the candidate of this row is the parent, as a logit.
    pub fn score(&self, row: &[f32]) -> f32 {
        let all = self.add(&row[OWN..], &MODEL.direct[OWN..], &MODEL.inner[OWN..]);
        all.score + all.hidden.iter().zip(&MODEL.outer).map(|(unit, weight)| unit.max(0.0) * weight).sum::<f32>()
    }

    fn add(&self, values: &[f32], direct: &[f32], inner: &[[f32; HIDDEN]]) -> Self {
        // Most numbers of a row are zero. They are sorted out without a branch, which no processor could foresee.
        let (mut places, mut count) = ([0; FEATURES], 0);
        for (place, value) in values.iter().enumerate() {
            places[count] = place;
            count += usize::from(*value != 0.0);
        }
        let Self { mut score, mut hidden } = *self;
        for place in &places[..count] {
            let value = values[*place];
            score += value * direct[*place];
            for (unit, weight) in hidden.iter_mut().zip(&inner[*place]) {
                *unit += value * weight;
            }
        }
        Self { score, hidden }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_fit_the_features() {
        let file: File = serde_json::from_str(include_str!("weights.json")).unwrap();
        assert!(Model::new(&file).is_some());
        assert!(file._about.iter().any(|line| line.contains("CC BY 4.0")));
    }
}
