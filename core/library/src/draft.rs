//! What a reader hands back, before it has an owner.

use std::borrow::Cow;

use chat::{Document, Identifiers, Provenance, Scope};
use serde::{Deserialize, Serialize};

use crate::{body::Parts, clean, identity};

/// A paper or note as read from a file, cleaned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its title; never empty after [`crate::read`].
    pub title: String,
    /// Full names, in order.
    pub authors: Vec<String>,
    /// Year of publication.
    pub year: Option<i16>,
    /// Journal, proceedings or site.
    pub venue: Option<String>,
    /// The names by which it is known.
    pub identifiers: Identifiers,
    /// Licence as stated by the source, where it states one.
    pub license: Option<String>,
    /// The cleaned text, NFC; never empty after [`crate::read`].
    pub text: String,
    /// Byte offset where each page starts.
    pub pages: Vec<usize>,
    /// Byte offset and heading of each section.
    pub sections: Vec<(usize, String)>,
    /// Whether its source says that it was retracted.
    pub retracted: bool,
    /// The entry's key within the file, where a file holds many.
    pub fragment: Option<String>,
    /// The format's name.
    pub format: Cow<'static, str>,
}

/// What fields of a document are at the most, in bytes: each goes with every passage of it. A collaboration of physicists has
/// thousands of authors.
const TITLE_MAX: usize = 1_000;
const FIELD_MAX: usize = 500;
const NAME_MAX: usize = 200;
const AUTHORS_MAX: usize = 10_000;

impl Draft {
    /// The document that this becomes in `scope`, read from `file` (its whole path: two folders may hold files of one
    /// name) whose SHA-256 is `content_hash`.
    pub fn into_document(self, scope: Scope, file: &str, content_hash: &str) -> Document {
        let file = match &self.fragment {
            Some(fragment) => format!("{file}#{fragment}"),
            None => file.to_owned(),
        };
        let keys = identity::or_file(self.keys(), &file, &self.title);
        Document {
            id: identity::id(&scope, &keys[0]),
            scope,
            language: language(&self.text),
            provenance: Provenance {
                file,
                format: self.format.into_owned(),
                content_hash: content_hash.to_owned(),
                license: self.license,
            },
            title: self.title,
            authors: self.authors,
            year: self.year,
            venue: self.venue,
            identifiers: self.identifiers,
            retracted: self.retracted,
            text: self.text,
            pages: self.pages,
            sections: self.sections,
        }
    }

    /// Cuts fields that are longer than any paper's; the text is cut where it is read.
    pub fn bound(&mut self) {
        cut(&mut self.title, TITLE_MAX);
        self.sections.iter_mut().for_each(|(_, heading)| cut(heading, FIELD_MAX));
        self.authors.truncate(AUTHORS_MAX);
        self.authors.iter_mut().for_each(|name| cut(name, NAME_MAX));
        let fields = self.venue.iter_mut().chain(&mut self.license).chain(&mut self.fragment);
        fields.for_each(|field| cut(field, FIELD_MAX));
        // Half of an identifier names something else.
        let Identifiers { doi, arxiv, anthology, pubmed } = &mut self.identifiers;
        for name in [doi, arxiv, anthology, pubmed] {
            *name = name.take().filter(|name| name.len() <= FIELD_MAX);
        }
    }

    /// Whether its pages and sections begin within its text, in order: what another process says is not believed.
    pub fn is_whole(&self) -> bool {
        let is_within = |at: usize| self.text.is_char_boundary(at);
        let sections = self.sections.iter().map(|(at, _)| *at);
        !self.text.is_empty()
            && self.pages.is_sorted()
            && sections.clone().is_sorted()
            && self.pages.iter().copied().chain(sections).all(is_within)
    }

    /// [`identity::keys`] of this draft; empty for a note.
    pub fn keys(&self) -> Vec<String> {
        identity::keys(&self.title, &self.authors, &self.identifiers)
    }

    pub(crate) fn with_body(mut self, parts: Parts) -> Self {
        self.text = parts.text;
        self.sections = parts.sections;
        self
    }

    /// Cleans the fields, completes the identifiers, and gives an entry without text the sentences that its fields
    /// make: "who wrote X" has an answer.
    pub(crate) fn finish(mut self) -> Self {
        self.title = clean::line(&self.title);
        let marked = self.title.to_lowercase();
        let marked = marked.trim_start_matches(['[', '(', '*']);
        self.retracted |=
            ["retracted:", "retracted article", "retracted paper", "withdrawn:", "retracted]", "withdrawn]"]
                .iter()
                .any(|mark| marked.starts_with(mark));
        self.authors = self.authors.iter().map(|name| clean::line(name)).filter(|name| !name.is_empty()).collect();
        self.venue = self.venue.map(|venue| clean::line(&venue)).filter(|venue| !venue.is_empty());
        self.identifiers = identity::complete(self.identifiers);
        self.bound();
        if self.text.is_empty() && !self.title.is_empty() {
            self.text = self.record();
        }
        self
    }

