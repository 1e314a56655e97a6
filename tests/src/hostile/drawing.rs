//! PDF pages that draw without end: floods of operators, depth, and drawings that draw drawings.

use super::{
    Hostile, kind, nested,
    pdf::{Pdf, drawn, drawn_times},
};

/// A font that every reader knows, as object 5 or wherever it is added.
const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";

/// A page that has it as `/F`.
const WITH_FONT: &str = "/Resources << /Font << /F 5 0 R >> >>";

pub(super) const KINDS: &[Hostile] = &[
    kind("operators.pdf", "128 MiB of `q Q` behind Flate", || drawn_times(&b"q Q\n".repeat(1 << 18), 128)),
    kind("operators-short.pdf", "16 MiB of operators of one letter behind Flate: sixteen million of them", || {
        drawn_times(&b"n ".repeat(1 << 19), 16)
    }),
    kind("saves.pdf", "a million saved states, none of them restored", || drawn_times(&b"q ".repeat(1 << 10), 1 << 10)),
    kind("restores.pdf", "a million restored states, none of them saved", || {
        drawn_times(&b"Q ".repeat(1 << 10), 1 << 10)
    }),
    kind("operands.pdf", "thirty million numbers before one operator", || drawn_times(&b"1 ".repeat(1 << 19), 60)),
    kind("text-flood.pdf", "20 MiB of text behind Flate, a letter at a time", || {
        text(|file| file.inflating("", &b"BT /F 9 Tf (a) Tj ET\n".repeat(1 << 14), 60))
    }),
    kind("text-long.pdf", "one string of 60 MiB behind Flate", || {
        let parts: [(&[u8], u64); 3] = [(b"BT /F 9 Tf (", 1), (&[b'a'; 1 << 20], 60), (b") Tj ET", 1)];
        text(|file| file.inflating_parts("", &parts))
    }),
    kind("text-array.pdf", "one array of ten million strings and numbers", || {
        let parts: [(&[u8], u64); 3] = [(b"BT /F 9 Tf [", 1), (&b"(a)1".repeat(1 << 18), 40), (b"] TJ ET", 1)];
        text(|file| file.inflating_parts("", &parts))
    }),
    kind("fonts-flood.pdf", "a million changes of the font", || {
        text(|file| file.inflating("", &b"/F 9 Tf ".repeat(1 << 14), 64))
    }),
    kind("arrays-deep.pdf", "a million arrays within each other in a page's content", || {
        drawn(nested("[", "1", "]", 1_000_000).as_bytes())
    }),
    kind("dictionaries-deep.pdf", "a million dictionaries within each other in a page's content", || {
        drawn(nested("<</A ", "1", ">>", 1_000_000).as_bytes())
    }),
    kind("strings-deep.pdf", "a string of a million brackets within each other", || {
        drawn(format!("BT {} Tj ET", nested("(", "a", ")", 1_000_000)).as_bytes())
    }),
    kind("string-open.pdf", "a string that never ends", || drawn(&[&b"BT ("[..], &[b'('; 8 << 20]].concat())),
    kind("array-open.pdf", "eight million arrays that never end", || drawn(&[b'['; 8 << 20])),
    kind("marked-deep.pdf", "a million marked parts within each other", || {
        drawn_times(&b"/A <</B 1>> BDC ".repeat(1 << 10), 1 << 10)
    }),
    kind("inline-image.pdf", "an inline picture of 10^18 points", || {
        drawn(b"BI /W 1000000000 /H 1000000000 /BPC 16 /CS /CMYK ID abc EI BT (x) Tj ET")
    }),
    kind("inline-image-open.pdf", "a million inline pictures that never end", || {
        drawn_times(&b"BI /W 9 /H 9 ID ".repeat(1 << 10), 1 << 10)
    }),
    kind("inline-image-bomb.pdf", "an inline picture that inflates, named by filters of its own", || {
        let mut content = b"BI /W 65535 /H 65535 /BPC 8 /CS /G /F [/Fl /Fl] ID ".to_vec();
        content.extend(super::pack::layered(super::pack::deflated_times(&[0; 1 << 20], 2 << 10), 1));
        content.extend(b" EI BT (x) Tj ET");
        drawn(&content)
    }),
    kind("matrix-flood.pdf", "numbers that multiply to more than there are", || {
        text(|file| {
            file.stream(
                "",
                &[
                    &b"1e38 0 0 1e38 0 0 cm 99999999999999999999 0 0 -1 0 0 cm ".repeat(2000)[..],
                    b"BT /F 1e30 Tf 1e38 Tz (a) Tj ET",
                ]
                .concat(),
            )
        })
    }),
    kind("forms-exponential.pdf", "ten levels of drawings, each of which draws the next ten times", || forms(10, 10)),
    kind("forms-doubling.pdf", "thirty levels of drawings, each of which draws the next twice", || forms(30, 2)),
    kind("forms-deep.pdf", "five thousand drawings within each other", || forms(5000, 1)),
    kind("form-of-itself.pdf", "a drawing that draws itself", || {
        Pdf::page("/Resources << /XObject << /F 5 0 R >> >>")
            .stream("", b"/F Do")
            .stream("/Subtype /Form /Resources << /XObject << /F 5 0 R >> >>", b"/F Do /F Do")
            .finish()
    }),
    kind("forms-in-a-ring.pdf", "two drawings that draw each other by resources of the page", || {
        Pdf::page("/Resources << /XObject << /A 5 0 R /B 6 0 R >> >>")
            .stream("", b"/A Do")
            .stream("/Subtype /Form", b"/B Do")
            .stream("/Subtype /Form", b"/A Do")
            .finish()
    }),
    kind("forms-large.pdf", "a drawing of 30 MiB, drawn ten thousand times", || {
        Pdf::page("/Resources << /XObject << /A 5 0 R >> >>")
            .stream("", &b"/A Do ".repeat(10_000))
            .inflating("/Subtype /Form", &b"BT (ducks) Tj ET ".repeat(1 << 16), 28)
            .finish()
    }),
    kind("glyphs-that-draw.pdf", "a font whose glyphs are text in the same font", || {
        let font = "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] \
                    /FirstChar 97 /LastChar 98 \
                    /Widths [1 1] /Encoding << /Differences [97 /a /b] >> /CharProcs << /a 6 0 R /b 7 0 R >> \
                    /Resources << /Font << /F 5 0 R >> /XObject << /X 6 0 R >> >> >>";
        Pdf::page(WITH_FONT)
            .stream("", b"BT /F 9 Tf (abab) Tj ET")
            .add(font)
            .stream("/Subtype /Form", b"BT /F 9 Tf (bbbbbbbb) Tj ET /X Do")
            .stream("", b"BT /F 9 Tf (aaaaaaaa) Tj ET")
            .finish()
    }),
    kind("contents-repeated.pdf", "a page whose content is one stream of 30 MiB, a hundred thousand times", || {
        let contents = format!("[{}]", "5 0 R ".repeat(100_000));
        Pdf::page("").add(contents).inflating("", &b"BT (ducks) Tj ET ".repeat(1 << 16), 28).finish()
    }),
    kind("contents-of-itself.pdf", "a page whose content is an array that holds itself", || {
        Pdf::page("").add("[4 0 R [4 0 R 4 0 R] 3 0 R 2 0 R]").finish()
    }),
    kind("pattern-of-itself.pdf", "a pattern that is painted with itself", || {
        let pattern = "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 1e-9 /YStep 0 \
                       /Resources << /Pattern << /P 5 0 R >> >>";
        let content = b"/Pattern cs /P scn 0 0 600 800 re f";
        Pdf::page("/Resources << /Pattern << /P 5 0 R >> >>").stream("", content).stream(pattern, content).finish()
    }),
    kind("shading.pdf", "a shading with a function of 10^12 samples and a mesh of nothing", || {
        Pdf::page("/Resources << /Shading << /S 5 0 R /T 7 0 R >> >>")
            .stream("", b"/S sh /T sh")
            .add("<< /ShadingType 1 /ColorSpace /DeviceRGB /Function 6 0 R /Domain [0 1e38 -1e38 0] >>")
            .stream("/FunctionType 0 /Domain [0 1 0 1] /Range [0 1] /Size [1000000 1000000] /BitsPerSample 32", b"0")
            .stream("/ShadingType 4 /ColorSpace /DeviceRGB /BitsPerCoordinate 64 /BitsPerComponent 64 /Decode []", b"")
            .finish()
    }),
    kind("colours-in-a-ring.pdf", "a colour space that is based on itself", || {
        Pdf::page("/Resources << /ColorSpace << /C 5 0 R /D 6 0 R >> >>")
            .stream("", b"/C cs 0 sc /D CS 0 SC 0 0 9 9 re f")
            .add("[/Indexed 6 0 R 2147483647 <00>]")
            .add("[/Separation /All 5 0 R 7 0 R]")
            .add("<< /FunctionType 3 /Domain [0 1] /Functions [7 0 R 7 0 R] /Bounds [0.5] /Encode [0 1 0 1] >>")
            .finish()
    }),
    kind("colours-deep.pdf", "fifty thousand colour spaces within each other", || {
        let space = nested("[/Pattern ", "/DeviceRGB", "]", 50_000);
        Pdf::page(&format!("/Resources << /ColorSpace << /C {space} >> >>")).stream("", b"/C cs").finish()
    }),
    kind("function-deep.pdf", "a calculator function of half a million braces within each other", || {
        let program = nested("{ 1 ", "pop", " 1 { } if }", 500_000);
        Pdf::page("/Resources << /ColorSpace << /C [/Separation /A /DeviceRGB 5 0 R] >> >>")
            .stream("", b"/C cs 1 scn 0 0 9 9 re f")
            .stream("/FunctionType 4 /Domain [0 1] /Range [0 1 0 1 0 1]", program.as_bytes())
            .finish()
    }),
];

/// A page with a font, and the content that `content` adds.
fn text(content: impl FnOnce(Pdf) -> Pdf) -> Vec<u8> {
    content(Pdf::page(WITH_FONT)).add(FONT).finish()
}

/// Drawings in `levels`, each of which draws the next one `times`.
fn forms(levels: usize, times: usize) -> Vec<u8> {
    let calls = b"/F Do ".repeat(times);
    let mut file = Pdf::page("/Resources << /XObject << /F 5 0 R >> >>").stream("", &calls);
    for level in 0..levels {
        let next = format!("/Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F {} 0 R >> >>", level + 6);
        file = file.stream(&next, &calls);
    }
    file.stream("/Subtype /Form /BBox [0 0 9 9]", b"BT (ducks) Tj ET").finish()
}
