//! Files that members drop in a chat, read into the library of those who see them.

use std::{
    io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use chat::{
    DocumentId, PortError, RoomId, Scope,
    ports::{Acquisition, Added, Documents as _},
};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use crate::{
    fetch::Fetcher,
    home::{Library, top_up},
    ingest::ingest,
};

const PORT: &str = "acquisition";

/// Longest file name that is kept, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Keeps each file in the data folder, under its content's checksum, and reads it from there: what a chat forgets can
/// still be read again by a later version.
pub struct Acquirer {
    library: Library,
    folder: PathBuf,
    links: Fetcher,
    /// One file at a time: two copies of one paper must meet.
    turn: tokio::sync::Mutex<()>,
}

impl Acquirer {
    /// Files are kept below `folder`.
    pub fn new(library: Library, folder: PathBuf, links: Fetcher) -> Self {
        Self { library, folder, links, turn: tokio::sync::Mutex::new(()) }
    }

    async fn keep(&self, scope: &Scope, name: &str, bytes: Vec<u8>) -> io::Result<PathBuf> {
        let folder = folder_of(&self.folder, scope);
        let path = folder.join(format!("{}-{}", &library::sha256(&bytes)[..16], plain(name)));
        if !path.exists() {
            tokio::fs::create_dir_all(&folder).await?;
            let aside = path.with_extension("part");
            tokio::fs::write(&aside, bytes).await?;
            tokio::fs::rename(&aside, &path).await?;
        }
        Ok(path)
    }
}

/// Where below `files` those of a scope are kept.
pub(crate) fn folder_of(files: &Path, scope: &Scope) -> PathBuf {
    let owner = library::sha256(scope.to_string().as_bytes());
    files.join(&owner[..16])
}

/// A file name of a stranger's, as one of ours: its ending tells the format.
fn plain(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' }).collect();
    let start = plain.char_indices().rev().nth(NAME_CHARS_MAX - 1).map_or(0, |(at, _)| at);
    plain[start..].trim_start_matches('.').to_owned()
}

#[async_trait]
impl Acquisition for Acquirer {
    async fn add(&self, scope: &Scope, name: &str, bytes: Vec<u8>) -> Result<Added, PortError> {
        let _turn = self.turn.lock().await;
        let path = self.keep(scope, name, bytes).await.map_err(PortError::failed(PORT, "keeping a file"))?;
        let (bar, never) = (ProgressBar::hidden(), CancellationToken::new());
        let report = ingest(&self.library, std::slice::from_ref(&path), scope, &bar, &never).await;
        let report = report.map_err(|error| PortError::failed(PORT, "reading a file")(error.into_boxed_dyn_error()))?;
        let nothing = report.added.is_empty() && report.updated.is_empty() && report.unchanged == 0;
        if nothing && report.duplicates.is_empty() && report.files_unchanged == 0 {
            // Nothing of it is in the library: it is of no use, and takes room.
            tokio::fs::remove_file(&path).await.map_err(PortError::failed(PORT, "removing a refused file"))?;
        }
        let titles = report.added.into_iter().chain(report.updated).map(|(_, title)| title);
        Ok(Added {
            documents: titles.collect(),
            known: report.unchanged + report.duplicates.len() + report.files_unchanged,
            refused: report.refused.into_iter().map(|(_, sentence)| sentence).collect(),
        })
    }

    async fn fetch(&self, link: &str) -> Result<(String, Vec<u8>), PortError> {
        self.links.fetch(link).await
    }

    async fn move_room(&self, from: &RoomId, to: &RoomId) -> Result<usize, PortError> {
        let _turn = self.turn.lock().await;
        let Library { store, embedder, index } = &self.library;
        let doing = "moving a room's documents";
        let documents = store.documents_of(&Scope::Room(from.clone())).await.map_err(PortError::failed(PORT, doing))?;
        // Out of the index first: what a crash in between leaves is missing there, and comes at the next start.
        index.remove(&documents).await?;
        store.move_room(from, to).await.map_err(PortError::failed(PORT, doing))?;
        if !documents.is_empty() {
            let filled = top_up(store, index.as_ref(), embedder.as_ref()).await;
            filled.map_err(|error| PortError::failed(PORT, doing)(error.into_boxed_dyn_error()))?;
        }
        Ok(documents.len())
    }

    async fn move_document(&self, id: &DocumentId, scope: &Scope) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let Library { store, embedder, index } = &self.library;
        let doing = "moving a document";
        // Out of the index first, as above.
        index.remove(std::slice::from_ref(id)).await?;
        store.move_document(id, scope).await.map_err(PortError::failed(PORT, doing))?;
        let filled = top_up(store, index.as_ref(), embedder.as_ref()).await;
        filled.map_err(|error| PortError::failed(PORT, doing)(error.into_boxed_dyn_error()))
    }

    async fn remove(&self, id: &DocumentId) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let ids = std::slice::from_ref(id);
        self.library.store.remove(ids).await?;
        self.library.index.remove(ids).await
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_strangers_file_name_leads_nowhere() {
        assert_eq!(plain("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(plain("On Ducks (final).pdf"), "On_Ducks__final_.pdf");
        assert!(plain(&"x".repeat(500)).len() <= super::NAME_CHARS_MAX);
        assert!(plain(&format!("{}.pdf", "鸭".repeat(500))).ends_with(".pdf"));
    }
}
