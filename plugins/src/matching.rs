//! Who fits what is needed: found among those who agreed to be found, with the lines that speak for them and what speaks
//! against; brought together only when both say yes.
//!
//! Read here how a need is made of a call, then `list` (what is shown of it), `introduce` (two yeses), `exposure` (that not the
//! same few are shown to everybody).
//!
//! **Invariant:** nobody learns who was considered, who was asked, or why nothing came: what the seeker hears is the same for a
//! no, for silence, and where nobody was asked at all.

mod exposure;
mod introduce;
mod list;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, DocumentId, Event, Example, Kind, Manifest, PluginError, Role, Scope, Text,
    Visibility,
    cx::Met,
    ports::{Outcome, Plugin},
    profile::{Accounts, EntryKind, Fit, Need},
    text,
};
use futures::lock::Mutex;

/// Lines of a need; more would take longer than anybody waits.
const LINES_MAX: usize = 12;

/// People that are shown, where nobody says how many.
const PEOPLE: i64 = 3;

/// People among whom a team is sought.
const POOL: usize = 40;

const SIZE: Kind = Kind::Integer { min: 2, max: 8 };

static MANIFEST: Manifest = Manifest {
    name: "matching",
    summary: Text {
        en: "finds people whose work fits what you need, among those who agreed to be found",
        zh: "在同意被找到的人中，寻找研究工作符合您需求的人",
    },
    open: false,
    hears: None,
    commands: &[
        Command {
            name: "match",
            help: Text {
                en: "finds people for a need, for a paper, for you, or a team; shows why, and why perhaps not",
                zh: "为某个需求、某篇论文、您本人或团队寻找合适的人，并说明理由与不足",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "what",
                    Text { en: "for what; a need without one", zh: "为何寻找；默认为某个需求" },
                    Kind::Choice(&["need", "paper", "me", "team", "exposure"]),
                ),
                Argument::new("size", Text { en: "how large a team", zh: "团队人数" }, SIZE).named(),
                Argument::new(
                    "limit",
                    Text { en: "how many people", zh: "最多显示几人" },
                    Kind::Integer { min: 1, max: 5 },
                )
                .named(),
                Argument::new(
                    "language",
                    Text { en: "who works in it: `en`, `zh` ..", zh: "使用该语言者：`en`、`zh` 等" },
                    Kind::Text,
                )
                .named(),
                Argument::new(
                    "hours",
                    Text {
                        en: "at most so many hours from your time zone", zh: "与您的时区最多相差几小时"
                    },
                    Kind::Integer { min: 0, max: 12 },
                )
                .named(),
                Argument::new(
                    "group",
                    Text {
                        en: "only from this group; `mine`, or `others` for any but yours",
                        zh: "仅限某组；`mine` 为本组，`others` 为其他组",
                    },
                    Kind::Text,
                )
                .named(),
                Argument::new(
                    "seniority",
                    Text { en: "how far they are", zh: "资历" },
                    Kind::Choice(&["student", "postdoc", "faculty", "industry"]),
                )
                .named(),
                Argument::new("now", Text { en: "whose day it is now", zh: "当地为白天者" }, Kind::Flag),
                Argument::new(
                    "conflicts",
                    Text {
                        en: "leave out who has a conflict of interest: yourself, co-authors, your group, who was declared",
                        zh: "排除有利益冲突者：本人、合著者、同组、已声明者",
                    },
                    Kind::Flag,
                ),
                Argument::new(
                    "for",
                    Text { en: "what you need, or the paper's title", zh: "您的需求，或论文标题" },
                    Kind::Text,
                ),
            ],
            role_min: Role::Member,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(60),
            utterances: &[
                "Who could help me with this?",
                "I am looking for a collaborator",
                "Who works on this topic?",
                "Find me a team for this project",
            ],
            examples: &[
                Example { call: "match need", reply: "Say what you need" },
                Example { call: "match paper: no such paper", reply: "No paper here" },
                Example { call: "match me", reply: "nothing of your work" },
            ],
        },
        Command {
            name: "introduce",
            help: Text {
                en: "asks somebody whom `match` showed whether they want to meet you; you see the words first",
                zh: "询问 `match` 所示的某人是否愿意与您认识；您可先看到措辞",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "number",
                    Text { en: "their number in the list", zh: "列表中的编号" },
                    Kind::Integer { min: 1, max: 8 },
                )
                .required(),
                Argument::new("confirm", Text { en: "send it", zh: "确认发送" }, Kind::Flag),
            ],
            role_min: Role::Member,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[Example { call: "introduce 1", reply: "Nobody is shown to you" }],
        },
        Command {
            name: "meet",
            help: Text {
                en: "answers whether you want to meet who asked; a no is not told to anybody",
                zh: "回答是否愿意与询问者认识；拒绝不会告知任何人",
            },
            menu: None,
            arguments: &[Argument::new(
                "answer",
                Text { en: "yes, no, or never again from them", zh: "是、否，或不再接受此人" },
                Kind::Choice(&["yes", "no", "never"]),
            )
            .required()],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[Example { call: "meet yes", reply: "Nobody waits" }],
        },
    ],
};

