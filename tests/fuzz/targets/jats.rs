//! The reader of JATS, on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::file("a.nxml", bytes));
