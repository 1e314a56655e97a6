//! Messages: those that are meant for the bot are answered, edited ones anew; where one is gone, so is its answer.

use chat::{MemberId, Message, MessageId, Place};
use jiff::{SignedDuration, Timestamp};
use serenity::all;

use crate::{hear, hub::Hub, snowflake};

/// A message that is older tells an old membership.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

impl Hub {
    /// A message came.
    pub async fn heard(&self, said: all::Message) {
        let guild = said.guild_id.map(|guild| guild.get());
        if !hear::is_of_person(&said) || said.author.id == self.me || !self.guilds.serves(guild) {
            return;
        }
        let is_addressed = hear::is_addressed(&said, self.me);
        if !is_addressed && !hear::is_command(&said.content, &self.manifests()) {
            return;
        }
        let place = self.place(said.channel_id, said.guild_id, None).await;
        self.meet(&said, &place);
        let referenced = said.referenced_message.as_deref();
        let about = match referenced.filter(|_| hear::answers(&said, self.me)) {
            Some(answer) => self.about(answer.id.get()).await,
            None => None,
        };
        let files = said.attachments.iter().chain(referenced.into_iter().flat_map(|message| &message.attachments));
        let message = Message {
            id: MessageId(said.id.to_string()),
            place,
            author: MemberId(said.author.id.to_string()),
            text: hear::text(&said.content, &said.mentions, self.me),
            invocation: None,
            attachments: hear::files(files),
            reply_to: referenced.map(|message| MessageId(message.id.to_string())),
            about,
            addressed: is_addressed,
            at: snowflake::moment(said.timestamp),
        };
        self.driver.answer(message, None, Vec::new()).await;
    }

    /// A message brings the roles of its author, if it is not one that the gateway delivers late.
    fn meet(&self, said: &all::Message, place: &Place) {
        let (person, Some(room)) = (said.author.id.get(), snowflake::number(&place.room.0)) else { return };
        self.members.forget(room, person);
        let age = Timestamp::now().duration_since(snowflake::moment(said.timestamp));
        if let (Some(guild), Some(member), true) = (said.guild_id, &said.member, age < FRESH) {
            self.members.saw_roles(room, guild.get(), person, &member.roles);
        }
    }

    /// A message was edited: a question that we know, and that says something else now, is asked anew.
    pub async fn edited(&self, event: all::MessageUpdateEvent) {
        // Discord also tells here that a link unfolded: then no edit has a time.
        let (Some(content), Some(edited)) = (&event.content, event.edited_timestamp) else { return };
        let is_ours = event.author.as_ref().is_some_and(|author| author.bot || author.id == self.me);
        let guild = event.guild_id.map(|guild| guild.get());
        if is_ours || !self.guilds.serves(guild) {
            return;
        }
        let place = self.place(event.channel_id, event.guild_id, None).await;
        let id = event.id.get();
        let call = snowflake::call(&place.room, &MessageId(id.to_string()));
        let Ok(Some(post)) = self.outbox.get(&call).await else { return };
        let text = hear::text(content, event.mentions.as_deref().unwrap_or_default(), self.me);
        if text == post.question.text {
            return;
        }
        if let (Some(room), Some(person)) =
            (snowflake::number(&place.room.0), snowflake::number(&post.question.author.0))
        {
            self.members.forget(room, person);
        }
        // The answer to what it said before has lost its question.
        self.driver.stop(&call, &post.question.author, false);
        let at = snowflake::moment(edited);
        let message = Message { id: snowflake::edited(id, at.as_millisecond()), text, at, ..post.question };
        self.note_edit(id, message.call_id());
        self.driver.answer(message, None, Vec::new()).await;
    }

    /// Messages are gone.
    pub async fn deleted(&self, channel: all::ChannelId, guild: Option<all::GuildId>, ids: Vec<all::MessageId>) {
        if !self.guilds.serves(guild.map(|guild| guild.get())) {
            return;
        }
        let place = self.place(channel, guild, None).await;
        let calls = ids.into_iter().flat_map(|id| {
            let call = snowflake::call(&place.room, &MessageId(id.to_string()));
            self.take_edits(id.get()).into_iter().chain([call])
        });
        let calls: Vec<_> = calls.collect();
        futures::future::join_all(calls.iter().map(|call| self.driver.retract(call))).await;
    }
}
