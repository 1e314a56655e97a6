//! What Discord is told of the commands: the manifests in its JSON, and the hash that says whether they changed. Pure.

use chat::{Argument, Command, Kind, Manifest, Text};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::body::cut;

/// Most slash commands of an application.
const COMMANDS_MAX: usize = 100;

/// Most commands in a message's menu.
const MENU_MAX: usize = 5;

/// Longest name, in characters.
const NAME_MAX: usize = 32;

/// Longest help, in characters.
const HELP_MAX: usize = 100;

/// Most options of a command, and most choices of an option.
const LIST_MAX: usize = 25;

/// Discord's type of a slash command.
const SLASH: u8 = 1;

/// Discord's type of a command in a message's menu.
const MENU: u8 = 3;

/// Installed in a server.
const THROUGH: [u8; 1] = [0];

/// In a server, and in direct messages with the bot.
const WITHIN: [u8; 2] = [0, 1];

/// A command, as Discord registers it.
#[derive(Debug, Serialize)]
pub struct Definition {
    #[serde(rename = "type")]
    kind: u8,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_localizations: Option<Chinese>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_localizations: Option<Chinese>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<Choice>,
    /// Through servers alone, not through persons, who would bring it anywhere.
    integration_types: [u8; 1],
    /// In servers and in direct messages with the bot, not in others' private channels.
    contexts: [u8; 2],
}

/// The other language that every manifest speaks.
#[derive(Debug, Serialize)]
struct Chinese {
    #[serde(rename = "zh-CN")]
    zh: String,
}

/// An option of a command.
#[derive(Debug, Serialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: u8,
    name: &'static str,
    description: String,
    description_localizations: Chinese,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_value: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Word>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    autocomplete: bool,
}

#[derive(Debug, Serialize)]
struct Word {
    name: &'static str,
    value: &'static str,
}

