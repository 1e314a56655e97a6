//! A double of Discord's HTTP interface for the tests of this crate: each request is noted and answered by a function.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use serenity::all::Permissions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::rest::Rest;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Came {
    /// `POST /channels/7/messages`, without the version of the interface.
    pub line: String,
    /// Its headers, in lower case.
    pub head: String,
    /// Its body; where files are in it, as text with losses.
    pub body: String,
}

/// The double.
pub struct Double {
    /// Its address.
    pub base: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Double {
    /// A double that answers with a status and a body.
    pub async fn start(answer: impl Fn(&Came) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let came = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (Arc::clone(&came), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                tokio::spawn(async move { serve(socket, &noted, answer.as_ref()).await });
            }
        });
        Self { base, came }
    }

    /// The interface to it.
    pub fn rest(&self) -> Arc<Rest> {
        Arc::new(Rest::new("token", Some(&self.base)))
    }

    /// What came, in order.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first lines of what came, in order.
    pub fn lines(&self) -> Vec<String> {
        self.came().into_iter().map(|came| came.line).collect()
    }
}

/// What shows a channel with its history.
pub const LOOK: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

/// What lets one do anything.
pub const ALL: Permissions = Permissions::ADMINISTRATOR;

/// Types of channels: a text channel, a direct message, a public and a private thread.
const TEXT: u8 = 0;
const DIRECT: u8 = 1;
const PUBLIC: u8 = 11;
const PRIVATE: u8 = 12;

/// A server whose owner is 1, as far as Discord tells of one when it is asked.
pub struct Server {
    id: u64,
    roles: HashMap<u64, Permissions>,
    members: HashMap<u64, Vec<u64>>,
    channels: BTreeMap<u64, Value>,
    taken: HashSet<(u64, u64)>,
}

impl Server {
    /// One without channels and members; the role with its own id is everyone's.
    pub fn of(id: u64) -> Self {
        let (roles, members, taken) = (HashMap::new(), HashMap::new(), HashSet::new());
        Self { id, roles, members, channels: BTreeMap::new(), taken }
    }

    /// With what a role may do.
    pub fn role(mut self, role: u64, may: Permissions) -> Self {
        self.roles.insert(role, may);
        self
    }

    /// With a member who has these roles.
    pub fn member(mut self, person: u64, roles: &[u64]) -> Self {
        self.members.insert(person, roles.to_vec());
        self
    }

    /// With a text channel.
    pub fn channel(self, id: u64) -> Self {
        self.with(id, TEXT, json!({}))
    }

    /// With a public thread.
    pub fn thread(self, id: u64, parent: u64) -> Self {
        self.with(id, PUBLIC, json!({ "parent_id": parent.to_string() }))
    }

    /// With a private thread.
    pub fn private(self, id: u64, parent: u64) -> Self {
        self.with(id, PRIVATE, json!({ "parent_id": parent.to_string() }))
    }

    /// With a direct message.
    pub fn direct(self, id: u64, person: u64) -> Self {
        self.with(id, DIRECT, json!({ "guild_id": null, "recipients": [{ "id": person.to_string() }] }))
    }

    /// With somebody in a private thread.
    pub fn taken(mut self, thread: u64, person: u64) -> Self {
        self.taken.insert((thread, person));
        self
    }

    /// With what a channel says of a role or a person.
    pub fn overwrite(mut self, channel: u64, of: u64, allow: Permissions, deny: Permissions) -> Self {
        let kind = u8::from(self.members.contains_key(&of));
        let said = json!({
            "id": of.to_string(), "type": kind, "allow": allow.bits().to_string(), "deny": deny.bits().to_string(),
        });
        let channel = self.channels.get_mut(&channel).unwrap();
        channel["permission_overwrites"].as_array_mut().unwrap().push(said);
        self
    }

    fn with(mut self, id: u64, kind: u8, more: Value) -> Self {
        let mut channel = json!({
            "id": id.to_string(), "type": kind, "name": format!("channel {id}"), "guild_id": self.id.to_string(),
            "permission_overwrites": [],
        });
        channel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.channels.insert(id, channel);
        self
    }

    /// What Discord answers of it.
    pub fn answers(self) -> impl Fn(&Came) -> (u16, String) + Send + Sync + 'static {
        move |came| match self.told(&came.line) {
            Some(told) => (200, told.to_string()),
            None => (404, json!({ "code": 10_003, "message": "Unknown" }).to_string()),
        }
    }

    fn told(&self, line: &str) -> Option<Value> {
        let path: Vec<&str> = line.strip_prefix("GET /")?.split(['/', '?']).collect();
        let number = |place: usize| path.get(place)?.parse::<u64>().ok();
        match (path[0], number(1)?, path.get(2).copied().unwrap_or_default()) {
            ("channels", id, "") => self.channels.get(&id).cloned(),
            ("channels", id, "thread-members") => self.taken.contains(&(id, number(3)?)).then(|| json!({})),
            ("guilds", id, _) if id != self.id => None,
            ("guilds", _, "") => {
                let role = |(id, may): (&u64, &Permissions)| json!({ "id": id.to_string(), "permissions": may.bits().to_string() });
                Some(json!({ "owner_id": "1", "roles": self.roles.iter().map(role).collect::<Vec<_>>() }))
            }
            ("guilds", _, "channels") => {
                let is_listed = |channel: &&Value| channel["type"] == TEXT;
                Some(self.channels.values().filter(is_listed).cloned().collect())
            }
            ("guilds", _, "members") => {
                let roles: Vec<String> = self.members.get(&number(3)?)?.iter().map(u64::to_string).collect();
                Some(json!({ "roles": roles }))
            }
            _ => None,
        }
    }
}

async fn serve(mut socket: TcpStream, noted: &Mutex<Vec<Came>>, answer: &(dyn Fn(&Came) -> (u16, String) + Sync)) {
    let mut raw = Vec::new();
    loop {
        let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") else {
            if socket.read_buf(&mut raw).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let head = String::from_utf8_lossy(&raw[..end]).into_owned();
        let (line, head) = head.split_once("\r\n").unwrap_or((&head, ""));
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        let whole = end + 4 + length.trim().parse::<usize>().unwrap();
        let line = line.trim_end_matches(" HTTP/1.1").replace("/api/v10", "");
        while raw.len() < whole {
            if socket.read_buf(&mut raw).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let came = Came { line, head, body: String::from_utf8_lossy(&raw[end + 4..whole]).into_owned() };
        raw.drain(..whole);
        let (status, body) = answer(&came);
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(came);
        let head = format!("HTTP/1.1 {status} X\r\nretry-after: 2.5\r\ncontent-length: {}\r\n\r\n", body.len());
        if socket.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}
