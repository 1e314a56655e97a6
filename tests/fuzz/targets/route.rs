//! The router and the arguments of every command, on any line.

#![no_main]

use chat::{Invocation, Kind, Manifest, Value};
use engine::route::{Route, invoked, route};
use libfuzzer_sys::fuzz_target;

fn manifests() -> Vec<&'static Manifest> {
    plugins::all().iter().map(|plugin| plugin.manifest()).collect()
}

fn check(route: Route) {
    let Route::Call { command, args, .. } = route else { return };
    for (name, value) in &args.0 {
        let argument = command.arguments.iter().find(|argument| argument.name == name);
        let kind = argument.map(|argument| argument.kind);
        let fits = match (kind, value) {
            (Some(Kind::Text), Value::Text(_)) | (Some(Kind::Flag), Value::Flag(_)) => true,
            (Some(Kind::Link), Value::Text(link)) => link.starts_with("http") && !link.contains(char::is_whitespace),
            (Some(Kind::Integer { min, max }), Value::Integer(number)) => (min..=max).contains(number),
            (Some(Kind::Choice(words)), Value::Text(word)) => words.contains(&word.as_str()),
            _ => false,
        };
        assert!(fits, "`{}` with {name} = {value:?}", command.name);
    }
}

fuzz_target!(|line: &str| {
    let manifests = manifests();
    for addressed in [false, true] {
        check(route(&manifests, line, addressed));
    }
    for manifest in &manifests {
        for command in manifest.commands {
            check(route(&manifests, &format!("!{} {line}", command.name), true));
            let given = |argument: &chat::Argument| (argument.name.to_owned(), Value::Text(line.to_owned()));
            let args = chat::Args(command.arguments.iter().map(given).collect());
            check(invoked(&manifests, &Invocation { command: command.name.to_owned(), args, locale: None }));
        }
    }
});
