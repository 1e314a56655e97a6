//! Fifty people at once on Discord, and what they wait for: `cargo bench --profile dev --workspace --bench load`.
//!
//! The server is YEPCord with our shim, on the same machine as the bot: its share of the time is in the figures. Answers
//! are the sources' own lines, so that the language model's speed is not.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use serde_json::json;
use tests::{
    peers::{
        discord::Human,
        yepcord::{Furniture, Yepcord},
    },
    served::Served,
};

/// Commands at once, and how often.
const AT_ONCE: usize = 50;
const ROUNDS: usize = 4;

/// Longest that all of one round may take.
const WITHIN: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn measure() -> Result<()> {
    let names: Vec<String> = (0..AT_ONCE).map(|number| format!("person{number}")).collect();
    let humans: Vec<&str> = names.iter().map(String::as_str).collect();
    let channels: Vec<String> = (0..AT_ONCE).map(|number| format!("room{number}")).collect();
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let yepcord = Yepcord::start().await?;
    let furniture = Furniture { humans: &humans, guild: "lab", channels: &channels, roles: &[], bot: "colloquy" };
    let guild = yepcord.furnish(furniture).await?;
    let base = yepcord.base();
    let keys = [("discord.api_base", base.as_str()), ("models.generate", ""), ("engine.calls_max", "1000")];
    let mut served = Served::new(&keys, &[("COLLOQUY_DISCORD_TOKEN", &guild.bot_token)])?;
    served.run(&["ingest", tests::samples().to_str().context("a path of text")?]).await?;
    served.start().await?;
    let first = guild.human(humans[0]);
    while !first.commands(guild.channel(channels[0])).await?.iter().any(|command| command["name"] == "ask") {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("memory {} MiB", memory_mib(served.id().context("it runs")?)?);
    let (mut asked, mut answered) = (0, 0);
    for round in 0..ROUNDS {
        let ask = |number: usize| {
            let (human, channel) = (guild.human(humans[number]), guild.channel(channels[number]));
            let question = format!("How do I book the GPU server for job {round}?");
            async move {
                let options = json!([{"type": 3, "name": "question", "value": question}]);
                human.invoke(channel, "ask", options).await
            }
        };
        try_join_all((0..AT_ONCE).map(ask)).await?;
        asked += AT_ONCE;
        for number in 0..AT_ONCE {
            let (human, channel) = (guild.human(humans[number]), guild.channel(channels[number]));
            let asked_at = Instant::now();
            while answers(human, channel).await? <= round && asked_at.elapsed() < WITHIN {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        println!("round {round}: {AT_ONCE} asked, memory {} MiB", memory_mib(served.id().context("it runs")?)?);
    }
    for number in 0..AT_ONCE {
        answered += answers(guild.human(humans[number]), guild.channel(channels[number])).await?;
    }
    println!("asked {asked}, answers shown {answered}");
    let metrics = first.download(&format!("{}/metrics", served.web()?)).await?;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    for name in ["colloquy_ack_seconds", "colloquy_first_visible_seconds", "colloquy_answer_seconds"] {
        println!("{name}: p50 within {}, p95 within {}", within(&metrics, name, 0.5), within(&metrics, name, 0.95));
    }
    for line in metrics.lines().filter(|line| line.starts_with("colloquy_posts_total")) {
        println!("{line}");
    }
    Ok(())
}

/// Answers that a channel shows.
async fn answers(human: &Human, channel: &str) -> Result<usize> {
    let history = human.history(channel).await?;
    let is_answer = |text: &str| text.contains("In the sources' own words");
    Ok(history.iter().filter(|message| message["content"].as_str().is_some_and(is_answer)).count())
}

/// The upper border of the bucket that holds this share of a histogram, in seconds.
fn within(metrics: &str, name: &str, share: f64) -> String {
    let bucket = |line: &str| {
        let border = line.split("le=\"").nth(1)?.split('"').next()?.to_owned();
        let count: f64 = line.rsplit(' ').next()?.parse().ok()?;
        Some((border, count))
    };
    let start = format!("{name}_bucket");
    let buckets: Vec<(String, f64)> =
        metrics.lines().filter(|line| line.starts_with(&start)).filter_map(bucket).collect();
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    let found = buckets.into_iter().find(|(_, count)| *count >= all * share);
    found.map_or_else(|| "nothing".to_owned(), |(border, _)| format!("{border} s"))
}

/// Resident memory of a process.
fn memory_mib(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("this bench needs /proc")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib / 1024)
}
