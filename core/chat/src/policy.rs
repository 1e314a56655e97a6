//! What the moderators of a room decided on. Plain data with sane defaults; the gate holds calls to it.
//!
//! **Invariant:** a policy only ever narrows what a manifest allows, but for `reads`, which the operator alone sets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Command, Role, Scope, Visibility, text::code};

/// A room's policy. Its keys are those of `room set`, and of the file that it is exported to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Policy {
    /// Plugins that do not answer here.
    pub plugins_off: BTreeSet<String>,
    /// Least roles of commands, where they are higher than their manifests say.
    pub roles: BTreeMap<String, Role>,
    /// Who sees a reply, where the manifest leaves it to the room.
    pub visibility: Visibility,
    /// The language of the room: ISO 639-1; each question's own where empty.
    pub language: String,
    /// Scopes of the library that the room reads beside its own and the community's.
    pub reads: BTreeSet<Scope>,
    /// Whether a question that nobody addressed to the assistant is answered where the evidence is strong.
    pub auto_answer: bool,
    /// Between these times of day nothing is said unasked.
    pub quiet: Quiet,
    /// The time zone of `quiet`, as `Europe/Berlin`.
    pub time_zone: String,
    /// How often an hour something may be said unasked.
    pub interruptions_per_hour: u32,
    /// Whether messages of members who consent become part of the library.
    pub index_messages: bool,
    /// After so many days indexed messages, answers and what is known of calls are removed; 0 for never.
    pub retention_days: u32,
    /// Whether nothing is answered here.
    pub paused: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            plugins_off: BTreeSet::new(),
            roles: BTreeMap::new(),
            visibility: Visibility::Room,
            language: String::new(),
            reads: BTreeSet::new(),
            auto_answer: false,
            quiet: Quiet::default(),
            time_zone: "UTC".to_owned(),
            interruptions_per_hour: 2,
            index_messages: false,
            retention_days: 365,
            paused: false,
        }
    }
}

impl Policy {
    /// The keys, each with what it is for.
    pub const KEYS: [(&'static str, &'static str); 12] = [
        ("plugins-off", "plugins that do not answer here: names with commas between"),
        ("roles", "least roles of commands: `ask=member, add=moderator`; never lower than by default"),
        ("visibility", "who sees replies: `room` or `caller`"),
        ("language", "the language of the room: `en`, `de`, `zh` ..; empty for each question's own"),
        ("reads", "other scopes that the room reads, as `group:nlp`; for the operator"),
        (
            "auto-answer",
            "answer questions that nobody addressed to me, where the evidence is strong: `true` or `false`",
        ),
        ("quiet", "when I say nothing unasked: `22:00-07:00`; empty for never"),
        ("time-zone", "the time zone of `quiet`: `Europe/Berlin`"),
        ("interruptions-per-hour", "how often an hour I may say something unasked"),
        (
            "index-messages",
            "whether messages of members who consent, and answers that a moderator marks with ✅, are searchable here: \
             `true` or `false`",
        ),
        ("retention-days", "days after which messages and answers are removed; 0 for never"),
        ("paused", "whether I answer nothing here: `true` or `false`"),
    ];

    /// What of it makes no sense.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        let languages = |code: &str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        if !self.language.is_empty() && !languages(&self.language) {
            return Err(format!("`language` is a code of two letters, as `en`; {} is none.", code(&self.language)));
        }
        if TimeZone::get(&self.time_zone).is_err() {
            return Err(format!("`time-zone` is a name as `Europe/Berlin`; {} is none.", code(&self.time_zone)));
        }
        if let Some(scope) = self.reads.iter().find(|scope| matches!(scope, Scope::Person(_))) {
            return Err(format!("`reads` cannot name a person's own papers, as {} does.", code(&scope.to_string())));
        }
        if self.interruptions_per_hour > 60 || self.retention_days > 36_500 {
            return Err("That number is out of all proportion.".to_owned());
        }
        Ok(())
    }

    /// The least role for a command.
    pub fn role_min(&self, command: &Command) -> Role {
        self.roles.get(command.name).copied().unwrap_or(Role::Guest).max(command.role_min)
    }

    /// Whether nothing may be said unasked at this time.
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        let Quiet(Some((from, until))) = self.quiet else { return false };
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let time = now.to_zoned(zone).time();
        if from <= until { (from..until).contains(&time) } else { time >= from || time < until }
    }
}

/// A part of every day, written `22:00-07:00`; or none, written as nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quiet(pub Option<(Time, Time)>);

impl FromStr for Quiet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
        let pair = text.split_once('-').and_then(|(from, until)| Some((time(from)?, time(until)?)));
        pair.map(|pair| Self(Some(pair))).ok_or_else(|| format!("`{text}` is no part of a day, as `22:00-07:00`"))
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some((from, until)) => write!(f, "{}-{}", from.strftime("%H:%M"), until.strftime("%H:%M")),
        }
    }
}

impl TryFrom<String> for Quiet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Quiet> for String {
    fn from(quiet: Quiet) -> Self {
        quiet.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quiet: &str, zone: &str, at: &str, want: bool) {
        let policy = Policy { quiet: quiet.parse().unwrap(), time_zone: zone.to_owned(), ..Policy::default() };
        policy.check().unwrap();
        assert_eq!(policy.is_quiet(at.parse().unwrap()), want, "{quiet} in {zone} at {at}");
    }

    #[test]
    fn quiet_hours_go_over_midnight_and_follow_the_rooms_clock() {
        check("", "UTC", "2026-01-01T03:00:00Z", false);
        check("22:00-07:00", "UTC", "2026-01-01T03:00:00Z", true);
        check("22:00-07:00", "UTC", "2026-01-01T07:00:00Z", false);
        check("12:00-13:00", "UTC", "2026-01-01T12:30:00Z", true);
        // One hour on in winter, two in summer.
        check("22:00-07:00", "Europe/Berlin", "2026-01-01T21:30:00Z", true);
        check("22:00-07:00", "Europe/Berlin", "2026-07-01T05:30:00Z", false);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let wrong = |policy: Policy| policy.check().unwrap_err();
        assert!(wrong(Policy { language: "english".to_owned(), ..Policy::default() }).contains("`language`"));
        assert!(wrong(Policy { time_zone: "Mars/Base".to_owned(), ..Policy::default() }).contains("`time-zone`"));
        let reads = BTreeSet::from(["person:ana".parse().unwrap()]);
        assert!(wrong(Policy { reads, ..Policy::default() }).contains("person:ana"));
        assert!("25:00-07:00".parse::<Quiet>().is_err());
    }
}
