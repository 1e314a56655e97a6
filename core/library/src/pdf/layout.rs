//! From characters to lines in reading order: runs of one baseline, columns by the gutters between them, lines.
//!
//! A gutter is a vertical stripe that hardly any run crosses, with long runs on both sides. Runs across it (a title, a
//! wide caption) part the page into bands; each band is read column by column, and each column may have gutters of its
//! own.

use super::glyphs::{Glyph, Sheet};

/// Most runs of a page: rows are found by comparing each with each.
const RUNS_MAX: usize = 20_000;

/// Characters of one baseline, without a gap as wide as a gutter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Run {
    text: String,
    left: f32,
    right: f32,
    /// Baseline.
    y: f32,
    size: f32,
    letters: usize,
}

/// A line in its column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Line {
    pub(super) text: String,
    /// Its parts between wide gaps: names side by side, cells of a table.
    pub(super) cells: Vec<String>,
    pub(super) left: f32,
    pub(super) right: f32,
    /// Baseline, from the top.
    pub(super) y: f32,
    pub(super) size: f32,
    /// Counts columns and bands: a line of another region does not stand below the last.
    pub(super) region: usize,
    /// Edges of its region.
    pub(super) region_left: f32,
    pub(super) region_right: f32,
}

/// A page's lines in reading order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Page {
    pub(super) height: f32,
    pub(super) lines: Vec<Line>,
}

/// The lines of a page in reading order.
pub(super) fn lines(sheet: &Sheet) -> Page {
    let mut runs = runs(&sheet.glyphs);
    runs.retain(|run| !run.text.trim().is_empty() && run.y > 0.0 && run.y < sheet.height && run.left < sheet.width);
    runs.truncate(RUNS_MAX);
    let mut lines = Vec::new();
    let mut region = 0;
    read(runs, 4, &mut region, &mut lines);
    Page { height: sheet.height, lines }
}

/// The size of most letters: that of the running text.
pub(super) fn body_size(pages: &[Page]) -> f32 {
    let mut letters: Vec<(f32, usize)> = Vec::new();
    for line in pages.iter().flat_map(|page| &page.lines) {
        let size = (line.size * 4.0).round() / 4.0;
        match letters.iter_mut().find(|(found, _)| (*found - size).abs() < 0.1) {
            Some((_, count)) => *count += line.text.len(),
            None => letters.push((size, line.text.len())),
        }
    }
    letters.into_iter().max_by_key(|(_, count)| *count).map_or(10.0, |(size, _)| size)
}

fn runs(glyphs: &[Glyph]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for glyph in glyphs {
        let is_space = glyph.text.chars().all(char::is_whitespace);
        if let Some(run) = runs.last_mut()
            && (glyph.y - run.y).abs() < 0.15 * run.size
            && (glyph.size - run.size).abs() < 0.15 * run.size
        {
            let gap = (glyph.x - run.right) / run.size;
            if is_space {
                if (-0.5..1.2).contains(&gap) && !run.text.ends_with(' ') {
                    run.text.push(' ');
                }
                continue;
            }
            // The same letter twice at one place is a bold one drawn with a stick.
            if gap < -0.1
                && run.text.ends_with(&glyph.text)
                && (glyph.x + glyph.width - run.right).abs() < 0.1 * run.size
            {
                continue;
            }
            if (-0.6..1.0).contains(&gap) {
                if gap > 0.16 && !run.text.ends_with(' ') {
                    run.text.push(' ');
                }
                run.text.push_str(&glyph.text);
                run.right = run.right.max(glyph.x + glyph.width);
                run.letters += 1;
                continue;
            }
        }
        if !is_space {
            let (left, right) = (glyph.x, glyph.x + glyph.width);
            runs.push(Run { text: glyph.text.clone(), left, right, y: glyph.y, size: glyph.size, letters: 1 });
        }
    }
    runs
}

