//! What a profile becomes: the lines of its entries, whole persons made of their accounts, and what they said in a room.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chat::{
    MemberId, RoomId,
    profile::{Entry, EntryKind, Facts, Profile, entry_id},
};
use jiff::tz::TimeZone;
use store::{AccountProfile, RoomLine};
use training::matching::Line;

/// Most lines of one entry.
const LINES_MAX: usize = 8;

/// A sentence shorter than this says too little to be evidence, in characters.
const SENTENCE_CHARS_MIN: usize = 20;

/// A message of fewer terms than this says nothing of what somebody knows.
const MESSAGE_TERMS_MIN: usize = 4;

/// The lines that an entry is matched by, verbatim: a paper's title and the first sentences of its summary; the sentences of a
/// statement. At least one, at most [`LINES_MAX`].
pub fn lines(entry: &Entry) -> Vec<String> {
    let cut = |text: &str| -> Vec<String> {
        let sentences = chat::text::sentences(text, "en").into_iter().map(|range| text[range].to_owned());
        sentences.filter(|sentence| sentence.chars().count() >= SENTENCE_CHARS_MIN).collect()
    };
    let mut lines = match entry.kind {
        EntryKind::Paper => {
            let mut lines = vec![entry.text.clone()];
            lines.extend(cut(&entry.summary));
            lines
        }
        _ => cut(&entry.text),
    };
    if lines.is_empty() {
        lines.push(entry.text.clone());
    }
    lines.truncate(LINES_MAX);
    lines
}

/// An entry, ready to be matched.
#[derive(Debug)]
pub struct Held {
    /// The entry.
    pub entry: Entry,
    /// Its lines as they stand.
    pub texts: Vec<String>,
    /// The same, as they are compared.
    pub lines: Vec<Line>,
}

impl Held {
    fn new(entry: Entry, texts: Vec<String>, mut vectors: impl Iterator<Item = Vec<f32>>) -> Self {
        let line = |text: &String| Line { vector: vectors.next().unwrap_or_default(), terms: chat::text::terms(text) };
        Self { lines: texts.iter().map(line).collect(), texts, entry }
    }

    /// Whether words alone speak for it, as it has no vectors yet.
    pub fn is_bare(&self) -> bool {
        self.lines.iter().all(|line| line.vector.is_empty())
    }
}

/// What one account gave.
#[derive(Debug)]
pub struct Given {
    facts: Option<Facts>,
    held: Vec<Arc<Held>>,
}

impl Given {
    /// As the state keeps it.
    pub fn new(profile: AccountProfile) -> Self {
        let held = profile.entries.into_iter().map(|kept| {
            if kept.lines.is_empty() {
                let texts = lines(&kept.entry);
                return Arc::new(Held::new(kept.entry, texts, std::iter::empty()));
            }
            let (texts, vectors): (Vec<String>, Vec<Vec<f32>>) =
                kept.lines.into_iter().map(|line| (line.text, line.vector)).unzip();
            Arc::new(Held::new(kept.entry, texts, vectors.into_iter()))
        });
        Self { held: held.collect(), facts: profile.facts }
    }

    /// Whether any entry has no vectors yet.
    pub fn has_bare_entries(&self) -> bool {
        self.held.iter().any(|held| held.is_bare())
    }
}

/// A person by all of their accounts.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// Their accounts.
    pub accounts: Vec<MemberId>,
    /// What they say of who they are.
    pub facts: Facts,
    /// What they stand for: statements first, then papers, the newest first.
    pub held: Vec<Arc<Held>>,
}

impl Person {
    /// Joins what accounts gave.
    pub fn new(accounts: &[MemberId], given: &BTreeMap<MemberId, Arc<Given>>) -> Self {
        let mut person = Self { accounts: accounts.to_vec(), ..Self::default() };
        let mut by_id: HashMap<&str, &Arc<Held>> = HashMap::new();
        for given in accounts.iter().filter_map(|account| given.get(account)) {
            if let Some(facts) = &given.facts {
                join(&mut person.facts, facts);
            }
            for held in &given.held {
                by_id.entry(&held.entry.id).or_insert(held);
            }
        }
        person.held = by_id.into_values().cloned().collect();
        person.held.sort_by(|one, two| {
            let key = |held: &Held| (held.entry.kind, std::cmp::Reverse(held.entry.year));
            key(one).cmp(&key(two)).then_with(|| one.entry.text.cmp(&two.entry.text))
        });
        person
    }

    /// The same, as its owner sees it.
    pub fn profile(self) -> Profile {
        let entries = self.held.iter().map(|held| held.entry.clone()).collect();
        Profile { facts: self.facts, entries }
    }

    /// Whether an account is one of theirs.
    pub fn is_any_of(&self, accounts: &[MemberId]) -> bool {
        self.accounts.iter().any(|own| accounts.contains(own))
    }
}

/// What two accounts say of one person: all of it, and the first word where there can be only one.
fn join(facts: &mut Facts, other: &Facts) {
    let Facts { names, ids, groups, conflicts, languages, time_zone, availability, away, seniority } = other.clone();
    facts.names.extend(names);
    facts.ids.extend(ids);
    facts.groups.extend(groups);
    facts.conflicts.extend(conflicts);
    facts.languages.extend(languages);
    if facts.time_zone.is_empty() {
        facts.time_zone = time_zone;
    }
    if facts.availability.is_empty() {
        facts.availability = availability;
    }
    facts.away |= away;
    facts.seniority = facts.seniority.or(seniority);
}

/// Adds what persons said in a room, each message an entry. It has no vectors: words speak for it.
pub fn add_said(persons: &mut [Person], room: &RoomId, said: &[RoomLine]) {
    let mut of: HashMap<&MemberId, Vec<&RoomLine>> = HashMap::new();
    for line in said {
        of.entry(&line.member).or_default().push(line);
    }
    for person in persons {
        let said: Vec<&RoomLine> =
            person.accounts.iter().filter_map(|account| of.get(account)).flatten().copied().collect();
        for line in said {
            let held = message(room, line);
            if held.lines[0].terms.len() >= MESSAGE_TERMS_MIN {
                person.held.push(Arc::new(held));
            }
        }
    }
}

fn message(room: &RoomId, line: &RoomLine) -> Held {
    let entry = Entry {
        id: entry_id(EntryKind::Message, &line.text),
        room: Some(room.clone()),
        text: line.text.clone(),
        ..Entry::statement(EntryKind::Message, "", line.at.to_zoned(TimeZone::UTC).year())
    };
    Held::new(entry, vec![line.text.clone()], std::iter::empty())
}
