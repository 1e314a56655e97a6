//! Reading papers in: what comes of good files, bad files, and the same files again.

use std::{fs, path::Path};

use chat::ports::Documents;
use tests::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_embeds_nothing_and_a_changed_file_only_itself() {
    let world = World::library().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("ducks.md", "# Ducks\n\nDucks swim on the lake. They dive for weeds.\n");
    write("geese.md", "# Geese\n\nGeese fly south in the autumn.\n");
    let first = world.ingest(folder.path()).await;
    assert_eq!((first.added.len(), first.embedded > 0), (2, true), "{first:?}");
    let second = world.ingest(folder.path()).await;
    assert_eq!((second.files_unchanged, second.added.len(), second.embedded), (2, 0, 0), "{second:?}");
    write("geese.md", "# Geese\n\nGeese fly north in the spring.\n");
    let third = world.ingest(folder.path()).await;
    assert_eq!((third.updated.len(), third.added.len(), third.files_unchanged), (1, 0, 1), "{third:?}");
    let stats = world.home.store.stats(None).await.unwrap();
    assert_eq!((stats.documents, world.home.index.count().await.unwrap()), (2, stats.passages));
}

/// The same paper by XML, PDF and BibTeX is one document.
#[tokio::test(flavor = "multi_thread")]
async fn a_paper_known_from_elsewhere_is_a_duplicate() {
    let world = World::library().await;
    let report = world.ingest(&tests::samples()).await;
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    assert!(!report.duplicates.is_empty(), "the samples hold some on purpose");
    let rows = world.home.store.list(None, "disentanglement", 0, 50).await.unwrap();
    let mut titles: Vec<String> = rows.iter().map(|row| row.title.to_lowercase()).collect();
    titles.sort();
    let all = titles.len();
    titles.dedup();
    assert_eq!(titles.len(), all, "{titles:?}");
}

/// Two folders may hold notes of one name: both are there, each by itself.
#[tokio::test(flavor = "multi_thread")]
async fn notes_of_one_name_in_two_folders_are_two_documents() {
    let world = World::library().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a", "Ana books the room on Monday."), ("b", "Bo books the other room on Friday afternoon.")]
    {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("notes.txt"), text).unwrap();
    }
    let report = world.ingest(folder.path()).await;
    assert_eq!((report.added.len(), report.duplicates.len()), (2, 0), "{report:?}");

    // Moved, a note is known again by its text; changed after that, it is still one.
    fs::rename(folder.path().join("a"), folder.path().join("c")).unwrap();
    let moved = world.ingest(folder.path()).await;
    assert_eq!((moved.added.len(), moved.duplicates.len()), (0, 1), "{moved:?}");
    fs::write(folder.path().join("c/notes.txt"), "Ana books it on Tuesday.").unwrap();
    let changed = world.ingest(folder.path()).await;
    assert_eq!((changed.added.len(), changed.updated.len()), (0, 1), "{changed:?}");
    assert_eq!(world.home.store.stats(None).await.unwrap().documents, 2);
}

/// A file that breaks keeps what it held; mended, it is its own again, shorter or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_and_is_mended_is_updated() {
    let world = World::library().await;
    let folder = tempfile::tempdir().unwrap();
    let bib = folder.path().join("list.bib");
    let entry = |text: &str| {
        format!("@article{{d, title={{On Ducks}}, author={{Roth, Ana}}, doi={{10.1000/d}}, abstract={{{text}}}}}")
    };
    fs::write(&bib, entry("Ducks swim on the lake. They dive for weeds in the morning.")).unwrap();
    world.ingest(folder.path()).await;
    fs::write(&bib, [0_u8, 159, 146, 150, 0, 1, 2, 3]).unwrap();
    let broken = world.ingest(folder.path()).await;
    assert_eq!((broken.refused.len(), broken.removed), (1, 0), "{broken:?}");
    let again = world.ingest(folder.path()).await;
    assert_eq!(again.refused, broken.refused, "what is still not in the library is said again");
    fs::write(&bib, entry("Ducks dive.")).unwrap();
    let mended = world.ingest(folder.path()).await;
    assert_eq!((mended.updated.len(), mended.duplicates.len()), (1, 0), "{mended:?}");
    let rows = world.home.store.list(None, "ducks", 0, 9).await.unwrap();
    let text = world.home.store.get(None, &rows[0].id).await.unwrap().unwrap().text;
    assert!(text.contains("Ducks dive.") && !text.contains("weeds"), "{text}");
}

/// A paper that a moderator moved to another scope follows its file there, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_paper_that_was_moved_follows_its_file() {
    let world = World::library().await;
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("ducks.md");
    fs::write(&note, "# On Ducks\n\nDucks swim on the lake.\n").unwrap();
    world.ingest(folder.path()).await;
    let row = world.home.store.list(None, "ducks", 0, 9).await.unwrap().remove(0);
    let group = chat::Scope::Group("birds".to_owned());
    assert!(world.home.store.move_document(&row.id, &group).await.unwrap());
    fs::write(&note, "# On Ducks\n\nDucks dive for weeds.\n").unwrap();
    let report = world.ingest(folder.path()).await;
    assert_eq!((report.added.len(), report.updated.len(), report.removed), (0, 1, 0), "{report:?}");
    let rows = world.home.store.list(None, "ducks", 0, 9).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.scope).collect::<Vec<_>>(), [&group]);
    let text = world.home.store.get(None, &rows[0].id).await.unwrap().unwrap().text;
    assert!(text.contains("weeds"), "{text}");
    assert_eq!(world.ingest(folder.path()).await.files_unchanged, 1);
    // By another title it is the same file's, and stays where it was moved.
    fs::write(&note, "# On Mallards\n\nMallards dive for weeds.\n").unwrap();
    let report = world.ingest(folder.path()).await;
    assert_eq!((report.added.len(), report.updated.len(), report.removed), (0, 1, 0), "{report:?}");
    let rows = world.home.store.list(None, "", 0, 9).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.scope).collect::<Vec<_>>(), [&group]);
}

