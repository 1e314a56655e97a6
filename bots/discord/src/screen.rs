//! Shows replies on Discord: [`Screen`] on top of [`Rest`](crate::rest::Rest).
//!
//! A reply to an interaction goes out with the interaction's token while that lives, then as [`Address::way`] says.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chat::{Audience, MemberId, Message, MessageId, Platform};
use frontend::{Pace, Part, Screen, ScreenError, Style, Tables};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use serenity::all::{ChannelId, LightMethod, Route, UserId};

use crate::{
    address::{Address, Way},
    body::{self, Body},
    guilds::Guilds,
    rest::{self, Rest, RestError},
    snowflake,
};

/// A sign of writing that takes longer is given up.
const TYPING_WITHIN: Duration = Duration::from_secs(2);

/// Follow-ups in doubt, remembered at most.
const DOUBTS_MAX: usize = 1_000;

/// Messages among which a follow-up in doubt is looked for.
const RECENT: usize = 20;

/// A thread that only those see who are taken into it.
const PRIVATE_THREAD: u8 = 12;

/// Longest name of a thread, in characters.
const THREAD_NAME_MAX: usize = 100;

/// After so many minutes without a word Discord closes a thread: a week, the longest that it offers.
const THREAD_MINUTES: u16 = 10_080;

/// Direct messages that are known to be open, remembered at most.
const OPEN_MAX: usize = 10_000;

/// Discord's Markdown.
pub const STYLE: Style = Style {
    part_max: body::CONTENT_MAX,
    measure: |text| text.chars().count(),
    tables: Tables::Fixed,
    formulas: false,
    previews: true,
};

/// Replies on Discord.
pub struct DiscordScreen {
    rest: Arc<Rest>,
    guilds: Arc<Guilds>,
    edit_gap: Duration,
    /// Nonces of follow-ups that Discord may have taken and did not say so.
    doubts: Mutex<HashSet<String>>,
    /// By person: their direct message with the bot.
    open: Mutex<HashMap<u64, ChannelId>>,
}

/// A message of a channel, as far as it matters here.
#[derive(Deserialize)]
struct Recent {
    id: String,
    content: String,
    application_id: Option<String>,
    author: Author,
}

#[derive(Deserialize)]
struct Author {
    id: String,
}

/// A channel, as far as it matters here.
#[derive(Deserialize)]
struct Opened {
    id: String,
}

impl DiscordScreen {
    /// A screen with at least `edit_gap` between two edits of an answer.
    pub fn new(rest: Arc<Rest>, guilds: Arc<Guilds>, edit_gap: Duration) -> Self {
        Self { rest, guilds, edit_gap, doubts: Mutex::default(), open: Mutex::default() }
    }

