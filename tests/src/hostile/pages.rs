//! HTML, Markdown and plain text that are deep, flooded or no text at all.

use super::{Hostile, kind, many, nested};

/// Enough words that a page counts as an article.
const WORDS: &str = "The ducks dive for twelve seconds on average, and they do so in the early morning. ";

pub(super) const KINDS: &[Hostile] = &[
    kind("deep.html", "a hundred thousand parts within each other", || {
        html(&nested("<div>", WORDS, "</div>", 100_000))
    }),
    kind("deep-open.html", "five million parts that are not closed", || html(&"<div>".repeat(5_000_000))),
    kind(
        "formatting.html",
        "two hundred thousand letters in bold, in italics and in links that are never closed",
        || html(&"<b><i><a href=x><font color=a><p>a".repeat(50_000)),
    ),
    kind("formatting-crossed.html", "formats that are closed in the wrong order, a hundred thousand times", || {
        html(&"<a><b><i><u></a></b><p></i></u>".repeat(100_000))
    }),
    kind("table.html", "a table of a million cells that say to span a thousand million columns", || {
        html(&format!("<table>{}</table>", "<tr><td colspan=1000000000 rowspan=1000000000>a".repeat(1_000_000)))
    }),
    kind("tables-deep.html", "twenty thousand tables within each other, with text between the cells", || {
        html(&"<table>a<tr>b<td>c".repeat(20_000))
    }),
    kind("attributes.html", "an element with a million attributes", || {
        many("<html><body><p ", 1_000_000, |at| format!("a{at}=b "), ">a</p></body></html>")
    }),
    kind("attribute-long.html", "a link of 30 MB", || {
        html(&format!("<a href=\"{}\">a</a>", "javascript:".repeat(2_700_000)))
    }),
    kind("script.html", "a script of 30 MB", || {
        html(&format!("<script>{}</script>", "if (a<b) { '</scr' }\n".repeat(1_500_000)))
    }),
    kind("style.html", "thirty megabytes of style that never end", || {
        html(&format!("<style>{}", "p{color:red}".repeat(2_500_000)))
    }),
    kind("comment-open.html", "a comment that does not end", || {
        html(&format!("{WORDS}<!--{}", "-- >".repeat(5_000_000)))
    }),
    kind("entities.html", "millions of entities, known, unknown and cut off", || {
        html(&format!(
            "<p>{}</p>",
            "&amp;&nosuch;&#0;&#x110000;&ampamp&CounterClockwiseContourIntegral".repeat(300_000)
        ))
    }),
    kind("paragraphs.html", "a million paragraphs", || {
        html(&format!("<article>{}</article>", format!("<p>{}</p>", &WORDS[..30]).repeat(1_000_000)))
    }),
    kind("headings.html", "a million headings without a paragraph", || html(&"<h1>a</h1><h6>b</h6>".repeat(1_000_000))),
    kind("spaces.html", "ten million line ends within a paragraph", || {
        html(&format!("<p>{WORDS}{}{WORDS}</p>", "\n\t ".repeat(10_000_000)))
    }),
    kind("selects.html", "lists, templates and frames in places where none may be", || {
        html(&"<select><template><table><select><frameset><svg><foreignObject><math><mi><p></svg>".repeat(20_000))
    }),
    kind("drawing.html", "pictures with a hundred thousand levels of groups", || {
        html(&format!("<svg>{}</svg>{WORDS}", nested("<g>", "<title>a</title>", "</g>", 100_000)))
    }),
    kind("meta.html", "a page that says to be in fifty thousand encodings", || {
        let metas = "<meta charset=utf-16><meta charset=x-user-defined><meta name=citation_author content='A, B'>"
            .repeat(50_000);
        format!("<html><head>{metas}</head><body><p>{WORDS}</p></body></html>").into_bytes()
    }),
    kind("quotes.md", "ten thousand quotations within each other, a thousand times", || {
        format!("{}a\n\n", ">".repeat(10_000)).repeat(1000).into_bytes()
    }),
    kind("quotes-spaced.md", "lines that each quote one level more, up to three thousand", || {
        many("", 3_000, |at| format!("{}a\n", "> ".repeat(at)), "")
    }),
    kind("lists.md", "lists of three thousand levels", || {
        many("", 3_000, |at| format!("{}- a\n", "  ".repeat(at)), "")
    }),
    kind("lists-on-a-line.md", "a list within each list on one line, a million times", || {
        "- ".repeat(1_000_000).into_bytes()
    }),
    kind("brackets.md", "ten million brackets that open", || "[".repeat(10 << 20).into_bytes()),
    kind("brackets-links.md", "links within links that are not closed", || "[a](<b".repeat(1_000_000).into_bytes()),
    kind("pictures.md", "pictures within the names of pictures", || nested("![", "a", "](b)", 500_000).into_bytes()),
    kind("link-definitions.md", "three hundred thousand names of links, each of them used", || {
        let names = many("", 300_000, |at| format!("[a{at}]: /b{at} 'c'\n\n"), "");
        [&names[..], &many("", 300_000, |at| format!("[a{at}] "), "")].concat()
    }),
    kind("link-definition-long.md", "one long definition of a link, used a hundred thousand times", || {
        format!("[a]: /{} '{}'\n\n{}", "b".repeat(100_000), "c".repeat(100_000), "[a]\n".repeat(100_000)).into_bytes()
    }),
    kind("emphasis.md", "two million beginnings of emphasis of both kinds", || "*a_".repeat(2_000_000).into_bytes()),
    kind("emphasis-runs.md", "runs of stars of each length up to eight thousand", || {
        many("", 8_000, |at| format!("{}a ", "*".repeat(at + 1)), "")
    }),
    kind("ticks.md", "runs of back ticks of each length up to eight thousand, none of which is closed", || {
        many("", 8_000, |at| format!("a{}", "`".repeat(at + 1)), "")
    }),
    kind("fence-open.md", "a block of code that does not end", || {
        format!("```{}\n{}", "a".repeat(1 << 20), "~~~\n".repeat(5_000_000)).into_bytes()
    }),
    kind("markup.md", "beginnings of every kind of markup within text", || {
        "<!--<?<![CDATA[<!A<a b='".repeat(1_000_000).into_bytes()
    }),
    kind("table.md", "a table of ten thousand columns, and a hundred rows that are twice as long", || {
        let row = "|a".repeat(10_000);
        format!("{row}|\n{}|\n{}", "|-".repeat(10_000), format!("{row}{row}|\n").repeat(100)).into_bytes()
    }),
    kind("headings.md", "two million headings", || "# a\n".repeat(2_000_000).into_bytes()),
    kind("footnotes.md", "footnotes that refer to each other", || {
        many("[^0]\n\n", 200_000, |at| format!("[^{at}]: [^{}] [^0]\n\n", at + 1), "")
    }),
    kind("front-matter.md", "a head of YAML with a million references to itself", || {
        format!("---\na: &a [x]\nb: &b [*a,*a]\ntitle: {}\n---\n\n{WORDS}", "[".repeat(1_000_000)).into_bytes()
    }),
    kind("line.txt", "one line of 60 MB", || WORDS.repeat((60 << 20) / WORDS.len()).into_bytes()),
    kind("word.txt", "one word of 60 MB", || vec![b'a'; 60 << 20]),
    kind("ideographs.txt", "twenty million ideographs without a full stop", || "鸭".repeat(20 << 20).into_bytes()),
    kind("marks.txt", "one letter with ten million accents", || {
        format!("{WORDS}a{}", "\u{301}\u{327}".repeat(5 << 20)).into_bytes()
    }),
    kind("joiners.txt", "families of emoji that are joined without an end", || {
        "👩\u{200d}".repeat(4 << 20).into_bytes()
    }),
    kind("zeros.txt", "text among zeros", || format!("{WORDS}\0").repeat(100_000).into_bytes()),
    kind("direction.txt", "text that turns its direction at each word, never to turn back", || {
        "\u{202e}a\u{2066}b\u{2067}c\u{202d}d\u{061c}".repeat(1 << 20).into_bytes()
    }),
    kind("not-utf8.txt", "bytes that are no text in any encoding", || {
        (0..4 << 20).map(|at: u32| 0x80 | u8::try_from(at.wrapping_mul(2_654_435_761) >> 25).unwrap_or(0xff)).collect()
    }),
    kind("line-ends.txt", "sixty million line ends", || [WORDS.as_bytes(), &[b'\n'; 60 << 20]].concat()),
    kind("line-ends-of-all-kinds.txt", "line ends of all kinds, and pages of none", || {
        "a\r\n\u{2028}\u{2029}\u{85}\x0b\x0c\r".repeat(2 << 20).into_bytes()
    }),
    kind("full-stops.txt", "twenty million full stops", || "A. ".repeat(20 << 20).into_bytes()),
    kind("hyphens.txt", "words that are parted at the end of each line", || "duck-\n".repeat(8 << 20).into_bytes()),
    kind("headings.txt", "three million short lines that look like headings", || {
        many("", 3_000_000, |at| format!("{at} Ducks\n\n"), "")
    }),
    kind("compatibility.txt", "letters that are eighteen letters when they are written out", || {
        "\u{fdfa}".repeat(10 << 20).into_bytes()
    }),
];

/// A page with this body.
fn html(body: &str) -> Vec<u8> {
    format!("<!doctype html><html><head><title>Ducks</title></head><body>{body}</body></html>").into_bytes()
}
