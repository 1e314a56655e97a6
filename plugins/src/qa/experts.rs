//! A person to ask: those who agreed to be asked and whose papers lie nearest hear the question alone, one after the
//! other; the room hears of the one who offers to help.
//!
//! Read [`hand`], then [`next`]; [`accept`] and [`decline`] are what the asked one says, and no answer within a day is
//! a [`decline`] too.
//!
//! **Invariant:** the room learns who was asked from nobody but the one who accepts.

use std::time::Duration;

use chat::{
    Action, Audience, Call, CallId, Cx, MemberId, MessageId, Place, PluginError, RoomId, Switch,
    ports::{Lapse, Notice},
    text::inert,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    shelf::named,
    stored::{hash, read},
};

/// People who are asked one question.
const ASKED_MAX: usize = 3;

/// People who are considered for it.
const CANDIDATES_MAX: usize = 8;

/// How often a day one person is asked.
const TURNS_A_DAY: usize = 2;

/// How often a day one person may have others asked.
const ASKS_A_DAY: usize = 3;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What came of handing a question on.
pub enum Handed {
    /// Somebody is asked now.
    Asked,
    /// Somebody was asked before, about the same question in the same room.
    Before,
    /// There is nobody to ask.
    Nobody,
}

/// A question that people are asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Request {
    id: String,
    question: String,
    asker: MemberId,
    place: Place,
    /// The message that asked it, where there is one.
    reply_to: Option<MessageId>,
    language: String,
}

/// Somebody who may be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Candidate {
    request: String,
    number: usize,
    member: MemberId,
    /// A title that the room may read.
    reason: Option<String>,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct State {
    /// Whose answer is waited for; none once it is closed.
    waits_for: Option<usize>,
    /// How many were asked.
    asked: usize,
}

impl Request {
    fn said(&self, english: String, chinese: String) -> String {
        if self.language == "zh" { chinese } else { english }
    }
}

/// Hands the question of an answer to the one who may know most of it. The call is the asker's, in their room.
pub async fn hand(cx: &Cx, call: &Call, answer: &CallId, question: &str) -> Result<Handed, PluginError> {
    if call.place.audience != Audience::Room {
        return Ok(Handed::Nobody);
    }
    let id = id(&call.place.room, question);
    if read::<Request>(cx, &request_key(&id)).await?.is_some() {
        return Ok(Handed::Before);
    }
    let asks_key = format!("asks:{}", call.caller);
    let mut asks = lately(cx, &asks_key).await?;
    if asks.len() >= ASKS_A_DAY {
        return Ok(Handed::Nobody);
    }
    let experts = cx.experts(question, CANDIDATES_MAX).await?;
    if experts.is_empty() {
        return Ok(Handed::Nobody);
    }
    let asked = cx.asked_by(answer).await?;
    // A command that the platform read, or an edit, is no message that one could reply to.
    let asked = asked.filter(|message| message.invocation.is_none() && message.place.room == call.place.room);
    let request = Request {
        id: id.clone(),
        question: question.to_owned(),
        asker: call.caller.clone(),
        place: call.place.clone(),
        reply_to: asked.map(|message| message.id),
        language: cx.language().to_owned(),
    };
    cx.remember(&request_key(&id), json!(request)).await?;
    for (number, expert) in experts.into_iter().enumerate() {
        let candidate = Candidate { request: id.clone(), number, member: expert.member, reason: expert.reason };
        cx.remember_of(Some(&candidate.member), &candidate_key(&id, number), json!(candidate)).await?;
    }
    if !next(cx, &request, 0, State::default()).await? {
        cx.save(&request_key(&id), None).await?;
        return Ok(Handed::Nobody);
    }
    asks.push(cx.now());
    cx.save_own(&asks_key, Some(json!(asks))).await?;
    Ok(Handed::Asked)
}

