//! The digest of a room: ordered once, then posted every week or every day, with what was said since the one before.
//!
//! **Invariant:** where nothing may be told, nothing is posted.

use chat::{
    Args, Audience, Call, Cx, Event, PluginError, Value,
    ports::{Order, Rhythm},
};
use jiff::{
    Timestamp,
    civil::{Time, Weekday},
};

use super::{
    reading,
    room::{self, Until},
};

/// What it is ordered under: a room has one.
const KEY: &str = "digest";

/// The days' names, in English and in Chinese, from Monday on.
const DAYS: [(Weekday, &str, &str); 7] = [
    (Weekday::Monday, "Monday", "一"),
    (Weekday::Tuesday, "Tuesday", "二"),
    (Weekday::Wednesday, "Wednesday", "三"),
    (Weekday::Thursday, "Thursday", "四"),
    (Weekday::Friday, "Friday", "五"),
    (Weekday::Saturday, "Saturday", "六"),
    (Weekday::Sunday, "Sunday", "日"),
];

const WHEN_EN: &str = "Say when, as in `digest weekly monday 09:00` or `digest daily 18:00`.";
const WHEN_ZH: &str = "请说明时间，例如 `digest weekly monday 09:00` 或 `digest daily 18:00`。";

/// Does what the call says.
pub async fn run(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    if call.place.audience == Audience::Caller {
        return cx.say(cx.said("A digest is ordered in a room, for all of it.", "摘要须在房间中设置，面向全体成员。"));
    }
    let ordered = cx.orders().await?.into_iter().find(|order| order.key == KEY);
    match call.args.text("action") {
        action @ ("weekly" | "daily") => order(cx, action == "weekly", call.args.text("when")).await,
        "off" => match cx.cancel(KEY).await? {
            true => cx.say(cx.said("No more digests here.", "本房间不再发布摘要。")),
            false => cx.say(none(cx)),
        },
        "now" => tell(cx, call, ordered.as_ref()).await,
        _ => match ordered {
            None => cx.say(none(cx)),
            Some(order) => show(cx, &order),
        },
    }
}

fn none(cx: &Cx) -> String {
    cx.said(
        "No digest is ordered here; `digest weekly monday 09:00` orders one.",
        "本房间未设置摘要；可用 `digest weekly monday 09:00` 设置。",
    )
}

async fn order(cx: &Cx, is_weekly: bool, when: &str) -> Result<(), PluginError> {
    let (day, time) = match moment(when) {
        Some((day, Some(time))) if day.is_some() == is_weekly => (day, time),
        _ => return cx.say(cx.said(WHEN_EN, WHEN_ZH)),
    };
    let rhythm = Rhythm { day, time, zone: cx.policy().time_zone.clone() };
    let args = Args::from([("action", Value::Text("now".to_owned()))]);
    let order = cx.order(KEY, args, rhythm).await?;
    cx.say(format!(
        "{}{}",
        told(cx, &order),
        cx.said(" Where nothing was said, nothing comes.", "没有消息时不发布。")
    ))?;
    warnings(cx, &order)
}

fn show(cx: &Cx, order: &Order) -> Result<(), PluginError> {
    let name = cx.name(&order.place, &order.member);
    cx.say(format!("{}{}", told(cx, order), cx.said(&format!(" Ordered by {name}."), &format!("由 {name} 设置。"))))?;
    warnings(cx, order)
}

/// When it comes, in which language, and when next.
fn told(cx: &Cx, order: &Order) -> String {
    let (english, chinese) = every(&order.rhythm);
    let next = order.next.to_zoned(order.rhythm.zone()).date();
    let mut letters = english.chars();
    let english: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    cx.said(&format!("{english}, in English; next on {next}."), &format!("{chinese}，使用中文；下次为 {next}。"))
}

/// A rhythm in words, in English and in Chinese: `every Monday at 09:00 (Europe/Berlin)`.
pub fn every(rhythm: &Rhythm) -> (String, String) {
    let Rhythm { day, time, zone } = rhythm;
    let time = time.strftime("%H:%M");
    let named = day.and_then(|day| DAYS.iter().find(|(known, ..)| *known == day));
    let (every, each) = match named {
        None => ("every day".to_owned(), "每天".to_owned()),
        Some((_, english, chinese)) => (format!("every {english}"), format!("每周{chinese}")),
    };
    (format!("{every} at {time} ({zone})"), format!("{each} {time}（{zone}）"))
}

/// What a moderator would wonder about.
fn warnings(cx: &Cx, order: &Order) -> Result<(), PluginError> {
    let (policy, zone) = (cx.policy(), &order.rhythm.zone);
    if policy.is_quiet(order.next) {
        cx.say(cx.said(
            &format!(" That is in the quiet hours ({}), so it comes at their end.", policy.quiet),
            &format!("该时间处于安静时段（{}），将在其结束时发布。", policy.quiet),
        ))?;
    }
    if policy.time_zone != *zone {
        cx.say(cx.said(
            &format!(" This room is in {} by now: order it anew to have it there.", policy.time_zone),
            &format!("本房间的时区现为 {}；如需使用请重新设置。", policy.time_zone),
        ))?;
    }
    if policy.paused || policy.plugins_off.contains(&order.plugin) {
        cx.say(cx.said(" While I am silent here none comes.", "在本房间停用期间不发布。"))?;
    }
    Ok(())
}

