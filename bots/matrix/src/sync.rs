//! The running frontend: one sync after the other, over every failure but the loss of the session.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat::{
    error::chain,
    ports::{Acquisition, Archive, Attachments, Dispatch, Inbox, Members, Notify, Outbox},
};
use frontend::{Bell, Driver, Naming, Notifier, Ready};
use jiff::Timestamp;
use matrix_sdk::{
    Client, Error,
    config::SyncSettings,
    ruma::{
        UserId,
        api::{
            client::filter::{Filter, FilterDefinition, RoomEventFilter},
            error::ErrorKind,
        },
        uint,
    },
    sync::SyncResponse,
};
use metrics::counter;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    MatrixError, Settings,
    allow::Allow,
    archive::MatrixArchive,
    attachments::MatrixAttachments,
    health,
    listen::Listener,
    members::MatrixMembers,
    rooms::Rooms,
    screen::{MatrixScreen, STYLE},
    session::{self, Lock},
    unreadable::Unreadable,
};

/// How long a sync waits for something to happen.
const POLL: Duration = Duration::from_secs(30);

/// A sync that brings nothing sooner than this is followed by a rest, whatever the homeserver makes of `POLL`.
const SYNC_MIN: Duration = Duration::from_millis(500);

/// Longest wait after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Messages that came while we were away are answered if they are no older.
const MISSED: Duration = Duration::from_secs(15 * 60);

/// How long what was heard at the very end may take to begin.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The frontend, signed in.
pub struct Matrix {
    client: Client,
    settings: Arc<Settings>,
    allow: Allow,
    lock: Lock,
    bell: Bell,
}

impl Matrix {
    /// Signs in as the device that [`setup`](crate::setup) made. Nothing is asked of the homeserver yet.
    ///
    /// # Errors
    /// [`MatrixError::NoSession`] before the setup; [`MatrixError::OtherSession`] where the folder belongs to another
    /// account; [`MatrixError::InUse`]; [`MatrixError::Setting`]; [`MatrixError::Failed`] where the store does not open.
    pub async fn connect(settings: Settings) -> Result<Self, MatrixError> {
        let allow = Allow::parse(&settings.allow, &settings.operators)?;
        let Some(session) = session::load(&settings.folder)? else {
            return Err(MatrixError::NoSession { folder: settings.folder });
        };
        if !is_user(&settings.user, &session.meta.user_id) {
            let (folder, found, wanted) = (settings.folder, session.meta.user_id.to_string(), settings.user);
            return Err(MatrixError::OtherSession { folder, found, wanted });
        }
        let lock = session::lock(&settings.folder)?;
        let client = session::client(&settings).await?;
        client.restore_session(session).await.map_err(MatrixError::failed("restoring its session"))?;
        Ok(Self { client, settings: Arc::new(settings), allow, lock, bell: Bell::default() })
    }

    /// Who may what, by power levels.
    pub fn members(&self) -> Arc<dyn Members> {
        Arc::new(MatrixMembers { client: self.client.clone(), settings: Arc::clone(&self.settings) })
    }

    /// The rooms' history.
    pub fn archive(&self) -> Arc<dyn Archive> {
        Arc::new(MatrixArchive::new(self.client.clone()))
    }

    /// The files that come with messages.
    pub fn attachments(&self) -> Arc<dyn Attachments> {
        Arc::new(MatrixAttachments { client: self.client.clone() })
    }

    /// What is said without having been asked, by way of this outbox.
    pub fn notify(&self, outbox: Arc<dyn Outbox>) -> Arc<dyn Notify> {
        let naming = Naming {
            person: |member| format!("`{}`", member.0.replace('`', "")),
            place: |place| format!("[the room](https://matrix.to/#/{})", place.room),
        };
        Arc::new(Notifier::new(STYLE, naming, outbox, self.bell.clone()))
    }

    /// Answers until `shutdown`; then what grows may end, as long as the settings say.
    ///
    /// # Errors
    /// [`MatrixError::SignedOut`] where the homeserver revoked the session. All else is waited out.
    pub async fn run(
        self,
        dispatch: Arc<dyn Dispatch>,
        inbox: Arc<dyn Inbox>,
        outbox: Arc<dyn Outbox>,
        acquisition: Arc<dyn Acquisition>,
        ready: Ready,
        shutdown: CancellationToken,
    ) -> Result<(), MatrixError> {
        let Self { client, settings, allow, lock, bell } = self;
        let screen = Arc::new(MatrixScreen::new(client.clone(), settings.edit_gap));
        let driver = Arc::new(Driver::new(screen, dispatch, inbox, Arc::clone(&outbox)).listening(bell));
        let own = client.user_id().map(UserId::to_owned).ok_or(MatrixError::SignedOut)?;
        let listener = Arc::new(Listener {
            client: client.clone(),
            driver: Arc::clone(&driver),
            outbox,
            community: settings.community.clone(),
            own,
            rooms: Arc::new(Rooms::new(client.clone(), allow, acquisition)),
            unreadable: Arc::new(Unreadable::new()),
        });
        let mut tasks = JoinSet::new();
        let drain = settings.drain;
        let syncing = Syncing { client, settings, listener, ready, shutdown };
        let ended = syncing.run(&mut tasks).await;
        driver.drain(drain).await;
        let _ = tokio::time::timeout(LAST_WORDS, async { while tasks.join_next().await.is_some() {} }).await;
        tasks.shutdown().await;
        drop(lock);
        ended
    }
}

