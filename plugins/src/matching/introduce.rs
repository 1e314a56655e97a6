//! Two people brought together, where both say yes: the seeker to the words, the other to the same words.
//!
//! Read [`ask`], then [`answer`]; no answer within a week is a no.
//!
//! What is kept of an introduction is kept in two halves, each its person's: with either of the two forgotten there is none.

use std::time::Duration;

use chat::{
    Action, Call, CallId, Cx, Event, MemberId, Place, PluginError, Switch,
    cx::Met,
    ports::{Lapse, Notice, Outcome},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Wanted, list::cut};
use crate::stored::{fingerprint, hash, read};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Introductions that one person asks for within a day.
const ASKS_A_DAY: usize = 5;

/// How often a week one person is asked.
const TURNS_A_WEEK: usize = 3;

/// After an answer, or none, the same two are not brought up to each other for so long.
const REST: SignedDuration = SignedDuration::from_hours(90 * 24);

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a list was about: the seeker's.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Need {
    told: String,
    /// The call that showed it.
    call: CallId,
}

/// Somebody who was shown: theirs.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shown {
    member: MemberId,
    /// Where the two can meet.
    place: Place,
    /// Lines of theirs.
    lines: Vec<String>,
    features: Vec<f32>,
}

/// The seeker's half of an introduction.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sought {
    id: String,
    seeker: MemberId,
    told: String,
    call: CallId,
    language: String,
}

/// The other's half.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    id: String,
    shown: Shown,
}

fn need_key(call: &CallId) -> String {
    format!("need:{call}")
}

fn shown_key(call: &CallId, number: i64) -> String {
    format!("shown:{call}:{number}")
}

fn last_key(member: &MemberId) -> String {
    format!("last:{member}")
}

/// Keeps who was shown, for the buttons.
pub async fn remember(cx: &Cx, call: &Call, wanted: &Wanted, met: &[Met]) -> Result<(), PluginError> {
    let need = Need { told: cut(&wanted.told), call: call.id.clone() };
    for key in [need_key(&call.id), last_key(&call.caller)] {
        cx.remember(&key, json!(need)).await?;
    }
    for (number, one) in (1..).zip(met) {
        let lines = one.fit.evidence.iter().map(|pair| cut(&pair.line)).collect();
        let Met { member, place, fit, .. } = one;
        let (member, place, features) = (member.clone(), place.clone(), fit.features.clone());
        let shown = Shown { member, place, lines, features };
        cx.remember_of(Some(&one.member), &shown_key(&call.id, number), json!(shown)).await?;
    }
    Ok(())
}

/// Shows the words; sends them once they are confirmed.
pub async fn ask(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let number = call.args.integer("number").unwrap_or_default();
    let about = match &call.about {
        Some(about) => read::<Need>(cx, &need_key(about)).await?,
        None => None,
    };
    let need = match about {
        Some(need) => Some(need),
        None => read(cx, &last_key(&call.caller)).await?,
    };
    let shown = match &need {
        Some(need) => read::<Shown>(cx, &shown_key(&need.call, number)).await?,
        None => None,
    };
    let Some((need, shown)) = need.zip(shown) else {
        return cx.say(cx.said(
            "Nobody was shown to you under that number lately; `match` looks anew.",
            "近期没有以该编号向您展示的人；请用 `match` 重新查找。",
        ));
    };
    let own = &cx.standing().accounts;
    let id = hash([call.caller.0.as_str(), shown.member.0.as_str(), need.call.0.as_str()]);
    let (told, language, seeker) = (need.told.clone(), cx.language().to_owned(), call.caller.clone());
    let sought = Sought { id, seeker, told, call: need.call.clone(), language };
    if !call.args.flag("confirm") {
        // The button below is pressed on this reply.
        cx.remember(&need_key(&call.id), json!(need)).await?;
        cx.say(cx.said("This is what I would say to both of you:\n\n", "我将对你们双方说：\n\n"))?;
        cx.say(words(cx, &sought, &shown))?;
        let action =
            Action { label: cx.said("Ask them", "询问对方"), command: format!("introduce {number} --confirm") };
        return cx.reply(Event::Actions { actions: vec![action] });
    }
    let asks_key = format!("asks:{}", call.caller);
    let mut asks = lately(cx, &asks_key, DAY).await?;
    if asks.len() >= ASKS_A_DAY {
        return cx.say(cx.said(
            &format!("You asked for {ASKS_A_DAY} introductions within a day; ask again tomorrow."),
            &format!("您一天内已请求 {ASKS_A_DAY} 次介绍；请明天再试。"),
        ));
    }
    asks.push(cx.now());
    cx.save_own(&asks_key, Some(json!(asks))).await?;
    // Whatever became of it, the seeker hears the same.
    if may_ask(cx, own, &shown.member).await? {
        send(cx, &sought, &shown).await?;
    }
    cx.say(cx.said(
        "I ask them. If they say yes within a week, I bring the two of you together. If not, you hear nothing more of it, and \
         nobody learns why.",
        "我会询问对方。如果对方在一周内同意，我会为你们引见；否则不再另行通知，也没有人会知道原因。",
    ))
}

