//! Conflicts of interest, as a filter that nobody passes by a score.
//!
//! Where it is not sure who is who, it takes two for one: a person kept out by a namesake costs a proposal, a person let
//! through costs trust.
//!
//! **Invariant:** whoever has a [`Conflict`] with one of the seekers is in what [`Register::against`] returns.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::names::{alike, name_key, telling};

/// What tells a person from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Ids and accounts, each unique to the person: ORCID, author id, `platform/account`. Compared as they are.
    pub ids: BTreeSet<String>,
    /// Every name the person writes under.
    pub names: BTreeSet<String>,
    /// Groups, labs and employers, compared without case and space around them.
    pub groups: BTreeSet<String>,
    /// Ids and names of those that the person declared a conflict with.
    pub declared: BTreeSet<String>,
}

/// A work and who made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Names or ids of its authors.
    pub authors: Vec<String>,
    /// Its year; one without a year counts as of now.
    pub year: Option<i16>,
}

/// Why somebody may not be proposed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Conflict {
    /// It is the seeker, perhaps under another name.
    Same,
    /// They wrote together, last in this year.
    Coauthors(Option<i16>),
    /// They share this group.
    Group(String),
    /// One of the two declared it.
    Declared,
}

/// What counts as a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Works of this many years up to `year` count as common work, that year included.
    pub coauthor_years: u16,
    /// Whether a shared group counts.
    pub groups: bool,
    /// The year that is counted back from.
    pub year: i16,
}

impl Rules {
    /// Four years and groups, as conferences of the field have it.
    pub fn in_year(year: i16) -> Self {
        Self { coauthor_years: 4, groups: true, year }
    }

    fn counts(&self, year: Option<i16>) -> bool {
        let from = i32::from(self.year) - i32::from(self.coauthor_years) + 1;
        year.is_none_or(|year| i32::from(year) >= from)
    }
}

/// Who may be proposed, and all that is known of who wrote with whom: read once, asked often.
#[derive(Debug, Default)]
pub struct Register {
    /// Candidates, those that are one person together.
    persons: Vec<Keys>,
    /// The candidates of each.
    entries: Vec<Vec<usize>>,
    /// Persons by id, by part of a name, by group.
    ids: HashMap<String, Vec<usize>>,
    parts: HashMap<String, Vec<usize>>,
    groups: HashMap<String, Vec<usize>>,
    works: Vec<(Vec<Author>, Option<i16>)>,
    /// Works by name or id as written, and by part of a name.
    written: HashMap<String, Vec<usize>>,
    named: HashMap<String, Vec<usize>>,
}

impl Register {
    /// Reads the candidates, and `works`, those of outsiders included.
    ///
    /// Candidates that share an id or a whole name are one person: what is known of one counts for all.
    pub fn new(candidates: &[Person], works: &[Work]) -> Self {
        let mut register = Self::default();
        for (person, entries) in merged(candidates) {
            let (place, keys) = (register.persons.len(), Keys::new(&person));
            person.ids.iter().for_each(|id| add(&mut register.ids, id, place));
            keys.names.iter().flat_map(|name| telling(name)).for_each(|part| add(&mut register.parts, part, place));
            keys.groups.iter().for_each(|group| add(&mut register.groups, group, place));
            register.persons.push(keys);
            register.entries.push(entries);
        }
        for (place, work) in works.iter().enumerate() {
            let authors: Vec<Author> = work.authors.iter().map(|name| Author::new(name)).collect();
            for author in &authors {
                add(&mut register.written, &author.written, place);
                telling(&author.key).for_each(|part| add(&mut register.named, part, place));
            }
            register.works.push((authors, work.year));
        }
        register
    }

    /// All candidates with a conflict with one of `seekers`, by their place, with every reason. For a need that is a paper its
    /// authors are seekers too.
    pub fn against(&self, seekers: &[Person], rules: &Rules) -> BTreeMap<usize, Vec<Conflict>> {
        let mut found: BTreeMap<usize, BTreeSet<Conflict>> = BTreeMap::new();
        for seeker in seekers {
            for (person, conflicts) in self.of(&self.whole(seeker), rules) {
                for entry in &self.entries[person] {
                    found.entry(*entry).or_default().extend(conflicts.iter().cloned());
                }
            }
        }
        found.into_iter().map(|(entry, conflicts)| (entry, conflicts.into_iter().collect())).collect()
    }

