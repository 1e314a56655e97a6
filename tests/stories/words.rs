//! What people say, name and send comes back as text: to them, to others, and unasked.
//!
//! The caller here is an operator, so that every command runs; where their words are shown, no platform acts on them.
//!
//! **Invariant:** whatever a person says, names or sends, what we say again of it is text.

use std::collections::HashMap;

use chat::{
    Attachment, Event, Message, Role, Switch,
    people::Register as _,
    ports::{Archived, Clock as _},
    text::is_hidden,
};
use frontend::{Answer, Style, Tables};
use tests::{
    Reply,
    desk::{Desk, words},
    double::PlatformDouble,
};

/// As Discord shows replies.
const DISCORD: Style = Style {
    part_max: 2_000,
    measure: |text| text.chars().count(),
    tables: Tables::Fixed,
    formulas: false,
    previews: true,
};

/// As Matrix shows them.
const MATRIX: Style = Style { tables: Tables::Markdown, formulas: true, previews: false, ..DISCORD };

/// Words that would be more than words; each has `evil` wherever that is.
const WORDS: [&str; 12] = [
    "**evil** _evil_ ~~evil~~ ||evil|| __evil__",
    "[evil](https://evil.example/login) and <https://evil.example>",
    "evil ![evil](https://evil.example/?q=)",
    "evil <@123> <@&456> <#789> </evil:1> <t:1:R> <:evil:2> <a:evil:3> <id:guide>",
    "evil @everyone @here @room @evil:evil.example #evil:evil.example !evil:evil.example",
    "evil discord.gg/evil www.evil.example matrix.to/#/@evil:evil.example mailto:evil@evil.example matrix:u/evil:evil",
    "evil ``` evil ``` and `evil",
    "ev\u{202e}il \u{2066}evil\u{2069} evil\u{61c}\u{200b}\u{200d}\u{feff}\u{e0041}\u{ad}",
    "evil &#64;room &lt;@1&gt; &#8238;evil &commat;everyone",
    "evil $[evil](https://evil.example)$ \\([evil](https://evil.example)\\)",
    "evil\n# evil\n> evil\n- evil\n```\nevil\n===",
    "[evil]: https://evil.example \"evil\"",
];

/// What is said with such words (`{}`), and then asked for.
const SAID: [(&str, &[&str]); 44] = [
    ("!profile add {}", &["!profile", "!profile preview"]),
    ("!profile add offers {}", &["!profile", "!profile preview"]),
    ("!profile add seeks {}", &["!profile", "!match me"]),
    ("!profile add paper {}", &["!profile", "!profile preview"]),
    ("!profile add name {}", &["!profile", "!profile preview"]),
    ("!profile add group {}", &["!profile", "!profile preview"]),
    ("!profile add conflict {}", &["!profile"]),
    ("!profile add id {}", &[]),
    ("!profile add zone {}", &[]),
    ("!profile edit availability {}", &["!profile", "!profile preview"]),
    ("!profile remove {}", &[]),
    ("!match need: {}", &["!introduce 1"]),
    ("!match team for: {}", &[]),
    ("!match paper: {}", &[]),
    ("!ask {}", &["!person", "!line 1", "!sources"]),
    ("!help {}", &[]),
    ("!{}", &[]),
    ("!evil{}", &[]),
    ("!line {}", &[]),
    ("!add {}", &[]),
    ("!papers {}", &[]),
    ("!papers similar to {}", &[]),
    ("!mark up {}", &[]),
    ("!room set language {}", &["!room"]),
    ("!room set time-zone {}", &["!room"]),
    ("!room set quiet {}", &["!room"]),
    ("!room set roles {}", &["!room"]),
    ("!room set reads group:{}", &["!room", "!room reset reads"]),
    ("!room set plugins-off {}", &["!room", "!room reset plugins-off"]),
    ("!room set {}", &[]),
    ("!block {}", &[]),
    ("!role none {}", &[]),
    ("!why {}", &[]),
    ("!library license {} Storks", &["!library show - Storks"]),
    ("!library license \"{}\" Storks", &["!library show - Storks"]),
    ("!library move group:{} Storks", &[]),
    ("!library show - {}", &[]),
    ("!glossary add {}: de={}, note={}", &["!glossary", "!glossary show {}", "!glossary remove {}"]),
    ("!glossary add stork: de={}", &["!glossary", "!glossary show stork"]),
    ("!glossary show {}", &[]),
    ("!translate {}", &[]),
    ("!bridge join {} de", &[]),
    ("!summary paper {}", &[]),
    ("!catchup {}", &[]),
];

