//! How the frontend is, for `colloquy doctor`: asked of the store, or read from what a running process keeps on disk.

use std::{fs, path::Path, time::Duration};

use chat::error::chain;
use jiff::Timestamp;
use matrix_sdk::{
    Client,
    encryption::{backups::BackupState, recovery::RecoveryState},
    ruma::api::error::ErrorKind,
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{MatrixError, Settings, session, unreadable::Unreadable};

/// How often a running process writes down how it is.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// Longest the whole check may take.
const CHECK_WITHIN: Duration = Duration::from_secs(60);

const FILE: &str = "health.json";

/// A row of the report: what was looked at, and how it is.
type Row = (String, Result<String, String>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Health {
    at: Timestamp,
    user: String,
    device: String,
    is_cross_signed: bool,
    has_recovery: bool,
    has_backup: bool,
    rooms: usize,
    encrypted_rooms: usize,
    unreadable: u64,
}

impl Health {
    async fn of(client: &Client, unreadable: u64) -> Self {
        let encryption = client.encryption();
        let device = encryption.get_own_device().await.ok().flatten();
        let rooms = client.joined_rooms();
        Self {
            at: Timestamp::now(),
            user: client.user_id().map(ToString::to_string).unwrap_or_default(),
            device: client.device_id().map(ToString::to_string).unwrap_or_default(),
            is_cross_signed: device.is_some_and(|device| device.is_cross_signed_by_owner()),
            has_recovery: encryption.recovery().state() == RecoveryState::Enabled,
            has_backup: encryption.backups().state() == BackupState::Enabled,
            rooms: rooms.len(),
            encrypted_rooms: rooms.iter().filter(|room| room.encryption_state().is_encrypted()).count(),
            unreadable,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let row = |what: &str, is_good: bool, good: String, bad: &str| {
            (what.to_owned(), if is_good { Ok(good) } else { Err(bad.to_owned()) })
        };
        vec![
            row(
                "device cross-signed",
                self.is_cross_signed,
                self.device.clone(),
                "no: people whose clients trust verified sessions only cannot talk to it; run `colloquy matrix setup` again",
            ),
            row(
                "recovery",
                self.has_recovery,
                "on".to_owned(),
                "off or incomplete: a lost store would be a lost history; run `colloquy matrix setup` again",
            ),
            row(
                "key backup",
                self.has_backup,
                "on".to_owned(),
                "off: keys of encrypted rooms are in this store only; run `colloquy matrix setup` again",
            ),
            ("rooms".to_owned(), Ok(format!("{}, of which {} encrypted", self.rooms, self.encrypted_rooms))),
            row(
                "undecryptable messages",
                self.unreadable == 0,
                "none seen".to_owned(),
                &format!(
                    "{} seen since the start, by senders whose clients gave this device no key; bots/matrix/README.md says \
                     what helps",
                    self.unreadable
                ),
            ),
        ]
    }
}

/// Writes down how a running process is, until `shutdown`.
pub(crate) async fn keep(client: &Client, unreadable: &Unreadable, folder: &Path, shutdown: CancellationToken) {
    loop {
        let health = Health::of(client, unreadable.count()).await;
        let written =
            serde_json::to_vec(&health).map_err(Into::into).and_then(|b| session::write(&folder.join(FILE), &b));
        if let Err(error) = written {
            tracing::warn!(%error, "the state of the Matrix frontend cannot be written down");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(KEEP_EVERY) => {}
        }
    }
}

fn kept(folder: &Path) -> Option<Health> {
    serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
}

/// How the frontend is: its session, its device, its keys, its rooms. While a server runs, what that server knows: the
/// store is for one process.
pub async fn check(settings: &Settings) -> Vec<(String, Result<String, String>)> {
    match tokio::time::timeout(CHECK_WITHIN, look(settings)).await {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => vec![("session".to_owned(), Err(chain(&error)))],
        Err(_) => vec![("session".to_owned(), Err("the homeserver does not answer".to_owned()))],
    }
}

async fn look(settings: &Settings) -> Result<Vec<Row>, MatrixError> {
    let Some(session) = session::load(&settings.folder)? else {
        return Err(MatrixError::NoSession { folder: settings.folder.clone() });
    };
    let kept = kept(&settings.folder);
    let _lock = match session::lock(&settings.folder) {
        Err(error @ MatrixError::InUse { .. }) => {
            let Some(health) = kept else { return Err(error) };
            let session = format!("{}, in use by a running server, as of {}", health.user, health.at);
            return Ok(std::iter::once(("session".to_owned(), Ok(session))).chain(health.rows()).collect());
        }
        lock => lock?,
    };
    let client = session::client(settings).await?;
    client.restore_session(session).await.map_err(MatrixError::failed("restoring its session"))?;
    let whoami = client.whoami().await.map_err(|error| match error.client_api_error_kind() {
        Some(ErrorKind::UnknownToken(_)) => MatrixError::SignedOut,
        _ => MatrixError::failed("asking the homeserver who it is")(error),
    })?;
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    let health = Health::of(&client, kept.map_or(0, |health| health.unreadable)).await;
    let session = ("session".to_owned(), Ok(whoami.user_id.to_string()));
    Ok(std::iter::once(session).chain(health.rows()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health {
            at: Timestamp::UNIX_EPOCH,
            user: "@colloquy:home.org".to_owned(),
            device: "DEVICE".to_owned(),
            is_cross_signed: true,
            has_recovery: true,
            has_backup: true,
            rooms: 3,
            encrypted_rooms: 2,
            unreadable: 0,
        }
    }

    #[test]
    fn a_healthy_frontend_has_no_complaint() {
        assert!(health().rows().iter().all(|(_, row)| row.is_ok()));
    }

    #[test]
    fn each_fault_is_a_row_of_its_own() {
        let faults = [
            Health { is_cross_signed: false, ..health() },
            Health { has_recovery: false, ..health() },
            Health { has_backup: false, ..health() },
            Health { unreadable: 2, ..health() },
        ];
        for fault in faults {
            assert_eq!(fault.rows().iter().filter(|(_, row)| row.is_err()).count(), 1, "{fault:?}");
        }
    }
}
