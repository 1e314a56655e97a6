//! What must not leave in a reply's text: dangling markers, foreign links, mentions nobody asked for.
//!
//! **Invariant:** [`clean`] leaves no bracket that reads as a citation, no address and no mention; what a source
//! allows is put back by [`Cleaned::text`] alone.

use std::{collections::HashSet, sync::LazyLock};

use chat::text;
use regex::{Captures, Regex};

/// A sentence without markers, addresses and mentions, and what was taken out of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cleaned {
    /// The words that are left; an address that stood among them is a [`HOLE`].
    words: String,
    /// The addresses, in order.
    links: Vec<String>,
    /// Source numbers that its markers name, in order, each once.
    pub markers: Vec<usize>,
    /// Names a source that does not exist, in words that cannot be cut out of the sentence.
    pub dangling: bool,
}

/// Stands for an address: a character for private use, removed from the input first.
const HOLE: char = '\u{e000}';

static BRACKET: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\[【［(（]([^\[\]【】［］()（）]{0,80})[\]】］)）]"));
static IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:according to|as (?:stated|described|shown|reported|noted|mentioned) (?:in|by)|in|from|per) (?:the )?(?:source|passage|document|reference)s? #?(\p{Nd}{1,3}),?\s*",
    )
});
static NAMED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:source|passage)s? #?(\p{Nd}{1,3})\b"));
static MARKDOWN_LINK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"!?\[([^\[\]]*)\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)?)>?[^()]*\)"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?xi)
        (?:[a-z][a-z0-9+.-]*)?://[^\s<>"'`\[\]|\\^{}]* | \b(?:mailto|javascript|data|matrix|tel|xmpp|magnet):[^\s<>"'`\[\]|\\^{}]+
        | www\.[^\s<>"'`\[\]|\\^{}]+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
        | (?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|io|gg|gov|edu|info|biz|dev|app|xyz|top|site|online|me|ru|cn|uk|de|eu|co|ai|tk|link|click)\b(?:[:/?\#][^\s<>"'`\[\]|\\^{}]*)?"#,
    )
});
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"</?[a-zA-Z!][^<>]*>|<(?:@[!&]?|#|a?:\w+:|t:|id:|/)[^<>\s]*>"));
static MENTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"@+(\w)|<@+|[!#]\w[\w.-]*:[\w.-]+\.\w+"));

fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a fixed pattern")
}

/// Takes markers, addresses and mentions out of `sentence`; `known` tells which source numbers exist.
pub(super) fn clean(sentence: &str, known: impl Fn(usize) -> bool) -> Cleaned {
    let mut cleaned =
        Cleaned { words: sentence.chars().filter(|character| !is_hidden(*character)).collect(), ..Default::default() };
    // What is taken out may bring the halves of another together: until nothing changes. Each turn shortens the text.
    loop {
        let before = cleaned.words.clone();
        cleaned.turn(&known);
        if cleaned.words == before {
            break;
        }
    }
    cleaned.words = tidy(&without_lone_brackets(&cleaned.words));
    if let Some(named) = NAMED.captures(&cleaned.words).map(|found| number(&found[1])) {
        match named.filter(|named| known(*named)) {
            Some(named) => cleaned.cite(named),
            None => cleaned.dangling = true,
        }
    }
    cleaned
}