    /// Title, authors, venue and year as a sentence or two.
    fn record(&self) -> String {
        let ended = self.title.ends_with(['.', '?', '!']);
        let mut record = format!("{}{}", self.title, if ended { "" } else { "." });
        let authors = match self.authors.as_slice() {
            [] => String::new(),
            [one] => format!(" by {one}"),
            [first @ .., last] => format!(" by {} and {last}", first.join(", ")),
        };
        let venue = self.venue.as_ref().map(|venue| format!(" in {venue}")).unwrap_or_default();
        let year = self.year.map(|year| format!(" in {year}")).unwrap_or_default();
        match (authors.is_empty(), venue.is_empty() && year.is_empty()) {
            (true, true) => {}
            (false, true) => record.push_str(&format!(" Written{authors}.")),
            (true, false) => record.push_str(&format!(" Published{venue}{year}.")),
            (false, false) => record.push_str(&format!(" Written{authors}, published{venue}{year}.")),
        }
        record
    }
}

/// Cuts a text to at most so many bytes, between characters.
fn cut(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}

/// ISO 639-1 code of the language of `text`; none where it cannot be told.
pub(crate) fn language(text: &str) -> Option<String> {
    let head = text.char_indices().nth(4_000).map_or(text, |(end, _)| &text[..end]);
    let found = whatlang::detect(head)?;
    found.is_reliable().then(|| iso_639_1(found.lang()).to_owned())
}

fn iso_639_1(language: whatlang::Lang) -> &'static str {
    use whatlang::Lang::*;
    match language {
        Epo => "eo",
        Eng => "en",
        Rus => "ru",
        Cmn => "zh",
        Spa => "es",
        Por => "pt",
        Ita => "it",
        Ben => "bn",
        Fra => "fr",
        Deu => "de",
        Ukr => "uk",
        Kat => "ka",
        Ara => "ar",
        Hin => "hi",
        Jpn => "ja",
        Heb => "he",
        Yid => "yi",
        Pol => "pl",
        Amh => "am",
        Jav => "jv",
        Kor => "ko",
        Nob => "no",
        Dan => "da",
        Swe => "sv",
        Fin => "fi",
        Tur => "tr",
        Nld => "nl",
        Hun => "hu",
        Ces => "cs",
        Ell => "el",
        Bul => "bg",
        Bel => "be",
        Mar => "mr",
        Kan => "kn",
        Ron => "ro",
        Slv => "sl",
        Hrv => "hr",
        Srp => "sr",
        Mkd => "mk",
        Lit => "lt",
        Lav => "lv",
        Est => "et",
        Tam => "ta",
        Vie => "vi",
        Urd => "ur",
        Tha => "th",
        Guj => "gu",
        Uzb => "uz",
        Pan => "pa",
        Aze => "az",
        Ind => "id",
        Tel => "te",
        Pes => "fa",
        Mal => "ml",
        Ori => "or",
        Mya => "my",
        Nep => "ne",
        Sin => "si",
        Khm => "km",
        Tuk => "tk",
        Aka => "ak",
        Zul => "zu",
        Sna => "sn",
        Afr => "af",
        Lat => "la",
        Slk => "sk",
        Cat => "ca",
        Tgl => "tl",
        Hye => "hy",
        Cym => "cy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(title: &str, authors: &[&str], venue: Option<&str>, year: Option<i16>, want: &str) {
        let draft = Draft {
            title: title.into(),
            authors: authors.iter().map(|name| (*name).to_owned()).collect(),
            venue: venue.map(str::to_owned),
            year,
            ..Draft::default()
        };
        assert_eq!(draft.finish().text, want);
    }

    #[test]
    fn an_entry_without_text_says_its_fields() {
        let want = "On X. Written by Ana Roth, Bo Li and Cy Dee, published in Venue in 2019.";
        check("On X", &["Ana Roth", "Bo Li", "Cy Dee"], Some("Venue"), Some(2019), want);
        check("Why X?", &["Ana Roth"], None, None, "Why X? Written by Ana Roth.");
        check("On X", &[], None, Some(1999), "On X. Published in 1999.");
        check("On X", &[], None, None, "On X.");
        check("", &[], None, None, "");
    }

    #[test]
    fn a_title_can_say_that_the_paper_is_retracted() {
        for (title, want) in
            [("RETRACTED: On X", true), ("[Retracted] On X", true), ("Why papers are retracted", false)]
        {
            assert_eq!(Draft { title: title.into(), ..Draft::default() }.finish().retracted, want, "{title}");
        }
    }

    #[test]
    fn a_language_is_told_only_where_it_is_certain() {
        let english = "The measurements show that our method finds the papers that answer a question, and that the
            lines which it quotes are those that a careful reader would have chosen as well.";
        assert_eq!(language(english).as_deref(), Some("en"));
        assert_eq!(language("这些测量表明我们的方法可以找到回答问题的论文。").as_deref(), Some("zh"));
        assert_eq!(language("x = 3"), None);
    }

    #[test]
    fn a_note_is_known_by_its_file_and_title() {
        let draft = Draft { title: "Rules".into(), text: "Be kind.".into(), ..Draft::default() };
        let scope: Scope = "room:lab".parse().unwrap();
        let one = draft.clone().into_document(scope.clone(), "a.md", "00");
        assert_ne!(one.id, draft.clone().into_document(scope.clone(), "b.md", "00").id);
        assert_eq!(one.id, draft.into_document(scope, "a.md", "11").id);
        assert_eq!(identity::of(&one)[0], "file:a.md|rules");
    }
}
