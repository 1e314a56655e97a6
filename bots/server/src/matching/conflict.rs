//! Who may not be proposed: conflicts of interest, read from what people say of themselves and from their works.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chat::profile::{EntryKind, Need};
use training::matching::{self as matched, Conflict, Register, Rules, Work};

use super::person::Person;

/// Words of a title from which on two entries of it are one work; shorter ones ("Introduction") are no sign.
const TITLE_WORDS_MIN: usize = 3;

/// The places among `persons` of all who may not be proposed: who has a conflict of interest with a seeker or an author of the
/// need, where that is asked for; and whoever declared one with a seeker, asked or not, so that nobody finds out by asking.
pub fn conflicted(persons: &[Person], seekers: &[Person], need: &Need) -> HashSet<usize> {
    let candidates: Vec<matched::Person> = persons.iter().map(keys).collect();
    let named = need.authors.iter().map(|name| {
        // An id or a name: whichever it is.
        let one = || BTreeSet::from([name.clone()]);
        matched::Person { ids: one(), names: one(), ..matched::Person::default() }
    });
    let asked = need.without_conflicts;
    let against: Vec<matched::Person> = seekers.iter().map(keys).chain(named.filter(|_| asked)).collect();
    let works = if asked { works(persons.iter().chain(seekers)) } else { Vec::new() };
    let found = Register::new(&candidates, &works).against(&against, &Rules::in_year(need.year));
    let counts = |conflicts: &[Conflict]| asked || conflicts.contains(&Conflict::Declared);
    found.into_iter().filter(|(_, conflicts)| counts(conflicts)).map(|(person, _)| person).collect()
}

fn keys(person: &Person) -> matched::Person {
    let facts = &person.facts;
    matched::Person {
        ids: person.accounts.iter().map(|account| account.0.clone()).chain(facts.ids.iter().cloned()).collect(),
        names: facts.names.clone(),
        groups: facts.groups.clone(),
        declared: facts.conflicts.clone(),
    }
}

/// The works of persons. Each is its owner's, under whatever name; one that several hold is the work of all of them, even
/// where a list of works names no authors.
fn works<'a>(persons: impl Iterator<Item = &'a Person>) -> Vec<Work> {
    let mut works = Vec::new();
    let mut shared: BTreeMap<String, (BTreeSet<&String>, Work)> = BTreeMap::new();
    for person in persons {
        let Some(owner) = person.accounts.first() else { continue };
        for entry in person.held.iter().map(|held| &held.entry).filter(|entry| entry.kind == EntryKind::Paper) {
            let mut authors = entry.authors.clone();
            authors.push(owner.0.clone());
            let work = Work { authors, year: entry.year };
            for key in entry.ids.iter().cloned().chain(title(&entry.text)) {
                let (owners, whole) = shared
                    .entry(key)
                    .or_insert_with(|| (BTreeSet::new(), Work { authors: Vec::new(), year: entry.year }));
                owners.insert(&owner.0);
                whole.authors.extend(work.authors.iter().cloned());
                // The later one, and none is the latest.
                whole.year = whole.year.zip(entry.year).map(|(one, two)| one.max(two));
            }
            works.push(work);
        }
    }
    works.extend(shared.into_values().filter(|(owners, _)| owners.len() > 1).map(|(_, work)| work));
    works
}

fn title(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    (words.len() >= TITLE_WORDS_MIN).then(|| format!("title:{}", words.join(" ")))
}
