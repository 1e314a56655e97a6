//! What a person says of their work, for others to find them by it: given, shown, changed and removed by themselves.
//!
//! Read here what each call does, then `facts` (who they are) and `show` (what they see of it, and what others would).
//!
//! **Invariant:** a name from a file becomes the caller's only when they press its button or say it.

mod facts;
mod show;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Action, Argument, Attachment, Call, Command, Cx, Event, Example, Kind, Manifest, PluginError, PortError, Role,
    Scope, Switch, Text, Visibility,
    ports::{Listing, Plugin},
    profile::{Entry, EntryKind, Facts, STATEMENT_CHARS_MAX, entry_id},
    text::{carried, inert, line},
};

pub use show::card;

use crate::shelf::named;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// Files of one call.
const FILES_MAX: usize = 10;

/// Names, and ids, that files propose at once.
const NAMES_MAX: usize = 3;

/// Longest name that is proposed, in characters.
const NAME_CHARS_MAX: usize = 60;

/// Refusals that one reply names; the rest is counted.
const LINES_MAX: usize = 5;

static MANIFEST: Manifest = Manifest {
    name: "profile",
    summary: Text {
        en: "keeps what you say of your work, for others to find you by it if you want that",
        zh: "保存您对自己研究的介绍；如果您愿意，他人可据此找到您",
    },
    open: false,
    hears: None,
    commands: &[Command {
        name: "profile",
        help: Text {
            en: "shows or changes your profile: say what you work on, attach a list of your works, preview what others would see",
            zh: "查看或修改您的个人资料：说明研究内容，附上论文列表，预览他人所见",
        },
        menu: None,
        arguments: &[
            Argument::new(
                "action",
                Text { en: "what to do; show without one", zh: "要做什么；默认为显示" },
                Kind::Choice(&["show", "add", "edit", "remove", "preview"]),
            ),
            Argument::new(
                "field",
                Text { en: "what of it; what you work on without one", zh: "哪一项；默认为研究内容" },
                Kind::Choice(facts::FIELDS),
            ),
            Argument::new("text", Text { en: "what to say; to remove, an id", zh: "内容；删除时为编号" }, Kind::Text),
        ],
        role_min: Role::Guest,
        visibility: Visibility::Caller,
        deadline: Duration::from_secs(300),
        utterances: &["Show my profile", "I want to describe my research", "What do others see of me?"],
        examples: &[
            Example { call: "profile", reply: "nothing of your work yet" },
            Example { call: "profile add zone Mars/Base", reply: "as in `Europe/Berlin`" },
            Example { call: "profile remove about", reply: "Say which" },
            Example { call: "profile preview", reply: "Nobody sees" },
        ],
    }],
};

/// Looks after the caller's profile.
pub struct Profiles;

#[async_trait]
impl Plugin for Profiles {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        let (field, text) = (call.args.text("field"), call.args.text("text"));
        match call.args.text("action") {
            "preview" => show::preview(cx).await,
            "remove" => remove(cx, field, text).await,
            "add" | "edit" if field.is_empty() && text.is_empty() => match cx.attachments() {
                [] => cx.say(cx.said(HOW_EN, HOW_ZH)),
                files => read(cx, files).await,
            },
            action @ ("add" | "edit") => change(cx, action == "edit", field, text).await,
            // From one sentence.
            "" if !text.is_empty() || !field.is_empty() => change(cx, false, field, text).await,
            "" if !cx.attachments().is_empty() => read(cx, cx.attachments()).await,
            _ => show::own(cx).await,
        }
    }
}

const HOW_EN: &str = "Say what you work on, as in `profile add I study how birds navigate`, a skill that you offer, as in \
                      `profile add offers Bayesian statistics`, or attach a list of your works: BibTeX, an ORCID works \
                      file, an export of the ACL Anthology or Semantic Scholar, or papers.";
const HOW_ZH: &str = "请说明您的研究内容，例如 `profile add 我研究鸟类导航`，或您能提供的技能，例如 `profile add offers \
                      贝叶斯统计`；也可附上论文列表：BibTeX、ORCID 文件、ACL Anthology 或 Semantic Scholar 导出文件，或论文。";

/// What a field is kept as, where it is an entry.
fn kind(field: &str) -> Option<EntryKind> {
    match field {
        "" | "about" => Some(EntryKind::About),
        "offers" => Some(EntryKind::Offers),
        "seeks" => Some(EntryKind::Seeks),
        "paper" => Some(EntryKind::Paper),
        _ => None,
    }
}

