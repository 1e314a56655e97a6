//! A double of Discord, for what no peer can be told to do: sessions that end, gateways that send everybody elsewhere,
//! closing codes, limits, failures, acknowledgements that come too late. It knows one server, one channel and one person.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use axum::{
    Router,
    body::Bytes,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

/// The bot, its server, its channel, and the person in it.
const BOT: &str = "900";
const GUILD: &str = "500";
const CHANNEL: &str = "700";
const PERSON: &str = "200";

/// How often it is looked whether something has happened.
const POLL: Duration = Duration::from_millis(50);

/// How the gateway meets who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    /// With a session: a new one, or the one that is resumed.
    Welcome,
    /// By closing with a code.
    Close(u16),
    /// With a connection on which nothing is ever said.
    Silence,
}

/// A request that is answered otherwise, so many times.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Of HTTP.
    pub method: Method,
    /// What its path contains.
    pub path: &'static str,
    /// What it is answered with.
    pub status: u16,
    /// And with which body.
    pub body: Value,
    /// How often.
    pub times: usize,
    /// Whether it has its effect all the same: only the answer is lost.
    pub is_taken: bool,
}

/// The double.
pub struct Double {
    /// Its address.
    pub base: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    port: u16,
    state: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    faults: Vec<Fault>,
    meets: VecDeque<Meets>,
    /// What each gateway connection said first: `identify 33280`, `resume`.
    opened: Vec<String>,
    sockets: Vec<mpsc::UnboundedSender<Message>>,
    requests: Vec<String>,
    /// Whom each text that was shown may call.
    mentions: Vec<Value>,
    /// By the token of a command: when it was called, how long its acknowledgement and its first text took.
    waits: BTreeMap<String, Wait>,
    messages: Vec<Value>,
    ids: u64,
    sequence: u64,
}

/// What somebody waited for who called a command.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    called: Instant,
    /// Until it was acknowledged.
    pub acknowledged: Option<Duration>,
    /// Until a text was shown.
    pub shown: Option<Duration>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn id(&mut self) -> String {
        self.ids += 1;
        (1_000 + self.ids).to_string()
    }

    fn dispatch(&mut self, kind: &str, data: &Value) -> Message {
        self.sequence += 1;
        Message::text(json!({ "op": 0, "t": kind, "s": self.sequence, "d": data }).to_string())
    }
}

