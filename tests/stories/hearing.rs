//! A bridge, on the real host, store and outbox, by a clock of our own: who is carried, how much, and what becomes of it.
//! Both rooms speak English, so that nothing is translated.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    Attachment, Audience, CallId, MemberId, Message, MessageId, Overheard, Place, Platform, Policy, PortError, Role,
    Switch,
    cx::{Echo, kept_of},
    people::{Personal as _, Register as _},
    ports::{Clock, Dispatch, Notice, Notify, Outbox, PluginData, Post},
};
use frontend::{Bell, Naming, Notifier};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use server::people::Custodian;
use tests::{
    World,
    double::{Hands, PlatformDouble, STYLE},
};

/// Where a process dies over what it says: nothing that is said here ever comes to an end.
struct Dying;

#[async_trait]
impl Notify for Dying {
    async fn tell(&self, _: &Place, _: &MemberId, _: &Notice, _: Timestamp) -> Result<(), PortError> {
        std::future::pending().await
    }

    async fn post(&self, _: &Place, _: &Notice, _: Timestamp) -> Result<(), PortError> {
        std::future::pending().await
    }

    async fn gather(&self, _: &Place, _: &[MemberId], _: &str, _: &Notice, _: Timestamp) -> Result<(), PortError> {
        std::future::pending().await
    }

    async fn revise(&self, _: &Place, _: &CallId, _: Option<&str>, _: Timestamp) -> Result<(), PortError> {
        std::future::pending().await
    }

    fn name(&self, _: Platform, member: &MemberId) -> String {
        member.to_string()
    }

    fn whereabouts(&self, place: &Place) -> String {
        place.room.to_string()
    }
}

/// The rooms 7 and 8, of which `ana` and `eva` are moderators.
struct Rooms {
    world: World,
    platform: Arc<PlatformDouble>,
    clock: Arc<Hands>,
    dispatch: Arc<dyn Dispatch>,
    said: usize,
}

impl Rooms {
    async fn open() -> Self {
        let world = World::library().await;
        let platform = Arc::new(PlatformDouble::default());
        platform.set_role(&"ana".into(), Role::Moderator);
        platform.set_role(&"eva".into(), Role::Moderator);
        let clock = Arc::new(Hands(Mutex::new("2026-11-24T12:00:00Z".parse().unwrap())));
        let dispatch = Self::host(&world, &platform, &clock, None);
        Self { world, platform, clock, dispatch, said: 0 }
    }

    /// A process of its own on the same state.
    fn host(
        world: &World,
        platform: &Arc<PlatformDouble>,
        clock: &Arc<Hands>,
        notify: Option<Arc<dyn Notify>>,
    ) -> Arc<dyn Dispatch> {
        let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
        let outbox: Arc<dyn Outbox> = Arc::new(world.home.store.clone());
        let mut platforms = platform.platforms();
        let notify = notify.unwrap_or_else(|| Arc::new(Notifier::new(STYLE, naming, outbox, Bell::default())));
        platforms.notify_by(Platform::Discord, notify);
        world.home.host_at(platforms, clock.clone())
    }

    /// The next process: what it was told to go on with is done.
    async fn start_again(&mut self) {
        self.dispatch = Self::host(&self.world, &self.platform, &self.clock, None);
        self.dispatch.take_up(Platform::Discord).await;
        self.dispatch.settled().await;
    }

    /// How much of what was heard is not dealt with.
    async fn kept(&self) -> usize {
        let kept = PluginData::list(&self.world.home.store, "translation", &kept_of(Platform::Discord)).await;
        kept.unwrap().len()
    }

    /// The same, with a bridge between the rooms.
    async fn bridged() -> Self {
        let mut rooms = Self::open().await;
        let code = rooms.offer().await;
        rooms.says("8", "eva", &format!("!bridge join {code} en")).await;
        let told = rooms.says("7", "ana", &format!("!bridge confirm {code}")).await;
        rooms.shows_all().await;
        let now = rooms.clock.now();
        rooms.world.home.store.set_consent(&"bob".into(), Switch::Name, true, now).await.unwrap();
        assert!(told.starts_with("What is said here I carry to a room"), "{told}");
        rooms
    }