/// Appends the lines of a region's runs, columns first.
fn read(runs: Vec<Run>, depth: usize, region: &mut usize, lines: &mut Vec<Line>) {
    if runs.is_empty() {
        return;
    }
    let gutter = if depth == 0 { None } else { gutter(&runs) };
    let Some((gutter, reach)) = gutter else {
        *region += 1;
        lines.extend(set(runs, *region));
        return;
    };
    let (mut wide, narrow): (Vec<Run>, Vec<Run>) =
        runs.into_iter().partition(|run| run.left < gutter - reach && run.right > gutter + reach);
    wide.sort_by(|one, two| one.y.total_cmp(&two.y));
    // Runs above each wide one form a band with it.
    let mut rest = narrow;
    let mut at = 0;
    while at < wide.len() {
        let top = wide[at].y;
        let (above, below): (Vec<Run>, Vec<Run>) = rest.into_iter().partition(|run| run.y < top - 0.7 * wide[at].size);
        columns(above, gutter, depth, region, lines);
        rest = below;
        // Wide lines that follow one another are one block, with what stands between them.
        let mut block = vec![wide[at].clone()];
        let mut bottom = top;
        at += 1;
        while at < wide.len()
            && wide[at].y - bottom < 2.2 * wide[at].size
            && !rest.iter().any(|run| is_column_line(run, bottom, wide[at].y))
        {
            bottom = wide[at].y;
            block.push(wide[at].clone());
            at += 1;
        }
        let (level, below): (Vec<Run>, Vec<Run>) = rest.into_iter().partition(|run| run.y < bottom + 0.4 * run.size);
        block.extend(level);
        rest = below;
        *region += 1;
        lines.extend(set(block, *region));
    }
    columns(rest, gutter, depth, region, lines);
}

fn is_column_line(run: &Run, top: f32, bottom: f32) -> bool {
    run.y > top + 0.5 * run.size && run.y < bottom - 0.5 * run.size && run.letters > 12
}

fn columns(runs: Vec<Run>, gutter: f32, depth: usize, region: &mut usize, lines: &mut Vec<Line>) {
    let (left, right): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| (run.left + run.right) / 2.0 < gutter);
    read(left, depth - 1, region, lines);
    read(right, depth - 1, region, lines);
}

/// Where a region's gutter is, and how far to each side a run must reach to count as crossing it.
fn gutter(runs: &[Run]) -> Option<(f32, f32)> {
    let left = runs.iter().map(|run| run.left).fold(f32::INFINITY, f32::min);
    let right = runs.iter().map(|run| run.right).fold(f32::NEG_INFINITY, f32::max);
    let width = right - left;
    if runs.len() < 8 || width < 150.0 {
        return None;
    }
    let letters: usize = runs.iter().map(|run| run.letters).sum();
    let mut places: Vec<(f32, usize)> = Vec::new();
    let mut x = left + 0.2 * width;
    while x < left + 0.8 * width {
        if let Some(crossing) = crossing(runs, x, left, right) {
            places.push((x, crossing));
        }
        x += 1.0;
    }
    let least = places.iter().map(|(_, crossing)| *crossing).min()?;
    // A page may be mostly wide (a table, a list of authors) over columns that are long all the same.
    let is_wide = least * 100 > letters * 12;
    if is_wide && (least * 100 > letters * 60 || letters - least < 600) {
        return None;
    }
    let mut best = (0.0, 0.0);
    let mut open: Option<(f32, f32)> = None;
    for (x, crossing) in places {
        if crossing > least + letters / 100 {
            continue;
        }
        let (from, to) = match open {
            Some((from, to)) if x - to < 1.5 => (from, x),
            _ => (x, x),
        };
        open = Some((from, to));
        if to - from > best.1 - best.0 {
            best = (from, to);
        }
    }
    (best.1 - best.0 >= 4.0).then_some(((best.0 + best.1) / 2.0, 0.06 * width))
}

/// Letters of the runs that cross `x`; none where a side lacks lines that fill it.
fn crossing(runs: &[Run], x: f32, left: f32, right: f32) -> Option<usize> {
    let mut crossing = 0;
    let (mut long_left, mut long_right) = (0, 0);
    for run in runs {
        if run.left < x - 0.5 && run.right > x + 0.5 {
            crossing += run.letters;
        } else if run.right <= x + 0.5 && run.right - run.left > 0.55 * (x - left) {
            long_left += 1;
        } else if run.left >= x - 0.5 && run.right - run.left > 0.55 * (right - x) {
            long_right += 1;
        }
    }
    (long_left >= 4 && long_right >= 4).then_some(crossing)
}

