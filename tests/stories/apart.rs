//! Hostile files: each costs itself, and nothing else.

use std::time::{Duration, Instant};

use chat::Scope;
use futures::{StreamExt as _, stream};
use server::{
    apart::{ApartError, Door, Limits},
    home::{Home, Needs},
};
use tests::hostile;

/// What the operator's settings allow a file at the most here.
const LIMITS: Limits = Limits { memory_mib: 1 << 10, time: Duration::from_secs(20), output_max: 128 << 20, at_once: 2 };

/// Every kind of the generator, each in a process of its own, under a limit of 1 GiB and 20 seconds.
#[tokio::test]
async fn a_hostile_file_costs_that_file() {
    let door = Door::new(tests::binary(), LIMITS);
    let (mut read, mut refused, mut slowest) = (0, 0, (Duration::ZERO, ""));
    let read_one = async |kind: hostile::Hostile| {
        let (bytes, started) = ((kind.make)(), Instant::now());
        (kind, door.documents(kind.name, bytes).await, started.elapsed())
    };
    let mut all = stream::iter(hostile::all()).map(read_one).buffered(LIMITS.at_once);
    while let Some((kind, outcome, took)) = all.next().await {
        assert!(took < LIMITS.time + Duration::from_secs(6), "{}: {took:?}", kind.name);
        slowest = slowest.max((took, kind.name));
        match &outcome {
            Ok(_) => read += 1,
            Err(ApartError::Refused(sentence)) => {
                assert!(!sentence.is_empty() && !sentence.contains("panicked"), "{}: {sentence}", kind.name);
                refused += 1;
            }
            Err(error) => panic!("{}: {error}", kind.name),
        }
        if std::env::var_os("SHOW").is_some() {
            let said = match outcome {
                Ok(found) => format!("{} documents, {} refused", found.drafts.len(), found.refused.len()),
                Err(error) => error.to_string(),
            };
            println!("{:>8.2} s  {:<28} {} -> {said}", took.as_secs_f64(), kind.name, kind.what);
        }
    }
    println!("{read} read, {refused} refused; the slowest took {:.1} s: {}", slowest.0.as_secs_f64(), slowest.1);
    // And the door is open as before.
    let sound = door.documents("sound.md", b"# Ducks\n\nDucks dive for 12 seconds.\n".to_vec()).await.unwrap();
    assert_eq!(sound.drafts.len(), 1);
}

/// A thousand of them, added in a chat, leave the process that serves as large as it was, and what it keeps as small.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_hostile_files_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    tests::models();
    let mut settings = tests::settings(dir.path());
    let library = &mut settings.library;
    (library.read_seconds, library.person_files_a_day, library.person_mib_a_day, library.room_mib_max) = (1, 0, 0, 0);
    let home = Home::open(&settings, Needs::Library).await.unwrap();
    let (acquirer, eve) = (home.acquirer(), "eve".into());
    let files: Vec<(String, Vec<u8>)> = hostile::all()
        .into_iter()
        .map(|kind| (kind.name.to_owned(), (kind.make)()))
        .filter(|(_, bytes)| bytes.len() < 64 << 10)
        .collect();
    let mut resident_after_first = 0;
    for number in 0..1_000 {
        let (name, bytes) = &files[number % files.len()];
        // Each is another file: none is told by what came before.
        let bytes = [bytes.as_slice(), format!("\n%{number}").as_bytes()].concat();
        let by = (&eve, "2026-11-24T12:00:00Z".parse().unwrap());
        acquirer.add(&Scope::Room("7".into()), by, &format!("{number}-{name}"), bytes).await.unwrap();
        if number + 1 == files.len() {
            resident_after_first = resident();
        }
    }
    let (resident, first) = (resident(), resident_after_first);
    println!("{} kinds; {first} MiB after each once, {resident} MiB after a thousand files", files.len());
    assert!(resident < first + 64, "{first} MiB, then {resident} MiB");
}

/// The resident memory of this process, in MiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
