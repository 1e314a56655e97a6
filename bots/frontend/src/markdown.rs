//! What the blocks of a reply look like in a platform's Markdown. Pure.

use std::{borrow::Cow, sync::LazyLock};

use chat::{Action, Quote, Source, text::legible};
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use crate::maths;

/// Longest quoted line in a list of sources, in characters; the `line` command shows it whole.
const QUOTE_CHARS: usize = 240;

/// Widest table that a phone shows in a fixed font.
const TABLE_CHARS: usize = 42;

/// How a platform shows tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// As Markdown tables.
    Markdown,
    /// Not at all: in a fixed font where narrow, row by row where wide.
    Fixed,
}

/// What a platform's Markdown can do.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Longest message, as `measure` counts.
    pub part_max: usize,
    /// How long a text is for this platform.
    pub measure: fn(&str) -> usize,
    /// How tables are shown.
    pub tables: Tables,
    /// Whether formulas are left as LaTeX, for the platform to set; else they become Unicode where that is safe.
    pub formulas: bool,
    /// Whether links unfold into previews unless they stand in angle brackets.
    pub previews: bool,
}

impl Style {
    /// Text of a plugin, with formulas and mentions made safe and nothing in it that nobody sees; fenced code is else left as
    /// it is.
    pub fn prose(&self, text: &str) -> String {
        let text = legible(text);
        let text = if self.formulas { text } else { Cow::Owned(maths::to_unicode(&text).into_owned()) };
        disarm(&text).into_owned()
    }

    /// Text of a paper: nothing in it is Markdown.
    fn verbatim(&self, text: &str) -> String {
        escape(&plain(text))
    }
}

/// One line, without what nobody sees.
pub fn plain(text: &str) -> String {
    let text = legible(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// What can be done with a reply, its words on one line.
pub fn action(action: &Action) -> Action {
    Action { label: plain(&action.label), command: plain(&action.command) }
}

/// Appends a block, apart from what stands before it.
pub fn join(text: &mut String, block: &str) {
    if !text.is_empty() {
        let newlines = text.len() - text.trim_end_matches('\n').len();
        text.push_str(&"\n".repeat(2_usize.saturating_sub(newlines)));
    }
    text.push_str(block);
}

/// Makes mentions of whole rooms plain text, by a zero-width space that one does not see.
pub fn disarm(text: &str) -> Cow<'_, str> {
    static ROOM: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)@(everyone|here|room)").expect("a constant pattern"));
    ROOM.replace_all(text, "@\u{200b}$1")
}

/// Text in which no character is Markdown, nor the beginning of a mention.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_entity = characters.peek().is_some_and(|next| *next == '#' || next.is_ascii_alphabetic());
        let is_markdown = match character {
            '&' => is_entity,
            sign => matches!(sign, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '#'),
        };
        if is_markdown {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    disarm(&escaped).into_owned()
}

/// `**[1]** Title (Quan et al., 2024), p. 3, Results` and the line below it.
pub fn source(source: &Source, style: &Style) -> String {
    let title = style.verbatim(&source.title);
    let title = match source.link.as_deref().filter(|link| is_link(link)) {
        Some(link) if style.previews => format!("[{title}](<{link}>)"),
        Some(link) => format!("[{title}]({link})"),
        None => title,
    };
    let mut by: Vec<String> = Vec::new();
    if !source.authors.is_empty() {
        by.push(style.verbatim(&source.authors));
    }
    by.extend(source.year.map(|year| year.to_string()));
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let place = place(&source.quote, style);
    let place = if place.is_empty() { place } else { format!(", {place}") };
    let line = style.verbatim(&shorten(&source.quote.line));
    format!("**[{}]** {title}{by}{place}\n> {line}\n", source.number)
}

/// A verbatim line between its neighbours.
pub fn quote(quote: &Quote, style: &Style) -> String {
    let mut text = String::new();
    let place = place(quote, style);
    if !place.is_empty() {
        text.push_str(&format!("{place}\n"));
    }
    let lines = [(&quote.before, false), (&quote.line, true), (&quote.after, false)];
    let lines: Vec<String> = lines
        .into_iter()
        .filter(|(line, _)| !line.trim().is_empty())
        .map(|(line, strong)| match (style.verbatim(line), strong) {
            (line, true) => format!("**{line}**"),
            (line, false) => line,
        })
        .collect();
    text.push_str(&format!("> {}\n", lines.join(" ")));
    text
}

fn place(quote: &Quote, style: &Style) -> String {
    let page = quote.page.map(|page| format!("p. {page}"));
    let section = quote.section.as_deref().map(|section| style.verbatim(section));
    [page, section].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A link that stays one inside Markdown.
fn is_link(link: &str) -> bool {
    link.starts_with("https://") && !link.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')'))
}

