//! A bridge: what is said in one language is said again in another, below it in the same room or in a second room, which
//! may be on another platform.
//!
//! Read [`verdict`] (in which language a message is, or whether that is unsure), [`pace`] (how much is carried), then
//! [`hear`] (a message is carried) and `order` (moderators start and end bridges).
//!
//! **Invariant:** a room is bridged with another only after a moderator of each said so, each knowing the other room; nothing is
//! carried of who opted out, and nobody is named who did not agree to it, nor by what others could work out; and a model that is not known to write a language writes nothing here unless a person forces it.

pub mod verdict;
pub mod pace;
mod naming;
mod order;

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chat::{
    Audience, Cx, Message, MessageId, Overheard, Place, PluginError, PortError, RoomId,
    cx::{Below, Voice},
    text::{carried, inert},
};
use futures::lock;
use serde::{Deserialize, Serialize};

use self::{
    pace::Pace,
    verdict::{Verdict, judge},
};
use super::{
    render,
    structure::{Document, Format},
};

pub use order::run;

/// Characters of a message by which its language is told.
const TOLD_CHARS_MAX: usize = 2_000;

/// An edit of an older message that was not carried is not carried.
const EDITED_WITHIN_HOURS: i64 = 24;

/// How often a message that changes while it is carried is looked at anew.
const ROUNDS_MAX: usize = 4;

/// What a room is bridged with, as it is kept for that room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bridge {
    /// The language that is spoken here.
    here: String,
    /// The other one.
    there: String,
    /// The other room; none where both are spoken in this one.
    room: Option<Place>,
    /// What the other room was called when the bridge began, in its people's words.
    #[serde(default)]
    name: String,
}

/// A room, whichever of its threads something was said in, and whoever was told.
fn room_of(place: &Place) -> Place {
    Place { thread: None, audience: Audience::Room, ..place.clone() }
}

async fn load(cx: &Cx, room: &Place) -> Result<Option<Bridge>, PluginError> {
    let Some(value) = cx.listens(room).await? else { return Ok(None) };
    let reading = "reading a bridge";
    let read = serde_json::from_value(value).map_err(PortError::failed("plugin data", reading));
    read.map(Some).map_err(PluginError::port(reading))
}

/// What goes over all bridges just now.
#[derive(Debug, Default)]
pub struct Traffic {
    pace: Pace,
    /// Messages that are being carried: who carries one looks for its edits too.
    busy: Mutex<HashSet<(RoomId, MessageId)>>,
    /// One at a time is given a name, so that no two have the same.
    naming: lock::Mutex<()>,
}

/// A message that is being carried.
struct Busy<'t>(&'t Traffic, (RoomId, MessageId));

impl Traffic {
    fn busy(&self) -> MutexGuard<'_, HashSet<(RoomId, MessageId)>> {
        // Every change leaves the set whole, so a panic elsewhere poisons nothing.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message in hand; none where somebody else has it.
    fn take(&self, message: &Message) -> Option<Busy<'_>> {
        let key = (message.place.room.clone(), message.id.clone());
        self.busy().insert(key.clone()).then(|| Busy(self, key))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy().remove(&self.1);
    }
}

/// Carries the message that is heard.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn hear(cx: &Cx, heard: &Overheard, traffic: &Traffic) -> Result<(), PluginError> {
    let message = &heard.message;
    let Some(bridge) = load(cx, &room_of(&message.place)).await? else { return Ok(()) };
    if cx.voice(&message.author, message.at).await? == Voice::Silent {
        // They may have opted out since it was carried.
        return cx.take_back(&message.place, &message.id).await;
    }
    let is_known = cx.echoed(&message.place, &message.id).await?.is_some();
    let age = cx.now().duration_since(message.at);
    if !is_known && age.as_hours() >= EDITED_WITHIN_HOURS {
        return Ok(());
    }
    // What stands is kept up with, however often it changes.
    if !is_known && !traffic.pace.take(&message.place.room, &message.author, cx.now()) {
        cx.decided("not carried: too much was said within a minute".to_owned());
        return order::tell_of_pace(cx, &bridge, &message.place).await;
    }
    carry(cx, &bridge, heard, false, traffic).await.map(drop)
}