    /// A seeker with what is known of the same person as a candidate.
    fn whole(&self, seeker: &Person) -> Keys {
        let mut keys = Keys::new(seeker);
        let same = |other: &&Keys| {
            !keys.ids.is_disjoint(&other.ids) || keys.names.iter().any(|name| other.names.contains(name))
        };
        let own: Vec<Keys> =
            self.near(&keys).into_iter().map(|place| &self.persons[place]).filter(same).cloned().collect();
        for Keys { ids, names, groups, declared } in own {
            keys.ids.extend(ids);
            keys.names.extend(names);
            keys.groups.extend(groups);
            keys.declared.extend(declared);
        }
        keys
    }

    /// Persons with a conflict with one seeker.
    fn of(&self, seeker: &Keys, rules: &Rules) -> BTreeMap<usize, BTreeSet<Conflict>> {
        let mut found: BTreeMap<usize, BTreeSet<Conflict>> = BTreeMap::new();
        let mut last: BTreeMap<usize, Option<i16>> = BTreeMap::new();
        for (author, year) in self.coauthors(seeker, rules) {
            for person in self.who(&author) {
                let known = last.entry(person).or_insert(year);
                *known = later(*known, year);
            }
        }
        for (person, year) in last {
            found.entry(person).or_default().insert(Conflict::Coauthors(year));
        }
        for group in seeker.groups.iter().filter(|_| rules.groups) {
            for person in self.groups.get(group).into_iter().flatten() {
                found.entry(*person).or_default().insert(Conflict::Group(group.clone()));
            }
        }
        let by_seeker = seeker.declared.iter().flat_map(|name| self.who(&Author::new(name)));
        let declare = |(_, person): &(usize, &Keys)| person.declared.iter().any(|name| seeker.is(&Author::new(name)));
        let by_them = self.persons.iter().enumerate().filter(declare).map(|(place, _)| place);
        for person in by_seeker.chain(by_them) {
            found.entry(person).or_default().insert(Conflict::Declared);
        }
        for person in self.near(seeker).into_iter().filter(|person| seeker.same(&self.persons[*person])) {
            found.insert(person, BTreeSet::from([Conflict::Same]));
        }
        found
    }

    /// Who wrote with a person lately, each with the last year.
    fn coauthors(&self, keys: &Keys, rules: &Rules) -> BTreeMap<Author, Option<i16>> {
        let written = keys.ids.iter().filter_map(|id| self.written.get(id));
        let named = keys.names.iter().flat_map(|name| telling(name)).filter_map(|part| self.named.get(part));
        let works: BTreeSet<usize> = written.chain(named).flatten().copied().collect();
        let mut found: BTreeMap<Author, Option<i16>> = BTreeMap::new();
        for (authors, year) in works.into_iter().map(|work| &self.works[work]) {
            if rules.counts(*year) && authors.iter().any(|author| keys.is(author)) {
                for author in authors.iter().filter(|author| !keys.is(author)) {
                    let last = found.entry(author.clone()).or_insert(*year);
                    *last = later(*last, *year);
                }
            }
        }
        found
    }

    /// Persons whom a name or an id may mean. Names that are [`alike`] share a part that is looked up.
    fn who(&self, author: &Author) -> BTreeSet<usize> {
        let by_id = self.ids.get(&author.written).into_iter();
        let by_part = telling(&author.key).filter_map(|part| self.parts.get(part));
        by_id.chain(by_part).flatten().copied().filter(|person| self.persons[*person].is(author)).collect()
    }

    /// Persons who share an id or a part of a name.
    fn near(&self, keys: &Keys) -> BTreeSet<usize> {
        let by_id = keys.ids.iter().filter_map(|id| self.ids.get(id));
        let by_part = keys.names.iter().flat_map(|name| telling(name)).filter_map(|part| self.parts.get(part));
        by_id.chain(by_part).flatten().copied().collect()
    }
}

fn add(index: &mut HashMap<String, Vec<usize>>, key: &str, place: usize) {
    match index.get_mut(key) {
        Some(places) if places.last() == Some(&place) => {}
        Some(places) => places.push(place),
        None => drop(index.insert(key.to_owned(), vec![place])),
    }
}

/// The later of two years; one that is not known is the latest there can be.
fn later(one: Option<i16>, two: Option<i16>) -> Option<i16> {
    one.zip(two).map(|(one, two)| one.max(two))
}

