//! What a search does: embed the question, look it up in the index, fetch the passages, find their best lines.

use std::{collections::HashSet, ops::Range, sync::Arc};

use async_trait::async_trait;
use chat::{
    PassageId, PortError, Readable,
    ports::{
        Documents, EmbedTask, Embedder, Evidence, Index, IndexQuery, Search, SearchMode, SearchRequest,
    },
    text,
};

/// Searches for at most so many passages get their best lines.
const LINES_LIMIT: usize = 20;

/// Sentences of a passage that are embedded to find its best line.
const LINES_TRIED: usize = 3;

/// What sharing all terms with the question is worth against a cosine.
const SHARE_WEIGHT: f32 = 0.3;

/// Retrieval over one library.
#[derive(Clone)]
pub struct Retriever {
    index: Arc<dyn Index>,
    embedder: Arc<dyn Embedder>,
    documents: Arc<dyn Documents>,
}

impl Retriever {
    /// Retrieval with these ports.
    pub fn new(index: Arc<dyn Index>, embedder: Arc<dyn Embedder>, documents: Arc<dyn Documents>) -> Self {
        Self { index, embedder, documents }
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
            limit: request.limit,
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
        let terms: HashSet<String> = text::terms(&request.text).into_iter().collect();
        let mut evidence: Vec<Evidence> = found
            .into_iter()
            .filter_map(|(passage, document)| {
                let hit = hits.iter().find(|hit| hit.passage == passage.id)?;
                let held: HashSet<String> =
                    text::terms(&document.title).into_iter().chain(text::terms(&passage.text)).collect();
                let coverage = share(&terms, &held);
                let (score, cosine, line) = (hit.score, hit.cosine.unwrap_or(0.0), 0..passage.text.len());
                Some(Evidence { passage, document, score, cosine, coverage, line, line_cosine: 0.0 })
            })
            .collect();
        // Lines are for people: a ranking of a hundred documents needs none.
        if request.limit <= LINES_LIMIT {
            self.choose_lines(&mut evidence, &terms, &vector).await?;
        }
        if let Some(best) = evidence.first() {
            tracing::debug!(best.cosine, best.coverage, best.line_cosine, "retrieved {}", evidence.len());
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
    ) -> Result<(), PortError> {
        let candidates: Vec<Vec<(Range<usize>, f32)>> =
            evidence.iter().map(|evidence| candidates(&evidence.passage.text, terms)).collect();
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
                (evidence.line, evidence.line_cosine) = (line, cosine);
            }
        }
        Ok(())
    }
}

/// The sentences of a passage with the largest shares of `terms`, at most [`LINES_TRIED`].
fn candidates(passage: &str, terms: &HashSet<String>) -> Vec<(Range<usize>, f32)> {
    let mut lines: Vec<(Range<usize>, f32)> = text::sentences(passage, "en")
        .into_iter()
        .map(|range| {
            let held: HashSet<String> = text::terms(&passage[range.clone()]).into_iter().collect();
            let share = share(terms, &held);
            (range, share)
        })
        .collect();
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
