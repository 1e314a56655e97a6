//! PDF fonts whose tables say more than a font has: ranges of all numbers, loops, and programs that are no fonts.

use super::{Hostile, kind, many, pdf::Pdf};

pub(super) const KINDS: &[Hostile] = &[
    kind("unicode-range.pdf", "a map to Unicode with ranges of four thousand million codes", || {
        mapped(
            b"1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange \
                 2 beginbfrange <0000> <FFFFFFFF> <0000> <00000000> <FFFFFFFF> [<0041>] endbfrange",
        )
    }),
    kind("unicode-ranges.pdf", "a map to Unicode with a thousand ranges of 16 million codes each", || {
        let ranges = many("1000 beginbfrange ", 1000, |at| format!("<{at:06x}> <ffffff> <0041> "), "endbfrange");
        mapped(&ranges)
    }),
    kind("unicode-backwards.pdf", "a map to Unicode whose ranges end before they begin", || {
        mapped(
            b"3 beginbfrange <FFFF> <0000> <FFFF> <0001> <0000> [] <> <> <> endbfrange 1 beginbfchar <> <> endbfchar",
        )
    }),
    kind("unicode-long.pdf", "a map to Unicode in which each of three hundred codes is a text of 60 KB", || {
        let text = "0041".repeat(15_000);
        mapped(&many("300 beginbfchar ", 300, |at| format!("<{at:04x}> <{text}> "), "endbfchar"))
    }),
    kind("unicode-of-itself.pdf", "a map of codes that is based on itself", || {
        Pdf::page(WITH_FONT)
            .stream("", SHOWN)
            .add(composite("/Encoding 6 0 R /ToUnicode 6 0 R /DescendantFonts [5 0 R]"))
            .stream("/Type /CMap /UseCMap 6 0 R", b"/A usecmap 1 begincidrange <0000> <ffff> 0 endcidrange")
            .finish()
    }),
    kind("cid-range.pdf", "an encoding that maps four thousand million codes to glyphs", || {
        Pdf::page(WITH_FONT)
            .stream("", SHOWN)
            .add(composite("/Encoding 6 0 R /DescendantFonts [7 0 R]"))
            .stream(
                "/Type /CMap /CMapName /A",
                b"1 begincodespacerange <00> <FFFFFFFF> endcodespacerange \
                  1 begincidrange <00000000> <FFFFFFFF> 0 endcidrange",
            )
            .add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A >>")
            .finish()
    }),
    kind("cid-widths.pdf", "widths of two thousand million glyphs in three numbers", || {
        descendant("/DW 1e38 /W [0 2147483647 500 1 4294967295 7 -2147483648 2147483647 1]")
    }),
    kind("cid-widths-many.pdf", "a hundred thousand ranges of widths, each of all glyphs", || {
        descendant(&format!("/W [{}]", "0 65535 500 ".repeat(100_000)))
    }),
    kind("cid-widths-broken.pdf", "widths that are arrays within arrays and end too soon", || {
        descendant(&format!("/W [1 [{}] 9 [[[1]]] 3 4]", "-1e38 ".repeat(100_000)))
    }),
    kind("descendant-is-itself.pdf", "a font that is its own descendant", || {
        Pdf::page(WITH_FONT)
            .stream("", SHOWN)
            .add(composite("/Encoding /Identity-H /DescendantFonts [5 0 R 5 0 R]"))
            .finish()
    }),
    kind("descendants-none.pdf", "a composite font without a descendant", || {
        Pdf::page(WITH_FONT).stream("", SHOWN).add(composite("/Encoding /Identity-H /DescendantFonts []")).finish()
    }),
    kind("differences.pdf", "an encoding with a million differences, from numbers that no code has", || {
        let names = many("/Differences [-5 /a 300 /b 4294967296 /c 0 ", 1_000_000, |at| format!("/g{at} "), "]");
        let names = String::from_utf8_lossy(&names).into_owned();
        simple("TrueType", &format!("/Encoding << /Type /Encoding {names} >>"), b"", "")
    }),
    kind("widths.pdf", "a font whose first code is -2^31 and whose last is 2^31", || {
        simple("Type1", "/FirstChar -2147483648 /LastChar 2147483647 /Widths [500]", b"", "")
    }),
    kind("widths-flood.pdf", "a font with five million widths", || {
        simple("Type1", &format!("/FirstChar 0 /LastChar 5000000 /Widths [{}]", "500 ".repeat(5_000_000)), b"", "")
    }),
    kind("truetype-cut.pdf", "a TrueType font that ends within its first table", || {
        simple("TrueType", "", b"\0\x01\0\0\0\x09\0\x80\0\x03\0\x10cmap\0\0", "FontFile2")
    }),
    kind("truetype-huge.pdf", "a TrueType font with 65535 tables of four gigabytes each", || {
        let mut font = b"\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
        for name in [b"cmap", b"glyf", b"loca", b"head", b"hmtx", b"maxp", b"post", b"name"].iter().cycle().take(65_535)
        {
            font.extend_from_slice(*name);
            font.extend([0, 0, 0, 0, 0, 0, 0, 12, 0xff, 0xff, 0xff, 0xff]);
        }
        simple("TrueType", "", &font, "FontFile2")
    }),
    kind("type1-sections.pdf", "a Type 1 font whose parts are longer than the file", || {
        let font =
            b"%!PS-AdobeFont-1.0: A\n/Encoding 2147483647 array 0 1 2147483647 {1 index exch /.notdef put} for\n\
                     dup 4294967295 /a put dup -1 /b put\ncurrentfile eexec\n";
        simple("Type1", "/Length1 2147483647 /Length2 -1 /Length3 1e38", font, "FontFile")
    }),
    kind(
        "type1-encoding.pdf",
        "a Type 1 font with an encoding of a million lines and procedures within each other",
        || {
            let lines =
                many("%!PS-AdobeFont-1.0: A\n/Encoding 256 array\n", 1_000_000, |at| format!("dup {at} /a put\n"), "");
            simple(
                "Type1",
                "",
                &[&lines[..], &[b'{'; 1_000_000], b" readonly def\ncurrentfile eexec\n"].concat(),
                "FontFile",
            )
        },
    ),
    kind("cff-indexes.pdf", "a CFF font whose indexes have 65535 entries at offsets outside it", || {
        let mut font = b"\x01\0\x04\x04".to_vec();
        for _ in 0..4 {
            font.extend([0xff, 0xff, 0x04]);
            font.extend([0xff; 4096]);
        }
        simple("Type1", "", &font, "FontFile3")
    }),
    kind("cff-charset.pdf", "a CFF font whose names and encodings stand before its beginning", || {
        let font = b"\x01\0\x04\x01\0\x01\x01\x01\x02A\0\x01\x01\x01\x10\
                     \x1d\x7f\xff\xff\xff\x0f\x1d\x80\0\0\0\x10\x1d\x7f\xff\xff\xff\x11\0\0\0\0";
        simple("Type1", "", font, "FontFile3")
    }),
    kind("fonts-many.pdf", "a page that names a hundred thousand fonts", || {
        let names = many("/Resources << /Font << ", 100_000, |at| format!("/F{at} 5 0 R "), ">> >>");
        let text = many("BT ", 100_000, |at| format!("/F{at} 9 Tf (a) Tj "), "ET");
        Pdf::page(&String::from_utf8_lossy(&names)).stream("", &text).add(FONT).finish()
    }),
];

