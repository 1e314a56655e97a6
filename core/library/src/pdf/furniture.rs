//! What stands at the edges of pages: running heads and feet, page numbers. Taken out of the text, kept for metadata.

use std::collections::HashMap;

use super::layout::{Line, Page};

/// How far from the top or bottom an edge reaches, as a part of the page's height.
const EDGE: f32 = 0.12;

/// Takes the furniture out of every page; what was taken from the first two pages.
pub(super) fn take(pages: &mut [Page]) -> Vec<String> {
    let mut pages_with: HashMap<String, usize> = HashMap::new();
    for page in pages.iter() {
        let mut shapes: Vec<String> = edges(page).map(|line| shape(&line.text)).collect();
        shapes.sort();
        shapes.dedup();
        for shape in shapes {
            *pages_with.entry(shape).or_default() += 1;
        }
    }
    // Heads alternate between left and right pages, and the first page has none.
    let often = (pages.len() / 4).clamp(2, 6);
    let mut taken = Vec::new();
    for (number, page) in pages.iter_mut().enumerate() {
        let height = page.height;
        let first_lines: Vec<f32> = outermost(page);
        page.lines.retain(|line| {
            let repeated = pages_with.get(&shape(&line.text)).is_some_and(|count| *count >= often);
            let at_edge = is_edge(line, height);
            let is_outermost = first_lines.contains(&line.y);
            let is_number = is_outermost && is_page_number(&line.text) && !(0.2..0.75).contains(&(line.y / height));
            let is_head = at_edge && ((repeated && line.text.len() < 160) || is_imprint(line, number, height));
            let is_furniture = is_number || is_head;
            if is_furniture && number < 2 {
                taken.push(line.text.clone());
            }
            !is_furniture
        });
    }
    taken
}

fn edges(page: &Page) -> impl Iterator<Item = &Line> {
    page.lines.iter().filter(|line| is_edge(line, page.height))
}

fn is_edge(line: &Line, height: f32) -> bool {
    line.y < EDGE * height || line.y > (1.0 - EDGE) * height
}

/// Baselines of the highest and the lowest line.
fn outermost(page: &Page) -> Vec<f32> {
    let ys = || page.lines.iter().map(|line| line.y);
    ys().min_by(f32::total_cmp).into_iter().chain(ys().max_by(f32::total_cmp)).collect()
}

/// Text with its numbers levelled: heads count pages.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for character in text.chars().filter(|found| !found.is_whitespace()) {
        match character.is_ascii_digit() {
            true if shape.ends_with('#') => {}
            true => shape.push('#'),
            false => shape.extend(character.to_lowercase()),
        }
    }
    shape
}

/// `7`, `- 7 -`, `vii`, `Page 7 of 12`, `7/12`.
fn is_page_number(text: &str) -> bool {
    let words = text.to_lowercase();
    let bare: String =
        words.replace("page", "").replace("of", "").chars().filter(|found| found.is_alphanumeric()).collect();
    let is_roman = !bare.is_empty() && bare.len() <= 6 && bare.bytes().all(|byte| b"ivxlc".contains(&byte));
    let digits = !bare.is_empty() && bare.len() <= 8 && bare.bytes().all(|byte| byte.is_ascii_digit());
    (digits || is_roman) && text.len() <= 20
}

/// The publisher's lines at the foot of the first page.
fn is_imprint(line: &Line, number: usize, height: f32) -> bool {
    let text = line.text.to_lowercase();
    number == 0
        && line.y > 0.85 * height
        && (text.starts_with("proceedings of")
            || text.starts_with('©')
            || text.contains("association for computational linguistics")
            || text.contains("c⃝")
            || text.contains("©"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lines: &[(f32, &str)]) -> Page {
        let line = |(y, text): &(f32, &str)| Line { y: *y, text: (*text).to_owned(), ..Line::default() };
        Page { height: 800.0, lines: lines.iter().map(line).collect() }
    }

    #[test]
    fn heads_feet_and_numbers_go_and_text_stays() {
        let mut pages: Vec<Page> = (1..6)
            .map(|number| {
                let head = if number % 2 == 0 { "Roth and Li".to_owned() } else { "On the nature of X".to_owned() };
                page(&[(30.0, &head), (100.0, "On the nature of X"), (400.0, "Text."), (760.0, &number.to_string())])
            })
            .collect();
        let taken = take(&mut pages);
        for page in &pages {
            assert_eq!(
                page.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
                ["On the nature of X", "Text."]
            );
        }
        assert!(taken.contains(&"Roth and Li".to_owned()));
    }

    #[test]
    fn a_first_line_that_stands_once_is_text() {
        let mut pages = vec![page(&[(30.0, "A title"), (400.0, "Text.")]), page(&[(30.0, "More text"), (400.0, "42")])];
        assert!(take(&mut pages).is_empty());
        assert_eq!(pages[1].lines.len(), 2);
    }

    #[test]
    fn page_numbers_have_many_forms() {
        for text in ["7", "- 7 -", "vii", "Page 7 of 12", "7/12"] {
            assert!(is_page_number(text), "{text}");
        }
        for text in ["7 runs", "x = 7", "", "mixed civil"] {
            assert!(!is_page_number(text), "{text}");
        }
    }
}
