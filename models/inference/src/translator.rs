//! The `Translator` port: Marian, M2M100 and NLLB on candle, each model behind a bounded queue on a thread of its own.
//!
//! Read [`tokens`] (on [`spm`]), [`network`] (by its [`config`]), then [`decode`]; this page joins them.
//!
//! **Invariant:** nothing is cut: a text that is too long is refused, and a translation without an end is none.

mod config;
mod decode;
mod network;
mod spm;
mod tokens;
#[cfg(test)]
mod tests;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
    time::Instant,
};

use async_trait::async_trait;
use chat::{
    PortError, Usage,
    ports::{Translation, Translator},
};
use tokio::sync::oneshot;

use self::{
    config::Config,
    decode::Search,
    network::{Network, Written},
    tokens::Vocabulary,
};
use crate::{
    Model, ModelError,
    catalogue::TranslateSpec,
    embedder::queue::{Queue, Waiting},
};

/// The port's name in errors.
const PORT: &str = "translator";

/// A translation may have so many times the tokens of its source, and so many more: what is longer goes round in circles.
const GROWTH: (usize, usize) = (3, 40);

/// How a translation model is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Use the CPU even where there is a GPU.
    pub force_cpu: bool,
    /// Calls that may wait; one more is refused as overloaded.
    pub waiting_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { force_cpu: false, waiting_max: 64 }
    }
}

/// A translation model behind a queue. Dropping it ends its thread after the text in hand.
pub struct TranslationModel {
    machine: Arc<Machine>,
    queue: Arc<Queue<Request>>,
}

struct Machine {
    name: String,
    spec: TranslateSpec,
    config: Config,
    vocabulary: Vocabulary,
    network: Network,
}

impl TranslationModel {
    /// Opens an installed model in its folder and starts its thread. Blocks while the weights are read: seconds.
    ///
    /// # Errors
    /// [`ModelError::Memory`] where it would not fit, [`ModelError::Unsupported`] and [`ModelError::Load`] for files that
    /// are missing or wrong.
    pub fn open(model: &Model, folder: &Path, options: &Options) -> Result<Self, ModelError> {
        let load = |source| ModelError::Load { name: model.name.clone(), source };
        let device = crate::best_device(options.force_cpu).map_err(load)?;
        let free_mib = crate::free_mib(&device).unwrap_or(u64::MAX);
        if model.memory_mib > free_mib {
            return Err(ModelError::Memory { name: model.name.clone(), need_mib: model.memory_mib, free_mib });
        }
        let machine = Arc::new(Machine::read(model, folder, &device)?);
        let queue = Arc::new(Queue::new(options.waiting_max));
        let worker = (Arc::clone(&machine), Arc::clone(&queue));
        thread::Builder::new()
            .name("translator".to_owned())
            .spawn(move || work(&worker.0, &worker.1))
            .map_err(ModelError::io("start a thread for", folder))?;
        Ok(Self { machine, queue })
    }
}

impl Drop for TranslationModel {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[async_trait]
impl Translator for TranslationModel {
    fn model(&self) -> &str {
        &self.machine.name
    }

    fn translates(&self, from: &str, to: &str) -> bool {
        self.machine.spec.translates(from, to)
    }

    fn tokens_max(&self) -> usize {
        self.machine.vocabulary.tokens_max()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.machine.vocabulary.count(text)
    }

