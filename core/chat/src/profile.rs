//! What people say of their work, and who fits what is needed.
//!
//! **Invariant:** a [`Profile`] is what its owner gave: nothing of it is guessed, and what is proposed to them (a name in a
//! list of works) becomes theirs when they say so.

use std::{collections::BTreeSet, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{MemberId, RoomId};

/// Entries of one person, at most.
pub const ENTRIES_MAX: usize = 500;

/// Longest statement, in characters; a paper's summary is cut there.
pub const STATEMENT_CHARS_MAX: usize = 2_000;

/// What an entry of a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// What the person works on, in their words.
    About,
    /// A skill that they offer.
    Offers,
    /// What they look for help with.
    Seeks,
    /// A work of theirs.
    Paper,
    /// Something that they said in a room that keeps what is said; for that room alone, and kept there only.
    Message,
}

impl EntryKind {
    /// Its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Offers => "offers",
            Self::Seeks => "seeks",
            Self::Paper => "paper",
            Self::Message => "message",
        }
    }

    /// How much it counts in matching, beside a paper. What a person looks for is no evidence that they have it.
    pub fn weight(self) -> f32 {
        match self {
            Self::Paper => 1.0,
            Self::About | Self::Offers => 1.5,
            Self::Message => 0.3,
            Self::Seeks => 0.0,
        }
    }
}

/// One thing that a person stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id among the person's: eight hex digits, of kind and words.
    pub id: String,
    /// What it is.
    pub kind: EntryKind,
    /// A paper's title, or the statement itself.
    pub text: String,
    /// A paper's summary; empty where there is none.
    pub summary: String,
    /// A paper's authors.
    pub authors: Vec<String>,
    /// The year it is from.
    pub year: Option<i16>,
    /// Names that the world has for it, as `doi:10.1234/5678`.
    pub ids: Vec<String>,
    /// What it was read from: a file's name; empty where it was typed.
    pub source: String,
    /// The room that it was said in.
    pub room: Option<RoomId>,
}

impl Entry {
    /// A statement.
    pub fn statement(kind: EntryKind, text: &str, year: i16) -> Self {
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            id: entry_id(kind, &text),
            kind,
            text: text.chars().take(STATEMENT_CHARS_MAX).collect(),
            summary: String::new(),
            authors: Vec::new(),
            year: Some(year),
            ids: Vec::new(),
            source: String::new(),
            room: None,
        }
    }
}

/// The id of an entry: FNV-1a, which no release changes, over its kind and its words without case and signs.
pub fn entry_id(kind: EntryKind, text: &str) -> String {
    let words = text.to_lowercase();
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let text = words.fold(kind.name().to_owned(), |text, word| format!("{text} {word}"));
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", text.bytes().fold(0x811c_9dc5, step))
}

/// How far somebody is in their career, by their own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seniority {
    /// Before a doctorate, or at it.
    Student,
    /// After it.
    Postdoc,
    /// With a group of their own, or a permanent position.
    Faculty,
    /// In a company or elsewhere.
    Industry,
}

impl Seniority {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Student, Self::Postdoc, Self::Faculty, Self::Industry];

    /// Its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Postdoc => "postdoc",
            Self::Faculty => "faculty",
            Self::Industry => "industry",
        }
    }
}

impl FromStr for Seniority {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(text.trim())).ok_or(())
    }
}

/// What is no line of evidence: who the person is, and when they can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Names that they publish under, confirmed by them.
    pub names: BTreeSet<String>,
    /// Ids of theirs: `orcid:0000-0002-1825-0097`, `s2:1741101`.
    pub ids: BTreeSet<String>,
    /// Groups, labs, employers.
    pub groups: BTreeSet<String>,
    /// Those that they declare a conflict of interest with: by an account, which counts in every match; by a name, which counts
    /// for the authors of the community's papers, and for whom this person looks for. Shown to nobody else.
    pub conflicts: BTreeSet<String>,
    /// Languages that they work in: ISO 639-1.
    pub languages: BTreeSet<String>,
    /// Their time zone, as `Europe/Berlin`; empty where they did not say.
    pub time_zone: String,
    /// When and for what they can be had, in their words.
    pub availability: String,
    /// Whether they take no requests just now: they are not proposed as long as they say so.
    pub away: bool,
    /// How far they are.
    pub seniority: Option<Seniority>,
}

impl Facts {
    /// Whether it is between 8 and 20 o'clock where they are; none where they did not say where.
    pub fn is_day(&self, now: Timestamp) -> Option<bool> {
        let zone = TimeZone::get(&self.time_zone).ok().filter(|_| !self.time_zone.is_empty())?;
        Some((8..20).contains(&now.to_zoned(zone).hour()))
    }

