//! One call, done in steps: first its tokens, some texts at a time, then its vectors, one slice of tokens at a time.
//!
//! Slices are made of the longest texts first. With no padding that is no matter of speed but of an even end: what is
//! left for the last slice is short.

use chat::{
    PortError,
    error::Cause,
    ports::{EmbedTask, Embedding},
};
use tokio::sync::oneshot;

use super::{PORT, queue::Waiting};
use crate::encoder::{Encoder, forward::Workspace, tokens::Tokens};

/// Bytes of text that are tokenised in one step: some 10 ms of one core.
const STEP_BYTES: usize = 64 << 10;

/// The caller's end.
type Reply = oneshot::Sender<Result<Vec<Embedding>, PortError>>;

/// A call in the queue.
#[derive(Debug)]
pub struct Request {
    task: EmbedTask,
    texts: Vec<String>,
    tokens: Vec<Tokens>,
    /// Indices of the texts that have no vector yet, the longest last.
    left: Vec<usize>,
    rows: Vec<Embedding>,
    /// None once it was used.
    reply: Option<Reply>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Some texts have their tokens.
    Tokenised,
    /// So many tokens went through the encoder; `done` when the caller has its answer.
    Embedded {
        /// Tokens.
        tokens: usize,
        /// Whether that was all.
        done: bool,
    },
    /// The caller has an error.
    Failed,
}

impl Request {
    /// A call for one vector per text.
    pub fn new(task: EmbedTask, texts: Vec<String>, reply: Reply) -> Self {
        let rows = vec![Embedding::new(); texts.len()];
        Self { task, texts, tokens: Vec::new(), left: Vec::new(), rows, reply: Some(reply) }
    }

    /// The next step, of at most `slice_tokens` tokens or one text.
    pub fn step(&mut self, encoder: &Encoder, workspace: &mut Workspace, slice_tokens: usize) -> Step {
        if self.tokens.len() < self.texts.len()
            && let Err(error) = self.tokenise(encoder)
        {
            self.fail(PortError::failed(PORT, "tokenising")(error));
            return Step::Failed;
        }
        if self.tokens.len() < self.texts.len() {
            return Step::Tokenised;
        }
        let slice = self.slice(slice_tokens);
        let texts: Vec<&Tokens> = slice.iter().map(|&index| &self.tokens[index]).collect();
        let tokens = texts.iter().map(|text| text.ids.len()).sum();
        for (&index, row) in slice.iter().zip(encoder.embed(&texts, workspace)) {
            self.rows[index] = row;
        }
        let done = self.left.is_empty();
        if done {
            self.answer();
        }
        Step::Embedded { tokens, done }
    }

    /// Tokenises the next texts; after the last one, sorts them by length.
    fn tokenise(&mut self, encoder: &Encoder) -> Result<(), Cause> {
        let texts = &self.texts[self.tokens.len()..];
        let mut bytes = 0;
        let fit = texts.iter().take_while(|text| {
            bytes += text.len();
            bytes <= STEP_BYTES
        });
        let some = fit.count().max(1);
        self.tokens.extend(encoder.tokenise(self.task, &texts[..some])?);
        if self.tokens.len() == self.texts.len() {
            self.left = (0..self.texts.len()).collect();
            self.left.sort_by_key(|&index| self.tokens[index].ids.len());
        }
        Ok(())
    }

    /// Takes the longest texts left that fit `slice_tokens` together; one in any case.
    fn slice(&mut self, slice_tokens: usize) -> Vec<usize> {
        let mut tokens = 0;
        let fit = self.left.iter().rev().take_while(|&&index| {
            tokens += self.tokens[index].ids.len();
            tokens <= slice_tokens
        });
        let some = fit.count().max(1).min(self.left.len());
        self.left.split_off(self.left.len() - some)
    }

    fn answer(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        // A caller who is gone meanwhile needs no answer.
        drop(self.reply.take().map(|reply| reply.send(Ok(rows))));
    }

    /// Ends the call with an error.
    pub fn fail(&mut self, error: PortError) {
        drop(self.reply.take().map(|reply| reply.send(Err(error))));
    }
}

impl Waiting for Request {
    fn abandoned(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}
