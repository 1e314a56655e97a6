//! Translation by models that are made for it.

use async_trait::async_trait;

use crate::{PortError, Usage};

/// Texts in another language, and what that cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translation {
    /// One for each text, in order; none where the model found no end, as those do that go round in circles.
    pub texts: Vec<Option<String>>,
    /// Source and target tokens, and the time for both.
    pub usage: Usage,
}

/// Translates sentences. It takes no instructions: what is protected, and terms, are the caller's to mind.
#[async_trait]
pub trait Translator: Send + Sync {
    /// The model's id in the catalogue.
    fn model(&self) -> &str;

    /// Whether it translates from one language into another (ISO 639-1).
    fn translates(&self, from: &str, to: &str) -> bool;

    /// Longest text in the model's own tokens, what it adds itself left out.
    fn tokens_max(&self) -> usize;

    /// How many of the model's own tokens a text takes.
    fn count_tokens(&self, text: &str) -> usize;

    /// Translates `texts`; text `i` of the result belongs to `texts[i]`.
    ///
    /// - Such models learned from sentences: of a text with several, some may be missing in the translation.
    /// - Errors: [`PortError::Refused`] where a text is longer than [`Translator::tokens_max`], as nothing is ever cut, or
    ///   the pair is none of its; [`PortError::Overloaded`] when the queue is full. Never a part of the texts.
    /// - Cancel-safe: a dropped call leaves the queue, and stops within a token where it is being worked on.
    async fn translate(&self, texts: &[&str], from: &str, to: &str) -> Result<Translation, PortError>;
}
