//! Tells papers and talk in few lines, each of which leads to what it stands on.
//!
//! Read `paper` and `room` (one paper, one room), then `catchup` (all rooms of a person) and `digest` (a room, every week). What they choose is pure:
//! [`facets`] picks the lines of a paper, [`threads`] tells conversations apart, [`talk`] finds what is worth telling of
//! them, [`extract`] what says most of the rest.
//!
//! **Invariant:** what a model writes stands against the lines that it was given, or the lines themselves are told.
//! **Invariant:** nobody is named, and nobody quoted, against their own word: see [`chat::cx::Voice`].

mod catchup;
pub(crate) mod digest;
pub mod extract;
pub mod facets;
mod paper;
mod room;
pub mod talk;
pub mod threads;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, Event, Example, Kind, Manifest, PluginError, Role, Text, Visibility, ports::Plugin,
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::recommendation;
use room::Until;

/// Texts that are embedded in one call.
const EMBEDDED_AT_ONCE: usize = 64;

/// Hours of a channel that are told where nothing else is said.
const HOURS: i64 = 24;

/// How far back a thread is read.
const THREAD_DAYS: i64 = 365;

const SINCE_EN: &str = "Say since when, as in `catchup 8h`, `catchup 3d` or `catchup 2026-11-20`.";
const SINCE_ZH: &str = "请说明从何时开始，例如 `catchup 8h`、`catchup 3d` 或 `catchup 2026-11-20`。";

static MANIFEST: Manifest = Manifest {
    name: "summary",
    summary: Text {
        en: "tells a paper, a thread, a channel, or what you missed, in few lines",
        zh: "用几句话概述文献、话题、频道或您错过的内容",
    },
    open: false,
    hears: None,
    commands: &[
        Command {
            name: "summary",
            help: Text {
                en: "tells a paper, this thread or this channel in few lines, each with its source",
                zh: "用几句话概述一篇文献、本话题或本频道，每句都附来源",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "what",
                    Text { en: "what to tell", zh: "概述的对象" },
                    Kind::Choice(&["paper", "thread", "channel"]),
                )
                .required(),
                Argument::new(
                    "form",
                    Text {
                        en: "a paper in five lines, by section, or in one sentence", zh: "五句话、按章节或一句话"
                    },
                    Kind::Choice(&["lines", "sections", "tldr"]),
                ),
                Argument::new(
                    "words",
                    Text { en: "about how many words of a paper", zh: "文献概述的大致词数" },
                    Kind::Integer { min: 20, max: 1_000 },
                ),
                Argument::new(
                    "hours",
                    Text { en: "how many hours of the channel", zh: "频道最近多少小时" },
                    Kind::Integer { min: 1, max: 24 * 31 },
                ),
                Argument::new(
                    "title",
                    Text { en: "the paper's title or a part of it", zh: "文献的标题或其一部分" },
                    Kind::Text,
                )
                .completed(),
            ],
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(180),
            utterances: &["Summarise this paper", "Summarise this thread", "What was said in this channel today?"],
            examples: &[
                Example { call: "summary paper", reply: "Say which paper" },
                Example { call: "summary paper tldr no such title", reply: "No paper here has that in its title." },
            ],
        },
        Command {
            name: "here",
            help: Text {
                en: "tells you what was said from a message on: reply to it with this",
                zh: "概述从某条消息开始的内容：用此命令回复该消息",
            },
            menu: Some(Text { en: "Summarise from here", zh: "从此处概述" }),
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(180),
            utterances: &[],
            examples: &[Example { call: "here", reply: "Reply with this to the message" }],
        },
        Command {
            name: "catchup",
            help: Text {
                en: "tells you alone what you missed in your rooms since you last spoke, or since a time",
                zh: "仅向您概述自上次发言或某时以来您错过的内容",
            },
            menu: None,
            arguments: &[Argument::new(
                "since",
                Text { en: "since when: 8h, 3d, 2026-11-20", zh: "从何时开始：8h、3d、2026-11-20" },
                Kind::Text,
            )],
            role_min: Role::Member,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(180),
            utterances: &["What did I miss?", "What happened while I was away?"],
            examples: &[Example { call: "catchup the ducks", reply: "Say since when" }],
        },
        Command {
            name: "digest",
            help: Text {
                en: "orders what was said here, or papers for you alone, every week or day; shows it, or tells it now",
                zh: "设置每周或每天发布本房间的聊天摘要，或向您发送文献；查看设置，或立即发布",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "of",
                    Text {
                        en: "what was said in the room, or papers for you", zh: "本房间的聊天，或为您挑选的文献"
                    },
                    Kind::Choice(&["room", "papers"]),
                )
                .own(&["papers"]),
                Argument::new(
                    "action",
                    Text { en: "what to do; show without one", zh: "要做什么；默认为显示" },
                    Kind::Choice(&["show", "weekly", "daily", "off", "now"]),
                ),
                Argument::new(
                    "when",
                    Text {
                        en: "by this room's clock: monday 09:00, or 18:00",
                        zh: "本房间时间：monday 09:00 或 18:00",
                    },
                    Kind::Text,
                )
                .completed(),
            ],
            role_min: Role::Moderator,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(180),
            utterances: &[],
            // At the console, which is no room.
            examples: &[
                Example { call: "digest", reply: "A digest is ordered in a room" },
                Example { call: "digest papers weekly 09:00", reply: "Say when" },
                Example { call: "digest papers", reply: "You ordered no digest of papers" },
            ],
        },
    ],
};

