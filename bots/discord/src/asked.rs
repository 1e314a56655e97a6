//! What all interactions have in common, and their first responses.
//!
//! **Invariant:** an interaction's first response is the first thing that is awaited for it; who may see the answer is
//! decided before.

use std::time::Instant;

use chat::{MemberId, Message, MessageId, Place, Role, error::chain};
use jiff::Timestamp;
use metrics::histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serenity::all::{
    ApplicationId, AuthorizingIntegrationOwner, AuthorizingIntegrationOwners, ChannelId, CommandInteraction,
    ComponentInteraction, GuildId, InteractionId, LightMethod, Member, Permissions, Route,
};

use crate::{
    address::{Address, ORIGINAL, TOKEN_SECONDS},
    body::Body,
    hub::{Hub, Kind},
    rest::{self, RestError},
    snowflake,
};

/// What is said where the bot does not answer.
pub const NOT_HERE: &str = "I do not answer here.";

/// Discord's type of a first response that promises an answer.
const DEFERRED: u8 = 5;

/// For who asked alone.
const EPHEMERAL: u32 = 1 << 6;

/// "Interaction has already been acknowledged": by another process with the same token.
const ANSWERED: i64 = 40_060;

/// An interaction.
pub struct Asked<'a> {
    /// Its id.
    pub id: InteractionId,
    /// Where it happened; none for a direct message.
    pub guild: Option<GuildId>,
    application: ApplicationId,
    token: &'a str,
    /// Its channel or thread, and what the event says of it.
    pub channel: ChannelId,
    /// See above.
    pub kind: Option<Kind>,
    /// Who did it.
    pub person: u64,
    member: Option<&'a Member>,
    /// Whether a person brought the bot there, and not the server.
    pub is_personal: bool,
}

impl<'a> From<&'a CommandInteraction> for Asked<'a> {
    fn from(it: &'a CommandInteraction) -> Self {
        Self {
            id: it.id,
            guild: it.guild_id,
            application: it.application_id,
            token: &it.token,
            channel: it.channel_id,
            kind: it.channel.as_ref().map(|channel| (channel.kind, channel.parent_id)),
            person: it.user.id.get(),
            member: it.member.as_deref(),
            is_personal: is_personal(&it.authorizing_integration_owners),
        }
    }
}

impl<'a> From<&'a ComponentInteraction> for Asked<'a> {
    fn from(it: &'a ComponentInteraction) -> Self {
        Self {
            id: it.id,
            guild: it.guild_id,
            application: it.application_id,
            token: &it.token,
            channel: it.channel_id,
            kind: it.channel.as_ref().map(|channel| (channel.kind, channel.parent_id)),
            person: it.user.id.get(),
            member: it.member.as_ref(),
            is_personal: is_personal(&it.authorizing_integration_owners),
        }
    }
}

fn is_personal(owners: &AuthorizingIntegrationOwners) -> bool {
    let of_server = |owner: &AuthorizingIntegrationOwner| matches!(owner, AuthorizingIntegrationOwner::GuildInstall(_));
    !owners.0.is_empty() && !owners.0.iter().any(of_server)
}

/// A first response.
#[derive(Serialize)]
struct Response {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// What Discord says of a deferral, where it is asked to.
#[derive(Deserialize)]
struct Deferral {
    interaction: Deferred,
}

#[derive(Deserialize)]
struct Deferred {
    response_message_id: String,
}

/// A message, as far as it matters here.
#[derive(Deserialize)]
struct Shown {
    id: String,
}

impl Hub {
    /// Promises an answer, to all or to who asked alone: where it goes, and the message that waits to be filled. None
    /// where another process answers.
    pub async fn defer(&self, asked: &Asked<'_>, is_ephemeral: bool) -> Option<(Address, Vec<MessageId>)> {
        let flags = is_ephemeral.then(|| json!({ "flags": EPHEMERAL }));
        let (until, shown) = match self.respond(asked, DEFERRED, flags).await {
            Ok(body) => {
                let shown = match serde_json::from_slice::<Deferral>(&body) {
                    Ok(told) => told.interaction.response_message_id,
                    Err(_) => self.original(asked).await,
                };
                (Timestamp::now().as_second() + TOKEN_SECONDS, vec![MessageId(shown)])
            }
            Err(RestError::Refused { code: ANSWERED, .. }) => return None,
            Err(error) => {
                // The token is of no use then: the answer goes the way of one that comes too late.
                tracing::warn!(error = %chain(&error), "an interaction was not acknowledged");
                (0, Vec::new())
            }
        };
        let address = Address::Interaction {
            interaction: asked.token.to_owned(),
            application: asked.application.get(),
            channel: asked.channel.get(),
            caller: asked.person,
            until,
            ephemeral: is_ephemeral,
        };
        Some((address, shown))
    }

