//! Which JSON a file holds: one value, or one to a line; ORCID's or Semantic Scholar's.

use serde_json::Value;

use super::{Works, orcid, scholar};
use crate::{ReadError, clean};

/// Largest file of JSON: a tree of it takes some twenty times as much memory.
const BYTES_MAX: usize = 16 << 20;

/// Reads a file that is JSON by its name or its content; none where it is something else.
pub(super) fn read(name: &str, bytes: &[u8]) -> Option<Result<Works, ReadError>> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    let named = matches!(extension.as_str(), "json" | "jsonl" | "ndjson");
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    if !named && !matches!(first, Some(b'{' | b'[')) {
        return None;
    }
    if bytes.len() > BYTES_MAX {
        let (bytes, max) = (bytes.len() as u64, BYTES_MAX as u64);
        return named.then_some(Err(ReadError::TooLarge { bytes, max }));
    }
    match values(&clean::decode(bytes, None)) {
        Ok(values) => Some(list(&values)),
        // A note may well begin with a bracket.
        Err(error) => named.then_some(Err(error)),
    }
}

/// The values of a text: one in all, or one to a line.
fn values(text: &str) -> Result<Vec<Value>, ReadError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(ReadError::Empty);
    }
    let whole = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(values)) => return Ok(values),
        Ok(value) => return Ok(vec![value]),
        Err(error) => error,
    };
    // Lines are told from one broken value by the first of them.
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    let is_first_whole =
        lines.peek().is_some_and(|(_, line)| matches!(serde_json::from_str(line), Ok(Value::Object(_))));
    if !is_first_whole {
        return Err(ReadError::broken("JSON", whole));
    }
    lines
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| ReadError::broken("JSON", format!("line {}: {error}", number + 1)))
        })
        .collect()
}

fn list(values: &[Value]) -> Result<Works, ReadError> {
    if let [value] = values
        && let Some(works) = orcid::read(value)
    {
        return Ok(works);
    }
    scholar::read(values)
}

/// The text at a JSON pointer; none where there is no text, or an empty one.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The list at a JSON pointer; empty where there is none.
pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text or a number, as text.
pub(super) fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A year that a work can be of.
pub(super) fn year(value: Option<&Value>) -> Option<i16> {
    let year: i16 = written(value?)?.get(..4)?.parse().ok()?;
    (1000..3000).contains(&year).then_some(year)
}
