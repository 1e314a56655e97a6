//! The events that show a part of an answer. Pure.
//!
//! **Invariant:** every message says whom it mentions: at most who asked, once. Without that word clients search its
//! text for names.

use frontend::Part;
use matrix_sdk::ruma::{
    OwnedEventId, OwnedTransactionId, OwnedUserId,
    events::{
        Mentions,
        relation::{Replacement, Reply, Thread},
        room::message::{MessageType, Relation, RoomMessageEventContent, RoomMessageEventContentWithoutRelation},
    },
};
use sha2::{Digest, Sha256};

use crate::{html::html, reactions};

/// Largest text with its HTML, in bytes as they are sent: encrypted it grows by a third, and an event holds 64 KiB.
const CONTENT_BYTES_MAX: usize = 40 * 1024;

/// What clients that show no edits see of one, in characters.
const FALLBACK_CHARS: usize = 200;

/// The text of a part, with the line that names what can be done with it.
pub(crate) fn text(part: &Part) -> String {
    let text = chat::text::legible(&part.markdown);
    // Once more: a character that nobody sees may have stood within the mention.
    let mut text = frontend::markdown::disarm(&text).into_owned();
    if text.trim().is_empty() {
        let names: Vec<String> = part.uploads.iter().map(|upload| chat::text::inert(&upload.name)).collect();
        text = if names.is_empty() { "…".to_owned() } else { format!("📎 {}", names.join(", ")) };
    }
    if let Some(line) = reactions::last_line(&part.actions) {
        text = format!("{}\n\n{line}", text.trim_end());
    }
    text
}

fn message_type(text: String) -> MessageType {
    let formatted = MessageType::text_html(text.clone(), html(&text));
    let bytes = serde_json::to_vec(&formatted).map_or(usize::MAX, |bytes| bytes.len());
    if bytes <= CONTENT_BYTES_MAX { formatted } else { MessageType::text_plain(text) }
}

/// A part as a new message.
pub(crate) fn message(
    text: String,
    relation: Option<Relation<RoomMessageEventContentWithoutRelation>>,
    mentioned: Option<OwnedUserId>,
) -> RoomMessageEventContent {
    let mut content = RoomMessageEventContentWithoutRelation::new(message_type(text));
    content.mentions = Some(Mentions::with_user_ids(mentioned));
    content.with_relation(relation)
}

/// A part in the place of what `shown` showed. Nobody is mentioned again.
pub(crate) fn edit(text: String, shown: OwnedEventId) -> RoomMessageEventContent {
    let head: String = text.chars().take(FALLBACK_CHARS).collect();
    let more = if head.len() < text.len() { " …" } else { "" };
    let mut fallback = RoomMessageEventContentWithoutRelation::text_plain(format!("* {head}{more}"));
    fallback.mentions = Some(Mentions::new());
    let mut content = RoomMessageEventContentWithoutRelation::new(message_type(text));
    content.mentions = Some(Mentions::new());
    fallback.with_relation(Some(Relation::Replacement(Replacement::new(shown, content))))
}

/// The relation of a reply to `question`; in a thread it stays there.
pub(crate) fn reply(
    question: Option<OwnedEventId>,
    thread: Option<OwnedEventId>,
) -> Option<Relation<RoomMessageEventContentWithoutRelation>> {
    match (question, thread) {
        (Some(question), Some(root)) => Some(Relation::Thread(Thread::reply(root, question))),
        (None, Some(root)) => Some(Relation::Thread(Thread::without_fallback(root))),
        (Some(question), None) => Some(Relation::Reply(Reply::with_event_id(question))),
        (None, None) => None,
    }
}

/// The transaction id of a nonce: the homeserver takes what has the same one only once.
pub(crate) fn transaction(nonce: &str) -> OwnedTransactionId {
    let digest = Sha256::digest(nonce);
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Width and height of a PNG.
pub(crate) fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").filter(|rest| rest.get(4..8) == Some(b"IHDR"))?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    Some((number(8)?, number(12)?))
}

