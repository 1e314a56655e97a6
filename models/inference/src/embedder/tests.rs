//! The queue and its thread, on a tiny model on disk.

use std::{future::Future, sync::Arc, time::Duration};

use super::{QueuedEncoder, SLICE_TOKENS, slice};
use crate::{
    catalogue::Pooling,
    encoder::reference::{Tiny, text},
};
use chat::{
    PortError,
    ports::{EmbedTask, Embedder},
};

fn embedder(calls_max: usize) -> Arc<QueuedEncoder> {
    let tiny = Tiny::new("bert", Pooling::Mean);
    Arc::new(QueuedEncoder::start(tiny.load().unwrap(), calls_max).unwrap())
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| text(n % 58, n as u64)).collect()
}

fn passages(
    embedder: &Arc<QueuedEncoder>,
    count: usize,
) -> impl Future<Output = Result<Vec<Vec<f32>>, PortError>> + use<> {
    let embedder = Arc::clone(embedder);
    async move {
        let texts = texts(count);
        embedder.embed(EmbedTask::Passage, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await
    }
}

#[tokio::test]
async fn row_i_belongs_to_text_i_however_the_call_is_sliced() {
    let embedder = embedder(4);
    let rows = passages(&embedder, 400).await.unwrap();
    assert_eq!(rows.len(), 400);
    for (text, row) in texts(400).iter().zip(&rows).step_by(37) {
        let alone = embedder.embed(EmbedTask::Passage, &[text]).await.unwrap().remove(0);
        assert!(row.iter().zip(alone).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    assert!(embedder.embed(EmbedTask::Query, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_query_overtakes_an_ingest() {
    let embedder = embedder(4);
    let ingest = tokio::spawn(passages(&embedder, 50_000));
    tokio::time::sleep(Duration::from_millis(20)).await;
    embedder.embed(EmbedTask::Query, &["w1"]).await.unwrap();
    assert!(!ingest.is_finished(), "the query waited for the whole ingest");
    ingest.abort();
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_dropped_call_leaves_it() {
    let embedder = embedder(1);
    let running = tokio::spawn(passages(&embedder, 50_000));
    tokio::time::sleep(Duration::from_millis(20)).await;
    // The running call may be in the worker's hand or in the line: one more fits at most, and of three one must not.
    let more: Vec<_> = (0..3).map(|_| tokio::spawn(passages(&embedder, 50_000))).collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let refused = passages(&embedder, 1).await.unwrap_err();
    assert!(matches!(refused, PortError::Overloaded { port: "embedder", .. }), "{refused}");
    assert!(refused.is_retryable());
    for call in more.into_iter().chain([running]) {
        call.abort();
        call.await.ok();
    }
    let after = tokio::time::timeout(Duration::from_secs(5), passages(&embedder, 1)).await;
    assert_eq!(after.unwrap().unwrap().len(), 1, "the dropped calls still hold their places");
}

#[tokio::test]
async fn a_panic_costs_its_call_and_not_the_next() {
    let tiny = Tiny::new("bert", Pooling::Mean);
    let mut encoder = tiny.load().unwrap();
    encoder.forget_words_past(20);
    let embedder = QueuedEncoder::start(encoder, 4).unwrap();
    let failed = embedder.embed(EmbedTask::Passage, &["w1", "w40"]).await.unwrap_err();
    assert!(matches!(failed, PortError::Failed { doing: "encoding", .. }), "{failed}");
    assert_eq!(embedder.embed(EmbedTask::Passage, &["w1"]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_closed_embedder_answers_what_waits_with_cancelled() {
    let embedder = embedder(4);
    let waiting = {
        let queue = Arc::clone(&embedder.queue);
        let ingest = tokio::spawn(passages(&embedder, 50_000));
        tokio::time::sleep(Duration::from_millis(20)).await;
        queue.close();
        ingest
    };
    assert!(matches!(waiting.await.unwrap(), Err(PortError::Cancelled { port: "embedder" })));
}

#[test]
fn a_slice_grows_and_shrinks_with_the_speed_of_the_machine() {
    let after = |start: usize, tokens_per_ms: f64| {
        (0..20).fold(start, |now, _| slice(now, now, Duration::from_secs_f64(now as f64 / tokens_per_ms / 1000.0)))
    };
    assert!(after(256, 5.0).abs_diff(200) <= 2, "40 ms at 5 tokens a millisecond");
    assert_eq!(after(256, 1.0), *SLICE_TOKENS.start());
    assert_eq!(after(256, 1e6), *SLICE_TOKENS.end());
    assert_eq!(slice(1000, 10, Duration::from_secs(9)), 1000, "the short end of a call says nothing");
}

#[tokio::test]
async fn the_embedder_says_what_it_is() {
    let embedder = embedder(4);
    assert_eq!((embedder.model(), embedder.dims(), embedder.tokens_max()), ("tiny", 24, 58));
}
