//! `colloquy`: parses the command line, runs it, and turns how it ended into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::run(std::env::args_os())
}
