//! From lines to text: paragraphs, headings, captions and notes told apart, and paragraphs that a column or page end
//! (or a figure in between) tore in two put together again.

use super::{
    heading,
    hyphen::Vocabulary,
    layout::{Line, Page},
};
use crate::{body::Body, clean, split::is_references};

/// Finished text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flowed {
    pub(super) text: String,
    pub(super) pages: Vec<usize>,
    pub(super) sections: Vec<(usize, String)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Heading(usize),
    Body,
    /// Captions, footnotes, tables: what may stand between two halves of a paragraph.
    Aside,
}

/// A paragraph or heading: lines with the pages that they stand on.
#[derive(Debug, Clone)]
struct Block {
    kind: Kind,
    lines: Vec<(usize, String)>,
    /// Whether its last line reaches the right edge.
    runs_on: bool,
    /// How many of its lines are rows of three cells or more.
    rows: usize,
}

impl Block {
    fn first_page(&self) -> usize {
        self.lines.first().map_or(0, |(page, _)| *page)
    }

    fn last_page(&self) -> usize {
        self.lines.last().map_or(0, |(page, _)| *page)
    }

    fn starts_low(&self) -> bool {
        self.lines.first().is_some_and(|(_, line)| line.starts_with(|first: char| first.is_lowercase() || first == '('))
    }

    /// Whether its sentence goes on elsewhere.
    fn is_open(&self) -> bool {
        self.lines.last().is_some_and(|(_, line)| !line.ends_with(['.', '?', '!', ':', '”', '"', ';']))
    }
}

/// The text of a document's pages.
pub(super) fn text(pages: Vec<Page>, body_size: f32, hyphens: &Vocabulary) -> Flowed {
    let count = pages.len();
    let blocks = mend(blocks(&pages, body_size));
    let mut body = Body::default();
    let mut starts: Vec<Option<usize>> = vec![None; count];
    let mut carried = String::new();
    for block in &blocks {
        let mut paragraph = String::new();
        let mut turns: Vec<(usize, usize)> = Vec::new();
        for (page, line) in &block.lines {
            hyphens.append(&mut paragraph, line);
            if turns.last().is_none_or(|(last, _)| last != page) {
                turns.push((*page, paragraph.len() - line.len()));
            }
        }
        if let Kind::Heading(level) = block.kind {
            body.heading(level, &paragraph);
            continue;
        }
        let (name, skipped) = run_in(&paragraph);
        if let Some(name) = name {
            body.heading(1, name);
        }
        let paragraph = &paragraph[skipped..];
        let is_table = block.rows * 2 > block.lines.len();
        if is_table || clean::is_boilerplate(paragraph) || is_numbers(paragraph) {
            continue;
        }
        carried.clear();
        carried.push_str(paragraph);
        let start = body.push(carried.trim());
        for (page, at) in turns {
            starts[page].get_or_insert(start + at.saturating_sub(skipped));
        }
    }
    let parts = body.finish();
    Flowed { pages: filled(starts, parts.text.len()), text: parts.text, sections: parts.sections }
}

/// A start for every page: one without text starts where the next one does.
fn filled(starts: Vec<Option<usize>>, end: usize) -> Vec<usize> {
    let mut pages: Vec<usize> = Vec::with_capacity(starts.len());
    let mut next = end;
    for start in starts.into_iter().rev() {
        next = start.unwrap_or(next).min(next);
        pages.push(next);
    }
    pages.reverse();
    if let Some(first) = pages.first_mut() {
        *first = 0;
    }
    pages
}

/// `Abstract—We show`: the section that a paragraph opens in its own first line, and where its text starts.
fn run_in(paragraph: &str) -> (Option<&str>, usize) {
    for name in ["Abstract", "ABSTRACT", "Keywords", "Index Terms", "Summary"] {
        let Some(rest) = paragraph.strip_prefix(name) else { continue };
        let trimmed = rest.trim_start_matches([' ', '—', '–', '-', ':', '.']);
        let mark = &rest[..rest.len() - trimmed.len()];
        if !trimmed.is_empty() && (mark.contains(['—', '–', ':', '.', '-']) || name == "ABSTRACT") {
            return (Some(name), paragraph.len() - trimmed.len());
        }
    }
    (None, 0)
}

