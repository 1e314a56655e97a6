//! The bot on a Discord-compatible server that nobody here wrote, seen by people with plain REST.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use serde_json::{Value, json};
use tests::{
    peers::{
        discord::Human,
        yepcord::{Furniture, Guild, MANAGE_GUILD, Yepcord},
    },
    served::Served,
};

use crate::platforms::{self, Fits, Person, WITHIN};

/// Every command of every plugin.
const COMMANDS: [&str; 8] = ["ask", "line", "sources", "person", "add", "papers", "rate", "help"];

/// A server, a guild, and the bot in it.
struct World {
    yepcord: Yepcord,
    guild: Guild,
    served: Served,
}

impl World {
    async fn start() -> Result<Self> {
        let yepcord = Yepcord::start().await?;
        let furniture = Furniture {
            humans: &["ana", "bob"],
            guild: "lab",
            channels: &["seminar", "hall"],
            roles: &[("chair", MANAGE_GUILD)],
            bot: "colloquy",
        };
        let guild = yepcord.furnish(furniture).await?;
        let keys = [("discord.api_base", yepcord.base()), ("models.generate", String::new())];
        let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut served = Served::new(&keys, &[("COLLOQUY_DISCORD_TOKEN", &guild.bot_token)])?;
        platforms::serve(&mut served).await?;
        Ok(Self { yepcord, guild, served })
    }

    fn seat(&self, name: &str, channel: &str) -> Seat<'_> {
        Seat {
            human: self.guild.human(name),
            channel: self.guild.channel(channel).to_owned(),
            bot: &self.guild.application,
        }
    }
}

/// A human in a channel.
struct Seat<'a> {
    human: &'a Human,
    channel: String,
    bot: &'a str,
}

