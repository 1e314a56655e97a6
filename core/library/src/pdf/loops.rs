//! Pages whose tree or whose drawings lead back to themselves: `pdf-extract` 0.12 follows them without end, and the
//! stack that overflows is the process's end.
//!
//! **Invariant:** a page that is handed to `pdf-extract` ends.

use std::collections::HashMap;

use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream, content::Content};

/// Deepest page tree: balanced ones of a thousand pages have three levels.
const TREE_DEEP_MAX: usize = 64;

/// Deepest drawing within a drawing.
const DRAWINGS_DEEP_MAX: usize = 24;

/// Most drawings of a page that draw others in turn; those that do not are as many as they like.
const DRAWINGS_MAX: usize = 5_000;

/// Whether a page ends.
pub(super) fn ends(document: &Document, page: ObjectId) -> bool {
    let Ok(page_dict) = document.get_dictionary(page) else { return true };
    let mut levels = Vec::new();
    let mut level = Some(page_dict);
    while let Some(dict) = level {
        if levels.len() == TREE_DEEP_MAX {
            return false;
        }
        levels.push(dict);
        let parent = dict.get(b"Parent").and_then(Object::as_reference);
        level = parent.and_then(|id| document.get_dictionary(id)).ok();
    }
    let resources = levels.iter().find_map(|dict| dictionary(document, dict, b"Resources"));
    let (Some(resources), Ok(content)) = (resources, document.get_page_content(page)) else { return true };
    let mut walk = Walk { document, drawn: HashMap::new(), left: DRAWINGS_MAX };
    walk.all_end(&drawn(&content), resources, DRAWINGS_DEEP_MAX)
}

struct Walk<'a> {
    document: &'a Document,
    /// The names of what a drawing draws, by its place in memory.
    drawn: HashMap<*const Stream, Vec<Vec<u8>>>,
    left: usize,
}

impl<'a> Walk<'a> {
    fn all_end(&mut self, names: &[Vec<u8>], resources: &'a Dictionary, deep: usize) -> bool {
        let Some(there) = dictionary(self.document, resources, b"XObject") else { return true };
        names.iter().all(|name| {
            let found = there.get(name).and_then(|object| self.document.dereference(object));
            let Ok((_, Object::Stream(stream))) = found else { return true };
            let names = self
                .drawn
                .entry(stream)
                .or_insert_with(|| drawn(&stream.decompressed_content().unwrap_or_else(|_| stream.content.clone())));
            if names.is_empty() {
                return true;
            }
            if deep == 0 || self.left == 0 {
                return false;
            }
            self.left -= 1;
            let (names, own) = (names.clone(), dictionary(self.document, &stream.dict, b"Resources"));
            self.all_end(&names, own.unwrap_or(resources), deep - 1)
        })
    }
}

fn dictionary<'a>(document: &'a Document, dict: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    document.dereference(dict.get(key).ok()?).ok()?.1.as_dict().ok()
}

/// The names of what a content draws, in order.
fn drawn(content: &[u8]) -> Vec<Vec<u8>> {
    if memchr::memmem::find(content, b"Do").is_none() {
        return Vec::new();
    }
    let Ok(content) = Content::decode(content) else { return Vec::new() };
    let draws = content.operations.into_iter().filter(|operation| operation.operator == "Do");
    draws.filter_map(|operation| Some(operation.operands.first()?.as_name().ok()?.to_vec())).collect()
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
        let document = Document::load_mem(&bytes).unwrap();
        let page = *document.get_pages().get(&1).unwrap();
        assert_eq!(ends(&document, page), want);
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
        let inherited = stream("/Subtype /Image", "q /F Do Q");
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
}
