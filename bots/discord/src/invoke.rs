//! From what an interaction carries to a command with its arguments, and back to a readable line. Pure.

use chat::{Args, Argument, Command, Kind, Manifest, Value};
use serenity::all::{CommandDataOption, CommandDataOptionValue};

use crate::definition;

/// The command of that name.
pub fn named(manifests: &[&'static Manifest], name: &str) -> Option<&'static Command> {
    manifests.iter().find_map(|manifest| manifest.command(name))
}

/// The command that a message's menu calls so.
pub fn titled(manifests: &[&'static Manifest], title: &str) -> Option<&'static Command> {
    let mut commands = manifests.iter().flat_map(|manifest| manifest.commands);
    commands.find(|command| command.menu.is_some_and(|menu| definition::title(&menu) == title))
}

/// The command that a line calls, after its sign where it has one.
pub fn called(manifests: &[&'static Manifest], line: &str) -> Option<&'static Command> {
    let line = line.trim().trim_start_matches(['!', '/']);
    let word = line.split(char::is_whitespace).next().unwrap_or_default();
    named(manifests, &word.to_lowercase())
}

/// The arguments that were given; what is still being typed is a text.
pub fn arguments(options: &[CommandDataOption]) -> Args {
    let value = |value: &CommandDataOptionValue| match value {
        CommandDataOptionValue::Boolean(flag) => Some(Value::Flag(*flag)),
        CommandDataOptionValue::Integer(number) => Some(Value::Integer(*number)),
        CommandDataOptionValue::Number(number) => Some(Value::Real(*number)),
        CommandDataOptionValue::String(text) => Some(Value::Text(text.clone())),
        CommandDataOptionValue::Autocomplete { value, .. } => Some(Value::Text(value.clone())),
        _ => None,
    };
    Args(options.iter().filter_map(|option| Some((option.name.clone(), value(&option.value)?))).collect())
}

/// Gives a command on a message that message's text, where it takes one.
pub fn fill(command: &Command, args: &mut Args, text: &str) {
    let first = command.arguments.iter().find(|argument| argument.kind == Kind::Text);
    if let Some(argument) = first.filter(|argument| !text.is_empty() && !args.0.contains_key(argument.name)) {
        args.0.insert(argument.name.to_owned(), Value::Text(text.to_owned()));
    }
}

/// The line that one would have typed: `/translate into:zh --exact some text`.
pub fn line(command: &Command, args: &Args) -> String {
    let mut line = format!("/{}", command.name);
    let is_text = |argument: &&Argument| argument.kind == Kind::Text;
    let texts = command.arguments.iter().filter(is_text).count();
    // Free text takes the rest of a line, so that it comes last.
    let rest = command.arguments.iter().filter(|argument| !is_text(argument));
    for argument in rest.chain(command.arguments.iter().filter(is_text)) {
        match args.0.get(argument.name) {
            None | Some(Value::Flag(false)) => {}
            Some(Value::Flag(true)) => line.push_str(&format!(" --{}", argument.name)),
            Some(value) if argument.kind == Kind::Text && texts == 1 => line.push_str(&format!(" {value}")),
            Some(value) => line.push_str(&format!(" {}:{value}", argument.name)),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::tests::MANIFEST;

    fn given() -> Args {
        let options = json!([
            { "name": "text", "type": 3, "value": "some text" },
            { "name": "count", "type": 4, "value": 3 },
            { "name": "exact", "type": 5, "value": true },
            { "name": "terms", "type": 3, "value": "neu", "focused": true },
        ]);
        arguments(&serde_json::from_value::<Vec<CommandDataOption>>(options).unwrap())
    }

    #[test]
    fn options_keep_their_types() {
        let want = Args::from([
            ("text", Value::Text("some text".to_owned())),
            ("count", Value::Integer(3)),
            ("exact", Value::Flag(true)),
            ("terms", Value::Text("neu".to_owned())),
        ]);
        assert_eq!(given(), want);
    }

    #[test]
    fn a_command_reads_as_one_would_have_typed_it() {
        let ask = named(&[&MANIFEST], "ask").unwrap();
        assert_eq!(line(ask, &Args::from([("question", Value::Text("why so?".to_owned()))])), "/ask why so?");
        let translate = named(&[&MANIFEST], "translate").unwrap();
        assert_eq!(line(translate, &given()), "/translate count:3 --exact terms:neu text:some text");
    }

    #[test]
    fn a_command_is_found_by_name_by_title_and_by_line() {
        let name = |command: Option<&Command>| command.map(|command| command.name);
        assert_eq!(name(titled(&[&MANIFEST], "Translate this")), Some("translate"));
        assert_eq!(name(titled(&[&MANIFEST], "translate")), None);
        assert_eq!(name(called(&[&MANIFEST], "/ASK why")), Some("ask"));
        assert_eq!(name(called(&[&MANIFEST], "ask")), Some("ask"));
        assert_eq!(name(called(&[&MANIFEST], "asks")), None);
    }

    #[test]
    fn a_command_on_a_message_reads_it() {
        let translate = named(&[&MANIFEST], "translate").unwrap();
        let mut args = Args::default();
        fill(translate, &mut args, "");
        assert_eq!(args, Args::default());
        fill(translate, &mut args, "hello");
        // The first text argument, not the first required one.
        assert_eq!(args, Args::from([("terms", Value::Text("hello".to_owned()))]));
        fill(translate, &mut args, "again");
        assert_eq!(args.text("terms"), "hello");
    }
}
