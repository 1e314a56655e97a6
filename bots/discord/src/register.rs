//! Tells Discord of the commands, only when they changed: each time anew would be slow to spread, and is limited.

use chat::error::chain;
use serde_json::Value;
use serenity::all::{ApplicationId, LightMethod, Route};

use crate::{definition, hub::Hub, rest};

/// Where the frontend keeps its own data.
const PLUGIN: &str = "discord";

/// Under which key it keeps what was registered.
const KEY: &str = "commands";

impl Hub {
    /// Registers the commands of this application. What fails is tried again at the next start.
    pub async fn register(&self, application_id: ApplicationId) {
        let definitions = definition::definitions(&self.manifests());
        let hash = Value::String(definition::hash(application_id.get(), &definitions));
        match self.memory.get(PLUGIN, KEY).await {
            Ok(known) if known.as_ref() == Some(&hash) => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %chain(&error), "what was registered is not known"),
        }
        let request = rest::json(LightMethod::Put, Route::Commands { application_id }, &definitions);
        if let Err(error) = self.rest.done(request).await {
            tracing::error!(error = %chain(&error), "the commands were not registered");
            return;
        }
        tracing::info!(commands = definitions.len(), "the commands are registered");
        if let Err(error) = self.memory.set(PLUGIN, None, KEY, Some(hash)).await {
            tracing::warn!(error = %chain(&error), "what was registered is not kept");
        }
    }
}