async fn change(cx: &Cx, anew: bool, field: &str, text: &str) -> Result<(), PluginError> {
    let Some(kind) = kind(field) else { return set(cx, anew, field, text).await };
    if text.is_empty() {
        return cx.say(cx.said(HOW_EN, HOW_ZH));
    }
    if text.chars().count() > STATEMENT_CHARS_MAX {
        return cx.say(cx.said(
            &format!("That is longer than {STATEMENT_CHARS_MAX} characters; say it shorter, or attach it as a file."),
            &format!("内容超过 {STATEMENT_CHARS_MAX} 个字符；请缩短，或以文件形式附上。"),
        ));
    }
    let entries = match kind {
        EntryKind::Paper => vec![paper(cx, text).await?],
        EntryKind::Offers | EntryKind::Seeks => {
            let pieces =
                text.split([',', ';', '，', '；', '、', '\n']).map(str::trim).filter(|piece| !piece.is_empty());
            pieces.map(|piece| Entry::statement(kind, piece, year(cx))).collect()
        }
        _ => vec![Entry::statement(kind, text, year(cx))],
    };
    if entries.is_empty() {
        return cx.say(cx.said(HOW_EN, HOW_ZH));
    }
    let new = match cx.keep_entries(&entries).await {
        Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => return cx.say(carried(&reason)),
        kept => kept?,
    };
    if anew {
        // The new ones first: what fails in between loses nothing.
        let is_old = |entry: &Entry| {
            entry.kind == kind && entry.source.is_empty() && !entries.iter().any(|new| new.id == entry.id)
        };
        let all = cx.profile().await?.entries;
        let old: Vec<String> = all.into_iter().filter(is_old).map(|entry| entry.id).collect();
        cx.discard_entries(&old).await?;
    }
    let lines: Vec<String> = entries.iter().map(|entry| format!("- {}", show::line(entry))).collect();
    cx.say(match new {
        0 => cx.said("I have that already:\n", "已有该内容：\n"),
        _ => cx.said("Kept:\n", "已保存：\n"),
    })?;
    cx.say(lines.join("\n"))?;
    invite(cx).await
}

/// A paper of the caller's: as the library has it, where all of the community may read it; else its title alone, as others
/// would be shown what is not theirs to read.
async fn paper(cx: &Cx, title: &str) -> Result<Entry, PluginError> {
    let plain = |text: &str| entry_id(EntryKind::Paper, text);
    let alone = Entry::statement(EntryKind::Paper, title, year(cx));
    let listed = cx.documents(title, 0, 10).await?;
    let is_meant =
        |listing: &&Listing| matches!(listing.scope, Scope::Community(_)) && plain(&listing.title) == alone.id;
    let Some(listing) = listed.iter().find(is_meant) else { return Ok(alone) };
    let rights = cx.rights(&listing.id).await?;
    if rights.embargo.is_some() || rights.confidential {
        return Ok(alone);
    }
    let document = cx.document(&listing.id).await?;
    let summary = document.and_then(|(_, passages)| passages.into_iter().next()).map(|passage| passage.text);
    Ok(Entry {
        text: listing.title.clone(),
        summary: summary.unwrap_or_default().chars().take(STATEMENT_CHARS_MAX).collect(),
        authors: listing.authors.clone(),
        year: listing.year,
        ..alone
    })
}

fn year(cx: &Cx) -> i16 {
    cx.now().to_zoned(jiff::tz::TimeZone::UTC).year()
}

async fn set(cx: &Cx, anew: bool, field: &str, text: &str) -> Result<(), PluginError> {
    let mut facts = cx.profile().await?.facts;
    if let Err(sentence) = facts::set(&mut facts, field, text, anew) {
        return cx.say(cx.said(sentence.en, sentence.zh));
    }
    cx.set_facts(&facts).await?;
    cx.say(format!("{}{}", cx.said("Kept: ", "已保存："), facts::told(&facts, field)))?;
    if field != "conflict" {
        return Ok(());
    }
    cx.say(cx.said(
        "\nWho has this as their account is never shown to you, nor you to them. A name keeps you apart from who bears it when you \
         look for people, and from papers of the community with that author: to whom else it belongs anybody could claim.",
        "\n以此为账号的人不会展示给您，您也不会展示给对方。若为姓名，则在您寻找他人时，以及在社区文献的作者叫此姓名时生效：\
         除此之外，任何人都可以自称此名。",
    ))
}

async fn remove(cx: &Cx, field: &str, text: &str) -> Result<(), PluginError> {
    let profile = cx.profile().await?;
    if !field.is_empty() && kind(field).is_none() {
        let mut facts = profile.facts;
        if !facts::remove(&mut facts, field, text) {
            return cx.say(cx.said("That is not in your profile.", "您的资料中没有该内容。"));
        }
        cx.set_facts(&facts).await?;
        return cx.say(cx.said("Removed.", "已删除。"));
    }
    let is_all = matches!(text, "all" | "everything" | "全部");
    let is_meant = |entry: &&Entry| {
        let is_kind = field.is_empty() || kind(field) == Some(entry.kind);
        is_kind && (is_all || entry.id == text || (!text.is_empty() && entry.text.eq_ignore_ascii_case(text)))
    };
    let ids: Vec<String> = profile.entries.iter().filter(is_meant).map(|entry| entry.id.clone()).collect();
    let removed = cx.discard_entries(&ids).await?;
    match (removed, text.is_empty()) {
        (_, true) => cx.say(cx.said(
            "Say which, by the id that `profile` shows, as in `profile remove 1a2b3c4d`, or `profile remove all`.",
            "请说明要删除哪一项：使用 `profile` 显示的编号，例如 `profile remove 1a2b3c4d`，或 `profile remove all`。",
        )),
        (0, _) => cx.say(cx.said("That is not in your profile.", "您的资料中没有该内容。")),
        (removed, _) => cx.say(cx.said(&format!("Removed: {removed}."), &format!("已删除 {removed} 项。"))),
    }
}

