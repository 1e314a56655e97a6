//! The forward pass of Marian, M2M100 and NLLB on candle, written after Hugging Face's transformers, which the tests hold
//! it against.
//!
//! One text is read at a time, so that nothing is padded or masked; its translations are written side by side, a token of
//! each at a time, with the keys and values of the tokens before kept.

use std::path::Path;

use candle_core::{D, DType, Device, Module, Result, Tensor};
use candle_nn::{Activation, LayerNorm, Linear, VarBuilder, ops::softmax_last_dim};

use super::config::{Class, Config};

/// As PyTorch has it by default; no config of these classes says otherwise.
const NORM_EPS: f64 = 1e-5;

/// The weights, on their device.
#[derive(Debug)]
pub struct Network {
    device: Device,
    scale: f64,
    source: Tensor,
    target: Tensor,
    head: Linear,
    positions: Tensor,
    reads: Stack,
    writes: Stack,
}

/// The layers of one side.
#[derive(Debug)]
struct Stack {
    layers: Vec<Layer>,
    norm: Option<LayerNorm>,
}

#[derive(Debug)]
struct Layer {
    class: Class,
    own: (Attention, LayerNorm),
    /// To what was read, in layers that write.
    across: Option<(Attention, LayerNorm)>,
    widen: Linear,
    narrow: Linear,
    activation: Activation,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Attention {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

/// What was read: of each layer that writes the keys and values of the source, `[heads, tokens, head]`.
#[derive(Debug)]
pub struct Memory {
    layers: Vec<(Tensor, Tensor)>,
}

/// What was written so far: of each layer the keys and values, `[rows, heads, tokens, head]`.
#[derive(Debug, Default)]
pub struct Written {
    layers: Vec<(Tensor, Tensor)>,
    tokens: usize,
}

impl Network {
    /// Reads the weights in `folder`: `model.safetensors`, or else PyTorch's own `pytorch_model.bin`.
    ///
    /// # Errors
    /// candle's own, which name the tensor: one that is missing or of another shape, a file that is none. A PyTorch file
    /// from before version 1.6 is no archive and is not read.
    pub fn read(folder: &Path, config: &Config, device: &Device) -> Result<Self> {
        let safetensors = folder.join("model.safetensors");
        let weights = match std::fs::read(&safetensors) {
            Ok(bytes) => VarBuilder::from_buffered_safetensors(bytes, DType::F32, device)?,
            Err(_) => VarBuilder::from_pth(folder.join("pytorch_model.bin"), DType::F32, device)?,
        };
        Self::new(&weights, config, device)
    }

    fn new(weights: &VarBuilder<'_>, config: &Config, device: &Device) -> Result<Self> {
        let [shared, head, writes, reads] =
            ["model.shared", "lm_head", "model.decoder.embed_tokens", "model.encoder.embed_tokens"];
        let mut tables: Vec<(&str, Tensor)> = Vec::new();
        // Tables that are one stand in a file under one of their names, or under all.
        let mut table = |names: [&'static str; 4], rows: usize| {
            let name = names.into_iter().find(|name| weights.contains_tensor(&format!("{name}.weight")));
            let name = name.unwrap_or(shared);
            if let Some((_, known)) = tables.iter().find(|(known, _)| *known == name) {
                return Ok(known.clone());
            }
            let read = weights.get((rows, config.d_model), &format!("{name}.weight"))?;
            tables.push((name, read.clone()));
            Ok::<Tensor, candle_core::Error>(read)
        };
        let source = table([shared, reads, writes, head], config.vocab_size)?;
        let target = table([shared, writes, head, reads], config.target_vocab_size())?;
        let order =
            if config.tie_word_embeddings { [shared, writes, head, reads] } else { [head, shared, writes, reads] };
        let head = table(order, config.target_vocab_size())?;
        let bias = match config.class {
            Class::Marian => Some(weights.get((1, config.target_vocab_size()), "final_logits_bias")?.squeeze(0)?),
            Class::M2m100 => None,
        };
        Ok(Self {
            device: device.clone(),
            scale: if config.scale_embedding { (config.d_model as f64).sqrt() } else { 1.0 },
            source,
            target,
            head: Linear::new(head, bias),
            positions: positions(config, device)?,
            reads: Stack::read(&weights.pp("model.encoder"), config, Side::Reads)?,
            writes: Stack::read(&weights.pp("model.decoder"), config, Side::Writes)?,
        })
    }

    /// Reads a text: its tokens with all that the model wants around them.
    ///
    /// # Errors
    /// candle's own.
    pub fn read_text(&self, ids: &[u32]) -> Result<Memory> {
        let mut hidden = self.embedded(&self.source, ids, 0, ids.len())?;
        for layer in &self.reads.layers {
            hidden = layer.part(&layer.own.1, &hidden, |hidden| {
                let (keys, values) = layer.own.0.remembered(hidden)?;
                layer.own.0.look(hidden, &keys, &values)
            })?;
            hidden = layer.forward(&hidden)?;
        }
        let hidden = self.reads.finish(hidden)?;
        let remembered = |layer: &Layer| layer.across.as_ref().map(|(across, _)| across.remembered(&hidden));
        let layers = self.writes.layers.iter().filter_map(remembered).collect::<Result<_>>()?;
        Ok(Memory { layers })
    }

    /// Writes one token more of each translation: row `i` goes on from row `parents[i]` of the step before with
    /// `tokens[i]`. What follows, as `[rows][target vocabulary]` of logits.
    ///
    /// # Errors
    /// candle's own.
    pub fn write(
        &self,
        memory: &Memory,
        written: &mut Written,
        tokens: &[u32],
        parents: &[u32],
    ) -> Result<Vec<Vec<f32>>> {
        let mut hidden = self.embedded(&self.target, tokens, written.tokens, 1)?;
        let parents = Tensor::new(parents, &self.device)?;
        let mut layers = Vec::with_capacity(self.writes.layers.len());
        for (at, layer) in self.writes.layers.iter().enumerate() {
            let (attention, norm) = &layer.own;
            let before = written.layers.get(at);
            hidden = layer.part(norm, &hidden, |hidden| {
                let (rows, width) = hidden.dims2()?;
                let shape = (rows, attention.heads, 1, width / attention.heads);
                let grown = |linear: &Linear, before: Option<&Tensor>| {
                    let new = linear.forward(hidden)?.reshape(shape)?;
                    match before {
                        Some(before) => Tensor::cat(&[&before.index_select(&parents, 0)?, &new], 2),
                        None => Ok(new),
                    }
                };
                let keys = grown(&attention.key, before.map(|(keys, _)| keys))?;
                let values = grown(&attention.value, before.map(|(_, values)| values))?;
                let queries = attention.query.forward(hidden)?.reshape(shape)?;
                let seen = attention.weighed(&queries, &keys, &values)?.reshape((rows, width))?;
                layers.push((keys, values));
                attention.out.forward(&seen)
            })?;
            if let (Some((across, norm)), Some((keys, values))) = (&layer.across, memory.layers.get(at)) {
                hidden = layer.part(norm, &hidden, |hidden| across.look(hidden, keys, values))?;
            }
            hidden = layer.forward(&hidden)?;
        }
        *written = Written { layers, tokens: written.tokens + 1 };
        self.head.forward(&self.writes.finish(hidden)?)?.to_vec2()
    }

    /// The vectors of tokens, `[tokens, d_model]`, the first at `position` and so on for `different` positions.
    fn embedded(&self, table: &Tensor, ids: &[u32], position: usize, different: usize) -> Result<Tensor> {
        let vectors = table.index_select(&Tensor::new(ids, &self.device)?, 0)?;
        (vectors * self.scale)?.broadcast_add(&self.positions.narrow(0, position, different)?)
    }
}

/// The vectors of positions, `[positions, d_model]`: sines, then cosines.
fn positions(config: &Config, device: &Device) -> Result<Tensor> {
    let (half, first) = (config.d_model / 2, config.pad_token_id as usize + 1);
    let mut values = Vec::with_capacity(config.max_position_embeddings * config.d_model);
    for position in 0..config.max_position_embeddings {
        let angle = |at: usize| match config.class {
            Class::Marian => position as f64 / 10_000_f64.powf(at as f64 / half as f64),
            Class::M2m100 => (first + position) as f64 * (-(10_000_f64.ln()) / (half - 1) as f64 * at as f64).exp(),
        };
        values.extend((0..half).map(|at| angle(at).sin() as f32));
        values.extend((0..half).map(|at| angle(at).cos() as f32));
    }
    Tensor::from_vec(values, (config.max_position_embeddings, config.d_model), device)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Reads,
    Writes,
}

impl Stack {
    fn read(weights: &VarBuilder<'_>, config: &Config, side: Side) -> Result<Self> {
        let count = if side == Side::Reads { config.encoder_layers } else { config.decoder_layers };
        let layers = (0..count).map(|at| Layer::read(&weights.pp(format!("layers.{at}")), config, side));
        let norm = match config.class {
            Class::Marian => None,
            Class::M2m100 => Some(candle_nn::layer_norm(config.d_model, NORM_EPS, weights.pp("layer_norm"))?),
        };
        Ok(Self { layers: layers.collect::<Result<_>>()?, norm })
    }

    fn finish(&self, hidden: Tensor) -> Result<Tensor> {
        self.norm.as_ref().map_or(Ok(hidden.clone()), |norm| norm.forward(&hidden))
    }
}

impl Layer {
    fn read(weights: &VarBuilder<'_>, config: &Config, side: Side) -> Result<Self> {
        let (heads, inner) = match side {
            Side::Reads => (config.encoder_attention_heads, config.encoder_ffn_dim),
            Side::Writes => (config.decoder_attention_heads, config.decoder_ffn_dim),
        };
        let width = config.d_model;
        let attention = |name: &str| -> Result<(Attention, LayerNorm)> {
            let norm = candle_nn::layer_norm(width, NORM_EPS, weights.pp(format!("{name}_layer_norm")))?;
            Ok((Attention::read(&weights.pp(name), width, heads)?, norm))
        };
        Ok(Self {
            class: config.class,
            own: attention("self_attn")?,
            across: (side == Side::Writes).then(|| attention("encoder_attn")).transpose()?,
            widen: candle_nn::linear(width, inner, weights.pp("fc1"))?,
            narrow: candle_nn::linear(inner, width, weights.pp("fc2"))?,
            activation: config.activation_function,
            norm: candle_nn::layer_norm(width, NORM_EPS, weights.pp("final_layer_norm"))?,
        })
    }

    /// A part of the layer beside the way around it, with its norm where the class has it.
    fn part(&self, norm: &LayerNorm, hidden: &Tensor, part: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        match self.class {
            Class::Marian => norm.forward(&(hidden + part(hidden)?)?),
            Class::M2m100 => hidden + part(&norm.forward(hidden)?)?,
        }
    }

    fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        self.part(&self.norm, hidden, |hidden| {
            self.narrow.forward(&self.activation.forward(&self.widen.forward(hidden)?)?)
        })
    }
}

impl Attention {
    fn read(weights: &VarBuilder<'_>, width: usize, heads: usize) -> Result<Self> {
        let linear = |name: &str| candle_nn::linear(width, width, weights.pp(name));
        let (query, key, value, out) = (linear("q_proj")?, linear("k_proj")?, linear("v_proj")?, linear("out_proj")?);
        Ok(Self { heads, query, key, value, out })
    }

    /// Keys and values of a text, `[heads, tokens, head]`.
    fn remembered(&self, hidden: &Tensor) -> Result<(Tensor, Tensor)> {
        Ok((self.split(&self.key.forward(hidden)?)?, self.split(&self.value.forward(hidden)?)?))
    }

    /// What rows see of a text, `[rows, d_model]`.
    fn look(&self, hidden: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let seen = self.weighed(&self.split(&self.query.forward(hidden)?)?, keys, values)?;
        self.out.forward(&seen.transpose(0, 1)?.flatten_from(1)?)
    }

    /// `[.., queries, head]`: values weighed by how well their keys answer the queries.
    fn weighed(&self, queries: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let scale = (queries.dim(D::Minus1)? as f64).powf(-0.5);
        let scores = (queries * scale)?.matmul(&keys.transpose(D::Minus2, D::Minus1)?)?;
        softmax_last_dim(&scores)?.matmul(values)
    }

    /// `[rows, d_model]` as `[heads, rows, head]`.
    fn split(&self, rows: &Tensor) -> Result<Tensor> {
        let (count, width) = rows.dims2()?;
        rows.reshape((count, self.heads, width / self.heads))?.transpose(0, 1)?.contiguous()
    }
}
