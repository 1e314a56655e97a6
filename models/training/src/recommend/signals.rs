//! What speaks for a paper, to one person, in a handful of numbers.

use super::{
    catalogue::Catalogue,
    feedback::{Taste, Tastes},
    neighbours::Neighbours,
};
use crate::{learn::Ranker, vector::dot};

/// How much what was waved away takes from the centre of what is liked (Rocchio, 1971, with the usual quarter).
const DISLIKED: f32 = 0.25;

/// How the signals become one number.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// A fixed blend: for where nothing was learned.
    Blend,
    /// What was learned.
    Learned(&'a Ranker),
    /// Baseline: what most people like.
    Popularity,
    /// Baseline: what people with the same likes like.
    Neighbours,
    /// Baseline: what lies near by content, vectors and terms alike.
    Content,
}

/// Everything that is known on one day.
#[derive(Debug, Clone, Copy)]
pub struct Signals<'a> {
    /// The papers.
    pub catalogue: &'a Catalogue,
    /// The people.
    pub tastes: &'a Tastes,
    /// What they like together.
    pub neighbours: &'a Neighbours,
    /// The day.
    pub today: i32,
}

impl Signals<'_> {
    /// What the numbers of a row are called: cosine to the centre of what is liked, cosine to the nearest of it, cosine of
    /// terms, [`Neighbours`], logarithm of the weight of all likes, logarithm of the age in days.
    pub const NAMES: [&'static str; 6] = ["centre", "nearest", "terms", "neighbours", "popularity", "age"];

    /// A row for each of `papers`, in order. A person without likes has only what is popular and new.
    pub fn rows(&self, taste: &Taste, papers: &[u32]) -> Vec<[f32; 6]> {
        let liked = taste.heaviest();
        let centre = self.centre(taste);
        let terms = self.terms(taste);
        let mut together = vec![0.0; self.catalogue.len()];
        self.neighbours.scores(taste, &mut together);
        let row = |paper: &u32| {
            let vector = self.catalogue.vector(*paper);
            let nearest =
                liked.iter().map(|(other, weight)| weight.sqrt() * dot(vector, self.catalogue.vector(*other)));
            let age = self.today.saturating_sub(self.catalogue.day(*paper)).max(0);
            [
                dot(&centre, vector),
                nearest.fold(0.0, f32::max),
                self.catalogue.terms(*paper).iter().map(|(term, weight)| weight * terms[*term as usize]).sum(),
                (1.0 + together[*paper as usize]).ln(),
                (1.0 + self.tastes.popularity(*paper)).ln(),
                (1.0 + age as f32).ln(),
            ]
        };
        papers.iter().map(row).collect()
    }

    /// A row as it was before anybody liked the paper.
    pub(super) fn cold([centre, nearest, terms, _, _, age]: [f32; 6]) -> [f32; 6] {
        [centre, nearest, terms, 0.0, 0.0, age]
    }

    /// The centre of what is liked, away from what is not, of unit norm; 0 for a stranger.
    fn centre(&self, taste: &Taste) -> Vec<f32> {
        let mut centre = vec![0.0; self.catalogue.dims()];
        let likes = taste.heaviest().iter().map(|(paper, weight)| (*paper, *weight));
        for (paper, weight) in likes.chain(taste.disliked.iter().map(|(paper, weight)| (*paper, -DISLIKED * weight))) {
            for (sum, number) in centre.iter_mut().zip(self.catalogue.vector(paper)) {
                *sum += weight * number;
            }
        }
        let norm = dot(&centre, &centre).sqrt();
        if norm > 0.0 {
            centre.iter_mut().for_each(|number| *number /= norm);
        }
        centre
    }

    /// The same of terms, by number.
    fn terms(&self, taste: &Taste) -> Vec<f32> {
        let mut terms = vec![0.0f32; self.catalogue.lexicon().len()];
        for (paper, weight) in taste.heaviest() {
            for (term, by) in self.catalogue.terms(*paper) {
                terms[*term as usize] += weight * by;
            }
        }
        let norm = terms.iter().map(|number| number * number).sum::<f32>().sqrt();
        if norm > 0.0 {
            terms.iter_mut().for_each(|number| *number /= norm);
        }
        terms
    }

    /// The terms that a paper shares with what a person likes, the weightiest first: stems, as `chat::text::terms` has them.
    pub fn topic(&self, taste: &Taste, paper: u32, terms_max: usize) -> Vec<String> {
        let mine = self.terms(taste);
        let mut shared: Vec<(f32, u32)> = self
            .catalogue
            .terms(paper)
            .iter()
            .map(|(term, weight)| (weight * mine[*term as usize], *term))
            .filter(|(weight, _)| *weight > 0.0)
            .collect();
        shared.sort_unstable_by(|(one, a), (two, b)| two.total_cmp(one).then(a.cmp(b)));
        let name = |(_, term): (f32, u32)| self.catalogue.lexicon().name(term).map(str::to_owned);
        shared.into_iter().take(terms_max).filter_map(name).collect()
    }
}

impl Way<'_> {
    /// One number from a row of [`Signals`]; higher is better, and comparable within one person only.
    pub fn score(&self, [centre, nearest, terms, neighbours, popularity, age]: &[f32; 6]) -> f32 {
        let content = 0.5 * (centre + nearest) + 3.0 * terms;
        match self {
            Self::Blend => content + 2.0 * neighbours + 0.1 * popularity - 0.02 * age,
            Self::Learned(ranker) => ranker.score(&[*centre, *nearest, *terms, *neighbours, *popularity, *age]),
            Self::Popularity => *popularity,
            // Where no two people like the same, what is popular: as the others do, it ranks every paper.
            Self::Neighbours => neighbours + 1e-4 * popularity,
            Self::Content => content,
        }
    }
}
