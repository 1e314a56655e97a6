//! What is known of a line and a candidate parent, as numbers; the model and its trainer read the same.
//!
//! After Elsner and Charniak (2008) and Kummerfeld et al. (2019): time, distance, who speaks to whom, kinds of lines,
//! shared words; and what the lines decided before say of a candidate's conversation.

use super::{Channel, WINDOW, reading::Naming};

/// Numbers in a row.
pub const FEATURES: usize = 120;
/// The first of them speak of the line alone: the same for all its candidates.
pub const OWN: usize = 30;

/// A line, a candidate, and what was found for all candidates at once.
pub(super) struct Pair<'b> {
    pub child: usize,
    pub candidate: usize,
    /// Words in common, and the most that any candidate has.
    pub overlap: f32,
    pub best: f32,
    /// Nearness of the vectors.
    pub near: Option<f32>,
    /// Who spoke in between.
    pub between: &'b [usize],
}

impl Channel<'_> {
    /// What is known of the line itself; it weighs a start against all candidates, and everything else by what it is.
    pub(super) fn of_child(&self, child: usize, best_overlap: f32, row: &mut Vec<f32>) {
        let reading = &self.readings[child];
        let own = self.said[reading.author].last().copied();
        let called = reading.called();
        let to_us = self.called[reading.author];
        let called_said = called.and_then(|called| self.said[called].last().copied());
        row.extend([
            flag(own.is_none()),
            flag(own.is_some_and(|own| child - own > WINDOW)),
            flag(called.is_some()),
            flag(called.is_some() && called_said.is_none_or(|said| child - said > WINDOW)),
            flag(reading.named.iter().any(|(_, naming)| *naming == Naming::First)),
            flag(reading.named.iter().any(|(_, naming)| *naming == Naming::Within)),
            flag(to_us.is_some_and(|call| own.is_none_or(|own| own < call))),
            flag(reading.question),
            flag(reading.asking_word),
            flag(reading.greeting),
            flag(reading.thanks),
            flag(reading.short_answer),
            flag(reading.goes_on),
            flag(reading.code_or_link),
            flag(reading.second_person),
            best_overlap,
            (1.0 + reading.words as f32).ln() / 3.0,
        ]);
        let minutes = |at: Option<usize>| at.map(|at| self.minutes(at, child));
        steps(minutes(own).unwrap_or(f32::INFINITY), &[1.0, 3.0, 10.0, 30.0, 120.0], row);
        steps(minutes(child.checked_sub(1)).unwrap_or(f32::INFINITY), &[1.0, 3.0, 10.0, 60.0], row);
        steps(reading.words as f32, &[1.5, 3.5, 8.5, 20.5], row);
    }

    /// What is known of the line ("we") beside a candidate ("they").
    pub(super) fn of_pair(&self, pair: &Pair<'_>, row: &mut Vec<f32>) {
        let Pair { child, candidate, overlap, best, near, between } = *pair;
        let (one, two) = (&self.readings[child], &self.readings[candidate]);
        let (us, them) = (one.author, two.author);
        let same = us == them;
        let other = flag(!same);
        let distance = child - candidate;
        let minutes = self.minutes(candidate, child);
        let rank = self.said[them].len() - 1 - self.ordinals[candidate];
        let last = rank == 0;
        let names = one.naming(them);
        let named_by = two.naming(us);
        let (called, calls_of_two) = (one.called(), two.called());
        let call = self.called[us];
        let we_spoke = self.said[us].last().is_some_and(|own| *own > candidate);
        let root = self.roots[candidate];
        let latest = self.latest[root] == candidate;
        let own_root = self.said[us].last().map(|own| self.roots[*own]);
        let their_root = called.and_then(|called| self.said[called].last()).map(|said| self.roots[*said]);
        let talked = self.talks.get(&(us.min(them), us.max(them))).copied();
        let before_candidate = self.said[us].iter().rev().find(|own| **own < candidate).copied();

        steps(minutes, &[1.0, 2.0, 4.0, 8.0, 20.0, 60.0], row);
        steps(distance as f32, &[1.5, 2.5, 3.5, 5.5, 10.5, 20.5, 50.5], row);
        // Who speaks, and which of their lines it is.
        row.extend([
            (1.0 + minutes).ln() / 3.0,
            (distance as f32).ln() / 4.0,
            flag(same),
            flag(same && last),
            flag(same && distance == 1),
            flag(same && last && minutes < 1.0),
            flag(same && last && called.is_some() && called == calls_of_two),
            flag(same && last && calls_of_two.is_some() && called.is_none()),
            flag(same && called.is_some() && called != calls_of_two),
            flag(!same && last),
            flag(!same && rank == 1),
            flag(!same && rank > 2),
            // Whom the one calls, and the other.
            flag(names == Some(Naming::Called)),
            flag(names == Some(Naming::First)),
            flag(names == Some(Naming::Within)),
            flag(names >= Some(Naming::First) && last),
            flag(names >= Some(Naming::First) && named_by.is_some()),
            flag(names >= Some(Naming::First) && two.question),
            flag(named_by == Some(Naming::Called)),
            flag(named_by == Some(Naming::First)),
            flag(named_by == Some(Naming::Within)),
            flag(call == Some(candidate)),
            flag(call == Some(candidate) && !we_spoke),
            flag(named_by.is_some() && !we_spoke),
            flag(named_by.is_some() && we_spoke),
            flag(!same && called.is_some() && names.is_none()),
            flag(!same && calls_of_two.is_some() && named_by.is_none()),
            flag(called.is_none() && calls_of_two.is_none()),
            flag(!same && called.is_some() && called == calls_of_two),
            flag(called == Some(them) && rank > 0 && named_by.is_none()),
            // Whether both are in talk with each other, and who else spoke since.
            flag(talked.is_some_and(|at| child - at <= WINDOW)),
            flag(talked.is_some_and(|at| child - at <= WINDOW) && last),
            flag(talked.is_some_and(|at| at > candidate)),
            flag(before_candidate.is_some_and(|own| candidate - own <= 10)) * other,
            flag(we_spoke) * other,
            flag(!we_spoke && last) * other,
            flag(between.is_empty()),
            flag(between.iter().all(|author| *author == us || *author == them)),
            between.len() as f32 / 8.0,
            // Words.
            overlap,
            overlap * other,
            flag(overlap > 0.0),
            flag(overlap > 0.0 && overlap >= best),
            // What kinds of lines they are.
            flag(two.question),
            flag(two.question && !one.question) * other,
            flag(two.question && self.children[candidate] == 0) * other,
            flag(two.question && one.question) * other,
            flag(two.question && one.short_answer) * other,
            flag(one.thanks && named_by.is_some()),
            flag(two.greeting),
            flag(two.greeting && one.greeting),
            flag(two.code_or_link),
            flag(two.code_or_link && one.code_or_link),
            flag(two.thanks),
            flag(two.short_answer),
            flag(two.second_person),
            flag(self.ordinals[candidate] == 0),
            flag(self.ordinals[candidate] == 0) * other,
            (1.0 + two.words as f32).ln() / 3.0,
        ]);
        steps(two.words as f32, &[3.5, 10.5], row);
        // Conversations, as far as they are settled.
        row.extend([
            flag(own_root == Some(root)),
            flag(own_root == Some(root)) * other,
            flag(own_root.is_some_and(|own| own != root)) * other,
            flag(their_root == Some(root)),
            flag(latest),
            flag(latest) * other,
            flag(root == candidate),
            flag(root == candidate && self.children[candidate] == 0) * other,
            flag(self.children[candidate] == 0),
            flag(self.children[candidate] > 1),
            flag(own_root == Some(root) && latest),
        ]);
        // Vectors.
        row.extend([
            near.unwrap_or(0.0),
            near.unwrap_or(0.0) * other,
            flag(near.is_some()) * other,
            flag(near.is_some_and(|near| near > 1.0)),
        ]);
    }
}

fn flag(yes: bool) -> f32 {
    if yes { 1.0 } else { 0.0 }
}

/// One for each step that `value` stays under.
fn steps(value: f32, steps: &[f32], row: &mut Vec<f32>) {
    row.extend(steps.iter().map(|step| flag(value < *step)));
}
