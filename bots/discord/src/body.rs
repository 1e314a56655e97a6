//! What a part of a reply looks like in Discord's JSON: text, buttons, files; nobody is mentioned, no link unfolds. Pure.

use std::{borrow::Cow, collections::HashSet};

use chat::Action;
use frontend::{Part, Upload, driver::STOP};
use serde::Serialize;

use crate::snowflake;

/// Longest message, in code points.
pub const CONTENT_MAX: usize = 2_000;

/// Buttons of a row, and rows of a message.
const ROW_MAX: usize = 5;

/// Longest label of a button, in characters.
const LABEL_MAX: usize = 80;

/// Longest command behind a button, in characters: a longer one has no button.
const CUSTOM_ID_MAX: usize = 100;

/// Files of a message.
const UPLOADS_MAX: usize = 10;

/// Largest file that Discord takes from a bot, in bytes.
const UPLOAD_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Longest description of a file, in characters.
const ALT_MAX: usize = 1_024;

/// No embeds below the text.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// For who asked alone.
const EPHEMERAL: u32 = 1 << 6;

/// Stands where there is nothing to say: Discord takes no empty message.
const NOTHING: &str = "✓";

/// A message as it is sent or edited.
#[derive(Debug, Default, Serialize)]
pub struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    /// Said with every text: without it an edit would leave the buttons of before.
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Vec<Row<'a>>>,
    allowed_mentions: Mentions,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<Vec<File<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_nonce: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
}

/// Whom a message may mention: nobody, or the one whom a notice calls.
#[derive(Debug, Default, Serialize)]
struct Mentions {
    parse: [&'static str; 0],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
    replied_user: bool,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    #[serde(rename = "type")]
    kind: u8,
    components: Vec<Button<'a>>,
}

#[derive(Debug, Serialize)]
struct Button<'a> {
    #[serde(rename = "type")]
    kind: u8,
    style: u8,
    label: String,
    custom_id: &'a str,
}

/// A file of a message.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum File<'a> {
    /// It is there and stays.
    Kept {
        /// Its id.
        id: &'a str,
    },
    /// It comes with this request.
    New {
        /// Its place among the files of the request.
        id: u8,
        /// Its name.
        filename: &'a str,
        /// What it shows.
        description: String,
    },
}

#[derive(Debug, Serialize)]
struct Reference {
    message_id: String,
    /// A question that is gone costs the reference, not the answer.
    fail_if_not_exists: bool,
}

impl<'a> Body<'a> {
    /// A part of a reply, without its files.
    pub fn of(part: &'a Part) -> Self {
        let called = called(part);
        let users = called.iter().map(u64::to_string).collect();
        let content = match called {
            Some(person) => Cow::Owned(format!("{} {}", snowflake::mention(person), content(part))),
            None => content(part),
        };
        let allowed_mentions = Mentions { users, ..Mentions::default() };
        Self { content: Some(content), components: Some(rows(&part.actions)), allowed_mentions, ..Self::default() }
    }

    /// Nothing but files.
    pub fn files(files: Vec<File<'a>>) -> Self {
        Self { attachments: Some(files), ..Self::default() }
    }

    /// A sentence.
    pub fn sentence(text: &'a str) -> Self {
        Self { content: Some(Cow::Borrowed(text)), ..Self::default() }
    }

    /// The same, with flags: links never unfold, and it may be for who asked alone.
    pub fn flagged(self, ephemeral: bool) -> Self {
        Self { flags: Some(SUPPRESS_EMBEDS | if ephemeral { EPHEMERAL } else { 0 }), ..self }
    }

    /// The same, with its first file.
    pub fn with(self, upload: Option<&'a Upload>) -> Self {
        let attachments = upload.map(|upload| vec![File::of(upload)]);
        Self { attachments, ..self }
    }

    /// The same, sent once however often it is tried.
    pub fn once(self, nonce: String) -> Self {
        Self { nonce: Some(nonce), enforce_nonce: Some(true), ..self }
    }

    /// The same, as a reply.
    pub fn reply_to(self, message: Option<u64>) -> Self {
        let reference = |id: u64| Reference { message_id: id.to_string(), fail_if_not_exists: false };
        Self { message_reference: message.map(reference), ..self }
    }
}

impl<'a> File<'a> {
    /// The one file of a request.
    pub fn of(upload: &'a Upload) -> Self {
        Self::New { id: 0, filename: &upload.name, description: cut(&upload.alt, ALT_MAX) }
    }
}

/// Whom a part calls.
fn called(part: &Part) -> Option<u64> {
    part.calls.as_ref().and_then(|member| snowflake::number(&member.0))
}

/// The files that Discord takes.
pub fn carried(part: &Part) -> Vec<&Upload> {
    part.uploads.iter().filter(|upload| upload.bytes.len() <= UPLOAD_BYTES_MAX).take(UPLOADS_MAX).collect()
}

/// What a message says that shows a part.
pub fn content(part: &Part) -> Cow<'_, str> {
    match (part.markdown.trim().is_empty(), part.uploads.is_empty()) {
        (true, true) => Cow::Borrowed(NOTHING),
        _ => told(part),
    }
}

