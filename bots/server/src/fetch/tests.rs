//! The fetcher against a local server that misbehaves in every way that matters.

use std::{
    io::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

const MB: usize = 1024 * 1024;

const LIMITS: Limits = Limits { bytes_max: MB, within: Duration::from_secs(2) };

/// A server that answers by the path, and counts what it is asked.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, port));
            }
        });
        Self { port, asked }
    }

    /// A fetcher that may fetch from this server, as `127.0.0.1` and as `papers.test`.
    fn fetcher(&self) -> Fetcher {
        self.fetcher_of(&["127.0.0.1", "papers.test"], "127.0.0.1")
    }

    /// One that may fetch from these hosts on this server's port, where every name leads to `address`.
    fn fetcher_of(&self, hosts: &[&str], address: &str) -> Fetcher {
        let hosts: Vec<String> = hosts.iter().map(|host| format!("{host}:{}", self.port)).collect();
        let address: IpAddr = address.parse().unwrap();
        let resolve: Resolve = Arc::new(move |_, port| async move { Ok(vec![SocketAddr::new(address, port)]) }.boxed());
        Fetcher::new(Hosts::try_from(hosts).unwrap(), resolve, LIMITS)
    }

    async fn get(&self, path: &str) -> Result<(String, Vec<u8>), String> {
        get(&self.fetcher(), &format!("http://papers.test:{}{path}", self.port)).await
    }
}

async fn get(fetcher: &Fetcher, link: &str) -> Result<(String, Vec<u8>), String> {
    fetcher.fetch(link).await.map_err(|error| match error {
        PortError::Refused { reason, .. } => reason,
        other => panic!("{other} is no refusal"),
    })
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

async fn serve(mut stream: TcpStream, port: u16) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1)?;
    let (mut status, mut headers, mut body) = ("200 OK", vec!["Content-Type: text/html".to_owned()], Vec::new());
    let mut to = |location: String| {
        status = "302 Found";
        headers.push(format!("Location: {location}"));
    };
    match path {
        "/paper" => body = b"<html>".to_vec(),
        "/on" => to("/paper".to_owned()),
        "/around" => to("/around".to_owned()),
        "/inside" => to(format!("http://169.254.169.254:{port}/secret")),
        "/elsewhere" => to("https://elsewhere.test/".to_owned()),
        "/file" => to("file:///etc/passwd".to_owned()),
        "/user" => to(format!("http://a:b@papers.test:{port}/paper")),
        "/picture" => headers = vec!["Content-Type: image/png".to_owned()],
        "/untyped" => headers.clear(),
        "/gone" => status = "404 Not Found",
        "/packed" => (headers, body) = gzip(packed(b"<html>")),
        "/bomb" => (headers, body) = gzip(packed(&vec![0; 64 * MB])),
        "/damaged" => (headers, body) = gzip(b"\x1f\x8b\x08\x00nothing of the kind".to_vec()),
        "/brotli" => headers.push("Content-Encoding: br".to_owned()),
        "/large" => headers.push(format!("Content-Length: {}", 2 * MB)),
        "/slow" | "/endless" => {}
        _ => return None,
    }
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{}\r\n\r\n", headers.join("\r\n"));
    stream.write_all(head.replace("\r\n\r\n\r\n", "\r\n\r\n").as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()?;
    if path == "/endless" {
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    }
    if path == "/slow" {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    stream.shutdown().await.ok()
}

fn gzip(body: Vec<u8>) -> (Vec<String>, Vec<u8>) {
    (vec!["Content-Type: text/html".to_owned(), "Content-Encoding: gzip".to_owned()], body)
}

#[tokio::test]
async fn a_link_is_read_under_a_name_that_tells_its_format() {
    let server = Server::start().await;
    for path in ["/paper", "/on", "/packed"] {
        let (name, bytes) = server.get(path).await.unwrap();
        assert_eq!(bytes, b"<html>", "{path}");
        assert_eq!(name, if path == "/packed" { "packed.html" } else { "paper.html" });
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_reason() {
    let server = Server::start().await;
    for (path, want) in [
        ("/around", "more than 5 times"),
        ("/elsewhere", "`library.fetch_hosts`"),
        ("/file", "no link"),
        ("/user", "a password"),
        ("/picture", "neither PDF nor HTML"),
        ("/untyped", "neither PDF nor HTML"),
        ("/gone", "404"),
        ("/bomb", "larger than 1 MB"),
        ("/damaged", "damaged"),
        ("/brotli", "packed in a way"),
        ("/large", "larger than 1 MB"),
        ("/endless", "larger than 1 MB"),
        ("/slow", "longer than 2 seconds"),
        ("/nothing", "could not be reached"),
    ] {
        let reason = server.get(path).await.unwrap_err();
        assert!(reason.contains(want), "{path}: `{want}` is not in: {reason}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    let server = Server::start().await;
    // Even where somebody named the address's host: only the address itself would do.
    let fetcher = server.fetcher_of(&["127.0.0.1", "papers.test"], "127.0.0.1");
    let link = format!("http://papers.test:{}/inside", server.port);
    let reason = get(&fetcher, &link).await.unwrap_err();
    assert!(reason.contains("`169.254.169.254` is not among the hosts"), "{reason}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_asked() {
    let server = Server::start().await;
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"] {
        let fetcher = server.fetcher_of(&["papers.test"], address);
        let reason = get(&fetcher, &format!("http://papers.test:{}/paper", server.port)).await.unwrap_err();
        assert!(reason.contains("not public"), "{address}: {reason}");
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_link_in_disguise_is_seen_through() {
    let server = Server::start().await;
    let fetcher = server.fetcher_of(&["papers.test"], "127.0.0.1");
    let port = server.port;
    for link in [
        format!("http://127.0.0.1:{port}/paper"),
        format!("http://0x7f.1:{port}/paper"),
        format!("http://2130706433:{port}/paper"),
        format!("http://[::1]:{port}/paper"),
        format!("http://[::ffff:7f00:1]:{port}/paper"),
        format!("http://papers.test@127.0.0.1:{port}/paper"),
        "http://papers.test/paper".to_owned(),
        "http://papers.test:22/".to_owned(),
        "ftp://papers.test/paper".to_owned(),
        "file:///etc/passwd".to_owned(),
        "no link".to_owned(),
    ] {
        assert!(fetcher.fetch(&link).await.is_err(), "{link}");
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_is_fetched_where_no_host_is_named() {
    let fetcher = Fetcher::new(Hosts::default(), system_resolver(), LIMITS);
    let reason = get(&fetcher, "https://arxiv.org/pdf/1707.08567").await.unwrap_err();
    assert!(reason.contains("`arxiv.org`") && reason.contains("`library.fetch_hosts`"), "{reason}");
}

#[test]
fn a_files_name_ends_as_its_type_does() {
    let check = |link: &str, media_type: &str, want: &str| {
        let endings = TYPES.iter().find(|(known, _)| *known == media_type).unwrap().1;
        assert_eq!(named(&Url::parse(link).unwrap(), endings), want);
    };
    check("https://arxiv.org/pdf/1707.08567", "application/pdf", "1707.08567.pdf");
    check("https://lab.test/a/Paper.PDF?x=1", "application/pdf", "Paper.PDF");
    check("https://lab.test/index.php", "text/html", "index.php.html");
    check("https://lab.test/", "text/html", "lab.test.html");
    check("https://lab.test/refs.bib", "text/plain", "refs.bib");
}
