//! Tells the conversations of one channel apart: for every line the line that it answers, or that it starts anew.
//!
//! Reading order: [`parents`] here decides line by line, `reading` takes a line apart, [`Channel`] holds what was said
//! so far, `features` puts a line and a candidate in numbers, `model` weighs them with learned weights.
//!
//! **Invariant:** an explicit reply to an earlier line is always obeyed, and no parent stands after its child.
//! **Invariant:** everything here is a pure function of its arguments: the same lines give the same conversations.

mod reading;
mod channel;
mod features;
mod model;

use jiff::Timestamp;

pub use channel::Channel;
pub use features::{FEATURES, OWN};

use model::Scorer;

/// Candidates of a line: so many lines before it.
pub const WINDOW: usize = 100;

/// A line of a channel.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// A stable id of who said it.
    pub author: &'a str,
    /// What people call the author: display names, handles, mentions as they stand in texts ("<@123>").
    pub names: &'a [&'a str],
    /// When it was said.
    pub at: Timestamp,
    /// Its text; of a long one the beginning is read.
    pub text: &'a str,
    /// The line that it answers by the platform's own word, as an index; one that is not earlier counts as none.
    pub reply_to: Option<usize>,
}

/// The parent of each line (oldest first): an earlier line, or itself where it starts a conversation.
///
/// `vectors` are embeddings of the lines, of unit norm, row `i` of line `i`; without them words decide alone.
pub fn parents(lines: &[Line<'_>], vectors: Option<&[Vec<f32>]>) -> Vec<usize> {
    let mut channel = Channel::new(lines, vectors);
    let mut parents = Vec::with_capacity(lines.len());
    for (child, line) in lines.iter().enumerate() {
        let explicit = line.reply_to.filter(|parent| *parent < child);
        let parent = explicit.unwrap_or_else(|| {
            // Among equals the latest: candidates come latest first, and the start comes first of all.
            let mut best = (child, f32::NEG_INFINITY);
            let mut scorer = None;
            channel.candidates(child, |candidate, row| {
                let score = scorer.get_or_insert_with(|| Scorer::new(row)).score(row);
                if score > best.1 {
                    best = (candidate, score);
                }
            });
            best.0
        });
        parents.push(parent);
        channel.settle(child, parent);
    }
    parents
}

/// Lines by conversation: conversations by their first line, the lines of each in order.
///
/// `parents` is what [`parents`] returned; a parent that is not earlier starts a conversation.
pub fn conversations(parents: &[usize]) -> Vec<Vec<usize>> {
    let mut of_line: Vec<usize> = Vec::with_capacity(parents.len());
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (line, parent) in parents.iter().enumerate() {
        let conversation = of_line.get(*parent).copied().unwrap_or(found.len());
        if conversation == found.len() {
            found.push(Vec::new());
        }
        found[conversation].push(line);
        of_line.push(conversation);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as "minute author text"; a text that begins with ">3 " replies to line 3.
    fn world<T>(text: &str, then: impl FnOnce(&[Line<'_>]) -> T) -> T {
        let parts: Vec<Vec<&str>> = text.trim().lines().map(|line| line.trim().splitn(3, ' ').collect()).collect();
        let names: Vec<[&str; 1]> = parts.iter().map(|part| [part[1]]).collect();
        let lines: Vec<Line<'_>> = parts
            .iter()
            .zip(&names)
            .map(|(part, names)| {
                let reply = part[2].strip_prefix('>').and_then(|rest| rest.split_once(' '));
                Line {
                    author: part[1],
                    names,
                    at: Timestamp::from_second(part[0].parse::<i64>().unwrap() * 60).unwrap(),
                    text: reply.map_or(part[2], |(_, text)| text),
                    reply_to: reply.map(|(line, _)| line.parse().unwrap()),
                }
            })
            .collect();
        then(&lines)
    }

    #[track_caller]
    fn check(text: &str, want: &[&[usize]]) {
        let found = world(text, |lines| conversations(&parents(lines, None)));
        assert_eq!(found, want);
    }

    #[test]
    fn three_talks_at_once_are_told_apart_by_who_calls_whom() {
        check(
            "0 ana Does anyone know why the tokenizer drops accents?
             0 bob How long does the cluster keep scratch files?
             1 carla Where is the reading group on Thursday?
             1 dan ana: set strip_accents to false in the normalizer
             2 eva bob: thirty days, then they are deleted
             2 fay carla: room 204, as last week
             3 ana dan: thanks, that was it
             3 bob eva: and is there a way to extend that?
             4 eva bob: no, move them to the archive
             4 carla fay: great, see you there",
            &[&[0, 3, 6], &[1, 4, 7, 8], &[2, 5, 9]],
        );
    }

    #[test]
    fn a_question_after_a_long_silence_starts_anew() {
        check(
            "0 ana How do I request a GPU on the cluster?
             1 bob ana: add --gres=gpu:1 to the job script
             2 ana bob: works, thanks
             1500 carla Hi all, does anyone have the slides of the talk on protein folding?
             1502 dan carla: they are on the group's page",
            &[&[0, 1, 2], &[3, 4]],
        );
    }

    #[test]
    fn an_explicit_reply_is_obeyed_against_all_else() {
        let text = "0 ana Which learning rate did you use for the encoder?
                    0 bob Lunch at noon?
                    1 carla >1 ana: the learning rate was 2e-5 for the encoder
                    2 ana >9 What about the warmup?
                    3 bob >4 Hello";
        let found = world(text, |lines| parents(lines, None));
        assert_eq!(found[2], 1);
        // A reply to what is not earlier counts as none.
        assert!(found[3] <= 3 && found[4] <= 4);
    }

    #[test]
    fn a_reply_calls_its_author_as_a_name_does() {
        check(
            "0 ana Does anyone know why the tokenizer drops accents?
             0 bob How long does the cluster keep scratch files?
             1 carla >0 Set strip_accents to false in the normalizer
             1 dan >1 Thirty days, then they are deleted
             2 ana >2 Thanks, that was it
             2 bob >3 Is there a way to extend that?",
            &[&[0, 2, 4], &[1, 3, 5]],
        );
    }

    #[test]
    fn conversations_stand_by_their_first_line() {
        assert_eq!(conversations(&[0, 1, 0, 1, 2, 5]), [vec![0, 2, 4], vec![1, 3], vec![5]]);
        assert_eq!(conversations(&[7, 0]), [vec![0, 1]]);
        assert!(conversations(&[]).is_empty());
    }

    #[test]
    fn a_candidate_has_as_many_numbers_as_the_weights() {
        world("0 ana Hello\n1 bob ana: hello\n2 ana How are you?", |lines| {
            let vectors = vec![vec![1.0; 4]; 3];
            for vectors in [None, Some(&vectors[..])] {
                let mut channel = Channel::new(lines, vectors);
                for child in 0..lines.len() {
                    let mut candidates = Vec::new();
                    channel.candidates(child, |candidate, row| {
                        assert_eq!(row.len(), FEATURES);
                        candidates.push(candidate);
                    });
                    assert_eq!(candidates, (0..=child).rev().collect::<Vec<_>>());
                    channel.settle(child, child);
                }
            }
        });
    }
}
