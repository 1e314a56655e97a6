//! Reactions as buttons: which of them mean a command, and which we offer under an answer. Pure.

use chat::Action;
use frontend::driver::{SHOW, STOP};

/// Reactions of our own under one answer: each of them is an event, and homeservers count those.
const OFFERED_MAX: usize = 3;

/// Commands that are named one by one; more are named by what they have in common.
const NAMED_MAX: usize = 6;

/// How the line begins that names what has no reaction.
const HINT: &str = "↪ Reply with ";

/// What is said while an answer can be stopped.
const STOP_HINT: &str = "*React with 🛑 to stop.*";

const KEYS: [(&str, &str); 8] = [
    ("1️⃣", "line 1"),
    ("2️⃣", "line 2"),
    ("3️⃣", "line 3"),
    ("4️⃣", "line 4"),
    ("5️⃣", "line 5"),
    ("👍", "rate up"),
    ("👎", "rate down"),
    ("📢", SHOW),
];

/// What a reaction to an answer asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Press {
    /// To stop it.
    Stop,
    /// A command about it, without a prefix.
    Command(&'static str),
}

/// Reads a reaction; most mean nothing to us.
pub(crate) fn press(key: &str) -> Option<Press> {
    let key = bare(key);
    if key == "🛑" {
        return Some(Press::Stop);
    }
    KEYS.iter().find(|(known, _)| bare(known) == key).map(|(_, command)| Press::Command(command))
}

/// Without what some clients add: the emoji variation selector and skin tones.
fn bare(key: &str) -> String {
    key.chars().filter(|c| *c != '\u{fe0f}' && !('\u{1f3fb}'..='\u{1f3ff}').contains(c)).collect()
}

/// The reactions that we set under an answer with these actions.
pub(crate) fn offered(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().filter_map(|action| key(&action.command)).take(OFFERED_MAX).collect()
}

fn key(command: &str) -> Option<&'static str> {
    KEYS.iter().find(|(_, known)| *known == command).map(|(key, _)| *key)
}

/// The last line of an answer with these actions: it names those that no reaction is offered for.
pub(crate) fn last_line(actions: &[Action]) -> Option<String> {
    if actions.iter().any(|action| action.command == STOP) {
        return Some(STOP_HINT.to_owned());
    }
    let offered = offered(actions);
    let named: Vec<&str> = actions
        .iter()
        .map(|action| action.command.as_str())
        .filter(|command| !key(command).is_some_and(|key| offered.contains(&key)))
        .collect();
    let named =
        if named.len() > NAMED_MAX { in_common(&named) } else { named.into_iter().map(str::to_owned).collect() };
    let named: Vec<String> = named.iter().map(|command| format!("`!{}`", command.replace('`', "'"))).collect();
    (!named.is_empty()).then(|| format!("{HINT}{}", named.join(" · ")))
}

/// Commands that are the same but for a number at their end, as one: `line 4..8`.
fn in_common(commands: &[&str]) -> Vec<String> {
    let mut found: Vec<(&str, Option<(u32, u32)>)> = Vec::new();
    for command in commands {
        let numbered = command.rsplit_once(' ').and_then(|(stem, number)| Some((stem, number.parse::<u32>().ok()?)));
        let Some((stem, number)) = numbered else {
            found.push((command, None));
            continue;
        };
        match found.iter_mut().find_map(|(known, range)| range.as_mut().filter(|_| *known == stem)) {
            Some((low, high)) => (*low, *high) = ((*low).min(number), (*high).max(number)),
            None => found.push((stem, Some((number, number)))),
        }
    }
    let told = |(stem, range): (&str, Option<(u32, u32)>)| match range {
        None => stem.to_owned(),
        Some((low, high)) if low == high => format!("{stem} {low}"),
        Some((low, high)) => format!("{stem} {low}..{high}"),
    };
    found.into_iter().map(told).collect()
}

/// An answer of ours without that last line.
pub(crate) fn without_last_line(text: &str) -> &str {
    match text.trim_end().rsplit_once('\n') {
        Some((before, last)) if last.starts_with(HINT) || last == STOP_HINT => before.trim_end(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(commands: &[&str]) -> Vec<Action> {
        let action = |command: &&str| Action { label: "x".to_owned(), command: (*command).to_owned() };
        commands.iter().map(action).collect()
    }

    #[test]
    fn a_reaction_is_a_command_however_a_client_writes_it() {
        assert_eq!(press("1️⃣"), Some(Press::Command("line 1")));
        assert_eq!(press("5\u{20e3}"), Some(Press::Command("line 5")));
        assert_eq!(press("👍🏽"), Some(Press::Command("rate up")));
        assert_eq!(press("👎\u{fe0f}"), Some(Press::Command("rate down")));
        assert_eq!(press("🛑"), Some(Press::Stop));
        assert_eq!(press("📢"), Some(Press::Command("show")));
        for key in ["🎉", "6️⃣", "", "1", "line 1"] {
            assert_eq!(press(key), None, "{key}");
        }
    }

    #[test]
    fn many_are_named_by_what_they_have_in_common() {
        let commands: Vec<String> =
            (1..=5).flat_map(|number| ["mark up", "mark down"].map(|stem| format!("{stem} {number}"))).collect();
        let mut commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        commands.push("help");
        let line = last_line(&actions(&commands)).unwrap();
        assert_eq!(line, "↪ Reply with `!mark up 1..5` · `!mark down 1..5` · `!help`");
    }

    #[test]
    fn few_reactions_are_offered_and_the_rest_is_named() {
        let all = actions(&["line 1", "line 2", "line 3", "line 4", "ask-person"]);
        assert_eq!(offered(&all), ["1️⃣", "2️⃣", "3️⃣"]);
        assert_eq!(last_line(&all).unwrap(), "↪ Reply with `!line 4` · `!ask-person`");
        assert_eq!(last_line(&actions(&["line 1"])), None);
        assert_eq!(last_line(&[]), None);
    }

    #[test]
    fn what_grows_can_be_stopped() {
        let growing = actions(&[STOP]);
        assert!(offered(&growing).is_empty());
        assert_eq!(last_line(&growing).unwrap(), STOP_HINT);
    }

    #[test]
    fn the_last_line_is_no_part_of_what_was_said() {
        assert_eq!(without_last_line("It swims [1].\n\n↪ Reply with `!line 4`\n"), "It swims [1].");
        assert_eq!(without_last_line("It swims [1].\n\n*React with 🛑 to stop.*"), "It swims [1].");
        assert_eq!(without_last_line("It swims.\nReally."), "It swims.\nReally.");
    }
}
