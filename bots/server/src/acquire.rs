//! Files that members drop in a chat, read into the library of those who see them.

mod quotas;

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use async_trait::async_trait;
use chat::{
    DocumentId, MemberId, PortError, RoomId, Scope,
    ports::{Acquisition, Added, Documents as _, HeldVersion},
};
use jiff::Timestamp;
use tokio::sync::Mutex;

use quotas::Counter;
pub use quotas::Quotas;

use crate::{
    fetch::Fetcher,
    home::{Library, top_up},
    ingest,
};

const PORT: &str = "acquisition";

const REMOVING: &str = "removing a file of no use";

/// Longest file name that is kept, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Who holds it stores in a scope.
type Turn = Arc<Mutex<()>>;

/// Keeps each file in the data folder, under its content's checksum, and reads it from there: what a chat forgets can
/// still be read again by a later version.
pub struct Acquirer {
    library: Library,
    folder: PathBuf,
    links: Fetcher,
    quotas: Counter,
    /// One file is laid down at a time: there is room for it when it is.
    laying: Mutex<()>,
    /// In a scope one file is stored at a time: two copies of one paper must meet.
    turns: StdMutex<HashMap<Scope, Turn>>,
}

impl Acquirer {
    /// Files are kept below `folder`.
    pub fn new(library: Library, folder: PathBuf, links: Fetcher, quotas: Quotas) -> Self {
        Self {
            library,
            folder,
            links,
            quotas: Counter::new(quotas),
            laying: Mutex::new(()),
            turns: StdMutex::default(),
        }
    }

    /// The turn of a scope.
    fn turn(&self, scope: &Scope) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(scope.clone()).or_default())
    }

    /// The turn of the scope in which a document is.
    async fn turn_of(&self, id: &DocumentId) -> Result<Turn, PortError> {
        let document = self.library.store.get(None, id).await?;
        Ok(document.map(|document| self.turn(&document.scope)).unwrap_or_default())
    }

    async fn keep(&self, scope: &Scope, name: &str, bytes: Vec<u8>) -> io::Result<Kept> {
        let folder = folder_of(&self.folder, scope);
        let path = folder.join(format!("{}-{}", &library::sha256(&bytes)[..16], plain(name)));
        let is_new = !path.exists();
        if is_new {
            tokio::fs::create_dir_all(&folder).await?;
            let aside = path.with_extension("part");
            tokio::fs::write(&aside, bytes).await?;
            tokio::fs::rename(&aside, &path).await?;
        }
        Ok(Kept { path, is_stray: is_new })
    }

    /// Removes a file in which nothing stands that is read or waits; whether it did.
    async fn drop_file(&self, path: &Path) -> Result<bool, PortError> {
        if self.library.store.is_needed(&ingest::name(path)).await.map_err(PortError::failed(PORT, REMOVING))? {
            return Ok(false);
        }
        match tokio::fs::remove_file(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PortError::failed(PORT, REMOVING)(error)),
            _ => Ok(true),
        }
    }
}

