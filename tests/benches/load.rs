//! Many people on Discord, and what they wait for: `cargo bench --profile dev --workspace --bench load`.
//!
//! First commands of fifty at once, then twenty rooms of two hundred people for a minute: each says something, waits for
//! the answer and says the next. `COLLOQUY_TEST_LOAD_SECONDS` makes the minute longer.
//!
//! The server is YEPCord with our shim, on the same machine as the bot: its share of the time is in the figures. Answers
//! are the sources' own lines, so that the language model's speed is not. What is counted is what the server shows in
//! the end: a question without an answer is lost, one with two is doubled.

use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tests::{
    peers::{
        discord::Human,
        gateway::{Double, Wait},
        yepcord::{Furniture, Guild, Yepcord},
    },
    served::Served,
};

/// Commands at once, and how often.
const AT_ONCE: usize = 50;
const ROUNDS: usize = 4;

/// Rooms and people of the long load.
const ROOMS: usize = 20;
const PEOPLE: usize = 200;

/// How long it lasts, unless the environment says otherwise.
const LOAD: Duration = Duration::from_secs(60);

/// Longest that all of one round may take, and that the last answers may take after the load.
const WITHIN: Duration = Duration::from_secs(120);

/// How often a room is looked at for answers.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Messages of a page of history.
const PAGE: usize = 100;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(commands_by_themselves())?;
    runtime.block_on(commands_at_once())?;
    runtime.block_on(a_minute_of_many())
}

