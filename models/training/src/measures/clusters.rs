//! How well a log was cut into conversations, as `conversation-eval.py` and `graph-eval.py` of Kummerfeld et al.,
//! "A large-scale corpus for conversation disentanglement", ACL 2019, measure it. All scores lie in 0..1, where those
//! scripts print 0..100.
//!
//! **Invariant:** each message is in one predicted and one true conversation.

use pathfinding::prelude::{Matrix, kuhn_munkres};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use super::Confusion;

/// Conversations as predicted against those in truth, over one log or several.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clusters {
    messages: usize,
    /// Messages in the best pairing of conversations.
    paired: usize,
    /// The variation of information times the number of messages, in bits.
    variation: f64,
    exact: Confusion,
}

impl Clusters {
    /// Counts a log of which each message is given by the names of its predicted and its true conversation. Names are
    /// not compared across the sides, nor across logs.
    ///
    /// Time grows with the third power of the number of conversations in the log.
    pub fn add<P: Eq + Hash, T: Eq + Hash>(&mut self, log: impl IntoIterator<Item = (P, T)>) {
        let (mut predicted, mut truth) = (Sizes::default(), Sizes::default());
        let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
        for (p, t) in log {
            *shared.entry((predicted.add(p), truth.add(t))).or_default() += 1;
        }
        let (predicted, truth) = (predicted.of, truth.of);

        self.messages += predicted.iter().sum::<usize>();
        self.paired += paired(&shared, predicted.len(), truth.len());
        for (&(p, t), &both) in &shared {
            // H(P|T) + H(T|P) over the cells of the table, from counts alone.
            let [both_f, p_f, t_f] = [both, predicted[p], truth[t]].map(|count| count as f64);
            self.variation += both_f * ((p_f / both_f).log2() + (t_f / both_f).log2());
        }

        let several = |sizes: &[usize]| sizes.iter().filter(|size| **size > 1).count();
        let same = |(&(p, t), &both): (&(usize, usize), &usize)| both > 1 && both == predicted[p] && both == truth[t];
        let hits = shared.iter().filter(|cell| same(*cell)).count();
        self.exact.true_positives += hits;
        self.exact.false_positives += several(&predicted) - hits;
        self.exact.false_negatives += several(&truth) - hits;
    }

    /// One-to-one overlap: the share of messages in the best pairing of predicted with true conversations, each in at
    /// most one pair. (Elsner and Charniak, "You talking to me?", ACL 2008; `1-1`.)
    pub fn one_to_one(&self) -> f64 {
        if self.messages == 0 { 0.0 } else { self.paired as f64 / self.messages as f64 }
    }

    /// `1 - VI / log2 n`, with VI the variation of information `H(P|T) + H(T|P)` over all `n` messages: 1 for the same
    /// conversations. (Meilă, "Comparing clusterings", 2007; printed there as `1 - Scaled VI`.)
    pub fn variation_of_information(&self) -> f64 {
        match self.messages {
            0 => 0.0,
            1 => 1.0, // there is only one way
            n => 1.0 - self.variation / (n as f64 * (n as f64).log2()),
        }
    }

    /// Conversations that were predicted exactly; its F1 is the `F` of that paper's table. Those of one message are left
    /// out on both sides; true negatives are not counted.
    pub fn exact(&self) -> Confusion {
        self.exact
    }
}

/// Links as predicted against those in truth; its F1 is the graph F of that paper.
///
/// A link is a message and one that it answers, and its log where there are several; a message that answers none links
/// to itself, and counts so. A repeated link counts once; true negatives are not counted.
pub fn links<L: Eq + Hash>(predicted: impl IntoIterator<Item = L>, truth: impl IntoIterator<Item = L>) -> Confusion {
    let [predicted, truth] = [predicted.into_iter().collect(), truth.into_iter().collect::<HashSet<L>>()];
    let true_positives = predicted.intersection(&truth).count();
    Confusion {
        true_positives,
        false_positives: predicted.len() - true_positives,
        false_negatives: truth.len() - true_positives,
        true_negatives: 0,
    }
}

