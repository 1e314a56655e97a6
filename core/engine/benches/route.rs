//! How fast a message is routed: `cargo bench --profile dev --workspace --bench route`.

use std::time::Duration;

use chat::{Argument, Command, Kind, Manifest, Role, Text, Visibility};

const HELP: Text = Text { en: "", zh: "" };

static MANIFEST: Manifest = Manifest {
    name: "qa",
    summary: HELP,
    open: false,
    hears: None,
    commands: &[Command {
        name: "ask",
        help: HELP,
        menu: None,
        arguments: &[Argument::new("question", HELP, Kind::Text).required()],
        role_min: Role::Guest,
        visibility: Visibility::Room,
        deadline: Duration::from_secs(1),
        utterances: &[],
        examples: &[],
    }],
};

fn main() {
    divan::main();
}

/// Twenty plugins' worth of manifests.
#[divan::bench(args = ["!ask why do ducks swim?", "why do ducks swim?", "!lien 2"])]
fn route(bencher: divan::Bencher, text: &str) {
    let manifests = [&MANIFEST; 20];
    bencher.bench(|| engine::route::route(divan::black_box(&manifests), text, true));
}