    async fn offer(&mut self) -> String {
        let told = self.says("7", "ana", "!bridge offer en").await;
        told.split("bridge join ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    }

    /// What is on its way is shown, and no more on its way.
    async fn shows_all(&self) {
        for post in Outbox::pending(&self.world.home.store, Platform::Discord).await.unwrap() {
            Outbox::put(&self.world.home.store, &Post { body: None, ..post }).await.unwrap();
        }
    }

    fn wait(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }

    fn message(&mut self, room: &str, who: &str, text: &str) -> Message {
        self.said += 1;
        Message {
            id: MessageId(format!("m{}", self.said)),
            place: Place {
                platform: Platform::Discord,
                community: self.world.home.seat().place.community,
                room: room.into(),
                thread: None,
                audience: Audience::Room,
            },
            author: who.into(),
            text: text.to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: false,
            at: self.clock.now(),
        }
    }

    /// Says something to the assistant; its reply.
    async fn says(&mut self, room: &str, who: &str, text: &str) -> String {
        let message = self.message(room, who, text);
        tests::Reply { events: self.dispatch.message(message).await.collect().await }.text()
    }

    /// The others hear a message; it is said by who is called like their account.
    async fn hear(&self, message: Message) {
        hand(self.dispatch.as_ref(), message).await;
        self.dispatch.settled().await;
    }

    async fn tells(&mut self, room: &str, who: &str, text: &str) -> Message {
        let message = self.message(room, who, text);
        self.hear(message.clone()).await;
        message
    }

    /// What is on its way to a room, oldest first; a revision counts for itself.
    async fn posts(&self, room: &str) -> Vec<Post> {
        let mut posts = Outbox::pending(&self.world.home.store, Platform::Discord).await.unwrap();
        posts.retain(|post| post.question.place.room.0 == room);
        posts
    }

    /// The texts of it; empty for what is taken back.
    async fn texts(&self, room: &str) -> Vec<String> {
        let text = |parts: &Value| -> String {
            parts.as_array().unwrap().iter().map(|part| part["markdown"].as_str().unwrap().to_owned()).collect()
        };
        let bodies = self.posts(room).await.into_iter().filter_map(|post| post.body);
        bodies.map(|body| text(body.get("parts").unwrap_or(&body))).collect()
    }
}

/// Hands a message on, and does not wait for what comes of it.
async fn hand(dispatch: &dyn Dispatch, message: Message) {
    let name = message.author.to_string();
    let heard = Overheard { message, link: None, name, room: String::new() };
    dispatch.overheard(heard).await.collect::<Vec<_>>().await;
}

#[tokio::test]
async fn a_bridge_needs_a_moderator_of_each_room_and_its_code_lasts_a_while() {
    let mut rooms = Rooms::open().await;
    assert!(rooms.says("7", "bob", "!bridge offer en").await.contains("needs the role Moderator"));
    let late = rooms.offer().await;
    rooms.wait(16 * 60);
    assert!(rooms.says("8", "eva", &format!("!bridge join {late} en")).await.contains("unknown or too old"));
    let code = rooms.offer().await;
    assert!(rooms.says("8", "bob", &format!("!bridge join {code} en")).await.contains("needs the role Moderator"));
    assert!(rooms.says("7", "ana", &format!("!bridge join {code} en")).await.contains("That is this room"));
    assert!(rooms.says("8", "eva", &format!("!bridge join {code} klingon")).await.contains("Say it like this"));
    assert!(rooms.says("8", "eva", &format!("!bridge join {code} de")).await.contains("known to translate"));
    let asked = rooms.says("8", "eva", &format!("!bridge join {code} en")).await;
    assert!(
        asked.contains("I asked a room on discord (7)") && asked.contains("until then nothing is carried"),
        "{asked}"
    );
    // Once: whoever overhears the code comes too late.
    assert!(rooms.says("9", "eva", &format!("!bridge join {code} en")).await.contains("unknown or too old"));
    let told = rooms.texts("7").await;
    assert!(told.len() == 1 && told[0].contains("between this room and a room on discord (8)"), "{told:?}");
    rooms.tells("7", "bob", "Nobody hears this yet.").await;
    assert!(rooms.texts("8").await.is_empty());
    assert!(rooms.says("7", "bob", &format!("!bridge confirm {code}")).await.contains("needs the role Moderator"));
    assert!(rooms.says("8", "eva", &format!("!bridge confirm {code}")).await.contains("unknown or too old"));
    let runs = rooms.says("7", "ana", &format!("!bridge confirm {code}")).await;
    assert!(runs.contains("I carry to a room on discord (8)"), "{runs}");
    let told = rooms.texts("8").await;
    assert!(told.len() == 1 && told[0].contains("I carry to a room on discord (7)"), "{told:?}");
    assert!(
        rooms.says("8", "eva", "!bridge").await.contains("What everybody says here is carried, without their name")
    );
    assert!(rooms.says("7", "ana", &format!("!bridge confirm {code}")).await.contains("End it first"));
    assert!(rooms.says("7", "ana", "!bridge offer en").await.contains("End it first"));
    assert!(rooms.says("7", "ana", "!bridge end").await.contains("The bridge is ended."));
    assert!(rooms.says("8", "eva", "!bridge").await.contains("There is no bridge here"));
    rooms.tells("7", "bob", "Nobody there hears this any more.").await;
    assert!(rooms.texts("8").await.iter().all(|text| !text.contains("Nobody")));
}

#[tokio::test]
async fn what_is_said_is_carried_once_with_its_files_and_below_what_it_replies_to() {
    let mut rooms = Rooms::bridged().await;
    let asked = rooms.tells("7", "bob", "Where is the key? @everyone").await;
    rooms.hear(asked.clone()).await;
    let handle = String::new();
    let file = Attachment { name: "a <b> map.png".to_owned(), media_type: None, bytes: 3, handle };
    let said = Message { attachments: vec![file], ..rooms.message("8", "cleo", "On the table, see the map.") };
    // It replies to what we carried, as the platform shows it.
    let mut post = rooms.posts("8").await.remove(0);
    assert_eq!(post.question.author, "bob".into(), "it is forgotten with him");
    post.shown = vec!["shown".into()];
    Outbox::put(&rooms.world.home.store, &post).await.unwrap();
    rooms.hear(Message { reply_to: Some("shown".into()), ..said }).await;
    rooms.tells("7", "bob", " ").await;

    let texts = rooms.texts("8").await;
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].starts_with("**bob**: Where is the key?") && !texts[0].contains("@everyone"), "{texts:?}");
    let (texts, posts) = (rooms.texts("7").await, rooms.posts("7").await);
    let (back, of) = (texts.last().unwrap(), &posts.last().unwrap().question.id);
    assert!(
        back.starts_with("**Somebody ") && back.contains("On the table, see the map.\n📎 a") && !back.contains("cleo"),
        "{back}"
    );
    assert!(of.0.starts_with(&format!("{}#", asked.id)), "{of} is below {}", asked.id);
    assert!(posts.last().unwrap().question.is_echo());
}