/// The text, with a word on files that Discord does not take.
fn told(part: &Part) -> Cow<'_, str> {
    let left_out = part.uploads.len() - carried(part).len();
    if left_out == 0 {
        return Cow::Borrowed(&part.markdown);
    }
    let word = format!("\n-# {left_out} more to show than Discord takes in one message.");
    let fits = part.markdown.chars().count() + word.chars().count() <= CONTENT_MAX;
    if fits { Cow::Owned(part.markdown.clone() + &word) } else { Cow::Borrowed(&part.markdown) }
}

/// The buttons, five in a row.
fn rows(actions: &[Action]) -> Vec<Row<'_>> {
    let mut seen = HashSet::new();
    let fits = |action: &&Action| (1..=CUSTOM_ID_MAX).contains(&action.command.chars().count());
    let buttons: Vec<&Action> = actions
        .iter()
        .filter(fits)
        // Discord takes no two buttons of one id.
        .filter(|action| seen.insert(&action.command))
        .take(ROW_MAX * ROW_MAX)
        .collect();
    buttons
        .chunks(ROW_MAX)
        .map(|row| Row { kind: 1, components: row.iter().map(|action| button(action)).collect() })
        .collect()
}

fn button(action: &Action) -> Button<'_> {
    let label = if action.label.trim().is_empty() { &action.command } else { &action.label };
    let (secondary, danger) = (2, 4);
    let style = if action.command == STOP { danger } else { secondary };
    Button { kind: 2, style, label: cut(label, LABEL_MAX), custom_id: &action.command }
}

/// At most `max` characters.
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(body: &Body<'_>, want: Expect) {
        want.assert_eq(&serde_json::to_string(body).unwrap());
    }

    fn action(label: &str, command: &str) -> Action {
        Action { label: label.to_owned(), command: command.to_owned() }
    }

    fn part(markdown: &str) -> Part {
        Part { markdown: markdown.to_owned(), ..Part::default() }
    }

    #[test]
    fn a_part_mentions_nobody_and_takes_the_buttons_of_before_away() {
        check(
            &Body::of(&part("hello")).flagged(true).reply_to(Some(7)).once("n".to_owned()),
            expect![[
                r#"{"content":"hello","components":[],"allowed_mentions":{"parse":[],"replied_user":false},"flags":68,"nonce":"n","enforce_nonce":true,"message_reference":{"message_id":"7","fail_if_not_exists":false}}"#
            ]],
        );
        check(
            &Body::of(&part(" ")),
            expect![[r#"{"content":"✓","components":[],"allowed_mentions":{"parse":[],"replied_user":false}}"#]],
        );
    }

    #[test]
    fn a_notice_calls_the_one_that_it_is_for() {
        let part = Part { calls: Some("9".into()), ..part("<@7> offers to help.") };
        check(
            &Body::of(&part),
            expect![[
                r#"{"content":"<@9> <@7> offers to help.","components":[],"allowed_mentions":{"parse":[],"users":["9"],"replied_user":false}}"#
            ]],
        );
    }

    #[test]
    fn buttons_stand_five_in_a_row_each_once() {
        let mut part = part("x");
        part.actions = (1..=7).map(|number| action(&format!("[{number}]"), &format!("line {number}"))).collect();
        part.actions.push(action("again", "line 1"));
        part.actions.push(action("long", &"x".repeat(101)));
        part.actions.push(action("Stop", STOP));
        let body = Body::of(&part);
        let rows = body.components.as_ref().unwrap();
        assert_eq!(rows.iter().map(|row| row.components.len()).collect::<Vec<_>>(), [5, 3]);
        assert_eq!((rows[1].components[2].custom_id, rows[1].components[2].style), (STOP, 4));
        let many: Vec<Action> = (0..40).map(|number| action("x", &number.to_string())).collect();
        assert_eq!(super::rows(&many).len(), ROW_MAX);
    }

    #[test]
    fn a_file_comes_with_words_for_it_and_one_too_large_is_said_to_be_left_out() {
        let upload = |bytes| Upload {
            name: "figure-1.png".to_owned(),
            media_type: "image/png".to_owned(),
            alt: "a map".to_owned(),
            bytes: vec![0; bytes],
        };
        let mut part = part("");
        part.uploads = vec![upload(3)];
        check(
            &Body::of(&part).with(carried(&part).first().copied()),
            expect![[
                r#"{"content":"","components":[],"allowed_mentions":{"parse":[],"replied_user":false},"attachments":[{"id":0,"filename":"figure-1.png","description":"a map"}]}"#
            ]],
        );
        part.uploads.push(upload(UPLOAD_BYTES_MAX + 1));
        assert_eq!(carried(&part).len(), 1);
        assert!(Body::of(&part).content.unwrap().contains("1 more to show"));
    }

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(cut("日本語", 3), "日本語");
        assert_eq!(cut("日本語です", 3), "日本…");
    }
}
