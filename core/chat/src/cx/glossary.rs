//! The words that a community settled on: read for every translation, whichever plugin asks for it.

use serde_json::Value;

use crate::{Cx, PluginError, Role};

/// The plugin whose data they are.
const KEPT_BY: &str = "translation";

impl Cx {
    /// The community's glossary, as the plugin that keeps it wrote it.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn glossary(&self) -> Result<Option<Value>, PluginError> {
        let getting = self.ports.data.get(KEPT_BY, &self.glossary_key()).await;
        getting.map_err(PluginError::port("reading the glossary"))
    }

    /// Keeps the community's glossary.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator; [`PluginError::Port`].
    pub async fn set_glossary(&self, glossary: Value) -> Result<(), PluginError> {
        self.needs(Role::Moderator)?;
        let setting = self.ports.data.set(KEPT_BY, None, &self.glossary_key(), Some(glossary)).await;
        setting.map_err(PluginError::port("keeping the glossary"))
    }

    fn glossary_key(&self) -> String {
        format!("glossary:{}", self.call.place.community)
    }
}
