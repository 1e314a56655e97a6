//! Plugins that hear what is said in a room: each message is a call of its own that nobody made.
//!
//! **Invariant:** it goes through the gate as its author's, so that no plugin hears whom a moderator blocked, and none where
//! it is turned off; what is said of it is said by notices alone. Of the words nothing stays in the audit trail.

use std::sync::Arc;

use chat::{
    Args, Audience, Call, CallId, Message, MessageId, Overheard, Place, PortError,
    cx::{Echo, listening},
    error::chain,
};
use futures::channel::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Asked, Shared};

impl Shared {
    /// Hands a message to the plugins that listen in its room. They go on when this returns.
    pub(super) async fn hand_on(self: &Arc<Self>, heard: &Overheard) {
        let message = &heard.message;
        if message.addressed || message.place.audience == Audience::Caller || message.text.len() > Message::BYTES_MAX {
            return;
        }
        let key = listening(&message.place);
        for manifest in self.manifests() {
            let Some(command) = manifest.hears.and_then(|name| manifest.command(name)) else { continue };
            match self.parts.ports.data.get(manifest.name, &key).await {
                Ok(Some(_)) => {}
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "it cannot be told whether a plugin listens: it does not");
                    continue;
                }
            }
            let (host, heard) = (Arc::clone(self), heard.clone());
            self.serving.spawn(async move {
                let message = &heard.message;
                let call = Self::call_of(message, manifest.name, command, Args::default());
                let id = CallId(format!("{}#{}", call.id, manifest.name));
                let call = Call { id, unasked: true, ..call };
                // It ends with its deadline; nobody listens to what it says here.
                let (events, _kept) = mpsc::unbounded();
                let asked = Asked { message, heard: Some(&heard) };
                let mut record = host.call(asked, call, command, &events, &CancellationToken::new()).await;
                // Of what was let pass nothing is known afterwards.
                if record.trace.has_echoed || !["done", "refused"].contains(&record.outcome) {
                    record.trace.generations.clear();
                    host.audit(record).await;
                }
            });
        }
    }

    /// What was said again of a message that is gone is taken back.
    pub(super) async fn take_back(&self, place: &Place, message: &MessageId) {
        for manifest in self.manifests().into_iter().filter(|manifest| manifest.hears.is_some()) {
            if let Err(error) = self.take_back_of(manifest.name, place, message).await {
                tracing::error!(error = %chain(&error), "what was said again of a removed message still stands");
            }
        }
    }

    async fn take_back_of(&self, plugin: &str, place: &Place, message: &MessageId) -> Result<(), PortError> {
        let ports = &self.parts.ports;
        let Some(value) = ports.data.get(plugin, &Echo::key(place, message)).await? else { return Ok(()) };
        let echo: Echo = serde_json::from_value(value).map_err(PortError::failed("plugin data", "reading an echo"))?;
        ports.notify.revise(&echo.to, &echo.posted, None, self.parts.clock.now()).await
    }
}
