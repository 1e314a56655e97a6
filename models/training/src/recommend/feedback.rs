//! What people said of papers, and how it fades.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Papers of a person that are looked at: the heaviest ones.
const KEPT_MAX: usize = 60;

/// Somebody's word on a paper.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Who.
    pub user: u32,
    /// On what.
    pub paper: u32,
    /// 1 for saved or thumbs up, -1 for thumbs down; anything between for less.
    pub value: f32,
    /// The day of it.
    pub day: i32,
}

/// What one person likes and dislikes now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taste {
    /// Papers with their weight, in 0..1, heaviest first.
    pub liked: Vec<(u32, f32)>,
    /// The same.
    pub disliked: Vec<(u32, f32)>,
    /// Every paper the person said something of, in rising order: none of them is news.
    pub seen: Vec<u32>,
}

/// Everybody's taste, on one day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tastes {
    users: BTreeMap<u32, Taste>,
    /// Weight of all likes by paper.
    popularity: Vec<f32>,
    /// How many liked each.
    likes: Vec<u32>,
}

impl Tastes {
    /// Reads `feedback` as of day `today`: a word counts half after `half_life_days`, forever where there is none. The last
    /// word of a person on a paper is the one that counts; one on a paper from `papers` on is left out.
    pub fn new(feedback: &[Feedback], papers: usize, today: i32, half_life_days: Option<f32>) -> Self {
        let mut last: BTreeMap<(u32, u32), Feedback> = BTreeMap::new();
        for word in feedback.iter().filter(|word| (word.paper as usize) < papers && word.value.is_finite()) {
            let kept = last.entry((word.user, word.paper)).or_insert(*word);
            if word.day >= kept.day {
                *kept = *word;
            }
        }
        let mut tastes = Self { popularity: vec![0.0; papers], likes: vec![0; papers], ..Self::default() };
        for word in last.into_values() {
            let age = today.saturating_sub(word.day).max(0) as f32;
            let weight = word.value.abs().min(1.0) * half_life_days.map_or(1.0, |half| (-age / half).exp2());
            let taste = tastes.users.entry(word.user).or_default();
            taste.seen.push(word.paper);
            if word.value > 0.0 {
                taste.liked.push((word.paper, weight));
                tastes.popularity[word.paper as usize] += weight;
                tastes.likes[word.paper as usize] += 1;
            } else if word.value < 0.0 {
                taste.disliked.push((word.paper, weight));
            }
        }
        for taste in tastes.users.values_mut() {
            for papers in [&mut taste.liked, &mut taste.disliked] {
                papers.sort_by(|(a, one), (b, two)| two.total_cmp(one).then(a.cmp(b)));
            }
        }
        tastes
    }

    /// One person's; nothing for a stranger.
    pub fn of(&self, user: u32) -> Taste {
        self.users.get(&user).cloned().unwrap_or_default()
    }

    /// Everybody, in rising order.
    pub fn users(&self) -> impl Iterator<Item = (u32, &Taste)> {
        self.users.iter().map(|(user, taste)| (*user, taste))
    }

    /// What the likes of a paper weigh.
    pub fn popularity(&self, paper: u32) -> f32 {
        self.popularity.get(paper as usize).copied().unwrap_or(0.0)
    }

    /// How many liked a paper.
    pub fn likes(&self, paper: u32) -> u32 {
        self.likes.get(paper as usize).copied().unwrap_or(0)
    }
}

impl Taste {
    /// The likes that are looked at.
    pub(super) fn heaviest(&self) -> &[(u32, f32)] {
        &self.liked[..self.liked.len().min(KEPT_MAX)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(user: u32, paper: u32, value: f32, day: i32) -> Feedback {
        Feedback { user, paper, value, day }
    }

    #[test]
    fn words_fade_and_the_last_one_counts() {
        let words =
            [word(1, 0, 1.0, 0), word(1, 1, 1.0, 90), word(1, 2, 1.0, 90), word(1, 2, -1.0, 95), word(2, 1, 1.0, 100)];
        let tastes = Tastes::new(&words, 3, 100, Some(10.0));
        let one = tastes.of(1);
        assert_eq!(one.liked.iter().map(|(paper, _)| *paper).collect::<Vec<_>>(), [1, 0]);
        assert!((one.liked[0].1 - 0.5).abs() < 1e-6 && one.liked[1].1 < 0.001);
        assert_eq!(one.disliked[0].0, 2);
        assert_eq!(one.seen, [0, 1, 2]);
        assert!((tastes.popularity(1) - 1.5).abs() < 1e-6);
        assert_eq!((tastes.likes(1), tastes.likes(2)), (2, 0));
        assert_eq!(tastes.of(7), Taste::default());
    }

    #[test]
    fn papers_that_are_not_there_and_values_that_are_none_are_left_out() {
        let tastes = Tastes::new(&[word(1, 9, 1.0, 0), word(1, 0, f32::NAN, 0)], 1, 0, None);
        assert_eq!(tastes.users().count(), 0);
    }
}