/// What a platform would act on in Markdown: what is escaped, and what stands in code, it does not.
fn acted_on(markdown: &str) -> String {
    let (mut found, mut is_fenced) = (String::new(), false);
    for line in markdown.lines() {
        is_fenced ^= line.starts_with("```");
        let mut characters = if is_fenced || line.starts_with("```") { "".chars() } else { line.chars() };
        while let Some(character) = characters.next() {
            match character {
                '\\' => drop(characters.next()),
                '`' => drop(characters.by_ref().find(|next| *next == '`')),
                other => found.push(other),
            }
        }
        found.push('\n');
    }
    found
}

#[track_caller]
fn is_text(markdown: &str, line: &str) {
    let (whole, bare) = (markdown.to_lowercase(), acted_on(&markdown.to_lowercase()));
    let hidden = |c: char| c != chat::text::BREAK && is_hidden(c);
    assert!(!whole.contains(hidden), "{line:?} hides something: {markdown:?}");
    for call in ["@everyone", "@here", "@room", "://", "@evil"] {
        assert!(!whole.contains(call), "{line:?} makes {call}: {markdown}");
    }
    for live in [
        "](",
        "]:",
        "][",
        "evil** _",
        "_evil",
        "~~",
        "||",
        "\n# ",
        "\n===",
        "<@",
        "<#",
        "<:",
        "<a:",
        "<t:",
        "<id:",
        "</",
        "&#",
        "&lt;",
        "&commat;",
        "$[",
        "www.e",
        "discord.g",
        "matrix.to",
        "mailto:e",
        "matrix:u",
        "#evil:",
        "!evil:",
    ] {
        assert!(!bare.contains(live), "{line:?} makes {live:?}: {markdown}");
    }
    // A fence is ours, and closed.
    assert!(whole.matches("```").count() % 2 == 0, "{line:?}: {markdown}");
}

/// All that a reply shows, on both platforms.
#[track_caller]
fn is_all_text(reply: &Reply, line: &str) {
    for style in [DISCORD, MATRIX] {
        for event in &reply.events {
            // Also while it grows.
            if let Event::Progress { .. } = event {
                let mut answer = Answer::default();
                answer.take(event.clone());
                answer.parts(&style).iter().for_each(|part| is_text(&part.markdown, line));
            }
        }
        let mut answer = Answer::default();
        reply.events.iter().cloned().for_each(|event| answer.take(event));
        for part in answer.parts(&style) {
            is_text(&part.markdown, line);
            let labels = part.actions.iter().flat_map(|action| [&action.label, &action.command]);
            for label in labels.chain(part.uploads.iter().flat_map(|upload| [&upload.name, &upload.alt])) {
                assert!(!label.contains(|c: char| c == '\n' || is_hidden(c)), "{line:?}: {label:?}");
            }
        }
    }
}

