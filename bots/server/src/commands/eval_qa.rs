//! `eval qa`: questions with known documents through the host, as a person would ask them.
//!
//! A line is `{"question": "...", "gold": ["identifier or file", ...]}` or `{"question": "...", "gold": "none"}` where
//! the library cannot answer. A gold name is a document's DOI, arXiv, Anthology or PubMed id, or its file.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chat::{Document, Event, Message, ports::Documents};
use futures::StreamExt;
use serde::Deserialize;
use training::measures::{Bootstrap, Confusion};

use super::ingest;
use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    question: String,
    gold: Gold,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Gold {
    None(None_),
    Documents(Vec<String>),
}

#[derive(Deserialize)]
enum None_ {
    #[serde(rename = "none")]
    None,
}

/// What one answer was.
pub(super) struct Answer {
    sources: Vec<chat::Source>,
    /// All its text.
    pub text: String,
    first_sign: Duration,
    whole: Duration,
    failed: bool,
}

/// Measures answers.
pub async fn run(settings: &Settings, file: &Path, library: &[PathBuf]) -> anyhow::Result<bool> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).with_context(|| {
            format!("{}, line {}: question and gold (a list, or \"none\")", file.display(), number + 1)
        })?;
        lines.push(line);
    }
    if lines.is_empty() {
        bail!("{} holds no question", file.display());
    }
    let mut settings = settings.clone();
    if !library.is_empty() {
        settings.aside("eval/qa");
        // What an earlier run read is not part of this one.
        if settings.data.dir.exists() {
            fs::remove_dir_all(&settings.data.dir).context("the library of the last evaluation cannot be removed")?;
        }
    }
    let home = Home::open(&settings, Needs::Everything).await?;
    if !library.is_empty() {
        let report = ingest::with_bar(&home, library, &home.community()).await?;
        ingest::print(&report);
    }
    if let Some(generator) = &home.generator {
        generator.ready().await?;
    }
    let mut tally = Tally::default();
    for line in &lines {
        let answer = ask(&home, &format!("/ask {}", line.question)).await;
        tally.count(&home, line, &answer).await?;
    }
    tally.print(lines.len());
    home.close().await?;
    Ok(tally.cited == tally.resolved)
}

/// What comes of a line, as somebody at the console would say it.
pub(super) async fn ask(home: &Home, line: &str) -> Answer {
    let (dispatch, _) = home.host();
    let seat = home.seat();
    let message = Message {
        id: format!("eval-{}-{:x}", std::process::id(), jiff::Timestamp::now().as_nanosecond()).as_str().into(),
        place: seat.place,
        author: seat.member,
        text: line.to_owned(),
        invocation: None,
        attachments: Vec::new(),
        reply_to: None,
        about: None,
        visibility: None,
        addressed: true,
        at: jiff::Timestamp::now(),
    };
    let started = Instant::now();
    let mut events = dispatch.message(message).await;
    let (mut sources, mut text, mut failed, mut first_sign) = (Vec::new(), String::new(), false, None);
    while let Some(event) = events.next().await {
        if !matches!(event, Event::Accepted { .. }) {
            first_sign.get_or_insert_with(|| started.elapsed());
        }
        match event {
            Event::Sources { sources: shown } => sources = shown,
            Event::Text { delta } => text.push_str(&delta),
            Event::Failed { .. } => failed = true,
            _ => {}
        }
    }
    Answer { sources, text, first_sign: first_sign.unwrap_or_default(), whole: started.elapsed(), failed }
}

#[derive(Default)]
struct Tally {
    /// Yes: there is an answer in the library. Decided yes: it answered.
    answered: Confusion,
    /// Per answered question with gold documents: whether a gold document is among the sources.
    gold_among_sources: Vec<f64>,
    /// Per drafted answer: the share of its sentences that carry a citation.
    supported: Vec<f64>,
    /// Per answer to a question with gold documents: the share of its citations that name one of them.
    gold_cited: Vec<f64>,
    /// Answers whose draft stood, at least in part.
    drafted: usize,
    /// Citation markers, and those that name a shown source whose line is verbatim in the stored text.
    cited: usize,
    resolved: usize,
    first_signs: Vec<f64>,
    wholes: Vec<f64>,
    failed: usize,
}

