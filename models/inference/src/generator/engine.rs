//! One mistral.rs engine at a time, and its replacement when it is silent or dead.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock},
    time::{Duration, Instant},
};

use chat::{
    PortError,
    error::Cause,
    ports::{Prompt, Speaker},
};
use mistralrs::core as mistral;

use super::Options;
use crate::{
    Model, ModelError,
    catalogue::GenerateSpec,
    gguf::{self, Inspected},
};

const MIB: u64 = 1024 * 1024;

/// Tokens of a call that the cache has room for, beside one that fills the context: most prompts are far shorter.
const CALL_TOKENS: usize = 4_096;

/// What came with one message of the engine.
pub struct Token {
    /// Text to append, mostly one token.
    pub text: String,
    /// Prompt and completion tokens, with the last message.
    pub usage: Option<(usize, usize)>,
}

/// Why a stream ended early.
pub struct StreamError {
    /// The engine's own words.
    pub message: String,
    /// Whether the engine itself is gone.
    pub is_dead: bool,
}

/// The answer of one engine to one prompt.
pub struct Stream {
    generation: usize,
    responses: tokio::sync::mpsc::Receiver<mistral::Response>,
    /// Tokens seen, for an engine that dies before it counts them.
    tokens: usize,
    /// Most that were asked for.
    tokens_max: usize,
}

impl Stream {
    /// The next token.
    pub async fn next(&mut self) -> Result<Token, StreamError> {
        let broken = |message: String| StreamError { message, is_dead: false };
        match self.responses.recv().await {
            // Where the last token that was asked for is a part of a letter, mistralrs ends without a word
            // (`sequence.rs`, `peek_delta`). An engine that died in between is started anew by the next question.
            None if self.tokens > 0 => Ok(Token { text: String::new(), usage: Some((0, self.tokens_max)) }),
            None => Err(StreamError { message: "the engine stopped".to_owned(), is_dead: true }),
            Some(mistral::Response::Chunk(chunk)) => {
                self.tokens += 1;
                let choice = chunk.choices.into_iter().next();
                let finished = choice.as_ref().is_some_and(|choice| choice.finish_reason.is_some());
                let text = choice.and_then(|choice| choice.delta.content).unwrap_or_default();
                let counted = chunk.usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens));
                let usage = if finished { Some(counted.unwrap_or((0, self.tokens))) } else { None };
                Ok(Token { text, usage })
            }
            Some(mistral::Response::InternalError(error) | mistral::Response::ValidationError(error)) => {
                Err(broken(error.to_string()))
            }
            // The second field is the text so far: it is a person's, and not for the log.
            Some(mistral::Response::ModelError(message, _)) => Err(broken(message)),
            Some(_) => Err(broken("the engine answered with something else than text".to_owned())),
        }
    }
}

struct Running {
    generation: usize,
    engine: Arc<mistral::MistralRs>,
}

/// What it takes to start an engine, checked before any weight is read.
#[derive(Clone)]
pub struct Plan {
    name: String,
    folder: PathBuf,
    slots: usize,
    device: mistralrs::Device,
    /// Memory of a GPU for the pages of keys and values, in MiB; none where they are not paged.
    pages_mib: Option<u64>,
}

impl Plan {
    /// A plan for this machine, for a model whose weights say this of themselves.
    pub fn new(
        model: &Model,
        folder: &Path,
        spec: &GenerateSpec,
        inspected: &Inspected,
        options: &Options,
    ) -> Result<Self, ModelError> {
        let failed = |source: Cause| ModelError::Load { name: model.name.clone(), source };
        let device = mistralrs::best_device(options.force_cpu).map_err(|error| failed(error.into()))?;
        let free = mistral::MemoryUsage.get_memory_available(&device).map_err(|error| failed(error.into()))?;
        // The catalogue may be wrong about a file that somebody put there: the weights themselves must fit too.
        let weights = folder.join(gguf::WEIGHTS);
        let weights_mib = std::fs::metadata(&weights).map_err(ModelError::io("read", &weights))?.len() / MIB;
        let (need_mib, free_mib) = (model.memory_mib.max(weights_mib), free as u64 / MIB);
        if need_mib > free_mib {
            return Err(ModelError::Memory { name: model.name.clone(), need_mib, free_mib });
        }
        let slots = if device.is_cpu() { spec.slots_cpu } else { spec.slots_gpu }.max(1);
        let (name, folder) = (model.name.clone(), folder.to_owned());
        let is_paged = options.paged_attention && !device.is_cpu() && mistral::paged_attn_supported();
        let pages_mib =
            is_paged.then(|| pages_mib(inspected, spec.context_tokens + slots * CALL_TOKENS, free_mib - need_mib));
        Ok(Self { name, folder, slots, device, pages_mib })
    }

