//! Markdown: headings become sections; lists, quotes, code and table rows become paragraphs.

use pulldown_cmark::{Event, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use crate::{Draft, ReadError, Reader, Reading, body::Body, clean, read::Input};

/// CommonMark with tables, footnotes and a front matter of `title`, `author`, `date`, `license`.
pub(crate) struct Markdown;

impl Reader for Markdown {
    fn format(&self) -> &'static str {
        "markdown"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        Ok(draft(&clean::decode(input.bytes, None)).into())
    }
}

/// The paragraph under construction, and what it stands in.
#[derive(Default)]
struct Walk {
    draft: Draft,
    body: Body,
    paragraph: String,
    heading: bool,
    metadata: bool,
    headers: Vec<String>,
    cells: Vec<String>,
    in_head: bool,
}

/// The note that Markdown text makes; the first heading of level 1 is its title.
pub(super) fn draft(text: &str) -> Draft {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut walk = Walk::default();
    for event in Parser::new_ext(text, options) {
        walk.step(event);
    }
    walk.flush();
    walk.draft.with_body(walk.body.finish())
}

impl Walk {
    fn step(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::MetadataBlock(MetadataBlockKind::YamlStyle)) => self.metadata = true,
            Event::End(TagEnd::MetadataBlock(_)) => {
                self.metadata = false;
                let block = std::mem::take(&mut self.paragraph);
                self.front_matter(&block);
            }
            Event::Start(Tag::Heading { .. }) => {
                self.flush();
                self.heading = true;
            }
            Event::End(TagEnd::Heading(level)) => {
                let heading = clean::line(&std::mem::take(&mut self.paragraph));
                self.heading = false;
                let level = level as usize;
                if level == 1 && self.draft.title.is_empty() && self.body.is_empty() {
                    self.draft.title = heading;
                } else {
                    self.body.heading(level, &heading);
                }
            }
            Event::Start(Tag::TableHead) => self.in_head = true,
            Event::End(TagEnd::TableHead) => {
                self.in_head = false;
                self.headers = std::mem::take(&mut self.cells);
            }
            Event::End(TagEnd::TableCell) => self.cells.push(clean::line(&std::mem::take(&mut self.paragraph))),
            Event::End(TagEnd::TableRow) => self.row(),
            Event::Start(
                Tag::Paragraph
                | Tag::Item
                | Tag::CodeBlock(_)
                | Tag::BlockQuote(_)
                | Tag::List(_)
                | Tag::Table(_)
                | Tag::HtmlBlock,
            )
            | Event::End(
                TagEnd::Paragraph
                | TagEnd::Item
                | TagEnd::CodeBlock
                | TagEnd::BlockQuote(_)
                | TagEnd::List(_)
                | TagEnd::Table,
            )
            | Event::Rule => self.flush(),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.paragraph.push_str(&text)
            }
            Event::SoftBreak | Event::HardBreak => self.paragraph.push(if self.metadata { '\n' } else { ' ' }),
            _ => {}
        }
    }

    fn flush(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        if !self.heading {
            self.body.paragraph(&paragraph);
        }
    }

    /// `Node: gpu1; Memory: 139 GiB`: a row says what its columns are.
    fn row(&mut self) {
        let cells = std::mem::take(&mut self.cells);
        let named = cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()).map(|(at, cell)| {
            match self.headers.get(at).filter(|header| !header.is_empty()) {
                Some(header) => format!("{header}: {cell}"),
                None => cell.clone(),
            }
        });
        let row = named.collect::<Vec<_>>().join("; ");
        self.body.paragraph(&if row.is_empty() || row.ends_with('.') { row } else { format!("{row}.") });
    }

    fn front_matter(&mut self, block: &str) {
        for line in block.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            match key.trim().to_lowercase().as_str() {
                _ if value.is_empty() => {}
                "title" => self.draft.title = value,
                "author" | "authors" => {
                    self.draft.authors = value
                        .trim_matches(['[', ']'])
                        .split([',', ';'])
                        .map(|name| name.trim().trim_matches(['"', '\'']).to_owned())
                        .collect();
                }
                "date" | "year" => self.draft.year = value.get(..4).and_then(|year| year.parse().ok()),
                "license" | "licence" => self.draft.license = crate::license::name(&value),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_sections_and_rows_name_their_columns() {
        let text = "---\ntitle: \"House rules\"\nauthors: [Ana Roth, Bo Li]\ndate: 2026-03-01\nlicense: CC0\n---\nHello\n*you*.\n\n## Booking\n\n1. Ask `ana`.\n2. Wait:\n   - long\n\n| Node | Memory |\n|---|---|\n| gpu1 | 139 GiB |\n\n### Nights\n> Free.\n\n```\nsrun x\n```\n";
        let draft = draft(text);
        assert_eq!(
            (draft.title.as_str(), draft.year, draft.license.as_deref()),
            ("House rules", Some(2026), Some("CC0 1.0"))
        );
        assert_eq!(draft.authors, ["Ana Roth", "Bo Li"]);
        assert_eq!(
            draft.text,
            "Hello you.\n\nAsk ana.\n\nWait:\n\nlong\n\nNode: gpu1; Memory: 139 GiB.\n\nFree.\n\nsrun x"
        );
        let shown: Vec<_> =
            draft.sections.iter().map(|(at, name)| (&draft.text[*at..*at + 3], name.as_str())).collect();
        assert_eq!(shown, [("Ask", "Booking"), ("Fre", "Booking > Nights")]);
    }

    #[test]
    fn the_first_heading_is_the_title() {
        let draft = draft("# Rules\n\nBe kind.\n\n# More\n\nBe brief.");
        assert_eq!((draft.title.as_str(), draft.sections.as_slice()), ("Rules", [(10, "More".to_owned())].as_slice()));
    }
}