const WITH_FONT: &str = "/Resources << /Font << /F 5 0 R >> >>";

const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";

const SHOWN: &[u8] = b"BT /F 12 Tf 72 700 Td (the ducks dive) Tj <00410042ffffffff> Tj ET";

fn composite(entries: &str) -> String {
    format!("<< /Type /Font /Subtype /Type0 /BaseFont /A {entries} >>")
}

/// A page in a composite font with this map to Unicode.
fn mapped(map: &[u8]) -> Vec<u8> {
    let map = [b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap ", map, b" endcmap end end"].concat();
    Pdf::page(WITH_FONT)
        .stream("", SHOWN)
        .add(composite("/Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R"))
        .add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /DW 500 >>")
        .inflating("", &map, 1)
        .finish()
}

/// A page in a composite font whose descendant has these entries.
fn descendant(entries: &str) -> Vec<u8> {
    Pdf::page(WITH_FONT)
        .stream("", SHOWN)
        .add(composite("/Encoding /Identity-H /DescendantFonts [6 0 R]"))
        .add(format!("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A {entries} >>"))
        .finish()
}

/// A page in a simple font with these entries, and with `file` as its program under the name `key`.
fn simple(subtype: &str, entries: &str, file: &[u8], key: &str) -> Vec<u8> {
    let program = if key.is_empty() { String::new() } else { format!("/{key} 7 0 R") };
    Pdf::page(WITH_FONT)
        .stream("", SHOWN)
        .add(format!("<< /Type /Font /Subtype /{subtype} /BaseFont /ABCDEF+A /FontDescriptor 6 0 R {entries} >>"))
        .add(format!("<< /Type /FontDescriptor /FontName /ABCDEF+A /Flags 4 {program} >>"))
        .inflating("/Subtype /Type1C", file, 1)
        .finish()
}
