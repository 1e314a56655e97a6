//! The room's shelf: files and links that its members add, and what stands on it.

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, Example, Kind, Manifest, PluginError, PortError, Role, Text, Visibility,
    ports::{Added, Listing, Plugin},
    text::{carried, inert, line},
};

use crate::recommendation;

/// Largest file that is taken, in bytes.
const FILE_BYTES_MAX: u64 = 50 * 1024 * 1024;

/// Files of one call.
const FILES_MAX: usize = 10;

/// Titles or refusals that one reply names; the rest is counted.
const LINES_MAX: usize = 20;

/// Longest title or name in a sentence, in characters.
const NAME_CHARS_MAX: usize = 200;

/// What people say who want papers to read, without case and signs.
const REQUESTS: [&str; 30] = [
    "what should i read",
    "what shall i read",
    "which paper should i read",
    "which papers should i read",
    "recommend",
    "recommend me",
    "recommend paper",
    "recommend papers",
    "recommend something",
    "recommend something to read",
    "recommend me paper",
    "recommend me papers",
    "recommend me something",
    "recommend me something to read",
    "paper for me",
    "papers for me",
    "推荐",
    "推荐文献",
    "推荐论文",
    "推荐一篇文献",
    "推荐一篇论文",
    "推荐几篇文献",
    "推荐几篇论文",
    "给我推荐",
    "给我推荐文献",
    "给我推荐论文",
    "请推荐文献",
    "请推荐论文",
    "我该读什么",
    "我应该读什么",
];

/// Words beside which they say the same.
const FILLERS: [&str; 11] = ["please", "can", "could", "you", "next", "now", "today", "a", "some", "any", "new"];

static MANIFEST: Manifest = Manifest {
    name: "shelf",
    summary: Text {
        en: "adds files to this room's library, and lists it",
        zh: "向本房间的文献库添加文件，并列出其内容",
    },
    open: false,
    hears: None,
    commands: &[
        Command {
            name: "add",
            help: Text {
                en: "reads attached files or a link (PDF, BibTeX, JATS, HTML, Markdown, text) into this room's library",
                zh: "将附带的文件或链接（PDF、BibTeX、JATS、HTML、Markdown、文本）读入本房间的文献库",
            },
            menu: Some(Text { en: "Add to the library", zh: "加入文献库" }),
            arguments: &[Argument::new(
                "link",
                Text {
                    en: "a paper's address, on a host that the operator named",
                    zh: "文献的网址，其网站须由管理员许可",
                },
                Kind::Link,
            )],
            role_min: Role::Member,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(300),
            utterances: &["Add this paper to the library", "Please read this file in"],
            examples: &[
                Example { call: "add", reply: "Attach a file" },
                Example { call: "add https://nobody.invalid/a.pdf", reply: "library.fetch_hosts" },
            ],
        },
        Command {
            name: "papers",
            help: Text {
                en: "lists the papers that this room may read, those chosen for you, or those near one",
                zh: "列出本房间可以阅读的文献、为您挑选的文献，或与某篇类似的文献",
            },
            menu: None,
            arguments: &[
                Argument::new(
                    "which",
                    Text {
                        en: "for you, near a paper, or what you saved; else all",
                        zh: "为您挑选的、与某篇类似的、或您收藏的；默认为全部",
                    },
                    Kind::Choice(&["for me", "similar to", "saved"]),
                ),
                Argument::new(
                    "matching",
                    Text { en: "part of a title or an author", zh: "标题或作者的一部分" },
                    Kind::Text,
                )
                .completed(),
            ],
            role_min: Role::Guest,
            visibility: Visibility::Caller,
            deadline: Duration::from_secs(10),
            utterances: &["Which papers do you have?", "What is in the library?", "What should I read next?"],
            examples: &[
                Example { call: "papers no such title", reply: "No paper here" },
                Example { call: "papers similar to no such title", reply: "No paper here has that in its title." },
                Example { call: "papers saved", reply: "You saved no paper" },
            ],
        },
    ],
};

/// The room's shelf.
pub struct Shelf;

#[async_trait]
impl Plugin for Shelf {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match call.command.as_str() {
            "papers" => match (call.args.text("which"), call.args.text("matching")) {
                ("for me", _) => recommendation::for_caller(cx).await,
                ("similar to", title) => recommendation::similar(cx, title).await,
                ("saved", _) => recommendation::saved(cx).await,
                (_, words) => papers(cx, words).await,
            },
            _ => add(cx, call.args.text("link")).await,
        }
    }

    async fn complete(&self, cx: &Cx, _: &str, typed: &str) -> Result<Vec<String>, PluginError> {
        let listed = cx.documents(typed.trim(), 0, 25).await?;
        Ok(listed.into_iter().map(|listing| listing.title).collect())
    }
}

/// Whether a request in plain words is for papers to read, and for nothing else: a mention brings no more than that.
fn is_asked_for_one(words: &str) -> bool {
    let words = words.to_lowercase();
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && !FILLERS.contains(word));
    let words: Vec<&str> = words.collect();
    REQUESTS.contains(&words.join(" ").as_str())
}

