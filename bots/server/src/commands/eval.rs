//! `eval retrieval`: a published collection, through the same store, index and retriever that answer questions.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use chat::{
    Audience, Document, DocumentId, Identifiers, Place, Platform, Provenance, Readable, Scope,
    ports::{Embedder, Search, SearchMode, SearchRequest, Stored},
};
use serde::Deserialize;
use training::measures::{Bootstrap, Ranked};

use crate::{
    cli::{EvalRetrieval, Format, Mode},
    home::{Home, Needs, passages, top_up},
    progress::{bytes_bar, say},
    settings::Settings,
};

/// Documents retrieved per query: what Recall@100 looks at.
const DEPTH: usize = 100;

/// Documents stored in one transaction.
const BATCH: usize = 64;

/// Who owns a collection in its own data folder.
const COLLECTION: &str = "collection";

#[derive(Deserialize)]
struct CorpusLine {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

#[derive(Deserialize)]
struct QueryLine {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// Measures one collection.
pub async fn run(settings: &Settings, options: &EvalRetrieval) -> anyhow::Result<bool> {
    let Format::Beir = options.format;
    let collection = Collection::read(options)?;
    let mut settings = settings.clone();
    // Kept between runs: a collection is embedded once per encoder.
    let corpus = fs::read(options.dir.join("corpus.jsonl"))?;
    settings.aside(&format!("eval/{}", &library::sha256(&corpus)[..16]));
    let home = Home::open(&settings, Needs::Library).await?;
    let names = fill(&home, &options.dir).await?;
    let modes = match options.mode {
        Some(Mode::Dense) => vec![SearchMode::Dense],
        Some(Mode::Sparse) => vec![SearchMode::Sparse],
        Some(Mode::Hybrid) => vec![SearchMode::Hybrid],
        None => vec![SearchMode::Sparse, SearchMode::Dense, SearchMode::Hybrid],
    };
    say(&format!(
        "{}: {} documents, {} queries with judgements, encoder {}",
        options.dir.display(),
        names.len(),
        collection.queries.len(),
        settings.models.embed
    ));
    say("mode     nDCG@10 [95 %]          Recall@100 [95 %]       MAP      MRR@10   ms/query p50   p95");
    let mut runs: Vec<(SearchMode, Vec<f64>)> = Vec::new();
    for mode in modes {
        let ndcg = measure(&home, &collection, &names, mode).await?;
        runs.push((mode, ndcg));
    }
    if let Some((_, hybrid)) = runs.iter().find(|(mode, _)| *mode == SearchMode::Hybrid) {
        for (mode, other) in runs.iter().filter(|(mode, _)| *mode != SearchMode::Hybrid) {
            let pairs: Vec<(f64, f64)> = other.iter().copied().zip(hybrid.iter().copied()).collect();
            if let Some(difference) = Bootstrap::new(10_000, 1).difference(&pairs) {
                let (mean, p) = (difference.gain, difference.p_value);
                say(&format!(
                    "hybrid - {}: nDCG@10 {:+.4} [{:+.4}, {:+.4}], p = {p:.4}",
                    name(*mode),
                    mean.mean,
                    mean.low,
                    mean.high
                ));
            }
        }
    }
    home.close().await?;
    Ok(true)
}

fn name(mode: SearchMode) -> &'static str {
    match mode {
        SearchMode::Dense => "dense",
        SearchMode::Sparse => "sparse",
        SearchMode::Hybrid => "hybrid",
    }
}

/// Runs all queries in one mode and prints a row; nDCG@10 per query.
async fn measure(
    home: &Home,
    collection: &Collection,
    names: &HashMap<DocumentId, String>,
    mode: SearchMode,
) -> anyhow::Result<Vec<f64>> {
    let retriever = home.retriever();
    retriever.ready().await;
    let readable = readable();
    let (mut ranked, mut times) = (Vec::new(), Vec::new());
    for (text, judged) in &collection.queries {
        let request = SearchRequest { per_document_max: 1, mode, ..SearchRequest::new(text.clone(), DEPTH) };
        let started = Instant::now();
        let found = retriever.search(&readable, &request).await?;
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        let ranking = found.iter().filter_map(|evidence| names.get(&evidence.document.id).cloned());
        ranked.push(Ranked::new(ranking, judged));
    }
    let bootstrap = Bootstrap::new(10_000, 1);
    let of = |measure: &dyn Fn(&Ranked) -> f64| {
        let values: Vec<f64> = ranked.iter().map(measure).collect();
        bootstrap.mean(&values)
    };
    let column = |measure: &dyn Fn(&Ranked) -> f64| {
        of(measure).map(|i| format!("{:.4} [{:.4}, {:.4}]", i.mean, i.low, i.high)).unwrap_or_default()
    };
    let mean = |measure: &dyn Fn(&Ranked) -> f64| of(measure).map_or(0.0, |interval| interval.mean);
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    say(&format!(
        "{:<8} {:<23} {:<23} {:<8.4} {:<8.4} {:>12.1} {:>6.1}",
        name(mode),
        column(&|ranked| ranked.ndcg(10)),
        column(&|ranked| ranked.recall(100)),
        mean(&Ranked::average_precision),
        mean(&|ranked| ranked.reciprocal_rank(10)),
        at(0.5),
        at(0.95),
    ));
    Ok(ranked.iter().map(|ranked| ranked.ndcg(10)).collect())
}

fn readable() -> Readable {
    let place = Place {
        platform: Platform::Console,
        community: COLLECTION.into(),
        room: COLLECTION.into(),
        thread: None,
        audience: Audience::Room,
    };
    Readable::of(&place, &COLLECTION.into(), &[], &[])
}

/// Queries with their judgements.
struct Collection {
    queries: Vec<(String, HashMap<String, u32>)>,
}

impl Collection {
    fn read(options: &EvalRetrieval) -> anyhow::Result<Self> {
        let qrels = one_of(&options.dir.join("qrels"), &options.split, ".tsv")?;
        let mut judged: HashMap<String, HashMap<String, u32>> = HashMap::new();
        for (number, line) in lines(&qrels)?.enumerate() {
            let line = line?;
            let fields: Vec<&str> = line.split('\t').collect();
            let [query, document, gain] = fields[..] else {
                bail!("{}: line {} has not three columns", qrels.display(), number + 1);
            };
            // The first line names the columns.
            let Ok(gain) = gain.trim().parse() else { continue };
            judged.entry(query.to_owned()).or_default().insert(document.to_owned(), gain);
        }
        let path = one_of(&options.dir, "queries", ".jsonl")?;
        let mut queries = Vec::new();
        for line in lines(&path)? {
            let line: QueryLine = serde_json::from_str(&line?).with_context(|| format!("in {}", path.display()))?;
            if let Some(judged) = judged.remove(&line.id) {
                queries.push((line.text, judged));
            }
        }
        queries.truncate(options.limit.unwrap_or(usize::MAX));
        if queries.is_empty() {
            bail!("no query of {} is judged in {}", path.display(), qrels.display());
        }
        Ok(Self { queries })
    }
}

/// The file of `dir` that begins with `start` and ends with `end`; an error where there is none, or more than one.
fn one_of(dir: &Path, start: &str, end: &str) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(dir).with_context(|| format!("{} cannot be listed", dir.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with(start) && name.ends_with(end)
        })
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        (None, _) => bail!("{} holds no file {start}*{end}", dir.display()),
        (Some(_), false) => bail!("{} holds several files {start}*{end}; name one with --split", dir.display()),
    }
}

