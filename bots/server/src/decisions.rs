//! What was decided, beside the state: a file that no backup holds, and that a restore applies.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::Context;
use jiff::Timestamp;
use store::{Decisions, Store};

/// Name of the file in the data folder.
pub const FILE: &str = "decisions.json";

/// Writes what is decided now, where that is not what `last` says, or what the file says where nothing was written yet.
///
/// # Errors
/// Where the state cannot be read or the file not written; the one before stays whole.
pub async fn keep(store: &Store, dir: &Path, last: &mut Option<Decisions>, at: Timestamp) -> anyhow::Result<()> {
    let decisions = store.decisions(at).await?;
    let path = dir.join(FILE);
    if last.is_none() {
        // One that cannot be read is written again.
        *last = read(&path).ok().flatten();
    }
    if last.as_ref().is_some_and(|last| last.says_the_same_as(&decisions)) {
        return Ok(());
    }
    let json = serde_json::to_vec(&decisions).context("what was decided cannot be written as JSON")?;
    let aside = dir.join(format!("{FILE}.part"));
    let writing = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&aside)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&aside, &path)
    });
    writing.await?.with_context(|| format!("{FILE} cannot be written"))?;
    *last = Some(decisions);
    Ok(())
}

/// What the file says; `None` where there is no file.
///
/// # Errors
/// Where it cannot be read, or is no such file.
pub fn read(path: &Path) -> anyhow::Result<Option<Decisions>> {
    let json = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        json => json.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let read = serde_json::from_slice(&json);
    read.map(Some).with_context(|| format!("{} does not say what was decided", path.display()))
}
