//! The reader of BibTeX, on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::file("a.bib", bytes));
