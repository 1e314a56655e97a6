//! What an event looks like in a terminal.

use std::io::{self, Write};

use chat::{Event, Quote, Source};
use unicode_width::UnicodeWidthStr;

/// Longest quoted line that is shown in the list of sources, in characters; `line N` shows it whole.
const QUOTE_CHARS: usize = 240;

/// Prints events; progress is overwritten on a terminal and left out elsewhere.
pub struct Renderer<W: Write> {
    out: W,
    terminal: bool,
    progress: bool,
    text: String,
}

impl<W: Write> Renderer<W> {
    /// A renderer into `out`.
    pub fn new(out: W, terminal: bool) -> Self {
        Self { out, terminal, progress: false, text: String::new() }
    }

    /// Prints one event.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Accepted { .. } => {}
            Event::Progress { text } => {
                if self.terminal {
                    self.clear()?;
                    write!(self.out, "\x1b[2m{}\x1b[0m", plain(text))?;
                    self.progress = true;
                }
            }
            Event::Text { delta } => {
                self.clear()?;
                let delta = plain(delta);
                write!(self.out, "{delta}")?;
                self.text.push_str(&delta);
            }
            Event::Sources { sources } => {
                self.clear()?;
                for source in sources {
                    writeln!(self.out, "{}", self.bold(&heading(source)))?;
                    writeln!(self.out, "    “{}”", shorten(&plain(&source.quote.line), QUOTE_CHARS))?;
                }
                writeln!(self.out)?;
            }
            Event::Quote { quote } => {
                self.clear()?;
                self.quote(quote)?;
            }
            Event::Table { header, rows } => {
                self.clear()?;
                self.table(header, rows)?;
            }
            Event::Figure { alt, .. } => {
                self.clear()?;
                writeln!(self.out, "[figure] {}", plain(alt))?;
            }
            Event::File { name, bytes, .. } => {
                self.clear()?;
                writeln!(self.out, "[file] {} ({} bytes)", plain(name), bytes.len())?;
            }
            Event::Actions { actions } => {
                self.clear()?;
                let words: Vec<String> = actions.iter().map(|action| format!("`{}`", action.command)).collect();
                if self.terminal && !words.is_empty() {
                    writeln!(self.out, "\n\x1b[2mnext: {}\x1b[0m", words.join("  "))?;
                }
            }
            Event::Done { .. } => self.clear()?,
            Event::Failed { sentence } => {
                self.clear()?;
                let sentence = plain(sentence);
                write!(self.out, "{sentence}")?;
                self.text.push_str(&sentence);
            }
        }
        self.out.flush()
    }

    /// Ends the reply and hands out its text.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn finish(&mut self, stopped: bool) -> io::Result<String> {
        self.clear()?;
        if stopped {
            writeln!(self.out, "\nStopped.")?;
        } else if !self.text.is_empty() && !self.text.ends_with('\n') {
            writeln!(self.out)?;
        }
        writeln!(self.out)?;
        self.out.flush()?;
        Ok(std::mem::take(&mut self.text))
    }

    fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.progress) {
            write!(self.out, "\r\x1b[2K")?;
        }
        Ok(())
    }

    fn bold(&self, text: &str) -> String {
        if self.terminal { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn quote(&mut self, quote: &Quote) -> io::Result<()> {
        let place = place(quote);
        if !place.is_empty() {
            writeln!(self.out, "{place}")?;
        }
        for (line, strong) in [(&quote.before, false), (&quote.line, true), (&quote.after, false)] {
            let line = plain(line);
            if strong {
                writeln!(self.out, "  > {}", self.bold(&line))?;
            } else if !line.is_empty() {
                writeln!(self.out, "    {line}")?;
            }
        }
        Ok(())
    }

    fn table(&mut self, header: &[String], rows: &[Vec<String>]) -> io::Result<()> {
        let all: Vec<Vec<String>> = std::iter::once(header)
            .chain(rows.iter().map(Vec::as_slice))
            .map(|row| row.iter().map(|cell| plain(cell)).collect())
            .collect();
        let widths: Vec<usize> = (0..header.len())
            .map(|column| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0))
            .collect();
        for (index, row) in all.iter().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - cell.width() + 2));
            }
            writeln!(self.out, "{}", if index == 0 { self.bold(line.trim_end()) } else { line.trim_end().to_owned() })?;
        }
        Ok(())
    }
}

/// `[1] Title (Quan et al., 2024), p. 3, Results`
fn heading(source: &Source) -> String {
    let mut by: Vec<String> = Vec::new();
    if !source.authors.is_empty() {
        by.push(plain(&source.authors));
    }
    by.extend(source.year.map(|year| year.to_string()));
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let place = place(&source.quote);
    let place = if place.is_empty() { place } else { format!(", {place}") };
    format!("[{}] {}{by}{place}", source.number, plain(&source.title))
}

fn place(quote: &Quote) -> String {
    let page = quote.page.map(|page| format!("p. {page}"));
    let section = quote.section.as_deref().map(plain);
    [page, section].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Without what nobody sees: a text of a paper or a model must not steer the terminal.
fn plain(text: &str) -> String {
    chat::text::legible(text).into_owned()
}

/// At most `max` characters, cut at a word.
fn shorten(text: &str, max: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(max) {
        None => text,
        Some((end, _)) => {
            let cut = text[..end].rfind(' ').unwrap_or(end);
            format!("{} …", &text[..cut])
        }
    }
}

#[cfg(test)]
mod tests {
    use chat::{DocumentId, PassageId, Usage};
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(events: &[Event], want: Expect) {
        let mut out = Vec::new();
        let mut renderer = Renderer::new(&mut out, false);
        for event in events {
            renderer.event(event).unwrap();
        }
        renderer.finish(false).unwrap();
        want.assert_eq(&String::from_utf8(out).unwrap());
    }

    fn quote(line: &str) -> Quote {
        let document = DocumentId("0123456789abcdef".to_owned());
        Quote {
            passage: PassageId { document: document.clone(), ordinal: 0 },
            document,
            line: line.to_owned(),
            before: "It was cold.".to_owned(),
            after: String::new(),
            page: Some(3),
            section: Some("Results".to_owned()),
        }
    }

    #[test]
    fn sources_come_with_title_page_and_line() {
        let source = Source {
            number: 1,
            title: "On Ducks".to_owned(),
            authors: "Quan et al.".to_owned(),
            year: Some(2024),
            link: None,
            quote: quote("Ducks\n swim."),
        };
        check(
            &[
                Event::Sources { sources: vec![source] },
                Event::Text { delta: "They swim [1].".to_owned() },
                Event::Done { usage: Usage::default() },
            ],
            expect![[r#"
                [1] On Ducks (Quan et al., 2024), p. 3, Results
                    “Ducks swim.”

                They swim [1].

            "#]],
        );
    }

    #[test]
    fn a_quote_stands_between_its_neighbours() {
        check(
            &[Event::Quote { quote: quote("Ducks swim.") }],
            expect![[r#"
                p. 3, Results
                    It was cold.
                  > Ducks swim.

            "#]],
        );
    }

    #[test]
    fn nothing_steers_the_terminal() {
        check(
            &[Event::Text { delta: "a\x1b[2Jb\rc\n".to_owned() }],
            expect![[r#"
            a[2Jb
            c

        "#]],
        );
    }

    #[test]
    fn a_table_is_aligned_by_width() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        check(
            &[Event::Table { header: row("name", "n"), rows: vec![row("鸭", "1"), row("goose", "22")] }],
            expect![[r#"
            name   n
            鸭     1
            goose  22

        "#]],
        );
    }
}
