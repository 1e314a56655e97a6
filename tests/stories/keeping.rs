//! What is kept, kept well: backup and restore, the audit trail, an answer asked again.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Stdio,
};

use chat::{Event, Scope};
use tests::World;

use super::command_line::{papers, run};

const QUESTION: &str = "How many ducks did study 3 find on the lake?";

/// Runs the binary on a folder; what it printed.
#[track_caller]
fn done(dir: &Path, arguments: &[&str], code: i32) -> String {
    let run = run(tests::colloquy(dir).args(arguments));
    assert_eq!(run.code, Some(code), "{arguments:?}: {}{}", run.out, run.err);
    format!("{}{}", run.out, run.err)
}

#[track_caller]
fn restored(backup: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert!(done(dir.path(), &["restore", backup.to_str().unwrap()], 0).contains("the index is built"));
    dir
}

/// Taken while another process chats, a backup answers as the original does.
#[test]
fn a_backup_of_a_folder_in_use_answers_the_same_elsewhere() {
    let (dir, papers, elsewhere) = (tempfile::tempdir().unwrap(), papers(20), tempfile::tempdir().unwrap());
    done(dir.path(), &["ingest", papers.path().to_str().unwrap()], 0);
    let backup = elsewhere.path().join("lab.zip");
    let mut chat =
        tests::colloquy(dir.path()).arg("chat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (chat.stdin.take().unwrap(), BufReader::new(chat.stdout.take().unwrap()));
    writeln!(stdin, "{QUESTION}").unwrap();
    // An answer is being written.
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let said = done(dir.path(), &["backup", backup.to_str().unwrap()], 0);
    assert!(said.contains("schema") && !said.contains("Matrix"), "{said}");
    drop(stdin);
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    assert!(chat.wait().unwrap().success());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "nothing else is left beside it");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    let again = restored(&backup);
    assert!(done(again.path(), &["doctor"], 0).contains("all is well"));
    done(again.path(), &["audit", "verify"], 0);
    let answer = |dir: &Path| run(tests::colloquy(dir).args(["ask", QUESTION])).out;
    let (was, is) = (answer(dir.path()), answer(again.path()));
    assert!(was.contains("[1]"), "{was}");
    assert_eq!(was, is);
}

/// Taken in the middle of an ingest, it holds a whole library, if not all of it.
#[test]
fn a_backup_during_an_ingest_is_whole() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    done(dir.path(), &["ingest", papers(20).path().to_str().unwrap()], 0);
    let many = papers(400);
    let mut ingest = tests::colloquy(dir.path());
    let ingest = ingest.arg("ingest").arg(many.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut ingest = ingest.spawn().unwrap();
    let backup = elsewhere.path().join("lab.zip");
    // In place of the one before, each time.
    for _ in 0..3 {
        done(dir.path(), &["backup", backup.to_str().unwrap()], 0);
    }
    ingest.kill().unwrap();
    ingest.wait().unwrap();
    let again = restored(&backup);
    assert!(done(again.path(), &["doctor"], 0).contains("all is well"));
    let stats = done(again.path(), &["library", "stats"], 0);
    let documents: usize = stats.lines().next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((20..=400).contains(&documents), "{stats}");
}

#[test]
fn a_damaged_backup_or_a_folder_in_use_restores_nothing() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    done(dir.path(), &["ingest", papers(3).path().to_str().unwrap()], 0);
    let backup = elsewhere.path().join("lab.zip");
    let backup = backup.to_str().unwrap();
    done(dir.path(), &["backup", backup], 0);
    assert!(done(dir.path(), &["restore", backup], 1).contains("is not empty"));

    let empty = tempfile::tempdir().unwrap();
    let whole = fs::read(backup).unwrap();
    let mut broken = whole.clone();
    broken[whole.len() / 3] ^= 0x40;
    for (bytes, want) in
        [(&broken[..], "is damaged"), (&whole[..whole.len() / 2], "is no backup"), (b"PK", "is no backup")]
    {
        fs::write(backup, bytes).unwrap();
        let said = done(empty.path(), &["restore", backup], 1);
        assert!(said.contains(want), "{want}: {said}");
        assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
    }
    assert!(done(empty.path(), &["backup", backup], 1).contains("nothing to back up"));
}

