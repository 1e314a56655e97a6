//! Masks: the text that a model sees, and the way back.

use std::ops::Range;

use super::{Form, Kind, Span, outermost};

/// A text with a placeholder for each protected span.
#[derive(Debug, Clone)]
pub struct Masked {
    pub(super) source: String,
    /// Placeholder `n` stands for `spans[n - 1]`.
    pub(super) spans: Vec<Span>,
    pub(super) text: String,
    pub(super) form: Form,
}

/// A translated text and the places in it that are the source's own bytes. Only [`Masked`] makes one, so that what it
/// calls kept is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    text: String,
    kept: Vec<Kept>,
}

/// A piece that a translation took over byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its bytes in the translation.
    pub at: Range<usize>,
    /// Its bytes in the source.
    pub source: Range<usize>,
}

/// A translation lost protected spans: the model is to be asked again, or the source kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the translation lost {} protected parts, the first with number {}", missing.len(), missing.first().map_or(0, |first| first.number))]
pub struct Broken {
    /// What is missing, in the order of the source; never empty.
    pub missing: Vec<Missing>,
}

/// A span that did not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The number of its placeholder.
    pub number: usize,
    /// What it is.
    pub kind: Kind,
    /// Its bytes in the source.
    pub range: Range<usize>,
}

impl Translated {
    /// The translation.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of it is the source's, in order.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The translation of a text whose parts were masked one by one: of each where it begins in that text, the words
    /// before it, and its translation.
    pub fn joined(parts: &[(usize, String, Self)]) -> Self {
        let mut joined = Self { text: String::new(), kept: Vec::new() };
        for (start, before, part) in parts {
            joined.text.push_str(before);
            let offset = joined.text.len();
            let moved = |range: &Range<usize>, by: usize| range.start + by..range.end + by;
            let kept = part.kept.iter();
            joined
                .kept
                .extend(kept.map(|kept| Kept { at: moved(&kept.at, offset), source: moved(&kept.source, *start) }));
            joined.text.push_str(&part.text);
        }
        joined
    }
}

impl Masked {
    /// Masks `spans` of `text`, as [`spans`](super::spans) gives them: where some overlap the longest is taken, and one
    /// off the text's character borders is widened to them.
    ///
    /// The form is one that the text does not have; where it has both, what looks like a placeholder is masked as well.
    pub fn new(text: &str, spans: Vec<Span>) -> Self {
        let spans = settled(text, spans);
        let has_brackets = strays(Form::Brackets, text, &spans).any(|stray| text[stray.range].contains(['⟦', '⟧']));
        let form = if has_brackets && strays(Form::Letters, text, &spans).next().is_none() {
            Form::Letters
        } else {
            Form::Brackets
        };
        Self::with_form(text, spans, form)
    }

    /// [`Masked::new`] with the form that a model copies best.
    pub fn with_form(text: &str, spans: Vec<Span>, form: Form) -> Self {
        let mut spans = settled(text, spans);
        let strays: Vec<Span> = strays(form, text, &spans).collect();
        spans.extend(strays);
        spans.sort_by_key(|span| span.range.start);
        let mut masked = String::with_capacity(text.len());
        let mut start = 0;
        for (at, span) in spans.iter().enumerate() {
            masked.push_str(&text[start..span.range.start]);
            masked.push_str(&form.write(at + 1));
            start = span.range.end;
        }
        masked.push_str(&text[start..]);
        Self { source: text.to_owned(), spans, text: masked, form }
    }

    /// The text that was masked.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the model is to translate.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The masked spans of the source; placeholder `n` stands for `spans()[n - 1]`.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The form of the placeholders.
    pub fn form(&self) -> Form {
        self.form
    }

    /// [`Masked::restored`] as text.
    ///
    /// # Errors
    /// [`Broken`] as there.
    pub fn restore(&self, translated: &str) -> Result<String, Broken> {
        self.restored(translated).map(|restored| restored.text)
    }

