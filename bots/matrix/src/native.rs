//! A message event, taken apart: what was said, and what it is about. Pure.

use chat::{Attachment, Audience, CallId, CommunityId, MemberId, MessageId, Place, Platform, RoomId, ThreadId};
use jiff::Timestamp;
use matrix_sdk::ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId,
    events::{
        AnySyncMessageLikeEvent, AnySyncTimelineEvent, Mentions, SyncMessageLikeEvent,
        room::{
            MediaSource,
            message::{
                MessageFormat, MessageType, OriginalSyncRoomMessageEvent, Relation, RoomMessageEventContent,
                sanitize::remove_plain_reply_fallback,
            },
        },
    },
    serde::Raw,
};

/// A message of a room.
#[derive(Debug, Clone)]
pub(crate) struct Native {
    /// Its event.
    pub(crate) id: OwnedEventId,
    /// Who said it.
    pub(crate) sender: OwnedUserId,
    /// When, by the sender's homeserver.
    pub(crate) at: Timestamp,
    /// What was said, without the quote of what it replies to; a file's caption.
    pub(crate) text: String,
    /// The same with its format.
    pub(crate) html: Option<String>,
    /// Whether a program said it.
    pub(crate) is_notice: bool,
    /// Whom the sender's client says it mentions.
    pub(crate) mentions: Option<Mentions>,
    /// The message that it truly replies to.
    pub(crate) reply_to: Option<OwnedEventId>,
    /// The root of its thread.
    pub(crate) thread: Option<OwnedEventId>,
    /// The file that it is.
    pub(crate) file: Option<Attachment>,
}

impl Native {
    /// A message with its content; none for an edit, and for what carries neither a text nor a file.
    pub(crate) fn of(
        id: OwnedEventId,
        sender: OwnedUserId,
        at: MilliSecondsSinceUnixEpoch,
        content: RoomMessageEventContent,
    ) -> Option<Self> {
        let (reply_to, thread) = match content.relates_to {
            Some(Relation::Replacement(_)) => return None,
            Some(Relation::Reply(reply)) => (Some(reply.in_reply_to.event_id), None),
            // In a thread a reply may be there for clients without threads only.
            Some(Relation::Thread(thread)) => {
                let reply = thread.in_reply_to.filter(|_| !thread.is_falling_back);
                (reply.map(|reply| reply.event_id), Some(thread.event_id))
            }
            _ => (None, None),
        };
        let is_notice = matches!(content.msgtype, MessageType::Notice(_));
        let (text, formatted, file) = match content.msgtype {
            MessageType::Text(text) => (Some(text.body), text.formatted, None),
            MessageType::Notice(text) => (Some(text.body), text.formatted, None),
            MessageType::Emote(text) => (Some(text.body), text.formatted, None),
            MessageType::File(file) => {
                let info = file.info.as_deref();
                let (media_type, bytes) = (info.and_then(|i| i.mimetype.clone()), info.and_then(|i| i.size));
                let attachment = attachment(file.filename(), media_type, bytes.map(Into::into), &file.source)?;
                (file.caption().map(str::to_owned), file.formatted_caption().cloned(), Some(attachment))
            }
            MessageType::Image(image) => {
                let info = image.info.as_deref();
                let (media_type, bytes) = (info.and_then(|i| i.mimetype.clone()), info.and_then(|i| i.size));
                let attachment = attachment(image.filename(), media_type, bytes.map(Into::into), &image.source)?;
                (image.caption().map(str::to_owned), image.formatted_caption().cloned(), Some(attachment))
            }
            _ => return None,
        };
        let at = Timestamp::from_millisecond(at.get().into()).ok()?;
        let text = remove_plain_reply_fallback(&text.unwrap_or_default()).to_owned();
        let html = formatted.filter(|formatted| formatted.format == MessageFormat::Html);
        let (html, mentions) = (html.map(|formatted| formatted.body), content.mentions);
        Some(Self { id, sender, at, text, html, is_notice, mentions, reply_to, thread, file })
    }