/// Whether a paragraph is a table's cells, a figure's ticks or an address, not prose.
fn is_numbers(paragraph: &str) -> bool {
    if paragraph.contains('@') && paragraph.split(' ').count() <= 8 {
        return true; // an address at the foot of the first page
    }
    let words: Vec<&str> = paragraph.split(' ').collect();
    let wordy = words.iter().filter(|word| word.chars().filter(|found| found.is_alphabetic()).count() > 2).count();
    if wordy * 2 < words.len() && !paragraph.ends_with(['.', '?', '!', ':']) {
        return true;
    }
    let letters = paragraph.chars().filter(|found| found.is_alphabetic()).count();
    let all = paragraph.chars().filter(|found| !found.is_whitespace()).count();
    letters * 10 < all * 4 || (letters < 3 && all < 8)
}

fn blocks(pages: &[Page], body_size: f32) -> Vec<Block> {
    let spacing = spacing(pages, body_size);
    let mut numbers = Numbers::default();
    let mut blocks: Vec<Block> = Vec::new();
    let mut in_references = false;
    for (page, lines) in pages.iter().map(|page| &page.lines).enumerate() {
        let mut above: Option<&Line> = None;
        for line in lines {
            let last = above.filter(|above| above.region == line.region);
            let gap = last.map_or(f32::INFINITY, |above| line.y - above.y);
            let is_apart = gap > 1.15 * spacing * (line.size / body_size).max(0.8) || gap < 0.0;
            let is_full = line.right > line.region_right - 1.5 * line.size;
            let after_heading = blocks.last().is_some_and(|block| matches!(block.kind, Kind::Heading(_)));
            let level = if is_apart || after_heading {
                level(line, body_size, is_full, in_references, &mut numbers)
            } else {
                None
            };
            above = Some(line);
            if let Some(level) = level {
                let name = heading::numbered(&line.text).map_or(line.text.as_str(), |(_, name)| name);
                let name = heading::known(&line.text).unwrap_or(name);
                in_references = is_references(name);
                blocks.push(Block {
                    kind: Kind::Heading(level),
                    lines: vec![(page, name.to_owned())],
                    runs_on: is_full,
                    rows: 0,
                });
                continue;
            }
            if let (Some(block), Some(last)) = (blocks.last_mut(), last) {
                let is_long_heading = matches!(block.kind, Kind::Heading(_))
                    && (line.size - last.size).abs() < 0.03 * line.size
                    && line.size > 1.05 * body_size
                    && gap < 1.5 * line.size
                    && block.lines.len() < 3;
                if is_long_heading
                    || (!matches!(block.kind, Kind::Heading(_))
                        && continues(block, last, line, gap, spacing, body_size))
                {
                    block.lines.push((page, line.text.clone()));
                    block.runs_on = is_full;
                    block.rows += usize::from(line.cells.len() > 2);
                    continue;
                }
            }
            let kind = if is_caption(&line.text) || line.size < 0.93 * body_size { Kind::Aside } else { Kind::Body };
            let rows = usize::from(line.cells.len() > 2);
            blocks.push(Block { kind, lines: vec![(page, line.text.clone())], runs_on: is_full, rows });
        }
    }
    blocks
}

/// The usual distance of lines in the running text.
fn spacing(pages: &[Page], body_size: f32) -> f32 {
    let pairs = pages.iter().flat_map(|page| page.lines.windows(2));
    let mut gaps: Vec<f32> = pairs
        .filter(|pair| pair[0].region == pair[1].region && (pair[1].size - body_size).abs() < 0.05 * body_size)
        .map(|pair| pair[1].y - pair[0].y)
        .filter(|gap| (0.8 * body_size..3.0 * body_size).contains(gap))
        .collect();
    gaps.sort_by(f32::total_cmp);
    gaps.get(gaps.len() / 2).copied().unwrap_or(1.2 * body_size)
}

/// Whether `line` goes on with the paragraph whose last line is `last`.
fn continues(block: &Block, last: &Line, line: &Line, gap: f32, spacing: f32, body_size: f32) -> bool {
    let usual = spacing * (line.size / body_size).clamp(0.6, 2.0);
    if !(0.0..1.4 * usual).contains(&gap) || (line.size - last.size).abs() > 0.07 * body_size {
        return false;
    }
    let is_note = block.kind == Kind::Aside && line.text.starts_with(|first: char| "¹²³⁴⁵⁶⁷⁸⁹∗†‡".contains(first));
    if is_note || is_caption(&line.text) || line.text.starts_with(['•', '◦', '▪', '●', '■']) {
        return false;
    }
    let ended = !block.is_open();
    let is_short = last.right < last.region_right - 0.12 * (last.region_right - last.region_left);
    let is_indented = line.left > last.left + 0.7 * line.size && line.left - line.region_left < 4.0 * line.size;
    !(ended && (is_indented || (is_short && !block.starts_low())))
}