    /// Puts every span back where the model put its placeholder.
    ///
    /// Reads damaged placeholders: spaces within, digits of other scripts, other brackets or one dropped, the other
    /// case, several joined. Of a number that stands twice the first counts; a number that never was is dropped.
    ///
    /// # Errors
    /// [`Broken`] with the numbers that are missing.
    pub fn restored(&self, translated: &str) -> Result<Translated, Broken> {
        let mut missing: Vec<bool> = vec![true; self.spans.len()];
        let mut restored = Translated { text: String::with_capacity(self.source.len()), kept: Vec::new() };
        let mut start = 0;
        // The span before, until something stands behind it.
        let mut last: Option<usize> = None;
        for (range, numbers) in self.form.read(translated, self.spans.len()) {
            self.push_words(&mut restored, &translated[start..range.start], &mut last);
            let mut put = false;
            for number in numbers {
                let Some(at) = number.checked_sub(1).filter(|at| missing.get(*at) == Some(&true)) else { continue };
                missing[at] = false;
                if put {
                    self.push_words(&mut restored, " ", &mut last);
                }
                self.push_span(&mut restored, at, &mut last);
                put = true;
            }
            start = range.end;
            if !put && restored.text.ends_with(' ') && translated[start..].starts_with(' ') {
                start += 1;
            }
        }
        self.push_words(&mut restored, &translated[start..], &mut last);
        let missing: Vec<Missing> = missing
            .iter()
            .enumerate()
            .filter(|(_, missing)| **missing)
            .map(|(at, _)| Missing { number: at + 1, kind: self.spans[at].kind, range: self.spans[at].range.clone() })
            .collect();
        if missing.is_empty() { Ok(restored) } else { Err(Broken { missing }) }
    }

    fn push_words(&self, restored: &mut Translated, words: &str, last: &mut Option<usize>) {
        let words = self.form.without_debris(words);
        if words.is_empty() {
            return;
        }
        if last.take().is_some_and(|last| self.grows_by(last, &words)) {
            restored.text.push(' ');
        }
        restored.text.push_str(&words);
    }

    fn push_span(&self, restored: &mut Translated, at: usize, last: &mut Option<usize>) {
        let span = &self.spans[at];
        let text = &self.source[span.range.clone()];
        let joins = |text: &str| text.ends_with(|last: char| last.is_alphanumeric() && !chat::text::is_cjk(last));
        let begins = text.starts_with(|first: char| first.is_alphanumeric() || "@#".contains(first));
        let runs_in =
            is_address(span.kind) && begins && joins(&restored.text) && !joins(&self.source[..span.range.start]);
        if last.take().is_some_and(|last| self.grows_by(last, text)) || runs_in {
            restored.text.push(' ');
        }
        let start = restored.text.len();
        restored.text.push_str(text);
        restored.kept.push(Kept { at: start..restored.text.len(), source: span.range.clone() });
        *last = Some(at);
    }

    /// Whether an address or a number would become another by what a translation puts behind it.
    fn grows_by(&self, at: usize, next: &str) -> bool {
        let span = &self.spans[at];
        let grows = |next: &str| match span.kind {
            Kind::Url => {
                !next.starts_with(|next: char| next.is_whitespace() || URL_ENDS.contains(next)) && !next.is_empty()
            }
            kind => is_address(kind) && next.starts_with(char::is_alphanumeric),
        };
        let open =
            self.source[..span.range.end].ends_with(|last: char| last.is_alphanumeric() || "/=#_-".contains(last));
        open && grows(next) && !grows(&self.source[span.range.end..])
    }
}

/// Signs that may stand right behind an address.
const URL_ENDS: &str = ".,;:!?)]}>\"'”’»…。，、；：！？）】」』*|";

fn is_address(kind: Kind) -> bool {
    matches!(kind, Kind::Url | Kind::Email | Kind::Citation | Kind::Mention | Kind::Number)
}

/// Spans on character borders, none overlapping, in order.
fn settled(text: &str, mut spans: Vec<Span>) -> Vec<Span> {
    for span in &mut spans {
        span.range = widened(text, &span.range);
    }
    outermost(spans)
}

/// What would be read as a placeholder between `spans`.
fn strays(form: Form, text: &str, spans: &[Span]) -> impl Iterator<Item = Span> {
    let starts = std::iter::once(0).chain(spans.iter().map(|span| span.range.end));
    let ends = spans.iter().map(|span| span.range.start).chain(std::iter::once(text.len()));
    starts.zip(ends).flat_map(move |(start, end)| {
        let found = form.strays(&text[start..end]).into_iter();
        found.map(move |stray| Span { range: start + stray.start..start + stray.end, kind: Kind::Markup })
    })
}

