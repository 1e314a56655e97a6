//! What moderators decide: the room's policy, pauses, blocks, roles; and why an answer said what it said.

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Attachment, Call, Command, Cx, Event, Example, Kind, Manifest, MemberId, PluginError, Policy, Role, Text,
    Visibility,
    ports::Plugin,
    reply::Action,
    text::{code, fenced, inert},
};

/// Largest policy file, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

static MANIFEST: Manifest = Manifest {
    name: "moderation",
    summary: Text { en: "what moderators decide on in a room", zh: "版主在房间中的设置" },
    open: false,
    hears: None,
    commands: &[
        Command {
            name: "room",
            help: Text {
                en: "shows and sets this room's policy: plugins, roles, language, what is read, quiet hours, indexing",
                zh: "查看和设置本房间的规则：插件、角色、语言、可读范围、安静时段、索引",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "action",
                    Text { en: "what to do; show without one", zh: "要做什么；默认为显示" },
                    Kind::Choice(&["show", "set", "reset", "export", "import"]),
                ),
                Argument::new("key", Text { en: "which rule", zh: "哪条规则" }, Kind::Text).completed(),
                Argument::new("value", Text { en: "its value", zh: "规则的值" }, Kind::Text).completed(),
            ],
            role_min: Role::Moderator,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(15),
            utterances: &[],
            examples: &[
                Example { call: "room", reply: "auto-answer = false" },
                Example { call: "room set", reply: "The rules are" },
                Example { call: "room set colour red", reply: "The rules are" },
                Example { call: "room set auto-answer perhaps", reply: "auto-answer" },
                Example { call: "room set quiet 22:00-07:00", reply: "quiet = \"22:00-07:00\"" },
                Example { call: "room reset quiet", reply: "quiet = \"\"" },
                Example { call: "room reset", reply: "all rules of this room" },
            ],
        },
        Command {
            name: "colloquy",
            help: Text {
                en: "pauses me in this room or everywhere, and wakes me again",
                zh: "在本房间或所有房间暂停或恢复",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "action",
                    Text { en: "what to do", zh: "要做什么" },
                    Kind::Choice(&["status", "pause", "resume"]),
                ),
                Argument::new("everywhere", Text { en: "in all rooms; for the operator", zh: "所有房间" }, Kind::Flag),
            ],
            role_min: Role::Moderator,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[
                Example { call: "colloquy", reply: "I answer here" },
                Example { call: "colloquy pause", reply: "silent" },
                Example { call: "colloquy resume", reply: "I answer here" },
            ],
        },
        Command {
            name: "block",
            help: Text {
                en: "answers a person nothing in this room any more, or again; an operator everywhere",
                zh: "在本房间不再回应某人，或恢复回应；运营者则在所有房间",
            },
            menu: None,
            arguments: &[
                Argument::new("member", Text { en: "whom: a mention or an id", zh: "谁：提及或账号" }, Kind::Text)
                    .required(),
                Argument::new("lift", Text { en: "end the block", zh: "解除" }, Kind::Flag),
            ],
            role_min: Role::Moderator,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[Example { call: "block --lift nobody", reply: "answered again" }],
        },
        Command {
            name: "role",
            help: Text { en: "gives a person a role, whatever the platform says", zh: "授予某人角色" },
            menu: None,
            arguments: &[
                Argument::new(
                    "role",
                    Text { en: "which role, or none", zh: "哪个角色" },
                    Kind::Choice(&["none", "member", "moderator", "operator"]),
                )
                .required(),
                Argument::new("member", Text { en: "whom: a mention or an id", zh: "谁：提及或账号" }, Kind::Text)
                    .required(),
            ],
            role_min: Role::Operator,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[Example { call: "role none nobody", reply: "as the platform says" }],
        },
        Command {
            name: "why",
            help: Text {
                en: "shows how an answer came about: passages, model, timings, what was struck",
                zh: "显示回答的来历：段落、模型、用时、被删的内容",
            },
            menu: Some(Text { en: "Why this answer?", zh: "为何这样回答？" }),
            arguments: &[Argument::new("link", Text { en: "a link to the answer", zh: "回答的链接" }, Kind::Text)],
            role_min: Role::Moderator,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[Example { call: "why", reply: "Reply to an answer of mine" }],
        },
    ],
};

/// What moderators decide.
pub struct Moderation;

