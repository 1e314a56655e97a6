//! JATS, the archive format of PubMed Central and most publishers: one article, with its sections.
//!
//! Captions stand under the section that their figure or table is in; the cells of tables are left out, as they make
//! no sentences. The list of references is left out: it is data, and the text's marks (`[3]`) stay as they are.

use chat::Identifiers;

use crate::{
    Draft, ReadError, Reader, Reading, Refusal,
    body::Body,
    clean, identity, license,
    read::Input,
    xml::{self, Element, Node},
};

/// <https://jats.nlm.nih.gov>, and its forerunner, the NLM Journal Archiving DTD.
pub(crate) struct Jats;

impl Reader for Jats {
    fn format(&self) -> &'static str {
        "jats"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let root = xml::parse(&xml::decode(input.bytes), "JATS XML", input.limits.depth_max)?;
        if root.name == "article" {
            return draft(&root).map(Reading::from).ok_or(ReadError::Nothing { what: "article" });
        }
        let mut reading = Reading::default();
        for (at, article) in root.all("article").enumerate() {
            match draft(article) {
                Some(draft) => {
                    let key = draft.identifiers.pubmed.clone().unwrap_or_else(|| (at + 1).to_string());
                    reading.drafts.push(Draft { fragment: Some(key), ..draft });
                }
                None => reading
                    .refused
                    .push(Refusal { fragment: (at + 1).to_string(), error: ReadError::Nothing { what: "article" } }),
            }
        }
        Ok(reading)
    }
}

fn draft(article: &Element) -> Option<Draft> {
    let front = article.at(&["front"])?;
    let meta = front.at(&["article-meta"])?;
    let id = |kind: &str| {
        let found = meta.all("article-id").find(|id| id.attribute("pub-id-type") == Some(kind))?;
        Some(found.text().trim().to_lowercase()).filter(|id| !id.is_empty())
    };
    let pmc = id("pmc").or_else(|| id("pmcid")).map(|id| if id.starts_with("pmc") { id } else { format!("pmc{id}") });
    let kind = article.attribute("article-type").unwrap_or_default();
    let mut subjects = Vec::new();
    meta.below("subject", &mut subjects);
    let mut body = Body::default();
    for part in meta.all("abstract") {
        write_abstract(&mut body, part);
    }
    if let Some(part) = article.at(&["body"]) {
        body.heading(1, "");
        write_section(&mut body, part, 1);
    }
    if let Some(back) = article.at(&["back"]) {
        for part in back.elements().filter(|part| matches!(part.name.as_str(), "ack" | "sec" | "app-group" | "app")) {
            let heading = part.line_at(&["title"]);
            body.heading(
                1,
                heading.as_deref().unwrap_or(if part.name == "ack" { "Acknowledgements" } else { "Appendix" }),
            );
            write_section(&mut body, part, 2);
        }
    }
    let draft = Draft {
        title: meta.at(&["title-group", "article-title"]).map(inline)?,
        authors: authors(meta),
        year: meta.all("pub-date").filter_map(|date| date.line_at(&["year"])?.parse().ok()).min(),
        venue: front
            .line_at(&["journal-meta", "journal-title-group", "journal-title"])
            .or_else(|| front.line_at(&["journal-meta", "journal-title"])),
        identifiers: Identifiers {
            doi: id("doi").and_then(|doi| identity::doi(&doi)),
            pubmed: id("pmid").or(pmc),
            ..Identifiers::default()
        },
        license: stated_license(meta),
        retracted: kind == "retracted-article" || subjects.iter().any(|found| found.text().starts_with("Retracted")),
        ..Draft::default()
    };
    Some(draft.with_body(body.finish()))
}

fn authors(meta: &Element) -> Vec<String> {
    let contributors = meta.all("contrib-group").flat_map(|group| group.all("contrib"));
    let authors = contributors.filter(|found| found.attribute("contrib-type").is_none_or(|kind| kind == "author"));
    let names = authors.filter_map(|author| {
        let name = author.at(&["name"]).or_else(|| author.at(&["name-alternatives", "name"]));
        match name {
            Some(name) => {
                let part = |kind| name.line_at(&[kind]).unwrap_or_default();
                Some(format!("{} {} {}", part("given-names"), part("surname"), part("suffix")))
            }
            None => author.line_at(&["string-name"]).or_else(|| author.line_at(&["collab"])),
        }
    });
    names.collect()
}

