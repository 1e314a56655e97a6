//! The binary as an operator meets it: exit codes, sentences, kill -9, two at once.

use std::{
    fs,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Many small papers in a folder.
fn papers(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let text = format!(
            "# Study {number} of lake birds\n\nStudy {number} counted birds on lake number {number}. \
             It found {} ducks and {} geese. The ducks were dabbling near the shore.\n",
            number * 3 + 1,
            number * 7 + 2
        );
        fs::write(folder.path().join(format!("study{number}.md")), text).unwrap();
    }
    folder
}

#[track_caller]
fn check(arguments: &[&str], code: i32, want: &str) {
    let dir = tempfile::tempdir().unwrap();
    let run = run(tests::colloquy(dir.path()).args(arguments));
    assert_eq!(run.code, Some(code), "{arguments:?}: {}{}", run.out, run.err);
    assert!(run.out.contains(want) || run.err.contains(want), "{arguments:?}: {}{}", run.out, run.err);
}

#[test]
fn exit_codes_are_0_1_and_2() {
    check(&["--help"], 0, "Usage");
    check(&["library", "stats"], 0, "documents   0");
    check(&["library", "show", "nothing"], 1, "there is no document nothing");
    check(&["ingest", "nowhere"], 1, "there is no file or folder nowhere");
    check(&["models", "show", "gpt"], 1, "there is no model `gpt`; known are");
    check(&["models", "list"], 0, "Apache-2.0");
    check(&["fly"], 2, "unrecognized subcommand");
    check(&["--set", "engine.slotz=2", "doctor"], 2, "slotz");
    check(&["--config", "none.toml", "doctor"], 2, "none.toml");
    check(&["doctor"], 0, "all is well");
    check(&["ask", ""], 2, "I need a question");
    check(&["ask", "  "], 2, "I need a question");
    check(&["config"], 0, "[engine]");
}

#[test]
fn a_second_process_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let mut chat = tests::colloquy(dir.path()).arg("chat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let lock = dir.path().join("colloquy.lock");
    wait_until(|| fs::read_to_string(&lock).is_ok_and(|text| !text.is_empty()));
    let second = run(tests::colloquy(dir.path()).args(["library", "stats"]));
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains(&format!("another colloquy (process {})", chat.id())), "{}", second.err);
    drop(chat.stdin.take());
    assert!(chat.wait().unwrap().success());
}

#[track_caller]
fn wait_until(mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(120), "waited too long");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Killed at different moments of an ingest, started again: everything is there once.
#[test]
fn kill_9_during_ingest_loses_and_doubles_nothing() {
    const PAPERS: usize = 400;
    let (dir, papers) = (tempfile::tempdir().unwrap(), papers(PAPERS));
    for millis in [900, 1_600, 2_500] {
        let mut ingest = tests::colloquy(dir.path())
            .arg("ingest")
            .arg(papers.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(millis));
        ingest.kill().unwrap();
        ingest.wait().unwrap();
    }
    let done = run(tests::colloquy(dir.path()).arg("ingest").arg(papers.path()));
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    let stats = run(tests::colloquy(dir.path()).args(["library", "stats"]));
    assert!(stats.out.contains(&format!("documents   {PAPERS}")), "{}", stats.out);
    let doctor = run(tests::colloquy(dir.path()).arg("doctor"));
    assert!(doctor.out.contains(&format!("{PAPERS} passages, built with")), "{}", doctor.out);
    let again = run(tests::colloquy(dir.path()).arg("ingest").arg(papers.path()));
    assert!(again.out.contains("nothing was embedded"), "{}", again.out);
}

/// Killed while answering: the next start apologises, once.
#[test]
fn kill_9_during_an_answer_is_apologised_for_once() {
    let (dir, papers) = (tempfile::tempdir().unwrap(), papers(20));
    assert_eq!(run(tests::colloquy(dir.path()).arg("ingest").arg(papers.path())).code, Some(0));
    let mut ask = tests::colloquy(dir.path())
        .args(["ask", "How many ducks did study 3 find on the lake?"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The first output comes while the answer is being drafted.
    let mut first = [0u8; 1];
    std::io::Read::read_exact(&mut ask.stdout.take().unwrap(), &mut first).unwrap();
    ask.kill().unwrap();
    ask.wait().unwrap();
    let question = ["ask", "How many geese did study 5 find on the lake?"];
    let next = run(tests::colloquy(dir.path()).args(question));
    assert!(next.err.contains("I was interrupted while answering “How many ducks"), "{}{}", next.out, next.err);
    let last = run(tests::colloquy(dir.path()).args(question));
    assert!(!last.err.contains("interrupted"), "{}", last.err);
}

/// Questions through a pipe, one a line.
#[test]
fn a_pipe_is_a_chat() {
    let (dir, papers) = (tempfile::tempdir().unwrap(), papers(20));
    assert_eq!(run(tests::colloquy(dir.path()).arg("ingest").arg(papers.path())).code, Some(0));
    let mut chat =
        tests::colloquy(dir.path()).arg("chat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = chat.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, "How many ducks did study 3 find?\nline 1\n\u{7}help\n".as_bytes()).unwrap();
    drop(stdin);
    let output = chat.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(text.contains("[1] Study"), "{text}");
    assert!(text.contains("  > "), "{text}");
}
