//! That introductions do not all go to the same few.

use std::collections::HashMap;

/// A proposal of a person for a need.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Which need.
    pub need: usize,
    /// Who.
    pub person: usize,
    /// How well it fits, comparable between needs.
    pub score: f32,
}

/// Keeps for each need its best `per_need`, and of each person at most `per_person` in all, those counted that `shown`
/// names from before: the best proposals first, as in the greedy b-matching (Mestre, "Greedy in approximation algorithms",
/// ESA 2006: at least half of the best sum of scores). In the order of needs, then best first.
pub fn bounded(
    proposals: &[Proposal],
    per_need: usize,
    per_person: usize,
    shown: &HashMap<usize, usize>,
) -> Vec<Proposal> {
    let mut sorted = proposals.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score).then((a.need, a.person).cmp(&(b.need, b.person))));
    let mut shown = shown.clone();
    let mut kept: HashMap<usize, Vec<usize>> = HashMap::new();
    sorted.retain(|proposal| {
        let (times, persons) = (shown.entry(proposal.person).or_default(), kept.entry(proposal.need).or_default());
        let keep = *times < per_person && persons.len() < per_need && !persons.contains(&proposal.person);
        if keep {
            *times += 1;
            persons.push(proposal.person);
        }
        keep
    });
    sorted.sort_by_key(|proposal| proposal.need);
    sorted
}

/// Gini's coefficient of what each got: 0 where all got the same, towards 1 where one got everything; 0 for nothing.
///
/// Source: `sum (2 i - n - 1) x_i / (n sum x)` over the sorted counts (Dorfman, "A formula for the Gini coefficient", 1979).
/// Those who got nothing must be among the counts.
pub fn gini(counts: &[usize]) -> f64 {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let (n, sum) = (sorted.len() as f64, sorted.iter().sum::<usize>() as f64);
    let ranked: f64 =
        sorted.iter().enumerate().map(|(at, count)| (2.0 * (at + 1) as f64 - n - 1.0) * *count as f64).sum();
    if sum > 0.0 { ranked / (n * sum) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(counts: &[usize], want: f64) {
        assert!((gini(counts) - want).abs() < 1e-12, "{counts:?}: {}", gini(counts));
    }

    #[test]
    fn gini_knows_the_extremes() {
        check(&[3, 3, 3], 0.0);
        check(&[0, 0, 0, 8], 0.75);
        check(&[1, 3], 0.25);
        check(&[0, 0], 0.0);
        check(&[], 0.0);
    }

    #[test]
    fn who_is_shown_enough_makes_room() {
        let all = [(0, 7, 0.9), (0, 8, 0.5), (1, 7, 0.8), (1, 9, 0.1)];
        let all = all.map(|(need, person, score)| Proposal { need, person, score });
        let kept = |shown: &[(usize, usize)]| -> Vec<(usize, usize)> {
            let found = bounded(&all, 1, 1, &shown.iter().copied().collect());
            found.iter().map(|proposal| (proposal.need, proposal.person)).collect()
        };
        assert_eq!(kept(&[]), [(0, 7), (1, 9)]);
        assert_eq!(kept(&[(7, 1)]), [(0, 8), (1, 9)]);
    }

    proptest! {
        #[test]
        fn nobody_is_shown_more_often_than_the_bound(
            all in proptest::collection::vec((0usize..5, 0usize..6, 0.0f32..1.0), 0..60),
            per_need in 0usize..4,
            per_person in 0usize..4,
        ) {
            let all: Vec<Proposal> = all.into_iter().map(|(need, person, score)| Proposal { need, person, score }).collect();
            let kept = bounded(&all, per_need, per_person, &HashMap::new());
            for at in 0..6 {
                prop_assert!(kept.iter().filter(|proposal| proposal.person == at).count() <= per_person);
                prop_assert!(kept.iter().filter(|proposal| proposal.need == at).count() <= per_need);
            }
            for pair in kept.windows(2).filter(|pair| pair[0].need == pair[1].need) {
                prop_assert!(pair[0].score >= pair[1].score && pair[0].person != pair[1].person);
            }
        }
    }
}
