//! Why a paper was chosen, in what may be told: titles that may be read here, words of the paper, numbers.

use std::collections::HashSet;

use chat::{DocumentId, ports::Because, profile::Entry};
use store::Word;
use training::recommend::{Pick, Reason};

use super::shelf::Shelf;

/// Likes from which they are told of: fewer could be somebody in particular.
const LIKES_TOLD: u32 = 3;

/// Days that a paper is new for.
const NEW_DAYS: i32 = 31;

/// Longest word of an entry, in characters.
const ENTRY_CHARS: usize = 80;

/// The reasons of a pick. What somebody said and gave is theirs; only papers among `readable` are named.
pub fn of(
    shelf: &Shelf,
    words: &[Word],
    entries: &[Entry],
    readable: &HashSet<&DocumentId>,
    pick: &Pick,
) -> Vec<Because> {
    let named = |paper: u32| {
        let paper = shelf.papers.get(paper as usize)?;
        readable.contains(&paper.document).then_some(paper)
    };
    let because = |(reason, _): &(Reason, f32)| match reason {
        Reason::Near { liked, .. } => match (*liked as usize).checked_sub(shelf.papers.len()) {
            Some(own) => entries.get(own).map(|entry| Because::Profile(entry.text.chars().take(ENTRY_CHARS).collect())),
            None => {
                let paper = named(*liked)?;
                let word = words.iter().rev().find(|word| word.document == paper.document)?;
                Some(Because::Near(paper.title.clone(), word.verdict))
            }
        },
        Reason::Topic { terms } => {
            let paper = &shelf.papers[pick.paper as usize];
            let words = spelled(&[&paper.title, &paper.text], terms);
            (!words.is_empty()).then_some(Because::Topic(words))
        }
        // What few like together could be what somebody in particular likes.
        Reason::Together { readers, .. } if *readers < LIKES_TOLD => None,
        Reason::Together { liked, .. } => named(*liked).map(|paper| Because::Together(paper.title.clone())),
        Reason::Popular { likes } => (*likes >= LIKES_TOLD).then_some(Because::Popular(*likes)),
        Reason::New { days } => (*days <= NEW_DAYS).then_some(Because::New(*days)),
    };
    pick.reasons.iter().filter_map(because).collect()
}

/// The words that stand for stems in texts, as they are written there first, in lower case but for those that are never so.
fn spelled(texts: &[&str], stems: &[String]) -> Vec<String> {
    let words = || texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '-'));
    let of = |stem: &String| words().find(|word| !word.is_empty() && chat::text::terms(word).contains(stem));
    let written = |word: &str| {
        let is_name = word.chars().skip(1).any(char::is_uppercase);
        if is_name { word.to_owned() } else { word.to_lowercase() }
    };
    let mut found: Vec<String> = stems.iter().filter_map(of).map(written).collect();
    let mut seen = HashSet::new();
    found.retain(|word| seen.insert(word.clone()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_told_as_the_word_that_stands_for_it() {
        let stems = chat::text::terms("parsing BERT treebanks zebra");
        assert_eq!(spelled(&["Parsing with BERT", "Treebanks are parsed."], &stems), ["parsing", "BERT", "treebanks"]);
    }
}