/// Whether somebody may be asked now: they still agree to be matched, were not asked too often, and not by the same one.
async fn may_ask(cx: &Cx, own: &[MemberId], member: &MemberId) -> Result<bool, PluginError> {
    let Some(standing) = cx.standing_of(member).await? else { return Ok(false) };
    if standing.accounts.iter().any(|account| own.contains(account)) {
        return Ok(false);
    }
    let pair = pair(own, &standing.accounts);
    if read::<bool>(cx, &never_key(&pair)).await?.is_some() || !lately(cx, &pair_key(&pair), REST).await?.is_empty() {
        return Ok(false);
    }
    Ok(lately(cx, &turns_key(member), WEEK).await?.len() < TURNS_A_WEEK)
}

fn pair(own: &[MemberId], theirs: &[MemberId]) -> String {
    fingerprint(&[own, theirs])
}

fn never_key(pair: &str) -> String {
    format!("never:{pair}")
}

fn pair_key(pair: &str) -> String {
    format!("pair:{pair}")
}

fn turns_key(member: &MemberId) -> String {
    format!("turns:{member}")
}

async fn send(cx: &Cx, sought: &Sought, shown: &Shown) -> Result<(), PluginError> {
    let (id, member) = (&sought.id, &shown.member);
    let say = |english: &str, chinese: &str| said(&sought.language, english, chinese);
    let text = format!(
        "{}\n\n{}\n\n{}",
        say(
            "**Somebody would like to meet you.** This is what I would say to both of you:",
            "**有人希望与您认识。**我将对你们双方说："
        ),
        words(cx, sought, shown),
        say(
            "If you say yes, I open a room for the two of you. If not, or if you say nothing for a week, nobody learns of it.",
            "如果您同意，我会为你们二人开设一个房间。如果不同意，或一周内未答复，没有人会知道。",
        ),
    );
    let action = |label: String, command: &str| Action { label, command: command.to_owned() };
    let actions = vec![
        action(say("Yes, introduce us", "同意介绍"), "meet yes"),
        action(say("No", "不"), "meet no"),
        action(say("Never from them", "不再接受此人"), "meet never"),
    ];
    let lapse = Some(Lapse { after: PATIENCE, command: "meet no".to_owned() });
    let notice = Notice { actions, lapse, ..Notice::new(format!("meet/{id}"), text) };
    let asked = Asked { id: id.clone(), shown: shown.clone() };
    // Known before it is said: who presses at once must be understood.
    cx.remember(&sought_key(id), json!(sought)).await?;
    for key in [asked_key(&cx.call_of(&shown.place, &notice)), pending_key(member)] {
        cx.remember_of(Some(member), &key, json!(asked)).await?;
    }
    match cx.tell(&shown.place, member, Switch::Match, notice).await {
        Err(PluginError::Refused(_)) => return Ok(()),
        told => drop(told?),
    }
    let mut turns = lately(cx, &turns_key(member), WEEK).await?;
    turns.push(cx.now());
    cx.save_of(member, &turns_key(member), Some(json!(turns))).await?;
    if let Some(standing) = cx.standing_of(member).await? {
        let key = pair_key(&pair(&cx.standing().accounts, &standing.accounts));
        cx.save_of(member, &key, Some(json!([cx.now()]))).await?;
    }
    cx.outcome(&sought.call.0, &sought.seeker, (member, &shown.features), Outcome::Asked).await
}

