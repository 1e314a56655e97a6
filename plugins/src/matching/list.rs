//! What is shown of who was found: for each the lines that speak for them, what they would bring, and why perhaps not.
//!
//! **Invariant:** every line of theirs is verbatim a line of an entry that their preview shows them.

use std::collections::BTreeSet;

use chat::{
    Action, Call, Cx, Event, PluginError, Text,
    cx::Met,
    profile::{EntryKind, EvidencePair, Facts, Fit, Seniority},
    text::inert,
};
use jiff::Timestamp;

use super::Wanted;
use crate::profile::card;

/// Longest line that is quoted, in characters.
const CHARS_MAX: usize = 180;

/// Years after which it is said that what speaks for somebody is old.
const OLD_YEARS: i16 = 5;

/// Hours between two clocks from which it is said.
const FAR_HOURS: f32 = 6.0;

/// Who is wanted, beside the need.
pub struct Filter<'a> {
    language: String,
    hours: Option<i64>,
    group: String,
    seniority: Option<Seniority>,
    by_day: bool,
    own: &'a Facts,
    now: Timestamp,
}

impl<'a> Filter<'a> {
    /// As the call has it; `own` is what the caller says of themselves.
    pub fn of(call: &Call, own: &'a Facts, now: Timestamp) -> Self {
        let args = &call.args;
        Self {
            language: args.text("language").to_lowercase(),
            hours: args.integer("hours"),
            group: args.text("group").to_lowercase(),
            seniority: args.text("seniority").parse().ok(),
            by_day: args.flag("now"),
            own,
            now,
        }
    }

    /// What of it cannot be told of anybody.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), Text> {
        if self.hours.is_some() && self.own.time_zone.is_empty() {
            return Err(Text {
                en: "Say your own time zone first, as in `profile edit zone Europe/Berlin`.",
                zh: "请先说明您的时区，例如 `profile edit zone Asia/Shanghai`。",
            });
        }
        if matches!(self.group.as_str(), "mine" | "others") && self.own.groups.is_empty() {
            return Err(Text {
                en: "Say your own group first, as in `profile add group Bird Lab`.",
                zh: "请先说明您所在的组，例如 `profile add group 鸟类实验室`。",
            });
        }
        Ok(())
    }

    /// Whether somebody is wanted. What they did not say of themselves they are not taken for.
    pub fn suits(&self, theirs: &Facts) -> bool {
        let lower =
            |groups: &BTreeSet<String>| groups.iter().map(|group| group.trim().to_lowercase()).collect::<BTreeSet<_>>();
        let (groups, own) = (lower(&theirs.groups), lower(&self.own.groups));
        let is_in_group = match self.group.as_str() {
            "" => true,
            "mine" => !groups.is_disjoint(&own),
            "others" => groups.is_disjoint(&own),
            name => groups.contains(name),
        };
        let is_near = self.hours.is_none_or(|hours| {
            theirs.hours_from(&self.own.time_zone, self.now).is_some_and(|apart| apart <= hours as f32)
        });
        is_in_group
            && is_near
            && (self.language.is_empty() || theirs.languages.contains(&self.language))
            && self.seniority.is_none_or(|wanted| theirs.seniority == Some(wanted))
            && (!self.by_day || theirs.is_day(self.now) == Some(true))
    }
}

/// The people, best first.
pub async fn people(cx: &Cx, wanted: &Wanted, met: &[Met], own: &Facts) -> Result<(), PluginError> {
    if met.is_empty() {
        return cx.say(nobody(cx));
    }
    let told = shown(&wanted.told);
    cx.say(cx.said(&format!("**For** {told}\n"), &format!("**需求：**{told}\n")))?;
    for (number, one) in (1..).zip(met) {
        cx.say(format!("\n{number}. {}", card(cx, &cx.name(&one.place, &one.member), &one.fit.facts)))?;
        cx.say(evidence(cx, wanted, &one.fit))?;
        for reason in against(cx, wanted, &one.fit, own) {
            cx.say(format!("   - {}{reason}\n", cx.said("perhaps not: ", "可能的不足：")))?;
        }
    }
    cx.say(cx.said(
        "\nI introduce you only if they say yes too; you see the words first.",
        "\n只有对方也同意时我才会介绍；您可先看到措辞。",
    ))?;
    introductions(cx, met.len())
}

