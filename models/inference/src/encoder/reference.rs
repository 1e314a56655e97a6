//! The encoder against its definition: a tiny random model on disk, and the forward pass in scalar `f64` from the
//! tensors as published, one text at a time.

use std::{collections::HashMap, fs};

use candle_core::{Device, Tensor};
use chat::ports::{EmbedTask, Embedding};
use serde_json::json;
use tempfile::TempDir;

use super::{Encoder, forward::Workspace, maths::tests::erf_exact, tokens::Tokens};
use crate::{
    ModelError,
    catalogue::{EmbedSpec, Pooling},
};

const HIDDEN: usize = 24;
const HEADS: usize = 3;
const MIDDLE: usize = 40;
const LAYERS: usize = 2;
const POSITIONS: usize = 70;
const WORDS: usize = 50;

/// A model folder and the numbers in it.
pub(crate) struct Tiny {
    pub folder: TempDir,
    pub spec: EmbedSpec,
    model_type: &'static str,
    tensors: HashMap<String, Vec<f64>>,
}

/// Numbers in -1..1, the same every time (Knuth's generator).
fn numbers(seed: u64) -> impl Iterator<Item = f32> {
    let step = |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    std::iter::successors(Some(step(seed)), move |&state| Some(step(state)))
        .map(|state| ((state >> 40) as f32) / (1u64 << 23) as f32 - 1.0)
}

