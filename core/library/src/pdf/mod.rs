//! PDF: from positioned characters to text in reading order, with its pages.
//!
//! Read in this order: streams made plain within limits ([`streams`], [`cmap`], [`loops`]), the characters of a page ([`glyphs`]), runs and lines in reading order ([`layout`]), what
//! stands at the page's edges ([`furniture`]), what a heading is ([`heading`]), title and authors ([`front`]), and the
//! text ([`flow`], with the words at line ends in [`hyphen`]).
//!
//! `pdf-extract` gives positions from a small tree of crates; `pdf_oxide` knows more of a page's fonts, but brings 170
//! packages, an Office writer among them, into a crate that must build in seconds.

mod streams;
mod cmap;
mod flow;
mod front;
mod furniture;
mod glyphs;
pub(crate) mod heading;
mod hyphen;
mod layout;
mod loops;

use std::time::Instant;

use crate::{Draft, ReadError, Reader, Reading, Refusal, read::Input};

/// Portable Document Format, by its text layer.
pub(crate) struct Pdf;

impl Reader for Pdf {
    fn format(&self) -> &'static str {
        "pdf"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let deadline = Instant::now() + input.limits.time_max;
        let file = glyphs::open(input.bytes, input.limits)?;
        let mut pages = Vec::with_capacity(file.pages());
        let mut refused = Vec::new();
        for number in 1..=file.pages() {
            if Instant::now() > deadline {
                return Err(ReadError::TimedOut { limit: input.limits.time_max });
            }
            match file.page(number) {
                Ok(page) => pages.push(layout::lines(&page)),
                Err(error) => {
                    refused.push(Refusal { fragment: format!("page={number}"), error });
                    pages.push(layout::Page::default());
                }
            }
        }
        if refused.len() * 2 > pages.len() {
            return Err(ReadError::broken("PDF", format!("{} of {} pages cannot be read", refused.len(), pages.len())));
        }
        let letters: usize = pages.iter().flat_map(|page| &page.lines).map(|line| line.text.len()).sum();
        if letters < 40 * pages.len().min(5) {
            return Err(ReadError::NoTextLayer { pages: pages.len() });
        }
        Ok(Reading { drafts: vec![draft(pages, &file.info(), input.name)], refused })
    }
}

fn draft(mut pages: Vec<layout::Page>, info: &glyphs::Info, name: &str) -> Draft {
    let edges = furniture::take(&mut pages);
    let body_size = layout::body_size(&pages);
    let mut draft = front::take(&mut pages, info, name, &edges, body_size);
    let hyphens = hyphen::Vocabulary::of(&pages);
    let flowed = flow::text(pages, body_size, &hyphens);
    draft.text = flowed.text;
    draft.pages = flowed.pages;
    draft.sections = flowed.sections;
    draft
}
