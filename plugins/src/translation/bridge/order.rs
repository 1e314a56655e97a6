//! Bridges as moderators start and end them: within a room at once; with another room by a code that is said there, and by a
//! word of the first room once that knows which one it is.

use chat::{Action, Audience, Call, Cx, MemberId, Place, Platform, PluginError, PortError, ports::Notice};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{Bridge, load, naming, room_of};
use crate::{
    shelf::named,
    translation::languages::{CODES, chinese, english, known},
};

/// A code that is older is of no use.
const OFFER_MINUTES: i64 = 15;

/// One side of a bridge that is to be: a room, its language, and who wants it there.
#[derive(Clone, Serialize, Deserialize)]
struct Side {
    place: Place,
    language: String,
    by: MemberId,
}

/// What was offered to another room under a code.
#[derive(Serialize, Deserialize)]
struct Offer {
    from: Side,
    until: Timestamp,
    /// The room that took it, and waits until the first one confirms it.
    #[serde(default)]
    to: Option<Side>,
}

fn offer_key(code: &str) -> String {
    format!("offer:{}", code.to_lowercase())
}

/// Does what `bridge` is asked for.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn run(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let action = call.args.text("action");
    // The code of an offer is told to who asked alone, though the bridge stands in the room.
    if call.place.audience == Audience::Caller && (action != "offer" || !cx.is_in_room().await?) {
        return cx.say(cx.said("A bridge stands in a room.", "桥接须在房间中设置。"));
    }
    let room = room_of(&call.place);
    let bridge = load(cx, &room).await?;
    let words: Vec<&str> = call.args.text("how").split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match (action, bridge) {
        ("start" | "offer" | "join" | "confirm", Some(bridge)) => {
            cx.say(described(cx, &bridge))?;
            cx.say(cx.said(" End it first: `bridge end`.", "请先将其结束：`bridge end`。"))
        }
        ("start", None) => start(cx, &room, &words).await,
        ("offer", None) => offer(cx, &room, &words).await,
        ("join", None) => join(cx, &room, &words).await,
        ("confirm", None) => confirm(cx, &room, &words).await,
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
                "What is said here I carry to {}, in {}; what is said there comes here in {}.",
                a_room(cx, room, &bridge.name).0,
                english(there),
                english(here)
            ),
            &format!(
                "此处的发言以{}转至{}；彼处的发言以{}转至此处。",
                chinese(there),
                a_room(cx, room, &bridge.name).1,
                chinese(here)
            ),
        ),
    }
}

/// A room in words, in English and in Chinese: on which platform, what its people call it, and where it is.
fn a_room(cx: &Cx, room: &Place, name: &str) -> (String, String) {
    let (platform, whereabouts) = (room.platform, cx.whereabouts(room));
    match named(name).as_str() {
        "" => (format!("a room on {platform} ({whereabouts})"), format!(" {platform} 上的房间（{whereabouts}）")),
        name => (
            format!("a room on {platform}, “{name}” ({whereabouts})"),
            format!(" {platform} 上的房间“{name}”（{whereabouts}）"),
        ),
    }
}

