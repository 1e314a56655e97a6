//! What a heading looks like, by its words alone.

/// Headings of papers, in lower case.
const KNOWN: &[&str] = &[
    "abstract",
    "summary",
    "introduction",
    "background",
    "related work",
    "related works",
    "previous work",
    "method",
    "methods",
    "methodology",
    "materials and methods",
    "model",
    "models",
    "approach",
    "data",
    "dataset",
    "datasets",
    "experiments",
    "experiment",
    "experimental setup",
    "experimental results",
    "evaluation",
    "results",
    "results and discussion",
    "discussion",
    "analysis",
    "error analysis",
    "conclusion",
    "conclusions",
    "conclusions and future work",
    "conclusion and future work",
    "discussion and conclusion",
    "future work",
    "limitations",
    "ethics statement",
    "ethical considerations",
    "broader impact",
    "acknowledgment",
    "acknowledgments",
    "acknowledgement",
    "acknowledgements",
    "references",
    "bibliography",
    "literature cited",
    "works cited",
    "appendix",
    "appendices",
    "supplementary material",
    "supplemental material",
    "author contributions",
    "funding",
    "competing interests",
    "conflict of interest",
    "conflicts of interest",
    "data availability",
    "keywords",
    "index terms",
    "preliminaries",
    "zusammenfassung",
    "einleitung",
    "literatur",
    "literaturverzeichnis",
    "résumé",
    "références",
];

/// Headings that have no number where others have one.
const BARE: &[&str] = &[
    "abstract",
    "summary",
    "limitations",
    "ethics statement",
    "ethical considerations",
    "broader impact",
    "acknowledgment",
    "acknowledgments",
    "acknowledgement",
    "acknowledgements",
    "references",
    "bibliography",
    "literature cited",
    "works cited",
    "appendix",
    "appendices",
    "supplementary material",
    "supplemental material",
    "author contributions",
    "funding",
    "competing interests",
    "conflict of interest",
    "conflicts of interest",
    "data availability",
];

/// Whether a known heading has no number where others have one.
pub(crate) fn is_bare(name: &str) -> bool {
    BARE.contains(&name.to_lowercase().as_str())
}

/// The heading itself where `line` is one that papers have, whatever its capitals, with or without a number.
pub(crate) fn known(line: &str) -> Option<&str> {
    let name = numbered(line).map_or(line, |(_, name)| name).trim().trim_end_matches([':', '.', '—']);
    let lower = name.to_lowercase();
    let starts_high = name.starts_with(|first: char| first.is_uppercase());
    (starts_high && KNOWN.contains(&lower.as_str())).then_some(name)
}

/// Level and name of a numbered heading: `3.1 Data` is level 2, `IV. RESULTS` and `A. Prompts` level 1.
///
/// Says nothing of numbered list items: a heading starts with a capital, is short, and does not end a sentence.
pub(crate) fn numbered(line: &str) -> Option<(usize, &str)> {
    let (number, name) = line.trim().split_once([' ', '\u{a0}', '\u{2003}'])?;
    let name = name.trim();
    let digits = number.trim_end_matches('.');
    let is_arabic =
        digits.split('.').all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_roman = number.ends_with('.') && !digits.is_empty() && digits.bytes().all(|byte| b"IVX".contains(&byte));
    let is_appendix = digits.split('.').enumerate().all(|(at, part)| match at {
        0 => part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_uppercase()),
        _ => (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()),
    });
    let first_is_high = name.starts_with(|first: char| first.is_uppercase());
    let letters = name.chars().filter(|found| found.is_alphabetic()).count();
    let length = name.chars().count();
    let plausible = first_is_high
        && (3..=90).contains(&length)
        && letters * 2 >= length
        && !name.ends_with(['.', ',', ';'])
        && !name.replace("et al. ", "").contains(". ");
    if !plausible || !(is_arabic || is_roman || is_appendix) {
        return None;
    }
    Some((digits.split('.').count(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, want: Option<(usize, &str)>) {
        assert_eq!(numbered(line), want, "{line}");
    }

    #[test]
    fn numbers_give_level_and_name() {
        check("3 Data", Some((1, "Data")));
        check("3.1 Data Sets", Some((2, "Data Sets")));
        check("2. Related work", Some((1, "Related work")));
        check("IV. RESULTS", Some((1, "RESULTS")));
        check("A.2 Prompts", Some((2, "Prompts")));
        check("5.3 Evaluating Lowe et al. (2015)", Some((2, "Evaluating Lowe et al. (2015)")));
    }

    #[test]
    fn list_items_tables_and_sentences_are_no_headings() {
        for line in [
            "1. We show that it works.",
            "3 of the 5 runs",
            "12.5 0.3 X 17 4.2",
            "2019 Conference",
            "A man said",
            "I. e",
            "5 X",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn known_headings_need_no_number() {
        assert_eq!(known("ABSTRACT"), Some("ABSTRACT"));
        assert_eq!(known("5. Results and Discussion"), Some("Results and Discussion"));
        assert_eq!(known("abstract"), None);
        assert_eq!(known("Results of the first run"), None);
    }
}
