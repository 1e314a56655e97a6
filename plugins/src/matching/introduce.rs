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
    text::inert,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Wanted,
    list::{cut, told_of},
};
use crate::stored::{hash, read};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Introductions that one person asks for within a day.
const ASKS_A_DAY: usize = 5;

/// How often a week one person is asked.
const TURNS_A_WEEK: usize = 3;

/// After an answer, or none, the same two are not brought up to each other for so long.
const REST: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The key of what pairs are hashed with.
const SALT: &str = "salt";

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
    let need = Need { told: cut(&wanted.passed_on), call: call.id.clone() };
    for key in [need_key(&call.id), last_key(&call.caller)] {
        cx.remember(&key, json!(need)).await?;
    }
    for (number, one) in (1..).zip(met) {
        let lines = told_of(&one.fit).map(|pair| cut(&pair.line)).collect();
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
    let need = match &call.about {
        Some(about) => read::<Need>(cx, &need_key(about)).await?,
        None => read(cx, &last_key(&call.caller)).await?,
    };
    let shown = match &need {
        Some(need) => read::<Shown>(cx, &shown_key(&need.call, number)).await?,
        None => None,
    };
    let Some((need, shown)) = need.zip(shown) else { return nobody(cx) };
    let id = hash([call.caller.0.as_str(), shown.member.0.as_str(), need.call.0.as_str()]);
    let (told, language, seeker) = (need.told.clone(), cx.language().to_owned(), call.caller.clone());
    let sought = Sought { id, seeker, told, call: need.call.clone(), language };
    if !call.args.flag("confirm") {
        // Who changed their mind since they were shown is not shown again.
        if !cx.may_meet(&shown.member, &shown.place).await? {
            return nobody(cx);
        }
        // The button below is pressed on this reply.
        cx.remember(&need_key(&call.id), json!(need)).await?;
        cx.say(cx.said("This is what I would say to both of you:\n\n", "我将对你们双方说：\n\n"))?;
        cx.say(words(cx, &sought, &shown))?;
        let action =
            Action { label: cx.said("Ask them", "询问对方"), command: format!("introduce {number} --confirm") };
        return cx.reply(Event::Actions { actions: vec![action] });
    }
    let own = &cx.standing().accounts;
    if times(cx, own, asks_key, DAY).await? >= ASKS_A_DAY {
        return cx.say(cx.said(
            &format!("You asked for {ASKS_A_DAY} introductions within a day; ask again tomorrow."),
            &format!("您一天内已请求 {ASKS_A_DAY} 次介绍；请明天再试。"),
        ));
    }
    note(cx, &call.caller, &asks_key(&call.caller), DAY).await?;
    // Whatever becomes of it, the seeker hears the same, and what is kept of theirs is the same.
    cx.remember(&sought_key(&sought.id), json!(sought)).await?;
    cx.outcome(&sought.call.0, &sought.seeker, (&shown.member, &shown.features), Outcome::Asked).await?;
    let theirs = cx.accounts_of(&shown.member).await?;
    if may_ask(cx, own, &theirs, &shown).await? {
        send(cx, &sought, &shown, own, &theirs).await?;
    }
    cx.say(cx.said(
        "I ask them. If they say yes within a week, I bring the two of you together. If not, you hear nothing more of it, and \
         nobody learns why.",
        "我会询问对方。如果对方在一周内同意，我会为你们引见；否则不再另行通知，也没有人会知道原因。",
    ))
}

fn nobody(cx: &Cx) -> Result<(), PluginError> {
    cx.say(cx.said(
        "Nobody is shown to you under that number any more; `match` looks anew.",
        "目前没有以该编号向您展示的人；请用 `match` 重新查找。",
    ))
}