impl Tiny {
    /// A model of `model_type` with words `w0` ... as its vocabulary.
    pub(crate) fn new(model_type: &'static str, pooling: Pooling) -> Self {
        let bert = model_type == "bert";
        let (prefix, offset) = if bert { ("", 0) } else { ("roberta.", 2) };
        let mut shapes: Vec<(String, Vec<usize>)> = vec![
            ("embeddings.word_embeddings.weight".into(), vec![WORDS, HIDDEN]),
            ("embeddings.position_embeddings.weight".into(), vec![POSITIONS, HIDDEN]),
            ("embeddings.token_type_embeddings.weight".into(), vec![if bert { 2 } else { 1 }, HIDDEN]),
            ("embeddings.LayerNorm.weight".into(), vec![HIDDEN]),
            ("embeddings.LayerNorm.bias".into(), vec![HIDDEN]),
        ];
        for layer in 0..LAYERS {
            let sizes = [
                ("attention.self.query", HIDDEN, HIDDEN),
                ("attention.self.key", HIDDEN, HIDDEN),
                ("attention.self.value", HIDDEN, HIDDEN),
                ("attention.output.dense", HIDDEN, HIDDEN),
                ("intermediate.dense", MIDDLE, HIDDEN),
                ("output.dense", HIDDEN, MIDDLE),
                ("attention.output.LayerNorm", HIDDEN, 0),
                ("output.LayerNorm", HIDDEN, 0),
            ];
            for (part, outputs, inputs) in sizes {
                let at = format!("encoder.layer.{layer}.{part}");
                let shape = if inputs == 0 { vec![outputs] } else { vec![outputs, inputs] };
                shapes.extend([(format!("{at}.weight"), shape), (format!("{at}.bias"), vec![outputs])]);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (mut tensors, mut saved) = (HashMap::new(), HashMap::new());
        for (seed, (name, shape)) in shapes.into_iter().enumerate() {
            let values: Vec<f32> = numbers(seed as u64).take(shape.iter().product()).collect();
            saved.insert(format!("{prefix}{name}"), Tensor::from_slice(&values, shape, &Device::Cpu).unwrap());
            tensors.insert(name, values.into_iter().map(f64::from).collect());
        }
        candle_core::safetensors::save(&saved, folder.path().join("model.safetensors")).unwrap();
        let config = json!({
            "model_type": model_type, "hidden_size": HIDDEN, "intermediate_size": MIDDLE, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "max_position_embeddings": POSITIONS, "vocab_size": WORDS,
            "type_vocab_size": if bert { 2 } else { 1 }, "layer_norm_eps": 1e-5, "hidden_act": "gelu",
            "pad_token_id": if bert { 0 } else { 1 },
        });
        fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        fs::write(folder.path().join("tokenizer.json"), tokenizer().to_string()).unwrap();
        let spec = EmbedSpec {
            dims: HIDDEN,
            tokens_max: 60,
            pooling,
            query_prefix: if bert { String::new() } else { "w8 w9 ".to_owned() },
            passage_prefix: String::new(),
            position_offset: offset,
            multilingual: false,
        };
        Self { folder, spec, model_type, tensors }
    }

    pub(crate) fn load(&self) -> Result<Encoder, ModelError> {
        Encoder::load("tiny", self.folder.path(), &self.spec, 2)
    }

    /// Rewrites one key of `config.json`.
    fn config(&self, key: &str, value: serde_json::Value) -> &Self {
        let path = self.folder.path().join("config.json");
        let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(path, config.to_string()).unwrap();
        self
    }

    fn linear(&self, at: &str, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (matrix, bias) = (&self.tensors[&format!("{at}.weight")], &self.tensors[&format!("{at}.bias")]);
        let dot = |row: &Vec<f64>, out: usize| {
            row.iter().zip(&matrix[out * row.len()..]).map(|(x, w)| x * w).sum::<f64>() + bias[out]
        };
        rows.iter().map(|row| (0..bias.len()).map(|out| dot(row, out)).collect()).collect()
    }

    fn norm(&self, at: &str, rows: &[Vec<f64>], residual: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (gain, bias) = (&self.tensors[&format!("{at}.weight")], &self.tensors[&format!("{at}.bias")]);
        let one = |(row, residual): (&Vec<f64>, &Vec<f64>)| {
            let row: Vec<f64> = row.iter().zip(residual).map(|(a, b)| a + b).collect();
            let mean = row.iter().sum::<f64>() / HIDDEN as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / HIDDEN as f64;
            let at = |column: usize| (row[column] - mean) / (variance + 1e-5).sqrt() * gain[column] + bias[column];
            (0..HIDDEN).map(at).collect()
        };
        rows.iter().zip(residual).map(one).collect()
    }

    /// The last layer's rows, from the definition.
    fn forward(&self, ids: &[u32]) -> Vec<Vec<f64>> {
        let offset = if self.model_type == "bert" { 0 } else { 2 };
        let table = |part: &str, row: usize| {
            self.tensors[&format!("embeddings.{part}_embeddings.weight")][row * HIDDEN..][..HIDDEN].to_vec()
        };
        let sum = |(position, &id): (usize, &u32)| -> Vec<f64> {
            let (word, place) = (table("word", id as usize), table("position", position + offset));
            word.iter().zip(place).zip(table("token_type", 0)).map(|((a, b), c)| a + b + c).collect()
        };
        let rows: Vec<Vec<f64>> = ids.iter().enumerate().map(sum).collect();
        let mut rows = self.norm("embeddings.LayerNorm", &rows, &vec![vec![0.0; HIDDEN]; rows.len()]);
        for layer in 0..LAYERS {
            let at = |part: &str| format!("encoder.layer.{layer}.{part}");
            let [query, key, value] =
                ["query", "key", "value"].map(|part| self.linear(&at(&format!("attention.self.{part}")), &rows));
            let mut context = vec![vec![0.0; HIDDEN]; rows.len()];
            let size = HIDDEN / HEADS;
            for head in (0..HIDDEN).step_by(size) {
                for (to, query) in context.iter_mut().zip(&query) {
                    let score = |key: &Vec<f64>| {
                        (head..head + size).map(|c| query[c] * key[c]).sum::<f64>() / (size as f64).sqrt()
                    };
                    let weights: Vec<f64> = key.iter().map(|key| score(key).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    for c in head..head + size {
                        to[c] =
                            weights.iter().zip(&value).map(|(weight, value)| weight * value[c]).sum::<f64>() / total;
                    }
                }
            }
            let out = self.linear(&at("attention.output.dense"), &context);
            rows = self.norm(&at("attention.output.LayerNorm"), &out, &rows);
            let mut middle = self.linear(&at("intermediate.dense"), &rows);
            for x in middle.iter_mut().flatten() {
                *x *= 0.5 * (1.0 + erf_exact(*x / std::f64::consts::SQRT_2));
            }
            let out = self.linear(&at("output.dense"), &middle);
            rows = self.norm(&at("output.LayerNorm"), &out, &rows);
        }
        rows
    }
}

/// Whole words, `[CLS]` and `[SEP]` around; padding and cutting set as published files do, to be overruled.
fn tokenizer() -> serde_json::Value {
    let mut vocabulary = serde_json::Map::new();
    for (id, special) in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].into_iter().enumerate() {
        vocabulary.insert(special.to_owned(), id.into());
    }
    for word in 0..WORDS - 4 {
        vocabulary.insert(format!("w{word}"), (word + 4).into());
    }
    let special = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    json!({
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    })
}

/// `words` words, different for each `seed`.
pub(crate) fn text(words: usize, seed: u64) -> String {
    let word = |number: f32| format!("w{}", ((number + 1.0) * 22.9) as usize);
    numbers(seed).take(words).map(word).collect::<Vec<_>>().join(" ")
}

fn ragged() -> Vec<String> {
    let lengths = [3, 0, 58, 1, 17, 58, 40, 2, 33, 58, 57, 5, 21, 58, 9, 50, 58, 44];
    lengths.into_iter().zip(100..).map(|(words, seed)| text(words, seed)).collect()
}

fn embed(encoder: &Encoder, tokens: &[Tokens]) -> Vec<Embedding> {
    encoder.embed(&tokens.iter().collect::<Vec<_>>(), &mut Workspace::default())
}

#[track_caller]
fn near(got: &[f32], want: &[f64], what: &str) {
    let norm = want.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want / norm).abs() < 2e-5, "{what}: {got} is not {}", want / norm);
    }
}

