//! Who fits a need: [`People`] scores and explains, a [`Register`] keeps conflicts of interest out, [`complement()`] says what
//! somebody brings, [`team()`] covers several skills, [`learn_matching()`] learns from introductions, [`Network`] knows
//! who works with whom, and [`Trial`] measures whether it knows who will.
//!
//! A [`Profile`] is a list of items (papers, statements), an item a list of [`Line`]s, and a need a list of lines too, so
//! that every score comes down to pairs of lines that can be shown. Who consented to be matched is the caller's business:
//! nobody is here who was not handed in.
//!
//! **Invariant:** everything here is a pure function of its arguments; the year is one of them.
//! **Invariant:** the items that a [`Match`] cites carry it: without them the score is lower.

mod complement;
mod conflicts;
mod lexicon;
mod names;
mod network;
mod partners;
mod people;
mod profile;
mod ranker;
mod scoring;
mod team;

pub use complement::{Brought, Complement, complement};
pub use conflicts::{Conflict, Person, Register, Rules, Work};
pub use lexicon::{Lexicon, Weighed};
pub use names::name_key;
pub use network::{Features, Network};
pub use partners::{PARTNERS_AT, Reached, Trial};
pub use people::People;
pub use profile::{Item, Line, MatchError, Profile};
pub use ranker::{MatchLearned, MatchModel, MatchReport, MatchSignals, Shown, learn_matching, match_options};
pub use scoring::{Evidence, Grid, Match, Pair, Scoring};
pub use team::{Team, TeamOptions, team};
