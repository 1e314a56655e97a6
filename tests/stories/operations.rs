//! Whatever is done, and whenever the process dies or the disk is full: state, index and audit trail agree afterwards,
//! and a clean ingest has every paper once, as its file says now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use chat::ports::Documents as _;
use fastrand::Rng;
use server::home::{Home, Needs};

use super::command_line::{Run, run};

/// Runs of the binary, and what is done in each: on files before an ingest, or by lines of a chat.
const RUNS: usize = 20;
const OPERATIONS_A_RUN: usize = 10;

const PAPERS: usize = 30;

/// Answers are the sources' own lines: the language model takes no part.
const NO_MODEL: [&str; 2] = ["--set", "models.generate="];

/// The files as they should be: by their number, the version of their text.
#[derive(Default)]
struct Files {
    there: BTreeMap<usize, usize>,
    /// Papers that a command may have taken out.
    taken_out: BTreeSet<usize>,
    /// Papers that a command may have moved: a later version of their file is the community's again.
    moved: BTreeSet<usize>,
    versions: usize,
}

fn title(number: usize) -> String {
    format!("Study {number} of lake birds")
}

fn marker(version: usize) -> String {
    format!("counted {} ducks", 10_000 + version)
}

impl Files {
    /// Makes, changes or removes one.
    fn step(&mut self, rng: &mut Rng, folder: &Path) {
        let number = rng.usize(..PAPERS);
        let path = folder.join(format!("study{number}.md"));
        if self.there.contains_key(&number) && rng.usize(..5) == 0 {
            fs::remove_file(path).unwrap();
            self.there.remove(&number);
            return;
        }
        self.versions += 1;
        let text = format!(
            "# {}\n\nStudy {number} {} on its lake. They dabble near the shore of lake {number}.\n",
            title(number),
            marker(self.versions)
        );
        fs::write(path, text).unwrap();
        self.there.insert(number, self.versions);
    }

    /// A line of the operator's.
    fn line(&mut self, rng: &mut Rng) -> String {
        let number = rng.usize(..PAPERS);
        let paper = title(number);
        match rng.usize(..12) {
            0..4 => format!("/ask How many ducks did study {number} count on its lake?"),
            4 => {
                self.moved.insert(number);
                format!("/library move group:nlp {paper}")
            }
            5 => format!("/library embargo 2999-01-01 {paper}"),
            6 => format!("/library license CC-BY-4.0 {paper}"),
            7 => {
                self.taken_out.insert(number);
                format!("/library remove - {paper}")
            }
            8 => {
                format!("/privacy set {} {}", ["index", "match", "all"][rng.usize(..3)], ["on", "off"][rng.usize(..2)])
            }
            9 => "/privacy forget --confirm".to_owned(),
            10 => format!("/room set language {}", ["de", "en", "zh"][rng.usize(..3)]),
            _ => "/line 1".to_owned(),
        }
    }

    /// What must hold of the papers after a clean ingest.
    async fn check(&self, dir: &Path) {
        let home = Home::open(&tests::settings(dir), Needs::Library).await.unwrap();
        let listed = home.store.list(None, "", 0, 10_000).await.unwrap();
        let (stats, indexed) = (home.store.stats(None).await.unwrap(), home.index.passages().await.unwrap());
        assert_eq!(stats.documents, listed.len());
        assert_eq!(home.store.passage_ids().await.unwrap(), indexed, "state and index differ");
        let mut seen = BTreeSet::new();
        for row in &listed {
            assert!(seen.insert((row.title.clone(), row.scope.clone())), "{} stands twice in {}", row.title, row.scope);
        }
        for (number, version) in &self.there {
            let rows: Vec<_> = listed.iter().filter(|row| row.title == title(*number)).collect();
            let (is_moved, may_lack) = (self.moved.contains(number), self.taken_out.contains(number));
            assert!(
                rows.len() == 1 || (rows.is_empty() && may_lack) || (rows.len() == 2 && is_moved),
                "{number}: {rows:?}"
            );
            let mut texts = Vec::new();
            for row in &rows {
                texts.push(home.store.get(None, &row.id).await.unwrap().unwrap().text);
            }
            let is_there = texts.iter().any(|text| text.contains(&marker(*version)));
            assert!(is_there || may_lack, "study {number} is not as its file says: {texts:?}");
        }
        home.close().await.unwrap();
    }
}

fn colloquy(dir: &Path) -> Command {
    let mut command = tests::colloquy(dir);
    command.args(NO_MODEL);
    command
}

#[track_caller]
fn good(run: Run) -> String {
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    format!("{}{}", run.out, run.err)
}

