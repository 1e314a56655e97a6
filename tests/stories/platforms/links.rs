//! A link is read into the library from a host that the operator named, and from no other.

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::Person;

const NOTE: &str = "# Booking the boat\n\nThe research boat Albatros is booked with Greta until noon.\n";

/// A host with one note on it: its name with its port.
pub async fn a_host() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/markdown";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{NOTE}", NOTE.len());
            // Who went away hears nothing.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok(host)
}

/// What a member gives a link to is read and asked about; what was not named is not asked for.
pub async fn a_link_is_read_from_a_host_that_was_named(ana: &dyn Person, host: &str) -> Result<()> {
    ana.says(&format!("!add http://{host}/boat.md")).await?;
    ana.hears(&|text| text.contains("Added one paper") && text.contains("Booking the boat")).await?;
    ana.says("With whom is the research boat Albatros booked?").await?;
    ana.hears(&|text| text.contains("Greta") && text.contains("[1]")).await?;
    ana.says("!add http://127.0.0.1:1/secret").await?;
    ana.hears(&|text| text.contains("Nothing was added") && text.contains("library.fetch_hosts")).await?;
    Ok(())
}