    /// The direct message with a person.
    async fn open(&self, person: u64) -> Result<ChannelId, RestError> {
        if let Some(known) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&person) {
            return Ok(*known);
        }
        let recipient = json!({ "recipient_id": person.to_string() });
        let request = rest::json(LightMethod::Post, Route::UserMeDmChannels, &recipient);
        let opened: Opened = self.rest.read(request).await?;
        let channel = ChannelId::new(snowflake::number(&opened.id).unwrap_or(1));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(person, channel);
        Ok(channel)
    }

    /// A way on which messages can be made, and where they are made.
    async fn opened<'a>(&self, way: Way<'a>) -> Result<(Way<'a>, Route<'a>), RestError> {
        let channel_id = match way {
            Way::Token { application: application_id, token } => {
                return Ok((way, Route::WebhookFollowupMessages { application_id, token }));
            }
            Way::Channel(channel) => channel,
            Way::Person(person) => self.open(person).await?,
        };
        Ok((Way::Channel(channel_id), Route::ChannelMessages { channel_id }))
    }

    /// Sends a part the way it goes now.
    async fn create(&self, way: Way<'_>, address: &Address, nonce: &str, part: &Part) -> Result<String, RestError> {
        let Way::Token { application, .. } = way else { return self.create_once(way, address, nonce, part).await };
        // Discord knows no nonce for follow-ups: one in doubt is looked for before it is sent again. What the caller alone
        // sees nobody can look for, and twice is better than never.
        let doubts = || self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_doubtful = doubts().contains(nonce);
        if is_doubtful && let Some(there) = self.find(address, application.get(), part).await? {
            doubts().remove(nonce);
            return Ok(there);
        }
        // In doubt from now on: whoever waits for the answer may give up.
        if doubts().len() >= DOUBTS_MAX {
            doubts().clear();
        }
        doubts().insert(nonce.to_owned());
        let sent = self.create_once(way, address, nonce, part).await;
        if !sent.as_ref().is_err_and(RestError::is_doubtful) {
            doubts().remove(nonce);
        }
        sent
    }

    /// The message that shows a part already, among the last ones.
    async fn find(&self, address: &Address, application: u64, part: &Part) -> Result<Option<String>, RestError> {
        let Some(channel) = address.seen_by_all() else { return Ok(None) };
        let route = Route::ChannelMessages { channel_id: ChannelId::new(channel.max(1)) };
        let request = rest::plain(LightMethod::Get, route).params(Some(vec![("limit", RECENT.to_string())]));
        let recent: Vec<Recent> = match self.rest.read(request).await {
            Err(RestError::Refused { .. }) => return Ok(None),
            recent => recent?,
        };
        let (application, content) = (application.to_string(), body::content(part));
        let is_ours = |said: &Recent| {
            said.author.id == application || said.application_id.as_ref().is_some_and(|id| *id == application)
        };
        let there = recent.into_iter().find(|said| is_ours(said) && said.content.trim() == content.trim());
        Ok(there.map(|said| said.id))
    }

    async fn create_once(
        &self,
        way: Way<'_>,
        address: &Address,
        nonce: &str,
        part: &Part,
    ) -> Result<String, RestError> {
        let (way, route) = self.opened(way).await?;
        let uploads = body::carried(part);
        let is_first = nonce.ends_with("/0");
        let body = match way {
            Way::Token { .. } => Body::of(part).flagged(address.is_ephemeral()),
            // Webhooks know no nonce, channels do.
            _ => Body::of(part).flagged(false).once(snowflake::nonce(nonce)),
        };
        let body = body.reply_to(address.reply_to().filter(|_| is_first));
        self.rest.write(way, (LightMethod::Post, route), body, &uploads).await
    }

    /// Edits a message the way it goes now; the message that shows it.
    async fn change(&self, way: Way<'_>, address: &Address, shown: &str, part: &Part) -> Result<String, RestError> {
        let uploads = body::carried(part);
        // What only the interaction's token could edit goes on as a message of its own.
        let goes_on = matches!(way, Way::Person(_));
        let (way, _) = self.opened(way).await?;
        if let Some(route) = way.message(shown) {
            // The first response could not say this when it was deferred; that it is ephemeral stays.
            match self.rest.write(way, (LightMethod::Patch, route), Body::of(part).flagged(false), &uploads).await {
                Err(error) if goes_on && error.is_unknown() => {}
                done => return done.map(|_| shown.to_owned()),
            }
        }
        self.create(way, address, &format!("{} {shown}", address.value()), part).await
    }

    /// Removes a message the way it goes now; one that is gone is removed.
    async fn delete(&self, way: Way<'_>, shown: &str) -> Result<(), RestError> {
        let (way, _) = self.opened(way).await?;
        let Some(route) = way.message(shown) else { return Ok(()) };
        match self.rest.done(rest::plain(LightMethod::Delete, route)).await {
            Err(error) if error.is_unknown() && !error.is_over() => Ok(()),
            done => done.map(drop),
        }
    }
}

/// Now, in seconds since 1970.
fn now() -> i64 {
    Timestamp::now().as_second()
}

#[async_trait]
impl Screen for DiscordScreen {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    fn style(&self) -> &Style {
        &STYLE
    }

    fn pace(&self) -> Pace {
        Pace { gap: self.edit_gap, growth: 1.3, gap_max: self.edit_gap * 5 }
    }

    fn bucket(&self, address: &Value) -> String {
        Address::read(address).map_or_else(|_| String::new(), |address| address.bucket())
    }

    async fn address(&self, message: &Message, audience: Audience) -> Result<Value, ScreenError> {
        let place = &message.place;
        let is_private = place.audience == Audience::Caller;
        if audience == Audience::Caller && !is_private {
            let gone = || ScreenError::Gone { reason: format!("`{}` is nobody", message.author) };
            let person = snowflake::number(&message.author.0).ok_or_else(gone)?;
            let channel = self.open(person).await?.get();
            return Ok(Address::Channel { channel, reply_to: None }.value());
        }
        let channel = place.thread.as_ref().map_or(place.room.0.as_str(), |thread| thread.0.as_str());
        let gone = || ScreenError::Gone { reason: format!("`{channel}` is no channel") };
        let channel = snowflake::number(channel).ok_or_else(gone)?;
        // A command that the platform read is no message that one could reply to.
        let reply_to = snowflake::number(&message.id.0).filter(|_| message.invocation.is_none());
        Ok(Address::Channel { channel, reply_to }.value())
    }

