//! A BERT-family encoder on the CPU: texts in, vectors out, pure and synchronous.
//!
//! Read [`tokens`] (text to ids), [`weights`] (what is loaded), [`forward`] (the pass), then [`maths`] and [`product`],
//! the two halves of its arithmetic. The queue in front of it is [`crate::embedder`].

use std::{fs, path::Path};

use chat::{
    error::Cause,
    ports::{EmbedTask, Embedding},
};
use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};

use self::{
    forward::{Packed, Workspace},
    tokens::{Tokeniser, Tokens},
    weights::{Config, Weights},
};
use crate::{
    ModelError,
    catalogue::{EmbedSpec, Pooling},
};

pub mod forward;
mod maths;
mod product;
#[cfg(test)]
pub(crate) mod reference;
pub mod tokens;
pub mod weights;

/// An encoder with its tokenizer and the threads that it computes on.
#[derive(Debug)]
pub struct Encoder {
    name: String,
    tokeniser: Tokeniser,
    weights: Weights,
    config: Config,
    pooling: Pooling,
    is_multilingual: bool,
    threads: ThreadPool,
}

impl Encoder {
    /// Loads the model `name` from `config.json`, `tokenizer.json` and `model.safetensors` in `folder`, to compute on
    /// `threads` threads of its own (0: one per core).
    ///
    /// # Errors
    /// [`ModelError`]: a file that cannot be read, an architecture that cannot run, a tensor that is missing or of
    /// another shape, a `spec` that contradicts the files.
    pub fn load(name: &str, folder: &Path, spec: &EmbedSpec, threads: usize) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let text = fs::read(&path).map_err(ModelError::io("read", &path))?;
        let config: Config = serde_json::from_slice(&text)
            .map_err(|error| ModelError::Load { name: name.to_owned(), source: error.into() })?;
        let unsupported = |reason: String| ModelError::Unsupported { name: name.to_owned(), reason };
        if let Some(reason) = contradiction(&config, spec) {
            return Err(unsupported(reason));
        }
        let tokeniser = Tokeniser::read(name, &folder.join("tokenizer.json"), spec)?;
        if tokeniser.ids_end() > config.vocab_size {
            let (ids, rows) = (tokeniser.ids_end(), config.vocab_size);
            return Err(unsupported(format!("its tokenizer has {ids} ids, and its token table {rows} rows")));
        }
        let weights = Weights::read(name, &folder.join("model.safetensors"), &config)?;
        let encoder = Self::new(name, tokeniser, weights, config, spec.pooling, threads)?;
        Ok(Self { is_multilingual: spec.multilingual, ..encoder })
    }

    fn new(
        name: &str,
        tokeniser: Tokeniser,
        weights: Weights,
        config: Config,
        pooling: Pooling,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("encoder-{index}"))
            .build()
            .map_err(|error| ModelError::Load { name: name.to_owned(), source: error.into() })?;
        Ok(Self { name: name.to_owned(), tokeniser, weights, config, pooling, is_multilingual: false, threads })
    }

    /// Breaks the model, for the test of a panic: tokens from `rows` on have no row.
    #[cfg(test)]
    pub(crate) fn forget_words_past(&mut self, rows: usize) {
        self.weights.words.truncate(rows * self.weights.hidden);
    }

    /// The model's name in the catalogue.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length of a vector.
    pub fn dims(&self) -> usize {
        self.weights.hidden
    }

    /// Whether texts of the same meaning in different languages lie near each other, as the catalogue says.
    pub fn is_multilingual(&self) -> bool {
        self.is_multilingual
    }

    /// How texts become tokens.
    pub fn tokeniser(&self) -> &Tokeniser {
        &self.tokeniser
    }

    /// Multiplications and additions for texts of these lengths in tokens: linear layers and attention.
    pub fn flops(&self, lengths: impl IntoIterator<Item = usize>) -> usize {
        let attention = 4 * self.weights.layers.len() * self.weights.hidden;
        lengths.into_iter().map(|tokens| tokens * (self.config.linear_flops() + tokens * attention)).sum()
    }

    /// The tokens of texts, in order, on all threads.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn tokenise<T: AsRef<str> + Sync>(&self, task: EmbedTask, texts: &[T]) -> Result<Vec<Tokens>, Cause> {
        let encode = |text: &T| self.tokeniser.encode(task, text.as_ref());
        if let [text] = texts {
            return Ok(vec![encode(text)?]);
        }
        self.threads.install(|| texts.par_iter().map(encode).collect())
    }

    /// One vector of unit norm per text.
    pub fn embed(&self, texts: &[&Tokens], workspace: &mut Workspace) -> Vec<Embedding> {
        let packed = Packed::new(texts.iter().map(|tokens| tokens.ids.as_slice()));
        let hidden = self.threads.install(|| forward::forward(&self.weights, &packed, workspace));
        let width = self.weights.hidden;
        let pool = |text: std::ops::Range<usize>| {
            let rows = match self.pooling {
                Pooling::Mean => text,
                Pooling::Cls => text.start..text.start + 1,
            };
            let mut pooled = vec![0.0; width];
            for row in hidden[rows.start * width..rows.end * width].chunks_exact(width) {
                maths::add(&mut pooled, row);
            }
            maths::normalise(&mut pooled);
            pooled
        };
        packed.texts().map(pool).collect()
    }
}

/// What the catalogue and the model's own files do not agree on.
fn contradiction(config: &Config, spec: &EmbedSpec) -> Option<String> {
    let positions = config.max_position_embeddings.saturating_sub(config.position_offset());
    let pairs = [
        ("dims", spec.dims, "vectors", config.hidden_size),
        ("position_offset", spec.position_offset, "first position", config.position_offset()),
    ];
    let differ = pairs.into_iter().find(|(_, said, _, found)| said != found);
    let differ = differ.map(|(key, said, what, found)| {
        format!("the catalogue says {key} = {said}, and by its config.json the {what} would be {found}")
    });
    let long = (spec.tokens_max > positions)
        .then(|| format!("the catalogue says tokens_max = {}, and it has {positions} positions", spec.tokens_max));
    config.unsupported().or(differ).or(long)
}