/// All commands, as Discord registers them.
pub fn definitions(manifests: &[&'static Manifest]) -> Vec<Definition> {
    let commands = || manifests.iter().flat_map(|manifest| manifest.commands);
    let slash = commands().take(COMMANDS_MAX).map(slash);
    let menu = commands().filter_map(|command| command.menu.as_ref()).take(MENU_MAX).map(menu);
    slash.chain(menu).collect()
}

/// What a message's menu calls a command: the title that comes back with it.
pub fn title(menu: &Text) -> String {
    cut(menu.en, NAME_MAX)
}

/// What tells one set of definitions of one application from another.
pub fn hash(application: u64, definitions: &[Definition]) -> String {
    let json = serde_json::to_vec(definitions).unwrap_or_default();
    format!("{application}/{:x}", Sha256::digest(json))
}

fn slash(command: &'static Command) -> Definition {
    // Discord wants the required ones first; among themselves they keep their order.
    let (required, optional): (Vec<&Argument>, Vec<&Argument>) =
        command.arguments.iter().partition(|argument| argument.required);
    Definition {
        kind: SLASH,
        name: cut(command.name, NAME_MAX),
        name_localizations: None,
        description: Some(help(command.help.en, command.name)),
        description_localizations: Some(Chinese { zh: help(command.help.zh, command.name) }),
        options: required.into_iter().chain(optional).take(LIST_MAX).map(option).collect(),
        integration_types: THROUGH,
        contexts: WITHIN,
    }
}

fn menu(menu: &'static Text) -> Definition {
    Definition {
        kind: MENU,
        name: title(menu),
        name_localizations: Some(Chinese { zh: cut(menu.zh, NAME_MAX) }),
        description: None,
        description_localizations: None,
        options: Vec::new(),
        integration_types: THROUGH,
        contexts: WITHIN,
    }
}

fn option(argument: &'static Argument) -> Choice {
    let (text, integer, flag) = (3, 4, 5);
    let (kind, min_value, max_value, words): (_, _, _, &[&'static str]) = match argument.kind {
        Kind::Text | Kind::Link => (text, None, None, &[]),
        Kind::Integer { min, max } => (integer, Some(min), Some(max), &[]),
        Kind::Flag => (flag, None, None, &[]),
        // More words than Discord lists are typed, and checked like typed ones.
        Kind::Choice(words) => (text, None, None, if words.len() > LIST_MAX { &[] } else { words }),
    };
    Choice {
        kind,
        name: argument.name,
        description: help(argument.help.en, argument.name),
        description_localizations: Chinese { zh: help(argument.help.zh, argument.name) },
        required: argument.required,
        min_value,
        max_value,
        choices: words.iter().map(|&word| Word { name: word, value: word }).collect(),
        // Discord takes no proposals beside a list, nor for what is present or absent.
        autocomplete: argument.completes && words.is_empty() && kind != flag,
    }
}

/// Help that Discord takes: never empty.
fn help(text: &str, name: &str) -> String {
    cut(if text.trim().is_empty() { name } else { text }, HELP_MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use chat::{Role, Visibility};
    use expect_test::expect;

    use super::*;

    const fn text(en: &'static str, zh: &'static str) -> Text {
        Text { en, zh }
    }

    const fn command(name: &'static str, arguments: &'static [Argument]) -> Command {
        Command {
            name,
            help: text("does it", "做这件事"),
            menu: None,
            arguments,
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(1),
            utterances: &[],
            examples: &[],
        }
    }

    /// What the tests of this crate call.
    pub static MANIFEST: Manifest = Manifest {
        name: "test",
        summary: text("tests", "测试"),
        open: false,
        hears: None,
        commands: &[
            command("ask", &[Argument::new("question", text("what", "什么"), Kind::Text).required()]),
            Command {
                menu: Some(text("Translate this", "翻译这条")),
                visibility: Visibility::Caller,
                ..command(
                    "translate",
                    &[
                        Argument::new("into", text("language", "语言"), Kind::Choice(&["en", "zh"])),
                        Argument::new("terms", text("glossary", "术语"), Kind::Text).completed(),
                        Argument::new("count", text("", ""), Kind::Integer { min: -1, max: 20 }),
                        Argument::new("exact", text("keep", "保留"), Kind::Flag),
                        Argument::new("text", text("what", "什么"), Kind::Text).required(),
                    ],
                )
            },
        ],
    };

    #[test]
    fn discord_is_told_what_the_manifests_say() {
        let json = serde_json::to_string_pretty(&definitions(&[&MANIFEST])).unwrap();
        expect![[r#"
            [
              {
                "type": 1,
                "name": "ask",
                "description": "does it",
                "description_localizations": {
                  "zh-CN": "做这件事"
                },
                "options": [
                  {
                    "type": 3,
                    "name": "question",
                    "description": "what",
                    "description_localizations": {
                      "zh-CN": "什么"
                    },
                    "required": true
                  }
                ],
                "integration_types": [
                  0
                ],
                "contexts": [
                  0,
                  1
                ]
              },
              {
                "type": 1,
                "name": "translate",
                "description": "does it",
                "description_localizations": {
                  "zh-CN": "做这件事"
                },
                "options": [
                  {
                    "type": 3,
                    "name": "text",
                    "description": "what",
                    "description_localizations": {
                      "zh-CN": "什么"
                    },
                    "required": true
                  },
                  {
                    "type": 3,
                    "name": "into",
                    "description": "language",
                    "description_localizations": {
                      "zh-CN": "语言"
                    },
                    "required": false,
                    "choices": [
                      {
                        "name": "en",
                        "value": "en"
                      },
                      {
                        "name": "zh",
                        "value": "zh"
                      }
                    ]
                  },
                  {
                    "type": 3,
                    "name": "terms",
                    "description": "glossary",
                    "description_localizations": {
                      "zh-CN": "术语"
                    },
                    "required": false,
                    "autocomplete": true
                  },
                  {
                    "type": 4,
                    "name": "count",
                    "description": "count",
                    "description_localizations": {
                      "zh-CN": "count"
                    },
                    "required": false,
                    "min_value": -1,
                    "max_value": 20
                  },
                  {
                    "type": 5,
                    "name": "exact",
                    "description": "keep",
                    "description_localizations": {
                      "zh-CN": "保留"
                    },
                    "required": false
                  }
                ],
                "integration_types": [
                  0
                ],
                "contexts": [
                  0,
                  1
                ]
              },
              {
                "type": 3,
                "name": "Translate this",
                "name_localizations": {
                  "zh-CN": "翻译这条"
                },
                "integration_types": [
                  0
                ],
                "contexts": [
                  0,
                  1
                ]
              }
            ]"#]]
        .assert_eq(&json);
    }

    #[test]
    fn a_hash_changes_with_the_commands_and_with_the_application() {
        let all = definitions(&[&MANIFEST]);
        assert_eq!(hash(1, &all), hash(1, &definitions(&[&MANIFEST])));
        assert_ne!(hash(1, &all), hash(2, &all));
        assert_ne!(hash(1, &all), hash(1, &all[..1]));
    }
}
