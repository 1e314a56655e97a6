//! What a pattern tells: addresses, citations, mentions, quantities, markup.

use std::sync::LazyLock;

use regex::Regex;

use super::{Kind, Span};

pub(super) fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a fixed pattern")
}

/// Letters of scripts without spaces belong to an address only right after one of its own signs.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?xi)
        (?:(?:https?|ftps?|sftp|ssh|git|file|ipfs|matrix|magnet|mxc|wss?)://?|www\.|\b(?:mailto|magnet|matrix):)
        (?:[/=\#][\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]+
          |[a-z0-9._~:/?\#\[\]@!$&'()*+,;=%|-]
          |[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]])+"#,
    )
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b[a-z0-9][a-z0-9._%+-]*@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*\.[a-z]{2,}")
});
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"\]\(\s*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)"#)
});
static HTML: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"</?[a-zA-Z][\w:.-]*(?:\s[^<>]*)?/?>|&(?:[a-zA-Z]{2,31}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")
});
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\[\s*\p{Nd}{1,4}(?:\s*[,;、，–—-]\s*\p{Nd}{1,4})*\s*\]|\[\^[\w-]{1,40}\]|【\s*\p{Nd}{1,4}(?:\s*[,;、，–—-]\s*\p{Nd}{1,4})*\s*】",
    )
});
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\\(?:[a-zA-Z]*cite[a-zA-Z]*|[a-zA-Z]*ref|label|url|nocite|doi)\*?(?:\[[^\[\]{}]*\]){0,2}\{[^{}]*\}")
});
static AUTHORED: LazyLock<Regex> = LazyLock::new(|| {
    let name = r"(?:(?:van|von|de|der|den|la|le|di)\s+)*\p{Lu}[\p{L}\p{M}’'.-]+";
    let year = r"(?:1[6-9]|20)\d\d[a-z]?";
    let names = format!(r"{name}(?:,\s+{name})*(?:,?\s+(?:and|&|und|et|y|e|и)\s+{name})?");
    let item = format!(
        r"(?:(?:see|cf\.|e\.g\.,?|siehe|voir)\s+)?(?:{names}(?:,?\s+et\s+al\.?,?|,)\s+|{name}\s+(?:and|&|und|et|y|и)\s+{name}\s+){year}(?:,\s*{year})*(?:,\s*pp?\.\s*\d+(?:[–-]\d+)?)?"
    );
    pattern(&format!(r"\({item}(?:\s*;\s*{item})*\)|（[\p{{Han}}A-Za-z .]{{1,40}}等?[，,]\s*{year}）"))
});
static MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
static PANDOC: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[[^\[\]\n@]{0,60}@[\p{L}\p{Nd}_][^\[\]\n]{0,200}\]"));
static WORK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(?:\bdoi:\s?)?\b10\.\d{4,9}/[a-z0-9._;()/:+<>\[\]-]*[a-z0-9/]|\barxiv:\s?(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?-u:\b)|\b\d{4}\.\d{4,5}v\d+\b|\bpm(?:id:?\s?|c)\d{3,9}\b"#,
    )
});
static PLATFORM: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"<(?:@[!&]?\d+|#\d+|a?:\w+:\d+|t:-?\d+(?::[a-zA-Z])?|/[\w -]+:\d+|id:\w+)>"));
static MATRIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[@#!+][\p{L}\p{Nd}][\p{L}\p{Nd}._=/+-]*:(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*)(?::\d{1,5})?")
});
static AT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"@[\p{L}\p{Nd}_](?:[\p{L}\p{M}\p{Nd}_.-]*[\p{L}\p{M}\p{Nd}_])?"));

const NUMBER: &str = r"\p{Nd}+(?:[.,٫٬’\u{a0}\u{202f}]\p{Nd}+)*";
const POWER: &str = r"(?:\s?[×x*·⋅]\s?10(?:\^\{?[−+-]?\d+\}?|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|[eE][+−-]?\d+(?-u:\b))";

