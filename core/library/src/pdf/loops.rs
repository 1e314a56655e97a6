//! What a page costs to draw, counted before it is drawn: `pdf-extract` 0.12 decodes a content whole, follows a page tree or
//! drawings that lead back to themselves without end, and the stack that overflows is the process's end.
//!
//! **Invariant:** a page that is handed to `pdf-extract` ends, after at most [`STEPS_MAX`] steps.

use std::collections::HashMap;

use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream, content::Content};

use crate::ReadError;

/// Deepest page tree: balanced ones of a thousand pages have three levels.
const TREE_DEEP_MAX: usize = 64;

/// Deepest drawing within a drawing.
const DRAWINGS_DEEP_MAX: usize = 24;

/// Most operators and operands of a page, those of its drawings counted as often as they are drawn: a map or a plot of a
/// hundred thousand points has a million.
const STEPS_MAX: u64 = 3_000_000;

/// Most bytes of the texts that a page shows.
const TEXT_MAX: u64 = 2_000_000;

/// Most bytes of a page's contents together.
const CONTENT_MAX: usize = 32 << 20;

/// What drawing something takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cost {
    steps: u64,
    text: u64,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self { steps: self.steps.saturating_add(other.steps), text: self.text.saturating_add(other.text) }
    }

    fn is_too_much(self) -> bool {
        self.steps > STEPS_MAX || self.text > TEXT_MAX
    }
}

/// Looks whether a page can be drawn. Its document's streams are plain.
///
/// # Errors
/// [`ReadError::Broken`] where it leads back to itself, or takes too much.
pub(super) fn check(document: &Document, page: ObjectId) -> Result<(), ReadError> {
    let leads_back = || ReadError::broken("PDF", "a page of it leads back to itself");
    let Ok(page_dict) = document.get_dictionary(page) else { return Ok(()) };
    let mut levels = Vec::new();
    let mut level = Some(page_dict);
    while let Some(dict) = level {
        if levels.len() == TREE_DEEP_MAX {
            return Err(leads_back());
        }
        levels.push(dict);
        let parent = dict.get(b"Parent").and_then(Object::as_reference);
        level = parent.and_then(|id| document.get_dictionary(id)).ok();
    }
    let too_much = || ReadError::broken("PDF", "a page of it takes too many steps to draw");
    // One stream may be named many times over: counted before they are put together.
    let contents = document.get_page_contents(page);
    let size = |id: &ObjectId| document.get_object(*id).and_then(Object::as_stream).map_or(0, |s| s.content.len());
    if contents.iter().map(size).fold(0_usize, usize::saturating_add) > CONTENT_MAX {
        return Err(too_much());
    }
    let Ok(content) = document.get_page_content(page) else { return Ok(()) };
    let own = cost(&content);
    if own.is_too_much() {
        return Err(too_much());
    }
    let Some(resources) = levels.iter().find_map(|dict| dictionary(document, dict, b"Resources")) else {
        return Ok(());
    };
    let mut walk = Walk { document, known: HashMap::new() };
    match walk.all(own, &drawn(&content), resources, DRAWINGS_DEEP_MAX) {
        Ok(cost) if cost.is_too_much() => Err(too_much()),
        Ok(_) => Ok(()),
        Err(TooDeep) => Err(leads_back()),
    }
}

/// A drawing within more drawings than there are: one that leads back to itself.
struct TooDeep;

struct Walk<'a> {
    document: &'a Document,
    /// What a drawing takes, by its place in memory and that of what it draws with.
    known: HashMap<(*const Stream, *const Dictionary), Cost>,
}