fn stated_license(meta: &Element) -> Option<String> {
    let stated = match meta.at(&["permissions", "license"]) {
        Some(found) => format!("{} {}", found.attribute("href").unwrap_or_default(), found.text()),
        // Before JATS 1.0 the licence stood in the copyright statement.
        None => meta.at(&["copyright-statement"]).or_else(|| meta.at(&["permissions", "copyright-statement"]))?.text(),
    };
    license::name(&stated)
}

/// An abstract is one section and, structured or not, one paragraph: one passage where it fits.
fn write_abstract(body: &mut Body, part: &Element) {
    if part.attribute("abstract-type").is_some_and(|kind| matches!(kind, "graphical" | "toc" | "teaser" | "precis")) {
        return;
    }
    body.heading(1, part.line_at(&["title"]).as_deref().unwrap_or("Abstract"));
    let mut text = Vec::new();
    for child in part.elements() {
        match child.name.as_str() {
            "p" => text.push(clean::line(&inline(child))),
            "sec" => {
                let inner = child.all("p").map(|found| clean::line(&inline(found))).collect::<Vec<_>>().join(" ");
                text.push(match child.line_at(&["title"]) {
                    Some(title) => format!("{}: {inner}", title.trim_end_matches([':', '.'])),
                    None => inner,
                });
            }
            _ => {}
        }
    }
    body.paragraph(&text.join(" "));
}

fn write_section(body: &mut Body, section: &Element, level: usize) {
    for child in section.elements() {
        match child.name.as_str() {
            "sec" | "app" => {
                body.heading(level, &child.at(&["title"]).map(inline).unwrap_or_default());
                write_section(body, child, level + 1);
            }
            "p" => write_paragraph(body, child),
            "fig" | "table-wrap" | "supplementary-material" | "boxed-text" => write_caption(body, child),
            "fig-group" | "table-wrap-group" => write_section(body, child, level),
            "disp-formula" | "disp-quote" | "verse-group" => body.paragraph(&inline(child)),
            "list" | "def-list" => write_list(body, child),
            _ => {}
        }
    }
}

/// A paragraph may hold figures and lists: they follow it.
fn write_paragraph(body: &mut Body, paragraph: &Element) {
    body.paragraph(&inline(paragraph));
    for child in paragraph.elements() {
        match child.name.as_str() {
            "fig" | "table-wrap" | "supplementary-material" => write_caption(body, child),
            "list" | "def-list" => write_list(body, child),
            _ => {}
        }
    }
}

fn write_list(body: &mut Body, list: &Element) {
    for item in list.elements().filter(|item| matches!(item.name.as_str(), "list-item" | "def-item")) {
        let own: Vec<String> = item.elements().filter(|part| part.name != "list").map(inline).collect();
        body.paragraph(&own.join(" "));
        item.all("list").for_each(|inner| write_list(body, inner));
    }
}

fn write_caption(body: &mut Body, figure: &Element) {
    let label = figure.line_at(&["label"]).map(|label| format!("{}: ", label.trim_end_matches(['.', ':'])));
    let Some(caption) = figure.at(&["caption"]) else { return };
    let parts: Vec<String> = caption
        .elements()
        .map(|part| clean::line(&inline(part)))
        .filter(|part| !part.is_empty())
        .map(|part| if part.ends_with(['.', '?', '!', ':']) { part } else { format!("{part}.") })
        .collect();
    if !parts.is_empty() {
        body.paragraph(&format!("{}{}", label.unwrap_or_default(), parts.join(" ")));
    }
}

/// The words of an element: figures and lists left out, formulas once, raised figures told from the word before.
fn inline(element: &Element) -> String {
    let mut text = String::new();
    write_inline(element, &mut text);
    text
}

fn write_inline(element: &Element, text: &mut String) {
    for node in &element.children {
        let child = match node {
            Node::Text(piece) => {
                text.push_str(piece);
                continue;
            }
            Node::Element(child) => child,
        };
        match child.name.as_str() {
            "fig" | "table-wrap" | "list" | "def-list" | "graphic" | "inline-graphic" | "media" | "object-id"
            | "fn" => {}
            "supplementary-material" => {}
            "alternatives" => {
                let best = child.at(&["math"]).or_else(|| child.at(&["tex-math"])).or_else(|| child.elements().next());
                if let Some(best) = best {
                    write_formula(best, text);
                }
            }
            "math" | "tex-math" => write_formula(child, text),
            "sup" => text.push_str(&raised(child)),
            "break" => text.push(' '),
            "disp-formula" => {
                text.push(' ');
                write_inline(child, text);
                text.push(' ');
            }
            _ => write_inline(child, text),
        }
    }
}