/// The persons behind the entries, each with what any of its entries says, and the entries.
fn merged(candidates: &[Person]) -> Vec<(Person, Vec<usize>)> {
    let mut by: HashMap<String, usize> = HashMap::new();
    // Where each entry went: into itself, or on into another.
    let mut into: Vec<usize> = (0..candidates.len()).collect();
    let root = |into: &[usize], mut at: usize| {
        while into[at] != at {
            at = into[at];
        }
        at
    };
    for (place, person) in candidates.iter().enumerate() {
        let names = person.names.iter().map(|name| name_key(name)).filter(|key| !key.is_empty());
        for key in person.ids.iter().cloned().chain(names.map(|key| key.join("\n"))) {
            let known = *by.entry(key).or_insert(place);
            let (one, two) = (root(&into, known), root(&into, place));
            into[one.max(two)] = one.min(two);
        }
    }
    let mut found: BTreeMap<usize, (Person, Vec<usize>)> = BTreeMap::new();
    for (place, person) in candidates.iter().enumerate() {
        let (whole, entries) = found.entry(root(&into, place)).or_default();
        let Person { ids, names, groups, declared } = person.clone();
        whole.ids.extend(ids);
        whole.names.extend(names);
        whole.groups.extend(groups);
        whole.declared.extend(declared);
        entries.push(place);
    }
    found.into_values().collect()
}

/// A name or an id, as a work or a declaration has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Author {
    written: String,
    key: Vec<String>,
}

impl Author {
    fn new(written: &str) -> Self {
        Self { written: written.to_owned(), key: name_key(written) }
    }
}

/// A person's ids and names, ready to be compared.
#[derive(Debug, Clone, Default)]
struct Keys {
    ids: BTreeSet<String>,
    names: Vec<Vec<String>>,
    groups: BTreeSet<String>,
    declared: Vec<String>,
}

impl Keys {
    fn new(person: &Person) -> Self {
        Self {
            ids: person.ids.clone(),
            names: person.names.iter().map(|name| name_key(name)).filter(|key| !key.is_empty()).collect(),
            groups: person.groups.iter().map(|group| group.trim().to_lowercase()).filter(|g| !g.is_empty()).collect(),
            declared: person.declared.iter().cloned().collect(),
        }
    }

    fn same(&self, other: &Self) -> bool {
        !self.ids.is_disjoint(&other.ids) || self.names.iter().any(|one| other.names.iter().any(|two| alike(one, two)))
    }