#[cfg(test)]
mod tests {
    use chat::Action;
    use frontend::Upload;
    use matrix_sdk::ruma::{EventId, UserId};
    use serde_json::{Value, json};

    use super::*;

    fn event(id: &str) -> OwnedEventId {
        EventId::parse(id).unwrap()
    }

    #[track_caller]
    fn check(content: &RoomMessageEventContent, want: Value) {
        assert_eq!(serde_json::to_value(content).unwrap(), want);
    }

    #[test]
    fn an_answer_replies_and_mentions_who_asked() {
        let ana = UserId::parse("@ana:home.org").unwrap();
        check(
            &message("**Yes** [1].".to_owned(), reply(Some(event("$q")), None), Some(ana)),
            json!({
                "msgtype": "m.text",
                "body": "**Yes** [1].",
                "format": "org.matrix.custom.html",
                "formatted_body": "<p><strong>Yes</strong> [1].</p>",
                "m.relates_to": { "m.in_reply_to": { "event_id": "$q" } },
                "m.mentions": { "user_ids": ["@ana:home.org"] },
            }),
        );
    }

    #[test]
    fn an_answer_in_a_thread_stays_there_and_may_mention_nobody() {
        check(
            &message("Yes.".to_owned(), reply(Some(event("$q")), Some(event("$root"))), None),
            json!({
                "msgtype": "m.text",
                "body": "Yes.",
                "format": "org.matrix.custom.html",
                "formatted_body": "<p>Yes.</p>",
                "m.relates_to": {
                    "rel_type": "m.thread",
                    "event_id": "$root",
                    "m.in_reply_to": { "event_id": "$q" },
                },
                "m.mentions": {},
            }),
        );
    }

    #[test]
    fn an_edit_mentions_nobody_again() {
        check(
            &edit("Yes.".to_owned(), event("$a")),
            json!({
                "msgtype": "m.text",
                "body": "* Yes.",
                "m.new_content": {
                    "msgtype": "m.text",
                    "body": "Yes.",
                    "format": "org.matrix.custom.html",
                    "formatted_body": "<p>Yes.</p>",
                    "m.mentions": {},
                },
                "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" },
                "m.mentions": {},
            }),
        );
    }

    #[test]
    fn no_event_is_too_large_encrypted() {
        for text in ["a\n".repeat(6_000), "<&>\"".repeat(3_000), "**b** $x^2$ ".repeat(1_000), "中".repeat(4_000)] {
            let bytes = serde_json::to_vec(&edit(text, event("$a"))).unwrap().len();
            assert!(bytes * 4 / 3 + 2_048 < 60 * 1024, "{bytes}");
        }
    }

    #[test]
    fn an_empty_part_says_what_comes_with_it() {
        assert_eq!(text(&Part::default()), "…");
        let upload = |name: &str| Upload {
            name: name.to_owned(),
            media_type: "image/png".to_owned(),
            alt: String::new(),
            bytes: Vec::new(),
        };
        let part = Part { uploads: vec![upload("map.png"), upload("map.csv")], ..Part::default() };
        assert_eq!(text(&part), "📎 map.png, map.csv");
        let actions = vec![Action { label: "Show the line 6".to_owned(), command: "line 6".to_owned() }];
        let part = Part { markdown: "Yes\u{7} [6].".to_owned(), actions, ..Part::default() };
        assert_eq!(text(&part), "Yes [6].\n\n↪ Reply with `!line 6`");
    }

    #[test]
    fn a_nonce_has_one_transaction() {
        assert_eq!(transaction("a/0"), transaction("a/0"));
        assert_ne!(transaction("a/0"), transaction("a/1"));
        assert_eq!(transaction("a/0").as_str().len(), 32);
    }

    #[test]
    fn a_picture_says_how_large_it_is() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend([0, 0, 2, 0, 0, 0, 1, 44]);
        assert_eq!(png_size(&png), Some((512, 300)));
        assert_eq!(png_size(&png[..20]), None);
        assert_eq!(png_size(b"GIF89a"), None);
    }
}
