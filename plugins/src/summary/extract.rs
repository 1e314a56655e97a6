//! Which of many texts say most of the others: the selection that stands before any draft, and instead of one that does
//! not hold. Pure.

/// Similarity below which two texts have nothing in common: an edge of the graph is what is above it.
const SIMILARITY_MIN: f32 = 0.1;

/// Share of a text's weight that comes from its neighbours and not from its prior.
const DAMPING: f32 = 0.85;

/// Rounds of the power iteration: the change is below a thousandth long before.
const ROUNDS: usize = 30;

/// Weight of centrality against novelty.
const RELEVANCE: f32 = 0.7;

/// Cosine from which a text says what a chosen one says already.
const SAME: f32 = 0.9;

/// How central each text is: 1 for the most central one. Continuous LexRank (Erkan and Radev 2004) on the cosine of
/// `vectors`, rows of unit norm, with `prior` (as long, not negative) as what each text is worth by itself.
pub fn centrality(vectors: &[Vec<f32>], prior: &[f32]) -> Vec<f32> {
    let count = vectors.len();
    let total: f32 = prior.iter().sum();
    let prior: Vec<f32> = match total > 0.0 {
        true => prior.iter().map(|weight| weight / total).collect(),
        false => vec![1.0 / count.max(1) as f32; count],
    };
    let edges: Vec<Vec<f32>> = vectors
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let to = |(other, vector): (usize, &Vec<f32>)| {
                let similarity = cosine(one, vector);
                if other == at || similarity < SIMILARITY_MIN { 0.0 } else { similarity }
            };
            let row: Vec<f32> = vectors.iter().enumerate().map(to).collect();
            let sum: f32 = row.iter().sum();
            row.into_iter().map(|weight| if sum > 0.0 { weight / sum } else { 0.0 }).collect()
        })
        .collect();
    let mut weights = prior.clone();
    for _ in 0..ROUNDS {
        let mut next: Vec<f32> = prior.iter().map(|weight| (1.0 - DAMPING) * weight).collect();
        for (row, weight) in edges.iter().zip(&weights) {
            for (to, edge) in next.iter_mut().zip(row) {
                *to += DAMPING * edge * weight;
            }
        }
        weights = next;
    }
    let most = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    weights.into_iter().map(|weight| weight / most).collect()
}

/// At most `most` texts, the most central first, none that says the same as one before it: maximal marginal relevance
/// (Carbonell and Goldstein 1998). `scores` as [`centrality`] gives them.
pub fn diverse(vectors: &[Vec<f32>], scores: &[f32], most: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < most {
        let worth = |at: usize| {
            let nearest = chosen.iter().map(|other| cosine(&vectors[at], &vectors[*other])).fold(0.0, f32::max);
            (RELEVANCE * scores[at] - (1.0 - RELEVANCE) * nearest, nearest)
        };
        let left = (0..vectors.len()).filter(|at| !chosen.contains(at));
        let fresh = left.map(|at| (at, worth(at))).filter(|(_, (_, nearest))| *nearest < SAME);
        let Some((best, _)) = fresh.max_by(|one, two| one.1.0.total_cmp(&two.1.0).then(two.0.cmp(&one.0))) else {
            break;
        };
        chosen.push(best);
    }
    chosen
}

/// The cosine of two rows of unit norm.
pub fn cosine(one: &[f32], two: &[f32]) -> f32 {
    one.iter().zip(two).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(values: [f32; 3]) -> Vec<f32> {
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        values.iter().map(|value| value / norm).collect()
    }

    #[test]
    fn what_most_others_say_comes_first_and_once() {
        let vectors = [[1.0, 0.1, 0.0], [1.0, 0.0, 0.1], [0.9, 0.2, 0.1], [0.0, 0.0, 1.0]].map(unit);
        let scores = centrality(&vectors, &[1.0; 4]);
        assert!(scores[3] < scores[0] && scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
        let chosen = diverse(&vectors, &scores, 4);
        // Three of them say one thing.
        assert_eq!(chosen.len(), 2, "{chosen:?}");
        assert_eq!(chosen[1], 3);
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        assert!(centrality(&[], &[]).is_empty() && diverse(&[], &[], 3).is_empty());
        let alone = [unit([1.0, 0.0, 0.0])];
        assert_eq!(diverse(&alone, &centrality(&alone, &[0.0]), 3), [0]);
    }
}