/// Runs of one column as lines, top to bottom: raised and lowered runs join the line that they overlap.
fn set(mut runs: Vec<Run>, region: usize) -> Vec<Line> {
    // Larger letters first: an index joins its line, not the line its index.
    let region_left = runs.iter().map(|run| run.left).fold(f32::INFINITY, f32::min);
    let region_right = runs.iter().map(|run| run.right).fold(f32::NEG_INFINITY, f32::max);
    runs.sort_by(|one, two| two.size.total_cmp(&one.size).then(one.y.total_cmp(&two.y)));
    let mut rows: Vec<(f32, f32, Vec<Run>)> = Vec::new();
    for run in runs {
        let fits = |(y, size, row): &&mut (f32, f32, Vec<Run>)| {
            let offset = (run.y - *y).abs();
            let free = row
                .iter()
                .all(|other| run.right - other.left < 0.3 * run.size || other.right - run.left < 0.3 * run.size);
            offset < if run.size < 0.85 * *size { 0.5 } else { 0.25 } * *size && free
        };
        match rows
            .iter_mut()
            .filter(|row| fits(row))
            .min_by(|one, two| (one.0 - run.y).abs().total_cmp(&(two.0 - run.y).abs()))
        {
            Some((_, _, row)) => row.push(run),
            None => rows.push((run.y, run.size, vec![run])),
        }
    }
    rows.sort_by(|one, two| one.0.total_cmp(&two.0));
    rows.into_iter()
        .map(|(y, _, row)| Line { region, region_left, region_right, ..line(row, y) })
        .filter(|line| !line.text.is_empty())
        .collect()
}

fn line(mut row: Vec<Run>, y: f32) -> Line {
    row.sort_by(|one, two| one.left.total_cmp(&two.left));
    let main = row.iter().max_by_key(|run| run.letters).cloned().unwrap_or_default();
    let mut text = String::new();
    let mut cells = Vec::new();
    let mut cell = 0;
    let mut end = f32::NEG_INFINITY;
    for run in &row {
        let is_index = run.size < 0.85 * main.size && (run.y - main.y).abs() > 0.08 * main.size;
        let gap = run.left - end;
        if !text.is_empty() && gap > 1.2 * main.size {
            cells.push(text[cell..].trim().to_owned());
            cell = text.len();
        }
        if !text.is_empty() && !text.ends_with(' ') && gap > if is_index { 0.25 } else { 0.14 } * main.size {
            text.push(' ');
        }
        let raised = if is_index && run.y < main.y { raise(&run.text) } else { None };
        text.push_str(raised.as_deref().unwrap_or(&run.text));
        end = end.max(run.right);
    }
    cells.push(text[cell..].trim().to_owned());
    Line {
        cells: cells.iter().map(|cell| crate::clean::line(&accented(cell))).collect(),
        text: crate::clean::line(&accented(&text)),
        left: row.first().map_or(0.0, |run| run.left),
        right: end,
        y,
        size: main.size,
        ..Line::default()
    }
}

/// Accents that are drawn before their letter, put on it: `Jos´e` is `José`.
fn accented(text: &str) -> String {
    const MARKS: &[(char, char)] = &[
        ('´', '\u{301}'),
        ('`', '\u{300}'),
        ('¨', '\u{308}'),
        ('ˆ', '\u{302}'),
        ('˜', '\u{303}'),
        ('ˇ', '\u{30c}'),
        ('¸', '\u{327}'),
        ('¯', '\u{304}'),
        ('˘', '\u{306}'),
        ('˚', '\u{30a}'),
        ('˙', '\u{307}'),
        ('˝', '\u{30b}'),
    ];
    let mut found = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let mark = MARKS.iter().find(|(drawn, _)| *drawn == character).map(|(_, mark)| *mark);
        match (mark, rest.peek()) {
            (Some(mark), Some(letter)) if letter.is_alphabetic() => {
                found.push(match rest.next() {
                    Some('ı') => 'i',
                    Some('ȷ') => 'j',
                    Some(letter) => letter,
                    None => break,
                });
                found.push(mark);
            }
            _ => found.push(character),
        }
    }
    found
}

