//! How well scores order papers by what people say of their own expertise.
//!
//! Source: Stelmakh, Wieting, Neubig and Shah, "A gold standard dataset for the reviewer assignment problem", 2023, sections 4
//! and 5: a loss over all pairs of a person's papers, and the share of right orders among easy and hard ones.

use super::bootstrap::{Bootstrap, Interval};

/// From this rating on a person knows the subject.
const HIGH: f64 = 4.0;

/// Up to this rating a person does not.
const LOW: f64 = 2.0;

/// What pairs came to: a sum and what it could have been.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Part {
    sum: f64,
    whole: f64,
}

/// Pairs of papers of each person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expertise {
    loss: Vec<Part>,
    easy: Vec<Part>,
    hard: Vec<Part>,
}

impl Expertise {
    /// Counts a person: for each paper the rating and the score. Pairs of equal ratings say nothing, equal scores are half
    /// right.
    pub fn add(&mut self, papers: &[(f64, f64)]) {
        let (mut loss, mut easy, mut hard) = (Part::default(), Part::default(), Part::default());
        for (at, one) in papers.iter().enumerate() {
            for two in &papers[at + 1..] {
                let ((high, score), (low, other)) = if one.0 > two.0 { (one, two) } else { (two, one) };
                if high <= low {
                    continue;
                }
                let right = if score == other { 0.5 } else { f64::from(u8::from(score > other)) };
                loss.add((high - low) * (1.0 - right), high - low);
                if *high >= HIGH && *low <= LOW {
                    easy.add(right, 1.0);
                } else if *low >= HIGH {
                    hard.add(right, 1.0);
                }
            }
        }
        self.loss.push(loss);
        self.easy.push(easy);
        self.hard.push(hard);
    }

    /// The mean of several samplings of the same persons, added in the same order; none for none.
    pub fn mean(samplings: &[Self]) -> Option<Self> {
        let share = 1.0 / samplings.len() as f64;
        let mean = |parts: &dyn Fn(&Self) -> &Vec<Part>| -> Vec<Part> {
            let persons = samplings.iter().map(|sampling| parts(sampling).len()).min().unwrap_or(0);
            let of = |person: usize| {
                samplings.iter().map(|sampling| parts(sampling)[person]).fold(Part::default(), |sum, part| Part {
                    sum: sum.sum + share * part.sum,
                    whole: sum.whole + share * part.whole,
                })
            };
            (0..persons).map(of).collect()
        };
        (!samplings.is_empty()).then(|| Self {
            loss: mean(&|sampling| &sampling.loss),
            easy: mean(&|sampling| &sampling.easy),
            hard: mean(&|sampling| &sampling.hard),
        })
    }

    /// Weighted Kendall loss, in 0..1: the rating differences of pairs in the wrong order, divided by those of all pairs. 0.5
    /// is chance. As [`Self::easy`] and [`Self::hard`] with the interval of drawing the persons anew, and none for no pairs.
    pub fn loss(&self, bootstrap: &Bootstrap) -> Option<Interval> {
        ratio(&self.loss, bootstrap)
    }

    /// The share of right orders among pairs of one paper rated 4 or more and one rated 2 or less.
    pub fn easy(&self, bootstrap: &Bootstrap) -> Option<Interval> {
        ratio(&self.easy, bootstrap)
    }

    /// The share of right orders among pairs of papers that are both rated 4 or more.
    pub fn hard(&self, bootstrap: &Bootstrap) -> Option<Interval> {
        ratio(&self.hard, bootstrap)
    }

    /// Easy and hard pairs.
    pub fn pairs(&self) -> (usize, usize) {
        let count = |parts: &[Part]| parts.iter().map(|part| part.whole).sum::<f64>().round() as usize;
        (count(&self.easy), count(&self.hard))
    }
}

impl Part {
    fn add(&mut self, value: f64, whole: f64) {
        self.sum += value;
        self.whole += whole;
    }
}

fn ratio(parts: &[Part], bootstrap: &Bootstrap) -> Option<Interval> {
    bootstrap.ratio(&parts.iter().map(|part| (part.sum, part.whole)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(papers: &[(f64, f64)]) -> Expertise {
        let mut found = Expertise::default();
        found.add(papers);
        found
    }

    #[track_caller]
    fn check(papers: &[(f64, f64)], loss: f64, easy: Option<f64>, hard: Option<f64>) {
        let (found, bootstrap) = (of(papers), Bootstrap::default());
        assert!((found.loss(&bootstrap).unwrap().mean - loss).abs() < 1e-12, "{:?}", found.loss(&bootstrap));
        assert_eq!(found.easy(&bootstrap).map(|interval| interval.mean), easy);
        assert_eq!(found.hard(&bootstrap).map(|interval| interval.mean), hard);
    }

    #[test]
    fn a_wrong_order_costs_the_difference_of_the_ratings() {
        check(&[(5.0, 0.9), (3.0, 0.5), (1.0, 0.1)], 0.0, Some(1.0), None);
        check(&[(5.0, 0.1), (3.0, 0.5), (1.0, 0.9)], 1.0, Some(0.0), None);
        // 5 against 3 is wrong: 2 of 2 + 4 + 2.
        check(&[(5.0, 0.5), (3.0, 0.9), (1.0, 0.1)], 0.25, Some(1.0), None);
        check(&[(4.0, 0.5), (5.0, 0.5), (4.0, 0.1)], 0.25, None, Some(0.75));
        check(&[(5.0, 0.0), (1.0, 0.0)], 0.5, Some(0.5), None);
    }

    #[test]
    fn who_rates_all_alike_says_nothing() {
        let found = of(&[(4.0, 0.5), (4.0, 0.2)]);
        assert_eq!(found.loss(&Bootstrap::default()), None);
        assert_eq!(found.pairs(), (0, 0));
    }

    #[test]
    fn samplings_are_averaged_person_by_person() {
        let right = of(&[(5.0, 0.9), (1.0, 0.1)]);
        let wrong = of(&[(5.0, 0.1), (1.0, 0.9)]);
        let mean = Expertise::mean(&[right.clone(), wrong]).unwrap();
        assert_eq!(mean.loss(&Bootstrap::default()).unwrap().mean, 0.5);
        assert_eq!(mean.pairs(), (1, 0));
        assert_eq!(Expertise::mean(std::slice::from_ref(&right)), Some(right));
        assert_eq!(Expertise::mean(&[]), None);
    }
}
