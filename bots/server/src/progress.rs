//! What the operator sees beside the answers: bars, complaints, the log.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;

/// A bar in bytes with rate and remaining time; nothing is drawn off a terminal.
pub fn bytes_bar(total: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(
        "{msg:32!} {bar:28} {bytes:>10} of {total_bytes} {bytes_per_sec:>12} {eta:>4} left",
    );
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar
}

/// A spinner for what cannot be measured.
pub fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

/// Prints a line of a command's result.
pub fn say(line: &str) {
    // A closed pipe (`colloquy library list | head`) is how a reader says that it has enough.
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints why something did not work.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "colloquy: {line}");
}

/// Logs to the standard error: errors, with `-v` what happens, with `-vv` everything of ours. `RUST_LOG` overrides.
pub fn log_to_stderr(verbose: u8, json: bool) {
    let ours = match verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let default = format!(
        "warn,mistralrs_core=off,mistralrs=off,qdrant_edge=error,matrix_sdk=off,matrix_sdk_crypto=error,{}",
        OURS.map(|name| format!("{name}={ours}")).join(",")
    );
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second call, in a test, keeps the first logger.
    let _ = if json { log.json().try_init() } else { log.try_init() };
    std::panic::set_hook(Box::new(log_panic));
}

/// A panic is one line of the log, for most are caught and cost one reply or one flush; its way there with `-vv` and
/// `RUST_BACKTRACE`. What was written at its place in the source is told; a message that was put together while it ran may
/// hold what people wrote, and is not.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let said = fixed(panic.payload()).unwrap_or("its message may hold words of people and is not told");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, said, "something broke");
    tracing::debug!(backtrace = %std::backtrace::Backtrace::capture());
}

/// The message of a panic, where it stands in the source as it is.
fn fixed(payload: &(dyn std::any::Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

/// Our crates, as the log knows them.
const OURS: [&str; 12] = [
    "engine",
    "index",
    "inference",
    "library",
    "plugins",
    "server",
    "store",
    "console",
    "frontend",
    "discord",
    "matrix",
    "web",
];

#[cfg(test)]
mod tests {
    use super::fixed;

    #[track_caller]
    fn check(text: &str, end: usize, told: Option<&'static str>) {
        let broken = std::panic::catch_unwind(|| match end {
            0 => panic!("the queue is gone"),
            end => text[..end].len(),
        });
        assert_eq!(broken.err().and_then(|payload| fixed(payload.as_ref())), told, "{text} {end}");
    }

    #[test]
    fn a_panic_tells_the_log_no_words_of_people() {
        check("a secret of Ana's", 0, Some("the queue is gone"));
        // In the middle of a letter: the message quotes the text.
        check("é, a secret of Ana's", 1, None);
        check("a secret of Ana's", 100, None);
    }
}
