//! `eval recommend`: likes of people that were held back, against what is recommended from the others.
//!
//! A folder with `items.jsonl`, papers as `{"id", "title", "abstract", "year"}`, the last two optional, and `users.jsonl`, people
//! as `{"id", "items": [...]}`, an item being the id of a paper or `{"id", "day", "value"}`: days are counted from 1970, a value
//! below 0 is a dislike, 1 where there is none. CiteULike's collections fit in it. Of each person with five likes or more the
//! newest fifth is held back; where no day is known, any fifth.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    path::Path,
};

use anyhow::{Context, bail};
use serde::Deserialize;
use training::{
    learn::{Options, TrainError},
    measures::Bootstrap,
    recommend::{
        Catalogue, Feedback, Figures, Learned, Model, Neighbours, Paper, RECALL_AT, Signals, Tastes, Trial, Way, learn,
        split,
    },
};

use super::texts;
use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

/// The share of likes that is held back.
const HELD_BACK: f64 = 0.2;

#[derive(Deserialize)]
struct ItemLine {
    id: String,
    title: String,
    #[serde(rename = "abstract")]
    summary: Option<String>,
    year: Option<i32>,
}

#[derive(Deserialize)]
struct UserLine {
    items: Vec<Liked>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Liked {
    Id(String),
    Word {
        id: String,
        day: Option<i32>,
        #[serde(default = "one")]
        value: f32,
    },
}

fn one() -> f32 {
    1.0
}

/// Measures a folder, on at most `limit` people.
pub async fn run(settings: &Settings, dir: &Path, limit: Option<usize>) -> anyhow::Result<bool> {
    let items: Vec<ItemLine> = texts::json_lines(&dir.join("items.jsonl"))?;
    let users: Vec<UserLine> = texts::json_lines(&dir.join("users.jsonl"))?;
    let feedback = feedback(&items, &users)?;
    let mut settings = settings.clone();
    settings.aside("eval/recommend");
    let home = Home::open(&settings, Needs::Library).await?;
    let texts: Vec<String> = items.iter().map(|item| texts::paper(&item.title, item.summary.as_deref())).collect();
    let lines = texts::matched(home.embedder.as_ref(), &texts).await?;
    let day = |item: &ItemLine| item.year.map_or(0, |year| ((f64::from(year) - 1970.0) * 365.25) as i32);
    let papers: Vec<Paper> = items.iter().zip(lines).map(|(item, line)| Paper { line, day: day(item) }).collect();
    let catalogue = Catalogue::new(&papers)?;
    let today = feedback.iter().map(|word| word.day).chain(papers.iter().map(|paper| paper.day)).max().unwrap_or(0);

    let (known, held) = split(&feedback, HELD_BACK);
    let mut watch = |_: &_| ControlFlow::Continue(());
    let model = match learn(&catalogue, &known, today, None, &Options::default(), None, &mut watch) {
        Ok(Learned::Done(model)) => Some(model),
        Ok(Learned::Stopped(_)) => None,
        Err(error @ TrainError::TooLittle { .. }) => {
            say(&format!("nothing is learned: {error}"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let tastes = Tastes::new(&known, catalogue.len(), today, None);
    let neighbours = Neighbours::new(&tastes, catalogue.len());
    let signals = Signals { catalogue: &catalogue, tastes: &tastes, neighbours: &neighbours, today };
    let mut asked: Vec<u32> = held.iter().map(|word| word.user).collect();
    asked.dedup();
    let asked: HashSet<u32> = asked.into_iter().take(limit.unwrap_or(usize::MAX)).collect();
    let trial = Trial::new(signals, &held, Some(&asked));
    say(&format!(
        "{} people, {} papers ({} that nobody is known to like), {} words known, {} held back, {} people asked for",
        users.len(),
        catalogue.len(),
        trial.cold(),
        known.len(),
        held.len(),
        trial.len()
    ));
    let mut ways = vec![
        ("popularity", Way::Popularity),
        ("item-kNN", Way::Neighbours),
        ("content", Way::Content),
        ("blend", Way::Blend),
    ];
    ways.extend(model.as_deref().map(|model| ("learned", Way::Learned(model.unchecked()))));
    let figures = trial.figures(&ways.iter().map(|(_, way)| *way).collect::<Vec<_>>());
    let cold = figures.first().map_or(0, |figures| figures.cold[0].len());
    say(&format!("{cold} of them liked a paper that nobody was known to like: cold Recall is theirs"));
    say(
        "            nDCG@20 [95 %]        Recall@20 / 100 / 300   cold Recall@20 / 100 / 300  coverage  novelty, bits",
    );
    for ((name, _), figures) in ways.iter().zip(&figures) {
        print(name, figures);
    }
    if let Some(model) = &model {
        tell(model);
    }
    home.close().await?;
    Ok(true)
}

fn print(name: &str, figures: &Figures) {
    let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let row = |lists: &[Vec<f64>; RECALL_AT.len()]| {
        lists.iter().map(|list| format!("{:.3}", mean(list))).collect::<Vec<_>>().join(" / ")
    };
    let ndcg = Bootstrap::new(10_000, 1).mean(&figures.ndcg);
    say(&format!(
        "{name:<11} {:<21} {:<23} {:<27} {:>8.3}  {:>13.2}",
        ndcg.map(|of| format!("{:.3} [{:.3}, {:.3}]", of.mean, of.low, of.high)).unwrap_or_default(),
        row(&figures.recall),
        row(&figures.cold),
        figures.coverage,
        figures.novelty,
    ));
}

/// What the model's own report says.
fn tell(model: &Model) {
    let report = &model.report;
    say(&format!(
        "learned from {} rows, {} wanted, epoch {} of {}; compared on {} people it did not learn from: nDCG@20 {:.3}",
        report.rows,
        report.wanted,
        report.best_epoch,
        report.epochs.len(),
        report.compared,
        report.ndcg.mean
    ));
    for comparison in &report.comparisons {
        let (gain, p) = (comparison.difference.gain, comparison.difference.p_value);
        say(&format!(
            "  over {}: {:+.4} [{:+.4}, {:+.4}], p = {p:.3}",
            comparison.baseline, gain.mean, gain.low, gain.high
        ));
    }
    say(if model.ranker().is_some() { "it may be used" } else { "it is not ahead of all of them, and is not used" });
}

fn feedback(items: &[ItemLine], users: &[UserLine]) -> anyhow::Result<Vec<Feedback>> {
    let places: HashMap<&str, u32> = items.iter().zip(0..).map(|(item, at)| (item.id.as_str(), at)).collect();
    let mut feedback = Vec::new();
    for (line, user) in users.iter().enumerate() {
        for liked in &user.items {
            let (id, day, value) = match liked {
                Liked::Id(id) => (id, None, 1.0),
                Liked::Word { id, day, value } => (id, *day, *value),
            };
            let unknown = || format!("users.jsonl, line {}: items.jsonl has no {id}", line + 1);
            let paper = *places.get(id.as_str()).with_context(unknown)?;
            feedback.push(Feedback { user: line as u32, paper, value, day: day.unwrap_or(0) });
        }
    }
    if feedback.is_empty() {
        bail!("users.jsonl holds no item");
    }
    Ok(feedback)
}
