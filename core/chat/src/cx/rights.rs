//! What a plugin may change of the library on behalf of a moderator.
//!
//! **Invariant:** a moderator changes what their own room owns; all else is the operator's.

use crate::{Cx, DocumentId, PluginError, Role, Scope, document::Rights, ports::Listing};

const RIGHTS: &str = "keeping a document's rights";

impl Cx {
    /// What moderators said of a document that is readable here; the default where nothing was said, or where it is not.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn rights(&self, id: &DocumentId) -> Result<Rights, PluginError> {
        let found = self.ports.documents.get(Some(&self.readable), id).await.map_err(PluginError::port(RIGHTS))?;
        match found {
            Some(_) => self.ports.documents.rights(id).await.map_err(PluginError::port(RIGHTS)),
            None => Ok(Rights::default()),
        }
    }

    /// Keeps what a moderator says of a document.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller may not; [`PluginError::Port`].
    pub async fn set_rights(&self, listing: &Listing, rights: &Rights) -> Result<(), PluginError> {
        self.needs_own(&listing.scope)?;
        self.ports.documents.set_rights(&listing.id, rights).await.map_err(PluginError::port(RIGHTS))
    }

    /// Gives a document to another scope: a moderator one of their room's to the whole community.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller may not; [`PluginError::Port`].
    pub async fn move_document(&self, listing: &Listing, scope: &Scope) -> Result<(), PluginError> {
        self.needs_own(&listing.scope)?;
        match scope {
            Scope::Community(community) if *community == self.call.place.community => {}
            _ => self.needs(Role::Operator)?,
        }
        let found =
            self.ports.documents.get(Some(&self.readable), &listing.id).await.map_err(PluginError::port(RIGHTS))?;
        if found.is_some_and(|document| document.is_conversation()) {
            let sentence = "What was said in a room stays there: that is what people consented to.";
            return Err(PluginError::Refused(sentence.to_owned()));
        }
        let rights = self.rights(&listing.id).await?;
        if rights.embargo.is_some() || rights.confidential {
            let sentence = "It is under embargo or confidential: nothing of it leaves its scope.";
            return Err(PluginError::Refused(sentence.to_owned()));
        }
        let moving = self.ports.acquisition.move_document(&listing.id, scope);
        moving.await.map_err(PluginError::port("moving a document"))
    }

    /// Takes a document out of the library.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller may not; [`PluginError::Port`].
    pub async fn remove_document(&self, listing: &Listing) -> Result<(), PluginError> {
        self.needs_own(&listing.scope)?;
        self.ports.acquisition.remove(&listing.id).await.map_err(PluginError::port("removing a document"))
    }

    /// # Errors
    /// [`PluginError::Refused`] where it is neither this room's, for its moderators, nor the caller an operator.
    fn needs_own(&self, scope: &Scope) -> Result<(), PluginError> {
        match scope {
            Scope::Room(room) if *room == self.call.place.room => self.needs(Role::Moderator),
            Scope::Person(person) if self.standing.accounts.contains(person) => Ok(()),
            _ => self.needs(Role::Operator),
        }
    }
}
