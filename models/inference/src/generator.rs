//! A language model that survives its callers: the `Generator` port on mistral.rs.
//!
//! Each item of this page stands against a way that mistralrs 0.8.1 fails (its sources, read in [`engine`]):
//! every stream is drained in a task of its own, because one slow reader stalls all; a cancelled one is read up to its
//! first token before it is let go, because an engine that cannot report an error panics; budgets are counted here,
//! because the engine cuts the rules and keeps the question; a silent engine is replaced.

mod engine;
mod think;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat::{
    PortError, Usage,
    ports::{Generator, Piece, Prompt},
};
use futures::{
    FutureExt, StreamExt,
    channel::mpsc,
    future::{BoxFuture, Shared},
    stream::BoxStream,
};
use tokenizers::Tokenizer;
use tokio::sync::Semaphore;

use self::{
    engine::{Engine, Plan, Token},
    think::ThinkFilter,
};
use crate::{Model, ModelError, gguf};

/// The port's name in errors.
const PORT: &str = "generator";

/// Tokens that a chat template adds per turn, at most: role, borders and line breaks.
const TURN_TOKENS: usize = 12;

/// Prompt tokens that two cores read within a second: an answer takes three (README, "Figures").
const PROMPT_TOKENS_CPU: usize = 260;

/// Prompt tokens of a GPU, which reads them at once: as many as small models still attend to.
const PROMPT_TOKENS_GPU: usize = 3_000;

/// How a language model is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Use the CPU even where there is a GPU.
    pub force_cpu: bool,
    /// On a GPU, keep keys and values in pages, so that callers share its memory.
    pub paged_attention: bool,
    /// Requests that may wait for a slot; one more is refused as overloaded.
    pub waiting_max: usize,
    /// An engine that yields nothing for so long is replaced.
    pub stall: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { force_cpu: false, paged_attention: true, waiting_max: 64, stall: Duration::from_secs(120) }
    }
}

type Starting = Shared<BoxFuture<'static, Result<Arc<Engine>, Arc<ModelError>>>>;

/// A language model: its tokenizer at once, its engine as soon as the weights are read. Cheap to clone.
#[derive(Clone)]
pub struct LanguageModel {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    context_tokens: usize,
    translates: Vec<String>,
    tokenizer: Tokenizer,
    /// What a template writes between turns: never let through from a text.
    control: Vec<String>,
    engine: Starting,
    on_gpu: bool,
    restarts: AtomicUsize,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    options: Options,
}

impl LanguageModel {
    /// Opens an installed model in its folder. The weights are read in the background: a question asked meanwhile
    /// waits for them, [`LanguageModel::ready`] too. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`ModelError::Memory`] where it would not fit, [`ModelError::Unsupported`].
    pub fn open(model: &Model, folder: &Path, options: Options) -> Result<Self, ModelError> {
        let unsupported = |reason: String| ModelError::Unsupported { name: model.name.clone(), reason };
        let spec = model.generate.clone().ok_or_else(|| unsupported("it is no language model".to_owned()))?;
        let inspected = gguf::inspect(&folder.join(gguf::WEIGHTS)).map_err(unsupported)?;
        let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))
            .map_err(|error| unsupported(format!("its tokenizer cannot be read ({error})")))?;
        let mut control: Vec<String> =
            tokenizer.get_added_tokens_decoder().values().map(|token| token.content.clone()).collect();
        control.retain(|token| !token.trim().is_empty());
        control.sort_by_key(|token| std::cmp::Reverse(token.len()));
        let plan = Plan::new(model, folder, &spec, &inspected, &options)?;
        let (on_gpu, slots) = (plan.on_gpu(), plan.slots());
        let starting = async move { plan.start().await.map(Arc::new).map_err(Arc::new) };
        let engine: Starting = starting.boxed().shared();
        tokio::spawn(engine.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                name: model.name.clone(),
                context_tokens: spec.context_tokens,
                translates: spec.translates,
                tokenizer,
                control,
                engine,
                on_gpu,
                restarts: AtomicUsize::new(0),
                slots: Arc::new(Semaphore::new(slots)),
                waiting: AtomicUsize::new(0),
                options,
            }),
        })
    }

    /// Waits until the weights are read.
    ///
    /// # Errors
    /// [`ModelError::Load`].
    pub async fn ready(&self) -> Result<(), Arc<ModelError>> {
        self.inner.engine.clone().await.map(drop)
    }

    /// Whether it runs on a GPU.
    pub fn on_gpu(&self) -> bool {
        self.inner.on_gpu
    }

    /// How often the engine was replaced because it was silent or dead.
    pub fn restarts(&self) -> usize {
        self.inner.restarts.load(Ordering::SeqCst)
    }

    /// Asks for one token whenever the engine was idle for `every`, so that a dead one is found and replaced before
    /// a person finds it. Ends with the last clone of the model.
    pub fn watch(&self, every: Duration) {
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(inner) = weak.upgrade() else { return };
                let idle = match inner.engine.peek() {
                    Some(Ok(engine)) => engine.idle_for(),
                    _ => Duration::ZERO,
                };
                if idle < every {
                    continue;
                }
                let model = Self { inner };
                if let Ok(mut pieces) = model.generate(Prompt::new("", "ping", 1)).await {
                    while let Some(piece) = pieces.next().await {
                        if let Err(error) = piece {
                            tracing::error!(%error, "the language model did not answer a probe");
                        }
                    }
                }
            }
        });
    }
}

