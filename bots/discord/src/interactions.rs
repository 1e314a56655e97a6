//! Slash commands, commands on messages, proposals while one types, and buttons.

use chat::{Command, Invocation, MemberId, Message, MessageId, Role, Visibility, error::chain};
use frontend::driver::{SHOW, STOP};
use serde_json::{Value, json};
use serenity::all::{self, CommandInteraction, CommandOptionType, CommandType, ComponentInteraction, MessageFlags};

use crate::{
    asked::{Asked, NOT_HERE},
    hear,
    hub::Hub,
    invoke,
};

/// What is said of a button whose answer is not known any more.
const EXPIRED: &str = "This button has expired; ask again.";

/// What is said to who presses another's stop button.
const NOT_YOURS: &str = "Only who asked, or a moderator, can stop this answer.";

/// Discord's type of a first response that changes nothing.
const UNCHANGED: u8 = 6;

/// Discord's type of a first response that proposes values.
const PROPOSALS: u8 = 8;

/// Longest proposal, in characters: a longer one cannot be chosen.
const PROPOSAL_MAX: usize = 100;

/// Most proposals.
const PROPOSALS_MAX: usize = 25;

impl Hub {
    /// A slash command, or a command of a message's menu.
    pub async fn commanded(&self, it: CommandInteraction) {
        let asked = Asked::from(&it);
        let manifests = self.manifests();
        let is_menu = it.data.kind == CommandType::Message;
        let command =
            if is_menu { invoke::titled(&manifests, &it.data.name) } else { invoke::named(&manifests, &it.data.name) };
        let is_served = self.serves(&asked);
        let as_called = command.map(|command| command.called_with(&invoke::arguments(&it.data.options)));
        // A direct message is private as it is.
        let is_ephemeral = !is_served || (asked.guild.is_some() && self.is_private(&asked, as_called.as_ref()));
        let Some((address, shown)) = self.defer(&asked, is_ephemeral).await else { return };
        if !is_served {
            return self.fill(&asked, NOT_HERE).await;
        }
        let (place, _) = self.scene(&asked).await;
        let message = asked.message(place, String::new());
        let message = self.called(&it, command, message).await;
        self.driver.answer(message, Some(address.value()), shown).await;
    }

    /// The message that a command makes of what came with it.
    async fn called(&self, it: &CommandInteraction, command: Option<&Command>, message: Message) -> Message {
        let mut args = invoke::arguments(&it.data.options);
        let mut attachments = hear::files(it.data.resolved.attachments.values());
        let (mut reply_to, mut about) = (None, None);
        if let (CommandType::Message, Some(target)) = (it.data.kind, it.data.target_id) {
            reply_to = Some(MessageId(target.to_string()));
            if let Some(target) = it.data.resolved.messages.get(&target.to_message_id()) {
                attachments.extend(hear::files(&target.attachments));
                let text = hear::text(&target.content, &target.mentions, self.me);
                if let Some(command) = command {
                    invoke::fill(command, &mut args, &text);
                }
            }
            about = self.about(target.get()).await;
        }
        let text = command.map_or_else(|| format!("/{}", it.data.name), |command| invoke::line(command, &args));
        // A command that is gone keeps its name, so that the caller hears that it is gone.
        let command = command.map_or_else(|| it.data.name.clone(), |command| command.name.to_owned());
        Message {
            text,
            invocation: Some(Invocation { command, args, locale: Some(code(&it.locale)) }),
            attachments,
            reply_to,
            about,
            ..message
        }
    }

    /// Proposals for what is being typed.
    pub async fn proposed(&self, it: CommandInteraction) {
        let asked = Asked::from(&it);
        let Some(focused) = it.data.autocomplete() else { return };
        let mut proposals = Vec::new();
        if self.serves(&asked) {
            let (place, _) = self.scene(&asked).await;
            let invocation =
                Invocation { command: it.data.name.clone(), args: invoke::arguments(&it.data.options), locale: None };
            let message = asked.message(place, focused.value.to_owned());
            let message = Message { invocation: Some(invocation), ..message };
            proposals = self.driver.dispatch().complete(message, focused.name, focused.value).await;
        }
        let is_number = focused.kind == CommandOptionType::Integer;
        let choices: Vec<Value> =
            proposals.iter().filter_map(|text| choice(text, is_number)).take(PROPOSALS_MAX).collect();
        if let Err(error) = self.respond(&asked, PROPOSALS, Some(json!({ "choices": choices }))).await {
            // Who types on has asked anew by then.
            tracing::debug!(error = %chain(&error), "proposals came too late");
        }
    }

