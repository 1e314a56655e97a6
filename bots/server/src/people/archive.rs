//! The archive that a person takes along: JSON by name, and their files, a folder for each account.

use std::{
    fs::{self, File},
    io::{self, Cursor, Write},
    path::PathBuf,
};

use serde_json::Value;
use zip::{ZipWriter, write::SimpleFileOptions};

use chat::people::Export;

/// Most bytes of files in an archive, before they are packed: all of it lies in memory, and platforms take no more.
const FILES_MAX: u64 = 48 * 1024 * 1024;

/// A ZIP archive of JSON, and of files by the folder that they are put in. No two files of a folder have one name, and a file that has no room in it
/// is named and left out.
pub(super) fn archive(parts: &[(String, Value)], folders: &[(String, PathBuf)]) -> io::Result<Export> {
    archive_within(parts, folders, FILES_MAX)
}

fn archive_within(parts: &[(String, Value)], folders: &[(String, PathBuf)], bytes_max: u64) -> io::Result<Export> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (name, value) in parts {
        zip.start_file(name, options)?;
        serde_json::to_writer_pretty(&mut zip, value)?;
    }
    let (mut bytes, mut left_out) = (0, Vec::new());
    for (folder, path) in folders {
        let mut files = match path.is_dir() {
            true => fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
            false => vec![path.clone()],
        };
        files.sort();
        for file in files.into_iter().filter(|file| file.is_file()) {
            let name = format!("{folder}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            let size = fs::metadata(&file)?.len();
            if bytes + size > bytes_max {
                left_out.push(name);
                continue;
            }
            bytes += size;
            zip.start_file(name, options)?;
            io::copy(&mut File::open(&file)?, &mut zip)?;
        }
    }
    if !left_out.is_empty() {
        zip.start_file("left-out.txt", options)?;
        zip.write_all(left_out.join("\n").as_bytes())?;
    }
    Ok(Export { archive: zip.finish()?.into_inner(), left_out })
}

/// A folder's name for an account: its number among the person's, and as much of it as a file may be called.
pub(super) fn folder(number: usize, account: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let plain: String = account.chars().take(80).map(plain).collect();
    format!("files/{}-{plain}", number + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zip::ZipArchive;

    use super::*;

    #[track_caller]
    fn names(export: &Export) -> Vec<String> {
        let mut names: Vec<String> =
            ZipArchive::new(Cursor::new(&export.archive)).unwrap().file_names().map(str::to_owned).collect();
        names.sort();
        names
    }

    #[test]
    fn two_accounts_with_the_same_file_take_both_along() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = ["@ana:lab.example", "4711/ana"];
        let folders: Vec<(String, PathBuf)> = accounts
            .iter()
            .enumerate()
            .map(|(number, account)| {
                let path = dir.path().join(number.to_string());
                fs::create_dir(&path).unwrap();
                fs::write(path.join("paper.md"), format!("of {account}")).unwrap();
                (folder(number, account), path)
            })
            .collect();
        let parts = [("person.json".to_owned(), json!({"accounts": accounts}))];
        let whole = archive(&parts, &folders).unwrap();
        let files = ["files/1-_ana_lab.example/paper.md", "files/2-4711_ana/paper.md"];
        assert_eq!(names(&whole), [files[0], files[1], "person.json"]);
        assert!(whole.left_out.is_empty());

        // The second has no room any more: it is named, and the archive is one all the same.
        let cut = archive_within(&parts, &folders, 25).unwrap();
        assert_eq!(names(&cut), [files[0], "left-out.txt", "person.json"]);
        assert_eq!(cut.left_out, files[1..]);
    }
}
