//! Protected spans: what a translation must carry over byte for byte.
//!
//! Reading order: [`spans`] finds them, [`Masked`] hides them from the model and puts them back, [`verify`] checks what
//! came out. `verbatim` reads code and formulas, `patterns` and `names` the rest, `placeholder` reads what a model makes
//! of the masks, `repair` puts back what it lost.
//!
//! **Invariant:** [`Masked::restore`] gives back every span byte for byte or says which are missing.

pub(in crate::translation) mod verbatim;
mod patterns;
mod names;
mod mask;
mod placeholder;
mod repair;
mod verify;

#[cfg(test)]
mod laws;

use std::{collections::BTreeMap, ops::Range};

pub use mask::{Broken, Kept, Masked, Missing, Translated};
pub use placeholder::Form;
pub use verify::{Fault, verify};

/// What a protected span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A fenced block or a piece between backticks.
    Code,
    /// Mathematics between dollars or LaTeX's brackets, or a LaTeX environment whose content is no prose.
    Formula,
    /// The end of a Markdown link or image from `]` on, with its target.
    Link,
    /// A web address.
    Url,
    /// An e-mail address.
    Email,
    /// A reference to a work: `[12]`, `\cite{..}`, `(Smith et al., 2020)`, `[@key]`, a DOI, an arXiv id.
    Citation,
    /// A person, role, room, emoji or time as Discord and Matrix write them, or `@name`.
    Mention,
    /// An HTML tag, comment or entity.
    Html,
    /// A number with its unit, or one that a language might write differently: a decimal, a power.
    Number,
    /// A gene, compound, model, data set, accession, file, version, hash or a name in a program.
    Identifier,
    /// A term that the caller wants kept.
    Term,
    /// Markup of a file, or a character that would be mistaken for a placeholder.
    Markup,
}

/// A part of a text that must stay as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its bytes in the text, on character borders.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// The protected spans of `text`: sorted, none empty, not overlapping, the outermost where they nest and the longest
/// where they cross. `terms` are words that stay as they are, matched whole and in their own case.
pub fn spans(text: &str, terms: &[&str]) -> Vec<Span> {
    let fixed = verbatim::scan(text);
    // Code and formulas are read from the left as their grammars are; nothing else may begin or end within one.
    let crosses = |range: &Range<usize>| {
        let first = fixed.partition_point(|span| span.range.end <= range.start);
        let mut near = fixed[first..].iter().take_while(|span| span.range.start < range.end);
        near.any(|span| !(range.start <= span.range.start && span.range.end <= range.end))
    };
    let mut found: Vec<Span> = found(text).into_iter().chain(terms_in(text, terms)).collect();
    found.retain(|span| !crosses(&span.range));
    found.extend(fixed);
    outermost(found)
}

/// Every span but code and formulas, those within others too.
fn found(text: &str) -> Vec<Span> {
    let mut found = patterns::scan(text);
    found.extend(names::scan(text));
    found
}

/// Of `found` the longest, and of what is left the longest again.
pub(super) fn outermost(mut found: Vec<Span>) -> Vec<Span> {
    found.sort_by_key(|span| (std::cmp::Reverse(span.range.len()), span.range.start, span.kind));
    let mut taken: BTreeMap<usize, Span> = BTreeMap::new();
    for span in found.into_iter().filter(|span| !span.range.is_empty()) {
        let before = taken.range(..span.range.end).next_back();
        if before.is_none_or(|(_, before)| before.range.end <= span.range.start) {
            taken.insert(span.range.start, span);
        }
    }
    taken.into_values().collect()
}

fn terms_in(text: &str, terms: &[&str]) -> Vec<Span> {
    let mut found = Vec::new();
    for term in terms.iter().filter(|term| !term.is_empty()) {
        for (at, _) in text.match_indices(term) {
            let range = at..at + term.len();
            if is_whole(text, &range) {
                found.push(Span { range, kind: Kind::Term });
            }
        }
    }
    found
}

