//! Papers for somebody: chosen by what they said of others, shown with the reason, learned from in one press.
//!
//! `papers for me` and `papers similar to` are words of the command `papers` ([`crate::shelf`]), and `digest papers` of
//! `digest` ([`crate::summary`]); what they do stands here. Read `list` for how choices are told, `digest` for what comes
//! every week.
//!
//! **Invariant:** what is chosen for a person is told to them alone, and once.

pub mod digest;
mod list;

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, DocumentId, Example, Kind, Manifest, PluginError, Role, Text, Visibility,
    ports::{Plugin, Verdict},
};

use crate::shelf::{find, named};
pub use list::LIST_MAX;

/// Saved papers that one reply names.
const SAVED_MAX: usize = 50;

static MANIFEST: Manifest = Manifest {
    name: "recommendation",
    summary: Text {
        en: "chooses papers for you, and learns from what you say of them",
        zh: "为您挑选文献，并从您的评价中学习",
    },
    open: false,
    hears: None,
    commands: &[Command {
        name: "mark",
        help: Text {
            en: "says what you think of a paper in a list of mine; what I choose for you follows it",
            zh: "评价我列出的一篇文献；我为您挑选的内容会随之改变",
        },
        menu: None,
        arguments: &[
            Argument::new(
                "verdict",
                Text {
                    en: "thumb up or down, save for later, not this one, or more like it",
                    zh: "赞、踩、收藏、不看这篇、或更多类似的",
                },
                Kind::Choice(&["up", "down", "save", "dismiss", "more"]),
            )
            .required(),
            Argument::new(
                "number",
                Text { en: "its number in the list", zh: "它在列表中的编号" },
                Kind::Integer { min: 1, max: 50 },
            ),
            Argument::new("title", Text { en: "or its title", zh: "或其标题" }, Kind::Text).completed(),
        ],
        role_min: Role::Guest,
        visibility: Visibility::Caller,
        deadline: Duration::from_secs(20),
        utterances: &[],
        examples: &[
            Example { call: "mark up 1", reply: "Reply to a list of papers" },
            Example { call: "mark save no such title", reply: "No paper here has that in its title." },
        ],
    }],
};

/// Takes words on papers.
pub struct Recommendation;

#[async_trait]
impl Plugin for Recommendation {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        let wanted = call.args.required("verdict", "Say `mark up 2`, or down, save, dismiss or more.")?;
        let Some(verdict) = Verdict::ALL.into_iter().find(|verdict| verdict.name() == wanted) else { return Ok(()) };
        match (call.args.integer("number"), call.args.text("title")) {
            (Some(number), _) => mark_number(cx, verdict, number).await,
            (None, "") => cx.say(reply_to(cx)),
            (None, title) => match find(cx, title).await? {
                Ok(paper) => mark(cx, verdict, &paper.id, &paper.title).await,
                Err(sentence) => cx.say(sentence),
            },
        }
    }

    async fn complete(&self, cx: &Cx, _: &str, typed: &str) -> Result<Vec<String>, PluginError> {
        let listed = cx.documents(typed.trim(), 0, 25).await?;
        Ok(listed.into_iter().map(|listing| listing.title).collect())
    }
}

fn reply_to(cx: &Cx) -> String {
    cx.said(
        "Reply to a list of papers of mine with its number in it, as in `mark up 2`, or say a title.",
        "请回复我列出的文献，并给出其编号，例如 `mark up 2`，或说出标题。",
    )
}

async fn mark_number(cx: &Cx, verdict: Verdict, number: i64) -> Result<(), PluginError> {
    let cited = match cx.about().await? {
        Some(about) => cx.cited(&about).await?,
        None => None,
    };
    let place = usize::try_from(number).unwrap_or_default().wrapping_sub(1);
    match cited.as_ref().and_then(|cited| cited.shown.get(place)) {
        Some(shown) => {
            let id = shown.passage.document.clone();
            let title = cx.document(&id).await?.map(|(document, _)| document.title).unwrap_or_default();
            mark(cx, verdict, &id, &title).await
        }
        None => cx.say(reply_to(cx)),
    }
}

