//! Names that no language translates: genes, compounds, models, files, versions, names in programs.
//!
//! A name is told by its form alone: digits among letters, a capital after a small letter, an underscore, a known
//! ending. Plain capitals (`RESULTS`) are words.

use std::sync::LazyLock;

use regex::Regex;

use super::{Kind, Span, patterns::pattern};

/// Longest name, in bytes; what is longer is no name.
const NAME_BYTES_MAX: usize = 200;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[A-Za-z0-9_₀-₉⁰¹²³⁴-⁹⁺⁻Α-Ωα-ω](?:[A-Za-z0-9_₀-₉⁰¹²³⁴-⁹⁺⁻Α-Ωα-ω./+-]*[A-Za-z0-9_₀-₉⁰¹²³⁴-⁹⁺⁻Α-Ωα-ω+])?")
});
static FILE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[\w.+-]+/)*[\w+-][\w.+-]*\.(?:[ch]|[ch]pp|cc|rs|py|ipynb|js|ts|jsx|tsx|java|go|rb|jl|sh|bash|sql|toml|ya?ml|json|jsonl|xml|html?|css|csv|tsv|txt|md|rst|tex|bib|pdf|docx?|xlsx?|pptx?|png|jpe?g|gif|svg|zip|tar|gz|bz2|xz|7z|h5|hdf5|npy|npz|pt|pth|onnx|gguf|safetensors|parquet|fasta|fastq|bam|vcf|pdb|mp[34]|wav|lock|cfg|ini|log|so|dll|exe|bin|dat|ckpt)$",
    )
});
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:[vV]\d+(?:\.\d+)+|\d+(?:\.\d+){2,})(?:-[A-Za-z0-9.]+)?$"));
static COUNTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d+(?:st|nd|rd|th|s|x|fold)$"));

/// The names in `text` in order.
pub(super) fn scan(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for hit in TOKEN.find_iter(text) {
        let accented = |near: Option<char>| near.is_some_and(|near| matches!(near, '\u{c0}'..='\u{24f}'));
        let inside_word =
            accented(text[..hit.start()].chars().next_back()) || accented(text[hit.end()..].chars().next());
        if !inside_word && hit.len() <= NAME_BYTES_MAX {
            split(hit.as_str(), hit.start(), &mut found);
        }
    }
    found
}

/// Finds the names in a run of signs that names are made of, which stands at `at`.
fn split(token: &str, at: usize, found: &mut Vec<Span>) {
    if FILE.is_match(token) || VERSION.is_match(token) {
        found.push(Span { range: at..at + token.len(), kind: Kind::Identifier });
        return;
    }
    let mut start = 0;
    let signs: Vec<(usize, char)> = token.char_indices().collect();
    for (place, (offset, sign)) in signs.iter().enumerate() {
        let next_digit = signs.get(place + 1).is_some_and(|(_, next)| next.is_ascii_digit());
        if *sign == '/' || (*sign == '.' && !next_digit) {
            hyphened(&token[start..*offset], at + start, found);
            start = offset + 1;
        }
    }
    hyphened(&token[start..], at + start, found);
}

/// A name with hyphens, without the plain words that hang on either end: `GPT-4` of `GPT-4-based`.
fn hyphened(token: &str, at: usize, found: &mut Vec<Span>) {
    let plus = token.trim_end_matches('+');
    // A charge stays with its ion; other signs at the ends are no part of a name.
    let token = if plus.ends_with(|last: char| last.is_ascii_digit()) { token } else { plus };
    let start = token.len() - token.trim_start_matches(['_', '-', '+', '.']).len();
    let token = token.trim_end_matches(['_', '-', '.']);
    if start >= token.len() {
        return;
    }
    let mut range = start..token.len();
    let is_word = |part: &str| part.chars().all(|letter| letter.is_ascii_lowercase());
    while let Some((head, _)) = token[range.clone()].split_once('-').filter(|(head, _)| is_word(head)) {
        range.start += head.len() + 1;
    }
    while let Some((_, tail)) = token[range.clone()].rsplit_once('-').filter(|(_, tail)| is_word(tail)) {
        range.end -= tail.len() + 1;
    }
    if is_name(&token[range.clone()]) {
        found.push(Span { range: at + range.start..at + range.end, kind: Kind::Identifier });
    }
}

fn is_name(token: &str) -> bool {
    let digit = |sign: char| sign.is_numeric();
    let parts: Vec<&str> = token.split('-').collect();
    let has_digit = token.contains(digit);
    let has_letter = token.contains(|sign: char| sign.is_alphabetic());
    let snake = token.as_bytes().windows(3).any(|near| near[1] == b'_' && near[0] != b'_' && near[2] != b'_');
    let camel = parts.iter().any(|part| {
        let mut small = false;
        part.chars().any(|sign| {
            let turns = small && sign.is_ascii_uppercase();
            small |= sign.is_ascii_lowercase();
            turns
        })
    });
    snake && (has_letter || has_digit) || camel || has_digit && has_letter && !parts.iter().all(|part| is_count(part))
}

/// A number, or one with the ending of an ordinal or a decade.
fn is_count(part: &str) -> bool {
    part.chars().all(|sign| sign.is_numeric() || sign == '.') || COUNTED.is_match(part)
}
