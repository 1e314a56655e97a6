//! Fetches what a link leads to, from hosts that the operator named and from nowhere else.
//!
//! Read `Fetcher::follow`: each hop is checked (`Fetcher::checked`), asked (`ask`), and followed or read.
//!
//! **Invariant:** an address is looked up once and checked, and the connection goes to that address: what a name server
//! says a moment later changes nothing. No proxy, no cookie, no credential takes part.

mod hosts;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use chat::{PortError, error::chain};
use flate2::write::MultiGzDecoder;
use futures::{FutureExt, future::BoxFuture};
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION},
    redirect::Policy,
};

pub use hosts::Hosts;

const PORT: &str = "fetch";

/// How often a link may lead on.
const REDIRECTS_MAX: usize = 5;

/// What is read, with the endings that its files have; the first where a link has another.
const TYPES: [(&str, &[&str]); 8] = [
    ("application/pdf", &["pdf"]),
    ("text/html", &["html", "htm", "xhtml"]),
    ("application/xhtml+xml", &["xhtml", "html", "htm"]),
    ("application/xml", &["xml", "nxml"]),
    ("text/xml", &["xml", "nxml"]),
    ("application/atom+xml", &["xml", "atom"]),
    ("text/markdown", &["md", "markdown"]),
    ("text/plain", &["txt", "text", "md", "markdown", "bib", "bibtex"]),
];

/// How much and how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest file, as sent and as unpacked.
    pub bytes_max: usize,
    /// From the first look-up to the last byte.
    pub within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 50 * 1024 * 1024, within: Duration::from_secs(30) }
    }
}

/// The addresses of a host.
pub type Resolve = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Fetches links.
pub struct Fetcher {
    hosts: Hosts,
    resolve: Resolve,
    limits: Limits,
}

/// Why a link was not fetched: in words that the room may read, without an address of a network.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("that is no link that I can follow; it begins with https://")]
    Link,
    #[error("a link with a name or a password in it is not followed")]
    User,
    #[error("`{0}` is not among the hosts that I may fetch from; the operator names them in `library.fetch_hosts`")]
    Host(String),
    #[error("`{0}` leads to an address that is not public; the operator has to name it in `library.fetch_hosts`")]
    Private(String),
    #[error("`{0}` was not found")]
    Unknown(String, #[source] io::Error),
    #[error("`{0}` could not be reached, or broke off")]
    Network(String, #[source] reqwest::Error),
    #[error("it leads from https to http")]
    Downgrade,
    #[error("it leads on more than {REDIRECTS_MAX} times")]
    Redirects,
    #[error("its host answers with {0}")]
    Status(u16),
    #[error("it is neither PDF nor HTML, XML or text")]
    Type,
    #[error("it is packed in a way that I do not read")]
    Packed,
    #[error("it is damaged")]
    Damaged(#[source] io::Error),
    #[error("it is larger than {} MB", .0 / 1024 / 1024)]
    Large(usize),
    #[error("it took longer than {} seconds", .0.as_secs())]
    Overdue(Duration),
}

/// The machine's own way to look up a host.
pub fn system_resolver() -> Resolve {
    Arc::new(|host, port| async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed())
}

impl Fetcher {
    /// Fetches from these hosts.
    pub fn new(hosts: Hosts, resolve: Resolve, limits: Limits) -> Self {
        Self { hosts, resolve, limits }
    }

    /// What a link leads to: a name whose ending tells the format, and the bytes.
    ///
    /// # Errors
    /// [`PortError::Refused`] with a sentence for the room.
    pub async fn fetch(&self, link: &str) -> Result<(String, Vec<u8>), PortError> {
        let within = self.limits.within;
        let followed = tokio::time::timeout(within, self.follow(link)).await.unwrap_or(Err(Fault::Overdue(within)));
        followed.map_err(|fault| {
            tracing::info!(error = %chain(&fault), "a link was not fetched");
            PortError::Refused { port: PORT, reason: fault.to_string() }
        })
    }

    async fn follow(&self, link: &str) -> Result<(String, Vec<u8>), Fault> {
        let mut url = Url::parse(link).map_err(|_| Fault::Link)?;
        for _ in 0..=REDIRECTS_MAX {
            let addresses = self.checked(&url).await?;
            let response = ask(&url, &addresses).await?;
            match on(&url, &response)? {
                Some(next) => url = next,
                None => return self.read(&url, response).await,
            }
        }
        Err(Fault::Redirects)
    }

    /// The addresses that a link may be fetched from.
    async fn checked(&self, url: &Url) -> Result<Vec<SocketAddr>, Fault> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Fault::Link);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Fault::User);
        }
        let (host, port) = (host(url), url.port_or_known_default().ok_or(Fault::Link)?);
        if host.is_empty() {
            return Err(Fault::Link);
        }
        if !self.hosts.names(&host, port) {
            return Err(Fault::Host(host));
        }
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => match (self.resolve)(host.clone(), port).await {
                Ok(addresses) => addresses,
                Err(error) => return Err(Fault::Unknown(host, error)),
            },
        };
        // One bad address spoils them all: which of them is taken is for nobody to say.
        if addresses.is_empty() || !addresses.iter().all(|address| self.hosts.admits(address.ip(), port)) {
            return Err(Fault::Private(host));
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<(String, Vec<u8>), Fault> {
        if !response.status().is_success() {
            return Err(Fault::Status(response.status().as_u16()));
        }
        let media_type = header(&response, &CONTENT_TYPE);
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_lowercase();
        let endings = TYPES.iter().find(|(known, _)| *known == essence).map(|(_, endings)| *endings);
        let endings = endings.ok_or(Fault::Type)?;
        let bytes_max = self.limits.bytes_max;
        if response.content_length().is_some_and(|length| length > bytes_max as u64) {
            return Err(Fault::Large(bytes_max));
        }
        let mut body = match header(&response, &CONTENT_ENCODING).trim().to_lowercase().as_str() {
            "" | "identity" => Body::Plain(Bounded::new(bytes_max)),
            "gzip" | "x-gzip" => Body::Gzip(Box::new(MultiGzDecoder::new(Bounded::new(bytes_max)))),
            _ => return Err(Fault::Packed),
        };
        let mut sent = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| network(url, error))? {
            sent += chunk.len();
            if sent > bytes_max {
                return Err(Fault::Large(bytes_max));
            }
            body.take(&chunk, bytes_max)?;
        }
        Ok((named(url, endings), body.end(bytes_max)?))
    }
}