/// State, index and trail after whatever happened, and after an ingest that nothing disturbs.
#[track_caller]
fn settles(dir: &Path, papers: &Path) {
    good(run(colloquy(dir).args(["audit", "verify"])));
    assert!(good(run(colloquy(dir).arg("doctor"))).contains("all is well"));
    good(run(colloquy(dir).arg("ingest").arg(papers)));
    let stats = good(run(colloquy(dir).args(["library", "stats"])));
    assert!(good(run(colloquy(dir).arg("ingest").arg(papers))).contains("nothing was embedded"));
    assert_eq!(good(run(colloquy(dir).args(["library", "stats"]))), stats);
    assert!(good(run(colloquy(dir).arg("doctor"))).contains("all is well"));
    good(run(colloquy(dir).args(["audit", "verify"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_are_cut_off_anywhere_leave_all_in_agreement() {
    let mut rng = Rng::with_seed(20_261_125);
    let (dir, papers) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut files = Files::default();
    let mut killed = 0;
    for number in 0..RUNS {
        let mut command = colloquy(dir.path());
        let mut lines = String::new();
        if number % 2 == 0 {
            (0..OPERATIONS_A_RUN).for_each(|_| files.step(&mut rng, papers.path()));
            command.arg("ingest").arg(papers.path());
        } else {
            lines = (0..OPERATIONS_A_RUN).map(|_| files.line(&mut rng) + "\n").collect();
            command.arg("chat");
        }
        let output = fs::File::options().create(true).append(true).open(papers.path().join("said.log")).unwrap();
        let errors = output.try_clone().unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(output).stderr(errors).spawn().unwrap();
        // A process that is gone reads nothing.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        if rng.usize(..6) > 0 {
            thread::sleep(Duration::from_millis(rng.u64(50..700)));
            killed += usize::from(child.try_wait().unwrap().is_none());
            let _ = child.kill();
        }
        child.wait().unwrap();
    }
    let said = fs::read_to_string(papers.path().join("said.log")).unwrap();
    fs::remove_file(papers.path().join("said.log")).unwrap();
    assert!(!said.contains("panicked") && !said.contains("side broke"), "{said}");
    assert!(killed > RUNS / 5, "{killed} of {RUNS} were killed: this proves little");
    settles(dir.path(), papers.path());
    files.check(dir.path()).await;
}

/// The same on a small disk that fills up at any moment; where the system makes none, this says so and proves nothing.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn operations_on_a_disk_that_fills_up_leave_all_in_agreement() {
    let mut rng = Rng::with_seed(7);
    let (dir, papers) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut files = Files::default();
    let (mut stages, texts) = (String::new(), tempfile::tempdir().unwrap());
    for number in 0..8 {
        // Each stage has its own papers beside, for the script cannot ask us to change them.
        let stage = texts.path().join(format!("{number}"));
        fs::create_dir(&stage).unwrap();
        (0..OPERATIONS_A_RUN).for_each(|_| files.step(&mut rng, papers.path()));
        for entry in fs::read_dir(papers.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), stage.join(entry.file_name())).unwrap();
        }
        let lines: String = (0..OPERATIONS_A_RUN).map(|_| files.line(&mut rng) + "\n").collect();
        fs::write(texts.path().join(format!("{number}.lines")), lines).unwrap();
        let (when, limit) = (rng.f32() * 1.5, 1.0 + rng.f32() * 1.5);
        stages.push_str(&format!(
            "rm -rf {papers}/*; cp {stage}/* {papers}/; (sleep {when}; cat /dev/zero > filler) 2>/dev/null &\n\
             timeout -s KILL {limit} $COLLOQUY ingest {papers}; rm -f filler; wait; rm -f filler\n\
             (sleep {when}; cat /dev/zero > filler) 2>/dev/null &\n\
             timeout -s KILL {limit} $COLLOQUY chat < {stage}.lines; rm -f filler; wait; rm -f filler\n",
            papers = papers.path().display(),
            stage = stage.display(),
        ));
    }
    let disk = dir.path().display();
    let script = format!(
        "exec 2>&1; mount -t tmpfs -o size=24m none {disk} || exit 77; cd {disk}\n\
         COLLOQUY='{binary} --data {disk} --set models.generate='\n{stages}\
         mount -o remount,size=2g {disk}; echo SETTLED\n\
         for what in 'audit verify' doctor 'ingest {papers}' 'library stats' 'ingest {papers}' doctor 'audit verify'\n\
         do $COLLOQUY $what; echo code $?; done; cp -r {disk}/. {texts}/data",
        binary = tests::binary().display(),
        papers = papers.path().display(),
        texts = texts.path().display(),
    );
    fs::create_dir(texts.path().join("data")).unwrap();
    let colloquy = tests::colloquy(dir.path());
    let mut sandbox = Command::new("unshare");
    sandbox.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    sandbox.envs(colloquy.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = match sandbox.output() {
        Ok(output) if output.status.code() != Some(77) && !output.stdout.is_empty() => output,
        _ => return eprintln!("no small disk can be made here: nothing was tried"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let (before, after) = said.split_once("SETTLED").unwrap_or_else(|| panic!("{said}"));
    assert!(before.contains("full") || before.contains("make room"), "the disk was never full: {before}");
    assert!(!said.contains("panicked") && !said.contains("stack backtrace"), "{said}");
    let codes: Vec<&str> = after.lines().filter_map(|line| line.strip_prefix("code ")).collect();
    assert_eq!(codes, ["0"; 7], "{said}");
    assert_eq!(after.matches("all is well").count(), 2, "{after}");
    assert!(after.contains("nothing was embedded"), "{after}");
    files.check(&texts.path().join("data")).await;
}
