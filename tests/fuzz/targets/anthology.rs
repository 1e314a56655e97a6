//! The reader of the Anthology's XML, on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::file("a.xml", bytes));