/// Raised digits as such: `10⁻³`, never `10-3`.
fn raise(text: &str) -> Option<String> {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    text.trim()
        .chars()
        .map(|found| match found {
            '-' | '−' | '–' => Some('⁻'),
            '+' => Some('⁺'),
            ',' => Some(','),
            found => digits.get(usize::try_from(found.to_digit(10)?).ok()?).copied(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of fixed-width letters (5 points of 10) at a place.
    fn write(sheet: &mut Sheet, x: f32, y: f32, size: f32, text: &str) {
        for (at, character) in text.chars().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a test's few letters")]
            let x = x + at as f32 * size / 2.0;
            if character != ' ' {
                sheet.glyphs.push(Glyph { text: character.to_string(), x, y, width: size / 2.0, size });
            }
        }
    }

    fn sheet() -> Sheet {
        Sheet { width: 600.0, height: 800.0, glyphs: Vec::new() }
    }

    #[track_caller]
    fn check(sheet: &Sheet, want: &[&str]) {
        let page = lines(sheet);
        assert_eq!(page.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), want);
    }

    #[test]
    fn columns_are_read_one_after_the_other_under_a_wide_title() {
        let mut sheet = sheet();
        // Cells that leave a wider stripe free than the gutter is.
        for row in 0_u8..6 {
            write(&mut sheet, 310.0, 250.0 + 12.0 * f32::from(row), 10.0, "cell");
            write(&mut sheet, 480.0, 250.0 + 12.0 * f32::from(row), 10.0, "0.5 0.7 0.8 0.9");
        }
        write(&mut sheet, 100.0, 60.0, 16.0, "a wide title over two columns of text here");
        for row in 0_u8..10 {
            write(
                &mut sheet,
                50.0,
                120.0 + 12.0 * f32::from(row),
                10.0,
                &format!("left {row} column line of running text here abc"),
            );
            write(
                &mut sheet,
                310.0,
                120.0 + 12.0 * f32::from(row),
                10.0,
                &format!("right {row} column line of running text here ab"),
            );
        }
        let page = lines(&sheet);
        let order: Vec<String> =
            page.lines.iter().map(|line| line.text.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
        let mut want = vec!["a wide".to_owned()];
        want.extend((0..10).map(|row| format!("left {row}")));
        want.extend((0..10).map(|row| format!("right {row}")));
        want.extend(["cell 0.5"; 6].map(str::to_owned));
        assert_eq!(order, want);
    }

    #[test]
    fn one_column_stays_one() {
        let mut sheet = sheet();
        for row in 0_u8..12 {
            write(
                &mut sheet,
                50.0,
                100.0 + 12.0 * f32::from(row),
                10.0,
                &format!(
                    "{row:02} a line of running text that fills the whole width of the page and more or less ends here"
                ),
            );
        }
        assert!(
            lines(&sheet).lines.windows(2).all(|pair| pair[0].text < pair[1].text && pair[0].region == pair[1].region)
        );
    }

    #[test]
    fn accents_are_put_on_their_letters() {
        assert_eq!(crate::clean::line(&accented("Jos´e Beno¨ıt ¸Coltekin a ˆ b")), "José Benoït Çoltekin a ˆ b");
    }

    #[test]
    fn an_index_joins_its_line() {
        let mut sheet = sheet();
        write(&mut sheet, 50.0, 100.0, 10.0, "about 10");
        write(&mut sheet, 90.0, 96.0, 6.0, "-3");
        write(&mut sheet, 100.0, 100.0, 10.0, "of x");
        write(&mut sheet, 120.0, 102.0, 6.0, "i");
        check(&sheet, &["about 10⁻³ of xi"]);
    }
}
