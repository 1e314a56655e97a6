//! Who may do what, as a table: every command, in every role, in a room and alone, under every circumstance.
//!
//! The table says a second time what the manifests say; the outcome is worked out here by other code than the gate's. A
//! command without a row fails.

use std::{collections::BTreeSet, sync::Arc};

use chat::{
    Audience, Event, Manifest, MemberId, Message, Place, Platform, Policy, Role, Visibility,
    people::Register as _,
    ports::{Audit as _, Dispatch},
};
use futures::StreamExt as _;
use jiff::Timestamp;
use server::home::{Home, Needs};
use tests::double::PlatformDouble;

const ROLES: [Role; 4] = [Role::Guest, Role::Member, Role::Moderator, Role::Operator];

/// A command, its least role, who sees its reply, and whether it deals with nothing but what is the caller's own.
const TABLE: [(&str, Role, Visibility, bool); 32] = [
    ("ask", Role::Guest, Visibility::Room, false),
    ("line", Role::Guest, Visibility::Room, false),
    ("sources", Role::Guest, Visibility::Caller, false),
    ("person", Role::Guest, Visibility::Room, false),
    ("accept", Role::Guest, Visibility::Caller, false),
    ("decline", Role::Guest, Visibility::Caller, false),
    ("summary", Role::Guest, Visibility::Room, false),
    ("here", Role::Guest, Visibility::Caller, false),
    ("catchup", Role::Member, Visibility::Caller, false),
    ("digest", Role::Moderator, Visibility::Room, false),
    ("translate", Role::Guest, Visibility::Caller, false),
    ("glossary", Role::Guest, Visibility::Room, false),
    ("bridge", Role::Moderator, Visibility::Room, false),
    ("force", Role::Guest, Visibility::Caller, false),
    ("add", Role::Member, Visibility::Room, false),
    ("papers", Role::Guest, Visibility::Caller, false),
    ("mark", Role::Guest, Visibility::Caller, false),
    ("profile", Role::Guest, Visibility::Caller, false),
    ("match", Role::Member, Visibility::Caller, false),
    ("introduce", Role::Member, Visibility::Caller, false),
    ("meet", Role::Guest, Visibility::Caller, false),
    ("rate", Role::Guest, Visibility::Caller, false),
    ("library", Role::Moderator, Visibility::Caller, false),
    ("privacy", Role::Guest, Visibility::Caller, true),
    ("link", Role::Guest, Visibility::Caller, true),
    ("unlink", Role::Guest, Visibility::Caller, true),
    ("room", Role::Moderator, Visibility::Room, false),
    ("colloquy", Role::Moderator, Visibility::Room, false),
    ("block", Role::Moderator, Visibility::Caller, false),
    ("role", Role::Operator, Visibility::Caller, false),
    ("why", Role::Moderator, Visibility::Caller, false),
    ("help", Role::Guest, Visibility::Caller, false),
];

/// What was decided before a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Blocked,
    PausedHere,
    PausedEverywhere,
    PluginOff,
    RoleRaised,
    RoleLowered,
    RepliesAlone,
}

const AROUND: [Around; 8] = [
    Around::Nothing,
    Around::Blocked,
    Around::PausedHere,
    Around::PausedEverywhere,
    Around::PluginOff,
    Around::RoleRaised,
    Around::RoleLowered,
    Around::RepliesAlone,
];

/// What comes of a call: who sees the reply, or a part of the sentence that refuses it.
type Outcome = Result<Audience, &'static str>;

/// The rules, in other words than the gate's.
fn expected(row: &(&str, Role, Visibility, bool), role: Role, place: Audience, around: Around) -> Outcome {
    let (_, least, visibility, is_own) = *row;
    let is_moderators = least == Role::Moderator || least == Role::Operator;
    // Whoever runs the machine is never locked out.
    if around == Around::Blocked && !is_own && role < Role::Operator {
        return Err("do not answer you");
    }
    // What is a person's own is not the moderators' to take.
    let least = if around == Around::RoleRaised && !is_own { Role::Operator } else { least };
    if role < least {
        return Err("needs the role");
    }
    if !is_own && !is_moderators {
        match around {
            Around::PausedHere | Around::PausedEverywhere => return Err("I am paused"),
            Around::PluginOff => return Err("turned"),
            _ => {}
        }
    }
    if role == Role::Guest && place == Audience::Caller && !is_own {
        return Err("In private I answer members");
    }
    let alone = visibility == Visibility::Caller
        || place == Audience::Caller
        || (around == Around::RepliesAlone && !is_moderators);
    Ok(if alone { Audience::Caller } else { Audience::Room })
}

