//! `eval summary`: our choice of lines against references, beside what costs nothing: the first sentence, the title.
//!
//! A line is a paper as SciTLDR has it, `{"source": [sentences], "title": "...", "target": [summaries]}`, or a meeting as
//! QMSum has it, `{"meeting_transcripts": [{"speaker", "content"}], "general_query_list": [{"query", "answer"}],
//! "specific_query_list": [...]}`.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use chat::ports::{EmbedTask, Embedder};
use plugins::{
    guard::{Guard, SourceText, Verdict},
    summary::{extract, facets},
};
use serde::Deserialize;
use training::measures::{Bootstrap, Rouge, Summary};

use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

/// Words of a meeting's summary: what the references have on average.
const MEETING_WORDS: usize = 70;

/// Texts that are embedded in one call.
const EMBEDDED_AT_ONCE: usize = 64;

/// Turns of a meeting that say too little to be told, in words.
const TURN_WORDS_MIN: usize = 6;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Paper {
        source: Vec<String>,
        title: String,
        target: Vec<String>,
    },
    Meeting {
        meeting_transcripts: Vec<Turn>,
        #[serde(default)]
        general_query_list: Vec<Query>,
        #[serde(default)]
        specific_query_list: Vec<Query>,
    },
}

#[derive(Deserialize)]
struct Turn {
    content: String,
}

#[derive(Deserialize)]
struct Query {
    query: String,
    answer: String,
}

/// What one way of summarising reached, per summary.
#[derive(Default)]
struct Column {
    name: &'static str,
    rouge_1: Vec<f64>,
    rouge_2: Vec<f64>,
    rouge_l: Vec<f64>,
    supported: Vec<f64>,
    coverage: Vec<f64>,
    copied: Vec<f64>,
    words: Vec<f64>,
}

impl Column {
    fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn count(&mut self, summary: &str, source: &str, references: &[&str]) {
        let rouge = Rouge::best(summary, references);
        self.rouge_1.push(rouge.rouge_1.f1);
        self.rouge_2.push(rouge.rouge_2.f1);
        self.rouge_l.push(rouge.rouge_l.f1);
        self.supported.push(supported(summary, source));
        let measured = Summary::new(summary, source);
        self.coverage.push(measured.coverage());
        self.copied.push(measured.copied(2));
        self.words.push(measured.words() as f64);
    }

    fn print(&self) {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let Some(interval) = Bootstrap::default().mean(&self.rouge_1) else { return };
        say(&format!(
            "{:<10} {:>6.2} [{:.2}, {:.2}]  {:>6.2}  {:>6.2}  {:>7.1}  {:>8.1}  {:>6.1}  {:>5.1}",
            self.name,
            100.0 * interval.mean,
            100.0 * interval.low,
            100.0 * interval.high,
            100.0 * mean(&self.rouge_2),
            100.0 * mean(&self.rouge_l),
            100.0 * mean(&self.supported),
            100.0 * mean(&self.coverage),
            100.0 * mean(&self.copied),
            mean(&self.words),
        ));
    }
}

/// The share of a summary's sentences that stand against the source; 1 where it claims nothing.
fn supported(summary: &str, source: &str) -> f64 {
    let guard = Guard::new("", vec![SourceText::new(1, "", source)]);
    let sentences = chat::text::sentences(summary, "en");
    let verdicts = sentences.into_iter().map(|range| guard.check(&summary[range], None));
    let (stood, read) = verdicts.fold((0, 0), |(stood, read), verdict| match verdict {
        Verdict::Supported { .. } => (stood + 1, read + 1),
        Verdict::Struck { .. } => (stood, read + 1),
        Verdict::Empty => (stood, read),
    });
    if read == 0 { 1.0 } else { f64::from(stood) / f64::from(read) }
}