    async fn open_room(&self, about: &Message, name: &str) -> Result<Value, ScreenError> {
        let gone = |what: &str| ScreenError::Gone { reason: format!("`{what}` is no id of Discord's") };
        let room = snowflake::number(&about.place.room.0).ok_or_else(|| gone(&about.place.room.0))?;
        // A thread has none within it: this one lies beside the private thread where they met.
        let parent = self.guilds.spot(room).and_then(|spot| spot.parent).unwrap_or(room);
        let name: String = name.chars().take(THREAD_NAME_MAX).collect();
        // Nobody but moderators can take others in: it is theirs.
        let thread = json!({
            "name": name, "type": PRIVATE_THREAD, "invitable": false, "auto_archive_duration": THREAD_MINUTES,
        });
        let route = Route::ChannelThreads { channel_id: ChannelId::new(parent.max(1)) };
        let opened: Opened = self.rest.read(rest::json(LightMethod::Post, route, &thread)).await?;
        let channel = snowflake::number(&opened.id).ok_or_else(|| gone(&opened.id))?;
        Ok(Address::Channel { channel, reply_to: None }.value())
    }

    async fn take_in(&self, address: &Value, member: &MemberId) -> Result<(), ScreenError> {
        let gone = || ScreenError::Gone { reason: format!("`{member}` is nobody on Discord") };
        let person = snowflake::number(&member.0).ok_or_else(gone)?;
        let channel = Address::read(address)?.seen_by_all().ok_or_else(gone)?;
        let (channel_id, user_id) = (ChannelId::new(channel.max(1)), UserId::new(person.max(1)));
        let route = Route::ChannelThreadMember { channel_id, user_id };
        Ok(self.rest.done(rest::plain(LightMethod::Put, route)).await.map(drop)?)
    }

    async fn send(&self, address: &Value, nonce: &str, part: &Part) -> Result<MessageId, ScreenError> {
        let address = Address::read(address)?;
        let sent = match self.create(address.way(now()), &address, nonce, part).await {
            Err(error) if error.is_over() => self.create(address.way(i64::MAX), &address, nonce, part).await,
            sent => sent,
        };
        Ok(MessageId(sent?))
    }

