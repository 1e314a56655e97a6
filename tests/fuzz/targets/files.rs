//! What plugins make of strangers' files, on any bytes: the first byte chooses what, and the ending.

#![no_main]

use chat::ports::Plugin;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first().filter(|(_, bytes)| bytes.len() <= fuzz::BYTES_MAX) else { return };
    let (work, names) = [
        ("cut", ["a.md", "a.txt", "a.tex", "a.srt", "a.html", "a.po"]),
        ("terms", ["a.csv", "a.tsv", "a.tbx", "a.xml", "a.md", "a"]),
    ][usize::from(first & 1)];
    let name = names[usize::from(first >> 1) % names.len()];
    for plugin in plugins::all() {
        if let Err(sentence) = Plugin::read_file(plugin.as_ref(), work, name, bytes) {
            assert!(!sentence.is_empty());
        }
    }
});
