//! The bot on a real Synapse, seen by people with matrix-nio, in plain and in encrypted rooms.
//!
//! Here is how people do things on Matrix; the stories of ends and of many people have files of their own.

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
    /// Answers are the sources' own lines.
    async fn start() -> Result<Self> {
        Self::of(Limits::Off, &[("models.generate", ""), ("matrix.edit_gap_ms", "500")]).await
    }

    /// Answers are drafted by the small model.
    async fn with_model() -> Result<Self> {
        Self::of(Limits::Off, &[("matrix.edit_gap_ms", "500")]).await
    }

    async fn of(limits: Limits, keys: &[(&str, &str)]) -> Result<Self> {
        let synapse = Synapse::start(limits).await?;
        let bot = synapse.register("colloquy").await?;
        let base = synapse.base();
        let of_matrix = [("matrix.homeserver", base.as_str()), ("matrix.user", &bot), ("matrix.allow", "*")];
        let keys = [keys, &of_matrix].concat();
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
pub(crate) struct Seat<'a> {
    human: &'a Human,
    room: String,
    bot: String,
    /// The root of the thread that they sit in.
    thread: Option<String>,
}

impl<'a> Seat<'a> {
    pub(crate) fn new(human: &'a Human, room: &str, bot: &str) -> Self {
        Self { human, room: room.to_owned(), bot: bot.to_owned(), thread: None }
    }

    /// The same human in a thread of the room.
    fn in_thread(&self, root: &str) -> Self {
        Self { thread: Some(root.to_owned()), ..Self::new(self.human, &self.room, &self.bot) }
    }

    /// Sends a message, to the thread where they sit in one.
    async fn send(&self, text: &str, mentions: &[&str]) -> Result<String> {
        let mut command = json!({"do": "say", "room": self.room, "body": text, "mentions": mentions});
        if let Some(root) = &self.thread {
            command["do"] = "thread".into();
            command["root"] = root.as_str().into();
        }
        self.human.event(command).await
    }

    /// The assistant's messages here, without their edits.
    fn ours(&self) -> Vec<Value> {
        let mut events = self.human.events();
        events.retain(|event| {
            self.is_ours(event) && event["edits"].is_null() && event["thread"].as_str() == self.thread.as_deref()
        });
        events
    }

    fn is_ours(&self, event: &Value) -> bool {
        event["kind"] == "message" && event["room"] == self.room.as_str() && event["sender"] == self.bot.as_str()
    }
}

