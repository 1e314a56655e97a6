//! Talk around an answer: lead-ins, headings, and the admission that the sources do not answer.

use std::sync::LazyLock;

use regex::Regex;

use super::source::Reading;

/// A sentence without its list mark and without "Based on the passages,".
pub(super) fn without_lead(claim: &str) -> &str {
    const LEADS: &[&str] = &["based on", "according to", "as stated in", "as described in", "from", "in"];
    const SOURCES: &[&str] = &["source", "passage", "context", "text", "document", "abstract", "information", "paper"];
    let claim = claim.trim_start_matches(['-', '*', '•', '+', '#', '>', ' ', '\t', '\n']);
    let digits = claim.bytes().take_while(u8::is_ascii_digit).count();
    let claim = match claim[digits..].strip_prefix(['.', ')']) {
        Some(rest) if (1..=2).contains(&digits) && rest.starts_with(' ') => rest.trim_start(),
        _ => claim,
    };
    let claim =
        ["Answer:", "A:", "Summary:"].iter().find_map(|label| claim.strip_prefix(label)).unwrap_or(claim).trim_start();
    let Some((lead, rest)) = claim.split_once(',') else { return claim };
    let lower = lead.to_lowercase();
    let names = lower.split_whitespace().count() <= 8 && SOURCES.iter().any(|word| lower.contains(word));
    if names && LEADS.iter().any(|word| lower.starts_with(word)) { rest.trim_start() } else { claim }
}

/// Whether a sentence speaks about the answer and claims nothing.
pub(super) fn is_meta(claim: &str, reading: &Reading) -> bool {
    const ABOUT: &[&str] = &[
        "here is",
        "here are",
        "here s",
        "the following",
        "sure",
        "certainly",
        "of course",
        "in summary",
        "to summarize",
        "below",
        "i hope this helps",
        "let me know",
        "answer",
        "sources",
        "references",
        "summary",
        "conclusion",
        "question",
        "quote",
    ];
    let heading = claim.ends_with([':', '：']);
    let about = ABOUT.iter().any(|lead| reading.plain.starts_with(lead));
    (heading && (about || reading.words.len() <= 8))
        || (about && reading.terms.len() <= 5 && !reading.plain.contains(" is that"))
}

/// Whether a sentence says that the sources do not answer.
pub(super) fn declines(plain: &str) -> bool {
    static DECLINES: LazyLock<Regex> = LazyLock::new(|| {
        let sources = "(?:the |these |those |this |provided |given |available |above )*(?:sources?|passages?|context|texts?|documents?|information)";
        Regex::new(&format!(
            "^(?:{sources} (?:provided |given )?(?:do|does) not |{sources} (?:provides?|contains?) no |there is no (?:information|mention) |i (?:cannot|do not|don't|am unable|am not able) |i'm (?:sorry|not|unable)|sorry |unfortunately )|(?:not|n't) (?:mentioned|specified|stated|provided|contained|found) in {sources}$"
        ))
        .expect("a fixed pattern")
    });
    DECLINES.is_match(plain)
}
