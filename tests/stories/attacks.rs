//! Attacks as data: who tries what where, and what must not come of it. A new one is a row of [`ATTACKS`].
//!
//! In the hall `mona` is a moderator, as whoever opened a room of their own is; in the seminar, which is the group's, `sue` is.
//! `olga` is an operator by configuration, `gus` a moderator by grant, and `operator` is who sits at the console. `ana` and
//! `bob` are members everywhere, `eve` is one of the hall alone and a stranger elsewhere.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::{
    Action, Attachment, Audience, CallId, Event, Manifest, MemberId, Message, MessageId, Overheard, Platform, Role,
    Scope, Switch, Visibility,
    people::Register as _,
    ports::{Clock as _, Inbox, Outbox, PluginData},
};
use frontend::{Driver, Pace, Part, Screen, ScreenError, Style, driver::SHOW};
use futures::StreamExt as _;
use serde_json::{Value, json};
use server::home::{Home, Needs};
use tests::{
    World,
    desk::{Desk, words},
    double::{Hands, PlatformDouble, STYLE},
};

/// What must not come of an attack.
enum Never {
    /// The attacker, or anybody at all, reads this.
    Read(&'static str),
    /// Somebody is not answered in a room any more.
    Silenced(&'static str, &'static str),
    /// A person who asks in a room reads this: `who`, `room`, what they say, what must not be in the reply.
    Told(&'static str, &'static str, &'static str, &'static str),
    /// A person has this role.
    Has(&'static str, Role),
    /// What is said in the seminar is said again elsewhere.
    Carried,
    /// A person consents to this.
    Agreed(&'static str, Switch),
    /// All in the room see the reply.
    Public,
}
use Never::{Agreed, Carried, Has, Public, Read, Silenced, Told};

/// What it is an attack on, who tries it and where, what they say one after the other (`who@room: ...` for somebody else's
/// lines; `CODE` is the last code that anybody was told; `+name` comes with a file of [`FILES`]), and what must not come of
/// it.
type Attack = (&'static str, &'static str, &'static str, &'static str, Never);

// A row a line.
#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // A moderator's power ends where their room ends.
    ("blocks", "mona", "hall", "!block olga", Silenced("olga", "seminar")),
    ("blocks", "mona", "hall", "!block olga", Silenced("olga", "hall")),
    ("blocks", "mona", "hall", "!block operator", Silenced("operator", "seminar")),
    ("blocks", "mona", "hall", "!block gus", Silenced("gus", "hall")),
    ("blocks", "mona", "hall", "!block sue", Silenced("sue", "seminar")),
    ("blocks", "mona", "hall", "!block <@bob>", Silenced("bob", "seminar")),
    ("blocks", "mona", "hall", "!block bob ; bob@hall: !privacy", Silenced("bob", "seminar")),
    ("blocks", "gus", "hall", "!block ana", Silenced("ana", "seminar")),
    ("blocks", "olga", "hall", "!block olga", Silenced("olga", "hall")),
    ("blocks", "ana", "hall", "!block bob", Silenced("bob", "hall")),
    ("blocks", "mona", "seminar", "!block bob", Silenced("bob", "seminar")),
    ("blocks", "mona", "hall", "olga@seminar: !block bob ; !block --lift bob", Told("bob", "hall", "!ask Where do the Zqgeese of the town eat grass?", "eat grass.")),
    ("pauses", "mona", "hall", "!colloquy pause --everywhere", Silenced("ana", "seminar")),
    ("pauses", "mona", "hall", "!colloquy pause", Silenced("ana", "seminar")),
    ("pauses", "mona", "hall", "!colloquy pause", Told("olga", "hall", "!colloquy resume", "do not answer")),
    ("roles", "mona", "hall", "!role operator mona", Has("mona", Role::Operator)),
    ("roles", "gus", "hall", "!role operator gus", Has("gus", Role::Operator)),
    ("roles", "mona", "hall", "!room set roles privacy=operator", Told("ana", "hall", "!privacy", "needs the role")),
    ("rules", "mona", "hall", "!room set reads room:seminar", Told("mona", "hall", "!room", "room:seminar")),
    ("rules", "mona", "hall", "!room set reads person:bob", Told("mona", "hall", "!room", "person:bob")),
    ("rules", "mona", "hall", "!room set language de", Told("sue", "seminar", "!room", "language = \"de\"")),
    ("words", "mona", "hall", "!glossary add network: de=Zqfilz", Told("ana", "seminar", "!glossary list", "Zqfilz")),
    ("words", "mona", "hall", "gus@hall: !glossary add loss: de=Zqverlust ; !glossary remove loss", Told("ana", "seminar", "!glossary list zqverlust", "has no term")),
    ("words", "mona", "hall", "gus@hall: !glossary add loss: de=Zqverlust ; !glossary add loss: de=Zqfilz", Told("ana", "seminar", "!glossary list", "Zqfilz")),
    ("words", "ana", "hall", "!glossary add network: de=Zqfilz", Told("ana", "hall", "!glossary list", "Zqfilz")),
    ("papers", "mona", "hall", "!library move community Zqswans", Told("ana", "seminar", "!papers", "Zqswans")),
    ("papers", "mona", "hall", "!library move room:seminar Zqswans", Told("ana", "seminar", "!papers", "Zqswans")),
    ("papers", "mona", "hall", "!library remove - Zqducks", Told("ana", "seminar", "!papers Zqducks", "No paper here")),
    ("papers", "mona", "hall", "!library retracted - Zqgeese", Told("sue", "seminar", "!library show - Zqgeese", "- retracted")),
    ("papers", "mona", "hall", "!library show - Zqducks", Read("room:seminar")),
    // Whoever has the code of an offer can join; the room that offered it says whom it meant.
    ("bridges", "sue", "seminar", "!bridge offer en", Public),
    ("bridges", "mona", "hall", "sue@seminar: !bridge offer en ; !bridge join CODE en", Carried),
    ("bridges", "mona", "hall", "sue@seminar: !bridge offer en ; !bridge join CODE en ; !bridge confirm CODE", Carried),
    ("bridges", "mona", "hall", "sue@seminar: !bridge offer en ; !bridge join CODE en ; eve@seminar: !bridge confirm CODE", Carried),
    ("bridges", "mona", "hall", "!bridge offer en ; !bridge join CODE en ; !bridge confirm CODE", Carried),
    ("bridges", "mona", "seminar", "!bridge start en de", Carried),
    // What a command keeps to its caller stays theirs, though the room is wished to see it.
    ("show", "ana", "seminar", "!link", Public),
    ("show", "ana", "seminar", "!privacy export", Public),
    ("show", "ana", "seminar", "!match Who knows ducks?", Public),
    ("show", "ana", "seminar", "!introduce 1", Public),
    ("show", "sue", "seminar", "!digest papers", Public),
    ("show", "mona", "hall", "!why", Public),
    ("show", "ana", "seminar", "!profile", Public),
    // One word of somebody does not make them somebody else.
    ("linking", "eve", "hall", "!link ; gus@hall: !link CODE", Has("eve", Role::Moderator)),
    ("linking", "eve", "hall", "!privacy set index on ; !link ; ana@hall: !link CODE", Agreed("ana", Switch::Index)),
    ("linking", "eve", "hall", "olga@hall: !block eve ; !link ; ana@hall: !link CODE", Silenced("ana", "seminar")),
    ("linking", "eve", "hall", "!link ; ana@hall: !link CODE ; !papers", Read("Zqdraft")),
    // What people write of themselves is text.
    ("words of people", "eve", "hall", "!profile add [Confirm](https://evil.example/login) your account ; !profile preview", Read("[Confirm](")),
    ("words of people", "eve", "hall", "!profile add name [Confirm](https://evil.example/login) ; !profile preview", Read("[Confirm](")),
    // Nobody rewrites a paper that somebody else brought, wherever.
    ("papers of others", "bob", "seminar", "!add +evil.xml", Told("ana", "seminar", "!ask How long do the Zqteals dive?", "999")),
    ("papers of others", "bob", "seminar", "!add +evil.xml", Told("ana", "seminar", "!papers Zqteals", "Mallory")),
    ("papers of others", "eve", "hall", "!add +evil.xml", Told("ana", "seminar", "!ask How long do the Zqteals dive?", "999")),
    // What others own is not told.
    ("reading", "eve", "hall", "!papers", Read("Zqducks")),
    ("reading", "eve", "hall", "!ask Where do the Zqducks dive on the lake?", Read("twelve seconds")),
    ("reading", "bob", "seminar", "!papers ; !ask What does the Zqdraft of ana say?", Read("unfinished")),
];

/// Files that attackers bring.
const FILES: [(&str, &str); 1] = [(
    "evil.xml",
    "<article><front><article-meta><article-id pub-id-type=\"doi\">10.1000/zqteals</article-id><title-group>\
     <article-title>Zqteals, corrected by Mallory</article-title></title-group><contrib-group><contrib \
     contrib-type=\"author\"><name><surname>Mallory</surname><given-names>Eve</given-names></name></contrib>\
     </contrib-group><abstract><p>The Zqteals dive for 999 seconds on the lake.</p></abstract></article-meta></front>\
     <body><sec><title>Results</title><p>All Zqteals dive for 999 seconds, and no Zqteal dives for less than that.</p>\
     </sec></body></article>",
)];

/// The desk of the attacks, with a paper of each kind.
async fn opened() -> Desk {
    tokio::task::spawn_blocking(tests::models).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut settings = tests::settings(dir.path());
    let engine = &mut settings.engine;
    (engine.calls_per_minute_of_person, engine.calls_per_minute_in_room, engine.calls_per_minute_in_all) = (0, 0, 0);
    (engine.refusals_per_minute_of_person, engine.slots) = (0, 1);
    let home = Home::open(&settings, Needs::Library).await.unwrap();
    let files = FILES.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    let platform = PlatformDouble { files, ..PlatformDouble::default() };
    platform.set_role(&"olga".into(), Role::Operator);
    platform.set_role(&"eve".into(), Role::Guest);
    for (room, who, role) in
        [("hall", "mona", Role::Moderator), ("seminar", "sue", Role::Moderator), ("hall", "eve", Role::Member)]
    {
        platform.set_role_in(&room.into(), &who.into(), role);
    }
    let clock = Hands("2026-11-24T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
    Desk::of(World { home, dir }, Arc::new(platform), Arc::new(clock))
}

/// With papers on the shelves: the seminar's, the hall's, the community's and one of ana's own.
async fn furnished() -> Desk {
    let desk = opened().await;
    let papers = [
        (
            "ducks",
            Scope::Room("seminar".into()),
            "# Zqducks of the lake\n\nThe Zqducks dive for twelve seconds on the lake.\n",
        ),
        ("swans", Scope::Room("hall".into()), "# Zqswans of the hall\n\nThe Zqswans of the hall sleep at noon.\n"),
        ("geese", desk.home().community(), "# Zqgeese of the town\n\nThe Zqgeese of the town eat grass.\n"),
        (
            "teals.bib",
            Scope::Room("seminar".into()),
            "@article{teals, title = {Zqteals of the lake}, author = {Tern, Tilda}, year = 2020, doi = {10.1000/zqteals}, \
             abstract = {The Zqteals dive for twelve seconds on the lake.}}\n",
        ),
        ("draft", Scope::Person("ana".into()), "# Zqdraft of ana\n\nThe Zqdraft of ana is unfinished.\n"),
    ];
    for (name, scope, text) in papers {
        let name = if name.contains('.') { name.to_owned() } else { format!("{name}.md") };
        let file = desk.world.dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let (bar, stop) = (indicatif::ProgressBar::hidden(), tokio_util::sync::CancellationToken::new());
        server::ingest::ingest(&desk.home().library(), &[file], &scope, &bar, &stop).await.unwrap();
    }
    desk
}

/// As if nobody had decided anything yet.
async fn reset(desk: &Desk) {
    let store = &desk.home().store;
    for who in ["olga", "operator", "gus", "sue", "mona", "ana", "bob", "eve"].map(MemberId::from) {
        store.set_blocked(&who, None, false).await.unwrap();
        store.set_grant(&who, None).await.unwrap();
        store.unlink(&who, desk.clock.now()).await.unwrap();
        for switch in Switch::ALL {
            store.set_consent(&who, switch, false, desk.clock.now()).await.unwrap();
        }
    }
    store.set_grant(&"gus".into(), Some(Role::Moderator)).await.unwrap();
    store.pause_all(false).await.unwrap();
    for (room, _) in store.policies().await.unwrap() {
        store.set_policy(&room, None, desk.clock.now()).await.unwrap();
    }
    for (key, _) in PluginData::list(store, "translation", "").await.unwrap() {
        PluginData::set(store, "translation", None, &key, None).await.unwrap();
    }
    for post in Outbox::pending(store, Platform::Discord).await.unwrap() {
        Outbox::remove(store, &post.call).await.unwrap();
    }
}

/// The last code in a text: three groups of four signs.
fn code(text: &str) -> Option<String> {
    let is_code = |word: &&str| {
        let parts: Vec<&str> = word.split('-').collect();
        parts.len() == 3 && parts.iter().all(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').rfind(is_code).map(str::to_owned)
}

/// What the attacker, and whoever spoke for them, was told, and whether all in the room saw a part of it.
async fn tried(desk: &mut Desk, (part, who, room, lines, _): &Attack) -> (String, bool) {
    let visibility = (*part == "show").then_some(Visibility::Room);
    let (mut told, mut is_public, mut last) = (String::new(), false, "0000-0000-0000".to_owned());
    for line in lines.split(" ; ") {
        let (speaker, line) = match line.split_once(": ") {
            Some((speaker, rest)) if speaker.contains('@') => (speaker, rest),
            _ => ("", line),
        };
        let (who, room) = speaker.split_once('@').unwrap_or((*who, *room));
        let (line, file) = line.split_once(" +").unwrap_or((line, ""));
        let attached = Attachment { name: file.to_owned(), media_type: None, bytes: 0, handle: file.to_owned() };
        let attachments = if file.is_empty() { Vec::new() } else { vec![attached] };
        let message = desk.message(room, who, &line.replace("CODE", &last));
        let message = Message { visibility, attachments, ..message };
        let reply = desk.reply(message).await;
        is_public |= reply.events.iter().any(|event| matches!(event, Event::Accepted { audience: Audience::Room }));
        let text = reply.text();
        last = code(&text).unwrap_or(last);
        told.push_str(&text);
        told.push('\n');
    }
    (told, is_public)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_of_the_table_comes_to_anything() {
    let mut desk = furnished().await;
    let mut came_through = Vec::new();
    for attack in ATTACKS {
        reset(&desk).await;
        let (told, is_public) = tried(&mut desk, attack).await;
        let (part, who, room, lines, never) = attack;
        let (has_happened, how) = match never {
            Read(text) => (told.contains(text), told),
            Public => (is_public, told),
            Silenced(whom, place) => {
                let said = desk.says(place, whom, "!ask Where do the Zqgeese of the town eat grass?").await;
                (said.contains("do not answer you") || said.contains("I am paused"), said)
            }
            Told(whom, place, line, text) => {
                let said = desk.says(place, whom, line).await;
                (said.contains(text), said)
            }
            Has(whom, role) => {
                let grant = desk.home().store.standing(&(*whom).into()).await.unwrap().grant;
                (grant >= Some(*role), format!("{grant:?}"))
            }
            Agreed(whom, switch) => {
                let consent = desk.home().store.standing(&(*whom).into()).await.unwrap().consent;
                (consent.to(*switch), format!("{consent:?}"))
            }
            Carried => {
                let message = desk.message("seminar", "ana", "The Zqsecret boat leaves the lake at six tomorrow.");
                let (link, name, room) = (None, "ana".to_owned(), "seminar".to_owned());
                let heard = Overheard { message, link, name, room };
                desk.dispatch.overheard(heard).await.collect::<Vec<_>>().await;
                desk.dispatch.settled().await;
                let said: String = desk.posts().await.iter().map(words).collect();
                (said.contains("Zqsecret"), said)
            }
        };
        if has_happened {
            came_through.push(format!("{part}: {who} in the {room} says `{lines}`: {how}"));
        }
    }
    assert!(came_through.is_empty(), "{} came through:\n{}", came_through.len(), came_through.join("\n"));
}

/// What a moderator may do in their own room they still can: the table proves nothing of a bot that does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_still_decides_on_their_own_room() {
    let mut desk = furnished().await;
    reset(&desk).await;
    assert!(desk.says("hall", "mona", "!block bob").await.contains("in this room"));
    assert!(desk.says("hall", "bob", "!ask why?").await.contains("do not answer you"));
    assert!(desk.says("hall", "mona", "!block --lift bob").await.contains("answered again"));
    assert!(!desk.says("hall", "bob", "!ask why?").await.contains("do not answer you"));
    assert!(desk.says("hall", "olga", "!block bob").await.contains("in any room"));
    assert!(desk.says("seminar", "bob", "!ask why?").await.contains("do not answer you"));
    assert!(desk.says("hall", "mona", "!block --lift bob").await.contains("only an operator ends that"));
    assert!(desk.says("hall", "olga", "!block --lift bob").await.contains("answered again"));
    assert!(desk.says("hall", "mona", "!glossary add network: de=Zqfilz").await.contains("(in this room)"));
    assert!(desk.says("hall", "bob", "!glossary list").await.contains("Zqfilz"));
    assert!(desk.says("hall", "gus", "!glossary add network: de=Netz").await.contains("de Netz"));
    for room in ["hall", "seminar"] {
        assert!(desk.says(room, "bob", "!glossary list").await.contains("Netz"), "{room}");
    }
    assert!(desk.says("hall", "gus", "!library move community Zqswans").await.contains("Moved to community:"));
    assert!(desk.says("seminar", "ana", "!papers").await.contains("Zqswans"));
    let offered = desk.says("seminar", "sue", "!bridge offer en").await;
    let code = code(&offered).unwrap();
    desk.says("hall", "mona", &format!("!bridge join {code} en")).await;
    assert!(desk.says("seminar", "sue", &format!("!bridge confirm {code}")).await.contains("I carry to a room"));
}

/// An operator is answered whatever stands in the state, also from before there were blocks of rooms.
#[tokio::test(flavor = "multi_thread")]
async fn no_block_and_no_pause_locks_an_operator_out() {
    let mut desk = opened().await;
    let store = desk.home().store.clone();
    store.set_grant(&"gus".into(), Some(Role::Operator)).await.unwrap();
    for who in ["olga", "gus", "operator"] {
        store.set_blocked(&who.into(), None, true).await.unwrap();
    }
    store.pause_all(true).await.unwrap();
    let said = desk.world.says("/colloquy resume --everywhere").await.text();
    assert!(said.contains("everywhere again"), "who sits at the console: {said}");
    for who in ["olga", "gus"] {
        store.pause_all(true).await.unwrap();
        let said = desk.says("seminar", who, "!colloquy resume --everywhere").await;
        assert!(said.contains("everywhere again"), "{who}: {said}");
        let said = desk.says("seminar", who, &format!("!block --lift {who}")).await;
        assert!(said.contains("answered again"), "{who}: {said}");
    }
}

/// A platform that shows everything, and remembers what went where.
#[derive(Default)]
struct Shown(std::sync::Mutex<Vec<(Value, Part)>>);

impl Shown {
    /// What all in a room saw.
    fn public(&self) -> Vec<Part> {
        let shown = self.0.lock().unwrap();
        shown.iter().filter(|(address, _)| address.get("room").is_some()).map(|(_, part)| part.clone()).collect()
    }
}

#[async_trait]
impl Screen for Shown {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    fn style(&self) -> &Style {
        &STYLE
    }

    fn pace(&self) -> Pace {
        Pace { gap: Duration::ZERO, growth: 1.0, gap_max: Duration::ZERO }
    }

    fn bucket(&self, _: &Value) -> String {
        String::new()
    }

    async fn address(&self, message: &Message, audience: Audience) -> Result<Value, ScreenError> {
        Ok(match audience {
            Audience::Caller => json!({ "alone": message.author }),
            Audience::Room => json!({ "room": message.place.room }),
        })
    }

    async fn open_room(&self, _: &Message, _: &str) -> Result<Value, ScreenError> {
        Err(ScreenError::Gone { reason: "none is opened here".to_owned() })
    }

    async fn take_in(&self, _: &Value, _: &MemberId) -> Result<(), ScreenError> {
        Ok(())
    }

    async fn send(&self, address: &Value, _: &str, part: &Part) -> Result<MessageId, ScreenError> {
        let mut shown = self.0.lock().unwrap();
        shown.push((address.clone(), part.clone()));
        Ok(MessageId(shown.len().to_string()))
    }

    async fn edit(&self, address: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError> {
        self.0.lock().unwrap().push((address.clone(), part.clone()));
        Ok(shown.clone())
    }

    async fn remove(&self, _: &Value, _: &MessageId) -> Result<(), ScreenError> {
        Ok(())
    }

    async fn typing(&self, _: &Value) {}
}

fn driver(desk: &Desk, shown: &Arc<Shown>) -> Driver {
    let inbox: Arc<dyn Inbox> = Arc::new(desk.home().store.clone());
    let outbox: Arc<dyn Outbox> = Arc::new(desk.home().store.clone());
    Driver::new(shown.clone(), desk.dispatch.clone(), inbox, outbox)
}

/// Every line of every command whose reply is for the caller alone, by its manifest or by a word of its arguments.
fn lines_for_one() -> Vec<String> {
    let manifests: Vec<&'static Manifest> = plugins::all().iter().map(|plugin| plugin.manifest()).collect();
    let mut lines = Vec::new();
    for command in manifests.iter().flat_map(|manifest| manifest.commands) {
        let words = command.arguments.iter().flat_map(|argument| argument.own.iter().chain(argument.alone));
        lines.extend(words.map(|word| format!("{} {word}", command.name)));
        if command.visibility == Visibility::Caller {
            lines.push(command.name.to_owned());
            lines.extend(command.examples.iter().map(|example| example.call.to_owned()));
        }
    }
    lines
}

/// Whatever is pressed under a reply, or wished with a question, a room sees nothing that the command keeps to its caller.
#[tokio::test(flavor = "multi_thread")]
async fn no_press_shows_a_room_what_is_for_one() {
    let mut desk = furnished().await;
    let shown = Arc::new(Shown::default());
    let driver = driver(&desk, &shown);
    let lines = lines_for_one();
    assert!(lines.len() > 30 && lines.iter().any(|line| line == "digest papers"), "{lines:?}");
    for line in &lines {
        for wish in [None, Some(Visibility::Room)] {
            // An operator may call all of them.
            let message = desk.message("seminar", "olga", &format!("!{line}"));
            let message = Message { visibility: wish, addressed: true, ..message };
            let call = message.call_id();
            driver.answer(message, None, Vec::new()).await;
            press(&mut desk, &driver, &call, line).await;
        }
    }
    let public = shown.public();
    assert!(public.is_empty(), "{public:?}");
    // And a press does show what a policy alone kept to the caller.
    let discreet = chat::Policy { visibility: Visibility::Caller, ..chat::Policy::default() };
    desk.home().store.set_policy(&"seminar".into(), Some(&discreet), desk.clock.now()).await.unwrap();
    let message = desk.message("seminar", "ana", "!ask Where do the Zqducks dive?");
    let call = message.call_id();
    driver.answer(message, None, Vec::new()).await;
    assert!(shown.public().is_empty());
    press(&mut desk, &driver, &call, "ask").await;
    assert!(!shown.public().is_empty());
}

/// Presses "Show to everyone" under an answer, whether or not it stands there: an older version put it under everything.
async fn press(desk: &mut Desk, driver: &Driver, call: &CallId, line: &str) {
    let store = desk.home().store.clone();
    let Some(mut post) = Outbox::get(&store, call).await.unwrap() else { return };
    let button = Action { label: "Show to everyone".to_owned(), command: SHOW.to_owned() };
    let is_offered = post.actions.contains(&button);
    assert!(!is_offered || line == "ask", "{line}: it is offered to show this");
    if !is_offered {
        post.actions.push(button);
        Outbox::put(&store, &post).await.unwrap();
    }
    let who = post.question.author.0.clone();
    let message = Message { about: Some(call.clone()), addressed: true, ..desk.message("seminar", &who, "/show") };
    driver.answer(message, None, Vec::new()).await;
}

/// What may be done changes while calls wait: what holds at the end counts.
#[tokio::test(flavor = "multi_thread")]
async fn rights_are_those_of_the_moment_a_turn_comes() {
    const ASKED: &str = "!ask Where do the Zqducks dive on the lake?";
    let revoked: [(&str, &str, &str); 6] = [
        ("blocked", "bob", "do not answer you"),
        ("paused", "bob", "I am paused"),
        ("paused everywhere", "bob", "I am paused"),
        ("discreet", "bob", "please ask again"),
        ("demoted", "sue", "needs the role Moderator"),
        ("gone", "bob", "You left this room"),
    ];
    for (what, who, sentence) in revoked {
        let mut desk = furnished().await;
        let platform = Arc::clone(&desk.platform);
        let held = platform.held.lock().await;
        // The one slot is taken until the file comes.
        let file = Attachment { name: "a.md".to_owned(), media_type: None, bytes: 0, handle: "a.md".to_owned() };
        let slow = Message { attachments: vec![file], ..desk.message("attic", "ana", "!add") };
        let mut first = desk.dispatch.message(slow).await;
        while !matches!(first.next().await.unwrap(), Event::Progress { .. }) {}
        let line = if what == "demoted" { "!room" } else { ASKED };
        let message = desk.message("seminar", who, line);
        let mut second = desk.dispatch.message(message).await;
        let mut events = Vec::new();
        while !matches!(events.last(), Some(Event::Progress { .. })) {
            events.push(second.next().await.unwrap());
        }
        let store = desk.home().store.clone();
        let paused = chat::Policy { paused: true, ..chat::Policy::default() };
        let discreet = chat::Policy { visibility: Visibility::Caller, ..chat::Policy::default() };
        match what {
            "blocked" => store.set_blocked(&who.into(), Some(&"seminar".into()), true).await.unwrap(),
            "paused" => store.set_policy(&"seminar".into(), Some(&paused), desk.clock.now()).await.unwrap(),
            "discreet" => store.set_policy(&"seminar".into(), Some(&discreet), desk.clock.now()).await.unwrap(),
            "paused everywhere" => store.pause_all(true).await.unwrap(),
            "gone" => platform.set_role_in(&"seminar".into(), &who.into(), Role::Guest),
            _ => platform.set_role_in(&"seminar".into(), &who.into(), Role::Member),
        }
        drop(held);
        drop(first.collect::<Vec<_>>().await);
        events.extend(second.collect::<Vec<_>>().await);
        let text = tests::Reply { events }.text();
        assert!(text.contains(sentence) && !text.contains("twelve seconds"), "{what}: {text}");
    }
}

/// What waits in the outbox while a platform is away is asked about again.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_said_to_who_may_read_it_then() {
    let mut desk = furnished().await;
    let store = desk.home().store.clone();
    let message = desk.message("seminar", "bob", "!ask Where do the Zqducks dive on the lake?");
    let alone = Message { visibility: Some(Visibility::Caller), ..message };
    let own = desk.message("seminar", "bob", "!privacy");
    let post = |question: &Message| chat::ports::Post {
        call: question.call_id(),
        question: question.clone(),
        renews: None,
        address: Value::Null,
        shown: Vec::new(),
        actions: Vec::new(),
        of: Vec::new(),
        body: Some(json!([])),
    };
    let may = async |desk: &Desk, question: &Message| desk.dispatch.may_say(&post(question)).await;
    let (bob, seminar) = (MemberId::from("bob"), "seminar".into());
    assert!(may(&desk, &alone).await.unwrap());
    store.set_blocked(&bob, Some(&seminar), true).await.unwrap();
    assert!(!may(&desk, &alone).await.unwrap() && may(&desk, &own).await.unwrap(), "what is his own is his");
    store.set_blocked(&bob, None, false).await.unwrap();
    store.pause_all(true).await.unwrap();
    assert!(!may(&desk, &alone).await.unwrap());
    store.pause_all(false).await.unwrap();
    desk.platform.set_role_in(&seminar, &bob, Role::Guest);
    assert!(!may(&desk, &alone).await.unwrap(), "he left");
    // So is what nobody asked for, once it is old.
    let notice = chat::ports::Notice::new("qa/ask", "x");
    let told = notice.question(&alone.place, bob.clone(), Visibility::Caller, desk.clock.now());
    assert!(may(&desk, &told).await.unwrap(), "it was said just now");
    desk.wait(1);
    assert!(!may(&desk, &told).await.unwrap());
    desk.platform.set_role_in(&seminar, &bob, Role::Member);
    assert!(may(&desk, &told).await.unwrap());
    desk.platform.is_down.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(may(&desk, &alone).await.is_err(), "nobody can tell");
}
