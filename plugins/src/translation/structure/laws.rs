//! Laws of structure, and tables of what is prose in each format.

use proptest::prelude::*;

use super::*;

/// `expect` are the texts of the segments; whatever the format, no translation changes no byte.
#[track_caller]
fn check(format: Format, input: &str, expect: &[&str]) {
    let document = Document::read(format, input).expect("it is a file");
    let found: Vec<&str> = document.segments().iter().map(Segment::text).collect();
    assert_eq!(found, expect);
    assert_eq!(document.reassemble(&[]).as_deref(), Ok(input));
}

/// Translates every segment by `model`, which sees it masked.
fn translate(document: &Document, model: impl Fn(&str) -> String) -> Vec<Option<Translated>> {
    let segments = document.segments().iter();
    segments
        .map(|segment| {
            let masked = segment.masked(&[]);
            masked.restored(&model(masked.text())).ok()
        })
        .collect()
}

#[track_caller]
fn check_upper(format: Format, input: &str, expect: &str) {
    let document = Document::read(format, input).expect("it is a file");
    assert_eq!(document.reassemble(&translate(&document, str::to_uppercase)).as_deref(), Ok(expect));
}

#[test]
fn markdown_keeps_its_marks() {
    check(
        Format::Markdown,
        "---\ntitle: A\n---\n# One *two*\n\nLong\nline \\* &amp; `code` [a](b \"c\").\n\n- item\n- [x] done\n\n```\nx\n```\n",
        &["One *two*", "Long line * & `code` [a](b \"c\").", "item", "done"],
    );
    check(Format::Markdown, "| a | b |\n|---|:-:|\n| c \\| d | 1 |\n", &["a", "b", "c | d"]);
    check(
        Format::Markdown,
        "> quoted\n> more\\\n> break\n\n<div>\nhtml\n</div>\n\n[ref] and <https://a.example>\n\n[ref]: /x\n",
        &["quoted more\\\n> break", "[ref] and <https://a.example>"],
    );
    check(Format::Markdown, "\\# no heading \\(x_1*y*\\) $a*b*c$\n", &["# no heading \\(x_1*y*\\) $a*b*c$"]);
    check_upper(
        Format::Markdown,
        "## One **two** {#id}\n\n1. see [a_b](https://a.example/x_y), `c`\n   and\n\n| a | b_c |\n|--|--|\n| d&amp;e | f |\n",
        "## ONE **TWO** {#id}\n\n1. SEE [a_b](https://a.example/x_y), `c`\n   AND\n\n| A | b_c |\n|--|--|\n| D&E | F |\n",
    );
}

#[test]
fn latex_keeps_its_commands() {
    check(
        Format::Latex,
        "\\documentclass{a}\n\\title{The title}\n\\begin{document}\n\\section{One}\\label{s}\nWe \\emph{see} \\cite{x} $y$, 5\\% % no\nmore.\n\n\\begin{itemize}\n\\item K\\\"orper\n\\end{itemize}\n\\begin{tabular}{l} a \\end{tabular}\n\\end{document}\nafter\n",
        &["The title", "One", "We \\emph{see} \\cite{x} $y$, 5% % no\nmore.", "Körper"],
    );
    check(
        Format::Latex,
        "We get\n\\begin{equation}\na\n\\end{equation}\nand \\verb|x y| so.",
        &["We get \\begin{equation}\na\n\\end{equation} and \\verb|x y| so."],
    );
    check_upper(
        Format::Latex,
        "\\section*{One} We \\textbf{see \\LaTeX} and~5\\% of\n$x$.\n",
        "\\section*{ONE} WE \\textbf{SEE \\LaTeX} AND~5\\% OF $x$.\n",
    );
}

#[test]
fn jats_keeps_its_tags() {
    check(
        Format::Jats,
        "<article><front><article-meta><contrib-group><p>no</p></contrib-group></article-meta></front><body><sec><title>A &amp; B</title><p>One\n  <italic>two</italic> <xref rid=\"r\">3</xref> H<sub>2</sub>O &#955; &alpha;<fig><caption><p>cap</p></caption></fig> end</p><disp-formula>x</disp-formula></sec></body><back><ref-list><p>no</p></ref-list></back></article>",
        &["A & B", "One <italic>two</italic> <xref rid=\"r\">3</xref> H<sub>2</sub>O λ &alpha;", "cap", "end"],
    );
    check(Format::Jats, "<a><title><fixed-case>T</fixed-case>urkic</title></a>", &["<fixed-case>T</fixed-case>urkic"]);
    check_upper(Format::Jats, "<p>a &lt; b <bold>c</bold></p>", "<p>A &lt; B <bold>C</bold></p>");
}

#[test]
fn plain_text_keeps_its_lines() {
    let long = "This line is so long that it was broken because of its width";
    check(
        Format::Plain,
        &format!("Head\n\n{long}\nand goes on.\n- item\n  1) other\r\nlast"),
        &["Head", &format!("{long} and goes on."), "item", "other", "last"],
    );
}

