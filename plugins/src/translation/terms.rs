//! Glossaries as people keep them: listed and shown to everyone in a room, changed by moderators.
//!
//! **Invariant:** who moderates a room changes the words of that room, which come before the community's; the community's are
//! changed by who may decide for all of it.

use chat::{Call, Cx, Event, PluginError, PortError, Role, cx::Words};
use serde_json::Value;

use super::glossary::{FILE_BYTES_MAX, Glossary, Import, Term};
use crate::shelf::named;

/// Terms that one reply lists.
const LINES_MAX: usize = 25;

/// Reasons that the report of an import gives.
const REASONS_MAX: usize = 10;

const HOW_EN: &str = "Say it like this: `glossary add network: de=Netz, fr=réseau`.";
const HOW_ZH: &str = "请这样写：`glossary add network: de=Netz, fr=réseau`。";

/// The plugin's name for reading a file of terms.
pub const WORK: &str = "terms";

/// Does what `glossary` is asked for.
pub async fn run(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let entry = call.args.text("entry");
    match call.args.text("action") {
        "add" => add(cx, entry).await,
        "remove" => remove(cx, entry).await,
        "import" => import(cx).await,
        "export" => export(cx).await,
        "show" => show(cx, entry).await,
        _ => list(cx, entry).await,
    }
}

/// The words that hold in this room: its own, and of the community's those that it does not settle otherwise.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn load(cx: &Cx) -> Result<Glossary, PluginError> {
    let mut glossary = kept(cx, Words::Room).await?;
    for term in kept(cx, Words::Community).await?.terms() {
        if glossary.get(&term.name).is_none() {
            // Of more than there is room for, the room's own come first.
            drop(glossary.insert(term.clone()));
        }
    }
    Ok(glossary)
}

async fn kept(cx: &Cx, whose: Words) -> Result<Glossary, PluginError> {
    let terms: Vec<Term> = match cx.glossary(whose).await? {
        Some(value) => serde_json::from_value(value)
            .map_err(PortError::failed("plugin data", "reading the glossary"))
            .map_err(PluginError::port("reading the glossary"))?,
        None => Vec::new(),
    };
    let mut glossary = Glossary::default();
    for term in terms {
        // A term that an older version took and this one does not is left out.
        drop(glossary.insert(term));
    }
    Ok(glossary)
}

/// Whose words the caller changes.
fn theirs(cx: &Cx) -> Words {
    if cx.speaks_for_all() { Words::Community } else { Words::Room }
}

/// Names of terms that begin so, for who types one.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn proposals(cx: &Cx, typed: &str) -> Result<Vec<String>, PluginError> {
    let typed = typed.trim().to_lowercase();
    let glossary = load(cx).await?;
    let names = glossary.terms().map(|term| term.name.clone());
    Ok(names.filter(|name| name.to_lowercase().starts_with(&typed)).take(25).collect())
}

async fn keep(cx: &Cx, whose: Words, glossary: &Glossary) -> Result<(), PluginError> {
    let terms: Vec<&Term> = glossary.terms().collect();
    let value = serde_json::to_value(terms)
        .map_err(PortError::failed("plugin data", "writing the glossary"))
        .map_err(PluginError::port("keeping the glossary"))?;
    cx.set_glossary(whose, value).await
}

/// What was settled for all is no longer settled otherwise here.
async fn drop_own(cx: &Cx, names: impl Iterator<Item = &str>) -> Result<(), PluginError> {
    let mut own = kept(cx, Words::Room).await?;
    if names.filter_map(|name| own.remove(name)).count() > 0 {
        keep(cx, Words::Room, &own).await?;
    }
    Ok(())
}

/// # Errors
/// [`PluginError::Refused`] where the caller may not change the glossary.
fn needs_moderator(cx: &Cx, action: &str) -> Result<(), PluginError> {
    if cx.call().role >= Role::Moderator {
        return Ok(());
    }
    Err(PluginError::Refused(format!("`glossary {action}` needs the role {}.", Role::Moderator.name())))
}

fn is_empty(cx: &Cx) -> String {
    cx.said("The glossary is empty.", "术语表是空的。")
}

