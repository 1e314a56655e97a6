//! `doctor`: checks everything that an answer stands on; each failing line says what to do.

use std::{fs, path::Path};

use chat::ports::Documents;
use inference::Fetcher;
use store::{DataLock, Store};

use crate::{
    connect,
    home::{Home, Needs, catalogue},
    progress::say,
    settings::Settings,
};

/// Below this the disk is nearly full.
const DISK_FREE_MIN_MIB: u64 = 512;

struct Sheet {
    healthy: bool,
}

impl Sheet {
    fn good(&self, what: &str, found: &str) {
        say(&format!("ok    {what:<12}{found}"));
    }

    fn note(&self, what: &str, found: &str) {
        say(&format!("note  {what:<12}{found}"));
    }

    /// It works, and is open to more people than one may think.
    fn warn(&self, what: &str, found: &str) {
        say(&format!("WARN  {what:<12}{found}"));
    }

    fn bad(&mut self, what: &str, found: &str) {
        self.healthy = false;
        say(&format!("FAIL  {what:<12}{found}"));
    }
}

/// Checks; false where something failed.
pub async fn run(settings: &Settings, deep: bool) -> anyhow::Result<bool> {
    let mut sheet = Sheet { healthy: true };
    let file = settings.file.as_ref().map_or("defaults".to_owned(), |file| file.display().to_string());
    sheet.good("config", &file);
    processor(&mut sheet);
    memory(&mut sheet);
    models(settings, deep, &mut sheet);
    let dir = settings.data_dir();
    if let Err(error) = settings.qdrant_api_key() {
        sheet.bad("secrets", &error.to_string());
    }
    platforms(settings, &mut sheet).await;
    // First of all that touches the folder: the lock makes it, for its owner alone.
    let lock = DataLock::take(&dir).map(drop);
    disk(&dir, &mut sheet);
    match lock {
        Err(error) => {
            let error = chat::error::chain(&error);
            sheet
                .bad("data", &format!("{error}; stop the other process, or set data.dir: state and index wait for it"));
            return Ok(false);
        }
        Ok(()) => sheet.good("data", &dir.display().to_string()),
    }
    state(&dir, &mut sheet).await;
    if sheet.healthy {
        agreement(settings, &mut sheet).await;
    }
    say(if sheet.healthy { "all is well" } else { "something needs you: see the lines marked FAIL" });
    Ok(sheet.healthy)
}

/// The platforms that are configured, as they see us.
async fn platforms(settings: &Settings, sheet: &mut Sheet) {
    let mut found = Vec::new();
    match connect::discord(settings) {
        Ok(None) => sheet.note("discord", "not configured: there is no token"),
        Ok(Some(wanted)) => {
            found.extend(discord::check(&wanted).await.into_iter().map(|line| ("discord", line)));
            if wanted.guilds.is_empty() {
                sheet.warn("discord", ANY_GUILD);
            }
        }
        Err(error) => sheet.bad("discord", &format!("{error:#}")),
    }
    match connect::matrix(settings) {
        Ok(None) => sheet.note("matrix", "not configured: matrix.homeserver is empty"),
        Ok(Some(wanted)) => {
            found.extend(matrix::check(&wanted).await.into_iter().map(|line| ("matrix", line)));
            if let Some(warning) = any_account(&wanted.allow) {
                sheet.warn("matrix", &warning);
            }
        }
        Err(error) => sheet.bad("matrix", &format!("{error:#}")),
    }
    for (platform, (what, state)) in found {
        match state {
            Ok(text) => sheet.good(platform, &format!("{what}: {text}")),
            Err(text) => sheet.bad(platform, &format!("{what}: {text}")),
        }
    }
}

/// What is said where no list of servers narrows who has a part in the library.
const ANY_GUILD: &str = "discord.guilds is empty: whoever may invite the bot brings it into a server of their own, reads the \
                         community's library there and is a moderator of its channels; name your servers in discord.guilds, or \
                         switch `Public Bot` off at https://discord.com/developers/applications, page `Bot`";

/// What is said where whole homeservers may invite the account.
fn any_account(allow: &[String]) -> Option<String> {
    let is_broad = |pattern: &&str| *pattern == "*" || pattern.starts_with("*:");
    let broad: Vec<String> =
        allow.iter().map(|pattern| pattern.trim()).filter(is_broad).map(|pattern| format!("`{pattern}`")).collect();
    (!broad.is_empty()).then(|| {
        format!(
            "matrix.allow holds {}: everybody with an account there brings the assistant into a room of their own, reads the \
             community's library there and is that room's moderator; name single accounts where people can register \
             themselves",
            broad.join(", ")
        )
    })
}

