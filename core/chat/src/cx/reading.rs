//! What the caller may want to read next: chosen from what may be read here, by what they said before.
//!
//! **Invariant:** what is chosen for a person is told to them alone, and so is why: a room would learn what they like.

use jiff::Timestamp;

use crate::{
    Audience, Cx, DocumentId, PluginError,
    ports::{ReadingRequest, Recommended, Verdict},
};

const CHOOSING: &str = "choosing papers";

impl Cx {
    /// Papers for the caller, best first, at most `limit`: of those that came `since`, where that is said. What was shown for
    /// what is `due` now ([`Cx::papers_shown`]) may come again.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where others see the reply; [`PluginError::Port`].
    pub async fn papers_for_caller(
        &self,
        since: Option<Timestamp>,
        due: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Recommended>, PluginError> {
        self.in_private()?;
        let (accounts, readable) = (self.standing.accounts.clone(), self.readable.clone());
        let request = ReadingRequest { accounts, readable, since, due, at: self.at, limit };
        self.ports.reading.papers_for(&request).await.map_err(PluginError::port(CHOOSING))
    }

    /// Papers near one that is readable here, nearest first, without it.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn similar_papers(&self, id: &DocumentId, limit: usize) -> Result<Vec<Recommended>, PluginError> {
        let finding = self.ports.reading.similar(&self.readable, id, self.at, limit);
        finding.await.map_err(PluginError::port(CHOOSING))
    }

    /// Whether there is anything to choose papers for the caller by.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn has_taste(&self) -> Result<bool, PluginError> {
        self.ports.reading.knows(&self.standing.accounts).await.map_err(PluginError::port(CHOOSING))
    }

    /// Keeps the caller's word on a paper that is readable here, or that the answer shows which the call is about: what was
    /// told in private of a room is answered in private. Whether there is such a paper.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn rate_paper(&self, id: &DocumentId, verdict: Verdict) -> Result<bool, PluginError> {
        if self.document(id).await?.is_none() && !self.is_shown(id).await? {
            return Ok(false);
        }
        let rating = self.ports.reading.rate(&self.call.caller, id, verdict, self.at);
        rating.await.map_err(PluginError::port(CHOOSING))?;
        Ok(true)
    }

    /// The papers of which the caller said so last, newest first, with their titles.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where others see the reply; [`PluginError::Port`].
    pub async fn rated_papers(&self, verdict: Verdict) -> Result<Vec<(DocumentId, String)>, PluginError> {
        self.in_private()?;
        let rated = self.ports.reading.rated(&self.standing.accounts, verdict, &self.readable);
        rated.await.map_err(PluginError::port(CHOOSING))
    }

    /// These were shown to the caller, now or for what is `due`: they are not chosen again.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn papers_shown(&self, ids: &[DocumentId], due: Option<Timestamp>) -> Result<(), PluginError> {
        let noting = self.ports.reading.shown(&self.call.caller, ids, due.unwrap_or(self.at));
        noting.await.map_err(PluginError::port(CHOOSING))
    }

    /// Whether the answer that the call is about shows a document.
    async fn is_shown(&self, id: &DocumentId) -> Result<bool, PluginError> {
        let Some(about) = &self.call.about else { return Ok(false) };
        let cited = self.cited(about).await?;
        Ok(cited.is_some_and(|cited| cited.shown.iter().any(|shown| shown.passage.document == *id)))
    }

    fn in_private(&self) -> Result<(), PluginError> {
        match self.call.place.audience {
            Audience::Caller => Ok(()),
            Audience::Room => Err(PluginError::Refused("That is for you alone; ask me in private.".to_owned())),
        }
    }
}
