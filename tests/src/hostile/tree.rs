//! PDF files whose tables, trees and lengths lie: where objects stand, how many there are, and what holds what.

use super::{Hostile, kind, many, nested, pack, pdf::Pdf};

pub(super) const KINDS: &[Hostile] = &[
    kind("object-stream-count.pdf", "a stream that says to hold two thousand million objects", || {
        packed("/N 2147483647 /First 10", b"5 0 6 4 null null")
    }),
    kind("object-stream-first.pdf", "a stream of objects that begin outside it", || {
        packed("/N 3 /First 9223372036854775807", b"5 4294967295 6 -4 7 99999999999999999999 null")
    }),
    kind("object-stream-negative.pdf", "a stream of -1 objects", || packed("/N -1 /First -1", b"5 0 null")),
    kind("object-stream-nested.pdf", "a stream of objects that stands in itself", || {
        packed("/N 2 /First 8 /Extends 4 0 R", b"4 0 5 5 4 0 R << /Type /ObjStm /N 1 /First 4 >>")
    }),
    kind("object-stream-many.pdf", "a stream of a million objects, all of them at the same place", || {
        let head = many("", 1_000_000, |at| format!("{} 0 ", at + 5), "[[[[[[null]]]]]]");
        packed("/N 1000000 /First 7888890", &head)
    }),
    kind("object-stream-bomb.pdf", "a stream of objects that inflates to 8 GiB", || {
        let data = pack::layered(pack::deflated_times(&[b' '; 1 << 20], 8 << 10), 2);
        let entries = "/Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode /FlateDecode /FlateDecode]";
        Pdf::page("").stream(entries, &data).finish()
    }),
    kind("table-stream-widths.pdf", "a table whose columns are a gigabyte wide", || {
        table_stream("/W [1073741824 1073741824 1073741824] /Size 6", &[1; 4096])
    }),
    kind(
        "table-stream-widths-none.pdf",
        "a table whose columns have no width, for two thousand million objects",
        || table_stream("/W [0 0 0] /Size 2147483647", &[1; 4096]),
    ),
    kind("table-stream-widths-negative.pdf", "a table whose columns are of negative width", || {
        table_stream("/W [-1 2 -1] /Size 6 /Index [-5 9]", &[1; 4096])
    }),
    kind("table-stream-index.pdf", "a table that says to be of all objects, again and again", || {
        table_stream(&format!("/W [1 0 0] /Size 9 /Index [{}]", "0 2147483647 ".repeat(10_000)), &[1; 4096])
    }),
    kind("table-stream-bomb.pdf", "a table that inflates to 4 GiB", || {
        let data = pack::layered(pack::deflated_times(&[1; 1 << 20], 4 << 10), 1);
        raw_table("/W [1 4 2] /Size 600000000 /Filter [/FlateDecode /FlateDecode]", &data)
    }),
    kind("table-stream-predictor.pdf", "a table behind a predictor with rows of 2^31 columns", || {
        let data = pack::deflated(&[2; 4096]);
        raw_table("/W [1 2 1] /Size 9 /Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 2147483647 >>", &data)
    }),
    kind("table-long.pdf", "a table that says to have a thousand million rows", || {
        page().finish_raw("xref\n0 999999999\n0000000000 65535 f \ntrailer\n<< /Size 999999999 /Root 1 0 R >>")
    }),
    kind("table-sections.pdf", "a table of a million sections", || {
        let table = many("xref\n", 1_000_000, |at| format!("{at} 1\n0000000009 00000 n \n"), "");
        let table = String::from_utf8_lossy(&table).into_owned();
        page().finish_raw(&format!("{table}trailer\n<< /Size 1000000 /Root 1 0 R >>"))
    }),
    kind("table-of-itself.pdf", "a table that names itself as the one before it", || {
        let file = page();
        let here = file.here();
        file.finish_with(&format!("/Prev {here} /XRefStm {here}"))
    }),
    kind("table-before-the-file.pdf", "a table that stands before the file's beginning", || {
        page().finish_with("/Prev -1 /XRefStm 99999999999999999999")
    }),
    kind("updates.pdf", "ten thousand tables, each of which names the one before it", || updates(10_000)),
    kind("one-place.pdf", "a million objects that all stand at the same place", || {
        let file = page();
        let rows = "0000000009 00000 n \n".repeat(1_000_000);
        file.finish_raw(&format!("xref\n0 1000000\n{rows}trailer\n<< /Size 1000000 /Root 1 0 R >>"))
    }),
    kind("objects-many.pdf", "a million objects without a table", || {
        many(
            "%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 1 0 R >> endobj\n",
            1_000_000,
            |at| format!("{} 0 obj null endobj\n", at + 2),
            "%%EOF",
        )
    }),
    kind("reference-of-itself.pdf", "objects that are references to themselves", || {
        Pdf::page("/Resources 5 0 R /Annots 6 0 R").add("6 0 R").add("5 0 R").add("6 0 R").finish()
    }),
    kind("references-long.pdf", "two hundred thousand objects, each of which is a reference to the next", || {
        let file = Pdf::page("/Resources 5 0 R").stream("", b"BT (ducks) Tj ET");
        (5..200_005).fold(file, |file, number| file.add(format!("{} 0 R", number + 1))).add("<< >>").finish()
    }),
    kind("tree-of-itself.pdf", "a tree of pages that holds itself", || {
        Pdf::new().add("<< /Type /Pages /Kids [2 0 R 2 0 R 2 0 R] /Count 3 /Parent 2 0 R >>").finish()
    }),
    kind("tree-in-a-ring.pdf", "a tree of pages with a leaf that is its root's parent", || {
        Pdf::new()
            .add("<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 4 /Parent 4 0 R >>")
            .add("<< /Type /Pages /Kids [2 0 R 4 0 R] /Count 2 /Parent 2 0 R >>")
            .add("<< /Type /Page /Parent 3 0 R >>")
            .finish()
    }),
    kind("tree-exponential.pdf", "thirty levels of a tree of pages, each of which holds the next twice", || {
        let file = (3..33).fold(Pdf::new(), |file, next| {
            file.add(format!("<< /Type /Pages /Kids [{next} 0 R {next} 0 R] /Count 1073741824 >>"))
        });
        file.add("<< /Type /Page /MediaBox [0 0 9 9] >>").finish()
    }),
    kind("tree-wide.pdf", "a tree that holds one page five million times", || {
        Pdf::new()
            .add(format!("<< /Type /Pages /Kids [{}] /Count 5000000 >>", "3 0 R ".repeat(5_000_000)))
            .add("<< /Type /Page /Parent 2 0 R >>")
            .finish()
    }),
    kind("tree-deep.pdf", "a tree of pages of a hundred thousand levels", || {
        let file = (3..100_003).fold(Pdf::new(), |file, next| {
            file.add(format!("<< /Type /Pages /Kids [{next} 0 R] /Count 1 /Parent {} 0 R >>", next - 2))
        });
        file.add("<< /Type /Page /MediaBox [0 0 9 9] /Parent 100002 0 R >>").finish()
    }),
    kind("tree-count.pdf", "a tree of one page that says to have two thousand million", || {
        Pdf::new()
            .add("<< /Type /Pages /Kids [3 0 R] /Count 2147483647 >>")
            .add("<< /Type /Page /Parent 2 0 R >>")
            .finish()
    }),
    kind("pages.pdf", "a hundred thousand pages", || {
        let kids = many("<< /Type /Pages /Count 100000 /Kids [", 100_000, |at| format!("{} 0 R ", at + 3), "] >>");
        let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>";
        (0..100_000).fold(Pdf::new().add(kids), |file, _| file.add(page)).finish()
    }),
    kind("arrays-deep-object.pdf", "an object of a million arrays within each other", || {
        page().add(nested("[", "1", "]", 1_000_000)).finish()
    }),
    kind("dictionaries-deep-object.pdf", "an object of a million dictionaries within each other", || {
        page().add(nested("<</A", " 1", ">>", 1_000_000)).finish()
    }),
    kind("trailer-deep.pdf", "a trailer of a million arrays within each other", || {
        page().finish_with(&format!("/Info {}", nested("[", "1", "]", 1_000_000)))
    }),
    kind("name-long.pdf", "a name of eight megabytes", || {
        let name = "A".repeat(8 << 20);
        Pdf::page(&format!("/{name} /{name}")).stream("", b"BT (ducks) Tj ET").finish()
    }),
    kind("title-long.pdf", "a title of 32 megabytes in UTF-16, cut within a letter", || {
        let title = [&[0xfe, 0xff][..], &[0xd8, 0x3d].repeat(16 << 20), &[0xd8]].concat();
        let title = [b"<< /CreationDate (D:\xff\xff\xff\xff) /Title (", &title[..], b") >>"].concat();
        page().add(title).finish_with("/Info 5 0 R")
    }),
    kind("length-large.pdf", "streams that say to be longer than the file", || {
        let file = Pdf::page("").stream_of("4611686018427387904", "", b"BT (ducks) Tj ET");
        file.stream_of("99999999999999999999999", "", b"x").stream_of("1e30", "", b"x").finish()
    }),
    kind("length-negative.pdf", "a stream of negative length", || {
        Pdf::page("").stream_of("-9", "", b"BT (ducks) Tj ET").finish()
    }),
    kind("length-of-itself.pdf", "a stream whose length is the stream", || {
        Pdf::page("").stream_of("4 0 R", "", b"BT (ducks) Tj ET").finish()
    }),
    kind("length-short.pdf", "a stream that goes on after the length it says", || {
        let inner = b"BT (a) Tj ET\nendstream\nendobj\n4 0 obj\n<< /Length 1000000000 >>\nstream\n".repeat(10_000);
        Pdf::page("").stream_of("1", "", &inner).finish()
    }),
    kind("stream-open.pdf", "a stream that does not end", || {
        let mut file = page().finish();
        file.truncate(file.len() - 300);
        file.extend(b"\n4 0 obj\n<< /Length 1000000000 /Filter /FlateDecode >>\nstream\n");
        file.extend(&pack::deflated_times(&[0; 1 << 20], 2048)[..1 << 20]);
        file
    }),
    kind("streams-open.pdf", "eight million beginnings of streams", || {
        [b"%PDF-1.4\n", &b"stream\n".repeat(8 << 20)[..56 << 20]].concat()
    }),
    kind("headers.pdf", "a file of beginnings of objects", || {
        many("%PDF-1.4\n", 3_000_000, |at| format!("{at} 0 obj <<\n"), "startxref\n0\n%%EOF")
    }),
    kind("numbers.pdf", "measures larger than any page", || {
        let large = format!("{}.5", "9".repeat(300));
        let boxes = format!("/MediaBox [-{large} -{large} {large} {large}] /CropBox [0 0 0 0] /Rotate 2147483647");
        let content = format!("BT /F {large} Tf {large} -{large} Td {large} Tz (ducks) Tj ET");
        Pdf::page(&boxes).stream("", content.as_bytes()).finish()
    }),
    kind("numbers-broken.pdf", "numbers that are none", || {
        let boxes =
            "/MediaBox [-1e38 1e38 NaN 1e999] /CropBox [+-. --1 . -] /Rotate 9223372036854775808 /UserUnit 0x7f";
        Pdf::page(boxes).stream("", b"BT /F 1e308 Tf +-. 0 Td (ducks) Tj ET").finish()
    }),
    kind("box-wrong.pdf", "a page whose box is of names, of two numbers, of itself", || {
        Pdf::new()
            .add("<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox 5 0 R >>")
            .add("<< /Type /Page /Parent 2 0 R /Contents 4 0 R /CropBox [/A /B] >>")
            .stream("", b"BT (ducks) Tj ET")
            .add("[5 0 R 5 0 R]")
            .finish()
    }),
    kind("generations.pdf", "objects of generations that are not", || {
        b"%PDF-1.4\n1 65536 obj << /Type /Catalog /Pages 1 99999999999 R >> endobj\n4294967296 0 obj null endobj\n\
          xref\n0 2\n0000000000 65535 f \n9999999999 99999 n \ntrailer << /Size 4294967296 /Root 1 65536 R >>\n\
          startxref\n99999999999999999999\n%%EOF"
            .to_vec()
    }),
    kind("encrypted-strange.pdf", "an encryption with keys of lengths that no cipher has", || {
        page().finish_with(
            "/Encrypt << /Filter /Standard /V 5 /R 6 /Length -128 /P 99999999999999 /O () /U (a) /OE () /UE () \
             /Perms () \
             /CF << /StdCF << /CFM /AESV3 /Length 9999999 >> >> /StmF /StdCF /StrF /StdCF >> /ID []",
        )
    }),
];

