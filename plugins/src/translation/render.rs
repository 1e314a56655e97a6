//! From a text to its translation: cut, masked, asked for piece by piece, checked, and put together again.
//!
//! **Invariant:** a segment leaves translated with all that is protected in it, or as it stands in the source.

use std::{ops::Range, sync::Arc, time::Duration};

use chat::{
    Cx, PluginError, PortError,
    cx::Pair,
    ports::{Piece, Prompt},
};
use futures::StreamExt;

use super::{
    dedicated::{self, Sentence},
    draft::{self, FRAME_TOKENS, Fault, Question},
    glossary::{Glossary, Hits},
    languages::is_unspaced,
    pieces,
    protect::{Kind, Masked, Span, Translated, verify},
    structure::{Document, Segment},
};

/// Terms that a prompt names, at most.
const HINTS_MAX: usize = 12;

/// Tokens of a piece that is asked for at once: at least, though the prompt is then longer than advised, and at most, as
/// a small model loses the thread of what is longer.
const PIECE_TOKENS: (usize, usize) = (32, 400);

/// Time that the model may take for a call altogether, so that what it did is told before the deadline.
const MODEL_TIME: Duration = Duration::from_secs(220);

/// Temperature and seed of each attempt.
const ATTEMPTS: [(f32, u64); 2] = [(0.0, 0), (0.3, 1)];

/// Segments that are put back as they were because the file would not be whole with them, at most; and the bytes that are
/// read for it, as each costs reading the file anew.
const REFUSED_MAX: usize = 100;
const REREAD_BYTES_MAX: usize = 16 << 20;

/// Of a longer text only the beginning is looked at for terms of the glossary, in bytes: a prompt holds less.
const HINTED_BYTES_MAX: usize = 8 << 10;

/// What became of the segments of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Translated.
    pub translated: usize,
    /// In the original, as something protected would have been lost, or the file broken.
    pub lost: usize,
    /// In the original, as what came was no translation.
    pub failed: usize,
    /// In the original, as there was no time left.
    pub late: usize,
    /// Terms of the glossary in what was translated.
    pub hits: Hits,
}

impl Tally {
    /// Segments in the original that should have been translated.
    pub fn kept(&self) -> usize {
        self.lost + self.failed + self.late
    }

    fn keep(&mut self, fault: Fault) {
        match fault {
            Fault::Lost => self.lost += 1,
            Fault::Late => self.late += 1,
            Fault::Language | Fault::Length | Fault::Same | Fault::Long => self.failed += 1,
        }
    }
}

/// Translates for one call.
pub struct Renderer<'c> {
    cx: &'c Cx,
    from: &'c str,
    to: &'c str,
    glossary: &'c Glossary,
    /// The model that is made for these languages, where there is one.
    pair: Option<Pair>,
    /// What the models took so far.
    spent: Duration,
}

impl<'c> Renderer<'c> {
    /// A translator from one language into another.
    pub fn new(cx: &'c Cx, from: &'c str, to: &'c str, glossary: &'c Glossary) -> Self {
        Self { cx, from, to, glossary, pair: cx.translator(from, to), spent: Duration::ZERO }
    }

    /// The document in the other language. `tell` hears before each segment how many are done.
    ///
    /// # Errors
    /// [`PluginError::Port`], where the model fails; a queue that is full after some segments leaves the rest untranslated.
    pub async fn document(
        &mut self,
        document: &Document,
        tell: &mut (dyn FnMut(usize) -> Result<(), PluginError> + Send),
    ) -> Result<(String, Tally), PluginError> {
        let whole = Arc::new(document.clone());
        let segments = whole.segments();
        let read = Arc::clone(&whole);
        let masks = self.cx.compute(move || read.segments().iter().map(spans_of).collect::<Vec<_>>()).await?;
        if let Some(pair) = &self.pair {
            self.cx.decided(format!("translated by {}", pair.model()));
        }
        let mut tally = Tally::default();
        let mut translated: Vec<Option<Translated>> = Vec::with_capacity(segments.len());
        let mut is_over = false;
        for (at, (segment, spans)) in segments.iter().zip(&masks).enumerate() {
            translated.push(None);
            let Some(spans) = spans else { continue };
            tell(at)?;
            let outcome = match is_over || self.spent >= MODEL_TIME {
                true => Ok(Err(Fault::Late)),
                false => self.segment(segment.text(), spans).await,
            };
            match outcome {
                Ok(Ok(words)) => {
                    tally.translated += 1;
                    translated[at] = Some(words);
                }
                Ok(Err(fault)) => tally.keep(fault),
                Err(PluginError::Port { source, .. }) if source.is_retryable() && tally.translated > 0 => {
                    self.cx.warn(&source);
                    is_over = true;
                    tally.keep(Fault::Late);
                }
                Err(error) => return Err(error),
            }
        }
        let file = Arc::clone(&whole);
        let assembling = move || (reassembled(&file, &mut translated), translated);
        let (text, translated) = self.cx.compute(assembling).await?;
        let done = translated.iter().flatten().count();
        tally.lost += tally.translated - done;
        tally.translated = done;
        for (segment, words) in segments.iter().zip(&translated) {
            if let Some(words) = words {
                let hits = self.glossary.hits(segment.text(), words.text(), self.from, self.to);
                tally.hits.expected += hits.expected;
                tally.hits.found += hits.found;
            }
        }
        Ok((text, tally))
    }

