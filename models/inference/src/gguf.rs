//! What is done to a GGUF file once, after it was fetched: its architecture is checked, its weights re-encoded for a
//! CPU, its tokenizer and chat template written out as the files that mistral.rs reads.
//!
//! The tokenizer is built here because mistralrs 0.8.1 cuts every byte-pair GGUF by one hard-coded rule, which is not
//! that of SmolLM2 or Llama 3 (`gguf_tokenizer.rs`): token borders would differ from training, quietly.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use candle_core::{
    Device,
    quantized::{GgmlDType, QTensor, gguf_file},
};
use serde_json::json;
use tokenizers::{
    AddedToken, Tokenizer,
    decoders::byte_level::ByteLevel,
    models::bpe::{BPE, Vocab},
    pre_tokenizers::{
        PreTokenizerWrapper,
        digits::Digits,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
    tokenizer::SplitDelimiterBehavior,
};

use crate::{
    Model, ModelError,
    catalogue::{Encode, GenerateSpec},
};

/// Architectures that mistralrs 0.8.1 loads from GGUF; any other makes it panic or bail.
pub const ARCHITECTURES: &[&str] = &["llama", "mistral3", "phi2", "phi3", "starcoder2", "qwen2", "qwen3", "qwen3moe"];

/// The file that is loaded.
pub const WEIGHTS: &str = "model.gguf";
/// The published file.
pub const SOURCE: &str = "source.gguf";

/// Makes `model.gguf`, `tokenizer.json` and `tokenizer_config.json` from `source.gguf` in `folder`.
///
/// # Errors
/// [`ModelError::Unsupported`] where the file is no GGUF or of an architecture that cannot be loaded.
pub fn prepare(model: &Model, folder: &Path) -> Result<(), ModelError> {
    let unsupported = |reason: String| ModelError::Unsupported { name: model.name.clone(), reason };
    let spec = model.generate.as_ref().ok_or_else(|| unsupported("it is no language model".to_owned()))?;
    let source = folder.join(SOURCE);
    let mut file = BufReader::new(File::open(&source).map_err(ModelError::io("open", &source))?);
    let content = gguf_file::Content::read(&mut file)
        .map_err(|error| unsupported(format!("it is no GGUF file that can be read ({error})")))?;
    architecture(&content).map_err(unsupported)?;
    let tokenizer = folder.join("tokenizer.json");
    if !tokenizer.exists() {
        build_tokenizer(&content, spec)
            .and_then(|built| built.save(&tokenizer, false))
            .map_err(|error| unsupported(format!("its tokenizer cannot be read ({error})")))?;
    }
    let config = folder.join("tokenizer_config.json");
    if !config.exists() {
        let text = |key: &str| content.metadata.get(key).and_then(|value| value.to_string().ok()).cloned();
        let token = |key: &str| special(&content, key);
        let config_json = json!({
            "chat_template": text("tokenizer.chat_template"),
            "bos_token": token("tokenizer.ggml.bos_token_id"),
            "eos_token": token("tokenizer.ggml.eos_token_id"),
            "unk_token": token("tokenizer.ggml.unknown_token_id"),
        });
        std::fs::write(&config, config_json.to_string()).map_err(ModelError::io("write", &config))?;
    }
    encode(&content, &mut file, spec.encode, &folder.join(WEIGHTS), &source)
        .map_err(|error| unsupported(format!("its weights cannot be re-encoded ({error})")))
}

/// The architecture, where it can be loaded.
fn architecture(content: &gguf_file::Content) -> Result<String, String> {
    let name = content.metadata.get("general.architecture").and_then(|value| value.to_string().ok());
    let name = name.ok_or("its GGUF file names no architecture")?;
    if ARCHITECTURES.contains(&name.to_lowercase().as_str()) {
        return Ok(name.clone());
    }
    Err(format!("its architecture `{name}` is not supported; supported are {}", ARCHITECTURES.join(", ")))
}

/// What a GGUF file says of the model in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Its architecture.
    pub architecture: String,
    /// Bytes of keys and values of one token at half precision; none where the file does not say its dimensions.
    pub cache_bytes: Option<u64>,
}

/// Checks that the file at `path` is a GGUF of an architecture that can be loaded.
///
/// # Errors
/// A sentence saying why not.
pub fn inspect(path: &Path) -> Result<Inspected, String> {
    let file = File::open(path).map_err(|error| format!("it cannot be opened ({error})"))?;
    let content = gguf_file::Content::read(&mut BufReader::new(file))
        .map_err(|error| format!("it is no GGUF file that can be read ({error})"))?;
    let architecture = architecture(&content)?;
    let cache_bytes = cache_bytes(&content, &architecture);
    Ok(Inspected { architecture, cache_bytes })
}

