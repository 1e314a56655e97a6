//! The splitter of long replies, and what makes foreign text safe in Markdown. A formula that the translator of LaTeX
//! panics at costs the formula: that alone is let pass here.

#![no_main]

use frontend::{markdown, maths, split::split};
use libfuzzer_sys::fuzz_target;

/// What the parts say, without fences and white space.
fn letters(text: &str) -> String {
    let is_fence = |line: &&str| line.trim_start().starts_with("```");
    text.lines().filter(|line| !is_fence(line)).flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

fn points(text: &str) -> usize {
    text.chars().count()
}

fuzz_target!(init: std::panic::set_hook(Box::new(|_| ())), |input: (u8, bool, &str)| {
    let (more, bytes, text) = input;
    let max = 100 + usize::from(more);
    let measure = if bytes { str::len } else { points };
    let parts = split(text, max, measure);
    for part in &parts {
        assert!(!part.trim().is_empty() && measure(part) <= max, "{} of {max}: {part:?}", measure(part));
        let fences = part.lines().filter(|line| line.trim_start().starts_with("```")).count();
        assert!(fences % 2 == 0, "{part:?}");
    }
    // A fence's own line may be cut where it is longer than a part.
    if !text.contains("```") {
        assert_eq!(letters(&parts.join("\n")), letters(text));
    }
    let escaped = markdown::escape(&markdown::plain(text)).to_lowercase();
    for call in ["@everyone", "@here", "@room"] {
        assert!(!escaped.contains(call), "{escaped:?}");
    }
    let mut before = ' ';
    for character in escaped.chars() {
        let is_bare = "<>[]`*_|~#".contains(character) && before != '\\';
        assert!(!is_bare, "{escaped:?}");
        before = if before == '\\' && character == '\\' { ' ' } else { character };
    }
    let _ = maths::to_unicode(text);
});