/// An entry that moves from one file to another is there all the time, whichever file is read first.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_moves_between_files_is_never_lost() {
    for (from, to) in [("a.bib", "b.bib"), ("b.bib", "a.bib")] {
        let world = World::library().await;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, keys: &[&str]| {
            let entry = |key: &&str| {
                format!("@article{{{key}, title={{On {key}}}, author={{Roth, Ana}}, doi={{10.1000/{key}}}}}\n")
            };
            fs::write(folder.path().join(name), keys.iter().map(entry).collect::<String>()).unwrap();
        };
        write(from, &["ducks", "geese"]);
        write(to, &["swans"]);
        world.ingest(folder.path()).await;
        write(from, &["ducks"]);
        write(to, &["swans", "geese"]);
        let report = world.ingest(folder.path()).await;
        assert_eq!(report.removed, 0, "{report:?}");
        assert_eq!(world.home.store.stats(None).await.unwrap().documents, 3);
        // In no file any more, it goes.
        write(to, &["swans"]);
        assert_eq!(world.ingest(folder.path()).await.removed, 1);
    }
}

/// Every passage is a substring of its document's text.
#[tokio::test(flavor = "multi_thread")]
async fn every_passage_is_verbatim() {
    let world = World::library().await;
    world.ingest(&tests::samples()).await;
    for row in world.home.store.list(None, "", 0, 1_000).await.unwrap() {
        let document = world.home.store.get(None, &row.id).await.unwrap().unwrap();
        for passage in world.home.store.passages_of(None, &row.id).await.unwrap() {
            assert_eq!(document.text[passage.span.clone()], passage.text);
        }
    }
}

/// A hostile or broken file costs that file, with a sentence.
#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_refused_by_name_and_the_rest_is_read() {
    let world = World::library().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("good.md"), "# Good\n\nThis one can be read.\n").unwrap();
    fs::write(at("empty.pdf"), b"").unwrap();
    fs::write(at("rubbish.pdf"), (0..4_096u32).map(|i| (i * 7_919 % 251) as u8).collect::<Vec<_>>()).unwrap();
    fs::write(at("archive.pdf"), b"PK\x03\x04 and so on").unwrap();
    fs::write(at("bomb.xml"), bomb()).unwrap();
    let pdf = fs::read(tests::samples().join("acl19irc_P19-1374.pdf"));
    let pdf = pdf.unwrap_or_else(|_| fs::read(first_pdf(&tests::samples())).unwrap());
    fs::write(at("truncated.pdf"), &pdf[..pdf.len() / 3]).unwrap();
    for entry in fs::read_dir(tests::broken()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), at(&format!("given-{}", entry.file_name().to_string_lossy()))).unwrap();
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path(), at("loop")).unwrap();
        std::os::unix::fs::symlink(at("gone"), at("dangling.md")).unwrap();
    }
    let report = world.ingest(folder.path()).await;
    assert_eq!(world.home.store.list(None, "Good", 0, 10).await.unwrap().len(), 1);
    let broken = ["empty.pdf", "rubbish.pdf", "archive.pdf", "bomb.xml", "loop", "dangling.md", "truncated.pdf"];
    for name in broken.into_iter().chain(["given-encrypted.pdf", "given-scan.pdf"]) {
        let refusal = report.refused.iter().find(|(file, _)| file.ends_with(name));
        let (_, why) = refusal.unwrap_or_else(|| panic!("{name} was read: {report:?}"));
        assert!(why.len() > 10 && !why.contains("panicked"), "{name}: {why}");
    }
}

fn bomb() -> String {
    let mut text = String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY lol \"lol\">\n");
    for level in 1..10 {
        let inner = if level == 1 { "lol".to_owned() } else { format!("lol{}", level - 1) };
        text.push_str(&format!("<!ENTITY lol{level} \"{}\">\n", format!("&{inner};").repeat(10)));
    }
    text.push_str("]>\n<article><front><article-meta><title-group><article-title>&lol9;</article-title></title-group></article-meta></front></article>");
    text
}

fn first_pdf(folder: &Path) -> std::path::PathBuf {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "pdf")).unwrap()
}

/// The index is derived: what it loses comes back from the state, without embedding anything anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_is_built_again_from_the_state() {
    let world = World::library().await;
    world.ingest(&tests::samples()).await;
    let before = world.home.index.count().await.unwrap();
    let World { home, dir } = world;
    home.close().await.unwrap();
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let home = server::home::Home::open(&tests::settings(dir.path()), server::home::Needs::Library).await.unwrap();
    assert_eq!(home.index.count().await.unwrap(), before);
}