#[test]
fn a_translation_of_another_segment_is_refused() {
    let document = Document::read(Format::Markdown, "a **b** c\n\nd *e* f\n").expect("it is a file");
    let mut translated = translate(&document, str::to_owned);
    translated.swap(0, 1);
    let refused = document.reassemble(&translated).expect_err("the markup is another's");
    assert_eq!(refused.to_string(), "the translation of segment 0 lacks markup of its source");
    let lost = Document::read(Format::Markdown, "a b c").expect("it is a file");
    assert!(document.reassemble(&translate(&lost, |_| "x".to_owned())).is_err());
}

const MARKDOWN: &[&str] = &[
    "# head *x*\n\n",
    "para\nmore **b** `c` [l](u \"t\") ![i](j)\n\n",
    "- a\n- b\n  - c\n\n",
    "1. x\n\n   y\n2. z\n\n",
    "> q\n> r\\\n> s\n\n",
    "```\ncode *x*\n```\n\n",
    "| a | b |\n|:--|--:|\n| c \\| d | `e` |\n\n",
    "---\n\n",
    "Set\n===\n\n",
    "$$x_1$$ и $y$ слова\n\n",
    "模型很好。\n见[这里](x)。\n\n",
    "نموذج **جيد**\n\n",
    "मॉडल है [^1]\n\n[^1]: note\n\n",
    "<div>x</div>\n\n",
    "\\*a\\* &lt;b&gt; <br> ~~s~~\n\n",
    "- [ ] task\n\n",
    "[ref][r] [r] <https://a.b>\n\n[r]: /x\n\n",
    "    indented\n\n",
    "a\n",
];
const LATEX: &[&str] = &[
    "\\section{One}\n",
    "Text \\emph{a \\textbf{b}} c.\n\n",
    "\\begin{itemize}\n\\item a\n\\item[b] c\n\\end{itemize}\n",
    "We $x$ и \\(y\\) слова % no\nmore\n\n",
    "% comment\n",
    "\\begin{equation}a\\end{equation}\n",
    "5\\% \\& \\_ A~B \\\\ c\n",
    "\\begin{figure}[t]\\centering\\includegraphics[w]{f}\\caption{Cap \\cite{x}}\\label{l}\\end{figure}\n",
    "模型很好。\n",
    "{\\em x} K\\\"orper \\LaTeX\\ y\n",
    "\\verb|a%b| z\n",
    "\\textbackslash{} q\n",
    "\n\n",
    "}",
    "{",
    "$",
    "\\",
    "a",
];
const JATS: &[&str] = &[
    "<p>a <italic>b</italic> &amp; c</p>",
    "<sec><title>t &lt; u</title>\n <p>x<xref rid='1'>2</xref></p></sec>",
    "<table-wrap><caption><p>cap</p></caption><table><tr><td>1</td><td>дом &#955;</td></tr></table></table-wrap>",
    "<disp-formula><tex-math>x</tex-math></disp-formula>",
    "<p>模型 <!-- c --> <![CDATA[x]]> d &alpha; <inline-formula>y</inline-formula></p>",
    "<ref-list><ref><p>no</p></ref></ref-list>",
    "<p>नमूना<list><list-item><p>inner</p></list-item></list> tail</p>",
    "<p/>\n",
];
const PLAIN: &[&str] = &[
    "Head\n",
    "\n",
    "- item\n",
    "A line that is long enough to be taken for one that was broken.\n",
    "x\r\n",
    "  indented\n",
    "模型很好。\n",
    "نموذج\n",
    "मॉडल\n",
    "12\n",
    "1. one\n",
];
const HOSTILE: &[&str] = &[
    "<",
    ">",
    "&",
    "&amp;",
    "|",
    "\\",
    "$",
    "$$",
    "`",
    "```",
    "# ",
    "- ",
    "1. ",
    "\n\n",
    "\n",
    "*",
    "**",
    "_",
    "[",
    "]",
    "](x)",
    "</p>",
    "<p>",
    "<!--",
    "]]>",
    "{",
    "}",
    "%",
    "\\end{document}",
    "\\item",
    "~",
    "~~~",
    "---",
    "===",
    "    ",
    "\t",
    "a",
    "слово",
    "模型",
    "!",
    ":",
    "+",
    "^",
    "\u{0}",
    "\u{a0}",
    "\r",
    "<b>",
    "https://a.b",
    "word ",
];

fn file() -> impl Strategy<Value = (Format, String)> {
    let mix = |format, pieces: &'static [&'static str], open: &'static str, close: &'static str| {
        proptest::collection::vec(proptest::sample::select(pieces), 0..8)
            .prop_map(move |pieces| (format, format!("{open}{}{close}", pieces.concat())))
    };
    prop_oneof![
        mix(Format::Markdown, MARKDOWN, "", ""),
        mix(Format::Latex, LATEX, "", ""),
        mix(Format::Jats, JATS, "<article><body>", "</body></article>"),
        mix(Format::Plain, PLAIN, "", ""),
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(HOSTILE), 1..8).prop_map(|pieces| pieces.concat())
}