#[async_trait]
impl Person for Seat<'_> {
    async fn says(&self, text: &str) -> Result<String> {
        self.send(text, &[&self.bot]).await
    }

    async fn tells(&self, text: &str) -> Result<String> {
        self.send(text, &[]).await
    }

    async fn replies(&self, to: &str, text: &str) -> Result<String> {
        self.human.reply(&self.room, to, text).await
    }

    async fn hears(&self, fits: Fits<'_>) -> Result<(String, String)> {
        // An edit does not say which thread it is in: what it edits does.
        while self.thread.is_some() {
            let mark = self.human.mark();
            let ours = self.ours().into_iter().filter_map(|event| event["id"].as_str().map(str::to_owned));
            let mut shown = ours.filter_map(|id| Some((self.human.shown(&id)?, id)));
            if let Some((text, id)) = shown.find(|(text, _)| fits(text)) {
                return Ok((id, text));
            }
            self.human.wait_from(mark, |event| self.is_ours(event), WITHIN).await.context("in a thread")?;
        }
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
        Ok(self.ours().iter().filter_map(|event| self.human.shown(event["id"].as_str()?)).collect())
    }

    async fn answers(&self, question: &str) -> Result<Vec<(String, String)>> {
        let mut ours = self.ours();
        ours.retain(|event| event["reply_to"] == question);
        let ids = ours.into_iter().filter_map(|event| event["id"].as_str().map(str::to_owned));
        Ok(ids.filter_map(|id| Some((id.clone(), self.human.shown(&id)?))).collect())
    }

    async fn grows(&self, id: &str) -> Result<bool> {
        Ok(self.human.shown(id).is_some_and(|text| text.contains("🛑")))
    }

    async fn calls(&self, id: &str) -> Result<Vec<String>> {
        let mut called = Vec::new();
        let events = self.human.events();
        for event in events.iter().filter(|event| event["id"] == id || event["edits"] == id) {
            let content = &event["content"];
            // Without the word clients look for names in the text.
            ensure!(content["m.mentions"].is_object(), "it is not said whom it mentions: {content}");
            for mentions in [&content["m.mentions"], &content["m.new_content"]["m.mentions"]] {
                let people = mentions["user_ids"].as_array().into_iter().flatten();
                called.extend(people.filter(|user| **user != self.human.user.as_str()).map(Value::to_string));
                called.extend((mentions["room"] == true).then(|| "the room".to_owned()));
            }
        }
        Ok(called)
    }

    async fn presses(&self, id: &str, command: &str) -> Result<()> {
        let key = match command {
            "line 1" => "1️⃣",
            "rate up" => "👍",
            "stop" => "🛑",
            // What has no reaction is said.
            other => return self.replies(id, &format!("!{other}")).await.map(drop),
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

    async fn retells(&self, id: &str, text: &str) -> Result<()> {
        self.human.edit(&self.room, id, text).await.map(drop)
    }

    async fn marks(&self, id: &str) -> Result<String> {
        self.human.react(&self.room, id, "✅").await
    }

    async fn unmarks(&self, _: &str, mark: &str) -> Result<()> {
        self.human.redact(&self.room, mark).await.map(drop)
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

    async fn shows_to_everyone(&self, fits: Fits<'_>) -> Result<()> {
        let ended = |event: &Value| {
            let text = event["body"].as_str().unwrap_or_default();
            let is_alone = event["room"].is_string() && event["room"] != self.room.as_str();
            is_alone && event["sender"] == self.bot.as_str() && fits(text) && !text.contains("🛑")
        };
        let event = self.human.wait(ended, WITHIN).await?;
        let (room, id) = (event["room"].as_str().context("no room")?, event["edits"].as_str().or(event["id"].as_str()));
        let id = id.context("no id")?;
        if self.human.react(room, id, "📢").await.is_err() {
            // The homeserver takes no reaction twice; a word is as good.
            self.human.reply(room, id, "!show").await?;
        }
        Ok(())
    }
}

async fn questions(encrypted: bool) -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, encrypted, &[&bob]).await?;
    let seat = |human| Seat::new(human, &room, &world.bot);
    let (ana, bob) = (seat(&ana), seat(&bob));
    let answer = platforms::a_question_gets_its_sources_and_its_answer(&ana).await?;
    let raw = ana.human.raw_event(&room, &answer).await?;
    ensure!((raw["type"] == "m.room.encrypted") == encrypted, "{raw}");
    platforms::the_line_is_one_press_away(&ana, &answer).await?;
    platforms::a_reply_is_about_the_answer_that_it_replies_to(&bob, &answer).await?;
    platforms::an_abstention_can_be_handed_to_the_people(&ana).await?;
    platforms::no_paper_calls_the_whole_room(&ana).await?;
    platforms::an_unknown_command_is_answered_with_the_nearest(&ana).await?;
    platforms::who_is_refused_again_and_again_is_told_a_few_times(&bob).await
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
    let ana = Seat::new(&ana, &room, &world.bot);
    platforms::a_dropped_file_is_read_and_asked_about(&ana).await?;
    platforms::a_broken_file_gets_a_sentence(&ana).await?;
    platforms::what_is_for_the_caller_alone_stays_so(&ana).await?;
    platforms::a_deleted_question_takes_its_answer_with_it(&ana).await?;
    let edited = platforms::an_edited_question_is_answered_anew(&ana).await?;
    platforms::what_a_policy_keeps_for_the_caller_can_be_shown_to_everyone(&ana).await?;
    platforms::a_restart_after_a_kill_answers_or_apologises_once(&ana, &mut world.served).await?;
    platforms::a_question_that_was_edited_takes_its_answers_with_it(&ana, edited).await?;
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
    let seat = Seat::new(&ana, &room, &world.bot);
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

/// A backup that is taken while it serves goes on elsewhere as the same device, in encrypted rooms too.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_in_an_encrypted_room() -> Result<()> {
    let mut world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, true, &[&bob]).await?;
    let seat = Seat::new(&ana, &room, &world.bot);
    let answer = platforms::a_question_gets_its_sources_and_its_answer(&seat).await?;
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("lab.zip");
    let said = world.served.run(&["backup", backup.to_str().context("it has a name")?]).await?;
    ensure!(said.contains("Matrix"), "{said}");
    // What happens after it is not in it.
    seat.says("What do the mallard ducks of lake Brennsee dive for?").await?;
    seat.hears(&|text| text.contains("water weeds at dawn") && text.contains("own words")).await?;
    world.served.restore(&backup).await?;
    let checked = world.served.run(&["doctor"]).await?;
    ensure!(checked.contains("all is well"), "{checked}");
    world.served.start().await?;
    seat.says("How many ducks did the observers count in the year 2019?").await?;
    let (id, _) = seat.hears(&|text| text.contains("212 ducks in the year 2019") && text.contains("own words")).await?;
    let raw = ana.raw_event(&room, &id).await?;
    ensure!(raw["type"] == "m.room.encrypted", "{raw}");
    // An answer from before the backup is known still.
    platforms::a_reply_is_about_the_answer_that_it_replies_to(&seat, &answer).await?;
    Ok(())
}

/// A room that is upgraded goes on with its papers in the room that replaces it, and they are no longer in the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_rooms_papers_follow_it_when_it_is_upgraded() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    let room = world.room(&ana, false, &[&bob]).await?;
    platforms::a_dropped_file_is_read_and_asked_about(&Seat::new(&ana, &room, &world.bot)).await?;
    let next = ana.upgrade(&room, "11").await?;
    ana.invite(&next, &world.bot).await?;
    ana.invite(&next, &bob.user).await?;
    ana.wait_member(&next, &world.bot, "join", WITHIN).await?;
    bob.accept(&next, WITHIN).await?;
    let started = std::time::Instant::now();
    while !world.served.said().contains("a room goes on in another") {
        ensure!(started.elapsed() < WITHIN, "it did not follow: {}", world.served.said());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let seat = Seat::new(&ana, &next, &world.bot);
    seat.says("With whom is the research boat Albatros booked?").await?;
    seat.hears(&|text| text.contains("Greta") && text.contains("[1]")).await?;
    Ok(())
}
