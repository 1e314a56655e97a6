//! Files that are not what their names say, and files of two kinds at once.

use super::{
    Hostile, kind,
    pack::{gzipped_times, raw_times, zipped},
    pdf::drawn,
};

pub(super) const KINDS: &[Hostile] = &[
    kind("gzip.txt", "8 GiB of zeros by gzip, named as text", || gzipped_times(&[0; 1 << 20], 8 << 10)),
    kind("gzip.pdf", "2 GiB of text by gzip, named as a PDF", || gzipped_times(&b"duck".repeat(1 << 18), 2 << 10)),
    kind("zip.pdf", "an archive that inflates to 4 GiB, named as a PDF", || archive("a.pdf")),
    kind("zip.md", "an archive that inflates to 4 GiB, named as Markdown", || archive("a.md")),
    kind("office.docx", "an archive that inflates to 4 GiB, named as an Office document", || {
        archive("word/document.xml")
    }),
    kind("zip-slip.zip", "an archive whose member would be written elsewhere", || archive("../../../../etc/cron.d/a")),
    kind("zip-and-pdf.pdf", "an archive with the beginning of a PDF within its first kilobyte", || {
        [&archive("%PDF-1.7")[..], &drawn(b"BT (ducks) Tj ET")].concat()
    }),
    kind("archive-of-itself.zip", "an archive whose table lies before its beginning", || {
        let mut file = archive("a");
        let end = file.len() - 6;
        file[end..end + 4].copy_from_slice(&[0xff; 4]);
        file
    }),
    kind("page-and-pdf.html", "a PDF named as a web page", || drawn(b"BT (ducks) Tj ET <script>alert(1)</script> ET")),
    kind("xml.pdf", "XML named as a PDF", || {
        b"<?xml version='1.0'?><!DOCTYPE article [<!ENTITY a 'b'>]><article/>".to_vec()
    }),
    kind("header-only.pdf", "a PDF of a beginning and of nothing else", || b"%PDF-1.7".to_vec()),
    kind("headers-only.pdf", "a PDF of seven million beginnings", || b"%PDF-1.7\n".repeat(7_000_000)),
    kind("end-only.pdf", "a PDF of seven million ends", || {
        [b"%PDF-1.7\n", &b"startxref\n0\n%%EOF\n".repeat(3_000_000)[..]].concat()
    }),
    kind("spaces.pdf", "a PDF of sixty million spaces", || [b"%PDF-1.7\n", &[b' '; 60 << 20][..]].concat()),
    kind("picture.md", "a picture named as Markdown", || {
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x10\x06\0\0\0", &[0xff; 4096][..]].concat()
    }),
    kind("model.bib", "a model named as BibTeX, with two thousand million tensors", || {
        [b"GGUF\x03\0\0\0", &[0xff; 16][..], &b"\x08\0\0\0\0\0\0\0duckduck".repeat(1000)].concat()
    }),
    kind("postscript.pdf", "an endless program in PostScript, named as a PDF", || {
        b"%!PS-Adobe-3.0\n{ } loop\n".to_vec()
    }),
    kind("none", "a file without an ending that looks like every kind at once", || {
        b"\xef\xbb\xbf<!--@article{a, title={%PDF-1.4}}--><feed><article>{\"papers\":[]}# Ducks\n".to_vec()
    }),
];

/// An archive of one member that inflates to 4 GiB and says to be empty.
fn archive(name: &str) -> Vec<u8> {
    zipped(name, &raw_times(&[0; 1 << 20], 4 << 10), 0)
}
