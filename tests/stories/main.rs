//! The stories: what a user, an operator and an attacker see, on the real parts.

mod house;
mod answers;
mod library;
mod command_line;
mod models;