fn none_called(cx: &Cx, name: &str) -> String {
    let name = named(name);
    cx.said(&format!("The glossary has no term “{name}”."), &format!("术语表中没有“{name}”。"))
}

async fn list(cx: &Cx, word: &str) -> Result<(), PluginError> {
    let glossary = load(cx).await?;
    if glossary.is_empty() {
        return cx.say(is_empty(cx));
    }
    let sought = word.to_lowercase();
    let has = |term: &&Term| {
        let mut words = std::iter::once(&term.name).chain(term.languages.values());
        words.any(|words| words.to_lowercase().contains(&sought))
    };
    let found: Vec<&Term> = glossary.terms().filter(has).collect();
    if found.is_empty() {
        return cx.say(none_called(cx, word));
    }
    let mut lines: Vec<String> = found.iter().take(LINES_MAX).map(|term| format!("- {}", line(term))).collect();
    if found.len() > LINES_MAX {
        let more = found.len() - LINES_MAX;
        lines.push(cx.said(
            &format!("... and {more} more; a word narrows them down, and `glossary export` gives all."),
            &format!("……另有 {more} 个；可加上一个词缩小范围，或用 `glossary export` 导出全部。"),
        ));
    }
    cx.say(lines.join("\n"))
}

async fn show(cx: &Cx, name: &str) -> Result<(), PluginError> {
    if name.is_empty() {
        return cx.say(cx.said("Say which term.", "请说明是哪个术语。"));
    }
    let glossary = load(cx).await?;
    let same = |term: &&Term| term.name.to_lowercase() == name.to_lowercase();
    let Some(term) = glossary.get(name).or_else(|| glossary.terms().find(same)) else {
        return cx.say(none_called(cx, name));
    };
    let note = term.note.as_deref().map(|note| format!("\n{}", named(note))).unwrap_or_default();
    cx.say(format!("{}{note}", line(term)))
}

async fn add(cx: &Cx, entry: &str) -> Result<(), PluginError> {
    needs_moderator(cx, "add")?;
    let Some(given) = read(entry) else { return cx.say(cx.said(HOW_EN, HOW_ZH)) };
    let whose = theirs(cx);
    let mut glossary = kept(cx, whose).await?;
    let known = match whose {
        Words::Community => glossary.get(&given.name).cloned(),
        Words::Room => load(cx).await?.get(&given.name).cloned(),
    };
    let is_new = known.is_none();
    let mut term = known.unwrap_or_else(|| Term { name: given.name.clone(), ..Term::default() });
    term.languages.extend(given.languages);
    term.note = given.note.or(term.note);
    if let Err(why) = glossary.insert(term) {
        return cx.say(cx.said(&format!("Not added: {}.", named(&why)), &format!("未添加：{}。", named(&why))));
    }
    keep(cx, whose, &glossary).await?;
    if whose == Words::Community {
        drop_own(cx, std::iter::once(given.name.as_str())).await?;
    }
    let (line, scope) = (glossary.get(&given.name).map(line).unwrap_or_default(), scope(cx, whose));
    cx.say(match is_new {
        true => cx.said(&format!("Added: {line}{scope}"), &format!("已添加：{line}{scope}")),
        false => cx.said(&format!("Changed: {line}{scope}"), &format!("已更改：{line}{scope}")),
    })
}

async fn remove(cx: &Cx, name: &str) -> Result<(), PluginError> {
    needs_moderator(cx, "remove")?;
    if name.is_empty() {
        return cx.say(cx.said("Say which term.", "请说明是哪个术语。"));
    }
    let whose = theirs(cx);
    let mut glossary = kept(cx, whose).await?;
    let mut own = kept(cx, Words::Room).await?;
    let Some(term) = glossary.remove(name).or_else(|| own.remove(name)) else {
        return cx.say(match load(cx).await?.get(name) {
            None => none_called(cx, name),
            Some(_) => cx.said(
                "That term is the whole community's: it needs the role Operator, or Moderator given by an operator.",
                "该术语属于整个社区：需要运营者，或由运营者授予的版主角色。",
            ),
        });
    };
    keep(cx, whose, &glossary).await?;
    if whose == Words::Community {
        drop_own(cx, std::iter::once(name)).await?;
    }
    let (line, scope) = (line(&term), scope(cx, whose));
    cx.say(cx.said(&format!("Removed: {line}{scope}"), &format!("已移除：{line}{scope}")))
}