/// Nobody can work out from an account what the other room calls them, and no two are called the same.
#[tokio::test]
async fn who_is_not_named_has_a_number_of_this_bridge_alone() {
    let mut rooms = Rooms::bridged().await;
    let number = |text: &String| text.split("Somebody ").nth(1).unwrap().split('*').next().unwrap().to_owned();
    let round = async |rooms: &mut Rooms| {
        for person in 0..40 {
            rooms.wait(30);
            rooms.tells("7", &format!("p{person}"), "The boat leaves at six.").await;
        }
        let numbers: Vec<String> =
            rooms.texts("8").await.iter().filter(|text| text.contains("boat")).map(number).collect();
        rooms.shows_all().await;
        numbers
    };
    let (first, again) = (round(&mut rooms).await, round(&mut rooms).await);
    assert_eq!((first.len(), &first), (40, &again), "each time the same");
    assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 40, "{first:?}");
    rooms.says("7", "ana", "!bridge end").await;
    let kept = PluginData::list(&rooms.world.home.store, "translation", "of-room:bridge").await.unwrap();
    assert!(kept.is_empty(), "{kept:?}");
    let code = rooms.offer().await;
    rooms.says("8", "eva", &format!("!bridge join {code} en")).await;
    rooms.says("7", "ana", &format!("!bridge confirm {code}")).await;
    assert_ne!(round(&mut rooms).await, first, "another bridge, another secret");
}

#[tokio::test]
async fn what_was_heard_outlives_the_process_and_is_carried_once_and_in_order() {
    let mut rooms = Rooms::bridged().await;
    let store = rooms.world.home.store.clone();
    let now = rooms.clock.now();
    store.set_consent(&"cleo".into(), Switch::Omit, true, now).await.unwrap();
    let dying = Rooms::host(&rooms.world, &rooms.platform, &rooms.clock, Some(Arc::new(Dying)));
    let first = rooms.message("7", "bob", "The first boat leaves at six.");
    let second = rooms.message("7", "bob", "The second boat leaves at seven.");
    let omitted = rooms.message("7", "cleo", "The zqsecret boat leaves at six.");
    for message in [&first, &second, &omitted] {
        hand(dying.as_ref(), message.clone()).await;
    }
    // It dies where it remembers what it is about to say, and has not said it.
    let key = Echo::key(&first.place, &first.id);
    let remembered = async || {
        while PluginData::get(&store, "translation", &key).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), remembered()).await.expect("it comes that far");
    assert_eq!(rooms.kept().await, 2, "of who opted out nothing is kept");
    assert!(rooms.texts("8").await.is_empty());

    rooms.start_again().await;
    let carried = ["**bob**: The first boat leaves at six.", "**bob**: The second boat leaves at seven."];
    assert_eq!(rooms.texts("8").await, carried);
    assert_eq!(rooms.kept().await, 0);
    // Nor is it carried again, by whom or how often it may be heard.
    rooms.dispatch.take_up(Platform::Discord).await;
    rooms.hear(first).await;
    rooms.start_again().await;
    assert_eq!(rooms.texts("8").await, carried);
}