/// The conversations of one side, numbered as they come, and their sizes.
struct Sizes<N> {
    numbers: HashMap<N, usize>,
    of: Vec<usize>,
}

impl<N> Default for Sizes<N> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), of: Vec::new() }
    }
}

impl<N: Eq + Hash> Sizes<N> {
    /// Counts a message and gives its conversation's number.
    fn add(&mut self, name: N) -> usize {
        let next = self.of.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.of.push(0);
        }
        self.of[number] += 1;
        number
    }
}

/// The most messages that a pairing of `predicted` with `truth` conversations can share.
fn paired(shared: &HashMap<(usize, usize), usize>, predicted: usize, truth: usize) -> usize {
    if shared.is_empty() {
        return 0;
    }
    // The matching wants no more rows than columns, and signed weights.
    let mut table = Matrix::new(predicted.min(truth), predicted.max(truth), 0i64);
    for (&(p, t), &both) in shared {
        table[if predicted <= truth { (p, t) } else { (t, p) }] = both as i64;
    }
    kuhn_munkres(&table).0 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `want`: one-to-one, scaled variation of information, and precision and recall of whole conversations.
    #[track_caller]
    fn check(predicted: &str, truth: &str, want: [f64; 4]) {
        let mut all = Clusters::default();
        all.add(predicted.chars().zip(truth.chars()));
        let exact = all.exact();
        let found = [all.one_to_one(), all.variation_of_information(), exact.precision(), exact.recall()];
        assert!(found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-12), "{found:?} is not {want:?}");
    }

    #[test]
    fn the_names_of_conversations_do_not_matter() {
        check("aabbbc", "xxyyyz", [1.0; 4]);
        check("aabb", "bbaa", [1.0; 4]);
    }

    #[test]
    fn a_pairing_is_the_best_of_all_and_not_greedy() {
        // a shares 3 with x and 2 with y, b 2 with x: a-y and b-x have 4, the greedy a-x leaves b alone with its 3.
        let bits = 3.0 * (5.0f64 / 3.0 * 5.0 / 3.0).log2() + 2.0 * (5.0f64 / 2.0).log2() + 2.0 * (5.0f64 / 2.0).log2();
        check("aaaaabb", "xxxyyxx", [4.0 / 7.0, 1.0 - bits / 7.0 / 7f64.log2(), 0.0, 0.0]);
    }

    #[test]
    fn splitting_all_or_joining_all_is_as_far_as_can_be() {
        // The variation is log2 4 either way, the most that 4 messages can have.
        check("abcd", "xxxx", [0.25, 0.0, 0.0, 0.0]);
        check("aaaa", "wxyz", [0.25, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn conversations_of_one_message_are_not_matched() {
        // aa is right, bb joins what z and y are, and c is x.
        check("aabbc", "wwyzx", [0.8, 1.0 - 0.4 / 5f64.log2(), 0.5, 1.0]);
        check("a", "x", [1.0, 1.0, 0.0, 0.0]);
        check("", "", [0.0; 4]);
    }

    #[test]
    fn logs_do_not_mix() {
        let mut all = Clusters::default();
        all.add([('a', 'x'), ('a', 'x')]);
        all.add([('a', 'x'), ('a', 'y')]);
        assert_eq!(all.one_to_one(), 0.75);
        assert_eq!(all.variation_of_information(), 1.0 - 2.0 / 4.0 / 2.0);
        assert_eq!((all.exact().precision(), all.exact().recall()), (0.5, 1.0));
    }

    #[test]
    fn links_are_sets() {
        let found = links([(1, 1), (2, 1), (3, 2), (3, 2)], [(1, 1), (2, 1), (3, 1), (4, 3)]);
        assert_eq!((found.precision(), found.recall()), (2.0 / 3.0, 0.5));
        assert_eq!(links::<(u8, u8)>([], []).f1(), 0.0);
    }
}
