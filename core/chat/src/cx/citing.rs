//! What an answer stands on, remembered with it: whichever plugin answered, its lines are found again by their numbers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Call, CallId, Cx, PassageId, PluginError};

/// Where answers are remembered: no plugin's own data, so that one plugin shows the lines of all.
const ANSWERS: &str = "answers";

/// What is remembered of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cited {
    /// What was asked for.
    pub question: String,
    /// Its sources in the order of their numbers; none where it abstained.
    pub shown: Vec<Shown>,
}

/// A shown source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The passage.
    pub passage: PassageId,
    /// The line itself: a paper that is read again may be cut otherwise.
    pub line: String,
}

impl Cx {
    /// Remembers what this call's answer stands on, as long as the answer is known. It is the caller's last one here.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn cite(&self, cited: &Cited) -> Result<(), PluginError> {
        let call = &self.call;
        self.remember_in(ANSWERS, &answer(&call.id), json!(cited)).await?;
        self.remember_in(ANSWERS, &last(call), json!(call.id)).await
    }

    /// The answer that the call is about: the one that it names, else the caller's last one here.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn about(&self) -> Result<Option<CallId>, PluginError> {
        Ok(match &self.call.about {
            Some(about) => Some(about.clone()),
            None => self.answers(&last(&self.call)).await?.and_then(|value| serde_json::from_value(value).ok()),
        })
    }

    /// What an answer stands on; none where it is not known any more.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn cited(&self, about: &CallId) -> Result<Option<Cited>, PluginError> {
        Ok(self.answers(&answer(about)).await?.and_then(|value| serde_json::from_value(value).ok()))
    }

    async fn answers(&self, key: &str) -> Result<Option<Value>, PluginError> {
        self.ports.data.get(ANSWERS, key).await.map_err(PluginError::port("looking for an answer"))
    }
}

fn answer(call: &CallId) -> String {
    format!("answer:{call}")
}

/// Where each caller's last answer in each thread is remembered.
fn last(call: &Call) -> String {
    let thread = call.place.thread.as_ref().map(|thread| thread.0.as_str()).unwrap_or_default();
    format!("last:{}:{}:{thread}:{}", call.place.platform, call.place.room, call.caller)
}
