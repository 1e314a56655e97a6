//! The invariants of the house, read from cargo's own account of the workspace.

use std::{collections::BTreeSet, process::Command};

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

fn cargo(arguments: &[&str]) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root).output().unwrap();
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
