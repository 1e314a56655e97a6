//! The reader of Markdown, on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::file("a.md", bytes));
