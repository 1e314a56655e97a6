//! People's words as they are shown again: one line, nobody called, nothing hidden, and the same again.

#![no_main]

use chat::text::{inert, is_hidden, legible};

libfuzzer_sys::fuzz_target!(|text: &str| {
    assert!(!legible(text).chars().any(is_hidden), "{text:?}");
    let shown = inert(text);
    assert!(!shown.contains('\n'), "{text:?}");
    for call in ["@everyone", "@here", "@room", "://"] {
        assert!(!shown.contains(call), "{text:?} is shown as {shown:?}");
    }
});
