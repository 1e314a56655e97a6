//! From evidence to checked text: is it enough, what does the model draft, what of it stands.

use chat::{
    Cx, Event, PluginError,
    ports::{Evidence, Piece},
};
use futures::StreamExt;

use super::prompt;
use crate::{
    guard::{Guard, Sentences, SourceText, Verdict},
    translation,
};

/// Lines quoted where no sentence of the draft stands.
const QUOTED_LINES: usize = 3;

/// Cosine of a passage, or of its best line, to the question from which it speaks to it. On SciFact train it answers
/// 95 % of the claims and refuses 97 % of questions from another field (AUC .993).
const COSINE_SURE: f32 = 0.42;

/// Below that, a passage speaks to the question where it also holds most of what the question says.
const COSINE_MIN: f32 = 0.30;

/// Share of the question's information that a passage must then hold.
const COVERAGE_MIN: f32 = 0.6;

/// Share of the best passage's strength (cosine and coverage) below which one that speaks to the question too is left
/// out: a small model makes an answer of whatever it is shown.
const STRENGTH_SHARE_MIN: f32 = 0.6;

/// The same for an answer that nobody asked us for: then a wrong one costs more than none.
const COSINE_UNASKED: f32 = 0.55;

/// The passages that speak to the question, best first: empty means that the library does not answer it.
pub fn relevant(found: Vec<Evidence>) -> Vec<Evidence> {
    let cosine = |evidence: &Evidence| evidence.cosine.max(evidence.line_cosine);
    // What is in another language than the question is judged by the vectors alone: its words tell nothing.
    let strength = |evidence: &Evidence| cosine(evidence) + evidence.coverage.unwrap_or(0.0);
    let best = found.iter().map(strength).fold(0.0, f32::max);
    let best_cosine = found.iter().map(cosine).fold(0.0, f32::max);
    let speaks = |evidence: &Evidence| {
        let (cosine, holds) = (cosine(evidence), evidence.coverage.is_some_and(|share| share >= COVERAGE_MIN));
        if is_only_asked(evidence) {
            return false;
        }
        let is_strong = match evidence.coverage {
            Some(_) => strength(evidence) >= STRENGTH_SHARE_MIN * best,
            None => cosine >= STRENGTH_SHARE_MIN * best_cosine,
        };
        is_strong && (cosine >= COSINE_SURE || (cosine >= COSINE_MIN && holds))
    };
    found.into_iter().filter(speaks).collect()
}

/// Whether in a passage of a conversation nothing but questions is said: they are near to any question like them, and
/// answer none.
fn is_only_asked(evidence: &Evidence) -> bool {
    let line = evidence.passage.text.get(evidence.line.clone()).unwrap_or_default();
    evidence.document.is_conversation() && line.trim_end().ends_with(['?', '？'])
}

/// Whether a passage answers a question beyond doubt.
pub fn is_sure(best: &Evidence) -> bool {
    best.cosine.max(best.line_cosine) >= COSINE_UNASKED && best.coverage.is_some_and(|share| share >= COVERAGE_MIN)
}

/// Drafts, checks sentence by sentence, and sends what stands; `into` another language than that of the sources where
/// that is given, as far as the translation holds.
pub async fn write(cx: &Cx, question: &str, found: &[Evidence], into: Option<&str>) -> Result<(), PluginError> {
    let texts = found
        .iter()
        .zip(1..)
        .map(|(evidence, number)| SourceText::new(number, &evidence.document.title, &evidence.passage.text))
        .collect();
    let mut checked = Checked { guard: Guard::new(question, texts), into, read: 0, stood: 0, struck: 0 };
    if cx.can_generate() {
        cx.reply(Event::Progress {
            text: cx.said("Drafting, and checking each sentence ...", "正在起草并逐句核对……"),
        })?;
        match draft(cx, question, found, &mut checked).await {
            // Whoever asked is gone.
            Err(PluginError::HungUp) => return Err(PluginError::HungUp),
            // Without its draft an answer is still its sources' lines.
            Err(error) => cx.warn(&error),
            Ok(()) => {}
        }
    }
    checked.finish(cx, found)
}

async fn draft(cx: &Cx, question: &str, found: &[Evidence], checked: &mut Checked<'_>) -> Result<(), PluginError> {
    let budget = cx.prompt_tokens_advised();
    let prompt = prompt::build(question, cx.conversation(), found, budget, |text| cx.count_tokens(text));
    let mut pieces = cx.generate(prompt).await?;
    let mut sentences = Sentences::new("en");
    while let Some(piece) = pieces.next().await {
        match piece.map_err(PluginError::port("drafting an answer"))? {
            Piece::Text(text) => {
                for sentence in sentences.push(&text) {
                    checked.say(cx, &sentence).await?;
                }
            }
            Piece::Done(_) => break,
        }
    }
    for sentence in sentences.finish() {
        // A sentence that the token limit cut says something else than was meant.
        if sentence.trim_end().ends_with(['.', '!', '?', ']', ')', '"', '”', '。', '！', '？']) {
            checked.say(cx, &sentence).await?;
        }
    }
    Ok(())
}

