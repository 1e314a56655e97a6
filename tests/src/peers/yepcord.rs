//! A server that speaks Discord's protocols and is none of ours, furnished with a guild, a bot and humans.
//!
//! `tests/peers/discord/README.md` says which of its answers are evidence and which are only our shim's.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    discord::Human,
    environment::{self, YEPCORD},
    free_port, http,
    process::{Process, output},
    python, script, text,
};

/// The permission to manage a guild, which makes a moderator.
pub const MANAGE_GUILD: u64 = 1 << 5;

/// The permission to see a channel.
pub const VIEW_CHANNEL: u64 = 1 << 10;

/// The permission to send messages.
pub const SEND_MESSAGES: u64 = 1 << 11;

/// A server in a temporary folder.
pub struct Yepcord {
    python: PathBuf,
    folder: TempDir,
    port: u16,
    broker: u16,
    process: Option<Process>,
    http: reqwest::Client,
}

/// What a guild is furnished with.
#[derive(Clone, Copy, Debug)]
pub struct Furniture<'a> {
    /// The humans; the first one owns the guild and the application.
    pub humans: &'a [&'a str],
    /// The guild's name.
    pub guild: &'a str,
    /// Its text channels.
    pub channels: &'a [&'a str],
    /// Its roles and what they permit; nobody has one yet.
    pub roles: &'a [(&'a str, u64)],
    /// The bot's name.
    pub bot: &'a str,
}

/// What there is after [`Yepcord::furnish`]: names with their ids.
pub struct Guild {
    /// The guild.
    pub id: String,
    /// The bot's application, which has the id of the bot's user.
    pub application: String,
    /// The bot's token, without `Bot `.
    pub bot_token: String,
    /// The channels by name.
    pub channels: BTreeMap<String, String>,
    /// The roles by name.
    pub roles: BTreeMap<String, String>,
    /// The humans by name.
    pub humans: BTreeMap<String, Human>,
    owner: String,
}

/// Requests that fail on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// Of which method.
    pub method: &'a str,
    /// On paths that match this regular expression, as `/messages$`.
    pub path: &'a str,
    /// With which status.
    pub status: u16,
    /// How many of them.
    pub times: u32,
    /// After how many seconds they may be tried again: what a rate limit says.
    pub retry_after: f64,
}

impl Yepcord {
    /// Starts an empty server and waits until it answers.
    pub async fn start() -> Result<Self> {
        let python = environment::interpreter(&YEPCORD).await?;
        let (port, broker) = (free_port()?, free_port()?);
        let mut yepcord = Self { python, folder: tempfile::tempdir()?, port, broker, process: None, http: http()? };
        yepcord.launch().await?;
        Ok(yepcord)
    }

    /// Its address, `http://127.0.0.1:PORT`, which stands for `https://discord.com`.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes humans, a guild with channels and roles, and a bot in it.
    pub async fn furnish(&self, furniture: Furniture<'_>) -> Result<Guild> {
        let roles: BTreeMap<_, _> = furniture.roles.iter().copied().collect();
        let wanted = json!({
            "users": furniture.humans, "guild": furniture.guild, "channels": furniture.channels, "roles": roles,
            "bot": furniture.bot,
        });
        let mut command = python(&self.python, &script("discord/provision.py"));
        command.args([self.base(), wanted.to_string()]);
        let made: Value = serde_json::from_str(&output(&mut command, "furnish YEPCord").await?)?;
        let application = text(&made, "application")?;
        let mut humans = BTreeMap::new();
        for (name, user) in made["users"].as_object().context("users have names")? {
            let (id, token) = (text(user, "id")?, text(user, "token")?);
            let (application, base, http) = (application.clone(), self.base(), self.http.clone());
            humans.insert(name.clone(), Human { id, token, application, base, http });
        }
        Ok(Guild {
            id: text(&made, "guild")?,
            application,
            bot_token: text(&made, "bot_token")?,
            channels: serde_json::from_value(made["channels"].clone())?,
            roles: serde_json::from_value(made["roles"].clone())?,
            humans,
            owner: (*furniture.humans.first().context("a guild has an owner")?).to_owned(),
        })
    }