/// A ragged batch through the encoder, against the definition text by text.
#[track_caller]
fn check(model_type: &'static str, pooling: Pooling) {
    let tiny = Tiny::new(model_type, pooling);
    let encoder = tiny.load().unwrap();
    for task in [EmbedTask::Query, EmbedTask::Passage] {
        let tokens = encoder.tokenise(task, &ragged()).unwrap();
        let rows = embed(&encoder, &tokens);
        for (tokens, row) in tokens.iter().zip(rows) {
            let want = tiny.forward(&tokens.ids);
            let pooled: Vec<f64> = match pooling {
                Pooling::Mean => (0..HIDDEN).map(|c| want.iter().map(|row| row[c]).sum()).collect(),
                Pooling::Cls => want[0].clone(),
            };
            near(&row, &pooled, "a text's vector");
        }
    }
}

#[test]
fn bert_with_the_mean_of_its_tokens_follows_the_definition() {
    check("bert", Pooling::Mean);
}

#[test]
fn bert_with_its_first_token_follows_the_definition() {
    check("bert", Pooling::Cls);
}

#[test]
fn xlm_roberta_follows_the_definition() {
    check("xlm-roberta", Pooling::Mean);
}

#[test]
fn a_ragged_batch_is_what_its_texts_are_one_by_one() {
    let encoder = Tiny::new("bert", Pooling::Mean).load().unwrap();
    let tokens = encoder.tokenise(EmbedTask::Passage, &ragged()).unwrap();
    for (tokens, row) in tokens.iter().zip(embed(&encoder, &tokens)) {
        let alone = embed(&encoder, std::slice::from_ref(tokens)).remove(0);
        assert!(row.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!((row.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_workspace_used_before_changes_nothing() {
    let encoder = Tiny::new("bert", Pooling::Mean).load().unwrap();
    let tokens = encoder.tokenise(EmbedTask::Passage, &ragged()).unwrap();
    let mut workspace = Workspace::default();
    encoder.embed(&tokens.iter().collect::<Vec<_>>(), &mut workspace);
    for tokens in &tokens {
        assert_eq!(encoder.embed(&[tokens], &mut workspace), embed(&encoder, std::slice::from_ref(tokens)));
    }
    assert!(encoder.embed(&[], &mut workspace).is_empty());
}

#[test]
fn a_text_is_cut_at_the_limit_and_keeps_its_special_tokens() {
    let tiny = Tiny::new("xlm-roberta", Pooling::Mean);
    let encoder = tiny.load().unwrap();
    let tokeniser = encoder.tokeniser();
    assert_eq!(tokeniser.tokens_max(), 60 - 2 - 2, "less special tokens and the longer prefix");
    assert_eq!(tokeniser.count(&text(500, 1)), 500);
    let query = tokeniser.encode(EmbedTask::Query, &text(500, 1)).unwrap();
    assert_eq!(query.ids.len(), 60);
    assert_eq!((&query.ids[..3], query.ids[59]), (&[2, 12, 13][..], 3));
    let passage = tokeniser.encode(EmbedTask::Passage, "w0 w1").unwrap();
    assert_eq!(passage, Tokens { ids: vec![2, 4, 5, 3] });
}

#[test]
fn what_cannot_run_is_refused_by_name() {
    #[track_caller]
    fn refused(tiny: &Tiny, want: &str) {
        let error = tiny.load().unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
    let tiny = || Tiny::new("bert", Pooling::Mean);
    refused(tiny().config("hidden_act", json!("gelu_new")), "supported is gelu");
    refused(tiny().config("model_type", json!("deberta")), "supported are bert");
    refused(tiny().config("hidden_size", json!(36)), "dims = 24");
    refused(tiny().config("num_attention_heads", json!(5)), "5 heads do not divide 24");
    refused(tiny().config("max_position_embeddings", json!(30)), "30 positions");
    refused(tiny().config("vocab_size", json!(49)), "50 ids");
    refused(tiny().config("num_hidden_layers", json!(3)), "no tensor `encoder.layer.2.attention.self.query.weight`");
    refused(tiny().config("intermediate_size", json!(41)), "is [40, 24]");
}
