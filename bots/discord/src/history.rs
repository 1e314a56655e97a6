//! What was said in channels and threads before, read from Discord page by page; nothing of it is kept.
//!
//! Without the privileged intent for message content Discord leaves out the text of messages that were not meant for
//! the bot: such messages are not here.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use chat::{
    Audience, MemberId, Message, MessageId, Place, PortError,
    ports::{Archive, Archived},
};
use jiff::{SignedDuration, Timestamp};
use serenity::all::{self, ChannelId, LightMethod, Permissions, Request, Route};

use crate::{
    Me, hear,
    rest::{Rest, RestError},
    sight::{Lies, Sight, Somebody},
    snowflake,
};

const PORT: &str = "archive";

/// Most messages that Discord gives at once.
const PAGE_MAX: usize = 100;

/// Pages without a message that are passed over.
const EMPTY_MAX: usize = 10;

/// Messages that are read at once while a chain of replies is followed.
const CHAIN_PAGE: usize = 50;

/// Pages that are read for one chain of replies.
const CHAIN_PAGES_MAX: usize = 6;

/// How long a direct message without replies counts as one conversation.
const DIRECT_HOURS: i64 = 12;

/// The history of the channels.
pub struct History {
    rest: Arc<Rest>,
    sight: Arc<Sight>,
    me: Me,
    /// From which moment ids count, in milliseconds since 1970; 0 before a message told it.
    epoch_ms: AtomicI64,
}

impl History {
    /// The history, as `me` sees it.
    pub fn new(rest: Arc<Rest>, sight: Arc<Sight>, me: Me) -> Self {
        Self { rest, sight, me, epoch_ms: AtomicI64::new(0) }
    }

    /// At most `limit` messages of a channel with ids below `before`, newest first.
    async fn read(&self, channel: u64, before: Option<u64>, limit: usize) -> Result<Vec<all::Message>, RestError> {
        let channel_id = ChannelId::new(channel.max(1));
        let mut params = vec![("limit", limit.clamp(1, PAGE_MAX).to_string())];
        params.extend(before.map(|before| ("before", before.to_string())));
        let request = Request::new(Route::ChannelMessages { channel_id }, LightMethod::Get).params(Some(params));
        let page: Vec<all::Message> = self.rest.read(request).await?;
        if let Some(said) = page.first() {
            let epoch_ms = snowflake::epoch_ms(said.id.get(), snowflake::moment(said.timestamp));
            self.epoch_ms.store(epoch_ms, Ordering::Relaxed);
        }
        Ok(page)
    }

    /// At most `limit` messages of a channel from before a moment, newest first.
    async fn read_before(&self, channel: u64, at: Timestamp, limit: usize) -> Result<Vec<all::Message>, RestError> {
        if self.epoch_ms.load(Ordering::Relaxed) == 0 {
            // Once: the newest message says how ids count.
            self.read(channel, None, 1).await?;
        }
        let before = snowflake::first_at(at, self.epoch_ms.load(Ordering::Relaxed));
        let mut page = self.read(channel, Some(before), limit).await?;
        page.retain(|said| snowflake::moment(said.timestamp) < at);
        Ok(page)
    }

    /// The messages that `from` replies to, one after the other, newest first.
    async fn chain(&self, channel: u64, from: u64, limit: usize) -> Result<Vec<all::Message>, RestError> {
        let mut known: HashMap<u64, all::Message> = HashMap::new();
        let (mut chain, mut pages, mut next) = (Vec::new(), 0, Some(from));
        while let (Some(id), true) = (next, chain.len() < limit) {
            let Some(message) = known.remove(&id) else {
                if pages == CHAIN_PAGES_MAX {
                    break;
                }
                pages += 1;
                // The message itself and those before it: where the chain goes on.
                let page = self.read(channel, Some(id.saturating_add(1)), CHAIN_PAGE).await?;
                known.extend(page.into_iter().map(|message| (message.id.get(), message)));
                if !known.contains_key(&id) {
                    // Deleted.
                    break;
                }
                continue;
            };
            next = replied_to(&message).filter(|before| *before < id);
            chain.push(message);
        }
        Ok(chain)
    }

    /// Whether who comes to a room reads back. Who may come to it is its own affair.
    async fn opens(&self, room: u64) -> Result<bool, RestError> {
        let spot = match self.sight.find(room).await? {
            // A direct message is nobody else's.
            Lies::Direct(_) => return Ok(true),
            Lies::Nowhere => return Ok(false),
            Lies::In(spot) => spot,
        };
        let Some(overwrites) = self.sight.overwrites(spot.parent.unwrap_or(room)).await? else { return Ok(false) };
        let Some(guild) = self.sight.guilds.guild(spot.guild) else { return Ok(true) };
        let everyone = Somebody { person: 0, roles: Vec::new(), base: guild.permissions(spot.guild, 0, &[]) };
        Ok(everyone.may(spot.guild, &overwrites).contains(Permissions::READ_MESSAGE_HISTORY))
    }