fn sought_key(id: &str) -> String {
    format!("sought:{id}")
}

fn asked_key(notice: &CallId) -> String {
    format!("asked:{notice}")
}

fn pending_key(member: &MemberId) -> String {
    format!("pending:{member}")
}

/// What is said to both.
fn words(cx: &Cx, sought: &Sought, shown: &Shown) -> String {
    let (seeker, member) = (cx.name(&shown.place, &sought.seeker), cx.name(&shown.place, &shown.member));
    let say = |english: String, chinese: String| said(&sought.language, &english, &chinese);
    let mut told = say(
        format!("**{seeker}**, meet **{member}**. {seeker} looks for this:\n> {}\n", sought.told),
        format!("**{seeker}**，这位是 **{member}**。{seeker} 的需求：\n> {}\n", sought.told),
    );
    if !shown.lines.is_empty() {
        told.push_str(&say(format!("What {member} says or wrote of it:\n"), format!("{member} 的相关内容：\n")));
        for line in &shown.lines {
            told.push_str(&format!("- “{line}”\n"));
        }
    }
    told
}

/// What the asked one says.
pub async fn answer(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let asked = match &call.about {
        Some(about) => read::<Asked>(cx, &asked_key(about)).await?,
        None => None,
    };
    let asked = match asked {
        Some(asked) => Some(asked),
        None => read(cx, &pending_key(&call.caller)).await?,
    };
    let is_theirs = |asked: &Asked| cx.standing().accounts.contains(&asked.shown.member);
    let asked = asked.filter(is_theirs);
    let sought = match &asked {
        Some(asked) => read::<Sought>(cx, &sought_key(&asked.id)).await?,
        None => None,
    };
    let Some((asked, sought)) = asked.zip(sought) else {
        return cx.say(cx.said("Nobody waits for an answer of yours.", "目前没有等待您答复的请求。"));
    };
    // Answered once.
    cx.save(&sought_key(&sought.id), None).await?;
    cx.save(&pending_key(&asked.shown.member), None).await?;
    let shown = &asked.shown;
    let outcome = match call.args.text("answer") {
        "yes" => Outcome::Accepted,
        answer => {
            if answer == "never" {
                let standing = cx.standing_of(&sought.seeker).await?;
                let theirs = standing.map_or_else(|| vec![sought.seeker.clone()], |standing| standing.accounts);
                let key = never_key(&pair(&theirs, &cx.standing().accounts));
                cx.save_of(&shown.member, &key, Some(json!(true))).await?;
            }
            Outcome::Declined
        }
    };
    cx.outcome(&sought.call.0, &sought.seeker, (&shown.member, &shown.features), outcome).await?;
    if outcome == Outcome::Declined {
        return cx.say(cx.said("All right. Nobody learns that you were asked.", "好的。没有人会知道您被询问过。"));
    }
    let say = |english: &str, chinese: &str| said(&sought.language, english, chinese);
    let text = format!(
        "{}\n{}",
        words(cx, &sought, shown),
        say(
            "You both said yes, so I brought you together. From here on it is yours: I say no more unless you ask me.",
            "你们双方都已同意，因此我为你们引见。此后由你们自行交流；除非询问我，我不再发言。",
        )
    );
    let name = say("Introduction", "引见");
    let notice = Notice::new(format!("together/{}", sought.id), text);
    match cx.gather(&shown.place, &shown.member, &sought.seeker, &name, notice).await {
        Err(PluginError::Refused(_)) => {
            cx.say(cx.said("Nobody waits for an answer of yours.", "目前没有等待您答复的请求。"))
        }
        done => {
            done?;
            cx.say(cx.said("Thank you. I bring the two of you together now.", "谢谢。我现在为你们引见。"))
        }
    }
}

fn said(language: &str, english: &str, chinese: &str) -> String {
    if language == "zh" { chinese.to_owned() } else { english.to_owned() }
}

/// The times under a key that are not longer ago than `within`.
async fn lately(cx: &Cx, key: &str, within: SignedDuration) -> Result<Vec<Timestamp>, PluginError> {
    let times: Vec<Timestamp> = read(cx, key).await?.unwrap_or_default();
    Ok(times.into_iter().filter(|at| cx.now().duration_since(*at) < within).collect())
}