    async fn segment(&mut self, text: &str, spans: &[Span]) -> Result<Result<Translated, Fault>, PluginError> {
        let within = |range: &Range<usize>| -> Vec<Span> {
            let first = spans.partition_point(|span| span.range.start < range.start);
            let inside = spans[first..].iter().take_while(|span| span.range.end <= range.end);
            let shifted = |span: &Span| span.range.start - range.start..span.range.end - range.start;
            inside.map(|span| Span { range: shifted(span), kind: span.kind }).collect()
        };
        let masked = |range: &Range<usize>| Masked::new(&text[range.clone()], within(range));
        let ranges = match &self.pair {
            Some(pair) => {
                let measure = |range: Range<usize>| pair.count_tokens(dedicated::masked(&masked(&range)).text());
                pieces::sentences(text, spans, self.from, pair.tokens_max(), &measure)
            }
            None => {
                let measure = |range: Range<usize>| self.cx.count_tokens(masked(&range).text());
                pieces::cut(text, spans, self.from, self.limit(text), &measure)
            }
        };
        let mut parts: Vec<(usize, String, Translated)> = Vec::with_capacity(ranges.len());
        let mut end = 0;
        for range in ranges {
            let between = between(&text[end..range.start], parts.is_empty(), self.to);
            match self.piece(&masked(&range)).await? {
                Ok(words) => parts.push((range.start, between, words)),
                Err(fault) => return Ok(Err(fault)),
            }
            end = range.end;
        }
        Ok(Ok(Translated::joined(&parts)))
    }

    /// Most tokens of a piece of a text: the prompt must be short, and the answer fit the context behind it, which is at
    /// least twice as long as a prompt is advised to be.
    fn limit(&self, text: &str) -> usize {
        let hints = self.hints(text);
        let question = Question { from: self.from, to: self.to, text: "", mask: Some("⟦1⟧"), hints: &hints };
        let frame = self.cx.count_tokens(&question.rules()) + self.cx.count_tokens(&question.terms()) + FRAME_TOKENS;
        let advised = self.cx.prompt_tokens_advised();
        let answer = (2 * advised).saturating_sub(frame + tokens_max(0, 1)) / 4;
        advised.saturating_sub(frame).min(answer).clamp(PIECE_TOKENS.0, PIECE_TOKENS.1)
    }

    /// The terms of the glossary that stand in a text, as many as fit beside it.
    fn hints(&self, text: &str) -> Vec<(String, String)> {
        let text = &text[..text.floor_char_boundary(HINTED_BYTES_MAX)];
        let mut left = self.cx.prompt_tokens_advised() / 5;
        let mut hints: Vec<(String, String)> = Vec::new();
        for (range, term) in self.glossary.matches(text, self.from) {
            let Some(called) = term.called(self.to) else { continue };
            let (written, called) = (term.called(self.from).unwrap_or(&text[range]).to_owned(), called.to_owned());
            let tokens = self.cx.count_tokens(&written) + self.cx.count_tokens(&called) + 3;
            if hints.iter().any(|(known, _)| *known == written) || tokens > left {
                continue;
            }
            left -= tokens;
            hints.push((written, called));
            if hints.len() >= HINTS_MAX {
                break;
            }
        }
        hints
    }

