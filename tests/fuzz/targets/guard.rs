//! The guard, on any question, source and draft: what it lets pass cites what there is, and brings no link along.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plugins::guard::{Guard, Sentences, SourceText, Verdict};

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (question, title, source, draft) = input;
    if draft.len() + source.len() > 1 << 13 {
        return;
    }
    let mut sentences = Sentences::new("en");
    let mut read: Vec<String> = draft.split_inclusive(' ').flat_map(|piece| sentences.push(piece)).collect();
    read.extend(sentences.finish());
    assert_eq!(read.concat(), draft);
    let texts = vec![SourceText::new(1, title, source), SourceText::new(2, "Ducks", "The ducks dive at dawn.")];
    let mut guard = Guard::new(question, texts);
    // A source is a draft that stands.
    for sentence in read.iter().map(String::as_str).chain(source.lines()) {
        let verdict = guard.accept(sentence, None);
        let Verdict::Supported { text, sources, line, score } = &verdict else { continue };
        assert!(!sources.is_empty() && sources.iter().all(|number| [1, 2].contains(number)), "{sources:?}");
        assert!((0.0..=1.001).contains(score), "{score}");
        let quote = guard.quote(line);
        assert!(!quote.is_empty() && (source.contains(quote) || quote.starts_with("The ducks")), "{quote:?}");
        assert!(verdict.cited().is_some_and(|cited| cited.contains('[')));
        for (at, _) in text.match_indices("://") {
            let is_border = |c: char| c.is_whitespace() || "\"'<>*_".contains(c);
            let end = text[at + 3..].find(is_border).map_or(text.len(), |end| at + 3 + end);
            let host = text[at..end].trim_end_matches(|c: char| !c.is_alphanumeric());
            assert!(source.contains(host), "a link of nobody's: {text:?}");
        }
        for call in ["@everyone", "@here", "@room", "<@"] {
            assert!(!text.contains(call), "{text:?}");
        }
    }
});