struct Desk {
    home: Home,
    platform: Arc<PlatformDouble>,
    dispatch: Arc<dyn Dispatch>,
    said: usize,
    _dir: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Self {
        tokio::task::spawn_blocking(tests::models).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut settings = tests::settings(dir.path());
        let engine = &mut settings.engine;
        (engine.calls_per_minute_of_person, engine.calls_per_minute_in_room, engine.calls_per_minute_in_all) =
            (0, 0, 0);
        engine.refusals_per_minute_of_person = 0;
        let home = Home::open(&settings, Needs::Library).await.unwrap();
        let platform = Arc::new(PlatformDouble::default());
        let dispatch = platform.host(&home);
        Self { home, platform, dispatch, said: 0, _dir: dir }
    }

    fn message(&mut self, who: &str, audience: Audience, text: &str) -> Message {
        self.said += 1;
        let community = self.home.seat().place.community;
        Message {
            id: format!("m{}", self.said).as_str().into(),
            place: Place { platform: Platform::Discord, community, room: "seminar".into(), thread: None, audience },
            author: who.into(),
            text: text.to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: true,
            at: Timestamp::now(),
        }
    }

    /// Says something; who saw the reply, where the call ran, and its text.
    async fn says(&mut self, who: &str, audience: Audience, text: &str) -> (Option<Audience>, String) {
        let message = self.message(who, audience, text);
        let reply = tests::Reply { events: self.dispatch.message(message).await.collect().await };
        let seen = reply.events.iter().find_map(|event| match event {
            Event::Accepted { audience } => Some(*audience),
            _ => None,
        });
        (seen, reply.text())
    }

    async fn decide(&self, around: Around, plugin: &str, command: &str) {
        let store = &self.home.store;
        let room = "seminar".into();
        let roles = |role| [(command.to_owned(), role)].into();
        let policy = match around {
            Around::PausedHere => Policy { paused: true, ..Policy::default() },
            Around::PluginOff => Policy { plugins_off: [plugin.to_owned()].into(), ..Policy::default() },
            Around::RoleRaised => Policy { roles: roles(Role::Operator), ..Policy::default() },
            Around::RoleLowered => Policy { roles: roles(Role::Guest), ..Policy::default() },
            Around::RepliesAlone => Policy { visibility: Visibility::Caller, ..Policy::default() },
            Around::Nothing | Around::Blocked | Around::PausedEverywhere => Policy::default(),
        };
        store.set_policy(&room, Some(&policy), Timestamp::UNIX_EPOCH).await.unwrap();
        store.pause_all(around == Around::PausedEverywhere).await.unwrap();
        for role in ROLES {
            for person in [MemberId::from(role.name()), granted(role)] {
                store.set_blocked(&person, None, around == Around::Blocked).await.unwrap();
            }
        }
    }
}

/// Who has a role by grant, and is a stranger to the platform.
fn granted(role: Role) -> MemberId {
    MemberId(format!("granted-{}", role.name()))
}

fn manifests() -> Vec<&'static Manifest> {
    plugins::all().iter().map(|plugin| plugin.manifest()).collect()
}

#[test]
fn every_command_has_its_row_and_every_row_its_command() {
    let told: BTreeSet<&str> = TABLE.iter().map(|(command, ..)| *command).collect();
    let manifests = manifests();
    let known: BTreeSet<&str> =
        manifests.iter().flat_map(|manifest| manifest.commands).map(|command| command.name).collect();
    assert_eq!(told, known);
    for (name, least, visibility, is_own) in TABLE {
        let found = manifests.iter().find_map(|manifest| Some((manifest.open, manifest.command(name)?)));
        let (open, command) = found.unwrap();
        assert_eq!((command.role_min, command.visibility, open), (least, visibility, is_own), "{name}");
    }
}

