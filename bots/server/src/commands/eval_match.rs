//! `eval match`: the order in which papers fit people, against what these people say of their own expertise.
//!
//! A folder as goldstandard-reviewer-paper-match has it: `evaluations*.tsv`, whose rows are a person, ten papers and ten
//! ratings, any of which may be empty; `papers.jsonl` of `{"id", "title", "abstract"}`; and `profiles_d20_N.json`, samplings of
//! `{person: [papers]}`, over which the mean is taken.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use serde::Deserialize;
use training::{
    matching::{Item, Lexicon, Line, People, Profile, Scoring, Weighed},
    measures::{Bootstrap, Expertise, Interval},
};

use super::texts;
use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

/// Papers that one row rates.
const RATED: usize = 10;

#[derive(Deserialize)]
struct PaperLine {
    id: String,
    title: String,
    #[serde(rename = "abstract")]
    summary: Option<String>,
    year: Option<i16>,
}

/// A person with the ratings of papers, by their place.
struct Rater {
    id: String,
    ratings: Vec<(usize, f64)>,
}

/// What is measured: papers by their place, ready to be matched.
struct Collection {
    lines: Vec<Line>,
    years: Vec<Option<i16>>,
    lexicon: Arc<Lexicon>,
    scoring: Scoring,
}

/// Measures a folder, each of its files of ratings for itself.
pub async fn run(settings: &Settings, dir: &Path) -> anyhow::Result<bool> {
    let papers: Vec<PaperLine> = texts::json_lines(&dir.join("papers.jsonl"))?;
    let places: HashMap<&str, usize> = papers.iter().enumerate().map(|(at, paper)| (paper.id.as_str(), at)).collect();
    let (ratings, samplings) = (files(dir, "evaluations", ".tsv")?, files(dir, "profiles_d20_", ".json")?);
    if ratings.is_empty() || samplings.is_empty() {
        bail!("{} wants evaluations*.tsv and profiles_d20_N.json", dir.display());
    }
    let mut settings = settings.clone();
    settings.aside("eval/match");
    let home = Home::open(&settings, Needs::Library).await?;
    let texts: Vec<String> = papers.iter().map(|paper| texts::paper(&paper.title, paper.summary.as_deref())).collect();
    let lines = texts::matched(home.embedder.as_ref(), &texts).await?;
    let collection = Collection {
        lexicon: Arc::new(Lexicon::new(lines.iter().map(|line| line.terms.as_slice()))),
        lines,
        years: papers.iter().map(|paper| paper.year).collect(),
        scoring: papers.iter().filter_map(|paper| paper.year).max().map_or_else(Scoring::default, Scoring::in_year),
    };
    for path in &ratings {
        let raters = raters(path, &places)?;
        let mut found: [Vec<Expertise>; 3] = Default::default();
        for sampling in &samplings {
            let measured = measure(&collection, &raters, &profiles(sampling, &raters, &places)?)?;
            found.iter_mut().zip(measured).for_each(|(all, one)| all.push(one));
        }
        let rated: usize = raters.iter().map(|rater| rater.ratings.len()).sum();
        say(&format!(
            "{}: {} people, {rated} ratings, {} samplings of profiles",
            path.display(),
            raters.len(),
            samplings.len()
        ));
        print(&found);
    }
    home.close().await?;
    Ok(true)
}

