//! Who will write with whom: known works against later ones.
//!
//! Asked for are authors who later write with somebody new; ranked are all others who are known well enough and have no
//! common work with them yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

use super::{
    conflicts::Work,
    lexicon::{Lexicon, Weighed},
    network::{Features, Network},
    people::People,
    profile::{Item, Line, MatchError, Profile},
    scoring::Scoring,
};
use crate::learn::{Options, Outcome, Ranker, Row, TrainError, train};

/// Where a hit must stand.
pub const PARTNERS_AT: usize = 10;

/// Works of an author that are compared with others: the last ones.
const COMPARED: usize = 20;

/// The share of the known works, the newest, that a blend is learned from.
const LEARNED_FROM: f64 = 0.2;

/// Others, for each author, that a blend is learned from: those with the strongest ties, and as many of any kind.
const OTHERS: usize = 50;

/// What one way of ranking reached, for each author asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reached {
    /// 1 where a new partner stands among the first [`PARTNERS_AT`], else 0.
    pub hits: Vec<f64>,
    /// One divided by the place of the first new partner.
    pub reciprocal_ranks: Vec<f64>,
}

/// Known works, ready to be held against later ones.
pub struct Trial {
    network: Network,
    people: People,
    need: Vec<Vec<Line>>,
    /// Mean of an author's works as terms, of unit norm.
    terms: Vec<Vec<(u32, f32)>>,
    /// How many terms there are.
    vocabulary: usize,
    /// Who is ranked.
    candidates: Vec<usize>,
    /// New partners of each author asked for.
    targets: BTreeMap<usize, BTreeSet<usize>>,
}

/// A way to rank.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Works,
    Terms,
    Content,
    Common,
    Walk,
    Blend,
    Learned(&'a Ranker),
}

impl Trial {
    /// Holds `later` against `known`, each work with the line that stands for it, oldest first; ranked are authors of at
    /// least `works_min` known works.
    ///
    /// # Errors
    /// [`MatchError`], where vectors are of several encoders.
    pub fn new(known: &[(Work, Line)], later: &[Work], works_min: u32) -> Result<Self, MatchError> {
        let works: Vec<Work> = known.iter().map(|(work, _)| work.clone()).collect();
        let network = Network::new(&works);
        let lexicon = Arc::new(Lexicon::new(known.iter().map(|(_, line)| line.terms.as_slice())));
        let mut profiles = vec![Profile::default(); network.names().len()];
        let mut weighed: Vec<Vec<Weighed>> = vec![Vec::new(); profiles.len()];
        for (work, line) in known {
            let authors: BTreeSet<usize> = work.authors.iter().filter_map(|name| network.find(name)).collect();
            for author in authors {
                profiles[author].items.push(Item { lines: vec![line.clone()], year: work.year, weight: 1.0 });
                weighed[author].push(lexicon.weigh(&line.terms));
            }
        }
        let last = |profile: &Profile| -> Vec<Line> {
            let items = &profile.items[profile.items.len().saturating_sub(COMPARED)..];
            items.iter().flat_map(|item| item.lines.clone()).collect()
        };
        let candidates: Vec<usize> =
            (0..network.names().len()).filter(|author| network.works(*author) >= works_min).collect();
        let mut targets: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for work in later {
            let authors = work.authors.iter().filter_map(|name| network.find(name));
            let authors: BTreeSet<usize> = authors.filter(|author| network.works(*author) >= works_min).collect();
            for one in &authors {
                let new = authors.iter().filter(|two| *two != one && !network.together(*one, **two));
                targets.entry(*one).or_default().extend(new);
            }
        }
        targets.retain(|_, partners| !partners.is_empty());
        Ok(Self {
            vocabulary: lexicon.len(),
            people: People::new(lexicon, &profiles)?,
            need: profiles.iter().map(last).collect(),
            terms: weighed.iter().map(|works| mean(works)).collect(),
            network,
            candidates,
            targets,
        })
    }

    /// How many authors are ranked, and how many are asked for.
    pub fn size(&self) -> (usize, usize) {
        (self.candidates.len(), self.targets.len())
    }

    /// What each way reached, by its name; the last one is learned, and is there where `learned` is.
    ///
    /// # Errors
    /// [`MatchError`], as [`People::scores`].
    pub fn reached(&self, learned: Option<&Ranker>) -> Result<Vec<(&'static str, Reached)>, MatchError> {
        let mut ways = vec![
            ("most works", Way::Works),
            ("TF-IDF", Way::Terms),
            ("content", Way::Content),
            ("Adamic-Adar", Way::Common),
            ("walk", Way::Walk),
            ("walk, works, content", Way::Blend),
        ];
        ways.extend(learned.map(|ranker| ("the same, learned", Way::Learned(ranker))));
        let mut found: Vec<(&str, Reached)> = ways.iter().map(|(name, _)| (*name, Reached::default())).collect();
        for (author, partners) in &self.targets {
            let features = self.features(*author)?;
            let terms = self.by_terms(*author);
            let open: Vec<usize> = self.open(*author).collect();
            for ((_, way), (_, reached)) in ways.iter().zip(&mut found) {
                let score = |other: usize| way.score(&features[other], terms[other]);
                // Equals share their places: the mean of the best and the worst, so that no order of names decides.
                let best = partners.iter().map(|partner| score(*partner)).fold(f32::NEG_INFINITY, f32::max);
                let above = open.iter().filter(|other| score(**other) > best).count();
                let equal = open.iter().filter(|other| score(**other) == best).count();
                let rank = above as f64 + (equal + 1) as f64 / 2.0;
                reached.hits.push(f64::from(u8::from(rank <= PARTNERS_AT as f64)));
                reached.reciprocal_ranks.push(1.0 / rank);
            }
        }
        Ok(found)
    }