impl Double {
    /// A double on a port of its own.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared { port, ..Shared::default() });
        let router = Router::new().route("/gateway", any(gateway)).fallback(http).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { base: format!("http://127.0.0.1:{port}"), shared })
    }

    /// How the gateway meets who comes next, and who comes after; with a session where nothing is said.
    pub fn meet(&self, meets: &[Meets]) {
        self.shared.known().meets.extend(meets);
    }

    /// Answers some requests otherwise.
    pub fn fault(&self, fault: Fault) {
        self.shared.known().faults.push(fault);
    }

    /// No request is answered otherwise any more.
    pub fn mend(&self) {
        self.shared.known().faults.clear();
    }

    /// Sends an event of the gateway's own to whoever is connected: reconnect (7), invalid session (9).
    pub fn order(&self, op: u8, data: Value) {
        let text = json!({ "op": op, "d": data, "s": null, "t": null }).to_string();
        for socket in &self.shared.known().sockets {
            let _ = socket.send(Message::text(text.clone()));
        }
    }

    fn tell(&self, kind: &str, data: &Value) {
        let mut known = self.shared.known();
        let message = known.dispatch(kind, data);
        for socket in &known.sockets {
            let _ = socket.send(message.clone());
        }
    }

    /// The person says something to the bot in the channel.
    pub fn says(&self, text: &str) {
        let id = self.shared.known().id();
        let bot = json!({ "id": BOT, "username": "colloquy", "discriminator": "0", "avatar": null, "bot": true });
        self.tell(
            "MESSAGE_CREATE",
            &json!({
                "id": id, "channel_id": CHANNEL, "guild_id": GUILD, "author": person(), "content": format!("<@{BOT}> {text}"),
                "type": 0, "timestamp": "2026-11-24T12:00:00Z", "tts": false, "mention_everyone": false,
                "mentions": [bot], "mention_roles": [], "attachments": [], "embeds": [], "pinned": false,
            }),
        );
    }

    /// The person calls a command in the channel with one text.
    pub fn calls(&self, command: &str, option: &str, text: &str) {
        let id = {
            let mut known = self.shared.known();
            let id = known.id();
            let wait = Wait { called: Instant::now(), acknowledged: None, shown: None };
            known.waits.insert(format!("token-{id}"), wait);
            id
        };
        let member = json!({
            "user": person(), "roles": [], "joined_at": null, "deaf": false, "mute": false, "flags": 0,
            "permissions": "0", "avatar": null,
        });
        self.tell(
            "INTERACTION_CREATE",
            &json!({
                "id": id, "application_id": BOT, "type": 2, "token": format!("token-{id}"), "version": 1,
                "guild_id": GUILD, "channel_id": CHANNEL, "member": member, "locale": "en-US", "entitlements": [],
                "attachment_size_limit": 10_000_000, "authorizing_integration_owners": { "0": GUILD },
                "data": {
                    "id": "1", "name": command, "type": 1,
                    "options": [{ "name": option, "type": 3, "value": text }],
                },
            }),
        );
    }

    /// What each gateway connection said first.
    pub fn opened(&self) -> Vec<String> {
        self.shared.known().opened.clone()
    }

    /// The requests that came, in order, without what stands after a question mark.
    pub fn requests(&self) -> Vec<String> {
        self.shared.known().requests.clone()
    }

    /// Whom each text that was shown may call: `allowed_mentions` of the request.
    pub fn mentions(&self) -> Vec<Value> {
        self.shared.known().mentions.clone()
    }

    /// What was waited for, by each command in order.
    pub fn waits(&self) -> Vec<Wait> {
        self.shared.known().waits.values().copied().collect()
    }

    /// What the bot's messages in the channel say now.
    pub fn shown(&self) -> Vec<String> {
        let known = self.shared.known();
        known.messages.iter().filter_map(|message| message["content"].as_str().map(str::to_owned)).collect()
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, within: Duration, is_so: impl Fn(&Self) -> bool) -> Result<()> {
        let started = Instant::now();
        while !is_so(self) {
            if started.elapsed() > within {
                bail!("{what}: {:?} {:?} {:?}", self.opened(), self.requests(), self.shown());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

fn person() -> Value {
    json!({ "id": PERSON, "username": "ana", "discriminator": "0", "avatar": null })
}

async fn gateway(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    if shared.known().meets.pop_front_if(|meets| *meets == Meets::Silence).is_some() {
        std::future::pending::<()>().await;
    }
    upgrade.on_upgrade(async move |socket| connected(socket, &shared).await)
}

/// One connection. It ends with the first thing that goes wrong.
async fn connected(mut socket: WebSocket, shared: &Shared) {
    let hello = json!({ "op": 10, "d": { "heartbeat_interval": 20_000 }, "s": null, "t": null });
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    let (orders, mut ordered) = mpsc::unbounded_channel();
    loop {
        tokio::select! {
            order = ordered.recv() => {
                let Some(order) = order else { return };
                if socket.send(order).await.is_err() {
                    return;
                }
            }
            came = socket.recv() => {
                let Some(Ok(came)) = came else { return };
                let Ok(said) = serde_json::from_slice::<Value>(&came.into_data()) else { continue };
                let answer = answer(&said, shared);
                let is_close = matches!(answer, Some(Message::Close(_)));
                if matches!(said["op"].as_u64(), Some(2 | 6)) && !is_close {
                    shared.known().sockets.push(orders.clone());
                }
                if let Some(answer) = answer
                    && (socket.send(answer).await.is_err() || is_close)
                {
                    return;
                }
            }
        }
    }
}

/// What the gateway says to what a client said.
fn answer(said: &Value, shared: &Shared) -> Option<Message> {
    let mut known = shared.known();
    let op = said["op"].as_u64()?;
    if op == 1 {
        return Some(Message::text(json!({ "op": 11, "d": null, "s": null, "t": null }).to_string()));
    }
    let first = match op {
        2 => format!("identify {}", said["d"]["intents"]),
        6 => "resume".to_owned(),
        _ => return None,
    };
    known.opened.push(first);
    if let Some(Meets::Close(code)) = known.meets.pop_front() {
        return Some(Message::Close(Some(CloseFrame { code, reason: "".into() })));
    }
    if op == 6 {
        return Some(known.dispatch("RESUMED", &json!({})));
    }
    let ready = json!({
        "v": 10, "session_id": format!("session-{}", known.opened.len()), "shard": [0, 1],
        "resume_gateway_url": format!("ws://127.0.0.1:{}/gateway", shared.port),
        "guilds": [{ "id": GUILD, "unavailable": true }],
        "application": { "id": BOT, "flags": 0 },
        "user": {
            "id": BOT, "username": "colloquy", "discriminator": "0", "avatar": null, "bot": true, "verified": true,
            "mfa_enabled": false, "email": null, "flags": 0,
        },
    });
    Some(known.dispatch("READY", &ready))
}

async fn http(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches("/api/v10").to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = answered(&shared, &method, &path, &body);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(answer)).into_response()
}

fn answered(shared: &Shared, method: &Method, path: &str, body: &Value) -> (u16, Value) {
    let mut known = shared.known();
    known.requests.push(format!("{method} {path}"));
    let has_text = body["content"].as_str().is_some_and(|content| !content.is_empty());
    let token = path.split('/').find(|part| part.starts_with("token-")).unwrap_or_default();
    if let Some(wait) = known.waits.get_mut(token) {
        let waited = Some(wait.called.elapsed());
        wait.acknowledged = wait.acknowledged.or(waited.filter(|_| path.ends_with("/callback")));
        wait.shown = wait.shown.or(waited.filter(|_| has_text));
    }
    if has_text {
        known.mentions.push(body["allowed_mentions"].clone());
    }
    let fits = |fault: &&mut Fault| fault.times > 0 && fault.method == method && path.contains(fault.path);
    let fault = known.faults.iter_mut().find(fits).map(|fault| {
        fault.times -= 1;
        fault.clone()
    });
    match fault {
        None => effect(&mut known, shared.port, method, path, body),
        Some(fault) => {
            if fault.is_taken {
                effect(&mut known, shared.port, method, path, body);
            }
            (fault.status, fault.body)
        }
    }
}

fn effect(known: &mut Known, port: u16, method: &Method, path: &str, body: &Value) -> (u16, Value) {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let url = format!("ws://127.0.0.1:{port}/gateway");
    let gone = || (404, json!({ "code": 10_008, "message": "Unknown Message" }));
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["users", "@me"]) => (200, json!({ "id": BOT, "username": "colloquy" })),
        ("GET", ["gateway"]) => (200, json!({ "url": url })),
        ("GET", ["gateway", "bot"]) => {
            let limit = json!({ "total": 1_000, "remaining": 999, "reset_after": 0, "max_concurrency": 1 });
            (200, json!({ "url": url, "shards": 1, "session_start_limit": limit }))
        }
        ("GET", ["channels", _]) => (200, json!({ "id": CHANNEL, "type": 0 })),
        ("GET", ["channels", _, "messages"]) | ("PUT", _) => (200, json!([])),
        ("GET", ["guilds", _]) => (200, json!({ "id": GUILD, "owner_id": "1", "roles": [] })),
        ("GET", ["guilds", _, "members", _]) => (200, json!({ "roles": [] })),
        ("POST", [.., "callback"]) => {
            let id = known.id();
            known.messages.push(json!({ "id": id }));
            (200, json!({ "interaction": { "response_message_id": id } }))
        }
        ("POST", ["channels", _, "messages"] | ["webhooks", ..]) => {
            let twin = known.messages.iter().find(|one| body["nonce"].is_string() && one["nonce"] == body["nonce"]);
            if let Some(twin) = twin {
                return (200, twin.clone());
            }
            let id = known.id();
            let message = json!({ "id": id, "content": body["content"], "nonce": body["nonce"] });
            known.messages.push(message.clone());
            (200, message)
        }
        ("PATCH", [.., "messages", id]) => match known.messages.iter_mut().find(|one| one["id"] == *id) {
            Some(message) => {
                message["content"] = body["content"].clone();
                (200, message.clone())
            }
            None => gone(),
        },
        ("DELETE", [.., "messages", id]) => {
            known.messages.retain(|one| one["id"] != *id);
            (204, Value::Null)
        }
        _ => (204, Value::Null),
    }
}
