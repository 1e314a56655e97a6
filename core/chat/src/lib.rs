//! The vocabulary and the ports of Colloquy: what every crate knows, and nothing else of ours.
//!
//! Read in this order: where people are ([`place`]), what they may read ([`scope`]), what they say
//! ([`message`]) and ask for ([`call`]), what comes back ([`reply`]), what a plugin says of itself
//! ([`manifest`]), what a library holds ([`document`]), what people say of their
//! work ([`profile`]), the traits between crates ([`ports`]), and the
//! one thing a plugin is handed ([`cx`]); [`text`] is how all of us read sentences and terms.
//!
//! **Invariant:** no I/O, no clock, no task: plain data and traits.

pub mod place;
pub mod scope;
pub mod message;
pub mod call;
pub mod reply;
pub mod manifest;
pub mod document;
pub mod policy;
pub mod people;
pub mod profile;
pub mod chronicle;
pub mod ports;
pub mod cx;
pub mod text;
pub mod error;

pub use call::{Args, Call, CallId, Value};
pub use chronicle::Overheard;
pub use cx::Cx;
pub use document::{Document, DocumentId, Identifiers, Passage, PassageId, Provenance};
pub use error::{PluginError, PortError};
pub use manifest::{Argument, Command, Example, Kind, Manifest, Role, Text, Visibility};
pub use message::{Attachment, Invocation, Message};
pub use people::{Blocked, Consent, Standing, Switch};
pub use place::{Audience, CommunityId, MemberId, MessageId, Place, Platform, RoomId, ThreadId};
pub use policy::Policy;
pub use reply::{Action, Event, Quote, Source, Usage};
pub use scope::{Readable, Scope};