/// Carries the message that the caller replies to, though its language is unsure.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn force(cx: &Cx, traffic: &Traffic) -> Result<(), PluginError> {
    let Some(bridge) = load(cx, &room_of(&cx.call().place)).await? else { return cx.say(order::none(cx)) };
    let Some(id) = cx.replied_to() else {
        return cx.say(cx.said(
            "Reply with `force` to a message that the bridge passed over.",
            "请用 `force` 回复一条未被转译的消息。",
        ));
    };
    if bridge.room.is_some() && cx.call().place.thread.is_some() {
        // Not all who read the channel may read it.
        return cx
            .say(cx.said("From a thread I carry only what I hear by myself.", "对于子话题，我只转译自己听到的内容。"));
    }
    let Some(found) = cx.message(id).await? else {
        return cx.say(cx.said("I cannot read that message.", "我无法读取那条消息。"));
    };
    if found.ours {
        return cx.say(cx.said("What I say myself is not carried.", "我自己的发言不会被转译。"));
    }
    let author = &found.message.author;
    if cx.is_blocked(author).await? || cx.voice(author, found.message.at).await? == Voice::Silent {
        return cx.say(cx.said("What they say is not carried.", "该成员的发言不会被转译。"));
    }
    let heard = Overheard { message: found.message, link: found.link, name: found.name, room: String::new() };
    cx.reply(chat::Event::Progress { text: cx.said("Translating ...", "正在翻译……") })?;
    cx.say(match carry(cx, &bridge, &heard, true, traffic).await? {
        Carried::Said => cx.said("Carried over.", "已转译。"),
        Carried::Before => cx.said("That was carried over before.", "此前已转译。"),
        Carried::Not => cx.said(
            "I could not translate this so that its formulas, numbers and links survive.",
            "我无法在保留其公式、数字和链接的前提下翻译这段内容。",
        ),
    })
}

/// What became of a message.
enum Carried {
    Said,
    Before,
    Not,
}

/// How a message stands now.
enum Now {
    Gone,
    /// It says something else by now.
    Says(String),
    /// As it was heard, as far as that can be told.
    Same,
}

async fn now(cx: &Cx, heard: &Overheard) -> Now {
    let looked = match cx.as_it_stands(heard).await {
        Ok(Some(now)) if now.message.text.trim() == heard.message.text.trim() => Ok(Now::Same),
        Ok(Some(now)) => Ok(Now::Says(now.message.text)),
        Ok(None) => cx.is_gone(heard).await.map(|is_gone| if is_gone { Now::Gone } else { Now::Same }),
        Err(error) => Err(error),
    };
    looked.unwrap_or_else(|error| {
        // It was heard, and stands where its platform does not say otherwise.
        cx.warn(&error);
        Now::Same
    })
}

async fn carry(
    cx: &Cx,
    bridge: &Bridge,
    heard: &Overheard,
    by_hand: bool,
    traffic: &Traffic,
) -> Result<Carried, PluginError> {
    let Some(_busy) = traffic.take(&heard.message) else { return Ok(Carried::Before) };
    let mut heard = heard.clone();
    let (place, id) = (heard.message.place.clone(), heard.message.id.clone());
    let known = cx.echoed(&place, &id).await?;
    let is_forced = by_hand || known.as_ref().is_some_and(|echo| echo.is_forced);
    if let Some(echo) = &known
        && cx.is_said(echo, &heard.message.text).await?
    {
        return Ok(Carried::Before);
    }
    for _ in 0..ROUNDS_MAX {
        let text = compose(cx, bridge, &heard, is_forced, traffic).await?;
        // It took a while: the message may have been changed or taken back meanwhile.
        match now(cx, &heard).await {
            Now::Same => {}
            Now::Says(text) => {
                heard.message.text = text;
                continue;
            }
            Now::Gone => return cx.take_back(&place, &id).await.map(|()| Carried::Not),
        }
        let Some(text) = text else {
            // What was said again before stands where only a wish to have it anew came to nothing.
            return if by_hand { Ok(Carried::Not) } else { cx.take_back(&place, &id).await.map(|()| Carried::Not) };
        };
        let (to, below) = match &bridge.room {
            None => (&place, Some(Below::Message(id.clone()))),
            Some(room) => (room, below(cx, &heard.message, room).await?),
        };
        cx.echo(&heard, (to, below), &text, is_forced).await?;
        match now(cx, &heard).await {
            Now::Same => break,
            Now::Says(text) => heard.message.text = text,
            Now::Gone => return cx.take_back(&place, &id).await.map(|()| Carried::Not),
        }
    }
    Ok(Carried::Said)
}

