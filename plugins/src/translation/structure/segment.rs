//! Segments: prose with the markup that stands in it, and where each of its bytes came from.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::translation::protect::{self, Kind, Masked, Span, Translated};

/// A piece of prose of a file: a paragraph, a heading, a cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Segment {
    text: String,
    pieces: Vec<Piece>,
}

/// A run of a segment's text.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Piece {
    text: Range<usize>,
    source: Range<usize>,
    kind: PieceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum PieceKind {
    /// The source's own bytes.
    Verbatim,
    /// Written otherwise in the source: an entity, an escape, a line break.
    Unit,
    /// Markup: the source's own bytes, which no translation may change.
    Markup,
}

/// A part of a translation: words to be written as the format writes them, or the source's own bytes.
pub(super) enum Part<'s> {
    Words(String),
    Raw {
        /// As it stands in the segment's text.
        text: String,
        /// As it stands in the source.
        raw: &'s str,
    },
}

impl Part<'_> {
    /// What it says.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Words(text) | Self::Raw { text, .. } => text,
        }
    }

    /// What it is in a file without escapes.
    pub(super) fn raw(&self) -> &str {
        match self {
            Self::Words(text) => text,
            Self::Raw { raw, .. } => raw,
        }
    }
}

impl Segment {
    /// The prose, with escapes and entities read, line breaks as spaces and markup as it stands in the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its bytes in the file.
    pub fn range(&self) -> Range<usize> {
        let start = self.pieces.first().map_or(0, |piece| piece.source.start);
        start..self.pieces.last().map_or(start, |piece| piece.source.end)
    }

    /// Whether its pieces lie within its text and its file, one after the other from `from` on; where its last one ends.
    pub(super) fn is_whole(&self, source: &str, from: usize) -> Option<usize> {
        let (mut of_text, mut of_source) = (0, from);
        for piece in &self.pieces {
            let (text, own) = (self.text.get(piece.text.clone()), source.get(piece.source.clone()));
            if text.is_none() || own.is_none() || piece.text.start < of_text || piece.source.start < of_source {
                return None;
            }
            (of_text, of_source) = (piece.text.end, piece.source.end);
        }
        Some(of_source)
    }

    /// Its markup and the [`protect::spans`] of its prose: what is to be masked.
    pub fn spans(&self, terms: &[&str]) -> Vec<Span> {
        let markup = self.markup().map(|piece| Span { range: piece.text.clone(), kind: Kind::Markup });
        let mut found: Vec<Span> = protect::spans(&self.text, terms).into_iter().chain(markup).collect();
        found.sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end)));
        let mut spans: Vec<Span> = Vec::with_capacity(found.len());
        for span in found {
            match spans.last_mut() {
                // What crosses markup is kept together with it.
                Some(last) if span.range.start < last.range.end => last.range.end = last.range.end.max(span.range.end),
                _ => spans.push(span),
            }
        }
        spans
    }

    /// The segment as a model may see it; what it restores is what
    /// [`reassemble`](super::Document::reassemble) takes.
    pub fn masked(&self, terms: &[&str]) -> Masked {
        Masked::new(&self.text, self.spans(terms))
    }

    fn markup(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.kind == PieceKind::Markup)
    }

    pub(super) fn markup_bytes(&self) -> usize {
        self.markup().map(|piece| piece.text.len()).sum()
    }

    /// A translation in parts; why not, as a clause.
    pub(super) fn parts<'s>(&self, source: &'s str, words: &Translated) -> Result<Vec<Part<'s>>, &'static str> {
        if words.text().trim().is_empty() {
            return Err("is empty");
        }
        let mut sources: Vec<&Range<usize>> = words.kept().iter().map(|kept| &kept.source).collect();
        sources.sort_by_key(|source| source.start);
        let has = |piece: &Piece| {
            let at = sources.partition_point(|source| source.end < piece.text.end);
            sources.get(at).is_some_and(|source| source.start <= piece.text.start)
        };
        if !self.markup().all(has) {
            return Err("lacks markup of its source");
        }
        let mut parts = Vec::new();
        let mut end = 0;
        for kept in words.kept() {
            let text = &words.text()[kept.at.clone()];
            if self.text.get(kept.source.clone()) != Some(text) {
                return Err("belongs to another segment");
            }
            push_words(&mut parts, &words.text()[end..kept.at.start]);
            match self.raw(&kept.source) {
                Some(range) => parts.push(Part::Raw { text: text.to_owned(), raw: &source[range] }),
                None => push_words(&mut parts, text),
            }
            end = kept.at.end;
        }
        push_words(&mut parts, &words.text()[end..]);
        if let Some(Part::Words(first)) = parts.first_mut() {
            *first = first.trim_start().to_owned();
        }
        if let Some(Part::Words(last)) = parts.last_mut() {
            *last = last.trim_end().to_owned();
        }
        Ok(parts)
    }

    /// Where a range of the text stands in the source; nowhere where it begins or ends within an escape.
    fn raw(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let first = self.pieces.get(self.pieces.partition_point(|piece| piece.text.end <= range.start))?;
        let last = self.pieces.get(self.pieces.partition_point(|piece| piece.text.end < range.end))?;
        let start = match range.start - first.text.start {
            0 => first.source.start,
            inside if first.kind != PieceKind::Unit => first.source.start + inside,
            _ => return None,
        };
        let end = match last.text.end - range.end {
            0 => last.source.end,
            inside if last.kind != PieceKind::Unit => last.source.end - inside,
            _ => return None,
        };
        Some(start..end)
    }
}

