//! Conflicts of interest, as a filter that nobody passes by a score.
//!
//! Where it is not sure who is who, it takes two for one: a person kept out by a namesake costs a proposal, a person let
//! through costs trust.
//!
//! **Invariant:** whoever has a [`Conflict`] with one of the seekers is in what [`Rules::against`] returns.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

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

    /// All `candidates` with a conflict with one of `seekers`, by their place, with every reason; `works` are all that is
    /// known of who wrote with whom, those of outsiders included. For a need that is a paper its authors are seekers too.
    ///
    /// Entries that share an id or a whole name are one person: what is known of one counts for all.
    pub fn against(&self, seekers: &[Person], candidates: &[Person], works: &[Work]) -> BTreeMap<usize, Vec<Conflict>> {
        let merged = merged(seekers.iter().chain(candidates));
        let (seeking, candidates) = merged.split_at(seekers.len());
        let mut seeking: Vec<&Rc<Keys>> = seeking.iter().collect();
        seeking.dedup_by(|a, b| Rc::ptr_eq(a, b));
        let works = self.recent(works);
        let mine: Vec<Vec<(Author<'_>, Option<i16>)>> = seeking.iter().map(|keys| coauthors(keys, &works)).collect();
        let mut found = BTreeMap::new();
        for (place, keys) in candidates.iter().enumerate() {
            let mut conflicts = BTreeSet::new();
            for (seeker, with) in seeking.iter().zip(&mine) {
                if seeker.same(keys) {
                    conflicts.insert(Conflict::Same);
                    continue;
                }
                let last = with.iter().filter(|(author, _)| keys.is(author)).map(|(_, year)| *year);
                // A year that is not known is the latest there can be.
                conflicts.extend(last.max_by_key(|year| year.unwrap_or(i16::MAX)).map(Conflict::Coauthors));
                if self.groups {
                    conflicts.extend(seeker.groups.intersection(&keys.groups).cloned().map(Conflict::Group));
                }
                let declares = |one: &Keys, of: &Keys| one.declared.iter().any(|name| of.is(&Author::new(name)));
                if declares(seeker, keys) || declares(keys, seeker) {
                    conflicts.insert(Conflict::Declared);
                }
            }
            if !conflicts.is_empty() {
                found.insert(place, conflicts.into_iter().collect());
            }
        }
        found
    }

    /// The works that count.
    fn recent<'a>(&self, works: &'a [Work]) -> Vec<(Vec<Author<'a>>, Option<i16>)> {
        let from = i32::from(self.year) - i32::from(self.coauthor_years) + 1;
        let counts = |work: &&Work| work.year.is_none_or(|year| i32::from(year) >= from);
        let read = |work: &'a Work| (work.authors.iter().map(|name| Author::new(name)).collect(), work.year);
        works.iter().filter(counts).map(read).collect()
    }
}

/// Who wrote with a person, each with the last year.
fn coauthors<'a>(keys: &Keys, works: &[(Vec<Author<'a>>, Option<i16>)]) -> Vec<(Author<'a>, Option<i16>)> {
    let mut found: BTreeMap<Author<'a>, Option<i16>> = BTreeMap::new();
    for (authors, year) in works.iter().filter(|(authors, _)| authors.iter().any(|author| keys.is(author))) {
        for author in authors.iter().filter(|author| !keys.is(author)) {
            let last = found.entry(author.clone()).or_insert(*year);
            *last = last.zip(*year).map(|(one, two)| one.max(two));
        }
    }
    found.into_iter().collect()
}

/// Each person with what is known of the same person under other entries.
fn merged<'a>(persons: impl Iterator<Item = &'a Person>) -> Vec<Rc<Keys>> {
    let mut all: Vec<Person> = Vec::new();
    let mut by: HashMap<String, usize> = HashMap::new();
    // Where each entry went: into itself, or on into another.
    let mut into: Vec<usize> = Vec::new();
    let root = |into: &[usize], mut at: usize| {
        while into[at] != at {
            at = into[at];
        }
        at
    };
    for person in persons {
        let place = all.len();
        all.push(person.clone());
        into.push(place);
        let names = person.names.iter().map(|name| name_key(name)).filter(|key| !key.is_empty());
        for key in person.ids.iter().cloned().chain(names.map(|key| key.join("\n"))) {
            let known = *by.entry(key).or_insert(place);
            let (one, two) = (root(&into, known), root(&into, place));
            into[one.max(two)] = one.min(two);
        }
    }
    let roots: Vec<usize> = (0..all.len()).map(|place| root(&into, place)).collect();
    for (place, root) in roots.iter().enumerate().filter(|(place, root)| place != *root) {
        let Person { ids, names, groups, declared } = all[place].clone();
        let whole = &mut all[*root];
        whole.ids.extend(ids);
        whole.names.extend(names);
        whole.groups.extend(groups);
        whole.declared.extend(declared);
    }
    let keys: HashMap<usize, Rc<Keys>> = roots.iter().map(|root| (*root, Rc::new(Keys::new(&all[*root])))).collect();
    roots.iter().map(|root| keys[root].clone()).collect()
}

/// A name or an id, as a work or a declaration has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Author<'a> {
    written: &'a str,
    key: Vec<String>,
}

impl<'a> Author<'a> {
    fn new(written: &'a str) -> Self {
        Self { written, key: name_key(written) }
    }
}