/// What everybody should know who is carried.
fn leaving(cx: &Cx) -> String {
    cx.said(
        " What everybody says here is carried, without their name. Say `privacy set omit on` to be left out, or `privacy \
         set name on` to be named.",
        "此处所有成员的发言都会被转述，但不显示姓名。不希望被转述可用 `privacy set omit on`；希望显示姓名可用 `privacy set name \
         on`。",
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
    let bridge = Bridge { here: here.to_owned(), there: there.to_owned(), room: None, name: String::new() };
    cx.listen(room, &cx.call().caller, json(&bridge)?).await?;
    cx.say(described(cx, &bridge) + &leaving(cx) + &hearing(cx))
}

async fn offer(cx: &Cx, room: &Place, words: &[&str]) -> Result<(), PluginError> {
    let Some([language]) = languages(words) else { return usage(cx, "bridge offer en") };
    let (code, until) = (cx.code(), cx.now() + OFFER_MINUTES.minutes());
    let from = Side { place: room.clone(), language: language.to_owned(), by: cx.call().caller.clone() };
    let offer = Offer { from, until, to: None };
    // Beside this call: one that nobody takes goes with its age.
    cx.remember(&offer_key(&code), json(&offer)?).await?;
    cx.say(cx.said(&format!(
            "In the other room a moderator says `bridge join {code} LANGUAGE` within {OFFER_MINUTES} minutes. Then I say here \
             which room it is, and ask for a confirmation; from that on all that is said in either room is said again in \
             the other. Give the code to nobody else."
        ),
        &format!(
            "请另一房间的版主在 {OFFER_MINUTES} 分钟内输入 `bridge join {code} 语言`。随后我会在此说明是哪个房间并请求确认；\
             确认后两个房间的发言将互相转至对方。请勿将代码交给他人。"
        ),
    ))
}

async fn join(cx: &Cx, room: &Place, words: &[&str]) -> Result<(), PluginError> {
    let example = "bridge join 12ab-34cd-56ef de";
    let [code, rest @ ..] = words else { return usage(cx, example) };
    let Some([language]) = languages(rest) else { return usage(cx, example) };
    let Some(offer) = offered(cx, code).await? else { return cx.say(too_old(cx)) };
    let Side { place: there, language: theirs, by } = &offer.from;
    if there.room == room.room {
        return cx.say(cx.said(
            "That is this room; `bridge start en de` is for one room.",
            "这就是本房间；单个房间请用 `bridge start en zh`。",
        ));
    }
    // One that took it keeps it: whoever overhears the code comes too late.
    if offer.to.is_some() {
        return cx.say(too_old(cx));
    }
    if lacks(cx, (language, theirs))? {
        return Ok(());
    }
    if load(cx, there).await?.is_some() {
        return cx.say(other_has_one(cx));
    }
    let caller = &cx.call().caller;
    let to = Side { place: room.clone(), language: language.to_owned(), by: caller.clone() };
    let (ours, theirs) = (cx.called(room, caller).await?, cx.called(there, by).await?);
    // Told first: a room that may not be told is not asked.
    let ((english_of, chinese_of), command) = (a_room(cx, room, &ours), format!("bridge confirm {code}"));
    let text = cx.said(
        &format!(
            "A bridge is asked for between this room and {english_of}: all that is said here would be said again there, and \
             the other way round. It begins only if a moderator of this room confirms it within {OFFER_MINUTES} minutes, \
             with the button or `{command}`."
        ),
        &format!(
            "有人请求在本房间与{chinese_of}之间设置桥接：此处的所有发言将转至彼处，反之亦然。须由本房间的版主在 {OFFER_MINUTES} \
             分钟内用按钮或 `{command}` 确认后才会开始。"
        ),
    );
    let actions = vec![Action { label: cx.said("Confirm", "确认"), command }];
    cx.post(there, Notice { actions, ..Notice::new(format!("bridge-asked/{code}"), text) }).await?;
    let until = cx.now() + OFFER_MINUTES.minutes();
    let taken = Offer { from: offer.from.clone(), until, to: Some(to) };
    cx.remember(&offer_key(code), json(&taken)?).await?;
    let (english_of, chinese_of) = a_room(cx, there, &theirs);
    cx.say(cx.said(
        &format!(
            "I asked {english_of} to confirm the bridge. As soon as a moderator there does so I say it here; until then nothing \
             is carried."
        ),
        &format!("我已询问{chinese_of}是否同意与本房间桥接。彼处的版主确认后我会在此告知；在此之前不会转述任何内容。"),
    ))
}

async fn confirm(cx: &Cx, room: &Place, words: &[&str]) -> Result<(), PluginError> {
    let [code] = words else { return usage(cx, "bridge confirm 12ab-34cd-56ef") };
    let offer = offered(cx, code).await?.filter(|offer| offer.from.place.room == room.room);
    let Some((from, to)) = offer.and_then(|offer| Some((offer.from, offer.to?))) else { return cx.say(too_old(cx)) };
    let (there, caller) = (&to.place, &cx.call().caller);
    if lacks(cx, (&from.language, &to.language))? {
        return Ok(());
    }
    if load(cx, there).await?.is_some() {
        return cx.say(other_has_one(cx));
    }
    if !cx.looks_after(there, &to.by).await? {
        return cx.say(cx.said(
            "Who asked for it in the other room does not look after that room any more.",
            "在另一房间提出请求的人已不再管理该房间。",
        ));
    }
    let bridge = |own: &Side, other: &Side, name: String| Bridge {
        here: own.language.clone(),
        there: other.language.clone(),
        room: Some(other.place.clone()),
        name,
    };
    let ours = bridge(&from, &to, cx.called(there, &to.by).await?);
    let theirs = bridge(&to, &from, cx.called(room, caller).await?);
    // Told first: a room that may not be told is not bridged.
    let told = described(cx, &theirs) + &leaving(cx);
    cx.post(there, Notice::new(format!("bridged/{code}"), told)).await?;
    cx.listen(there, &to.by, json(&theirs)?).await?;
    cx.listen(room, caller, json(&ours)?).await?;
    cx.save(&offer_key(code), None).await?;
    cx.say(described(cx, &ours) + &leaving(cx) + &hearing(cx))
}

/// What was offered under a code, as long as it holds.
async fn offered(cx: &Cx, code: &str) -> Result<Option<Offer>, PluginError> {
    let found: Option<Offer> = cx.load(&offer_key(code)).await?.and_then(|value| serde_json::from_value(value).ok());
    Ok(found.filter(|offer| offer.until >= cx.now()))
}

fn too_old(cx: &Cx) -> String {
    cx.said("That code is unknown or too old.", "该代码不存在或已过期。")
}

fn other_has_one(cx: &Cx) -> String {
    cx.said("The other room has a bridge by now.", "另一房间已有桥接。")
}

async fn end(cx: &Cx, room: &Place, bridge: &Bridge) -> Result<(), PluginError> {
    part(cx, room).await?;
    if let Some(there) = &bridge.room {
        // It may have been ended there, and another begun.
        let is_ours = load(cx, there).await?.and_then(|theirs| theirs.room).is_some_and(|back| back.room == room.room);
        if is_ours {
            part(cx, there).await?;
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

/// Hears a room no more, and forgets what the other one called its people.
async fn part(cx: &Cx, room: &Place) -> Result<(), PluginError> {
    cx.stop_listening(room).await?;
    naming::forget(cx, room).await
}

fn json(value: &impl Serialize) -> Result<serde_json::Value, PluginError> {
    let keeping = "keeping a bridge";
    serde_json::to_value(value).map_err(PortError::failed("plugin data", keeping)).map_err(PluginError::port(keeping))
}
