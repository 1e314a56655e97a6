//! Where a message was said, and by whom.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    )*};
}

ids! {
    /// A lab, a conference: who shares one library.
    CommunityId,
    /// A channel, as its platform names it. Stable across renames.
    RoomId,
    /// A thread or reply chain within a room.
    ThreadId,
    /// A person's stable id on their platform, never a display name.
    MemberId,
    /// A message, as its platform names it.
    MessageId,
}

/// Which frontend a message came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// The terminal.
    Console,
    /// A Discord guild or direct message.
    Discord,
    /// A Matrix room.
    Matrix,
    /// HTTP or MCP.
    Web,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Console => "console",
            Self::Discord => "discord",
            Self::Matrix => "matrix",
            Self::Web => "web",
        })
    }
}

/// Who will see the reply: the audience rule reads this and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everyone in the room.
    Room,
    /// The caller alone.
    Caller,
}

/// Where a message was said and who will see the reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The frontend.
    pub platform: Platform,
    /// The community that the room belongs to.
    pub community: CommunityId,
    /// The room.
    pub room: RoomId,
    /// The thread, where there is one.
    pub thread: Option<ThreadId>,
    /// Who will see the reply.
    pub audience: Audience,
}
