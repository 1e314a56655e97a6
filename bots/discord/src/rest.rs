//! One request to Discord, and what came of it: read whole, in time, with the wait that Discord asks for.
//!
//! What the bot's token asks goes through serenity's limiter, which waits before Discord says so. What an interaction's
//! own token asks goes straight out: Discord limits it by that token, and serenity would make all interactions of the
//! bot wait for each other.
//!
//! **Invariant:** no error holds a token, neither the bot's nor an interaction's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chat::PortError;
use frontend::ScreenError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serenity::all::{Http, LightMethod, Multipart, RatelimitInfo, Request, Route};

use crate::wire::{self, Answer, Ask};

/// How long a request may take, the limiter's wait included.
const WITHIN: Duration = Duration::from_secs(15);

/// How long to wait where Discord limits and does not say.
const WAIT: Duration = Duration::from_secs(5);

/// How long to wait before an old message is edited again (error 30046, a limit that Discord does not document).
const OLD_WAIT: Duration = Duration::from_secs(60);

/// "Maximum number of edits to messages older than 1 hour reached".
const OLD_EDITS: i64 = 30_046;

/// "Unknown Webhook" and "Invalid Webhook Token": the interaction is over.
const OVER: [i64; 2] = [10_015, 50_027];

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Too many requests.
    #[error("Discord asks to wait {after:?}")]
    Limited {
        /// How long.
        after: Duration,
    },
    /// It can never succeed as it is.
    #[error("Discord refused it with {status}: {message} ({code})")]
    Refused {
        /// Of HTTP.
        status: u16,
        /// Of Discord.
        code: i64,
        /// Discord's own account.
        message: String,
    },
    /// Discord broke.
    #[error("Discord answered with {status}")]
    Broken {
        /// Of HTTP.
        status: u16,
    },
    /// Discord took too long.
    #[error("Discord did not answer within {} s", WITHIN.as_secs())]
    Overdue,
    /// Discord was not reached.
    #[error("Discord was not reached")]
    Unreachable {
        /// Of the network or of serenity.
        #[source]
        source: Box<serenity::Error>,
    },
    /// Discord answered something else.
    #[error("Discord's answer cannot be read")]
    Garbled {
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl RestError {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether it may have been done all the same.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Overdue | Self::Unreachable { .. } | Self::Garbled { .. })
    }

    /// Whether the thing asked for is not there.
    pub fn is_unknown(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether the interaction is over, whatever the clock says.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if OVER.contains(code))
    }

    /// For `map_err`: a port failed while `doing`.
    pub fn port(port: &'static str, doing: &'static str) -> impl FnOnce(Self) -> PortError {
        move |error| match error {
            Self::Limited { after } => PortError::Overloaded { port, retry_after: after },
            other => PortError::failed(port, doing)(other),
        }
    }
}

impl From<RestError> for ScreenError {
    fn from(error: RestError) -> Self {
        match error {
            RestError::Limited { after } => Self::Later { after },
            RestError::Refused { code: OLD_EDITS, .. } => Self::Later { after: OLD_WAIT },
            // A token that lost its right may get it back.
            RestError::Refused { status: 401, .. } => Self::failed(error),
            RestError::Refused { status, code, message } => {
                if !matches!(status, 403 | 404) {
                    tracing::error!(status, code, message, "Discord does not take a reply as it is");
                }
                Self::Gone { reason: format!("{message} ({code})") }
            }
            other => Self::failed(other),
        }
    }
}

/// What Discord says of an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Complaint {
    code: i64,
    message: String,
    /// Seconds.
    retry_after: Option<f64>,
}

/// Until when the limiter waits, by path.
type Waits = Arc<Mutex<HashMap<String, Instant>>>;

/// Discord's HTTP interface.
pub struct Rest {
    http: Http,
    ask: Ask,
    waits: Waits,
}

impl Rest {
    /// The interface for a bot's token, of Discord or of what stands in for it at `api_base`.
    pub fn new(token: &str, api_base: Option<&str>) -> Self {
        let waits = Waits::default();
        let mut http = wire::http(token, api_base);
        if let Some(limiter) = &mut http.ratelimiter {
            let waits = Arc::clone(&waits);
            limiter.set_ratelimit_callback(Box::new(move |info| note(&waits, &info)));
        }
        Self { http, ask: wire::ask(), waits }
    }

    /// What a request is answered with.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn read<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, RestError> {
        let body = self.done(request).await?;
        serde_json::from_slice(&body).map_err(|source| RestError::Garbled { source })
    }

    /// Does a request; its answer as it came.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn done(&self, request: Request<'_>) -> Result<Vec<u8>, RestError> {
        let path = request.route_ref().path();
        let answer = tokio::time::timeout(WITHIN, (self.ask)(&self.http, request)).await;
        match answer {
            Ok(answer) => judge(answer.map_err(|error| RestError::Unreachable { source: Box::new(error) })?),
            Err(_) => Err(self.overdue(&path)),
        }
    }

    /// A request that took too long: because the limiter waits on, or because Discord is slow.
    fn overdue(&self, path: &str) -> RestError {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let until = waits.get(path).and_then(|until| until.checked_duration_since(Instant::now()));
        until.map_or(RestError::Overdue, |after| RestError::Limited { after })
    }
}