    /// How far their clock is from another time zone's, in hours; none where they did not say theirs, or there is no such zone.
    pub fn hours_from(&self, zone: &str, now: Timestamp) -> Option<f32> {
        let own = TimeZone::get(&self.time_zone).ok().filter(|_| !self.time_zone.is_empty())?;
        let (own, other) = (own.to_offset(now), TimeZone::get(zone).ok()?.to_offset(now));
        Some((own.seconds() - other.seconds()).unsigned_abs() as f32 / 3_600.0)
    }
}

/// A researcher, as they describe themselves: with all of their accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Who they are.
    pub facts: Facts,
    /// What they stand for: statements first, then papers, the newest first.
    pub entries: Vec<Entry>,
}

/// What a profile is about, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Words that tell it from the others, as they stand in the entries.
    pub label: Vec<String>,
    /// The ids of its entries.
    pub entries: Vec<String>,
}

/// A list of works, as a file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Works {
    /// The works.
    pub entries: Vec<Entry>,
    /// Names that whoever the list is of may be known by: the file's own word first, then who wrote most of it.
    pub names: Vec<String>,
    /// Ids of whoever the list is of.
    pub ids: Vec<String>,
    /// What of it was refused, each with its sentence.
    pub refused: Vec<String>,
}

/// A person among others: their accounts, never none.
pub type Accounts = Vec<MemberId>;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Need {
    /// What is needed, line by line; at most 64.
    pub lines: Vec<String>,
    /// On whose behalf: what they have themselves is not missing.
    pub seekers: Vec<Accounts>,
    /// Names of others on whose behalf it is: the authors of a paper. For conflicts of interest.
    pub authors: Vec<String>,
    /// Whether the operator brought that paper, so that nobody made up its authors: else no declared conflict counts by them.
    pub is_vouched: bool,
    /// Who may be found, and nobody else: by the order of these a [`Fit`] names a person.
    pub among: Vec<Accounts>,
    /// The room whose messages may count.
    pub room: Option<RoomId>,
    /// Whether whoever has a conflict of interest with a seeker or an author is left out.
    pub without_conflicts: bool,
    /// The year that conflicts and age are counted from.
    pub year: i16,
}

/// A line of the need, and one of theirs that speaks to it.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidencePair {
    /// Which line of the need.
    pub need: usize,
    /// The entry.
    pub entry: Entry,
    /// The line of it: verbatim.
    pub line: String,
    /// By how much the score falls without this entry.
    pub carries: f32,
}

/// How one person fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Who: their place in [`Need::among`].
    pub person: usize,
    /// In 0..1, comparable within one need.
    pub score: f32,
    /// At most three, what carries most first.
    pub evidence: Vec<EvidencePair>,
    /// Lines of the need that they cover and the seekers do not, the largest gain first.
    pub brings: Vec<usize>,
    /// Lines that they do not cover.
    pub lacks: Vec<usize>,
    /// What they say of themselves.
    pub facts: Facts,
    /// The newest year of what speaks for them.
    pub latest: Option<i16>,
    /// What a ranker may learn from, as `training` names it.
    pub features: Vec<f32>,
}

/// A team for a need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Its members, and the lines of the need that each covers best; the most useful first.
    pub members: Vec<(Fit, Vec<usize>)>,
    /// Lines that nobody covers.
    pub uncovered: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_same_however_it_is_written() {
        let id = |text: &str| entry_id(EntryKind::About, text);
        assert_eq!(id("I parse trees."), id("  i PARSE  trees"));
        assert_ne!(id("I parse trees."), id("I plant trees."));
        assert_ne!(id("I parse trees."), entry_id(EntryKind::Offers, "I parse trees."));
    }

    #[test]
    fn a_day_is_that_of_the_persons_clock() {
        let facts = |zone: &str| Facts { time_zone: zone.to_owned(), ..Facts::default() };
        let at = "2026-01-01T03:00:00Z".parse().unwrap();
        assert_eq!(facts("Asia/Shanghai").is_day(at), Some(true));
        assert_eq!(facts("Europe/Berlin").is_day(at), Some(false));
        assert_eq!(facts("").is_day(at), None);
        assert_eq!(facts("Asia/Shanghai").hours_from("Europe/Berlin", at), Some(7.0));
        assert_eq!(facts("").hours_from("Europe/Berlin", at), None);
        assert_eq!(facts("Asia/Shanghai").hours_from("Mars/Base", at), None);
    }
}
