//! The words that a community, or a room of it, settled on: read for every translation, whichever plugin asks for it.
//!
//! **Invariant:** what a room's moderators settle binds that room; for all rooms, who may decide for the community settles it.

use serde_json::Value;

use super::of_room;
use crate::{Cx, PluginError, Role};

/// The plugin whose data they are.
const KEPT_BY: &str = "translation";

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// The whole community's.
    Community,
    /// This room's; they come before the community's.
    Room,
}

impl Cx {
    /// A glossary, as the plugin that keeps it wrote it.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn glossary(&self, whose: Words) -> Result<Option<Value>, PluginError> {
        let getting = self.ports.data.get(KEPT_BY, &self.glossary_key(whose)).await;
        getting.map_err(PluginError::port("reading the glossary"))
    }

    /// Keeps a glossary.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator, or may not decide for the community;
    /// [`PluginError::Port`].
    pub async fn set_glossary(&self, whose: Words, glossary: Value) -> Result<(), PluginError> {
        match whose {
            Words::Room => self.needs(Role::Moderator)?,
            Words::Community => self.needs_all()?,
        }
        let setting = self.ports.data.set(KEPT_BY, None, &self.glossary_key(whose), Some(glossary)).await;
        setting.map_err(PluginError::port("keeping the glossary"))
    }

    fn glossary_key(&self, whose: Words) -> String {
        match whose {
            Words::Community => format!("glossary:{}", self.call.place.community),
            Words::Room => of_room("glossary", &self.call.place),
        }
    }
}
