//! Bridges as moderators start and end them: within a room at once; with another room by a code that is said there.

use chat::{Audience, Call, Cx, Place, Platform, PluginError, PortError, ports::Notice};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{Bridge, load, room_of};
use crate::translation::languages::{CODES, chinese, english, known};

/// A code that is older is of no use.
const OFFER_MINUTES: i64 = 15;

/// What was offered to another room under a code.
#[derive(Serialize, Deserialize)]
struct Offer {
    place: Place,
    language: String,
    until: Timestamp,
}

fn offer_key(code: &str) -> String {
    format!("offer:{}", code.to_lowercase())
}

/// Does what `bridge` is asked for.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn run(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    if call.place.audience == Audience::Caller {
        return cx.say(cx.said("A bridge stands in a room.", "桥接须在房间中设置。"));
    }
    let room = room_of(&call.place);
    let bridge = load(cx, &room).await?;
    let words: Vec<&str> = call.args.text("how").split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match (call.args.text("action"), bridge) {
        ("start" | "offer" | "join", Some(bridge)) => {
            cx.say(described(cx, &bridge))?;
            cx.say(cx.said(" End it first: `bridge end`.", "请先将其结束：`bridge end`。"))
        }
        ("start", None) => start(cx, &room, &words).await,
        ("offer", None) => offer(cx, &room, &words).await,
        ("join", None) => join(cx, &room, &words).await,
        ("end", Some(bridge)) => end(cx, &room, &bridge).await,
        (_, Some(bridge)) => {
            cx.say(described(cx, &bridge) + &leaving(cx))?;
            cx.say(cx.said(
                " `force`, as a reply, has a message translated that I passed over.",
                "用 `force` 回复一条消息可强制转译。",
            ))
        }
        (_, None) => cx.say(none(cx)),
    }
}

/// There is no bridge.
pub fn none(cx: &Cx) -> String {
    cx.said(
        "There is no bridge here. `bridge start en de` starts one within this room; `bridge offer en` gives a code for \
         another room.",
        "此处没有桥接。`bridge start en zh` 在本房间内设置；`bridge offer en` 给出用于另一房间的代码。",
    )
}

fn described(cx: &Cx, bridge: &Bridge) -> String {
    let (here, there) = (&bridge.here, &bridge.there);
    match &bridge.room {
        None => cx.said(
            &format!(
                "What is said here in {} I say again in {}, and the other way round.",
                english(here),
                english(there)
            ),
            &format!("此处的{}与{}互相转译。", chinese(here), chinese(there)),
        ),
        Some(room) => cx.said(
            &format!(
                "What is said here I carry to a room on {}, in {}; what is said there comes here in {}.",
                room.platform,
                english(there),
                english(here)
            ),
            &format!(
                "此处的发言以{}转至 {} 上的房间；彼处的发言以{}转至此处。",
                chinese(there),
                room.platform,
                chinese(here)
            ),
        ),
    }
}

/// What everybody should know who is carried.
fn leaving(cx: &Cx) -> String {
    cx.said(
        " Who wishes to be left out says `privacy set omit on`; who wishes to be named, `privacy set name on`.",
        "不希望被转述的成员可用 `privacy set omit on`；希望显示姓名的成员可用 `privacy set name on`。",
    )
}

/// The languages that are named, where there are exactly so many and no other words.
fn languages<const N: usize>(words: &[&str]) -> Option<[&'static str; N]> {
    let codes: Vec<&'static str> = words.iter().map(|word| known(word)).collect::<Option<_>>()?;
    codes.try_into().ok()
}

fn usage(cx: &Cx, example: &str) -> Result<(), PluginError> {
    let codes = CODES.join(", ");
    cx.say(cx.said(
        &format!("Say it like this: `{example}`. I know {codes}."),
        &format!("请这样写：`{example}`。支持的语言：{codes}。"),
    ))
}

/// Says that no model translates from one of these languages into the other well enough; whether that is so.
fn lacks(cx: &Cx, pair: (&str, &str)) -> Result<bool, PluginError> {
    let both = [pair, (pair.1, pair.0)];
    let missing = both.iter().find(|(from, to)| from != to && !cx.translates_between(from, to));
    let Some((from, to)) = missing else { return Ok(false) };
    cx.say(cx.said(&format!(
            "No model that runs here is known to translate from {} into {}, so I start no bridge: the operator can choose \
             one (`colloquy models list`).",
            english(from),
            english(to)
        ),
        &format!(
            "这里没有能可靠地从{}译成{}的模型，因此不设置桥接；运营者可另选模型（`colloquy models list`）。",
            chinese(from),
            chinese(to)
        ),
    ))?;
    Ok(true)
}

/// Where a platform may keep from us what is said to others.
fn hearing(cx: &Cx) -> String {
    let sentence = cx.said(
        " (On Discord I hear it only where the operator turned on `discord.message_content`.)",
        "（在 Discord 上，须由运营者开启 `discord.message_content`。）",
    );
    if cx.call().place.platform == Platform::Discord { sentence } else { String::new() }
}

