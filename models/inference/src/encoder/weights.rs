//! The weights of a BERT-family encoder, laid out for the forward pass: read once, checked by name and shape.
//!
//! **Invariant:** every matrix is `[in, out]`, so that a product of rows runs along memory (twice as fast as PyTorch's
//! `[out, in]` on few rows); query, key and value are one matrix, and the attention's scale is in the query's part.

use std::{fs, path::Path};

use candle_core::{DType, Device, Tensor, safetensors::BufferedSafetensors};
use serde::Deserialize;

use super::maths::Norm;
use crate::ModelError;

/// What `config.json` says of the architecture.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// `bert`, `xlm-roberta` ...
    pub model_type: String,
    /// Length of a token's vector.
    pub hidden_size: usize,
    /// Length inside the feed-forward part.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Rows of the position table.
    pub max_position_embeddings: usize,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Rows of the type table, of which the first is used.
    #[serde(default = "Config::type_vocab_size")]
    pub type_vocab_size: usize,
    /// Added to a variance.
    #[serde(default = "Config::layer_norm_eps")]
    pub layer_norm_eps: f32,
    /// The activation.
    pub hidden_act: String,
    /// How positions enter.
    #[serde(default = "Config::position_embedding_type")]
    pub position_embedding_type: String,
    /// XLM-RoBERTa counts its positions from one past it.
    #[serde(default)]
    pub pad_token_id: usize,
}

impl Config {
    fn type_vocab_size() -> usize {
        2
    }

    fn layer_norm_eps() -> f32 {
        1e-12
    }

    fn position_embedding_type() -> String {
        "absolute".to_owned()
    }

    /// The id of a text's first position.
    pub fn position_offset(&self) -> usize {
        if self.model_type == "bert" { 0 } else { self.pad_token_id + 1 }
    }

    /// Multiplications and additions in the linear layers, for one token.
    pub fn linear_flops(&self) -> usize {
        let (hidden, middle) = (self.hidden_size, self.intermediate_size);
        2 * self.num_hidden_layers * (4 * hidden * hidden + 2 * hidden * middle)
    }

    /// What cannot run, in words; nothing where all can.
    pub fn unsupported(&self) -> Option<String> {
        let known = ["bert", "roberta", "xlm-roberta", "camembert"];
        if !known.contains(&self.model_type.as_str()) {
            return Some(format!("the architecture is `{}`; supported are {}", self.model_type, known.join(", ")));
        }
        if self.hidden_act != "gelu" {
            return Some(format!("the activation is `{}`; supported is gelu", self.hidden_act));
        }
        if self.position_embedding_type != "absolute" {
            return Some(format!("positions are `{}`; supported is absolute", self.position_embedding_type));
        }
        if self.num_attention_heads == 0 || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Some(format!("{} heads do not divide {} columns", self.num_attention_heads, self.hidden_size));
        }
        None
    }
}

/// A linear layer: rows times `matrix` plus `bias`.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `[inputs, outputs]`.
    pub matrix: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
    /// Rows of the matrix.
    pub inputs: usize,
    /// Its columns.
    pub outputs: usize,
}

/// One layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// To query, key and value, side by side.
    pub qkv: Linear,
    /// From the heads back.
    pub attended: Linear,
    /// After attention.
    pub attended_norm: Norm,
    /// Up.
    pub up: Linear,
    /// And down again.
    pub down: Linear,
    /// After the feed-forward part.
    pub down_norm: Norm,
}

/// All weights.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Length of a token's vector.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// `[vocabulary, hidden]`.
    pub words: Vec<f32>,
    /// `[positions, hidden]`, from the first used one on, the first token type added.
    pub positions: Vec<f32>,
    /// After the sum of both.
    pub norm: Norm,
    /// The layers.
    pub layers: Vec<Layer>,
}

impl Weights {
    /// Reads `path` (safetensors; any float type is widened to `f32`) of the model `name`.
    ///
    /// # Errors
    /// [`ModelError`] naming the tensor that is missing or of another shape.
    pub fn read(name: &str, path: &Path, config: &Config) -> Result<Self, ModelError> {
        let bytes = fs::read(path).map_err(ModelError::io("read", path))?;
        let tensors = BufferedSafetensors::new(bytes).map_err(broken(name))?;
        let names: Vec<String> = tensors.tensors().into_iter().map(|(tensor, _)| tensor).collect();
        let words = "embeddings.word_embeddings.weight";
        let Some(prefix) = names.iter().find_map(|tensor| tensor.strip_suffix(words)) else {
            return Err(missing(name, words, &names));
        };
        Reader { name, tensors: &tensors, names: &names, prefix, config }.weights()
    }
}

fn broken(name: &str) -> impl Fn(candle_core::Error) -> ModelError {
    move |error| ModelError::Load { name: name.to_owned(), source: error.into() }
}

fn missing(name: &str, tensor: &str, names: &[String]) -> ModelError {
    let some: Vec<&str> = names.iter().take(4).map(String::as_str).collect();
    let reason = format!("it has no tensor `{tensor}` among its {} ({} ...)", names.len(), some.join(", "));
    ModelError::Unsupported { name: name.to_owned(), reason }
}

