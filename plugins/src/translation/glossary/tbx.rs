//! TBX, the exchange format of terminologies: its Core, Basic and Min dialects, and the older MARTIF names.
//!
//! **Invariant:** no entity is expanded but the five of XML and character references: a file that declares its own is
//! refused.

use quick_xml::{Reader, events::Event};

use super::{FILE_BYTES_MAX, Glossary, Import, ImportError, LANGUAGES_MAX, Refused, Term, is_language, shortened};

/// Deepest nesting; a term stands at 7.
const DEPTH_MAX: usize = 32;

/// A concept under construction.
#[derive(Default)]
struct Concept {
    line: u64,
    /// In the file's order: the first names the term where English does not.
    words: Vec<(String, String)>,
    note: Option<String>,
    /// Languages with further terms.
    synonyms: Vec<String>,
}

impl Glossary {
    /// Reads a TBX file: each concept is a term, named in English where it is, else in its first language. Of several
    /// terms of a language the first is taken and the others are reported.
    ///
    /// # Errors
    /// [`ImportError`] where the file is no XML, too large or too deep, or declares entities; a bad concept is in
    /// [`Import::refused`] and the others are taken.
    pub fn import_tbx(text: &str) -> Result<Import, ImportError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge { bytes: text.len() });
        }
        let mut reader = Reader::from_str(text);
        let mut lines = Lines { text, at: 0, line: 1 };
        let mut import = Import::default();
        let mut open: Vec<String> = Vec::new();
        let mut concept: Option<Concept> = None;
        let mut language = String::new();
        let mut words = String::new();
        loop {
            let at = reader.buffer_position();
            let event = reader.read_event();
            let line = lines.at(usize::try_from(at).unwrap_or(text.len()));
            let broken = |why: String| ImportError::Xml { line, why };
            match event.map_err(|error| broken(error.to_string()))? {
                Event::Start(start) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(broken(format!("the file is nested deeper than {DEPTH_MAX}")));
                    }
                    let name = start.local_name().as_ref().to_owned();
                    match name.as_str() {
                        "conceptEntry" | "termEntry" => concept = Some(Concept { line, ..Concept::default() }),
                        "langSec" | "langSet" => {
                            let found = start.attributes().flatten().find(|found| found.key.as_ref() == "xml:lang");
                            language = found.map(|found| found.value.trim().to_lowercase()).unwrap_or_default();
                        }
                        "term" | "note" | "descrip" => words.clear(),
                        _ => {}
                    }
                    open.push(name);
                }
                Event::End(_) => {
                    let name = open.pop().unwrap_or_default();
                    match name.as_str() {
                        "conceptEntry" | "termEntry" => {
                            if let Some(concept) = concept.take() {
                                concept.finish(&mut import);
                            }
                        }
                        "term" => {
                            if let Some(concept) = &mut concept {
                                concept.call(&language, &words);
                            }
                        }
                        "note" => {
                            let note = squeezed(&words);
                            if let Some(concept) =
                                concept.as_mut().filter(|found| found.note.is_none() && !note.is_empty())
                            {
                                concept.note = Some(note);
                            }
                        }
                        _ => {}
                    }
                }
                Event::Text(piece) => words.push_str(&piece),
                Event::CData(piece) => words.push_str(&piece),
                Event::GeneralRef(reference) => {
                    let name: &str = &reference;
                    let known = match name {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => reference.resolve_char_ref().map_err(|error| broken(error.to_string()))?,
                    };
                    words.push(known.ok_or_else(|| broken(format!("the entity `{}` is unknown", shortened(name))))?);
                }
                Event::DocType(declaration) if declaration.contains("<!ENTITY") => {
                    return Err(broken("the file declares entities".to_owned()));
                }
                Event::Eof if open.is_empty() => return Ok(import),
                Event::Eof => return Err(broken("the file ends within an element".to_owned())),
                Event::Empty(_) | Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }
}

impl Concept {
    fn call(&mut self, language: &str, words: &str) {
        // One more than may be is enough to be refused for.
        if self.words.len() > LANGUAGES_MAX {
            return;
        }
        if self.words.iter().any(|(known, _)| known == language) {
            self.synonyms.push(language.to_owned());
        } else {
            self.words.push((language.to_owned(), squeezed(words)));
        }
    }

    fn finish(self, import: &mut Import) {
        let line = self.line;
        let mut refuse = |why: String| import.refused.push(Refused { line, why });
        for language in self.synonyms {
            refuse(format!("another term of `{}` is left out", shortened(&language)));
        }
        if let Some((language, _)) = self.words.iter().find(|(language, _)| !is_language(language)) {
            return refuse(format!("`{}` is no language code", shortened(language)));
        }
        let english = self.words.iter().find(|(language, _)| language == "en" || language.starts_with("en-"));
        let name = english.or(self.words.first()).map(|(_, words)| words.clone()).unwrap_or_default();
        let term = Term { name, languages: self.words.into_iter().collect(), note: self.note };
        if let Err(why) = import.glossary.add(term) {
            import.refused.push(Refused { line, why });
        }
    }
}

fn squeezed(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Line numbers of rising offsets.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> u64 {
        let passed = self.text.as_bytes().get(self.at..offset).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = self.at.max(offset);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &[&str]) {
        let found: Vec<String> = match Glossary::import_tbx(input) {
            Ok(import) => {
                let terms = import.glossary.terms().map(|term| {
                    let words: Vec<String> =
                        term.languages.iter().map(|(code, words)| format!("{code}={words}")).collect();
                    format!("{}: {} {}", term.name, words.join(" "), term.note.as_deref().unwrap_or("-"))
                });
                terms.chain(import.refused.iter().map(ToString::to_string)).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn both_generations_of_names_are_read() {
        check(
            r#"<?xml version="1.0"?><tbx type="TBX-Basic"><text><body>
<conceptEntry id="1"><note>of  graphs</note>
<langSec xml:lang="de"><termSec><term>Knoten &amp; Ecke</term></termSec></langSec>
<langSec xml:lang="en"><termSec><term>node</term></termSec><termSec><term>vertex</term></termSec></langSec>
</conceptEntry></body></text></tbx>"#,
            &["node: de=Knoten & Ecke en=node of graphs", "line 2: another term of `en` is left out"],
        );
        check(
            r#"<martif><text><body><termEntry><langSet xml:lang="zh-CN"><ntig><termGrp><term>图</term></termGrp></ntig></langSet>
<langSet xml:lang="FR"><tig><term>graphe</term></tig></langSet></termEntry></body></text></martif>"#,
            &["图: fr=graphe zh-cn=图 -"],
        );
    }

    #[test]
    fn a_bad_concept_is_named_and_the_others_are_taken() {
        check(
            "<b>\n<conceptEntry/>\n<conceptEntry></conceptEntry>\n<conceptEntry><langSec xml:lang='english'><term>a</term></langSec></conceptEntry>\n<conceptEntry><langSec xml:lang='en'><term>b</term></langSec></conceptEntry></b>",
            &["b: en=b -", "line 3: the term is empty", "line 4: `english` is no language code"],
        );
    }

    #[test]
    fn bombs_are_refused() {
        check("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", &["line 1: the file declares entities"]);
        check("<a>\n&x;</a>", &["line 2: the entity `x` is unknown"]);
        check(&"<a>".repeat(40), &["line 1: the file is nested deeper than 32"]);
        check("<a>\n<b>", &["line 2: the file ends within an element"]);
        let large = " ".repeat(FILE_BYTES_MAX + 1);
        check(&large, &["the file has 8388609 bytes, more than 8388608"]);
    }
}
