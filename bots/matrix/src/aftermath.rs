//! What is said about earlier messages: a question edited or removed, a reaction to an answer.

use chat::{Audience, MemberId, Message, MessageId, Place, Platform, RoomId, ports::Post};
use jiff::Timestamp;
use matrix_sdk::{
    Room,
    ruma::events::{
        reaction::OriginalSyncReactionEvent,
        relation::Replacement,
        room::{
            message::{OriginalSyncRoomMessageEvent, Relation, RoomMessageEventContentWithoutRelation},
            redaction::OriginalSyncRoomRedactionEvent,
        },
    },
};

use crate::{
    direct::{Kind, is_room, kind},
    listen::Listener,
    members,
    native::{self, Native, call_id, compound},
    reactions::{self, Press},
};

impl Listener {
    /// An edited question is answered anew, beside the answer that it had.
    pub(crate) async fn edited(
        &self,
        room: &Room,
        event: OriginalSyncRoomMessageEvent,
        edit: Replacement<RoomMessageEventContentWithoutRelation>,
    ) {
        let Replacement { event_id: question, new_content, .. } = edit;
        let first = call_id(room.room_id().as_str(), &MessageId(question.to_string()));
        let before = self.outbox.get(&first).await.ok().flatten();
        let (sender, at) = (event.sender.clone(), event.origin_server_ts);
        let alone = Native::of(question.clone(), sender.clone(), at, new_content.clone().with_relation(None));
        let Some(alone) = alone else { return };
        let is_for_us = before.is_some() || self.asked(room, &alone).await.is_for_us();
        // Only the event itself says what it replied to, and whether its editor is who said it.
        let Ok(original) = room.event(&question, None).await else { return };
        let Some(original) = native::original(original.raw()) else { return };
        let said_at = Timestamp::from_millisecond(original.origin_server_ts.get().into()).unwrap_or(Timestamp::MIN);
        if original.sender != sender || self.is_before_join(room, said_at).await {
            return;
        }
        let relation = original.content.relates_to.filter(|relation| !matches!(relation, Relation::Replacement(_)));
        let Some(native) = Native::of(question.clone(), sender, at, new_content.with_relation(relation)) else {
            return;
        };
        let asked = if is_for_us { self.question(room, native.clone()).await } else { None };
        let Some(mut message) = asked else {
            // What was said long ago is no news for its edit.
            return self.overheard(room, Native { at: said_at, ..native }).await;
        };
        // What was meant for nobody may have been kept.
        self.driver.dispatch().removed(&self.place(room), &MessageId(question.to_string())).await;
        if before.is_some_and(|post| post.question.text == message.text) {
            // Some clients send an edit that changes nothing.
            return;
        }
        message.id = compound(&question, &event.event_id);
        self.driver.answer_anew(message, first).await;
    }

    /// A removed question takes its answers with it; a removed answer that still grows is stopped.
    pub(crate) async fn removed(&self, room: &Room, event: OriginalSyncRoomRedactionEvent) {
        let Some(gone) = event.content.redacts.or(event.redacts) else { return };
        let gone = MessageId(gone.to_string());
        self.driver.dispatch().removed(&self.place(room), &gone).await;
        if let Some(post) = self.driver.showing(&gone).await.filter(|post| is_in(post, room)) {
            // Who can remove what we say can stop us saying it.
            self.driver.stop(&post.call, &post.question.author, true);
        }
        self.driver.retract(&call_id(room.room_id().as_str(), &gone)).await;
    }

    /// A reaction to an answer is a press on one of its buttons.
    pub(crate) async fn reacted(&self, room: &Room, event: OriginalSyncReactionEvent) {
        let Some(press) = reactions::press(&event.content.relates_to.key) else {
            return self.marked(room, &event).await;
        };
        let answer = event.content.relates_to.event_id;
        let shown = self.driver.showing(&MessageId(answer.to_string())).await;
        let Some(post) = shown.filter(|post| is_in(post, room)) else { return };
        let author = MemberId(event.sender.to_string());
        let command = match press {
            Press::Stop => {
                let may_moderate = members::has_power(room, &event.sender).await;
                self.driver.stop(&post.call, &author, may_moderate);
                return;
            }
            Press::Command(command) => command,
        };
        let is_known = command.split(' ').next().is_some_and(|word| self.is_command(word));
        let Ok(at) = Timestamp::from_millisecond(event.origin_server_ts.get().into()) else { return };
        if !is_known || self.is_before_join(room, at).await {
            return;
        }
        let here = RoomId(room.room_id().to_string());
        let place = Place {
            platform: Platform::Matrix,
            community: self.community.clone(),
            thread: post.question.place.thread.filter(|_| post.question.place.room == here),
            room: here,
            audience: if kind(room).await == Kind::Direct { Audience::Caller } else { Audience::Room },
        };
        let message = Message {
            // Its reply replies to the answer: a reaction cannot be replied to.
            id: compound(&answer, &event.event_id),
            place,
            author,
            text: format!("!{command}"),
            invocation: None,
            attachments: Vec::new(),
            reply_to: Some(MessageId(answer.to_string())),
            about: Some(post.call),
            visibility: None,
            addressed: true,
            at,
        };
        self.driver.answer(message, None, Vec::new()).await;
    }
}

impl Listener {
    /// A reaction that is no button of ours.
    async fn marked(&self, room: &Room, event: &OriginalSyncReactionEvent) {
        let at = Timestamp::from_millisecond(event.origin_server_ts.get().into()).unwrap_or(Timestamp::MIN);
        if !is_room(room).await || self.is_before_join(room, at).await {
            return;
        }
        let relation = &event.content.relates_to;
        let (member, mark) = (MemberId(event.sender.to_string()), MessageId(event.event_id.to_string()));
        let message = MessageId(relation.event_id.to_string());
        self.driver.dispatch().reacted(&self.place(room), &member, &message, &relation.key, &mark).await;
    }
}

/// Whether an answer stands in this room: an event's id can be named from anywhere.
fn is_in(post: &Post, room: &Room) -> bool {
    post.address.get("room").and_then(serde_json::Value::as_str) == Some(room.room_id().as_str())
}
