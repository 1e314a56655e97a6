//! The readers, one file per format, and how a file finds its own: by content first, then by the ending of its name.

mod anthology;
mod atom;
mod bibtex;
mod html;
mod jats;
mod markdown;
mod plain;
mod pubmed;

use crate::{ReadError, Reader, clean, read::Pdf, xml};

/// First bytes of formats that are not read, whatever the name says.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x7fELF", "a program"),
    (b"%!PS", "PostScript"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"GGUF", "a GGUF model"),
];

/// The reader for a file.
pub(crate) fn detect(name: &str, bytes: &[u8]) -> Result<&'static dyn Reader, ReadError> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    // The PDF header may stand anywhere in the first kilobyte.
    if bytes[..bytes.len().min(1024)].windows(5).any(|found| found == b"%PDF-") && !looks_like_text(&extension) {
        return Ok(&Pdf);
    }
    let disguised = |found| ReadError::Disguised { extension: extension.clone(), found };
    let foreign = FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, found)| *found);
    if let Some(found) = foreign {
        return Err(if is_known(&extension) {
            disguised(found)
        } else {
            ReadError::UnknownFormat { found: found.to_owned() }
        });
    }
    if extension == "pdf" {
        return Err(disguised(if clean::is_binary(bytes) { "no PDF" } else { "plain text" }));
    }
    if clean::is_binary(bytes) {
        return Err(if is_known(&extension) {
            disguised("binary data")
        } else {
            ReadError::UnknownFormat { found: "binary data".to_owned() }
        });
    }
    let head = xml::decode(&bytes[..bytes.len().min(64 * 1024)]);
    let head = head.trim_start();
    let by_name: Option<&'static dyn Reader> = match extension.as_str() {
        "md" | "markdown" => Some(&markdown::Markdown),
        "txt" | "text" | "" => Some(&plain::Plain),
        "bib" | "bibtex" => Some(&bibtex::Bibtex),
        "html" | "htm" | "xhtml" => Some(&html::Html),
        _ => None,
    };
    if head.starts_with('<')
        && let Some(root) = root_name(head)
    {
        let by_root: Option<&'static dyn Reader> = match root.to_lowercase().as_str() {
            "article" if !extension.contains("htm") => Some(&jats::Jats),
            "pmc-articleset" => Some(&jats::Jats),
            "pubmedarticleset" | "pubmedarticle" => Some(&pubmed::Pubmed),
            "collection" => Some(&anthology::Anthology),
            "feed" => Some(&atom::Atom),
            "html" => Some(&html::Html),
            _ => None,
        };
        return by_root
            .or(by_name)
            .ok_or_else(|| ReadError::UnknownFormat { found: format!("XML with the root <{root}>") });
    }
    if by_name.is_none() && bibtex::looks_like(head) {
        return Ok(&bibtex::Bibtex);
    }
    by_name.ok_or_else(|| ReadError::UnknownFormat {
        found: if extension.is_empty() { "text".to_owned() } else { format!("the ending .{extension}") },
    })
}

fn is_known(extension: &str) -> bool {
    looks_like_text(extension) || matches!(extension, "pdf" | "xml" | "nxml" | "atom")
}

/// Whether a file of this ending is text that may well talk of `%PDF-`.
fn looks_like_text(extension: &str) -> bool {
    matches!(extension, "md" | "markdown" | "txt" | "text" | "html" | "htm" | "xhtml" | "bib" | "bibtex")
}

/// Name of the first element after declarations and comments, without its prefix.
fn root_name(head: &str) -> Option<&str> {
    let mut rest = head;
    loop {
        rest = rest[rest.find('<')?..].strip_prefix('<')?;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = &comment[comment.find("-->")? + 3..];
        } else if rest.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("!doctype")) {
            if rest[8..].trim_start().get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html")) {
                return Some("html");
            }
            // An internal subset stands in brackets and may hold further declarations.
            let end = rest.find('>')?;
            rest = match rest[..end].find('[') {
                Some(_) => &rest[rest.find("]>").or_else(|| rest.find(']'))?..],
                None => &rest[end..],
            };
        } else if rest.starts_with(['?', '!']) {
            rest = &rest[rest.find('>')?..];
        } else {
            let end = rest.find(|found: char| found.is_whitespace() || matches!(found, '>' | '/'))?;
            return rest[..end].rsplit(':').next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, content: &[u8], want: &str) {
        let found = match detect(name, content) {
            Ok(reader) => reader.format().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(found.starts_with(want), "{found}");
    }

    #[test]
    fn content_counts_before_the_name() {
        check("a.xml", b"%PDF-1.5 ...", "pdf");
        check(
            "a.txt",
            b"<?xml version='1.0'?><!DOCTYPE article PUBLIC \"x\" \"y\">\n<article><front/></article>",
            "jats",
        );
        check("a.xml", b"<?xml version='1.0'?><collection id='P19'/>", "anthology");
        check("a", b"<feed xmlns='x'></feed>", "atom");
        check("x.xml", b"<PubmedArticleSet></PubmedArticleSet>", "pubmed");
        check("a.xml", b"<!doctype HTML><p>hi", "html");
        check("a", b"\n% mine\n@article{key, title={x}}", "text");
        check("a.dat", b"@inproceedings{key,\n title={x}}", "bibtex");
    }

    #[test]
    fn the_name_counts_where_the_content_says_nothing() {
        check("a.md", b"<h1 align=center>Hi</h1>", "markdown");
        check("a.html", b"<p>Hi</p>", "html");
        check("a.html", b"<article>Hi</article>", "html");
        check("NOTES", b"be kind", "text");
        check("a.txt", b"see %PDF-1.4 headers", "text");
    }

    #[test]
    fn a_disguise_is_refused_with_a_sentence() {
        check("a.pdf", b"PK\x03\x04rest", "it is named .pdf but is a ZIP archive");
        check("a.pdf", b"hello", "it is named .pdf but is plain text");
        check("a.txt", b"\x89PNG\r\n", "it is named .txt but is a PNG image");
        check("a.md", &[0, 1, 2, 3], "it is named .md but is binary data");
        check("a.zip", b"PK\x03\x04rest", "its format is not one that is read (a ZIP archive)");
        check("a.svg", b"<svg xmlns='x'></svg>", "its format is not one that is read (XML with the root <svg>)");
        check("a.rs", b"fn main() {}", "its format is not one that is read (the ending .rs)");
    }
}