/// Measures summaries.
pub async fn run(settings: &Settings, file: &Path, limit: Option<usize>) -> anyhow::Result<bool> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line)
            .with_context(|| format!("{}, line {}: neither a paper nor a meeting", file.display(), number + 1))?;
        lines.push(line);
    }
    lines.truncate(limit.unwrap_or(usize::MAX));
    if lines.is_empty() {
        bail!("{} holds nothing to summarise", file.display());
    }
    let mut settings = settings.clone();
    settings.aside("eval/summary");
    let home = Home::open(&settings, Needs::Library).await?;
    let mut columns = [Column::new("lead"), Column::new("title"), Column::new("ours")];
    for line in &lines {
        match line {
            Line::Paper { source, title, target } => paper(&home, source, title, target, &mut columns).await?,
            Line::Meeting { meeting_transcripts, general_query_list, specific_query_list } => {
                let queries = general_query_list.iter().chain(specific_query_list);
                meeting(&home, meeting_transcripts, queries, &mut columns).await?;
            }
        }
    }
    say(&format!("{} summaries; ROUGE is F1, the best of the references", columns[0].words.len()));
    say("           ROUGE-1 [95 %]         ROUGE-2 ROUGE-L  supported  coverage  copied  words");
    columns.iter().for_each(Column::print);
    home.close().await?;
    Ok(true)
}

async fn paper(
    home: &Home,
    source: &[String],
    title: &str,
    target: &[String],
    [lead, echo, ours]: &mut [Column; 3],
) -> anyhow::Result<()> {
    let sentences: Vec<&str> = source.iter().map(String::as_str).collect();
    let (whole, references) = (source.join(" "), target.iter().map(String::as_str).collect::<Vec<_>>());
    let vectors = home.embedder.embed(EmbedTask::Passage, &sentences).await?;
    let named = home.embedder.embed(EmbedTask::Passage, &[title]).await?;
    let best = facets::tldr(&sentences, &vectors, named.first().map_or(&[], Vec::as_slice), 1);
    lead.count(sentences.first().copied().unwrap_or_default(), &whole, &references);
    echo.count(title, &whole, &references);
    ours.count(best.first().map_or("", |at| sentences[*at]), &whole, &references);
    Ok(())
}

/// What of a meeting speaks to each query: turns that lie near it and near each other, in their order.
async fn meeting<'a>(
    home: &Home,
    turns: &[Turn],
    queries: impl Iterator<Item = &'a Query>,
    [lead, _, ours]: &mut [Column; 3],
) -> anyhow::Result<()> {
    let words = |text: &str| text.split_whitespace().count();
    let turns: Vec<&str> = turns.iter().map(|turn| turn.content.as_str()).collect();
    let told: Vec<&str> = turns.iter().copied().filter(|turn| words(turn) >= TURN_WORDS_MIN).collect();
    let whole = turns.join(" ");
    let mut vectors = Vec::new();
    for some in told.chunks(EMBEDDED_AT_ONCE) {
        vectors.extend(home.embedder.embed(EmbedTask::Passage, some).await?);
    }
    for query in queries {
        let vector = home.embedder.embed(EmbedTask::Query, &[&query.query]).await?;
        let near: Vec<f32> = vectors.iter().map(|row| extract::cosine(row, &vector[0]).max(0.0).powi(2)).collect();
        let scores = extract::centrality(&vectors, &near);
        let mut chosen = Vec::new();
        let mut left = MEETING_WORDS;
        for at in extract::diverse(&vectors, &scores, 10) {
            if words(told[at]) <= left {
                left -= words(told[at]);
                chosen.push(at);
            }
        }
        chosen.sort_unstable();
        let summary = chosen.iter().map(|at| told[*at]).collect::<Vec<_>>().join(" ");
        let first: Vec<&str> = whole.split_whitespace().take(MEETING_WORDS).collect();
        lead.count(&first.join(" "), &whole, &[&query.answer]);
        ours.count(&summary, &whole, &[&query.answer]);
    }
    Ok(())
}
