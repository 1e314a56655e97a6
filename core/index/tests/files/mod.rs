//! What may happen to the files of the index in process: closed, copied while open, cut short, taken, damaged.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chat::ports::{Index, IndexQuery, Point, SearchMode, Stamp};
use index::{EdgeIndex, IndexError};

use crate::laws::{self, Dice, stamp};

fn open(dir: &Path) -> EdgeIndex {
    EdgeIndex::open(dir, &stamp()).unwrap()
}

/// The one folder of an index that holds its points.
fn shard(dir: &Path) -> PathBuf {
    let shards: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("shard-"))
        .collect();
    let [shard] = &shards[..] else { panic!("{shards:?}") };
    shard.clone()
}

/// What a crash leaves: the files as they are, without a goodbye.
fn crash(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let done = Command::new("cp").arg("-a").arg(dir.join(".")).arg(copy.path()).status().unwrap();
    assert!(done.success());
    copy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_index_opens_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let points = laws::library(60);
    let index = open(dir.path());
    laws::write(&index, &points).await;
    drop(index);
    laws::holds(&open(dir.path()), &points).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_it_lists_what_it_holds_and_takes_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let points = laws::library(60);
    let index = open(dir.path());
    laws::write(&index, &points[..50]).await;
    index.flush().await.unwrap();
    laws::write(&index, &points[50..]).await;
    let copy = crash(dir.path());
    let index = open(copy.path());
    let listed = index.passages().await.unwrap();
    assert!(listed.len() >= 50, "what was flushed is there");
    let missing: Vec<Point> = points.iter().filter(|point| !listed.contains(&point.passage)).cloned().collect();
    laws::write(&index, &missing).await;
    laws::holds(&index, &points).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_and_a_replacement_outlive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let points = laws::library(40);
    let index = open(dir.path());
    laws::write(&index, &points).await;
    index.flush().await.unwrap();
    index.remove(&[points[0].passage.document.clone()]).await.unwrap();
    let moved = Point { scope: "room:elsewhere".parse().unwrap(), ..points[2].clone() };
    laws::write(&index, std::slice::from_ref(&moved)).await;
    let copy = crash(dir.path());
    let index = open(copy.path());
    laws::holds(&index, &points[2..]).await;
    let query = IndexQuery {
        readable: laws::reads(&[&points[2].scope.to_string()]),
        dense: Some(moved.dense.clone()),
        mode: SearchMode::Dense,
        limit: 1000,
        ..laws::query()
    };
    let hits = index.search(&query).await.unwrap();
    assert!(!hits.is_empty() && hits.iter().all(|hit| hit.passage != moved.passage), "it moved: {hits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_stamp_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    for other in [
        Stamp { model: "another".to_owned(), ..stamp() },
        Stamp { dims: 9, ..stamp() },
        Stamp { chunker: 2, ..stamp() },
    ] {
        let error = EdgeIndex::open(dir.path(), &other).err().unwrap();
        assert!(matches!(error, IndexError::Stamp { .. }));
        let text = error.to_string();
        assert!(text.contains("`test` (8 dimensions), chunker 1"), "{text}");
        assert!(text.contains(&format!("`{}` ({} dimensions), chunker {}", other.model, other.dims, other.chunker)));
        assert!(text.contains("colloquy library reindex"), "{text}");
    }
    drop(open(dir.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_owner_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(EdgeIndex::open(dir.path(), &stamp()).err(), Some(IndexError::InUse { .. })));
    assert!(matches!(EdgeIndex::recreate(dir.path(), &stamp()).err(), Some(IndexError::InUse { .. })));
    laws::write(&first, &laws::library(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_leaves_one_shard_and_survives() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    laws::write(&index, &laws::library(30)).await;
    let before = shard(dir.path());
    let other = Stamp { chunker: 2, ..stamp() };
    index.rebuild(&other).await.unwrap();
    assert_ne!(shard(dir.path()), before);
    drop(index);
    assert_eq!(EdgeIndex::open(dir.path(), &other).unwrap().count().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_during_a_rebuild_leaves_the_old_index() {
    let dir = tempfile::tempdir().unwrap();
    let points = laws::library(30);
    let index = open(dir.path());
    laws::write(&index, &points).await;
    drop(index);
    // The new shard was made, `stamp.json` does not name it yet.
    fs::create_dir_all(dir.path().join("shard-half/segments/broken")).unwrap();
    fs::write(dir.path().join("stamp.json.new"), "{").unwrap();
    laws::holds(&open(dir.path()), &points).await;
    shard(dir.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_built_segment_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let points = laws::library(30);
    let index = open(dir.path());
    laws::write(&index, &points).await;
    drop(index);
    fs::create_dir_all(shard(dir.path()).join("temp_segments/0123/vector_storage")).unwrap();
    laws::holds(&open(dir.path()), &points).await;
    assert!(!shard(dir.path()).join("temp_segments").exists());
}

/// Cuts or fills a file of each kind in turn: each time the index opens, or says that it is damaged and can be made
/// anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_leads_to_a_rebuild_never_to_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let points = laws::library(30);
    let index = open(dir.path());
    laws::write(&index, &points).await;
    drop(index);
    let listed = Command::new("find").arg(dir.path()).args(["-type", "f", "-printf", "%f %P\n"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let kinds: BTreeMap<&str, &str> = listed.lines().map(|line| line.split_once(' ').unwrap()).collect();
    assert!(kinds.contains_key("stamp.json") && kinds.contains_key("segment.json"), "{kinds:?}");
    let mut damaged = Vec::new();
    for (number, (kind, file)) in kinds.into_iter().enumerate().filter(|(_, (kind, _))| *kind != "lock") {
        let copy = crash(dir.path());
        let content = [&b""[..], &b"rubbish"[..]][number % 2];
        fs::write(copy.path().join(file), content).unwrap();
        match EdgeIndex::open(copy.path(), &stamp()) {
            Ok(index) => assert!(index.count().await.unwrap() <= points.len(), "{file}"),
            Err(IndexError::Damaged { .. }) => damaged.push((kind, copy)),
            Err(error) => panic!("{file}: {error}"),
        }
    }
    let (_, copy) = damaged.iter().find(|(kind, _)| *kind == "segment.json").unwrap();
    assert!(damaged.iter().any(|(kind, _)| *kind == "stamp.json"));
    let index = EdgeIndex::recreate(copy.path(), &stamp()).unwrap();
    laws::write(&index, &points).await;
    laws::holds(&index, &points).await;
}

/// Enough vectors for a graph: there too, no scope leaks and the nearest are found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_never_leaks_through_the_graph() {
    const DIMS: usize = 1024;
    let dir = tempfile::tempdir().unwrap();
    let index = EdgeIndex::open(dir.path(), &Stamp { dims: DIMS, ..stamp() }).unwrap();
    let mut dice = Dice(3);
    let scope = |number: usize| if number.is_multiple_of(10) { "room:b" } else { "room:a" };
    let points: Vec<Point> = (0..4_000)
        .map(|number| Point {
            dense: dice.unit(DIMS),
            ..laws::point(&format!("d{number}-0"), scope(number), 0.0, "model")
        })
        .collect();
    laws::write(&index, &points).await;
    index.flush().await.unwrap();
    laws::holds(&index, &points).await;
    for number in (0..100).map(|step| step * 39) {
        let query = IndexQuery {
            readable: laws::reads(&[scope(number)]),
            dense: Some(points[number].dense.clone()),
            ..laws::query()
        };
        for mode in [SearchMode::Dense, SearchMode::Hybrid] {
            let hits = index.search(&IndexQuery { mode, limit: 50, ..query.clone() }).await.unwrap();
            assert_eq!(hits.len(), 50);
            for hit in &hits {
                let number: usize = hit.passage.document.0[1..].parse().unwrap();
                assert!(query.readable.allows(&points[number].scope), "{hit:?}");
            }
        }
        let nearest = index.search(&IndexQuery { mode: SearchMode::Dense, limit: 1, ..query }).await.unwrap();
        assert_eq!(nearest[0].passage, points[number].passage, "it is nearest to itself");
    }
}

/// Scopes name persons: neither they nor vectors may stay in segments, or in the engine's own log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_index_holds_no_byte_of_what_was_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut points = laws::library(60);
    let (gone, member) = (points[0].passage.document.clone(), "zq-ana-zq");
    for point in points.iter_mut().filter(|point| point.passage.document == gone) {
        point.scope = format!("person:{member}").parse().unwrap();
    }
    let index = open(dir.path());
    laws::write(&index, &points).await;
    index.flush().await.unwrap();
    assert!(traces(dir.path(), member) > 0);
    index.remove(std::slice::from_ref(&gone)).await.unwrap();
    index.purge().await.unwrap();
    assert_eq!(traces(dir.path(), member), 0);
    points.retain(|point| point.passage.document != gone);
    laws::holds(&index, &points).await;
    drop(index);
    assert_eq!(traces(dir.path(), member), 0);
    laws::holds(&open(dir.path()), &points).await;
}

/// How often a text stands in the files below a folder.
fn traces(dir: &Path, text: &str) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: PathBuf| match path.is_dir() {
        true => traces(&path, text),
        false => fs::read(path).unwrap().windows(text.len()).filter(|window| *window == text.as_bytes()).count(),
    };
    entries.map(count).sum()
}
