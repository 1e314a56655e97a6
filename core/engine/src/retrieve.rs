//! What a search does: embed the question, look it up in the index, fetch the passages, order them by what they say
//! (see [`lexicon`](crate::lexicon)), find their best lines.
//!
//! The fusion is by rank, so that it needs no common scale. What judges a passage afterwards does: where the encoder is
//! multilingual and the library in several languages, [`normalise`](crate::normalise) gives it one.

use std::{
    collections::HashSet,
    ops::Range,
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    Document, PassageId, PortError, Readable,
    ports::{Documents, EmbedTask, Embedder, Evidence, Index, IndexQuery, Search, SearchMode, SearchRequest},
    text,
};
use tokio::sync::watch;

use crate::{
    language::{self, Lingua},
    lexicon::{self, Known, Lexical, Lexicon},
    normalise::{self, Background, Normaliser},
};

/// Passages read at once.
const PAGE: usize = 1_000;

/// Searches for at most so many passages get their best lines.
const LINES_LIMIT: usize = 20;

/// Sentences of a passage that are embedded to find its best line.
const LINES_TRIED: usize = 3;

/// What sharing all terms with the question is worth against a cosine.
const SHARE_WEIGHT: f32 = 0.3;

/// Hits that are ordered by what they say; those below keep the order of the fusion.
const ORDERED: usize = 50;

/// How long a search waits until a library that was just opened is counted; then it goes without.
const COUNTED_WITHIN: Duration = Duration::from_millis(500);

/// Tells a question's language; its tables are read when a library in several is first searched.
static LINGUA: LazyLock<Lingua> = LazyLock::new(Lingua::default);

/// What is counted of a library, as it was then.
#[derive(Default)]
struct Counted {
    lexicon: Lexicon,
    /// Empty where the encoder knows one language.
    background: Background,
}

impl Counted {
    /// Counts every passage of the encoder's.
    async fn read(documents: &dyn Documents, embedder: &dyn Embedder) -> Result<Self, PortError> {
        let (mut counted, mut after) = (Self::default(), None);
        loop {
            let page = documents.points(embedder.model(), after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(counted) };
            after = Some(last.passage.clone());
            for point in &page {
                counted.lexicon.count(point);
                if embedder.is_multilingual() {
                    counted.background.count(point);
                }
            }
            // A large library is counted beside other work, not before it.
            tokio::task::yield_now().await;
        }
    }
}

/// Retrieval over one library.
#[derive(Clone)]
pub struct Retriever {
    index: Arc<dyn Index>,
    embedder: Arc<dyn Embedder>,
    documents: Arc<dyn Documents>,
    counted: watch::Receiver<Option<Arc<Counted>>>,
}

impl Retriever {
    /// Retrieval with these ports. The library's terms are counted in the background; needs a tokio runtime.
    pub fn new(index: Arc<dyn Index>, embedder: Arc<dyn Embedder>, documents: Arc<dyn Documents>) -> Self {
        let (sender, counted) = watch::channel(None);
        let (from, by) = (Arc::clone(&documents), Arc::clone(&embedder));
        tokio::spawn(async move {
            match Counted::read(from.as_ref(), by.as_ref()).await {
                // Nobody may be left to use it.
                Ok(counted) => drop(sender.send(Some(Arc::new(counted)))),
                Err(error) => {
                    tracing::warn!(%error, "the library's terms cannot be counted; the fusion's order stands")
                }
            }
        });
        Self { index, embedder, documents, counted }
    }

    /// Waits until the library's terms are counted: for measurements.
    pub async fn ready(&self) {
        // An error means that they never will be, and was logged.
        let _ = self.counted.clone().wait_for(Option::is_some).await;
    }

    async fn counted(&self) -> Option<Arc<Counted>> {
        let mut counted = self.counted.clone();
        let waited = tokio::time::timeout(COUNTED_WITHIN, counted.wait_for(Option::is_some)).await;
        waited.ok()?.ok()?.clone()
    }
}