impl<'a> Walk<'a> {
    /// What a content takes that takes `own` itself and draws `names`.
    fn all(&mut self, own: Cost, names: &[Vec<u8>], resources: &'a Dictionary, deep: usize) -> Result<Cost, TooDeep> {
        let Some(there) = dictionary(self.document, resources, b"XObject") else { return Ok(own) };
        let mut all = own;
        for name in names {
            let found = there.get(name).and_then(|object| self.document.dereference(object));
            let Ok((_, Object::Stream(stream))) = found else { continue };
            let with = dictionary(self.document, &stream.dict, b"Resources").unwrap_or(resources);
            let key = (std::ptr::from_ref(stream), std::ptr::from_ref(with));
            let cost = match self.known.get(&key) {
                Some(cost) => *cost,
                None => {
                    let own = cost(&stream.content);
                    if deep == 0 {
                        return Err(TooDeep);
                    }
                    let cost =
                        if own.is_too_much() { own } else { self.all(own, &drawn(&stream.content), with, deep - 1)? };
                    self.known.insert(key, cost);
                    cost
                }
            };
            all = all.and(cost);
            if all.is_too_much() {
                break;
            }
        }
        Ok(all)
    }
}

fn dictionary<'a>(document: &'a Document, dict: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    document.dereference(dict.get(key).ok()?).ok()?.1.as_dict().ok()
}

/// The names of what a content draws, in order. Its cost was counted before.
fn drawn(content: &[u8]) -> Vec<Vec<u8>> {
    if memchr::memmem::find(content, b"Do").is_none() {
        return Vec::new();
    }
    let Ok(content) = Content::decode(content) else { return Vec::new() };
    let draws = content.operations.into_iter().filter(|operation| operation.operator == "Do");
    draws.filter_map(|operation| Some(operation.operands.first()?.as_name().ok()?.to_vec())).collect()
}

