//! Why the frontend cannot run. `Display` speaks to the operator and says what to do, `public` to the room.

use chat::error::Cause;

/// Why the frontend cannot run. Never holds the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscordError {
    /// There is no token.
    #[error(
        "there is no bot token for Discord: set COLLOQUY_DISCORD_TOKEN, or name a file that holds it; \
         it is made at https://discord.com/developers/applications, page `Bot`, `Reset Token`"
    )]
    NoToken,
    /// The token cannot be one.
    #[error("the bot token has characters that no token has: copy it whole, on one line, without quotes")]
    Malformed,
    /// Discord does not know the token.
    #[error(
        "Discord does not know this bot token: make a new one at https://discord.com/developers/applications, \
         page `Bot`, `Reset Token` (the client secret and the public key are other things)"
    )]
    Token,
    /// The application may not ask for what the settings ask for.
    #[error(
        "Discord does not grant this bot the content of messages: switch on `Message Content Intent` at \
         https://discord.com/developers/applications, page `Bot`, or set `discord.message_content = false`"
    )]
    Intents,
    /// `api_base` is no address.
    #[error("`discord.api_base` is `{given}`; write it as http://HOST:PORT or https://HOST, without a path")]
    ApiBase {
        /// What the settings say.
        given: String,
    },
    /// `api_base` leads to the public gateway.
    #[error("`discord.api_base` is set, but its gateway is `{url}`: the public one is never used in its place")]
    PublicGateway {
        /// Where it leads.
        url: String,
    },
    /// Discord is away or busy; it may be there later.
    #[error("Discord is not reached while {doing}")]
    Away {
        /// What the frontend was doing.
        doing: &'static str,
        /// What went wrong below.
        #[source]
        source: Cause,
    },
    /// Discord failed at the start.
    #[error("Discord failed while {doing}")]
    Failed {
        /// What the frontend was doing.
        doing: &'static str,
        /// What went wrong below.
        #[source]
        source: Cause,
    },
}

impl DiscordError {
    /// For `map_err`: Discord failed while `doing`; a token that it does not know is said as that.
    pub(crate) fn while_doing(doing: &'static str) -> impl FnOnce(crate::rest::RestError) -> Self {
        use crate::rest::RestError::{Garbled, Refused};
        move |source| match source {
            Refused { status: 401, .. } => Self::Token,
            Refused { .. } | Garbled { .. } => Self::Failed { doing, source: source.into() },
            _ => Self::Away { doing, source: source.into() },
        }
    }

    /// The sentence for the room.
    pub fn public(&self) -> String {
        "I cannot reach Discord as I should; the operator can see why in the log.".to_owned()
    }
}
