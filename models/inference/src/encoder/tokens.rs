//! From text to token ids: prefix, cut, special tokens around.
//!
//! **Invariant:** a text of at most [`Tokeniser::tokens_max`] tokens is never cut, and a longer one keeps its special tokens.

use std::path::Path;

use chat::{error::Cause, ports::EmbedTask};
use tokenizers::Tokenizer;

use crate::{ModelError, catalogue::EmbedSpec};

/// What is read of a text before it is cut by tokens: far past any encoder's limit.
const BYTES_MAX: usize = 1 << 20;

/// The tokens of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// All ids, special ones included.
    pub ids: Vec<u32>,
}

/// A tokenizer that knows its model's prefixes and limit.
#[derive(Debug)]
pub struct Tokeniser {
    tokenizer: Tokenizer,
    head: Vec<u32>,
    tail: Vec<u32>,
    tokens_max: usize,
    query_prefix: String,
    passage_prefix: String,
}

impl Tokeniser {
    /// Reads the `tokenizer.json` at `path` of the model `name`.
    ///
    /// # Errors
    /// [`ModelError`] when it cannot be read or its limit leaves no room for text.
    pub fn read(name: &str, path: &Path, spec: &EmbedSpec) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(ModelError::io("read", path))?;
        let load = |source| ModelError::Load { name: name.to_owned(), source };
        Self::new(Tokenizer::from_bytes(bytes).map_err(load)?, spec)
            .map_err(|reason| ModelError::Unsupported { name: name.to_owned(), reason })
    }

    /// Around a tokenizer; the reason in words where it does not do.
    fn new(mut tokenizer: Tokenizer, spec: &EmbedSpec) -> Result<Self, String> {
        // The file of a published encoder pads and cuts to what its first user liked (MiniLM's: 128).
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        let ids = |special| tokenizer.encode_fast("a", special).map(|encoding| encoding.get_ids().to_vec());
        let (bare, full) = (ids(false).map_err(|e| e.to_string())?, ids(true).map_err(|e| e.to_string())?);
        let start = full.windows(bare.len().max(1)).position(|window| window == bare);
        let start = start.ok_or("its tokenizer changes a text's tokens when it adds special ones")?;
        let (head, tail) = (full[..start].to_vec(), full[start + bare.len()..].to_vec());
        let mut made = Self {
            tokenizer,
            head,
            tail,
            tokens_max: 0,
            query_prefix: spec.query_prefix.clone(),
            passage_prefix: spec.passage_prefix.clone(),
        };
        let prefix = made.count(&spec.query_prefix).max(made.count(&spec.passage_prefix));
        let around = made.head.len() + made.tail.len() + prefix;
        made.tokens_max = spec
            .tokens_max
            .checked_sub(around)
            .filter(|&left| left > 0)
            .ok_or(format!("{} tokens leave no room beside {around} of its own", spec.tokens_max))?;
        Ok(made)
    }

    /// Longest text that is not cut: the model's limit less prefix and special tokens.
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// One past the highest id.
    pub fn ids_end(&self) -> usize {
        self.tokenizer.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1)
    }

    /// How many tokens a text takes, without special ones.
    pub fn count(&self, text: &str) -> usize {
        self.tokenizer.encode_fast(text, false).map_or(0, |encoding| encoding.len())
    }

    /// The tokens of `text`, prefix and special tokens included, cut at the limit.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn encode(&self, task: EmbedTask, text: &str) -> Result<Tokens, Cause> {
        let text = &text[..text.floor_char_boundary(BYTES_MAX)];
        let prefix = match task {
            EmbedTask::Query => &self.query_prefix,
            EmbedTask::Passage => &self.passage_prefix,
        };
        if prefix.is_empty() {
            let encoding = self.tokenizer.encode_fast(text, false)?;
            return Ok(self.around(encoding.get_ids(), self.tokens_max));
        }
        // One string, for a tokenizer may join what is on both sides of the border; the offsets tell where it was.
        let encoding = self.tokenizer.encode(format!("{prefix}{text}"), false)?;
        let prefix = encoding.get_offsets().iter().take_while(|(_, end)| *end <= prefix.len()).count();
        Ok(self.around(encoding.get_ids(), prefix + self.tokens_max))
    }

    fn around(&self, ids: &[u32], most: usize) -> Tokens {
        let ids = &ids[..ids.len().min(most)];
        Tokens { ids: [&self.head, ids, &self.tail].concat() }
    }
}