#[tokio::test]
async fn what_was_heard_is_taken_up_with_the_next_message_and_forgotten_with_who_said_it() {
    let mut rooms = Rooms::bridged().await;
    let dying = Rooms::host(&rooms.world, &rooms.platform, &rooms.clock, Some(Arc::new(Dying)));
    for (who, text) in [("bob", "The first boat leaves at six."), ("fay", "The zqfay boat leaves at six.")] {
        let message = rooms.message("7", who, text);
        hand(dying.as_ref(), message).await;
    }
    assert_eq!(rooms.kept().await, 2);
    Custodian::new(&rooms.world.home).forget(&"fay".into(), rooms.clock.now()).await.unwrap();
    assert_eq!(rooms.kept().await, 1);
    // Nobody told this process to go on: what it hears is later than what was heard before all the same.
    rooms.tells("7", "bob", "The second boat leaves at seven.").await;
    let carried = ["**bob**: The first boat leaves at six.", "**bob**: The second boat leaves at seven."];
    assert_eq!(rooms.texts("8").await, carried);
}

#[tokio::test]
async fn a_quick_reply_stands_below_what_is_not_shown_yet() {
    let mut rooms = Rooms::bridged().await;
    let asked = rooms.message("7", "bob", "Where is the key?");
    let reply = Message { reply_to: Some(asked.id.clone()), ..rooms.message("7", "cleo", "On the table.") };
    // One right after the other.
    for message in [asked, reply] {
        hand(rooms.dispatch.as_ref(), message).await;
    }
    rooms.dispatch.settled().await;
    let posts = rooms.posts("8").await;
    let [asked, reply] = posts.as_slice() else { panic!("{posts:?}") };
    assert_eq!((&asked.question.about, reply.question.about.as_ref()), (&None, Some(&asked.call)));
    assert!(asked.shown.is_empty(), "that is why");
}

#[tokio::test]
async fn an_echo_follows_its_message_and_goes_with_it() {
    let mut rooms = Rooms::bridged().await;
    let said = rooms.tells("7", "bob", "The boat leaves at six.").await;
    rooms.hear(Message { text: "The boat leaves at seven.".to_owned(), ..said.clone() }).await;
    rooms.hear(Message { text: "The boat leaves at seven.".to_owned(), ..said.clone() }).await;
    assert_eq!(rooms.texts("8").await, ["**bob**: The boat leaves at six.", "**bob**: The boat leaves at seven."]);
    rooms.dispatch.removed(&said.place, &said.id).await;
    // The last word is the one that counts.
    assert_eq!(rooms.texts("8").await, ["**bob**: The boat leaves at six.", ""], "it is taken back");
    rooms.dispatch.removed(&said.place, &"unknown".into()).await;
    assert_eq!(rooms.texts("8").await.len(), 2);
    // What was said long ago and never carried is not carried because it is edited.
    let old = Message { at: "2026-11-22T12:00:00Z".parse().unwrap(), ..rooms.message("7", "bob", "Old news.") };
    rooms.hear(old).await;
    assert_eq!(rooms.texts("8").await.len(), 2);
}

#[tokio::test]
async fn who_opted_out_is_blocked_or_forgotten_is_not_carried() {
    let mut rooms = Rooms::bridged().await;
    let store = rooms.world.home.store.clone();
    let now = rooms.clock.now();
    store.set_blocked(&"dan".into(), Some(&"7".into()), true).await.unwrap();
    rooms.tells("7", "dan", "The zqblocked boat leaves at six.").await;
    store.set_consent(&"cleo".into(), Switch::Omit, true, now).await.unwrap();
    rooms.tells("7", "cleo", "The zqsecret boat leaves at six.").await;
    assert!(rooms.texts("8").await.is_empty());
    // Who opts out later takes back with an edit what was carried.
    let said = rooms.tells("7", "bob", "The zqbob boat leaves at six.").await;
    store.set_consent(&"bob".into(), Switch::Omit, true, now).await.unwrap();
    rooms.hear(Message { text: "The boat leaves at seven.".to_owned(), ..said }).await;
    assert_eq!(rooms.texts("8").await.last().map(String::as_str), Some(""));
    // Nothing of who is forgotten is known here.
    rooms.tells("7", "fay", "The zqfay boat leaves at six.").await;
    assert!(rooms.texts("8").await.iter().any(|text| text.contains("zqfay")));
    Custodian::new(&rooms.world.home).forget(&"fay".into(), rooms.clock.now()).await.unwrap();
    assert!(!rooms.texts("8").await.iter().any(|text| text.contains("zqfay")));
}

