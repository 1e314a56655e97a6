//! Answers questions from the papers that this room may read, with lines one can check.
//!
//! Sources first, then a draft of the language model, of which only sentences that a source bears out leave (see
//! [`guard`](crate::guard)); where none does, the sources' own lines are the answer; where the evidence is weak, no
//! model is asked at all.

mod answer;
mod experts;
mod prompt;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Action, Argument, Call, Command, Cx, Document, Event, Example, Kind, Manifest, PluginError, Role, Text, Visibility,
    cx::Cited,
    ports::{Evidence, Plugin, SearchRequest, Speaker},
};
use experts::Handed;

use crate::{cite, shelf::named, translation};

/// Passages shown as sources, at most.
const SOURCES_MAX: usize = 5;

/// Lines that an answer of any plugin shows, at most.
const LINES_MAX: i64 = 9;

/// The language of most papers.
const PAPERS: &str = "en";

/// A follow-up with fewer terms than this is searched for together with the question before it.
const TERMS_MIN: usize = 3;

static MANIFEST: Manifest = Manifest {
    name: "qa",
    summary: Text {
        en: "answers questions from the papers this room may read",
        zh: "根据本房间可以阅读的论文回答问题",
    },
    open: false,
    hears: None,
    commands: &[
        Command {
            name: "ask",
            help: Text {
                en: "answers a question from the library, with the lines it stands on",
                zh: "根据文献库回答问题，并给出依据的原文",
            },
            menu: None,
            arguments: &[Argument::new(
                "question",
                Text { en: "what you want to know", zh: "您想知道什么" },
                Kind::Text,
            )
            .required()],
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(180),
            utterances: &["What do the papers say about this?", "Why does this happen?", "How does it work?"],
            examples: &[Example { call: "ask", reply: "I need a question." }],
        },
        Command {
            name: "line",
            help: Text {
                en: "shows a line of the last answer's sources in its place",
                zh: "显示上一个回答的来源原文及其上下文",
            },
            menu: None,
            arguments: &[Argument::new(
                "number",
                Text { en: "the number of the source", zh: "来源的编号" },
                Kind::Integer { min: 1, max: LINES_MAX },
            )
            .required()],
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[Example { call: "line 1", reply: "There is no answer of mine here yet; ask something first." }],
        },
        Command {
            name: "sources",
            help: Text { en: "shows the sources of an answer again", zh: "再次显示一个回答的来源" },
            menu: Some(Text { en: "Show sources", zh: "显示来源" }),
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &[],
            examples: &[Example {
                call: "sources",
                reply: "There is no answer of mine here yet; ask something first.",
            }],
        },
        Command {
            name: "person",
            help: Text {
                en: "asks somebody who agreed to be asked and may know the last question's answer, else this room",
                zh: "将上一个问题私下转交给同意被询问且可能了解的人，否则转交给本房间的人",
            },
            menu: None,
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[Example { call: "person", reply: "There is no answer of mine here yet; ask something first." }],
        },
        Command {
            name: "accept",
            help: Text {
                en: "offers to help with the question that you were asked", zh: "愿意帮助解答向您提出的问题"
            },
            menu: None,
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[Example { call: "accept", reply: "There is no question for you" }],
        },
        Command {
            name: "decline",
            help: Text {
                en: "does not offer to help with the question that you were asked; nobody learns of it",
                zh: "不参与解答向您提出的问题；没有人会知道",
            },
            menu: None,
            arguments: &[],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(30),
            utterances: &[],
            examples: &[Example { call: "decline", reply: "There is no question for you" }],
        },
    ],
};

/// Answers questions from the library.
pub struct Qa;

#[async_trait]
impl Plugin for Qa {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match call.command.as_str() {
            "line" => line(cx, call).await,
            "sources" => sources(cx).await,
            "person" => person(cx, call).await,
            "accept" => experts::accept(cx, call).await,
            "decline" => experts::decline(cx, call).await,
            _ => ask(cx, call).await,
        }
    }
}

