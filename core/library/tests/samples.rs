//! The readers on real files, and on broken ones.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::{fs, path::PathBuf};

use chat::Document;
use library::{Limits, SplitLimits, identity, read, sha256, split, walk};

fn data(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(folder)
}

/// Every document of the sample library, read as an ingest does.
fn library() -> Vec<Document> {
    let mut documents = Vec::new();
    for found in walk(&data("library")) {
        let found = found.unwrap();
        let bytes = fs::read(&found.path).unwrap();
        let reading =
            read(&found.file, &bytes, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", found.file));
        assert!(reading.refused.is_empty(), "{}: {:?}", found.file, reading.refused);
        let hash = sha256(&bytes);
        let scope = "community:lab".parse::<chat::Scope>().unwrap();
        documents
            .extend(reading.drafts.into_iter().map(|draft| draft.into_document(scope.clone(), &found.file, &hash)));
    }
    documents
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[test]
fn the_sample_library_is_read_whole() {
    let documents = library();
    let mut formats: Vec<(&str, usize)> = Vec::new();
    for document in &documents {
        match formats.iter_mut().find(|(format, _)| *format == document.provenance.format) {
            Some((_, count)) => *count += 1,
            None => formats.push((&document.provenance.format, 1)),
        }
    }
    formats.sort_unstable();
    let want = [("anthology", 69), ("atom", 10), ("bibtex", 15), ("html", 1), ("jats", 2), ("markdown", 1), ("pdf", 1)];
    assert_eq!(formats, want);
    for document in &documents {
        assert!(!document.title.is_empty() && !document.text.is_empty(), "{:?}", document.provenance);
        assert!(document.sections.iter().all(|(at, _)| document.text.is_char_boundary(*at)));
        assert!(document.sections.is_sorted() && document.pages.is_sorted(), "{:?}", document.provenance);
    }
}

#[test]
fn papers_that_stand_in_two_files_share_a_key() {
    let documents = library();
    let keys: Vec<Vec<String>> = documents.iter().map(identity::of).collect();
    let mut twins = Vec::new();
    for (at, one) in keys.iter().enumerate() {
        for (later, two) in keys.iter().enumerate().skip(at + 1) {
            if one.iter().any(|key| two.contains(key)) {
                let file = |at: usize| documents[at].provenance.file.split('#').next().unwrap().to_owned();
                twins.push((file(at), file(later)));
            }
        }
    }
    twins.sort();
    let want = [
        ("1471-2180-11-174.nxml", "reading-list.bib"),
        ("2024.eacl.xml", "reading-list.bib"),
        ("P19-1374.pdf", "reading-list.bib"),
    ];
    assert_eq!(twins, want.map(|(one, two)| (one.to_owned(), two.to_owned())));
}

#[test]
fn the_two_column_paper_keeps_pages_order_and_sections() {
    let documents = library();
    let paper = documents.iter().find(|document| document.provenance.format == "pdf").unwrap();
    assert_eq!(paper.title, "A Large-Scale Corpus for Conversation Disentanglement");
    assert_eq!(paper.authors.first().map(String::as_str), Some("Jonathan K. Kummerfeld"));
    assert_eq!(paper.authors.len(), 9, "{:?}", paper.authors);
    assert_eq!((paper.year, paper.pages.len()), (Some(2019), 11));
    assert_eq!(paper.language.as_deref(), Some("en"));
    let headings: Vec<&str> = paper.sections.iter().map(|(_, heading)| heading.as_str()).collect();
    for heading in ["Abstract", "Introduction", "Related Work", "References"] {
        assert!(headings.contains(&heading), "{heading}: {headings:?}");
    }
    // Read down the left column, then down the right one; words joined over line ends.
    let order = ["Disentangling conversations mixed together", "Introduction", "Task Definition"];
    let abstract_at = paper.text.find(order[0]).unwrap();
    assert_eq!(paper.section_at(abstract_at), Some("Abstract"));
    assert_eq!(paper.page_at(abstract_at), Some(1));
    assert!(!paper.text.contains("conver-") && !paper.text.contains("disentan-"), "a word is cut");
    assert!(
        !paper.text.contains("Association for Computational Linguistics, pages 3846"),
        "the foot of page 1 is text"
    );
    let references = paper.sections.iter().find(|(_, heading)| heading == "References").unwrap().0;
    assert!(paper.page_at(references).unwrap() >= 8);
}

#[test]
fn an_abstract_is_one_passage_and_references_are_in_none() {
    for document in library() {
        let passages =
            split(&document, &words, &SplitLimits { tokens_target: 200, tokens_max: 400, overlap_sentences: 1 });
        assert!(!passages.is_empty(), "{:?}", document.provenance);
        for passage in &passages {
            assert_eq!(document.text[passage.span.clone()], passage.text);
            assert!(passage.section.as_deref().is_none_or(|heading| !library::is_references(heading)));
        }
        if matches!(document.provenance.format.as_str(), "anthology" | "atom" | "bibtex") {
            assert_eq!(passages.len(), 1, "{:?}", document.provenance);
        }
    }
}

#[track_caller]
fn check(name: &str, bytes: &[u8], want: &str) {
    let said = match read(name, bytes, &Limits::default()) {
        Ok(reading) => format!("{} drafts", reading.drafts.len()),
        Err(error) => error.to_string(),
    };
    assert!(said.starts_with(want), "{name}: {said}");
}

#[test]
fn broken_files_are_refused_with_a_sentence() {
    let broken = |name: &str| fs::read(data("broken").join(name)).unwrap();
    check("a.pdf", b"", "it is empty");
    check("a.md", b" \n ", "it is empty");
    check("a.pdf", &broken("encrypted.pdf"), "it is encrypted with a password");
    check("a.pdf", &broken("scan.pdf"), "its 2 pages hold pictures but no text layer");
    check("a.pdf", b"%PDF-1.7\nrubbish", "it is broken PDF");
    check("a.pdf", b"PK\x03\x04 and so on", "it is named .pdf but is a ZIP archive");
    let rubbish: Vec<u8> = (0..50_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    check("a.pdf", &rubbish, "it is named .pdf but is no PDF");
    check("a.bin", &rubbish, "its format is not one that is read (binary data)");
    check("a.txt", &rubbish, "it is named .txt but is binary data");
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE article [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><article>&b;</article>"#;
    check("a.xml", bomb.as_bytes(), "it declares XML entities");
    let deep = format!("<article>{}{}</article>", "<sec>".repeat(100_000), "</sec>".repeat(100_000));
    check("a.xml", deep.as_bytes(), "its elements are nested deeper than 256");
    let deep = format!("<html><body>{}x", "<div>".repeat(100_000));
    check("a.html", deep.as_bytes(), "its elements are nested deeper");
    check("a.xml", b"<article><front>", "it is broken JATS XML");
    check("a.bib", b"@article{x, title={", "it is broken BibTeX");
}

/// A PDF of one page whose contents are `contents`, with `extra` as one more object.
fn pdf(contents: &str, extra: &str) -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{contents}\nendstream", contents.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        extra.to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let table = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    offsets.iter().for_each(|offset| file.push_str(&format!("{offset:010} 00000 n \n")));
    file.push_str(&format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1));
    file.into_bytes()
}

const HELLO: &str = "BT /F 12 Tf 20 200 Td (Hello to the reader of this page of text.) Tj ET";

/// None of these may overflow a stack: that would end the process.
#[test]
fn nesting_without_end_costs_one_file() {
    check("a.pdf", &pdf(HELLO, "null"), "1 drafts");
    let limits = Limits::default();
    let deep = 200_000;
    // Whether these are refused or read around is the parser's affair; that we get here is the point.
    let _ = read("a.pdf", &pdf(HELLO, &"[".repeat(deep)), &limits);
    let _ = read("a.pdf", &pdf(HELLO, &"<</A ".repeat(deep)), &limits);
    let _ = read("a.pdf", &pdf(&format!("{} {HELLO}", "[".repeat(deep)), "null"), &limits);
    let _ = read("a.pdf", &pdf(&format!("{} {HELLO}", "(".repeat(deep)), "null"), &limits);
    let _ = read("a.bib", format!("@article{{x, title={{{}a}}}}", "\\'".repeat(deep)).as_bytes(), &limits);
    let braces = format!("@article{{x, title={}a{}}}", "{".repeat(deep), "}".repeat(deep));
    check("a.bib", braces.as_bytes(), "its elements are nested deeper than 100");
    let _ = read("a.md", "- ".repeat(deep).as_bytes(), &limits);
    let _ = read("a.md", "[".repeat(deep).as_bytes(), &limits);
    let _ = read("a.md", "*a **b ".repeat(20_000).as_bytes(), &limits);
    let nested = format!("<html><body>{}<p>Hello.", "<div></li>".repeat(deep));
    check("a.html", nested.as_bytes(), "its elements are nested deeper");
    let nested = format!("<html><body>{}<p>Hello to the reader.", "<div>".repeat(900));
    check("a.html", nested.as_bytes(), "1 drafts");
    let _ = read("a.html", format!("<html><body>{}", "<li><b><p>".repeat(900)).as_bytes(), &limits);
}

#[test]
fn a_truncated_pdf_is_read_in_part_or_refused() {
    let whole = fs::read(data("library").join("P19-1374.pdf")).unwrap();
    for part in [10, 40, 80, 99] {
        let cut = &whole[..whole.len() * part / 100];
        if let Err(error) = read("a.pdf", cut, &Limits::default()) {
            assert!(error.to_string().starts_with("it is broken PDF"), "{part} %: {error}");
        }
    }
}

#[test]
fn odd_but_honest_files_are_read() {
    check("a.pdf", &fs::read(data("broken").join("owner-locked.pdf")).unwrap(), "1 drafts");
    check("a.txt", b"A title\n\nna\xefve caf\xe9s of the world, r\xe9sum\xe9s and all.", "1 drafts");
    check("deep.md", "> ".repeat(5_000).as_bytes(), "it holds no text");
    check("a.html", "<p>hello <b>world".as_bytes(), "1 drafts");
}

#[test]
fn limits_are_kept() {
    let limits = Limits { bytes_max: 10, ..Limits::default() };
    let said = read("a.txt", b"more than ten bytes", &limits).unwrap_err().to_string();
    assert_eq!(said, "it has 19 bytes, and at most 10 are read");
    let pdf = fs::read(data("library").join("P19-1374.pdf")).unwrap();
    let limits = Limits { pages_max: 5, ..Limits::default() };
    assert_eq!(read("a.pdf", &pdf, &limits).unwrap_err().to_string(), "it has 11 pages, and at most 5 are read");
}