    /// Cuts every gateway socket; gives back how many there were.
    pub async fn drop_sockets(&self) -> Result<u64> {
        let answer = self.http.post(format!("{}/__shim/drop", self.base())).send().await?;
        answer.json::<Value>().await?["dropped"].as_u64().context("the shim counts")
    }

    /// Makes coming requests fail.
    pub async fn fault(&self, fault: Fault<'_>) -> Result<()> {
        let order = json!({
            "method": fault.method, "path": fault.path, "status": fault.status, "times": fault.times,
            "retry_after": fault.retry_after,
        });
        self.http.post(format!("{}/__shim/fault", self.base())).json(&order).send().await?.error_for_status()?;
        Ok(())
    }

    /// Ends the server as an operator does.
    pub async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Ends the server at once, as a power cut does.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it if it runs and starts it again with the same state, at the same address; inboxes start anew.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> Result<()> {
        let mut command = python(&self.python, &script("discord/shim.py"));
        command.arg(self.folder.path().join("yepcord")).args([self.port.to_string(), self.broker.to_string()]);
        command.current_dir(self.folder.path());
        let mut process = Process::server("YEPCord", &mut command, &self.folder.path().join("yepcord.log"))?;
        process.ready(&format!("{}/api/v9/gateway", self.base())).await?;
        self.process = Some(process);
        Ok(())
    }
}

impl Guild {
    /// One of its humans.
    ///
    /// # Panics
    ///
    /// If the guild was furnished without one of that name.
    pub fn human(&self, name: &str) -> &Human {
        &self.humans[name]
    }

    /// The id of one of its channels.
    ///
    /// # Panics
    ///
    /// If the guild was furnished without one of that name.
    pub fn channel(&self, name: &str) -> &str {
        &self.channels[name]
    }

    /// Gives a role to a human; the owner does it.
    pub async fn grant(&self, name: &str, role: &str) -> Result<()> {
        let role = &self.roles[role];
        let mut roles = self.roles_of(name).await?;
        if !roles.contains(role) {
            roles.push(role.clone());
        }
        self.set_roles(name, &roles).await
    }

    /// Takes a role from a human; the owner does it.
    pub async fn revoke(&self, name: &str, role: &str) -> Result<()> {
        let role = &self.roles[role];
        let mut roles = self.roles_of(name).await?;
        roles.retain(|one| one != role);
        self.set_roles(name, &roles).await
    }

    /// Changes what a role permits.
    pub async fn permit(&self, role: &str, permissions: u64) -> Result<()> {
        let path = format!("/guilds/{}/roles/{}", self.id, self.roles[role]);
        self.human(&self.owner).call(Method::PATCH, &path, json!({"permissions": permissions})).await.map(drop)
    }

    /// Denies permissions to everyone in a channel; nothing denied takes it back.
    pub async fn deny(&self, channel: &str, permissions: u64) -> Result<()> {
        // The role of everyone has the id of the guild.
        let path = format!("/channels/{}/permissions/{}", self.channel(channel), self.id);
        let overwrite = json!({"id": self.id, "type": 0, "allow": "0", "deny": permissions.to_string()});
        self.human(&self.owner).call(Method::PUT, &path, overwrite).await.map(drop)
    }

    async fn roles_of(&self, name: &str) -> Result<Vec<String>> {
        let member = self.human(&self.owner).get(&self.member(name)).await?;
        Ok(serde_json::from_value(member["roles"].clone())?)
    }

    async fn set_roles(&self, name: &str, roles: &[String]) -> Result<()> {
        self.human(&self.owner).call(Method::PATCH, &self.member(name), json!({"roles": roles})).await.map(drop)
    }

    fn member(&self, name: &str) -> String {
        format!("/guilds/{}/members/{}", self.id, self.human(name).id)
    }
}
