//! The files that come with messages: fetched when they are asked for, from where Discord keeps them and nowhere else.

use std::time::Duration;

use async_trait::async_trait;
use chat::{Attachment, Place, PortError, ports::Attachments};
use serenity::all::{LightMethod, Request, Route};

const PORT: &str = "attachments";

/// Where Discord keeps files.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// How long fetching a file may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Files on Discord.
pub struct Files {
    /// What stands in for Discord, and then keeps the files as well.
    api_base: Option<String>,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it is at `{0}`, which is not Discord")]
    Elsewhere(String),
    #[error("its address answers with {0}")]
    Gone(u16),
    #[error("it is larger than {0} bytes")]
    Large(u64),
    #[error("it was not fetched within {} s", WITHIN.as_secs())]
    Overdue,
    #[error("the network failed")]
    Network(#[source] serenity::Error),
}

impl Files {
    /// The files of Discord, or of what stands in for it at `api_base`.
    pub fn new(api_base: Option<String>) -> Self {
        Self { api_base }
    }

    fn is_ours(&self, url: &str) -> bool {
        let Some((scheme, authority)) = origin(url) else { return false };
        match self.api_base.as_deref().and_then(origin) {
            Some((_, base)) => authority == base,
            None => scheme == "https" && HOSTS.contains(&authority),
        }
    }

    async fn read(&self, url: &str, bytes_max: u64) -> Result<Vec<u8>, Fault> {
        let elsewhere = || Fault::Elsewhere(url.split('?').next().unwrap_or_default().to_owned());
        if !self.is_ours(url) {
            return Err(elsewhere());
        }
        // serenity names the crate of its HTTP client nowhere: a request of its own, with its address and without its
        // token, is the one way to it.
        let client = Default::default();
        let request =
            Request::new(Route::Gateway, LightMethod::Get).build(&client, "", None).map_err(Fault::Network)?;
        let mut request = request.build().map_err(network)?;
        request.headers_mut().remove("authorization");
        *request.url_mut() = url.parse().map_err(|_| elsewhere())?;
        let mut response = client.execute(request).await.map_err(|error| network(error.without_url()))?;
        // It may have led on to somewhere else.
        if !self.is_ours(response.url().as_str()) {
            return Err(elsewhere());
        }
        if !response.status().is_success() {
            return Err(Fault::Gone(response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| network(error.without_url()))? {
            if (bytes.len() + chunk.len()) as u64 > bytes_max {
                return Err(Fault::Large(bytes_max));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn network(error: impl Into<serenity::Error>) -> Fault {
    Fault::Network(error.into())
}

/// Scheme and host of an address, with the port where it has one; none where it names a user or is no web address.
fn origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    (!authority.is_empty() && !authority.contains('@')).then_some((scheme, authority))
}

#[async_trait]
impl Attachments for Files {
    async fn fetch(&self, _: &Place, attachment: &Attachment, bytes_max: u64) -> Result<Vec<u8>, PortError> {
        let refused = |fault: Fault| PortError::Refused { port: PORT, reason: fault.to_string() };
        if attachment.bytes > bytes_max {
            return Err(refused(Fault::Large(bytes_max)));
        }
        let read = tokio::time::timeout(WITHIN, self.read(&attachment.handle, bytes_max)).await;
        match read.unwrap_or(Err(Fault::Overdue)) {
            Ok(bytes) => Ok(bytes),
            Err(fault @ (Fault::Elsewhere(_) | Fault::Gone(400..500) | Fault::Large(_))) => Err(refused(fault)),
            Err(fault) => Err(PortError::failed(PORT, "fetching a file")(fault)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double::Double;

    #[track_caller]
    fn check(api_base: Option<&str>, url: &str, want: bool) {
        assert_eq!(Files { api_base: api_base.map(str::to_owned) }.is_ours(url), want, "{url}");
    }

    #[test]
    fn files_come_from_discord_alone() {
        check(None, "https://cdn.discordapp.com/attachments/1/2/a.pdf?ex=3", true);
        check(None, "https://media.discordapp.net/a.png", true);
        for url in [
            "http://cdn.discordapp.com/a.pdf",
            "https://cdn.discordapp.com.evil.example/a.pdf",
            "https://cdn.discordapp.com@evil.example/a.pdf",
            "https://evil.example\\@cdn.discordapp.com/a.pdf",
            "https://evil.example/#cdn.discordapp.com",
            "https://cdn.discordapp.com:8443/a.pdf",
            "file:///etc/passwd",
            "",
        ] {
            check(None, url, false);
        }
    }

    #[test]
    fn what_stands_in_for_discord_keeps_its_own_files() {
        let base = Some("http://127.0.0.1:8080/");
        check(base, "http://127.0.0.1:8080/attachments/a.pdf", true);
        check(base, "http://127.0.0.1:8081/attachments/a.pdf", false);
        check(base, "https://cdn.discordapp.com/a.pdf", false);
    }

    fn attachment(handle: String, bytes: u64) -> Attachment {
        Attachment { name: "a.pdf".to_owned(), media_type: None, bytes, handle }
    }

    fn place() -> Place {
        Place {
            platform: chat::Platform::Discord,
            community: "lab".into(),
            room: "7".into(),
            thread: None,
            audience: chat::Audience::Room,
        }
    }

    #[tokio::test]
    async fn a_file_is_fetched_without_the_bots_token_and_up_to_its_limit() {
        let double = Double::start(|_| (200, "0123456789".to_owned())).await;
        let files = Files::new(Some(double.base.clone()));
        let handle = format!("{}/attachments/a.pdf?ex=1", double.base);
        let fetch = async |said, most| files.fetch(&place(), &attachment(handle.clone(), said), most).await;
        assert_eq!(fetch(10, 10).await.unwrap(), b"0123456789");
        // What Discord said of its size is checked first, and then what comes.
        assert!(matches!(fetch(11, 10).await, Err(PortError::Refused { .. })));
        assert!(matches!(fetch(1, 9).await, Err(PortError::Refused { .. })));
        assert_eq!(double.lines(), ["GET /attachments/a.pdf?ex=1"; 2]);
        assert!(!double.came().iter().any(|came| came.head.contains("authorization")));
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_refused() {
        let double = Double::start(|_| (404, String::new())).await;
        let files = Files::new(Some(double.base.clone()));
        let gone = files.fetch(&place(), &attachment(format!("{}/a", double.base), 1), 10).await;
        assert!(matches!(gone, Err(PortError::Refused { .. })));
    }
}