fn is_caption(text: &str) -> bool {
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    let number = words.next().unwrap_or_default();
    matches!(first, "Figure" | "Fig." | "FIGURE" | "Table" | "TABLE" | "Algorithm" | "Listing" | "Scheme")
        && number.ends_with([':', '.', '|'])
        && number.starts_with(|first: char| first.is_ascii_digit() || "IVXABCS".contains(first))
}

/// The numbers of the headings so far: only the next ones can follow.
#[derive(Debug, Default)]
struct Numbers {
    top: usize,
    sub: usize,
    letter: Option<u8>,
    has_roman: bool,
}

impl Numbers {
    /// The level of a heading with this number, where it can follow those so far.
    fn follow(&mut self, number: &str) -> Option<usize> {
        let mut parts = number.trim_end_matches('.').split('.');
        let first = parts.next().unwrap_or_default();
        let second: Option<usize> = parts.next().and_then(|part| part.parse().ok());
        let depth = 1 + usize::from(second.is_some()) + parts.count();
        if let Ok(top) = first.parse::<usize>() {
            match second {
                None if (self.top + 1..=self.top + 2).contains(&top) || (top == 0 && self.top == 0) => {
                    (self.top, self.sub) = (top, 0)
                }
                Some(sub) if top == self.top && (self.sub..=self.sub + 2).contains(&sub) => self.sub = sub,
                // The heading above it was missed.
                Some(sub) if (self.top + 1..=self.top + 2).contains(&top) && sub <= 3 => {
                    (self.top, self.sub) = (top, sub)
                }
                _ => return None,
            }
            return Some(depth);
        }
        if first.len() > 1
            || (first == "I" && !self.has_roman && self.letter != Some(b'H'))
            || (self.has_roman && matches!(first, "V" | "X") && number.ends_with('.'))
        {
            self.has_roman = true;
            self.letter = None;
            return Some(1);
        }
        let letter = first.bytes().next()?;
        if second.is_some() {
            return (self.letter == Some(letter)).then_some(depth);
        }
        let follows = letter == b'A' || self.letter.is_some_and(|last| letter == last + 1);
        follows.then(|| {
            self.letter = Some(letter);
            if self.has_roman { 2 } else { 1 }
        })
    }
}

/// The level of a line that is a heading: by its words, its number or its size.
fn level(line: &Line, body_size: f32, is_full: bool, in_references: bool, numbers: &mut Numbers) -> Option<usize> {
    let is_large = line.size > 1.06 * body_size;
    let letters = line.text.chars().filter(|found| found.is_alphabetic()).count();
    if line.size < 0.88 * body_size
        || line.text.len() > 120
        || letters < 3
        || is_caption(&line.text)
        || (in_references && !is_large && heading::known(&line.text).is_none())
    {
        return None;
    }
    if let Some(name) = heading::numbered(&line.text).map(|(_, name)| name).filter(|_| {
        !is_full
            || is_large
            || line.text.starts_with(|first: char| first.is_ascii_digit())
                && line.text.split(' ').next().is_some_and(|number| number.trim_end_matches('.').contains('.'))
    }) {
        let number = line.text.trim().split([' ', '\u{a0}', '\u{2003}']).next().unwrap_or_default();
        if let Some(level) = numbers.follow(number) {
            return Some(level);
        }
        if heading::known(name).is_some() || (is_large && !number.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return Some(number.trim_end_matches('.').split('.').count());
        }
    }
    // Where sections are numbered, a bare "Data" or "Model" of the text's size is a table's head.
    if let Some(name) = heading::known(&line.text)
        && (is_large || numbers.top == 0 || heading::is_bare(name))
    {
        return Some(1);
    }
    let starts_high = line.text.starts_with(|first: char| first.is_uppercase());
    (line.size > 1.12 * body_size
        && starts_high
        && !line.text.ends_with(['.', ','])
        && letters * 10 > line.text.chars().count() * 6)
        .then_some(if line.size > 1.25 * body_size { 1 } else { 2 })
}

/// Puts torn paragraphs together: the second half follows within a few blocks, with asides between. Asides of the
/// first half's page go before it, so that pages stay in order.
fn mend(blocks: Vec<Block>) -> Vec<Block> {
    let mut mended: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        if block.kind == Kind::Body
            && let Some(at) = open_half(&mended, &block)
        {
            let page = block.first_page();
            let mut asides = mended.split_off(at + 1);
            let Some(mut half) = mended.pop() else { continue };
            half.runs_on = block.runs_on;
            half.rows += block.rows;
            half.lines.extend(block.lines);
            let later = asides.iter().position(|aside| aside.first_page() >= page).unwrap_or(asides.len());
            let after = asides.split_off(later);
            mended.extend(asides);
            mended.push(half);
            mended.extend(after);
            continue;
        }
        mended.push(block);
    }
    mended
}

