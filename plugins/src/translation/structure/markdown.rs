//! Markdown: paragraphs, headings, items and cells are prose; code, formulas, HTML blocks, targets and front matter are
//! not.

use std::{collections::BTreeSet, ops::Range};

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::segment::{Builder, Part, Segment};
use crate::translation::protect::{Kind, verbatim};

/// What stands in a line of prose.
enum Inline {
    Text(String),
    /// Markup that keeps what it holds from the model as well.
    Opaque,
    HardBreak,
    Other,
}

/// What is read beyond CommonMark.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

/// What stands between two lines of a message that are set apart: a blank line as nobody writes it.
const APART: &str = "\n \t\n";

/// A message whose lines are each a block of their own: in a chat a line break is one, and no place to wrap.
pub fn apart(message: &str) -> String {
    let mut output = String::with_capacity(message.len());
    let mut end = 0;
    for (event, range) in Parser::new_ext(message, options()).into_offset_iter() {
        // Within a quotation a blank line would end it.
        let is_quoted = message[range.end..].trim_start_matches(' ').starts_with('>');
        if matches!(event, Event::SoftBreak) && range.start >= end && !is_quoted {
            output.push_str(&message[end..range.start]);
            output.push_str(APART);
            end = range.end;
        }
    }
    output.push_str(&message[end..]);
    output
}

/// The message again, with its lines below each other.
pub fn together(message: &str) -> String {
    message.replace(APART, "\n")
}

pub(super) fn read(source: &str) -> Vec<Segment> {
    let mut builder = Builder::new(source);
    let mut line: Vec<(Inline, Range<usize>)> = Vec::new();
    // Within code and front matter.
    let mut data = false;
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        match event {
            Event::Text(text) if !data => line.push((Inline::Text(text.into_string()), range)),
            Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_) => line.push((Inline::Other, range)),
            Event::HardBreak => line.push((Inline::HardBreak, range)),
            Event::SoftBreak => {}
            Event::Start(Tag::Link { link_type, .. } | Tag::Image { link_type, .. }) => {
                // The words of these are their address.
                let inline = if matches!(link_type, LinkType::Inline | LinkType::Reference) {
                    Inline::Other
                } else {
                    Inline::Opaque
                };
                line.push((inline, range));
            }
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough) => line.push((Inline::Other, range)),
            Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image) => {}
            Event::Start(Tag::CodeBlock(_) | Tag::MetadataBlock(_)) => {
                flush(source, &mut builder, &mut line);
                data = true;
            }
            Event::End(TagEnd::CodeBlock | TagEnd::MetadataBlock(_)) => data = false,
            _ => flush(source, &mut builder, &mut line),
        }
    }
    flush(source, &mut builder, &mut line);
    builder.finish()
}

/// Hands over what stands in a block: text as words, all that is between texts as markup.
fn flush(source: &str, builder: &mut Builder<'_>, line: &mut Vec<(Inline, Range<usize>)>) {
    let line = std::mem::take(line);
    let (Some(start), Some(end)) =
        (line.iter().map(|(_, range)| range.start).min(), line.iter().map(|(_, range)| range.end).max())
    else {
        return;
    };
    // An escape that begins the block is no part of its first text.
    let start = if is_escaped(source, start) { start - 1 } else { start };
    let formulas = verbatim::scan(&source[start..end]).into_iter().filter(|span| span.kind == Kind::Formula);
    let mut opaque: Vec<Range<usize>> = formulas.map(|span| start + span.range.start..start + span.range.end).collect();
    opaque.extend(line.iter().filter(|(inline, _)| matches!(inline, Inline::Opaque)).map(|(_, range)| range.clone()));
    opaque.sort_by_key(|range| range.start);
    opaque.dedup_by(|next, last| {
        let joined = next.start < last.end;
        last.end = if joined { last.end.max(next.end) } else { last.end };
        joined
    });
    let breaks: BTreeSet<usize> =
        line.iter().filter(|(inline, _)| matches!(inline, Inline::HardBreak)).map(|(_, range)| range.start).collect();
    let mut at = start;
    for (inline, range) in &line {
        let Inline::Text(text) = inline else { continue };
        let near = opaque.get(opaque.partition_point(|opaque| opaque.end <= range.start));
        let hidden = near.is_some_and(|near| near.start < range.end);
        if hidden || range.start < at || range.is_empty() {
            continue;
        }
        let mut from = range.start;
        let gap = &source[at..from];
        let is_break = gap.contains('\n') && gap.chars().all(|sign| sign.is_whitespace() || sign == '>');
        if gap.ends_with('\\') && is_escaped(source, from) {
            builder.markup(at..from - 1);
            let sign = source[from..].chars().next().map_or(1, char::len_utf8);
            builder.unit(&source[from..from + sign], from - 1..from + sign);
            from += sign;
        } else if is_break && breaks.range(at..from).next().is_none() {
            builder.unit(" ", at..from);
        } else {
            builder.markup(at..from);
        }
        if from > range.start {
            builder.words(from..range.end);
        } else if source.get(range.clone()) == Some(text) {
            builder.words(range.clone());
        } else {
            builder.unit(text, range.clone());
        }
        at = range.end;
    }
    if !source[at..end].trim().is_empty() {
        builder.markup(at..end);
    }
    builder.close();
}

