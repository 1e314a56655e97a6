//! The binary itself. That this file exists also makes `cargo test` build it, for the stories that run it.

use std::process::Command;

#[test]
fn it_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_colloquy")).arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), concat!("colloquy ", env!("CARGO_PKG_VERSION")));
}
