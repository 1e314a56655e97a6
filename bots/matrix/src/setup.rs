//! Signing in, once: the device, its identity, its recovery key. Run again, it goes on where it stopped.

use std::time::Duration;

use matrix_sdk::{
    Client, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::SyncSettings,
    encryption::recovery::{RecoveryError, RecoveryState},
    ruma::{
        OwnedDeviceId, OwnedUserId,
        api::{
            client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
            error::ErrorKind,
        },
    },
};
use serde::Deserialize;

use crate::{Login, MatrixError, Settings, session, sync::is_user};

/// What the device is called in the list of the account's sessions.
const DEVICE_NAME: &str = "Colloquy";

/// Longest the homeserver may take to say whose a token is.
const WHOAMI_WITHIN: Duration = Duration::from_secs(20);

/// What is done about a session that the folder holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays: the setup goes on with it, and refuses where it is another account's or device's.
    Keep,
    /// It is set aside, with its store: messages that only it could read need the recovery key from now on.
    Replace,
}

/// A frontend that is set up. It may hold a secret: never printed but to its operator.
pub struct SetUp {
    /// The account's user id.
    pub user: String,
    /// The device's id.
    pub device: String,
    /// The recovery key that was made just now, to be shown once and kept by the operator; none where the account had
    /// one already.
    pub recovery_key: Option<String>,
}

/// Signs in, keeps the session for its owner's eyes only, signs the device with the account's identity, and turns
/// recovery and the key backup on; with `recovery`, the account's recovery key, it takes them over instead.
///
/// # Errors
/// [`MatrixError::OtherSession`] where the folder holds another account's or device's session and that is to be kept;
/// [`MatrixError::Setting`] where the homeserver refuses what it was given, or wants the recovery key;
/// [`MatrixError::InUse`] while a server runs on the folder; [`MatrixError::Failed`].
pub async fn setup(
    settings: &Settings,
    login: Login,
    recovery: Option<String>,
    existing: Existing,
) -> Result<SetUp, MatrixError> {
    let _lock = session::lock(&settings.folder)?;
    if existing == Existing::Replace {
        session::set_aside(&settings.folder)?;
    }
    let client = match session::load(&settings.folder)? {
        Some(kept) => resume(settings, &login, kept).await?,
        None => {
            // A store without a session is what an interrupted setup left: its device cannot be signed in to any more.
            session::set_aside(&settings.folder)?;
            sign_in(settings, &login).await?
        }
    };
    sync(&client).await?;
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    let recovery_key = match recovery {
        Some(key) => {
            let recovered = client.encryption().recovery().recover_and_fix_backup(key.trim()).await;
            recovered.map_err(MatrixError::failed("recovering its keys"))?;
            None
        }
        None => {
            sign_device(&client, &login).await?;
            enable_recovery(&client).await?
        }
    };
    // What is still to be uploaded goes with it.
    sync(&client).await?;
    let meta = client.session_meta().ok_or(MatrixError::SignedOut)?;
    require_signed(&client).await?;
    Ok(SetUp { user: meta.user_id.to_string(), device: meta.device_id.to_string(), recovery_key })
}

async fn sync(client: &Client) -> Result<(), MatrixError> {
    let settings = SyncSettings::new().timeout(Duration::ZERO);
    client.sync_once(settings).await.map_err(MatrixError::failed("asking for the account's state")).map(drop)
}

/// Logs in as a new device, or takes a token's device over.
async fn sign_in(settings: &Settings, login: &Login) -> Result<Client, MatrixError> {
    let client = session::client(settings).await?;
    let session = match login {
        Login::Password(password) => {
            let auth = client.matrix_auth();
            let sent =
                auth.login_username(&settings.user, password).initial_device_display_name(DEVICE_NAME).send().await;
            sent.map_err(|error| match error.client_api_error_kind() {
                Some(ErrorKind::Forbidden) => refused("the user name or the password"),
                _ => MatrixError::failed("logging in")(error),
            })?;
            auth.session().ok_or(MatrixError::SignedOut)?
        }
        Login::Token(token) => {
            let session = session_of(&client, settings, token).await?;
            client.restore_session(session.clone()).await.map_err(MatrixError::failed("signing in"))?;
            session
        }
    };
    session::save(&settings.folder, &session)?;
    Ok(client)
}