async fn start(cx: &Cx, room: &Place, words: &[&str]) -> Result<(), PluginError> {
    let Some([here, there]) = languages(words).filter(|[here, there]| here != there) else {
        return usage(cx, "bridge start en de");
    };
    if lacks(cx, (here, there))? {
        return Ok(());
    }
    let bridge = Bridge { here: here.to_owned(), there: there.to_owned(), room: None };
    keep(cx, room, Some(&bridge)).await?;
    cx.say(described(cx, &bridge) + &leaving(cx) + &hearing(cx))
}

async fn offer(cx: &Cx, room: &Place, words: &[&str]) -> Result<(), PluginError> {
    let Some([language]) = languages(words) else { return usage(cx, "bridge offer en") };
    let (code, until) = (cx.code(), cx.now() + OFFER_MINUTES.minutes());
    let offer = Offer { place: room.clone(), language: language.to_owned(), until };
    // Beside this call: one that nobody takes goes with its age.
    cx.remember(&offer_key(&code), json(&offer)?).await?;
    cx.say(cx.said(&format!(
            "In the other room a moderator says `bridge join {code} LANGUAGE` within {OFFER_MINUTES} minutes. From then on \
             all that is said in either room is said again in the other."
        ),
        &format!("请另一房间的版主在 {OFFER_MINUTES} 分钟内输入 `bridge join {code} 语言`。此后两个房间的发言将互相转至对方。"),
    ))
}

async fn join(cx: &Cx, room: &Place, words: &[&str]) -> Result<(), PluginError> {
    let example = "bridge join 12ab-34cd-56ef de";
    let [code, rest @ ..] = words else { return usage(cx, example) };
    let Some([language]) = languages(rest) else { return usage(cx, example) };
    let key = offer_key(code);
    let offer: Option<Offer> = cx.load(&key).await?.and_then(|value| serde_json::from_value(value).ok());
    let Some(offer) = offer.filter(|offer| offer.until >= cx.now()) else {
        return cx.say(cx.said("That code is unknown or too old.", "该代码不存在或已过期。"));
    };
    let there = &offer.place;
    if there.room == room.room {
        return cx.say(cx.said(
            "That is this room; `bridge start en de` is for one room.",
            "这就是本房间；单个房间请用 `bridge start en zh`。",
        ));
    }
    if lacks(cx, (language, &offer.language))? {
        return Ok(());
    }
    if load(cx, there).await?.is_some() {
        return cx.say(cx.said("The other room has a bridge by now.", "另一房间已有桥接。"));
    }
    let ours = Bridge { here: language.to_owned(), there: offer.language.clone(), room: Some(there.clone()) };
    let theirs = Bridge { here: offer.language.clone(), there: language.to_owned(), room: Some(room.clone()) };
    // Told first: a room that may not be told is not bridged.
    let told = described(cx, &theirs) + &leaving(cx);
    cx.post(there, Notice::new(format!("bridged/{code}"), told)).await?;
    keep(cx, there, Some(&theirs)).await?;
    keep(cx, room, Some(&ours)).await?;
    cx.save(&key, None).await?;
    cx.say(described(cx, &ours) + &leaving(cx) + &hearing(cx))
}

async fn end(cx: &Cx, room: &Place, bridge: &Bridge) -> Result<(), PluginError> {
    keep(cx, room, None).await?;
    if let Some(there) = &bridge.room {
        // It may have been ended there, and another begun.
        let is_ours = load(cx, there).await?.and_then(|theirs| theirs.room).is_some_and(|back| back.room == room.room);
        if is_ours {
            keep(cx, there, None).await?;
            let text = cx.said("The bridge was ended in the other room.", "另一房间已结束桥接。");
            let posting = cx.post(there, Notice::new(format!("parted/{}", cx.call().id), text)).await;
            // It is ended, whether or not that may be said there.
            posting.or_else(|error| if matches!(error, PluginError::Refused(_)) { Ok(()) } else { Err(error) })?;
        }
    }
    cx.say(cx.said("The bridge is ended.", "桥接已结束。"))
}

/// Says in the other room, once in a while, that not all was carried.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn tell_of_pace(cx: &Cx, bridge: &Bridge, place: &Place) -> Result<(), PluginError> {
    let here = room_of(place);
    let there = bridge.room.as_ref().unwrap_or(&here);
    let spell = cx.now().as_second() / (10 * 60);
    let text = cx.said(
        "(More was said within a minute than I may carry; some of it is missing here.)",
        "（一分钟内的发言过多，部分内容未转译。）",
    );
    cx.post(there, Notice::new(format!("pace/{}:{}/{spell}", place.platform, place.room), text)).await
}

async fn keep(cx: &Cx, room: &Place, bridge: Option<&Bridge>) -> Result<(), PluginError> {
    let value = bridge.map(json).transpose()?;
    cx.listen(room, value).await
}

fn json(value: &impl Serialize) -> Result<serde_json::Value, PluginError> {
    let keeping = "keeping a bridge";
    serde_json::to_value(value).map_err(PortError::failed("plugin data", keeping)).map_err(PluginError::port(keeping))
}
