//! What may be read where.
//!
//! **Invariant:** a search takes a [`Readable`], and only [`Readable::of`] makes one, from the place
//! where the reply will be seen; `Readable::owned` is for weighing people, and what it finds is shown to nobody.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommunityId, MemberId, Place, RoomId};

/// Who owns a document. Written `community:lab`, `group:nlp`, `room:seminar`, `person:ana`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Everyone in the community.
    Community(CommunityId),
    /// The members of a group.
    Group(String),
    /// Everyone in the room.
    Room(RoomId),
    /// One person.
    Person(MemberId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Community(id) => write!(f, "community:{id}"),
            Self::Group(id) => write!(f, "group:{id}"),
            Self::Room(id) => write!(f, "room:{id}"),
            Self::Person(id) => write!(f, "person:{id}"),
        }
    }
}

/// A text that is no scope.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no scope; write community:NAME, group:NAME, room:NAME or person:NAME")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let wrong = || ScopeError(text.to_owned());
        let (kind, id) = text.split_once(':').filter(|(_, id)| !id.trim().is_empty()).ok_or_else(wrong)?;
        match kind {
            "community" => Ok(Self::Community(id.into())),
            "group" => Ok(Self::Group(id.to_owned())),
            "room" => Ok(Self::Room(id.into())),
            "person" => Ok(Self::Person(id.into())),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// The scopes that everyone who will see the reply may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    scopes: Vec<Scope>,
    lent: Vec<Scope>,
    as_of: Timestamp,
}

impl Readable {
    /// The audience rule: in a room, what the whole room may read, however much the caller may; to the
    /// caller alone, the caller's own as well. `extra` are the scopes that the platform's groups add, to the caller alone
    /// also those of their other accounts; `lent` are those that the room's policy adds.
    pub fn of(place: &Place, caller: &MemberId, extra: &[Scope], lent: &[Scope]) -> Self {
        let mut scopes = vec![Scope::Community(place.community.clone()), Scope::Room(place.room.clone())];
        match place.audience {
            Audience::Room => scopes.extend(extra.iter().filter(|scope| !matches!(scope, Scope::Person(_))).cloned()),
            Audience::Caller => {
                scopes.push(Scope::Person(caller.clone()));
                scopes.extend(extra.iter().cloned());
            }
        }
        let own = |scope: &Scope| scopes.contains(scope) || matches!(scope, Scope::Person(_));
        let lent: Vec<Scope> = lent.iter().filter(|scope| !own(scope)).cloned().collect();
        scopes.extend_from_slice(&lent);
        scopes.sort();
        scopes.dedup();
        Self { scopes, lent, as_of: Timestamp::MIN }
    }

    /// The same at a time: what is under embargo until then is not any more. Without a time every embargo holds.
    pub fn at(self, now: Timestamp) -> Self {
        Self { as_of: now, ..self }
    }

    /// Without what the room owns and is lent: for who is told something of it, but is not in it.
    pub fn outside(self, room: &RoomId) -> Self {
        let Self { mut scopes, lent, as_of } = self;
        scopes.retain(|scope| !lent.contains(scope) && !matches!(scope, Scope::Room(own) if own == room));
        Self { scopes, lent: Vec::new(), as_of }
    }

    /// What these accounts own, and nothing else: to weigh people by it. Nothing found there is ever shown.
    pub(crate) fn owned(accounts: &[MemberId]) -> Self {
        let mut scopes: Vec<Scope> = accounts.iter().cloned().map(Scope::Person).collect();
        scopes.sort();
        scopes.dedup();
        Self { scopes, lent: Vec::new(), as_of: Timestamp::MIN }
    }

    /// The scopes, sorted; never empty.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Those among them that are only lent: nothing under embargo is read there.
    pub fn lent(&self) -> &[Scope] {
        &self.lent
    }

    /// The time that it is read at: an embargo that ends after it holds.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Whether a document of this scope may be shown.
    pub fn allows(&self, scope: &Scope) -> bool {
        self.scopes.binary_search(scope).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Platform;

    #[track_caller]
    fn check(audience: Audience, extra: &[&str], lent: &[&str], want: &[&str]) -> Readable {
        let place = Place {
            platform: Platform::Matrix,
            community: "lab".into(),
            room: "seminar".into(),
            thread: None,
            audience,
        };
        let parsed = |scopes: &[&str]| scopes.iter().map(|scope| scope.parse().unwrap()).collect::<Vec<Scope>>();
        let readable = Readable::of(&place, &"ana".into(), &parsed(extra), &parsed(lent));
        assert_eq!(readable.scopes().iter().map(Scope::to_string).collect::<Vec<_>>(), want);
        readable
    }

    #[test]
    fn a_room_never_reads_a_persons_papers() {
        check(Audience::Room, &[], &[], &["community:lab", "room:seminar"]);
        check(Audience::Room, &["person:ana", "group:nlp"], &[], &["community:lab", "group:nlp", "room:seminar"]);
    }

    #[test]
    fn a_caller_alone_reads_their_own() {
        check(Audience::Caller, &["group:nlp"], &[], &["community:lab", "group:nlp", "room:seminar", "person:ana"]);
    }

    #[test]
    fn what_is_lent_is_marked_so_and_never_a_persons() {
        let lent = &["group:nlp", "room:seminar", "person:bob"];
        let readable = check(Audience::Room, &[], lent, &["community:lab", "group:nlp", "room:seminar"]);
        assert_eq!(readable.lent(), ["group:nlp".parse().unwrap()]);
    }

    #[test]
    fn who_is_outside_reads_nothing_of_the_room() {
        let lent = &["group:nlp"];
        let readable =
            check(Audience::Caller, &[], lent, &["community:lab", "group:nlp", "room:seminar", "person:ana"]);
        let outside = readable.outside(&"seminar".into());
        assert_eq!(outside.scopes().iter().map(Scope::to_string).collect::<Vec<_>>(), ["community:lab", "person:ana"]);
        assert!(outside.lent().is_empty());
    }

    #[test]
    fn a_scope_needs_a_kind_and_a_name() {
        for text in ["", "room", "room:", "galaxy:x", "room: "] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
