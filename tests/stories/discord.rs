//! The bot on a Discord-compatible server that nobody here wrote, seen by people with plain REST.
//!
//! Here is how people do things on Discord; the stories of ends and of many people have files of their own.

mod bridges;
mod ends;
mod experts;
mod many;
mod matching;
mod permissions;
mod places;
mod recommendations;
mod said;
mod summaries;
mod translations;

use std::{
    pin::{Pin, pin},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use reqwest::Method;
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
    /// Answers are the sources' own lines.
    async fn start() -> Result<Self> {
        Self::of(&["ana", "bob"], &["seminar", "hall"], &[("models.generate", "")]).await
    }

    /// Answers are drafted by the small model.
    async fn with_model() -> Result<Self> {
        Self::of(&["ana", "bob"], &["seminar"], &[]).await
    }

    async fn of(humans: &[&str], channels: &[&str], keys: &[(&str, &str)]) -> Result<Self> {
        let yepcord = Yepcord::start().await?;
        let furniture =
            Furniture { humans, guild: "lab", channels, roles: &[("chair", MANAGE_GUILD)], bot: "colloquy" };
        let guild = yepcord.furnish(furniture).await?;
        let base = yepcord.base();
        let keys = [keys, &[("discord.api_base", base.as_str())]].concat();
        let mut served = Served::new(&keys, &[("COLLOQUY_DISCORD_TOKEN", &guild.bot_token)])?;
        platforms::serve(&mut served).await?;
        Ok(Self { yepcord, guild, served })
    }

    fn seat(&self, name: &str, channel: &str) -> Seat<'_> {
        Seat::new(&self.guild, name, channel)
    }
}

/// A human in a channel.
pub(crate) struct Seat<'a> {
    human: &'a Human,
    channel: String,
    bot: &'a str,
}

impl<'a> Seat<'a> {
    pub(crate) fn new(guild: &'a Guild, name: &str, channel: &str) -> Self {
        let channel = guild.channel(channel).to_owned();
        Self { human: guild.human(name), channel, bot: &guild.application }
    }

    /// The same human in another channel, by its id.
    fn in_channel(&self, channel: String) -> Self {
        Self { channel, ..*self }
    }

    /// What the bot tells the human alone, wherever it opened that: at once, or grown into it.
    async fn alone(&self, fits: Fits<'_>) -> Result<Value> {
        let alone = |message: &Value| {
            message["author"]["id"] == self.bot
                && message["channel_id"] != self.channel.as_str()
                && message["content"].as_str().is_some_and(fits)
        };
        let (told, grown) =
            (self.human.hear("MESSAGE_CREATE", alone, WITHIN), self.human.hear("MESSAGE_UPDATE", alone, WITHIN));
        let (told, grown) = (pin!(told), pin!(grown));
        Ok(futures::future::select_ok([told as Pin<&mut (dyn Future<Output = _> + Send)>, grown]).await?.0)
    }

    /// The bot's messages in the channel, the oldest first.
    async fn ours(&self) -> Result<Vec<Value>> {
        let mut history = self.human.history(&self.channel).await?;
        history.retain(|message| message["author"]["id"] == self.bot);
        history.reverse();
        Ok(history)
    }
}

fn content(message: &Value) -> String {
    message["content"].as_str().unwrap_or_default().to_owned()
}

fn id(message: &Value) -> Result<String> {
    Ok(message["id"].as_str().context("no id")?.to_owned())
}

