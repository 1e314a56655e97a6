//! What somebody brings to a need that another lacks.

use serde::{Deserialize, Serialize};

use super::scoring::Grid;

/// A line of the need that the other covers better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Brought {
    /// Which line of the need.
    pub need_line: usize,
    /// The other's item that covers it.
    pub item: usize,
    /// The line of that item.
    pub item_line: usize,
    /// Its evidence, in 0..1.
    pub strength: f32,
    /// By how much it is stronger than the best of one's own, above 0.
    pub gain: f32,
}

/// What two persons cover of a need.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Complement {
    /// What the other brings, the largest gain first.
    pub brings: Vec<Brought>,
    /// Lines of the need that neither covers.
    pub missing: Vec<usize>,
    /// Mean gain over the need's lines, in 0..1: 0 where the other adds nothing.
    pub gain: f32,
}

/// Compares the best evidence of `theirs` and `mine` line by line. A line is covered from `covered_min` on; see
/// [`TeamOptions::covered_min`](super::TeamOptions::covered_min).
pub fn complement(theirs: &Grid, mine: &Grid, covered_min: f32) -> Complement {
    let mut found = Complement::default();
    let lines = theirs.need_lines.min(mine.need_lines);
    for need_line in 0..lines {
        let own = mine.best(need_line).map_or(0.0, |(_, pair)| pair.strength);
        let Some((item, pair)) = theirs.best(need_line) else {
            found.missing.extend((own < covered_min).then_some(need_line));
            continue;
        };
        if own.max(pair.strength) < covered_min {
            found.missing.push(need_line);
        } else if pair.strength > own {
            let gain = pair.strength - own;
            found.gain += gain / lines as f32;
            found.brings.push(Brought { need_line, item, item_line: pair.line, strength: pair.strength, gain });
        }
    }
    found.brings.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.need_line.cmp(&b.need_line)));
    found
}

#[cfg(test)]
mod tests {
    use super::{super::scoring::Pair, *};

    fn grid(rows: &[&[f32]]) -> Grid {
        let pair = |strength: &f32| Pair { strength: *strength, ..Pair::default() };
        Grid {
            need_lines: 3,
            weights: vec![1.0; rows.len()],
            pairs: rows.iter().map(|row| row.iter().map(pair).collect()).collect(),
        }
    }

    #[test]
    fn what_they_bring_is_what_i_lack_and_they_have() {
        let found = complement(&grid(&[&[0.5, 0.4, 0.0], &[0.1, 0.6, 0.1]]), &grid(&[&[0.6, 0.2, 0.1]]), 0.3);
        assert_eq!(found.brings.iter().map(|brought| (brought.need_line, brought.item)).collect::<Vec<_>>(), [(1, 1)]);
        assert_eq!(found.missing, [2]);
        assert!((found.gain - 0.4 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn nobody_brings_nothing() {
        let found = complement(&grid(&[]), &grid(&[&[0.6, 0.2, 0.1]]), 0.3);
        assert!(found.brings.is_empty() && found.gain == 0.0);
        assert_eq!(found.missing, [1, 2]);
        assert_eq!(complement(&grid(&[]), &grid(&[]), 0.3).missing, [0, 1, 2]);
    }
}
