//! What other accounts of the machine may read of what Colloquy writes: nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Everything in a folder, the folder included, with its rights.
fn rights(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = vec![(folder.to_owned(), fs::metadata(folder).unwrap().permissions().mode() & 0o777)];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(rights(&path)),
            false => found.push((path.clone(), fs::metadata(&path).unwrap().permissions().mode() & 0o777)),
        }
    }
    found
}

/// Whatever the shell's umask is, and however the folder was made.
#[test]
fn what_the_binary_writes_is_its_owners_alone() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let report = above.path().join("report.txt");
    let run = tests::colloquy(&folder);
    let mut open = Command::new("sh");
    open.args(["-c", "umask 000 && exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    open.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(&folder);
    open.arg("-v").arg("ingest").arg(tests::samples().join("reading-list.bib")).arg("--report").arg(&report);
    let output = open.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("closed the data folder"));
    let written =
        [rights(&folder), vec![(report.clone(), fs::metadata(&report).unwrap().permissions().mode() & 0o777)]];
    for (path, mode) in written.concat() {
        assert_eq!(mode & 0o077, 0, "{} has the rights {mode:o}", path.display());
    }
    assert!(folder.join("colloquy.sqlite").exists());
}
