//! One process on one data folder: a lock on the file `colloquy.lock`, which holds the owner's process id.
//!
//! **Invariant:** the lock is the operating system's, so it goes with the process, however that ends; the file
//! stays, and its content means nothing while nobody holds the lock.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::{StoreError, create_folder};

/// The right to work on a data folder; dropping it gives the folder free.
#[derive(Debug)]
pub struct DataLock {
    /// Open as long as the lock is held.
    _file: File,
}

impl DataLock {
    /// Name of the file in the data folder.
    pub const FILE: &str = "colloquy.lock";

    /// Takes the folder, which is made where it is missing. Never waits.
    ///
    /// # Errors
    /// [`StoreError::Locked`], naming the process that holds it.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        create_folder(folder)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(Self::FILE))
            .map_err(StoreError::io("opening the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { process: process_in(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("locking the data folder")(error)),
        }
        let doing = "writing the lock file";
        file.set_len(0).map_err(StoreError::io(doing))?;
        // On a full disk the lock still holds; only the number is missing from the other's refusal.
        if let Err(error) = file.rewind().and_then(|()| write!(file, "{}", std::process::id())) {
            tracing::warn!(%error, "the lock file does not name this process");
        }
        Ok(Self { _file: file })
    }
}

/// The process id in a lock file, where it can be read.
fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_on_a_folder_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataLock::take(folder.path()).unwrap();
        let refusal = DataLock::take(folder.path()).unwrap_err();
        let process = std::process::id();
        assert_eq!(refusal.to_string(), format!("another colloquy (process {process}) uses this folder"));
        drop(first);
        DataLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_lock_file_left_by_a_dead_process_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(DataLock::FILE), "4194304000").unwrap();
        DataLock::take(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(DataLock::FILE)).unwrap();
        assert_eq!(text, std::process::id().to_string());
    }
}
