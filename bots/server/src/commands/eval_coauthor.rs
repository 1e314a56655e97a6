//! `eval coauthor`: who will write with whom, predicted from earlier years and held against later ones.
//!
//! JSON lines as the ACL Anthology's sample has them: `{"id", "title", "abstract", "authors", "author_ids", "year"}`; where an
//! author has no id, the name without case and accents stands for one.

use std::path::Path;

use anyhow::bail;
use serde::Deserialize;
use training::{
    learn::{Options, TrainError},
    matching::{PARTNERS_AT, Trial, Work, name_key},
    measures::{Bootstrap, Interval},
};

use super::texts;
use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

#[derive(Deserialize)]
struct PaperLine {
    title: String,
    #[serde(rename = "abstract")]
    summary: Option<String>,
    authors: Vec<String>,
    #[serde(default)]
    author_ids: Vec<Option<String>>,
    year: i16,
}

impl PaperLine {
    fn work(&self) -> Work {
        let author = |(at, name): (usize, &String)| {
            let id = self.author_ids.get(at).cloned().flatten();
            id.unwrap_or_else(|| name_key(name).join(" "))
        };
        Work { authors: self.authors.iter().enumerate().map(author).collect(), year: Some(self.year) }
    }
}

/// Measures a file: `until` is the last year that is known, `papers_min` what an author must have written by then.
pub async fn run(settings: &Settings, file: &Path, until: Option<i16>, papers_min: u32) -> anyhow::Result<bool> {
    let mut papers: Vec<PaperLine> = texts::json_lines(file)?;
    papers.sort_by_key(|paper| paper.year);
    let (Some(first), Some(last)) = (papers.first(), papers.last()) else { bail!("{} is empty", file.display()) };
    let until = until.unwrap_or(last.year - 1);
    if !(first.year..last.year).contains(&until) {
        bail!("--until is a year from {} to {}", first.year, last.year - 1);
    }
    let later = papers.split_off(papers.partition_point(|paper| paper.year <= until));
    let mut settings = settings.clone();
    settings.aside("eval/coauthor");
    let home = Home::open(&settings, Needs::Library).await?;
    let texts: Vec<String> = papers.iter().map(|paper| texts::paper(&paper.title, paper.summary.as_deref())).collect();
    let lines = texts::matched(home.embedder.as_ref(), &texts).await?;
    let known: Vec<_> = papers.iter().map(PaperLine::work).zip(lines).collect();
    let later: Vec<Work> = later.iter().map(PaperLine::work).collect();
    // A hundred new pairs, that is: below, the fixed blend is the better guess.
    let options = Options { hidden: 0, rows_min: 1_000, ..Options::default() };
    let learned = match Trial::learn(&known, papers_min, &options) {
        Ok(ranker) => Some(ranker),
        Err(TrainError::TooLittle { what, got, want }) => {
            say(&format!("nothing is learned from the years to {until}: {got} {what}, {want} are needed"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let trial = Trial::new(&known, &later, papers_min)?;
    let (ranked, asked) = trial.size();
    say(&format!(
        "{} papers to {until}, {} later; {ranked} authors with {papers_min} papers or more, {asked} find new partners",
        known.len(),
        later.len()
    ));
    if let Some(ranker) = &learned {
        let weights = ranker.features.iter().zip(ranker.layers.iter().flat_map(|layer| layer.weights.iter().flatten()));
        let told: Vec<String> = weights.map(|(name, weight)| format!("{name} {weight:+.2}")).collect();
        say(&format!("learned from the years to {until}: {} (for a step of one standard deviation)", told.join(", ")));
    }
    let reached = trial.reached(learned.as_ref())?;
    say(&format!("                      Hit@{PARTNERS_AT} [95 %]          MRR [95 %]"));
    let bootstrap = Bootstrap::new(10_000, 1);
    let show = |interval: Option<Interval>| match interval {
        Some(of) => format!("{:.3} [{:.3}, {:.3}]", of.mean, of.low, of.high),
        None => "-".to_owned(),
    };
    for (name, of) in &reached {
        let (hits, ranks) = (bootstrap.mean(&of.hits), bootstrap.mean(&of.reciprocal_ranks));
        say(&format!("{name:<21} {:<21} {:<21}", show(hits), show(ranks)));
    }
    if let Some(((ours, best), rest)) = reached.split_last() {
        for (name, of) in rest {
            let pairs: Vec<(f64, f64)> =
                of.reciprocal_ranks.iter().copied().zip(best.reciprocal_ranks.iter().copied()).collect();
            if let Some(difference) = bootstrap.difference(&pairs) {
                let (gain, p) = (difference.gain, difference.p_value);
                say(&format!(
                    "{ours} - {name}: MRR {:+.4} [{:+.4}, {:+.4}], p = {p:.4}",
                    gain.mean, gain.low, gain.high
                ));
            }
        }
    }
    home.close().await?;
    Ok(true)
}
