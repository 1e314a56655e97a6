//! Plain text: paragraphs, and lines that are no paragraph's.
//!
//! A line that is about as long as others are goes on in the next; short ones stand for themselves, as in a list or a
//! poem. What marks an item (`-`, `1.`) stays.

use std::sync::LazyLock;

use regex::Regex;

use super::segment::{Builder, Segment};

/// From this length on a line is taken to be broken by its width alone, in characters.
const WRAPPED_CHARS_MIN: usize = 55;

static ITEM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(?:[-*•–—+>#]+|\(?\p{Nd}{1,3}[.)]|\(?[a-zA-Z]\))\s+").expect("a fixed pattern"));

pub(super) fn read(source: &str) -> Vec<Segment> {
    let mut builder = Builder::new(source);
    let mut at = 0;
    let mut wrapped = false;
    let mut end = 0;
    for line in source.split_inclusive('\n') {
        let item = ITEM.find(line).map_or(0, |item| item.len());
        let text = at + item + (line[item..].len() - line[item..].trim_start().len());
        let stop = (at + line.trim_end().len()).max(text.min(at + line.len()));
        let indented = line.starts_with([' ', '\t']);
        if item > 0 || !wrapped || indented || line.trim().is_empty() {
            builder.close();
        } else if builder.is_open() && end < text {
            builder.unit(" ", end..text);
        }
        if text < stop {
            builder.words(text..stop);
        }
        wrapped = line.chars().count() >= WRAPPED_CHARS_MIN;
        end = stop;
        at += line.len();
    }
    builder.finish()
}
