//! Glossaries as spreadsheets write them: a row of language codes, then a row for each term.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord, WriterBuilder};

use super::{FILE_BYTES_MAX, Glossary, Import, ImportError, LANGUAGES_MAX, Refused, Term, is_language, shortened};

/// What a column holds.
enum Column {
    Name,
    Note,
    Language(String),
    Unknown,
}

impl Glossary {
    /// Reads comma-, semicolon- or tab-separated values, told by the first row.
    ///
    /// The first row names the columns: language codes, `note`, and `term` for names of no language. Without a `term`
    /// column the first language's word is the name. Empty cells are no translation.
    ///
    /// # Errors
    /// [`ImportError`] where no row can be read; a bad row is in [`Import::refused`] and the others are taken.
    pub fn import_csv(text: &str) -> Result<Import, ImportError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge { bytes: text.len() });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter(text))
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut import = Import::default();
        let mut columns: Option<Vec<Column>> = None;
        for row in reader.records() {
            match row {
                Ok(row) => match &columns {
                    None => columns = Some(header(&row, &mut import.refused)?),
                    Some(columns) => take(&mut import, columns, &row, line(text, &row)),
                },
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    import.refused.push(Refused { line, why: "the row cannot be read".to_owned() });
                }
            }
        }
        columns.map(|_| import).ok_or(ImportError::NoLanguage)
    }

    /// The glossary as [`Glossary::import_csv`] reads it: `term`, every language in order, `note`. No cell is a formula to
    /// a spreadsheet: what would be one has an apostrophe before it, which is no part of it when it is read again.
    pub fn export_csv(&self) -> String {
        let mut languages: Vec<&str> =
            self.terms().flat_map(|term| term.languages.keys().map(String::as_str)).collect();
        languages.sort_unstable();
        languages.dedup();
        let mut writer = WriterBuilder::new().from_writer(Vec::new());
        let head = std::iter::once("term").chain(languages.iter().copied()).chain(["note"]);
        let mut written = writer.write_record(head).is_ok();
        for term in self.terms() {
            let cells = languages.iter().map(|language| term.languages.get(*language).map_or("", String::as_str));
            let note = term.note.as_deref().unwrap_or_default();
            let row = std::iter::once(term.name.as_str()).chain(cells).chain([note]).map(guarded);
            written &= writer.write_record(row.map(|cell| cell.into_owned())).is_ok();
        }
        debug_assert!(written, "a vector takes every row");
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Whether a spreadsheet would run a cell, or would but for apostrophes before it.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

fn guarded(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

/// The separator that stands most often in the first row, quoted cells aside.
fn delimiter(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ => counts.iter_mut().filter(|(sign, _)| *sign == byte && !quoted).for_each(|(_, count)| *count += 1),
        }
    }
    // Of equals the first: a comma where there is one column only.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(sign, _)| *sign)
}

fn header(row: &StringRecord, refused: &mut Vec<Refused>) -> Result<Vec<Column>, ImportError> {
    let mut seen: Vec<String> = Vec::new();
    let columns: Vec<Column> = row
        .iter()
        .map(|cell| {
            let name = cell.trim().to_lowercase().replace('_', "-");
            let why = if name.is_empty() {
                return Column::Unknown;
            } else if seen.contains(&name) {
                format!("the column `{}` stands twice", shortened(&name))
            } else if seen.len() > LANGUAGES_MAX + 1 {
                format!("more than {LANGUAGES_MAX} languages: the column `{}` is left out", shortened(&name))
            } else {
                seen.push(name.clone());
                match name.as_str() {
                    "term" => return Column::Name,
                    "note" | "notes" => return Column::Note,
                    _ if is_language(&name) => return Column::Language(name),
                    _ => format!("the column `{}` is no language code and is left out", shortened(&name)),
                }
            };
            refused.push(Refused { line: 1, why });
            Column::Unknown
        })
        .collect();
    let languages = columns.iter().filter(|column| matches!(column, Column::Language(_))).count();
    if languages == 0 { Err(ImportError::NoLanguage) } else { Ok(columns) }
}