fn note(waits: &Waits, info: &RatelimitInfo) {
    let now = Instant::now();
    let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
    waits.retain(|_, until| *until > now);
    waits.insert(info.path.clone(), now + info.timeout);
}

fn judge(answer: Answer) -> Result<Vec<u8>, RestError> {
    let Answer { status, retry_after, body } = answer;
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let complaint: Complaint = serde_json::from_slice(&body).unwrap_or_default();
    match status {
        429 => {
            let seconds = complaint.retry_after.or(retry_after);
            let after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(WAIT);
            Err(RestError::Limited { after })
        }
        // A request that took too long to arrive may be sent again.
        400..500 if status != 408 => {
            Err(RestError::Refused { status, code: complaint.code, message: complaint.message })
        }
        _ => Err(RestError::Broken { status }),
    }
}

/// A request without a body.
pub fn plain(method: LightMethod, route: Route<'_>) -> Request<'_> {
    Request::new(route, method)
}

/// A request with a JSON body.
pub fn json<'a>(method: LightMethod, route: Route<'a>, body: &impl Serialize) -> Request<'a> {
    // What we send are structs of strings and numbers: they are always JSON.
    Request::new(route, method).body(Some(serde_json::to_vec(body).unwrap_or_default()))
}

/// A request with a JSON body and a file.
pub fn form<'a>(method: LightMethod, route: Route<'a>, body: &impl Serialize, file: Multipart) -> Request<'a> {
    let payload_json = serde_json::to_string(body).ok();
    Request::new(route, method).multipart(Some(Multipart { payload_json, ..file }))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serenity::all::ApplicationId;

    use super::*;
    use crate::double::Double;

    #[track_caller]
    fn check(status: u16, retry_after: Option<f64>, body: &str, want: Expect) {
        let answer = Answer { status, retry_after, body: body.as_bytes().to_vec() };
        let shown = match judge(answer) {
            Ok(body) => format!("done: {}", String::from_utf8_lossy(&body)),
            Err(error) => {
                let error_text = error.to_string();
                match ScreenError::from(error) {
                    ScreenError::Later { after } => format!("later: {after:?}"),
                    ScreenError::Gone { reason } => format!("gone: {reason}"),
                    ScreenError::Failed { .. } => format!("failed: {error_text}"),
                }
            }
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn a_wait_is_as_long_as_discord_says() {
        check(429, None, r#"{"message": "slow", "retry_after": 1.5, "global": false}"#, expect!["later: 1.5s"]);
        check(429, Some(7.0), "<html>", expect!["later: 7s"]);
        check(429, None, "", expect!["later: 5s"]);
        check(400, None, r#"{"code": 30046, "message": "old"}"#, expect!["later: 60s"]);
    }

    #[test]
    fn what_is_gone_is_not_tried_again_and_what_broke_is() {
        check(404, None, r#"{"code": 10008, "message": "Unknown Message"}"#, expect!["gone: Unknown Message (10008)"]);
        check(403, None, r#"{"code": 50001, "message": "Missing Access"}"#, expect!["gone: Missing Access (50001)"]);
        check(400, None, r#"{"code": 50035, "message": "Invalid Form"}"#, expect!["gone: Invalid Form (50035)"]);
        check(401, None, r#"{"code": 0, "message": "401"}"#, expect!["failed: Discord refused it with 401: 401 (0)"]);
        check(502, None, "<html>", expect!["failed: Discord answered with 502"]);
        check(204, None, "", expect!["done: "]);
    }

    #[tokio::test]
    async fn a_wait_may_stand_in_the_header_alone() {
        let double = Double::start(|_| (429, String::new())).await;
        let done = double.rest().done(plain(LightMethod::Get, Route::UserMe)).await;
        assert!(matches!(done, Err(RestError::Limited { after }) if after == Duration::from_millis(2_500)));
        assert_eq!(double.lines(), ["GET /users/@me"]);
        assert!(double.came()[0].head.contains("authorization: bot token"));
    }

    #[tokio::test]
    async fn an_error_of_the_network_says_no_token() {
        // Nobody listens there.
        let rest = Rest::new("token", Some("http://127.0.0.1:1"));
        let application_id = ApplicationId::new(1);
        let route = Route::WebhookOriginalInteractionResponse { application_id, token: "a-secret" };
        let error = rest.done(plain(LightMethod::Get, route)).await.unwrap_err();
        let said = chat::error::chain(&error);
        assert!(said.contains("not reached") && !said.contains("secret"), "{said}");
    }
}
