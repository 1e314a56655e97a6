//! The last check: what was protected is there, and nothing is there that was not.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use super::{Kind, Span, found};

/// What is wrong with a translation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A protected span stands in the output less often than in the source.
    Lost {
        /// What it is.
        kind: Kind,
        /// The span.
        text: String,
        /// How often it stands in the source's spans.
        wanted: usize,
        /// How often it stands in the output.
        found: usize,
    },
    /// An address, mention or citation that the source does not have.
    Foreign {
        /// What it is.
        kind: Kind,
        /// What stands in the output.
        text: String,
    },
}

/// Whether `output` has every span of `source` byte for byte, at least as often as the spans have it, and no address,
/// mention or citation besides. A number does not count where it is a part of a longer one.
///
/// # Errors
/// Every fault, each once.
pub fn verify(source: &str, spans: &[Span], output: &str) -> Result<(), Vec<Fault>> {
    let texts: Vec<&str> = spans.iter().filter_map(|span| source.get(span.range.clone())).collect();
    let mut wanted: BTreeMap<&str, Kind> = BTreeMap::new();
    for (text, span) in texts.iter().zip(spans) {
        wanted.insert(text, span.kind);
    }
    let all = texts.join("\n\0\n");
    let mut faults = Vec::new();
    for (text, kind) in wanted {
        // Spans nest: what stands within another counts there as well.
        let wanted = count(&all, text);
        let found = count(output, text);
        if found < wanted {
            faults.push(Fault::Lost { kind, text: text.to_owned(), wanted, found });
        }
    }
    let known: HashSet<&str> = found(source).into_iter().filter(leads_away).map(|span| &source[span.range]).collect();
    let mut foreign: Vec<Span> = found(output).into_iter().filter(leads_away).collect();
    foreign.retain(|span| !known.contains(&output[span.range.clone()]));
    // Of an address that is foreign its parts need no mention.
    foreign.sort_by_key(|span| (span.range.start, Reverse(span.range.end)));
    let mut end = 0;
    foreign.retain(|span| {
        let is_part = span.range.end <= end;
        end = end.max(span.range.end);
        !is_part
    });
    faults.extend(
        foreign.into_iter().map(|span| Fault::Foreign { kind: span.kind, text: output[span.range].to_owned() }),
    );
    faults.sort();
    faults.dedup();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn leads_away(span: &Span) -> bool {
    matches!(span.kind, Kind::Url | Kind::Email | Kind::Mention | Kind::Citation | Kind::Link)
}

/// How often `text` stands in `whole`, not as a part of a longer number.
fn count(whole: &str, text: &str) -> usize {
    // Digits of two scripts are two numbers.
    let joins = |inner: Option<char>, outer: Option<char>| {
        inner.zip(outer).is_some_and(|(inner, outer)| {
            inner.is_numeric() && outer.is_numeric() && inner.is_ascii() == outer.is_ascii()
        })
    };
    let mut count = 0;
    let mut at = 0;
    while let Some(step) = whole.get(at..).filter(|_| !text.is_empty()).and_then(|rest| rest.find(text)) {
        let (start, end) = (at + step, at + step + text.len());
        let grows_left = joins(text.chars().next(), whole[..start].chars().next_back());
        let grows_right = joins(text.chars().next_back(), whole[end..].chars().next());
        if grows_left || grows_right {
            at = start + whole[start..].chars().next().map_or(1, char::len_utf8);
        } else {
            count += 1;
            at = end;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translation::protect::spans;

    /// `expect` names the faults, each as `lost text` or `foreign text`.
    #[track_caller]
    fn check(source: &str, input: &str, expect: &[&str]) {
        let faults = verify(source, &spans(source, &[]), input).err().unwrap_or_default();
        let found: Vec<String> = faults
            .into_iter()
            .map(|fault| match fault {
                Fault::Lost { text, .. } => format!("lost {text}"),
                Fault::Foreign { text, .. } => format!("foreign {text}"),
            })
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_is_lost_is_named() {
        check("5 kg of H2O [1]", "[1] H2O, 5 kg", &[]);
        check("5 kg of H2O [1]", "15 kg H2O", &["lost [1]", "lost 5 kg"]);
        check("$x$ and $x$", "$x$", &["lost $x$"]);
    }

    #[test]
    fn what_is_foreign_is_named() {
        check("Hi", "Hallo https://evil.example/x", &["foreign https://evil.example/x"]);
        check("See https://a.example", "Siehe https://a.example/x", &["foreign https://a.example/x"]);
        check("Hi", "Hallo @everyone <@1> [1]", &["foreign [1]", "foreign <@1>", "foreign @everyone"]);
        check("Hi", "`https://evil.example`", &["foreign https://evil.example"]);
        check("[a](https://a.example)", "[b](https://a.example)", &[]);
    }
}
