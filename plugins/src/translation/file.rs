//! A file in another language, with its structure.

use chat::{Attachment, Cx, Event, PluginError, PortError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Direction, directed, guess,
    languages::{chinese, english},
    render::{Renderer, Tally},
    structure::{Document, Format},
    terms,
};
use crate::shelf::named;

/// Largest file that is translated, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// So many segments are done between two reports of progress.
const PROGRESS_EVERY: usize = 5;

/// Longest name of a file that is handed out, in characters, without its ending.
const NAME_CHARS_MAX: usize = 80;

/// The plugin's name for cutting a file.
pub const WORK: &str = "cut";

/// A file that was cut.
#[derive(Serialize, Deserialize)]
struct Cut {
    /// The mark of UTF-8 before its text, where it has one.
    mark: String,
    document: Document,
}

/// Cuts a file of a stranger; runs in a process of its own.
///
/// # Errors
/// A clause for whoever brought it.
pub fn cut(name: &str, bytes: &[u8]) -> Result<Value, String> {
    let (format, _) = format(name).ok_or("its name has another ending")?;
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text in UTF-8")?;
    let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |text| ("\u{feff}", text));
    let document = Document::read(format, text).map_err(|error| error.to_string())?;
    serde_json::to_value(Cut { mark: mark.to_owned(), document }).map_err(|error| error.to_string())
}

/// Translates a file that came with the call.
pub async fn translate(cx: &Cx, file: &Attachment, wish: &str, is_checked: bool) -> Result<(), PluginError> {
    let Some((_, media_type)) = format(&file.name) else {
        return cx.say(cx.said(
            "I translate .md, .tex, .xml (JATS) and .txt files; this is none of them.",
            "我可以翻译 .md、.tex、.xml（JATS）和 .txt 文件；这个文件不是。",
        ));
    };
    let unusable = |why: &str| {
        let why = named(why);
        cx.said(&format!("That file cannot be translated: {why}."), &format!("无法翻译该文件：{why}。"))
    };
    if file.bytes > FILE_BYTES_MAX {
        return cx.say(unusable("it has more than 1 MiB"));
    }
    let Cut { mark, document } = match cx.read_apart::<Cut>(WORK, file, FILE_BYTES_MAX).await {
        Ok(cut) if cut.document.is_whole() => cut,
        Ok(_) => return cx.say(unusable("it was cut in a way that makes no sense")),
        Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => return cx.say(unusable(&reason)),
        Err(error) => return Err(error),
    };
    let Some(direction) = directed(cx, &document, wish).await? else { return Ok(()) };
    let all = document.segments().len();
    let glossary = terms::load(cx).await?;
    let mut told = 0;
    let mut tell = |done: usize| {
        if done != 0 && done < told + PROGRESS_EVERY {
            return Ok(());
        }
        told = done;
        let text = cx.said(
            &format!("Translating: {done} of {all} segments ..."),
            &format!("正在翻译：{all} 段中的第 {done} 段……"),
        );
        cx.reply(Event::Progress { text })
    };
    let Direction { from, to, .. } = direction;
    let (translated, tally) = Renderer::new(cx, from, to, &glossary).document(&document, &mut tell).await?;
    if tally.translated == 0 {
        return cx.say(cx.said(
            "I could not translate this file so that its formulas, numbers and links survive.",
            "我无法在保留其公式、数字和链接的前提下翻译这个文件。",
        ));
    }
    let name = renamed(&file.name, to);
    let bytes = format!("{mark}{translated}").into_bytes();
    cx.reply(Event::File { name: name.clone(), media_type: media_type.to_owned(), bytes })?;
    let mut lines = vec![report(cx, &name, &direction, &tally)];
    lines.extend(direction.doubt(cx));
    if is_checked {
        lines.push(cx.said("(`--check` is for messages.)", "（`--check` 仅适用于消息。）"));
    }
    lines.extend(guess(cx, &direction));
    cx.say(lines.join("\n"))
}

fn report(cx: &Cx, name: &str, direction: &Direction, tally: &Tally) -> String {
    let Tally { translated, lost, failed, late, hits } = *tally;
    let (name, all, Direction { from, to, .. }) = (named(name), translated + tally.kept(), direction);
    let mut lines = vec![cx.said(
        &format!("**{name}**, from {} into {}: {translated} of {all} segments translated.", english(from), english(to)),
        &format!("**{name}**，从{}译为{}：{all} 段中翻译了 {translated} 段。", chinese(from), chinese(to)),
    )];
    let mut kept = |count: usize, english: &str, chinese: &str| {
        if count > 0 {
            let english = format!("- {count} in the original, because {english}.");
            lines.push(cx.said(&english, &format!("- {count} 段保留原文：{chinese}。")));
        }
    };
    kept(lost, "protected spans or the file's structure would have been lost", "受保护的内容或文件结构会丢失");
    kept(failed, "what came was no translation of them", "得到的不是其译文");
    kept(late, "there was no time left", "时间不够");
    if hits.expected > 0 {
        let (found, expected) = (hits.found, hits.expected);
        lines.push(cx.said(
            &format!("- {found} of {expected} terms of the glossary as it has them."),
            &format!("- 术语表中的 {expected} 个术语有 {found} 个按其译法。"),
        ));
    }
    lines.join("\n")
}

/// What a file's name says of its format, and its media type.
fn format(name: &str) -> Option<(Format, &'static str)> {
    let (_, ending) = name.rsplit_once('.')?;
    match ending.to_lowercase().as_str() {
        "md" | "markdown" => Some((Format::Markdown, "text/markdown")),
        "tex" => Some((Format::Latex, "application/x-tex")),
        "xml" => Some((Format::Jats, "application/xml")),
        "txt" => Some((Format::Plain, "text/plain")),
        _ => None,
    }
}

/// The name of the translation: `paper.md` is `paper.de.md`. Only signs that every system takes, and no folder.
fn renamed(name: &str, to: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let (stem, ending) = last.rsplit_once('.').unwrap_or((last, "txt"));
    let plain = |sign: char| if sign.is_alphanumeric() || " .-_()".contains(sign) { sign } else { '_' };
    let stem: String = stem.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let stem = stem.trim_matches([' ', '.']);
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}.{to}.{ending}", if stem.is_empty() { "file" } else { stem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: &str) {
        assert_eq!(renamed(name, "de"), want);
    }

    #[test]
    fn the_language_stands_before_the_ending() {
        check("paper.md", "paper.de.md");
        check("a.b c.tex", "a.b c.de.tex");
        check("论文.xml", "论文.de.xml");
        check("../../etc/pass\u{7}wd.txt", "pass_wd.de.txt");
        check("C:\\x\\..md", "file.de.md");
        check(".md", "file.de.md");
        check(&format!("{}.md", "x".repeat(300)), &format!("{}.de.md", "x".repeat(80)));
    }

    #[test]
    fn the_ending_tells_the_format() {
        let of = |name| format(name).map(|(format, _)| format);
        assert_eq!(of("a.MD"), Some(Format::Markdown));
        assert_eq!(of("a.tex"), Some(Format::Latex));
        assert_eq!(of("a.xml"), Some(Format::Jats));
        assert_eq!(of("a.txt"), Some(Format::Plain));
        assert_eq!(of("a.pdf"), None);
        assert_eq!(of("txt"), None);
    }
}
