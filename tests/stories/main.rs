//! The stories: what a user, an operator and an attacker see, on the real parts.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on fails there")]

mod house;
mod answers;
mod library;
mod command_line;
mod conversations;
mod keeping;
mod discord;
mod gateway;
mod matrix;
mod both;
mod models;
mod platforms;
mod secrets;
mod injection;
mod permissions;
mod operations;
mod notices;
mod digests;
mod hearing;
mod matching;
mod recommendations;
mod since;
mod presence;
mod words;
mod apart;
mod versions;
#[cfg(unix)]
mod closed;
mod attacks;
