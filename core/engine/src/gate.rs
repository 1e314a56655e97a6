//! Whether a call may run: a [`Permit`], or a sentence of refusal. Pure.
//!
//! **Invariant:** no wish and no policy shows everyone what a manifest keeps to the caller; and nothing that is decided in a
//! room keeps an operator from being answered.

use chat::{Audience, Call, Command, Manifest, Message, Policy, Readable, Role, Scope, Standing, Visibility};
use jiff::Timestamp;

/// The right to run one call, and what it may read.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    call: Call,
    readable: Readable,
    standing: Standing,
    policy: Policy,
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

    /// The same for who is not in the room any more: nothing of the room is read for them.
    pub fn outside(self) -> Self {
        let readable = self.readable.outside(&self.call.place.room);
        Self { readable, ..self }
    }

    /// The same at a time: an embargo that is over holds no more.
    pub fn at(self, now: Timestamp) -> Self {
        let readable = self.readable.at(now);
        Self { readable, ..self }
    }

    /// What is known of the caller.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What the room's moderators decided.
    pub fn policy(&self) -> &Policy {
        &self.policy
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

impl Load {
    /// Nothing waits or runs: for a call that has its place already.
    pub const NONE: Self = Self { of_caller: 0, of_caller_max: 1, in_all: 0, in_all_max: 1 };
}

/// What the gate looks at beside the call.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The plugin that is called.
    pub manifest: &'static Manifest,
    /// Its command.
    pub command: &'a Command,
    /// What is known of the caller.
    pub standing: &'a Standing,
    /// What the room's moderators decided.
    pub policy: &'a Policy,
    /// Whether everything is paused.
    pub paused: bool,
    /// The scopes that [`Members`](chat::ports::Members) gives beyond the place's own, for the audience that the reply
    /// will have.
    pub extra: &'a [Scope],
    /// How busy it is.
    pub load: Load,
    /// Who shall see the reply, where the message says so: see [`Message::visibility`].
    pub asked: Option<Visibility>,
}

impl Circumstances<'_> {
    /// Whether the call is one that no pause, no block and no policy takes away: what is the caller's own, and what
    /// wakes a room again.
    fn is_always_heard(&self) -> bool {
        self.manifest.open || self.command.role_min >= Role::Moderator
    }
}

/// Decides on a call.
///
/// # Errors
/// The sentence for the caller.
pub fn gate(mut call: Call, around: Circumstances<'_>) -> Result<Permit, String> {
    let Circumstances { manifest, command, standing, policy, paused, extra, load, asked } = around;
    // Whoever runs the machine is never locked out, whatever stands in the state.
    let is_blocked = standing.blocked.holds_in(&call.place.room) && call.role < Role::Operator;
    if is_blocked && !manifest.open {
        return Err("The moderators decided that I do not answer you.".to_owned());
    }
    // What is the caller's own is not the moderators' to take.
    let role_min = if manifest.open { command.role_min } else { policy.role_min(command) };
    if call.role < role_min {
        return Err(format!("`{}` needs the role {}.", command.name, role_min.name()));
    }
    if !around.is_always_heard() {
        if policy.paused || paused {
            return Err("I am paused; a moderator can wake me with `colloquy resume`.".to_owned());
        }
        if policy.plugins_off.contains(manifest.name) {
            return Err(format!("The moderators turned `{}` off in this room.", manifest.name));
        }
    }
    let bytes = bytes(&call);
    if bytes > Message::BYTES_MAX {
        return Err(format!(
            "That is {} kB of text; I read at most {} kB at once. Please send the part that matters.",
            bytes / 1024,
            Message::BYTES_MAX / 1024
        ));
    }
    // What nobody asked us keeps nobody from asking.
    if !call.unasked && load.of_caller >= load.of_caller_max {
        return Err(format!("You have {} calls running already; please wait for one of them.", load.of_caller));
    }
    if load.in_all >= load.in_all_max {
        return Err("I have more calls waiting than I can promise to answer; please try again in a minute.".to_owned());
    }
    // Before the command's visibility: who is in a room reads what the room reads, who writes in private must be one of us.
    if call.role == Role::Guest && call.place.audience == Audience::Caller && !manifest.open {
        return Err("In private I answer members of this community only.".to_owned());
    }
    call.place.audience = audience(call.place.audience, command, policy, asked);
    let own = standing.accounts.iter().cloned().map(Scope::Person);
    let extra: Vec<Scope> = extra.iter().cloned().chain(own).collect();
    let lent: Vec<Scope> = policy.reads.iter().cloned().collect();
    let readable = Readable::of(&call.place, &call.caller, &extra, &lent);
    Ok(Permit { call, readable, standing: standing.clone(), policy: policy.clone() })
}

/// How long the arguments of a call are.
pub fn bytes(call: &Call) -> usize {
    call.args.0.values().map(|value| value.to_string().len()).sum()
}

