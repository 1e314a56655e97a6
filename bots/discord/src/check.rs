//! What `doctor` asks: whether the token is good, which intents are granted, where the bot is.

use chat::error::chain;
use serde::Deserialize;
use serenity::all::{ApplicationFlags, GuildId, LightMethod, Route};

use crate::{
    Settings,
    connect::{self, Known},
    rest::{self, Rest, RestError},
};

/// View channels, send messages (in threads too), attach files, read the history.
const PERMISSIONS: u64 = 1 << 10 | 1 << 11 | 1 << 15 | 1 << 16 | 1 << 38;

/// Servers that are listed at most: one page of Discord's.
const GUILDS_MAX: usize = 200;

/// The application, as Discord tells it.
#[derive(Deserialize)]
struct Application {
    id: String,
    name: String,
    #[serde(default)]
    flags: Option<u64>,
}

/// A server, as Discord lists it.
#[derive(Deserialize)]
struct Listed {
    id: GuildId,
    name: String,
}

/// What there is to say of this configuration, by subject: what is well, or what is not and what to do about it.
pub async fn check(settings: &Settings) -> Vec<(String, Result<String, String>)> {
    let mut found = Vec::new();
    let mut say = |subject: &str, said| found.push((format!("discord {subject}"), said));
    let rest = match connect::rest(settings) {
        Ok(rest) => rest,
        Err(error) => {
            say("token", Err(error.to_string()));
            return found;
        }
    };
    match connect::who(&rest).await {
        Ok(Known { id, name }) => say("token", Ok(format!("signed in as {name} ({id})"))),
        Err(error) => {
            say("token", Err(chain(&error)));
            return found;
        }
    }
    say("gateway", connect::gateway(&rest, settings).await.map_err(|error| chain(&error)));
    let request = rest::plain(LightMethod::Get, Route::Oauth2ApplicationCurrent);
    let application: Result<Application, RestError> = rest.read(request).await;
    let mut invite = None;
    match &application {
        Ok(application) => {
            say("application", Ok(format!("{} ({})", application.name, application.id)));
            say("intents", intents(application, settings.message_content));
            invite = Some(link(&application.id));
        }
        Err(error) => say("application", Err(chain(error))),
    }
    say("servers", servers(&rest, &settings.guilds, invite.as_deref()).await);
    found
}

fn intents(application: &Application, wanted: bool) -> Result<String, String> {
    let flags = ApplicationFlags::from_bits_truncate(application.flags.unwrap_or_default());
    let granting = ApplicationFlags::GATEWAY_MESSAGE_CONTENT | ApplicationFlags::GATEWAY_MESSAGE_CONTENT_LIMITED;
    match (wanted, flags.intersects(granting)) {
        (true, true) => Ok("message content is granted and used".to_owned()),
        (true, false) => Err("message content is wanted and not granted: switch on `Message Content Intent` at \
             https://discord.com/developers/applications, page `Bot`, or set `discord.message_content = false`"
            .to_owned()),
        (false, true) => Ok("message content is granted and not used: summaries of channels see only what was meant \
             for the bot; set `discord.message_content = true` to use it"
            .to_owned()),
        (false, false) => Ok("none that is privileged: commands, mentions, replies, direct messages and files work; \
             summaries of channels see only what was meant for the bot"
            .to_owned()),
    }
}

async fn servers(rest: &Rest, served: &[u64], invite: Option<&str>) -> Result<String, String> {
    let listed: Vec<Listed> = rest
        .read(rest::plain(LightMethod::Get, Route::UserMeGuilds).params(Some(vec![("limit", GUILDS_MAX.to_string())])))
        .await
        .map_err(|error| chain(&error))?;
    let advice = invite.map_or_else(String::new, |invite| format!("; invite it with {invite}"));
    let missing: Vec<String> =
        served.iter().filter(|id| !listed.iter().any(|guild| guild.id == **id)).map(u64::to_string).collect();
    if !missing.is_empty() {
        return Err(format!("the bot is not in {}, which `discord.guilds` names{advice}", missing.join(", ")));
    }
    if listed.is_empty() {
        return Err(format!("the bot is in no server yet{advice}"));
    }
    let names: Vec<String> = listed.iter().map(|guild| format!("{} ({})", guild.name, guild.id)).collect();
    Ok(names.join(", "))
}

/// The address that invites the bot to a server.
fn link(application: &str) -> String {
    let scopes = "bot+applications.commands";
    format!("https://discord.com/oauth2/authorize?client_id={application}&scope={scopes}&permissions={PERMISSIONS}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(flags: u64, wanted: bool, is_well: bool) {
        let application = Application { id: "1".to_owned(), name: "bot".to_owned(), flags: Some(flags) };
        assert_eq!(intents(&application, wanted).is_ok(), is_well);
    }

    #[test]
    fn only_what_is_wanted_and_not_granted_is_wrong() {
        check(0, false, true);
        check(0, true, false);
        check(1 << 18, true, true);
        check(1 << 19, true, true);
    }

    #[test]
    fn the_invitation_asks_for_what_the_readme_says() {
        assert_eq!(PERMISSIONS, 274_878_008_320);
        assert!(include_str!("../README.md").contains(&format!("permissions={PERMISSIONS}")));
    }
}
