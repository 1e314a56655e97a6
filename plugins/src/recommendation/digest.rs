//! The digest of papers of one person: ordered once, then told to them alone every week or every day.
//!
//! **Invariant:** where there is no paper that they were not shown, nothing is told.

use chat::{
    Args, Call, Cx, DocumentId, PluginError, Value,
    ports::{Order, Recommended, Rhythm},
    text::plain,
};
use jiff::SignedDuration;

use super::list::{self, LIST_MAX};
use crate::summary::digest::{every, moment};

/// What it is ordered under: a person has one.
const KEY: &str = "papers";

/// How far back what is new is told first, where none is ordered.
const DAYS: i64 = 7;

/// Does what the call says.
///
/// # Errors
/// [`PluginError`].
pub async fn run(cx: &Cx, call: &Call) -> Result<(), PluginError> {
    let orders: Vec<Order> = cx.own_orders().await?.into_iter().filter(|order| order.key == KEY).collect();
    // A process that died in between leaves the one of another account beside it.
    let ordered = orders.iter().find(|order| order.member == call.caller).or_else(|| orders.first());
    match call.args.text("action") {
        action @ ("weekly" | "daily") => order(cx, action == "weekly", call.args.text("when")).await,
        "off" => match cx.cancel_own(KEY).await? {
            true => cx.say(cx.said("No more digests of papers for you.", "不再向您发送文献摘要。")),
            false => cx.say(none(cx)),
        },
        "now" => tell(cx, call, ordered).await,
        _ => match ordered {
            None => cx.say(none(cx)),
            Some(order) => cx.say(told(cx, order)),
        },
    }
}

fn none(cx: &Cx) -> String {
    cx.said(
        "You ordered no digest of papers; `digest papers weekly monday 09:00` orders one.",
        "您未订阅文献摘要；可用 `digest papers weekly monday 09:00` 订阅。",
    )
}

async fn order(cx: &Cx, is_weekly: bool, when: &str) -> Result<(), PluginError> {
    let (day, time) = match moment(when) {
        Some((day, Some(time))) if day.is_some() == is_weekly => (day, time),
        _ => {
            return cx.say(cx.said(
                "Say when, as in `digest papers weekly monday 09:00` or `digest papers daily 18:00`.",
                "请说明时间，例如 `digest papers weekly monday 09:00` 或 `digest papers daily 18:00`。",
            ));
        }
    };
    let rhythm = Rhythm { day, time, zone: cx.policy().time_zone.clone() };
    let text = |text: &str| Value::Text(text.to_owned());
    let args = Args::from([("of", text("papers")), ("action", text("now"))]);
    let order = cx.order_own(KEY, args, rhythm).await?;
    cx.say(told(cx, &order))
}

/// When it comes, and when next.
fn told(cx: &Cx, order: &Order) -> String {
    let (english, chinese) = every(&order.rhythm);
    let next = order.next.to_zoned(order.rhythm.zone()).date();
    cx.said(
        &format!(
            "Papers for you, in private: {english}; next on {next}. Where there is nothing new for you, nothing comes."
        ),
        &format!("私下向您发送文献：{chinese}；下次为 {next}。没有适合您的新文献时不发送。"),
    )
}

/// What is new since the digest before, filled up from the library.
async fn tell(cx: &Cx, call: &Call, ordered: Option<&Order>) -> Result<(), PluginError> {
    let now = cx.now();
    let order = ordered.filter(|order| call.unasked && order.member == call.caller && order.next <= now);
    let since = order.map_or(now - SignedDuration::from_hours(24 * DAYS), |order| order.rhythm.previous(order.next));
    // A process that died before it was told does it again, with the same papers.
    let due = order.map(|order| order.next);
    let mut papers: Vec<Recommended> = cx.papers_for_caller(Some(since), due, LIST_MAX).await?;
    if papers.len() < LIST_MAX {
        for paper in cx.papers_for_caller(None, due, LIST_MAX).await? {
            // It may be here in several copies.
            let is_new = papers.iter().all(|known| plain(&known.title) != plain(&paper.title));
            if papers.len() < LIST_MAX && is_new {
                papers.push(paper);
            }
        }
    }
    if papers.is_empty() {
        return match call.unasked {
            true => Ok(()),
            false => cx.say(cx.said("There is nothing new for you.", "没有适合您的新文献。")),
        };
    }
    cx.say(cx.said("**Papers for you**\n\n", "**为您挑选的文献**\n\n"))?;
    list::tell(cx, &cx.said("papers for you", "为您挑选的文献"), &papers).await?;
    let ids: Vec<DocumentId> = papers.into_iter().map(|paper| paper.document).collect();
    cx.papers_shown(&ids, due).await
}