/// The blocks of a Markdown file, or the tags of an XML file, in order.
fn skeleton(format: Format, file: &str) -> Vec<String> {
    use pulldown_cmark::{Event, Parser};
    match format {
        Format::Markdown => Parser::new_ext(file, markdown::options())
            .filter(|event| {
                matches!(event, Event::Start(_) | Event::End(_) | Event::Code(_) | Event::Rule | Event::InlineHtml(_))
            })
            .map(|event| format!("{event:?}"))
            .collect(),
        Format::Jats => {
            let mut reader = quick_xml::Reader::from_str(file);
            let mut tags = Vec::new();
            loop {
                match reader.read_event().expect("it is well-formed") {
                    quick_xml::events::Event::Eof => return tags,
                    quick_xml::events::Event::Text(_) | quick_xml::events::Event::GeneralRef(_) => {}
                    other => tags.push(format!("{other:?}")),
                }
            }
        }
        Format::Latex => commands(file),
        Format::Plain => Vec::new(),
    }
}

/// The commands and the special signs of a LaTeX file, but for those that stand for a sign of a text.
fn commands(file: &str) -> Vec<String> {
    const SIGNS: &[&str] = &["\\\"", "\\%", "\\&", "\\_", "\\#", "\\$", "\\{", "\\}"];
    let mut tokens = Vec::new();
    let mut rest = file;
    while let Some(at) = rest.find(['\\', '{', '}', '$', '%', '&', '#', '^', '_']) {
        rest = &rest[at..];
        let letters = rest[1..].find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(rest.len() - 1);
        let length = match rest.starts_with('\\') {
            true if letters > 0 => 1 + letters,
            true => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            false => 1,
        };
        let (token, next) = rest.split_at(length);
        let is_named = ["\\textbackslash", "\\textasciicircum", "\\textasciitilde"].contains(&token);
        rest = if is_named { next.strip_prefix("{}").unwrap_or(next) } else { next };
        if !is_named && !SIGNS.contains(&token) {
            tokens.push(token.to_owned());
        }
    }
    tokens
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_translation_changes_no_byte((format, file) in file(), noise in "[#*_`\\[\\]()<>&|\\\\${}% \na-c模é-]{0,60}") {
        for (format, file) in [(format, file), (Format::Markdown, noise.clone()), (Format::Latex, noise.clone()), (Format::Plain, noise)] {
            let document = Document::read(format, &file).expect("it is a file");
            prop_assert_eq!(document.reassemble(&[]), Ok(file.clone()));
            let same = translate(&document, str::to_owned);
            prop_assert_eq!(document.reassemble(&same), Ok(file.clone()));
            let mut end = 0;
            for segment in document.segments() {
                prop_assert!(end <= segment.range().start && segment.range().start < segment.range().end);
                end = segment.range().end;
            }
        }
    }

    #[test]
    fn hostile_words_break_no_structure((format, file) in file(), hostile in hostile(), keep in any::<bool>()) {
        let document = Document::read(format, &file).expect("it is a file");
        for at in 0..document.segments().len() {
            let masked = document.segments()[at].masked(&[]);
            let answer = if keep || !masked.spans().is_empty() { format!("{} {hostile}", masked.text()) } else { hostile.clone() };
            let mut translated = vec![None; at];
            translated.push(masked.restored(&answer).ok());
            if let Ok(output) = document.reassemble(&translated) {
                prop_assert_eq!(skeleton(format, &output), skeleton(format, &file), "{}", output);
                let again = Document::read(format, &output).expect("it is a file still");
                if format != Format::Plain {
                    prop_assert_eq!(again.segments().len(), document.segments().len());
                }
            }
        }
    }

    #[test]
    fn a_harmless_translation_is_not_refused((format, file) in file()) {
        let document = Document::read(format, &file).expect("it is a file");
        let translated = translate(&document, |masked| format!("so {masked} so"));
        let output = document.reassemble(&translated);
        prop_assert!(output.is_ok(), "{:?}", output);
        prop_assert_eq!(skeleton(format, &output.unwrap_or_default()), skeleton(format, &file));
    }

    #[test]
    fn hostile_words_alone_are_escaped_not_refused(hostile in hostile()) {
        let hostile = if hostile.contains(char::is_alphabetic) { hostile } else { format!("{hostile} a {hostile}") };
        for (format, file) in [
            (Format::Markdown, "before\n\nwords\n\nafter\n"),
            (Format::Markdown, "# words\n"),
            (Format::Markdown, "- words\n- b\n"),
            (Format::Markdown, "| words | b |\n|--|--|\n| c | d |\n"),
            (Format::Latex, "before\n\nwords\n\nafter\n"),
            (Format::Latex, "\\section{words} after\n"),
            (Format::Jats, "<p>words</p>"),
            (Format::Plain, "words\n\nmore"),
        ] {
            let document = Document::read(format, file).expect("it is a file");
            let at = document.segments().iter().position(|segment| segment.text() == "words").expect("it has words");
            let mut translated = vec![None; at];
            translated.push(document.segments()[at].masked(&[]).restored(&hostile).ok());
            let output = document.reassemble(&translated);
            prop_assert!(output.is_ok(), "{:?} {:?}", format, output);
        }
    }
}