#[async_trait]
impl Search for Retriever {
    async fn search(&self, readable: &Readable, request: &SearchRequest) -> Result<Vec<Evidence>, PortError> {
        let vector = self.embedder.embed(EmbedTask::Query, &[&request.text]).await?.pop().unwrap_or_default();
        let query = IndexQuery {
            readable: readable.clone(),
            text: request.text.clone(),
            dense: Some(vector.clone()).filter(|_| request.mode != SearchMode::Sparse),
            mode: request.mode,
            limit: request.limit.max(ORDERED),
            per_document_max: request.per_document_max,
            documents: request.documents.clone(),
            languages: Vec::new(),
            year_min: None,
            year_max: None,
            diversity: 0.0,
        };
        let hits = self.index.search(&query).await?;
        let ids: Vec<PassageId> = hits.iter().map(|hit| hit.passage.clone()).collect();
        let found = self.documents.passages(Some(readable), &ids).await?;
        let question = text::terms(&request.text);
        let terms: HashSet<String> = question.iter().cloned().collect();
        let needs_counts = request.mode == SearchMode::Hybrid || self.embedder.is_multilingual();
        let counted = if needs_counts { self.counted().await } else { None };
        let normaliser = counted.as_ref().and_then(|counted| {
            let own = || language::of_question(&*LINGUA, &request.text, "");
            counted.background.around(readable, &vector, own)
        });
        let is_foreign = |document: &Document| {
            normaliser.as_ref().is_some_and(|normaliser| normaliser.is_foreign(document.language.as_deref()))
        };
        // What only the words found lies no nearer than the farthest that the vectors found.
        let farthest = hits.iter().filter_map(|hit| hit.cosine).reduce(f32::min).unwrap_or(0.0);
        let mut evidence: Vec<Evidence> = found
            .into_iter()
            .filter_map(|(passage, document)| {
                let hit = hits.iter().find(|hit| hit.passage == passage.id)?;
                let held: HashSet<String> =
                    text::terms(&document.title).into_iter().chain(text::terms(&passage.text)).collect();
                let coverage = (!is_foreign(&document)).then(|| share(&terms, &held));
                let cosine = normalised(normaliser.as_ref(), hit.cosine.unwrap_or(farthest), &document);
                let (score, line) = (hit.score, 0..passage.text.len());
                Some(Evidence { passage, document, score, cosine, coverage, line, line_cosine: 0.0 })
            })
            .collect();
        if let (SearchMode::Hybrid, Some(counted)) = (request.mode, &counted) {
            order(&mut evidence, &counted.lexicon.known(readable), &question);
        }
        // Stable: what was retracted stands behind all that was not.
        evidence.sort_by_key(|evidence| evidence.document.retracted);
        evidence.truncate(request.limit);
        // Lines are for people: a ranking of a hundred documents needs none.
        if request.limit <= LINES_LIMIT {
            self.choose_lines(&mut evidence, &terms, &vector, normaliser.as_ref()).await?;
        }
        if let Some(best) = evidence.first() {
            tracing::debug!(best.cosine, ?best.coverage, best.line_cosine, "retrieved {}", evidence.len());
        }
        Ok(evidence)
    }
}

impl Retriever {
    /// Gives each passage its best line: of the few sentences that share most terms with the question, the one nearest
    /// to it.
    async fn choose_lines(
        &self,
        evidence: &mut [Evidence],
        terms: &HashSet<String>,
        question: &[f32],
        normaliser: Option<&Normaliser>,
    ) -> Result<(), PortError> {
        let candidates: Vec<Vec<(Range<usize>, f32)>> =
            evidence.iter().map(|evidence| candidates(evidence, terms)).collect();
        let texts: Vec<&str> = evidence
            .iter()
            .zip(&candidates)
            .flat_map(|(evidence, lines)| lines.iter().map(|(line, _)| &evidence.passage.text[line.clone()]))
            .collect();
        // As queries: a person waits for them.
        let mut vectors = self.embedder.embed(EmbedTask::Query, &texts).await?.into_iter();
        for (evidence, lines) in evidence.iter_mut().zip(candidates) {
            let scored = lines.into_iter().zip(vectors.by_ref()).map(|((line, share), vector)| {
                let cosine: f32 = vector.iter().zip(question).map(|(a, b)| a * b).sum();
                (line, cosine, cosine + SHARE_WEIGHT * share)
            });
            if let Some((line, cosine, _)) = scored.max_by(|a, b| a.2.total_cmp(&b.2)) {
                evidence.line = line;
                evidence.line_cosine = normalised(normaliser, cosine, &evidence.document);
            }
        }
        Ok(())
    }
}

fn normalised(normaliser: Option<&Normaliser>, cosine: f32, document: &Document) -> f32 {
    normaliser.map_or(cosine, |normaliser| normaliser.cosine(cosine, document.language.as_deref()))
}

/// Orders the first of the hits by what they say.
fn order(evidence: &mut [Evidence], lexicon: &Known<'_>, question: &[String]) {
    let first = evidence.len().min(ORDERED);
    let compared = evidence[..first].iter();
    let compared: Vec<Lexical> =
        compared.map(|one| lexicon.compare(question, &one.document.title, &one.passage.text)).collect();
    let own = evidence.iter().zip(&compared).filter(|(one, _)| one.coverage.is_some());
    let own: Vec<(f32, Lexical)> = own.map(|(one, lexical)| (one.cosine, *lexical)).collect();
    for (evidence, mut lexical) in evidence.iter_mut().zip(compared) {
        match &mut evidence.coverage {
            Some(coverage) => *coverage = lexical.coverage,
            None => lexical = normalise::imputed(evidence.cosine, lexical, &own),
        }
        evidence.score = lexicon::score(evidence.cosine, lexical);
    }
    evidence[..first].sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// The sentences of a passage with the largest shares of `terms`, at most [`LINES_TRIED`].
fn candidates(evidence: &Evidence, terms: &HashSet<String>) -> Vec<(Range<usize>, f32)> {
    let passage = evidence.passage.text.as_str();
    let mut lines: Vec<(Range<usize>, f32)> = text::sentences(passage, "en")
        .into_iter()
        .map(|range| {
            let held: HashSet<String> = text::terms(&passage[range.clone()]).into_iter().collect();
            let share = share(terms, &held);
            (range, share)
        })
        .collect();
    if evidence.document.is_conversation() {
        // A question is near to every question like it, and what answers it is another line.
        let is_asked = |line: &Range<usize>| passage[line.clone()].trim_end().ends_with(['?', '？']);
        if lines.iter().any(|(line, _)| !is_asked(line)) {
            lines.retain(|(line, _)| !is_asked(line));
        }
    }
    // Stable: among equals the first, which says what the passage is about.
    lines.sort_by(|a, b| b.1.total_cmp(&a.1));
    lines.truncate(LINES_TRIED);
    lines
}

fn share(terms: &HashSet<String>, held: &HashSet<String>) -> f32 {
    match terms.len() {
        0 => 0.0,
        all => terms.intersection(held).count() as f32 / all as f32,
    }
}