fn open_half(blocks: &[Block], block: &Block) -> Option<usize> {
    let recent = blocks.iter().enumerate().rev().take(12);
    for (at, earlier) in recent {
        match earlier.kind {
            Kind::Heading(_) => return None,
            Kind::Aside => {}
            Kind::Body => {
                let is_near = block.first_page() - earlier.last_page().min(block.first_page()) <= 1;
                let is_cut = earlier.lines.last().is_some_and(|(_, line)| line.ends_with('-'));
                let hangs = earlier.lines.last().is_some_and(|(_, line)| {
                    line.ends_with([',', '(']) || line.ends_with(" the") || line.ends_with(" of")
                });
                let fits = earlier.is_open()
                    && (block.starts_low() || is_cut || hangs || (earlier.runs_on && at + 1 == blocks.len()));
                let is_prose = earlier.lines.len() > 1 || earlier.runs_on;
                return (is_near && fits && is_prose).then_some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(region: usize, y: f32, left: f32, right: f32, size: f32, text: &str) -> Line {
        Line {
            cells: Vec::new(),
            text: text.into(),
            left,
            right,
            y,
            size,
            region,
            region_left: 50.0,
            region_right: 290.0,
        }
    }

    #[track_caller]
    fn check(pages: Vec<Vec<Line>>, want: &str, sections: &[&str]) -> Flowed {
        let pages: Vec<Page> = pages.into_iter().map(|lines| Page { height: 800.0, lines }).collect();
        let hyphens = Vocabulary::of(&pages);
        let flowed = text(pages, 10.0, &hyphens);
        assert_eq!(flowed.text, want);
        assert_eq!(flowed.sections.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), sections);
        flowed
    }

    #[test]
    fn a_paragraph_torn_by_a_page_and_a_figure_is_mended() {
        let one = vec![
            line(1, 100.0, 50.0, 290.0, 10.0, "We under-"),
            line(1, 112.0, 50.0, 290.0, 10.0, "stand the whole of"),
            line(1, 150.0, 50.0, 290.0, 8.0, "1 A footnote."),
        ];
        let two = vec![
            line(1, 100.0, 50.0, 200.0, 10.0, "Figure 1: A curve."),
            line(2, 130.0, 50.0, 290.0, 10.0, "it all. The end is"),
            line(2, 142.0, 50.0, 120.0, 10.0, "near."),
            line(2, 154.0, 62.0, 200.0, 10.0, "A new paragraph."),
        ];
        let want = "1 A footnote.\n\nWe understand the whole of it all. The end is near.\n\nFigure 1: A curve.\n\nA new paragraph.";
        let flowed = check(vec![one, two], want, &[]);
        assert_eq!(flowed.pages, [0, want.find("it all").unwrap()]);
    }

    #[test]
    fn headings_become_sections_by_number_and_name() {
        let lines = vec![
            line(1, 100.0, 50.0, 90.0, 12.0, "Abstract"),
            line(1, 120.0, 50.0, 200.0, 10.0, "We show X."),
            line(1, 150.0, 50.0, 130.0, 12.0, "1 Introduction"),
            line(1, 170.0, 50.0, 290.0, 10.0, "It is known that we use"),
            line(1, 182.0, 50.0, 290.0, 10.0, "5 Things"),
            line(1, 220.0, 50.0, 130.0, 10.0, "1.1 Aim"),
            line(1, 240.0, 50.0, 130.0, 10.0, "Why."),
            line(2, 100.0, 50.0, 130.0, 12.0, "References"),
            line(2, 120.0, 50.0, 280.0, 10.0, "A. Roth. 2019."),
            line(2, 160.0, 50.0, 130.0, 12.0, "A Prompts"),
            line(2, 180.0, 50.0, 130.0, 10.0, "Say hi."),
        ];
        let want = "We show X.\n\nIt is known that we use 5 Things\n\nWhy.\n\nA. Roth. 2019.\n\nSay hi.";
        check(vec![lines], want, &["Abstract", "Introduction", "Introduction > Aim", "References", "Prompts"]);
    }

    #[test]
    fn an_abstract_may_open_in_its_own_line() {
        let lines = vec![
            line(1, 100.0, 50.0, 290.0, 10.0, "Abstract—We show X."),
            line(1, 140.0, 50.0, 290.0, 10.0, "0.5 0.7 12 13"),
        ];
        check(vec![lines], "We show X.", &["Abstract"]);
    }

    #[test]
    fn a_page_without_text_starts_where_the_next_one_does() {
        assert_eq!(filled(vec![Some(0), None, Some(7), None], 9), [0, 7, 7, 9]);
    }
}