/// The line on which a row begins: its position is that of the empty lines before it.
fn line(text: &str, row: &StringRecord) -> u64 {
    let Some(position) = row.position() else { return 0 };
    let rest = usize::try_from(position.byte()).ok().and_then(|at| text.as_bytes().get(at..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + empty as u64
}

fn take(import: &mut Import, columns: &[Column], row: &StringRecord, line: u64) {
    if row.iter().all(|cell| cell.trim().is_empty()) {
        return;
    }
    let mut term = Term::default();
    let mut first = None;
    for (column, cell) in columns.iter().zip(row) {
        let cell = unguarded(cell.trim());
        match column {
            Column::Name => term.name = cell.to_owned(),
            Column::Note if !cell.is_empty() => term.note = Some(cell.to_owned()),
            Column::Language(language) => {
                first.get_or_insert(cell);
                if !cell.is_empty() {
                    term.languages.insert(language.clone(), cell.to_owned());
                }
            }
            Column::Note | Column::Unknown => {}
        }
    }
    if !columns.iter().any(|column| matches!(column, Column::Name)) {
        term.name = first.unwrap_or_default().to_owned();
    }
    let result = if row.len() > columns.len() {
        Err(format!("the row has {} cells, the first row {}", row.len(), columns.len()))
    } else {
        import.glossary.add(term)
    };
    if let Err(why) = result {
        import.refused.push(Refused { line, why });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &[&str]) {
        let found: Vec<String> = match Glossary::import_csv(input) {
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
    fn separators_marks_and_quotes_are_told_by_the_file() {
        let expect: &[&str] = &["attention: de=Aufmerksamkeit en=attention -", "loss: de=Verlust, der en=loss see ML"];
        check("en,de,note\nattention,Aufmerksamkeit,\nloss,\"Verlust, der\",see ML\n", expect);
        check("\u{feff}en;de;note\r\nattention;Aufmerksamkeit\r\nloss;Verlust, der;see ML", expect);
        check("en\tde\tnote\nattention\tAufmerksamkeit\t\nloss\tVerlust, der\tsee ML", expect);
        check("term,de,pt_BR\nBERT,BERT,\n", &["BERT: de=BERT -"]);
    }

    #[test]
    fn a_bad_row_is_named_and_the_others_are_taken() {
        let long = "x".repeat(201);
        check(
            &format!("en,de\na,b\n,c\n{long},d\n\na,e\nf,g,h\n\"i\nj\",k\nl,m\n"),
            &[
                "a: de=b en=a -",
                "l: de=m en=l -",
                "line 3: the term is empty",
                "line 4: the term has 201 characters, more than 200",
                "line 6: the term `a` stands twice",
                "line 7: the row has 3 cells, the first row 2",
                "line 8: the term has a line break or another control character",
            ],
        );
    }

    #[test]
    fn a_file_without_languages_is_refused() {
        let want = "line 1: no column is named by a language code such as `en` or `pt-br`";
        check("", &[want]);
        check("word,note\na,b", &[want]);
        check("en,colour\na,b", &["a: en=a -", "line 1: the column `colour` is no language code and is left out"]);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let import = Glossary::import_csv("term,de,note\n=1+1,+x,-y\n'@a,'b,it's\n").expect("it is a glossary");
        let written = import.glossary.export_csv();
        assert_eq!(written, "term,de,note\n'=1+1,'+x,'-y\n'@a,'b,it's\n");
        assert_eq!(Glossary::import_csv(&written), Ok(import));
    }

    #[test]
    fn a_full_glossary_takes_no_more() {
        let rows: String = (0..10_002).map(|at| format!("t{at}\n")).collect();
        let import = Glossary::import_csv(&format!("en\n{rows}")).expect("it is a glossary");
        assert_eq!(import.glossary.len(), 10_000);
        assert_eq!(import.refused[0].to_string(), "line 10002: the glossary is full: it has 10000 terms");
        assert_eq!(import.refused.len(), 2);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(words in proptest::collection::vec(("[^\\s\\p{C}][^\\p{C}]{0,8}[^\\s\\p{C}]", "[^\\s\\p{C}]{1,9}"), 1..8)) {
            let mut glossary = Glossary::default();
            for (name, word) in words {
                let languages = [("de".to_owned(), word.clone())].into();
                glossary.insert(Term { name: name.trim().to_owned(), languages, note: Some(word) }).expect("it is a term");
            }
            let import = Glossary::import_csv(&glossary.export_csv()).expect("it is a glossary");
            prop_assert_eq!((import.glossary, import.refused), (glossary, Vec::new()));
        }

        #[test]
        fn any_file_is_read_or_refused(text in "(en|de|term|note|[,;\t\n\"a-c]){0,60}") {
            drop(Glossary::import_csv(&text));
        }
    }
}