/// Who will see the reply: a command for the caller alone stays so in every room, whatever is `asked`; a room may have all but
/// its moderators' commands so, and who asks may want it otherwise there.
pub fn audience(place: Audience, command: &Command, policy: &Policy, asked: Option<Visibility>) -> Audience {
    let by_policy = if command.role_min < Role::Moderator { policy.visibility } else { Visibility::Room };
    match (command.visibility, asked.unwrap_or(by_policy)) {
        (Visibility::Room, Visibility::Room) => place,
        _ => Audience::Caller,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chat::{Args, Blocked, Place, Platform, Text, Value};
    use expect_test::{Expect, expect};

    use super::*;

    const NAMED: Text = Text { en: "", zh: "" };

    const fn command(name: &'static str, role_min: Role, visibility: Visibility) -> Command {
        Command {
            name,
            help: NAMED,
            menu: None,
            arguments: &[],
            role_min,
            visibility,
            deadline: Duration::from_secs(1),
            utterances: &[],
            examples: &[],
        }
    }

    static PLUGIN: Manifest = Manifest {
        name: "test",
        summary: NAMED,
        open: false,
        hears: None,
        commands: &[
            command("summary", Role::Member, Visibility::Room),
            command("look", Role::Guest, Visibility::Room),
            command("mine", Role::Member, Visibility::Caller),
            command("wake", Role::Moderator, Visibility::Room),
        ],
    };

    static OPEN: Manifest = Manifest { open: true, ..PLUGIN };

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
            unasked: false,
        }
    }

    const FREE: Load = Load { of_caller: 0, of_caller_max: 2, in_all: 0, in_all_max: 10 };

    /// What the gate says to a call of ana's in the seminar's room.
    struct Case {
        manifest: &'static Manifest,
        command: &'static str,
        role: Role,
        text: String,
        standing: Standing,
        policy: Policy,
        load: Load,
        audience: Audience,
        asked: Option<Visibility>,
    }

    impl Case {
        fn new(command: &'static str, role: Role) -> Self {
            let standing = Standing { accounts: vec!["ana".into()], ..Standing::default() };
            let (policy, text) = (Policy::default(), String::new());
            Self {
                manifest: &PLUGIN,
                command,
                role,
                text,
                standing,
                policy,
                load: FREE,
                audience: Audience::Room,
                asked: None,
            }
        }

        #[track_caller]
        fn check(self, want: Expect) {
            let mut call = call(self.role, &self.text);
            call.place.audience = self.audience;
            let around = Circumstances {
                manifest: self.manifest,
                command: self.manifest.command(self.command).unwrap(),
                standing: &self.standing,
                policy: &self.policy,
                paused: false,
                extra: &[],
                load: self.load,
                asked: self.asked,
            };
            let shown = match gate(call, around) {
                Ok(permit) => {
                    let scopes: Vec<String> = permit.readable().scopes().iter().map(Scope::to_string).collect();
                    format!("reads {}", scopes.join(" "))
                }
                Err(sentence) => sentence,
            };
            want.assert_eq(&shown);
        }
    }

    #[test]
    fn a_role_too_low_is_refused_by_its_name() {
        Case::new("summary", Role::Guest).check(expect!["`summary` needs the role Member."]);
        Case::new("summary", Role::Moderator).check(expect!["reads community:lab room:seminar"]);
    }

    #[test]
    fn a_room_can_ask_for_a_higher_role_and_never_for_a_lower_one() {
        let roles = [("summary".to_owned(), Role::Moderator), ("wake".to_owned(), Role::Guest)];
        let policy = Policy { roles: roles.into(), ..Policy::default() };
        Case { policy: policy.clone(), ..Case::new("summary", Role::Member) }
            .check(expect!["`summary` needs the role Moderator."]);
        Case { policy, ..Case::new("wake", Role::Member) }.check(expect!["`wake` needs the role Moderator."]);
    }

    #[test]
    fn only_a_private_reply_reads_what_is_private() {
        let accounts = vec!["ana".into(), "ana-elsewhere".into()];
        let standing = Standing { accounts, ..Standing::default() };
        Case { standing: standing.clone(), ..Case::new("mine", Role::Member) }
            .check(expect!["reads community:lab room:seminar person:ana person:ana-elsewhere"]);
        Case { standing, ..Case::new("summary", Role::Member) }.check(expect!["reads community:lab room:seminar"]);
    }

    #[test]
    fn a_room_reads_what_its_policy_adds_and_may_keep_replies_private() {
        let reads = ["group:nlp".parse().unwrap()].into();
        let policy = Policy { reads, ..Policy::default() };
        Case { policy: policy.clone(), ..Case::new("summary", Role::Member) }
            .check(expect!["reads community:lab group:nlp room:seminar"]);
        let policy = Policy { visibility: Visibility::Caller, ..policy };
        Case { policy, ..Case::new("summary", Role::Member) }
            .check(expect!["reads community:lab group:nlp room:seminar person:ana"]);
    }

    #[test]
    fn a_pause_and_a_block_leave_what_is_ones_own_and_what_ends_them() {
        let paused = Policy { paused: true, ..Policy::default() };
        let everywhere = Blocked { everywhere: true, ..Blocked::default() };
        let blocked = Standing { blocked: everywhere, ..Standing::default() };
        Case { policy: paused.clone(), ..Case::new("look", Role::Member) }
            .check(expect!["I am paused; a moderator can wake me with `colloquy resume`."]);
        Case { policy: paused.clone(), ..Case::new("wake", Role::Moderator) }
            .check(expect!["reads community:lab room:seminar"]);
        Case { standing: blocked.clone(), ..Case::new("look", Role::Member) }
            .check(expect!["The moderators decided that I do not answer you."]);
        Case { standing: blocked, policy: paused, manifest: &OPEN, ..Case::new("look", Role::Guest) }
            .check(expect!["reads community:lab room:seminar"]);
        let policy = Policy { roles: [("look".to_owned(), Role::Operator)].into(), ..Policy::default() };
        Case { policy, manifest: &OPEN, ..Case::new("look", Role::Guest) }
            .check(expect!["reads community:lab room:seminar"]);
        let policy = Policy { plugins_off: ["test".to_owned()].into(), ..Policy::default() };
        Case { policy, ..Case::new("look", Role::Member) }
            .check(expect!["The moderators turned `test` off in this room."]);
    }

    #[test]
    fn a_block_holds_in_its_room_and_for_no_operator() {
        let blocked = |everywhere, rooms: &[&str]| {
            let rooms = rooms.iter().map(|room| (*room).into()).collect();
            Standing { blocked: Blocked { everywhere, rooms }, ..Standing::default() }
        };
        let look = |role, standing| Case { standing, ..Case::new("look", role) };
        look(Role::Member, blocked(false, &["seminar"]))
            .check(expect!["The moderators decided that I do not answer you."]);
        look(Role::Member, blocked(false, &["hall"])).check(expect!["reads community:lab room:seminar"]);
        look(Role::Moderator, blocked(true, &[])).check(expect!["The moderators decided that I do not answer you."]);
        look(Role::Operator, blocked(true, &["seminar"])).check(expect!["reads community:lab room:seminar"]);
        // Nor does a pause keep them from ending it.
        let policy = Policy { paused: true, ..Policy::default() };
        Case { policy, standing: blocked(true, &["seminar"]), ..Case::new("wake", Role::Operator) }
            .check(expect!["reads community:lab room:seminar"]);
    }

    /// What is read tells who will see it: to the caller alone also what is their own.
    #[test]
    fn a_wish_widens_what_a_policy_narrowed_and_nothing_else() {
        let (room, alone) =
            (|| expect!["reads community:lab room:seminar"], || expect!["reads community:lab room:seminar person:ana"]);
        let discreet = || Policy { visibility: Visibility::Caller, ..Policy::default() };
        let asked = |command, role, policy, asked| Case { policy, asked, ..Case::new(command, role) };
        asked("look", Role::Member, discreet(), None).check(alone());
        asked("look", Role::Member, discreet(), Some(Visibility::Room)).check(room());
        asked("look", Role::Member, Policy::default(), Some(Visibility::Caller)).check(alone());
        for policy in [discreet(), Policy::default()] {
            for wish in [None, Some(Visibility::Room), Some(Visibility::Caller)] {
                asked("mine", Role::Member, policy.clone(), wish).check(alone());
            }
        }
        asked("wake", Role::Moderator, discreet(), None).check(room());
        let wish = Some(Visibility::Room);
        Case { audience: Audience::Caller, asked: wish, ..Case::new("look", Role::Member) }.check(alone());
    }

    #[test]
    fn too_much_is_refused() {
        Case { text: "x".repeat(100 * 1024), ..Case::new("look", Role::Member) }
            .check(expect!["That is 100 kB of text; I read at most 16 kB at once. Please send the part that matters."]);
        Case { load: Load { of_caller: 2, ..FREE }, ..Case::new("look", Role::Member) }
            .check(expect!["You have 2 calls running already; please wait for one of them."]);
        Case { load: Load { in_all: 10, ..FREE }, ..Case::new("look", Role::Member) }
            .check(expect!["I have more calls waiting than I can promise to answer; please try again in a minute."]);
    }

    #[test]
    fn a_stranger_is_not_answered_in_private_but_on_what_is_their_own() {
        let alone = |role, manifest| Case { audience: Audience::Caller, manifest, ..Case::new("look", role) };
        alone(Role::Guest, &PLUGIN).check(expect!["In private I answer members of this community only."]);
        alone(Role::Member, &PLUGIN).check(expect!["reads community:lab room:seminar person:ana"]);
        alone(Role::Guest, &OPEN).check(expect!["reads community:lab room:seminar person:ana"]);
        // In a room a guest reads what the room reads.
        Case::new("look", Role::Guest).check(expect!["reads community:lab room:seminar"]);
    }
}