/// Whether somebody may be asked now: they still want to be, were not asked too often, and not by the same one.
async fn may_ask(cx: &Cx, own: &[MemberId], theirs: &[MemberId], shown: &Shown) -> Result<bool, PluginError> {
    if theirs.iter().any(|account| own.contains(account)) || !cx.may_meet(&shown.member, &shown.place).await? {
        return Ok(false);
    }
    let salt = salt(cx).await?;
    for (one, other) in pairs(own, theirs) {
        let is_never = read::<bool>(cx, &never_key(&salt, one, other)).await?.is_some();
        if is_never || !lately(cx, &pair_key(&salt, one, other), REST).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(times(cx, theirs, turns_key, WEEK).await? < TURNS_A_WEEK)
}

/// Each account of the one with each of the other: who links or parts accounts later is known by any of them.
fn pairs<'a>(own: &'a [MemberId], theirs: &'a [MemberId]) -> impl Iterator<Item = (&'a MemberId, &'a MemberId)> {
    own.iter().flat_map(|one| theirs.iter().map(move |other| (one, other)))
}

/// The key is the other's, and must not tell who the seeker was to anybody who lacks the salt.
fn never_key(salt: &str, seeker: &MemberId, other: &MemberId) -> String {
    format!("never:{}", hash([salt, seeker.0.as_str(), other.0.as_str()]))
}

/// As [`never_key`].
fn pair_key(salt: &str, seeker: &MemberId, other: &MemberId) -> String {
    format!("pair:{}", hash([salt, seeker.0.as_str(), other.0.as_str()]))
}

/// What pairs are hashed with: made once, of a number that nobody can guess.
async fn salt(cx: &Cx) -> Result<String, PluginError> {
    if let Some(salt) = read(cx, SALT).await? {
        return Ok(salt);
    }
    cx.save(SALT, Some(json!(cx.secret()))).await?;
    Ok(read(cx, SALT).await?.unwrap_or_default())
}

fn turns_key(member: &MemberId) -> String {
    format!("turns:{member}")
}

fn asks_key(member: &MemberId) -> String {
    format!("asks:{member}")
}

