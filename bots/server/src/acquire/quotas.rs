//! How much members may bring: of files a day, on a shelf, and while the disk has room.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use chat::MemberId;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// What members may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of files of one scope; none for no limit, as for the next two.
    pub of_scope: Option<u64>,
    /// Bytes that one person may bring a day.
    pub of_person: Option<u64>,
    /// Files that one person may bring a day.
    pub files_of_person: Option<usize>,
    /// Bytes of free disk below which nothing is taken.
    pub disk_free: u64,
}

/// What was brought on a day in UTC, by each person: files, and bytes.
#[derive(Debug, Default)]
struct Today {
    day: Date,
    brought: HashMap<MemberId, (usize, u64)>,
}

/// What each person brought today. It goes with the process, and outlives that a person is forgotten: nobody brings more by that.
#[derive(Debug)]
pub struct Counter {
    quotas: Quotas,
    today: Mutex<Today>,
}

impl Counter {
    /// A count that begins now.
    pub fn new(quotas: Quotas) -> Self {
        Self { quotas, today: Mutex::default() }
    }

    /// Counts a file of a person.
    ///
    /// # Errors
    /// Why it is one too many: a clause.
    pub fn count(&self, member: &MemberId, at: Timestamp, bytes: u64) -> Result<(), String> {
        let day = at.to_zoned(TimeZone::UTC).date();
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        // What began before midnight counts for the day after.
        if day > today.day {
            *today = Today { day, brought: HashMap::new() };
        }
        let (files, sum) = today.brought.entry(member.clone()).or_default();
        if self.quotas.files_of_person.is_some_and(|max| *files >= max) {
            return Err(format!("you added {files} files today, and that is as many as one may"));
        }
        let after = sum.saturating_add(bytes);
        if let Some(max) = self.quotas.of_person.filter(|max| after > *max) {
            return Err(format!("with it you would have added more than {} MiB today", max >> 20));
        }
        (*files, *sum) = (*files + 1, after);
        Ok(())
    }

    /// Why there is no room below `all` for a file of so many bytes in the folder `own` of its scope; none where there is.
    ///
    /// # Errors
    /// Where the folders cannot be looked at.
    pub async fn no_room(&self, all: &Path, own: PathBuf, bytes: u64) -> io::Result<Option<String>> {
        let (all, quotas) = (all.to_owned(), self.quotas);
        let looked = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&all)?;
            if fs4::available_space(&all)? < quotas.disk_free.saturating_add(bytes) {
                return Ok(Some("this machine has too little free disk to keep it".to_owned()));
            }
            let Some(max) = quotas.of_scope else { return Ok(None) };
            let is_full = size(&own)?.saturating_add(bytes) > max;
            Ok(is_full.then(|| format!("this shelf would hold more than {} MiB of files", max >> 20)))
        });
        looked.await.map_err(io::Error::other)?
    }
}

/// Bytes of the files in a folder; none where there is no folder.
fn size(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let sizes = entries.map(|entry| match entry?.metadata() {
        // Removed, or given its name, meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        found => Ok(found?.len()),
    });
    sizes.sum()
}
