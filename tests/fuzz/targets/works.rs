//! Lists of works that a person brings, on any bytes: the first byte chooses the ending.

#![no_main]

use library::{Limits, read_works};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first().filter(|(_, bytes)| bytes.len() <= fuzz::BYTES_MAX) else { return };
    let name = ["a.bib", "a.json", "a.ris", "a.txt", "a.xml"][usize::from(*first) % 5];
    if let Err(error) = read_works(name, bytes, &Limits::default()) {
        assert!(!error.to_string().is_empty());
    }
});
