//! What a plugin says of itself. Everything public about it is read from here: Discord commands with
//! localisations, Matrix and console help, MCP tool schemas, HTTP, the manual.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Args;

/// A text in the languages that every manifest speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
}

impl Text {
    /// In the language `code` (ISO 639-1), English where there is no other.
    pub fn get(&self, code: &str) -> &'static str {
        if code.starts_with("zh") { self.zh } else { self.en }
    }
}

/// What a caller may do. Ordered: each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Anyone who can see the room.
    Guest,
    /// A member of the community.
    Member,
    /// Who looks after rooms.
    Moderator,
    /// Who runs the machine.
    Operator,
}

impl Role {
    /// The role's name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guest => "Guest",
            Self::Member => "Member",
            Self::Moderator => "Moderator",
            Self::Operator => "Operator",
        }
    }
}

/// Who sees the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everyone in the room.
    Room,
    /// The caller alone.
    Caller,
}

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text; the last text argument of a command takes the rest of the line.
    Text,
    /// An address on the web: one word.
    Link,
    /// A whole number within limits, both included.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// Present or absent.
    Flag,
    /// One of these words, or phrases of several.
    Choice(&'static [&'static str]),
}

/// An argument of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Its name: one lower-case word.
    pub name: &'static str,
    /// What it is.
    pub help: Text,
    /// Its type.
    pub kind: Kind,
    /// Whether a call without it is refused.
    pub required: bool,
    /// Whether the plugin proposes values while the caller types ([`Plugin::complete`](crate::ports::Plugin::complete)).
    pub completes: bool,
    /// Whether it is given by its name only, as `size:4`, and never by its place.
    pub named: bool,
    /// Words of a choice with which the command deals with what is the caller's own: see [`Command::called_with`].
    pub own: &'static [&'static str],
    /// Words of a choice whose reply the caller alone sees, as it holds what others could use: see [`Command::called_with`].
    pub alone: &'static [&'static str],
}

impl Argument {
    /// An optional argument without proposals.
    pub const fn new(name: &'static str, help: Text, kind: Kind) -> Self {
        Self { name, help, kind, required: false, completes: false, named: false, own: &[], alone: &[] }
    }

    /// The same, required.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same, with proposals by the plugin.
    pub const fn completed(self) -> Self {
        Self { completes: true, ..self }
    }

    /// The same, given by its name only.
    pub const fn named(self) -> Self {
        Self { named: true, ..self }
    }

    /// The same, `words` of its choice being about what is the caller's own.
    pub const fn own(self, words: &'static [&'static str]) -> Self {
        Self { own: words, ..self }
    }

    /// The same, the reply to `words` of its choice being for the caller alone.
    pub const fn alone(self, words: &'static [&'static str]) -> Self {
        Self { alone: words, ..self }
    }
}

/// A call with its reply, run by the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The command line, without a prefix.
    pub call: &'static str,
    /// What its reply contains.
    pub reply: &'static str,
}

/// A command of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Its name: one lower-case word, unique over all plugins.
    pub name: &'static str,
    /// What it does, in a line.
    pub help: Text,
    /// What a message's own menu calls it, where it can be called on a message; that message then is
    /// [`Message::reply_to`](crate::Message::reply_to) or, where it is an answer of ours, [`Call::about`](crate::Call::about).
    pub menu: Option<Text>,
    /// Its arguments, in order.
    pub arguments: &'static [Argument],
    /// The least role that may call it.
    pub role_min: Role,
    /// Who sees the reply.
    pub visibility: Visibility,
    /// After this it is cancelled, with a sentence.
    pub deadline: Duration,
    /// Questions and requests that mean this command, for routing a mention by embedding.
    pub utterances: &'static [&'static str],
    /// Calls with their replies.
    pub examples: &'static [Example],
}

impl Command {
    /// The command as it is with these arguments: where a word of a choice makes it about what is the caller's own, every
    /// member may call it, and they alone see the reply; other words keep the reply to the caller, and the role as it is.
    pub fn called_with(&self, args: &Args) -> Self {
        let has = |words: fn(&Argument) -> &'static [&'static str]| {
            self.arguments.iter().any(|argument| words(argument).contains(&args.text(argument.name)))
        };
        if has(|argument| argument.own) {
            return Self { role_min: self.role_min.min(Role::Member), visibility: Visibility::Caller, ..*self };
        }
        if has(|argument| argument.alone) { Self { visibility: Visibility::Caller, ..*self } } else { *self }
    }
}

/// All that is public about a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// Its name: one lower-case word.
    pub name: &'static str,
    /// What it is for, in a line.
    pub summary: Text,
    /// Whether it deals with nothing but what is the caller's own: then strangers may call it in private too, and no
    /// pause, block or policy takes it away.
    pub open: bool,
    /// The command that is called, unasked, with every message of a room in which the plugin listens
    /// ([`Cx::listen`](crate::Cx::listen)); none of most.
    pub hears: Option<&'static str>,
    /// Its commands; the first is the one that a bare mention means.
    pub commands: &'static [Command],
}

impl Manifest {
    /// The command of that name.
    pub fn command(&self, name: &str) -> Option<&'static Command> {
        self.commands.iter().find(|command| command.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn what_is_the_callers_own_is_for_every_member_and_told_to_them_alone() {
        const NAMED: Text = Text { en: "", zh: "" };
        const COMMAND: Command = Command {
            name: "digest",
            help: NAMED,
            menu: None,
            arguments: &[Argument::new("of", NAMED, Kind::Choice(&["room", "papers", "code"]))
                .own(&["papers"])
                .alone(&["code"])],
            role_min: Role::Moderator,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(1),
            utterances: &[],
            examples: &[],
        };
        let called = |word: &str| {
            let command = COMMAND.called_with(&Args::from([("of", Value::Text(word.to_owned()))]));
            (command.role_min, command.visibility)
        };
        assert_eq!(called("papers"), (Role::Member, Visibility::Caller));
        assert_eq!(called("code"), (Role::Moderator, Visibility::Caller));
        assert_eq!(called("room"), (Role::Moderator, Visibility::Room));
        assert_eq!(COMMAND.called_with(&Args::default()), COMMAND);
    }
}