    /// Learns a blend from `known` alone: from its newest fifth, held against the rest.
    ///
    /// # Errors
    /// [`TrainError::TooLittle`] where too few of its authors find somebody new in it.
    pub fn learn(known: &[(Work, Line)], works_min: u32, options: &Options) -> Result<Ranker, TrainError> {
        let from = ((1.0 - LEARNED_FROM) * known.len() as f64).round() as usize;
        let later: Vec<Work> = known[from..].iter().map(|(work, _)| work.clone()).collect();
        let wrong = |error: MatchError| TrainError::Candle(Box::new(error));
        let trial = Self::new(&known[..from], &later, works_min).map_err(wrong)?;
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut rows = Vec::new();
        for (author, partners) in &trial.targets {
            let features = trial.features(*author).map_err(wrong)?;
            let mut others: Vec<usize> = trial.open(*author).filter(|other| !partners.contains(other)).collect();
            random.shuffle(&mut others);
            let any: Vec<usize> = others.iter().copied().take(OTHERS).collect();
            others.sort_by(|a, b| features[*b].blend().total_cmp(&features[*a].blend()));
            others.truncate(OTHERS);
            others.extend(any);
            for (other, wanted) in
                partners.iter().map(|other| (*other, true)).chain(others.into_iter().map(|other| (other, false)))
            {
                rows.push(Row { group: *author as u32, features: features[other].row().to_vec(), wanted, weight: 1.0 });
            }
        }
        let mut watch = |_: &_| ControlFlow::Continue(());
        match train(&Features::NAMES, &rows, options, None, &mut watch)? {
            Outcome::Done { ranker, .. } => Ok(ranker),
            Outcome::Stopped(_) => unreachable!("nobody stops it"),
        }
    }

    fn open(&self, author: usize) -> impl Iterator<Item = usize> {
        let new = move |other: &usize| *other != author && !self.network.together(author, *other);
        self.candidates.iter().copied().filter(new)
    }

    fn features(&self, author: usize) -> Result<Vec<Features>, MatchError> {
        let content = self.people.scores(&self.need[author], &Scoring::default())?;
        Ok(self.network.features(author, &content))
    }

    /// Cosine of the mean terms with each author's.
    fn by_terms(&self, author: usize) -> Vec<f32> {
        let mut own = vec![0.0; self.vocabulary];
        self.terms[author].iter().for_each(|(term, weight)| own[*term as usize] = *weight);
        let of = |terms: &Vec<(u32, f32)>| terms.iter().map(|(term, weight)| weight * own[*term as usize]).sum();
        self.terms.iter().map(of).collect()
    }
}

impl Way<'_> {
    fn score(&self, features: &Features, terms: f32) -> f32 {
        match self {
            Self::Works => features.works,
            Self::Terms => terms,
            Self::Content => features.content,
            Self::Common => features.common,
            Self::Walk => features.walk,
            Self::Blend => features.blend(),
            Self::Learned(ranker) => ranker.score(&features.row()),
        }
    }
}

/// Mean of weighed texts, of unit norm.
fn mean(works: &[Weighed]) -> Vec<(u32, f32)> {
    let mut sums: BTreeMap<u32, f32> = BTreeMap::new();
    for (term, weight) in works.iter().flat_map(Weighed::weights) {
        *sums.entry(*term).or_default() += weight;
    }
    let norm = sums.values().map(|weight| weight * weight).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    sums.into_iter().map(|(term, weight)| (term, weight / norm)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(authors: &[&str], year: i16) -> Work {
        Work { authors: authors.iter().map(|name| (*name).to_owned()).collect(), year: Some(year) }
    }

    fn line(terms: &str) -> Line {
        Line { vector: Vec::new(), terms: terms.split(' ').map(str::to_owned).collect() }
    }

    #[test]
    fn known_partners_are_not_asked_for_and_new_ones_are_found_over_a_common_one() {
        let known = [
            (work(&["a", "b"], 2020), line("parse tree")),
            (work(&["b", "c"], 2020), line("neural net")),
            (work(&["d", "e"], 2020), line("parse forest")),
        ];
        let later = [work(&["a", "b"], 2021), work(&["a", "c"], 2021), work(&["a", "new"], 2021)];
        let trial = Trial::new(&known, &later, 1).unwrap();
        assert_eq!(trial.size(), (5, 2), "a and c find each other; b finds nobody new");
        let found: BTreeMap<&str, Reached> = trial.reached(None).unwrap().into_iter().collect();
        assert_eq!(found["Adamic-Adar"].reciprocal_ranks, [1.0, 1.0]);
        // a's words lead to d and e, who share the first place before c; c's lead nowhere: all three are equal.
        assert_eq!(found["TF-IDF"].reciprocal_ranks, [1.0 / 3.0, 1.0 / 2.0]);
        assert_eq!(found["walk, works, content"].hits, [1.0, 1.0]);
    }

    #[test]
    fn too_few_new_partners_are_too_little_to_learn_from() {
        let known = vec![(work(&["a", "b"], 2020), line("parse tree")); 9];
        let error = Trial::learn(&known, 1, &Options::default()).unwrap_err();
        assert!(matches!(error, TrainError::TooLittle { .. }));
    }
}
