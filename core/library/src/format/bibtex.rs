//! BibTeX and BibLaTeX: one draft per entry; a broken entry costs that entry.

mod loops;

use std::sync::LazyLock;

use biblatex::{Bibliography, ChunksExt, Entry, ParseError, ParseErrorKind, Person};
use chat::Identifiers;
use regex::Regex;

use loops::Wrong;

use crate::{Draft, ReadError, Reader, Reading, Refusal, body::Body, clean, identity, license, read::Input};

/// Deepest nesting of braces.
const DEPTH_MAX: usize = 100;

/// Abbreviations of one entry that its file does not define: those of a style, such as months and journals.
const UNKNOWN_MAX: usize = 16;

static ENTRY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^[ \t]*@[ \t]*([A-Za-z]+)[ \t]*[{(]").expect("a fixed pattern"));

/// Accents over dotless letters, which the parser leaves as they are: `\^\i` is `\^i`.
static DOTLESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\\(['"`^~=])\s*(?:\{\\([ij])\s*\}|\\([ij])\b\s*)"#).expect("a fixed pattern"));

static SWITCH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\\(?:mbox|sc|bf|it|em|tt|rm|sl|sf|textsc|emph|noopsort|protect)\b\s*|\\$").expect("a fixed pattern")
});

/// LaTeX's escapes and the rules of names are those of the `biblatex` crate.
pub(crate) struct Bibtex;

/// Whether text opens with an entry.
pub(super) fn looks_like(head: &str) -> bool {
    ENTRY
        .find(head)
        .is_some_and(|found| head[..found.start()].lines().all(|line| line.trim().is_empty() || line.starts_with('%')))
        && ENTRY.captures(head).is_some_and(|found| {
            let kind = found[1].to_lowercase();
            matches!(
                kind.as_str(),
                "article"
                    | "book"
                    | "inproceedings"
                    | "incollection"
                    | "misc"
                    | "online"
                    | "phdthesis"
                    | "thesis"
                    | "techreport"
                    | "string"
                    | "comment"
                    | "preamble"
                    | "proceedings"
                    | "inbook"
                    | "mastersthesis"
                    | "unpublished"
                    | "manual"
                    | "report"
            )
        })
}

impl Reader for Bibtex {
    fn format(&self) -> &'static str {
        "bibtex"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let text = clean::decode(input.bytes, None);
        let text = DOTLESS.replace_all(&text, r"\$1{$2$3}");
        let pieces = pieces(&text);
        let mut reading = Reading::default();
        if pieces.iter().all(|piece| !is_too_deep(piece))
            && let Ok(whole) = loops::parse(&text)
        {
            whole.iter().for_each(|entry| take(entry, &mut reading));
            return Ok(reading);
        }
        // The crate refuses a whole file for one broken entry: from here on, each is parsed alone.
        let strings: String = pieces.iter().filter(|piece| kind(piece) == "string").copied().collect();
        for piece in pieces.iter().filter(|piece| !matches!(kind(piece).as_str(), "string" | "comment" | "preamble")) {
            if is_too_deep(piece) {
                reading.refused.push(Refusal { fragment: key(piece), error: ReadError::TooDeep { max: DEPTH_MAX } });
                continue;
            }
            match parse_alone(piece, &strings) {
                Ok(one) => one.iter().for_each(|entry| take(entry, &mut reading)),
                Err(error) => {
                    let fragment = key(piece);
                    reading.refused.push(Refusal { fragment, error: ReadError::broken("BibTeX", error) });
                }
            }
        }
        Ok(reading)
    }
}

/// Whether braces are nested past all use: the parser takes quadratic time on them.
fn is_too_deep(piece: &str) -> bool {
    let mut depth = 0_usize;
    piece.bytes().any(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEPTH_MAX
    })
}

