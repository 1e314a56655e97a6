//! What comes back: a stream of events. Frontends render them; plugins never know the platform.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Audience, DocumentId, PassageId};

/// One event of a reply. A reply is any number of these and ends with [`Event::Done`] or [`Event::Failed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The call may run; nothing of the reply came before. A platform that cannot show a reply to one person in a room
    /// sends what is for the caller alone to a direct message.
    Accepted {
        /// Who may see the reply.
        audience: Audience,
    },
    /// What is being done now, or the place in the queue. Replaces the progress before it.
    Progress {
        /// A short phrase in the caller's language.
        text: String,
    },
    /// Markdown to append. Only checked text is sent.
    Text {
        /// The piece to append.
        delta: String,
    },
    /// The sources, numbered from 1, before any text that cites them.
    Sources {
        /// In the order of their numbers.
        sources: Vec<Source>,
    },
    /// A verbatim line of a source.
    Quote {
        /// The line and where it stands.
        quote: Quote,
    },
    /// A table with a header row.
    Table {
        /// Column names.
        header: Vec<String>,
        /// Rows of as many cells.
        rows: Vec<Vec<String>>,
    },
    /// A picture, in two forms and in words.
    Figure {
        /// For chat.
        png: Vec<u8>,
        /// For the web page.
        svg: String,
        /// For those who cannot see it.
        alt: String,
    },
    /// A file to hand over.
    File {
        /// Its name.
        name: String,
        /// Its media type.
        media_type: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// What the caller can do next.
    Actions {
        /// Buttons, reactions or words, by frontend.
        actions: Vec<Action>,
    },
    /// The reply is complete.
    Done {
        /// What it cost.
        usage: Usage,
    },
    /// The reply failed, in a sentence for the room.
    Failed {
        /// No path, host, token or model output in it.
        sentence: String,
    },
}

impl Event {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

/// A passage that an answer may cite, with its best line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The number in `[n]`.
    pub number: usize,
    /// The document's title.
    pub title: String,
    /// Family names, shortened ("Quan et al.").
    pub authors: String,
    /// Year of publication.
    pub year: Option<i16>,
    /// Where it can be read (DOI or address), where known.
    pub link: Option<String>,
    /// The line that speaks to the question.
    pub quote: Quote,
}

/// A verbatim line: always a substring of the stored text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The document.
    pub document: DocumentId,
    /// The passage that holds the line.
    pub passage: PassageId,
    /// The line itself.
    pub line: String,
    /// The sentence before it in the passage; empty at the border.
    pub before: String,
    /// The sentence after it in the passage; empty at the border.
    pub after: String,
    /// Page, from 1, where the format has pages.
    pub page: Option<u32>,
    /// Section heading, where there is one.
    pub section: Option<String>,
}

/// Something that the caller can do next: a command in one press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What the button says.
    pub label: String,
    /// The command line behind it, without the platform's prefix ("line 2").
    pub command: String,
}

/// What a reply cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens, over all generations of the call.
    pub prompt_tokens: usize,
    /// Generated tokens, over all generations of the call.
    pub completion_tokens: usize,
    /// Time to the first token after the prompt, summed.
    pub prefill: Duration,
    /// Time from the first token to the last, summed.
    pub decode: Duration,
}

impl Usage {
    /// Adds what another generation cost.
    pub fn add(&mut self, other: &Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.prefill += other.prefill;
        self.decode += other.decode;
    }
}