/// Whether a backslash escapes the sign that stands here.
fn is_escaped(source: &str, at: usize) -> bool {
    let before = &source[..at];
    let run = before.len() - before.trim_end_matches('\\').len();
    run % 2 == 1 && source[at..].starts_with(|sign: char| sign.is_ascii_punctuation())
}

pub(super) fn write(parts: &[Part<'_>]) -> String {
    let mut output = String::new();
    let mut line_start = true;
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Raw { raw, .. } => {
                output.push_str(raw);
                let tail = raw.rsplit_once('\n').map(|(_, tail)| tail);
                line_start = tail.is_some_and(|tail| tail.chars().all(|sign| sign.is_whitespace() || sign == '>'));
            }
            Part::Words(words) => {
                let next = parts.get(at + 1).map_or("", Part::raw);
                write_words(&mut output, words, line_start, next);
                line_start = false;
            }
        }
    }
    output
}

fn write_words(output: &mut String, words: &str, line_start: bool, next_part: &str) {
    // Spaces at the start of a line would be indentation.
    let words = if line_start { words.trim_start() } else { words };
    let digits = words.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(words.len());
    let mut before = output.chars().next_back().unwrap_or(' ');
    for (at, sign) in words.char_indices() {
        let next = words[at + sign.len_utf8()..].chars().next();
        let escaped = match sign {
            '\\' | '`' | '*' | ']' | '<' | '>' | '$' | '|' | '~' | '{' | '}' => true,
            '_' => !(before.is_alphanumeric() && next.is_some_and(char::is_alphanumeric)),
            '#' => before.is_whitespace() || at == 0,
            '&' => {
                let rest = words[at + 1..].trim_start_matches(|sign: char| sign == '#' || sign.is_ascii_alphanumeric());
                rest.starts_with(';') || (rest.is_empty() && !next_part.is_empty())
            }
            '!' => next.is_none() && next_part.starts_with('['),
            '-' | '+' | '=' | ':' => line_start && at == 0,
            '.' | ')' => line_start && digits > 0 && at == digits,
            _ => false,
        };
        match sign {
            // With a backslash it would open a formula.
            '[' => output.push_str("&#91;"),
            _ if escaped => output.extend(['\\', sign]),
            _ => output.push(sign),
        }
        before = sign;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, blocks: usize) {
        let set_apart = apart(message);
        assert_eq!(read(&set_apart).len(), blocks, "{set_apart:?}");
        assert_eq!(together(&set_apart), message);
    }

    #[test]
    fn the_lines_of_a_message_are_blocks_and_come_together_again() {
        check("one line", 1);
        check("one\ntwo\nthree", 3);
        check("one\n\ntwo\n", 2);
        check("- a\n- b\nwith more", 3);
        check("> quoted\n> on\n\nsaid", 2);
        check("before\n```\nlet a = 1;\nlet b = 2;\n```\nafter\nit", 3);
        check("| a | b |\n|---|---|\n| c | d |\nafter", 5);
        check("", 0);
    }
}