/// A file with one page of text.
fn page() -> Pdf {
    Pdf::page("").stream("", b"BT (the ducks dive) Tj ET")
}

/// A page and a stream of objects.
fn packed(entries: &str, objects: &[u8]) -> Vec<u8> {
    Pdf::page("").inflating(&format!("/Type /ObjStm {entries}"), objects, 1).finish()
}

/// A page, and a table that is a deflated stream.
fn table_stream(entries: &str, rows: &[u8]) -> Vec<u8> {
    raw_table(&format!("{entries} /Filter /FlateDecode"), &pack::deflated(rows))
}

/// A page, and a table that is this stream.
fn raw_table(entries: &str, data: &[u8]) -> Vec<u8> {
    let file = page();
    let start = file.here();
    let mut bytes = file.stream(&format!("/Type /XRef /Root 1 0 R {entries}"), data).finish_raw("");
    bytes.truncate(bytes.windows(9).rposition(|found| found == b"startxref").unwrap_or(bytes.len()));
    bytes.extend(format!("startxref\n{start}\n%%EOF\n").bytes());
    bytes
}

/// A file that was changed this often.
fn updates(times: usize) -> Vec<u8> {
    let mut bytes = page().finish();
    let mut previous = bytes.windows(7).rposition(|found| found == b"\nxref\n0").unwrap_or_default() + 1;
    for number in 0..times {
        let object = bytes.len();
        bytes.extend(format!("4 0 obj\n<< /Length 5 >>\nstream\n{number:05}\nendstream\nendobj\n").bytes());
        let table = bytes.len();
        bytes.extend(format!("xref\n4 1\n{object:010} 00000 n \ntrailer\n").bytes());
        bytes.extend(format!("<< /Size 5 /Root 1 0 R /Prev {previous} >>\nstartxref\n{table}\n%%EOF\n").bytes());
        previous = table;
    }
    bytes
}
