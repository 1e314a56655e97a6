//! What happens when the disk is full, the file is broken, or a later version wrote it.

use chat::{
    Document, PortError,
    ports::{Documents, PluginData},
};

use super::{MODEL, document, open, passages, rows, vectors};
use crate::{DataLock, Entry, Store, StoreError};

/// A document of `bytes` of text, in one passage.
fn large(id: &str, bytes: usize) -> (Document, Vec<chat::Passage>) {
    let one = Document { text: "x".repeat(bytes), ..document(id, "community:lab") };
    let mut passages = passages(&one);
    passages.truncate(1);
    (one, passages)
}

/// Lets the database grow by `pages` more pages.
async fn limit(store: &Store, pages: i64) {
    let mut writer = store.write.acquire().await.unwrap();
    let now: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *writer).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {}", now + pages);
    sqlx::query(sqlx::AssertSqlSafe(limit)).execute(&mut *writer).await.unwrap();
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_half_written_and_later_writes_succeed() {
    let (folder, store) = open().await;
    let (first, its_passages) = large("a", 100);
    store.put(&first, &its_passages, MODEL, &[]).await.unwrap();
    let before = rows(&store).await;

    let all: Vec<_> = (0..50).map(|number| large(&format!("b{number}"), 10_000)).collect();
    let entries: Vec<_> =
        all.iter().map(|(document, passages)| Entry { document, passages, vectors: &[], keys: &[] }).collect();
    for _ in 0..3 {
        limit(&store, 20).await;
        let error = store.put_many(MODEL, &entries).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert_eq!(error.public(), "The disk is full, so nothing was changed; free some space and try again.");
        assert_eq!(rows(&store).await, before);
        assert!(store.check().await.unwrap().is_whole());
    }
    // Writes that fit succeed at once.
    limit(&store, 20).await;
    store.set("qa", None, "k", Some(serde_json::json!(1))).await.unwrap();
    // The port says the same.
    let error = Documents::put(&store, &large("c", 1_000_000).0, &[], MODEL, &[]).await.unwrap_err();
    assert!(matches!(&error, PortError::Refused { reason, .. } if reason.contains("disk is full")), "{error:?}");

    limit(&store, 10_000).await;
    assert_eq!(store.put_many(MODEL, &entries).await.unwrap().len(), 50);
    store.close().await;
    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(rows(&store).await[..2], [51, 51]);
    assert!(store.check().await.unwrap().is_whole());
}

#[tokio::test]
async fn a_dropped_write_is_undone_whole() {
    let (_folder, store) = open().await;
    let all: Vec<_> = (0..200).map(|number| large(&format!("b{number}"), 1_000)).collect();
    let entries: Vec<_> =
        all.iter().map(|(document, passages)| Entry { document, passages, vectors: &[], keys: &[] }).collect();
    let cut = tokio::time::timeout(std::time::Duration::from_millis(5), store.put_many(MODEL, &entries)).await;
    assert!(cut.is_err(), "200 documents in 5 ms: make the batch larger");
    assert_eq!(rows(&store).await, [0; 7]);
    store.put_many(MODEL, &entries).await.unwrap();
    assert_eq!(rows(&store).await[0], 200);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let (folder, store) = open().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'later', TRUE, X'00', 0)",
    )
    .execute(&store.write)
    .await
    .unwrap();
    store.close().await;
    for _ in 0..2 {
        let error = Store::open(folder.path()).await.unwrap_err();
        let known = crate::schema_known();
        let want = format!("the state has schema 99, this colloquy knows schemas up to {known}: update colloquy");
        assert_eq!(error.to_string(), want);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(Store::FILE), "Dear diary, ".repeat(1000)).unwrap();
    let error = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_check_finds_a_broken_page() {
    let (folder, store) = open().await;
    for number in 0..50 {
        let (one, its_passages) = large(&number.to_string(), 5_000);
        store.put(&one, &its_passages, MODEL, &vectors()[..1]).await.unwrap();
    }
    let health = store.check().await.unwrap();
    assert!(health.is_whole() && health.schema == crate::schema_known() && health.bytes > 100_000, "{health:?}");
    store.close().await;

    let file = folder.path().join(Store::FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    // The b-tree pages, not the schema's: their first byte tells a leaf of a table.
    let page = (1..bytes.len() / 4096).rfind(|page| bytes[page * 4096] == 13).unwrap();
    bytes[page * 4096..page * 4096 + 100].fill(0xee);
    std::fs::write(&file, bytes).unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    match store.check().await {
        Ok(health) => assert!(!health.is_whole(), "{health:?}"),
        Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
    }
}

/// Two handles on one file, as two processes would be without the lock.
#[tokio::test]
async fn writers_wait_for_each_other() {
    let (folder, store) = open().await;
    let other = Store::open(folder.path()).await.unwrap();
    let mut all = Vec::new();
    for number in 0..40 {
        let store = if number % 2 == 0 { store.clone() } else { other.clone() };
        all.push(tokio::spawn(async move {
            let (one, its_passages) = large(&number.to_string(), 100);
            store.put(&one, &its_passages, MODEL, &[]).await
        }));
    }
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(rows(&other).await[0], 40);
}

/// What others of the machine may do with the folder; the papers, messages and keys in it are nobody's but its owner's.
#[cfg(unix)]
#[test]
fn a_data_folder_is_its_owners_alone() {
    use std::{fs, os::unix::fs::PermissionsExt};

    #[track_caller]
    fn check(mode: u32, holds: Option<&str>, want: u32) {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("data");
        fs::create_dir(&folder).unwrap();
        if let Some(name) = holds {
            fs::write(folder.join(name), "").unwrap();
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let lock = DataLock::take(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, want);
        drop(lock);
    }

    check(0o755, None, 0o700);
    check(0o777, Some(Store::FILE), 0o700);
    check(0o750, Some(Store::FILE), 0o700);
    check(0o700, Some(Store::FILE), 0o700);
    // What is somebody else's too is not closed to them: `--data ~` and `--data /tmp`.
    check(0o755, Some("thesis.tex"), 0o755);
    check(0o1777, None, 0o1777);
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("new/data");
    let _lock = DataLock::take(&folder).unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
}
