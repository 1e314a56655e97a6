//! A dialogue in JSON lines with `human.py`: commands and their answers, and the events in between.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout, Command},
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{PATIENCE, process::Process};

/// One such process. Commands may run side by side.
pub(super) struct Talk {
    process: Process,
    input: tokio::sync::Mutex<Input>,
    heard: Arc<Heard>,
}

/// Where commands are written, and the number of the last one.
struct Input {
    pipe: ChildStdin,
    number: u64,
}

/// What the process has said.
#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Value>>,
    /// Who waits for an answer, by the number of the command; none once the process has ended.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Value>>>>,
    more: Notify,
}

/// What a lock holds, whatever became of others who held it.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Talk {
    /// Starts the process and listens to it.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let (process, pipe, output) = Process::dialogue(name, command, log)?;
        let heard = Arc::new(Heard { waiting: Mutex::new(Some(HashMap::new())), ..Heard::default() });
        tokio::spawn(listen(output, Arc::clone(&heard)));
        Ok(Self { process, input: tokio::sync::Mutex::new(Input { pipe, number: 0 }), heard })
    }

    /// Sends a command and waits for its answer, which may be an `error`.
    pub async fn ask(&self, mut command: Value) -> Result<Value> {
        let (sender, answer) = oneshot::channel();
        {
            let mut input = self.input.lock().await;
            input.number += 1;
            command["id"] = input.number.into();
            match held(&self.heard.waiting).as_mut() {
                Some(waiting) => waiting.insert(input.number, sender),
                None => bail!("the client has ended:\n{}", self.process.tail()),
            };
            let line = format!("{command}\n");
            input.pipe.write_all(line.as_bytes()).await.context("the client does not listen")?;
        }
        let answer = timeout(PATIENCE, answer).await.with_context(|| format!("no answer to {command}"))?;
        answer.with_context(|| format!("the client has ended:\n{}", self.process.tail()))
    }

    /// All events so far, in order.
    pub fn events(&self) -> Vec<Value> {
        held(&self.heard.events).clone()
    }

    /// How many events there are.
    pub fn count(&self) -> usize {
        held(&self.heard.events).len()
    }

    /// The first event from number `from` on that fits, which may have come already.
    pub async fn wait(&self, from: usize, fits: impl Fn(&Value) -> bool, within: Duration) -> Result<Value> {
        let found = async {
            let mut next = from;
            loop {
                let more = self.heard.more.notified();
                {
                    let events = held(&self.heard.events);
                    if let Some(event) = events.iter().skip(next).find(|event| fits(event)) {
                        return event.clone();
                    }
                    next = events.len().max(next);
                }
                more.await;
            }
        };
        if let Ok(event) = timeout(within, found).await {
            return Ok(event);
        }
        let events = self.events();
        let last: Vec<String> = events.iter().rev().take(5).map(Value::to_string).collect();
        bail!(
            "nothing fitting came within {within:?}; the last of {} events, backwards:\n{}",
            events.len(),
            last.join("\n")
        )
    }

    /// Closes the process's input, on which it ends.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.input);
        self.process.ended().await
    }

    /// Ends the process at once.
    pub async fn kill(self) -> Result<()> {
        self.process.kill().await
    }
}

async fn listen(output: ChildStdout, heard: Arc<Heard>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(mut said) = serde_json::from_str::<Value>(&line) else { continue };
        if let Some(event) = said.get_mut("event") {
            held(&heard.events).push(event.take());
            heard.more.notify_waiters();
        } else if let Some(number) = said["id"].as_u64() {
            let sender = held(&heard.waiting).as_mut().and_then(|waiting| waiting.remove(&number));
            if let Some(sender) = sender {
                // Whoever asked may have stopped waiting.
                let _ = sender.send(said);
            }
        }
    }
    *held(&heard.waiting) = None;
}