    fn archived(&self, place: &Place, said: &all::Message) -> Option<Archived> {
        let me = self.me.get().copied().unwrap_or_default();
        let text = hear::text(&said.content, &said.mentions, me);
        let attachments = hear::files(&said.attachments);
        if !hear::is_written(said.kind) || (text.is_empty() && attachments.is_empty()) {
            return None;
        }
        let id = said.id.get();
        let channel = said.channel_id.get();
        let guild = self.sight.guilds.spot(channel).map_or_else(|| "@me".to_owned(), |spot| spot.guild.to_string());
        let message = Message {
            id: MessageId(id.to_string()),
            place: place.clone(),
            author: MemberId(said.author.id.to_string()),
            text,
            invocation: None,
            attachments,
            reply_to: replied_to(said).map(|id| MessageId(id.to_string())),
            about: None,
            visibility: None,
            addressed: false,
            at: snowflake::moment(said.timestamp),
        };
        let link = Some(format!("https://discord.com/channels/{guild}/{channel}/{id}"));
        let name = said.author.global_name.clone().unwrap_or_else(|| said.author.name.clone());
        Some(Archived { message, name, ours: said.author.id == me, link })
    }
}

/// The message that one replies to.
fn replied_to(said: &all::Message) -> Option<u64> {
    said.message_reference.as_ref()?.message_id.map(|id| id.get())
}

/// The channel or thread of a place.
fn channel(place: &Place) -> Result<u64, PortError> {
    let id = place.thread.as_ref().map_or(&place.room.0, |thread| &thread.0);
    snowflake::number(id)
        .ok_or_else(|| PortError::Refused { port: PORT, reason: format!("`{id}` is no channel of Discord") })
}

#[async_trait]
impl Archive for History {
    async fn page(&self, place: &Place, before: Option<Timestamp>, limit: usize) -> Result<Vec<Archived>, PortError> {
        let channel = channel(place)?;
        let failed = || RestError::port(PORT, "reading a channel");
        let mut page = match before {
            None => self.read(channel, None, limit).await.map_err(failed())?,
            Some(at) => self.read_before(channel, at, limit).await.map_err(failed())?,
        };
        // Pictures of links and joins are no messages: a page of nothing else is not the end.
        for _ in 0..EMPTY_MAX {
            let found: Vec<Archived> = page.iter().filter_map(|said| self.archived(place, said)).collect();
            let Some(last) = page.last().filter(|_| found.is_empty()) else { return Ok(found) };
            page = self.read(channel, Some(last.id.get()), limit).await.map_err(failed())?;
        }
        Ok(Vec::new())
    }

    async fn message(&self, place: &Place, id: &MessageId) -> Result<Option<Archived>, PortError> {
        let channel_id = ChannelId::new(channel(place)?);
        let Some(id) = snowflake::number(&id.0) else { return Ok(None) };
        let route = Route::ChannelMessage { channel_id, message_id: all::MessageId::new(id) };
        match self.rest.read::<all::Message>(Request::new(route, LightMethod::Get)).await {
            Ok(said) => Ok(self.archived(place, &said)),
            Err(error) if error.is_unknown() => Ok(None),
            Err(error) => Err(RestError::port(PORT, "reading a message")(error)),
        }
    }

    async fn is_open(&self, place: &Place) -> Result<bool, PortError> {
        let Some(room) = snowflake::number(&place.room.0) else { return Ok(false) };
        self.opens(room).await.map_err(RestError::port(PORT, "looking up a channel"))
    }

    async fn is_gone(&self, place: &Place, id: &MessageId) -> Result<bool, PortError> {
        // One that is there but nobody's (of a type that is not read) is none of ours to call gone.
        let channel_id = ChannelId::new(channel(place)?);
        let Some(id) = snowflake::number(&id.0) else { return Ok(false) };
        let route = Route::ChannelMessage { channel_id, message_id: all::MessageId::new(id) };
        match self.rest.read::<all::Message>(Request::new(route, LightMethod::Get)).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_unknown() => Ok(true),
            Err(error) => Err(RestError::port(PORT, "reading a message")(error)),
        }
    }

    async fn conversation(&self, message: &Message, limit: usize) -> Result<Vec<Archived>, PortError> {
        let place = &message.place;
        let channel = channel(place)?;
        let before = snowflake::number(&message.id.0);
        let replied = message.reply_to.as_ref().and_then(|id| snowflake::number(&id.0));
        // A private thread is a room of its own, and one conversation all the same.
        let is_thread = place.thread.is_some() || self.sight.guilds.spot(channel).is_some_and(|spot| spot.private);
        let said = match (is_thread, replied) {
            (true, _) => self.read(channel, before, limit).await,
            (false, Some(from)) => self.chain(channel, from, limit).await,
            // Between two everything is one conversation, while it is not long ago.
            (false, None) if place.audience == Audience::Caller => {
                self.read(channel, before, limit).await.map(|said| {
                    let since = message.at - SignedDuration::from_hours(DIRECT_HOURS);
                    said.into_iter().take_while(|said| snowflake::moment(said.timestamp) >= since).collect()
                })
            }
            (false, None) => Ok(Vec::new()),
        };
        let said = said.map_err(RestError::port(PORT, "reading a conversation"))?;
        Ok(said.iter().filter_map(|said| self.archived(place, said)).collect())
    }
}

