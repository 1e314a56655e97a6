//! The reader of arXiv's Atom, on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::file("a.atom", bytes));