/// A server with a bot that nobody's quota slows down.
async fn world(humans: &[String], channels: &[String]) -> Result<(Yepcord, Guild, Served)> {
    let humans: Vec<&str> = humans.iter().map(String::as_str).collect();
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let yepcord = Yepcord::start().await?;
    let furniture = Furniture { humans: &humans, guild: "lab", channels: &channels, roles: &[], bot: "colloquy" };
    let guild = yepcord.furnish(furniture).await?;
    let base = yepcord.base();
    let keys = [
        ("discord.api_base", base.as_str()),
        ("models.generate", ""),
        ("engine.calls_max", "1000"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.calls_per_minute_in_room", "0"),
        ("engine.calls_per_minute_in_all", "0"),
    ];
    let mut served = Served::new(&keys, &[("COLLOQUY_DISCORD_TOKEN", &guild.bot_token)])?;
    served.run(&["ingest", tests::samples().to_str().context("a path of text")?]).await?;
    served.start().await?;
    let (first, channel) = (guild.human(humans[0]), guild.channel(channels[0]));
    while !first.commands(channel).await?.iter().any(|command| command["name"] == "ask") {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok((yepcord, guild, served))
}

fn names(of: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{of}{number}")).collect()
}

/// Fifty commands at once on a double of Discord that costs next to nothing: the bot's own share of the waiting.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn commands_by_themselves() -> Result<()> {
    let double = Double::start().await?;
    let keys = [
        ("discord.api_base", double.base.as_str()),
        ("models.generate", ""),
        ("engine.calls_max", "1000"),
        ("engine.calls_per_caller_max", "1000"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.calls_per_minute_in_room", "0"),
        ("engine.calls_per_minute_in_all", "0"),
    ];
    let mut served = Served::new(&keys, &[("COLLOQUY_DISCORD_TOKEN", "bm90LWEtdG9rZW4.secret.part")])?;
    served.run(&["ingest", tests::samples().to_str().context("a path of text")?]).await?;
    served.start().await?;
    double.until("nobody came", WITHIN, |double| !double.opened().is_empty()).await?;
    tokio::time::sleep(LOOK_EVERY).await;
    for round in 1..=ROUNDS {
        (0..AT_ONCE)
            .for_each(|_| double.calls("ask", "question", &format!("How do I book the GPU server for {round}?")));
        let all = AT_ONCE * round;
        let is_shown = |double: &Double| double.waits().iter().filter(|wait| wait.shown.is_some()).count() == all;
        double.until("not all are answered", WITHIN, is_shown).await?;
    }
    let waits = double.waits();
    let at = |of: fn(&Wait) -> Option<Duration>, share: f64| {
        let mut all: Vec<Duration> = waits.iter().filter_map(of).collect();
        all.sort_unstable();
        all[((all.len() as f64 * share) as usize).min(all.len() - 1)]
    };
    let row = |of| format!("p50 {:.3} s, p95 {:.3} s", at(of, 0.5).as_secs_f64(), at(of, 0.95).as_secs_f64());
    println!("{AT_ONCE} commands at once on a double, {} in all", waits.len());
    println!("acknowledged: {}", row(|wait| wait.acknowledged));
    println!("first text: {}", row(|wait| wait.shown));
    Ok(())
}

/// Fifty commands at once, each in a channel of its own.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn commands_at_once() -> Result<()> {
    let (humans, channels) = (names("person", AT_ONCE), names("room", AT_ONCE));
    let (_yepcord, guild, served) = world(&humans, &channels).await?;
    let seats: Vec<(&Human, &str)> =
        humans.iter().zip(&channels).map(|(human, room)| (guild.human(human), guild.channel(room))).collect();
    println!("{AT_ONCE} commands at once, memory {} MiB", memory_mib(&served)?);
    for round in 0..ROUNDS {
        let question = format!("How do I book the GPU server for job {round}?");
        let options = json!([{"type": 3, "name": "question", "value": question}]);
        try_join_all(seats.iter().map(|(human, room)| human.invoke(room, "ask", options.clone()))).await?;
        let asked_at = Instant::now();
        for (human, room) in &seats {
            while answers(human, room).await? <= round && asked_at.elapsed() < WITHIN {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        println!("round {round}: {AT_ONCE} asked, memory {} MiB", memory_mib(&served)?);
    }
    let (mut lost, mut doubled) = (0, 0);
    for (human, room) in &seats {
        let shown = answers(human, room).await?;
        lost += ROUNDS.saturating_sub(shown);
        doubled += shown.saturating_sub(ROUNDS);
    }
    println!("asked {}, lost {lost}, doubled {doubled}", AT_ONCE * ROUNDS);
    tell(&served).await
}

/// Two hundred people in twenty rooms, for a minute.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn a_minute_of_many() -> Result<()> {
    let seconds = env::var("COLLOQUY_TEST_LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let load = seconds.map_or(LOAD, Duration::from_secs);
    let (humans, channels) = (names("person", PEOPLE), names("room", ROOMS));
    let (_yepcord, guild, served) = world(&humans, &channels).await?;
    let before = memory_mib(&served)?;
    let rooms: Vec<Room> = channels.iter().map(|name| Room::new(&guild, guild.channel(name), &humans[0])).collect();
    let end = Instant::now() + load;
    let people = humans.iter().zip(0..).map(|(name, number): (_, usize)| {
        let (human, room) = (guild.human(name), &rooms[number % ROOMS]);
        async move {
            // They do not all begin in the same moment.
            tokio::time::sleep(load.mul_f64(0.1 * number as f64 / PEOPLE as f64)).await;
            let mut asked = 0;
            while Instant::now() < end {
                let question = format!("How do I book the GPU server for job {number} of {asked}?");
                let said = human.mention_bot(&room.channel, &question).await?;
                room.ask(said["id"].as_str().context("no id")?);
                asked += 1;
                while !room.is_answered(&said["id"]) && Instant::now() < end {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            anyhow::Ok(asked)
        }
    });
    let watched = async {
        let mut highest = before;
        let deadline = end + WITHIN;
        while Instant::now() < end || (rooms.iter().any(|room| room.waits()) && Instant::now() < deadline) {
            try_join_all(rooms.iter().map(Room::look)).await?;
            highest = highest.max(memory_mib(&served)?);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // What came twice has come by now.
        try_join_all(rooms.iter().map(Room::look)).await?;
        anyhow::Ok(highest)
    };
    let (asked, highest) = futures::try_join!(try_join_all(people), watched)?;
    let asked: usize = asked.iter().sum();
    let (lost, doubled) = rooms.iter().map(Room::count).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    println!(
        "{PEOPLE} people in {ROOMS} rooms for {} s: asked {asked}, lost {lost}, doubled {doubled}",
        load.as_secs()
    );
    println!("memory {before} MiB before, {highest} at most, {} after", memory_mib(&served)?);
    tell(&served).await
}

/// A room: what was asked there, and which whole answers it shows to each question.
struct Room {
    channel: String,
    human: Human,
    bot: String,
    answers: Mutex<HashMap<String, Vec<String>>>,
    /// Up to which message the history was read, where all answers are whole.
    read: Mutex<String>,
}

impl Room {
    fn new(guild: &Guild, channel: &str, human: &str) -> Self {
        let (channel, human) = (channel.to_owned(), guild.human(human).clone());
        let read = Mutex::new("0".to_owned());
        Self { channel, human, bot: guild.application.clone(), answers: Mutex::default(), read }
    }

    fn ask(&self, question: &str) {
        self.held(|answers| {
            answers.entry(question.to_owned()).or_default();
        });
    }

    fn is_answered(&self, question: &Value) -> bool {
        let question = question.as_str().unwrap_or_default();
        self.held(|answers| answers.get(question).is_some_and(|answers| !answers.is_empty()))
    }

    fn waits(&self) -> bool {
        self.held(|answers| answers.values().any(Vec::is_empty))
    }

    /// Questions without an answer, and answers too many.
    fn count(&self) -> (usize, usize) {
        self.held(|answers| {
            let lost = answers.values().filter(|answers| answers.is_empty()).count();
            (lost, answers.values().map(|answers| answers.len().saturating_sub(1)).sum())
        })
    }

    fn held<T>(&self, what: impl FnOnce(&mut HashMap<String, Vec<String>>) -> T) -> T {
        what(&mut self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Reads on where it stopped: up to the first answer that still grows.
    async fn look(&self) -> Result<()> {
        let mut after = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let mut is_whole = true;
        loop {
            let path = format!("/channels/{}/messages?limit={PAGE}&after={after}", self.channel);
            let page: Vec<Value> = serde_json::from_value(self.human.get(&path).await?)?;
            // Whatever the order of a page is.
            let page: BTreeMap<u64, Value> = page.into_iter().filter_map(|it| Some((number(&it["id"])?, it))).collect();
            for message in page.values().filter(|message| message["author"]["id"] == self.bot.as_str()) {
                let replied = message["message_reference"]["message_id"].as_str().unwrap_or_default();
                is_whole &= is_answer(message);
                if is_answer(message) {
                    let id = message["id"].to_string();
                    self.held(|answers| {
                        let told = answers.entry(replied.to_owned()).or_default();
                        if !told.contains(&id) {
                            told.push(id);
                        }
                    });
                }
            }
            let Some((last, _)) = page.last_key_value() else { return Ok(()) };
            after = last.to_string();
            if is_whole {
                self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(&after);
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}

fn number(id: &Value) -> Option<u64> {
    id.as_str()?.parse().ok()
}

fn is_answer(message: &Value) -> bool {
    message["content"].as_str().is_some_and(|text| text.contains("In the sources' own words"))
}

/// Answers that a channel shows.
async fn answers(human: &Human, channel: &str) -> Result<usize> {
    Ok(human.history(channel).await?.iter().filter(|message| is_answer(message)).count())
}

/// What the bot measured of itself.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn tell(served: &Served) -> Result<()> {
    let metrics = served.metrics().await?;
    for name in ["colloquy_ack_seconds", "colloquy_first_visible_seconds", "colloquy_answer_seconds"] {
        println!("{name}: p50 within {}, p95 within {}", within(&metrics, name, 0.5), within(&metrics, name, 0.95));
    }
    for line in metrics.lines().filter(|line| line.starts_with("colloquy_posts_total")) {
        println!("{line}");
    }
    Ok(())
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

/// Resident memory of the bot.
fn memory_mib(served: &Served) -> Result<u64> {
    let process = served.id().context("it runs")?;
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("this bench needs /proc")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib / 1024)
}