/// Two rows (key, value) a layer of all heads of keys and values, two bytes a number.
fn cache_bytes(content: &gguf_file::Content, architecture: &str) -> Option<u64> {
    let number = |key: &str| {
        let value = content.metadata.get(&format!("{architecture}.{key}"))?;
        value.to_u32().ok().map(u64::from)
    };
    let heads = number("attention.head_count")?;
    let kv_heads = number("attention.head_count_kv").unwrap_or(heads);
    let head = number("attention.key_length").or_else(|| number("embedding_length")?.checked_div(heads))?;
    Some(number("block_count")? * kv_heads * head * 2 * 2)
}

fn special(content: &gguf_file::Content, key: &str) -> Option<String> {
    let id = content.metadata.get(key)?.to_u32().ok()? as usize;
    content.metadata.get("tokenizer.ggml.tokens")?.to_vec().ok()?.get(id)?.to_string().ok().cloned()
}

/// A tokenizer from the GGUF's own vocabulary, with the pre-tokenizer that the catalogue names.
fn build_tokenizer(content: &gguf_file::Content, spec: &GenerateSpec) -> tokenizers::Result<Tokenizer> {
    let strings = |key: &str| -> tokenizers::Result<Vec<String>> {
        let values = content.metadata.get(key).ok_or_else(|| format!("no `{key}`"))?.to_vec()?;
        Ok(values.iter().map(|value| value.to_string().cloned()).collect::<Result<_, _>>()?)
    };
    let tokens = strings("tokenizer.ggml.tokens")?;
    let merges: Vec<(String, String)> = strings("tokenizer.ggml.merges")?
        .iter()
        .filter_map(|merge| merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned())))
        .collect();
    let vocabulary: Vocab = tokens.iter().cloned().zip(0..).collect();
    let mut tokenizer = Tokenizer::new(BPE::builder().vocab_and_merges(vocabulary, merges).build()?);
    let gpt2 = ByteLevel::new(false, true, true);
    let bytes_only = ByteLevel::new(false, false, false);
    // The published pre-tokenizers of each family, from their own tokenizer.json.
    let cut = |pattern: &str| -> tokenizers::Result<PreTokenizerWrapper> {
        let pattern = SplitPattern::Regex(pattern.to_owned());
        Ok(PreTokenizerWrapper::Split(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?))
    };
    let steps = match spec.pre_tokenizer.as_deref() {
        Some("smollm") => vec![PreTokenizerWrapper::Digits(Digits::new(true)), PreTokenizerWrapper::ByteLevel(gpt2)],
        Some("qwen2") => vec![
            cut(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            )?,
            PreTokenizerWrapper::ByteLevel(bytes_only),
        ],
        Some("llama-bpe") => vec![
            cut(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            )?,
            PreTokenizerWrapper::ByteLevel(bytes_only),
        ],
        other => {
            let given = other.unwrap_or("none");
            return Err(format!("pre_tokenizer `{given}` is none of smollm, qwen2, llama-bpe").into());
        }
    };
    tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
    tokenizer.with_decoder(Some(bytes_only));
    tokenizer.with_post_processor(Some(bytes_only));
    // GGUF token types: 3 is a control token, 4 a user-defined one.
    let types = content.metadata.get("tokenizer.ggml.token_type").map(|types| types.to_vec()).transpose()?;
    let control: Vec<AddedToken> = types
        .into_iter()
        .flatten()
        .zip(&tokens)
        .filter(|(kind, _)| kind.to_i32().is_ok_and(|kind| kind == 3 || kind == 4))
        .map(|(_, token)| AddedToken::from(token.clone(), true))
        .collect();
    tokenizer.add_special_tokens(&control);
    Ok(tokenizer)
}

/// Writes `target` with every matrix re-encoded; metadata is carried over. `Keep` links the file.
fn encode(
    content: &gguf_file::Content,
    file: &mut BufReader<File>,
    encode: Encode,
    target: &Path,
    source: &PathBuf,
) -> candle_core::Result<()> {
    let target_type = match encode {
        Encode::Keep => {
            if target.exists() {
                std::fs::remove_file(target)?;
            }
            return Ok(std::fs::hard_link(source, target).or_else(|_| std::fs::copy(source, target).map(drop))?);
        }
        Encode::F32 => GgmlDType::F32,
        Encode::F16 => GgmlDType::F16,
        Encode::Q8_0 => GgmlDType::Q8_0,
        Encode::Q4_0 => GgmlDType::Q4_0,
    };
    let mut tensors = Vec::with_capacity(content.tensor_infos.len());
    for name in content.tensor_infos.keys() {
        let tensor = content.tensor(file, name, &Device::Cpu)?;
        // Norms and biases are vectors: they stay as they are.
        let encoded = if tensor.shape().rank() < 2 || tensor.dtype() == target_type {
            tensor
        } else {
            QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, target_type)?
        };
        tensors.push((name.as_str(), encoded));
    }
    tensors.sort_by(|a, b| a.0.cmp(b.0));
    let metadata: Vec<(&str, &gguf_file::Value)> =
        content.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let mut out = BufWriter::new(File::create(target)?);
    gguf_file::write(&mut out, &metadata, &tensors)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(())
}
