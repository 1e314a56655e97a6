//! What a person missed: in all rooms that they read, since they last said something there, told to them alone.

use chat::{Audience, Call, Cx, Event, MemberId, MessageId, PluginError, cx::Within, ports::Archived};
use jiff::SignedDuration;

use super::{
    room::{self, Read, Until},
    talk::{self, Topic},
};
use crate::shelf::named;

/// Rooms that are looked at, at most.
const ROOMS_MAX: usize = 20;

/// How far back is looked where nothing else is said.
const DAYS: i64 = 7;

/// Items of one room, at most, of each kind.
const ITEMS_MAX: usize = 4;

/// Tells it.
pub async fn tell(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    if call.place.audience != Audience::Caller {
        return cx.say(cx.said("I tell this in private alone.", "此内容仅私下告知。"));
    }
    let now = cx.now();
    let given = call.args.text("since");
    let since = match given {
        "" => None,
        text => match super::since(text, now) {
            Some(since) => Some(since),
            None => return cx.say(cx.said(super::SINCE_EN, super::SINCE_ZH)),
        },
    };
    cx.reply(Event::Progress { text: cx.said("Looking through your rooms ...", "正在查看您的房间……") })?;
    let rooms = cx.rooms().await?;
    let earliest = since.unwrap_or(now - SignedDuration::from_hours(24 * DAYS));
    let until = match since {
        Some(since) => Until::Since(since),
        None => Until::Spoke(earliest),
    };
    let (mut told, mut unread, mut quiet) = (Vec::new(), 0, 0);
    for within in rooms.iter().take(ROOMS_MAX) {
        match room::read(cx, within, &until).await {
            Ok(read) if read.messages.is_empty() => quiet += 1,
            Ok(read) => told.push((within, read)),
            // A room that is shut to us costs that room.
            Err(PluginError::Port { source, .. }) => {
                cx.warn(&source);
                unread += 1;
            }
            Err(PluginError::Refused(_)) => unread += 1,
            Err(error) => return Err(error),
        }
    }
    let day = earliest.strftime("%Y-%m-%d %H:%M UTC");
    let window = match since {
        Some(_) => cx.said(&format!("since {day}"), &format!("自 {day} 起")),
        None => cx.said(
            &format!("since your last message in each room, at most {DAYS} days back ({day})"),
            &format!("自您在各房间的最后一条消息起，最多 {DAYS} 天（{day}）"),
        ),
    };
    if told.is_empty() {
        cx.say(cx.said(&format!("You missed nothing {window}."), &format!("{window}，您没有错过任何内容。")))?;
    } else {
        cx.say(cx.said(&format!("What you missed {window}:"), &format!("您错过的内容（{window}）：")))?;
    }
    for (within, read) in &told {
        missed(cx, call, within, read).await?;
    }
    ending(cx, &rooms, unread, quiet)
}

/// One room: what was addressed to the person, what was decided, what was about what.
async fn missed(cx: &Cx, call: &Call, within: &Within, read: &Read) -> Result<(), PluginError> {
    let topics = room::topics(cx, read).await?;
    cx.say(format!("\n\n**{}**", cx.whereabouts(within.place())))?;
    let mine: Vec<usize> = (0..read.messages.len())
        .filter(|at| is_for(&read.messages[*at], &call.caller, &read.own_name, &read.own))
        .collect();
    let (asked, told): (Vec<usize>, Vec<usize>) =
        mine.iter().copied().partition(|at| talk::asks(&read.messages[*at].message.text));
    let decided: Vec<usize> = topics.iter().flat_map(|topic| topic.decisions.iter().copied()).collect();
    for (kind, found) in [
        (cx.said("Asked of you", "向您提问"), &asked),
        (cx.said("Said to you", "对您说"), &told),
        (cx.said("Decided", "决定"), &decided),
    ] {
        for at in found.iter().take(ITEMS_MAX) {
            cx.say(format!("\n- {kind}: {}", room::item(read, *at)))?;
        }
    }
    for topic in topics.iter().take(ITEMS_MAX) {
        about(cx, read, topic)?;
    }
    cx.say(room::limits(cx, read))
}

/// A conversation in a line: what it is about, how long it is, and its first message.
fn about(cx: &Cx, read: &Read, topic: &Topic) -> Result<(), PluginError> {
    let Some(first) = topic.key.first() else { return Ok(()) };
    let label = topic.label.iter().map(|word| named(word)).collect::<Vec<_>>().join(" · ");
    let label = if label.is_empty() { cx.said("Talk", "交谈") } else { label };
    cx.say(format!("\n- {label} ({}): {}", topic.messages.len(), room::item(read, *first)))
}

/// Whether a message is meant for a person: it calls them, names them, or replies to them.
fn is_for(one: &Archived, member: &MemberId, name: &str, own: &[MessageId]) -> bool {
    let text = &one.message.text;
    let named = !name.is_empty() && {
        let (text, name) = (text.to_lowercase(), name.to_lowercase());
        let mut places = text.match_indices(&name);
        places.any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
    };
    let replies = one.message.reply_to.as_ref().is_some_and(|id| own.contains(id));
    text.contains(&member.0) || named || replies
}

fn ending(cx: &Cx, rooms: &[Within], unread: usize, quiet: usize) -> Result<(), PluginError> {
    let mut notes = Vec::new();
    if quiet > 0 {
        notes.push(
            cx.said(
                &format!("In {quiet} of your rooms nothing was said."),
                &format!("您的 {quiet} 个房间没有新消息。"),
            ),
        );
    }
    if unread > 0 {
        notes.push(
            cx.said(&format!("{unread} of your rooms I cannot read."), &format!("有 {unread} 个房间我无法阅读。")),
        );
    }
    if rooms.len() > ROOMS_MAX {
        notes.push(cx.said(
            &format!("I looked at {ROOMS_MAX} of your {} rooms.", rooms.len()),
            &format!("我查看了您 {} 个房间中的 {ROOMS_MAX} 个。", rooms.len()),
        ));
    }
    if notes.is_empty() { Ok(()) } else { cx.say(format!("\n\n{}", notes.join(" "))) }
}

#[cfg(test)]
mod tests {
    use chat::{Message, Place, Platform};
    use jiff::Timestamp;

    use super::*;

    #[track_caller]
    fn check(text: &str, reply_to: Option<&str>, want: bool) {
        let place = Place {
            platform: Platform::Matrix,
            community: "lab".into(),
            room: "seminar".into(),
            thread: None,
            audience: Audience::Room,
        };
        let message = Message {
            id: "m1".into(),
            place,
            author: "bob".into(),
            text: text.to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: reply_to.map(MessageId::from),
            about: None,
            visibility: None,
            addressed: false,
            at: Timestamp::UNIX_EPOCH,
        };
        let one = Archived { message, name: "Bob".to_owned(), ours: false, link: None };
        assert_eq!(is_for(&one, &"@ana:lab".into(), "Ana", &["m0".into()]), want, "{text}");
    }

    #[test]
    fn a_message_is_for_whom_it_calls_names_or_replies_to() {
        check("Ana, do you have the key?", None, true);
        check("Could @ana:lab look at this?", None, true);
        check("See above.", Some("m0"), true);
        check("See above.", Some("m9"), false);
        check("The banana is ripe.", None, false);
    }
}