/// Where a change holds, unless it is everywhere.
fn scope(cx: &Cx, whose: Words) -> String {
    match whose {
        Words::Community => String::new(),
        Words::Room => cx.said(" (in this room)", "（在本房间）"),
    }
}

async fn import(cx: &Cx) -> Result<(), PluginError> {
    needs_moderator(cx, "import")?;
    let Some(file) = cx.attachments().first() else {
        return cx.say(cx.said(
            "Attach a .csv or .tbx file, or reply with `glossary import` to a message that has one.",
            "请附上 .csv 或 .tbx 文件，或用 `glossary import` 回复带有该文件的消息。",
        ));
    };
    let unusable = |why: &str| {
        let why = named(why);
        cx.said(&format!("That file cannot be used: {why}."), &format!("无法使用该文件：{why}。"))
    };
    let import = match cx.read_apart::<Import>(WORK, file, FILE_BYTES_MAX as u64).await {
        Ok(import) => import,
        Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => return cx.say(unusable(&reason)),
        Err(error) => return Err(error),
    };
    let whose = theirs(cx);
    let mut glossary = kept(cx, whose).await?;
    let names: Vec<String> = import.glossary.terms().map(|term| term.name.clone()).collect();
    let merged = merge(&mut glossary, import);
    keep(cx, whose, &glossary).await?;
    if whose == Words::Community {
        drop_own(cx, names.iter().map(String::as_str)).await?;
    }
    cx.say(merged.report(cx) + &scope(cx, whose))
}

/// Reads the terms of a stranger's file; runs in a process of its own.
///
/// # Errors
/// A clause for whoever brought it.
pub fn read_import(name: &str, bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text in UTF-8")?;
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    let imported = match ending.as_str() {
        "csv" | "tsv" => Glossary::import_csv(text),
        "tbx" | "xml" => Glossary::import_tbx(text),
        _ => return Err("I read .csv, .tsv, .tbx and .xml".to_owned()),
    };
    let import = imported.map_err(|error| error.to_string())?;
    serde_json::to_value(import).map_err(|error| error.to_string())
}

async fn export(cx: &Cx) -> Result<(), PluginError> {
    let glossary = load(cx).await?;
    if glossary.is_empty() {
        return cx.say(is_empty(cx));
    }
    let (name, media_type) = ("glossary.csv".to_owned(), "text/csv".to_owned());
    cx.reply(Event::File { name, media_type, bytes: glossary.export_csv().into_bytes() })
}

/// What became of the rows of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Merged {
    added: usize,
    replaced: usize,
    refused: Vec<String>,
}

/// Puts the terms of a file into a glossary: one of the same name is replaced.
fn merge(glossary: &mut Glossary, import: Import) -> Merged {
    let mut merged = Merged { refused: import.refused.iter().map(ToString::to_string).collect(), ..Merged::default() };
    for term in import.glossary.terms() {
        let is_known = glossary.get(&term.name).is_some();
        match glossary.insert(term.clone()) {
            Ok(()) if is_known => merged.replaced += 1,
            Ok(()) => merged.added += 1,
            Err(why) => merged.refused.push(format!("{}: {why}", term.name)),
        }
    }
    merged
}

impl Merged {
    fn report(&self, cx: &Cx) -> String {
        let (added, replaced, refused) = (self.added, self.replaced, self.refused.len());
        let mut lines = vec![cx.said(
            &format!("{added} added, {replaced} replaced, {refused} refused."),
            &format!("添加 {added} 个，替换 {replaced} 个，拒绝 {refused} 个。"),
        )];
        lines.extend(self.refused.iter().take(REASONS_MAX).map(|why| format!("- {}", named(why))));
        if refused > REASONS_MAX {
            let more = refused - REASONS_MAX;
            lines.push(cx.said(&format!("- ... and {more} more"), &format!("- ……另有 {more} 个")));
        }
        lines.join("\n")
    }
}