#[async_trait]
impl Plugin for Moderation {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        let args = &call.args;
        match (call.command.as_str(), args.text("action")) {
            ("room", "set") => set(cx, args.text("key"), args.text("value")).await,
            ("room", "reset") => reset(cx, args.text("key")).await,
            ("room", "export") => export(cx),
            ("room", "import") => import(cx).await,
            ("room", _) => cx.say(fenced("toml", &toml_of(cx.policy()))),
            ("colloquy", action) => pause(cx, action, args.flag("everywhere")).await,
            ("block", _) => block(cx, &member(args.text("member")), args.flag("lift")).await,
            ("role", _) => grant(cx, args.text("role"), &member(args.text("member"))).await,
            _ => why(cx, args.text("link")).await,
        }
    }

    async fn complete(&self, cx: &Cx, argument: &str, typed: &str) -> Result<Vec<String>, PluginError> {
        let keys = Policy::KEYS.iter().map(|(key, _)| (*key).to_owned());
        let values = match cx.call().args.text("key") {
            "auto-answer" | "index-messages" | "paused" => vec!["true", "false"],
            "visibility" => vec!["room", "caller"],
            "quiet" => vec!["22:00-07:00"],
            "language" => vec!["en", "de", "es", "fr", "ja", "zh"],
            _ => Vec::new(),
        };
        let proposals: Vec<String> = match argument {
            "key" => keys.collect(),
            _ => values.into_iter().map(str::to_owned).collect(),
        };
        Ok(proposals.into_iter().filter(|value| value.starts_with(typed.trim())).collect())
    }
}

/// An account, however it was pointed at: Discord writes `<@123>`, Matrix its whole name.
fn member(given: &str) -> MemberId {
    given.trim().trim_start_matches("<@").trim_start_matches('!').trim_end_matches('>').into()
}

fn toml_of(policy: &Policy) -> String {
    toml::to_string(policy).unwrap_or_default()
}

/// The policy with one rule from a person's words: as TOML has it, or plain, with commas in a list.
///
/// # Errors
/// A sentence.
fn changed(policy: &Policy, key: &str, value: &str) -> Result<Policy, String> {
    let keys: Vec<&str> = Policy::KEYS.iter().map(|(key, _)| *key).collect();
    let Some((_, help)) = Policy::KEYS.iter().find(|(known, _)| *known == key) else {
        return Err(format!("The rules are {}.", keys.join(", ")));
    };
    let mut table: toml::Table = toml::from_str(&toml_of(policy)).map_err(|_| "The policy is damaged.".to_owned())?;
    let items = || value.split(',').map(str::trim).filter(|item| !item.is_empty());
    let value = match table.get(key) {
        Some(toml::Value::Array(_)) => toml::Value::Array(items().map(|item| item.into()).collect()),
        Some(toml::Value::Table(_)) => {
            let pairs = items().map(|item| item.split_once('=').unwrap_or((item, "")));
            toml::Value::Table(pairs.map(|(name, role)| (name.trim().to_owned(), role.trim().into())).collect())
        }
        Some(toml::Value::String(_)) | None => value.into(),
        Some(_) => value.parse().unwrap_or_else(|_| value.into()),
    };
    table.insert(key.to_owned(), value);
    let read: Result<Policy, _> = table.try_into();
    let policy = read.map_err(|error| format!("`{key}`: {help}. ({})", inert(error.message())))?;
    policy.check().map(|()| policy)
}

async fn set(cx: &Cx, key: &str, value: &str) -> Result<(), PluginError> {
    match changed(cx.policy(), key, value) {
        Ok(policy) => put(cx, Some(&policy)).await?,
        Err(sentence) => return cx.say(sentence),
    }
    cx.say(line(&changed(cx.policy(), key, value).unwrap_or_default(), key))?;
    match (key, value) {
        ("index-messages", "true") => cx.say(
            "\nFrom now on messages in this room become searchable here, of those alone who say `privacy set index \
             on`. `privacy set index off` takes theirs out again.",
        ),
        _ => Ok(()),
    }
}

/// The line of one rule.
fn line(policy: &Policy, key: &str) -> String {
    let table: toml::Table = toml::from_str(&toml_of(policy)).unwrap_or_default();
    code(&format!("{key} = {}", table.get(key).map(ToString::to_string).unwrap_or_default()))
}

async fn reset(cx: &Cx, key: &str) -> Result<(), PluginError> {
    if key.is_empty() {
        put(cx, None).await?;
        return cx.say("The defaults hold again for all rules of this room.");
    }
    let defaults: toml::Table = toml::from_str(&toml_of(&Policy::default())).unwrap_or_default();
    let mut table: toml::Table = toml::from_str(&toml_of(cx.policy())).unwrap_or_default();
    let Some(value) = defaults.get(key) else { return set(cx, key, "").await };
    table.insert(key.to_owned(), value.clone());
    let policy: Policy = table.try_into().unwrap_or_default();
    put(cx, Some(&policy)).await?;
    cx.say(line(&policy, key))
}

/// Sets the policy.
///
/// # Errors
/// [`PluginError::Usage`] where the caller may not.
async fn put(cx: &Cx, policy: Option<&Policy>) -> Result<(), PluginError> {
    cx.set_policy(policy).await
}

