//! What every document must be, whatever its file was: what the targets of the readers check.

use chat::Scope;
use library::{Limits, ReadError, SplitLimits, identity, read, sha256, split};

/// Largest input: enough for every construct of a format, and quick.
pub const BYTES_MAX: usize = 1 << 14;

/// Reads `bytes` as a file of this name, and what it holds into passages.
///
/// # Panics
/// Where a document or a passage is not what it must be.
pub fn file(name: &str, bytes: &[u8]) {
    if bytes.len() > BYTES_MAX {
        return;
    }
    let limits = Limits::default();
    let reading = match read(name, bytes, &limits) {
        Ok(reading) => reading,
        Err(error) => {
            assert!(!matches!(error, ReadError::TimedOut { .. }), "{error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let Ok(scope) = "community:lab".parse::<Scope>() else { return };
    let hash = sha256(bytes);
    for draft in reading.drafts {
        assert!(!draft.title.is_empty() && !draft.text.is_empty(), "{draft:?}");
        let document = draft.into_document(scope.clone(), name, &hash);
        let text = &document.text;
        assert!(document.sections.iter().all(|(at, _)| text.is_char_boundary(*at)), "{:?}", document.sections);
        assert!(document.pages.iter().all(|at| text.is_char_boundary(*at)), "{:?}", document.pages);
        assert!(document.sections.is_sorted_by_key(|(at, _)| *at) && document.pages.is_sorted());
        let _ = identity::of(&document);
        let count = |text: &str| text.split_whitespace().count();
        let mut last = 0;
        for passage in split(&document, &count, &SplitLimits::default()) {
            assert_eq!(text.get(passage.span.clone()), Some(passage.text.as_str()), "a passage is a piece of its text");
            assert!(passage.span.start >= last && !passage.text.trim().is_empty(), "{:?}", passage.span);
            last = passage.span.start;
        }
    }
}
