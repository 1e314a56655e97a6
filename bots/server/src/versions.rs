//! What was learned, in numbered files of the data folder: `models/recommend/0001.json` and so on, beside a file that names
//! the one in use.
//!
//! **Invariant:** a file is whole or not there, and none is changed once it is; what is in use changes by one rename.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// Names the file in use; empty where none is.
const CURRENT: &str = "current";

/// What a training that was broken off goes on from.
const STATE: &str = "training.json";

/// Held while one trains. A backup leaves it out by its name.
const LOCK: &str = "lock";

/// The versions of one thing that is learned.
#[derive(Debug, Clone)]
pub struct Versions {
    dir: PathBuf,
}

/// The right to train.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

impl Versions {
    /// Those of `name` in a data folder.
    pub fn of(data: &Path, name: &str) -> Self {
        Self { dir: data.join("models").join(name) }
    }

    /// Where they are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All numbers, in rising order.
    ///
    /// # Errors
    /// Where the folder cannot be read; a missing one has none.
    pub fn all(&self) -> io::Result<Vec<u32>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let number = |entry: io::Result<fs::DirEntry>| {
            let name = entry?.file_name().to_string_lossy().into_owned();
            Ok(name.strip_suffix(".json").and_then(|stem| stem.parse::<u32>().ok()))
        };
        let mut numbers = entries.filter_map(|entry| number(entry).transpose()).collect::<io::Result<Vec<u32>>>()?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The one in use.
    ///
    /// # Errors
    /// Where the file that names it cannot be read.
    pub fn current(&self) -> io::Result<Option<u32>> {
        match fs::read_to_string(self.dir.join(CURRENT)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            text => Ok(text?.trim().parse().ok()),
        }
    }

    /// Uses another one, or none, from now on: also in a process that serves.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_current(&self, number: Option<u32>) -> io::Result<()> {
        let text = number.map(|number| number.to_string()).unwrap_or_default();
        self.put(CURRENT, text.as_bytes())
    }

    /// One of them.
    ///
    /// # Errors
    /// Where it is not there, or not what it should be.
    pub fn read<T: DeserializeOwned>(&self, number: u32) -> io::Result<T> {
        Ok(serde_json::from_slice(&fs::read(self.dir.join(file(number)))?)?)
    }

    /// Adds one; its number.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn add(&self, value: &impl Serialize) -> io::Result<u32> {
        let number = self.all()?.last().map_or(1, |last| last + 1);
        self.put(&file(number), &serde_json::to_vec_pretty(value)?)?;
        Ok(number)
    }

    /// What a training goes on from; none where nothing was broken off, or where another version wrote it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn state<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        match fs::read(self.dir.join(STATE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            bytes => Ok(serde_json::from_slice(&bytes?).ok()),
        }
    }

    /// Keeps what a training goes on from, or forgets it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_state(&self, state: Option<&impl Serialize>) -> io::Result<()> {
        match state {
            Some(state) => self.put(STATE, &serde_json::to_vec(state)?),
            None => match fs::remove_file(self.dir.join(STATE)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// The right to train, for one process at a time; none where another has it.
    ///
    /// # Errors
    /// Where the lock cannot be made.
    pub fn turn(&self) -> io::Result<Option<Turn>> {
        fs::create_dir_all(&self.dir)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.dir.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Turn { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let part = self.dir.join(format!("{name}.part"));
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(part, self.dir.join(name))
    }
}

fn file(number: u32) -> String {
    format!("{number:04}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_and_the_one_in_use_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::of(folder.path(), "recommend");
        assert_eq!((versions.all().unwrap(), versions.current().unwrap()), (vec![], None));
        assert_eq!((versions.add(&"one").unwrap(), versions.add(&"two").unwrap()), (1, 2));
        assert!(versions.dir().join("0002.json").exists());
        versions.set_current(Some(2)).unwrap();
        versions.set_state(Some(&7)).unwrap();
        assert_eq!((versions.all().unwrap(), versions.current().unwrap()), (vec![1, 2], Some(2)));
        assert_eq!(versions.read::<String>(2).unwrap(), "two");
        assert_eq!(versions.state::<u32>().unwrap(), Some(7));
        assert_eq!(versions.state::<String>().unwrap(), None, "what is no state is none");
        for _ in 0..2 {
            versions.set_state(None::<&u32>).unwrap();
        }
        versions.set_current(None).unwrap();
        assert_eq!((versions.current().unwrap(), versions.state::<u32>().unwrap()), (None, None));
        assert_eq!(versions.read::<String>(3).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn one_trains_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::of(folder.path(), "match");
        let turn = versions.turn().unwrap();
        assert!(turn.is_some() && versions.turn().unwrap().is_none());
        drop(turn);
        assert!(versions.turn().unwrap().is_some());
    }
}