/// One entry. An abbreviation that nobody defines stands for its own name.
fn parse_alone(piece: &str, strings: &str) -> Result<Bibliography, Wrong> {
    let mut known = String::new();
    let mut result = loops::parse(piece);
    for round in 0..UNKNOWN_MAX {
        let Err(Wrong::Parse(ParseError { kind: ParseErrorKind::UnknownAbbreviation(name), .. })) = &result else {
            break;
        };
        if round > 0 {
            known.push_str(&format!("@string{{{name} = \"{name}\"}}\n"));
        }
        result = loops::parse(&format!("{known}{strings}\n{piece}"));
    }
    result
}

/// The entries of a file, cut where a line opens one: a missing brace costs one entry.
fn pieces(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = ENTRY.find_iter(text).map(|found| found.start()).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

fn kind(piece: &str) -> String {
    ENTRY.captures(piece).map_or_else(String::new, |found| found[1].to_lowercase())
}

fn key(piece: &str) -> String {
    let inner = piece.split_once(['{', '(']).map_or("", |(_, rest)| rest);
    inner.split([',', '\n', '}']).next().unwrap_or_default().trim().to_owned()
}

fn take(entry: &Entry, reading: &mut Reading) {
    // Sets, data and controls of BibLaTeX are no works.
    if matches!(entry.entry_type.to_string().as_str(), "set" | "xdata" | "bibnote" | "control") {
        return;
    }
    let fragment = entry.key.clone();
    match draft(entry) {
        Some(draft) => reading.drafts.push(Draft { fragment: Some(fragment), ..draft }),
        None => reading.refused.push(Refusal { fragment, error: ReadError::Nothing { what: "title" } }),
    }
}

fn draft(entry: &Entry) -> Option<Draft> {
    let field =
        |name: &str| entry.get(name).map(|chunks| tidy(&chunks.format_verbatim())).filter(|text| !text.is_empty());
    let title = match (field("title")?, field("subtitle")) {
        (title, Some(subtitle)) => format!("{title}: {subtitle}"),
        (title, None) => title,
    };
    let people = entry.get_as::<Vec<Person>>("author").or_else(|_| entry.get_as("editor")).unwrap_or_default();
    let mut body = Body::default();
    if let Some(text) = field("abstract") {
        body.heading(1, "Abstract");
        body.paragraph(&text);
    }
    let address =
        ["url", "eprint", "note", "howpublished", "journal", "journaltitle"].iter().filter_map(|name| field(name));
    let address = address.collect::<Vec<_>>().join(" ");
    let is_arxiv =
        field("archiveprefix").or_else(|| field("eprinttype")).is_some_and(|kind| kind.eq_ignore_ascii_case("arxiv"));
    let arxiv = if is_arxiv { field("eprint").and_then(|id| identity::arxiv(&id)) } else { None };
    let draft = Draft {
        title,
        authors: people.iter().map(full_name).filter(|name| name != "others").collect(),
        year: year(&field("year").or_else(|| field("date")).unwrap_or_default()),
        venue: [
            "journaltitle",
            "journal",
            "booktitle",
            "eventtitle",
            "school",
            "institution",
            "publisher",
            "organization",
        ]
        .iter()
        .find_map(|name| field(name)),
        identifiers: Identifiers {
            doi: field("doi")
                .or_else(|| Some(address.clone()).filter(|text| text.contains("doi.org/")))
                .and_then(|doi| identity::doi(&doi)),
            arxiv: arxiv.or_else(|| {
                after(&address, &["arxiv.org/abs/", "arxiv.org/pdf/", "arXiv:", "arXiv preprint arXiv:"])
                    .and_then(identity::arxiv)
            }),
            anthology: after(&address, &["aclanthology.org/", "aclanthology.info/papers/", "aclweb.org/anthology/"])
                .and_then(identity::anthology),
            pubmed: field("pmid").or_else(|| field("pmcid").map(|id| id.to_lowercase())),
        },
        license: field("license")
            .or_else(|| field("rights"))
            .or_else(|| field("copyright"))
            .and_then(|text| license::name(&text)),
        ..Draft::default()
    };
    Some(draft.with_body(body.finish()))
}

/// What stands after the first of `marks` that is in `text`.
fn after<'a>(text: &'a str, marks: &[&str]) -> Option<&'a str> {
    marks
        .iter()
        .find_map(|mark| text.split_once(mark))
        .map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default())
}

