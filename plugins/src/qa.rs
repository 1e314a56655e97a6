//! Answers questions from the papers that this room may read, with lines one can check.
//!
//! Sources first, then a draft of the language model, of which only sentences that a source bears out leave (see
//! [`guard`](crate::guard)); where none does, the sources' own lines are the answer; where the evidence is weak, no
//! model is asked at all.

mod answer;
mod experts;
mod prompt;

use std::{ops::Range, time::Duration};

use async_trait::async_trait;
use chat::{
    Action, Argument, Call, CallId, Command, Cx, Document, Event, Example, Kind, Manifest, Passage, PassageId,
    PluginError, Quote, Role, Source, Text, Visibility,
    ports::{Evidence, Plugin, SearchRequest, Speaker},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use experts::Handed;

use crate::shelf::named;

/// Passages shown as sources, at most.
const SOURCES_MAX: usize = 5;

/// Text around a line in which its neighbours are looked for, in bytes, on each side.
const AROUND_BYTES: usize = 2_000;

/// Longest quote of a paper whose licence reserves all rights, in characters.
const RESERVED_CHARS_MAX: usize = 160;

/// A follow-up with fewer terms than this is searched for together with the question before it.
const TERMS_MIN: usize = 3;

static MANIFEST: Manifest = Manifest {
    name: "qa",
    summary: Text {
        en: "answers questions from the papers this room may read",
        zh: "根据本房间可以阅读的论文回答问题",
    },
    open: false,
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
                Kind::Integer { min: 1, max: SOURCES_MAX as i64 },
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

/// What is remembered of an answer, so that `line` and the buttons find it after a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answered {
    question: String,
    /// Its sources in the order of their numbers; none where it abstained.
    shown: Vec<Shown>,
}

/// A shown source.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shown {
    passage: PassageId,
    /// The line itself: a paper that is read again may be cut otherwise.
    line: String,
}

