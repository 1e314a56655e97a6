//! What a person may do with what is remembered of them: see it, switch it, take it along, erase it; and say which
//! accounts are theirs.
//!
//! Which accounts are one person's is in `linking`.

mod linking;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, Event, Example, Kind, Manifest, PluginError, Role, Switch, Text, Visibility,
    ports::Plugin, reply::Action,
};

static MANIFEST: Manifest = Manifest {
    name: "privacy",
    summary: Text {
        en: "shows, switches, exports and erases what is remembered of you",
        zh: "查看、设置、导出和删除关于您的记录",
    },
    open: true,
    hears: None,
    commands: &[
        Command {
            name: "privacy",
            help: Text {
                en: "shows what you consented to, switches it, exports or erases all that is kept of you",
                zh: "显示您同意的内容并可更改，导出或删除关于您的全部记录",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "action",
                    Text { en: "what to do; show without one", zh: "要做什么；默认为显示" },
                    Kind::Choice(&["show", "set", "export", "forget"]),
                ),
                Argument::new(
                    "switch",
                    Text { en: "which consent to set", zh: "要设置的同意项" },
                    Kind::Choice(&["index", "match", "improve", "suggest", "name", "omit", "all"]),
                ),
                Argument::new("value", Text { en: "on or off", zh: "开或关" }, Kind::Choice(&["on", "off"])),
                Argument::new("confirm", Text { en: "really erase", zh: "确认删除" }, Kind::Flag),
            ],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(120),
            utterances: &["What do you know about me?", "Forget me", "Delete my data"],
            examples: &[
                Example { call: "privacy", reply: "index: off" },
                Example { call: "privacy set", reply: "Say which and how" },
                Example { call: "privacy set suggest on", reply: "suggest: on" },
                Example { call: "privacy set suggest off", reply: "suggest: off" },
                Example { call: "privacy forget", reply: "cannot be taken back" },
            ],
        },
        Command {
            name: "link",
            help: Text {
                en: "joins this account with another one of yours: get a code here, say it there, confirm with both",
                zh: "将此账号与您的另一个账号关联：在此获取代码，在另一处输入，并由两个账号确认",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "code",
                    Text {
                        en: "a code that one of the two accounts was given", zh: "两个账号之一得到的代码"
                    },
                    Kind::Text,
                ),
                Argument::new(
                    "refuse",
                    Text { en: "say that the accounts are not both yours", zh: "说明两个账号并非都属于您" },
                    Kind::Flag,
                ),
            ],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[
                Example { call: "link", reply: "say `link" },
                Example { call: "link 0000-0000", reply: "That code does nothing" },
                Example { call: "link 0000-0000 --refuse", reply: "That code does nothing" },
            ],
        },
        Command {
            name: "unlink",
            help: Text { en: "parts this account from your others", zh: "将此账号与您的其他账号分开" },
            menu: None,
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[Example { call: "unlink", reply: "no other account" }],
        },
    ],
};

/// What a person may do with what is remembered of them.
pub struct Privacy;

#[async_trait]
impl Plugin for Privacy {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match (call.command.as_str(), call.args.text("action")) {
            ("link", _) if call.args.flag("refuse") => linking::refuse(cx, call.args.text("code")).await,
            ("link", _) => linking::link(cx, call.args.text("code")).await,
            ("unlink", _) => match cx.unlink().await? {
                true => cx.say("This account is parted from your others."),
                false => cx.say("There is no other account that is linked with this one."),
            },
            (_, "set") => set(cx, call.args.text("switch"), call.args.text("value")).await,
            (_, "export") => {
                let exported = cx.export().await?;
                cx.say("All that I keep of you, with every account that you linked:")?;
                let (name, media_type) = ("colloquy-export.zip".to_owned(), "application/zip".to_owned());
                cx.reply(Event::File { name, media_type, bytes: exported.archive })?;
                match exported.left_out.len() {
                    0 => Ok(()),
                    files => cx.say(format!(
                        "\n{files} of your files have no room in one archive; `left-out.txt` in it names them. Ask the \
                         operator for them."
                    )),
                }
            }
            (_, "forget") if call.args.flag("confirm") => forget(cx).await,
            (_, "forget") => {
                // Where what was said again stands is known as long as posts are kept.
                cx.say(cx.said(
                    "This erases what I keep of you, with every account that you linked: your papers and notes, \
                     indexed messages, answers, votes, consents, and what bridges said again of you in the last 30 days, \
                     or in fewer where a room keeps my answers for fewer: what they said before stands in its room, and \
                     its moderators can remove it. It cannot be taken back; \
                     `privacy export` gives you a copy first.",
                    "这会删除我保存的关于您及您所有已关联账号的内容：您的文献与笔记、已索引的消息、回答、评价、同意项，\
                     以及最近 30 天内（房间对我的回答设有更短保留期的，以其为准）桥接转述的您的发言：\
                     更早的转述仍留在相应房间，可由其管理员删除。此操作无法撤销；\
                     可先用 `privacy export` 取得一份副本。",
                ))?;
                let erase =
                    Action { label: "Erase everything".to_owned(), command: "privacy forget --confirm".to_owned() };
                cx.reply(Event::Actions { actions: vec![erase] })
            }
            _ => cx.say(shown(cx)),
        }
    }
}