    /// Whether a name or an id is the person's.
    fn is(&self, author: &Author) -> bool {
        self.ids.contains(&author.written) || self.names.iter().any(|own| alike(own, &author.key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(names: &[&str]) -> Person {
        Person { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Person::default() }
    }

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn work(authors: &[&str], year: i16) -> Work {
        Work { authors: authors.iter().map(|name| (*name).to_owned()).collect(), year: Some(year) }
    }

    #[test]
    fn works_count_for_some_years_and_without_a_year_always() {
        let rules = Rules::in_year(2026);
        let (ana, others) = (person(&["Ana Ruiz"]), [person(&["Bo Lee"]), person(&["Cy Ng"]), person(&["Di Wu"])]);
        let works = [
            work(&["A. Ruiz", "Bo Lee"], 2023),
            work(&["Ana Ruiz", "Cy Ng"], 2022),
            Work { year: None, ..work(&["Ana Ruiz", "Wu, Di"], 0) },
        ];
        let found = Register::new(&others, &works).against(&[ana], &rules);
        assert_eq!(found[&0], [Conflict::Coauthors(Some(2023))]);
        assert!(!found.contains_key(&1), "2022 is the fifth year back");
        assert_eq!(found[&2], [Conflict::Coauthors(None)]);
    }

    #[test]
    fn aliases_groups_and_declarations_count_from_both_sides() {
        let rules = Rules::in_year(2026);
        let ana = Person { ids: set(&["orcid:1"]), groups: set(&["Lab X "]), ..person(&["Ana Ruiz"]) };
        let others = [
            Person { ids: set(&["orcid:1"]), ..person(&["Somebody Else"]) },
            Person { groups: set(&["lab x"]), ..person(&["Bo Lee"]) },
            Person { declared: set(&["Ruiz, A."]), ..person(&["Cy Ng"]) },
            person(&["Di Wu"]),
        ];
        let found = Register::new(&others, &[]).against(std::slice::from_ref(&ana), &rules);
        assert_eq!(found[&0], [Conflict::Same]);
        assert_eq!(found[&1], [Conflict::Group("lab x".to_owned())]);
        assert_eq!(found[&2], [Conflict::Declared]);
        assert_eq!(found.len(), 3);
        let lenient = Rules { groups: false, ..rules };
        assert!(!Register::new(&others, &[]).against(&[ana], &lenient).contains_key(&1));
    }

    #[test]
    fn what_is_known_of_one_entry_counts_for_all_entries_of_the_person() {
        let entry = |id: &str, name: &str| Person { ids: set(&[id]), ..person(&[name]) };
        let seekers = [entry("a", "Ana Ruiz")];
        let candidates = [entry("a", "Ana Diaz"), entry("b", "Bo Lee"), entry("b", "Robert Li"), entry("c", "Cy Ng")];
        let found =
            Register::new(&candidates, &[work(&["A. Diaz", "R. Li"], 2025)]).against(&seekers, &Rules::in_year(2026));
        assert_eq!(found[&0], [Conflict::Same]);
        assert_eq!(found[&1], [Conflict::Coauthors(Some(2025))]);
        assert_eq!(found[&2], found[&1]);
        assert!(!found.contains_key(&3));
    }

    const FAMILIES: [&str; 4] = ["Ruiz", "Müller", "Lee", "Ng"];
    const GIVEN: [&str; 4] = ["Ana Eva", "Bo", "Cy", "Dana"];

    /// Persons of distinct names, the way each writes the own name in works, and planted conflicts with the first.
    fn spelled(place: usize, way: usize) -> String {
        let (given, family) = (GIVEN[place / 4], FAMILIES[place % 4]);
        let initials: String = given.split(' ').map(|name| format!("{}. ", &name[..1])).collect();
        match way % 5 {
            0 => format!("{given} {family}"),
            4 => format!("{family} {given}"),
            1 => format!("{family}, {given}"),
            2 => format!("{initials}{family}"),
            _ => format!("{} {}", given.to_uppercase(), family.to_uppercase().replace('Ü', "U\u{308}")),
        }
    }

    proptest! {
        /// However the conflict came about and however the names are written: nobody passes.
        #[test]
        fn never_one_through(
            planted in proptest::collection::vec((1usize..16, 0usize..5, 0usize..5, 0usize..5, 0i16..4), 1..12),
            noise in proptest::collection::vec((1usize..16, 1usize..16, 0i16..30), 0..20),
        ) {
            let mut persons: Vec<Person> = (0..16).map(|place| person(&[&spelled(place, 0)])).collect();
            let mut works: Vec<Work> =
                noise.iter().map(|(a, b, age)| work(&[&spelled(*a, 0), &spelled(*b, 1)], 2026 - age)).collect();
            for (place, kind, way, other, age) in &planted {
                match kind {
                    0 => works.push(work(&[&spelled(*place, *way), "X Y", &spelled(0, *other)], 2026 - age)),
                    1 => {
                        let group = format!("group {place}");
                        persons[0].groups.insert(group.to_uppercase());
                        persons[*place].groups.insert(format!(" {group}"));
                    }
                    2 => { persons[0].declared.insert(spelled(*place, *way)); }
                    3 => { persons[*place].declared.insert(spelled(0, *way)); }
                    _ => { persons[*place].names.insert(spelled(0, *way)); }
                }
            }
            let (seeker, candidates) = persons.split_first().unwrap();
            let found = Register::new(candidates, &works).against(std::slice::from_ref(seeker), &Rules::in_year(2026));
            for (place, kind, ..) in &planted {
                prop_assert!(found.contains_key(&(place - 1)), "{place} passed with a conflict of kind {kind}");
            }
        }

        /// The filter is no blunt one either: without a conflict, and with another name, nobody is kept out.
        #[test]
        fn who_has_no_conflict_stays(noise in proptest::collection::vec((1usize..16, 1usize..16, 0i16..4), 0..20)) {
            let persons: Vec<Person> = (0..16).map(|place| person(&[&spelled(place, 0)])).collect();
            let works: Vec<Work> =
                noise.iter().map(|(a, b, age)| work(&[&spelled(*a, 0), &spelled(*b, 1)], 2026 - age)).collect();
            let (seeker, candidates) = persons.split_first().unwrap();
            prop_assert!(Register::new(candidates, &works).against(std::slice::from_ref(seeker), &Rules::in_year(2026)).is_empty());
        }
    }
}