    async fn translate(&self, texts: &[&str], from: &str, to: &str) -> Result<Translation, PortError> {
        let Machine { vocabulary, .. } = self.machine.as_ref();
        let refused = |reason: String| PortError::Refused { port: PORT, reason };
        if !self.translates(from, to) {
            return Err(refused(format!("{} does not translate from {from} into {to}", self.model())));
        }
        let sources = texts.iter().map(|text| vocabulary.source(text, from));
        let sources: Vec<Vec<u32>> =
            sources.collect::<Result<_, _>>().map_err(PortError::failed(PORT, "tokenising"))?;
        let most = self.machine.config.max_position_embeddings;
        if let Some(long) = sources.iter().map(Vec::len).find(|length| *length > most) {
            return Err(refused(format!("a text takes {long} tokens, and {} has {most} positions", self.model())));
        }
        if sources.is_empty() {
            return Ok(Translation::default());
        }
        let (reply, answer) = oneshot::channel();
        let language = vocabulary.language(to);
        let request = Request { sources, language, done: Translation::default(), reply };
        self.queue.push(true, request).map_err(|retry_after| PortError::Overloaded { port: PORT, retry_after })?;
        answer.await.unwrap_or(Err(PortError::Cancelled { port: PORT }))
    }
}

/// A call, done text by text.
struct Request {
    sources: Vec<Vec<u32>>,
    language: Option<u32>,
    done: Translation,
    reply: oneshot::Sender<Result<Translation, PortError>>,
}

impl Waiting for Request {
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

/// Why a text has no translation and will have none.
enum Stop {
    Abandoned,
    Failed(candle_core::Error),
}

impl From<candle_core::Error> for Stop {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(error)
    }
}

impl Request {
    /// Translates the next text; whether there are more.
    fn step(&mut self, machine: &Machine) -> Result<bool, Stop> {
        let Some(source) = self.sources.get(self.done.texts.len()) else { return Ok(false) };
        let reply = &self.reply;
        let is_left = || reply.is_closed();
        let (text, usage) = machine.translate(source, self.language, &is_left)?;
        self.done.texts.push(text);
        self.done.usage.add(&usage);
        Ok(self.done.texts.len() < self.sources.len())
    }

    fn answer(self, answer: Result<(), PortError>) {
        let Self { done, reply, .. } = self;
        // Whoever left does not hear it.
        let _ = reply.send(answer.map(|()| done));
    }
}

impl Machine {
    fn read(model: &Model, folder: &Path, device: &candle_core::Device) -> Result<Self, ModelError> {
        let load = |source| ModelError::Load { name: model.name.clone(), source };
        let unsupported = |reason: String| ModelError::Unsupported { name: model.name.clone(), reason };
        let spec = model.translate.clone().ok_or_else(|| unsupported("it is no translation model".to_owned()))?;
        let path = folder.join("config.json");
        let text = fs::read(&path).map_err(ModelError::io("read", &path))?;
        let config: Config = serde_json::from_slice(&text).map_err(|error| load(error.into()))?;
        if let Some(reason) = config.unsupported() {
            return Err(unsupported(reason));
        }
        let vocabulary = Vocabulary::read(folder, &config, &spec).map_err(unsupported)?;
        let network = Network::read(folder, &config, device).map_err(|error| load(error.into()))?;
        Ok(Self { name: model.name.clone(), spec, config, vocabulary, network })
    }

    /// The translation of a source, and what it cost; asks before each token whether it is still wanted.
    fn translate(
        &self,
        source: &[u32],
        language: Option<u32>,
        is_left: &dyn Fn() -> bool,
    ) -> Result<(Option<String>, Usage), Stop> {
        let asked = Instant::now();
        let memory = self.network.read_text(source)?;
        let prefill = asked.elapsed();
        let (mut written, mut steps) = (Written::default(), 0);
        let found = self.search(source.len(), language).run(|tokens, parents| {
            if is_left() {
                return Err(Stop::Abandoned);
            }
            steps += 1;
            Ok(self.network.write(&memory, &mut written, tokens, parents)?)
        })?;
        let decode = asked.elapsed().saturating_sub(prefill);
        let usage = Usage { prompt_tokens: source.len(), completion_tokens: steps, prefill, decode };
        Ok((found.map(|ids| self.vocabulary.text(&ids)), usage))
    }

    fn search(&self, source: usize, language: Option<u32>) -> Search {
        let grown = GROWTH.0 * source + GROWTH.1;
        Search {
            beams: self.spec.beams,
            start: self.config.start(),
            forced: language,
            end: self.config.eos_token_id,
            banned: self.config.banned(),
            tokens_max: grown.min(self.config.max_position_embeddings),
        }
    }
}

/// The thread: one text of the next request at a time, until the queue closes.
fn work(machine: &Machine, queue: &Queue<Request>) {
    while let Some((first, mut request)) = queue.take() {
        match catch_unwind(AssertUnwindSafe(|| request.step(machine))) {
            Ok(Ok(true)) => queue.put_back(first, request),
            Ok(Ok(false)) => request.answer(Ok(())),
            Ok(Err(Stop::Abandoned)) => {}
            Ok(Err(Stop::Failed(error))) => request.answer(Err(PortError::failed(PORT, "translating")(error))),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned();
                tracing::error!(model = machine.name, %said, "the translation model panicked");
                let source = format!("the translation model panicked: {said}");
                request.answer(Err(PortError::failed(PORT, "translating")(source)));
            }
        }
    }
}