/// The digest: of what is due, since the time before, however late it is; else of the week, or of the day where a daily
/// one is ordered, up to now.
async fn tell(cx: &Cx, call: &Call, ordered: Option<&Order>) -> Result<(), PluginError> {
    let now = cx.now();
    let (rhythm, until) = match ordered {
        Some(order) if call.unasked && order.next <= now => (order.rhythm.clone(), order.next),
        _ => (Rhythm::at(now, ordered.is_none_or(|order| order.rhythm.day.is_some()), &cx.policy().time_zone), now),
    };
    let since = rhythm.previous(until);
    cx.reply(Event::Progress { text: reading(cx) })?;
    let mut read = room::read(cx, &cx.channel(), &Until::Since(since)).await?;
    // However late it is: what was said after the last time that one was due belongs to the next one.
    let last = rhythm.previous(rhythm.next(now));
    read.messages.retain(|one| one.message.at < last || !call.unasked);
    if call.unasked {
        if read.messages.is_empty() {
            return Ok(());
        }
        cx.say(cx.said("**Digest of this room**\n\n", "**本房间摘要**\n\n"))?;
    }
    room::tell(cx, &read, &heading(cx, since, &rhythm)).await
}

fn heading(cx: &Cx, since: Timestamp, rhythm: &Rhythm) -> String {
    let since = since.to_zoned(rhythm.zone());
    let (_, english, chinese) = DAYS[usize::try_from(since.weekday().to_monday_zero_offset()).unwrap_or_default()];
    let (date, time) = (since.date(), since.strftime("%H:%M"));
    cx.said(&format!("since {english}, {date} {time}"), &format!("自 {date}（周{chinese}）{time} 起"))
}

/// A day and a time in any order: `monday 09:00`, `9:00 Mon`, `周一 9:00`, `18:00`; none where there is anything else.
pub fn moment(text: &str) -> Option<(Option<Weekday>, Option<Time>)> {
    let (mut day, mut time) = (None, None);
    for word in text.split_whitespace() {
        match (weekday(word), Time::strptime("%H:%M", word).ok()) {
            (Some(found), _) if day.is_none() => day = Some(found),
            (_, Some(found)) if time.is_none() => time = Some(found),
            _ => return None,
        }
    }
    Some((day, time))
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.trim_end_matches(',').to_lowercase();
    let last = word.strip_prefix("星期").or_else(|| word.strip_prefix('周'));
    let is_named = |english: &str, chinese: &str| match last {
        Some(last) => last == chinese || (chinese == "日" && last == "天"),
        None => word.len() >= 3 && english.to_lowercase().starts_with(&word),
    };
    DAYS.iter().find(|(_, english, chinese)| is_named(english, chinese)).map(|(day, ..)| *day)
}

/// Times that one may mean, while `action` and `when` are being typed.
pub fn proposals(action: &str, typed: &str) -> Vec<String> {
    let typed = typed.trim().to_lowercase();
    let times = ["09:00", "12:00", "18:00"];
    let all: Vec<String> = match action {
        "daily" => times.map(str::to_owned).to_vec(),
        _ => DAYS.iter().flat_map(|(_, day, _)| times.map(|time| format!("{} {time}", day.to_lowercase()))).collect(),
    };
    all.into_iter().filter(|one| one.starts_with(&typed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(Option<Weekday>, Option<&str>)>) {
        let want = want.map(|(day, time)| (day, time.map(|time| time.parse().unwrap())));
        assert_eq!(moment(text), want, "{text}");
    }

    #[test]
    fn a_moment_is_a_day_and_a_time_in_any_order() {
        check("monday 09:00", Some((Some(Weekday::Monday), Some("09:00"))));
        check("9:05 Wed", Some((Some(Weekday::Wednesday), Some("09:05"))));
        check("周一 9:00", Some((Some(Weekday::Monday), Some("09:00"))));
        check("星期天 23:59", Some((Some(Weekday::Sunday), Some("23:59"))));
        check("18:00", Some((None, Some("18:00"))));
        check("Friday", Some((Some(Weekday::Friday), None)));
        check("", Some((None, None)));
    }

    #[test]
    fn anything_else_is_none() {
        check("monday tuesday 09:00", None);
        check("09:00 10:00", None);
        check("25:00", None);
        check("mo 09:00", None);
        check("when the ducks wake", None);
        check("周八 09:00", None);
    }

    #[test]
    fn proposals_are_moments() {
        assert_eq!(proposals("daily", ""), ["09:00", "12:00", "18:00"]);
        assert_eq!(proposals("weekly", "Thu"), ["thursday 09:00", "thursday 12:00", "thursday 18:00"]);
        assert!(proposals("", "").iter().all(|one| matches!(moment(one), Some((Some(_), Some(_))))));
        assert!(proposals("", "").len() <= 25);
    }
}
