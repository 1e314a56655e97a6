//! What a message says and whether it is meant for the bot. Pure.

use chat::{Attachment, Manifest};
use serenity::all::{self, Message, MessageType, User};

use crate::invoke;

/// Whether it is a person's message, of a kind that people write.
pub fn is_of_person(said: &Message) -> bool {
    is_written(said.kind) && !said.author.bot && !said.author.system && said.webhook_id.is_none()
}

/// Whether messages of this kind have an author's text.
pub fn is_written(kind: MessageType) -> bool {
    matches!(
        kind,
        MessageType::Regular
            | MessageType::InlineReply
            | MessageType::ChatInputCommand
            | MessageType::ContextMenuCommand
    )
}

/// Whether it is meant for the bot: a direct message, a mention, a reply to a message of the bot.
pub fn is_addressed(said: &Message, me: u64) -> bool {
    let mentions = said.mentions.iter().any(|user| user.id == me);
    said.guild_id.is_none() || mentions || answers(said, me)
}

/// Whether its text names the bot: a reply mentions whom it replies to without.
pub fn names(content: &str, me: u64) -> bool {
    [format!("<@{me}>"), format!("<@!{me}>")].iter().any(|mention| content.contains(mention))
}

/// Whether it replies to a message of the bot.
pub fn answers(said: &Message, me: u64) -> bool {
    said.referenced_message.as_ref().is_some_and(|referenced| referenced.author.id == me)
}

/// Whether it calls a command by its sign.
pub fn is_command(text: &str, manifests: &[&'static Manifest]) -> bool {
    text.trim_start().starts_with('!') && invoke::called(manifests, text).is_some()
}

/// The text without the bot's own mention, with the names of others in place of their numbers.
pub fn text(content: &str, mentions: &[User], me: u64) -> String {
    let replaced = |text: &str, id: u64, name: &str| {
        [format!("<@{id}>"), format!("<@!{id}>")].iter().fold(text.to_owned(), |text, it| text.replace(it, name))
    };
    let mut text = replaced(content, me, "").trim().to_owned();
    // A command means who is mentioned, not their name.
    if !text.starts_with(['!', '/']) {
        for user in mentions.iter().filter(|user| user.id.get() != me) {
            text = replaced(&text, user.id.get(), &format!("@{}", user.display_name()));
        }
    }
    text.trim().to_owned()
}

/// The files of a message.
pub fn files<'a>(attachments: impl IntoIterator<Item = &'a all::Attachment>) -> Vec<Attachment> {
    let file = |attachment: &all::Attachment| Attachment {
        name: attachment.filename.clone(),
        media_type: attachment.content_type.clone(),
        bytes: attachment.size.into(),
        handle: attachment.url.clone(),
    };
    attachments.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::definition::tests::MANIFEST;

    const ME: u64 = 99;

    fn user(id: u64, name: &str) -> Value {
        json!({ "id": id.to_string(), "username": name, "discriminator": "0", "avatar": null })
    }

    fn said(changes: Value) -> Message {
        let mut message = json!({
            "id": "1", "channel_id": "7", "guild_id": "5", "author": user(2, "ana"), "content": "hi", "type": 0,
            "timestamp": "2026-11-24T12:00:00Z", "tts": false, "mention_everyone": false, "mentions": [],
            "mention_roles": [], "attachments": [], "embeds": [], "pinned": false,
        });
        let (Some(message_map), Value::Object(changes)) = (message.as_object_mut(), changes) else { unreachable!() };
        message_map.extend(changes);
        serde_json::from_value(message).unwrap()
    }

    #[track_caller]
    fn check(changes: Value, want: bool) {
        assert_eq!(is_addressed(&said(changes), ME), want);
    }

    #[test]
    fn a_mention_a_reply_and_a_direct_message_are_meant_for_the_bot() {
        check(json!({}), false);
        check(json!({ "mentions": [user(3, "bob")] }), false);
        check(json!({ "mentions": [user(ME, "bot")] }), true);
        check(json!({ "guild_id": null }), true);
        let of = |author| serde_json::to_value(said(json!({ "author": user(author, "x") }))).unwrap();
        check(json!({ "type": 19, "referenced_message": of(ME) }), true);
        check(json!({ "type": 19, "referenced_message": of(3) }), false);
    }

    #[test]
    fn programs_are_not_persons() {
        assert!(is_of_person(&said(json!({}))));
        assert!(!is_of_person(&said(json!({ "webhook_id": "4" }))));
        assert!(!is_of_person(&said(json!({ "type": 7 }))));
        let mut bot = user(2, "bot");
        bot["bot"] = true.into();
        assert!(!is_of_person(&said(json!({ "author": bot }))));
    }

    #[test]
    fn the_bots_mention_is_no_part_of_the_text_and_others_have_names() {
        let bob: Vec<User> = vec![serde_json::from_value(user(3, "bob")).unwrap()];
        assert_eq!(text("<@99> why, <@!3>?", &bob, ME), "why, @bob?");
        assert_eq!(text(" <@!99>  ", &[], ME), "");
        assert_eq!(text("a <@4> b", &[], ME), "a <@4> b");
    }

    #[test]
    fn only_a_known_command_is_one() {
        assert!(is_command("!ask why", &[&MANIFEST]));
        assert!(!is_command("!roll 6", &[&MANIFEST]));
        assert!(!is_command("ask why", &[&MANIFEST]));
    }
}
