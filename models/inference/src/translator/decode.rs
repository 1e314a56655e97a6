//! From what a model makes of each next token to a translation: greedy, or several kept at a time. Pure.
//!
//! Written after the beam search of Hugging Face's transformers, with its length penalty of 1 and `early_stopping=False`.

/// What is asked of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// Translations kept at a time; 1 is greedy.
    pub beams: usize,
    /// The token that each begins with, no part of it.
    pub start: u32,
    /// The first token of each, where it is given.
    pub forced: Option<u32>,
    /// The token that ends one.
    pub end: u32,
    /// A token that is never written.
    pub banned: Option<u32>,
    /// Longest translation, the end included.
    pub tokens_max: usize,
}

/// A translation that is being written.
#[derive(Debug, Clone)]
struct Beam {
    tokens: Vec<u32>,
    score: f64,
}

impl Search {
    /// The best translation, without its end; none where none came to an end.
    ///
    /// `step(tokens, parents)` writes one token more of each translation, row `i` going on from row `parents[i]` of the step
    /// before, and gives the logits of what follows. The first step has one row.
    ///
    /// # Errors
    /// Those of `step`.
    pub fn run<E>(
        &self,
        mut step: impl FnMut(&[u32], &[u32]) -> Result<Vec<Vec<f32>>, E>,
    ) -> Result<Option<Vec<u32>>, E> {
        let beams_max = self.beams.max(1);
        let mut logits = step(&[self.start], &[0])?;
        let mut beams = vec![Beam { tokens: Vec::new(), score: 0.0 }];
        if let Some(forced) = self.forced {
            logits = step(&[forced], &[0])?;
            beams = vec![Beam { tokens: vec![forced], score: 0.0 }];
        }
        let mut ended: Vec<Beam> = Vec::new();
        loop {
            let length = beams[0].tokens.len() + 1;
            let (mut next, mut parents) = (Vec::with_capacity(beams_max), Vec::with_capacity(beams_max));
            for (place, (parent, token, score)) in self.best(&beams, &logits).into_iter().enumerate() {
                let is_end = token == self.end;
                // An end that is not among the best is none: the rest is there to go on with.
                if is_end && place < beams_max {
                    ended.push(Beam { tokens: beams[parent].tokens.clone(), score: score / length as f64 });
                } else if !is_end && next.len() < beams_max {
                    next.push(Beam { tokens: [beams[parent].tokens.as_slice(), &[token]].concat(), score });
                    parents.push(u32::try_from(parent).unwrap_or_default());
                }
            }
            ended.sort_by(|one, two| two.score.total_cmp(&one.score));
            ended.truncate(beams_max);
            let hope = next.first().map(|best| best.score / length as f64);
            let is_over = match (ended.last(), hope) {
                (Some(worst), Some(hope)) => ended.len() == beams_max && hope <= worst.score,
                (_, None) => true,
                (None, Some(_)) => false,
            };
            if is_over || length >= self.tokens_max {
                return Ok(ended.into_iter().next().map(|beam| beam.tokens));
            }
            let tokens: Vec<u32> = next.iter().filter_map(|beam| beam.tokens.last().copied()).collect();
            logits = step(&tokens, &parents)?;
            beams = next;
        }
    }

    /// The best ways to go on, best first, as many as leave enough that are no end: parent, token, score.
    fn best(&self, beams: &[Beam], logits: &[Vec<f32>]) -> Vec<(usize, u32, f64)> {
        let count = 2 * self.beams.max(1);
        let mut found = Vec::new();
        for (parent, (beam, row)) in beams.iter().zip(logits).enumerate() {
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|logit| f64::from(logit - most).exp()).sum();
            let whole = f64::from(most) + sum.ln();
            for (token, logit) in top(row, count, self.banned) {
                found.push((parent, token, beam.score + f64::from(logit) - whole));
            }
        }
        found.sort_by(|one, two| two.2.total_cmp(&one.2));
        found.truncate(count);
        found
    }
}

/// The `count` highest of a row, in order, but for one that is banned.
fn top(row: &[f32], count: usize, banned: Option<u32>) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (token, logit) in (0_u32..).zip(row.iter().copied()) {
        let is_high = best.len() < count || best.last().is_some_and(|(_, least)| logit > *least);
        if is_high && banned != Some(token) {
            let place = best.partition_point(|(_, other)| *other >= logit);
            best.insert(place, (token, logit));
            best.truncate(count);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u32 = 0;

    /// A model that knows what follows a token alone: rows of probabilities.
    #[track_caller]
    fn check(beams: usize, tokens_max: usize, follows: &[&[f32]], want: Option<&[u32]>) {
        let search = Search { beams, start: 1, forced: None, end: END, banned: Some(1), tokens_max };
        let found = search.run(|tokens, _| {
            let row = |token: &u32| follows[*token as usize].iter().map(|chance| chance.ln()).collect();
            Ok::<Vec<Vec<f32>>, ()>(tokens.iter().map(row).collect())
        });
        assert_eq!(found.unwrap().as_deref(), want);
    }

    #[test]
    fn greed_takes_the_best_token_and_beams_the_best_translation() {
        // After 1 comes 2 or 3; after 2 all is alike, after 3 the end is sure.
        let follows: [&[f32]; 5] = [
            &[1.0, 1e-9, 1e-9, 1e-9, 1e-9],
            &[1e-9, 1e-9, 0.6, 0.4, 1e-9],
            &[0.4, 1e-9, 0.1, 0.1, 0.4],
            &[0.99, 1e-9, 0.004, 0.003, 0.003],
            &[0.5, 1e-9, 0.2, 0.2, 0.1],
        ];
        check(1, 9, &follows, Some(&[2]));
        check(3, 9, &follows, Some(&[3]));
    }

    #[test]
    fn what_never_ends_is_nothing() {
        let on: &[f32] = &[1e-9, 0.2, 0.3, 0.3, 0.2];
        let follows = [on; 5];
        check(1, 5, &follows, None);
        check(2, 5, &follows, None);
    }

    #[test]
    fn a_banned_token_is_never_written() {
        let follows: [&[f32]; 3] = [&[0.0; 3], &[0.1, 0.8, 0.1], &[0.3, 0.6, 0.1]];
        check(1, 5, &follows, Some(&[]));
    }

    #[test]
    fn the_highest_come_in_order() {
        assert_eq!(top(&[1.0, 3.0, 2.0, 3.0], 3, None), [(1, 3.0), (3, 3.0), (2, 2.0)]);
        assert_eq!(top(&[1.0, 3.0, 2.0], 2, Some(1)), [(2, 2.0), (0, 1.0)]);
    }
}