/// Keeps the word, and says what comes of it. Without a title it cannot be read here, but was shown.
async fn mark(cx: &Cx, verdict: Verdict, id: &DocumentId, title: &str) -> Result<(), PluginError> {
    if !cx.rate_paper(id, verdict).await? {
        return cx.say(cx.said("That paper is not here any more.", "这篇文献已不在此处。"));
    }
    let (english, chinese) = match title {
        "" => ("it".to_owned(), "这篇文献".to_owned()),
        title => (format!("“{}”", named(title)), format!("《{}》", named(title))),
    };
    let (english, chinese) = match verdict {
        Verdict::Up => (format!("Noted: you like {english}."), format!("已记下：您喜欢{chinese}。")),
        Verdict::Down => (format!("Noted: less like {english}."), format!("已记下：少推荐与{chinese}类似的文献。")),
        Verdict::Saved => (
            format!("Saved {english}; `papers saved` lists what you saved."),
            format!("已收藏{chinese}；`papers saved` 列出您的收藏。"),
        ),
        Verdict::Dismissed => (format!("{english} does not come again."), format!("不再推荐{chinese}。")),
        Verdict::More => (format!("More like {english}:"), format!("与{chinese}类似的文献：")),
    };
    let mut letters = english.chars();
    let english: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    cx.say(cx.said(&english, &chinese))?;
    if verdict == Verdict::More {
        let papers = cx.similar_papers(id, LIST_MAX).await?;
        if papers.is_empty() {
            return cx.say(cx.said(" nothing here, but I look out for it.", "此处没有，但我会留意。"));
        }
        cx.say("\n\n")?;
        list::tell(cx, title, &papers).await?;
    }
    Ok(())
}

/// Papers that are chosen for the caller.
///
/// # Errors
/// [`PluginError`].
pub async fn for_caller(cx: &Cx) -> Result<(), PluginError> {
    let papers = cx.papers_for_caller(None, None, LIST_MAX).await?;
    if papers.is_empty() {
        return cx.say(cx.said(
            "There is no paper here that you were not shown or said something of already.",
            "这里没有您尚未看过或评价过的文献。",
        ));
    }
    if !cx.has_taste().await? {
        cx.say(cx.said(
            "I do not know yet what you read: a sentence (`profile add ...`), or a thumb below, is a start.\n\n",
            "我还不知道您读什么：用 `profile add ...` 写一句话，或在下面点赞，即可开始。\n\n",
        ))?;
    }
    list::tell(cx, &cx.said("papers for you", "为您挑选的文献"), &papers).await?;
    let ids: Vec<DocumentId> = papers.into_iter().map(|paper| paper.document).collect();
    cx.papers_shown(&ids, None).await
}

/// Papers near one of the library.
///
/// # Errors
/// [`PluginError`].
pub async fn similar(cx: &Cx, title: &str) -> Result<(), PluginError> {
    if title.is_empty() {
        return cx.say(cx.said(
            "Say which paper, as in `papers similar to TITLE`.",
            "请说明是哪篇文献，例如 `papers similar to 标题`。",
        ));
    }
    let paper = match find(cx, title).await? {
        Ok(paper) => paper,
        Err(sentence) => return cx.say(sentence),
    };
    let papers = cx.similar_papers(&paper.id, LIST_MAX).await?;
    if papers.is_empty() {
        return cx.say(cx.said("There is no other paper here.", "这里没有其他文献。"));
    }
    let title = named(&paper.title);
    cx.say(cx.said(&format!("Nearest to “{title}”:\n\n"), &format!("与《{title}》最接近的文献：\n\n")))?;
    list::tell(cx, &paper.title, &papers).await
}

/// What the caller saved.
///
/// # Errors
/// [`PluginError`].
pub async fn saved(cx: &Cx) -> Result<(), PluginError> {
    let saved = cx.rated_papers(Verdict::Saved).await?;
    if saved.is_empty() {
        return cx.say(cx.said("You saved no paper that can be read here.", "您没有收藏可在此处阅读的文献。"));
    }
    let mut lines: Vec<String> = saved.iter().take(SAVED_MAX).map(|(_, title)| format!("- {}", named(title))).collect();
    if saved.len() > SAVED_MAX {
        let more = saved.len() - SAVED_MAX;
        lines.push(cx.said(&format!("... and {more} more."), &format!("……还有 {more} 篇。")));
    }
    cx.say(lines.join("\n"))
}