fn export(cx: &Cx) -> Result<(), PluginError> {
    let (name, media_type) = ("room.toml".to_owned(), "application/toml".to_owned());
    cx.reply(Event::File { name, media_type, bytes: toml_of(cx.policy()).into_bytes() })
}

async fn import(cx: &Cx) -> Result<(), PluginError> {
    let Some(file) = cx.attachments().first() else {
        return cx.say("Attach the file that `room export` gave you, or reply with `room import` to it.");
    };
    let file: &Attachment = file;
    let bytes = cx.attached(file, FILE_BYTES_MAX).await?;
    let read = std::str::from_utf8(&bytes).map_err(|_| "it is no text".to_owned()).and_then(|text| {
        let policy: Policy = toml::from_str(text).map_err(|error| inert(error.message()))?;
        policy.check().map(|()| policy)
    });
    match read {
        Ok(policy) => {
            put(cx, Some(&policy)).await?;
            cx.say(format!("Set:\n{}", fenced("toml", &toml_of(&policy))))
        }
        Err(reason) => cx.say(format!("That file cannot be used: {reason}")),
    }
}

async fn pause(cx: &Cx, action: &str, everywhere: bool) -> Result<(), PluginError> {
    let paused = match action {
        "pause" => true,
        "resume" => false,
        _ => {
            return cx.say(match (cx.is_paused().await?, cx.policy().paused) {
                (true, _) => "I am silent everywhere.",
                (_, true) => "I am silent here.",
                _ => "I answer here.",
            });
        }
    };
    if everywhere {
        cx.pause_all(paused).await?;
    } else {
        cx.set_policy(Some(&Policy { paused, ..cx.policy().clone() })).await?;
    }
    let whereabouts = if everywhere { "everywhere" } else { "here" };
    if !paused {
        return cx.say(format!("I answer {whereabouts} again: I answer here where the rules allow."));
    }
    cx.say(format!("I am silent {whereabouts} from now on, but to moderators who wake me."))?;
    let flag = if everywhere { " --everywhere" } else { "" };
    let resume = Action { label: "Resume".to_owned(), command: format!("colloquy resume{flag}") };
    cx.reply(Event::Actions { actions: vec![resume] })
}

async fn block(cx: &Cx, member: &MemberId, lift: bool) -> Result<(), PluginError> {
    let blocked = cx.set_blocked(member, !lift).await?;
    cx.say(match (lift, blocked.everywhere) {
        (true, true) => {
            "They are still answered nothing: an operator blocked them everywhere, and only an operator ends that."
        }
        (true, false) => "They are answered again.",
        (false, true) => "They are answered nothing from now on, in any room.",
        (false, false) => "They are answered nothing from now on in this room.",
    })
}

async fn grant(cx: &Cx, role: &str, member: &MemberId) -> Result<(), PluginError> {
    let role = match role {
        "member" => Some(Role::Member),
        "moderator" => Some(Role::Moderator),
        "operator" => Some(Role::Operator),
        _ => None,
    };
    cx.set_grant(member, role).await?;
    cx.say(match role {
        Some(role) => format!("They have the role {} from now on.", role.name()),
        None => "Their role is as the platform says.".to_owned(),
    })
}

async fn why(cx: &Cx, link: &str) -> Result<(), PluginError> {
    let call = match (&cx.call().about, link) {
        (Some(about), _) => Some(about.clone()),
        (None, "") => return cx.say("Reply to an answer of mine, or give a link to it."),
        (None, link) => cx.answer_at(link).await?,
    };
    let flight = match call {
        Some(call) => cx.flight(&call).await?,
        None => None,
    };
    let Some(flight) = flight else { return cx.say("I know of no such answer in this room.") };
    let mut lines = vec![
        format!("`{}` of {} at {}: {}.", flight.call.command, inert(&flight.call.caller.0), flight.at, flight.outcome),
        format!(
            "Waited {} ms, ran {} ms; {} prompt tokens, {} generated; model `{}`, temperature 0.",
            flight.waited.as_millis(),
            flight.ran.as_millis(),
            flight.usage.prompt_tokens,
            flight.usage.completion_tokens,
            flight.model
        ),
    ];
    for (number, (passage, score)) in flight.evidence.iter().enumerate() {
        lines.push(format!("{}. passage `{passage}`, score {score:.3}", number + 1));
    }
    for (number, generation) in flight.generations.iter().enumerate() {
        let (turns, words) = (generation.prompt.turns.len(), generation.text.split_whitespace().count());
        lines.push(format!("Generation {}: {turns} turns asked, {words} words written", number + 1));
    }
    lines.extend(flight.decisions.iter().cloned());
    cx.say(lines.join("\n"))
}
