//! Where a reply goes, in words that outlive the process: a channel, or an interaction while its token lives. Pure.

use frontend::ScreenError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serenity::all::{ApplicationId, ChannelId, MessageId, Route};

/// How long an interaction's token is used, in seconds: Discord ends it after 15 minutes.
pub const TOKEN_SECONDS: i64 = 14 * 60 + 30;

/// What is edited where the id of an interaction's first response is not known.
pub const ORIGINAL: &str = "@original";

/// Where a reply goes. No `Debug`: a token is in it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Address {
    /// The responses to an interaction.
    Interaction {
        /// Its token.
        interaction: String,
        /// The application that it was made to.
        application: u64,
        /// Where it was made: a thread where it was one.
        channel: u64,
        /// Who made it.
        caller: u64,
        /// Until when the token lives, in seconds since 1970.
        until: i64,
        /// Whether its caller alone sees the responses.
        ephemeral: bool,
    },
    /// Messages in a channel, a thread or a direct message.
    Channel {
        /// Its id.
        channel: u64,
        /// The message that the first of them replies to.
        reply_to: Option<u64>,
    },
}

/// How a reply gets there now.
#[derive(Clone, Copy)]
pub enum Way<'a> {
    /// With an interaction's token.
    Token {
        /// The application.
        application: ApplicationId,
        /// The token.
        token: &'a str,
    },
    /// Through a channel.
    Channel(ChannelId),
    /// In a direct message with this person, which may have to be opened.
    Person(u64),
}

impl Address {
    /// What the outbox kept.
    ///
    /// # Errors
    /// [`ScreenError::Gone`] where it is no address of ours.
    pub fn read(value: &Value) -> Result<Self, ScreenError> {
        let gone = |error: serde_json::Error| ScreenError::Gone { reason: format!("no address: {error}") };
        Self::deserialize(value).map_err(gone)
    }

    /// For the outbox.
    pub fn value(&self) -> Value {
        // Strings and numbers: always JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// How a reply gets there at `now`, in seconds since 1970. Where the token is over, what all may see goes to the
    /// channel and what the caller alone may see to a direct message.
    pub fn way(&self, now: i64) -> Way<'_> {
        match self {
            Self::Interaction { interaction, application, until, .. } if now < *until => {
                Way::Token { application: ApplicationId::new((*application).max(1)), token: interaction }
            }
            Self::Interaction { ephemeral: true, caller, .. } => Way::Person(*caller),
            Self::Interaction { channel, .. } | Self::Channel { channel, .. } => {
                Way::Channel(ChannelId::new((*channel).max(1)))
            }
        }
    }

    /// Whether the caller alone sees the responses.
    pub fn is_ephemeral(&self) -> bool {
        matches!(self, Self::Interaction { ephemeral: true, .. })
    }

    /// The channel, where all in it see the responses.
    pub fn seen_by_all(&self) -> Option<u64> {
        match self {
            Self::Interaction { ephemeral: true, .. } => None,
            Self::Interaction { channel, .. } | Self::Channel { channel, .. } => Some(*channel),
        }
    }

    /// The message that the first part replies to.
    pub fn reply_to(&self) -> Option<u64> {
        match self {
            Self::Channel { reply_to, .. } => *reply_to,
            Self::Interaction { .. } => None,
        }
    }

    /// The bucket of Discord's limits.
    pub fn bucket(&self) -> String {
        match self {
            Self::Interaction { .. } => "interactions".to_owned(),
            Self::Channel { channel, .. } => channel.to_string(),
        }
    }
}

impl<'a> Way<'a> {
    /// Where a message is edited or removed; none where its id says nothing on this way.
    pub fn message(&self, shown: &str) -> Option<Route<'a>> {
        let id = crate::snowflake::number(shown).map(MessageId::new);
        match (*self, id) {
            (Self::Token { application: application_id, token }, None) => {
                Some(Route::WebhookOriginalInteractionResponse { application_id, token })
            }
            (Self::Token { application: application_id, token }, Some(message_id)) => {
                Some(Route::WebhookFollowupMessage { application_id, token, message_id })
            }
            (Self::Channel(channel_id), Some(message_id)) => Some(Route::ChannelMessage { channel_id, message_id }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use chat::ports::Post;

    use super::*;

    fn interaction(ephemeral: bool) -> Address {
        Address::Interaction {
            interaction: "secret".to_owned(),
            application: 1_181_111_111_111_111_111,
            channel: 7,
            caller: 9,
            until: 1_000,
            ephemeral,
        }
    }

    #[test]
    fn an_address_holds_when_its_token_is_taken_out() {
        for (ephemeral, goes_to) in [(false, "channel"), (true, "person")] {
            let mut kept = interaction(ephemeral).value();
            assert!(kept[Post::SECRET] == "secret" && kept[Post::SECRET_UNTIL] == 1_000, "{kept}");
            kept[Post::SECRET] = "".into();
            let Ok(address) = Address::read(&kept) else { panic!("{kept} is no address") };
            assert!(way(&address, 1_000, "5").contains(goes_to), "{}", way(&address, 1_000, "5"));
        }
    }

    fn way(address: &Address, now: i64, shown: &str) -> String {
        match address.way(now) {
            Way::Person(id) => format!("person {id}"),
            way => way.message(shown).map_or_else(|| "nowhere".to_owned(), |route| route.path().into_owned()),
        }
    }

    #[test]
    fn an_address_outlives_the_process() {
        let channel = Address::Channel { channel: u64::MAX, reply_to: Some(1_181_111_111_111_111_112) };
        for address in [interaction(true), channel, Address::Channel { channel: 1, reply_to: None }] {
            let kept: Value = serde_json::from_str(&address.value().to_string()).unwrap();
            assert!(Address::read(&kept).is_ok_and(|read| read == address));
        }
        assert!(Address::read(&Value::Null).is_err());
    }

    #[test]
    fn an_interaction_is_answered_with_its_token_while_that_lives() {
        let api = "https://discord.com/api/v10";
        let hook = format!("{api}/webhooks/1181111111111111111/secret/messages");
        assert_eq!(way(&interaction(true), 999, ORIGINAL), format!("{hook}/@original"));
        assert_eq!(way(&interaction(false), 999, "5"), format!("{hook}/5"));
    }

    #[test]
    fn after_it_all_see_the_answer_in_the_channel_and_one_in_a_direct_message() {
        assert_eq!(way(&interaction(false), 1_000, "5"), "https://discord.com/api/v10/channels/7/messages/5");
        assert_eq!(way(&interaction(false), 1_000, ORIGINAL), "nowhere");
        assert_eq!(way(&interaction(true), 1_000, "5"), "person 9");
    }
}
