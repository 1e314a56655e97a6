//! By which names two inputs are one paper: identifiers in one spelling, titles and families as keys.

use std::sync::LazyLock;

use chat::{Document, DocumentId, Identifiers, Scope};
use regex::Regex;
use sha2::{Digest, Sha256};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

static DOI: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(10\.\d{4,9}/[^\s<>{}\x22]+)").expect("a fixed pattern"));
static ARXIV: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:^|[^0-9a-z.])((?:\d{4}\.\d{4,5})|(?:[a-z-]{2,12}(?:\.[a-z]{2})?/\d{7}))(?:v\d+)?(?:$|[^0-9a-z])",
    )
    .expect("a fixed pattern")
});
static ANTHOLOGY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:^|[^0-9a-z])([a-z]\d{2}-\d{4}|\d{4}\.[a-z0-9_]+-[a-z0-9_]+\.\d+)(?:$|[^0-9a-z])")
        .expect("a fixed pattern")
});

/// The DOI within `text`, in lower case.
pub fn doi(text: &str) -> Option<String> {
    let found = DOI.captures(text)?.get(1)?.as_str();
    let found = found.trim_end_matches(['.', ',', ';', ':', '\'', '”', '’']);
    // A closing bracket belongs to the DOI only where it opens there: `10.1016/0011(94)00067-9`.
    let surplus = found.ends_with(')') && found.matches(')').count() > found.matches('(').count();
    let found = if surplus { found.trim_end_matches([')', '.']) } else { found.trim_end_matches(']') };
    Some(found.to_lowercase())
}

/// The arXiv id within `text`, in lower case, without a version.
pub fn arxiv(text: &str) -> Option<String> {
    ARXIV.captures(text)?.get(1).map(|found| found.as_str().to_lowercase())
}

/// The ACL Anthology id within `text`, in lower case.
pub fn anthology(text: &str) -> Option<String> {
    ANTHOLOGY.captures(text)?.get(1).map(|found| found.as_str().to_lowercase())
}

/// `ids` with what each says of the others: arXiv's and the Anthology's DOIs carry their ids.
pub fn complete(mut ids: Identifiers) -> Identifiers {
    if let Some(doi) = ids.doi.take() {
        if let Some(id) = doi.strip_prefix("10.48550/arxiv.") {
            ids.arxiv.get_or_insert_with(|| id.to_owned());
        }
        if let Some(id) = doi.strip_prefix("10.18653/v1/") {
            ids.anthology.get_or_insert_with(|| id.to_owned());
        }
        ids.doi = Some(doi);
    }
    ids
}

/// Every key by which this paper may be known, strongest first: two documents that share one are one paper.
///
/// `doi:`, `arxiv:`, `anthology:`, `pubmed:`, and `title:` with the families where authors are known.
pub fn keys(title: &str, authors: &[String], ids: &Identifiers) -> Vec<String> {
    let mut keys: Vec<String> =
        [("doi", &ids.doi), ("arxiv", &ids.arxiv), ("anthology", &ids.anthology), ("pubmed", &ids.pubmed)]
            .into_iter()
            .filter_map(|(kind, id)| Some(format!("{kind}:{}", id.as_ref()?)))
            .collect();
    // An arXiv preprint and its printed version agree in title and authors, not in identifiers.
    let title = fold(title);
    if !authors.is_empty() && !title.is_empty() {
        let mut families: Vec<String> = authors.iter().map(|author| family(author)).collect();
        families.sort();
        keys.push(format!("title:{title}|{}", families.join(" ")));
    }
    keys
}

/// [`keys`] of a document; never empty: a note without any is known by its file and title, and by its text, so that it
/// is known again where its file was moved.
pub fn of(document: &Document) -> Vec<String> {
    let keys = keys(&document.title, &document.authors, &document.identifiers);
    if !keys.is_empty() {
        return keys;
    }
    let text = format!("text:{}", crate::sha256(document.text.as_bytes()));
    or_file(keys, &document.provenance.file, &document.title).into_iter().chain([text]).collect()
}

