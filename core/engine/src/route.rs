//! What a message asks for: a command, a question, or nothing. Pure.

use std::collections::BTreeMap;

use chat::{Args, Argument, Command, Invocation, Kind, Manifest, Value};

/// How much is said again of a word that is no command, in characters.
const WORD_CHARS_MAX: usize = 32;

/// What a message asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    /// A command with its arguments.
    Call {
        /// The plugin.
        plugin: &'static str,
        /// The command.
        command: &'static Command,
        /// Its arguments.
        args: Args,
    },
    /// It was meant for the assistant and names no command: the nearest utterance decides.
    Mention(String),
    /// A command that cannot be called like this: the sentence says how.
    Usage(String),
    /// Not meant for the assistant.
    Ignore,
}

/// Reads a message. A leading `!` or `/` makes a command of it; without one, a message that is `addressed` to the
/// assistant (a mention, a direct message, the console) is a command only if that command takes no free text.
pub fn route(manifests: &[&'static Manifest], text: &str, addressed: bool) -> Route {
    let text = text.trim();
    let (prefixed, line) = match text.strip_prefix(['!', '/']) {
        Some(line) => (true, line),
        None => (false, text),
    };
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let word = word.to_lowercase();
    let found = manifests.iter().find_map(|manifest| manifest.command(&word).map(|command| (manifest.name, command)));
    match found {
        Some((plugin, command)) if prefixed => match arguments(command, rest) {
            Ok(args) => Route::Call { plugin, command, args },
            Err(sentence) => Route::Usage(sentence),
        },
        Some((plugin, command)) if addressed && !takes_free_text(command) => match arguments(command, rest) {
            Ok(args) => Route::Call { plugin, command, args },
            Err(_) => Route::Mention(text.to_owned()),
        },
        None if prefixed && addressed && word.chars().all(char::is_alphanumeric) && !word.is_empty() => {
            let near = nearest(manifests, &word).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
            Route::Usage(format!("There is no command {}.{near} `help` lists them all.", shown(&word)))
        }
        _ if addressed && !text.is_empty() => Route::Mention(text.to_owned()),
        _ => Route::Ignore,
    }
}

/// Checks a command that the platform read: every argument known, of its type and within its limits.
pub fn invoked(manifests: &[&'static Manifest], invocation: &Invocation) -> Route {
    let found = manifests.iter().find_map(|manifest| Some((manifest.name, manifest.command(&invocation.command)?)));
    let Some((plugin, command)) = found else {
        let command = shown(&invocation.command);
        return Route::Usage(format!("There is no command {command} any more; `help` lists them all."));
    };
    let mut args = BTreeMap::new();
    for (name, given) in &invocation.args.0 {
        let argument = command.arguments.iter().find(|argument| argument.name == name);
        match argument.and_then(|argument| checked(argument, given)) {
            Some(value) => drop(args.insert(name.clone(), value)),
            None => return Route::Usage(usage(command)),
        }
    }
    Route::Call { plugin, command, args: Args(args) }
}

/// The beginning of a word that is no command, as code.
fn shown(word: &str) -> String {
    chat::text::code(&word.chars().take(WORD_CHARS_MAX).collect::<String>())
}

fn checked(argument: &Argument, given: &Value) -> Option<Value> {
    match (argument.kind, given) {
        (Kind::Flag, Value::Flag(_)) => Some(given.clone()),
        (Kind::Flag, _) => None,
        _ => value(argument, &given.to_string()),
    }
}

fn takes_free_text(command: &Command) -> bool {
    command.arguments.iter().any(|argument| argument.kind == Kind::Text)
}

/// The arguments of a command from the rest of its line: flags as `--name`, others as `name:value` or, but for those that are
/// given by name only, in their order, with
/// quotes around what has spaces in it; the last text argument takes the rest of the line as it is.
///
/// # Errors
/// A sentence saying how the command is called.
pub fn arguments(command: &Command, rest: &str) -> Result<Args, String> {
    let mut values = BTreeMap::new();
    let mut rest = rest.trim();
    let mut open: Vec<&Argument> = command.arguments.iter().collect();
    let flag = |open: &[&Argument], word: &str| {
        open.iter().position(|a| a.kind == Kind::Flag && word.strip_prefix("--") == Some(a.name))
    };
    // A flag may stand last too, after a text that would take it in.
    while let Some((before, word)) = rest.rsplit_once(char::is_whitespace)
        && let Some(at) = flag(&open, word)
    {
        values.insert(open.remove(at).name.to_owned(), Value::Flag(true));
        rest = before.trim_end();
    }
    while !rest.is_empty() {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if let Some(at) = flag(&open, word) {
            values.insert(open.remove(at).name.to_owned(), Value::Flag(true));
            rest = after.trim_start();
            continue;
        }
        let named = word.split_once(':').and_then(|(name, value)| {
            let at = open.iter().position(|argument| argument.name == name && argument.kind != Kind::Flag)?;
            Some((at, rest[word.len() - value.len()..].trim_start()))
        });
        let (at, from) = match named {
            Some(named) => named,
            None => (next_open(&open, rest).ok_or_else(|| usage(command))?, rest),
        };
        let argument = open.remove(at);
        let is_text = |argument: &Argument| argument.kind == Kind::Text && !argument.named;
        let last_text = is_text(argument) && !open.iter().any(|argument| is_text(argument));
        let (given, next) = if last_text { (from.trim(), "") } else { piece(argument, from) };
        values.insert(argument.name.to_owned(), value(argument, given).ok_or_else(|| usage(command))?);
        rest = next.trim_start();
    }
    Ok(Args(values))
}

/// What an argument takes of a line, and what follows: what stands in quotes there, or what leads it.
fn piece<'a>(argument: &Argument, line: &'a str) -> (&'a str, &'a str) {
    let quoted = QUOTES.iter().find_map(|(opening, closing)| line.strip_prefix(*opening)?.split_once(*closing));
    quoted.unwrap_or_else(|| line.split_at(leading(argument, line).len()))
}

const QUOTES: [(char, char); 3] = [('"', '"'), ('“', '”'), ('„', '“')];

/// What an argument that is not the last text takes of a line: a word, or a phrase that it has among its choices.
fn leading<'a>(argument: &Argument, line: &'a str) -> &'a str {
    let word = line.split(char::is_whitespace).next().unwrap_or_default();
    let Kind::Choice(phrases) = argument.kind else { return word };
    let begins = |phrase: &&&str| {
        let (head, rest) = (line.get(..phrase.len()), line.get(phrase.len()..).unwrap_or_default());
        head.is_some_and(|head| head.eq_ignore_ascii_case(phrase))
            && (rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    phrases.iter().filter(begins).map(|phrase| &line[..phrase.len()]).max_by_key(|head| head.len()).unwrap_or(word)
}

/// The argument that takes what a line begins with, without a name: the first one, but for optional ones that cannot take it
/// where a text follows that can.
fn next_open(open: &[&Argument], line: &str) -> Option<usize> {
    let in_order = || open.iter().enumerate().filter(|(_, argument)| argument.kind != Kind::Flag && !argument.named);
    let passes = |(at, argument): &(usize, &&Argument)| {
        let text_follows = open[at + 1..].iter().any(|later| later.kind == Kind::Text && !later.named);
        argument.required || !text_follows || value(argument, leading(argument, line)).is_some()
    };
    in_order().find(passes).map(|(at, _)| at)
}

fn value(argument: &Argument, given: &str) -> Option<Value> {
    match argument.kind {
        Kind::Text => Some(Value::Text(given.to_owned())),
        Kind::Link => {
            // Bare, or in the brackets that keep a platform from showing what it leads to.
            let link = given.trim().trim_start_matches('<').trim_end_matches('>');
            let is_one = link.starts_with("https://") || link.starts_with("http://");
            (is_one && !link.contains(char::is_whitespace)).then(|| Value::Text(link.to_owned()))
        }
        Kind::Flag => None,
        Kind::Integer { min, max } => {
            given.parse().ok().filter(|number| (min..=max).contains(number)).map(Value::Integer)
        }
        Kind::Choice(words) => {
            // As people write it whose next word is the matter itself: `need: somebody who ..`.
            let lower = given.trim_end_matches(':').to_lowercase();
            words.iter().find(|word| **word == lower).map(|word| Value::Text((*word).to_owned()))
        }
    }
}

/// How a command is called: `line <number 1..20>`.
pub fn usage(command: &Command) -> String {
    format!("It is called like this: `{}`.", synopsis(command))
}

/// The command with its arguments, optional ones in brackets.
pub fn synopsis(command: &Command) -> String {
    let mut line = command.name.to_owned();
    for argument in command.arguments {
        let form = match argument.kind {
            Kind::Text | Kind::Link if argument.named => format!("{}:..", argument.name),
            Kind::Integer { min, max } if argument.named => format!("{}:{min}..{max}", argument.name),
            Kind::Choice(words) if argument.named => format!("{}:{}", argument.name, words.join("|")),
            Kind::Text | Kind::Link => argument.name.to_owned(),
            Kind::Flag => format!("--{}", argument.name),
            Kind::Integer { min, max } => format!("{} {min}..{max}", argument.name),
            Kind::Choice(words) => words.join("|"),
        };
        line.push_str(&if argument.required { format!(" <{form}>") } else { format!(" [{form}]") });
    }
    line
}

/// The command whose name is at most two edits away.
fn nearest(manifests: &[&'static Manifest], word: &str) -> Option<&'static str> {
    let names = manifests.iter().flat_map(|manifest| manifest.commands).map(|command| command.name);
    names.map(|name| (edits(name, word), name)).filter(|(edits, _)| *edits <= 2).min().map(|(_, name)| name)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chat::{Role, Text, Visibility};
    use expect_test::{Expect, expect};

    use super::*;

    const HELP: Text = Text { en: "", zh: "" };

    const fn command(name: &'static str, arguments: &'static [Argument]) -> Command {
        Command {
            name,
            help: HELP,
            menu: None,
            arguments,
            role_min: Role::Guest,
            visibility: Visibility::Room,
            deadline: Duration::from_secs(1),
            utterances: &[],
            examples: &[],
        }
    }

    static MANIFEST: Manifest = Manifest {
        name: "test",
        summary: HELP,
        open: false,
        hears: None,
        commands: &[
            command("ask", &[Argument::new("question", HELP, Kind::Text).required()]),
            command("add", &[Argument::new("link", HELP, Kind::Link)]),
            command("line", &[Argument::new("number", HELP, Kind::Integer { min: 1, max: 20 }).required()]),
            command(
                "list",
                &[
                    Argument::new("order", HELP, Kind::Choice(&["title", "year"])),
                    Argument::new("all", HELP, Kind::Flag),
                    Argument::new("matching", HELP, Kind::Text),
                ],
            ),
            command(
                "team",
                &[
                    Argument::new("size", HELP, Kind::Integer { min: 2, max: 8 }).named(),
                    Argument::new("group", HELP, Kind::Text).named(),
                    Argument::new("for", HELP, Kind::Text),
                ],
            ),
            command(
                "papers",
                &[
                    Argument::new("which", HELP, Kind::Choice(&["for me", "for", "similar to"])),
                    Argument::new("matching", HELP, Kind::Text),
                ],
            ),
        ],
    };

    fn show(route: Route) -> String {
        match route {
            Route::Call { command, args, .. } => {
                let args: Vec<String> = args.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("call {} [{}]", command.name, args.join(", "))
            }
            Route::Mention(text) => format!("mention {text}"),
            Route::Usage(sentence) => format!("usage {sentence}"),
            Route::Ignore => "ignore".to_owned(),
        }
    }

    #[track_caller]
    fn check(text: &str, addressed: bool, want: Expect) {
        want.assert_eq(&show(route(&[&MANIFEST], text, addressed)));
    }

    #[test]
    fn a_leading_sign_makes_a_command() {
        check("!ask why so?", false, expect!["call ask [question=why so?]"]);
        check("/ASK why", false, expect!["call ask [question=why]"]);
        check("!ask", false, expect!["call ask []"]);
        check("why !ask", false, expect!["ignore"]);
    }

    #[test]
    fn without_a_sign_only_a_command_without_free_text_is_one() {
        check("line 2", true, expect!["call line [number=2]"]);
        check("line 2", false, expect!["ignore"]);
        check("line graphs, why?", true, expect!["mention line graphs, why?"]);
        check("ask nicely", true, expect!["mention ask nicely"]);
    }

    #[test]
    fn a_link_is_one_word_bare_or_in_brackets() {
        check("!add <https://arxiv.org/abs/1>", false, expect!["call add [link=https://arxiv.org/abs/1]"]);
        check("add https://arxiv.org/abs/1", true, expect!["call add [link=https://arxiv.org/abs/1]"]);
        check("add", true, expect!["call add []"]);
        check("add this paper", true, expect!["mention add this paper"]);
        check("!add ftp://arxiv.org", false, expect!["usage It is called like this: `add [link]`."]);
    }

    #[test]
    fn arguments_are_read_by_name_and_by_order() {
        check(
            "!list year --all neural parsing",
            true,
            expect!["call list [all=true, matching=neural parsing, order=year]"],
        );
        check("!list matching:neural parsing", true, expect!["call list [matching=neural parsing]"]);
        check("!list order:title", true, expect!["call list [order=title]"]);
        check("!list colour", true, expect!["call list [matching=colour]"]);
        check("!list matching:neural parsing --all", true, expect!["call list [all=true, matching=neural parsing]"]);
        check("!list order: title duck", true, expect!["call list [matching=duck, order=title]"]);
        check("!list title: duck", true, expect!["call list [matching=duck, order=title]"]);
        check("!list matching: duck", true, expect!["call list [matching=duck]"]);
        check("!list matching:neural --all parsing", true, expect!["call list [matching=neural --all parsing]"]);
    }

    #[test]
    fn what_is_given_by_name_never_takes_a_word_by_its_place() {
        check("!team 4 ducks", true, expect!["call team [for=4 ducks]"]);
        check(
            "!team size: 4 for: \"ducks and geese\"",
            true,
            expect![[r#"call team [for="ducks and geese", size=4]"#]],
        );
        check("!team group:\"the pond\" ducks", true, expect!["call team [for=ducks, group=the pond]"]);
        check("!team size:9", true, expect!["usage It is called like this: `team [size:2..8] [group:..] [for]`."]);
    }

    #[test]
    fn a_choice_may_be_a_phrase() {
        check("!papers For me", true, expect!["call papers [which=for me]"]);
        check("!papers for me on parsing", true, expect!["call papers [matching=on parsing, which=for me]"]);
        check("!papers for  me", true, expect!["call papers [matching=me, which=for]"]);
        check("!papers which:similar to Über", true, expect!["call papers [matching=Über, which=similar to]"]);
        check("!papers matching:for me", true, expect!["call papers [matching=for me]"]);
        check("!papers similar tokens", true, expect!["call papers [matching=similar tokens]"]);
        check("!papers for mé", true, expect!["call papers [matching=mé, which=for]"]);
        check("!papers which: for me", true, expect!["call papers [which=for me]"]);
    }

    #[test]
    fn a_wrong_call_is_answered_with_the_right_one() {
        check("!line two", true, expect!["usage It is called like this: `line <number 1..20>`."]);
        check("!line 21", true, expect!["usage It is called like this: `line <number 1..20>`."]);
        check(
            "!lien 2",
            true,
            expect!["usage There is no command `lien`. Did you mean `line`? `help` lists them all."],
        );
    }

    #[test]
    fn what_a_platform_read_is_checked_like_what_was_typed() {
        let check = |command: &str, args: Args, want: Expect| {
            want.assert_eq(&show(invoked(
                &[&MANIFEST],
                &Invocation { command: command.to_owned(), args, locale: None },
            )));
        };
        check("line", Args::from([("number", Value::Integer(2))]), expect!["call line [number=2]"]);
        check(
            "line",
            Args::from([("number", Value::Integer(99))]),
            expect!["usage It is called like this: `line <number 1..20>`."],
        );
        check(
            "list",
            Args::from([("all", Value::Flag(true)), ("order", Value::Text("year".to_owned()))]),
            expect!["call list [all=true, order=year]"],
        );
        check(
            "list",
            Args::from([("all", Value::Text("yes".to_owned()))]),
            expect!["usage It is called like this: `list [title|year] [--all] [matching]`."],
        );
        check(
            "list",
            Args::from([("colour", Value::Flag(true))]),
            expect!["usage It is called like this: `list [title|year] [--all] [matching]`."],
        );
        check("gone", Args::default(), expect!["usage There is no command `gone` any more; `help` lists them all."]);
    }

    #[test]
    fn other_peoples_commands_are_ignored() {
        check("!roll 6", false, expect!["ignore"]);
        check("!!!", true, expect!["mention !!!"]);
        check("   ", true, expect!["ignore"]);
    }
}
