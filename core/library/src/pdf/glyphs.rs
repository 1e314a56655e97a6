//! The characters of a page with their positions, whoever parses the file.
//!
//! **Invariant:** the parser's types and panics end here.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use pdf_extract::{Document, MediaBox, Object, ObjectId, OutputDev, OutputError, Transform, output_doc_page};

use super::{loops, streams};
use crate::{Limits, ReadError};

/// Most characters of a page: a page of tables has some ten thousand.
const GLYPHS_MAX: usize = 200_000;

/// A character, or the letters of one glyph. Measures are points, `y` grows downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    pub(super) text: String,
    pub(super) x: f32,
    /// Baseline.
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) size: f32,
}

/// A page's characters in the order in which the file draws them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sheet {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) glyphs: Vec<Glyph>,
}

/// What the file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) title: Option<String>,
    pub(super) author: Option<String>,
    pub(super) year: Option<i16>,
    pub(super) doi: Option<String>,
}

/// An open file.
pub(super) struct File {
    document: Document,
    tree: BTreeMap<u32, ObjectId>,
}

/// Opens a file within limits.
pub(super) fn open(bytes: &[u8], limits: &Limits) -> Result<File, ReadError> {
    streams::check(bytes)?;
    // Some writers put bytes before the header; offsets count from it.
    let start = bytes.windows(5).position(|found| found == b"%PDF-").unwrap_or_default();
    let mut document = Document::load_mem(&bytes[start..]).map_err(|error| match error {
        pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword => ReadError::Encrypted,
        error => ReadError::broken("PDF", format!("{error}; it may be cut off")),
    })?;
    // A file that opens without a password was decrypted while loading.
    if document.is_encrypted() && document.encryption_state.is_none() {
        return Err(ReadError::Encrypted);
    }
    streams::settle(&mut document)?;
    let tree = document.get_pages();
    match tree.len() {
        0 => Err(ReadError::broken("PDF", "it has no pages; it may be cut off")),
        pages if pages > limits.pages_max => Err(ReadError::TooManyPages { pages, max: limits.pages_max }),
        _ => Ok(File { document, tree }),
    }
}

impl File {
    pub(super) fn pages(&self) -> usize {
        self.tree.len()
    }

    /// The characters of page `number`, from 1. The parser panics on some files: that costs one page.
    pub(super) fn page(&self, number: usize) -> Result<Sheet, ReadError> {
        let mut pen = Pen::default();
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let ends = || self.tree.get(&number).map_or(Ok(()), |page| loops::check(&self.document, *page));
        catch_unwind(AssertUnwindSafe(ends)).unwrap_or(Err(ReadError::Panicked))?;
        match catch_unwind(AssertUnwindSafe(|| output_doc_page(&self.document, &mut pen, number))) {
            Ok(Ok(())) => Ok(pen.into_sheet()),
            Ok(Err(error)) => Err(ReadError::broken("PDF", error)),
            Err(_) => Err(ReadError::Panicked),
        }
    }

    /// Title, author and year of the file's own record.
    pub(super) fn info(&self) -> Info {
        let record = self.document.trailer.get(b"Info").ok();
        let record = record.and_then(|found| match found {
            Object::Reference(id) => self.document.get_dictionary(*id).ok(),
            found => found.as_dict().ok(),
        });
        let text = |key: &[u8]| {
            let found = record?.get(key).ok()?;
            let found = match found {
                Object::Reference(id) => self.document.get_object(*id).ok()?,
                found => found,
            };
            let text = crate::clean::line(&pdf_extract::decode_text_string(found).ok()?);
            Some(text).filter(|text| !text.is_empty())
        };
        Info {
            title: text(b"Title"),
            author: text(b"Author"),
            year: text(b"CreationDate").and_then(|date| date.trim_start_matches("D:").get(..4)?.parse().ok()),
            doi: text(b"doi")
                .or_else(|| text(b"DOI"))
                .or_else(|| text(b"WPS-ARTICLEDOI"))
                .and_then(|doi| crate::identity::doi(&doi)),
        }
    }
}

/// Which way text runs: quarter turns counter-clockwise.
#[derive(Debug, Default)]
struct Pen {
    media: Option<MediaBox>,
    glyphs: [Vec<Glyph>; 4],
}

impl OutputDev for Pen {
    fn begin_page(&mut self, _: u32, media: &MediaBox, _: Option<(f64, f64, f64, f64)>) -> Result<(), OutputError> {
        self.media = Some(*media);
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "points on a page need no more than f32")]
    fn output_character(
        &mut self,
        at: &Transform,
        width: f64,
        _: f64,
        size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        if self.glyphs.iter().map(Vec::len).sum::<usize>() >= GLYPHS_MAX || text.is_empty() {
            return Ok(());
        }
        let along = at.m11.hypot(at.m12);
        let across = (at.m11 * at.m22 - at.m12 * at.m21).abs() / along.max(f64::EPSILON);
        let (size, width) = (across * size.abs(), width * size.abs() * along);
        if !(size.is_finite() && width.is_finite() && at.m31.is_finite() && at.m32.is_finite()) || size < 0.5 {
            return Ok(());
        }
        let turn = match (at.m11.abs() >= at.m12.abs(), at.m11 >= 0.0, at.m12 >= 0.0) {
            (true, true, _) => 0,
            (false, _, true) => 1,
            (true, false, _) => 2,
            (false, _, false) => 3,
        };
        self.glyphs[turn].push(Glyph {
            text: text.to_owned(),
            x: at.m31 as f32,
            y: at.m32 as f32,
            width: width as f32,
            size: size as f32,
        });
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

impl Pen {
    /// The text that runs as most of the page does, set upright; stamps at the margin run otherwise.
    #[expect(clippy::cast_possible_truncation, reason = "points on a page need no more than f32")]
    fn into_sheet(self) -> Sheet {
        let media = self.media.unwrap_or(MediaBox { llx: 0.0, lly: 0.0, urx: 612.0, ury: 792.0 });
        let (left, bottom, right, top) = (media.llx as f32, media.lly as f32, media.urx as f32, media.ury as f32);
        let [mut upright, turned @ ..] = self.glyphs;
        let (mut turn, mut width, mut height) = (0, right - left, top - bottom);
        for (at, glyphs) in turned.into_iter().enumerate() {
            if glyphs.len() > upright.len() {
                (turn, upright) = (at + 1, glyphs);
            }
        }
        for glyph in &mut upright {
            let (x, y) = (glyph.x - left, glyph.y - bottom);
            (glyph.x, glyph.y) = match turn {
                0 => (x, height - y),
                1 => (y, x),
                2 => (width - x, y),
                _ => (height - y, width - x),
            };
        }
        if turn % 2 == 1 {
            std::mem::swap(&mut width, &mut height);
        }
        Sheet { width, height, glyphs: upright }
    }
}