fn processor(sheet: &mut Sheet) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    #[cfg(target_arch = "x86_64")]
    {
        // What the build needs (.cargo/config.toml).
        let needed = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("fma")
            && std::arch::is_x86_feature_detected!("f16c");
        match needed {
            true => sheet.good("processor", &format!("{cores} cores, AVX2, FMA, F16C")),
            false => sheet.bad("processor", "AVX2, FMA and F16C are needed; build with another target-cpu"),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    sheet.good("processor", &format!("{cores} cores"));
    match (inference::gpu(), cfg!(any(feature = "cuda", feature = "metal"))) {
        (Some(name), _) => sheet.good("gpu", &name),
        (None, true) => sheet.note("gpu", "none found; answers are written on the CPU"),
        (None, false) => {
            sheet.note("gpu", "this build has no GPU support; build with --features cuda or metal to use one")
        }
    }
}

fn memory(sheet: &mut Sheet) {
    match inference::memory_free_mib() {
        Some(free) => sheet.good("memory", &format!("{free} MiB free")),
        None => sheet.note("memory", "the system does not say how much is free"),
    }
}

fn models(settings: &Settings, deep: bool, sheet: &mut Sheet) {
    let catalogue = match catalogue(settings) {
        Ok(catalogue) => catalogue,
        Err(error) => return sheet.bad("catalogue", &format!("{error:#}; mend models.catalogue, or leave it empty")),
    };
    let fetcher = Fetcher::new(settings.models_dir());
    for name in settings.models.names() {
        let found = catalogue.get(name).and_then(|model| {
            fetcher.installed(model)?;
            if deep {
                fetcher.verify(model)?;
            }
            Ok(model)
        });
        match found {
            Err(error) => sheet.bad("model", &error.to_string()),
            Ok(model) if inference::memory_free_mib().is_some_and(|free| free < model.memory_mib) => {
                sheet.bad(
                    "model",
                    &format!(
                        "{name} needs {} MiB of memory; close something or choose a smaller one",
                        model.memory_mib
                    ),
                );
            }
            Ok(_) => sheet.good("model", &format!("{name}{}", if deep { ", checksums right" } else { "" })),
        }
    }
}

fn disk(dir: &Path, sheet: &mut Sheet) {
    if let Err(error) = fs::create_dir_all(dir) {
        return sheet.bad("disk", &format!("{} cannot be made: {error}; set data.dir", dir.display()));
    }
    match fs4::available_space(dir) {
        Ok(bytes) if bytes / (1024 * 1024) < DISK_FREE_MIN_MIB => {
            sheet.bad("disk", &format!("{} MiB free; make room or move data.dir", bytes / (1024 * 1024)));
        }
        Ok(bytes) => sheet.good("disk", &format!("{} MiB free", bytes / (1024 * 1024))),
        Err(error) => sheet.bad("disk", &format!("free space cannot be read: {error}")),
    }
}

async fn state(dir: &Path, sheet: &mut Sheet) {
    let store = match Store::open(dir).await {
        Ok(store) => store,
        Err(error) => return sheet.bad("state", &chat::error::chain(&error)),
    };
    match store.check().await {
        Ok(health) if health.is_whole() => {
            sheet.good("state", &format!("schema {}, {} KiB", health.schema, health.bytes / 1024));
        }
        Ok(health) => sheet.bad("state", &format!("{}; restore it from a backup", health.problems.join("; "))),
        Err(error) => sheet.bad("state", &chat::error::chain(&error)),
    }
    store.close().await;
}

/// Opens all together, which completes the index, and compares.
async fn agreement(settings: &Settings, sheet: &mut Sheet) {
    match Home::open(settings, Needs::Library).await {
        Err(error) => sheet.bad("index", &format!("{error:#}")),
        Ok(home) => {
            let counts = async { anyhow::Ok((home.store.stats(None).await?.passages, home.index.count().await?)) };
            match counts.await {
                Ok((state, index)) if state == index => {
                    sheet.good("index", &format!("{index} passages, built with {}", home.stamp().model));
                }
                Ok((state, index)) => {
                    sheet.bad("index", &format!("{index} of {state} passages; run `colloquy library reindex`"));
                }
                Err(error) => sheet.bad("index", &format!("{error:#}")),
            }
            if let Err(error) = home.close().await {
                sheet.bad("index", &format!("{error:#}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allow: &[&str], want: Option<&str>) {
        let allow: Vec<String> = allow.iter().map(|pattern| (*pattern).to_owned()).collect();
        let found = any_account(&allow);
        assert_eq!(found.is_some(), want.is_some(), "{allow:?}: {found:?}");
        assert!(want.is_none_or(|want| found.is_some_and(|found| found.contains(want))), "{allow:?}");
    }

    #[test]
    fn a_list_that_lets_whole_servers_in_is_warned_of() {
        check(&[], None);
        check(&["@ana:example.org", "@bob:lab.example"], None);
        check(&["@ana:example.org", " *:example.org "], Some("`*:example.org`"));
        check(&["*"], Some("`*`"));
        check(&["*:a.example", "@ana:b.example", "*:c.example"], Some("`*:a.example`, `*:c.example`"));
    }
}