/// Goes on as the device whose session was kept.
async fn resume(settings: &Settings, login: &Login, kept: MatrixSession) -> Result<Client, MatrixError> {
    let other =
        |found: String, wanted: String| MatrixError::OtherSession { folder: settings.folder.clone(), found, wanted };
    if !is_user(&settings.user, &kept.meta.user_id) {
        return Err(other(kept.meta.user_id.to_string(), settings.user.clone()));
    }
    let client = session::client(settings).await?;
    let session = match login {
        Login::Password(_) => kept,
        Login::Token(token) => {
            let given = session_of(&client, settings, token).await?;
            if given.meta != kept.meta {
                return Err(other(kept.meta.device_id.to_string(), given.meta.device_id.to_string()));
            }
            given
        }
    };
    client.restore_session(session.clone()).await.map_err(MatrixError::failed("restoring its session"))?;
    client.whoami().await.map_err(|error| match error.client_api_error_kind() {
        Some(ErrorKind::UnknownToken(_)) => MatrixError::Setting {
            what: "the homeserver revoked the session that is kept; log in anew, replacing it, with the recovery key"
                .to_owned(),
        },
        _ => MatrixError::failed("asking the homeserver who it is")(error),
    })?;
    session::save(&settings.folder, &session)?;
    Ok(client)
}

fn refused(what: &str) -> MatrixError {
    MatrixError::Setting { what: format!("the homeserver refused {what}") }
}

/// The session that a token belongs to. Asked by hand: the SDK wants to know the device before it asks anything.
async fn session_of(client: &Client, settings: &Settings, token: &str) -> Result<MatrixSession, MatrixError> {
    #[derive(Deserialize)]
    struct Whoami {
        user_id: OwnedUserId,
        device_id: Option<OwnedDeviceId>,
    }
    let doing = "asking the homeserver whose the token is";
    let token = token.trim();
    let address = format!("{}/_matrix/client/v3/account/whoami", settings.homeserver.trim_end_matches('/'));
    let request = client.http_client().get(address).bearer_auth(token).timeout(WHOAMI_WITHIN);
    let response = request.send().await.map_err(MatrixError::failed(doing))?;
    if response.status().as_u16() == 401 {
        return Err(refused("the access token"));
    }
    let response = response.error_for_status().map_err(MatrixError::failed(doing))?;
    let body = response.bytes().await.map_err(MatrixError::failed(doing))?;
    let whoami: Whoami = serde_json::from_slice(&body).map_err(MatrixError::failed(doing))?;
    if !is_user(&settings.user, &whoami.user_id) {
        return Err(MatrixError::Setting {
            what: format!("the access token is {}'s, the settings name {}", whoami.user_id, settings.user),
        });
    }
    let Some(device_id) = whoami.device_id else {
        return Err(MatrixError::Setting {
            what: "the access token belongs to no device; encryption needs one".to_owned(),
        });
    };
    let meta = SessionMeta { user_id: whoami.user_id, device_id };
    Ok(MatrixSession { meta, tokens: SessionTokens { access_token: token.to_owned(), refresh_token: None } })
}

/// Makes the account's identity where it has none; its making signs this device.
async fn sign_device(client: &Client, login: &Login) -> Result<(), MatrixError> {
    let doing = "making the account's identity";
    let encryption = client.encryption();
    let Err(error) = encryption.bootstrap_cross_signing_if_needed(None).await else { return Ok(()) };
    let Some(challenge) = error.as_uiaa_response() else { return Err(MatrixError::failed(doing)(error)) };
    let (Login::Password(password), Some(user)) = (login, client.user_id()) else {
        return Err(MatrixError::Setting {
            what:
                "the homeserver wants the account's password before it takes a new identity; run the setup once with it"
                    .to_owned(),
        });
    };
    let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(user.to_string()));
    let mut answer = Password::new(user, password.to_string());
    answer.session.clone_from(&challenge.session);
    let made = encryption.bootstrap_cross_signing(Some(AuthData::Password(answer))).await;
    made.map_err(MatrixError::failed(doing))
}

/// Turns recovery and the key backup on; the key that was made, or none where they were on.
async fn enable_recovery(client: &Client) -> Result<Option<String>, MatrixError> {
    require_signed(client).await?;
    let recovery = client.encryption().recovery();
    match recovery.state() {
        RecoveryState::Enabled => Ok(None),
        RecoveryState::Incomplete => Err(wants_recovery_key()),
        RecoveryState::Disabled | RecoveryState::Unknown => match recovery.enable().await {
            Ok(key) => Ok(Some(key)),
            Err(RecoveryError::BackupExistsOnServer) => Err(wants_recovery_key()),
            Err(error) => Err(MatrixError::failed("turning recovery on")(error)),
        },
    }
}

fn wants_recovery_key() -> MatrixError {
    MatrixError::Setting {
        what: "another session of this account made its identity or its key backup; run the setup again with the \
               account's recovery key"
            .to_owned(),
    }
}

/// That the device is signed by the account's identity, as the homeserver tells everybody.
async fn require_signed(client: &Client) -> Result<(), MatrixError> {
    let doing = "looking at its own device";
    let encryption = client.encryption();
    if let Some(user) = client.user_id() {
        encryption.request_user_identity(user).await.map_err(MatrixError::failed(doing))?;
    }
    let device = encryption.get_own_device().await.map_err(MatrixError::failed(doing))?;
    if device.is_some_and(|device| device.is_cross_signed_by_owner()) { Ok(()) } else { Err(wants_recovery_key()) }
}
