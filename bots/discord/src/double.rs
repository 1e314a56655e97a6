//! A double of Discord's HTTP interface for the tests of this crate: each request is noted and answered by a function.

use std::sync::{Arc, Mutex, PoisonError};

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
