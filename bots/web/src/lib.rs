//! What the operator's machines ask: is it alive, is it ready, how does it do.
//!
//! **Invariant:** nothing a person said, and nothing of a paper, is in what is served here.

use std::{future::Future, io, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, sync::watch};

/// Borders of the buckets of everything that is measured in seconds.
const SECONDS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0];

/// The numbers of this process, in the text format of Prometheus.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Begins to count, for the whole process; to be called once.
    ///
    /// # Errors
    /// Where something counts already.
    pub fn install() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .install_recorder()?;
        Ok(Self { handle })
    }
}

/// Which parts are not ready, each with a word on why; empty when all are.
pub type Waiting = Vec<String>;

#[derive(Clone)]
struct Shared {
    metrics: Metrics,
    waiting: watch::Receiver<Waiting>,
}

/// Serves `/healthz`, `/readyz` and `/metrics` until `shutdown`.
///
/// # Errors
/// Where the listener breaks.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    waiting: watch::Receiver<Waiting>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(shared): State<Arc<Shared>>| shared.metrics.handle.render()))
        .with_state(Arc::new(Shared { metrics, waiting }));
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let waiting = shared.waiting.borrow();
    match waiting.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", waiting.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn it_is_alive_before_it_is_ready_and_counts_all_the_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (say, waiting) = watch::channel(vec!["matrix".to_owned()]);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let metrics = Metrics::install().unwrap();
        let server = tokio::spawn(serve(listener, metrics, waiting, async move { drop(stopped.await) }));
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        let ready = get(address, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("matrix"), "{ready}");
        say.send(Vec::new()).unwrap();
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        metrics::histogram!("colloquy_answer_seconds").record(0.3);
        let text = get(address, "/metrics").await;
        assert!(text.contains("colloquy_answer_seconds_bucket{le=\"0.5\"} 1"), "{text}");
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    }
}
