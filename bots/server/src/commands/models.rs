//! `models`: the catalogue, fetching, choosing.

use std::fs;

use anyhow::Context;
use inference::{
    Fetcher, Model,
    catalogue::{ModelFile, Origin, Task, TranslateSpec},
    fetch::Step,
};

use crate::{
    cli::Models,
    home::catalogue,
    progress::{bytes_bar, say},
    settings::Settings,
};

/// Runs one of them.
pub async fn run(settings: Settings, command: Models) -> anyhow::Result<bool> {
    let catalogue = catalogue(&settings)?;
    let fetcher = Fetcher::new(settings.models_dir());
    match command {
        Models::List => {
            for model in catalogue.models() {
                let used = settings.models.names().any(|name| *name == model.name);
                let here = fetcher.installed(model).is_ok();
                let mark = match (used, here) {
                    (true, true) => "used",
                    (true, false) => "used, not here",
                    (false, true) => "here",
                    (false, false) => "",
                };
                let task = match model.task {
                    Task::Generate => "generate",
                    Task::Embed => "embed",
                    Task::Translate => "translate",
                };
                say(&format!(
                    "{:<26}{task:<10}{:>6} MiB  {:<14}{mark:<16}{}",
                    model.name, model.size_mib, model.license, model.summary
                ));
            }
        }
        Models::Show { name } => show(catalogue.get(&name)?, &fetcher),
        Models::Fetch { name } => {
            let model = catalogue.get(&name)?;
            fetch(&fetcher, model).await?;
            say(&format!("{name} is at {}", fetcher.installed(model)?.display()));
        }
        Models::Use { name } => {
            let model = catalogue.get(&name)?;
            fetch(&fetcher, model).await?;
            choose(&settings, model)?;
        }
    }
    Ok(true)
}

fn from(model: &Model) -> String {
    match &model.source {
        Origin::Package { package, version } => format!("the Python package {package} {version}"),
        Origin::Hub { repo, revision } => format!("the hub: {repo}, {revision}"),
        Origin::Folder { path } => path.display().to_string(),
    }
}

fn show(model: &Model, fetcher: &Fetcher) {
    let from = from(model);
    let line = |name: &str, value: String| say(&format!("{name:<10}{value}"));
    line("name", model.name.clone());
    line("what", model.summary.clone());
    line("licence", model.license.clone());
    line("fetches", format!("{} MiB from {from}", model.size_mib));
    line("needs", format!("{} MiB of memory", model.memory_mib));
    if let Some(spec) = &model.generate {
        line("context", format!("{} tokens", spec.context_tokens));
    }
    if let Some(spec) = &model.embed {
        line("vectors", format!("{} dimensions, texts of {} tokens", spec.dims, spec.tokens_max));
    }
    if let Some(spec) = &model.translate {
        line("pairs", pairs(spec));
        line("beams", spec.beams.to_string());
    }
    for file in &model.files {
        line("file", format!("{} {}", file.to, sum(file)));
    }
    line("here", fetcher.installed(model).map_or_else(|_| "no".to_owned(), |folder| folder.display().to_string()));
}

/// What a file is checked against.
fn sum(file: &ModelFile) -> String {
    file.sha256.as_deref().map_or("no checksum, a local file".to_owned(), |sum| format!("SHA-256 {sum}"))
}

/// What a translation model translates from and into.
fn pairs(spec: &TranslateSpec) -> String {
    if spec.languages.is_empty() {
        return spec.pairs.join(", ");
    }
    let codes: Vec<&str> = spec.languages.keys().map(String::as_str).collect();
    format!("each of {} into every other", codes.join(", "))
}

/// Brings a model here with a bar; its size, source and licence are said first.
pub async fn fetch(fetcher: &Fetcher, model: &Model) -> anyhow::Result<()> {
    if fetcher.installed(model).is_ok() {
        return Ok(());
    }
    say(&format!("fetching {} ({} MiB, licence {}) from {}", model.name, model.size_mib, model.license, from(model)));
    for file in &model.files {
        say(&format!("  {}: {}", file.to, sum(file)));
    }
    let bar = bytes_bar(model.size_mib * 1024 * 1024, &model.name);
    let (fetcher, model, drawn) = (fetcher.clone(), model.clone(), bar.clone());
    let fetched = tokio::task::spawn_blocking(move || {
        fetcher.fetch(&model, &|step| match step {
            Step::Bytes { done, total } => {
                drawn.set_length(total);
                drawn.set_position(done);
            }
            Step::Checking => drawn.set_message(format!("{}: checking", model.name)),
            Step::Preparing => drawn.set_message(format!("{}: preparing", model.name)),
        })
    })
    .await?;
    bar.finish_and_clear();
    fetched?;
    Ok(())
}

/// Writes the model's name into the configuration file, and nothing else.
fn choose(settings: &Settings, model: &Model) -> anyhow::Result<()> {
    let path = settings.file.clone().unwrap_or_else(Settings::own_file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let mut document: toml_edit::DocumentMut =
        text.parse().with_context(|| format!("{} is no TOML", path.display()))?;
    let models = document["models"].or_insert(toml_edit::table());
    match model.task {
        Task::Generate => models["generate"] = toml_edit::value(&model.name),
        Task::Embed => models["embed"] = toml_edit::value(&model.name),
        Task::Translate => {
            let others = settings.models.translators.iter().filter(|name| **name != model.name);
            let names: toml_edit::Array = std::iter::once(&model.name).chain(others).collect();
            models["translators"] = toml_edit::value(names);
        }
    }
    let aside = path.with_extension("toml.new");
    fs::write(&aside, document.to_string())
        .and_then(|()| fs::rename(&aside, &path))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    say(&format!("{} now uses {}", path.display(), model.name));
    if model.task == Task::Embed {
        say("run `colloquy library reindex`: the index was built with another encoder");
    }
    Ok(())
}