    /// Its message, as the other crates know it.
    pub(crate) fn message(self, community: &CommunityId, room: &RoomId, audience: Audience) -> chat::Message {
        let thread = self.thread.map(|root| ThreadId(root.to_string()));
        let (platform, community, room) = (Platform::Matrix, community.clone(), room.clone());
        chat::Message {
            id: MessageId(self.id.to_string()),
            place: Place { platform, community, room, thread, audience },
            author: MemberId(self.sender.to_string()),
            text: self.text,
            invocation: None,
            attachments: self.file.into_iter().collect(),
            reply_to: self.reply_to.map(|event| MessageId(event.to_string())),
            about: None,
            visibility: None,
            addressed: false,
            at: self.at,
        }
    }
}

fn attachment(name: &str, media_type: Option<String>, bytes: Option<u64>, source: &MediaSource) -> Option<Attachment> {
    // What the handle holds is ours to read again: the address, and for an encrypted file its key.
    let handle = serde_json::to_string(source).ok()?;
    Some(Attachment { name: name.to_owned(), media_type, bytes: bytes.unwrap_or(0), handle })
}

/// The message event in a timeline's raw one; none where it is another or was removed.
pub(crate) fn original(raw: &Raw<AnySyncTimelineEvent>) -> Option<OriginalSyncRoomMessageEvent> {
    match raw.deserialize().ok()? {
        AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomMessage(SyncMessageLikeEvent::Original(
            event,
        ))) => Some(event),
        _ => None,
    }
}

/// Whether an event is encrypted still: there was no key for it.
pub(crate) fn is_encrypted(raw: &Raw<AnySyncTimelineEvent>) -> bool {
    let event = raw.deserialize();
    matches!(event, Ok(AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomEncrypted(_))))
}

/// The content of a message after its edits, as far as the homeserver sent them along.
pub(crate) fn latest(event: &OriginalSyncRoomMessageEvent) -> RoomMessageEventContent {
    let mut content = event.content.clone();
    if let Some(edit) = &event.unsigned.relations.replace
        && edit.sender == event.sender
        && let Some(Relation::Replacement(edited)) = &edit.content.relates_to
    {
        content.apply_replacement(edited.new_content.clone());
    }
    content
}

/// Ids of messages that no event carries alone: an edited question, a reaction to an answer.
pub(crate) fn compound(event: &EventId, by: &EventId) -> MessageId {
    MessageId(format!("{event}#{by}"))
}

/// The event that a message's reply replies to: of an edited question the question, of a reaction the answer.
pub(crate) fn event_of(message: &MessageId) -> Option<OwnedEventId> {
    let event = message.0.split_once('#').map_or(message.0.as_str(), |(event, _)| event);
    EventId::parse(event).ok()
}