/// Whether no word goes on across the borders of `range`; scripts without spaces have no such borders.
fn is_whole(text: &str, range: &Range<usize>) -> bool {
    let joins = |inner: Option<char>, outer: Option<char>| {
        let is_letter = |found: Option<char>| found.is_some_and(|c| c.is_alphanumeric() && !chat::text::is_cjk(c));
        is_letter(inner) && is_letter(outer)
    };
    let inside = &text[range.clone()];
    !joins(inside.chars().next(), text[..range.start].chars().next_back())
        && !joins(inside.chars().next_back(), text[range.end..].chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expect` names the spans in order, each as `kind text`.
    #[track_caller]
    fn check(input: &str, expect: &[&str]) {
        let found: Vec<String> = spans(input, &["attention head"])
            .into_iter()
            .map(|span| format!("{:?} {}", span.kind, &input[span.range]).to_lowercase())
            .collect();
        let expect: Vec<String> = expect.iter().map(|line| line.to_lowercase()).collect();
        assert_eq!(found, expect, "{input}");
    }

    #[test]
    fn formulas_are_found() {
        check("Let $x_i$ and $$y = 2$$ hold.", &["formula $x_i$", "formula $$y = 2$$"]);
        check(r"Let \(x\) and \[y\] hold.", &[r"formula \(x\)", r"formula \[y\]"]);
        check("A\n\\begin{align*}\na &= b\n\\end{align*}\nB", &["formula \\begin{align*}\na &= b\n\\end{align*}"]);
        check(r"\begin{tabular}{l} a \\ \end{tabular}", &[r"formula \begin{tabular}{l} a \\ \end{tabular}"]);
        check(r"It is \$x and \$y here", &[]);
        check("It costs $5 a piece, or $6 together.", &[]);
        check("from $5 million for the one to US$ in all", &[]);
    }

    #[test]
    fn code_is_found_with_any_run_of_backticks() {
        check("Run `a b` or ``c ` d`` now.", &["code `a b`", "code ``c ` d``"]);
        check("x\n```rust\nlet a = `b`;\n\n$y$\n```\nz", &["code ```rust\nlet a = `b`;\n\n$y$\n```"]);
        check("x\n~~~\nopen to the end", &["code ~~~\nopen to the end"]);
        check("a lone ` is nothing", &[]);
        check("`$` or `$`", &["code `$`", "code `$`"]);
        check("`<a` and `b>`", &["code `<a`", "code `b>`"]);
    }

    #[test]
    fn addresses_are_found_without_the_punctuation_behind_them() {
        check("See https://a.example/x_(y)?q=1&r=2.", &["url https://a.example/x_(y)?q=1&r=2"]);
        check("(see http://a.example/x), www.b.example!", &["url http://a.example/x", "url www.b.example"]);
        check("见https://a.example/x。好", &["url https://a.example/x"]);
        check("见https://a.example/x好", &["url https://a.example/x"]);
        check("Mail ana.b+c@uni.example.", &["email ana.b+c@uni.example"]);
        check("[here](https://a.example/x \"t\") it", &["link ](https://a.example/x \"t\")"]);
        check("![it](pic.png)", &["link ](pic.png)"]);
        check(
            "a<br/>b &amp; <span class=\"x\">c</span>",
            &["html <br/>", "html &amp;", "html <span class=\"x\">", "html </span>"],
        );
    }

    #[test]
    fn citations_are_found() {
        check("So [12], [1, 3-5] and [2–4].", &["citation [12]", "citation [1, 3-5]", "citation [2–4]"]);
        check(r"So \citep[p.~3]{a,b} and \ref{fig:x}.", &[r"citation \citep[p.~3]{a,b}", r"citation \ref{fig:x}"]);
        check("So (Smith et al., 2020; Li and Ng, 2019a) it is.", &["citation (Smith et al., 2020; Li and Ng, 2019a)"]);
        check("So (in the year 2020) it is (January 2020).", &[]);
        check("So [see @smith2020, p. 3] it is.", &["citation [see @smith2020, p. 3]"]);
        check(
            "doi:10.1000/xyz.12-3. And arXiv:1706.03762v2!",
            &["citation doi:10.1000/xyz.12-3", "citation arXiv:1706.03762v2"],
        );
        check("the interval [0.5, 1.2]", &["number 0.5", "number 1.2"]);
    }

    #[test]
    fn mentions_are_found() {
        check(
            "<@123> <@!4> <#5> <@&6> <:name:7> <a:b:8>",
            &[
                "mention <@123>",
                "mention <@!4>",
                "mention <#5>",
                "mention <@&6>",
                "mention <:name:7>",
                "mention <a:b:8>",
            ],
        );
        check(
            "@ana:matrix.example and #room:matrix.example, hi @bob!",
            &["mention @ana:matrix.example", "mention #room:matrix.example", "mention @bob"],
        );
    }

    #[test]
    fn numbers_keep_their_units() {
        check(
            "12.5 kg, 3×10^-5 mol/L, 95 % and 2.3 GHz",
            &["number 12.5 kg", "number 3×10^-5 mol/L", "number 95 %", "number 2.3 GHz"],
        );
        check("重12.5kg的", &["number 12.5kg"]);
        check("१२.५ kg و ٣٫٥ mL ٩٥٪", &["number १२.५ kg", "number ٣٫٥ mL", "number ٩٥٪"]);
        check("5 ± 0.2 m/s² at -20 °C", &["number 5 ± 0.2 m/s²", "number -20 °C"]);
        check("12 patients in 3 groups", &[]);
        check("1.5e-3 and 1,234.5", &["number 1.5e-3", "number 1,234.5"]);
        check("p = .0001.", &["number .0001"]);
    }

    #[test]
    fn identifiers_are_found() {
        check(
            "BRCA1 and TP53 in H2O, C6H12O6 or NaCl",
            &["identifier BRCA1", "identifier TP53", "identifier H2O", "identifier C6H12O6", "identifier NaCl"],
        );
        check(
            "SmolLM2-135M, GPT-4-based, CIFAR-10 and SciFact.",
            &["identifier SmolLM2-135M", "identifier GPT-4", "identifier CIFAR-10", "identifier SciFact"],
        );
        check(
            "snake_case camelCase src/main.rs v1.2.3 NC_000001.11 CO₂",
            &[
                "identifier snake_case",
                "identifier camelCase",
                "identifier src/main.rs",
                "identifier v1.2.3",
                "identifier NC_000001.11",
                "identifier CO₂",
            ],
        );
        check("see 9f86d081884c7d65 and Llama-3.1-8B", &["identifier 9f86d081884c7d65", "identifier Llama-3.1-8B"]);
        check("the 1st, 10-fold, 20-year-old state-of-the-art of Jean-Paul in the 1990s: RESULTS", &[]);
        check("基因BRCA1是", &["identifier BRCA1"]);
    }

    #[test]
    fn terms_are_whole_words() {
        check("An attention head, no attention heads.", &["term attention head"]);
    }
}
