//! What `config.json` says of a translation model, in the words of Hugging Face's transformers.

use candle_nn::Activation;
use serde::Deserialize;

/// Which of the two networks it is: they differ in where norms stand and how positions are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// Marian: a norm behind each part, one language pair for each model.
    #[serde(rename = "marian")]
    Marian,
    /// M2M100 and NLLB: a norm before each part, a token for each language.
    #[serde(rename = "m2m_100")]
    M2m100,
}

/// The architecture.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// The class.
    #[serde(rename = "model_type")]
    pub class: Class,
    /// Rows of the table of source tokens.
    pub vocab_size: usize,
    /// Rows of the table of target tokens, where it is another.
    pub decoder_vocab_size: Option<usize>,
    /// Length of a token's vector.
    pub d_model: usize,
    /// Layers that read.
    pub encoder_layers: usize,
    /// Layers that write.
    pub decoder_layers: usize,
    /// Attention heads of a layer that reads.
    pub encoder_attention_heads: usize,
    /// Attention heads of a layer that writes.
    pub decoder_attention_heads: usize,
    /// Length inside the feed-forward part of a layer that reads.
    pub encoder_ffn_dim: usize,
    /// Length inside the feed-forward part of a layer that writes.
    pub decoder_ffn_dim: usize,
    /// Longest text, source or target, in tokens.
    pub max_position_embeddings: usize,
    /// The activation.
    pub activation_function: Activation,
    /// Whether a token's vector is multiplied by the root of its length.
    #[serde(default)]
    pub scale_embedding: bool,
    /// Whether what is written is chosen by the table of target tokens.
    #[serde(default = "Config::is_tied")]
    pub tie_word_embeddings: bool,
    /// The token of nothing.
    pub pad_token_id: u32,
    /// The token at the end of a text.
    pub eos_token_id: u32,
    /// The token that a translation begins with, itself no part of it.
    pub decoder_start_token_id: Option<u32>,
}

impl Config {
    fn is_tied() -> bool {
        true
    }

    /// Rows of the table of target tokens.
    pub fn target_vocab_size(&self) -> usize {
        self.decoder_vocab_size.unwrap_or(self.vocab_size)
    }

    /// The token that a translation begins with.
    pub fn start(&self) -> u32 {
        self.decoder_start_token_id.unwrap_or(match self.class {
            Class::Marian => self.pad_token_id,
            Class::M2m100 => self.eos_token_id,
        })
    }

    /// The token that is never written: Marian begins with it.
    pub fn banned(&self) -> Option<u32> {
        (self.class == Class::Marian).then_some(self.pad_token_id)
    }

    /// Why it cannot run; none where it can.
    pub fn unsupported(&self) -> Option<String> {
        let heads = [self.encoder_attention_heads, self.decoder_attention_heads];
        if heads.iter().any(|heads| *heads == 0 || !self.d_model.is_multiple_of(*heads)) {
            return Some(format!("its {} dimensions cannot be shared out among {heads:?} heads", self.d_model));
        }
        if !self.d_model.is_multiple_of(2) || self.d_model < 4 {
            return Some(format!("{} dimensions have no halves for sine and cosine", self.d_model));
        }
        let rows = self.vocab_size.min(self.target_vocab_size());
        let special = [self.pad_token_id, self.eos_token_id, self.start()];
        let beyond = special.into_iter().find(|id| *id as usize >= rows);
        beyond.map(|id| format!("its special token {id} is none of its {rows}"))
    }
}