/// The call of a message of a room, as [`chat::Message::call_id`] has it.
pub(crate) fn call_id(room: &str, message: &MessageId) -> CallId {
    CallId(format!("{}:{room}:{message}", Platform::Matrix))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;

    fn native(content: Value, unsigned: Value) -> Option<Native> {
        let event = json!({
            "type": "m.room.message",
            "event_id": "$event",
            "sender": "@ana:home.org",
            "origin_server_ts": 1_700_000_000_000_u64,
            "content": content,
            "unsigned": unsigned,
        });
        let raw = Raw::from_json_string(event.to_string()).unwrap();
        let event = original(&raw).unwrap();
        Native::of(event.event_id.clone(), event.sender.clone(), event.origin_server_ts, latest(&event))
    }

    #[track_caller]
    fn check(content: Value, want: Expect) {
        let shown = native(content, json!({})).map(|native| {
            let Native { text, reply_to, thread, file, is_notice, .. } = native;
            let file = file.map(|file| format!("{} {:?} {} {}", file.name, file.media_type, file.bytes, file.handle));
            format!("{text:?} notice={is_notice} reply={reply_to:?} thread={thread:?} file={file:?}")
        });
        want.assert_eq(&shown.unwrap_or_default());
    }

    #[test]
    fn a_reply_is_read_without_what_it_quotes() {
        check(
            json!({
                "msgtype": "m.text",
                "body": "> <@bob:home.org> Ducks\n> swim.\n\nWhy?",
                "m.relates_to": { "m.in_reply_to": { "event_id": "$before" } },
            }),
            expect![[r#""Why?" notice=false reply=Some("$before") thread=None file=None"#]],
        );
    }

    #[test]
    fn a_thread_replies_only_where_it_says_so() {
        let thread = |is_falling_back: bool| {
            json!({
                "msgtype": "m.text",
                "body": "Why?",
                "m.relates_to": {
                    "rel_type": "m.thread",
                    "event_id": "$root",
                    "is_falling_back": is_falling_back,
                    "m.in_reply_to": { "event_id": "$before" },
                },
            })
        };
        check(thread(true), expect![[r#""Why?" notice=false reply=None thread=Some("$root") file=None"#]]);
        check(thread(false), expect![[r#""Why?" notice=false reply=Some("$before") thread=Some("$root") file=None"#]]);
    }

    #[test]
    fn a_file_is_an_attachment_with_its_caption() {
        check(
            json!({
                "msgtype": "m.file",
                "body": "!add",
                "filename": "paper.pdf",
                "url": "mxc://home.org/abc",
                "info": { "mimetype": "application/pdf", "size": 12_345 },
            }),
            expect![[
                r#""!add" notice=false reply=None thread=None file=Some("paper.pdf Some(\"application/pdf\") 12345 {\"url\":\"mxc://home.org/abc\"}")"#
            ]],
        );
        check(
            json!({ "msgtype": "m.file", "body": "paper.pdf", "url": "mxc://home.org/abc" }),
            expect![[
                r#""" notice=false reply=None thread=None file=Some("paper.pdf None 0 {\"url\":\"mxc://home.org/abc\"}")"#
            ]],
        );
    }

    #[test]
    fn an_edit_is_no_message_of_its_own() {
        check(
            json!({
                "msgtype": "m.text",
                "body": "* new",
                "m.new_content": { "msgtype": "m.text", "body": "new" },
                "m.relates_to": { "rel_type": "m.replace", "event_id": "$before" },
            }),
            expect![""],
        );
    }

    #[test]
    fn an_edited_message_says_what_it_said_last() {
        let edit = json!({
            "type": "m.room.message",
            "event_id": "$edit",
            "sender": "@ana:home.org",
            "origin_server_ts": 1_700_000_001_000_u64,
            "content": {
                "msgtype": "m.text",
                "body": "* new",
                "m.new_content": { "msgtype": "m.text", "body": "new" },
                "m.relates_to": { "rel_type": "m.replace", "event_id": "$event" },
            },
        });
        let said = |edit: Value| {
            let content = json!({ "msgtype": "m.text", "body": "old" });
            native(content, json!({ "m.relations": { "m.replace": edit } })).unwrap().text
        };
        assert_eq!(said(edit.clone()), "new");
        let mut forged = edit;
        forged["sender"] = json!("@eve:home.org");
        assert_eq!(said(forged), "old", "only who said it can say it otherwise");
    }

    #[test]
    fn calls_are_found_again_by_room_and_event() {
        let native = native(json!({ "msgtype": "m.text", "body": "x" }), json!({})).unwrap();
        let message = native.message(&"lab".into(), &"!room:home.org".into(), Audience::Room);
        assert_eq!(message.call_id(), call_id("!room:home.org", &message.id));
    }

    #[test]
    fn a_reply_goes_to_the_event_that_was_there_first() {
        let (first, second) = (EventId::parse("$first").unwrap(), EventId::parse("$second").unwrap());
        let id = compound(&first, &second);
        assert_eq!(id.0, "$first#$second");
        assert_eq!(event_of(&id), Some(first.clone()));
        assert_eq!(event_of(&MessageId("$first".to_owned())), Some(first));
    }
}