/// However late it is heard.
#[tokio::test]
async fn what_was_said_before_the_bridge_or_by_who_was_left_out_then_is_not_carried() {
    let mut rooms = Rooms::bridged().await;
    let store = rooms.world.home.store.clone();
    let begun = rooms.clock.now();
    store.set_consent(&"cleo".into(), Switch::Omit, true, begun).await.unwrap();
    rooms.wait(60);
    let changed = rooms.clock.now();
    store.set_consent(&"cleo".into(), Switch::Omit, false, changed).await.unwrap();
    store.set_consent(&"fay".into(), Switch::Name, true, changed).await.unwrap();
    rooms.wait(60);
    for (who, at, text) in [
        ("bob", begun - SignedDuration::from_secs(1), "The zqbefore boat leaves at six."),
        ("cleo", begun, "The zqomitted boat leaves at six."),
        ("cleo", changed, "The late boat leaves at six."),
        ("fay", begun, "The nameless boat leaves at six."),
        ("fay", changed, "The named boat leaves at six."),
    ] {
        let message = Message { at, ..rooms.message("7", who, text) };
        rooms.hear(message).await;
    }
    let texts = rooms.texts("8").await;
    assert!(texts.iter().all(|text| !text.contains("zq")), "{texts:?}");
    let of = |word: &str| texts.iter().find(|text| text.contains(word)).unwrap();
    assert!(of("late").starts_with("**Somebody ") && of("nameless").starts_with("**Somebody "), "{texts:?}");
    assert!(of("The named").starts_with("**fay**"), "{texts:?}");
    // A bridge that was ended and begun again has not heard what was said in between, but keeps up with what it said.
    let said = rooms.tells("7", "bob", "The first boat leaves at six.").await;
    rooms.says("7", "ana", "!bridge end").await;
    rooms.wait(60);
    let between = rooms.message("7", "bob", "The zqbetween boat leaves at six.");
    rooms.wait(60);
    let code = rooms.offer().await;
    rooms.says("8", "eva", &format!("!bridge join {code} en")).await;
    rooms.says("7", "ana", &format!("!bridge confirm {code}")).await;
    rooms.hear(between).await;
    rooms.hear(Message { text: "The first boat leaves at seven.".to_owned(), ..said }).await;
    let texts = rooms.texts("8").await;
    assert!(
        texts.iter().all(|text| !text.contains("zq")) && texts.iter().any(|text| text.contains("seven")),
        "{texts:?}"
    );
}

#[tokio::test]
async fn neither_room_hears_what_its_policy_or_its_pace_does_not_allow() {
    let mut rooms = Rooms::bridged().await;
    let store = rooms.world.home.store.clone();
    for policy in [
        Policy { paused: true, ..Policy::default() },
        Policy { plugins_off: ["translation".to_owned()].into(), ..Policy::default() },
    ] {
        for room in ["7", "8"] {
            store.set_policy(&room.into(), Some(&policy), rooms.clock.now()).await.unwrap();
            rooms.tells("7", "bob", "The boat leaves at six.").await;
            assert!(rooms.texts("8").await.is_empty(), "{policy:?} of {room}");
            store.set_policy(&room.into(), None, rooms.clock.now()).await.unwrap();
        }
    }
    rooms.wait(61);
    for number in 0..20 {
        rooms.tells("7", "bob", &format!("The boat number {number} leaves at six.")).await;
    }
    let texts = rooms.texts("8").await;
    assert_eq!(texts.iter().filter(|text| text.contains("number")).count(), 12, "{texts:?}");
    let missing = |texts: &[String]| texts.iter().filter(|text| text.contains("some of it is missing")).count();
    assert_eq!(missing(&texts), 1, "and that is said once: {texts:?}");
    rooms.wait(61);
    rooms.tells("7", "bob", "The last boat leaves at nine.").await;
    assert!(rooms.texts("8").await.iter().any(|text| text.contains("last boat")));
    // A message to the assistant is no message to the others.
    let addressed = Message { addressed: true, ..rooms.message("7", "cleo", "The zqasked boat leaves when?") };
    rooms.hear(addressed).await;
    assert!(!rooms.texts("8").await.iter().any(|text| text.contains("zqasked")));
}
