//! Which files a path holds, in the same order every time.

use std::{
    io,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its path from the folder that was given, with `/`; its name where a file was given.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

/// A file or folder that cannot be reached. `Display` goes on from "PATH: ".
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A link leads back to a folder above it.
    #[error("it links back to {above}, which would never end")]
    Loop {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        above: PathBuf,
    },
    /// The system says no.
    #[error("it cannot be read: {source}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl WalkError {
    /// The file or folder at fault.
    pub fn path(&self) -> &Path {
        match self {
            Self::Loop { path, .. } | Self::Unreadable { path, .. } => path,
        }
    }
}

/// The files under `root` (or `root` itself), sorted by name in each folder; links are followed, hidden files and
/// folders left out unless `root` is one. What cannot be reached is an item too: nothing is left out in silence.
pub fn walk(root: &Path) -> impl Iterator<Item = Result<Found, WalkError>> + use<> {
    let root = root.to_path_buf();
    let entries = WalkDir::new(&root)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry));
    entries.filter_map(move |entry| match entry {
        Ok(entry) if entry.file_type().is_dir() => None,
        Ok(entry) => Some(found(&root, &entry)),
        Err(error) => Some(Err(refused(&root, error))),
    })
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

fn found(root: &Path, entry: &DirEntry) -> Result<Found, WalkError> {
    let path = entry.path().to_path_buf();
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return Err(refused(&path, error)),
    };
    if !metadata.is_file() {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it is a device, pipe or socket");
        return Err(WalkError::Unreadable { path, source });
    }
    let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let parts = below.map_or_else(
        || path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        |below| below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"),
    );
    Ok(Found { path, file: parts, bytes: metadata.len() })
}

fn refused(root: &Path, error: walkdir::Error) -> WalkError {
    let path = error.path().unwrap_or(root).to_path_buf();
    match error.loop_ancestor().map(Path::to_path_buf) {
        Some(above) => WalkError::Loop { path, above },
        None => {
            let text = error.to_string();
            WalkError::Unreadable { path, source: error.into_io_error().unwrap_or_else(|| io::Error::other(text)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[track_caller]
    fn check(root: &Path, want: &[&str]) {
        let found: Vec<String> = walk(root)
            .map(|item| match item {
                Ok(found) => format!("{} {}", found.file, found.bytes),
                Err(WalkError::Loop { path, .. }) => format!("loop {}", path.file_name().unwrap().display()),
                Err(WalkError::Unreadable { path, .. }) => {
                    format!("unreadable {}", path.file_name().unwrap().display())
                }
            })
            .collect();
        assert_eq!(found, want);
    }

    #[test]
    fn files_come_in_order_and_loops_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/.git")).unwrap();
        fs::write(root.join("b/two.txt"), "22").unwrap();
        fs::write(root.join("a.txt"), "1").unwrap();
        fs::write(root.join(".hidden"), "1").unwrap();
        fs::write(root.join("b/.git/x"), "1").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("..", root.join("b/loop")).unwrap();
            std::os::unix::fs::symlink("nowhere", root.join("c")).unwrap();
            check(root, &["a.txt 1", "loop loop", "b/two.txt 2", "unreadable c"]);
        }
        check(&root.join("a.txt"), &["a.txt 1"]);
        check(&root.join("gone"), &["unreadable gone"]);
    }
}