#[cfg(test)]
mod tests {
    use chat::Platform;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        double::{Came, Double},
        guilds::{Guilds, Spot},
    };

    const ME: u64 = 99;

    fn history(double: &Double) -> History {
        let sight = Sight::new(double.rest(), Arc::new(Guilds::new(Vec::new())));
        History::new(double.rest(), Arc::new(sight), Me::new(ME.into()))
    }

    /// A message of this number, which replies to the one 40 before it; its id leaves `shift` bits below it.
    fn said(number: u64, shift: u32) -> Value {
        let author = if number.is_multiple_of(4) { ME } else { 2 };
        let id = |number: u64| (number << shift).to_string();
        let before = (number > 100).then(|| json!({ "channel_id": "7", "message_id": id(number - 40) }));
        json!({
            "id": id(number), "channel_id": "7", "content": format!("text {number}"), "type": 19,
            "author": { "id": author.to_string(), "username": "x", "discriminator": "0", "avatar": null },
            "timestamp": format!("2026-11-24T12:00:00.{number:03}Z"), "tts": false, "mention_everyone": false,
            "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": false,
            "message_reference": before,
        })
    }

    /// A channel with a message for each number below 1 000.
    fn page(came: &Came, shift: u32) -> (u16, String) {
        let query = |name: &str| {
            let found = came.line.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            found.and_then(|value| value.parse::<u64>().ok())
        };
        let (before, limit) = (query("before").map_or(1_000, |id| id >> shift), query("limit").unwrap_or(50));
        let numbers = (1..before.min(1_000)).rev().take(usize::try_from(limit).unwrap());
        (200, Value::from(numbers.map(|number| said(number, shift)).collect::<Vec<_>>()).to_string())
    }

    fn message(id: &str, reply_to: Option<&str>, thread: Option<&str>) -> Message {
        Message {
            id: id.into(),
            place: Place {
                platform: Platform::Discord,
                community: "lab".into(),
                room: "7".into(),
                thread: thread.map(Into::into),
                audience: Audience::Room,
            },
            author: "2".into(),
            text: "and why?".to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: reply_to.map(Into::into),
            about: None,
            visibility: None,
            addressed: true,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[track_caller]
    fn check(found: &[Archived], want: &[(&str, bool)]) {
        let shown: Vec<_> = found.iter().map(|one| (one.message.id.0.as_str(), one.ours)).collect();
        assert_eq!(shown, want);
    }

    #[tokio::test]
    async fn a_chain_of_replies_is_followed_over_pages() {
        let double = Double::start(|came| page(came, 0)).await;
        let history = history(&double);
        history.sight.guilds.learn(7, Spot { guild: 5, parent: None, private: false });
        let found = history.conversation(&message("999#5", Some("230"), None), 10).await.unwrap();
        check(&found, &[("230", false), ("190", false), ("150", false), ("110", false), ("70", false)]);
        assert_eq!(double.lines().len(), 3, "two links of this chain lie on each page");
        assert_eq!(found[0].link.as_deref(), Some("https://discord.com/channels/5/7/230"));
        let found = history.conversation(&message("999", Some("230"), None), 2).await.unwrap();
        check(&found, &[("230", false), ("190", false)]);
        assert!(history.conversation(&message("999", None, None), 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_direct_message_is_a_conversation_of_some_hours() {
        let double = Double::start(|came| page(came, 0)).await;
        let history = history(&double);
        let mut message = message("999", None, None);
        message.place.audience = Audience::Caller;
        message.at = "2026-11-25T00:00:00.997Z".parse().unwrap();
        let found = history.conversation(&message, 10).await.unwrap();
        check(&found, &[("998", false), ("997", false)]);
    }

    #[tokio::test]
    async fn a_page_ends_before_its_moment() {
        let double = Double::start(|came| page(came, 22)).await;
        let history = history(&double);
        let place = message("1", None, None).place;
        for _ in 0..2 {
            let before = "2026-11-24T12:00:00.500Z".parse().unwrap();
            let found = history.page(&place, Some(before), 2).await.unwrap();
            let found: Vec<String> = found.iter().map(|one| one.message.at.to_string()).collect();
            assert_eq!(found, ["2026-11-24T12:00:00.499Z", "2026-11-24T12:00:00.498Z"]);
        }
        assert_eq!(double.lines().len(), 3, "how ids count is asked once");
    }

    #[tokio::test]
    async fn a_thread_is_one_conversation() {
        let double = Double::start(|came| page(came, 0)).await;
        let history = history(&double);
        let found = history.conversation(&message("401#7", None, Some("8")), 3).await.unwrap();
        check(&found, &[("400", true), ("399", false), ("398", false)]);
        assert_eq!(double.lines(), ["GET /channels/8/messages?&limit=3&before=401"]);
        // A private one too, which is a room of its own.
        history.sight.guilds.learn(7, Spot { guild: 5, parent: Some(6), private: true });
        let found = history.conversation(&message("401#7", None, None), 3).await.unwrap();
        check(&found, &[("400", true), ("399", false), ("398", false)]);
    }
}
