//! The bot on a real Synapse, seen by people with matrix-nio, in plain and in encrypted rooms.

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use serde_json::{Value, json};
use tests::{
    peers::{
        matrix::Human,
        synapse::{Limits, Synapse},
    },
    served::Served,
};

use crate::platforms::{self, Fits, Person, WITHIN};

/// A homeserver with the bot on it.
struct World {
    synapse: Synapse,
    served: Served,
    bot: String,
}

impl World {
    async fn start() -> Result<Self> {
        let synapse = Synapse::start(Limits::Off).await?;
        let bot = synapse.register("colloquy").await?;
        let keys = [
            ("matrix.homeserver", synapse.base()),
            ("matrix.user", bot.clone()),
            ("matrix.allow", "*".to_owned()),
            ("matrix.edit_gap_ms", "500".to_owned()),
            ("models.generate", String::new()),
        ];
        let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut served = Served::new(&keys, &[("COLLOQUY_MATRIX_PASSWORD", &synapse.password("colloquy"))])?;
        let said = served.run(&["matrix", "setup"]).await?;
        ensure!(said.contains("recovery key"), "{said}");
        platforms::serve(&mut served).await?;
        Ok(Self { synapse, served, bot })
    }

    /// A room of `human` with the bot in it.
    async fn room(&self, human: &Human, encrypted: bool, others: &[&Human]) -> Result<String> {
        let mut invite = vec![self.bot.clone()];
        invite.extend(others.iter().map(|other| other.user.clone()));
        let room = human.create_room(json!({"name": "seminar", "encrypted": encrypted, "invite": invite})).await?;
        human.wait_member(&room, &self.bot, "join", WITHIN).await?;
        for other in others {
            other.accept(&room, WITHIN).await?;
        }
        Ok(room)
    }
}

/// A human in a room.
struct Seat<'a> {
    human: &'a Human,
    room: String,
    bot: String,
}

impl Seat<'_> {
    fn is_ours(&self, event: &Value) -> bool {
        event["kind"] == "message" && event["room"] == self.room.as_str() && event["sender"] == self.bot.as_str()
    }
}

#[async_trait]
impl Person for Seat<'_> {
    async fn says(&self, text: &str) -> Result<String> {
        self.human.mention(&self.room, &self.bot, text).await
    }

    async fn replies(&self, to: &str, text: &str) -> Result<String> {
        self.human.reply(&self.room, to, text).await
    }

    async fn hears(&self, fits: Fits<'_>) -> Result<(String, String)> {
        let event = self.human.wait_text(&self.room, &self.bot, |text: &str| fits(text), WITHIN).await?;
        let id = event["edits"].as_str().or(event["id"].as_str()).context("no id")?.to_owned();
        Ok((id, event["body"].as_str().unwrap_or_default().to_owned()))
    }

    async fn reads(&self, id: &str) -> Result<Option<String>> {
        let gone = |event: &Value| event["kind"] == "redaction" && event["target"] == id;
        if self.human.events().iter().any(gone) {
            return Ok(None);
        }
        Ok(self.human.shown(id))
    }

    async fn all(&self) -> Result<Vec<String>> {
        let events = self.human.events();
        let first = events.iter().filter(|event| self.is_ours(event) && event["edits"].is_null());
        Ok(first.filter_map(|event| self.human.shown(event["id"].as_str()?)).collect())
    }

    async fn presses(&self, id: &str, command: &str) -> Result<()> {
        let key = match command {
            "line 1" => "1️⃣",
            "rate up" => "👍",
            other => anyhow::bail!("no reaction stands for `{other}`"),
        };
        self.human.react(&self.room, id, key).await.map(drop)
    }

    async fn sends(&self, text: &str, name: &str, content: &[u8]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(name);
        std::fs::write(&file, content)?;
        let id = self.human.upload(&self.room, &file, "text/markdown").await?;
        self.human.reply(&self.room, &id, text).await.map(drop)
    }

    async fn edits(&self, id: &str, text: &str) -> Result<()> {
        self.human.edit(&self.room, id, &format!("{} {text}", self.bot)).await.map(drop)
    }

    async fn deletes(&self, id: &str) -> Result<()> {
        self.human.redact(&self.room, id).await.map(drop)
    }

    async fn hears_alone(&self, fits: Fits<'_>) -> Result<String> {
        let invited = |event: &Value| event["kind"] == "invite" && event["sender"] == self.bot.as_str();
        let invite = self.human.wait(invited, WITHIN).await?;
        let alone = invite["room"].as_str().context("no room")?;
        self.human.join(alone).await?;
        let event = self.human.wait_text(alone, &self.bot, |text: &str| fits(text), WITHIN).await?;
        Ok(event["body"].as_str().unwrap_or_default().to_owned())
    }
}