    /// A piece, by the model that is made for it, or else by the language model.
    async fn piece(&mut self, masked: &Masked) -> Result<Result<Translated, Fault>, PluginError> {
        let source = outside(masked.source(), masked.spans().iter().map(|span| &span.range));
        if !draft::has_words(&source) {
            return Ok(masked.restored(masked.text()).map_err(|_| Fault::Lost));
        }
        let Some(pair) = self.pair.clone() else { return self.written(masked, &source).await };
        let lettered = dedicated::masked(masked);
        let Self { glossary, from, to, .. } = *self;
        let sentence = Sentence { pair: &pair, masked: &lettered, glossary, from, to };
        let outcome = sentence.translate(&|output| self.judged(&lettered, &source, output)).await?;
        self.spent += outcome.usage.prefill + outcome.usage.decode;
        outcome.noted.into_iter().for_each(|noted| self.cx.decided(noted));
        match outcome.translated {
            // What is not known to translate does no better.
            Err(fault) if self.cx.translates(to) && self.spent < MODEL_TIME => {
                self.cx.decided(format!("a piece goes to the language model: {}", fault.reason()));
                self.written(masked, &source).await
            }
            translated => Ok(translated),
        }
    }

    /// A piece by the language model, asked for twice at most.
    async fn written(&mut self, masked: &Masked, source: &str) -> Result<Result<Translated, Fault>, PluginError> {
        let mask = masked.form().write(1);
        let hints = self.hints(masked.source());
        let question = Question {
            from: self.from,
            to: self.to,
            text: masked.text(),
            mask: (!masked.spans().is_empty()).then_some(mask.as_str()),
            hints: &hints,
        };
        let tokens = self.cx.count_tokens(masked.text());
        let mut last = Fault::Late;
        for ((temperature, seed), attempt) in ATTEMPTS.into_iter().zip(0..) {
            let prompt = Prompt { temperature, seed, ..question.prompt(tokens_max(tokens, attempt)) };
            let judged = match self.ask(prompt).await? {
                Ok(output) => self.judged(masked, source, &output),
                Err(fault) => Err(fault),
            };
            match judged {
                Ok(words) => return Ok(Ok(words)),
                Err(fault) => last = fault,
            }
            self.cx.decided(format!("a piece did not hold at attempt {}: {}", attempt + 1, last.reason()));
            if self.spent >= MODEL_TIME {
                break;
            }
        }
        Ok(Err(last))
    }

    /// What the model writes.
    async fn ask(&mut self, prompt: Prompt) -> Result<Result<String, Fault>, PluginError> {
        let tokens_max = prompt.tokens_max;
        let mut pieces = match self.cx.generate(prompt).await {
            Ok(pieces) => pieces,
            Err(PluginError::Port { source: PortError::Refused { .. }, .. }) => return Ok(Err(Fault::Long)),
            Err(error) => return Err(error),
        };
        let mut output = String::new();
        let mut is_cut = false;
        while let Some(piece) = pieces.next().await {
            match piece.map_err(PluginError::port("translating"))? {
                Piece::Text(text) => output.push_str(&text),
                Piece::Done(usage) => {
                    self.spent += usage.prefill + usage.decode;
                    is_cut = usage.completion_tokens >= tokens_max;
                }
            }
        }
        Ok(if is_cut { Err(Fault::Long) } else { Ok(output) })
    }

    /// The translation in what the model wrote, where it is one.
    fn judged(&self, masked: &Masked, source: &str, output: &str) -> Result<Translated, Fault> {
        let output = draft::cleaned(masked.text(), output);
        let restored = masked.repair(&output).map_err(|_| Fault::Lost)?;
        verify(masked.source(), masked.spans(), restored.text()).map_err(|_| Fault::Lost)?;
        let words = outside(restored.text(), restored.kept().iter().map(|kept| &kept.at));
        let told = self.cx.identify(&words);
        match draft::fault(source, &words, self.from, self.to, told.as_ref()) {
            Some(fault) => Err(fault),
            None => Ok(restored),
        }
    }
}

/// Most tokens of the translation of so many.
fn tokens_max(tokens: usize, attempt: usize) -> usize {
    (2 + attempt) * tokens + 20 * (1 + attempt)
}

/// What of a segment is to be masked; none where it has no words to translate.
fn spans_of(segment: &Segment) -> Option<Vec<Span>> {
    let spans = segment.spans(&[]);
    draft::has_words(&outside(segment.text(), spans.iter().map(|span| &span.range))).then_some(spans)
}

