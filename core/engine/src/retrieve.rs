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
        let evidence = found.into_iter().filter_map(|(passage, document)| {
            let hit = hits.iter().find(|hit| hit.passage == passage.id)?;
            let (line, _) = best_line(&passage.text, &terms);
            let held: HashSet<String> =
                text::terms(&document.title).into_iter().chain(text::terms(&passage.text)).collect();
            let coverage = share(&terms, &held);
            let (score, cosine) = (hit.score, hit.cosine.unwrap_or(0.0));
            Some(Evidence { passage, document, score, cosine, coverage, line, line_cosine: 0.0 })
        });
        Ok(evidence.collect())
    }
}

/// The sentence that holds the largest share of `terms`, and that share; the first among equals.
fn best_line(passage: &str, terms: &HashSet<String>) -> (Range<usize>, f32) {
    let mut best = (0..passage.len(), -1.0);
    for range in text::sentences(passage, "en") {
        let held: HashSet<String> = text::terms(&passage[range.clone()]).into_iter().collect();
        let share = share(terms, &held);
        if share > best.1 {
            best = (range, share);
        }
    }
    best
}

fn share(terms: &HashSet<String>, held: &HashSet<String>) -> f32 {
    match terms.len() {
        0 => 0.0,
        all => terms.intersection(held).count() as f32 / all as f32,
    }
}