/// A row changed behind our back is found by its number.
#[test]
fn a_tampered_trail_names_the_first_wrong_event() {
    let dir = tempfile::tempdir().unwrap();
    assert!(done(dir.path(), &["audit", "verify"], 1).contains("there is no state"));
    for number in 1..=3 {
        // An empty library is asked no model.
        done(dir.path(), &["ask", &format!("Question {number}?")], 0);
    }
    let good = done(dir.path(), &["audit", "verify"], 0);
    assert!(good.contains("events    3") && good.contains("head"), "{good}");

    let file = dir.path().join("colloquy.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    // Plugin, command and outcome of a row stand side by side, later rows before earlier ones.
    let columns = b"qaaskdone";
    let found: Vec<usize> =
        (0..bytes.len() - columns.len()).rev().filter(|at| bytes[*at..].starts_with(columns)).collect();
    assert_eq!(found.len(), 3);
    bytes[found[1]..found[1] + columns.len()].copy_from_slice(b"qaaskgone");
    fs::write(&file, bytes).unwrap();
    let bad = done(dir.path(), &["audit", "verify"], 1);
    assert!(bad.contains("event 2 is not what was written: it was changed"), "{bad}");
}

/// The model, asked again what it was asked, says the same.
#[test]
fn an_answer_replays() {
    let dir = tempfile::tempdir().unwrap();
    done(dir.path(), &["ingest", papers(20).path().to_str().unwrap()], 0);
    done(dir.path(), &["ask", QUESTION], 0);
    let list = done(dir.path(), &["audit", "list"], 0);
    assert!(list.contains("qa ask  done"), "{list}");
    let call = list.trim().rsplit("  ").next().unwrap();
    let same = done(dir.path(), &["replay", call], 0);
    assert!(same.contains("generation 1: the same, "), "{same}");
    assert!(done(dir.path(), &["replay", "nobody's"], 1).contains("nothing is kept"));
}

/// What a person dropped, asked and consented to is theirs to take along, and then gone from every file.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_person_leaves_no_byte_in_the_data_folder() {
    const WORD: &str = "zqplanted";
    let world = World::library().await;
    let scope = Scope::Person(world.home.seat().member);
    let note = format!("# On {WORD}\n\nThe {WORD} duck swims on the lake and dives for weeds.\n");
    let added = world.home.acquirer().add(&scope, &format!("{WORD}.md"), note.into_bytes()).await.unwrap();
    assert_eq!(added.documents.len(), 1);
    // Somebody else's, with words that stay.
    world
        .home
        .acquirer()
        .add(&world.home.community(), "geese.md", b"# Geese\n\nGeese zqremain.\n".to_vec())
        .await
        .unwrap();
    let answer = world.says(&format!("/ask Where does the {WORD} duck swim?")).await;
    assert!(answer.text().contains(WORD), "{answer:?}");
    let passages = world.home.index.count().await.unwrap();
    assert!(traces(world.dir.path(), WORD) > 5 && traces(world.dir.path(), "person:operator") > 0);

    let export = world.says("/privacy export").await;
    let zip = export.events.iter().find_map(|event| match event {
        Event::File { bytes, .. } => Some(bytes.clone()),
        _ => None,
    });
    let zip = zip.unwrap_or_else(|| panic!("{export:?}"));
    for name in ["person.json", "documents.json", "calls.json", &format!("{WORD}.md")] {
        assert!(zip.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }

    let erased = world.says("/privacy forget --confirm").await.text();
    assert!(erased.contains("documents: 1") && erased.contains("kept files: 1"), "{erased}");
    assert_eq!(world.home.index.count().await.unwrap(), passages - 1);
    assert_eq!((traces(world.dir.path(), WORD), traces(world.dir.path(), "person:operator")), (0, 0));
    assert!(traces(world.dir.path(), "zqremain") > 0);
    let check = world.home.store.audit_verify().await.unwrap();
    assert!(check.broken.is_none() && check.events > check.flights, "{check:?}");
}

/// How often a text stands in the files below a folder.
fn traces(dir: &Path, text: &str) -> usize {
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => traces(&path, text),
        false => fs::read(path).unwrap().windows(text.len()).filter(|window| *window == text.as_bytes()).count(),
    };
    fs::read_dir(dir).unwrap().map(|entry| count(entry.unwrap().path())).sum()
}