fn widened(text: &str, range: &Range<usize>) -> Range<usize> {
    let mut start = range.start.min(text.len());
    let mut end = range.end.clamp(start, text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translation::protect::spans;

    const SOURCE: &str = "See $x$ at https://a.example/x [1].";

    /// `input` is what the model makes of `See ⟦1⟧ at ⟦2⟧ ⟦3⟧.`
    #[track_caller]
    fn check(input: &str, expect: Result<&str, &[usize]>) {
        let masked = Masked::new(SOURCE, spans(SOURCE, &[]));
        assert_eq!(masked.text(), "See ⟦1⟧ at ⟦2⟧ ⟦3⟧.");
        let numbers = |broken: Broken| broken.missing.iter().map(|missing| missing.number).collect::<Vec<_>>();
        assert_eq!(masked.restore(input).map_err(numbers), expect.map(str::to_owned).map_err(<[usize]>::to_vec));
    }

    #[test]
    fn every_span_comes_back_where_its_placeholder_stands() {
        check("Siehe ⟦2⟧: ⟦1⟧ ⟦3⟧.", Ok("Siehe https://a.example/x: $x$ [1]."));
    }

    #[test]
    fn damaged_placeholders_are_read() {
        check("⟦ 1 ⟧, ⟦2 ⟧ ⟦３⟧", Ok("$x$, https://a.example/x [1]"));
        check("⟦1 und 2⟧ 〚3〛", Ok("$x$ und https://a.example/x [1]"));
        check("[1] 【2】 [[3]]", Ok("$x$ https://a.example/x [1]"));
        check("⟦1⟧⟦2⟧⟦3⟧", Ok("$x$https://a.example/x [1]"));
        check("⟦1, 2⟧ ⟦3⟧", Ok("$x$ https://a.example/x [1]"));
        check("⟦1⟦2⟦3⟧", Ok("$x$https://a.example/x [1]"));
        check("⟦१⟧ ⟦٢⟧ ⟦3⟧", Ok("$x$ https://a.example/x [1]"));
    }

    #[test]
    fn of_two_the_first_counts_and_foreign_ones_go() {
        check("⟦1⟧ und ⟦1⟧ ⟦2⟧ ⟦9⟧ ⟦3⟧", Ok("$x$ und https://a.example/x [1]"));
    }

    #[test]
    fn an_address_does_not_grow() {
        check("见⟦2⟧处⟦1⟧⟦3⟧", Ok("见https://a.example/x 处$x$[1]"));
        check("an⟦2⟧s ⟦1⟧ ⟦3⟧", Ok("an https://a.example/x s $x$ [1]"));
    }

    #[test]
    fn what_is_missing_is_named() {
        check("Siehe ⟦2⟧.", Err(&[1, 3]));
        check("", Err(&[1, 2, 3]));
    }

    #[test]
    fn parts_are_joined_with_what_they_kept() {
        let (one, two) = ("Let $x$ be.", "See [1] too.");
        let part = |text: &str, words: &str| Masked::new(text, spans(text, &[])).restored(words).unwrap();
        let parts =
            [(0, String::new(), part(one, "Sei ⟦1⟧.")), (one.len() + 1, " ".to_owned(), part(two, "Auch ⟦1⟧."))];
        let joined = Translated::joined(&parts);
        assert_eq!(joined.text(), "Sei $x$. Auch [1].");
        let source = format!("{one} {two}");
        let same = |kept: &Kept| source[kept.source.clone()] == joined.text()[kept.at.clone()];
        assert!(joined.kept().len() == 2 && joined.kept().iter().all(same));
    }

    #[test]
    fn a_text_that_has_one_form_gets_another() {
        let masked = Masked::new("So ⟦1⟧ is $x$", spans("So ⟦1⟧ is $x$", &[]));
        assert_eq!((masked.form(), masked.text()), (Form::Letters, "So ⟦1⟧ is X1X"));
        assert_eq!(masked.restore("ist x1x ⟦1⟧ so"), Ok("ist $x$ ⟦1⟧ so".to_owned()));
        let both = "2x or ⟦1⟧ is $x$";
        let masked = Masked::new(both, spans(both, &[]));
        assert_eq!(masked.text(), "2x or ⟦1⟧ is ⟦2⟧");
        assert_eq!(masked.restore(masked.text()), Ok(both.to_owned()));
    }
}