async fn add(cx: &Cx, link: &str) -> Result<(), PluginError> {
    let files = cx.attachments();
    if files.is_empty() && link.is_empty() {
        return cx.say("Attach a file or give a link, or reply with this command to a message that has a file.");
    }
    let mut all = Added::default();
    if !link.is_empty() {
        cx.reply(chat::Event::Progress { text: "Fetching the link ...".to_owned() })?;
        tally(&mut all, "The link", cx.acquire_link(link).await)?;
    }
    for file in files.iter().take(FILES_MAX) {
        let name = named(&file.name);
        cx.reply(chat::Event::Progress { text: format!("Reading {name} ...") })?;
        tally(&mut all, &name, cx.acquire(file, FILE_BYTES_MAX).await)?;
    }
    let skipped = files.len().saturating_sub(FILES_MAX);
    if skipped > 0 {
        all.refused.push(format!("{skipped} more files: I take {FILES_MAX} at once"));
    }
    cx.say(report(&all))
}

/// Adds what came of one file to what came of all.
fn tally(all: &mut Added, name: &str, outcome: Result<Added, PluginError>) -> Result<(), PluginError> {
    match outcome {
        Ok(added) => {
            all.documents.extend(added.documents);
            all.known += added.known;
            all.held.extend(added.held);
            all.refused.extend(added.refused.iter().map(|sentence| format!("{name}: {}", inert(sentence))));
            Ok(())
        }
        Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => {
            all.refused.push(format!("{name}: {}", carried(&reason)));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn report(added: &Added) -> String {
    let mut lines = vec![match added.documents.len() {
        0 => "Nothing was added.".to_owned(),
        1 => "Added one paper to the library:".to_owned(),
        many => format!("Added {many} papers to the library:"),
    }];
    list(&mut lines, &added.documents, |title| format!("- {}", named(title)));
    match added.known {
        0 => {}
        1 => lines.push("One paper was known already.".to_owned()),
        many => lines.push(format!("{many} papers were known already.")),
    }
    list(&mut lines, &added.held, |title| {
        format!(
            "- {}: somebody else brought that paper, and this file tells it otherwise. I keep it unread until a moderator \
             decides: `library versions`.",
            named(title)
        )
    });
    list(&mut lines, &added.refused, |sentence| format!("- Refused: {sentence}"));
    lines.join("\n")
}

fn list(lines: &mut Vec<String>, rows: &[String], line: impl Fn(&str) -> String) {
    lines.extend(rows.iter().take(LINES_MAX).map(|row| line(row)));
    if rows.len() > LINES_MAX {
        lines.push(format!("- ... and {} more", rows.len() - LINES_MAX));
    }
}

async fn papers(cx: &Cx, matching: &str) -> Result<(), PluginError> {
    let mut listed = cx.documents(matching, 0, LINES_MAX + 1).await?;
    // In plain words it is no title, unless it is.
    if listed.is_empty() && is_asked_for_one(matching) {
        return recommendation::for_caller(cx).await;
    }
    if listed.is_empty() {
        return cx.say(match matching {
            "" => "The library that this room may read is empty.",
            _ => "No paper here has that in its title or among its authors.",
        });
    }
    let more = listed.len() > LINES_MAX;
    listed.truncate(LINES_MAX);
    let entry = |listing: &Listing| {
        let year = listing.year.map(|year| format!(" ({year})")).unwrap_or_default();
        format!("- {}{year}", named(&listing.title))
    };
    let mut lines: Vec<String> = listed.iter().map(entry).collect();
    if more {
        lines.push("... and more; a word narrows them down.".to_owned());
    }
    cx.say(lines.join("\n"))
}

/// The one paper with this in its title, or why there is none.
///
/// # Errors
/// [`PluginError::Port`].
pub(crate) async fn find(cx: &Cx, title: &str) -> Result<Result<Listing, &'static str>, PluginError> {
    let mut found = cx.documents(title, 0, 2).await?;
    Ok(match found.len() {
        0 => Err("No paper here has that in its title."),
        1 => Ok(found.remove(0)),
        _ if found[0].title.eq_ignore_ascii_case(title) => Ok(found.remove(0)),
        _ => Err("More than one paper here has that in its title; please say more of it."),
    })
}

/// A title, a name or a term as it may stand in a sentence: its beginning, as text and nothing else.
pub(crate) fn named(name: &str) -> String {
    inert(&line(name).chars().take(NAME_CHARS_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_request_is_one_for_papers_to_read() {
        for words in
            ["What should I read next?", "Please recommend me a paper!", "Any papers for me?", "推荐一篇论文。"]
        {
            assert!(is_asked_for_one(words), "{words}");
        }
        for words in ["", "please", "Recommender systems", "recommend me papers on parsing", "推荐系统综述"] {
            assert!(!is_asked_for_one(words), "{words}");
        }
    }
}