fn write_formula(formula: &Element, text: &mut String) {
    let found = formula.text();
    // LaTeX comes as a whole document: what counts stands between the dollars.
    let inner = found.split_once("\\begin{document}").and_then(|(_, rest)| rest.split_once("\\end{document}"));
    match inner {
        Some((formula, _)) => text.push_str(formula.trim().trim_matches('$').trim()),
        None if formula.name == "math" => text.push_str(&found.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => text.push_str(found.trim().trim_matches('$')),
    }
}

/// `10<sup>-3</sup>` is `10⁻³`, and a raised reference ` [3]`: never `103`.
fn raised(element: &Element) -> String {
    let text = inline(element);
    let text = text.trim();
    if element.elements().any(|found| found.name == "xref") {
        return if text.starts_with(['[', '(']) { format!(" {text}") } else { format!(" [{text}]") };
    }
    let small = |character| {
        Some(match character {
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            '+' => '⁺',
            '-' | '−' | '–' => '⁻',
            '(' => '⁽',
            ')' => '⁾',
            'n' => 'ⁿ',
            'i' => 'ⁱ',
            _ => return None,
        })
    };
    match text.chars().map(small).collect::<Option<String>>() {
        Some(raised) => raised,
        None if text.chars().all(char::is_alphabetic) => text.to_owned(),
        None => format!("^{text}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::Limits;

    const XML: &str = r#"<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "JATS.dtd">
<article article-type="research-article" xmlns:xlink="x"><front><journal-meta><journal-title>J. Test</journal-title></journal-meta>
<article-meta><article-id pub-id-type="pmc">123</article-id><article-id pub-id-type="doi">10.1000/ABC.1</article-id>
<title-group><article-title>On <italic>E. coli</italic> &#x003bb;</article-title></title-group>
<contrib-group><contrib contrib-type="author"><name><surname>Roth</surname><given-names>Ana B</given-names></name><xref>1</xref></contrib>
<contrib contrib-type="editor"><name><surname>No</surname><given-names>Body</given-names></name></contrib></contrib-group>
<pub-date><year>2012</year></pub-date><pub-date><year>2011</year></pub-date>
<permissions><license xlink:href="http://creativecommons.org/licenses/by/2.0"><p>Free.</p></license></permissions>
<abstract><sec><title>Aim</title><p>Why.</p></sec><sec><title>Result</title><p>Good.</p></sec></abstract></article-meta></front>
<body><p>Start here<sup><xref ref-type="bibr">1,2</xref></sup>.</p><sec><title>Methods</title><p>At 10<sup>-3</sup> M, H<sub>2</sub>O
<table-wrap><label>Table 1</label><caption><p>What we used</p></caption><table><tr><td>9</td></tr></table></table-wrap></p>
<sec><title>Data</title><p>Four <inline-formula><alternatives><tex-math>\documentclass{x}\begin{document}$$x_1$$\end{document}</tex-math></alternatives></inline-formula> sets.</p></sec></sec></body>
<back><ack><p>Thanks.</p></ack><ref-list><ref>1. Old.</ref></ref-list></back></article>"#;

    #[test]
    fn an_article_keeps_its_sections_and_loses_its_markup() {
        let draft = crate::read("a.nxml", XML.as_bytes(), &Limits::default()).unwrap().drafts.remove(0);
        assert_eq!(
            (draft.title.as_str(), draft.year, draft.venue.as_deref()),
            ("On E. coli λ", Some(2011), Some("J. Test"))
        );
        assert_eq!(
            (draft.authors.as_slice(), draft.license.as_deref()),
            (["Ana B Roth".to_owned()].as_slice(), Some("CC BY 2.0"))
        );
        assert_eq!(draft.keys()[..2], ["doi:10.1000/abc.1", "pubmed:pmc123"]);
        let text = "Aim: Why. Result: Good.\n\nStart here [1,2].\n\nAt 10⁻³ M, H2O\n\nTable 1: What we used.\n\nFour x_1 sets.\n\nThanks.";
        assert_eq!(draft.text, text);
        let shown: Vec<_> =
            draft.sections.iter().map(|(at, name)| (&draft.text[*at..*at + 3], name.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("Aim", "Abstract"),
                ("Sta", ""),
                ("At ", "Methods"),
                ("Fou", "Methods > Data"),
                ("Tha", "Acknowledgements")
            ]
        );
    }
}
