//! A plugin command with typed arguments: plain data that can cross a process border.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{MemberId, MessageId, Place, PluginError, Role};

/// The name of a call in the audit trail: see [`Message::call_id`](crate::Message::call_id).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub String);

impl CallId {
    /// The call that a message of a place makes.
    pub fn of(place: &Place, message: &MessageId) -> Self {
        Self(format!("{}:{}:{message}", place.platform, place.room))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One command to one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its name in the audit trail.
    pub id: CallId,
    /// The plugin's name.
    pub plugin: String,
    /// The command's name.
    pub command: String,
    /// Its arguments, checked against the manifest.
    pub args: Args,
    /// Who asks.
    pub caller: MemberId,
    /// The caller's role in this place, now.
    pub role: Role,
    /// Where it was asked and who will see the reply.
    pub place: Place,
    /// The earlier answer that it is about, where there is one.
    pub about: Option<CallId>,
    /// Whether nobody asked the assistant: it then says nothing at all but what it is sure of.
    #[serde(default)]
    pub unasked: bool,
}

/// A typed argument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Any text.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Arguments by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Args(pub BTreeMap<String, Value>);

impl Args {
    /// The text of `name`, trimmed; empty where it was not given.
    pub fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(Value::Text(text)) => text.trim(),
            _ => "",
        }
    }

    /// The whole number `name`, where it was given.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether the flag `name` is set.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Flag(true)))
    }

    /// The text of a required argument.
    ///
    /// # Errors
    /// [`PluginError::Usage`] with `want` where it is missing or empty.
    pub fn required(&self, name: &str, want: &'static str) -> Result<&str, PluginError> {
        match self.text(name) {
            "" => Err(PluginError::Usage { given: String::new(), want }),
            text => Ok(text),
        }
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Args {
    fn from(pairs: [(&str, Value); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
