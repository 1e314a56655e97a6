//! From a file's bytes to drafts: detect the format by content, then by name, and read it on a thread of its own.
//!
//! **Invariant:** a panic or an endless loop within a reader costs its file, not the process.

use std::{sync::mpsc, thread, time::Duration};

use sha2::{Digest, Sha256};

use crate::{Draft, ReadError, clean, format, pdf};

/// How much one file may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest file.
    pub bytes_max: u64,
    /// Most pages.
    pub pages_max: usize,
    /// Deepest nesting of elements.
    pub depth_max: usize,
    /// Longest text of one document, in bytes: what is over is cut at a paragraph.
    pub text_max: usize,
    /// Longest time. A reader that is over it is abandoned; it stops at its next page or entry.
    pub time_max: Duration,
}

impl Default for Limits {
    /// 64 MiB, 2 000 pages, 256 levels, 8 MiB of text, 60 seconds.
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            pages_max: 2_000,
            depth_max: 256,
            text_max: 8 << 20,
            time_max: Duration::from_secs(60),
        }
    }
}

/// One file as its reader sees it.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The file's name, without folders.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// How much it may cost.
    pub limits: &'a Limits,
}

/// One format.
pub trait Reader: Send + Sync {
    /// The format's name, as provenance keeps it.
    fn format(&self) -> &'static str;

    /// Everything in one file. Fields need not be cleaned; [`read`] does it.
    ///
    /// # Errors
    /// [`ReadError`], where the file as a whole cannot be read; a broken entry is a [`Refusal`].
    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError>;
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// The papers and notes, in order.
    pub drafts: Vec<Draft>,
    /// The entries that could not be read.
    pub refused: Vec<Refusal>,
}

/// An entry of a file that could not be read, though others could.
#[derive(Debug)]
pub struct Refusal {
    /// The entry's key, or where it stands.
    pub fragment: String,
    /// Why.
    pub error: ReadError,
}

impl From<Draft> for Reading {
    fn from(draft: Draft) -> Self {
        Self { drafts: vec![draft], refused: Vec::new() }
    }
}

/// SHA-256 of `bytes`, in hex: the content hash of provenance.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads one file: `name` is its name (folders before it are ignored), `bytes` its content.
///
/// Every draft has a title and text. Blocks for at most `limits.time_max`.
///
/// # Errors
/// [`ReadError`]: a sentence on why there is no document in it.
pub fn read(name: &str, bytes: &[u8], limits: &Limits) -> Result<Reading, ReadError> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > limits.bytes_max {
        return Err(ReadError::TooLarge { bytes: size, max: limits.bytes_max });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty);
    }
    let reader = format::detect(&name, bytes)?;
    let (bytes, own_limits) = (bytes.to_vec(), limits.clone());
    let mut reading = isolated(limits.time_max, move || {
        reader
            .read(Input { name: &name, bytes: &bytes, limits: &own_limits })
            .map(|reading| settle(reading, reader.format(), &name, &own_limits))
    })?;
    if reading.drafts.is_empty() && reading.refused.is_empty() {
        return Err(ReadError::Nothing { what: "entry" });
    }
    if reading.drafts.is_empty() && reading.refused.len() == 1 {
        return Err(reading.refused.remove(0).error);
    }
    Ok(reading)
}

/// Finishes every draft; what has no text after all becomes a refusal.
fn settle(reading: Reading, format: &'static str, name: &str, limits: &Limits) -> Reading {
    let Reading { drafts, mut refused } = reading;
    let mut settled = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let mut draft = draft.finish();
        draft.format = format.into();
        if draft.title.is_empty() && !draft.text.is_empty() {
            draft.title = title_of(name, &draft.text);
        }
        if draft.text.is_empty() {
            let fragment = draft.fragment.unwrap_or_default();
            refused.push(Refusal { fragment, error: ReadError::Nothing { what: "text" } });
            continue;
        }
        cut(&mut draft, limits.text_max);
        draft.bound();
        settled.push(draft);
    }
    Reading { drafts: settled, refused }
}

/// A title for what has none: the file's name without its ending, or the text's first words.
fn title_of(name: &str, text: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).replace(['_', '-'], " ");
    let stem = clean::line(&stem);
    if stem.is_empty() { text.split_whitespace().take(10).collect::<Vec<_>>().join(" ") } else { stem }
}

fn cut(draft: &mut Draft, text_max: usize) {
    if draft.text.len() <= text_max {
        return;
    }
    let mut end = text_max;
    while !draft.text.is_char_boundary(end) {
        end -= 1;
    }
    end = draft.text[..end].rfind("\n\n").unwrap_or(end);
    draft.text.truncate(end);
    draft.pages.retain(|start| *start < end);
    draft.sections.retain(|(start, _)| *start < end);
}

/// Runs `work` on a thread with a generous stack; waits at most `limit`.
///
/// A thread cannot be stopped from outside: one that is over its time goes on until its reader looks at the clock.
fn isolated<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let (done, result) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("reader".to_owned())
        .stack_size(64 << 20)
        .spawn(move || {
            // The receiver is gone only when the time was over.
            let _late = done.send(work());
        })
        .map_err(ReadError::NoThread)?;
    match result.recv_timeout(limit) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(ReadError::TimedOut { limit }),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(ReadError::Panicked),
    }
}

pub(crate) use pdf::Pdf;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_file() {
        let result = isolated(Duration::from_secs(5), || -> Result<(), ReadError> { panic!("a broken reader") });
        assert!(matches!(result, Err(ReadError::Panicked)));
    }

    #[test]
    fn a_slow_reader_is_abandoned() {
        let result = isolated(Duration::from_millis(20), || {
            thread::sleep(Duration::from_secs(1));
            Ok(())
        });
        assert!(matches!(result, Err(ReadError::TimedOut { .. })));
    }

    #[test]
    fn a_text_over_the_limit_is_cut_at_a_paragraph() {
        let mut draft = Draft {
            text: "one\n\ntwo\n\nthree".into(),
            sections: vec![(0, "A".into()), (10, "B".into())],
            ..Draft::default()
        };
        cut(&mut draft, 11);
        assert_eq!(draft.text, "one\n\ntwo");
        assert_eq!(draft.sections, [(0, "A".to_owned())]);
    }
}
