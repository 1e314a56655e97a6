//! That not the same few are shown to everybody: each person to so many seekers a week at most, and moderators see how even it is.

use chat::{Cx, MemberId, PluginError, cx::Met, profile::Accounts};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::stored::{fingerprint, read};

/// Seekers to whom one person is shown within a week.
const SEEKERS_MAX: usize = 12;

/// How long it counts.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// People that are looked at beyond those that are shown, as some were shown enough.
pub const SPARE: usize = 8;

/// People that a report counts.
const COUNTED_MAX: usize = 500;

/// People below whom a report says nothing: of few, numbers tell who they are of.
const COUNTED_MIN: usize = 5;

/// When somebody was shown to another seeker. It does not say to whom: that is the seeker's.
fn key(accounts: &[MemberId]) -> String {
    // The first of their accounts stands for all.
    format!("shows:{}", accounts.first().map(|account| account.0.as_str()).unwrap_or_default())
}

/// Whom a seeker saw, and when.
fn saw_key(cx: &Cx) -> String {
    format!("saw:{}", cx.call().caller)
}

async fn lately(cx: &Cx, accounts: &[MemberId]) -> Result<Vec<Timestamp>, PluginError> {
    let shown: Vec<Timestamp> = read(cx, &key(accounts)).await?.unwrap_or_default();
    Ok(shown.into_iter().filter(|at| cx.now().duration_since(*at) < WEEK).collect())
}

/// Whom the caller saw lately, by fingerprint.
async fn saw(cx: &Cx) -> Result<Vec<(String, Timestamp)>, PluginError> {
    let saw: Vec<(String, Timestamp)> = read(cx, &saw_key(cx)).await?.unwrap_or_default();
    Ok(saw.into_iter().filter(|(_, at)| cx.now().duration_since(*at) < WEEK).collect())
}

/// Those who were not shown to too many others lately, at most `limit`. Whoever saw them already may see them again.
pub async fn bounded(cx: &Cx, found: Vec<Met>, limit: usize) -> Result<Vec<Met>, PluginError> {
    let saw = saw(cx).await?;
    let mut kept = Vec::new();
    for one in found {
        if kept.len() >= limit {
            break;
        }
        let is_known = saw.iter().any(|(person, _)| *person == fingerprint(&one.accounts));
        if is_known || lately(cx, &one.accounts).await?.len() < SEEKERS_MAX {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// Notes that these are shown to the caller.
pub async fn shown(cx: &Cx, met: &[Met]) -> Result<(), PluginError> {
    let mut saw = saw(cx).await?;
    for one in met {
        let person = fingerprint(&one.accounts);
        if saw.iter().any(|(known, _)| *known == person) {
            continue;
        }
        saw.push((person, cx.now()));
        let mut times = lately(cx, &one.accounts).await?;
        times.push(cx.now());
        cx.save_of(&one.accounts[0], &key(&one.accounts), Some(json!(times))).await?;
    }
    cx.save_own(&saw_key(cx), Some(json!(saw))).await
}

/// How evenly people were shown this week, in numbers without names.
pub async fn report(cx: &Cx) -> Result<(), PluginError> {
    let people: Vec<Accounts> = cx.matched_here(COUNTED_MAX).await?;
    if people.len() < COUNTED_MIN {
        return cx.say(cx.said(
            &format!("Fewer than {COUNTED_MIN} people here agreed to be matched, or nobody: of so few I say nothing."),
            &format!("此处同意被匹配的人少于 {COUNTED_MIN} 人（或无人）：人数过少，恕不提供统计。"),
        ));
    }
    let mut counts = Vec::new();
    for accounts in &people {
        counts.push(lately(cx, accounts).await?.len());
    }
    counts.sort_unstable();
    let (n, never) = (counts.len(), counts.iter().filter(|count| **count == 0).count());
    let (most, all) = (counts[n - 1], counts.iter().sum::<usize>());
    cx.say(cx.said(
        &format!(
            "Within the last week {n} people of this room were shown {all} times: {never} never, one at most {most} times (no more \
             than {SEEKERS_MAX} are allowed). Gini's coefficient is {:.2}: 0 where all are shown alike, towards 1 where one is \
             shown always.",
            gini(&counts)
        ),
        &format!(
            "过去一周内，本房间的 {n} 人共被展示 {all} 次：{never} 人未被展示，最多者 {most} 次（上限为 {SEEKERS_MAX} 次）。\
             基尼系数为 {:.2}：0 表示完全均等，越接近 1 越集中。",
            gini(&counts)
        ),
    ))
}

/// Gini's coefficient of what each got: 0 where all got the same, towards 1 where one got everything; 0 for nothing.
///
/// Source: `sum (2 i - n - 1) x_i / (n sum x)` over the sorted counts (Dorfman, "A formula for the Gini coefficient", 1979).
/// Those who got nothing must be among the counts, which are in rising order.
fn gini(sorted: &[usize]) -> f64 {
    let (n, sum) = (sorted.len() as f64, sorted.iter().sum::<usize>() as f64);
    let ranked: f64 =
        sorted.iter().enumerate().map(|(at, count)| (2.0 * (at + 1) as f64 - n - 1.0) * *count as f64).sum();
    if sum > 0.0 { ranked / (n * sum) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(counts: &[usize], want: f64) {
        assert!((gini(counts) - want).abs() < 1e-12, "{counts:?}: {}", gini(counts));
    }

    #[test]
    fn gini_knows_the_extremes() {
        check(&[3, 3, 3], 0.0);
        check(&[0, 0, 0, 8], 0.75);
        check(&[1, 3], 0.25);
        check(&[0, 0], 0.0);
        check(&[], 0.0);
    }
}