/// Whether `name`, a user id or its first part, is this user.
pub(crate) fn is_user(name: &str, user: &UserId) -> bool {
    let name = name.trim();
    name == user.as_str() || name.trim_start_matches('@') == user.localpart()
}

struct Syncing {
    client: Client,
    settings: Arc<Settings>,
    listener: Arc<Listener>,
    ready: Ready,
    shutdown: CancellationToken,
}

impl Syncing {
    async fn run(&self, tasks: &mut JoinSet<()>) -> Result<(), MatrixError> {
        let mut failures = 0;
        let mut is_first = true;
        while !self.shutdown.is_cancelled() {
            let started = Instant::now();
            let pause = match self.sync(is_first).await {
                None => break,
                Some(Ok(response)) => {
                    failures = 0;
                    (self.ready)(true);
                    let is_quiet = response.rooms.is_empty() && started.elapsed() < SYNC_MIN;
                    self.heard(response, is_first, tasks).await;
                    let pause = if is_quiet && !is_first { SYNC_MIN } else { Duration::ZERO };
                    is_first = false;
                    pause
                }
                Some(Err(error)) if matches!(error.client_api_error_kind(), Some(ErrorKind::UnknownToken(_))) => {
                    return Err(MatrixError::SignedOut);
                }
                Some(Err(error)) => {
                    failures += 1;
                    (self.ready)(false);
                    counter!("colloquy_sync_failures_total", "platform" => "matrix").increment(1);
                    tracing::warn!(failures, error = %chain(&error), "a sync failed");
                    pause(failures, fastrand::f64())
                }
            };
            while let Some(done) = tasks.try_join_next() {
                if let Err(error) = done {
                    tracing::error!(%error, "an event could not be handled");
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// One sync; none where the word to stop came. What it brought just then is still handed on: the homeserver will
    /// not say it again.
    async fn sync(&self, is_first: bool) -> Option<Result<SyncResponse, Error>> {
        let timeout = if is_first { Duration::ZERO } else { POLL };
        let settings = SyncSettings::new().timeout(timeout).filter(filter().into());
        let mut syncing = Box::pin(self.client.sync_once(settings));
        tokio::select! {
            response = &mut syncing => Some(response),
            () = self.shutdown.cancelled() => tokio::time::timeout(SYNC_MIN, syncing).await.ok(),
        }
    }

    async fn heard(&self, response: SyncResponse, is_first: bool, tasks: &mut JoinSet<()>) {
        if !is_first {
            return self.listener.heard(response.rooms, None, tasks).await;
        }
        tracing::info!(rooms = self.client.joined_rooms().len(), "Matrix is connected");
        let (driver, shutdown) = (Arc::clone(&self.listener.driver), self.shutdown.clone());
        let community = self.settings.community.clone();
        tasks.spawn(async move {
            driver.recover(&community).await;
            driver.tend(shutdown).await;
        });
        let (client, unreadable) = (self.client.clone(), Arc::clone(&self.listener.unreadable));
        let (folder, shutdown) = (self.settings.folder.clone(), self.shutdown.clone());
        tasks.spawn(async move { health::keep(&client, &unreadable, &folder, shutdown).await });
        for room in self.client.invited_rooms() {
            let rooms = Arc::clone(&self.listener.rooms);
            tasks.spawn(async move { rooms.invited(room).await });
        }
        let since = Timestamp::now() - jiff::SignedDuration::try_from(MISSED).unwrap_or_default();
        self.listener.heard(response.rooms, Some(since), tasks).await;
    }
}

/// What a sync brings: no presence, no typing, members as they speak, and enough of each room for a busy minute.
fn filter() -> FilterDefinition {
    let mut filter = FilterDefinition::with_lazy_loading();
    filter.presence = Filter::ignore_all();
    filter.room.ephemeral = RoomEventFilter::ignore_all();
    filter.room.timeline.limit = Some(uint!(100));
    filter
}

/// The wait after so many failures in a row: doubling, and spread by `jitter` (0 to 1) over its upper half, so that a
/// homeserver that comes back does not meet everybody at once.
fn pause(failures: u32, jitter: f64) -> Duration {
    let longest = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(failures.min(10))).min(PAUSE_MAX);
    longest.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_homeserver_that_is_away_is_asked_ever_more_seldom() {
        let pauses: Vec<u64> = (1..8).map(|failures| pause(failures, 1.0).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause(1, 0.0), Duration::from_secs(1));
        assert_eq!(pause(u32::MAX, 0.0), Duration::from_secs(30));
    }

    #[test]
    fn an_account_is_named_with_or_without_its_homeserver() {
        let user = UserId::parse("@colloquy:home.org").unwrap();
        for name in ["@colloquy:home.org", "colloquy", "@colloquy", " colloquy "] {
            assert!(is_user(name, &user), "{name}");
        }
        for name in ["@colloquy:evil.org", "", "coll"] {
            assert!(!is_user(name, &user), "{name}");
        }
    }

    #[test]
    fn a_sync_brings_what_is_needed() {
        let filter = serde_json::to_value(filter()).unwrap();
        assert_eq!(filter["room"]["timeline"]["limit"], 100);
        assert_eq!(filter["room"]["state"]["lazy_load_members"], true);
        assert_eq!(filter["presence"]["types"], serde_json::json!([]));
    }
}
