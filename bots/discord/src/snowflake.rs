//! Discord's ids, which count the time, and the names that are made of them. Pure.

use chat::{CallId, MessageId, Platform, RoomId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Bits of an id below its time.
const TIME_SHIFT: u32 = 22;

/// Longest nonce that Discord takes, and a little less: hex digits of a hash.
const NONCE_CHARS: usize = 24;

/// What separates a message's id from the time of the edit that asks it anew.
const EDIT: char = '#';

/// The moment from which ids count, in milliseconds since 1970, by an id and the time that it was made: 2015 on Discord,
/// and another with what stands in for it.
pub fn epoch_ms(id: u64, made: Timestamp) -> i64 {
    made.as_millisecond() - (id >> TIME_SHIFT).cast_signed()
}

/// The smallest id of a moment, where ids count from `epoch_ms`: everything before it is smaller.
pub fn first_at(at: Timestamp, epoch_ms: i64) -> u64 {
    let ms = at.as_millisecond().saturating_sub(epoch_ms).max(0);
    ms.cast_unsigned().saturating_mul(1 << TIME_SHIFT).max(1)
}

/// A time of Discord's.
pub fn moment(timestamp: serenity::model::Timestamp) -> Timestamp {
    Timestamp::from_millisecond(timestamp.timestamp_millis()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The number of an id, without the edit that it may carry; none of what is no id of Discord.
pub fn number(id: &str) -> Option<u64> {
    let id = id.split_once(EDIT).map_or(id, |(id, _)| id);
    id.parse().ok().filter(|number| *number > 0)
}

/// A person's name in a text: whether it calls them is said beside the text.
pub fn mention(person: u64) -> String {
    format!("<@{person}>")
}

/// The id under which an edited message is asked anew.
pub fn edited(id: u64, at_ms: i64) -> MessageId {
    MessageId(format!("{id}{EDIT}{at_ms}"))
}

/// The call that a message makes, where only its id is left: the same as [`chat::Message::call_id`].
pub fn call(room: &RoomId, id: &MessageId) -> CallId {
    CallId(format!("{}:{room}:{id}", Platform::Discord))
}

/// A nonce that Discord takes, the same for the same text.
pub fn nonce(text: &str) -> String {
    let mut hex = format!("{:x}", Sha256::digest(text));
    hex.truncate(NONCE_CHARS);
    hex
}

#[cfg(test)]
mod tests {
    use chat::{Audience, Message, Place};

    use super::*;

    /// From Discord's reference: "Snowflakes".
    const KNOWN: u64 = 175_928_847_299_117_063;

    #[test]
    fn all_ids_before_a_moment_are_smaller_than_its_first() {
        let made: Timestamp = "2016-04-30T11:18:25.796Z".parse().unwrap();
        let epoch_ms = epoch_ms(KNOWN, made);
        assert_eq!(epoch_ms, 1_420_070_400_000);
        let first = first_at(made, epoch_ms);
        assert!(first <= KNOWN && KNOWN - first < 1 << TIME_SHIFT);
        assert_eq!(first_at(Timestamp::UNIX_EPOCH, epoch_ms), 1);
    }

    #[test]
    fn a_time_of_discord_is_a_time() {
        let timestamp = serenity::model::Timestamp::parse("2016-04-30T11:18:25.796+00:00").unwrap();
        assert_eq!(moment(timestamp).to_string(), "2016-04-30T11:18:25.796Z");
    }

    #[test]
    fn an_edit_keeps_the_number_of_its_message() {
        assert_eq!(number(&edited(KNOWN, 1_462_015_105_796).0), Some(KNOWN));
        assert_eq!(number("@original"), None);
        assert_eq!(number("0"), None);
    }

    #[test]
    fn a_call_is_found_by_the_id_of_its_message() {
        let place = Place {
            platform: Platform::Discord,
            community: "lab".into(),
            room: "7".into(),
            thread: Some("8".into()),
            audience: Audience::Room,
        };
        let message = Message {
            id: edited(KNOWN, 5),
            place,
            author: "1".into(),
            text: String::new(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: true,
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(call(&message.place.room, &message.id), message.call_id());
    }

    #[test]
    fn a_nonce_is_short_and_its_own() {
        let call = "discord:1181111111111111111:1181111111111111112";
        assert_eq!(nonce(call).len(), NONCE_CHARS);
        assert_eq!(nonce(call), nonce(call));
        assert_ne!(nonce(&format!("{call}/0")), nonce(&format!("{call}/1")));
    }
}
