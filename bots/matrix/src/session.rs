//! What is kept on disk: the session with its token, the store's key, the lock; and the client that they make.
//!
//! **Invariant:** one process has the store open, as the device that it belongs to.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use matrix_sdk::{
    Client, SqliteStoreConfig,
    authentication::matrix::MatrixSession,
    config::RequestConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    ruma::TransactionId,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{MatrixError, Settings};

/// Longest a request may take, but for uploads and the long poll.
const REQUEST_WITHIN: Duration = Duration::from_secs(20);

/// Tries of a request that answers nobody directly; those that show something are tried once, and the driver decides.
const TRIES: usize = 2;

fn session_file(folder: &Path) -> PathBuf {
    folder.join("session.json")
}

fn store_folder(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// Held as long as the store is open.
pub(crate) struct Lock {
    _file: File,
}

/// Makes the folder where there is none, and locks it.
pub(crate) fn lock(folder: &Path) -> Result<Lock, MatrixError> {
    let doing = "opening its folder";
    fs::create_dir_all(folder).map_err(MatrixError::failed(doing))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(folder.join("lock")).map_err(MatrixError::failed(doing))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(MatrixError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(MatrixError::failed("locking its folder")(error)),
    }
}

/// The session that was kept, where there is one.
pub(crate) fn load(folder: &Path) -> Result<Option<MatrixSession>, MatrixError> {
    match fs::read(session_file(folder)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(MatrixError::failed("reading its session")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MatrixError::failed("reading its session")(error)),
    }
}

/// Keeps a session.
pub(crate) fn save(folder: &Path, session: &MatrixSession) -> Result<(), MatrixError> {
    let bytes = serde_json::to_vec(session).map_err(MatrixError::failed("keeping its session"))?;
    write(&session_file(folder), &bytes).map_err(MatrixError::failed("keeping its session"))
}

/// Moves the session and the store of another device out of the way. They stay, for who finds out that it was a mistake.
pub(crate) fn set_aside(folder: &Path) -> Result<(), MatrixError> {
    let doing = "setting the old session aside";
    for path in [session_file(folder), store_folder(folder)] {
        if !path.exists() {
            continue;
        }
        let aside = path.with_extension("before");
        if aside.is_dir() {
            fs::remove_dir_all(&aside).map_err(MatrixError::failed(doing))?;
        }
        fs::rename(&path, &aside).map_err(MatrixError::failed(doing))?;
    }
    Ok(())
}

/// Writes a file whole or not at all, for its owner's eyes only.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

/// The key of the store: `given` (64 hex digits), else the one in `folder`, made at the first call.
///
/// # Errors
/// [`MatrixError::Setting`] where `given` is no key; [`MatrixError::Failed`] where the file cannot be read or written.
pub fn store_key(folder: &Path, given: Option<&str>) -> Result<Zeroizing<[u8; 32]>, MatrixError> {
    if let Some(given) = given {
        let what = "the key of the Matrix store must be 64 hex digits";
        return unhex(given.trim()).map(Zeroizing::new).ok_or_else(|| MatrixError::Setting { what: what.to_owned() });
    }
    let doing = "reading the key of its store";
    let path = folder.join("store.key");
    match fs::read_to_string(&path) {
        Ok(text) => unhex(Zeroizing::new(text).trim())
            .map(Zeroizing::new)
            .ok_or_else(|| MatrixError::Setting { what: format!("{} holds no key of 64 hex digits", path.display()) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(MatrixError::failed(doing))?;
            let key = Zeroizing::new(random());
            let text: Zeroizing<String> = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect());
            write(&path, text.as_bytes()).map_err(MatrixError::failed(doing))?;
            Ok(key)
        }
        Err(error) => Err(MatrixError::failed(doing)(error)),
    }
}

/// 32 random bytes: a random transaction id holds 122 random bits of the system, and four of them more than enough.
fn random() -> [u8; 32] {
    let mut hasher = Sha256::new();
    for _ in 0..4 {
        hasher.update(TransactionId::new().as_str());
    }
    hasher.finalize().into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

/// A client on the store of `settings`, logged in nowhere yet. It talks to the configured homeserver and no other,
/// whatever that server's login response recommends.
pub(crate) async fn client(settings: &Settings) -> Result<Client, MatrixError> {
    let store = SqliteStoreConfig::new(store_folder(&settings.folder)).key(Some(&*settings.store_key));
    let encryption = EncryptionSettings {
        // Done by the setup, which can say what is missing.
        auto_enable_cross_signing: false,
        backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
        auto_enable_backups: false,
    };
    Client::builder()
        .homeserver_url(&settings.homeserver)
        .respect_login_well_known(false)
        .sqlite_store_with_config_and_cache_path(store, None::<&Path>)
        .with_encryption_settings(encryption)
        .request_config(RequestConfig::new().retry_limit(TRIES).timeout(REQUEST_WITHIN))
        .user_agent("colloquy")
        .build()
        .await
        .map_err(MatrixError::failed("opening its store"))
}

/// For what shows something: one try, so that a limit is said and not waited out.
pub(crate) fn once() -> RequestConfig {
    RequestConfig::new().disable_retry().timeout(REQUEST_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("matrix");
        let key = store_key(&folder, None).unwrap();
        assert_eq!(store_key(&folder, None).unwrap(), key);
        assert_ne!(*key, [0; 32]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.join("store.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_given_key_must_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut want = [0; 32];
        want[0] = 0xab;
        let text = format!("AB{}\n", "0".repeat(62));
        assert_eq!(*store_key(folder.path(), Some(&text)).unwrap(), want);
        for text in ["", "abc", &"z".repeat(64), &"é".repeat(32)] {
            assert!(store_key(folder.path(), Some(text)).is_err(), "{text}");
        }
        assert!(!folder.path().join("store.key").exists());
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();
        assert!(matches!(lock(folder.path()), Err(MatrixError::InUse { .. })));
        drop(first);
        assert!(lock(folder.path()).is_ok());
    }

    #[test]
    fn no_session_is_no_error_but_a_broken_one_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).unwrap().is_none());
        fs::write(session_file(folder.path()), "{").unwrap();
        assert!(load(folder.path()).is_err());
        set_aside(folder.path()).unwrap();
        set_aside(folder.path()).unwrap();
        assert!(load(folder.path()).unwrap().is_none());
        assert!(folder.path().join("session.before").exists(), "it stays until another takes its place");
    }
}