/// Asks the first of the candidates from a number on who may be asked now; whether there was one.
async fn next(cx: &Cx, request: &Request, first: usize, state: State) -> Result<bool, PluginError> {
    let id = &request.id;
    let candidates = if state.asked < ASKED_MAX { first..CANDIDATES_MAX } else { 0..0 };
    for number in candidates {
        // One who was forgotten meanwhile is not there any more.
        let Some(candidate) = read::<Candidate>(cx, &candidate_key(id, number)).await? else { continue };
        let member = &candidate.member;
        let turns_key = format!("turns:{member}");
        let mut turns = lately(cx, &turns_key).await?;
        if turns.len() >= TURNS_A_DAY {
            continue;
        }
        let notice = notice(cx, request, &candidate);
        let notice_call = cx.call_of(&request.place, &notice);
        // Known before it is said: who presses at once must be understood.
        for key in [asked_key(&notice_call), pending_key(member)] {
            cx.remember_of(Some(member), &key, json!(candidate)).await?;
        }
        keep(cx, id, State { waits_for: Some(number), asked: state.asked + 1 }).await?;
        match cx.tell(&request.place, member, Switch::Suggest, notice).await {
            Ok(_) => {
                turns.push(cx.now());
                cx.save_of(member, &turns_key, Some(json!(turns))).await?;
                return Ok(true);
            }
            // They changed their mind meanwhile, or left the room.
            Err(PluginError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    keep(cx, id, State { waits_for: None, ..state }).await?;
    Ok(false)
}

fn notice(cx: &Cx, request: &Request, candidate: &Candidate) -> Notice {
    let Request { id, question, asker, place, .. } = request;
    let (asker, room, question) = (cx.name(place, asker), cx.whereabouts(place), inert(question));
    let why = match candidate.reason.as_deref().map(named) {
        Some(title) => request.said(format!("because of “{title}”"), format!("因为《{title}》")),
        None => request.said("because of your own papers".to_owned(), "因为您自己的文献".to_owned()),
    };
    let text = request.said(
        format!(
            "**A question that you may know something about**, {why}:\n> {question}\n\n{asker} asks it in {room}. If \
             you offer to help, I say so there, and you answer there. If not, nobody learns that I asked you."
        ),
        format!(
            "**一个您可能了解的问题**（{why}）：\n> {question}\n\n{asker} 在 {room} 提出。如果您愿意帮忙，我会在那里说明，\
             您也在那里回答；如果不愿意，没有人会知道我问过您。"
        ),
    );
    let action = |label: String, command: &str| Action { label, command: command.to_owned() };
    let actions = vec![
        action(request.said("Offer to help".to_owned(), "愿意帮忙".to_owned()), "accept"),
        action(request.said("Not now".to_owned(), "暂不".to_owned()), "decline"),
    ];
    let lapse = Some(Lapse { after: PATIENCE, command: "decline".to_owned() });
    Notice { actions, lapse, ..Notice::new(format!("ask/{id}/{}", candidate.number), text) }
}

/// The asked one offers to help: the room hears it, and who asked is called.
pub async fn accept(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let Some((candidate, request, state)) = pending(cx, call).await? else { return cx.say(nothing(cx)) };
    // Who does not see the room any more is not named there, and could not answer.
    if !cx.is_in(&request.place).await {
        return cx.say(nothing(cx));
    }
    let name = cx.name(&request.place, &candidate.member);
    let question = inert(&request.question);
    let text = request.said(
        format!("{name} offers to help with this:\n> {question}"),
        format!("{name} 愿意帮助解答：\n> {question}"),
    );
    let (calls, reply_to) = (Some(request.asker.clone()), request.reply_to.clone());
    let key = format!("offer/{}", request.id);
    cx.post(&request.place, Notice { calls, reply_to, ..Notice::new(key, text) }).await?;
    keep(cx, &request.id, State { waits_for: None, ..state }).await?;
    let room = cx.whereabouts(&request.place);
    cx.say(cx.said(
        &format!("Thank you. I said so in {room}; please answer there."),
        &format!("谢谢。我已在 {room} 说明，请在那里回答。"),
    ))
}

/// The asked one does not offer to: the next one is asked, or in the end the whole room.
pub async fn decline(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let Some((candidate, request, state)) = pending(cx, call).await? else { return cx.say(nothing(cx)) };
    if !next(cx, &request, candidate.number + 1, state).await? {
        let text = appeal(&request.language, &request.question);
        let notice = Notice { reply_to: request.reply_to.clone(), ..Notice::new(format!("room/{}", request.id), text) };
        match cx.post(&request.place, notice).await {
            Ok(()) | Err(PluginError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    cx.say(cx.said("All right. Nobody learns that I asked you.", "好的。没有人会知道我问过您。"))
}

/// The question, for everybody in a room.
pub fn appeal(language: &str, question: &str) -> String {
    let head = if language == "zh" { "请教各位一个问题：" } else { "A question for the people here:" };
    format!("**{head}**\n> {}", inert(question))
}

/// What the caller was asked and did not answer yet: by the message whose button they press, else the last one.
async fn pending(cx: &Cx, call: &Call) -> Result<Option<(Candidate, Request, State)>, PluginError> {
    let asked = match &call.about {
        Some(about) => read::<Candidate>(cx, &asked_key(about)).await?,
        None => None,
    };
    let candidate = match asked {
        Some(candidate) => Some(candidate),
        None => read(cx, &pending_key(&call.caller)).await?,
    };
    let is_theirs =
        |candidate: &Candidate| candidate.member == call.caller || cx.standing().accounts.contains(&candidate.member);
    let Some(candidate) = candidate.filter(is_theirs) else { return Ok(None) };
    let Some(request) = read::<Request>(cx, &request_key(&candidate.request)).await? else { return Ok(None) };
    let state = read::<State>(cx, &state_key(&request.id)).await?.unwrap_or_default();
    Ok((state.waits_for == Some(candidate.number)).then_some((candidate, request, state)))
}

fn nothing(cx: &Cx) -> String {
    cx.said("There is no question for you that is still open.", "目前没有等待您回答的问题。")
}

async fn keep(cx: &Cx, id: &str, state: State) -> Result<(), PluginError> {
    cx.remember_of(None, &state_key(id), json!(state)).await
}

/// The times of the last day that are kept under a key.
async fn lately(cx: &Cx, key: &str) -> Result<Vec<Timestamp>, PluginError> {
    let times: Vec<Timestamp> = read(cx, key).await?.unwrap_or_default();
    Ok(times.into_iter().filter(|at| cx.now().duration_since(*at) < DAY).collect())
}

/// The same for the same question in the same room, however often it is asked.
fn id(room: &RoomId, question: &str) -> String {
    let words = question.to_lowercase();
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    hash(std::iter::once(room.0.as_str()).chain(words))
}

fn request_key(id: &str) -> String {
    format!("request:{id}")
}

fn candidate_key(id: &str, number: usize) -> String {
    format!("candidate:{id}:{number}")
}

fn state_key(id: &str) -> String {
    format!("state:{id}")
}

fn asked_key(notice: &CallId) -> String {
    format!("asked:{notice}")
}

fn pending_key(member: &MemberId) -> String {
    format!("pending:{member}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_same_however_it_is_written() {
        let (here, there) = ("seminar".into(), "hall".into());
        assert_eq!(id(&here, "Do ducks dive?"), id(&here, "  do DUCKS  dive "));
        assert_ne!(id(&here, "Do ducks dive?"), id(&here, "Do ducks fly?"));
        assert_ne!(id(&here, "Do ducks dive?"), id(&there, "Do ducks dive?"));
    }
}
