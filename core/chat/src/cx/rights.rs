//! What a plugin may change of the library on behalf of a moderator.
//!
//! **Invariant:** a moderator changes what their own room owns; all else is the operator's. Whom an operator made a moderator also
//! gives what their room owns to the community.

use crate::{
    Cx, DocumentId, MemberId, PluginError, Role, Scope,
    document::Rights,
    ports::{HeldVersion, Listing},
};

const RIGHTS: &str = "keeping a document's rights";

impl Cx {
    /// What moderators said of a document that is readable here; the default where nothing was said, or where it is not.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn rights(&self, id: &DocumentId) -> Result<Rights, PluginError> {
        let found = self.ports.documents.get(Some(&self.readable), id).await.map_err(PluginError::port(RIGHTS))?;
        match found {
            Some(_) => {
                let rights = self.ports.documents.rights(id).await.map_err(PluginError::port(RIGHTS))?;
                // One that is over ended by itself.
                let embargo = rights.embargo.filter(|until| *until > self.at);
                Ok(Rights { embargo, ..rights })
            }
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

    /// Gives a document to another scope: who decides for the whole community, one of their room's to that.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller may not; [`PluginError::Port`].
    pub async fn move_document(&self, listing: &Listing, scope: &Scope) -> Result<(), PluginError> {
        self.needs_own(&listing.scope)?;
        match scope {
            Scope::Community(community) if *community == self.call.place.community => self.needs_all()?,
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

    /// Who brought a document that the caller looks after; none for an operator, or where nobody knows.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller may not; [`PluginError::Port`].
    pub async fn brought_by(&self, listing: &Listing) -> Result<Option<MemberId>, PluginError> {
        self.needs_own(&listing.scope)?;
        let asking = self.ports.acquisition.brought_by(&listing.id);
        asking.await.map_err(PluginError::port("looking up who added a document"))
    }

    /// The versions of this room's documents that wait for a moderator of it, and for an operator also of the community's, the
    /// oldest first.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is not a moderator; [`PluginError::Port`].
    pub async fn versions(&self) -> Result<Vec<HeldVersion>, PluginError> {
        self.needs(Role::Moderator)?;
        let mut scopes = vec![Scope::Room(self.call.place.room.clone())];
        if self.call.role >= Role::Operator {
            scopes.push(Scope::Community(self.call.place.community.clone()));
        }
        let mut found = Vec::new();
        for scope in scopes {
            let held = self.ports.acquisition.versions(&scope).await;
            found.extend(held.map_err(PluginError::port("looking for versions"))?);
        }
        Ok(found)
    }

    /// Puts one of [`Cx::versions`] in the place of its document, or drops it.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller may not; [`PluginError::Port`].
    pub async fn decide(&self, version: &HeldVersion, take: bool) -> Result<(), PluginError> {
        let doing = "deciding on a version";
        let document = self.ports.documents.get(None, &version.document).await.map_err(PluginError::port(doing))?;
        if let Some(document) = document {
            self.needs_own(&document.scope)?;
        }
        self.ports.acquisition.decide(version, take).await.map_err(PluginError::port(doing))
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
