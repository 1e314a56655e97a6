//! What of a thread fits the token budget. Pure.

use chat::ports::{Archived, Speaker};

/// The longest tail of a conversation that fits `budget` tokens, oldest first. A turn that does not fit ends it: half
/// a turn would be quoted as a whole one. `newest_first` is what an archive's page holds.
pub fn fit(newest_first: &[Archived], budget: usize, count: impl Fn(&str) -> usize) -> Vec<(Speaker, String)> {
    let mut left = budget;
    let mut turns = Vec::new();
    for archived in newest_first {
        let message = &archived.message;
        let cost = count(&message.text);
        if cost > left {
            break;
        }
        left -= cost;
        let speaker = if archived.ours { Speaker::Assistant } else { Speaker::User };
        turns.push((speaker, message.text.clone()));
    }
    turns.reverse();
    turns
}

#[cfg(test)]
mod tests {
    use chat::{Audience, Message, Place, Platform};
    use jiff::Timestamp;

    use super::*;

    fn said(author: &str, text: &str) -> Archived {
        let place = Place {
            platform: Platform::Console,
            community: "lab".into(),
            room: "console".into(),
            thread: None,
            audience: Audience::Caller,
        };
        let message = Message {
            id: text.into(),
            place,
            author: author.into(),
            text: text.to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: true,
            at: Timestamp::UNIX_EPOCH,
        };
        Archived { ours: author == "bot", message, name: String::new(), link: None }
    }

    #[track_caller]
    fn check(budget: usize, want: &[&str]) {
        let history = [said("bot", "three three three"), said("ana", "two two"), said("bot", "one")];
        let turns = fit(&history, budget, |text| text.split(' ').count());
        let shown: Vec<String> = turns.iter().map(|(speaker, text)| format!("{speaker:?}: {text}")).collect();
        assert_eq!(shown, want);
    }

    #[test]
    fn the_newest_turns_that_fit_are_kept_whole_and_in_order() {
        check(6, &["Assistant: one", "User: two two", "Assistant: three three three"]);
        check(5, &["User: two two", "Assistant: three three three"]);
        check(4, &["Assistant: three three three"]);
        check(0, &[]);
    }
}