/// Words and texts of a content, without decoding it.
fn cost(content: &[u8]) -> Cost {
    let mut cost = Cost::default();
    let mut rest = content;
    while let Some((first, after)) = rest.split_first() {
        let taken = match first {
            b'(' => {
                let text = text_end(after);
                cost.text += text as u64;
                cost.steps += 1;
                text
            }
            b'<' if after.first() != Some(&b'<') => {
                let text = after.iter().position(|byte| *byte == b'>').unwrap_or(after.len());
                cost.text += text as u64 / 2;
                cost.steps += 1;
                text
            }
            b'%' => after.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(after.len()),
            byte if is_space(*byte) => 0,
            b'[' | b'{' | b'/' => {
                cost.steps += 1;
                0
            }
            b'<' | b'>' | b']' | b'}' | b')' => 0,
            _ => {
                cost.steps += 1;
                after.iter().position(|byte| is_space(*byte) || b"()<>[]{}/%".contains(byte)).unwrap_or(after.len())
            }
        };
        rest = &after[taken..];
    }
    cost
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

/// Where a text ends whose opening parenthesis was read.
fn text_end(text: &[u8]) -> usize {
    let (mut open, mut is_escaped) = (1, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PDF of these objects, the first of which is its catalogue.
    fn pdf(objects: &[&str]) -> Vec<u8> {
        let mut bytes = b"%PDF-1.4\n".to_vec();
        let mut offsets = Vec::new();
        for (object, number) in objects.iter().zip(1..) {
            offsets.push(bytes.len());
            bytes.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
        }
        let (table, size) = (bytes.len(), objects.len() + 1);
        bytes.extend(format!("xref\n0 {size}\n0000000000 65535 f \n").bytes());
        offsets.iter().for_each(|offset| bytes.extend(format!("{offset:010} 00000 n \n").bytes()));
        bytes.extend(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").bytes());
        bytes
    }

    fn stream(dict: &str, content: &str) -> String {
        format!("<< /Length {} {dict} >>\nstream\n{content}\nendstream", content.len())
    }

    #[track_caller]
    fn check(objects: &[&str], want: bool) {
        let bytes = pdf(objects);
        let mut document = Document::load_mem(&bytes).unwrap();
        super::super::streams::settle(&mut document).unwrap();
        let page = *document.get_pages().get(&1).unwrap();
        assert_eq!(super::check(&document, page).is_ok(), want);
        // And the reader, which may refuse either, goes on.
        let read = crate::read("a.pdf", &bytes, &crate::Limits::default());
        assert!(want || read.is_err());
    }

    const CATALOGUE: &str = "<< /Type /Catalog /Pages 2 0 R >>";
    const TREE: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";

    fn page(resources: &str) -> String {
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R {resources} >>")
    }

    #[test]
    fn a_tree_that_is_its_own_parent_is_not_climbed() {
        let tree = "<< /Type /Pages /Parent 2 0 R /Kids [3 0 R] /Count 1 >>";
        check(&[CATALOGUE, tree, &page(""), &stream("", "BT (x) Tj ET")], false);
        check(&[CATALOGUE, TREE, &page(""), &stream("", "BT (x) Tj ET")], true);
    }

    #[test]
    fn a_drawing_that_draws_itself_is_not_followed() {
        let of_page = page("/Resources << /XObject << /F 5 0 R >> >>");
        let own = stream("/Subtype /Form /Resources << /XObject << /F 5 0 R >> >>", "/F Do");
        let inherited = stream("/Subtype /Form", "q /F Do Q");
        let harmless = stream("/Subtype /Form /Resources << /XObject << /F 5 0 R >> >>", "BT (Do) Tj ET");
        for (drawing, want) in [(own, false), (inherited, false), (harmless, true)] {
            check(&[CATALOGUE, TREE, &of_page, &stream("", "/F Do /F Do"), &drawing], want);
        }
    }

    #[test]
    fn drawings_that_double_at_each_step_are_not_drawn() {
        let mut objects = vec![CATALOGUE.to_owned(), TREE.to_owned()];
        objects.push(page("/Resources << /XObject << /F 5 0 R >> >>"));
        objects.push(stream("", "/F Do"));
        for next in 6..24 {
            let resources = format!("/Subtype /Form /Resources << /XObject << /F {next} 0 R >> >>");
            objects.push(stream(&resources, "/F Do /F Do /F Do /F Do"));
        }
        objects.push(stream("/Subtype /Form", "/F Do"));
        check(&objects.iter().map(String::as_str).collect::<Vec<_>>(), false);
    }

    #[test]
    fn a_page_is_drawn_in_so_many_steps() {
        let flood = |what: &str, times: usize| stream("", &what.repeat(times));
        let resources = page("/Resources << /XObject << /F 5 0 R >> >>");
        let form = stream("/Subtype /Form", &"q Q ".repeat(10_000));
        check(&[CATALOGUE, TREE, &page(""), &flood("q Q ", 1_000_000)], true);
        check(&[CATALOGUE, TREE, &page(""), &flood("q Q ", 2_000_000)], false);
        check(&[CATALOGUE, TREE, &resources, &flood("/F Do ", 10), &form], true);
        check(&[CATALOGUE, TREE, &resources, &flood("/F Do ", 1_000), &form], false);
        let texts =
            format!("BT /F 9 Tf {} ET", "(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj ".repeat(50_000));
        check(&[CATALOGUE, TREE, &page(""), &stream("", &texts)], false);
        let many = page("").replace("4 0 R", &format!("[{}]", "4 0 R ".repeat(2_000)));
        check(&[CATALOGUE, TREE, &many, &flood("q Q ", 10_000)], false);
    }

    #[test]
    fn words_and_texts_are_counted_as_they_stand() {
        let counted = |content: &str| {
            let Cost { steps, text } = cost(content.as_bytes());
            (steps, text)
        };
        assert_eq!(counted("BT /F1 9 Tf (a (b) \\) c) Tj <4142> Tj [(a) -20 (b)] TJ ET"), (15, 14));
        assert_eq!(counted("q 1 0 0 1 0 0 cm % q q q\nQ"), (9, 0));
        assert_eq!(counted("(never closed"), (1, 12));
    }
}
