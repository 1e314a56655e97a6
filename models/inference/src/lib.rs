//! The `Generator`, `Embedder` and `Translator` ports: mistral.rs for language models, BERT-family encoders and translation
//! models on candle.
//!
//! Read [`catalogue`] (what there is), [`fetch`] (how it comes here), [`gguf`] (what is done to it once),
//! [`generator`] (a language model that survives its callers), [`embedder`] (an encoder that never delays a question), on
//! top of [`encoder`] (the forward pass), and [`translator`] (models for language pairs).
//!
//! **Invariant:** no type of mistralrs, candle or tokenizers leaves this crate.

pub mod catalogue;
pub mod fetch;
pub mod gguf;
pub mod generator;
pub mod embedder;
pub mod encoder;
pub mod translator;
mod error;

pub use catalogue::{Catalogue, Model};
pub use embedder::QueuedEncoder;
pub use encoder::Encoder;
pub use error::ModelError;
pub use fetch::Fetcher;
pub use generator::LanguageModel;
pub use translator::TranslationModel;

/// The GPU that language models would run on, where this build supports one and there is one.
pub fn gpu() -> Option<String> {
    match mistralrs::best_device(false) {
        Ok(device) if device.is_cuda() => Some("CUDA device 0".to_owned()),
        Ok(device) if device.is_metal() => Some("Metal device 0".to_owned()),
        _ => None,
    }
}

/// Free memory of the machine, in MiB.
pub fn memory_free_mib() -> Option<u64> {
    free_mib(&mistralrs::Device::Cpu)
}

/// Free memory of a device, in MiB.
fn free_mib(device: &mistralrs::Device) -> Option<u64> {
    mistralrs::core::MemoryUsage.get_memory_available(device).ok().map(|bytes| bytes as u64 / (1024 * 1024))
}

/// The device that models run on.
fn best_device(force_cpu: bool) -> Result<mistralrs::Device, chat::error::Cause> {
    Ok(mistralrs::best_device(force_cpu)?)
}
