//! What a person's entries are about: groups of near ones, and words that tell each group from the others.
//!
//! Groups are joined while the mean cosine between their entries is high enough (average linkage: Sokal and Michener, "A
//! statistical method for evaluating systematic relationships", 1958).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chat::profile::{EntryKind, Topic};

use super::person::{Held, Person};

/// Most topics of a person.
const TOPICS_MAX: usize = 5;

/// Fewer entries are no topic.
const ENTRIES_MIN: usize = 2;

/// Words of a label.
const LABEL_WORDS: usize = 3;

/// Mean cosine from which on groups of entries are joined: a guess that only made-up vectors were tried on.
const NEAR: f32 = 0.42;

/// The topics of a person, the largest first.
pub fn topics(person: &Person) -> Vec<Topic> {
    let is_work = |kind| matches!(kind, EntryKind::About | EntryKind::Offers | EntryKind::Paper);
    let held: Vec<&Held> =
        person.held.iter().map(|held| &**held).filter(|held| is_work(held.entry.kind) && !held.is_bare()).collect();
    let vectors: Vec<Vec<f32>> = held.iter().map(|held| middle(held)).collect();
    let mut groups = joined(&vectors);
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    let counts: Vec<HashMap<String, (usize, String)>> = groups.iter().map(|group| counted(&held, group)).collect();
    let topic = |(at, group): (usize, &Vec<usize>)| Topic {
        label: label(&counts, at),
        entries: group.iter().map(|place| held[*place].entry.id.clone()).collect(),
    };
    groups.iter().enumerate().filter(|(_, group)| group.len() >= ENTRIES_MIN).take(TOPICS_MAX).map(topic).collect()
}

/// The mean of an entry's vectors, of unit norm.
fn middle(held: &Held) -> Vec<f32> {
    let mut lines = held.lines.iter().map(|line| &line.vector).filter(|vector| !vector.is_empty());
    let mut sum = lines.next().cloned().unwrap_or_default();
    for vector in lines {
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
    }
    let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    sum.iter_mut().for_each(|value| *value /= norm.max(f32::MIN_POSITIVE));
    sum
}

/// Groups of near vectors, each sorted.
fn joined(vectors: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let cosine = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum::<f32>();
    let mut groups: Vec<Vec<usize>> = (0..vectors.len()).map(|at| vec![at]).collect();
    // Mean cosines between groups; of a pair the later one's row holds it.
    let mut near: Vec<Vec<f32>> = (0..vectors.len()).map(|a| (0..a).map(|b| cosine(a, b)).collect()).collect();
    while let Some((a, b, _)) = (0..groups.len())
        .flat_map(|a| near[a].iter().enumerate().map(move |(b, cosine)| (a, b, *cosine)))
        .max_by(|one, two| one.2.total_cmp(&two.2).then((two.0, two.1).cmp(&(one.0, one.1))))
        .filter(|(_, _, cosine)| *cosine >= NEAR)
    {
        let (size, other_size) = (groups[b].len() as f32, groups[a].len() as f32);
        for other in (0..groups.len()).filter(|other| *other != a && *other != b) {
            let of = |one: usize, two: usize| near[one.max(two)][one.min(two)];
            let mean = (size * of(b, other) + other_size * of(a, other)) / (size + other_size);
            near[b.max(other)][b.min(other)] = mean;
        }
        // The later group goes, with its row and its column.
        near.remove(a);
        for row in near.iter_mut().skip(a) {
            row.remove(a);
        }
        let gone = groups.remove(a);
        groups[b].extend(gone);
    }
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups
}

/// How many of a group's entries have each word in their text, by its stem; and how it stands there first.
fn counted(held: &[&Held], group: &[usize]) -> HashMap<String, (usize, String)> {
    let mut counts: HashMap<String, (usize, String)> = HashMap::new();
    for place in group {
        let text = &held[*place].entry.text;
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| word.chars().count() > 2);
        let stems: BTreeMap<String, &str> =
            words.filter_map(|word| Some((chat::text::terms(word).into_iter().next()?, word))).collect();
        for (stem, word) in stems {
            counts.entry(stem).or_insert_with(|| (0, plain(word))).0 += 1;
        }
    }
    counts
}

/// A word without the capital that a title gives it; `BERT` keeps its own.
fn plain(word: &str) -> String {
    let is_title = word.chars().skip(1).all(|c| !c.is_uppercase());
    if is_title { word.to_lowercase() } else { word.to_owned() }
}

/// Words that stand in many entries of one group and in few other groups.
fn label(counts: &[HashMap<String, (usize, String)>], at: usize) -> Vec<String> {
    let holding = |stem: &String| counts.iter().filter(|other| other.contains_key(stem)).count();
    let mut ranked: Vec<(f32, &String)> = counts[at]
        .iter()
        .map(|(stem, (count, word))| (*count as f32 * (1.0 + counts.len() as f32 / holding(stem) as f32).ln(), word))
        .collect();
    ranked.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(two.1)));
    let mut seen = BTreeSet::new();
    ranked
        .into_iter()
        .map(|(_, word)| word.clone())
        .filter(|word| seen.insert(word.clone()))
        .take(LABEL_WORDS)
        .collect()
}