/// A file that was laid down. Where nobody says what came of it, as where its call ran out of time, it goes again.
struct Kept {
    path: PathBuf,
    is_stray: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.is_stray
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "a file that nobody waits for could not be removed");
        }
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
    async fn add(
        &self,
        scope: &Scope,
        (member, at): (&MemberId, Timestamp),
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Added, PortError> {
        let many = bytes.len() as u64;
        let own = folder_of(&self.folder, scope);
        let laying = self.laying.lock().await;
        let no_room = self.quotas.no_room(&self.folder, own, many).await;
        let no_room = no_room.map_err(PortError::failed(PORT, "looking for room"))?;
        if let Some(reason) = no_room.or_else(|| self.quotas.count(member, at, many).err()) {
            return Err(PortError::Refused { port: PORT, reason });
        }
        let mut kept = self.keep(scope, name, bytes).await.map_err(PortError::failed(PORT, "keeping a file"))?;
        drop(laying);
        let report = ingest::bring(&self.library, &kept.path, scope, (member, at), &self.turn(scope)).await;
        let report = report.map_err(|error| PortError::failed(PORT, "reading a file")(error.into_boxed_dyn_error()))?;
        // What of it is nowhere in the library, nor waits, is of no use, and takes room.
        kept.is_stray = false;
        self.drop_file(&kept.path).await?;
        let titles = report.added.into_iter().chain(report.updated).map(|(_, title)| title);
        Ok(Added {
            documents: titles.collect(),
            known: report.unchanged + report.duplicates.len() + report.files_unchanged,
            held: report.held.into_iter().map(|(_, title)| title).collect(),
            refused: report.refused.into_iter().map(|(_, sentence)| sentence).collect(),
        })
    }

    async fn brought_by(&self, id: &DocumentId) -> Result<Option<MemberId>, PortError> {
        let found = self.library.store.brought(std::slice::from_ref(id)).await;
        Ok(found.map_err(PortError::failed(PORT, "looking up who added a document"))?.remove(id))
    }

    async fn versions(&self, scope: &Scope) -> Result<Vec<HeldVersion>, PortError> {
        self.library.store.held_in(scope).await.map_err(PortError::failed(PORT, "looking for versions"))
    }

    async fn decide(&self, version: &HeldVersion, take: bool) -> Result<(), PortError> {
        let doing = "deciding on a version";
        if take {
            let turn = self.turn_of(&version.document).await?;
            let taken = ingest::take(&self.library, version, &turn).await;
            if !taken.map_err(|error| PortError::failed(PORT, doing)(error.into_boxed_dyn_error()))? {
                let reason = "its file does not hold that paper any more".to_owned();
                return Err(PortError::Refused { port: PORT, reason });
            }
        }
        let dropped = self.library.store.drop_held(&version.document, &version.file).await;
        dropped.map_err(PortError::failed(PORT, doing))?;
        if !take {
            self.drop_file(Path::new(&version.file)).await?;
        }
        Ok(())
    }

    async fn fetch(&self, link: &str) -> Result<(String, Vec<u8>), PortError> {
        self.links.fetch(link).await
    }

    async fn move_room(&self, from: &RoomId, to: &RoomId) -> Result<usize, PortError> {
        // In one order, so that two of these do not wait for each other.
        let scopes: BTreeSet<Scope> = [from, to].map(|room| Scope::Room(room.clone())).into();
        let turns: Vec<Turn> = scopes.iter().map(|scope| self.turn(scope)).collect();
        let mut held = Vec::new();
        for turn in &turns {
            held.push(turn.lock().await);
        }
        let Library { store, embedder, index, .. } = &self.library;
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
        let turn = self.turn_of(id).await?;
        let _turn = turn.lock().await;
        let Library { store, embedder, index, .. } = &self.library;
        let doing = "moving a document";
        // Who moves it answers for it.
        store.adopt(id).await.map_err(PortError::failed(PORT, doing))?;
        // Out of the index first, as above.
        index.remove(std::slice::from_ref(id)).await?;
        store.move_document(id, scope).await.map_err(PortError::failed(PORT, doing))?;
        let filled = top_up(store, index.as_ref(), embedder.as_ref()).await;
        filled.map_err(|error| PortError::failed(PORT, doing)(error.into_boxed_dyn_error()))
    }

    async fn remove(&self, id: &DocumentId) -> Result<(), PortError> {
        let turn = self.turn_of(id).await?;
        let _turn = turn.lock().await;
        let ids = std::slice::from_ref(id);
        let files = self.library.store.files_of(id).await.map_err(PortError::failed(PORT, REMOVING))?;
        self.library.store.remove(ids).await?;
        self.library.index.remove(ids).await?;
        // Members' files that held nothing else go too; those of an operator are theirs to remove.
        let ours = ingest::name(&self.folder);
        for file in files.iter().filter(|file| Path::new(file).starts_with(&ours)) {
            if self.drop_file(Path::new(file)).await? {
                self.library.store.unsee(file).await.map_err(PortError::failed(PORT, REMOVING))?;
            }
        }
        Ok(())
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
