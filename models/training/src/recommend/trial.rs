//! How good recommendations are, on likes that were held back.
//!
//! Recall and nDCG as [`Ranked`] computes them; for each person all papers are ranked that he or she said nothing of before.
//! Cold papers, which nobody liked before, are ranked among themselves as well, as in Wang and Blei, "Collaborative topic
//! modeling for recommending scientific articles", KDD 2011, section 4 (there: out-of-matrix).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    feedback::{Feedback, Tastes},
    signals::{Signals, Way},
};
use crate::measures::Ranked;

/// Papers that are shown to a person, for coverage, novelty and nDCG.
const SHOWN: usize = 20;

/// The held-back likes of each person.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    signals: Signals<'a>,
    targets: BTreeMap<u32, Vec<u32>>,
}

/// Where recall is cut.
pub const RECALL_AT: [usize; 3] = [20, 100, 300];

/// What one way reached. Each list has a number for each person, in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// nDCG@20.
    pub ndcg: Vec<f64>,
    /// Recall@20, @100 and @300.
    pub recall: [Vec<f64>; 3],
    /// The same among cold papers, for those who liked one.
    pub cold: [Vec<f64>; 3],
    /// The share of all papers that is among the first 20 of somebody.
    pub coverage: f64,
    /// Mean self-information of the first 20 of everybody, in bits: `-log2((1 + likes) / (1 + people))`.
    ///
    /// Source: Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010; the ones
    /// keep a paper without likes finite.
    pub novelty: f64,
}

/// Splits words by time: of each person with at least five likes the newest `share` of them is held back, any of those of one
/// day, however they are listed. The rest is what is known.
pub fn split(feedback: &[Feedback], share: f64) -> (Vec<Feedback>, Vec<Feedback>) {
    const LIKES_MIN: usize = 5;
    let mut likes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, word) in feedback.iter().enumerate().filter(|(_, word)| word.value > 0.0) {
        likes.entry(word.user).or_default().push(at);
    }
    let mut held = HashSet::new();
    for mut own in likes.into_values().filter(|own| own.len() >= LIKES_MIN) {
        own.sort_by_key(|at| (feedback[*at].day, mixed(feedback[*at].paper ^ feedback[*at].user.rotate_left(16))));
        let count = ((share * own.len() as f64).round() as usize).clamp(1, own.len() - 1);
        held.extend(own[own.len() - count..].iter().copied());
    }
    let (out, known): (Vec<_>, Vec<_>) = feedback.iter().copied().enumerate().partition(|(at, _)| held.contains(at));
    let words = |words: Vec<(usize, Feedback)>| words.into_iter().map(|(_, word)| word).collect();
    (words(known), words(out))
}

impl<'a> Trial<'a> {
    /// Holds `signals`, which must know nothing of `held_back`, against the likes in it; of `people` alone where they are given.
    pub fn new(signals: Signals<'a>, held_back: &[Feedback], people: Option<&HashSet<u32>>) -> Self {
        let mut targets: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for word in held_back {
            let counts = word.value > 0.0 && (word.paper as usize) < signals.catalogue.len();
            if counts && people.is_none_or(|people| people.contains(&word.user)) {
                targets.entry(word.user).or_default().push(word.paper);
            }
        }
        Self { signals, targets }
    }

    /// How many persons are asked for.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// How many papers are cold.
    pub fn cold(&self) -> usize {
        (0..self.signals.catalogue.len() as u32).filter(|paper| self.signals.tastes.likes(*paper) == 0).count()
    }