fn lines(path: &Path) -> anyhow::Result<impl Iterator<Item = std::io::Result<String>> + use<>> {
    Ok(BufReader::new(File::open(path).with_context(|| format!("{} cannot be read", path.display()))?).lines())
}

/// Stores, embeds and indexes the collection; what was done by an earlier run is not done again.
async fn fill(home: &Home, dir: &Path) -> anyhow::Result<HashMap<DocumentId, String>> {
    let path = dir.join("corpus.jsonl");
    let bar = bytes_bar(fs::metadata(&path)?.len(), "reading the collection");
    let scope = Scope::Community(COLLECTION.into());
    let mut names = HashMap::new();
    let mut batch = Vec::new();
    for line in lines(&path)? {
        let line = line?;
        bar.inc(line.len() as u64 + 1);
        let line: CorpusLine = serde_json::from_str(&line).with_context(|| format!("in {}", path.display()))?;
        let document = document(&scope, &line);
        names.insert(document.id.clone(), line.id);
        batch.push(document);
        if batch.len() == BATCH {
            put(home, std::mem::take(&mut batch)).await?;
        }
    }
    put(home, batch).await?;
    bar.finish_and_clear();
    // Vectors and index from the state, as after a crash.
    top_up(&home.store, home.index.as_ref(), home.embedder.as_ref()).await?;
    Ok(names)
}

async fn put(home: &Home, documents: Vec<Document>) -> anyhow::Result<()> {
    let embedder = &home.embedder;
    let passages: Vec<_> = documents.iter().map(|document| passages(document, embedder.as_ref())).collect();
    let entries = |vectors: &'static [chat::ports::Embedding]| -> Vec<store::Entry<'_>> {
        documents
            .iter()
            .zip(&passages)
            .map(|(document, passages)| store::Entry { document, passages, vectors, keys: &[] })
            .collect()
    };
    if home.store.preview(&entries(&[])).await?.iter().any(|stored| *stored != Stored::Unchanged) {
        home.store.put_many(embedder.model(), &entries(&[])).await?;
    }
    Ok(())
}

fn document(scope: &Scope, line: &CorpusLine) -> Document {
    // A collection may hold a title alone: then it is the text.
    let text = if line.text.trim().is_empty() { line.title.clone() } else { line.text.clone() };
    let title = if line.title.trim().is_empty() { "-".to_owned() } else { line.title.clone() };
    Document {
        id: library::identity::id(scope, &line.id),
        scope: scope.clone(),
        title,
        authors: Vec::new(),
        year: None,
        venue: None,
        language: Some("en".to_owned()),
        identifiers: Identifiers::default(),
        provenance: Provenance {
            file: format!("corpus.jsonl#{}", line.id),
            format: "beir".to_owned(),
            content_hash: library::sha256(line.text.as_bytes()),
            license: None,
        },
        retracted: false,
        text,
        pages: Vec::new(),
        sections: Vec::new(),
    }
}