/// `keys`, or the key of a note that has none.
pub(crate) fn or_file(mut keys: Vec<String>, file: &str, title: &str) -> Vec<String> {
    if keys.is_empty() {
        keys.push(format!("file:{file}|{}", fold(title)));
    }
    keys
}

/// The id of the document in `scope` whose strongest key is `key`.
pub fn id(scope: &Scope, key: &str) -> DocumentId {
    let digest = Sha256::digest(format!("{scope}\n{key}"));
    DocumentId(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// The names of Greek letters from alpha, the final sigma with the other: BibTeX writes `$\\lambda$` for λ.
const GREEK: [&str; 25] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
];

/// Lower case without accents and punctuation, Greek letters by name, single spaces.
pub(crate) fn fold(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase);
    for character in plain {
        match character {
            'α'..='ω' => letters.push_str(GREEK[(u32::from(character) - u32::from('α')) as usize]),
            found if found.is_alphanumeric() => letters.push(found),
            _ => letters.push(' '),
        }
    }
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The family name: the last word that is no suffix.
fn family(author: &str) -> String {
    let folded = fold(author);
    let last = folded.split(' ').rev().find(|word| !matches!(*word, "jr" | "sr" | "ii" | "iii" | "iv"));
    last.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Option<String>, want: &str) {
        assert_eq!(found.unwrap_or_default(), want);
    }

    #[test]
    fn identifiers_have_one_spelling() {
        check(doi("https://doi.org/10.18653/V1/P19-1374."), "10.18653/v1/p19-1374");
        check(doi("(doi:10.1016/0011(94)00067-9)"), "10.1016/0011(94)00067-9");
        check(doi("none here 10.5 / 7"), "");
        check(arxiv("http://arxiv.org/abs/1707.08567v2"), "1707.08567");
        check(arxiv("arXiv:astro-ph/0601001"), "astro-ph/0601001");
        check(arxiv("math.GT/0309136v1"), "math.gt/0309136");
        check(arxiv("10.1000/1234.56789"), "1234.56789");
        check(anthology("https://aclanthology.org/P19-1374/"), "p19-1374");
        check(anthology("acl19irc_P19-1374.pdf"), "p19-1374");
        check(anthology("2024.eacl-long.1"), "2024.eacl-long.1");
        check(anthology("XP19-13745"), "");
    }

    #[test]
    fn the_same_paper_shares_a_key_across_formats() {
        let by_doi = complete(Identifiers { doi: Some("10.18653/v1/p19-1374".into()), ..Identifiers::default() });
        let by_id = Identifiers { anthology: Some("p19-1374".into()), ..Identifiers::default() };
        let one = keys("A Large-Scale Corpus", &["Jonathan K. Kummerfeld".into()], &by_doi);
        let two = keys("A large scale corpus.", &["J. Kummerfeld".into()], &by_id);
        assert_eq!(one, ["doi:10.18653/v1/p19-1374", "anthology:p19-1374", "title:a large scale corpus|kummerfeld"]);
        assert_eq!(two, ["anthology:p19-1374", "title:a large scale corpus|kummerfeld"]);
    }

    #[test]
    fn accents_and_suffixes_do_not_part_authors() {
        let plain = keys("Über X", &["Benoit Sagot Jr.".into()], &Identifiers::default());
        assert_eq!(plain, keys("Uber X", &["Benoît Sagot".into()], &Identifiers::default()));
        assert_eq!(fold(r"Phage $\lambda$ (Lysis)"), fold("phage λ: lysis"));
    }

    #[test]
    fn an_id_depends_on_scope_and_key() {
        let lab: Scope = "community:lab".parse().unwrap();
        let room: Scope = "room:lab".parse().unwrap();
        assert_eq!(id(&lab, "doi:1"), id(&lab, "doi:1"));
        assert_ne!(id(&lab, "doi:1"), id(&room, "doi:1"));
        assert_eq!(id(&lab, "doi:1").0.len(), 16);
    }
}
