//! What Discord may do to its bots, told by a double of it: none of it costs an answer, and what an operator must mend is
//! said.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::http::Method;
use serde_json::json;
use tests::{
    peers::gateway::{Double, Fault, Meets},
    served::Served,
};

use crate::platforms::WITHIN;

/// Discord's bit for the content of messages.
const CONTENT: u64 = 1 << 15;

async fn served(double: &Double, content: &str) -> Result<Served> {
    let keys =
        [("discord.api_base", double.base.as_str()), ("models.generate", ""), ("discord.message_content", content)];
    let mut served = Served::new(&keys, &[("COLLOQUY_DISCORD_TOKEN", "bm90LWEtdG9rZW4.secret.part")])?;
    served.start().await?;
    Ok(served)
}

/// Waits for so many gateway connections, then for the answer to a word that names itself.
async fn answers(double: &Double, connections: usize, word: &str) -> Result<()> {
    double.until("nobody came", WITHIN, |double| double.opened().len() >= connections).await?;
    // A session is there a moment after it was asked for.
    tokio::time::sleep(Duration::from_millis(500)).await;
    double.says(&format!("!{word}"));
    let answer = format!("There is no command `{word}`");
    double.until("no answer", WITHIN, |double| double.shown().iter().any(|text| text.contains(&answer))).await?;
    let times = double.shown().iter().filter(|text| text.contains(&answer)).count();
    ensure!(times == 1, "answered {times} times");
    Ok(())
}

/// Sent elsewhere, told that its session is lost or only interrupted: it comes back, and answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_costs_no_answer() -> Result<()> {
    let double = Double::start().await?;
    let _served = served(&double, "false").await?;
    answers(&double, 1, "one").await?;
    double.order(7, json!(null));
    answers(&double, 2, "two").await?;
    double.order(9, json!(true));
    answers(&double, 3, "three").await?;
    let before = double.opened().len();
    double.order(9, json!(false));
    answers(&double, before + 1, "four").await?;
    let opened = double.opened();
    ensure!(opened[1] == "resume", "a session that lives is resumed: {opened:?}");
    ensure!(opened.last().is_some_and(|last| last.starts_with("identify")), "a lost one is not: {opened:?}");
    Ok(())
}

/// A limit is waited for as long as it says, a failure is tried again, and neither doubles an answer.
#[tokio::test(flavor = "multi_thread")]
async fn limits_and_failures_delay_an_answer_and_do_not_double_it() -> Result<()> {
    let double = Double::start().await?;
    let _served = served(&double, "false").await?;
    let limit = json!({ "message": "slow", "retry_after": 1.2, "global": false });
    let fault =
        |status, body, times| Fault { method: Method::POST, path: "/messages", status, body, times, is_taken: false };
    double.fault(fault(429, limit, 2));
    answers(&double, 1, "one").await?;
    double.fault(fault(503, json!(null), 2));
    answers(&double, 1, "two").await
}

/// No text that leaves may call anybody, whatever stands in it: Discord is told so with each.
#[tokio::test(flavor = "multi_thread")]
async fn no_text_may_call_anybody() -> Result<()> {
    let double = Double::start().await?;
    let _served = served(&double, "false").await?;
    answers(&double, 1, "one").await?;
    double.says("!ask How deep does @everyone dive, <@200>?");
    let is_there = |double: &Double| double.shown().iter().any(|text| text.contains("is empty, so I cannot answer"));
    double.until("no answer", WITHIN, is_there).await?;
    double.calls("ask", "question", "How deep does @here dive?");
    let twice = |double: &Double| double.shown().iter().filter(|text| text.contains("is empty")).count() > 1;
    double.until("no answer to a command", WITHIN, twice).await?;
    let mentions = double.mentions();
    ensure!(mentions.len() > 2, "{mentions:?}");
    for allowed in &mentions {
        let named = ["users", "roles"].iter().any(|key| allowed[key].as_array().is_some_and(|named| !named.is_empty()));
        ensure!(allowed["parse"] == json!([]) && !named, "{mentions:?}");
    }
    Ok(())
}