/// Finds people.
#[derive(Default)]
pub struct Matching {
    /// Held while it is looked how often somebody was asked or shown, and noted: two calls at once pass no limit.
    turn: Mutex<()>,
}

#[async_trait]
impl Plugin for Matching {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match (call.command.as_str(), call.args.text("what")) {
            ("introduce", _) => {
                let _turn = self.turn.lock().await;
                introduce::ask(cx, call).await
            }
            ("meet", _) => {
                let _turn = self.turn.lock().await;
                introduce::answer(cx, call).await
            }
            (_, "exposure") => exposure::report(cx).await,
            (_, what) => find(cx, call, what, &self.turn).await,
        }
    }
}

/// What is needed, and how it is said again.
struct Wanted {
    need: Need,
    /// In a line.
    told: String,
    /// The same, as others may hear it.
    passed_on: String,
}

async fn find(cx: &Cx, call: &Call, what: &str, turn: &Mutex<()>) -> Result<(), PluginError> {
    let wanted = match what {
        "paper" => of_paper(cx, call.args.text("for")).await?,
        "me" => of_caller(cx).await?,
        what => in_words(cx, call.args.text("for"), what == "team")?,
    };
    let Some(mut wanted) = wanted else { return Ok(()) };
    wanted.need.without_conflicts |= call.args.flag("conflicts");
    wanted.need.room = Some(call.place.room.clone());
    wanted.need.year = cx.now().to_zoned(jiff::tz::TimeZone::UTC).year();
    cx.reply(Event::Progress { text: cx.said("Looking for people ...", "正在寻找……") })?;
    let own = cx.profile().await?.facts;
    let filter = list::Filter::of(call, &own, cx.now());
    if let Err(sentence) = filter.check() {
        return cx.say(cx.said(sentence.en, sentence.zh));
    }
    let lines = wanted.need.lines.len();
    // Whoever covers no line of it is not there to fill a list.
    let suits = |_: &Accounts, fit: &Fit| fit.lacks.len() < lines && filter.suits(&fit.facts);
    if what == "team" {
        let found = cx.fitting(wanted.need.clone(), POOL, suits).await?;
        let _turn = turn.lock().await;
        let met = exposure::bounded(cx, found, POOL).await?;
        return list::team(cx, &wanted, met, call.args.integer("size").unwrap_or(4)).await;
    }
    let limit = usize::try_from(call.args.integer("limit").unwrap_or(PEOPLE)).unwrap_or(1);
    let found = cx.fitting(wanted.need.clone(), limit + exposure::SPARE, suits).await?;
    let _turn = turn.lock().await;
    let met = exposure::bounded(cx, found, limit).await?;
    list::people(cx, &wanted, &met, &own).await?;
    remember(cx, call, &wanted, &met).await
}

/// What the buttons will be about.
async fn remember(cx: &Cx, call: &Call, wanted: &Wanted, met: &[Met]) -> Result<(), PluginError> {
    if met.is_empty() {
        return Ok(());
    }
    cx.shows(met);
    exposure::shown(cx, met).await?;
    introduce::remember(cx, call, wanted, met).await?;
    for one in met {
        cx.outcome(&call.id.0, &call.caller, (&one.member, &one.fit.features), Outcome::Shown).await?;
    }
    Ok(())
}

/// A need in the caller's own words. Of a team each skill is a line.
fn in_words(cx: &Cx, words: &str, is_team: bool) -> Result<Option<Wanted>, PluginError> {
    let words = words.trim().trim_matches(['"', '“', '”', '„']).trim();
    if words.is_empty() {
        cx.say(cx.said(
            "Say what you need, as in `match need: somebody who knows Bayesian statistics`, or `match team size: 4 for: \"field \
             recording, statistics, ornithology\"`.",
            "请说明您的需求，例如 `match need: 熟悉贝叶斯统计的人`，或 `match team size: 4 for: \"野外录音，统计，鸟类学\"`。",
        ))?;
        return Ok(None);
    }
    let lines = lines(words, is_team);
    Ok(Some(Wanted { need: Need { lines, ..Need::default() }, told: words.to_owned(), passed_on: words.to_owned() }))
}

