//! Python environments: one folder for each lock file, made at first use and kept in the user's cache.
//!
//! `COLLOQUY_TEST_CACHE` moves the cache from `~/.cache/colloquy/peers`. A changed lock file makes a new folder, and
//! nothing removes the old one.

use std::{
    env,
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::RangeInclusive,
    path::{self, Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::script;

/// What an environment needs.
pub(super) struct Recipe {
    /// Its name, part of the folder's.
    pub name: &'static str,
    /// The lock file, in `tests/peers`.
    pub lock: &'static str,
    /// The minor versions of Python 3 that the lock file has wheels for.
    pub minors: RangeInclusive<u32>,
    /// What must be importable in the end.
    pub imports: &'static str,
    /// What to do when it is not.
    pub remedy: &'static str,
}

/// The homeserver.
pub(super) static SYNAPSE: Recipe = Recipe {
    name: "synapse",
    lock: "matrix/synapse.lock",
    minors: 11..=14,
    imports: "import synapse.app.homeserver",
    remedy: "see `tests/peers/matrix/README.md`",
};

/// The humans on it.
pub(super) static NIO: Recipe = Recipe {
    name: "nio",
    lock: "matrix/nio.lock",
    minors: 11..=14,
    imports: "import nio, vodozemac",
    remedy: "see `tests/peers/matrix/README.md`",
};

/// The Discord-compatible server.
pub(super) static YEPCORD: Recipe = Recipe {
    name: "yepcord",
    lock: "discord/requirements.lock",
    minors: 11..=12, // pydantic 2.5 and others it pins have no wheels for later ones
    imports: "import pylibmagic, magic, yepcord",
    remedy: "if the library libmagic is what is missing, install it (Debian: `apt-get install libmagic1`)",
};

/// The interpreter of a recipe's environment, which is made if it is not there yet.
///
/// Takes minutes the first time. Two processes may ask at once: one makes it, the other waits.
pub(super) async fn interpreter(recipe: &'static Recipe) -> Result<PathBuf> {
    tokio::task::spawn_blocking(move || made(recipe)).await?
}

fn made(recipe: &Recipe) -> Result<PathBuf> {
    let lock = script(recipe.lock);
    let text = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let folder = cache.join(format!("{}-{:016x}", recipe.name, hasher.finish()));
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));

    // Held until this function returns: whoever waits for it finds the environment made.
    let guard = File::create(folder.with_extension("lock")).context("cannot make a lock in the cache")?;
    guard.lock().context("cannot lock the cache")?;
    if ready.exists() {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove an environment that was never finished")?;
    }
    let what = format!("the Python environment `{}` for the peers of the tests", recipe.name);
    let make = [Path::new("-I"), Path::new("-m"), Path::new("venv"), folder.as_path()];
    run(
        Command::new(system(recipe)?).args(make),
        &format!("cannot make {what}; on Debian `apt-get install python3-venv` may help"),
    )?;
    let install =
        ["-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary", "--requirement"];
    run(
        Command::new(&python).args(install).arg(&lock),
        &format!("cannot install {what}: pip needs a package index, by its own settings"),
    )?;
    run(Command::new(&python).args(["-I", "-c", recipe.imports]), &format!("{what} does not work: {}", recipe.remedy))?;
    fs::write(&ready, "").context("cannot mark an environment as ready")?;
    Ok(python)
}

/// Where environments are kept.
fn cache() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("COLLOQUY_TEST_CACHE") {
        // Processes are started in other folders than this one.
        return Ok(path::absolute(folder)?);
    }
    let home = env::var_os("HOME").context("set HOME or COLLOQUY_TEST_CACHE: the tests keep their peers there")?;
    Ok(PathBuf::from(home).join(".cache/colloquy/peers"))
}

/// A Python of this machine that a recipe can use.
fn system(recipe: &Recipe) -> Result<String> {
    let numbered = recipe.minors.clone().map(|minor| format!("python3.{minor}"));
    for name in numbered.chain(["python3".to_owned()]) {
        let Ok(output) = Command::new(&name).args(["-I", "-c", "import sys; print(sys.version_info[1])"]).output()
        else {
            continue;
        };
        let minor = String::from_utf8_lossy(&output.stdout).trim().parse::<u32>();
        if minor.is_ok_and(|minor| recipe.minors.contains(&minor)) {
            return Ok(name);
        }
    }
    let (least, most) = (recipe.minors.start(), recipe.minors.end());
    bail!("the peers of the tests need Python 3.{least} to 3.{most}, and none is on the path: install one")
}

fn run(command: &mut Command, failed: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| failed.to_owned())?;
    ensure!(output.status.success(), "{failed}:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
