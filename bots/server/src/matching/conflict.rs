//! Who may not be proposed: conflicts of interest, read from what people say of themselves and from their works.
//!
//! **Invariant:** whom somebody declared a conflict with nobody finds out by asking. It counts in every need, asked for or not, and
//! by nothing that a seeker can say of themselves or put into the library: by the seeker's accounts, and by the authors of a paper
//! that the operator brought.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chat::profile::{EntryKind, Need};
use training::matching::{self as matched, Conflict, Register, Rules, Work};

use super::person::Person;

/// Words of a title from which on two entries of it are one work; shorter ones ("Introduction") are no sign.
const TITLE_WORDS_MIN: usize = 3;

/// The places among `persons` of all who may not be proposed: whoever declared a conflict with a seeker, or the other way round;
/// and, where that is asked for, who has another one with a seeker or an author of the need.
pub fn conflicted(persons: &[Person], seekers: &[Person], need: &Need) -> HashSet<usize> {
    let mut out = declared(persons, seekers, need);
    if need.without_conflicts {
        out.extend(known(persons, seekers, need));
    }
    out
}

/// Those with a conflict that one of the two declared.
fn declared(persons: &[Person], seekers: &[Person], need: &Need) -> HashSet<usize> {
    let bare = |ids: BTreeSet<String>| matched::Person { ids, ..matched::Person::default() };
    // Each account is a person of its own here: who claims another's name or id is not taken for them.
    let by_them: Vec<matched::Person> = persons
        .iter()
        .map(|person| matched::Person { declared: person.facts.conflicts.clone(), ..bare(accounts(person)) })
        .collect();
    let mut against: Vec<matched::Person> = seekers.iter().map(|seeker| bare(accounts(seeker))).collect();
    if need.without_conflicts && need.is_vouched {
        against.extend(need.authors.iter().map(|name| author(name)));
    }
    // What the seekers declared themselves they know.
    let by_seekers: Vec<matched::Person> = seekers
        .iter()
        .map(|seeker| matched::Person { declared: seeker.facts.conflicts.clone(), ..bare(accounts(seeker)) })
        .collect();
    let candidates: Vec<matched::Person> =
        persons.iter().map(|person| matched::Person { declared: BTreeSet::new(), ..keys(person) }).collect();
    let rules = Rules::in_year(need.year);
    let found = [
        Register::new(&by_them, &[]).against(&against, &rules),
        Register::new(&candidates, &[]).against(&by_seekers, &rules),
    ];
    let counts = |conflicts: &[Conflict]| conflicts.contains(&Conflict::Declared);
    found.into_iter().flatten().filter(|(_, conflicts)| counts(conflicts)).map(|(person, _)| person).collect()
}

/// Those with a conflict that nobody need declare: they are a seeker or an author, wrote with one, or share a group.
fn known(persons: &[Person], seekers: &[Person], need: &Need) -> HashSet<usize> {
    let silent = |person: &Person| matched::Person { declared: BTreeSet::new(), ..keys(person) };
    let candidates: Vec<matched::Person> = persons.iter().map(silent).collect();
    let authors = need.authors.iter().map(|name| author(name));
    let against: Vec<matched::Person> = seekers.iter().map(silent).chain(authors).collect();
    let works = works(persons.iter().chain(seekers));
    let found = Register::new(&candidates, &works).against(&against, &Rules::in_year(need.year));
    found.into_keys().collect()
}

/// An author of a paper: an id or a name, whichever it is.
fn author(name: &str) -> matched::Person {
    let one = || BTreeSet::from([name.to_owned()]);
    matched::Person { ids: one(), names: one(), ..matched::Person::default() }
}

fn accounts(person: &Person) -> BTreeSet<String> {
    person.accounts.iter().map(|account| account.0.clone()).collect()
}

fn keys(person: &Person) -> matched::Person {
    let facts = &person.facts;
    let mut ids = accounts(person);
    ids.extend(facts.ids.iter().cloned());
    matched::Person { ids, names: facts.names.clone(), groups: facts.groups.clone(), declared: facts.conflicts.clone() }
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