fn full_name(person: &Person) -> String {
    [&person.given_name, &person.prefix, &person.name, &person.suffix]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| tidy(part))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The first four digits that stand alone.
fn year(text: &str) -> Option<i16> {
    text.split(|found: char| !found.is_ascii_digit()).find(|run| run.len() == 4)?.parse().ok()
}

/// What the parser leaves of LaTeX: braces, dashes, switches of fonts, spaces.
fn tidy(text: &str) -> String {
    let text = SWITCH.replace_all(text, "");
    clean::line(
        &text
            .replace("\\ ", " ")
            .replace(['{', '}'], "")
            .replace("---", "—")
            .replace("--", "–")
            .replace("``", "“")
            .replace("''", "”"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[track_caller]
    fn check(bib: &str, want: &[(&str, &str, &[&str])]) -> Reading {
        let reading = crate::read("a.bib", bib.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = reading
            .drafts
            .iter()
            .map(|draft| (draft.fragment.clone().unwrap(), draft.title.clone(), draft.authors.clone()))
            .collect();
        let want: Vec<_> = want
            .iter()
            .map(|(key, title, authors)| {
                (
                    (*key).to_owned(),
                    (*title).to_owned(),
                    authors.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
                )
            })
            .collect();
        assert_eq!(found, want);
        reading
    }

    #[test]
    fn latex_becomes_letters_and_names_are_turned_round() {
        let bib = r#"@inproceedings{sagot, title = {On {BERT} and {\'E}tudes -- a \"{u}ber view}, year = 2019, month = jul,
            author = {Sagot, Beno{\^\i}t and van der Meulen, Marylee J. and Li, Bo and others}, booktitle = "Proc. of {ACL}",
            url = {https://www.aclweb.org/anthology/P19-1374}, doi={10.18653/v1/P19-1374}}"#;
        let reading = check(
            bib,
            &[("sagot", "On BERT and Études – a über view", &["Benoît Sagot", "Marylee J. van der Meulen", "Bo Li"])],
        );
        let draft = &reading.drafts[0];
        assert_eq!(draft.identifiers.anthology.as_deref(), Some("p19-1374"));
        assert_eq!((draft.year, draft.venue.as_deref()), (Some(2019), Some("Proc. of ACL")));
        assert!(draft.text.ends_with("published in Proc. of ACL in 2019."), "{}", draft.text);
    }

    #[test]
    fn a_broken_entry_costs_that_entry() {
        let bib = "@string{jt = {J. Test}}\n@article{one, title={One}, journal=jt, month=jan}\n@article{two, title={Two, author={X}\n@article{three, title={Three}}\n@misc{four, note={no title}}";
        let reading = check(bib, &[("one", "One", &[]), ("three", "Three", &[])]);
        assert_eq!(reading.refused.iter().map(|found| found.fragment.as_str()).collect::<Vec<_>>(), ["two", "four"]);
        assert_eq!(reading.drafts[0].venue.as_deref(), Some("J. Test"));
    }

    #[test]
    fn an_abbreviation_that_nobody_defines_is_its_own_name() {
        let reading =
            check("@article{a, title={The \\sc Tron Game}, journal=jacm, month=aug}", &[("a", "The Tron Game", &[])]);
        assert_eq!(reading.drafts[0].venue.as_deref(), Some("jacm"));
    }

    #[test]
    fn arxiv_entries_keep_their_id() {
        let bib = "@misc{a, title={A}, eprint={1707.08567v2}, archivePrefix={arXiv}}\n@article{b, title={B}, journal={arXiv preprint arXiv:1801.00001}}";
        let reading = check(bib, &[("a", "A", &[]), ("b", "B", &[])]);
        let ids: Vec<_> = reading.drafts.iter().map(|draft| draft.identifiers.arxiv.clone().unwrap()).collect();
        assert_eq!(ids, ["1707.08567", "1801.00001"]);
    }
}