/// What stands between two pieces of a translation: what stood between them in the source, as the language has it.
fn between(source: &str, is_first: bool, to: &str) -> String {
    match (is_first, is_unspaced(to)) {
        (true, _) => source.to_owned(),
        (false, true) if source.trim().is_empty() => String::new(),
        (false, false) if source.is_empty() => " ".to_owned(),
        _ => source.to_owned(),
    }
}

/// A text without `ranges` of it, which are in order.
fn outside<'r>(text: &str, ranges: impl Iterator<Item = &'r Range<usize>>) -> String {
    let mut words = String::with_capacity(text.len());
    let mut start = 0;
    for range in ranges {
        words.push_str(text.get(start..range.start).unwrap_or_default());
        words.push(' ');
        start = range.end;
    }
    words.push_str(text.get(start..).unwrap_or_default());
    words
}

/// The file with as many of the translations as it can be whole with; the others are taken out.
fn reassembled(document: &Document, translated: &mut [Option<Translated>]) -> String {
    let tries = REREAD_BYTES_MAX / document.bytes().max(1);
    for _ in 0..tries.clamp(1, REFUSED_MAX) {
        let refused = match document.reassemble(translated) {
            Ok(text) => return text,
            Err(refused) => refused.segment,
        };
        // What breaks the file may be told of at a neighbour.
        let near = [Some(refused), refused.checked_sub(1), Some(refused + 1)];
        let near = near.into_iter().flatten().find(|at| translated.get(*at).is_some_and(Option::is_some));
        let Some(at) = near.or_else(|| translated.iter().position(Option::is_some)) else { break };
        translated[at] = None;
    }
    translated.fill(None);
    document.reassemble(&[]).unwrap_or_default()
}

/// The prose of a document, without markup and what is protected: what its language is told by.
pub fn prose(document: &Document, chars_max: usize) -> String {
    let mut prose = String::new();
    for segment in document.segments() {
        let spans = segment.spans(&[]);
        let kept = spans.iter().filter(|span| span.kind != Kind::Term);
        prose.push_str(&outside(segment.text(), kept.map(|span| &span.range)));
        prose.push('\n');
        if prose.chars().count() >= chars_max {
            break;
        }
    }
    prose
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translation::structure::Format;

    #[test]
    fn pieces_are_joined_as_the_language_writes_them() {
        assert_eq!(between(" ", false, "de"), " ");
        assert_eq!(between("", false, "en"), " ");
        assert_eq!(between(" ", false, "zh"), "");
        assert_eq!(between("", true, "en"), "");
        assert_eq!(between("\n", false, "ko"), "\n");
    }

    /// `model` translates each segment, masked, whatever becomes of the file.
    #[track_caller]
    fn check(source: &str, model: impl Fn(&str) -> String, want: &str, kept: usize) {
        let document = Document::read(Format::Markdown, source).unwrap();
        let segments = document.segments().iter();
        let mut translated: Vec<Option<Translated>> = segments
            .map(|segment| {
                let masked = segment.masked(&[]);
                masked.restored(&model(masked.text())).ok()
            })
            .collect();
        assert_eq!(reassembled(&document, &mut translated), want);
        assert_eq!(translated.iter().filter(|words| words.is_none()).count(), kept);
    }

    #[test]
    fn a_segment_that_would_break_the_file_stays_as_it_was() {
        check("# One\n\nTwo *three*.\n", |text| text.to_uppercase(), "# ONE\n\nTWO *THREE*.\n", 0);
        let without_end = |text: &str| text.replace("⟦2⟧", "").replace("⟦1⟧", "⟦1⟧⟦2⟧ ");
        check("# One\n\nTwo *three* four.\n", without_end, "# One\n\nTwo *three* four.\n", 1);
    }

    #[test]
    fn prose_is_what_is_not_protected() {
        let document = Document::read(Format::Markdown, "# Wie geht `a b` es\n\nSiehe https://a.example/x und $x$.\n");
        let prose = prose(&document.unwrap(), 1_000);
        let prose = prose.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(prose, "Wie geht es Siehe und .");
    }

    #[test]
    fn a_second_answer_may_be_longer() {
        assert_eq!((tokens_max(10, 0), tokens_max(10, 1)), (40, 70));
    }
}