async fn questions(encrypted: bool) -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, encrypted, &[&bob]).await?;
    let seat = |human| Seat { human, room: room.clone(), bot: world.bot.clone() };
    let (ana, bob) = (seat(&ana), seat(&bob));
    let answer = platforms::a_question_gets_its_sources_and_its_answer(&ana).await?;
    let raw = ana.human.raw_event(&room, &answer).await?;
    ensure!((raw["type"] == "m.room.encrypted") == encrypted, "{raw}");
    platforms::the_line_is_one_press_away(&ana, &answer).await?;
    platforms::a_reply_is_about_the_answer_that_it_replies_to(&bob, &answer).await?;
    platforms::an_abstention_can_be_handed_to_the_people(&ana).await?;
    platforms::no_paper_calls_the_whole_room(&ana).await?;
    platforms::an_unknown_command_is_answered_with_the_nearest(&ana).await
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_in_a_plain_room_are_answered_with_lines_one_can_check() -> Result<()> {
    questions(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_in_an_encrypted_room_are_answered_with_lines_one_can_check() -> Result<()> {
    questions(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_edits_and_deletions_in_an_encrypted_room_are_followed() -> Result<()> {
    let mut world = World::start().await?;
    let ana = world.synapse.human("ana").await?;
    let bob = world.synapse.human("bob").await?;
    // Three in it: a room of two is a direct message.
    let room = world.room(&ana, true, &[&bob]).await?;
    let ana = Seat { human: &ana, room: room.clone(), bot: world.bot.clone() };
    platforms::a_dropped_file_is_read_and_asked_about(&ana).await?;
    platforms::a_broken_file_gets_a_sentence(&ana).await?;
    platforms::what_is_for_the_caller_alone_stays_so(&ana).await?;
    platforms::a_deleted_question_takes_its_answer_with_it(&ana).await?;
    platforms::an_edited_question_is_answered_anew(&ana).await?;
    platforms::a_restart_after_a_kill_answers_or_apologises_once(&ana, &mut world.served).await?;
    ensure!(world.served.stop().await?, "it ended badly: {}", world.served.said());
    Ok(())
}

/// The homeserver goes down and comes back; the bot is removed and invited again: it answers as before, and nothing
/// from before it came is run.
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_homeserver_and_a_second_invitation_cost_nothing() -> Result<()> {
    let mut world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, true, &[&bob]).await?;
    let seat = Seat { human: &ana, room: room.clone(), bot: world.bot.clone() };
    platforms::a_question_gets_its_sources_and_its_answer(&seat).await?;
    world.synapse.restart().await?;
    seat.says("What do the mallard ducks of lake Brennsee dive for?").await?;
    seat.hears(&|text| text.contains("water weeds at dawn") && text.contains("[1]")).await?;

    ana.kick(&room, &world.bot, "a break").await?;
    seat.says("!lien 3").await?;
    let mark = ana.mark();
    ana.invite(&room, &world.bot).await?;
    let joins = |event: &Value| {
        event["kind"] == "member" && event["user"] == world.bot.as_str() && event["membership"] == "join"
    };
    ana.wait_from(mark, joins, WITHIN).await?;
    seat.says("!papres").await?;
    seat.hears(&|text| text.contains("There is no command `papres`")).await?;
    ensure!(!seat.all().await?.iter().any(|text| text.contains("lien")), "it answered what was said while it was away");
    Ok(())
}
