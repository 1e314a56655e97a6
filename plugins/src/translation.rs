//! Translates messages and files so that formulas, code, numbers, links and names come back byte for byte.
//!
//! What is sure is pure: [`protect`] takes all that out of a model's reach and checks that it came back; [`glossary`]
//! holds the terms of a community; [`structure`] cuts a file into what is translated and what is not; [`languages`] says
//! which language is meant; [`pieces`] cuts a text to a prompt's size; [`draft`] asks and judges; [`back`] compares. What
//! waits stands on these: `render` translates a text, with `dedicated` by a model that is made for it where there is one,
//! and else by the language model; `message` and `file` translate what somebody points at, `terms` keeps the
//! glossary, [`bridge`] carries what is said over into another language. Other plugins call [`text`].
//!
//! **Invariant:** no model is trusted: what it writes is checked, and where it does not hold the original stands.

pub mod protect;
pub mod glossary;
pub mod structure;
pub mod languages;
pub mod pieces;
pub mod draft;
pub mod back;
mod dedicated;
mod render;
mod message;
mod file;
mod terms;
pub mod bridge;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Attachment, Call, Command, Cx, Example, Kind, Manifest, Message, PluginError, Role, Text, Visibility,
    ports::Plugin, text::carried,
};

use render::Renderer;
use structure::{Document, Format};

/// Characters by which a text's language is told.
const TOLD_CHARS_MAX: usize = 1_000;

/// A language that is told with less confidence is named.
const CONFIDENCE_MIN: f32 = 0.7;

static MANIFEST: Manifest = Manifest {
    name: "translation",
    summary: Text {
        en: "translates messages and files, with formulas, code, numbers and links as they were",
        zh: "翻译消息和文件，公式、代码、数字和链接保持原样",
    },
    open: false,
    hears: Some("force"),
    commands: &[
        Command {
            name: "translate",
            help: Text {
                en: "translates a text, the message you reply to, or an attached .md, .tex, .xml or .txt file for you",
                zh: "为您翻译一段文字、您回复的消息，或附带的 .md、.tex、.xml、.txt 文件",
            },
            menu: Some(Text { en: "Translate", zh: "翻译" }),
            arguments: &[
                Argument::new(
                    "to",
                    Text {
                        en: "into which language; yours without it", zh: "译成哪种语言；默认为您的语言"
                    },
                    Kind::Choice(languages::CODES),
                ),
                Argument::new(
                    "check",
                    Text { en: "translate it back too, and show the differences", zh: "同时回译并显示差异" },
                    Kind::Flag,
                ),
                Argument::new("text", Text { en: "what to translate", zh: "要翻译的内容" }, Kind::Text),
            ],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(300),
            utterances: &["Translate this message", "Translate this into German", "What does this mean in English?"],
            examples: &[
                Example { call: "translate", reply: "Say what to translate" },
                Example { call: "translate de", reply: "Say what to translate" },
            ],
        },
        Command {
            name: "glossary",
            help: Text {
                en: "shows the words that translations use here; moderators add, remove and import them",
                zh: "显示此处翻译所用的术语；版主可添加、移除和导入",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "action",
                    Text { en: "what to do; list without one", zh: "要做什么；默认为列出" },
                    Kind::Choice(&["list", "show", "add", "remove", "import", "export"]),
                ),
                // Not `text`: that may well be a term, and `text: de=Text` would be read as this argument.
                Argument::new(
                    "entry",
                    Text {
                        en: "a word, or for add a term as in `network: de=Netz, fr=réseau`",
                        zh: "一个词；添加时如 `network: de=Netz, fr=réseau`",
                    },
                    Kind::Text,
                )
                .completed(),
            ],
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[
                Example { call: "glossary list", reply: "The glossary is empty" },
                Example { call: "glossary add network Netz", reply: "Say it like this" },
                Example { call: "glossary add network: de=Netz, fr=réseau", reply: "Added: **network**: de Netz" },
                Example { call: "glossary add network: german=Netz", reply: "no language code" },
                Example { call: "glossary list netz", reply: "fr réseau" },
                Example { call: "glossary show nothing", reply: "has no term" },
                Example { call: "glossary import", reply: "Attach a .csv" },
                Example { call: "glossary remove network", reply: "Removed: **network**" },
                Example { call: "glossary export", reply: "The glossary is empty" },
            ],
        },
        Command {
            name: "bridge",
            help: Text {
                en: "says all that is said here again in another language, here or in another room",
                zh: "将此处的发言以另一种语言在此处或另一房间转述",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "action",
                    Text { en: "what to do; show without one", zh: "要做什么；默认为显示" },
                    Kind::Choice(&["show", "start", "offer", "join", "confirm", "end"]),
                )
                // Whoever has the code can join.
                .alone(&["offer"]),
                Argument::new(
                    "how",
                    Text {
                        en: "`en de` to start, `en` to offer, `CODE de` to join, `CODE` to confirm",
                        zh: "start 用 `en zh`，offer 用 `en`，join 用 `代码 zh`，confirm 用 `代码`",
                    },
                    Kind::Text,
                ),
            ],
            role_min: Role::Moderator,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[
                Example { call: "bridge", reply: "stands in a room" },
                Example { call: "bridge start en de", reply: "stands in a room" },
            ],
        },
        Command {
            name: "force",
            help: Text {
                en: "has the message you reply to translated by the bridge here, though I passed it over",
                zh: "强制转译您回复的、被桥接略过的消息",
            },
            menu: None,
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(300),
            utterances: &[],
            examples: &[Example { call: "force", reply: "There is no bridge here" }],
        },
    ],
};

