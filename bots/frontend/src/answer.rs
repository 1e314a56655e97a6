//! An answer as it grows: events in, the parts that a platform shows out. Pure.

use chat::{Action, Audience, Event, MemberId, Quote, Source};
use serde::{Deserialize, Serialize};

use crate::{
    markdown::{self, Style},
    split::split,
};

/// One message of a reply, as a platform shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its text, at most as long as the style allows.
    pub markdown: String,
    /// Pictures and files that come with it.
    pub uploads: Vec<Upload>,
    /// What can be done with the reply; on its last part only.
    pub actions: Vec<Action>,
    /// Whom it calls.
    #[serde(default)]
    pub calls: Option<MemberId>,
}

/// A picture or a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

enum Block {
    Text(String),
    Sources(Vec<Source>),
    Quote(Quote),
    Table { header: Vec<String>, rows: Vec<Vec<String>> },
    Upload(Upload),
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Done,
    /// With a sentence that says why not.
    Failed,
    /// By who asked.
    Stopped,
}

impl Ended {
    /// The word for it in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// An answer as it grows.
#[derive(Default)]
pub struct Answer {
    blocks: Vec<Block>,
    progress: String,
    actions: Vec<Action>,
    audience: Option<Audience>,
    ended: Option<Ended>,
}

impl Answer {
    /// Takes the next event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Accepted { audience } => self.audience = Some(audience),
            Event::Progress { text } => self.progress = text,
            Event::Text { delta } => match self.blocks.last_mut() {
                Some(Block::Text(text)) => text.push_str(&delta),
                _ => self.blocks.push(Block::Text(delta)),
            },
            Event::Sources { sources } => self.blocks.push(Block::Sources(sources)),
            Event::Quote { quote } => self.blocks.push(Block::Quote(quote)),
            Event::Table { header, rows } => self.blocks.push(Block::Table { header, rows }),
            Event::Figure { png, alt, .. } => {
                let name = format!("figure-{}.png", self.blocks.len() + 1);
                self.blocks.push(Block::Upload(Upload {
                    name,
                    media_type: "image/png".to_owned(),
                    alt: markdown::plain(&alt),
                    bytes: png,
                }));
            }
            Event::File { name, media_type, bytes } => {
                let name = markdown::plain(&name);
                self.blocks.push(Block::Upload(Upload { alt: name.clone(), name, media_type, bytes }));
            }
            Event::Actions { actions } => self.actions.extend(actions.iter().map(markdown::action)),
            Event::Done { .. } => self.end(Ended::Done),
            Event::Failed { sentence } => self.fail(&sentence),
        }
    }

    /// Ends it with a sentence.
    pub fn fail(&mut self, sentence: &str) {
        self.say(sentence);
        self.end(Ended::Failed);
    }

    /// Ends it because who asked said so.
    pub fn stop(&mut self) {
        self.say("Stopped.");
        self.end(Ended::Stopped);
    }

    fn say(&mut self, sentence: &str) {
        let gap = if self.blocks.is_empty() { "" } else { "\n\n" };
        self.take(Event::Text { delta: format!("{gap}{sentence}") });
    }

    fn end(&mut self, ended: Ended) {
        self.progress.clear();
        self.ended.get_or_insert(ended);
    }

    /// Who may see it; none before the call was accepted.
    pub fn audience(&self) -> Option<Audience> {
        self.audience
    }

    /// How it ended, where it did.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Whether there is anything to show but progress.
    pub fn has_content(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Whether there is anything to show at all.
    pub fn is_visible(&self) -> bool {
        self.has_content() || !self.progress.is_empty()
    }

    /// What can be done with it.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The messages that show it now: at least one; those but the last stay as they are while it grows.
    pub fn parts(&self, style: &Style) -> Vec<Part> {
        let mut text = String::new();
        let mut uploads = Vec::new();
        for block in &self.blocks {
            let piece = match block {
                Block::Text(text) => style.prose(text),
                Block::Sources(sources) => sources.iter().map(|source| markdown::source(source, style)).collect(),
                Block::Quote(quote) => markdown::quote(quote, style),
                Block::Table { header, rows } => markdown::table(header, rows, style),
                Block::Upload(upload) => {
                    uploads.push(upload.clone());
                    continue;
                }
            };
            markdown::join(&mut text, &piece);
        }
        if !self.progress.is_empty() {
            markdown::join(&mut text, &format!("*{}*", markdown::plain(&self.progress)));
        }
        let pieces = split(text.trim(), style.part_max, style.measure);
        let mut parts: Vec<Part> = pieces.into_iter().map(|markdown| Part { markdown, ..Part::default() }).collect();
        if parts.is_empty() {
            parts.push(Part::default());
        }
        if let Some(last) = parts.last_mut()
            && self.ended.is_some()
        {
            last.actions.clone_from(&self.actions);
            last.uploads = uploads;
        }
        parts
    }
}
