//! What a person sees of their profile, and what others would see of it.
//!
//! **Invariant:** [`card`] is all that anybody else is ever shown of a profile, beside the lines that fit what they look for,
//! which are lines of the entries that the preview shows whole; the preview is the card itself.

use chat::{
    Action, Cx, Event, PluginError, Switch,
    profile::{Entry, EntryKind, Facts, Profile},
    text::inert,
};

use super::facts;

/// Entries that one reply lists; the rest is counted.
const ENTRIES_MAX: usize = 40;

/// Entries that a preview shows in chat; all of them are in its file.
const PREVIEWED_MAX: usize = 8;

/// What a list shows of an entry's words, in characters.
const CHARS_MAX: usize = 200;

/// An entry in a line, as it may stand in a reply.
pub fn line(entry: &Entry) -> String {
    let year = entry.year.filter(|_| entry.kind == EntryKind::Paper).map(|year| format!(" ({year})"));
    format!("{}{}", inert(&cut(&entry.text)), year.unwrap_or_default())
}

/// All of an entry that may be quoted.
fn whole(entry: &Entry) -> String {
    let year = entry.year.map(|year| format!(" ({year})")).unwrap_or_default();
    let summary = if entry.summary.is_empty() { String::new() } else { format!(": {}", entry.summary) };
    format!("{}{year}{summary}", entry.text)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{} …", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// All that is kept, with the ids by which it can be removed.
pub async fn own(cx: &Cx) -> Result<(), PluginError> {
    let profile = cx.profile().await?;
    if profile == Profile::default() {
        return cx.say(format!(
            "{}{}",
            cx.said("I know nothing of your work yet. ", "我还不了解您的研究。"),
            cx.said(super::HOW_EN, super::HOW_ZH)
        ));
    }
    cx.say(cx.said("**Your profile**\n", "**您的个人资料**\n"))?;
    for field in facts::FIELDS {
        let told = facts::told(&profile.facts, field);
        if !told.is_empty() && (*field != "away" || profile.facts.away) {
            cx.say(format!("- {field}: {told}\n"))?;
        }
    }
    for entry in profile.entries.iter().take(ENTRIES_MAX) {
        cx.say(format!("- `{}` {}: {}\n", entry.id, entry.kind.name(), line(entry)))?;
    }
    if let Some(more) = profile.entries.len().checked_sub(ENTRIES_MAX).filter(|more| *more > 0) {
        cx.say(cx.said(&format!("- and {more} more\n"), &format!("- 另有 {more} 项\n")))?;
    }
    topics(cx).await?;
    let (is_shown, away) = (cx.standing().consent.to(Switch::Match), profile.facts.away);
    cx.say(match (is_shown, away) {
        (true, false) => cx.said(
            "\nOthers find you by it (`privacy set match off` ends that).",
            "\n他人可据此找到您（`privacy set match off` 可停止）。",
        ),
        (true, true) => cx.said(
            "\nYou are away: nobody is shown you until `profile edit away off`.",
            "\n您处于离开状态：在 `profile edit away off` 之前不会向他人展示。",
        ),
        (false, _) => cx.said(
            "\nNobody sees it until you say `privacy set match on`.",
            "\n在您执行 `privacy set match on` 之前无人可见。",
        ),
    })
}

async fn topics(cx: &Cx) -> Result<(), PluginError> {
    let topics = cx.topics().await?;
    if topics.is_empty() {
        return Ok(());
    }
    let told = topics.iter().map(|topic| format!("{} ({})", inert(&topic.label.join(", ")), topic.entries.len()));
    let told: Vec<String> = told.collect();
    cx.say(format!("- {}{}\n", cx.said("what it is about: ", "主题："), told.join("; ")))
}

/// What others would see.
pub async fn preview(cx: &Cx) -> Result<(), PluginError> {
    let (profile, place) = (cx.profile().await?, &cx.call().place);
    let is_shown = cx.standing().consent.to(Switch::Match);
    if !is_shown {
        cx.say(cx.said(
            "Nobody sees anything of you yet. With `privacy set match on` whoever shares a room with you would see:\n\n",
            "目前无人可见您的任何信息。执行 `privacy set match on` 后，与您同在一个房间的人将看到：\n\n",
        ))?;
    }
    cx.say(card(cx, &cx.name(place, &cx.call().caller), &profile.facts))?;
    let seen: Vec<String> = profile.entries.iter().filter(|entry| entry.kind.weight() > 0.0).map(whole).collect();
    for entry in seen.iter().take(PREVIEWED_MAX) {
        cx.say(format!("> {}\n", inert(entry)))?;
    }
    if seen.len() > PREVIEWED_MAX {
        cx.say(cx.said("All of it is in the file.\n", "全部内容见文件。\n"))?;
        let (name, media_type) = ("preview.md".to_owned(), "text/markdown".to_owned());
        cx.reply(Event::File { name, media_type, bytes: seen.join("\n\n").into_bytes() })?;
    }
    cx.say(cx.said(
        "\nOf these lines, those that fit what somebody looks for, at most three. What you look for, your ids, your declared \
         conflicts and where an entry came from are shown to nobody.",
        "\n以上各行中，仅展示与他人需求相符的至多三行。您的求助内容、编号、声明的利益冲突以及条目来源不会向任何人展示。",
    ))?;
    if is_shown {
        return Ok(());
    }
    let label = cx.said("Let others find me", "允许他人找到我");
    cx.reply(Event::Actions { actions: vec![Action { label, command: "privacy set match on".to_owned() }] })
}

/// Who somebody is, as others see it: a line or two.
pub fn card(cx: &Cx, name: &str, facts: &Facts) -> String {
    let mut told = Vec::new();
    if !facts.groups.is_empty() {
        told.push(facts::told(facts, "group"));
    }
    if let Some(seniority) = facts.seniority {
        told.push(seniority.name().to_owned());
    }
    if !facts.languages.is_empty() {
        told.push(facts::told(facts, "language").replace(';', ","));
    }
    if !facts.time_zone.is_empty() {
        let now = cx.now();
        let time =
            jiff::tz::TimeZone::get(&facts.time_zone).map(|zone| now.to_zoned(zone).strftime("%H:%M").to_string());
        told.push(cx.said(
            &format!("{} (now {})", facts::told(facts, "zone"), time.as_deref().unwrap_or("?")),
            &format!("{}（当地 {}）", facts::told(facts, "zone"), time.as_deref().unwrap_or("?")),
        ));
    }
    if !facts.availability.is_empty() {
        told.push(facts::told(facts, "availability"));
    }
    let names = facts::told(facts, "name");
    let published = if names.is_empty() { String::new() } else { format!(" ({names})") };
    match told.is_empty() {
        true => format!("**{name}**{published}\n"),
        false => format!("**{name}**{published}: {}\n", told.join(" · ")),
    }
}
