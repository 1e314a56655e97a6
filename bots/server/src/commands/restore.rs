//! `restore`: a backup becomes an empty data folder's content, whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path},
};

use anyhow::{Context, bail};
use chat::Scope;
use store::{Applied, DataLock, Decisions, Store};
use zip::ZipArchive;

use super::backup::{FORMAT, MANIFEST, Manifest, copy, private_file, private_folder};
use crate::{acquire::folder_of, decisions, home, progress::say, settings::Settings};

/// Where files lie until all of them are there.
pub(super) const ASIDE: &str = "restore.part";

/// Restores `file` into the data folder. Who was forgotten since it was written, and what was decided since, is as `decided`
/// says, or the file of that kind in the folder.
pub async fn run(settings: &Settings, file: &Path, decided: Option<&Path>) -> anyhow::Result<bool> {
    let dir = settings.data_dir();
    let decided = match decided {
        Some(path) => Some(decisions::read(path)?.with_context(|| format!("there is no file {}", path.display()))?),
        None => decisions::read(&dir.join(decisions::FILE))?,
    };
    let archive = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut archive =
        ZipArchive::new(archive).with_context(|| format!("{} is no backup, or not all of one", file.display()))?;
    let manifest: Manifest = archive
        .by_name(MANIFEST)
        .map_err(anyhow::Error::from)
        .and_then(|member| Ok(serde_json::from_reader(member)?))
        .with_context(|| format!("{} is no backup of colloquy's", file.display()))?;
    let known = store::schema_known();
    if manifest.format > FORMAT || manifest.schema > known {
        let (version, schema) = (&manifest.version, manifest.schema);
        bail!(
            "colloquy {version} wrote this backup, with schema {schema}; this one knows schemas up to {known}: update it"
        );
    }
    verify(&mut archive, &manifest)?;
    if let Some(name) = first_in(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
        bail!("{} is not empty: it holds {name}; name another folder with --data", dir.display());
    }
    let _lock = DataLock::take(&dir)?;
    let aside = dir.join(ASIDE);
    if aside.exists() {
        fs::remove_dir_all(&aside).context("what an earlier restore left cannot be removed")?;
    }
    unpack(&mut archive, &manifest, &aside)
        .context("the backup cannot be unpacked; the data folder is as empty as before")?;
    let applied = match &decided {
        None => None,
        Some(decided) => {
            let applied = apply(&aside, decided, &manifest).await;
            Some(applied.context("what was decided since cannot be applied; nothing was restored")?)
        }
    };
    move_in(&aside, &dir).with_context(|| format!("cannot write {}", dir.display()))?;

    let Manifest { at, members, schema, .. } = &manifest;
    say(&format!("{} files of {at}, schema {schema}, in {}", members.len(), dir.display()));
    say("the index is built at the next start");
    match applied {
        None => say(&format!(
            "no {name} was found: who was forgotten, blocked or withdrew a consent after {at} is as they were then; \
             give the last one with --decisions, into an empty folder",
            name = decisions::FILE
        )),
        Some(None) => say("what was decided is older than the backup: it is all in it"),
        Some(Some(forgotten)) => say(&format!(
            "accounts forgotten again: {forgotten}; consents, links, roles, blocks and rooms are as they were decided last"
        )),
    }
    if members.keys().any(|name| name.starts_with("matrix/")) {
        say("the Matrix device is restored too: it must not run anywhere else, or encryption breaks for both");
    }
    Ok(true)
}

/// Applies what was decided after the backup was written to what lies aside: how many accounts were forgotten again; none where
/// all of it is older.
async fn apply(aside: &Path, decided: &Decisions, manifest: &Manifest) -> anyhow::Result<Option<usize>> {
    if decided.at <= manifest.at {
        return Ok(None);
    }
    let store = Store::open(aside).await?;
    let applied = store.apply_decisions(decided, manifest.at).await;
    store.close().await;
    let Applied { forgotten, files, .. } = applied?;
    for file in files {
        // It is named where it lay: of that its folder and its name are the same here.
        let parts: Vec<_> = Path::new(&file).components().rev().take(2).collect();
        let [Component::Normal(name), Component::Normal(folder)] = parts[..] else { continue };
        match fs::remove_file(aside.join("files").join(folder).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    for account in &forgotten {
        match fs::remove_dir_all(folder_of(&aside.join("files"), &Scope::Person(account.clone()))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if *account == home::operator() {
            match fs::remove_file(aside.join(home::HISTORY)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(Some(forgotten.len()))
}

/// Checks that every member is there as it was, and has a name that leads nowhere else.
fn verify(archive: &mut ZipArchive<File>, manifest: &Manifest) -> anyhow::Result<()> {
    for (name, wanted) in &manifest.members {
        let damaged = || format!("the backup is damaged: {name} is not what was backed up; nothing was restored");
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) || name.contains('\\') {
            bail!(damaged());
        }
        let member = archive.by_name(name).map_err(io::Error::from).with_context(damaged)?;
        // Before it is unpacked: a short file may say that it is a long one, and a long one that it is short.
        if member.size() != wanted.bytes {
            bail!(damaged());
        }
        let found = copy(&mut member.take(wanted.bytes.saturating_add(1)), &mut io::sink());
        if found.with_context(damaged)? != *wanted {
            bail!(damaged());
        }
    }
    if !manifest.members.contains_key(Store::FILE) {
        bail!("the backup is damaged: {} is not in it; nothing was restored", Store::FILE);
    }
    Ok(())
}

/// What else than a lock, an interrupted restore or what was decided the folder holds.
fn first_in(dir: &Path) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if ![DataLock::FILE, ASIDE, decisions::FILE].contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn unpack(archive: &mut ZipArchive<File>, manifest: &Manifest, aside: &Path) -> io::Result<()> {
    for name in manifest.members.keys() {
        let path = aside.join(name);
        private_folder(path.parent().unwrap_or(aside))?;
        let mut file = private_file(&path)?;
        copy(&mut archive.by_name(name)?.take(manifest.members[name].bytes), &mut file)?;
        file.sync_all()?;
    }
    Ok(())
}

/// The state last: without it a folder is no library.
fn move_in(aside: &Path, dir: &Path) -> io::Result<()> {
    let mut names: Vec<_> = fs::read_dir(aside)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort_by_key(|name| name == Store::FILE);
    for name in names {
        fs::rename(aside.join(&name), dir.join(&name))?;
    }
    fs::remove_dir(aside)
}