#[async_trait]
impl Plugin for Qa {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match call.command.as_str() {
            "line" => line(cx, call).await,
            "sources" => sources(cx, call).await,
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
    cx.reply(Event::Progress { text: said(cx, "Searching the library ...", "正在检索文献库……") })?;
    let request = SearchRequest::new(searched(cx, question), SOURCES_MAX);
    let found = cx.search(&request).await?;
    let nearest = found.first().map(|evidence| evidence.document.clone());
    let found = answer::relevant(found);
    if found.is_empty() {
        cx.decided("no passage speaks to the question: no model is asked".to_owned());
        return abstain(cx, question, nearest).await;
    }
    tell(cx, question, &found).await
}

/// Answers a question that nobody addressed to us: only where the library is sure, and else not a word.
async fn volunteer(cx: &Cx, question: &str) -> Result<(), PluginError> {
    let found = answer::relevant(cx.search(&SearchRequest::new(question, SOURCES_MAX)).await?);
    match found.first() {
        Some(best) if answer::is_sure(best) => tell(cx, question, &found).await,
        _ => Ok(()),
    }
}

/// The answer with its sources.
async fn tell(cx: &Cx, question: &str, found: &[Evidence]) -> Result<(), PluginError> {
    let mut sources = Vec::new();
    for (evidence, number) in found.iter().zip(1..) {
        sources.push(source(cx, evidence, number).await?);
    }
    remember(cx, question, found).await?;
    cx.reply(Event::Sources { sources: sources.clone() })?;
    answer::write(cx, question, found).await?;
    let label = said(cx, "Show the line", "显示原文");
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
    remember(cx, question, &[]).await?;
    let stats = cx.library_stats().await?;
    if stats.documents == 0 {
        return cx.say(said(
            cx,
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
    let (documents, passages, terms) = (stats.documents, stats.passages, terms.join(", "));
    cx.say(said(
        cx,
        &format!(
            "This is not in the library, so I do not answer it. I searched {passages} passages of {documents} documents \
             for: {terms}."
        ),
        &format!("文献库中没有这个问题的答案，所以我不作回答。我检索了 {documents} 篇文献的 {passages} 个段落：{terms}。"),
    ))?;
    if let Some(nearest) = nearest {
        let (title, by) = (named(&nearest.title), named(&nearest.authors_short()));
        let by = if by.is_empty() { by } else { format!(" ({by})") };
        cx.say(said(
            cx,
            &format!("\nNearest, but not near enough: “{title}”{by}."),
            &format!("\n最接近但不足以回答的是：“{title}”{by}。"),
        ))?;
    }
    let ask = Action { label: said(cx, "Ask a person", "询问他人"), command: "person".to_owned() };
    cx.reply(Event::Actions { actions: vec![ask] })
}

async fn source(cx: &Cx, evidence: &Evidence, number: usize) -> Result<Source, PluginError> {
    let Evidence { document, passage, line, .. } = evidence;
    if document.is_conversation()
        && let Some((whole, _)) = cx.document(&document.id).await?
    {
        // Only the whole says which message a line is of.
        return Ok(cited(&whole, quote(&whole, passage, line), number));
    }
    Ok(cited(document, quote(document, passage, line), number))
}

fn cited(document: &Document, mut quote: Quote, number: usize) -> Source {
    Source {
        number,
        title: if document.retracted { format!("[retracted] {}", document.title) } else { document.title.clone() },
        authors: document.authors_short(),
        year: document.year,
        link: match document.is_conversation() {
            true => quote.section.take(),
            false => document.link(),
        },
        quote,
    }
}

/// A line of a passage with its neighbours, all verbatim: from the whole text where `document` has it, else from the
/// passage.
fn quote(document: &Document, passage: &Passage, line: &Range<usize>) -> Quote {
    let start = passage.span.start + line.start;
    let (text, line_start) = match document.text.get(passage.span.clone()) {
        Some(own) if *own == passage.text => (around(&document.text, start), start),
        _ => ((0, passage.text.as_str()), line.start),
    };
    let (offset, text) = text;
    let sentences = chat::text::sentences(text, "en");
    let at = line_start - offset;
    let at = sentences.iter().position(|sentence| sentence.contains(&at));
    let is_free = document.quotes_freely();
    let neighbour = |index: Option<usize>| {
        let range = index.and_then(|index| sentences.get(index)).filter(|_| is_free);
        range.map(|range| text[range.clone()].trim().to_owned()).unwrap_or_default()
    };
    Quote {
        document: passage.id.document.clone(),
        passage: passage.id.clone(),
        line: quotable(passage.text.get(line.clone()).unwrap_or_default(), is_free).to_owned(),
        before: neighbour(at.and_then(|at| at.checked_sub(1))),
        after: neighbour(at.map(|at| at + 1)),
        page: document.page_at(start).or(passage.page),
        // Of a conversation it is the link to the message.
        section: document.section_at(start).map(str::to_owned).or_else(|| passage.section.clone()),
    }
}

/// The line, or its beginning where the licence lets no more be quoted.
fn quotable(line: &str, is_free: bool) -> &str {
    let limit = line.char_indices().nth(RESERVED_CHARS_MAX).map(|(at, _)| at).filter(|_| !is_free);
    let Some(limit) = limit else { return line };
    line[..limit].rfind(char::is_whitespace).map_or(&line[..limit], |at| &line[..at])
}

/// The paragraphs of `text` around the byte `at`, and where they begin.
fn around(text: &str, at: usize) -> (usize, &str) {
    let border = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = border(at.saturating_sub(AROUND_BYTES));
    let end = border((at + AROUND_BYTES).min(text.len()));
    // From a paragraph's border where there is one, so that the first sentence is whole.
    let start = text[start..at].find("\n\n").map_or(start, |found| start + found + 2);
    (start, &text[start..end])
}

async fn line(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let number = call.args.integer("number").unwrap_or(0);
    let Some(Answered { shown, .. }) = recall(cx, call).await?.filter(|answered| !answered.shown.is_empty()) else {
        return cx.say(nothing_here(cx));
    };
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some(wanted) = at.and_then(|at| shown.get(at)) else {
        let last = shown.len();
        return cx.say(said(
            cx,
            &format!("That answer has the sources 1 to {last}."),
            &format!("该回答的来源编号为 1 至 {last}。"),
        ));
    };
    let Some((document, quote)) = find(cx, wanted).await? else {
        return cx.say(said(
            cx,
            "That paper was changed or removed since I cited it, or this room may not read it any more.",
            "自我引用以来，该文献已被修改或移除，或者本房间已不能阅读它。",
        ));
    };
    cx.say(format!("{}\n", named(&document.title)))?;
    cx.reply(Event::Quote { quote })
}

/// All sources of an answer again.
async fn sources(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let Some(Answered { shown, .. }) = recall(cx, call).await?.filter(|answered| !answered.shown.is_empty()) else {
        return cx.say(nothing_here(cx));
    };
    let mut sources = Vec::new();
    for (wanted, number) in shown.iter().zip(1..) {
        if let Some((document, quote)) = find(cx, wanted).await? {
            sources.push(cited(&document, quote, number));
        }
    }
    if sources.is_empty() {
        return cx.say(said(
            cx,
            "This room may not read its sources any more, or they were removed.",
            "本房间已不能阅读其来源，或者来源已被移除。",
        ));
    }
    cx.reply(Event::Sources { sources })
}

/// Hands the question to somebody who may know, or else to the people in the room. Nobody is called by name: who wants
/// to answer, does.
async fn person(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let Some(about) = about(cx, call).await? else { return cx.say(nothing_here(cx)) };
    let Some(Answered { question, shown }) = recalled(cx, &about).await? else { return cx.say(nothing_here(cx)) };
    let question = question.split_whitespace().collect::<Vec<_>>().join(" ");
    match experts::hand(cx, call, &about, &question).await? {
        Handed::Asked => {
            return cx.say(said(
                cx,
                "I ask people who agreed to be asked and may know. Who wants to help says so here.",
                "我会询问同意被询问且可能了解的人。愿意帮忙的人会在这里说明。",
            ));
        }
        Handed::Before => {
            return cx.say(said(
                cx,
                "I have asked about this before. Who wants to help says so here.",
                "我已经为此询问过。愿意帮忙的人会在这里说明。",
            ));
        }
        Handed::Nobody => {}
    }
    let why = match shown.is_empty() {
        true => said(cx, "The library does not answer it.", "文献库中没有答案。"),
        false => said(cx, "The library's answer was not enough.", "文献库的回答还不够。"),
    };
    cx.say(format!("{}\n\n{why}", experts::appeal(cx.language(), &question)))
}

/// Where a shown source stands now; none where it is gone or may not be read here.
async fn find(cx: &Cx, wanted: &Shown) -> Result<Option<(Document, Quote)>, PluginError> {
    let Some((document, passages)) = cx.document(&wanted.passage.document).await? else { return Ok(None) };
    // Its own passage first: another may hold the same line.
    let own = passages.iter().filter(|passage| passage.id == wanted.passage);
    let found = own.chain(&passages).find_map(|passage| Some((passage, passage.text.find(&wanted.line)?)));
    let quote = found.map(|(passage, at)| quote(&document, passage, &(at..at + wanted.line.len())));
    Ok(quote.map(|quote| (document, quote)))
}

fn nothing_here(cx: &Cx) -> String {
    said(cx, "There is no answer of mine here yet; ask something first.", "这里还没有我的回答，请先提问。")
}

async fn remember(cx: &Cx, question: &str, found: &[Evidence]) -> Result<(), PluginError> {
    let shown = |evidence: &Evidence| Shown {
        passage: evidence.passage.id.clone(),
        line: evidence.passage.text.get(evidence.line.clone()).unwrap_or_default().to_owned(),
    };
    let answered = Answered { question: question.to_owned(), shown: found.iter().map(shown).collect() };
    let call = cx.call();
    cx.remember(&answer(&call.id), json!(answered)).await?;
    cx.remember(&last(call), json!(call.id)).await
}

/// The answer that a call is about: the one that it names, else the caller's last one here.
async fn recall(cx: &Cx, call: &Call) -> Result<Option<Answered>, PluginError> {
    match about(cx, call).await? {
        Some(about) => recalled(cx, &about).await,
        None => Ok(None),
    }
}

async fn about(cx: &Cx, call: &Call) -> Result<Option<CallId>, PluginError> {
    Ok(match &call.about {
        Some(about) => Some(about.clone()),
        None => cx.load(&last(call)).await?.and_then(|value| serde_json::from_value(value).ok()),
    })
}

async fn recalled(cx: &Cx, about: &CallId) -> Result<Option<Answered>, PluginError> {
    let value = cx.load(&answer(about)).await?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

/// Where an answer is remembered.
fn answer(call: &CallId) -> String {
    format!("answer:{call}")
}

/// Where each caller's last answer in each thread is remembered.
fn last(call: &Call) -> String {
    let thread = call.place.thread.as_ref().map(|thread| thread.0.as_str()).unwrap_or_default();
    format!("last:{}:{}:{thread}:{}", call.place.platform, call.place.room, call.caller)
}

/// A fixed sentence in the caller's language.
fn said(cx: &Cx, english: &str, chinese: &str) -> String {
    if cx.language() == "zh" { chinese.to_owned() } else { english.to_owned() }
}
