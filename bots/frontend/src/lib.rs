//! What the chat frontends share: an [`answer`] as it grows, in [`markdown`], at the [`pace`] that a platform bears,
//! [`split`] into its messages, and the [`driver`] that takes it there and loses nothing.
//!
//! A platform's crate implements [`Screen`]; all else about a reply is here, once for all platforms.
//!
//! **Invariant:** no `@everyone`, `@here` or `@room` leaves, whatever a model or a paper says.

pub mod answer;
pub mod markdown;
pub mod maths;
pub mod split;
pub mod pace;
pub mod screen;
pub mod driver;
pub mod notices;

pub use answer::{Answer, Part, Upload};
pub use driver::{Driver, Ready};
pub use markdown::{Style, Tables};
pub use notices::{Bell, Naming, Notifier};
pub use pace::Pace;
pub use screen::{Screen, ScreenError};