/// A table that reads on a phone.
pub fn table(header: &[String], rows: &[Vec<String>], style: &Style) -> String {
    let cell = |row: &[String], column: usize| row.get(column).map(|cell| plain(cell)).unwrap_or_default();
    if style.tables == Tables::Markdown {
        let line = |row: &[String]| {
            let cells: Vec<String> = (0..header.len()).map(|column| escape(&cell(row, column))).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", " --- |".repeat(header.len()));
        return std::iter::once(line(header) + &rule).chain(rows.iter().map(|row| line(row))).collect();
    }
    let width = |text: &str| text.graphemes(true).count();
    let all: Vec<&[String]> = std::iter::once(header).chain(rows.iter().map(Vec::as_slice)).collect();
    let widths: Vec<usize> =
        (0..header.len()).map(|column| all.iter().map(|row| width(&cell(row, column))).max().unwrap_or(0)).collect();
    if widths.iter().map(|width| width + 2).sum::<usize>() <= TABLE_CHARS {
        let line = |row: &&[String]| {
            let cells: Vec<String> = widths
                .iter()
                .enumerate()
                .map(|(column, wide)| {
                    let cell = disarm(&cell(row, column)).replace('`', "'");
                    let gap = " ".repeat(wide.saturating_sub(width(&cell)));
                    cell + &gap
                })
                .collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        return format!("```\n{}```\n", all.iter().map(line).collect::<String>());
    }
    let row = |row: &Vec<String>| {
        let first = escape(&cell(row, 0));
        let others: Vec<String> = (1..header.len())
            .map(|column| format!("{}: {}", escape(&cell(header, column)), escape(&cell(row, column))))
            .collect();
        format!("- **{first}**\n  {}\n", others.join("; "))
    };
    rows.iter().map(row).collect()
}

/// At most [`QUOTE_CHARS`] characters, cut at a word.
fn shorten(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(QUOTE_CHARS) {
        None => text,
        Some((end, _)) => {
            let cut = text[..end].rfind(' ').unwrap_or(end);
            format!("{} …", &text[..cut])
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const DISCORD: Style = Style {
        part_max: 2_000,
        measure: |text| text.chars().count(),
        tables: Tables::Fixed,
        formulas: false,
        previews: true,
    };

    /// Whatever a plugin lets through: this is the last one to look at it.
    #[test]
    fn nothing_leaves_that_nobody_sees() {
        let is_hidden = Regex::new(r"[\p{Cc}\p{Cf}\u{2028}\u{2029}]").unwrap();
        for character in ('\0'..=char::MAX).filter(|c| is_hidden.is_match(&c.to_string()) && !"\n\t".contains(*c)) {
            let text = format!("a{character}b");
            let action = action(&Action { label: text.clone(), command: text.clone() });
            for shown in [DISCORD.prose(&text), plain(&text), escape(&plain(&text)), action.label, action.command] {
                let shown = shown.replace(['\n', chat::text::BREAK], "");
                assert!(!is_hidden.is_match(&shown), "U+{:04X}: {shown:?}", u32::from(character));
            }
        }
        assert_eq!(escape("&#8238; &lt; R & D"), r"\&\#8238; \&lt; R & D");
    }

    #[test]
    fn no_mention_of_a_room_leaves() {
        for text in ["@everyone", "hi @HERE", "@room!", "x@everyone.org", "`@everyone`"] {
            let said = DISCORD.prose(text).to_lowercase();
            assert!(!["@everyone", "@here", "@room"].iter().any(|mention| said.contains(mention)), "{said}");
        }
    }

    #[test]
    fn a_paper_cannot_format_nor_mention() {
        let source = Source {
            number: 1,
            title: "A *bold* <@123> `title` @everyone".to_owned(),
            authors: String::new(),
            year: None,
            link: Some("https://doi.org/10.1/x".to_owned()),
            quote: Quote {
                document: chat::DocumentId("d".to_owned()),
                passage: chat::PassageId { document: chat::DocumentId("d".to_owned()), ordinal: 0 },
                line: "[click](https://evil.example) ||now||".to_owned(),
                before: String::new(),
                after: String::new(),
                page: Some(2),
                section: None,
            },
        };
        expect![[r#"
            **[1]** [A \*bold\* \<@123\> \`title\` @·everyone](<https://doi.org/10.1/x>), p. 2
            > \[click\](https://evil.example) \|\|now\|\|
        "#]]
        .assert_eq(&super::source(&source, &DISCORD).replace('\u{200b}', "·"));
    }

    #[track_caller]
    fn check_table(style: &Style, header: &[&str], rows: &[&[&str]], want: Expect) {
        let owned = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows: Vec<Vec<String>> = rows.iter().map(owned).collect();
        want.assert_eq(&table(&owned(&header), &rows, style));
    }

    #[test]
    fn a_table_reads_on_a_phone() {
        check_table(
            &DISCORD,
            &["name", "n"],
            &[&["鸭", "1"], &["goose", "22"]],
            expect![[r#"
            ```
            name   n
            鸭      1
            goose  22
            ```
        "#]],
        );
        let long = "a long description that no phone shows beside others";
        check_table(
            &DISCORD,
            &["name", "what", "n"],
            &[&["goose", long, "2"]],
            expect![[r#"
            - **goose**
              what: a long description that no phone shows beside others; n: 2
        "#]],
        );
        let matrix = Style { tables: Tables::Markdown, ..DISCORD };
        check_table(
            &matrix,
            &["name", "n"],
            &[&["a|b", "1"]],
            expect![[r#"
            | name | n |
            | --- | --- |
            | a\|b | 1 |
        "#]],
        );
    }
}