fn what(switch: Switch) -> &'static str {
    match switch {
        Switch::Index => "my messages in rooms that index them become searchable there",
        Switch::Match => "I may be shown to others as a collaborator",
        Switch::Improve => "my questions and votes may improve the assistant",
        Switch::Suggest => "I may be asked in private what my papers speak to, and am named only if I offer to help",
        Switch::Name => "summaries and bridges may say my name beside what I said",
        Switch::Omit => "summaries leave out what I say, and bridges do not carry it",
    }
}

fn shown(cx: &Cx) -> String {
    let standing = cx.standing();
    let line = |switch: Switch| {
        let state = if standing.consent.to(switch) { "on" } else { "off" };
        format!("- {switch}: {state} ({})", what(switch))
    };
    let mut lines = vec!["What you consented to:".to_owned()];
    lines.extend(Switch::ALL.map(line));
    if standing.accounts.len() > 1 {
        lines.push(format!(
            "You linked {} accounts. What allows something is on once you turned it on with each of them; `{}` is on once you \
             turned it on with one.",
            standing.accounts.len(),
            Switch::Omit
        ));
    }
    lines.push("`privacy set index on` switches; `privacy export` and `privacy forget` do what they say.".to_owned());
    lines.join("\n")
}

async fn set(cx: &Cx, named: &str, value: &str) -> Result<(), PluginError> {
    let on = match value {
        "on" => true,
        "off" => false,
        _ => return cx.say("Say which and how, as in `privacy set index on` or `privacy set all off`."),
    };
    // To be left out is none of what `all` allows or takes back.
    let is_meant = |one: &Switch| one.name() == named || (named == "all" && *one != Switch::Omit);
    let chosen: Vec<Switch> = Switch::ALL.into_iter().filter(is_meant).collect();
    for switch in &chosen {
        cx.set_consent(*switch, on).await?;
    }
    let consent = cx.standing_now().await?.consent;
    let state = |switch: Switch| if consent.to(switch) { "on" } else { "off" };
    let line = |switch: &Switch| format!("- {switch}: {} ({})", state(*switch), what(*switch));
    let mut lines: Vec<String> = chosen.iter().map(line).collect();
    if chosen.iter().any(|switch| consent.to(*switch) != on) {
        lines.push(match on {
            true => format!("It is on once you say `privacy set {named} on` with each of your linked accounts."),
            false => "It stays on as long as another linked account of yours has it on.".to_owned(),
        });
    }
    if chosen.contains(&Switch::Index) && !on {
        lines.push("What was indexed before is taken out within a minute.".to_owned());
    }
    cx.say(lines.join("\n"))
}

async fn forget(cx: &Cx) -> Result<(), PluginError> {
    let erased = cx.forget().await?;
    if erased.counts.is_empty() {
        return cx.say("There was nothing of you to erase.");
    }
    let line = |(what, count): &(String, usize)| format!("- {what}: {count}");
    let lines: Vec<String> = erased.counts.iter().map(line).collect();
    cx.say(format!("Erased:\n{}", lines.join("\n")))
}