impl Tally {
    async fn count(&mut self, home: &Home, line: &Line, answer: &Answer) -> anyhow::Result<()> {
        let has_answer = matches!(line.gold, Gold::Documents(_));
        if answer.failed {
            // Neither an answer nor an abstention.
            self.failed += 1;
            return Ok(());
        }
        self.answered.add(!answer.sources.is_empty(), has_answer);
        self.first_signs.push(answer.first_sign.as_secs_f64());
        self.wholes.push(answer.whole.as_secs_f64());
        if answer.sources.is_empty() {
            return Ok(());
        }
        let mut verbatim = HashMap::new();
        let mut gold = HashSet::new();
        for source in &answer.sources {
            let document = home.store.get(None, &source.quote.document).await?;
            let stands = document.as_ref().is_some_and(|document| document.text.contains(&source.quote.line));
            verbatim.insert(source.number, stands);
            if let (Some(document), Gold::Documents(names)) = (&document, &line.gold)
                && names.iter().any(|name| is_called(document, name))
            {
                gold.insert(source.number);
            }
        }
        if has_answer {
            self.gold_among_sources.push(f64::from(u8::from(!gold.is_empty())));
        }
        let markers = markers(&answer.text);
        if has_answer && !markers.is_empty() {
            let named = markers.iter().filter(|number| gold.contains(number)).count();
            self.gold_cited.push(named as f64 / markers.len() as f64);
        }
        self.cited += markers.len();
        self.resolved += markers.iter().filter(|number| verbatim.get(number) == Some(&true)).count();
        let drafted = !answer.text.starts_with("In the sources' own words");
        self.drafted += usize::from(drafted);
        // The note on struck sentences is ours, not the draft's.
        let body = answer.text.split("\n(").next().unwrap_or_default();
        let sentences = chat::text::sentences(body, "en");
        let carried = sentences.iter().filter(|range| body[(*range).clone()].contains('[')).count();
        if drafted && !sentences.is_empty() {
            self.supported.push(carried as f64 / sentences.len() as f64);
        }
        Ok(())
    }

    fn print(&self, questions: usize) {
        let share = |values: &[f64]| {
            Bootstrap::new(10_000, 1)
                .mean(values)
                .map_or("-".to_owned(), |i| format!("{:.3} [{:.3}, {:.3}] of {}", i.mean, i.low, i.high, values.len()))
        };
        let mut abstained = Confusion::default();
        // Abstention seen as the decision: yes is "the library has no answer".
        let Confusion { true_positives, false_positives, false_negatives, true_negatives } = self.answered;
        (abstained.true_positives, abstained.false_positives) = (true_negatives, false_negatives);
        (abstained.false_negatives, abstained.true_negatives) = (false_positives, true_positives);
        say(&format!("questions                      {questions}, {} failed", self.failed));
        say(&format!("gold document among sources    {}", share(&self.gold_among_sources)));
        say(&format!(
            "answers with a draft that stood {} of {}",
            self.drafted,
            self.gold_among_sources.len() + false_positives
        ));
        say(&format!("sentences with a citation      {}", share(&self.supported)));
        say(&format!("citations of a gold document   {}", share(&self.gold_cited)));
        say(&format!("citations that resolve         {} of {}", self.resolved, self.cited));
        say(&format!("abstention precision, recall   {:.3}, {:.3}", abstained.precision(), abstained.recall()));
        let percentile = |values: &[f64], at: f64| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values
                .get(((values.len() as f64 * at) as usize).min(values.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        say(&format!(
            "seconds to first sign p50, p95 {:.3}, {:.3}; to whole answer {:.2}, {:.2}",
            percentile(&self.first_signs, 0.5),
            percentile(&self.first_signs, 0.95),
            percentile(&self.wholes, 0.5),
            percentile(&self.wholes, 0.95),
        ));
    }
}

/// Whether a gold name means this document.
fn is_called(document: &Document, name: &str) -> bool {
    let ids = &document.identifiers;
    let known = [&ids.doi, &ids.arxiv, &ids.anthology, &ids.pubmed];
    known.into_iter().flatten().any(|id| id.eq_ignore_ascii_case(name))
        || Path::new(&document.provenance.file).file_name().is_some_and(|file| file == name)
}

/// The numbers in `[n]`.
fn markers(text: &str) -> Vec<usize> {
    text.split('[').skip(1).filter_map(|rest| rest.split(']').next()?.parse().ok()).collect()
}
