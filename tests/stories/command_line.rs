//! The binary as an operator meets it: exit codes, sentences, kill -9, two at once.

use std::{
    fs,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Many small papers in a folder.
pub fn papers(count: usize) -> TempDir {
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
    // From before the first document is written until after the index was flushed.
    for millis in (500..=2_900).step_by(400) {
        let arguments = ["ingest", papers.path().to_str().unwrap()];
        kill_after(&mut tests::colloquy(dir.path()), &arguments, Duration::from_millis(millis));
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

fn kill_after(command: &mut Command, arguments: &[&str], after: Duration) {
    let mut child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Killed while the index is being written, however far it was: the next start completes it from the documents.
#[test]
fn kill_9_during_indexing_is_made_good_at_the_next_start() {
    const PAPERS: usize = 400;
    let (dir, papers) = (tempfile::tempdir().unwrap(), papers(PAPERS));
    assert_eq!(run(tests::colloquy(dir.path()).arg("ingest").arg(papers.path())).code, Some(0));
    let index = dir.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    for attempt in 0..5 {
        let mut child = tests::colloquy(dir.path())
            .args(["library", "stats"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is killed while it writes: from the first file on, each time a little later.
        wait_until(|| index.exists() || child.try_wait().unwrap().is_some());
        thread::sleep(Duration::from_millis(attempt * 60));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let doctor = run(tests::colloquy(dir.path()).arg("doctor"));
    assert_eq!(doctor.code, Some(0), "{}{}", doctor.out, doctor.err);
    assert!(doctor.out.contains(&format!("{PAPERS} passages, built with")), "{}", doctor.out);
}

/// A disk that fills up during an ingest is a sentence; with room again, the ingest goes on, and nothing is lost or
/// doubled. The small disk is a memory file system in a name space of its own; where the system makes none, this says
/// so and proves nothing.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_sentence_and_loses_nothing() {
    const PAPERS: usize = 1_500;
    let (dir, papers) = (tempfile::tempdir().unwrap(), papers(PAPERS));
    let (disk, papers) = (dir.path().to_str().unwrap(), papers.path().to_str().unwrap());
    let colloquy = tests::colloquy(dir.path());
    let variables: Vec<_> = colloquy.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    // A second process eats the room that is left while the ingest runs.
    let script = format!(
        "mount -t tmpfs -o size=$SIZE none {disk} || exit 77; cd {disk}; colloquy() {{ {} --data {disk} \"$@\"; }}\n\
         (sleep $WHEN; cat /dev/zero > filler) 2>/dev/null & colloquy ingest {papers}; echo code $?; wait\n\
         rm filler; mount -o remount,size=2g {disk}; colloquy ingest {papers}; echo code $?\n\
         colloquy library stats; colloquy doctor; colloquy ingest {papers}",
        tests::binary().display()
    );
    for (size, when) in [("16m", "0"), ("200m", "1.5"), ("200m", "4")] {
        let mut sandbox = Command::new("unshare");
        sandbox.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
        sandbox.envs(variables.iter().copied()).envs([("SIZE", size), ("WHEN", when)]);
        let run = match sandbox.output() {
            Ok(output) if output.status.code() != Some(77) && !output.stdout.is_empty() => output,
            _ => return eprintln!("no small disk can be made here: nothing was tried"),
        };
        let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        let codes: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("code ")).collect();
        assert_eq!(codes, ["1", "0"], "{size} {when}: {said}");
        assert!(said.contains("disk is full") || said.contains("make room and try again"), "{size} {when}: {said}");
        assert!(!said.contains("stack backtrace"), "{size} {when}: {said}");
        assert!(said.contains(&format!("documents   {PAPERS}")), "{size} {when}: {said}");
        assert!(said.contains("nothing was embedded"), "{size} {when}: {said}");
    }
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
