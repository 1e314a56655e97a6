//! `restore`: a backup becomes an empty data folder's content, whole or not at all.

use std::{
    fs::{self, File},
    io,
    path::{Component, Path},
};

use anyhow::{Context, bail};
use store::{DataLock, Store};
use zip::ZipArchive;

use super::backup::{FORMAT, MANIFEST, Manifest, copy, private_file, private_folder};
use crate::{progress::say, settings::Settings};

/// Where files lie until all of them are there.
pub(super) const ASIDE: &str = "restore.part";

/// Restores `file` into the data folder.
pub async fn run(settings: &Settings, file: &Path) -> anyhow::Result<bool> {
    let dir = settings.data_dir();
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
    move_in(&aside, &dir).with_context(|| format!("cannot write {}", dir.display()))?;

    let Manifest { at, members, schema, .. } = &manifest;
    say(&format!("{} files of {at}, schema {schema}, in {}", members.len(), dir.display()));
    say("the index is built at the next start");
    if members.keys().any(|name| name.starts_with("matrix/")) {
        say("the Matrix device is restored too: it must not run anywhere else, or encryption breaks for both");
    }
    Ok(true)
}

/// Checks that every member is there as it was, and has a name that leads nowhere else.
fn verify(archive: &mut ZipArchive<File>, manifest: &Manifest) -> anyhow::Result<()> {
    for (name, wanted) in &manifest.members {
        let damaged = || format!("the backup is damaged: {name} is not what was backed up; nothing was restored");
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) || name.contains('\\') {
            bail!(damaged());
        }
        let found =
            archive.by_name(name).map_err(io::Error::from).and_then(|mut member| copy(&mut member, &mut io::sink()));
        if found.with_context(damaged)? != *wanted {
            bail!(damaged());
        }
    }
    if !manifest.members.contains_key(Store::FILE) {
        bail!("the backup is damaged: {} is not in it; nothing was restored", Store::FILE);
    }
    Ok(())
}

/// What else than a lock or an interrupted restore the folder holds.
fn first_in(dir: &Path) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if ![DataLock::FILE, ASIDE].contains(&name.as_str()) {
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
        copy(&mut archive.by_name(name)?, &mut file)?;
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
