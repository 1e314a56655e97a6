//! Complete sentences out of a stream of pieces, as soon as the next one has begun.
//!
//! **Invariant:** what is handed out, joined, is what was fed; and it does not depend on where the stream was cut.

/// Longest sentence in bytes; a longer one is cut at a space.
pub const SENTENCE_BYTES_MAX: usize = 4_000;

/// Fed with the pieces of a draft, hands out its sentences, each with the white space around it.
///
/// A sentence ends where [`chat::text::sentences`] ends it, after a citation marker that follows it, and at a line
/// break: models do not wrap lines, they end list items and headings. A fenced block is one sentence.
#[derive(Debug)]
pub struct Sentences {
    language: String,
    rest: String,
}

impl Default for Sentences {
    fn default() -> Self {
        Self::new("en")
    }
}

impl Sentences {
    /// An empty splitter for a text in `language` (ISO 639-1).
    pub fn new(language: &str) -> Self {
        Self { language: language.to_owned(), rest: String::new() }
    }

    /// Appends `delta` and hands out the sentences that are complete now.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        let mut complete = Vec::new();
        for character in delta.chars() {
            self.rest.push(character);
            // A border is looked for only where one can show: the same places however the stream is cut.
            let may_end = character.is_whitespace() || chat::text::is_cjk(character);
            if (may_end || self.rest.len() > SENTENCE_BYTES_MAX)
                && let Some(end) = self.end(false)
            {
                let rest = self.rest.split_off(end);
                complete.push(std::mem::replace(&mut self.rest, rest));
            }
        }
        complete
    }

    /// Ends the stream and hands out what is left.
    pub fn finish(mut self) -> Vec<String> {
        let mut complete = Vec::new();
        while !self.rest.is_empty() {
            let end = self.end(true).unwrap_or(self.rest.len());
            let rest = self.rest.split_off(end);
            complete.push(std::mem::replace(&mut self.rest, rest));
        }
        complete
    }

    /// Where the first sentence of the rest ends, if that is certain.
    fn end(&self, at_end: bool) -> Option<usize> {
        let text = self.rest.as_str();
        let start = text.len() - text.trim_start().len();
        let body = &text[start..];
        if body.is_empty() {
            return None;
        }
        if text.len() > SENTENCE_BYTES_MAX {
            return Some(self.forced());
        }
        if let Some(block) = body.strip_prefix("```") {
            let close = block.find("\n```").map(|at| at + 7)?;
            return body[close..].find('\n').map(|at| start + close + at + 1);
        }
        let line = body.find('\n').map(|at| &body[..=at]);
        let closed = line.is_some() || at_end;
        let line = line.unwrap_or(body);
        // No sentence but the last of a line goes without a mark of its end: spare the splitter most words.
        if !closed && !line.contains(['.', '!', '?', '。', '！', '？', '…', '।', '؟']) {
            return None;
        }
        let borders = chat::text::sentences(line, &self.language);
        let head = enumerator(line);
        let next =
            borders.iter().skip(1).map(|range| range.start).find(|at| *at > head && !line[*at..].trim().is_empty());
        let Some(next) = next else { return closed.then_some(start + line.len()) };
        match trailing_marker(&line[next..]) {
            Trailing::None => {}
            Trailing::Open if !closed => return None,
            Trailing::Open => {}
            Trailing::Marker(length) => return Some(start + next + length),
        }
        let seen = &line[next..];
        let certain = closed || seen.contains(char::is_whitespace) || seen.starts_with(chat::text::is_cjk);
        certain.then_some(start + next)
    }

    /// The last space before the limit, or the limit.
    fn forced(&self) -> usize {
        let mut limit = SENTENCE_BYTES_MAX;
        while !self.rest.is_char_boundary(limit) {
            limit -= 1;
        }
        match self.rest[..limit].rfind(char::is_whitespace) {
            Some(at) if at > limit / 2 => at + self.rest[at..].chars().next().map_or(1, char::len_utf8),
            _ => limit,
        }
    }
}

/// Bytes of the list number that `line` starts with: "3. " ends no sentence.
fn enumerator(line: &str) -> usize {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&digits) || !line[digits..].starts_with(['.', ')']) {
        return 0;
    }
    line.len() - line[digits + 1..].trim_start().len()
}

