//! Files that members drop in a chat, read into the library of those who see them.

use std::{io, path::PathBuf};

use async_trait::async_trait;
use chat::{
    PortError, Scope,
    ports::{Acquisition, Added},
};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use crate::{home::Library, ingest::ingest};

const PORT: &str = "acquisition";

/// Longest file name that is kept, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Keeps each file in the data folder, under its content's checksum, and reads it from there: what a chat forgets can
/// still be read again by a later version.
pub struct Acquirer {
    library: Library,
    folder: PathBuf,
    /// One file at a time: two copies of one paper must meet.
    turn: tokio::sync::Mutex<()>,
}

impl Acquirer {
    /// Files are kept below `folder`.
    pub fn new(library: Library, folder: PathBuf) -> Self {
        Self { library, folder, turn: tokio::sync::Mutex::new(()) }
    }

    async fn keep(&self, scope: &Scope, name: &str, bytes: Vec<u8>) -> io::Result<PathBuf> {
        let owner = library::sha256(scope.to_string().as_bytes());
        let folder = self.folder.join(&owner[..16]);
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