#[async_trait]
impl Person for Seat<'_> {
    async fn says(&self, text: &str) -> Result<String> {
        let said = self.human.mention_bot(&self.channel, text).await?;
        Ok(said["id"].as_str().context("no id")?.to_owned())
    }

    async fn replies(&self, to: &str, text: &str) -> Result<String> {
        let said = self.human.reply(&self.channel, to, text).await?;
        Ok(said["id"].as_str().context("no id")?.to_owned())
    }

    async fn hears(&self, fits: Fits<'_>) -> Result<(String, String)> {
        let message = self.human.wait_bot(&self.channel, |text: &str| fits(text), WITHIN).await?;
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        Ok((text("id"), text("content")))
    }

    async fn reads(&self, id: &str) -> Result<Option<String>> {
        let found = self.human.history(&self.channel).await?.into_iter().find(|message| message["id"] == id);
        Ok(found.map(|message| message["content"].as_str().unwrap_or_default().to_owned()))
    }

    async fn all(&self) -> Result<Vec<String>> {
        let history = self.human.history(&self.channel).await?;
        let ours = history.iter().filter(|message| message["author"]["id"] == self.bot);
        Ok(ours.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect())
    }

    async fn presses(&self, id: &str, command: &str) -> Result<()> {
        self.human.click(&self.channel, id, command).await.map(drop)
    }

    async fn sends(&self, text: &str, name: &str, content: &[u8]) -> Result<()> {
        let text = format!("<@{}> {text}", self.bot);
        self.human.upload(&self.channel, &text, name, "text/markdown", content.to_vec()).await.map(drop)
    }

    async fn edits(&self, id: &str, text: &str) -> Result<()> {
        self.human.edit(&self.channel, id, &format!("<@{}> {text}", self.bot)).await.map(drop)
    }

    async fn deletes(&self, id: &str) -> Result<()> {
        self.human.delete(&self.channel, id).await
    }

    async fn hears_alone(&self, fits: Fits<'_>) -> Result<String> {
        // Wherever the bot opened it.
        let alone = |message: &Value| {
            message["author"]["id"] == self.bot
                && message["channel_id"] != self.channel.as_str()
                && message["content"].as_str().is_some_and(fits)
        };
        let message = self.human.hear("MESSAGE_CREATE", alone, WITHIN).await?;
        Ok(message["content"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_in_a_channel_are_answered_with_lines_one_can_check() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.seat("ana", "seminar"), world.seat("bob", "seminar"));
    let answer = platforms::a_question_gets_its_sources_and_its_answer(&ana).await?;
    platforms::the_line_is_one_press_away(&ana, &answer).await?;
    platforms::a_reply_is_about_the_answer_that_it_replies_to(&bob, &answer).await?;
    platforms::an_abstention_can_be_handed_to_the_people(&ana).await?;
    platforms::no_paper_calls_the_whole_room(&ana).await?;
    platforms::an_unknown_command_is_answered_with_the_nearest(&ana).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_edits_and_deletions_in_a_channel_are_followed() -> Result<()> {
    let mut world = World::start().await?;
    {
        let ana = world.seat("ana", "seminar");
        platforms::a_dropped_file_is_read_and_asked_about(&ana).await?;
        platforms::a_broken_file_gets_a_sentence(&ana).await?;
        platforms::what_is_for_the_caller_alone_stays_so(&ana).await?;
        platforms::a_deleted_question_takes_its_answer_with_it(&ana).await?;
        platforms::an_edited_question_is_answered_anew(&ana).await?;
        // What one room was given, another does not read.
        let bob = world.seat("bob", "hall");
        bob.says("With whom is the research boat Albatros booked?").await?;
        bob.hears(&|text| text.contains("This is not in the library")).await?;
    }
    let World { guild, served, .. } = &mut world;
    let ana = Seat { human: guild.human("ana"), channel: guild.channel("seminar").to_owned(), bot: &guild.application };
    platforms::a_restart_after_a_kill_answers_or_apologises_once(&ana, served).await?;
    ensure!(served.stop().await?, "it ended badly: {}", served.said());
    Ok(())
}

/// Slash commands come from the manifests; what is for the caller alone is ephemeral.
#[tokio::test(flavor = "multi_thread")]
async fn slash_commands_answer_where_their_manifest_says() -> Result<()> {
    let world = World::start().await?;
    let (ana, channel) = (world.guild.human("ana"), world.guild.channel("seminar"));
    // They are registered while the bot serves already.
    let started = Instant::now();
    loop {
        let offered = ana.commands(channel).await?;
        let names: Vec<&str> = offered.iter().filter_map(|command| command["name"].as_str()).collect();
        match COMMANDS.iter().find(|command| !names.contains(command)) {
            None => break,
            Some(missing) => ensure!(started.elapsed() < WITHIN, "`{missing}` is not among {names:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let question = json!([{"type": 3, "name": "question", "value": "How many times an hour does each duck dive?"}]);
    ana.invoke(channel, "ask", question).await?;
    let fits = |text: &str| text.contains("14 times an hour") && text.contains("In the sources' own words");
    ana.wait_bot(channel, fits, WITHIN).await?;

    ana.invoke(channel, "papers", json!([{"type": 3, "name": "matching", "value": "ducks"}])).await?;
    let listed =
        |message: &Value| message["content"].as_str().is_some_and(|text| text.starts_with("- Ducks of the lake"));
    ana.hear("MESSAGE_UPDATE", listed, WITHIN).await?;
    ensure!(!world.guild.human("bob").history(channel).await?.iter().any(listed), "it was not ephemeral");

    let typed = json!([{"type": 3, "name": "matching", "value": "du", "focused": true}]);
    let choices = ana.complete(channel, "papers", typed, WITHIN).await?;
    ensure!(choices.iter().any(|choice| choice["value"] == "Ducks of the lake"), "{choices:?}");
    Ok(())
}

/// A gateway that cuts everybody off, and a server that dies, cost no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_gateway_and_a_restarted_server_cost_nothing() -> Result<()> {
    let mut world = World::start().await?;
    world.yepcord.drop_sockets().await?;
    until_it_is_back(&world.seat("ana", "seminar")).await?;
    platforms::a_question_gets_its_sources_and_its_answer(&world.seat("ana", "seminar")).await?;
    world.yepcord.kill().await?;
    world.yepcord.restart().await?;
    until_it_is_back(&world.seat("bob", "hall")).await?;
    platforms::a_question_gets_its_sources_and_its_answer(&world.seat("bob", "hall")).await?;
    Ok(())
}

/// What is said while nobody listens is lost on Discord too: so it is said again.
async fn until_it_is_back(person: &Seat<'_>) -> Result<()> {
    let started = Instant::now();
    loop {
        person.says("!lien 1").await?;
        let fits = |text: &str| text.contains("There is no command `lien`");
        if person.human.wait_bot(&person.channel, fits, Duration::from_secs(3)).await.is_ok() {
            return Ok(());
        }
        ensure!(started.elapsed() < 2 * WITHIN, "it does not come back");
    }
}

/// A rate limit delays the end of an answer and does not lose it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_delays_an_answer_and_loses_nothing() -> Result<()> {
    use tests::peers::yepcord::Fault;
    let world = World::start().await?;
    world.yepcord.fault(Fault { method: "PATCH", path: "/messages/", status: 429, times: 3, retry_after: 1.5 }).await?;
    platforms::a_question_gets_its_sources_and_its_answer(&world.seat("ana", "seminar")).await?;
    Ok(())
}

/// A wrong token is a sentence at the start, without the token in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_said_at_the_start() -> Result<()> {
    let yepcord = Yepcord::start().await?;
    let base = yepcord.base();
    let mut served = Served::new(
        &[("discord.api_base", &base), ("models.generate", "")],
        &[("COLLOQUY_DISCORD_TOKEN", "bm90LWEtdG9rZW4.secret.part")],
    )?;
    let said = format!("{:#}", served.start().await.err().context("it started")?);
    ensure!(said.contains("token") && !said.contains("secret.part"), "{said}");
    Ok(())
}
