//! `ingest`: the bar, Ctrl-C, and the report.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chat::Scope;
use tokio_util::sync::CancellationToken;

use crate::{
    home::{Home, Needs},
    ingest::{Report, ingest},
    progress::{bytes_bar, say},
    settings::Settings,
};

/// Lines of a kind that the report prints; the rest is counted.
const LINES_MAX: usize = 20;

/// Reads files and folders into the library.
pub async fn run(
    settings: &Settings,
    paths: &[PathBuf],
    scope: Option<Scope>,
    file: Option<&Path>,
) -> anyhow::Result<bool> {
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        bail!("there is no file or folder {}", missing.display());
    }
    let home = Home::open(settings, Needs::Library).await?;
    let scope = scope.unwrap_or_else(|| home.community());
    let report = with_bar(&home, paths, &scope).await?;
    print(&report);
    if let Some(file) = file {
        write(&report, file).with_context(|| format!("the report cannot be written to {}", file.display()))?;
    }
    home.close().await?;
    Ok(!report.interrupted)
}

/// Ingests with a progress bar; Ctrl-C stops after the batch in hand.
pub async fn with_bar(home: &Home, paths: &[PathBuf], scope: &Scope) -> anyhow::Result<Report> {
    let bar = bytes_bar(0, "reading and embedding");
    let stop = CancellationToken::new();
    let signal = stop.clone();
    let listener = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            signal.cancel();
        }
    });
    let report = ingest(&home.library(), paths, scope, &bar, &stop).await;
    listener.abort();
    bar.finish_and_clear();
    report
}

/// Prints what came of a run.
pub fn print(report: &Report) {
    let Report { files, files_unchanged, added, updated, unchanged, removed, embedded, seconds, .. } = report;
    let (added, updated) = (added.len(), updated.len());
    let rate = (added + updated) as f64 / seconds.max(0.001);
    say(&format!(
        "read {files} files ({files_unchanged} unchanged) in {seconds:.1} s: {added} documents added, {updated} updated, \
         {unchanged} unchanged, {removed} removed, {} duplicates, {} refused",
        report.duplicates.len(),
        report.refused.len()
    ));
    match embedded {
        0 => say("nothing was embedded: nothing is new"),
        _ => say(&format!("embedded {embedded} passages, {rate:.1} documents a second")),
    }
    let lines = |what: &str, rows: &[(String, String)]| {
        for (file, why) in rows.iter().take(LINES_MAX) {
            say(&format!("  {what}: {file}: {why}"));
        }
        if rows.len() > LINES_MAX {
            say(&format!("  ... and {} more; `--report FILE` writes them all", rows.len() - LINES_MAX));
        }
    };
    lines("duplicate", &report.duplicates);
    lines("refused", &report.refused);
    if report.interrupted {
        say("stopped before the end; what is stored stays, run the same command to go on");
    }
}

/// Writes a line for every document and every refusal: what, where, and the title or the reason, by tabs.
fn write(report: &Report, file: &Path) -> io::Result<()> {
    let rows = [
        ("added", &report.added),
        ("updated", &report.updated),
        ("duplicate", &report.duplicates),
        ("refused", &report.refused),
    ];
    let line = |what: &str, (file, text): &(String, String)| format!("{what}\t{file}\t{text}\n");
    let lines: String = rows.iter().flat_map(|(what, rows)| rows.iter().map(|row| line(what, row))).collect();
    fs::write(file, lines)
}
