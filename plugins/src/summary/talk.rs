//! From what was said to what is worth telling of it: topics with their key lines, decisions, open questions, things to
//! do. Pure; every item is a message, so that each can be linked to.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use regex::Regex;

use super::extract;

/// A message, as far as a summary looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said<'a> {
    /// A stable id of who said it.
    pub author: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// What one conversation was about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// All its messages, oldest first.
    pub messages: Vec<usize>,
    /// Words that stand in it and not in the others.
    pub label: Vec<String>,
    /// The messages that say most of it, oldest first.
    pub key: Vec<usize>,
    /// Where something was decided.
    pub decisions: Vec<usize>,
    /// Questions that nobody answered.
    pub open: Vec<usize>,
    /// What somebody took on, or was asked to do.
    pub actions: Vec<usize>,
}

/// Words of a label.
const LABEL_WORDS: usize = 3;

/// Key lines of a conversation, at most.
const KEY_MAX: usize = 3;

/// One key line for so many messages.
const MESSAGES_A_KEY: usize = 5;

/// A text shorter than this says little by itself, in characters.
const SHORT: usize = 25;

static DECISION: LazyLock<Regex> = LazyLock::new(|| {
    let cues = r"(?i)\b(we (?:have )?(?:decided|agreed|settled|chose)|(?:it is|it's|is) (?:decided|agreed|settled)|decision:|agreed:|let's go with|we(?:'ll| will) (?:go with|use|take|keep|drop|meet)|we(?:'re| are) going (?:with|to)|final(?:ly)? (?:answer|decision)|beschlossen|entschieden|einigen uns)\b|decision:|决定|商定|就这么定";
    Regex::new(cues).expect("the pattern is fixed")
});

static ACTION: LazyLock<Regex> = LazyLock::new(|| {
    let cues = r"(?i)\b(i(?:'ll| will| can take| take care)|todo|to-do|action item|(?:can|could|would) you (?:please )?\w+|please (?:send|check|write|review|update|prepare|book|ask|add|fix|upload|share|run)|(?:needs?|has|have) to (?:send|check|write|review|update|prepare|book|ask|add|fix|upload|share|run)|by (?:monday|tuesday|wednesday|thursday|friday|tomorrow|tonight|next week|end of))\b|ich (?:werde|übernehme|kümmere)|我来|请你|负责";
    Regex::new(cues).expect("the pattern is fixed")
});

/// Whether a text asks something.
pub fn asks(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '”' | '*' | '_'))
        .ends_with(['?', '？'])
}

