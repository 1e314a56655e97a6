//! The line editor of the terminal: history, and completion of command names.

use std::{io, path::PathBuf};

use rustyline::{
    Completer, Config, Editor as Rustyline, Helper, Highlighter, Hinter, Validator, completion::Pair,
    error::ReadlineError, history::FileHistory,
};

/// Most lines of history.
const HISTORY_MAX: usize = 1_000;

#[derive(Helper, Hinter, Highlighter, Validator, Completer)]
struct Assist {
    #[rustyline(Completer)]
    words: Words,
}

struct Words(Vec<String>);

impl rustyline::completion::Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let head = &line[..at];
        let start = head.rfind(['/', '!', ' ']).map_or(0, |before| before + 1);
        // Only the first word of a line names a command; `help` takes one as its argument.
        if head[..start].trim().is_empty() || matches!(head[..start].trim(), "/" | "!" | "help" | "/help" | "!help") {
            let word = &head[start..];
            let found = self.0.iter().filter(|name| name.starts_with(word));
            let pairs = found.map(|name| Pair { display: name.clone(), replacement: name.clone() }).collect();
            return Ok((start, pairs));
        }
        Ok((at, Vec::new()))
    }
}

/// A line editor with its history file.
pub struct Editor {
    editor: Rustyline<Assist, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    /// An editor that completes `words`.
    pub fn new(words: Vec<String>, history: Option<PathBuf>) -> io::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(io::Error::other)?
            .build();
        let mut editor = Rustyline::with_config(config).map_err(io::Error::other)?;
        editor.set_helper(Some(Assist { words: Words(words) }));
        if let Some(path) = &history {
            // There is none on the first start.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    /// The next line; `None` at Ctrl-D. Ctrl-C empties the line.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            match self.editor.readline("> ") {
                Ok(line) => {
                    if !line.trim().is_empty() {
                        self.editor.add_history_entry(line.trim()).map_err(io::Error::other)?;
                        if let Some(path) = &self.history {
                            // A history that cannot be kept, on a full disk say, is no reason to end a chat.
                            let _ = self.editor.save_history(path);
                        }
                    }
                    return Ok(Some(line));
                }
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}
