//! The invariants of the house, read from cargo's own account of the workspace.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

/// Heavy crates: none of them below a light one.
const HEAVY: [&str; 13] = [
    "mistralrs",
    "mistralrs-core",
    "candle-core",
    "candle-nn",
    "gemm",
    "tokenizers",
    "hf-hub",
    "qdrant-edge",
    "qdrant-client",
    "sqlx",
    "serenity",
    "matrix-sdk",
    "axum",
];

/// Which of ours may name an SDK.
const SDKS: [(&str, &[&str]); 12] = [
    ("mistralrs", &["inference", "training"]),
    ("mistralrs-core", &["inference", "training"]),
    ("candle-core", &["inference", "training"]),
    ("candle-nn", &["inference", "training"]),
    ("candle-transformers", &["inference", "training"]),
    ("tokenizers", &["inference", "training"]),
    ("hf-hub", &["inference"]),
    ("qdrant-edge", &["index"]),
    ("qdrant-client", &["index"]),
    ("sqlx", &["store"]),
    ("serenity", &["discord"]),
    ("matrix-sdk", &["matrix"]),
];

/// Where the workspace stands.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(ROOT).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Each of our crates with the names of its direct dependencies, those of its tests included.
fn ours() -> Vec<(String, BTreeSet<String>)> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version=1"])).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|p| (name(p), p["dependencies"].as_array().unwrap().iter().map(name).collect())).collect()
}

#[test]
fn every_crate_knows_chat_and_only_server_joins_crates() {
    let crates = ours();
    let names: BTreeSet<&String> = crates.iter().map(|(name, _)| name).collect();
    for (name, dependencies) in &crates {
        let inner: Vec<&String> = dependencies.iter().filter(|other| names.contains(other)).collect();
        match name.as_str() {
            "chat" => assert!(inner.is_empty(), "chat knows {inner:?}"),
            "tests" => {}
            "server" => assert!(!inner.contains(&&"tests".to_owned())),
            // What the chat frontends share, lest each write it again.
            "discord" | "matrix" => assert!(inner.iter().all(|other| ["chat", "frontend"].contains(&other.as_str()))),
            _ => assert!(inner.iter().all(|other| *other == "chat"), "{name} knows {inner:?}"),
        }
    }
}

#[test]
fn sdks_stay_home() {
    for (name, dependencies) in ours() {
        for (sdk, homes) in SDKS {
            assert!(!dependencies.contains(sdk) || homes.contains(&name.as_str()), "{name} names {sdk}");
        }
    }
}

#[test]
fn light_stays_light() {
    for light in ["chat", "engine", "library", "plugins", "console", "frontend"] {
        let tree = cargo(&["tree", "--package", light, "--prefix=none", "--format={p}", "--edges=normal,build,dev"]);
        for heavy in HEAVY {
            let named = tree.lines().any(|line| line.split(' ').next() == Some(heavy));
            assert!(!named, "{heavy} stands below {light}");
        }
    }
}

/// A file of the workspace.
fn text(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// What is built is what the lock file names, each by its checksum, and all of it from one registry.
#[test]
fn every_dependency_is_of_the_crates_registry() {
    let (lock, ours) = (text("Cargo.lock"), ours());
    let packages: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    assert!(packages.len() > 100);
    let mut sources = BTreeSet::new();
    for package in packages {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
            Some(line.trim_matches('"'))
        };
        let name = value("name").unwrap();
        match value("source") {
            None => assert!(ours.iter().any(|(own, _)| own == name), "{name} is of no registry"),
            Some(source) => {
                assert!(source.starts_with("registry+"), "{name} is of {source}");
                sources.insert(source);
                assert!(value("checksum").is_some_and(|sum| sum.len() == 64), "{name} has no checksum");
            }
        }
    }
    assert_eq!(sources.len(), 1, "all are of one registry: {sources:?}");
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let deny = text("deny.toml");
    let list = deny.split("allow = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let allowed: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let version = cargo(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let platform = format!("--filter-platform={host}");
    let metadata = cargo(&["metadata", "--locked", "--offline", "--format-version=1", &platform]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or_default());
        assert!(is_allowed(licence, &allowed), "{name} is under {licence:?}, which deny.toml does not allow");
    }
}

/// Whether a licence expression (SPDX, or the older one with slashes) can be met with these licences.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "_WITH_");
    let mut tokens = spaced.split_whitespace().peekable();
    let met = any(&mut tokens, allowed);
    met && tokens.next().is_none()
}

/// What of an expression is not read yet.
type Tokens<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

fn any(tokens: Tokens<'_, '_>, allowed: &BTreeSet<&str>) -> bool {
    let mut met = all(tokens, allowed);
    while tokens.next_if_eq(&"OR").is_some() {
        met |= all(tokens, allowed);
    }
    met
}

fn all(tokens: Tokens<'_, '_>, allowed: &BTreeSet<&str>) -> bool {
    let mut met = one(tokens, allowed);
    while tokens.next_if_eq(&"AND").is_some() {
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: Tokens<'_, '_>, allowed: &BTreeSet<&str>) -> bool {
    match tokens.next() {
        Some("(") => any(tokens, allowed) & (tokens.next() == Some(")")),
        // `+` is this version or a later one.
        Some(id) => allowed.contains(&*id.trim_end_matches('+').replace("_WITH_", " WITH ")),
        None => false,
    }
}

#[test]
fn a_licence_expression_is_met_by_what_is_allowed() {
    let allowed = BTreeSet::from(["MIT", "ISC", "MPL-2.0", "Apache-2.0 WITH LLVM-exception"]);
    for met in ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR (MIT AND ISC)", "MPL-2.0+", "Apache-2.0 WITH LLVM-exception AND MIT"]
    {
        assert!(is_allowed(met, &allowed), "{met}");
    }
    for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0", "MIT ISC", "(MIT"] {
        assert!(!is_allowed(unmet, &allowed), "{unmet}");
    }
}

/// A build that may change the lock file is a build of something else.
#[test]
fn what_is_shipped_and_checked_is_what_is_locked() {
    let mut builds = 0;
    for name in [".ci/run", "bots/server/deploy/Containerfile"] {
        for line in text(name).lines().map(|line| line.trim().trim_start_matches("RUN ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["cargo", "build" | "check" | "clippy" | "test" | "run" | "bench", ..] = words[..] {
                builds += 1;
                assert!(words.contains(&"--locked"), "{name}: {line}");
            }
        }
    }
    assert!(builds >= 3);
}