/// The conversations with what is worth telling of them, those of most messages first. `vectors` are of unit norm, row
/// `i` of message `i`; `parents` as [`threads::parents`](super::threads::parents) gives them.
pub fn topics(said: &[Said<'_>], vectors: &[Vec<f32>], parents: &[usize], conversations: &[Vec<usize>]) -> Vec<Topic> {
    let words: Vec<HashMap<String, usize>> = conversations.iter().map(|messages| counted(said, messages)).collect();
    let mut topics: Vec<Topic> = conversations
        .iter()
        .enumerate()
        .map(|(at, messages)| Topic {
            messages: messages.clone(),
            label: label(&words, at),
            key: key(said, vectors, messages),
            decisions: chosen(messages, |at| DECISION.is_match(said[at].text) && !asks(said[at].text)),
            open: chosen(messages, |at| is_open(said, parents, messages, at)),
            actions: chosen(messages, |at| ACTION.is_match(said[at].text) && !DECISION.is_match(said[at].text)),
        })
        .collect();
    topics.sort_by_key(|topic| (std::cmp::Reverse(topic.messages.len()), topic.messages.first().copied()));
    topics
}

fn chosen(messages: &[usize], is_one: impl Fn(usize) -> bool) -> Vec<usize> {
    messages.iter().copied().filter(|at| is_one(*at)).collect()
}

/// Whether a message asks something that nobody else answered: nothing replies to it, and nobody else said anything after
/// it in its conversation but further questions.
fn is_open(said: &[Said<'_>], parents: &[usize], messages: &[usize], at: usize) -> bool {
    if !asks(said[at].text) {
        return false;
    }
    let by_another = |other: usize| other > at && said[other].author != said[at].author && !asks(said[other].text);
    let replied = messages.iter().any(|other| parents.get(*other) == Some(&at) && by_another(*other));
    // What is said next may answer it without being a reply.
    let next = messages.iter().copied().find(|other| *other > at && said[*other].author != said[at].author);
    !replied && !next.is_some_and(by_another)
}

fn key(said: &[Said<'_>], vectors: &[Vec<f32>], messages: &[usize]) -> Vec<usize> {
    let rows: Vec<Vec<f32>> = messages.iter().filter_map(|at| vectors.get(*at).cloned()).collect();
    if rows.len() != messages.len() {
        return messages.first().copied().into_iter().collect();
    }
    // What opens a conversation says what it is about; a bare yes says nothing.
    let worth = |(place, at): (usize, &usize)| {
        let length = said[*at].text.chars().count();
        let said_much = if length < SHORT { 0.2 } else { 1.0 };
        if place == 0 { 2.0 * said_much } else { said_much }
    };
    let prior: Vec<f32> = messages.iter().enumerate().map(worth).collect();
    let scores: Vec<f32> =
        extract::centrality(&rows, &prior).iter().zip(&prior).map(|(score, prior)| score * prior.min(1.0)).collect();
    let most = (messages.len() / MESSAGES_A_KEY + 1).min(KEY_MAX);
    let mut key: Vec<usize> = extract::diverse(&rows, &scores, most).into_iter().map(|at| messages[at]).collect();
    key.sort_unstable();
    key
}

/// How many of the messages hold each word.
fn counted(said: &[Said<'_>], messages: &[usize]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for at in messages {
        let words: HashSet<String> = words(said[*at].text).collect();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
    }
    counts
}

/// The words of a text that mean something, as they stand there.
fn words(text: &str) -> impl Iterator<Item = String> {
    let outside = text.split_whitespace().filter(|word| !word.contains("://") && !word.starts_with(['<', '@', '`']));
    outside.flat_map(|word| word.split(|c: char| !(c.is_alphanumeric() || c == '-'))).filter_map(|word| {
        let word = word.trim_matches('-');
        let means =
            word.chars().count() > 2 && word.chars().any(char::is_alphabetic) && !chat::text::terms(word).is_empty();
        means.then(|| word.to_lowercase())
    })
}

/// Words that stand in many messages of one conversation and in few others: tf·idf over conversations.
fn label(words: &[HashMap<String, usize>], at: usize) -> Vec<String> {
    let held = |word: &String| words.iter().filter(|other| other.contains_key(word)).count();
    let mut ranked: Vec<(f32, &String)> = words[at]
        .iter()
        .map(|(word, count)| (*count as f32 * (1.0 + words.len() as f32 / held(word) as f32).ln(), word))
        .collect();
    ranked.sort_by(|one, two| two.0.total_cmp(&one.0).then(two.1.len().cmp(&one.1.len())).then(one.1.cmp(two.1)));
    ranked.into_iter().take(LABEL_WORDS).map(|(_, word)| word.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> (Vec<Said<'static>>, Vec<usize>) {
        let said = [
            ("ana", "Which annotation tool shall we take for the duck videos?"),
            ("bob", "BORIS reads the duck videos well, the annotation tool of last year did not."),
            ("ana", "We decided: BORIS it is for the annotation."),
            ("cy", "Where do we eat tonight?"),
            ("bob", "I'll send the annotation guide to everybody by Friday."),
        ];
        (said.map(|(author, text)| Said { author, text }).to_vec(), vec![0, 0, 1, 3, 2])
    }

    /// Rows that are near where texts share words.
    fn vectors(said: &[Said<'_>]) -> Vec<Vec<f32>> {
        let all: Vec<String> = said.iter().flat_map(|one| words(one.text)).collect();
        said.iter()
            .map(|one| {
                let own: Vec<String> = words(one.text).collect();
                let row: Vec<f32> = all.iter().map(|word| f32::from(u8::from(own.contains(word)))).collect();
                let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
                row.iter().map(|value| value / norm).collect()
            })
            .collect()
    }

    #[test]
    fn decisions_questions_and_things_to_do_are_told_from_talk() {
        let (said, parents) = world();
        let found = topics(&said, &vectors(&said), &parents, &[vec![0, 1, 2, 4], vec![3]]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].messages, [0, 1, 2, 4]);
        assert_eq!((found[0].decisions.as_slice(), found[0].actions.as_slice()), ([2].as_slice(), [4].as_slice()));
        assert!(found[0].open.is_empty(), "it was answered: {found:?}");
        assert_eq!(found[1].open, [3]);
        assert!(found[0].label.contains(&"annotation".to_owned()), "{:?}", found[0].label);
        assert_eq!(found[0].key.len(), 1);
    }

    #[test]
    fn a_question_is_open_until_somebody_else_says_something_to_it() {
        let check = |said: &[(&'static str, &'static str)], parents: &[usize], want: &[usize]| {
            let said: Vec<Said<'_>> = said.iter().map(|(author, text)| Said { author, text }).collect();
            let all: Vec<usize> = (0..said.len()).collect();
            let found = topics(&said, &vectors(&said), parents, &[all]);
            assert_eq!(found[0].open, want, "{said:?}");
        };
        check(&[("ana", "How deep do they dive?")], &[0], &[0]);
        check(&[("ana", "How deep do they dive?"), ("ana", "I mean the mallards.")], &[0, 0], &[0]);
        check(&[("ana", "How deep do they dive?"), ("bob", "Forty centimetres.")], &[0, 0], &[]);
        check(&[("ana", "How deep do they dive?"), ("bob", "Who knows that?")], &[0, 0], &[0, 1]);
        check(&[("ana", "怎么做？"), ("bob", "先读数据。")], &[0, 0], &[]);
    }

    #[test]
    fn nothing_said_is_no_topic() {
        assert!(topics(&[], &[], &[], &[]).is_empty());
    }
}