/// Whatever people say, name or send, what comes back of it is text: to them, to others, and unasked.
#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_people_are_text() {
    let bibliography = "@article{a, title={Storks in winter}, author={EVIL and Ana Example}, year={2025}}";
    let named = |at: usize, ending: &str| format!("{}.{ending}", WORDS[at].replace('\n', " "));
    let mut files = HashMap::new();
    for (at, words) in WORDS.iter().enumerate() {
        files.insert(named(at, "bib"), bibliography.replace("EVIL", &words.replace(['{', '}'], "")).into_bytes());
        files.insert(named(at, "md"), format!("# Herons {words}\n\nHerons wade.\n").into_bytes());
        files.insert(named(at, "csv"), format!("en,{words},de\nheron {words},x,{words}\n,x\n").into_bytes());
        files.insert(named(at, "xyz"), vec![0, 1, 2]);
    }
    let mut desk = Desk::open(PlatformDouble { files, ..PlatformDouble::default() }, "2026-11-24T12:00:00Z").await;
    desk.platform.set_role(&"ana".into(), Role::Operator);
    let storks = b"# Storks\n\nThere are 12 storks on the roof.\n".to_vec();
    desk.home()
        .acquirer()
        .add(&desk.home().community(), (&"ana".into(), desk.clock.now()), "storks.md", storks)
        .await
        .unwrap();
    for (at, words) in WORDS.iter().enumerate() {
        for (said, asked) in SAID {
            for line in std::iter::once(said).chain(asked.iter().copied()) {
                let line = line.replace("{}", words);
                let message = Message { addressed: true, ..desk.message("7", "ana", &line) };
                is_all_text(&desk.reply(message).await, &line);
            }
        }
        for (line, ending) in [
            ("!profile add", "bib"),
            ("!profile add", "xyz"),
            ("!add", "md"),
            ("!add", "xyz"),
            ("!translate", "md"),
            ("!glossary import", "csv"),
            ("!glossary import", "xyz"),
            ("!room import", "csv"),
        ] {
            let name = named(at, ending);
            let attachment = Attachment { name: name.clone(), media_type: None, bytes: 0, handle: name.clone() };
            let message = Message { attachments: vec![attachment], ..desk.message("7", "ana", line) };
            is_all_text(&desk.reply(message).await, &format!("{line} {name}"));
        }
        for line in ["!papers", "!library show - Herons", "!profile", "!glossary", "!papers for me"] {
            let message = desk.message("7", "ana", line);
            is_all_text(&desk.reply(message).await, &format!("{line} after {words}"));
        }
        // Only what other people's words leave behind is looked at.
        desk.says("7", "ana", "!profile remove all").await;
    }
}

/// What is said in a room is told as text, with whatever name it was said.
#[tokio::test(flavor = "multi_thread")]
async fn a_summary_of_such_words_is_text() {
    let mut desk = Desk::open(PlatformDouble::default(), "2026-11-24T12:00:00Z").await;
    for words in WORDS {
        let mut said = Vec::new();
        for text in [words.to_owned(), format!("We decided: {words}"), format!("ana, can you send {words}?")] {
            let message = Message { author: "bob".into(), ..desk.message("7", "bob", &text) };
            said.push(Archived { message, name: words.to_owned(), ours: false, link: None });
        }
        desk.home().store.set_consent(&"bob".into(), Switch::Name, true, desk.clock.now()).await.unwrap();
        said.reverse();
        *desk.platform.said.lock().unwrap() = said;
        for line in ["!summary channel", "!catchup 8h", "!digest now"] {
            let message = desk.message("7", "ana", line);
            is_all_text(&desk.reply(message).await, &format!("{line} of {words}"));
        }
    }
}

/// What is told to others unasked: an introduction carries the words of both.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_such_words_is_text() {
    for words_of in WORDS {
        let mut desk = Desk::open(PlatformDouble::default(), "2026-11-24T12:00:00Z").await;
        for line in ["!profile add I count storks on roofs {}", "!profile add group {}", "!profile add name {}"] {
            desk.says("7", "bob", &line.replace("{}", words_of)).await;
        }
        desk.home().store.set_consent(&"bob".into(), Switch::Match, true, desk.clock.now()).await.unwrap();
        for line in ["!match need: somebody who counts storks on roofs {}", "!introduce 1", "!introduce 1 --confirm"] {
            let line = line.replace("{}", words_of);
            let message = desk.message("7", "ana", &line);
            is_all_text(&desk.reply(message).await, &line);
        }
        let said = desk.says("7", "bob", "!meet yes").await;
        assert!(said.contains("together"), "{said}");
        let posts = desk.posts().await;
        assert!(posts.len() >= 2, "bob is asked, and both are brought together");
        posts.iter().for_each(|post| is_text(&words(post), words_of));
    }
}