enum Trailing {
    None,
    /// Starts like a marker; its end is not here yet.
    Open,
    /// A marker, of so many bytes with the space after it.
    Marker(usize),
}

/// A marker at the start of what seemed the next sentence belongs to the one before.
fn trailing_marker(text: &str) -> Trailing {
    const LENGTH_MAX: usize = 40;
    let Some(close) = (match text.chars().next() {
        Some('[') => Some(']'),
        Some('【') => Some('】'),
        Some('(') => Some(')'),
        _ => None,
    }) else {
        return Trailing::None;
    };
    let Some(at) = text.find(close) else {
        return if text.len() > LENGTH_MAX { Trailing::None } else { Trailing::Open };
    };
    let inside: String = text[..at].chars().skip(1).collect();
    let digits = inside.contains(|character: char| character.is_numeric());
    let named = inside.to_lowercase().contains("source");
    let plain = !inside.contains(|character: char| character.is_alphabetic());
    if !digits || !(named || (plain && close != ')')) || inside.len() > LENGTH_MAX {
        return Trailing::None;
    }
    let end = at + close.len_utf8();
    let rest = text[end..].trim_start_matches(['.', ' ']);
    // Another marker may follow; the next space will tell.
    Trailing::Marker(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&str]) -> Vec<String> {
        let mut sentences = Sentences::default();
        let mut found: Vec<String> = pieces.iter().flat_map(|piece| sentences.push(piece)).collect();
        found.extend(sentences.finish());
        found
    }

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let found = split(&[text]);
        assert_eq!(found.iter().map(|piece| piece.trim()).collect::<Vec<_>>(), want);
        assert_eq!(found.concat(), text);
    }

    #[test]
    fn a_sentence_is_complete_when_the_next_has_begun() {
        let mut sentences = Sentences::default();
        assert!(sentences.push("As Fig. 3 shows, 3.5% of E. coli died").is_empty());
        assert!(sentences.push(". The").is_empty());
        assert_eq!(sentences.push(" rest"), ["As Fig. 3 shows, 3.5% of E. coli died. "]);
        assert_eq!(sentences.push(" lived.\nSo"), ["The rest lived.\n"]);
        assert_eq!(sentences.finish(), ["So"]);
    }

    #[test]
    fn an_abbreviation_ends_nothing() {
        check(
            "Smith et al. (2019) agree, e.g. on Fig. 2. So do we.",
            &["Smith et al. (2019) agree, e.g. on Fig. 2.", "So do we."],
        );
    }

    #[test]
    fn a_marker_stays_with_the_sentence_before_it() {
        check(
            "It works. [1] So it does. [2, 3] (Source 4) End.",
            &["It works. [1]", "So it does. [2, 3]", "(Source 4) End."],
        );
    }

    #[test]
    fn items_headings_and_blocks_are_sentences() {
        check("# Head\n\n1. One. Two.\n2. Three\n- four\n", &["# Head", "1. One.", "Two.", "2. Three", "- four"]);
        check("Run:\n```\na. b. c\n\nd.\n```\nDone.", &["Run:", "```\na. b. c\n\nd.\n```", "Done."]);
    }

    #[test]
    fn chinese_needs_no_space() {
        check("模型很好。结果有3.5%！我们", &["模型很好。", "结果有3.5%！", "我们"]);
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let text = "word ".repeat(3_000);
        let found = split(&[&text]);
        assert!(found.iter().all(|piece| piece.len() <= SENTENCE_BYTES_MAX), "{}", found.len());
        assert_eq!(found.concat(), text);
    }

    proptest! {
        #[test]
        fn no_character_is_lost_and_the_cuts_of_the_stream_do_not_show(
            text in "([A-Za-z]{1,6}|[0-9]\\.[0-9]|e\\.g\\.|Fig\\.|\\[[0-9]\\]|```|[。.!?\\n()中文 \\-]|\\PC){0,80}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut borders: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|at| text.is_char_boundary(*at)).collect();
            borders.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for at in borders {
                pieces.push(&text[from..at]);
                from = at;
            }
            pieces.push(&text[from..]);
            let whole = split(&[&text]);
            prop_assert_eq!(whole.concat(), text.clone());
            prop_assert_eq!(split(&pieces), whole);
        }
    }
}
