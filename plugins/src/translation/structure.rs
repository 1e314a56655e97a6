//! Files that keep their structure: what is prose is handed out, all else stays byte for byte.
//!
//! Reading order: [`Document`] here cuts a file and puts it together again; `segment` holds what is handed out, then one
//! file for each format says what is prose in it and how words are written there.
//!
//! **Invariant:** what stands outside the translated segments is the source's, byte for byte.
//! **Invariant:** the file that comes out, cut again, has the same structure and the words that were put in; what would
//! break that is escaped, and where escaping does not help refused.

mod segment;
mod markdown;
mod latex;
mod jats;
mod plain;

#[cfg(test)]
mod laws;

pub use markdown::{apart, together};
pub use segment::Segment;

use serde::{Deserialize, Serialize};

use super::protect::Translated;
use segment::Part;

/// Largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// CommonMark with tables, footnotes, formulas and a front matter.
    Markdown,
    /// LaTeX; without a `\begin{document}` all of it is the body.
    Latex,
    /// The XML of PubMed Central and most publishers.
    Jats,
    /// Words and line breaks.
    Plain,
}

/// A file cut into segments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    format: Format,
    source: String,
    segments: Vec<Segment>,
}

/// Why a file was not cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is too large.
    #[error("the file has {bytes} bytes, more than {FILE_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is no XML, too deep, or declares entities.
    #[error("the XML cannot be read at byte {at}: {why}")]
    Xml {
        /// Where.
        at: u64,
        /// Why.
        why: String,
    },
}

/// A translation that would break the file: leave this segment as it is, or have it translated again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the translation of segment {segment} {why}")]
pub struct Refused {
    /// Its place among [`Document::segments`], from 0.
    pub segment: usize,
    /// Why.
    pub why: &'static str,
}

impl Document {
    /// Cuts a file.
    ///
    /// # Errors
    /// [`ReadError`] where it is too large or, for XML, not well-formed.
    pub fn read(format: Format, source: &str) -> Result<Self, ReadError> {
        if source.len() > FILE_BYTES_MAX {
            return Err(ReadError::TooLarge { bytes: source.len() });
        }
        let segments = match format {
            Format::Markdown => markdown::read(source),
            Format::Latex => latex::read(source),
            Format::Jats => jats::read(source)?,
            Format::Plain => plain::read(source),
        };
        Ok(Self { format, source: source.to_owned(), segments })
    }

    /// How long the file is.
    pub fn bytes(&self) -> usize {
        self.source.len()
    }

    /// Whether its segments lie within its file, in order: what another process cut is not believed.
    pub fn is_whole(&self) -> bool {
        let end = self.segments.iter().try_fold(0, |from, segment| segment.is_whole(&self.source, from));
        end.is_some()
    }

    /// What is to be translated, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The file with `translated[i]` in the place of segment `i`. A segment without a translation, or with its own text
    /// as one, stays byte for byte. Costs the time of cutting the file once more.
    ///
    /// # Errors
    /// [`Refused`] for the first translation that is empty, lacks markup of its segment or would change the structure.
    pub fn reassemble(&self, translated: &[Option<Translated>]) -> Result<String, Refused> {
        let mut output = String::with_capacity(self.source.len());
        let mut wanted: Vec<String> = Vec::with_capacity(self.segments.len());
        let mut end = 0;
        for (at, segment) in self.segments.iter().enumerate() {
            output.push_str(&self.source[end..segment.range().start]);
            end = segment.range().end;
            let words = translated.get(at).and_then(Option::as_ref).filter(|words| words.text() != segment.text());
            let Some(words) = words else {
                output.push_str(&self.source[segment.range()]);
                wanted.push(squeezed(segment.text()));
                continue;
            };
            let mut parts = segment.parts(&self.source, words).map_err(|why| Refused { segment: at, why })?;
            self.format.settle(&mut parts);
            wanted.push(squeezed(&parts.iter().map(Part::text).collect::<String>()));
            output.push_str(&self.format.write(&parts));
        }
        output.push_str(&self.source[end..]);
        if self.format != Format::Plain && output != self.source {
            self.check(&output, &wanted)?;
        }
        Ok(output)
    }

    /// Whether `output` is cut as the source was, into segments that say `wanted`.
    fn check(&self, output: &str, wanted: &[String]) -> Result<(), Refused> {
        let last = self.segments.len().saturating_sub(1);
        let refused = |segment: usize, why| Err(Refused { segment: segment.min(last), why });
        let Ok(found) = Self::read(self.format, output) else {
            return refused(0, "makes the file unreadable");
        };
        let (mut before, mut now) = (0, 0);
        for (at, (segment, wanted)) in self.segments.iter().zip(wanted).enumerate() {
            let Some(other) = found.segments.get(at) else {
                return refused(at.saturating_sub(1), "swallows what follows");
            };
            let (outside, found) = (&self.source[before..segment.range().start], &output[now..other.range().start]);
            if outside != found {
                // What was added at its end is the head of this translation, else it is the tail of the one before.
                let tail = usize::from(!found.starts_with(outside));
                return refused(at.saturating_sub(tail), "changes the structure");
            }
            if squeezed(other.text()) != *wanted || other.markup_bytes() != segment.markup_bytes() {
                return refused(at, "changes the structure");
            }
            (before, now) = (segment.range().end, other.range().end);
        }
        if found.segments.len() != self.segments.len() || self.source[before..] != output[now..] {
            return refused(last, "changes the structure");
        }
        Ok(())
    }
}

impl Format {
    /// Makes room where words would run into markup.
    fn settle(self, parts: &mut [Part<'_>]) {
        if self == Self::Latex {
            latex::settle(parts);
        }
    }

    fn write(self, parts: &[Part<'_>]) -> String {
        match self {
            Self::Markdown => markdown::write(parts),
            Self::Latex => latex::write(parts),
            Self::Jats => jats::write(parts),
            Self::Plain => parts.iter().map(Part::raw).collect(),
        }
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