    /// Whether it runs on a GPU.
    pub fn on_gpu(&self) -> bool {
        !self.device.is_cpu()
    }

    /// Generations at a time.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Loads the weights and starts an engine.
    pub async fn start(self) -> Result<Engine, ModelError> {
        let engine =
            build(self.clone()).await.map_err(|source| ModelError::Load { name: self.name.clone(), source })?;
        Ok(Engine {
            plan: self,
            running: RwLock::new(Running { generation: 0, engine }),
            replacing: tokio::sync::Mutex::new(()),
            last_token: Mutex::new(Instant::now()),
        })
    }
}

/// Memory for the pages of a cache that holds `tokens`, in MiB: as much as that takes, and at most four fifths of what the
/// weights leave free. mistralrs takes what it is told without asking whether it is there.
fn pages_mib(inspected: &Inspected, tokens: usize, free_mib: u64) -> u64 {
    let most = free_mib / 5 * 4;
    inspected.cache_bytes.map_or(most, |bytes| (bytes * tokens as u64).div_ceil(MIB).min(most))
}

/// The engine that runs now.
pub struct Engine {
    plan: Plan,
    running: RwLock<Running>,
    replacing: tokio::sync::Mutex<()>,
    last_token: Mutex<Instant>,
}

impl Engine {
    /// A token came.
    pub fn alive(&self) {
        if let Ok(mut last) = self.last_token.lock() {
            *last = Instant::now();
        }
    }

    /// How long ago the last token came.
    pub fn idle_for(&self) -> Duration {
        self.last_token.lock().map_or(Duration::ZERO, |last| last.elapsed())
    }

    /// Sends a prompt. The stream must be read until its first token even if nobody wants it any more: an engine
    /// that fails without a reader panics (`utils/mod.rs`, `handle_pipeline_forward_error`).
    pub async fn ask(&self, prompt: &Prompt) -> Result<Stream, PortError> {
        let (generation, engine) = match self.running.read() {
            Ok(running) => (running.generation, Arc::clone(&running.engine)),
            Err(_) => return Err(PortError::failed("generator", "asking")("the engine's lock is poisoned")),
        };
        let (sender, responses) = tokio::sync::mpsc::channel(64);
        let request = mistral::Request::Normal(Box::new(request(prompt, sender)));
        let failed = PortError::failed::<Cause>;
        // Blocking: it may reboot an engine whose thread died.
        let to = tokio::task::spawn_blocking(move || engine.get_sender(None))
            .await
            .map_err(|error| failed("generator", "reaching the engine")(error.into()))?
            .map_err(|error| failed("generator", "reaching the engine")(format!("{error:?}").into()))?;
        to.send(request).await.map_err(|_| failed("generator", "asking")("the engine stopped".into()))?;
        Ok(Stream { generation, responses, tokens: 0, tokens_max: prompt.tokens_max })
    }

    /// Replaces the engine that answered `stream`, unless somebody did; whether it was done here.
    pub async fn replace(&self, stream: &Stream) -> bool {
        let _one_at_a_time = self.replacing.lock().await;
        let model = &self.plan.name;
        let current = self.running.read().map_or(usize::MAX, |running| running.generation);
        if current != stream.generation {
            return false;
        }
        tracing::error!(model, "the engine is silent or dead; replacing it");
        match (build(self.plan.clone()).await, self.running.write()) {
            (Ok(engine), Ok(mut running)) => {
                // A hung thread cannot be ended from outside; it ends when its step returns and finds nobody.
                *running = Running { generation: current + 1, engine };
                return true;
            }
            (Err(error), _) => tracing::error!(model, error, "the engine could not be replaced"),
            (_, Err(_)) => tracing::error!(model, "the engine's lock is poisoned"),
        }
        false
    }
}