/// A person's ids and names, ready to be compared.
struct Keys {
    ids: HashSet<String>,
    names: Vec<Vec<String>>,
    groups: BTreeSet<String>,
    declared: Vec<String>,
}

impl Keys {
    fn new(person: &Person) -> Self {
        Self {
            ids: person.ids.iter().cloned().collect(),
            names: person.names.iter().map(|name| name_key(name)).filter(|key| !key.is_empty()).collect(),
            groups: person.groups.iter().map(|group| group.trim().to_lowercase()).filter(|g| !g.is_empty()).collect(),
            declared: person.declared.iter().cloned().collect(),
        }
    }

    fn same(&self, other: &Self) -> bool {
        !self.ids.is_disjoint(&other.ids) || self.names.iter().any(|one| other.names.iter().any(|two| alike(one, two)))
    }

    /// Whether a name or an id is the person's.
    fn is(&self, author: &Author<'_>) -> bool {
        self.ids.contains(author.written) || self.names.iter().any(|own| alike(own, &author.key))
    }
}

/// The parts of a name, the family name first: without case, accents and signs, `Müller, K.-R.` and `K.-R. Muller` alike.
pub fn name_key(name: &str) -> Vec<String> {
    let parts = |name: &str| -> Vec<String> {
        let plain: String = name
            .nfkd()
            .filter(|c| !is_combining_mark(*c))
            .flat_map(|c| match c {
                'ø' | 'Ø' => 'o'.to_lowercase(),
                'ł' | 'Ł' => 'l'.to_lowercase(),
                'đ' | 'Đ' => 'd'.to_lowercase(),
                'ı' => 'i'.to_lowercase(),
                other => other.to_lowercase(),
            })
            .collect();
        plain.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    match name.split_once(',') {
        Some((family, given)) => parts(family).into_iter().chain(parts(given)).collect(),
        None => {
            let mut parts = parts(name);
            let family = parts.pop();
            family.into_iter().chain(parts).collect()
        }
    }
}

/// Whether two names may be one person's: each part of the shorter one stands in the longer one, whole or as an initial, in
/// any order, and its family name whole. So the family name may come first, be double or have a particle.
fn alike(one: &[String], two: &[String]) -> bool {
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    let Some(family) = short.first() else { return false };
    let mut rest: Vec<&String> = long.iter().collect();
    let mut take = |agree: &dyn Fn(&str) -> bool| {
        let place = rest.iter().position(|part| agree(part));
        place.map(|place| rest.swap_remove(place)).is_some()
    };
    // Whole parts first, so that an initial takes none that another part needs.
    let whole = take(&|part| part == family);
    let left: Vec<&String> = short[1..].iter().filter(|part| !take(&|other| other == part.as_str())).collect();
    whole && left.into_iter().all(|part| take(&|other| initial(part, other) || initial(other, part)))
}

/// Whether a part of a name is the initial of another.
fn initial(short: &str, long: &str) -> bool {
    short.chars().count() == 1 && long.starts_with(short)
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

    #[track_caller]
    fn check(one: &str, two: &str, want: bool) {
        assert_eq!(alike(&name_key(one), &name_key(two)), want, "{one} and {two}");
        assert_eq!(alike(&name_key(two), &name_key(one)), want, "{two} and {one}");
    }

    #[test]
    fn a_name_is_known_without_accents_in_any_order_and_by_initials() {
        check("Klaus-Robert Müller", "Muller, K.-R.", true);
        check("Klaus-Robert Müller", "Müller, Klaus", true);
        check("José García", "Jose Garcia", true);
        check("Søren Kierkegaard", "S. Kierkegaard", true);
        check("Shay B. Cohen", "Shay Cohen", true);
        check("Wei Wang", "Wang Wei", true);
        check("Laurens van der Maaten", "van der Maaten, L.", true);
        check("Ana Ruiz Diaz", "Ruiz, A.", true);
        check("Ana Ruiz", "Eva Ruiz", false);
        check("Ana Ruiz", "Ana R. Diaz", false);
        check("Ana Ruiz", "Ana Diaz", false);
        check("", "Ana Diaz", false);
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
        let found = rules.against(&[ana], &others, &works);
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
        let found = rules.against(std::slice::from_ref(&ana), &others, &[]);
        assert_eq!(found[&0], [Conflict::Same]);
        assert_eq!(found[&1], [Conflict::Group("lab x".to_owned())]);
        assert_eq!(found[&2], [Conflict::Declared]);
        assert_eq!(found.len(), 3);
        let lenient = Rules { groups: false, ..rules };
        assert!(!lenient.against(&[ana], &others, &[]).contains_key(&1));
    }

    #[test]
    fn what_is_known_of_one_entry_counts_for_all_entries_of_the_person() {
        let entry = |id: &str, name: &str| Person { ids: set(&[id]), ..person(&[name]) };
        let seekers = [entry("a", "Ana Ruiz")];
        let candidates = [entry("a", "Ana Diaz"), entry("b", "Bo Lee"), entry("b", "Robert Li"), entry("c", "Cy Ng")];
        let found = Rules::in_year(2026).against(&seekers, &candidates, &[work(&["A. Diaz", "R. Li"], 2025)]);
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
            let found = Rules::in_year(2026).against(std::slice::from_ref(seeker), candidates, &works);
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
            prop_assert!(Rules::in_year(2026).against(std::slice::from_ref(seeker), candidates, &works).is_empty());
        }
    }
}