/// Tells papers and talk in few lines.
pub struct Summary;

#[async_trait]
impl Plugin for Summary {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match (call.command.as_str(), call.args.text("what")) {
            ("here", _) => from_here(cx).await,
            ("catchup", _) => catchup::tell(cx, call).await,
            ("digest", _) if call.args.text("of") == "papers" => recommendation::digest::run(cx, call).await,
            ("digest", _) => digest::run(cx, call).await,
            (_, "paper") => paper::tell(cx, call).await,
            (_, "thread") => thread(cx, call).await,
            (_, "channel") => channel(cx, call).await,
            _ => meant(cx, call).await,
        }
    }

    async fn complete(&self, cx: &Cx, argument: &str, typed: &str) -> Result<Vec<String>, PluginError> {
        if argument == "when" {
            return Ok(digest::proposals(cx.call().args.text("action"), typed));
        }
        let listed = cx.documents(typed.trim(), 0, 25).await?;
        Ok(listed.into_iter().map(|listing| listing.title).collect())
    }
}

/// What a request in plain words wants told: a mention brings no more than that.
async fn meant(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let request = call.args.text("title");
    let lower = request.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["paper", "article", "preprint", "论文", "文献"]) {
        paper::tell_nearest(cx, call, request).await
    } else if call.place.thread.is_some() {
        thread(cx, call).await
    } else {
        channel(cx, call).await
    }
}

async fn channel(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let hours = call.args.integer("hours").unwrap_or(HOURS);
    cx.reply(Event::Progress { text: reading(cx) })?;
    let since = cx.now() - SignedDuration::from_hours(hours);
    let read = room::read(cx, &cx.channel(), &Until::Since(since)).await?;
    let heading = match hours {
        1 => cx.said("in the last hour", "最近 1 小时"),
        _ => cx.said(&format!("in the last {hours} hours"), &format!("最近 {hours} 小时")),
    };
    room::tell(cx, &read, &heading).await
}

async fn thread(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    if call.place.thread.is_none() {
        return cx.say(cx.said(
            "This is no thread; `summary channel` tells the channel, and `here` what was said from a message on.",
            "这里不是话题；`summary channel` 概述频道，`here` 概述从某条消息开始的内容。",
        ));
    }
    cx.reply(Event::Progress { text: reading(cx) })?;
    let since = cx.now() - SignedDuration::from_hours(24 * THREAD_DAYS);
    let read = room::read(cx, &cx.here(), &Until::Since(since)).await?;
    room::tell(cx, &read, &cx.said("in this thread", "本话题")).await
}

async fn from_here(cx: &Cx) -> Result<(), PluginError> {
    let Some(first) = cx.replied_to().cloned() else {
        return cx.say(cx.said(
            "Reply with this to the message from which on you want to know, or use its menu.",
            "请用此命令回复您想从哪条消息开始了解的那条消息，或使用其菜单。",
        ));
    };
    cx.reply(Event::Progress { text: reading(cx) })?;
    let read = room::read(cx, &cx.here(), &Until::From(first)).await?;
    room::tell(cx, &read, &cx.said("from that message on", "自该消息起")).await
}

fn reading(cx: &Cx) -> String {
    cx.said("Reading what was said ...", "正在阅读聊天记录……")
}

/// The time that a text names: so many hours or days ago, or a day or a time of day in UTC.
fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim().to_lowercase();
    if text == "yesterday" {
        return Some(now - SignedDuration::from_hours(24));
    }
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let hours = match unit.trim() {
        "h" | "hour" | "hours" => Some(1),
        "d" | "day" | "days" => Some(24),
        "w" | "week" | "weeks" => Some(24 * 7),
        _ => None,
    };
    if let (Some(hours), Ok(number)) = (hours, number.parse::<i64>()) {
        return (number <= 10_000).then(|| now - SignedDuration::from_hours(hours * number));
    }
    let at: DateTime = text.parse().ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    (at < now).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        assert_eq!(since(text, now).map(|at| at.to_string()).as_deref(), want, "{text}");
    }

    #[test]
    fn since_when_is_said_in_hours_days_or_dates() {
        check("8h", Some("2026-11-24T04:00:00Z"));
        check("3 days", Some("2026-11-21T12:00:00Z"));
        check("1w", Some("2026-11-17T12:00:00Z"));
        check("yesterday", Some("2026-11-23T12:00:00Z"));
        check("2026-11-20", Some("2026-11-20T00:00:00Z"));
        check("2026-11-20T08:30", Some("2026-11-20T08:30:00Z"));
        check("2027-01-01", None);
        check("the ducks", None);
        check("99999999999999999999d", None);
        check("20000d", None);
    }
}
