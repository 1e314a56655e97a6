//! Messages: those that are meant for the bot are answered, edited ones anew; where one is gone, so is its answer.

use std::sync::atomic::Ordering;

use chat::{MemberId, Message, MessageId, Overheard, Place, error::chain};
use jiff::{SignedDuration, Timestamp};
use serenity::all;

use crate::{hear, hub::Hub, rest, snowflake};

/// A message that is older tells an old membership.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

impl Hub {
    /// A message came.
    pub async fn heard(&self, said: all::Message) {
        let guild = said.guild_id.map(|guild| guild.get());
        if !hear::is_of_person(&said) || said.author.id == self.me || !self.guilds.serves(guild) {
            return;
        }
        let is_addressed = self.is_addressed(&said).await;
        if !is_addressed && !hear::is_command(&said.content, &self.manifests()) {
            return self.overheard(said).await;
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
            visibility: None,
            addressed: is_addressed,
            at: snowflake::moment(said.timestamp),
        };
        self.driver.answer(message, None, Vec::new()).await;
    }

    /// Whether it is meant for the bot. A reply to what a person said, and the bot said again, is meant for that person.
    async fn is_addressed(&self, said: &all::Message) -> bool {
        let replied = said.referenced_message.as_deref().filter(|_| hear::answers(said, self.me));
        match replied.filter(|_| !hear::names(&said.content, self.me)) {
            Some(ours) => {
                let shown = self.driver.showing(&MessageId(ours.id.to_string())).await;
                !shown.is_some_and(|post| post.question.is_echo())
            }
            None => hear::is_addressed(said, self.me),
        }
    }

    /// Something was said that was not meant for the bot.
    async fn overheard(&self, said: all::Message) {
        if !self.hears_all.load(Ordering::Relaxed) {
            return;
        }
        let place = self.place(said.channel_id, said.guild_id, None).await;
        self.meet(&said, &place);
        let link = said.guild_id.map(|guild| {
            let (channel, id) = (said.channel_id, said.id);
            format!("https://discord.com/channels/{guild}/{channel}/{id}")
        });
        let nick = said.member.as_ref().and_then(|member| member.nick.clone());
        let name = nick.unwrap_or_else(|| said.author.display_name().to_owned());
        let room = snowflake::number(&place.room.0).map(|room| self.guilds.name(room)).unwrap_or_default();
        let message = Message {
            id: MessageId(said.id.to_string()),
            place,
            author: MemberId(said.author.id.to_string()),
            text: hear::text(&said.content, &said.mentions, self.me),
            invocation: None,
            attachments: hear::files(&said.attachments),
            reply_to: said.referenced_message.as_deref().map(|message| MessageId(message.id.to_string())),
            about: None,
            visibility: None,
            addressed: false,
            at: snowflake::moment(said.timestamp),
        };
        self.driver.overhear(Overheard { message, link, name, room }).await;
    }

    /// A message brings the roles of its author, if it is not one that the gateway delivers late.
    fn meet(&self, said: &all::Message, place: &Place) {
        let (person, Some(room)) = (said.author.id.get(), snowflake::number(&place.room.0)) else { return };
        if said.guild_id.is_none() {
            self.sight.know_direct(said.channel_id.get(), person);
        }
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
        let post = self.outbox.get(&call).await.ok().flatten().filter(|post| post.question.addressed);
        let Some(post) = post else { return self.said_anew(event, place).await };
        let text = hear::text(content, event.mentions.as_deref().unwrap_or_default(), self.me);
        if text == post.question.text {
            return;
        }
        if let (Some(room), Some(person)) =
            (snowflake::number(&place.room.0), snowflake::number(&post.question.author.0))
        {
            self.members.forget(room, person);
        }
        let at = snowflake::moment(edited);
        let message = Message { id: snowflake::edited(id, at.as_millisecond()), text, at, ..post.question };
        self.driver.answer_anew(message, call).await;
    }

    /// Something that was not meant for the bot says something else now.
    async fn said_anew(&self, event: all::MessageUpdateEvent, place: Place) {
        let id = MessageId(event.id.to_string());
        if !self.hears_all.load(Ordering::Relaxed) {
            return self.driver.dispatch().removed(&place, &id).await;
        }
        // Discord does not tell it whole in its event.
        let route = all::Route::ChannelMessage { channel_id: event.channel_id, message_id: event.id };
        match self.rest.read::<all::Message>(rest::plain(all::LightMethod::Get, route)).await {
            Ok(mut said) => {
                said.guild_id = event.guild_id;
                if !hear::is_of_person(&said) || said.author.id == self.me {
                    return;
                }
                match self.is_addressed(&said).await || hear::is_command(&said.content, &self.manifests()) {
                    true => self.driver.dispatch().removed(&place, &id).await,
                    false => self.overheard(said).await,
                }
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "an edited message cannot be read; what was kept of it is not");
                self.driver.dispatch().removed(&place, &id).await;
            }
        }
    }

    /// A person set an emoji under a message, or took it back.
    pub async fn marked(&self, reaction: all::Reaction, is_set: bool) {
        let (Some(person), Some(guild)) = (reaction.user_id, reaction.guild_id) else { return };
        let all::ReactionType::Unicode(emoji) = &reaction.emoji else { return };
        let is_program = reaction.member.as_ref().is_some_and(|member| member.user.bot);
        if person == self.me || is_program || !self.guilds.serves(Some(guild.get())) {
            return;
        }
        let place = self.place(reaction.channel_id, Some(guild), None).await;
        // A reaction has no id of its own, and this one tells nobody who set it.
        let mark = MessageId(snowflake::nonce(&format!("{}/{person}/{emoji}", reaction.message_id)));
        let (member, message) = (MemberId(person.to_string()), MessageId(reaction.message_id.to_string()));
        if let Some(room) = snowflake::number(&place.room.0) {
            self.members.forget(room, person.get());
        }
        match is_set {
            true => self.driver.dispatch().reacted(&place, &member, &message, emoji, &mark).await,
            false => self.driver.dispatch().removed(&place, &mark).await,
        }
    }

    /// Messages are gone.
    pub async fn deleted(&self, channel: all::ChannelId, guild: Option<all::GuildId>, ids: Vec<all::MessageId>) {
        if !self.guilds.serves(guild.map(|guild| guild.get())) {
            return;
        }
        let place = self.place(channel, guild, None).await;
        let ids: Vec<MessageId> = ids.into_iter().map(|id| MessageId(id.to_string())).collect();
        for id in &ids {
            self.driver.dispatch().removed(&place, id).await;
        }
        let calls: Vec<_> = ids.iter().map(|id| snowflake::call(&place.room, id)).collect();
        futures::future::join_all(calls.iter().map(|call| self.driver.retract(call))).await;
    }
}