fn request(prompt: &Prompt, response: tokio::sync::mpsc::Sender<mistral::Response>) -> mistral::NormalRequest {
    let mut turns = Vec::with_capacity(prompt.turns.len() + 1);
    if !prompt.system.is_empty() {
        turns.push(("system", &prompt.system));
    }
    turns.extend(prompt.turns.iter().map(|(speaker, text)| match speaker {
        Speaker::User => ("user", text),
        Speaker::Assistant => ("assistant", text),
    }));
    let messages = turns
        .into_iter()
        .map(|(role, text)| {
            [("role", role.to_owned()), ("content", text.clone())]
                .into_iter()
                .map(|(key, value)| (key.to_owned(), mistral::MessageContent::Left(value)))
                .collect()
        })
        .collect();
    let mut sampling = mistral::SamplingParams::deterministic();
    if prompt.temperature > 0.0 {
        sampling.top_k = None;
        sampling.temperature = Some(f64::from(prompt.temperature));
    }
    sampling.max_len = Some(prompt.tokens_max);
    if !prompt.stop.is_empty() {
        sampling.stop_toks = Some(mistral::StopTokens::Seqs(prompt.stop.clone()));
    }
    let messages = mistral::RequestMessage::Chat { messages, enable_thinking: Some(false), reasoning_effort: None };
    let mut request = mistral::NormalRequest::new_simple(messages, sampling, response, 0, None, None);
    // Always streaming: only a stream can be cancelled.
    request.is_streaming = true;
    if let Some(schema) = &prompt.schema {
        request.constraint = mistral::Constraint::JsonSchema(schema.clone());
    }
    request
}

/// Loads the weights and starts the engine's thread. No network: every path is given.
async fn build(plan: Plan) -> Result<Arc<mistral::MistralRs>, Cause> {
    let Plan { folder, slots, device, pages_mib, .. } = plan;
    let on_cpu = device.is_cpu();
    let pipeline = tokio::task::spawn_blocking(move || {
        let name = folder.to_string_lossy().into_owned();
        let files = vec![gguf::WEIGHTS.to_owned()];
        let loader = mistral::GGUFLoaderBuilder::new(None, None, name, files, Default::default(), false, None).build();
        let paths: Box<dyn mistral::ModelPaths> = Box::new(mistral::LocalModelPaths {
            tokenizer_filename: folder.join("tokenizer.json"),
            config_filename: PathBuf::new(),
            template_filename: Some(folder.join("tokenizer_config.json")),
            filenames: vec![folder.join(gguf::WEIGHTS)],
            adapter_paths: mistral::AdapterPaths::None,
            gen_conf: None,
            preprocessor_config: None,
            processor_config: None,
            chat_template_json_filename: None,
        });
        // F32 activations on a CPU: "auto" is F16 there, which candle widens and narrows around every product.
        let dtype = if on_cpu { mistral::ModelDType::F32 } else { mistral::ModelDType::Auto };
        let paged = pages_mib
            .map(|mib| {
                let memory = mistral::MemoryGpuConfig::MbAmount(usize::try_from(mib).unwrap_or(usize::MAX));
                mistral::PagedAttentionConfig::new(None, memory, mistral::PagedCacheType::Auto)
            })
            .transpose()?;
        let mapping = mistral::DeviceMapSetting::dummy();
        loader.load_model_from_path(&paths, &dtype, &device, true, mapping, None, paged)
    })
    .await??;
    let paged = pipeline.lock().await.get_metadata().cache_config.clone();
    let slots = slots.try_into()?;
    let scheduler = match paged {
        Some(config) => mistral::SchedulerConfig::PagedAttentionMeta { max_num_seqs: usize::from(slots), config },
        None => mistral::SchedulerConfig::DefaultScheduler { method: mistral::DefaultSchedulerMethod::Fixed(slots) },
    };
    // No prefix cache: on a CPU it never evicts (`prefix_cacher.rs` counts other devices only), and on an H200 the second
    // prompt that began like another ended the engine, by an illegal access with pages and by shapes that differ without.
    let builder = mistral::MistralRsBuilder::new(pipeline, scheduler, false, None);
    Ok(builder.with_no_prefix_cache(true).build().await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cache_bytes: Option<u64>, tokens: usize, free_mib: u64, want: u64) {
        let inspected = Inspected { architecture: "qwen3".to_owned(), cache_bytes };
        assert_eq!(pages_mib(&inspected, tokens, free_mib), want);
    }

    #[test]
    fn the_cache_takes_what_it_needs_and_no_more_than_there_is() {
        // Qwen3-4B: 36 layers, 8 heads of 128, 144 KiB a token.
        let bytes = Some(36 * 8 * 128 * 4);
        check(bytes, 32_768, 70_000, 4_608);
        check(bytes, 16 * 32_768, 5_000, 4_000);
        check(None, 32_768, 5_000, 4_000);
    }
}