/// Adds words without line breaks, controls and runs of spaces: those would be structure.
fn push_words(parts: &mut Vec<Part<'_>>, words: &str) {
    let mut clean = String::with_capacity(words.len());
    for sign in words.chars() {
        let is_space = sign.is_control() || matches!(sign, ' ' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
        match (is_space, clean.ends_with(' ')) {
            (true, true) => {}
            (true, false) => clean.push(' '),
            (false, _) => clean.push(sign),
        }
    }
    match parts.last_mut() {
        _ if clean.is_empty() => {}
        Some(Part::Words(last)) => last.push_str(&clean),
        _ => parts.push(Part::Words(clean)),
    }
}

/// Collects the segments of a file from its start to its end.
pub(super) struct Builder<'s> {
    source: &'s str,
    open: Segment,
    segments: Vec<Segment>,
}

impl<'s> Builder<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, open: Segment { text: String::new(), pieces: Vec::new() }, segments: Vec::new() }
    }

    /// Whether a segment is under way.
    pub(super) fn is_open(&self) -> bool {
        !self.open.pieces.is_empty()
    }

    /// Prose as it stands; a line break with the spaces around it reads as one space.
    pub(super) fn words(&mut self, range: Range<usize>) {
        let mut start = range.start;
        let mut rest = range.start;
        while let Some(step) = self.source[rest..range.end].find(char::is_whitespace) {
            let at = rest + step;
            let run = &self.source[at..range.end];
            let end = at + run.find(|sign: char| !sign.is_whitespace()).unwrap_or(run.len());
            if self.source[at..end].contains(['\n', '\r', '\t']) {
                self.push(start..at, PieceKind::Verbatim, None);
                self.push(at..end, PieceKind::Unit, Some(" "));
                start = end;
            }
            rest = end;
        }
        self.push(start..range.end, PieceKind::Verbatim, None);
    }

    /// Prose that the source writes otherwise.
    pub(super) fn unit(&mut self, text: &str, range: Range<usize>) {
        self.push(range, PieceKind::Unit, Some(text));
    }

    /// Markup within the prose.
    pub(super) fn markup(&mut self, range: Range<usize>) {
        self.push(range, PieceKind::Markup, None);
    }

    fn push(&mut self, source: Range<usize>, kind: PieceKind, text: Option<&str>) {
        if source.is_empty() {
            return;
        }
        // What is not handed over in one run is not one segment.
        if self.open.pieces.last().is_some_and(|last| last.source.end != source.start) {
            self.close();
        }
        let start = self.open.text.len();
        self.open.text.push_str(text.unwrap_or(&self.source[source.clone()]));
        let end = self.open.text.len();
        match self.open.pieces.last_mut() {
            Some(last) if last.kind == kind && kind != PieceKind::Unit => {
                last.text.end = end;
                last.source.end = source.end;
            }
            _ => self.open.pieces.push(Piece { text: start..end, source, kind }),
        }
    }

    /// Ends the segment under way; one without a letter is none.
    pub(super) fn close(&mut self) {
        let open = std::mem::replace(&mut self.open, Segment { text: String::new(), pieces: Vec::new() });
        let trimmed = open.trimmed();
        let mut words = trimmed.pieces.iter().filter(|piece| piece.kind != PieceKind::Markup);
        let follows = self.segments.last().is_none_or(|last| last.range().end <= trimmed.range().start);
        if follows && words.any(|piece| trimmed.text[piece.text.clone()].contains(char::is_alphabetic)) {
            self.segments.push(trimmed);
        }
    }

    pub(super) fn finish(mut self) -> Vec<Segment> {
        self.close();
        self.segments
    }
}

impl Segment {
    /// Without the spaces on both ends.
    fn trimmed(mut self) -> Self {
        let blank = |segment: &Self, piece: &Piece| {
            piece.kind != PieceKind::Markup && segment.text[piece.text.clone()].trim().is_empty()
        };
        while self.pieces.last().is_some_and(|last| blank(&self, last)) {
            self.pieces.pop();
        }
        let first = self.pieces.iter().position(|piece| !blank(&self, piece)).unwrap_or(self.pieces.len());
        self.pieces.drain(..first);
        if let Some(last) = self.pieces.last_mut().filter(|last| last.kind == PieceKind::Verbatim) {
            let spaces = last.text.len() - self.text[last.text.clone()].trim_end().len();
            last.text.end -= spaces;
            last.source.end -= spaces;
        }
        if let Some(first) = self.pieces.first_mut().filter(|first| first.kind == PieceKind::Verbatim) {
            let spaces = first.text.len() - self.text[first.text.clone()].trim_start().len();
            first.text.start += spaces;
            first.source.start += spaces;
        }
        let (Some(first), Some(last)) = (self.pieces.first(), self.pieces.last()) else {
            return Self { text: String::new(), pieces: Vec::new() };
        };
        let (start, end) = (first.text.start, last.text.end);
        self.text.truncate(end);
        self.text.drain(..start);
        for piece in &mut self.pieces {
            piece.text = piece.text.start - start..piece.text.end - start;
        }
        self
    }
}