    /// A button was pressed.
    pub async fn pressed(&self, it: ComponentInteraction) {
        let asked = Asked::from(&it);
        let line = it.data.custom_id.as_str();
        match line {
            STOP => return self.stopped(&asked, &it.message).await,
            SHOW => return self.shown(&asked, &it.message).await,
            _ => {}
        }
        let of_private = it.message.flags.is_some_and(|flags| flags.contains(MessageFlags::EPHEMERAL));
        let command = invoke::called(&self.manifests(), line);
        let is_served = self.serves(&asked);
        let is_ephemeral = !is_served || (asked.guild.is_some() && (of_private || self.is_private(&asked, command)));
        let Some((address, shown)) = self.defer(&asked, is_ephemeral).await else { return };
        if !is_served {
            return self.fill(&asked, NOT_HERE).await;
        }
        let Some(call) = self.about(it.message.id.get()).await else {
            if is_ephemeral {
                return self.fill(&asked, EXPIRED).await;
            }
            // The promise was made to all, the sentence is for one.
            self.withdraw(&asked).await;
            return self.whisper(&asked, EXPIRED).await;
        };
        let (place, _) = self.scene(&asked).await;
        let visibility = is_ephemeral.then_some(Visibility::Caller);
        let message = asked.message(place, format!("/{line}"));
        let reply_to = Some(MessageId(it.message.id.to_string()));
        let message = Message { about: Some(call), reply_to, visibility, ..message };
        self.driver.answer(message, Some(address.value()), shown).await;
    }

    /// The button was pressed that shows an answer to everyone: that answer is another one, and goes elsewhere.
    async fn shown(&self, asked: &Asked<'_>, shown: &all::Message) {
        if let Err(error) = self.respond(asked, UNCHANGED, None).await {
            tracing::warn!(error = %chain(&error), "a button was not acknowledged");
        }
        if !self.serves(asked) {
            return;
        }
        let Some(call) = self.about(shown.id.get()).await else { return self.whisper(asked, EXPIRED).await };
        let (place, _) = self.scene(asked).await;
        let message = Message { about: Some(call), ..asked.message(place, format!("/{SHOW}")) };
        self.driver.answer(message, None, Vec::new()).await;
    }

    /// The stop button was pressed.
    async fn stopped(&self, asked: &Asked<'_>, shown: &all::Message) {
        if let Err(error) = self.respond(asked, UNCHANGED, None).await {
            tracing::warn!(error = %chain(&error), "a stop button was not acknowledged");
        }
        if !self.serves(asked) {
            return;
        }
        let Some(post) = self.driver.showing(&MessageId(shown.id.to_string())).await else {
            return self.whisper(asked, EXPIRED).await;
        };
        let (_, role) = self.scene(asked).await;
        let presser = MemberId(asked.person.to_string());
        let may_all = role >= Some(Role::Moderator);
        let is_stopped = self.driver.stop(&post.call, &presser, may_all);
        if !is_stopped && !may_all && presser != post.question.author {
            self.whisper(asked, NOT_YOURS).await;
        }
    }

    /// Whether a command's answer is for who asked alone; so is that a command is gone.
    fn is_private(&self, asked: &Asked<'_>, command: Option<&Command>) -> bool {
        let room = self.room(asked.channel, asked.guild, asked.kind);
        command.is_none_or(|command| self.driver.dispatch().visibility(&room, command) == Visibility::Caller)
    }

    /// Whether it happened where the bot answers: a server that someone brings it into alone has no part in its library.
    fn serves(&self, asked: &Asked<'_>) -> bool {
        !asked.is_personal && self.guilds.serves(asked.guild.map(|guild| guild.get()))
    }
}

/// The language of a client: `pt` of `pt-BR`.
fn code(locale: &str) -> String {
    locale.split('-').next().unwrap_or_default().to_lowercase()
}

/// A proposal as Discord takes it; none of one that could not be chosen.
fn choice(text: &str, is_number: bool) -> Option<Value> {
    if is_number {
        return text.parse::<i64>().ok().map(|number| json!({ "name": text, "value": number }));
    }
    let fits = !text.is_empty() && text.chars().count() <= PROPOSAL_MAX;
    fits.then(|| json!({ "name": text, "value": text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_that_cannot_be_chosen_is_none() {
        assert_eq!(choice("neural", false), Some(json!({ "name": "neural", "value": "neural" })));
        assert_eq!(choice("7", true), Some(json!({ "name": "7", "value": 7 })));
        assert_eq!(choice("seven", true), None);
        assert_eq!(choice(&"x".repeat(101), false), None);
    }
}
