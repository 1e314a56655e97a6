//! `audit`: is the trail what was written, and what stands in it. Reads beside a process that works on the folder.

use anyhow::bail;
use store::Store;

use crate::{
    cli::Audit,
    progress::{complain, say},
    settings::Settings,
};

/// Calls read at once.
const CALLS_AT_ONCE: usize = 500;

/// Runs one of them.
pub async fn run(settings: &Settings, command: Audit) -> anyhow::Result<bool> {
    let store = open(settings).await?;
    let done = match command {
        Audit::Verify { head } => verify(&store, head.as_deref()).await?,
        Audit::List { limit } => list(&store, limit).await?,
    };
    store.close().await;
    Ok(done)
}

/// The state, for reading.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Store> {
    let dir = settings.data_dir();
    if !dir.join(Store::FILE).exists() {
        bail!("there is no state in {}", dir.display());
    }
    Ok(Store::open_beside(&dir).await?)
}

async fn verify(store: &Store, noted: Option<&str>) -> anyhow::Result<bool> {
    let check = store.audit_verify().await?;
    say(&format!("events    {}", check.events));
    say(&format!("calls     {} kept whole", check.flights));
    if let Some((number, sentence)) = check.broken {
        complain(&format!("event {number} is not what was written: {sentence}"));
        return Ok(false);
    }
    say(&format!("head      {}", if check.head.is_empty() { "none" } else { &check.head }));
    let Some(noted) = noted.map(str::trim) else {
        say(
            "every event is what was written; note the head elsewhere, and `--head` shows whether the trail was cut off since",
        );
        return Ok(true);
    };
    if !store.audit_holds(noted).await? {
        complain(&format!("no event has the hash {noted}: the trail was cut off, or it is another one"));
        return Ok(false);
    }
    say("every event is what was written, and the head that you noted is among them");
    Ok(true)
}

async fn list(store: &Store, limit: usize) -> anyhow::Result<bool> {
    let (mut last, mut after) = (Vec::new(), 0);
    loop {
        let page = store.audit_events(after, CALLS_AT_ONCE).await?;
        let Some((number, _)) = page.last() else { break };
        after = *number;
        last.extend(page);
        let surplus = last.len().saturating_sub(limit);
        last.drain(..surplus);
    }
    for (number, event) in last {
        let call = &event.call;
        say(&format!("{number}  {}  {} {}  {}  {}", event.at, call.plugin, call.command, event.outcome, call.id));
    }
    Ok(true)
}
