//! From the configuration to the settings of each platform, secrets included.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::settings::Settings;

/// What Discord needs; none where it is not configured.
pub fn discord(settings: &Settings) -> anyhow::Result<Option<discord::Settings>> {
    let Some(token) = settings.discord_token()? else { return Ok(None) };
    let given = &settings.discord;
    let ids = |key: &str, texts: &[String]| -> anyhow::Result<Vec<u64>> {
        let read = |text: &String| {
            text.parse().with_context(|| format!("`discord.{key}` holds `{text}`, which is no id: a long number"))
        };
        texts.iter().map(read).collect()
    };
    Ok(Some(discord::Settings {
        token,
        api_base: Some(given.api_base.trim_end_matches('/').to_owned()).filter(|base| !base.is_empty()),
        community: settings.community.name.as_str().into(),
        guilds: ids("guilds", &given.guilds)?,
        moderator_roles: ids("moderator_roles", &given.moderator_roles)?,
        operators: ids("operators", &given.operators)?,
        edit_gap: Duration::from_millis(given.edit_gap_ms),
        message_content: given.message_content,
        drain: Duration::from_secs(settings.web.drain_seconds),
    }))
}

/// What Matrix needs; none where it is not configured.
pub fn matrix(settings: &Settings) -> anyhow::Result<Option<matrix::Settings>> {
    let given = &settings.matrix;
    if given.homeserver.is_empty() {
        return Ok(None);
    }
    if given.user.is_empty() {
        bail!("`matrix.user` is empty; it is the bot's account, like @colloquy:example.org");
    }
    let folder = settings.data_dir().join("matrix");
    let store_key = matrix::store_key(&folder, settings.matrix_store_key()?.as_deref().map(String::as_str))?;
    Ok(Some(matrix::Settings {
        homeserver: given.homeserver.clone(),
        user: given.user.clone(),
        community: settings.community.name.as_str().into(),
        folder,
        allow: given.allow.clone(),
        operators: given.operators.clone(),
        edit_gap: Duration::from_millis(given.edit_gap_ms),
        store_key,
        drain: Duration::from_secs(settings.web.drain_seconds),
    }))
}