async fn ask(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let question = call.args.required("question", "I need a question.")?;
    if call.unasked {
        return volunteer(cx, question).await;
    }
    cx.reply(Event::Progress { text: cx.said("Searching the library ...", "正在检索文献库……") })?;
    let request = SearchRequest::new(searched(cx, question), SOURCES_MAX);
    let found = cx.search(&request).await?;
    let nearest = found.first().map(|evidence| evidence.document.clone());
    let found = answer::relevant(found);
    // An answer is checked against its sources word by word: those in the question's own language come first.
    if found.first().is_some_and(|best| best.coverage.is_some()) {
        return tell(cx, question, question, &found).await;
    }
    if let Some(translated) = translated(cx, question).await? {
        let found = answer::relevant(cx.search(&SearchRequest::new(&*translated, SOURCES_MAX)).await?);
        if !found.is_empty() {
            cx.decided("the question was translated to be found".to_owned());
            return tell(cx, question, &translated, &found).await;
        }
    }
    if !found.is_empty() {
        return tell(cx, question, question, &found).await;
    }
    cx.decided("no passage speaks to the question: no model is asked".to_owned());
    abstain(cx, question, nearest).await
}

/// The question in the language of most papers, where it is in another and a model translates it.
async fn translated(cx: &Cx, question: &str) -> Result<Option<String>, PluginError> {
    let own = cx.language();
    if own == PAPERS || !cx.translates_between(own, PAPERS) {
        return Ok(None);
    }
    translation::text(cx, question, own, PAPERS).await
}

/// Answers a question that nobody addressed to us: only where the library is sure, and else not a word.
async fn volunteer(cx: &Cx, question: &str) -> Result<(), PluginError> {
    let found = answer::relevant(cx.search(&SearchRequest::new(question, SOURCES_MAX)).await?);
    match found.first() {
        Some(best) if answer::is_sure(best) => tell(cx, question, question, &found).await,
        _ => Ok(()),
    }
}

/// The answer with its sources; `asked` is the question in their language.
async fn tell(cx: &Cx, question: &str, asked: &str, found: &[Evidence]) -> Result<(), PluginError> {
    let mut sources = Vec::new();
    for (evidence, number) in found.iter().zip(1..) {
        sources.push(cite::source(cx, evidence, number).await?);
    }
    let shown = found.iter().map(cite::shown).collect();
    cx.cite(&Cited { question: question.to_owned(), shown }).await?;
    cx.reply(Event::Sources { sources: sources.clone() })?;
    answer::write(cx, asked, found, (asked != question).then(|| cx.language())).await?;
    let label = cx.said("Show the line", "显示原文");
    let actions = sources.iter().map(|source| Action {
        label: format!("{label} {}", source.number),
        command: format!("line {}", source.number),
    });
    let rate = |label: &str, thumb: &str| Action { label: label.to_owned(), command: format!("rate {thumb}") };
    let actions = actions.chain([rate("👍", "up"), rate("👎", "down")]).collect();
    cx.reply(Event::Actions { actions })
}

/// What is searched for: the question, and the one before it where it is too short to stand alone.
fn searched(cx: &Cx, question: &str) -> String {
    let stands_alone = |text: &str| chat::text::terms(text).len() >= TERMS_MIN;
    // `line 2` and other short turns are no question to follow up.
    let mut before = cx.conversation().iter().rev().filter(|(speaker, _)| *speaker == Speaker::User);
    match before.find(|(_, before)| stands_alone(before)) {
        Some((_, before)) if !stands_alone(question) => format!("{before} {question}"),
        _ => question.to_owned(),
    }
}