/// Each call is the first example of its manifest, which changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_do_what_the_table_says_in_every_place_and_circumstance() {
    let mut desk = Desk::open().await;
    let mut people: Vec<(String, Role)> = ROLES.iter().map(|role| (role.name().to_owned(), *role)).collect();
    for role in ROLES {
        desk.platform.set_role(&role.name().into(), role);
        // The same roles again.
        desk.platform.set_role(&granted(role), Role::Guest);
        desk.home.store.set_grant(&granted(role), Some(role)).await.unwrap();
        people.push((granted(role).0, role));
    }
    let (mut ran, mut refused) = (0, 0);
    for manifest in manifests() {
        for command in manifest.commands {
            let row = TABLE.iter().find(|(name, ..)| *name == command.name).unwrap();
            let line = format!("!{}", command.examples[0].call);
            for around in AROUND {
                desk.decide(around, manifest.name, command.name).await;
                for (who, role) in &people {
                    for place in [Audience::Room, Audience::Caller] {
                        let want = expected(row, *role, place, around);
                        let (seen, text) = desk.says(who, place, &line).await;
                        let case = format!("{line} of {who} ({place:?}, {around:?}): {text}");
                        match want {
                            Ok(audience) => assert_eq!(seen, Some(audience), "{case}"),
                            Err(sentence) => assert!(seen.is_none() && text.contains(sentence), "{sentence}; {case}"),
                        }
                        *if want.is_ok() { &mut ran } else { &mut refused } += 1;
                    }
                }
            }
        }
    }
    assert!(ran > 500 && refused > 500, "{ran} ran, {refused} were refused");
}

/// What a command does at one of its arguments needs more than the command itself; and nothing is left of a call that
/// was refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_more_than_its_command_is_refused_where_it_is_done() {
    const LINES: [(&str, Role, &str); 11] = [
        ("!colloquy pause --everywhere", Role::Operator, "silent everywhere"),
        ("!colloquy resume --everywhere", Role::Operator, "everywhere again"),
        ("!room set reads group:nlp", Role::Operator, "reads = [\"group:nlp\"]"),
        ("!room set reads group:nlp, room:hall", Role::Operator, "room:hall"),
        ("!room set quiet 22:00-07:00", Role::Moderator, "22:00-07:00"),
        ("!room reset", Role::Moderator, "defaults hold again"),
        ("!colloquy pause", Role::Moderator, "silent here"),
        ("!colloquy resume", Role::Moderator, "here again"),
        ("!role moderator dan", Role::Operator, "from now on"),
        ("!glossary add network: de=Netz", Role::Moderator, "Netz"),
        // What is the whole community's by now.
        ("!glossary remove network", Role::Operator, "Removed"),
    ];
    let mut desk = Desk::open().await;
    for role in ROLES {
        desk.platform.set_role(&role.name().into(), role);
    }
    let state = async |desk: &Desk| {
        let store = &desk.home.store;
        let dan = store.standing(&"dan".into()).await.unwrap();
        format!("{:?} {:?} {dan:?}", store.policies().await.unwrap(), store.is_paused().await.unwrap())
    };
    for (line, least, want) in LINES {
        for role in ROLES {
            let before = state(&desk).await;
            let (_, text) = desk.says(role.name(), Audience::Room, line).await;
            assert_eq!(text.contains(want), role >= least, "{line} of {role:?}: {text}");
            if role < least {
                assert!(text.contains("needs the role"), "{line} of {role:?}: {text}");
                assert_eq!(state(&desk).await, before, "{line} of {role:?}");
            }
        }
    }
    // Who was granted a role cannot be blocked by a moderator, nor anyone block themselves.
    for whom in ["dan", "<@dan>", "Moderator"] {
        let (_, text) = desk.says("Moderator", Audience::Room, &format!("!block {whom}")).await;
        assert!(text.contains("Neither yourself"), "{whom}: {text}");
    }
    // A grant holds at once, and its end too.
    desk.platform.set_role(&"dan".into(), Role::Guest);
    assert!(desk.says("dan", Audience::Room, "!room").await.1.contains("auto-answer"));
    desk.says("Operator", Audience::Room, "!role none dan").await;
    assert!(desk.says("dan", Audience::Room, "!room").await.1.contains("needs the role Moderator"));
    desk.says("Moderator", Audience::Room, "!block <@!dan>").await;
    assert!(desk.says("dan", Audience::Room, "!ask why?").await.1.contains("do not answer you"));
    assert!(desk.says("dan", Audience::Room, "!privacy").await.1.contains("index: off"));
    desk.says("Moderator", Audience::Room, "!block dan --lift").await;
    assert!(desk.says("dan", Audience::Room, "!ask why?").await.1.contains("is empty"));
    // Each refusal is in the audit trail, by its name.
    let events = desk.home.store.audit_events(0, 1_000).await.unwrap();
    let refused = events.iter().filter(|(_, event)| event.outcome == "refused").count();
    assert!(refused > 20, "{refused}");
    let last = events.last().map(|(_, event)| event.call.id.clone()).unwrap();
    assert!(desk.home.store.flight(&last).await.unwrap().is_some());
}