/// What a message replies to, as it stands in the other room; in a thread at least what the thread is about.
async fn below(cx: &Cx, message: &Message, room: &Place) -> Result<Option<Below>, PluginError> {
    let root = message.place.thread.as_ref().map(|thread| MessageId(thread.0.clone()));
    for candidate in message.reply_to.iter().chain(&root) {
        if let Some(found) = cx.counterpart(&message.place, candidate, room).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What is to be said of a message; nothing of one that needs no translation in the same room, or has none.
async fn compose(
    cx: &Cx,
    bridge: &Bridge,
    heard: &Overheard,
    is_forced: bool,
    traffic: &Traffic,
) -> Result<Option<String>, PluginError> {
    let text = heard.message.text.trim();
    let verdict = told(cx, bridge, text);
    let direction = match (&verdict, is_forced) {
        (Verdict::Sure { from, to }, _) | (Verdict::Unsure { from, to, .. }, true) => Some((*from, *to)),
        (Verdict::Unsure { why, .. }, false) => {
            cx.decided(format!("not translated: {why}"));
            None
        }
        (Verdict::None, _) => None,
    };
    let translated = match direction {
        Some((from, to)) if is_forced || cx.translates_between(from, to) => {
            match super::text(cx, text, from, to).await {
                Err(error @ PluginError::Port { .. }) => {
                    // A model that is busy or broken costs the translation, not the message.
                    cx.warn(&error);
                    None
                }
                translated => translated?,
            }
        }
        _ => None,
    };
    if direction.is_some() && translated.is_none() {
        cx.decided("not translated: what came did not hold".to_owned());
    }
    if bridge.room.is_none() {
        return Ok(translated.zip(direction).map(|(text, (_, to))| framed(&format!("*{to}:*"), &text)));
    }
    // Whoever reads an original there should know that it is no slip.
    let language = direction.filter(|_| translated.is_none()).map(|(from, _)| format!(" *({from})*"));
    let files = heard.message.attachments.iter().map(|file| format!("📎 {}", inert(&file.name)));
    let lines: Vec<String> = [translated.unwrap_or_else(|| carried(text))].into_iter().chain(files).collect();
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let name = naming::name(cx, heard, traffic).await?;
    let frame = format!("**{name}**{}:", language.unwrap_or_default());
    Ok(Some(framed(&frame, &lines.join("\n"))))
}

/// A text behind its frame, on a line of its own where it has several, or is a block.
fn framed(frame: &str, text: &str) -> String {
    let is_block = text.contains('\n') || text.starts_with(['`', '-', '*', '+', '#', '>', '|', '$', '~']);
    format!("{frame}{}{text}", if is_block { "\n\n" } else { " " })
}

/// In which language a message is, and into which it is to be translated.
fn told(cx: &Cx, bridge: &Bridge, text: &str) -> Verdict {
    let Ok(document) = Document::read(Format::Markdown, text) else { return Verdict::None };
    let prose = render::prose(&document, TOLD_CHARS_MAX);
    judge(&prose, (&bridge.here, &bridge.there), bridge.room.is_some(), |text| cx.identify(text))
}
