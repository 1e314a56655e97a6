//! What is said without being asked: whether a message is a question, how often a room is interrupted, and silence until
//! there is something to say. Pure.

use std::collections::{HashMap, VecDeque};

use chat::{Event, RoomId};
use futures::{Stream, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

/// A question of fewer words is too little to be understood alone.
const WORDS_MIN: usize = 4;

/// Words that begin a question, in the languages that are told apart.
const QUESTION_WORDS: [&str; 55] = [
    "who",
    "whom",
    "whose",
    "what",
    "which",
    "when",
    "where",
    "why",
    "how",
    "does",
    "do",
    "did",
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "should",
    "would",
    "has",
    "have",
    "wer",
    "was",
    "welche",
    "welcher",
    "welches",
    "wann",
    "wo",
    "warum",
    "wieso",
    "wie",
    "weshalb",
    "qui",
    "que",
    "quoi",
    "quel",
    "quelle",
    "quand",
    "où",
    "pourquoi",
    "comment",
    "combien",
    "quién",
    "qué",
    "cuál",
    "cuándo",
    "dónde",
    "cómo",
    "cuánto",
    "кто",
    "что",
    "когда",
    "почему",
    "как",
];

/// The same in Chinese and Japanese, which need no space after them.
const QUESTION_SIGNS: [&str; 10] = ["什么", "为什么", "怎么", "如何", "谁", "哪", "何时", "多少", "なぜ", "どう"];

/// Whether a message asks something that can be understood alone.
pub fn is_question(text: &str) -> bool {
    let text = text.trim();
    if text.starts_with(['!', '/', '>']) {
        return false;
    }
    let words: Vec<&str> = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
    let cjk = text.chars().filter(|c| chat::text::is_cjk(*c)).count();
    if words.len().max(cjk) < WORDS_MIN {
        return false;
    }
    let first = words.first().map(|word| word.to_lowercase()).unwrap_or_default();
    let first = first.trim_matches(|c: char| !c.is_alphanumeric());
    text.ends_with(['?', '？'])
        || QUESTION_WORDS.contains(&first)
        || QUESTION_SIGNS.iter().any(|sign| text.starts_with(sign))
}

/// When something was said unasked in each room, within the last hour.
#[derive(Debug, Default)]
pub struct Interruptions {
    rooms: HashMap<RoomId, VecDeque<Timestamp>>,
}

impl Interruptions {
    /// Counts one more, where so many an hour allow it.
    pub fn take(&mut self, room: &RoomId, now: Timestamp, an_hour: u32) -> bool {
        let since = now - SignedDuration::from_hours(1);
        self.rooms.retain(|_, times| {
            while times.front().is_some_and(|at| *at <= since) {
                times.pop_front();
            }
            !times.is_empty()
        });
        let times = self.rooms.entry(room.clone()).or_default();
        let is_free = times.len() < an_hour as usize;
        if is_free {
            times.push_back(now);
        }
        is_free
    }

    /// One that was counted at a time came to nothing.
    pub fn give_back(&mut self, room: &RoomId, at: Timestamp) {
        if let Some(times) = self.rooms.get_mut(room)
            && let Some(index) = times.iter().position(|time| *time == at)
        {
            times.remove(index);
        }
    }
}

/// The events of a reply from the first on that says something; none of one that says nothing, whatever it ends with.
pub fn once_it_speaks(events: impl Stream<Item = Event>) -> impl Stream<Item = Event> {
    let (mut accepted, mut speaks) = (None, false);
    events.flat_map(move |event| {
        let passed = match event {
            event if speaks => vec![event],
            Event::Accepted { .. } => {
                accepted = Some(event);
                Vec::new()
            }
            Event::Progress { .. } | Event::Done { .. } | Event::Failed { .. } => Vec::new(),
            event => {
                speaks = true;
                accepted.take().into_iter().chain([event]).collect()
            }
        };
        stream::iter(passed)
    })
}

#[cfg(test)]
mod tests {
    use chat::{Audience, Usage};

    use super::*;

    #[track_caller]
    fn check(text: &str, want: bool) {
        assert_eq!(is_question(text), want, "{text}");
    }

    #[test]
    fn a_question_ends_with_its_mark_or_begins_with_its_word() {
        check("When does the boat leave", true);
        check("The boat leaves at noon, right?", true);
        check("Wie oft tauchen die Enten", true);
        check("研究船什么时候出发？", true);
        check("为什么鸭子潜水", true);
        check("The boat leaves at noon.", false);
    }

    #[test]
    fn too_little_and_commands_are_no_questions() {
        check("Really?", false);
        check("And when then?", false);
        check("为什么？", false);
        check("!roll how many dice today?", false);
        check("? ? ? ?", false);
    }

    #[test]
    fn a_room_is_interrupted_so_often_an_hour() {
        let mut interruptions = Interruptions::default();
        let (room, now) = ("seminar".into(), Timestamp::UNIX_EPOCH);
        let minutes = |minutes| now + SignedDuration::from_mins(minutes);
        assert!(interruptions.take(&room, now, 2) && interruptions.take(&room, minutes(1), 2));
        assert!(!interruptions.take(&room, minutes(2), 2));
        assert!(interruptions.take(&"hall".into(), minutes(2), 2), "another room has its own");
        interruptions.give_back(&room, minutes(1));
        assert!(interruptions.take(&room, minutes(3), 2), "what came to nothing counts for nothing");
        assert!(interruptions.take(&room, minutes(61), 2), "an hour later it is free again");
        assert!(!interruptions.take(&room, minutes(62), 0), "none is none");
    }

    #[test]
    fn nothing_is_told_before_there_is_something_to_say() {
        let told =
            |events: Vec<Event>| futures::executor::block_on(once_it_speaks(stream::iter(events)).collect::<Vec<_>>());
        let accepted = Event::Accepted { audience: Audience::Room };
        let progress = Event::Progress { text: "Searching".to_owned() };
        let (text, done) = (Event::Text { delta: "Noon.".to_owned() }, Event::Done { usage: Usage::default() });
        let failed = Event::Failed { sentence: "Refused.".to_owned() };
        assert_eq!(told(vec![accepted.clone(), progress.clone(), done.clone()]), []);
        assert_eq!(told(vec![failed]), []);
        let all = told(vec![accepted.clone(), progress.clone(), text.clone(), progress.clone(), done.clone()]);
        assert_eq!(all, [accepted, text, progress, done]);
    }
}
