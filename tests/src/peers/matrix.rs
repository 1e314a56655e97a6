//! A human on Matrix, whose client is matrix-nio: nothing of matrix-sdk is in it.
//!
//! Each is one process with one device. What its sync brings is a list of events, each a JSON object with a `kind`:
//! `tests/peers/matrix/human.py` says which kinds there are and what they hold.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{python, script, talk::Talk, text};

/// What it takes to start a human's client, again and again.
pub(super) struct Seat {
    /// The Python that has matrix-nio.
    pub nio: PathBuf,
    /// The homeserver.
    pub base: String,
    /// Where the session and the keys are kept.
    pub folder: PathBuf,
    /// The local part of the user's id.
    pub name: String,
    /// Their password.
    pub password: String,
}

/// A human on Matrix, who trusts every device.
pub struct Human {
    /// The full id.
    pub user: String,
    /// The device, the same after a restart.
    pub device: String,
    seat: Seat,
    talk: Talk,
}

impl Human {
    pub(super) async fn sit(seat: Seat) -> Result<Self> {
        let mut command = python(&seat.nio, &script("matrix/human.py"));
        command.arg(&seat.base).arg(&seat.folder);
        let talk = Talk::start(&format!("{}'s client", seat.name), &mut command, &seat.folder.with_extension("log"))?;
        let login = json!({"do": "login", "user": seat.name, "password": seat.password});
        let session = answered(talk.ask(login).await?)?;
        Ok(Self { user: text(&session, "user")?, device: text(&session, "device")?, seat, talk })
    }

    /// Closes the client and opens it again: the same device, with what came in between. Events start anew.
    pub async fn restart(self) -> Result<Self> {
        self.talk.stop().await?;
        Self::sit(self.seat).await
    }

    /// Closes the client.
    pub async fn stop(self) -> Result<()> {
        self.talk.stop().await
    }

    /// Ends the client at once.
    pub async fn kill(self) -> Result<()> {
        self.talk.kill().await
    }

    /// Any command of `human.py`; fails with the server's refusal.
    pub async fn ask(&self, command: Value) -> Result<Value> {
        answered(self.talk.ask(command).await?)
    }

    /// Any request of the client API, as `("GET", "/_matrix/client/v3/...", null)`.
    pub async fn request(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        self.ask(json!({"do": "request", "method": method, "path": path, "body": body})).await
    }

    // --- Rooms ------------------------------------------------------------------------------------------------------

    /// Makes a room of `name`, `encrypted`, `invite`, `direct`, `public`, `power` (of others), `version`: its id.
    pub async fn create_room(&self, mut options: Value) -> Result<String> {
        options["do"] = "create_room".into();
        text(&self.ask(options).await?, "room")
    }

    /// Invites someone.
    pub async fn invite(&self, room: &str, user: &str) -> Result<()> {
        self.ask(json!({"do": "invite", "room": room, "user": user})).await.map(drop)
    }

    /// Joins a room and waits until the sync has brought it.
    pub async fn join(&self, room: &str) -> Result<()> {
        self.ask(json!({"do": "join", "room": room})).await.map(drop)
    }

    /// Waits for an invitation to a room and joins it.
    pub async fn accept(&self, room: &str, within: Duration) -> Result<()> {
        self.wait(|event| event["kind"] == "invite" && event["room"] == room, within).await?;
        self.join(room).await
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &str) -> Result<()> {
        self.ask(json!({"do": "leave", "room": room})).await.map(drop)
    }

    /// Removes someone from a room.
    pub async fn kick(&self, room: &str, user: &str, reason: &str) -> Result<()> {
        self.ask(json!({"do": "kick", "room": room, "user": user, "reason": reason})).await.map(drop)
    }

    /// Sets someone's power level.
    pub async fn power(&self, room: &str, user: &str, level: i64) -> Result<()> {
        self.ask(json!({"do": "power", "room": room, "user": user, "level": level})).await.map(drop)
    }

    /// Encrypts a room from now on.
    pub async fn enable_encryption(&self, room: &str) -> Result<()> {
        self.ask(json!({"do": "enable_encryption", "room": room})).await.map(drop)
    }

    /// Replaces a room by one of another version: the new room's id.
    pub async fn upgrade(&self, room: &str, version: &str) -> Result<String> {
        text(&self.ask(json!({"do": "upgrade", "room": room, "version": version})).await?, "room")
    }

    /// Who is in a room.
    pub async fn members(&self, room: &str) -> Result<Vec<String>> {
        let answer = self.ask(json!({"do": "members", "room": room})).await?;
        Ok(serde_json::from_value(answer["users"].clone())?)
    }

    // --- Messages: each gives back the id of its event --------------------------------------------------------------

    /// Says something.
    pub async fn say(&self, room: &str, body: &str) -> Result<String> {
        self.event(json!({"do": "say", "room": room, "body": body})).await
    }

    /// Says something that mentions someone, as clients mark it.
    pub async fn mention(&self, room: &str, user: &str, body: &str) -> Result<String> {
        self.event(json!({"do": "say", "room": room, "body": body, "mentions": [user]})).await
    }

