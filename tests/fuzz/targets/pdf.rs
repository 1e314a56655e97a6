//! The reader of PDF, on any bytes. The parser below it panics on what it does not expect, which costs the file: that
//! alone is let pass here.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: std::panic::set_hook(Box::new(|_| ())), |bytes: &[u8]| fuzz::file("a.pdf", bytes));