impl Cleaned {
    fn turn(&mut self, known: impl Fn(usize) -> bool) {
        let words = std::mem::take(&mut self.words);
        let words = MARKDOWN_LINK.replace_all(&words, |found: &Captures<'_>| match marker(&found[1]) {
            Some(_) => format!("[{}]", &found[1]),
            None => format!("{} {}", &found[1], &found[2]),
        });
        let words = TAG.replace_all(&words, " ");
        let words = ADDRESS.replace_all(&words, |found: &Captures<'_>| {
            let whole = &found[0];
            let link = whole.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '*', '_']);
            self.links.push(link.to_owned());
            format!("{HOLE}{}", &whole[link.len()..])
        });
        let words = MENTION.replace_all(&words, |found: &Captures<'_>| {
            found.get(1).map_or(String::new(), |letter| letter.as_str().to_owned())
        });
        let words = BRACKET.replace_all(&words, |found: &Captures<'_>| {
            let round = found[0].starts_with(['(', '（']);
            match marker(&found[1]).filter(|marker| marker.named || !round) {
                Some(marker) => {
                    for number in marker.numbers.into_iter().filter(|number| known(*number)) {
                        self.cite(number);
                    }
                    String::from(" ")
                }
                None => found[0].to_owned(),
            }
        });
        let words = IN_TEXT.replace(&words, |found: &Captures<'_>| {
            if let Some(number) = number(&found[1]).filter(|number| known(*number)) {
                self.cite(number);
            }
            String::new()
        });
        self.words = words.into_owned();
    }

    fn cite(&mut self, number: usize) {
        if !self.markers.contains(&number) {
            self.markers.push(number);
        }
    }

    /// The words to check: no addresses.
    pub fn claim(&self) -> String {
        self.words.replace(HOLE, " ")
    }

    /// The words to send: an address stays where `allowed` says so.
    pub fn text(&self, allowed: impl Fn(&str) -> bool) -> String {
        let mut links = self.links.iter();
        let mut text = String::with_capacity(self.words.len());
        for (at, character) in self.words.char_indices() {
            match character {
                // What would become a part of the address keeps it out.
                HOLE => {
                    let is_over = is_border(&self.words[at + HOLE.len_utf8()..]);
                    // One without a scheme would join what stands before it, and one that calls would become another.
                    let is_whole =
                        |link: &&String| is_over && !link.starts_with(':') && call(link).is_none() && allowed(link);
                    text.push_str(links.next().filter(is_whole).map_or("", String::as_str));
                }
                other => text.push(other),
            }
        }
        without_calls(tidy(&text.replace("()", " ")))
    }
}

/// Whether an address ends before `rest`, punctuation aside.
fn is_border(rest: &str) -> bool {
    let next = rest.trim_start_matches(['.', ',', ';', ':', '!', '?', ')']).chars().next();
    next.is_none_or(|next| next.is_whitespace() || "\"'<>*_”’。，、；）".contains(next))
}

/// What a bracket cites.
struct Marker {
    numbers: Vec<usize>,
    /// Says "source" or the like, or is empty: round brackets are markers only then.
    named: bool,
}

/// Reads the inside of a bracket as a marker: numbers, separators and words for a source, nothing else.
fn marker(inside: &str) -> Option<Marker> {
    const WORDS: &[&str] = &[
        "source",
        "sources",
        "passage",
        "passages",
        "ref",
        "refs",
        "reference",
        "references",
        "document",
        "see",
        "and",
        "to",
    ];
    const RANGE_MAX: usize = 50;
    let mut found = Marker { numbers: Vec::new(), named: false };
    let mut range = false;
    let mut digits = false;
    let mut rest = inside;
    while let Some(first) = rest.chars().next() {
        let run = |test: fn(char) -> bool| rest.find(|character| !test(character)).unwrap_or(rest.len());
        let length = if first.is_numeric() {
            let length = run(char::is_numeric);
            digits = true;
            if let Some(last) = number(&rest[..length]) {
                match found.numbers.last() {
                    Some(&first) if range && first < last => found.numbers.extend((first + 1..=last).take(RANGE_MAX)),
                    _ => found.numbers.push(last),
                }
            }
            range = false;
            length
        } else if first.is_alphabetic() {
            let length = run(char::is_alphabetic);
            let word = rest[..length].to_lowercase();
            if !WORDS.contains(&word.as_str()) {
                return None;
            }
            range = word == "to";
            found.named |= !matches!(word.as_str(), "and" | "to" | "see");
            length
        } else if first == '.' && digits && rest[1..].starts_with(char::is_numeric) {
            return None; // a decimal: an interval, not a citation
        } else if matches!(first, '-' | '–' | '—' | '−') {
            range = true;
            first.len_utf8()
        } else if first.is_whitespace()
            || matches!(first, ',' | ';' | '#' | '^' | '&' | '.' | ':' | '†' | '、' | '，' | '*')
        {
            first.len_utf8()
        } else {
            return None;
        };
        rest = &rest[length..];
    }
    found.named |= inside.trim().is_empty();
    (digits || inside.trim().is_empty()).then_some(found)
}

fn number(digits: &str) -> Option<usize> {
    digits
        .chars()
        .map(|digit| digit.to_digit(10))
        .try_fold(0_usize, |sum, digit| sum.checked_mul(10)?.checked_add(usize::try_from(digit?).ok()?))
}

/// What nobody sees, which would hide what a client acts on.
fn is_hidden(character: char) -> bool {
    character == HOLE || text::is_hidden(character)
}

