//! `library`: list, show, remove, count, and the index built anew.

use chat::{DocumentId, ports::Documents};
use store::{DataLock, Store};

use crate::{
    cli::Library,
    home::{self, Home, Needs},
    ingest::short,
    progress::{complain, say, spinner},
    settings::Settings,
};

/// Runs one of them.
pub async fn run(settings: &Settings, command: Library) -> anyhow::Result<bool> {
    if let Library::Reindex = command {
        return reindex(settings).await;
    }
    // The documents alone: what looks after them must work where the index does not.
    let lock = DataLock::take(&settings.data_dir())?;
    let store = Store::open(&settings.data_dir()).await?;
    let done = match command {
        Library::List { matching, limit } => list(&store, &matching, limit).await?,
        Library::Show { id, text } => show(&store, &id, text).await?,
        Library::Remove { ids } => {
            let done = remove(&store, ids).await?;
            drop(lock);
            // The index follows the documents when it is opened.
            match Home::open(settings, Needs::Library).await {
                Ok(home) => home.close().await?,
                Err(error) => complain(&format!("the index still holds them until it can be opened: {error:#}")),
            }
            done
        }
        Library::Stats | Library::Reindex => stats(&store).await?,
    };
    store.close().await;
    Ok(done)
}

async fn list(store: &Store, matching: &str, limit: usize) -> anyhow::Result<bool> {
    let rows = store.list(None, matching, 0, limit.saturating_add(1)).await?;
    for row in rows.iter().take(limit) {
        let year = row.year.map_or_else(|| "    ".to_owned(), |year| year.to_string());
        say(&format!(
            "{}  {year}  {} passages  {}  [{}]  {}",
            row.id,
            row.passages,
            row.title,
            short(&row.file),
            row.scope
        ));
    }
    match rows.len() {
        0 if matching.is_empty() => say("the library is empty; `colloquy ingest PATH` fills it"),
        0 => say(&format!("no title or author contains `{matching}`")),
        more if more > limit => say("there are more; `--limit` shows them, a word narrows them down"),
        _ => {}
    }
    Ok(true)
}

async fn show(store: &Store, id: &str, text: bool) -> anyhow::Result<bool> {
    let id = DocumentId(id.to_owned());
    let Some(document) = store.get(None, &id).await? else {
        complain(&format!("there is no document {id}; `colloquy library list` prints the ids"));
        return Ok(false);
    };
    let line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            say(&format!("{name:<12}{value}"));
        }
    };
    let ids = &document.identifiers;
    line("title", Some(document.title.clone()));
    line("authors", Some(document.authors.join("; ")));
    line("year", document.year.map(|year| year.to_string()));
    line("venue", document.venue.clone());
    line("language", document.language.clone());
    line("scope", Some(document.scope.to_string()));
    line("doi", ids.doi.clone());
    line("arxiv", ids.arxiv.clone());
    line("anthology", ids.anthology.clone());
    line("pubmed", ids.pubmed.clone());
    line("licence", document.provenance.license.clone());
    line("file", Some(format!("{} ({})", document.provenance.file, document.provenance.format)));
    line("pages", Some(document.pages.len()).filter(|pages| *pages > 0).map(|pages| pages.to_string()));
    line("retracted", document.retracted.then(|| "yes".to_owned()));
    let passages = store.passages_of(None, &id).await?;
    say(&format!("{:<12}{}", "passages", passages.len()));
    for passage in passages {
        let page = passage.page.map(|page| format!(" p. {page}")).unwrap_or_default();
        let section = passage.section.as_deref().map(|section| format!(" {section}")).unwrap_or_default();
        let words = passage.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = if text { words } else { words.chars().take(100).collect() };
        say(&format!("  {}{page}{section}: {shown}", passage.id.ordinal));
    }
    Ok(true)
}

async fn remove(store: &Store, ids: Vec<String>) -> anyhow::Result<bool> {
    let ids: Vec<DocumentId> = ids.into_iter().map(DocumentId).collect();
    let removed = store.remove(&ids).await?;
    say(&format!("removed {removed} of {} documents", ids.len()));
    Ok(removed == ids.len())
}

async fn stats(store: &Store) -> anyhow::Result<bool> {
    let stats = store.stats(None).await?;
    say(&format!("documents   {}", stats.documents));
    say(&format!("passages    {}", stats.passages));
    say(&format!("characters  {}", stats.characters));
    for (format, documents) in stats.formats {
        say(&format!("  {format:<10}{documents}"));
    }
    Ok(true)
}

/// A new index, filled from the state, then swapped in.
async fn reindex(settings: &Settings) -> anyhow::Result<bool> {
    let spinner = spinner("building the index anew");
    let count = home::reindex(settings).await?;
    spinner.finish_and_clear();
    say(&format!("the index holds {count} passages"));
    Ok(true)
}