/// A button for each of the first five.
fn introductions(cx: &Cx, people: usize) -> Result<(), PluginError> {
    let action = |number: usize| Action {
        label: cx.said(&format!("Introduce me to {number}"), &format!("介绍我认识第 {number} 位")),
        command: format!("introduce {number}"),
    };
    cx.reply(Event::Actions { actions: (1..=people.min(5)).map(action).collect() })
}

fn nobody(cx: &Cx) -> String {
    cx.said(
        "I found nobody for this among those who agreed to be found and share a room with you. `privacy set match on` lets others \
         find you.",
        "在同意被找到且与您同在一个房间的人中，没有找到合适的人。`privacy set match on` 可让他人找到您。",
    )
}

/// The pairs of lines that are told: not what somebody said in the room, which counts, but is the room's and goes with it.
pub fn told_of(fit: &Fit) -> impl Iterator<Item = &EvidencePair> {
    fit.evidence.iter().filter(|pair| pair.entry.kind != EntryKind::Message)
}

/// The pairs of lines, and what the person would bring.
pub fn evidence(cx: &Cx, wanted: &Wanted, fit: &Fit) -> String {
    let lines = &wanted.need.lines;
    let mut told = String::new();
    for pair in told_of(fit) {
        let from = match (pair.entry.text != pair.line).then_some(&pair.entry.text) {
            Some(title) => {
                format!(" ({}{})", shown(title), pair.entry.year.map(|year| format!(", {year}")).unwrap_or_default())
            }
            None => pair.entry.year.map(|year| format!(" ({year})")).unwrap_or_default(),
        };
        let need = lines.get(pair.need).map(|line| shown(line)).unwrap_or_default();
        told.push_str(&format!("   - “{need}” ↔ “{}”{from}\n", shown(&pair.line)));
    }
    let brings: Vec<String> = fit.brings.iter().filter_map(|line| lines.get(*line)).map(|line| shown(line)).collect();
    if !brings.is_empty() && lines.len() > 1 {
        told.push_str(&format!("   - {}{}\n", cx.said("would bring: ", "可补充："), brings.join("; ")));
    }
    told
}

/// Why perhaps not.
fn against(cx: &Cx, wanted: &Wanted, fit: &Fit, own: &Facts) -> Vec<String> {
    let mut reasons = Vec::new();
    let lacks: Vec<String> = fit
        .lacks
        .iter()
        .filter_map(|line| wanted.need.lines.get(*line))
        .map(|line| format!("“{}”", shown(line)))
        .collect();
    if !lacks.is_empty() && lacks.len() < wanted.need.lines.len() {
        let lacks = lacks.join(", ");
        reasons.push(cx.said(&format!("nothing of theirs speaks to {lacks}"), &format!("资料未涉及 {lacks}")));
    }
    if let Some(year) = fit.latest.filter(|year| wanted.need.year - year >= OLD_YEARS) {
        reasons.push(cx.said(&format!("the newest of it is from {year}"), &format!("最新的相关内容为 {year} 年")));
    }
    let facts = &fit.facts;
    if let Some(hours) = facts.hours_from(&own.time_zone, cx.now()).filter(|hours| *hours >= FAR_HOURS) {
        reasons
            .push(cx.said(&format!("their clock is {hours} hours from yours"), &format!("与您的时差为 {hours} 小时")));
    }
    if !own.languages.is_empty() && !facts.languages.is_empty() && own.languages.is_disjoint(&facts.languages) {
        reasons.push(cx.said("they named no language of yours", "没有共同的工作语言"));
    }
    reasons
}

