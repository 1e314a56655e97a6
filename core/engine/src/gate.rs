//! Whether a call may run: a [`Permit`], or a sentence of refusal. Pure.

use chat::{Audience, Call, Command, Message, Readable, Role, Scope, Visibility};

/// The right to run one call, and what it may read.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    call: Call,
    readable: Readable,
}

impl Permit {
    /// The call, its audience as the command's visibility has it.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// What everyone who will see the reply may read.
    pub fn readable(&self) -> &Readable {
        &self.readable
    }
}

/// How busy the caller and the machine are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Calls of this caller that wait or run.
    pub of_caller: usize,
    /// Most of them.
    pub of_caller_max: usize,
    /// All calls that wait or run.
    pub in_all: usize,
    /// Most of them.
    pub in_all_max: usize,
}

/// Decides on a call. `extra` are the scopes that [`Members`](chat::ports::Members) gives beyond the place's own,
/// for the audience that the reply will have.
///
/// # Errors
/// The sentence for the caller.
pub fn gate(mut call: Call, command: &Command, extra: &[Scope], load: Load) -> Result<Permit, String> {
    if call.role < command.role_min {
        return Err(format!("`{}` needs the role {}.", command.name, command.role_min.name()));
    }
    let bytes = bytes(&call);
    if bytes > Message::BYTES_MAX {
        return Err(format!(
            "That is {} kB of text; I read at most {} kB at once. Please send the part that matters.",
            bytes / 1024,
            Message::BYTES_MAX / 1024
        ));
    }
    if load.of_caller >= load.of_caller_max {
        return Err(format!("You have {} calls running already; please wait for one of them.", load.of_caller));
    }
    if load.in_all >= load.in_all_max {
        return Err("I have more calls waiting than I can promise to answer; please try again in a minute.".to_owned());
    }
    // Before the command's visibility: who is in a room reads what the room reads, who writes in private must be one of us.
    if call.role == Role::Guest && call.place.audience == Audience::Caller {
        return Err("In private I answer members of this community only.".to_owned());
    }
    call.place.audience = audience(call.place.audience, command);
    let readable = Readable::of(&call.place, &call.caller, extra);
    Ok(Permit { call, readable })
}

/// How long the arguments of a call are.
pub fn bytes(call: &Call) -> usize {
    call.args.0.values().map(|value| value.to_string().len()).sum()
}

/// Who will see the reply: a command for the caller alone stays so in every room.
pub fn audience(place: Audience, command: &Command) -> Audience {
    match command.visibility {
        Visibility::Caller => Audience::Caller,
        Visibility::Room => place,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chat::{Args, Place, Platform, Text, Value};
    use expect_test::{Expect, expect};

    use super::*;

    fn command(role_min: Role, visibility: Visibility) -> Command {
        Command {
            name: "summary",
            help: Text { en: "", zh: "" },
            menu: None,
            arguments: &[],
            role_min,
            visibility,
            deadline: Duration::from_secs(1),
            utterances: &[],
            examples: &[],
        }
    }

    fn call(role: Role, text: &str) -> Call {
        Call {
            id: chat::CallId("c".to_owned()),
            plugin: "test".to_owned(),
            command: "summary".to_owned(),
            args: Args::from([("text", Value::Text(text.to_owned()))]),
            caller: "ana".into(),
            role,
            place: Place {
                platform: Platform::Matrix,
                community: "lab".into(),
                room: "seminar".into(),
                thread: None,
                audience: Audience::Room,
            },
            about: None,
        }
    }

    const FREE: Load = Load { of_caller: 0, of_caller_max: 2, in_all: 0, in_all_max: 10 };

    #[track_caller]
    fn check(role: Role, visibility: Visibility, text: &str, load: Load, want: Expect) {
        let shown = match gate(call(role, text), &command(Role::Member, visibility), &[], load) {
            Ok(permit) => {
                let scopes: Vec<String> = permit.readable().scopes().iter().map(Scope::to_string).collect();
                format!("reads {}", scopes.join(" "))
            }
            Err(sentence) => sentence,
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn a_role_too_low_is_refused_by_its_name() {
        check(Role::Guest, Visibility::Room, "", FREE, expect!["`summary` needs the role Member."]);
        check(Role::Moderator, Visibility::Room, "", FREE, expect!["reads community:lab room:seminar"]);
    }

    #[test]
    fn only_a_private_reply_reads_what_is_private() {
        check(Role::Member, Visibility::Caller, "", FREE, expect!["reads community:lab room:seminar person:ana"]);
    }

    #[test]
    fn too_much_is_refused() {
        let long = "x".repeat(100 * 1024);
        check(
            Role::Member,
            Visibility::Room,
            &long,
            FREE,
            expect!["That is 100 kB of text; I read at most 16 kB at once. Please send the part that matters."],
        );
        let mine = Load { of_caller: 2, ..FREE };
        check(
            Role::Member,
            Visibility::Room,
            "",
            mine,
            expect!["You have 2 calls running already; please wait for one of them."],
        );
        let full = Load { in_all: 10, ..FREE };
        check(
            Role::Member,
            Visibility::Room,
            "",
            full,
            expect!["I have more calls waiting than I can promise to answer; please try again in a minute."],
        );
    }

    #[test]
    fn a_stranger_is_not_answered_in_private() {
        let mut stranger = call(Role::Guest, "");
        stranger.place.audience = Audience::Caller;
        let command = command(Role::Guest, Visibility::Room);
        assert!(gate(stranger.clone(), &command, &[], FREE).unwrap_err().contains("members"));
        stranger.role = Role::Member;
        assert!(gate(stranger, &command, &[], FREE).is_ok());
        assert!(gate(call(Role::Guest, ""), &command, &[], FREE).is_ok(), "in a room it reads what the room reads");
    }
}