/// Translates messages and files.
#[derive(Debug, Default)]
pub struct Translation {
    traffic: bridge::Traffic,
}

#[async_trait]
impl Plugin for Translation {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn read_file(&self, work: &str, name: &str, bytes: &[u8]) -> Result<serde_json::Value, String> {
        match work {
            file::WORK => file::cut(name, bytes),
            terms::WORK => terms::read_import(name, bytes),
            _ => Err("it is not read for that".to_owned()),
        }
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match (call.command.as_str(), cx.heard()) {
            (_, Some(heard)) => bridge::hear(cx, heard, &self.traffic).await,
            ("glossary", _) => terms::run(cx, call).await,
            ("bridge", _) => bridge::run(cx, call).await,
            ("force", _) => bridge::force(cx, &self.traffic).await,
            _ => translate(cx, call).await,
        }
    }

    async fn complete(&self, cx: &Cx, _: &str, typed: &str) -> Result<Vec<String>, PluginError> {
        terms::proposals(cx, typed).await
    }
}

/// A text of a message's size in another language, with all that is protected as it was; none where any of it does not
/// hold. Whichever model runs is asked: see [`Cx::translates_between`] where nobody asked for it.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn text(cx: &Cx, text: &str, from: &str, to: &str) -> Result<Option<String>, PluginError> {
    let (Some(from), Some(to)) = (languages::known(from), languages::known(to)) else { return Ok(None) };
    if !is_possible(cx, from, to) || from == to || text.len() > Message::BYTES_MAX {
        return Ok(None);
    }
    let Ok(document) = Document::read(Format::Markdown, &structure::apart(text)) else { return Ok(None) };
    let glossary = terms::load(cx).await?;
    let (translated, tally) = Renderer::new(cx, from, to, &glossary).document(&document, &mut |_| Ok(())).await?;
    Ok((tally.translated > 0 && tally.kept() == 0).then(|| carried(&structure::together(&translated))))
}

/// Whether there is a model that can be asked.
fn is_possible(cx: &Cx, from: &str, to: &str) -> bool {
    cx.can_generate() || cx.translator(from, to).is_some()
}

/// What somebody points at.
enum Pointed {
    Text(String),
    File(Attachment),
    Gone,
    Nothing,
}

async fn pointed(cx: &Cx, given: &str) -> Result<Pointed, PluginError> {
    if !given.is_empty() {
        return Ok(Pointed::Text(given.to_owned()));
    }
    let file = cx.attachments().first().cloned().map(Pointed::File);
    let Some(id) = cx.replied_to() else { return Ok(file.unwrap_or(Pointed::Nothing)) };
    Ok(match cx.message(id).await? {
        Some(found) if !found.message.text.trim().is_empty() => Pointed::Text(found.message.text),
        Some(_) => file.unwrap_or(Pointed::Nothing),
        None => file.unwrap_or(Pointed::Gone),
    })
}