/// The fixed answer where the evidence is too weak: what was searched, and what lay nearest.
async fn abstain(cx: &Cx, question: &str, nearest: Option<Document>) -> Result<(), PluginError> {
    // It has no sources, and `line` must not show those of the answer before.
    cx.cite(&Cited { question: question.to_owned(), shown: Vec::new() }).await?;
    let stats = cx.library_stats().await?;
    if stats.documents == 0 {
        return cx.say(cx.said(
            "The library that this room may read is empty, so I cannot answer.",
            "本房间可以阅读的文献库是空的，所以我无法回答。",
        ));
    }
    let mut terms = Vec::new();
    for term in question.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())) {
        if !chat::text::terms(term).is_empty() && !terms.contains(&term) && terms.len() < 8 {
            terms.push(term);
        }
    }
    let (documents, passages, terms) = (stats.documents, stats.passages, chat::text::inert(&terms.join(", ")));
    cx.say(cx.said(&format!(
            "This is not in the library, so I do not answer it. I searched {passages} passages of {documents} documents \
             for: {terms}."
        ),
        &format!("文献库中没有这个问题的答案，所以我不作回答。我检索了 {documents} 篇文献的 {passages} 个段落：{terms}。"),
    ))?;
    if let Some(nearest) = nearest {
        let (title, by) = (named(&nearest.title), named(&nearest.authors_short()));
        let by = if by.is_empty() { by } else { format!(" ({by})") };
        cx.say(cx.said(
            &format!("\nNearest, but not near enough: “{title}”{by}."),
            &format!("\n最接近但不足以回答的是：“{title}”{by}。"),
        ))?;
    }
    let ask = Action { label: cx.said("Ask a person", "询问他人"), command: "person".to_owned() };
    cx.reply(Event::Actions { actions: vec![ask] })
}

/// What the answer that a call is about stands on; none where that is nothing.
async fn recall(cx: &Cx) -> Result<Option<Cited>, PluginError> {
    let Some(about) = cx.about().await? else { return Ok(None) };
    Ok(cx.cited(&about).await?.filter(|cited| !cited.shown.is_empty()))
}

async fn line(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let number = call.args.integer("number").unwrap_or(0);
    let Some(Cited { shown, .. }) = recall(cx).await? else {
        return cx.say(nothing_here(cx));
    };
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some(wanted) = at.and_then(|at| shown.get(at)) else {
        let last = shown.len();
        return cx.say(
            cx.said(&format!("That answer has the sources 1 to {last}."), &format!("该回答的来源编号为 1 至 {last}。")),
        );
    };
    let Some((document, quote)) = cite::find(cx, wanted).await? else {
        return cx.say(cx.said(
            "That paper was changed or removed since I cited it, or this room may not read it any more.",
            "自我引用以来，该文献已被修改或移除，或者本房间已不能阅读它。",
        ));
    };
    cx.say(format!("{}\n", named(&document.title)))?;
    cx.reply(Event::Quote { quote })
}

/// All sources of an answer again.
async fn sources(cx: &Cx) -> Result<(), PluginError> {
    let Some(Cited { shown, .. }) = recall(cx).await? else {
        return cx.say(nothing_here(cx));
    };
    let mut sources = Vec::new();
    for (wanted, number) in shown.iter().zip(1..) {
        if let Some((document, quote)) = cite::find(cx, wanted).await? {
            sources.push(cite::cited(&document, quote, number));
        }
    }
    if sources.is_empty() {
        return cx.say(cx.said(
            "This room may not read its sources any more, or they were removed.",
            "本房间已不能阅读其来源，或者来源已被移除。",
        ));
    }
    cx.reply(Event::Sources { sources })
}

/// Hands the question to somebody who may know, or else to the people in the room. Nobody is called by name: who wants
/// to answer, does.
async fn person(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let Some(about) = cx.about().await? else { return cx.say(nothing_here(cx)) };
    let Some(Cited { question, shown }) = cx.cited(&about).await? else { return cx.say(nothing_here(cx)) };
    let question = question.split_whitespace().collect::<Vec<_>>().join(" ");
    match experts::hand(cx, call, &about, &question).await? {
        Handed::Asked => {
            return cx.say(cx.said(
                "I ask people who agreed to be asked and may know. Who wants to help says so here.",
                "我会询问同意被询问且可能了解的人。愿意帮忙的人会在这里说明。",
            ));
        }
        Handed::Before => {
            return cx.say(cx.said(
                "I have asked about this before. Who wants to help says so here.",
                "我已经为此询问过。愿意帮忙的人会在这里说明。",
            ));
        }
        Handed::Nobody => {}
    }
    let why = match shown.is_empty() {
        true => cx.said("The library does not answer it.", "文献库中没有答案。"),
        false => cx.said("The library's answer was not enough.", "文献库的回答还不够。"),
    };
    cx.say(format!("{}\n\n{why}", experts::appeal(cx.language(), &question)))
}

fn nothing_here(cx: &Cx) -> String {
    cx.said("There is no answer of mine here yet; ask something first.", "这里还没有我的回答，请先提问。")
}
