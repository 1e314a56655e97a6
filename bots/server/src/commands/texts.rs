//! What the measuring commands share: JSON lines read, and texts turned into lines that can be matched.

use std::{fs, path::Path};

use anyhow::Context;
use chat::ports::{EmbedTask, Embedder};
use serde::de::DeserializeOwned;
use training::matching::Line;

/// Texts that are embedded in one call.
const EMBEDDED_AT_ONCE: usize = 64;

/// The values of a file of JSON lines.
pub fn json_lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut values = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), number + 1))?;
        values.push(value);
    }
    Ok(values)
}

/// A paper as one text, as all that is measured here has it.
pub fn paper(title: &str, summary: Option<&str>) -> String {
    format!("{title}. {}", summary.unwrap_or_default()).trim().to_owned()
}

/// Embeds texts and cuts them into terms.
pub async fn matched(embedder: &dyn Embedder, texts: &[String]) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::with_capacity(texts.len());
    for some in texts.chunks(EMBEDDED_AT_ONCE) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        let vectors = embedder.embed(EmbedTask::Passage, &some).await?;
        lines.extend(some.iter().zip(vectors).map(|(text, vector)| Line { vector, terms: chat::text::terms(text) }));
    }
    Ok(lines)
}