    /// Measures each of `ways`.
    pub fn figures(&self, ways: &[Way<'_>]) -> Vec<Figures> {
        let tastes: &Tastes = self.signals.tastes;
        let papers = self.signals.catalogue.len() as u32;
        let everybody = tastes.users().count() as f64;
        let mut found = vec![Figures::default(); ways.len()];
        let mut shown: Vec<HashSet<u32>> = vec![HashSet::new(); ways.len()];
        let mut bits = vec![Vec::new(); ways.len()];
        for (user, targets) in &self.targets {
            let taste = tastes.of(*user);
            let open: Vec<u32> = (0..papers).filter(|paper| taste.seen.binary_search(paper).is_err()).collect();
            let rows = self.signals.rows(&taste, &open);
            let judged: HashMap<u32, u32> = targets.iter().map(|paper| (*paper, 1)).collect();
            let mut judged_cold = judged.clone();
            judged_cold.retain(|paper, _| tastes.likes(*paper) == 0);
            for (at, way) in ways.iter().enumerate() {
                let mut scored: Vec<(f32, u32)> =
                    rows.iter().zip(&open).map(|(row, paper)| (way.score(row), *paper)).collect();
                scored.sort_unstable_by(|(one, a), (two, b)| two.total_cmp(one).then(mixed(*a).cmp(&mixed(*b))));
                let first = scored.iter().take(SHOWN).map(|(_, paper)| *paper);
                bits[at].extend(
                    first.clone().map(|paper| -((1.0 + f64::from(tastes.likes(paper))) / (1.0 + everybody)).log2()),
                );
                shown[at].extend(first);
                let ranked = Ranked::new(scored.iter().map(|(_, paper)| *paper), &judged);
                found[at].ndcg.push(ranked.ndcg(SHOWN));
                for (list, cut) in found[at].recall.iter_mut().zip(RECALL_AT) {
                    list.push(ranked.recall(cut));
                }
                if !judged_cold.is_empty() {
                    let cold = scored.iter().map(|(_, paper)| *paper).filter(|paper| tastes.likes(*paper) == 0);
                    let ranked = Ranked::new(cold, &judged_cold);
                    for (list, cut) in found[at].cold.iter_mut().zip(RECALL_AT) {
                        list.push(ranked.recall(cut));
                    }
                }
            }
        }
        for ((figures, shown), bits) in found.iter_mut().zip(&shown).zip(&bits) {
            figures.coverage = shown.len() as f64 / f64::from(papers.max(1));
            figures.novelty = bits.iter().sum::<f64>() / bits.len().max(1) as f64;
        }
        found
    }
}

/// An order of papers with equal scores that knows nothing of how the file was sorted (the finaliser of MurmurHash3).
fn mixed(paper: u32) -> u32 {
    let hash = (paper ^ (paper >> 16)).wrapping_mul(0x85eb_ca6b);
    (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            catalogue::{Catalogue, Paper},
            neighbours::Neighbours,
        },
        *,
    };
    use crate::matching::Line;

    fn word(user: u32, paper: u32, value: f32, day: i32) -> Feedback {
        Feedback { user, paper, value, day }
    }

    #[test]
    fn the_newest_likes_are_held_back_and_few_are_left_alone() {
        let mut words: Vec<Feedback> = (0..5).map(|at| word(1, at, 1.0, 10 - at as i32)).collect();
        words.push(word(1, 7, -1.0, 99));
        words.extend((0..4).map(|at| word(2, at, 1.0, 0)));
        let (known, held) = split(&words, 0.4);
        assert_eq!(held.iter().map(|word| word.paper).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(known.len(), 8);
    }

    #[test]
    fn content_finds_a_cold_paper_and_popularity_does_not() {
        let paper = |x: f32, y: f32| Paper { line: Line { vector: vec![x, y], terms: Vec::new() }, day: 0 };
        let mut papers = vec![paper(1.0, 0.0), paper(0.8, 0.6), paper(0.6, 0.8)];
        papers.extend((0..400).map(|_| paper(0.0, 1.0)));
        let catalogue = Catalogue::new(&papers).unwrap();
        let known = [word(1, 0, 1.0, 0), word(2, 2, 1.0, 0)];
        let tastes = Tastes::new(&known, papers.len(), 0, None);
        let neighbours = Neighbours::new(&tastes, papers.len());
        let signals = Signals { catalogue: &catalogue, tastes: &tastes, neighbours: &neighbours, today: 0 };
        let trial = Trial::new(signals, &[word(1, 1, 1.0, 1)], None);
        let found = trial.figures(&[Way::Content, Way::Popularity]);
        assert_eq!(found[0].ndcg, [1.0]);
        assert_eq!(found[0].cold, [vec![1.0], vec![1.0], vec![1.0]]);
        assert_eq!(found[1].recall[0], [0.0]);
        assert_eq!((trial.len(), trial.cold()), (1, 401));
        assert!((found[0].coverage - 20.0 / 403.0).abs() < 1e-9);
        assert!(found[0].novelty > 0.0);
    }
}