#[async_trait]
impl Generator for LanguageModel {
    fn model(&self) -> &str {
        &self.inner.name
    }

    fn context_tokens(&self) -> usize {
        self.inner.context_tokens
    }

    fn translates(&self, into: &str) -> bool {
        self.inner.translates.iter().any(|known| known == into)
    }

    fn prompt_tokens_advised(&self) -> usize {
        let quick = if self.on_gpu() { PROMPT_TOKENS_GPU } else { PROMPT_TOKENS_CPU };
        quick.min(self.inner.context_tokens / 2)
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.inner.count(text)
    }

    async fn generate(&self, prompt: Prompt) -> Result<BoxStream<'static, Result<Piece, PortError>>, PortError> {
        let inner = &self.inner;
        let prompt = inner.defuse(prompt);
        let turns: usize = prompt.turns.iter().map(|(_, text)| inner.count(text) + TURN_TOKENS).sum();
        let prompt_tokens = inner.count(&prompt.system) + TURN_TOKENS + turns;
        if prompt_tokens + prompt.tokens_max > inner.context_tokens {
            let reason = format!(
                "a prompt of {prompt_tokens} tokens and {} to generate do not fit {}",
                prompt.tokens_max, inner.context_tokens
            );
            return Err(PortError::Refused { port: PORT, reason });
        }
        if inner.waiting.fetch_add(1, Ordering::SeqCst) >= inner.options.waiting_max {
            inner.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(PortError::Overloaded { port: PORT, retry_after: Duration::from_secs(30) });
        }
        let (pieces, stream) = mpsc::unbounded();
        tokio::spawn(run(Arc::clone(inner), prompt, pieces));
        Ok(stream.boxed())
    }
}

impl Inner {
    fn count(&self, text: &str) -> usize {
        // An unencodable text does not exist for a byte-level vocabulary; its bytes are an upper bound for any.
        self.tokenizer.encode_fast(text, false).map_or(text.len(), |encoding| encoding.len())
    }

    async fn replace(&self, engine: &Engine, stream: &engine::Stream) {
        if engine.replace(stream).await {
            self.restarts.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Takes the control tokens out of every text, so that no text can end a turn or begin one.
    fn defuse(&self, mut prompt: Prompt) -> Prompt {
        let clean = |text: &mut String| {
            while let Some(token) = self.control.iter().find(|token| text.contains(token.as_str())) {
                *text = text.replace(token.as_str(), " ");
            }
        };
        clean(&mut prompt.system);
        prompt.turns.iter_mut().for_each(|(_, text)| clean(text));
        prompt
    }
}

type Pieces = mpsc::UnboundedSender<Result<Piece, PortError>>;

/// Drains one generation into `pieces`, whatever its reader does.
async fn run(inner: Arc<Inner>, prompt: Prompt, pieces: Pieces) {
    let slots = Arc::clone(&inner.slots);
    // The semaphore is never closed; were it, the generation would end without an answer.
    let slot = slots.acquire_owned().await;
    inner.waiting.fetch_sub(1, Ordering::SeqCst);
    if slot.is_err() || pieces.is_closed() {
        return;
    }
    let asked = Instant::now();
    let mut first: Option<Instant> = None;
    let mut think = ThinkFilter::default();
    let engine = match inner.engine.clone().await {
        Ok(engine) => engine,
        Err(error) => return fail(&pieces, PortError::failed(PORT, "loading the language model")(error)),
    };
    let mut stream = match engine.ask(&prompt).await {
        Ok(stream) => stream,
        Err(error) => return fail(&pieces, error),
    };
    loop {
        match tokio::time::timeout(inner.options.stall, stream.next()).await {
            Err(_) => {
                inner.replace(&engine, &stream).await;
                return fail(&pieces, PortError::failed(PORT, "waiting for a silent engine")("it was replaced"));
            }
            Ok(Err(error)) => {
                if error.is_dead {
                    inner.replace(&engine, &stream).await;
                }
                return fail(&pieces, PortError::failed(PORT, "generating")(error.message));
            }
            Ok(Ok(Token { text, usage })) => {
                engine.alive();
                let started = *first.get_or_insert_with(Instant::now);
                // The first token is here: from now on the engine notices a closed channel and frees the slot.
                if pieces.is_closed() {
                    return;
                }
                let mut visible = think.push(&text);
                if usage.is_some() {
                    visible.push_str(&think.finish());
                }
                if !visible.is_empty() {
                    // A reader that left is noticed above, at the next token.
                    let _ = pieces.unbounded_send(Ok(Piece::Text(visible)));
                }
                if let Some((prompt_tokens, completion_tokens)) = usage {
                    let (prefill, decode) = (started - asked, started.elapsed());
                    let usage = Usage { prompt_tokens, completion_tokens, prefill, decode };
                    let _ = pieces.unbounded_send(Ok(Piece::Done(usage)));
                    return;
                }
            }
        }
    }
}

fn fail(pieces: &Pieces, error: PortError) {
    // Nobody is left to tell where this fails; the engine's side was logged.
    let _ = pieces.unbounded_send(Err(error));
}
