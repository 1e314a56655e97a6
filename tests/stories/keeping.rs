//! What is kept, kept well: backup and restore, the audit trail, an answer asked again.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Stdio,
};

use chat::{Event, Scope, people::Personal as _, ports::Clock as _};
use server::people::{Custodian, FOLDER};
use tests::{World, desk::Desk, double::PlatformDouble};

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
    let head = good.lines().find_map(|line| line.strip_prefix("head")).unwrap().trim();
    assert!(done(dir.path(), &["audit", "verify", "--head", head], 0).contains("is among them"));
    let cut_off = done(dir.path(), &["audit", "verify", "--head", &head.replace('a', "b")], 1);
    assert!(cut_off.contains("the trail was cut off"), "{cut_off}");

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
    let added = world
        .home
        .acquirer()
        .add(&scope, (&world.home.seat().member, server::now()), &format!("{WORD}.md"), note.into_bytes())
        .await
        .unwrap();
    assert_eq!(added.documents.len(), 1);
    // Somebody else's, with words that stay.
    world
        .home
        .acquirer()
        .add(
            &world.home.community(),
            (&"gus".into(), server::now()),
            "geese.md",
            b"# Geese\n\nGeese zqremain.\n".to_vec(),
        )
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
    // Of the wish itself nothing is left either, and a process that begins later finds nothing more to do.
    assert_eq!(check.flights, 0);
    for file in fs::read_dir(world.dir.path()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            FOLDER.iter().any(|(known, _)| *known == name),
            "declare {name} in `people::FOLDER`, with what it holds of people"
        );
    }
}

/// A call that began before and ends later leaves nothing; a process that dies in between changes nothing of that.
#[tokio::test]
async fn forgetting_is_finished_by_whichever_process_is_there() {
    let mut desk = Desk::open(PlatformDouble::default(), "2026-11-03T12:00:00Z").await;
    let custodian = Custodian::new(desk.home());
    let late = desk.message("7", "ana", "!profile add I count the zqlate ducks");
    desk.says("7", "bob", "!profile add I count ducks").await;
    custodian.forget(&"ana".into(), desk.clock.now()).await.unwrap();
    desk.reply(late).await;
    let (store, dir) = (desk.home().store.clone(), desk.world.dir.path().to_owned());
    let held = async || store.profiles_of(&["ana".into(), "bob".into()], "any").await.unwrap().len();
    assert_eq!(held().await, 2, "a profile tells no time");
    // Too early: such a call may run yet. Another process looks again when none can.
    let other = Custodian::new(desk.home());
    other.finish(desk.clock.now()).await.unwrap();
    desk.wait(1);
    other.finish(desk.clock.now()).await.unwrap();
    assert_eq!((held().await, traces(&dir, "zqlate")), (1, 0));

    // Who comes back keeps what they do since.
    desk.says("7", "ana", "!profile add I count geese").await;
    other.forget(&"bob".into(), desk.clock.now()).await.unwrap();
    desk.wait(1);
    other.finish(desk.clock.now()).await.unwrap();
    assert_eq!(held().await, 1);
}

/// A backup of before brings back nobody who was forgotten since, where the last decisions are at hand.
#[test]
fn a_backup_brings_back_nobody_who_was_forgotten_since() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    done(dir.path(), &["ingest", papers(3).path().to_str().unwrap()], 0);
    says(dir.path(), "/privacy set improve on");
    let backup = elsewhere.path().join("lab.zip");
    let backup = backup.to_str().unwrap();
    done(dir.path(), &["backup", backup], 0);
    let erased = says(dir.path(), "/privacy forget --confirm");
    assert!(erased.contains("consents: 1"), "{erased}");

    let decisions = dir.path().join("decisions.json");
    let (bare, given, left) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(done(bare.path(), &["restore", backup], 0).contains("no decisions.json was found"));
    assert!(says(bare.path(), "/privacy").contains("improve: on"));
    let said = done(given.path(), &["restore", backup, "--decisions", decisions.to_str().unwrap()], 0);
    assert!(said.contains("accounts forgotten again: 1"), "{said}");
    // Left in the folder that is otherwise empty, it is found.
    fs::copy(&decisions, left.path().join("decisions.json")).unwrap();
    assert!(done(left.path(), &["restore", backup], 0).contains("accounts forgotten again: 1"));
    for restored in [given.path(), left.path()] {
        assert!(says(restored, "/privacy").contains("improve: off"));
        assert!(done(restored, &["doctor"], 0).contains("all is well"));
        done(restored, &["audit", "verify"], 0);
    }
    // One that is older than the backup says nothing of it.
    done(dir.path(), &["backup", backup], 0);
    let late = tempfile::tempdir().unwrap();
    let said = done(late.path(), &["restore", backup, "--decisions", decisions.to_str().unwrap()], 0);
    assert!(said.contains("older than the backup"), "{said}");
}

/// Says one line in a chat; what was said.
#[track_caller]
fn says(dir: &Path, line: &str) -> String {
    let mut chat = tests::colloquy(dir).arg("chat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(chat.stdin.take().unwrap(), "{line}").unwrap();
    String::from_utf8(chat.wait_with_output().unwrap().stdout).unwrap()
}

/// How often a text stands in the files below a folder.
fn traces(dir: &Path, text: &str) -> usize {
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => traces(&path, text),
        false => fs::read(path).unwrap().windows(text.len()).filter(|window| *window == text.as_bytes()).count(),
    };
    fs::read_dir(dir).unwrap().map(|entry| count(entry.unwrap().path())).sum()
}
