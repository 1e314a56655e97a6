//! Title, authors, identifiers and year, from the first page and the file's own record.

use chat::Identifiers;

use super::{
    glyphs::Info,
    heading,
    layout::{Line, Page},
};
use crate::{Draft, identity};

/// Words of affiliations and addresses, which are no names.
const PLACES: &[&str] = &[
    "university",
    "institute",
    "department",
    "school",
    "college",
    "laboratory",
    "lab",
    "labs",
    "research",
    "center",
    "centre",
    "faculty",
    "inc",
    "corporation",
    "academy",
    "hospital",
    "abstract",
    "google",
    "microsoft",
    "facebook",
    "ibm",
    "amazon",
    "watson",
    "ai",
    "sciences",
    "science",
    "technology",
    "technologies",
    "universität",
    "université",
    "division",
    "group",
    "usa",
    "uk",
    "china",
    "germany",
    "france",
    "department,",
    "street",
    "road",
    "box",
    "street,",
    "engineering",
    "of",
];

/// Takes title, authors and affiliations out of the first page, where they can be told, and makes a draft of them.
pub(super) fn take(pages: &mut [Page], info: &Info, name: &str, edges: &[String], body_size: f32) -> Draft {
    let mut draft = Draft::default();
    let stated = info.title.clone().filter(|title| is_title(title));
    if let Some(page) = pages.first_mut() {
        let found = largest(page, body_size, stated.as_deref()).filter(|range| {
            let title = joined(&page.lines[range.clone()]);
            !(title.starts_with(|first: char| first.is_ascii_digit()) && heading::numbered(&title).is_some())
                && heading::known(&title).is_none()
                && !title.to_lowercase().starts_with("contents")
        });
        if let Some(range) = &found {
            draft.title = joined(&page.lines[range.clone()]);
        }
        let folded = |text: &str| {
            text.chars().filter(|found| found.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
        };
        let all = folded(&joined(&page.lines));
        if let Some(stated) = stated.filter(|stated| {
            draft.title.is_empty() || (all.contains(&folded(stated)) && stated.len() > draft.title.len() / 2)
        }) {
            draft.title = stated;
        }
        let whole = page
            .lines
            .iter()
            .map(|line| line.text.as_str())
            .chain(edges.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("\n");
        draft.identifiers = identifiers(&whole, name, info);
        draft.year = year(&whole, edges, &draft.identifiers, info);
        draft.venue = edges
            .iter()
            .find(|line| line.starts_with("Proceedings of"))
            .map(|line| line.split(", pages").next().unwrap_or(line).trim_end_matches([',', ' ']).to_owned());
        if let Some(range) = found {
            let end = abstract_start(page, range.end);
            let block = author_block(page, range.clone(), end);
            draft.authors = authors(&block);
        }
    }
    if draft.authors.is_empty()
        && let Some(author) = &info.author
    {
        let names = author.split([';', ',']).flat_map(|part| part.split(" and ")).map(str::trim);
        draft.authors = names.filter(|name| is_name(name)).map(str::to_owned).collect();
    }
    draft
}

fn joined(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// Whether the record's title is one: many programs write the file's name there.
fn is_title(title: &str) -> bool {
    let lower = title.to_lowercase();
    let odd = [
        ".doc",
        ".dvi",
        ".tex",
        ".pdf",
        ".indd",
        ".qxd",
        "untitled",
        "microsoft word",
        "powerpoint",
        "layout 1",
        "template",
    ];
    title.chars().count() >= 8 && title.contains(' ') && !odd.iter().any(|mark| lower.contains(mark))
}

/// The lines of the largest letters in the upper part of the page; those of the stated title where they are there.
fn largest(page: &Page, body_size: f32, stated: Option<&str>) -> Option<std::ops::Range<usize>> {
    let is_upper =
        |line: &Line| line.y < 0.5 * page.height && line.text.chars().filter(|found| found.is_alphabetic()).count() > 3;
    let size = page.lines.iter().filter(|line| is_upper(line)).map(|line| line.size).max_by(f32::total_cmp)?;
    let first_word = stated.and_then(|title| title.split(' ').next()).unwrap_or_default();
    if size < 1.1 * body_size
        && !page.lines.first().is_some_and(|line| !first_word.is_empty() && line.text.starts_with(first_word))
    {
        return None;
    }
    let start = page.lines.iter().position(|line| is_upper(line) && line.size > 0.97 * size)?;
    let more = page.lines[start..].windows(2).take_while(|pair| {
        pair[1].size > 0.97 * size
            && pair[1].y - pair[0].y < 2.0 * size
            && pair[1].y >= pair[0].y
            && pair[0].text.len() + pair[1].text.len() < 400
    });
    Some(start..start + 1 + more.count())
}

/// Where the abstract, or the first section, starts after the title.
fn abstract_start(page: &Page, from: usize) -> Option<usize> {
    let found = page.lines[from..].iter().take(60).position(|line| {
        heading::known(&line.text).is_some()
            || ["Abstract—", "Abstract-", "Abstract –", "Abstract.", "Abstract:", "ABSTRACT "]
                .iter()
                .any(|mark| line.text.starts_with(mark))
    });
    found.map(|at| from + at)
}

/// Takes the title and what stands between it and the abstract out of the page: names and places, which the layout
/// may have read as columns. In rows, top to bottom.
fn author_block(page: &mut Page, title: std::ops::Range<usize>, end: Option<usize>) -> Vec<Line> {
    let top = page.lines[title.clone()].iter().map(|line| line.y).fold(0.0, f32::max);
    let bottom = end.map_or(top, |end| page.lines[end].y);
    let mut block = Vec::new();
    let mut at = 0;
    page.lines.retain(|line| {
        let is_title = title.contains(&at);
        let is_between = end.is_some_and(|end| (title.end..end).contains(&at));
        // The other column's text may start a little above the abstract's heading.
        let is_beside = line.y > top && line.y < bottom - 1.3 * line.size;
        at += 1;
        if !is_title && (is_between || is_beside) {
            block.push(line.clone());
        }
        !(is_title || is_between || is_beside)
    });
    block.sort_by(|one, two| {
        let is_row = (one.y - two.y).abs() < 0.4 * one.size;
        if is_row { one.left.total_cmp(&two.left) } else { one.y.total_cmp(&two.y) }
    });
    block
}

fn authors(lines: &[Line]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let size = lines.first().map_or(0.0, |line| line.size);
    for line in lines.iter().take_while(|line| line.size > 0.9 * size) {
        let mut found: Vec<String> = Vec::new();
        for cell in line.cells.iter().chain([&line.text].into_iter().filter(|_| line.cells.is_empty())) {
            let marks = |found: char| found.is_ascii_digit() || "⁰¹²³⁴⁵⁶⁷⁸⁹*∗†‡§¶♠♣♥♦♢⋄&;,".contains(found);
            let parts = cell.split(marks).flat_map(|part| part.split(" and "));
            found.extend(
                parts.map(|part| part.trim().trim_start_matches("and ").to_owned()).filter(|part| is_name(part)),
            );
        }
        if found.is_empty() && !names.is_empty() {
            break;
        }
        names.extend(found);
    }
    names.dedup();
    names
}

/// Two to five words, all but particles with a capital, none of an institution.
fn is_name(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let particles =
        ["de", "da", "di", "van", "von", "der", "den", "la", "le", "el", "al", "bin", "dos", "du", "ter", "ten", "zu"];
    (2..=5).contains(&words.len())
        && text.chars().all(|found| found.is_alphabetic() || matches!(found, ' ' | '.' | '-' | '\'' | '’' | '‐'))
        && words.iter().all(|word| word.starts_with(char::is_uppercase) || particles.contains(word))
        && words.iter().all(|word| !PLACES.contains(&word.to_lowercase().as_str()))
        && words.iter().any(|word| word.chars().filter(|found| found.is_alphabetic()).count() > 1)
}

fn identifiers(page: &str, name: &str, info: &Info) -> Identifiers {
    // A page cites other papers: only a DOI that is marked as such and stands alone is the paper's own.
    let mut dois: Vec<String> =
        page.lines().filter(|line| line.to_lowercase().contains("doi")).filter_map(identity::doi).collect();
    dois.dedup();
    let own = if dois.len() == 1 { dois.pop() } else { None };
    let stamped = page
        .lines()
        .find(|line| line.starts_with("arXiv:"))
        .and_then(|line| identity::arxiv(line.trim_start_matches("arXiv:")));
    Identifiers {
        doi: info.doi.clone().or(own),
        arxiv: stamped.or_else(|| identity::arxiv(name.trim_end_matches(".pdf"))),
        // Papers are mostly saved under the name that the Anthology and arXiv give them.
        anthology: identity::anthology(name.trim_end_matches(".pdf")),
        pubmed: None,
    }
}

fn year(page: &str, edges: &[String], ids: &Identifiers, info: &Info) -> Option<i16> {
    let plausible = |year: &i16| (1950..=2100).contains(year);
    let in_text = |text: &str| {
        text.split(|found: char| !found.is_ascii_digit())
            .filter(|run| run.len() == 4)
            .find_map(|run| run.parse().ok().filter(plausible))
    };
    let of_anthology = ids.anthology.as_ref().and_then(|id| match id.get(1..3)?.parse::<i16>().ok() {
        Some(short) if id.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            Some(if short > 50 { 1900 + short } else { 2000 + short })
        }
        _ => id.get(..4)?.parse().ok(),
    });
    let of_arxiv = ids.arxiv.as_ref().and_then(|id| id.get(..2)?.parse::<i16>().ok()).map(|short| 2000 + short);
    let imprint = edges
        .iter()
        .map(String::as_str)
        .chain(page.lines().filter(|line| line.contains('©') || line.contains("Copyright")));
    of_anthology.or(of_arxiv).or_else(|| imprint.filter_map(in_text).next()).or(info.year.filter(plausible))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(y: f32, size: f32, text: &str) -> Line {
        Line { y, size, text: text.to_owned(), ..Line::default() }
    }

    #[test]
    fn title_and_authors_come_from_the_largest_letters_and_what_follows() {
        let lines = vec![
            line(80.0, 14.0, "A Large-Scale Corpus for"),
            line(96.0, 14.0, "Conversations"),
            line(120.0, 12.0, "Ana Roth¹∗ Bo van der Li²"),
            Line { cells: vec!["Cy Dee".into(), "Éva Fő".into()], ..line(132.0, 12.0, "Cy Dee Éva Fő") },
            line(144.0, 12.0, "Computer Science, University of Michigan¹"),
            line(170.0, 12.0, "Abstract"),
            line(190.0, 10.0, "We show it."),
        ];
        let mut pages = vec![Page { height: 800.0, lines }];
        let draft = take(
            &mut pages,
            &Info::default(),
            "x_P19-1374.pdf",
            &["Proceedings of the 57th Meeting, pages 1–2".into()],
            10.0,
        );
        assert_eq!(draft.title, "A Large-Scale Corpus for Conversations");
        assert_eq!(draft.authors, ["Ana Roth", "Bo van der Li", "Cy Dee", "Éva Fő"]);
        assert_eq!((draft.year, draft.venue.as_deref()), (Some(2019), Some("Proceedings of the 57th Meeting")));
        assert_eq!(draft.identifiers.anthology.as_deref(), Some("p19-1374"));
        assert_eq!(
            pages[0].lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["Abstract", "We show it."]
        );
    }

    #[test]
    fn a_file_name_is_no_title() {
        for title in ["Microsoft Word - paper.doc", "main.dvi", "Untitled", "paper"] {
            assert!(!is_title(title), "{title}");
        }
        assert!(is_title("On the nature of X"));
    }

    #[test]
    fn names_are_told_from_places() {
        for name in ["Ana Roth", "J. K. van der Li", "Éric de Clergerie", "Mary-Lou O’Neil"] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["University of Michigan", "IBM Research", "Ana", "the results show", "a@b.example", "Ann Arbor, MI 48109"]
        {
            assert!(!is_name(name), "{name}");
        }
    }
}