/// One sampling: the mean of the cosines of terms, that of vectors, and our score.
fn measure(collection: &Collection, raters: &[Rater], profiles: &[Vec<usize>]) -> anyhow::Result<[Expertise; 3]> {
    let Collection { lines, years, lexicon, scoring } = collection;
    let weighed: Vec<Weighed> = lines.iter().map(|line| lexicon.weigh(&line.terms)).collect();
    let item = |at: &usize| Item { lines: vec![lines[*at].clone()], year: years[*at], weight: 1.0 };
    let people: Vec<Profile> = profiles.iter().map(|own| Profile { items: own.iter().map(item).collect() }).collect();
    let people = People::new(lexicon.clone(), &people)?;
    let mut measured: [Expertise; 3] = Default::default();
    for (person, (rater, own)) in raters.iter().zip(profiles).enumerate() {
        let mean = |cosine: &dyn Fn(usize) -> f32| {
            own.iter().map(|at| f64::from(cosine(*at))).sum::<f64>() / own.len().max(1) as f64
        };
        let mut scored: [Vec<(f64, f64)>; 3] = Default::default();
        for (paper, rating) in &rater.ratings {
            scored[0].push((*rating, mean(&|at| weighed[at].cosine(&weighed[*paper]))));
            scored[1].push((*rating, mean(&|at| cosine(&lines[at], &lines[*paper]))));
            let need = std::slice::from_ref(&lines[*paper]);
            scored[2].push((*rating, f64::from(people.explain(need, person, scoring, 0)?.score)));
        }
        measured.iter_mut().zip(&scored).for_each(|(measured, scored)| measured.add(scored));
    }
    Ok(measured)
}

fn print(found: &[Vec<Expertise>; 3]) {
    say("                 loss [95 %]           easy [95 %]           hard [95 %]");
    let bootstrap = Bootstrap::new(10_000, 1);
    for (name, samplings) in ["TF-IDF, mean", "vectors, mean", "ours"].iter().zip(found) {
        let Some(mean) = Expertise::mean(samplings) else { continue };
        let show = |interval: Option<Interval>| match interval {
            Some(of) => format!("{:.3} [{:.3}, {:.3}]", of.mean, of.low, of.high),
            None => "-".to_owned(),
        };
        say(&format!(
            "{name:<16} {:<21} {:<21} {:<21}",
            show(mean.loss(&bootstrap)),
            show(mean.easy(&bootstrap)),
            show(mean.hard(&bootstrap)),
        ));
    }
    if let Some((easy, hard)) = found[2].first().map(Expertise::pairs) {
        say(&format!("{easy} easy pairs, {hard} hard ones; the intervals draw people anew"));
    }
}

fn cosine(one: &Line, two: &Line) -> f32 {
    one.vector.iter().zip(&two.vector).map(|(a, b)| a * b).sum()
}

fn raters(path: &Path, places: &HashMap<&str, usize>) -> anyhow::Result<Vec<Rater>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut raters = Vec::new();
    // The first line names the columns.
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let mut ratings = Vec::new();
        for at in 1..=RATED {
            let (Some(paper), Some(rating)) = (fields.get(at), fields.get(at + RATED)) else { continue };
            if paper.is_empty() || rating.is_empty() {
                continue;
            }
            let unknown = || format!("{}, line {}: no paper {paper}", path.display(), number + 1);
            let place = *places.get(paper).with_context(unknown)?;
            let rating = rating.parse().with_context(|| format!("{}, line {}", path.display(), number + 1))?;
            ratings.push((place, rating));
        }
        raters.push(Rater { id: fields[0].to_owned(), ratings });
    }
    Ok(raters)
}

/// The papers of each rater in one sampling, by their place.
fn profiles(path: &Path, raters: &[Rater], places: &HashMap<&str, usize>) -> anyhow::Result<Vec<Vec<usize>>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let all: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    let of = |rater: &Rater| {
        let own = all.get(&rater.id).with_context(|| format!("{} lacks {}", path.display(), rater.id))?;
        let place = |id: &String| {
            places.get(id.as_str()).copied().with_context(|| format!("{}: no paper {id}", path.display()))
        };
        own.iter().map(place).collect()
    };
    raters.iter().map(of).collect()
}

/// The files of `dir` that begin and end so, sorted.
fn files(dir: &Path, start: &str, end: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("{} cannot be listed", dir.display()))?;
    let named = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with(start) && name.ends_with(end)
    };
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(named).collect();
    found.sort();
    Ok(found)
}
