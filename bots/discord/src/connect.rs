//! The first words with Discord: whether the token is good, and where the gateway is.

use serde::Deserialize;
use serenity::all::{LightMethod, Route};

use crate::{
    Settings,
    error::DiscordError,
    rest::{self, Rest},
    snowflake,
};

/// The host of the public gateway.
const PUBLIC: &str = "discord.gg";

/// The bot's own user.
pub struct Known {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// A user, as Discord tells one.
#[derive(Deserialize)]
struct Fetched {
    id: String,
    username: String,
}

/// A gateway, as Discord tells it.
#[derive(Deserialize)]
struct Gateway {
    url: String,
}

/// Discord's HTTP interface, for settings that can be right.
///
/// # Errors
/// [`DiscordError`], for a token or an address that cannot be one.
pub fn rest(settings: &Settings) -> Result<Rest, DiscordError> {
    let token = settings.token.trim();
    if token.is_empty() {
        return Err(DiscordError::NoToken);
    }
    if !token.chars().all(|character| character.is_ascii_graphic() && !matches!(character, '"' | '\'')) {
        return Err(DiscordError::Malformed);
    }
    if let Some(base) = &settings.api_base {
        let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://")).unwrap_or_default();
        let host = host.trim_end_matches('/');
        if host.is_empty() || host.contains(|c: char| matches!(c, '/' | '?' | '#' | '@') || c.is_whitespace()) {
            return Err(DiscordError::ApiBase { given: base.clone() });
        }
    }
    Ok(Rest::new(token, settings.api_base.as_deref()))
}

/// Who the bot is.
///
/// # Errors
/// [`DiscordError::Token`] where Discord does not know the token.
pub async fn who(rest: &Rest) -> Result<Known, DiscordError> {
    let fetched = rest.read(rest::plain(LightMethod::Get, Route::UserMe)).await;
    let Fetched { id, username } = fetched.map_err(DiscordError::while_doing("asking who the bot is"))?;
    let no_id = || DiscordError::Failed { doing: "asking who the bot is", source: format!("`{id}` is no id").into() };
    Ok(Known { id: snowflake::number(&id).ok_or_else(no_id)?, name: username })
}

/// Where the gateway is. serenity asks as well, and takes the public one where that fails: it is told this one instead.
///
/// # Errors
/// [`DiscordError::PublicGateway`] where something else stands in for Discord and its gateway is the public one.
pub async fn gateway(rest: &Rest, settings: &Settings) -> Result<String, DiscordError> {
    let fetched = rest.read(rest::plain(LightMethod::Get, Route::Gateway)).await;
    let Gateway { url } = fetched.map_err(DiscordError::while_doing("asking for its gateway"))?;
    if settings.api_base.is_some() && is_public(&url) {
        return Err(DiscordError::PublicGateway { url });
    }
    Ok(url)
}

fn is_public(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', ':']).next().unwrap_or_default();
    host == PUBLIC || host.ends_with(&format!(".{PUBLIC}"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(token: &str, api_base: Option<&str>, want: Expect) {
        let mut settings = Settings::new(token.to_owned().into(), "lab".into());
        settings.api_base = api_base.map(str::to_owned);
        let said = rest(&settings).map_or_else(|error| error.to_string(), |_| "fine".to_owned());
        assert!(token.trim().is_empty() || !said.contains(token), "the token is said: {said}");
        want.assert_eq(said.split([':', ';']).next().unwrap_or_default());
    }

    #[test]
    fn what_cannot_be_right_is_said_before_discord_is_asked() {
        check(" ", None, expect!["there is no bot token for Discord"]);
        check("\"MTE4.x.y\"", None, expect!["the bot token has characters that no token has"]);
        check("MTE4.x y", None, expect!["the bot token has characters that no token has"]);
        check(" MTE4.x.y\n", Some("http://127.0.0.1:8080/"), expect!["fine"]);
        check("MTE4.x.y", Some("discord.example"), expect!["`discord.api_base` is `discord.example`"]);
        check("MTE4.x.y", Some("https://a.example/api"), expect!["`discord.api_base` is `https"]);
    }

    #[test]
    fn the_public_gateway_is_known_as_such() {
        assert!(is_public("wss://gateway.discord.gg"));
        assert!(is_public("wss://gateway-us-east1-b.discord.gg/?v=10"));
        assert!(!is_public("ws://127.0.0.1:8080/gateway"));
        assert!(!is_public("wss://notdiscord.gg"));
    }
}