    async fn edit(&self, address: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError> {
        let address = Address::read(address)?;
        let shows = match self.change(address.way(now()), &address, &shown.0, part).await {
            Err(error) if error.is_over() => self.change(address.way(i64::MAX), &address, &shown.0, part).await,
            shows => shows,
        };
        Ok(MessageId(shows?))
    }

    async fn remove(&self, address: &Value, shown: &MessageId) -> Result<(), ScreenError> {
        let address = Address::read(address)?;
        match self.delete(address.way(now()), &shown.0).await {
            Err(error) if error.is_over() => self.delete(address.way(i64::MAX), &shown.0).await?,
            done => done?,
        }
        Ok(())
    }

    async fn typing(&self, address: &Value) {
        // An interaction shows by itself that it is being answered.
        let Ok(Address::Channel { channel, .. }) = Address::read(address) else { return };
        let route = Route::ChannelTyping { channel_id: ChannelId::new(channel.max(1)) };
        let request = self.rest.done(rest::plain(LightMethod::Post, route));
        if let Ok(Err(error)) = tokio::time::timeout(TYPING_WITHIN, request).await {
            tracing::debug!(%error, "the sign of writing was not taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::double::{Came, Double};

    /// Answers as Discord would: with ids, and with the files that a message has.
    fn discord(came: &Came) -> (u16, String) {
        let (verb, path) = came.line.split_once(' ').unwrap();
        let answer = match (verb, path) {
            (_, path) if path.contains("/over/") => {
                return (401, json!({ "code": 50027, "message": "Invalid Webhook Token" }).to_string());
            }
            ("POST", "/users/@me/channels") => json!({ "id": "700" }),
            ("PATCH", "/channels/700/messages/5") => {
                return (404, json!({ "code": 10008, "message": "Unknown Message" }).to_string());
            }
            _ => json!({ "id": "20" }),
        };
        (200, answer.to_string())
    }

    fn interaction(token: &str, until: i64, ephemeral: bool) -> Value {
        let interaction = token.to_owned();
        Address::Interaction { interaction, application: 3, channel: 7, caller: 9, until, ephemeral }.value()
    }

    fn part(text: &str) -> Part {
        Part { markdown: text.to_owned(), ..Part::default() }
    }

    async fn screen() -> (Double, DiscordScreen) {
        let double = Double::start(discord).await;
        let screen = DiscordScreen::new(double.rest(), Arc::new(Guilds::new(Vec::new())), Duration::from_secs(1));
        (double, screen)
    }

    #[tokio::test]
    async fn a_reply_to_a_message_replies_to_it_once() {
        let (double, screen) = screen().await;
        let address = Address::Channel { channel: 7, reply_to: Some(5) }.value();
        let shown = screen.send(&address, "discord:7:5/0", &part("one")).await.unwrap();
        screen.send(&address, "discord:7:5/1", &part("two")).await.unwrap();
        screen.edit(&address, &shown, &part("three")).await.unwrap();
        assert_eq!(
            double.lines(),
            ["POST /channels/7/messages", "POST /channels/7/messages", "PATCH /channels/7/messages/20"]
        );
        let references = double.came().iter().filter(|came| came.body.contains("message_reference")).count();
        assert_eq!(references, 1);
    }

    #[tokio::test]
    async fn an_answer_to_one_that_comes_too_late_goes_on_in_a_direct_message() {
        let (double, screen) = screen().await;
        for address in [interaction("fine", 0, true), interaction("over", i64::MAX, true)] {
            let before = double.lines().len();
            // What a second process has: the message that the first one kept.
            let shown = screen.edit(&address, &"5".into(), &part("late")).await.unwrap();
            assert_eq!(shown, "20".into(), "the reply knows the message that goes on with it");
            assert_eq!(screen.edit(&address, &shown, &part("later")).await.unwrap(), shown);
            screen.remove(&address, &shown).await.unwrap();
            let lines = double.lines()[before..].to_vec();
            let lines: Vec<&String> = lines.iter().filter(|line| line.contains("/channels/700/")).collect();
            assert_eq!(
                lines[lines.len() - 4..],
                [
                    "PATCH /channels/700/messages/5",
                    "POST /channels/700/messages",
                    "PATCH /channels/700/messages/20",
                    "DELETE /channels/700/messages/20"
                ]
            );
        }
        let opened = double.lines().iter().filter(|line| line.contains("@me/channels")).count();
        assert_eq!(opened, 1, "a direct message is opened once");
    }

    #[tokio::test]
    async fn an_answer_to_all_that_comes_too_late_stays_in_the_channel() {
        let (double, screen) = screen().await;
        let address = interaction("fine", 0, false);
        screen.edit(&address, &"5".into(), &part("late")).await.unwrap();
        screen.send(&address, "discord:7:5/1", &part("more")).await.unwrap();
        assert_eq!(double.lines(), ["PATCH /channels/7/messages/5", "POST /channels/7/messages"]);
    }

    #[tokio::test]
    async fn what_is_removed_already_is_removed() {
        let double = Double::start(|_| (404, json!({ "code": 10008, "message": "Unknown Message" }).to_string())).await;
        let screen = DiscordScreen::new(double.rest(), Arc::new(Guilds::new(Vec::new())), Duration::from_secs(1));
        let address = Address::Channel { channel: 7, reply_to: None }.value();
        assert!(screen.remove(&address, &"5".into()).await.is_ok());
        assert!(matches!(screen.edit(&address, &"5".into(), &part("x")).await, Err(ScreenError::Gone { .. })));
    }

    #[tokio::test]
    async fn a_follow_up_whose_answer_was_lost_is_looked_for_before_it_is_sent_again() {
        let double = Double::start(|came| match came.line.split_once(' ').unwrap() {
            // Taken, but nobody hears of it.
            ("POST", path) if path.starts_with("/webhooks/") => (502, String::new()),
            ("GET", _) => {
                let said = |id: &str, content: &str, author: &str| {
                    json!({ "id": id, "content": content, "author": { "id": author } })
                };
                (200, json!([said("33", "more", "9"), said("32", "other", "3"), said("31", "more", "3")]).to_string())
            }
            _ => (200, json!({ "id": "20" }).to_string()),
        })
        .await;
        let screen = DiscordScreen::new(double.rest(), Arc::new(Guilds::new(Vec::new())), Duration::from_secs(1));
        let all = interaction("fine", i64::MAX, false);
        assert!(screen.send(&all, "discord:7:5/1", &part("more")).await.is_err());
        assert_eq!(screen.send(&all, "discord:7:5/1", &part("more")).await.unwrap(), "31".into());
        assert!(screen.send(&all, "discord:7:5/2", &part("another")).await.is_err());
        assert_eq!(
            double.lines(),
            ["POST /webhooks/3/fine", "GET /channels/7/messages?&limit=20", "POST /webhooks/3/fine"]
        );
    }
}