/// A team, by what each covers.
pub async fn team(cx: &Cx, wanted: &Wanted, met: Vec<Met>, size: i64) -> Result<(), PluginError> {
    let size = usize::try_from(size).unwrap_or(2);
    let group = if met.is_empty() { Default::default() } else { cx.team_of(wanted.need.clone(), &met, size).await? };
    if group.members.is_empty() {
        return cx.say(nobody(cx));
    }
    let lines = &wanted.need.lines;
    let named = |places: &[usize]| {
        let named: Vec<String> = places.iter().filter_map(|place| lines.get(*place)).map(|line| shown(line)).collect();
        named.join("; ")
    };
    let of = group.members.len();
    cx.say(cx.said(&format!("**A team of {of}**\n"), &format!("**{of} 人团队**\n")))?;
    let mut members = Vec::new();
    for (number, (fit, covers)) in (1..).zip(&group.members) {
        let Some(one) = met.get(fit.person) else { continue };
        cx.say(format!("\n{number}. {}", card(cx, &cx.name(&one.place, &one.member), &fit.facts)))?;
        cx.say(format!("   - {}{}\n", cx.said("covers: ", "负责："), named(covers)))?;
        cx.say(evidence(cx, wanted, &Fit { brings: Vec::new(), ..fit.clone() }))?;
        members.push(Met { fit: fit.clone(), ..one.clone() });
    }
    match group.uncovered.is_empty() {
        true => cx.say(cx.said("\nAll that you asked for is covered.", "\n您提出的各项均已覆盖。"))?,
        false => {
            let left = named(&group.uncovered);
            cx.say(cx.said(&format!("\nStays uncovered: {left}."), &format!("\n未覆盖：{left}。")))?;
        }
    }
    if group.members.len() < size {
        cx.say(cx.said(" More people would add nothing.", "增加人数并无补益。"))?;
    }
    super::remember(cx, cx.call(), wanted, &members).await?;
    introductions(cx, members.len())
}

/// The beginning of a line, as it may stand in a sentence.
fn shown(text: &str) -> String {
    inert(&cut(text))
}

/// The beginning of a line.
pub fn cut(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{} …", text[..end].trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(group: &str, zone: &str) -> Facts {
        let groups = if group.is_empty() { BTreeSet::new() } else { BTreeSet::from([group.to_owned()]) };
        Facts { groups, time_zone: zone.to_owned(), languages: BTreeSet::from(["en".to_owned()]), ..Facts::default() }
    }

    fn filter(own: &Facts) -> Filter<'_> {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        Filter { language: String::new(), hours: None, group: String::new(), seniority: None, by_day: false, own, now }
    }

    #[test]
    fn what_somebody_did_not_say_they_are_not_taken_for() {
        let own = facts("Birds", "Europe/Berlin");
        let all = filter(&own);
        assert!(all.suits(&Facts::default()));
        assert!(!Filter { group: "mine".to_owned(), ..filter(&own) }.suits(&Facts::default()));
        assert!(Filter { group: "mine".to_owned(), ..filter(&own) }.suits(&facts(" birds ", "")));
        assert!(Filter { group: "others".to_owned(), ..filter(&own) }.suits(&facts("Fish", "")));
        assert!(!Filter { group: "others".to_owned(), ..filter(&own) }.suits(&facts("birds", "")));
        assert!(!Filter { by_day: true, ..filter(&own) }.suits(&facts("", "")));
        assert!(Filter { by_day: true, ..filter(&own) }.suits(&facts("", "Europe/London")));
        assert!(!Filter { hours: Some(3), ..filter(&own) }.suits(&facts("", "Asia/Tokyo")));
        assert!(Filter { hours: Some(3), ..filter(&own) }.suits(&facts("", "Europe/London")));
        assert!(!Filter { language: "zh".to_owned(), ..filter(&own) }.suits(&facts("", "")));
        assert!(!Filter { seniority: Some(Seniority::Postdoc), ..filter(&own) }.suits(&facts("", "")));
    }

    #[test]
    fn a_filter_that_needs_ones_own_word_says_so() {
        let own = Facts::default();
        assert!(filter(&own).check().is_ok());
        assert!(Filter { hours: Some(3), ..filter(&own) }.check().is_err());
        assert!(Filter { group: "mine".to_owned(), ..filter(&own) }.check().is_err());
    }
}