    /// Replies to an event.
    pub async fn reply(&self, room: &str, to: &str, body: &str) -> Result<String> {
        self.event(json!({"do": "reply", "room": room, "to": to, "body": body})).await
    }

    /// Says something in the thread of an event.
    pub async fn thread(&self, room: &str, root: &str, body: &str) -> Result<String> {
        self.event(json!({"do": "thread", "room": room, "root": root, "body": body})).await
    }

    /// Replaces the text of an own message.
    pub async fn edit(&self, room: &str, event: &str, body: &str) -> Result<String> {
        self.event(json!({"do": "edit", "room": room, "event": event, "body": body})).await
    }

    /// Takes an event back.
    pub async fn redact(&self, room: &str, event: &str) -> Result<String> {
        self.event(json!({"do": "redact", "room": room, "event": event})).await
    }

    /// Reacts to an event.
    pub async fn react(&self, room: &str, event: &str, key: &str) -> Result<String> {
        self.event(json!({"do": "react", "room": room, "event": event, "key": key})).await
    }

    /// Sends a file, encrypted where the room is.
    pub async fn upload(&self, room: &str, file: &Path, mimetype: &str) -> Result<String> {
        let name = file.file_name().context("a file has a name")?.to_string_lossy();
        let upload = json!({"do": "upload", "room": room, "name": name, "file": file, "mimetype": mimetype});
        self.event(upload).await
    }

    /// Any command that sends an event, with `mentions`, `html`, `msgtype` or `extra` as `human.py` takes them.
    pub async fn event(&self, command: Value) -> Result<String> {
        text(&self.ask(command).await?, "event")
    }

    /// The file of an event that was seen, decrypted.
    pub async fn download(&self, event: &str) -> Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new()?;
        self.ask(json!({"do": "download", "event": event, "to": file.path()})).await?;
        Ok(std::fs::read(file.path())?)
    }

    /// Shows or stops showing that the human types.
    pub async fn typing(&self, room: &str, on: bool) -> Result<()> {
        self.ask(json!({"do": "typing", "room": room, "on": on})).await.map(drop)
    }

    /// Tells the room that an event was read.
    pub async fn read(&self, room: &str, event: &str) -> Result<()> {
        self.ask(json!({"do": "read", "room": room, "event": event})).await.map(drop)
    }

    // --- What is there to see ---------------------------------------------------------------------------------------

    /// An event as the server keeps it: of type `m.room.encrypted`, if it is.
    pub async fn raw_event(&self, room: &str, event: &str) -> Result<Value> {
        self.ask(json!({"do": "raw_event", "room": room, "event": event})).await
    }

    /// The last events of a room, the newest first, decrypted where there is a key.
    pub async fn messages(&self, room: &str, limit: u32) -> Result<Vec<Value>> {
        let answer = self.ask(json!({"do": "messages", "room": room, "limit": limit})).await?;
        Ok(serde_json::from_value(answer["events"].clone())?)
    }

    /// All that the sync has brought, in order.
    pub fn events(&self) -> Vec<Value> {
        self.talk.events()
    }

    /// How many events there are: what [`wait_from`](Self::wait_from) starts at to see only later ones.
    pub fn mark(&self) -> usize {
        self.talk.count()
    }

    /// The first event that fits, which may have come already.
    pub async fn wait(&self, fits: impl Fn(&Value) -> bool, within: Duration) -> Result<Value> {
        self.wait_from(0, fits, within).await
    }

    /// The first event from a [`mark`](Self::mark) on that fits.
    pub async fn wait_from(&self, mark: usize, fits: impl Fn(&Value) -> bool, within: Duration) -> Result<Value> {
        self.talk.wait(mark, fits, within).await
    }

    /// Waits until the sync shows someone's `membership` in a room: what is said before it, they may not read.
    pub async fn wait_member(&self, room: &str, user: &str, membership: &str, within: Duration) -> Result<Value> {
        let fits = |event: &Value| {
            event["kind"] == "member"
                && event["room"] == room
                && event["user"] == user
                && event["membership"] == membership
        };
        self.wait(fits, within).await
    }

    /// Waits until a message of `sender` reads so that it fits, by itself or after an edit: the event that made it so.
    pub async fn wait_text(
        &self,
        room: &str,
        sender: &str,
        fits: impl Fn(&str) -> bool,
        within: Duration,
    ) -> Result<Value> {
        let of_sender = |event: &Value| {
            event["kind"] == "message"
                && event["room"] == room
                && event["sender"] == sender
                && event["body"].as_str().is_some_and(&fits)
        };
        self.wait(of_sender, within).await
    }

    /// What a message reads now, with its edits so far.
    pub fn shown(&self, event: &str) -> Option<String> {
        let events = self.talk.events();
        let last = events.iter().rfind(|one| one["kind"] == "message" && (one["id"] == event || one["edits"] == event));
        last?["body"].as_str().map(str::to_owned)
    }
}

/// The content of an answer, or the refusal as an error.
fn answered(mut answer: Value) -> Result<Value> {
    if let Some(error) = answer.get("error") {
        bail!("refused: {error}");
    }
    Ok(answer["ok"].take())
}
