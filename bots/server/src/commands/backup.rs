//! `backup`: all of the data folder that cannot be derived, in one ZIP file, taken while others write it.
//!
//! Databases are copied as one moment saw them, before the files that they name: those are written first and never
//! changed. A manifest lists every member with its checksum.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{DataLock, Store, backup};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{decisions, progress::say, settings::Settings};

/// Version of the archive's layout.
pub(super) const FORMAT: u32 = 1;

/// The member that lists the others.
pub(super) const MANIFEST: &str = "manifest.json";

/// What each database begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Derived, of the process that runs, or meant to outlive a restore: at the top of the data folder.
const DERIVED: [&str; 5] = ["index", "index.new", "index.old", DataLock::FILE, decisions::FILE];

/// What an archive holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Version of the layout.
    pub format: u32,
    /// The colloquy that wrote it.
    pub version: String,
    /// Schema of the state.
    pub schema: i64,
    /// When it was written.
    pub at: Timestamp,
    /// All files by their path in the data folder.
    pub members: BTreeMap<String, Member>,
}

/// A file of an archive.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}

/// Writes a backup into `file`, in place of an earlier one.
pub async fn run(settings: &Settings, file: &Path) -> anyhow::Result<bool> {
    let dir = settings.data_dir();
    if !dir.join(Store::FILE).exists() {
        bail!("there is nothing to back up in {}", dir.display());
    }
    let (copies, part) = (beside(file, ".copies"), beside(file, ".part"));
    let left_over = |path: &Path| match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    left_over(&copies).context("what an earlier backup left cannot be removed")?;
    let written = write(settings, &dir, file, &copies, &part).await.and_then(|manifest| {
        fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
        // The new name is on the disk as well. Some file systems cannot say so of a folder; the content is there.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(manifest)
    });
    // What is left of it is of no use, and full of secrets.
    let cleaned = left_over(&copies);
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    let Manifest { schema, members, .. } = written?;
    cleaned.context("copies of databases are left beside the backup")?;
    let bytes: u64 = members.values().map(|member| member.bytes).sum();
    say(&format!("{} files, {} MiB, schema {schema}, in {}", members.len(), bytes / (1024 * 1024), file.display()));
    let has = |name: &str| members.keys().any(|member| member.starts_with(name));
    match (has("matrix/store/"), has("matrix/store.key")) {
        (true, true) => say("it holds the keys of the Matrix account: keep it as safe as the data folder"),
        (true, false) => say("the key of the Matrix store is not in it: keep that too"),
        (false, _) => {}
    }
    Ok(true)
}

/// Writes the archive aside; what it holds.
async fn write(settings: &Settings, dir: &Path, file: &Path, copies: &Path, part: &Path) -> anyhow::Result<Manifest> {
    let mut found = Vec::new();
    let skipped = [file.to_owned(), copies.to_owned(), part.to_owned(), settings.models_dir()];
    let skipped: Vec<PathBuf> = skipped.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    walk(dir, "", &skipped, &mut found).with_context(|| format!("cannot read {}", dir.display()))?;
    new_folder(copies).with_context(|| format!("cannot write beside {}", file.display()))?;
    let mut sources = Vec::new();
    for (number, (name, path)) in found.into_iter().enumerate() {
        let source = match is_database(&path) {
            true => {
                let copy = copies.join(number.to_string());
                backup::copy(&path, &copy).await.with_context(|| format!("{name} cannot be copied"))?;
                copy
            }
            false => path,
        };
        sources.push((name, source));
    }
    let Some((_, state)) = sources.iter().find(|(name, _)| name == Store::FILE) else {
        bail!("{} vanished", Store::FILE);
    };
    let schema = backup::schema(state).await?;
    let at = crate::now();
    let mut manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        at,
        members: BTreeMap::new(),
    };
    pack(part, &sources, &mut manifest).with_context(|| format!("cannot write {}", part.display()))?;
    Ok(manifest)
}

/// Writes all files and the manifest, down to the disk.
fn pack(part: &Path, sources: &[(String, PathBuf)], manifest: &mut Manifest) -> io::Result<()> {
    let mut zip = ZipWriter::new(private_file(part)?);
    let options = SimpleFileOptions::default().large_file(true).unix_permissions(0o600);
    for (name, source) in sources {
        let mut source = match File::open(source) {
            Ok(source) => source,
            // Somebody was forgotten meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        zip.start_file(name, options)?;
        manifest.members.insert(name.clone(), copy(&mut source, &mut zip)?);
    }
    zip.start_file(MANIFEST, options)?;
    zip.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    zip.finish()?.sync_all()
}

/// Copies all bytes; how many, and their checksum.
pub(super) fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<Member> {
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(Member { bytes, sha256: format!("{:x}", hasher.finalize()) });
        }
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// All files below `dir` that are worth keeping, databases first, with their paths below the data folder.
fn walk(dir: &Path, below: &str, skipped: &[PathBuf], found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| (!is_database(&entry.path()), entry.file_name()));
    for entry in entries {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let is_derived = below.is_empty() && DERIVED.contains(&name.as_str());
        // Logs of databases, half-written files, locks, and what was set aside.
        let is_passing = ["-wal", "-shm", "-journal", ".part", ".before"].iter().any(|end| name.ends_with(end));
        let is_skipped = fs::canonicalize(&path).is_ok_and(|path| skipped.contains(&path));
        if is_derived || is_passing || is_skipped || name == "lock" {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => walk(&path, &format!("{below}{name}/"), skipped, found)?,
            false => found.push((format!("{below}{name}"), path)),
        }
    }
    Ok(())
}

fn is_database(path: &Path) -> bool {
    let mut start = [0; SQLITE.len()];
    path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == SQLITE
}

/// `file` with more at the end of its name.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A new file for its owner alone. One that is in its place goes first, with its mode and whatever it links to.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A folder that nobody else has made, for its owner alone, with those above it where they are missing.
fn new_folder(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        private_folder(above)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A folder with those above it, for its owner alone.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Where an archive is written others may write too: what they laid there beforehand is not written into.
    #[test]
    fn what_lies_in_the_place_of_a_backup_is_replaced_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        fs::write(at("theirs"), "kept").unwrap();
        fs::write(at("wide.part"), "").unwrap();
        fs::set_permissions(at("wide.part"), fs::Permissions::from_mode(0o666)).unwrap();
        symlink(at("theirs"), at("link.part")).unwrap();
        symlink(at("nowhere"), at("dangling.part")).unwrap();
        fs::hard_link(at("theirs"), at("hard.part")).unwrap();
        for part in ["new.part", "wide.part", "link.part", "dangling.part", "hard.part"] {
            private_file(&at(part)).unwrap().write_all(b"secret").unwrap();
            assert!(fs::symlink_metadata(at(part)).unwrap().is_file(), "{part}");
            assert_eq!(mode(&at(part)), 0o600, "{part}");
        }
        assert_eq!(fs::read(at("theirs")).unwrap(), b"kept");
        assert!(!at("nowhere").exists());
        fs::create_dir(at("elsewhere")).unwrap();
        symlink(at("elsewhere"), at("a.copies")).unwrap();
        assert!(new_folder(&at("a.copies")).is_err());
        new_folder(&at("b/c.copies")).unwrap();
        assert_eq!((mode(&at("b")), mode(&at("b/c.copies"))), (0o700, 0o700));
    }
}
