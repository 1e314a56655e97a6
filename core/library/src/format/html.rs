//! HTML: the article without the page around it, and what its `<meta>` tags say.

use std::collections::HashMap;

use chat::Identifiers;
use dom_smoothie::{Config, Readability, TextMode};

use super::markdown;
use crate::{Draft, ReadError, Reader, Reading, clean, identity, license, read::Input};

/// Deepest nesting that is parsed: past it, the tree's own walks would need a stack without bound.
const DEPTH_MAX: usize = 1_000;

/// Readability finds the article; Highwire's `citation_*` and Dublin Core's tags its metadata.
pub(crate) struct Html;

impl Reader for Html {
    fn format(&self) -> &'static str {
        "html"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let head = String::from_utf8_lossy(&input.bytes[..input.bytes.len().min(2048)]).to_lowercase();
        let declared = head.split_once("charset=").map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
        let declared = declared.and_then(|rest| rest.split(['"', '\'', '>', ' ', ';', '/']).next());
        let text = clean::decode(input.bytes, declared);
        if open_tags(&text) > DEPTH_MAX {
            return Err(ReadError::TooDeep { max: DEPTH_MAX });
        }
        draft(&text).map(Reading::from)
    }
}

/// Elements that hold nothing, and those that a parser closes by itself before the next of their kind: they nest only
/// within others, which are counted.
const UNCOUNTED: &[&str] = &[
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p",
    "param", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
];

/// The tree's depth within a small factor, without building it: tags that are open, by name. A closing tag counts
/// only where one of its name is open: a parser ignores the others.
fn open_tags(text: &str) -> usize {
    let mut names: HashMap<String, usize> = HashMap::new();
    let (mut open, mut most) = (0_usize, 0);
    for (at, _) in text.match_indices('<') {
        let rest = &text[at + 1..];
        let (is_end, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let length = rest.find(|found: char| !found.is_ascii_alphanumeric() && found != '-').unwrap_or(rest.len());
        let name = rest[..length.min(40)].to_ascii_lowercase();
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || UNCOUNTED.contains(&name.as_str()) {
            continue;
        }
        let count = names.entry(name).or_default();
        if !is_end {
            *count += 1;
            open += 1;
            most = most.max(open);
        } else if *count > 0 {
            *count -= 1;
            open -= 1;
        }
    }
    most
}

fn draft(text: &str) -> Result<Draft, ReadError> {
    // An address makes links absolute; links are dropped here, so any will do.
    let config = Config { text_mode: TextMode::Markdown, char_threshold: 200, ..Config::default() };
    let mut page = Readability::new(text, None, Some(config)).map_err(|error| ReadError::broken("HTML", error))?;
    let meta = |names: &[&str]| -> Vec<String> {
        let mut values = Vec::new();
        for name in names {
            for tag in page.doc.select(&format!("meta[name='{name}' i], meta[property='{name}' i]")).iter() {
                values.extend(tag.attr("content").map(|value| clean::line(&value)).filter(|value| !value.is_empty()));
            }
            if !values.is_empty() {
                break;
            }
        }
        values
    };
    let first = |names: &[&str]| meta(names).into_iter().next();
    let names = meta(&["citation_author", "citation_authors", "dc.creator", "author"]);
    let title = first(&["citation_title", "dc.title"]);
    let title = title.or_else(|| {
        page.doc.select("h1").iter().next().map(|found| clean::line(&found.text())).filter(|found| !found.is_empty())
    });
    let stated =
        page.doc.select("a[rel~='license'], link[rel~='license']").iter().next().and_then(|tag| tag.attr("href"));
    let mut draft = Draft {
        title: title.unwrap_or_default(),
        authors: names.iter().flat_map(|names| names.split(';')).map(turned).collect(),
        year: first(&[
            "citation_publication_date",
            "citation_date",
            "citation_year",
            "dc.date",
            "article:published_time",
        ])
        .and_then(|date| date.split(['/', '-', ' ']).find(|part| part.len() == 4)?.parse().ok()),
        venue: first(&["citation_journal_title", "citation_conference_title", "og:site_name"]),
        identifiers: Identifiers {
            doi: first(&["citation_doi", "dc.identifier"]).and_then(|doi| identity::doi(&doi)),
            arxiv: first(&["citation_arxiv_id"]).and_then(|id| identity::arxiv(&id)),
            anthology: None,
            pubmed: first(&["citation_pmid"]),
        },
        license: stated
            .map(|address| address.to_string())
            .or_else(|| first(&["dc.rights", "license"]))
            .and_then(|text| license::name(&text)),
        ..Draft::default()
    };
    let head = clean::line(&page.doc.select("title").text());
    let whole = page.doc.select("body").text().to_string();
    let article = page.parse();
    let content = match article {
        Ok(article) => markdown::draft(&article.text_content),
        // Too short for Readability to judge: the page's text as it is.
        Err(_) => markdown::draft(&whole),
    };
    if draft.title.is_empty() {
        draft.title = if content.title.is_empty() { head } else { content.title };
    }
    Ok(Draft { text: content.text, sections: content.sections, ..draft })
}

/// `Roth, Ana` is `Ana Roth`.
fn turned(name: &str) -> String {
    match name.split_once(',') {
        Some((family, given)) if !given.contains(',') => format!("{} {}", given.trim(), family.trim()),
        _ => name.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_told_from_the_page_around_it() {
        let text = r#"<!doctype html><html><head><title>On X | Site</title><meta name="citation_title" content="On X">
            <meta name="citation_author" content="Roth, Ana"><meta name="citation_author" content="Bo Li">
            <meta name="citation_publication_date" content="2019/07/28"><meta name="citation_doi" content="10.1000/X"></head>
            <body><nav><a href="/">Home</a> <a href="/about">About us</a></nav><article><h1>On X</h1>
            <p>We show that X holds for every Y, which nobody had shown before us, and we tell how it was found and checked.</p>
            <h2>Method</h2><p>The method takes each Y in turn, compares it with its neighbours, and keeps those that differ in more than one respect.</p>
            <ul><li>First, the data are read.</li><li>Then they are sorted.</li></ul></article><footer>All rights reserved.</footer></body></html>"#;
        let draft = draft(text).unwrap();
        assert_eq!((draft.title.as_str(), draft.year), ("On X", Some(2019)));
        assert_eq!(draft.authors, ["Ana Roth", "Bo Li"]);
        assert!(draft.text.starts_with("We show that X holds"), "{}", draft.text);
        assert!(draft.text.ends_with("Then they are sorted."), "{}", draft.text);
        assert!(!draft.text.contains("Home"));
        assert_eq!(draft.sections.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["Method"]);
    }

    #[test]
    fn a_short_page_keeps_its_text() {
        let draft = draft("<html><head><title>Note</title></head><body><p>Be kind.</p></body></html>").unwrap();
        assert_eq!((draft.title.as_str(), draft.text.as_str()), ("Note", "Be kind."));
    }

    #[test]
    fn deep_nesting_is_counted_without_a_tree() {
        assert_eq!(open_tags("<div><p>x<br><b>y</b></div><i>z</i>"), 2);
        assert_eq!(open_tags("<ul><li>a<li>b</li></ul><div></p></div>"), 1);
        assert!(open_tags(&"<div>".repeat(5_000)) > DEPTH_MAX);
    }
}