/// Brackets without their other half: the next sentence could close a marker.
fn without_lone_brackets(text: &str) -> String {
    let (mut open, mut lone) = (Vec::new(), HashSet::new());
    for (at, character) in text.char_indices() {
        match character {
            '[' | '【' | '［' => open.push(at),
            ']' | '】' | '］' if open.pop().is_none() => drop(lone.insert(at)),
            _ => {}
        }
    }
    lone.extend(open);
    // A space, lest what stood on both sides becomes one address.
    text.char_indices().map(|(at, character)| if lone.contains(&at) { ' ' } else { character }).collect()
}

/// One space between words, none before a full stop.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for (at, line) in text.lines().enumerate() {
        if at > 0 {
            tidied.push('\n');
        }
        let indent = line.len() - line.trim_start().len();
        tidied.push_str(&line[..indent]);
        for (at, word) in line.split_whitespace().enumerate() {
            if at > 0 && !word.starts_with(['.', ',', ';', ':', '!', '?', ')']) {
                tidied.push(' ');
            }
            tidied.push_str(word);
        }
    }
    tidied.trim().to_owned()
}

/// Takes the sign off every word that calls a whole room, last of all: what stood between the two may be gone by now.
fn without_calls(mut text: String) -> String {
    while let Some(at) = call(&text) {
        text.remove(at);
    }
    text
}

/// Where a text calls a whole room.
fn call(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    ["@everyone", "@here", "@room"].iter().find_map(|call| lower.find(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sentence: &str, text: &str, markers: &[usize]) {
        let cleaned = clean(sentence, |number| (1..=5).contains(&number));
        assert_eq!((cleaned.text(|_| false).as_str(), cleaned.markers.as_slice()), (text, markers), "{sentence}");
    }

    #[test]
    fn markers_are_read_and_taken_out() {
        check("It works [1].", "It works.", &[1]);
        check("It works [1, 3][2-4].", "It works.", &[1, 3, 2, 4]);
        check("It works (Source 2).", "It works.", &[2]);
        check("It works (see sources 1 and 2)", "It works", &[1, 2]);
        check("It works【3†source】.", "It works.", &[3]);
        check("According to source 2, it works.", "it works.", &[2]);
    }

    #[test]
    fn a_number_without_a_source_goes() {
        check("It works [9].", "It works.", &[]);
        check("It [[9]] works [9, 1] [99999999999999999999999].", "It works.", &[1]);
        check("[[[1]2]3]", "", &[1, 2, 3]);
        assert!(clean("This is what source 9 says.", |_| false).dangling);
    }

    #[test]
    fn an_interval_is_no_marker() {
        check("HR 1.4 (1.04-1.90) [0.5, 1.2] in 12 (5) mice", "HR 1.4 (1.04-1.90) [0.5, 1.2] in 12 (5) mice", &[]);
        check("[18F]FDG uptake", "[18F]FDG uptake", &[]);
    }

    #[test]
    fn an_address_never_grows() {
        for (sentence, text) in [
            ("See https://a.example[.evil/x for it", "See.evil/x for it"),
            ("See https://].evil.x for it", "See.evil.x for it"),
            ("See https://x@here.example/y for it", "See for it"),
            ("See https://a.example/y[z for it", "See https://a.example/y z for it"),
            ("See https://a.example/y. Or *https://b.example*, or “https://c.example”.", ""),
        ] {
            let all = clean(sentence, |_| true).text(|_| true);
            assert_eq!(all, if text.is_empty() { sentence } else { text });
        }
    }

    #[test]
    fn half_a_marker_goes() {
        check("It works [1", "It works 1", &[]);
        check("2] and more", "2 and more", &[]);
    }

    #[test]
    fn links_and_mentions_go() {
        check("See [the page](https://evil.example/x?y=1) now.", "See the page now.", &[]);
        check("See https://evil.example. Or evil.com/x, or a@evil.org!", "See. Or, or!", &[]);
        check("Hi @everyone and @\u{200b}here, <@123> <@&9> <#5>", "Hi everyone and here,", &[]);
        check("stroke@]@everyone @[]@@here", "stroke@ everyone @ here", &[]);
        check("@@@room @ana:matrix.example.org <b>x</b>", "room ana: x", &[]);
        check("[1](javascript:alert(1)) it", "it", &[1]);
    }

    #[test]
    fn an_allowed_address_stays_where_it_stood() {
        let cleaned = clean("Code at https://a.example/x, not https://b.example.", |_| true);
        assert_eq!(cleaned.text(|link| link.contains("a.example")), "Code at https://a.example/x, not.");
        assert_eq!(cleaned.claim(), "Code at  , not  .");
    }
}