    /// The id of the deferred response, from a Discord that did not say it at once.
    async fn original(&self, asked: &Asked<'_>) -> String {
        let shown = self.rest.read::<Shown>(rest::plain(LightMethod::Get, asked.first())).await;
        shown.map_or_else(|_| ORIGINAL.to_owned(), |shown| shown.id)
    }

    /// Makes the first response.
    pub async fn respond(&self, asked: &Asked<'_>, kind: u8, data: Option<Value>) -> Result<Vec<u8>, RestError> {
        let route = Route::InteractionResponse { interaction_id: asked.id, token: asked.token };
        let request = rest::json(LightMethod::Post, route, &Response { kind, data });
        let received = Instant::now();
        let taken = self.rest.done(request.params(Some(vec![("with_response", "true".to_owned())]))).await?;
        histogram!("colloquy_ack_seconds", "platform" => "discord").record(received.elapsed().as_secs_f64());
        Ok(taken)
    }

    /// Says a sentence in place of the answer that was promised.
    pub async fn fill(&self, asked: &Asked<'_>, sentence: &str) {
        let request = rest::json(LightMethod::Patch, asked.first(), &Body::sentence(sentence));
        log(self.rest.done(request).await);
    }

    /// Takes the promise of an answer back.
    pub async fn withdraw(&self, asked: &Asked<'_>) {
        log(self.rest.done(rest::plain(LightMethod::Delete, asked.first())).await);
    }

    /// Says a sentence to who asked alone, after the first response.
    pub async fn whisper(&self, asked: &Asked<'_>, sentence: &str) {
        let route = Route::WebhookFollowupMessages { application_id: asked.application, token: asked.token };
        let request = rest::json(LightMethod::Post, route, &Body::sentence(sentence).flagged(true));
        log(self.rest.done(request).await);
    }

    /// Where it happened, and what its author may do there where the event says so.
    pub async fn scene(&self, asked: &Asked<'_>) -> (Place, Option<Role>) {
        let place = self.place(asked.channel, asked.guild, asked.kind).await;
        let Some(room) = snowflake::number(&place.room.0) else { return (place, None) };
        if asked.guild.is_none() {
            self.sight.know_direct(room, asked.person);
        }
        self.members.forget(room, asked.person);
        let member = asked.member.and_then(|member| Some((member, member.permissions?)));
        let saw = |(member, permissions): (&Member, Permissions)| {
            self.members.saw(room, asked.person, permissions, &member.roles)
        };
        (place, member.map(saw))
    }
}

impl<'a> Asked<'a> {
    /// The message that a command makes.
    pub fn message(&self, place: Place, text: String) -> Message {
        Message {
            id: MessageId(self.id.to_string()),
            place,
            author: MemberId(self.person.to_string()),
            text,
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: true,
            at: Timestamp::now(),
        }
    }

    fn first(&self) -> Route<'a> {
        Route::WebhookOriginalInteractionResponse { application_id: self.application, token: self.token }
    }
}

fn log(done: Result<Vec<u8>, RestError>) {
    if let Err(error) = done {
        tracing::warn!(error = %chain(&error), "a response to an interaction was not taken");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_brings_the_bot_along_is_no_server() {
        let told = |json: &str| is_personal(&serde_json::from_str(json).unwrap());
        assert!(!told(r#"{ "0": "5" }"#));
        assert!(!told(r#"{ "0": "0" }"#), "a direct message with the bot of a server");
        assert!(!told(r#"{ "0": "5", "1": "9" }"#));
        assert!(told(r#"{ "1": "9" }"#));
        assert!(!told("{}"), "a Discord that does not say");
    }
}
