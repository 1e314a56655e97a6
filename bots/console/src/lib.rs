//! The console frontend: a chat in the terminal, or plain lines through a pipe. No logic: native lines in, events out.
//!
//! Read [`chat`], then [`render`] (what an event looks like) and [`transcript`] (this room's history).

mod editor;
pub mod render;
pub mod transcript;

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

use chat::{MemberId, Message, Place, ports::Dispatch};
use futures::StreamExt;
use jiff::Timestamp;

pub use render::Renderer;
pub use transcript::Transcript;

/// Where the console stands and who sits there.
#[derive(Debug, Clone)]
pub struct Seat {
    /// The console's room.
    pub place: Place,
    /// The person at the keyboard.
    pub member: MemberId,
    /// Lines typed before, kept over restarts; none for no history.
    pub history: Option<PathBuf>,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an answer, an abstention included.
    Done,
    /// With a failure, said on the screen.
    Failed,
    /// By Ctrl-C.
    Stopped,
}

/// Longest line that is taken through a pipe, in bytes; a longer one is refused, not kept.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Asks one thing and prints the reply. Ctrl-C ends the answer, and so does a reader of the output who has enough.
///
/// # Errors
/// Where the output cannot be written.
pub async fn ask(
    dispatch: &Arc<dyn Dispatch>,
    transcript: &Transcript,
    seat: &Seat,
    text: &str,
    renderer: &mut Renderer<impl Write>,
) -> io::Result<Ended> {
    let message = Message {
        id: uuid::Uuid::now_v7().to_string().as_str().into(),
        place: seat.place.clone(),
        author: seat.member.clone(),
        text: text.to_owned(),
        invocation: None,
        attachments: Vec::new(),
        reply_to: None,
        about: None,
        visibility: None,
        addressed: true,
        at: Timestamp::now(),
    };
    transcript.heard(&message);
    let mut events = dispatch.message(message.clone()).await;
    let mut ended = Ended::Failed;
    let enough = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            // Dropping the stream ends the call.
            _ = tokio::signal::ctrl_c() => {
                ended = Ended::Stopped;
                break;
            }
        };
        let Some(event) = event else { break };
        if let ::chat::Event::Done { .. } = event {
            ended = Ended::Done;
        }
        match renderer.event(&event) {
            Err(error) if enough(&error) => {
                dispatch.give_up(&message).await;
                return Ok(Ended::Done);
            }
            written => written?,
        }
    }
    if ended == Ended::Stopped {
        drop(events);
        dispatch.give_up(&message).await;
    }
    match renderer.finish(ended == Ended::Stopped) {
        Err(error) if enough(&error) => {}
        text => transcript.said(seat, &text?),
    }
    Ok(ended)
}

/// Chats until the input ends: with a line editor on a terminal, line by line through a pipe. Whether a line through a
/// pipe failed: on a terminal, who asked has seen it.
///
/// # Errors
/// Where the terminal or the output breaks.
pub async fn converse(dispatch: Arc<dyn Dispatch>, transcript: Arc<Transcript>, seat: Seat) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        return plain(dispatch, transcript, seat).await;
    }
    let words: Vec<String> = dispatch
        .manifests()
        .iter()
        .flat_map(|manifest| manifest.commands)
        .map(|command| command.name.to_owned())
        .collect();
    let mut editor = editor::Editor::new(words, seat.history.clone())?;
    loop {
        // The editor blocks: it gets a thread, and comes back with its line.
        let (back, line) = tokio::task::spawn_blocking(move || {
            let line = editor.line();
            (editor, line)
        })
        .await
        .map_err(io::Error::other)?;
        editor = back;
        let Some(line) = line? else { return Ok(true) };
        match line.trim() {
            "" => {}
            "exit" | "quit" => return Ok(true),
            text => {
                let mut renderer = Renderer::new(io::stdout(), io::stdout().is_terminal());
                ask(&dispatch, &transcript, &seat, text, &mut renderer).await?;
            }
        }
    }
}

async fn plain(dispatch: Arc<dyn Dispatch>, transcript: Arc<Transcript>, seat: Seat) -> io::Result<bool> {
    let (sender, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = line(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut all = true;
    while let Some(line) = lines.recv().await {
        // A line that is no UTF-8 costs that line.
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                writeln!(io::stdout(), "I could not read that line: {error}.")?;
                all = false;
                continue;
            }
            Err(error) => return Err(error),
        };
        match line.trim() {
            "" => {}
            "exit" | "quit" => break,
            text => {
                let mut renderer = Renderer::new(io::stdout(), io::stdout().is_terminal());
                all &= ask(&dispatch, &transcript, &seat, text, &mut renderer).await? != Ended::Failed;
            }
        }
    }
    Ok(all)
}

/// The next line; none at the end. One that is too long or no text is an error of the kind `InvalidData`, and is read
/// over.
fn line(input: &mut impl BufRead) -> Option<io::Result<String>> {
    let mut bytes = Vec::new();
    match io::Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', &mut bytes) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Err(error)),
    }
    if bytes.len() as u64 == LINE_BYTES_MAX && !bytes.ends_with(b"\n") {
        if let Err(error) = input.skip_until(b'\n') {
            return Some(Err(error));
        }
        return Some(Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than 1 MiB")));
    }
    let text = String::from_utf8(bytes);
    Some(text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))
}
