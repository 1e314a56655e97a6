//! What people may do with what is remembered of them: in the state, in the index, and among the kept files.

use std::{
    fs,
    io::{self, Cursor, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    MemberId, PortError, Scope,
    chronicle::Chronicle,
    people::{Erased, Personal, Register as _},
    ports::Index,
};
use serde_json::Value;
use store::{Store, StoreError};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{acquire::folder_of, home::Home, matching::Matcher, reading::Reader};

const PORT: &str = "personal";

/// After this, what the call itself left behind is erased too: its record, and the reply that says that it was done.
const ONCE_MORE: Duration = Duration::from_secs(60);

/// Reaches every store that holds something of a person.
pub struct Custodian {
    store: Store,
    index: Arc<dyn Index>,
    chronicle: Arc<dyn Chronicle>,
    matcher: Matcher,
    reader: Reader,
    files: PathBuf,
    /// Who sits at the console, and the lines that they typed.
    console: (MemberId, Option<PathBuf>),
}

impl Custodian {
    /// The one of a data folder.
    pub fn new(home: &Home) -> Self {
        let seat = home.seat();
        Self {
            store: home.store.clone(),
            index: Arc::clone(&home.index),
            chronicle: home.chronicle.clone(),
            matcher: home.matcher.clone(),
            reader: home.reader.clone(),
            files: home.settings.data_dir().join("files"),
            console: (seat.member, seat.history),
        }
    }

    /// Files and folders that are theirs alone.
    fn paths(&self, accounts: &[MemberId]) -> Vec<PathBuf> {
        let dropped = accounts.iter().map(|account| folder_of(&self.files, &Scope::Person(account.clone())));
        let (member, history) = &self.console;
        let typed = history.iter().filter(|_| accounts.contains(member)).cloned();
        dropped.chain(typed).filter(|path| path.exists()).collect()
    }
}

#[async_trait]
impl Personal for Custodian {
    async fn export(&self, member: &MemberId) -> Result<Vec<u8>, PortError> {
        let accounts = self.store.standing(member).await?.accounts;
        let parts = self.store.personal(&accounts).await.map_err(StoreError::port(PORT))?;
        let paths = self.paths(&accounts);
        let doing = "writing an archive";
        let written = tokio::task::spawn_blocking(move || archive(&parts, &paths)).await;
        written.map_err(PortError::failed(PORT, doing))?.map_err(PortError::failed(PORT, doing))
    }

    async fn forget(&self, member: &MemberId) -> Result<Erased, PortError> {
        let accounts = self.store.standing(member).await?.accounts;
        // Files first: where they cannot be removed, the state still knows whose they are.
        let paths = self.paths(&accounts);
        let doing = "removing files";
        let removed =
            tokio::task::spawn_blocking(move || paths.iter().try_fold(0, |sum, path| Ok(sum + remove(path)?)));
        let removed: io::Result<usize> = removed.await.map_err(PortError::failed(PORT, doing))?;
        let removed = removed.map_err(PortError::failed(PORT, doing))?;
        // While it is known where they stand. The platforms are told when they can be, and nobody waits for that.
        let now = crate::now();
        let echoes = self.store.take_down_echoes(&accounts, now, now).await.map_err(StoreError::port(PORT))?;
        // Before the state is written anew.
        let said = self.chronicle.forget(&accounts).await?;
        let (mut erased, documents) = self.store.erase(&accounts).await.map_err(StoreError::port(PORT))?;
        self.matcher.clear();
        self.reader.clear().await;
        if !documents.is_empty() {
            self.index.remove(&documents).await?;
        }
        if !documents.is_empty() || !said.counts.is_empty() {
            self.index.purge().await?;
        }
        erased.counts.extend(said.counts);
        let (store, reader) = (self.store.clone(), self.reader.clone());
        tokio::spawn(async move {
            tokio::time::sleep(ONCE_MORE).await;
            let (now, until) = (crate::now(), crate::now() - ONCE_MORE / 2);
            // What was on its way to a platform just then stands there since.
            if let Err(error) = store.take_down_echoes(&accounts, until, now).await {
                tracing::error!(error = %chat::error::chain(&error), "what was said again of a forgotten person stands");
            }
            if let Err(error) = store.erase_calls(&accounts, until).await {
                tracing::error!(error = %chat::error::chain(&error), "the record of an erasure stays");
            }
            reader.clear().await;
        });
        if echoes > 0 {
            erased.counts.push(("messages carried over".to_owned(), echoes));
        }
        if removed > 0 {
            erased.counts.push(("kept files".to_owned(), removed));
        }
        Ok(erased)
    }
}

/// Removes a file, or a folder of files; how many.
fn remove(path: &Path) -> io::Result<usize> {
    if !path.is_dir() {
        return fs::remove_file(path).map(|()| 1);
    }
    let count = fs::read_dir(path)?.count();
    fs::remove_dir_all(path).map(|()| count)
}

/// A ZIP archive of JSON and files.
fn archive(parts: &[(String, Value)], paths: &[PathBuf]) -> io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, value) in parts {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(&serde_json::to_vec_pretty(value)?)?;
    }
    for path in paths {
        let files = match path.is_dir() {
            true => fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
            false => vec![path.clone()],
        };
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            zip.start_file(format!("files/{name}"), SimpleFileOptions::default())?;
            zip.write_all(&fs::read(&file)?)?;
        }
    }
    Ok(zip.finish()?.into_inner())
}
