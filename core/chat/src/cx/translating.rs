//! Models that are made for translating, as a plugin reaches them: by the pair of languages.

use std::sync::{Arc, Mutex};

use crate::{
    Cx, PluginError,
    cx::Trace,
    ports::{Translation, Translator},
};

/// A model that is made for translating, and the pair of languages that a call has it for.
#[derive(Clone)]
pub struct Pair {
    translator: Arc<dyn Translator>,
    from: String,
    to: String,
    trace: Arc<Mutex<Trace>>,
}

impl Pair {
    /// A model that translates from one language into another, for a call with this trace.
    pub fn new(translator: Arc<dyn Translator>, from: &str, to: &str, trace: Arc<Mutex<Trace>>) -> Self {
        Self { translator, from: from.to_owned(), to: to.to_owned(), trace }
    }

    /// The model's id in the catalogue.
    pub fn model(&self) -> &str {
        self.translator.model()
    }

    /// Longest text in the model's own tokens.
    pub fn tokens_max(&self) -> usize {
        self.translator.tokens_max()
    }

    /// How many of the model's own tokens a text takes.
    pub fn count_tokens(&self, text: &str) -> usize {
        self.translator.count_tokens(text)
    }

    /// Translates texts; see [`Translator::translate`].
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn translate(&self, texts: &[&str]) -> Result<Translation, PluginError> {
        let translating = self.translator.translate(texts, &self.from, &self.to).await;
        let translation = translating.map_err(PluginError::port("translating"))?;
        if let Ok(mut trace) = self.trace.lock() {
            trace.usage.add(&translation.usage);
        }
        Ok(translation)
    }
}

impl Cx {
    /// The model that is made for translating from one language into another (ISO 639-1): the first that is configured.
    pub fn translator(&self, from: &str, to: &str) -> Option<Pair> {
        let translator = self.ports.translators.iter().find(|translator| translator.translates(from, to))?;
        Some(Pair::new(Arc::clone(translator), from, to, Arc::clone(&self.trace)))
    }

    /// Whether there is a model that may be asked for a translation: one that is made for it, or the language model.
    pub fn can_translate(&self) -> bool {
        self.can_generate() || !self.ports.translators.is_empty()
    }

    /// Whether a model is known to translate from one language into another well enough to be asked unasked: one that is
    /// made for the pair, or the language model as [`Cx::translates`] has it.
    pub fn translates_between(&self, from: &str, to: &str) -> bool {
        self.translator(from, to).is_some() || self.translates(to)
    }
}