/// A term as one line of a reply.
fn line(term: &Term) -> String {
    let words: Vec<String> =
        term.languages.iter().map(|(language, words)| format!("{language} {}", named(words))).collect();
    if words.is_empty() {
        return format!("**{}**", named(&term.name));
    }
    format!("**{}**: {}", named(&term.name), words.join(", "))
}

/// A term from `network: de=Netz, fr=réseau; note=of graphs`; none where that is not its form. A comma within a word
/// belongs to the word: `de=Verlust, der`.
fn read(entry: &str) -> Option<Term> {
    let (pairs, note) = match entry.split_once("note=") {
        Some((pairs, note)) if pairs.trim_end().ends_with([',', ';', ':']) => (pairs, Some(note.trim().to_owned())),
        _ => (entry, None),
    };
    let head = pairs.split('=').next().unwrap_or_default();
    let colon = head.rfind([':', '：'])?;
    let name = pairs[..colon].trim();
    let rest = pairs[colon..].trim_start_matches([':', '：']);
    let mut term = Term { name: name.to_owned(), note, ..Term::default() };
    let mut last: Option<String> = None;
    for piece in rest.split([',', '，', ';']).map(str::trim).filter(|piece| !piece.is_empty()) {
        match (piece.split_once('='), &last) {
            (Some((language, words)), _) => {
                let language = language.trim().to_lowercase().replace('_', "-");
                term.languages.insert(language.clone(), words.trim().to_owned());
                last = Some(language);
            }
            (None, Some(language)) => {
                let words = term.languages.get_mut(language)?;
                words.push_str(", ");
                words.push_str(piece);
            }
            (None, None) => return None,
        }
    }
    let has_content = !term.languages.is_empty() || term.note.is_some();
    (!name.is_empty() && has_content).then_some(term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entry: &str, want: Option<&str>) {
        let found = read(entry).map(|term| {
            let words: Vec<String> = term.languages.iter().map(|(code, words)| format!("{code}={words}")).collect();
            format!("{}|{}|{}", term.name, words.join("|"), term.note.as_deref().unwrap_or("-"))
        });
        assert_eq!(found.as_deref(), want, "{entry}");
    }

    #[test]
    fn a_term_is_read_from_one_line() {
        check("network: de=Netz, fr=réseau", Some("network|de=Netz|fr=réseau|-"));
        check("network:de=Netz;fr=réseau", Some("network|de=Netz|fr=réseau|-"));
        check("loss: de=Verlust, der, fr=perte", Some("loss|de=Verlust, der|fr=perte|-"));
        check("C++: a library: pt_BR = biblioteca", Some("C++: a library|pt-br=biblioteca|-"));
        check(
            "network: de=Netz, note=of graphs, not of computers",
            Some("network|de=Netz|of graphs, not of computers"),
        );
        check("BERT: note=a model", Some("BERT||a model"));
        check("网络：de=Netz，en=network", Some("网络|de=Netz|en=network|-"));
    }

    #[test]
    fn what_is_no_term_is_none() {
        check("", None);
        check("network", None);
        check("network de=Netz", None);
        check("network:", None);
        check(": de=Netz", None);
        check("network: Netz", None);
    }

    #[test]
    fn an_import_adds_replaces_and_refuses() {
        let mut glossary = Glossary::import_csv("en,de\nloss,Verlust\n").unwrap().glossary;
        let import = Glossary::import_csv("en,de\nloss,Einbuße\nnetwork,Netz\n,c\n").unwrap();
        let merged = merge(&mut glossary, import);
        assert_eq!((merged.added, merged.replaced, merged.refused.len()), (1, 1, 1));
        assert_eq!(glossary.get("loss").and_then(|term| term.called("de")), Some("Einbuße"));
    }

    #[test]
    fn a_line_is_text_and_nothing_else() {
        let term = read("a*b: de=@everyone, fr=[x](https://a.example)").unwrap();
        let shown = line(&term).replace(chat::text::BREAK, "|");
        assert_eq!(shown, r"**a\*b**: de @|everyone, fr [x]|(https:|//a.|example)");
    }
}
