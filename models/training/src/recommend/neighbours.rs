//! Papers that the same people like: item-based collaborative filtering.
//!
//! Source: Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering recommendation algorithms", WWW 2001: the
//! cosine of two papers' likes. It is shrunk where few people stand behind it (Bell and Koren, "Scalable collaborative
//! filtering with jointly derived neighborhood interpolation weights", ICDM 2007), as one common reader is chance.

use super::feedback::{Taste, Tastes};

/// Neighbours that are kept of a paper.
const KEPT: usize = 50;

/// Common readers at which a similarity counts half.
const SHRINKAGE: f32 = 2.0;

/// Likes of one person that are paired: beyond, a person who saves everything would say most, and cost the square.
const LIKES_MAX: usize = 500;

/// The nearest papers of each paper, nearest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighbours {
    near: Vec<Vec<Neighbour>>,
}

/// A paper near another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Which.
    pub paper: u32,
    /// Its similarity, in 0..1.
    pub similarity: f32,
    /// How many like both.
    pub readers: u32,
}

impl Neighbours {
    /// Counts who likes what together, among `papers` papers.
    pub fn new(tastes: &Tastes, papers: usize) -> Self {
        let users: Vec<&[(u32, f32)]> =
            tastes.users().map(|(_, taste)| &taste.liked[..taste.liked.len().min(LIKES_MAX)]).collect();
        let mut readers: Vec<Vec<(usize, f32)>> = vec![Vec::new(); papers];
        let mut norms = vec![0.0f32; papers];
        for (user, liked) in users.iter().enumerate() {
            for (paper, weight) in *liked {
                readers[*paper as usize].push((user, *weight));
                norms[*paper as usize] += weight * weight;
            }
        }
        let (mut products, mut common) = (vec![0.0f32; papers], vec![0.0f32; papers]);
        let mut near = Vec::with_capacity(papers);
        for paper in 0..papers {
            let mut touched: Vec<usize> = Vec::new();
            for (user, weight) in &readers[paper] {
                for (other, by) in users[*user] {
                    let other = *other as usize;
                    if common[other] == 0.0 {
                        touched.push(other);
                    }
                    products[other] += weight * by;
                    common[other] += 1.0;
                }
            }
            let mut found = Vec::with_capacity(touched.len());
            for other in touched {
                if other != paper {
                    let cosine = products[other] / (norms[paper] * norms[other]).sqrt();
                    let similarity = cosine * common[other] / (common[other] + SHRINKAGE);
                    found.push(Neighbour { paper: other as u32, similarity, readers: common[other] as u32 });
                }
                (products[other], common[other]) = (0.0, 0.0);
            }
            found.sort_unstable_by(|a: &Neighbour, b: &Neighbour| {
                b.similarity.total_cmp(&a.similarity).then(a.paper.cmp(&b.paper))
            });
            found.truncate(KEPT);
            near.push(found);
        }
        Self { near }
    }

    /// The nearest papers of a paper.
    pub fn of(&self, paper: u32) -> &[Neighbour] {
        self.near.get(paper as usize).map_or(&[], Vec::as_slice)
    }

    /// For all papers what the likes of a person add up to.
    pub(super) fn scores(&self, taste: &Taste, scores: &mut [f32]) {
        scores.fill(0.0);
        for (liked, weight) in &taste.liked {
            for near in self.of(*liked) {
                scores[near.paper as usize] += weight * near.similarity;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::feedback::Feedback, *};

    #[test]
    fn papers_with_common_readers_are_near_and_one_reader_is_chance() {
        let likes = [(1, [0, 1].as_slice()), (2, &[0, 1]), (3, &[0, 1, 2]), (4, &[2, 3])];
        let feedback: Vec<Feedback> = likes
            .iter()
            .flat_map(|(user, papers)| {
                papers.iter().map(|paper| Feedback { user: *user, paper: *paper, value: 1.0, day: 0 })
            })
            .collect();
        let tastes = Tastes::new(&feedback, 5, 0, None);
        let found = Neighbours::new(&tastes, 5);
        assert_eq!(found.of(0).iter().map(|near| (near.paper, near.readers)).collect::<Vec<_>>(), [(1, 3), (2, 1)]);
        // All three readers in common: cosine 1, shrunk to 3 / 5.
        assert!((found.of(0)[0].similarity - 0.6).abs() < 1e-6);
        assert!(found.of(4).is_empty() && found.of(9).is_empty());
        let mut scores = vec![0.0; 5];
        found.scores(&tastes.of(4), &mut scores);
        assert!(scores[0] > 0.0 && scores[4] == 0.0);
    }
}
