//! The index's contract: every law of `laws` on the index in process and on a server, and `files` on the first alone.
//!
//! `COLLOQUY_TEST_QDRANT_URL` names a real server (its gRPC port); without it the server is `qdrant_double`.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as its tests do")]

mod files;
mod laws;
mod qdrant_double;

use std::env;

use index::{EdgeIndex, ServerIndex};
use qdrant_double::Double;

/// Runs each law on both, on an empty index each.
macro_rules! laws {
    ($($law:ident)*) => {
        mod edge {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                let dir = tempfile::tempdir().unwrap();
                let index = super::EdgeIndex::open(dir.path(), &super::laws::stamp()).unwrap();
                super::laws::$law(&index).await;
            })*
        }

        mod server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                let (_double, url) = super::server();
                let index = super::connect(&url, stringify!($law)).await;
                super::laws::$law(&index).await;
            })*
        }
    };
}

laws! {
    a_written_point_is_found_by_the_next_search
    a_point_written_again_is_replaced
    more_points_than_a_batch_are_all_written
    a_scope_never_leaks_on_any_path
    filters_hold_on_every_path
    a_document_fills_no_more_than_its_share
    diversity_puts_the_unlike_first
    a_removed_document_is_gone
    passages_are_listed_in_order
    a_limit_is_kept
    a_rare_term_beats_a_common_one
    a_title_counts
    hybrid_finds_what_either_side_finds
    the_cosine_is_the_cosine
    what_cannot_be_is_refused
    nothing_is_found_by_nothing
    a_rebuilt_index_is_empty_and_stamped_anew
    a_flushed_index_answers_as_before
}

/// A server's address, and the double behind it where it is one.
fn server() -> (Option<Double>, String) {
    match env::var("COLLOQUY_TEST_QDRANT_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            let double = Double::start();
            let url = double.url.clone();
            (Some(double), url)
        }
    }
}

/// An empty index on the server, in a collection of the test's own.
async fn connect(url: &str, test: &str) -> ServerIndex {
    let collection = format!("contract_{test}");
    let index = ServerIndex::connect(url, None, &collection, &laws::stamp()).await.unwrap();
    chat::ports::Index::rebuild(&index, &laws::stamp()).await.unwrap();
    index
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_give_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    let edge = EdgeIndex::open(dir.path(), &laws::stamp()).unwrap();
    let (_double, url) = server();
    let server = connect(&url, "both_give_the_same_answers").await;
    laws::same_answers(&edge, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_keeps_what_was_written() {
    let (_double, url) = server();
    let written = laws::library(40);
    let index = connect(&url, "a_server_keeps_what_was_written").await;
    laws::write(&index, &written).await;
    let collection = "contract_a_server_keeps_what_was_written";
    let again = ServerIndex::connect(&url, None, collection, &laws::stamp()).await.unwrap();
    laws::holds(&again, &written).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_refuses_another_stamp() {
    let (_double, url) = server();
    drop(connect(&url, "a_server_refuses_another_stamp").await);
    let other = chat::ports::Stamp { model: "another".to_owned(), ..laws::stamp() };
    let collection = "contract_a_server_refuses_another_stamp";
    let error = ServerIndex::connect(&url, None, collection, &other).await.err().unwrap().to_string();
    for word in ["`test`", "`another`", "colloquy library reindex"] {
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_server_is_an_error() {
    let found = ServerIndex::connect("http://127.0.0.1:9", None, "papers", &laws::stamp()).await;
    assert!(matches!(found.err(), Some(index::IndexError::Server { .. })));
}
