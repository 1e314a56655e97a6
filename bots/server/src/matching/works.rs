//! A list of works as entries of a profile, and whose it may be.

use std::collections::HashMap;

use chat::profile::{Entry, EntryKind, STATEMENT_CHARS_MAX, Works, entry_id};
use training::matching::name_key;

/// Names that are offered to choose from.
const NAMES_MAX: usize = 5;

/// The entries of a list that was read from the file `name`.
pub fn entries(name: &str, listed: library::Works) -> Works {
    let names = names(&listed);
    let cut = |text: String| text.chars().take(STATEMENT_CHARS_MAX).collect::<String>();
    let entry = |work: library::ListedWork| Entry {
        id: entry_id(EntryKind::Paper, &work.title),
        kind: EntryKind::Paper,
        text: cut(work.title),
        summary: cut(work.summary),
        authors: work.authors,
        year: work.year,
        ids: work.ids,
        source: name.to_owned(),
        room: None,
    };
    Works { entries: listed.works.into_iter().map(entry).collect(), names, ids: listed.ids, refused: listed.refused }
}

/// Names of whoever the list is of: its own word first, then who wrote half of it or more, most first.
fn names(listed: &library::Works) -> Vec<String> {
    // However a name is written: how often, the first place, the spellings.
    let mut of: HashMap<Vec<String>, (usize, usize, &String)> = HashMap::new();
    let mut place = 0;
    for work in &listed.works {
        for author in &work.authors {
            place += 1;
            let key = name_key(author);
            if !key.is_empty() {
                of.entry(key).or_insert((0, place, author)).0 += 1;
            }
        }
    }
    let mut most: Vec<(usize, usize, &String)> =
        of.into_values().filter(|(count, ..)| count * 2 >= listed.works.len()).collect();
    most.sort_by_key(|(count, place, _)| (std::cmp::Reverse(*count), *place));
    let mut names = listed.names.clone();
    for (_, _, name) in most {
        if !names.iter().any(|known| name_key(known) == name_key(name)) {
            names.push(name.clone());
        }
    }
    names.truncate(NAMES_MAX);
    names
}