struct Reader<'a> {
    name: &'a str,
    tensors: &'a BufferedSafetensors,
    names: &'a [String],
    prefix: &'a str,
    config: &'a Config,
}

impl Reader<'_> {
    fn weights(&self) -> Result<Weights, ModelError> {
        let config = self.config;
        let hidden = config.hidden_size;
        let table = |part: &str, rows| self.tensor(&format!("embeddings.{part}_embeddings.weight"), &[rows, hidden]);
        let types = self.numbers(&table("token_type", config.type_vocab_size)?)?;
        let mut positions = self.numbers(&table("position", config.max_position_embeddings)?)?;
        positions.drain(..(config.position_offset() * hidden).min(positions.len()));
        for row in positions.chunks_exact_mut(hidden) {
            super::maths::add(row, &types[..hidden]);
        }
        Ok(Weights {
            hidden,
            heads: config.num_attention_heads,
            words: self.numbers(&table("word", config.vocab_size)?)?,
            positions,
            norm: self.norm("embeddings.LayerNorm")?,
            layers: (0..config.num_hidden_layers).map(|layer| self.layer(layer)).collect::<Result<_, _>>()?,
        })
    }

    fn layer(&self, layer: usize) -> Result<Layer, ModelError> {
        let (hidden, middle) = (self.config.hidden_size, self.config.intermediate_size);
        let at = |part: &str| format!("encoder.layer.{layer}.{part}");
        let scale = 1.0 / ((hidden / self.config.num_attention_heads) as f64).sqrt();
        let part = |part: &str, scale: f64| -> Result<(Tensor, Tensor), ModelError> {
            let (matrix, bias) = self.pair(&at(&format!("attention.self.{part}")), hidden, hidden)?;
            Ok(((matrix * scale).map_err(broken(self.name))?, (bias * scale).map_err(broken(self.name))?))
        };
        let (query, query_bias) = part("query", scale)?;
        let (key, key_bias) = part("key", 1.0)?;
        let (value, value_bias) = part("value", 1.0)?;
        let matrix = Tensor::cat(&[query, key, value], 0).map_err(broken(self.name))?;
        let bias = Tensor::cat(&[query_bias, key_bias, value_bias], 0).map_err(broken(self.name))?;
        Ok(Layer {
            qkv: self.linear(&matrix, &bias)?,
            attended: self.dense(&at("attention.output.dense"), hidden, hidden)?,
            attended_norm: self.norm(&at("attention.output.LayerNorm"))?,
            up: self.dense(&at("intermediate.dense"), hidden, middle)?,
            down: self.dense(&at("output.dense"), middle, hidden)?,
            down_norm: self.norm(&at("output.LayerNorm"))?,
        })
    }

    fn dense(&self, at: &str, inputs: usize, outputs: usize) -> Result<Linear, ModelError> {
        let (matrix, bias) = self.pair(at, inputs, outputs)?;
        self.linear(&matrix, &bias)
    }

    fn pair(&self, at: &str, inputs: usize, outputs: usize) -> Result<(Tensor, Tensor), ModelError> {
        Ok((self.tensor(&format!("{at}.weight"), &[outputs, inputs])?, self.tensor(&format!("{at}.bias"), &[outputs])?))
    }

    fn linear(&self, matrix: &Tensor, bias: &Tensor) -> Result<Linear, ModelError> {
        let (outputs, inputs) = matrix.dims2().map_err(broken(self.name))?;
        let turned = matrix.t().and_then(|turned| turned.contiguous()).map_err(broken(self.name))?;
        Ok(Linear { matrix: self.numbers(&turned)?, bias: self.numbers(bias)?, inputs, outputs })
    }

    fn norm(&self, at: &str) -> Result<Norm, ModelError> {
        // Checkpoints converted from TensorFlow keep its names.
        let old = self.names.iter().any(|name| *name == format!("{}{at}.gamma", self.prefix));
        let (gain, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        let row = |part: &str| {
            self.tensor(&format!("{at}.{part}"), &[self.config.hidden_size]).and_then(|tensor| self.numbers(&tensor))
        };
        Ok(Norm { gain: row(gain)?, bias: row(bias)?, epsilon: self.config.layer_norm_eps })
    }

    fn tensor(&self, tensor: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let full = format!("{}{tensor}", self.prefix);
        if !self.names.contains(&full) {
            return Err(missing(self.name, &full, self.names));
        }
        let read = self.tensors.load(&full, &Device::Cpu).map_err(broken(self.name))?;
        if read.dims() != shape {
            let reason = format!("tensor `{full}` is {:?}, and config.json asks for {shape:?}", read.dims());
            return Err(ModelError::Unsupported { name: self.name.to_owned(), reason });
        }
        read.to_dtype(DType::F32).map_err(broken(self.name))
    }

    fn numbers(&self, tensor: &Tensor) -> Result<Vec<f32>, ModelError> {
        tensor.flatten_all().and_then(|flat| flat.to_vec1()).map_err(broken(self.name))
    }
}