/// Asks for what a link leads to, at these addresses and nowhere else.
async fn ask(url: &Url, addresses: &[SocketAddr]) -> Result<Response, Fault> {
    let client = Client::builder()
        .user_agent(concat!("colloquy/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .referer(false)
        .pool_max_idle_per_host(0)
        .resolve_to_addrs(url.host_str().unwrap_or_default(), addresses)
        .build()
        .map_err(|error| network(url, error))?;
    let types = TYPES.map(|(name, _)| name).join(", ");
    let request = client.get(url.clone()).header(ACCEPT, types).header(ACCEPT_ENCODING, "gzip");
    request.send().await.map_err(|error| network(url, error))
}

/// Where a response leads on to, if it does.
fn on(url: &Url, response: &Response) -> Result<Option<Url>, Fault> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let next = url.join(&header(response, &LOCATION)).map_err(|_| Fault::Link)?;
    if url.scheme() == "https" && next.scheme() == "http" {
        return Err(Fault::Downgrade);
    }
    Ok(Some(next))
}

/// A link's host: an address without its brackets.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned()
}

fn header(response: &Response, name: &HeaderName) -> String {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn network(url: &Url, error: reqwest::Error) -> Fault {
    Fault::Network(host(url), error.without_url())
}

/// A file's name: the end of its link, with an ending of its type.
fn named(url: &Url, endings: &[&str]) -> String {
    let last = url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()).map(str::to_owned));
    let last = last.unwrap_or_else(|| host(url));
    let ending = last.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    if endings.contains(&ending.as_str()) { last } else { format!("{last}.{}", endings[0]) }
}

/// A body as it comes in.
enum Body {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Body {
    fn take(&mut self, chunk: &[u8], bytes_max: usize) -> Result<(), Fault> {
        let (taken, is_over) = match self {
            Self::Plain(body) => (body.write_all(chunk), body.is_over),
            Self::Gzip(body) => (body.write_all(chunk), body.get_ref().is_over),
        };
        taken.map_err(|error| if is_over { Fault::Large(bytes_max) } else { Fault::Damaged(error) })
    }

    fn end(mut self, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        if let Self::Gzip(body) = &mut self
            && let Err(error) = body.try_finish()
        {
            return Err(if body.get_ref().is_over { Fault::Large(bytes_max) } else { Fault::Damaged(error) });
        }
        Ok(match self {
            Self::Plain(body) => body.bytes,
            Self::Gzip(mut body) => std::mem::take(&mut body.get_mut().bytes),
        })
    }
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
    is_over: bool,
}

impl Bounded {
    fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, is_over: false }
    }
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.bytes_max {
            self.is_over = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