/// Reads lists of works, and papers.
async fn read(cx: &Cx, files: &[Attachment]) -> Result<(), PluginError> {
    let facts = cx.profile().await?.facts;
    let (mut names, mut ids): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for file in files.iter().take(FILES_MAX) {
        let name = named(&file.name);
        let working = cx.said(&format!("Reading {name} ..."), &format!("正在读取 {name} ……"));
        cx.reply(Event::Progress { text: working })?;
        let works = match cx.works(file, FILE_BYTES_MAX).await {
            Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => {
                cx.say(format!("{name}: {}\n", carried(&reason)))?;
                continue;
            }
            works => works?,
        };
        let new = match cx.keep_entries(&works.entries).await {
            Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => {
                cx.say(format!("{name}: {}\n", carried(&reason)))?;
                continue;
            }
            kept => kept?,
        };
        let all = works.entries.len();
        cx.say(cx.said(
            &format!("{name}: {all} works, {new} of them new.\n"),
            &format!("{name}：{all} 篇，其中新增 {new} 篇。\n"),
        ))?;
        for sentence in works.refused.iter().take(LINES_MAX) {
            cx.say(format!("- {}\n", inert(sentence)))?;
        }
        if let Some(more) = works.refused.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
            cx.say(cx.said(&format!("- and {more} more like this\n"), &format!("- 另有 {more} 条\n")))?;
        }
        let foreign = works.entries.iter().filter(|entry| facts::is_foreign(&facts, &entry.authors)).count();
        if foreign > 0 {
            cx.say(cx.said(
                &format!("- {foreign} of them name nobody that you said you are; `profile remove ID` takes one out.\n"),
                &format!("- 其中 {foreign} 篇的作者与您已确认的姓名不符；可用 `profile remove 编号` 删除。\n"),
            ))?;
        }
        ids.extend(works.ids);
        names.extend(works.names);
    }
    if let Some(left) = files.len().checked_sub(FILES_MAX).filter(|left| *left > 0) {
        cx.say(cx.said(
            &format!("More than {FILES_MAX} files are not read at once: {left} were left.\n"),
            &format!("一次最多读取 {FILES_MAX} 个文件，其余 {left} 个未读取。\n"),
        ))?;
    }
    propose(cx, &facts, names, ids)?;
    invite(cx).await
}

/// Proposes names and ids that may be the caller's.
fn propose(cx: &Cx, known: &Facts, names: Vec<String>, ids: Vec<String>) -> Result<(), PluginError> {
    let named = names.into_iter().filter(|name| !known.names.contains(name)).map(|name| ("name", name));
    let numbered = ids.into_iter().filter(|id| !known.ids.contains(id)).map(|id| ("id", id));
    let mut open: Vec<(&str, String)> = Vec::new();
    for (field, text) in named.take(NAMES_MAX).chain(numbered.take(NAMES_MAX)) {
        let text = line(&text);
        // A button holds a hundred characters.
        if text.chars().count() <= NAME_CHARS_MAX && !open.iter().any(|(_, other)| *other == text) {
            open.push((field, text));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    cx.say(cx.said(
        "Is one of these you? I take it for yours only if you say so; it keeps you from being proposed to your own co-authors \
         where that would be a conflict of interest.\n",
        "其中有您的姓名吗？只有您确认后才会保存；它用于避免在存在利益冲突时将您推荐给您的合著者。\n",
    ))?;
    let action = |(field, text): (&str, String)| Action {
        label: cx.said(&format!("I am {text}"), &format!("我是 {text}")),
        command: format!("profile add {field} {text}"),
    };
    cx.reply(Event::Actions { actions: open.into_iter().map(action).collect() })
}

/// Says how others can find the caller, where they cannot yet.
async fn invite(cx: &Cx) -> Result<(), PluginError> {
    if cx.standing().consent.to(Switch::Match) {
        return Ok(());
    }
    cx.say(cx.said(
        "\n\nNobody sees it: others find you by it only after `privacy set match on`; `profile preview` shows what they would see.",
        "\n\n目前无人可见：执行 `privacy set match on` 后他人才能据此找到您；`profile preview` 显示他人所见内容。",
    ))
}