async fn translate(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let (given, wish) = (call.args.text("text"), call.args.text("to"));
    // Who asks in words has these as the text.
    let request = languages::requested(given).filter(|_| wish.is_empty());
    let (wish, given) = request.unwrap_or((wish, given));
    let pointed = pointed(cx, given).await?;
    match &pointed {
        Pointed::Nothing => {
            return cx.say(cx.said(
                "Say what to translate, as in `translate de TEXT`, reply with this to a message, or attach a file.",
                "请说明要翻译的内容，例如 `translate de TEXT`，或用此命令回复一条消息，或附上文件。",
            ));
        }
        Pointed::Gone => {
            return cx.say(cx.said(
                "I cannot read that message; say its text behind the command.",
                "我无法读取那条消息；请将其内容写在命令之后。",
            ));
        }
        Pointed::Text(_) | Pointed::File(_) if !cx.can_translate() => {
            return cx.say(cx.said(
                "There is no language model here, so I cannot translate.",
                "这里没有语言模型，所以我无法翻译。",
            ));
        }
        Pointed::Text(_) | Pointed::File(_) => {}
    }
    let is_checked = call.args.flag("check");
    match pointed {
        Pointed::Text(text) => message::translate(cx, &text, wish, is_checked).await,
        Pointed::File(file) => file::translate(cx, &file, wish, is_checked).await,
        Pointed::Gone | Pointed::Nothing => Ok(()),
    }
}

/// From which language into which.
struct Direction {
    from: &'static str,
    to: &'static str,
    confidence: f32,
}

impl Direction {
    /// What is said where the language could hardly be told.
    fn doubt(&self, cx: &Cx) -> Option<String> {
        let (english, chinese) = (languages::english(self.from), languages::chinese(self.from));
        let sentence = cx.said(&format!("(I take this for {english}.)"), &format!("（我认为这是{chinese}。）"));
        (self.confidence < CONFIDENCE_MIN).then_some(sentence)
    }
}

/// From which language into which a text is to be translated; none where there is nothing to do, which is said.
async fn directed(cx: &Cx, document: &Document, wish: &str) -> Result<Option<Direction>, PluginError> {
    let document = document.clone();
    let prose = cx.compute(move || render::prose(&document, TOLD_CHARS_MAX)).await?;
    if !draft::has_words(&prose) {
        cx.say(cx.said("There are no words in it to translate.", "其中没有可翻译的文字。"))?;
        return Ok(None);
    }
    let Some(told) = cx.identify(&prose) else {
        cx.say(cx.said("I cannot tell which language this is in.", "我无法判断这是什么语言。"))?;
        return Ok(None);
    };
    let wishes = [wish, cx.locale().unwrap_or_default(), &cx.policy().language, cx.language()];
    let direction = Direction { from: told.code, to: languages::target(&wishes), confidence: told.confidence };
    let Direction { from, to, .. } = direction;
    if from != to && !is_possible(cx, from, to) {
        let (from, to) =
            ((languages::english(from), languages::chinese(from)), (languages::english(to), languages::chinese(to)));
        cx.say(cx.said(
            &format!("No model here translates from {} into {}.", from.0, to.0),
            &format!("这里没有能将{}译为{}的模型。", from.1, to.1),
        ))?;
        return Ok(None);
    }
    if from != to {
        return Ok(Some(direction));
    }
    let (name, named, other) =
        (languages::english(told.code), languages::chinese(told.code), languages::other(told.code));
    cx.say(match direction.confidence < CONFIDENCE_MIN {
        true => cx.said(
            &format!("I take this for {name} already; say `translate {other} TEXT` for another language."),
            &format!("我认为这已经是{named}；如需其他语言，请用 `translate {other} TEXT`。"),
        ),
        false => cx.said(
            &format!("This is {name} already; say `translate {other} TEXT` for another language."),
            &format!("这已经是{named}；如需其他语言，请用 `translate {other} TEXT`。"),
        ),
    })?;
    Ok(None)
}

/// What is said below a translation between languages that no model here is known to translate well.
fn guess(cx: &Cx, direction: &Direction) -> Option<String> {
    let sentence = cx.said(
        "(The model that runs here is not known to translate well: take this as a guess.)",
        "（这里运行的模型不以翻译见长：请仅作参考。）",
    );
    (!cx.translates_between(direction.from, direction.to)).then_some(sentence)
}
