//! Markdown as the HTML that Matrix clients show, with formulas as `data-mx-maths`. Pure.
//!
//! **Invariant:** no HTML of the text itself, no link but to the web or a mailbox, no picture, and no pill leaves.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html::push_html};

/// The HTML of a Markdown text.
pub(crate) fn html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
    let mut writer = Writer { links: Vec::new(), is_paragraph: false };
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    push_html(&mut html, Parser::new_ext(markdown, options).filter_map(|event| writer.event(event)));
    // What a formula of its own leaves around it.
    let html = html.replace("<br />\n</p>", "</p>").replace("<p><br />\n", "<p>").replace("<p></p>\n", "");
    html.trim_end().to_owned()
}

struct Writer {
    /// For each open link and picture, whether its tag is written.
    links: Vec<bool>,
    is_paragraph: bool,
}

impl Writer {
    fn event<'a>(&mut self, event: Event<'a>) -> Option<Event<'a>> {
        match event {
            Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
            Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
            // An entity may have become what nobody sees.
            Event::Text(text) => Some(Event::Text(CowStr::from(chat::text::legible(&text).into_owned()))),
            Event::SoftBreak => Some(Event::HardBreak),
            Event::Start(Tag::Link { link_type, ref dest_url, .. }) => {
                let is_written = is_link(link_type, dest_url);
                self.links.push(is_written);
                is_written.then_some(event)
            }
            Event::End(TagEnd::Link) => self.links.pop().unwrap_or(false).then_some(event),
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
            Event::Start(Tag::Paragraph) => {
                self.is_paragraph = true;
                Some(event)
            }
            Event::End(TagEnd::Paragraph) => {
                self.is_paragraph = false;
                Some(event)
            }
            Event::InlineMath(formula) => Some(raw(maths("span", &formula))),
            // A block does not stand inside a paragraph.
            Event::DisplayMath(formula) if self.is_paragraph => {
                Some(raw(format!("</p>\n{}\n<p>", maths("div", &formula))))
            }
            Event::DisplayMath(formula) => Some(raw(maths("div", &formula))),
            event => Some(event),
        }
    }
}

fn raw(html: String) -> Event<'static> {
    Event::InlineHtml(CowStr::from(html))
}

/// A formula, and its source for clients that set none.
fn maths(element: &str, formula: &str) -> String {
    let formula = escape(formula.trim());
    format!("<{element} data-mx-maths=\"{formula}\"><code>{formula}</code></{element}>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Whether a link leads to the web or a mailbox, and does not show as a mention of somebody.
fn is_link(kind: LinkType, target: &str) -> bool {
    let target = target.to_lowercase();
    let is_known = ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
    let is_pill = target.contains("matrix.to/#/@") || target.contains("matrix.to/#/%40");
    kind == LinkType::Email || (is_known && !is_pill)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(markdown: &str, want: Expect) {
        want.assert_eq(&html(markdown));
    }

    #[test]
    fn a_single_newline_breaks_the_line() {
        check(
            "one\ntwo\n\n**three** [1]",
            expect![[r#"
            <p>one<br />
            two</p>
            <p><strong>three</strong> [1]</p>"#]],
        );
    }

    #[test]
    fn formulas_keep_their_source() {
        check(
            "so $a < b_1$ holds, for $5 each",
            expect![[
                r#"<p>so <span data-mx-maths="a &lt; b_1"><code>a &lt; b_1</code></span> holds, for $5 each</p>"#
            ]],
        );
        check(
            "before\n$$\\sum_{i} x_i$$\nafter",
            expect![[r#"
                <p>before</p>
                <div data-mx-maths="\sum_{i} x_i"><code>\sum_{i} x_i</code></div>
                <p>after</p>"#]],
        );
        check("$$x$$", expect![[r#"<div data-mx-maths="x"><code>x</code></div>"#]]);
        check("`$x$`", expect!["<p><code>$x$</code></p>"]);
    }

    #[test]
    fn no_html_of_the_text_leaves() {
        check(
            "<script>alert(1)</script>\n\na <b onclick=\"x\">b</b> & $\"><img src=x>$",
            expect![[r#"
                <p>&lt;script&gt;alert(1)&lt;/script&gt;
                </p>
                <p>a &lt;b onclick="x"&gt;b&lt;/b&gt; &amp; <span data-mx-maths="&quot;&gt;&lt;img src=x&gt;"><code>&quot;&gt;&lt;img src=x&gt;</code></span></p>"#]],
        );
    }

    #[test]
    fn no_entity_becomes_what_nobody_sees() {
        check("a&#8238;b&#x2066;c &amp; d", expect!["<p>abc &amp; d</p>"]);
    }

    #[test]
    fn only_links_to_the_web_and_to_mailboxes_leave() {
        check(
            "[a](https://doi.org/10.1/x) [b](javascript:alert(1)) [c](mailto:ana@home.org) <ana@home.org> [d](x)",
            expect![[
                r#"<p><a href="https://doi.org/10.1/x">a</a> b <a href="mailto:ana@home.org">c</a> <a href="mailto:ana@home.org">ana@home.org</a> d</p>"#
            ]],
        );
        check("![a picture](https://evil.example/x.png)", expect!["<p>a picture</p>"]);
    }

    #[test]
    fn a_link_mentions_nobody() {
        check(
            "[ana](https://matrix.to/#/@ana:home.org) [said](https://matrix.to/#/!r:home.org/$e)",
            expect![[r#"<p>ana <a href="https://matrix.to/#/!r:home.org/$e">said</a></p>"#]],
        );
    }

    #[test]
    fn tables_and_code_stay_what_they_are() {
        check(
            "| name | n |\n| --- | --- |\n| a\\|b | 1 |\n\n```rust\nlet a = &1;\n```",
            expect![[r#"
                <table><thead><tr><th>name</th><th>n</th></tr></thead><tbody>
                <tr><td>a|b</td><td>1</td></tr>
                </tbody></table>
                <pre><code class="language-rust">let a = &amp;1;
                </code></pre>"#]],
        );
    }
}
