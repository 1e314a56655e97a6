//! Told elsewhere.