struct Checked<'a> {
    guard: Guard,
    into: Option<&'a str>,
    read: usize,
    stood: usize,
    struck: usize,
}

impl Checked<'_> {
    async fn say(&mut self, cx: &Cx, sentence: &str) -> Result<(), PluginError> {
        let verdict = self.guard.accept(sentence, None);
        self.read += 1;
        cx.decided(format!("sentence {}: {}", self.read, decision(&verdict)));
        match (&verdict, verdict.cited()) {
            (_, Some(text)) => {
                let space = if self.stood == 0 { "" } else { " " };
                self.stood += 1;
                // It stands in the language of its sources, and is told in that of the question where that holds too.
                let translated = match self.into {
                    Some(into) => translation::text(cx, text.trim(), "en", into).await?,
                    None => None,
                };
                cx.say(format!("{space}{}", translated.as_deref().unwrap_or(text.trim())))
            }
            (Verdict::Struck { .. }, None) => {
                self.struck += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(self, cx: &Cx, found: &[Evidence]) -> Result<(), PluginError> {
        if self.stood == 0 {
            cx.decided("no sentence stands: the sources' own lines".to_owned());
            cx.say(cx.said("In the sources' own words:", "来源原文："))?;
            for (evidence, number) in found.iter().zip(1..).take(QUOTED_LINES) {
                let line = evidence.passage.text.get(evidence.line.clone()).unwrap_or_default();
                cx.say(format!("\n- “{}” [{number}]", chat::text::inert(line)))?;
            }
        }
        if self.struck > 0 {
            let struck = self.struck;
            let english = match struck {
                1 => "1 sentence of the draft was struck: not in the sources.".to_owned(),
                _ => format!("{struck} sentences of the draft were struck: not in the sources."),
            };
            cx.say(format!("\n({})", cx.said(&english, &format!("草稿中有 {struck} 句被删去：来源中没有依据。"))))?;
        }
        Ok(())
    }
}

/// What became of a sentence and why, in words without its own.
fn decision(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Supported { sources, score, .. } => {
            let sources: String = sources.iter().map(|number| format!("[{number}]")).collect();
            format!("kept, {sources} says so, support {score:.2}")
        }
        Verdict::Struck { why, .. } => format!("struck, {}", why.reason()),
        Verdict::Empty => "left out, it claims nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chat::{Document, DocumentId, Identifiers, Passage, PassageId, Provenance, Scope};

    use super::*;

    /// A passage of a paper: its cosine, and the share of the question that it holds where its words tell that.
    fn evidence((cosine, coverage): (f32, Option<f32>)) -> Evidence {
        let id = DocumentId("0".repeat(16));
        let text = "Ducks dive.".to_owned();
        let provenance =
            Provenance { file: String::new(), format: "jats".to_owned(), content_hash: String::new(), license: None };
        let document = Document {
            id: id.clone(),
            scope: Scope::Community("lab".into()),
            title: "Ducks".to_owned(),
            authors: Vec::new(),
            year: None,
            venue: None,
            language: None,
            identifiers: Identifiers::default(),
            provenance,
            retracted: false,
            text: String::new(),
            pages: Vec::new(),
            sections: Vec::new(),
        };
        let passage = Passage {
            id: PassageId { document: id, ordinal: 0 },
            span: 0..text.len(),
            text,
            page: None,
            section: None,
        };
        Evidence { passage, document, score: 0.0, cosine, coverage, line: 0..11, line_cosine: 0.0 }
    }

    #[track_caller]
    fn check(found: &[(f32, Option<f32>)], want: &[f32]) {
        let relevant = relevant(found.iter().copied().map(evidence).collect());
        assert_eq!(relevant.iter().map(|one| one.cosine).collect::<Vec<f32>>(), want);
    }

    #[test]
    fn a_passage_speaks_by_its_nearness_or_by_its_words_as_well() {
        check(&[(0.5, Some(0.3)), (0.35, Some(0.7)), (0.34, Some(0.5)), (0.2, Some(0.8))], &[0.5, 0.35]);
        check(&[(0.9, Some(0.9)), (0.45, Some(0.1))], &[0.9]);
    }

    #[test]
    fn a_passage_in_another_language_speaks_by_its_nearness_alone() {
        // Beside one whose words say it all, the same cosine in another language is as much.
        check(&[(0.6, Some(0.9)), (0.5, None), (0.41, None)], &[0.6, 0.5]);
        check(&[(0.5, Some(0.9)), (0.45, Some(0.0)), (0.45, None)], &[0.5, 0.45]);
        assert!(is_sure(&evidence((0.6, Some(0.7)))) && !is_sure(&evidence((0.9, None))));
    }
}