/// A gateway that takes a connection and says nothing is given up, and asked again.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_says_nothing_is_asked_again() -> Result<()> {
    let double = Double::start().await?;
    double.meet(&[Meets::Silence]);
    let served = served(&double, "false").await?;
    double.until("it waits for ever", 2 * WITHIN, |double| !double.opened().is_empty()).await?;
    answers(&double, 1, "one").await?;
    ensure!(served.said().contains("no shard came through"), "{}", served.said());
    Ok(())
}

/// A beginning that Discord took without saying so is found again by its nonce, and brought to its end.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_beginning_was_not_acknowledged_shows_its_end_once() -> Result<()> {
    let double = Double::start().await?;
    let _served = served(&double, "false").await?;
    answers(&double, 1, "one").await?;
    let before = double.shown().len();
    let (method, body) = (Method::POST, json!(null));
    double.fault(Fault { method, path: "/messages", status: 503, body, times: 1, is_taken: true });
    double.says("!ask How deep do ducks dive?");
    let is_there = |double: &Double| double.shown().iter().any(|text| text.contains("is empty, so I cannot answer"));
    double.until("it does not end", WITHIN, is_there).await?;
    ensure!(double.shown().len() == before + 1, "{:?}", double.shown());
    Ok(())
}

/// An acknowledgement that comes too late for Discord: the answer goes to the channel.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_an_interaction_that_is_over_goes_to_the_channel() -> Result<()> {
    let double = Double::start().await?;
    let _served = served(&double, "false").await?;
    answers(&double, 1, "one").await?;
    let body = json!({ "code": 10_062, "message": "Unknown interaction" });
    double.fault(Fault { method: Method::POST, path: "/callback", status: 404, body, times: 1, is_taken: false });
    double.calls("ask", "question", "How deep do ducks dive?");
    let is_there = |double: &Double| double.shown().iter().any(|text| text.contains("is empty, so I cannot answer"));
    double.until("no answer", WITHIN, is_there).await?;
    ensure!(!double.requests().iter().any(|line| line.contains("/webhooks/")), "{:?}", double.requests());
    Ok(())
}

/// Without the right to read all messages it says how to get it, and goes on with those that are for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_privileged_intent_that_is_not_granted_is_done_without() -> Result<()> {
    let double = Double::start().await?;
    double.meet(&[Meets::Close(4014)]);
    let served = served(&double, "true").await?;
    answers(&double, 2, "one").await?;
    let intents: Vec<u64> =
        double.opened().iter().filter_map(|said| said.strip_prefix("identify ")?.parse().ok()).collect();
    ensure!(intents[0] & CONTENT != 0 && intents[1] & CONTENT == 0, "{intents:?}");
    ensure!(served.said().contains("switch on `Message Content Intent`"), "{}", served.said());
    Ok(())
}

/// A token that is revoked later is said, and not tried for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_gateway_refuses_is_said() -> Result<()> {
    let double = Double::start().await?;
    double.meet(&[Meets::Close(4004)]);
    let served = served(&double, "false").await?;
    let told = |_: &Double| served.said().contains("Discord does not know this bot token");
    double.until("nothing was said", WITHIN, told).await?;
    ensure!(!served.said().contains("secret.part"), "{}", served.said());
    ensure!(double.opened().len() == 1, "{:?}", double.opened());
    Ok(())
}

/// A Discord that is away at the start is waited for: the log and the readiness say so, and then it answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_discord_that_is_away_at_the_start_is_waited_for() -> Result<()> {
    let double = Double::start().await?;
    double.fault(Fault {
        method: Method::GET,
        path: "/",
        status: 503,
        body: json!(null),
        times: usize::MAX,
        is_taken: false,
    });
    let served = served(&double, "false").await?;
    let ready = format!("{}/readyz", served.web()?);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let waiting = http.get(&ready).send().await?;
    ensure!(waiting.status() == 503, "{}", waiting.status());
    let text = waiting.text().await?;
    ensure!(text.contains("waiting for discord"), "{text}");
    ensure!(served.said().contains("Discord is away; it is waited for"), "{}", served.said());
    double.mend();
    answers(&double, 1, "one").await?;
    let text = http.get(&ready).send().await?.text().await.context("no text")?;
    ensure!(text == "ready\n", "{text}");
    Ok(())
}