/// The lines of a need: its sentences, or, of a list of skills, each.
fn lines(words: &str, is_list: bool) -> Vec<String> {
    let pieces: Vec<&str> = match is_list {
        true => words.split([',', ';', '，', '；', '、', '\n']).flat_map(|piece| piece.split(" and ")).collect(),
        false => words
            .split(['\n', ';', '；'])
            .flat_map(|line| text::sentences(line, "en").into_iter().map(|range| &line[range]))
            .collect(),
    };
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        let line = piece.trim().trim_start_matches("and ").trim_end_matches('.').trim().to_owned();
        if !line.is_empty() && !lines.contains(&line) && lines.len() < LINES_MAX {
            lines.push(line);
        }
    }
    lines
}

/// What a paper of the library is about; its authors are among those who may have a conflict.
async fn of_paper(cx: &Cx, words: &str) -> Result<Option<Wanted>, PluginError> {
    let words = words.trim().trim_matches(['"', '“', '”']);
    let listed = if words.is_empty() { Vec::new() } else { cx.documents(words, 0, 2).await? };
    let id = match listed.first() {
        Some(listing) => listing.id.clone(),
        None => DocumentId(words.to_owned()),
    };
    let found = if words.is_empty() { None } else { cx.document(&id).await? };
    let Some((document, passages)) = found.filter(|(document, _)| !document.is_conversation()) else {
        cx.say(cx.said(
            "No paper here has that title or id; `papers` lists them.",
            "此处没有该标题或编号的论文；`papers` 可列出全部论文。",
        ))?;
        return Ok(None);
    };
    let mut found = vec![document.title.clone()];
    let language = document.language.as_deref().unwrap_or("en");
    let start = passages.first().map(|passage| passage.text.as_str()).unwrap_or_default();
    found.extend(text::sentences(start, language).into_iter().map(|range| start[range].to_owned()));
    found.truncate(LINES_MAX);
    // Of a paper that members can put there no declared conflict is told: one could make up its authors.
    let is_vouched = matches!(document.scope, Scope::Community(_));
    let authors = if matches!(document.scope, Scope::Person(_)) { Vec::new() } else { document.authors.clone() };
    let need = Need { lines: found, authors, is_vouched, without_conflicts: true, ..Need::default() };
    let rights = cx.rights(&id).await?;
    let is_for_all = matches!(document.scope, Scope::Community(_)) && rights.embargo.is_none() && !rights.confidential;
    let passed_on = match is_for_all {
        true => document.title.clone(),
        false => cx.said("somebody for a paper that is not everybody's to read", "为一篇未公开的论文寻找合适的人"),
    };
    Ok(Some(Wanted { need, told: document.title, passed_on }))
}

/// What the caller looks for, by their profile: what they seek, else what they are about.
async fn of_caller(cx: &Cx) -> Result<Option<Wanted>, PluginError> {
    let entries = cx.profile().await?.entries;
    let of = |wanted: &[EntryKind]| -> Vec<String> {
        let entries = entries.iter().filter(|entry| wanted.contains(&entry.kind));
        entries.map(|entry| entry.text.clone()).take(LINES_MAX).collect()
    };
    let (seeks, about) = (of(&[EntryKind::Seeks]), of(&[EntryKind::About, EntryKind::Paper]));
    let lines = if seeks.is_empty() { about } else { seeks };
    if lines.is_empty() {
        cx.say(cx.said(
            "I know nothing of your work yet: say what you work on with `profile add`, or what you need with `match need`.",
            "我还不了解您的研究：请用 `profile add` 说明研究内容，或用 `match need` 说明需求。",
        ))?;
        return Ok(None);
    }
    let told = lines.join("; ");
    let passed_on = told.clone();
    Ok(Some(Wanted { need: Need { lines, ..Need::default() }, told, passed_on }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_read_by_sentences_and_a_team_by_skills() {
        assert_eq!(
            lines("I need a parser. It must be fast; and small.", false),
            ["I need a parser", "It must be fast", "small"]
        );
        assert_eq!(
            lines("field recording, statistics and ornithology", true),
            ["field recording", "statistics", "ornithology"]
        );
        assert_eq!(lines("统计、鸟类学", true), ["统计", "鸟类学"]);
        assert_eq!(lines("ducks, ducks", true), ["ducks"]);
        assert_eq!(lines("a, b, c, d, e, f, g, h, i, j, k, l, m, n", true).len(), LINES_MAX);
    }
}