async fn send(
    cx: &Cx,
    sought: &Sought,
    shown: &Shown,
    own: &[MemberId],
    theirs: &[MemberId],
) -> Result<(), PluginError> {
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
    let (lapse, of) = (Some(Lapse { after: PATIENCE, command: "meet no".to_owned() }), Some(sought.seeker.clone()));
    let notice = Notice { actions, lapse, of, ..Notice::new(format!("meet/{id}"), text) };
    let asked = Asked { id: id.clone(), shown: shown.clone() };
    // All of it is known before it is said: who presses at once must be understood, and a process that dies here asks nobody a
    // second time.
    for key in [asked_key(&cx.call_of(&shown.place, &notice)), pending_key(member)] {
        cx.remember_of(Some(member), &key, json!(asked)).await?;
    }
    note(cx, member, &turns_key(member), WEEK).await?;
    let salt = salt(cx).await?;
    for (one, other) in pairs(own, theirs) {
        cx.save_of(other, &pair_key(&salt, one, other), Some(json!([cx.now()]))).await?;
    }
    match cx.tell(&shown.place, member, Switch::Match, notice).await {
        Ok(_) | Err(PluginError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
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
    let need = inert(&sought.told);
    let mut told = say(
        format!("**{seeker}**, meet **{member}**. {seeker} looks for this:\n> {need}\n"),
        format!("**{seeker}**，这位是 **{member}**。{seeker} 的需求：\n> {need}\n"),
    );
    if !shown.lines.is_empty() {
        told.push_str(&say(format!("What {member} says or wrote of it:\n"), format!("{member} 的相关内容：\n")));
        for line in &shown.lines {
            told.push_str(&format!("- “{}”\n", inert(line)));
        }
    }
    told
}

/// What the asked one says.
pub async fn answer(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let key = match &call.about {
        Some(about) => asked_key(about),
        None => pending_key(&call.caller),
    };
    let asked = read::<Asked>(cx, &key).await?;
    let asked = asked.filter(|asked| cx.standing().accounts.contains(&asked.shown.member));
    let sought = match &asked {
        // Answered once, for good.
        Some(asked) if read::<bool>(cx, &answered_key(&asked.id)).await?.is_none() => {
            read::<Sought>(cx, &sought_key(&asked.id)).await?
        }
        _ => None,
    };
    let Some((asked, sought)) = asked.zip(sought) else { return none_waits(cx) };
    let shown = &asked.shown;
    let is_yes = call.args.text("answer") == "yes";
    if is_yes {
        let say = |english: &str, chinese: &str| said(&sought.language, english, chinese);
        let text = format!(
            "{}\n{}",
            words(cx, &sought, shown),
            say(
                "You both said yes, so I brought you together. From here on it is yours: I say no more unless you ask me.",
                "你们双方都已同意，因此我为你们引见。此后由你们自行交流；除非询问我，我不再发言。",
            )
        );
        let notice = Notice::new(format!("together/{}", sought.id), text);
        // Once for its key: one who presses again after a failure opens no second room.
        let name = say("Introduction", "引见");
        match cx.gather(&shown.place, &shown.member, &sought.seeker, &name, notice).await {
            Err(PluginError::Refused(_)) => return none_waits(cx),
            done => done?,
        }
    } else if call.args.text("answer") == "never" {
        let (seekers, salt) = (cx.accounts_of(&sought.seeker).await?, salt(cx).await?);
        for (one, other) in pairs(&seekers, &cx.standing().accounts) {
            cx.save_of(other, &never_key(&salt, one, other), Some(json!(true))).await?;
        }
    }
    cx.remember_of(Some(&shown.member), &answered_key(&asked.id), json!(true)).await?;
    let pending = pending_key(&shown.member);
    if read::<Asked>(cx, &pending).await?.is_some_and(|last| last.id == asked.id) {
        cx.save(&pending, None).await?;
    }
    let outcome = if is_yes { Outcome::Accepted } else { Outcome::Declined };
    cx.outcome(&sought.call.0, &sought.seeker, (&shown.member, &shown.features), outcome).await?;
    cx.say(match is_yes {
        true => cx.said("Thank you. I bring the two of you together now.", "谢谢。我现在为你们引见。"),
        false => cx.said("All right. Nobody learns that you were asked.", "好的。没有人会知道您被询问过。"),
    })
}

fn none_waits(cx: &Cx) -> Result<(), PluginError> {
    cx.say(cx.said("Nobody waits for an answer of yours.", "目前没有等待您答复的请求。"))
}

fn answered_key(id: &str) -> String {
    format!("answered:{id}")
}

fn said(language: &str, english: &str, chinese: &str) -> String {
    if language == "zh" { chinese.to_owned() } else { english.to_owned() }
}

/// The times under a key that are not longer ago than `within`.
async fn lately(cx: &Cx, key: &str, within: SignedDuration) -> Result<Vec<Timestamp>, PluginError> {
    let times: Vec<Timestamp> = read(cx, key).await?.unwrap_or_default();
    Ok(times.into_iter().filter(|at| cx.now().duration_since(*at) < within).collect())
}

/// Notes that something happened now, under a person's key.
async fn note(cx: &Cx, member: &MemberId, key: &str, within: SignedDuration) -> Result<(), PluginError> {
    let mut times = lately(cx, key, within).await?;
    times.push(cx.now());
    cx.save_of(member, key, Some(json!(times))).await
}

/// How often it happened to a person, with all of their accounts.
async fn times(
    cx: &Cx,
    accounts: &[MemberId],
    key: fn(&MemberId) -> String,
    within: SignedDuration,
) -> Result<usize, PluginError> {
    let mut count = 0;
    for account in accounts {
        count += lately(cx, &key(account), within).await?.len();
    }
    Ok(count)
}