#[async_trait]
impl Person for Seat<'_> {
    async fn says(&self, text: &str) -> Result<String> {
        id(&self.human.mention_bot(&self.channel, text).await?)
    }

    async fn tells(&self, text: &str) -> Result<String> {
        id(&self.human.say(&self.channel, text).await?)
    }

    async fn replies(&self, to: &str, text: &str) -> Result<String> {
        id(&self.human.reply(&self.channel, to, text).await?)
    }

    async fn hears(&self, fits: Fits<'_>) -> Result<(String, String)> {
        let message = self.human.wait_bot(&self.channel, |text: &str| fits(text), WITHIN).await?;
        Ok((id(&message)?, content(&message)))
    }

    async fn reads(&self, id: &str) -> Result<Option<String>> {
        let found = self.human.history(&self.channel).await?.into_iter().find(|message| message["id"] == id);
        Ok(found.as_ref().map(content))
    }

    async fn all(&self) -> Result<Vec<String>> {
        Ok(self.ours().await?.iter().map(content).collect())
    }

    async fn answers(&self, question: &str) -> Result<Vec<(String, String)>> {
        let ours = self.ours().await?;
        let to_it = ours.iter().filter(|message| message["message_reference"]["message_id"] == question);
        to_it.map(|message| Ok((id(message)?, content(message)))).collect()
    }

    async fn grows(&self, id: &str) -> Result<bool> {
        let message = self.human.message(&self.channel, id).await?;
        Ok(message["components"].to_string().contains("\"stop\""))
    }

    async fn calls(&self, id: &str) -> Result<Vec<String>> {
        let message = self.human.message(&self.channel, id).await?;
        // The server looks for the words by itself; where they stood, it would say so.
        let everyone = message["mention_everyone"].as_bool().context("it is not said whether everyone is called")?;
        let listed = |key: &str| message[key].as_array().cloned().unwrap_or_default();
        let people = listed("mentions").into_iter().map(|user| user["id"].to_string());
        let roles = listed("mention_roles").into_iter().map(|role| role.to_string());
        let called = people.chain(roles).filter(|one| one.trim_matches('"') != self.human.id);
        Ok(called.chain(everyone.then(|| "everyone".to_owned())).collect())
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

    async fn retells(&self, id: &str, text: &str) -> Result<()> {
        self.human.edit(&self.channel, id, text).await.map(drop)
    }

    async fn marks(&self, id: &str) -> Result<String> {
        self.human.react(&self.channel, id, "✅").await?;
        Ok("%E2%9C%85".to_owned())
    }

    async fn unmarks(&self, id: &str, mark: &str) -> Result<()> {
        let path = format!("/channels/{}/messages/{id}/reactions/{mark}/@me", self.channel);
        self.human.call(Method::DELETE, &path, Value::Null).await.map(drop)
    }

    async fn deletes(&self, id: &str) -> Result<()> {
        self.human.delete(&self.channel, id).await
    }

    async fn hears_alone(&self, fits: Fits<'_>) -> Result<String> {
        Ok(content(&self.alone(fits).await?))
    }

    async fn shows_to_everyone(&self, fits: Fits<'_>) -> Result<()> {
        let told = self.alone(fits).await?;
        let (channel, id) = (told["channel_id"].as_str().context("no channel")?, told["id"].as_str().context("no id")?);
        let ended = |message: &Value| message["id"] == id && message["components"].to_string().contains("\"show\"");
        self.human.wait(channel, ended, WITHIN).await?;
        self.human.click(channel, id, "show").await.map(drop)
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
    platforms::an_unknown_command_is_answered_with_the_nearest(&ana).await?;
    platforms::who_is_refused_again_and_again_is_told_a_few_times(&bob).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_edits_and_deletions_in_a_channel_are_followed() -> Result<()> {
    let mut world = World::start().await?;
    let edited = {
        let ana = world.seat("ana", "seminar");
        platforms::a_dropped_file_is_read_and_asked_about(&ana).await?;
        platforms::a_broken_file_gets_a_sentence(&ana).await?;
        platforms::what_is_for_the_caller_alone_stays_so(&ana).await?;
        platforms::a_deleted_question_takes_its_answer_with_it(&ana).await?;
        let edited = platforms::an_edited_question_is_answered_anew(&ana).await?;
        platforms::what_a_policy_keeps_for_the_caller_can_be_shown_to_everyone(&ana).await?;
        // What one room was given, another does not read.
        let bob = world.seat("bob", "hall");
        bob.says("With whom is the research boat Albatros booked?").await?;
        bob.hears(&|text| text.contains("This is not in the library")).await?;
        edited
    };
    let World { guild, served, .. } = &mut world;
    let ana = Seat::new(guild, "ana", "seminar");
    platforms::a_restart_after_a_kill_answers_or_apologises_once(&ana, served).await?;
    platforms::a_question_that_was_edited_takes_its_answers_with_it(&ana, edited).await?;
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

    // A room may have all answers for who asks alone: then they are so from the first response on.
    let seat = world.seat("ana", "seminar");
    seat.says("!room set visibility caller").await?;
    seat.hears(&|text| text.contains("visibility = ")).await?;
    let answered = |history: Vec<Value>| history.iter().filter(|message| fits(&content(message))).count();
    let before = answered(world.guild.human("bob").history(channel).await?);
    let question = json!([{"type": 3, "name": "question", "value": "How many times an hour does a duck dive there?"}]);
    ana.invoke(channel, "ask", question).await?;
    let alone = |message: &Value| {
        message["channel_id"] == channel && message["flags"] == 64 && message["content"].as_str().is_some_and(fits)
    };
    ana.hear("MESSAGE_UPDATE", alone, WITHIN).await?;
    ensure!(answered(world.guild.human("bob").history(channel).await?) == before, "the room saw it");

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
    platforms::until_it_listens(&world.seat("ana", "seminar")).await?;
    platforms::a_question_gets_its_sources_and_its_answer(&world.seat("ana", "seminar")).await?;
    world.yepcord.kill().await?;
    world.yepcord.restart().await?;
    platforms::until_it_listens(&world.seat("bob", "hall")).await?;
    platforms::a_question_gets_its_sources_and_its_answer(&world.seat("bob", "hall")).await?;
    Ok(())
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