static QUANTITY: LazyLock<Regex> = LazyLock::new(|| {
    // What ends in a letter must end a word; what ends in a sign needs not.
    let word = r"(?:(?:da|[YZEPTGMkhdcmnpf])?(?:mol|eV|Hz|Pa|bar|bit|byte|Bq|Gy|Sv|Da|lm|lx|cd|kat|rad|[gmsAKWJNVCFTHLlMBb])|min|h|hours?|rpm|ppm|ppb|dB|dpi|fps|[MGTP]?FLOPS|[KMGT]iB|[kMG]?bps|bp|k?cal|IU|U|px|pt|mmHg|atm|t|ha|km/h|mph|ft|lb|oz|USD|EUR|GBP|CNY)";
    let signed = r"(?:(?:wt|vol)?[%‰٪％]|[°º][CFK]?|℃|℉|[kMG]?Ω|[µμ](?:mol|[gmslLAVWFM]|Sv|Gy)|Å|[€£¥₹])";
    let power = r"(?:\^\{?[−-]?\d+\}?|[⁻−]?[¹²³⁴]|[23](?-u:\b))";
    let unit = format!(r"(?:{word}(?:{power}|(?-u:\b))|{signed}{power}?)");
    let value = format!(r"[+−-]?{NUMBER}{POWER}?");
    pattern(&format!(
        r"{value}(?:\s?[±–—-]\s?{value})?[ \u{{a0}}\u{{202f}}]?{unit}(?:[ ]?[/·⋅]{unit}| {word}(?:\^\{{?[−-]\d+\}}?|⁻[¹²³]))*|[€£¥₹]\s?{NUMBER}"
    ))
});
static DECIMAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"[+−-]?(?:\p{{Nd}}+(?:[.,٫٬’\u{{a0}}\u{{202f}}]\p{{Nd}}+)+{POWER}?|\p{{Nd}}+{POWER}|\.\p{{Nd}}{{2,}})"
    ))
});

/// The spans that a pattern tells, those within others too.
pub(super) fn scan(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut add = |range, kind| found.push(Span { range, kind });
    for (pattern, kind) in [
        (&LINK, Kind::Link),
        (&HTML, Kind::Html),
        (&EMAIL, Kind::Email),
        (&NUMBERED, Kind::Citation),
        (&COMMAND, Kind::Citation),
        (&PANDOC, Kind::Citation),
        (&PLATFORM, Kind::Mention),
    ] {
        pattern.find_iter(text).for_each(|hit| add(hit.range(), kind));
    }
    for range in comments(text) {
        add(range, Kind::Html);
    }
    for hit in WORK.find_iter(text) {
        add(hit.start()..hit.start() + closed(hit.as_str()).len(), Kind::Citation);
    }
    for hit in URL.find_iter(text) {
        let length = closed(hit.as_str()).len();
        // A scheme alone is no address.
        if !hit.as_str()[..length].ends_with("//") {
            add(hit.start()..hit.start() + length, Kind::Url);
        }
    }
    for hit in AUTHORED.find_iter(text) {
        let lower = hit.as_str().to_lowercase();
        if !MONTHS.iter().any(|month| lower[1..].starts_with(month)) {
            add(hit.range(), Kind::Citation);
        }
    }
    for pattern in [&MATRIX, &AT] {
        for hit in pattern.find_iter(text) {
            if !text[..hit.start()].ends_with(|before: char| before.is_ascii_alphanumeric() || "@#/.".contains(before))
            {
                add(hit.range(), Kind::Mention);
            }
        }
    }
    for pattern in [&QUANTITY, &DECIMAL] {
        for hit in pattern.find_iter(text) {
            add(unsigned(text, hit.range()), Kind::Number);
        }
    }
    found.retain(|span| span.kind != Kind::Number || stands_alone(text, span));
    found
}

/// The comments of HTML. No pattern: one that never closes would be sought again for each.
fn comments(text: &str) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(start) = text[at..].find("<!--").map(|step| at + step) {
        let Some(end) = text[start + 4..].find("-->").map(|step| start + 4 + step + 3) else { break };
        found.push(start..end);
        at = end;
    }
    found
}

/// An address without the punctuation of its sentence, and without a bracket that it does not open.
fn closed(address: &str) -> &str {
    let excess = |open: char, close: char| address.matches(close).count().saturating_sub(address.matches(open).count());
    let (mut round, mut square) = (excess('(', ')'), excess('[', ']'));
    let mut rest = address;
    loop {
        match rest.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '|' | '[' | '(' | '<' | '>') => {}
            Some(')') if round > 0 => round -= 1,
            Some(']') if square > 0 => square -= 1,
            _ => return rest,
        }
        rest = &rest[..rest.len() - 1];
    }
}

/// A sign belongs to the number only where no word or number stands before it.
fn unsigned(text: &str, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let before = text[..range.start].chars().next_back();
    let sign = text[range.clone()].chars().next().filter(|sign| matches!(sign, '+' | '-' | '−'));
    match sign {
        Some(sign) if before.is_some_and(|before| !before.is_whitespace() && !"([{=≈<>~,;:".contains(before)) => {
            range.start + sign.len_utf8()..range.end
        }
        _ => range,
    }
}

/// Whether a number is a whole one, not the tail of a name or of another number.
fn stands_alone(text: &str, span: &Span) -> bool {
    let before = text[..span.range.start].chars().next_back();
    let after = text[span.range.end..].chars().next();
    let joins =
        |near: Option<char>| near.is_some_and(|near| near == '_' || near.is_numeric() || near.is_ascii_alphabetic());
    // The nineties are no seconds.
    let is_decade = text[span.range.clone()].strip_suffix("0s").is_some_and(|head| head.chars().all(char::is_numeric));
    !is_decade && !joins(before) && (!joins(after) || !text[..span.range.end].ends_with(char::is_alphanumeric))
}
