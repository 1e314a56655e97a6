//! A human on Discord, with plain REST.
//!
//! What a client would show beside the history (ephemeral answers, typing, choices, forms, failures) comes from the
//! peer's inbox: [`Human::hear`]. Messages, events and choices are Discord's JSON.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Result, bail};
use reqwest::{
    Method, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{POLL, text};

/// A user and how to act as them.
#[derive(Clone)]
pub struct Human {
    /// The id of the user.
    pub id: String,
    /// The token, for a client of the test's own.
    pub token: String,
    pub(super) application: String,
    pub(super) base: String,
    pub(super) http: reqwest::Client,
}

impl Human {
    /// Any request of the API, as `(Method::GET, "/users/@me", null)`; fails with [`Refused`].
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let mut request = self.http.request(method, self.url(path)).header("Authorization", &self.token);
        if !body.is_null() {
            request = request.json(&body);
        }
        taken(request).await
    }

    /// A request that only reads.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, Value::Null).await
    }

    /// Sends JSON with files beside it, as clients do.
    async fn form(&self, path: &str, body: &Value, files: Vec<Part>) -> Result<Value> {
        let mut form = Form::new().text("payload_json", body.to_string());
        for (number, file) in files.into_iter().enumerate() {
            form = form.part(format!("files[{number}]"), file);
        }
        taken(self.http.post(self.url(path)).header("Authorization", &self.token).multipart(form)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v9{path}", self.base)
    }

    // --- Messages ---------------------------------------------------------------------------------------------------

    /// Says something; gives back the message.
    pub async fn say(&self, channel: &str, text: &str) -> Result<Value> {
        self.call(Method::POST, &format!("/channels/{channel}/messages"), json!({"content": text})).await
    }

    /// Says something to the bot, by a mention.
    pub async fn mention_bot(&self, channel: &str, text: &str) -> Result<Value> {
        self.say(channel, &format!("<@{}> {text}", self.application)).await
    }

    /// Replies to a message.
    pub async fn reply(&self, channel: &str, to: &str, text: &str) -> Result<Value> {
        let reply = json!({"content": text, "message_reference": {"message_id": to}});
        self.call(Method::POST, &format!("/channels/{channel}/messages"), reply).await
    }

    /// Sends a file with a text.
    pub async fn upload(&self, channel: &str, text: &str, name: &str, mimetype: &str, file: Vec<u8>) -> Result<Value> {
        let message = json!({"content": text, "attachments": [{"id": "0", "filename": name}]});
        let part = Part::bytes(file).file_name(name.to_owned()).mime_str(mimetype)?;
        self.form(&format!("/channels/{channel}/messages"), &message, vec![part]).await
    }

    /// Replaces the text of an own message.
    pub async fn edit(&self, channel: &str, message: &str, text: &str) -> Result<Value> {
        let path = format!("/channels/{channel}/messages/{message}");
        self.call(Method::PATCH, &path, json!({"content": text})).await
    }

    /// Deletes a message.
    pub async fn delete(&self, channel: &str, message: &str) -> Result<()> {
        let path = format!("/channels/{channel}/messages/{message}");
        self.call(Method::DELETE, &path, Value::Null).await.map(drop)
    }

    /// Reacts to a message with an emoji of Unicode.
    pub async fn react(&self, channel: &str, message: &str, emoji: &str) -> Result<()> {
        let emoji: String = emoji.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/channels/{channel}/messages/{message}/reactions/{emoji}/@me");
        self.call(Method::PUT, &path, Value::Null).await.map(drop)
    }

    /// Starts a thread from a message; gives back the thread's id, which is a channel's.
    pub async fn thread(&self, channel: &str, message: &str, name: &str) -> Result<String> {
        let path = format!("/channels/{channel}/messages/{message}/threads");
        let thread = json!({"name": name, "auto_archive_duration": 1440});
        text(&self.call(Method::POST, &path, thread).await?, "id")
    }

    /// Starts a thread that only those see who are taken into it, and takes the bot and others into it; gives back the
    /// thread's id, which is a channel's.
    pub async fn private_thread(&self, channel: &str, name: &str, others: &[&str]) -> Result<String> {
        let thread = json!({"name": name, "type": 12, "invitable": false, "auto_archive_duration": 1440});
        let made = self.call(Method::POST, &format!("/channels/{channel}/threads"), thread).await?;
        let thread = text(&made, "id")?;
        for other in [self.application.as_str()].iter().chain(others) {
            let path = format!("/channels/{thread}/thread-members/{other}");
            self.call(Method::PUT, &path, Value::Null).await?;
        }
        Ok(thread)
    }

    /// Opens the direct messages with the bot; gives back the channel's id.
    pub async fn dm(&self) -> Result<String> {
        let to = json!({"recipients": [self.application]});
        text(&self.call(Method::POST, "/users/@me/channels", to).await?, "id")
    }

    /// The last messages of a channel, at most 100, the newest first.
    pub async fn history(&self, channel: &str) -> Result<Vec<Value>> {
        Ok(serde_json::from_value(self.get(&format!("/channels/{channel}/messages?limit=100")).await?)?)
    }

    /// One message as it is now.
    pub async fn message(&self, channel: &str, message: &str) -> Result<Value> {
        self.get(&format!("/channels/{channel}/messages/{message}")).await
    }

    /// A file that a message links to.
    pub async fn download(&self, url: &str) -> Result<Vec<u8>> {
        Ok(self.http.get(url).send().await?.error_for_status()?.bytes().await?.to_vec())
    }

    /// The newest message of a channel's history that fits, now or within a time.
    pub async fn wait(&self, channel: &str, fits: impl Fn(&Value) -> bool, within: Duration) -> Result<Value> {
        let end = Instant::now() + within;
        loop {
            let history = self.history(channel).await?;
            if let Some(message) = history.iter().find(|message| fits(message)) {
                return Ok(message.clone());
            }
            if Instant::now() > end {
                let last: Vec<String> = history.iter().take(5).map(|one| one["content"].to_string()).collect();
                bail!("no message fits within {within:?}; the last ones, backwards:\n{}", last.join("\n"));
            }
            sleep(POLL).await;
        }
    }

    /// The bot's newest message that fits, now or within a time.
    pub async fn wait_bot(&self, channel: &str, fits: impl Fn(&str) -> bool, within: Duration) -> Result<Value> {
        let of_bot = |message: &Value| {
            message["author"]["id"] == self.application.as_str() && message["content"].as_str().is_some_and(&fits)
        };
        self.wait(channel, of_bot, within).await
    }

    // --- Events -----------------------------------------------------------------------------------------------------

    /// What the gateway has had for this user since the server started: `{"t": "MESSAGE_CREATE", "d": {..}}` and so on.
    pub async fn inbox(&self) -> Result<Vec<Value>> {
        let request = self.http.get(format!("{}/__shim/inbox", self.base)).header("Authorization", &self.token);
        Ok(serde_json::from_value(taken(request).await?["events"].take())?)
    }

    /// The content of the first event of a kind that fits, which may have come already.
    pub async fn hear(&self, kind: &str, fits: impl Fn(&Value) -> bool, within: Duration) -> Result<Value> {
        let end = Instant::now() + within;
        loop {
            let events = self.inbox().await?;
            if let Some(event) = events.iter().find(|event| event["t"] == kind && fits(&event["d"])) {
                return Ok(event["d"].clone());
            }
            if Instant::now() > end {
                let last: Vec<String> = events.iter().rev().take(8).map(|one| one["t"].to_string()).collect();
                bail!("no {kind} fits within {within:?}; the last events, backwards: {}", last.join(", "));
            }
            sleep(POLL).await;
        }
    }

    // --- Interactions: each gives back its nonce, by which `INTERACTION_SUCCESS` or `_FAILURE` can be told ----------

    /// Sets the language of the client, as `zh-CN`.
    pub async fn locale(&self, locale: &str) -> Result<()> {
        self.call(Method::PATCH, "/users/@me/settings", json!({"locale": locale})).await.map(drop)
    }

    /// The slash commands that a channel offers.
    pub async fn commands(&self, channel: &str) -> Result<Vec<Value>> {
        self.offered(channel, 1).await
    }

    /// Invokes a slash command; options are Discord's, as `[{"type": 3, "name": "question", "value": "why?"}]`.
    pub async fn invoke(&self, channel: &str, command: &str, options: Value) -> Result<String> {
        let data = self.command(channel, command, 1, json!({"options": options})).await?;
        self.interact(2, channel, data, json!({})).await
    }

    /// Invokes a command on a message.
    pub async fn invoke_on(&self, channel: &str, command: &str, message: &str) -> Result<String> {
        let data = self.command(channel, command, 3, json!({"target_id": message})).await?;
        self.interact(2, channel, data, json!({})).await
    }

    /// What a bot offers while an option is typed, which has `"focused": true`; waits for its answer.
    pub async fn complete(&self, channel: &str, command: &str, options: Value, within: Duration) -> Result<Vec<Value>> {
        let data = self.command(channel, command, 1, json!({"options": options})).await?;
        let nonce = self.interact(4, channel, data, json!({})).await?;
        let fits = |event: &Value| event["nonce"] == nonce.as_str();
        let mut answer = self.hear("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", fits, within).await?;
        Ok(serde_json::from_value(answer["choices"].take())?)
    }

    /// Clicks a button of a message.
    pub async fn click(&self, channel: &str, message: &str, custom_id: &str) -> Result<String> {
        let data = json!({"component_type": 2, "custom_id": custom_id});
        self.interact(3, channel, data, json!({"message_id": message})).await
    }

    /// Chooses from a menu of strings of a message.
    pub async fn choose(&self, channel: &str, message: &str, custom_id: &str, values: &[&str]) -> Result<String> {
        let data = json!({"component_type": 3, "custom_id": custom_id, "values": values});
        self.interact(3, channel, data, json!({"message_id": message})).await
    }

    /// Fills a form that [`hear`](Self::hear) brought as `INTERACTION_MODAL_CREATE`: fields by custom id.
    pub async fn submit(&self, modal: &Value, fields: &[(&str, &str)]) -> Result<String> {
        let field = |(id, value): &(&str, &str)| json!({"type": 4, "custom_id": id, "value": value});
        let row = |one| json!({"type": 1, "components": [field(one)]});
        let rows: Vec<Value> = fields.iter().map(row).collect();
        let data = json!({"id": modal["id"], "custom_id": modal["custom_id"], "components": rows});
        self.interact(5, &text(modal, "channel_id")?, data, json!({})).await
    }

    /// All commands of a type in a channel, page by page.
    async fn offered(&self, channel: &str, kind: u8) -> Result<Vec<Value>> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/channels/{channel}/application-commands/search?type={kind}&limit=10{cursor}");
            let mut page = self.get(&path).await?;
            found.extend(serde_json::from_value::<Vec<Value>>(page["application_commands"].take())?);
            match page["cursor"]["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(found),
            }
        }
    }

    /// The data of a command as clients send them, with `more`.
    async fn command(&self, channel: &str, name: &str, kind: u8, more: Value) -> Result<Value> {
        let offered = self.offered(channel, kind).await?;
        let Some(command) = offered.iter().find(|command| command["name"] == name) else {
            let names: Vec<String> = offered.iter().map(|command| command["name"].to_string()).collect();
            bail!("no command `{name}` is offered here; there are {}", names.join(", "));
        };
        let data = json!({"id": command["id"], "name": name, "type": kind, "version": command["version"]});
        Ok(merged(data, more))
    }

    async fn interact(&self, kind: u8, channel: &str, data: Value, more: Value) -> Result<String> {
        static LAST: AtomicU64 = AtomicU64::new(1);
        let nonce = LAST.fetch_add(1, Ordering::Relaxed).to_string();
        let mut interaction = merged(
            json!({
                "type": kind, "application_id": self.application, "channel_id": channel, "session_id": "a session",
                "nonce": nonce, "data": data,
            }),
            more,
        );
        let place = self.get(&format!("/channels/{channel}")).await?;
        if place["guild_id"].is_string() {
            interaction["guild_id"] = place["guild_id"].clone();
        }
        self.form("/interactions", &interaction, Vec::new()).await?;
        Ok(nonce)
    }
}

/// A request that the server refused.
#[derive(Debug)]
pub struct Refused {
    /// The status of its answer.
    pub status: StatusCode,
    /// The body of its answer; Discord's own code is its `code`.
    pub body: Value,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "refused with {}: {}", self.status, self.body)
    }
}

impl std::error::Error for Refused {}

/// Sends a request and takes its JSON, null if there is none.
async fn taken(request: reqwest::RequestBuilder) -> Result<Value> {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    let body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => String::from_utf8_lossy(&body).into_owned().into(),
    };
    if status.is_success() { Ok(body) } else { Err(Refused { status, body }.into()) }
}

/// The first object with the members of the second.
fn merged(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}
