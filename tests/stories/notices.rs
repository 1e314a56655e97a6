//! What is said unasked, on the real outbox: once, whatever happens in between; and what nobody answers lapses, once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    Action, Audience, MemberId, Message, MessageId, Place, Platform,
    people::Personal as _,
    ports::{Audit as _, ECHO, Lapse, Notice, Notify as _, Outbox, Post},
};
use frontend::{Bell, Driver, Naming, Notifier, Pace, Part, Screen, ScreenError, Style};
use jiff::Timestamp;
use serde_json::{Value, json};
use server::people::Custodian;
use tests::{
    World,
    double::{PlatformDouble, STYLE},
};

/// A platform that shows everything: what was sent, and where, and as it is now; nothing of what was removed.
#[derive(Default)]
struct Shown(Mutex<Vec<(Value, Part)>>, Mutex<Vec<MessageId>>);

impl Shown {
    /// What a message says now; none where it was removed.
    fn now(&self, id: &str) -> Option<String> {
        let is_gone = self.1.lock().unwrap().contains(&id.into());
        let index: usize = id.parse().unwrap();
        (!is_gone).then(|| self.0.lock().unwrap()[index - 1].1.markdown.clone())
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
            Audience::Room => match message.id.0.split_once('#') {
                Some((above, _)) => json!({ "room": message.place.room, "below": above }),
                None => json!({ "room": message.place.room }),
            },
        })
    }

    async fn open_room(&self, _: &Message, name: &str) -> Result<Value, ScreenError> {
        Ok(json!({ "room": name }))
    }

    async fn take_in(&self, address: &Value, member: &MemberId) -> Result<(), ScreenError> {
        // One that lets nobody into what has no name.
        match address["room"].as_str() {
            Some("") | None => Err(ScreenError::Gone { reason: format!("{member} is not let in") }),
            _ => Ok(()),
        }
    }

    async fn send(&self, address: &Value, _: &str, part: &Part) -> Result<MessageId, ScreenError> {
        let mut shown = self.0.lock().unwrap();
        shown.push((address.clone(), part.clone()));
        Ok(MessageId(shown.len().to_string()))
    }

    async fn edit(&self, _: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError> {
        let index: usize = shown.0.parse().unwrap();
        self.0.lock().unwrap()[index - 1].1 = part.clone();
        Ok(shown.clone())
    }

    async fn remove(&self, _: &Value, shown: &MessageId) -> Result<(), ScreenError> {
        self.1.lock().unwrap().push(shown.clone());
        Ok(())
    }

    async fn typing(&self, _: &Value) {}
}

fn seminar() -> Place {
    let (community, room) = ("lab".into(), "7".into());
    Place { platform: Platform::Discord, community, room, thread: None, audience: Audience::Caller }
}

#[tokio::test]
async fn a_notice_is_said_once_and_lapses_once() {
    let world = World::library().await;
    let home = &world.home;
    let outbox: Arc<dyn Outbox> = Arc::new(home.store.clone());
    let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
    let notifier = Notifier::new(STYLE, naming, Arc::clone(&outbox), Bell::default());
    let (ana, bob): (MemberId, MemberId) = ("1".into(), "2".into());
    let lapse = |after| Some(Lapse { after, command: "decline".to_owned() });
    let told = |key: &str, lapse| {
        let actions = vec![Action { label: "Not now".to_owned(), command: "decline".to_owned() }];
        Notice { actions, lapse, ..Notice::new(key, format!("A question about {key}, @everyone.")) }
    };
    let (soon, late) = (told("ducks", lapse(Duration::ZERO)), told("geese", lapse(Duration::from_secs(86_400))));
    for notice in [&soon, &soon, &late] {
        notifier.tell(&seminar(), &bob, notice, Timestamp::now()).await.unwrap();
    }
    let calls = Some(ana.clone());
    notifier.post(&seminar(), &Notice { calls, ..told("swans", None) }, Timestamp::now()).await.unwrap();

    // Two processes, one after the other, and each looks twice.
    let screen = Arc::new(Shown::default());
    for _ in 0..2 {
        let dispatch = Arc::new(PlatformDouble::default()).host(home);
        let inbox = Arc::new(home.store.clone());
        let driver = Driver::new(screen.clone(), dispatch, inbox, Arc::clone(&outbox));
        for _ in 0..2 {
            driver.redeliver().await;
        }
        notifier.tell(&seminar(), &bob, &soon, Timestamp::now()).await.unwrap();
    }

    let shown = screen.0.lock().unwrap().clone();
    let places: Vec<&Value> = shown.iter().map(|(address, _)| address).collect();
    assert_eq!(places, [&json!({ "alone": bob }), &json!({ "alone": bob }), &json!({ "room": "7" })]);
    let called: Vec<_> = shown.iter().map(|(_, part)| part.calls.clone()).collect();
    assert_eq!(called, [None, None, Some(ana)]);
    assert!(shown.iter().all(|(_, part)| !part.markdown.contains("@everyone")), "{shown:?}");
    let post = outbox.showing(Platform::Discord, &"1".into()).await.unwrap().unwrap();
    assert_eq!(post.call, soon.call_id(&seminar()), "its buttons find it");

    // The one whose time is over was declined, by the one who was asked and about what they were asked.
    let lapsed = |notice: &Notice| chat::CallId(format!("{}#lapse", notice.call_id(&seminar())));
    let flight = home.store.flight(&lapsed(&soon)).await.unwrap().expect("it lapsed");
    assert_eq!((flight.call.command.as_str(), &flight.call.caller), ("decline", &bob));
    assert_eq!(flight.call.about, Some(soon.call_id(&seminar())));
    assert_eq!(home.store.flight(&lapsed(&late)).await.unwrap(), None);
    let pending = outbox.pending(Platform::Discord).await.unwrap();
    assert_eq!(pending.into_iter().map(|post| post.call).collect::<Vec<_>>(), [lapsed(&late)]);
}

#[tokio::test]
async fn people_are_gathered_once_and_told_alone_where_no_room_opens() {
    let world = World::library().await;
    let home = &world.home;
    let outbox: Arc<dyn Outbox> = Arc::new(home.store.clone());
    let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
    let notifier = Notifier::new(STYLE, naming, Arc::clone(&outbox), Bell::default());
    let both: [MemberId; 2] = ["1".into(), "2".into()];
    let gather = async |key: &str, name: &str| {
        let notice = Notice::new(key, "Ducks meet geese, @everyone.");
        notifier.gather(&seminar(), &both, name, &notice, Timestamp::now()).await.unwrap();
    };
    let screen = Arc::new(Shown::default());
    for _ in 0..2 {
        gather("ducks", "Ducks and geese").await;
        gather("swans", "").await;
        let dispatch = Arc::new(PlatformDouble::default()).host(home);
        let driver = Driver::new(screen.clone(), dispatch, Arc::new(home.store.clone()), Arc::clone(&outbox));
        for _ in 0..3 {
            driver.redeliver().await;
        }
    }
    let shown = screen.0.lock().unwrap().clone();
    let places: Vec<&Value> = shown.iter().map(|(address, _)| address).collect();
    let room = json!({ "room": "Ducks and geese" });
    assert_eq!(places, [&room, &json!({ "alone": "1" }), &json!({ "alone": "2" })]);
    assert!(shown.iter().all(|(_, part)| part.markdown.starts_with("Ducks meet geese")));
    assert!(shown.iter().all(|(_, part)| !part.markdown.contains("@everyone")), "{shown:?}");
    assert!(outbox.pending(Platform::Discord).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reply_waits_for_what_it_replies_to() {
    let world = World::library().await;
    let outbox: Arc<dyn Outbox> = Arc::new(world.home.store.clone());
    let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
    let notifier = Notifier::new(STYLE, naming, Arc::clone(&outbox), Bell::default());
    let screen = Arc::new(Shown::default());
    let dispatch = Arc::new(PlatformDouble::default()).host(&world.home);
    let driver = Driver::new(screen.clone(), dispatch, Arc::new(world.home.store.clone()), Arc::clone(&outbox));
    let asked = Notice::new("asked", "Where do the ducks sleep?");
    let below = Some(asked.posted(&seminar()));
    let reply = Notice { below: below.clone(), ..Notice::new("reply", "On the island.") };
    // On its way before what it replies to, as it can be where a platform takes the first one late.
    for notice in [&reply, &asked] {
        notifier.post(&seminar(), notice, Timestamp::now()).await.unwrap();
    }
    // One that waited long enough, and one that replies to nothing that is known.
    let long_ago = Timestamp::now() - Duration::from_secs(3_600);
    let old = Notice { below: Some(chat::CallId("old".to_owned())), ..Notice::new("old reply", "By the lake.") };
    let question = Notice::new("old", "").question(&seminar(), "ana".into(), chat::Visibility::Room, long_ago);
    let never = Post {
        call: chat::CallId("old".to_owned()),
        question,
        renews: None,
        address: Value::Null,
        shown: Vec::new(),
        actions: Vec::new(),
        of: Vec::new(),
        body: Some(json!({ "due": "2999-01-01T00:00:00Z" })),
    };
    outbox.put(&never).await.unwrap();
    notifier.post(&seminar(), &old, long_ago).await.unwrap();
    let lost = Notice { below: Some(chat::CallId("unknown".to_owned())), ..Notice::new("lost", "In the reeds.") };
    notifier.post(&seminar(), &lost, Timestamp::now()).await.unwrap();

    driver.redeliver().await;
    let said = || -> Vec<(Value, String)> {
        let shown = screen.0.lock().unwrap();
        shown.iter().map(|(address, part)| (address.clone(), part.markdown.clone())).collect()
    };
    let alone = |text: &str| (json!({ "room": "7" }), text.to_owned());
    let first = [alone("Where do the ducks sleep?"), alone("By the lake."), alone("In the reeds.")];
    assert_eq!(said(), first);
    driver.redeliver().await;
    assert_eq!(said()[3..], [(json!({ "room": "7", "below": "1" }), "On the island.".to_owned())]);
}

#[tokio::test]
async fn what_was_said_again_of_who_is_forgotten_is_taken_down_and_forgotten_too() {
    let world = World::library().await;
    let home = &world.home;
    let outbox: Arc<dyn Outbox> = Arc::new(home.store.clone());
    let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
    let notifier = Notifier::new(STYLE, naming, Arc::clone(&outbox), Bell::default());
    let screen = Arc::new(Shown::default());
    let dispatch = Arc::new(PlatformDouble::default()).host(home);
    let driver = Driver::new(screen.clone(), dispatch, Arc::new(home.store.clone()), Arc::clone(&outbox));
    let echo = |who: &str| {
        let of = Some(who.into());
        let (key, text) = (format!("translation/{ECHO}/discord:8:{who}"), format!("**{who}**: The ducks dive."));
        Notice { of, ..Notice::new(key, text) }
    };
    for who in ["ana", "bob"] {
        notifier.post(&seminar(), &echo(who), Timestamp::now()).await.unwrap();
    }
    driver.redeliver().await;
    let erased = Custodian::new(home).forget(&"ana".into(), Timestamp::now()).await.unwrap();
    assert!(erased.counts.contains(&("messages carried over".to_owned(), 1)), "{erased:?}");
    // The platform was not waited for, and what is left to do knows nobody.
    assert!(screen.now("1").is_some());
    assert_eq!(outbox.get(&echo("ana").posted(&seminar())).await.unwrap(), None);
    let pending = outbox.pending(Platform::Discord).await.unwrap();
    assert!(pending.len() == 1 && !format!("{pending:?}").contains("ana"), "{pending:?}");

    driver.redeliver().await;
    assert_eq!((screen.now("1"), screen.now("2").as_deref()), (None, Some("**bob**: The ducks dive.")));
    assert!(outbox.pending(Platform::Discord).await.unwrap().is_empty());
    assert_eq!(outbox.showing(Platform::Discord, &"1".into()).await.unwrap(), None, "nothing is left of it");
}

#[tokio::test]
async fn a_notice_is_revised_in_its_place_and_taken_back() {
    let world = World::library().await;
    let home = &world.home;
    let outbox: Arc<dyn Outbox> = Arc::new(home.store.clone());
    let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
    let notifier = Notifier::new(STYLE, naming, Arc::clone(&outbox), Bell::default());
    let screen = Arc::new(Shown::default());
    let dispatch = Arc::new(PlatformDouble::default()).host(home);
    let driver = Driver::new(screen.clone(), dispatch, Arc::new(home.store.clone()), Arc::clone(&outbox));
    let (reply_to, of) = (Some("5".into()), Some("ana".into()));
    let notice = Notice { reply_to, of, ..Notice::new("ducks", "The ducks dive.") };
    let posted = notice.posted(&seminar());
    let revise = async |text: Option<&str>| notifier.revise(&seminar(), &posted, text, Timestamp::now()).await.unwrap();

    revise(Some("Nobody knows of it yet.")).await;
    driver.redeliver().await;
    assert_eq!(screen.0.lock().unwrap().len(), 0);
    notifier.post(&seminar(), &notice, Timestamp::now()).await.unwrap();
    driver.redeliver().await;
    assert_eq!(screen.now("1").as_deref(), Some("The ducks dive."));
    // Twice before anybody looks: the last word holds.
    revise(Some("The ducks swim.")).await;
    revise(Some("The ducks sleep.")).await;
    driver.redeliver().await;
    assert_eq!(screen.now("1").as_deref(), Some("The ducks sleep."));
    assert_eq!(screen.0.lock().unwrap().len(), 1, "it stands in its place");
    assert_eq!(outbox.get(&posted).await.unwrap().unwrap().question.author, "ana".into());

    // Revised and taken back before it was ever shown.
    let late = Notice { key: "geese".to_owned(), ..notice.clone() };
    notifier.post(&seminar(), &late, Timestamp::now()).await.unwrap();
    let place = seminar();
    notifier.revise(&place, &late.posted(&place), Some("The geese fly."), Timestamp::now()).await.unwrap();
    driver.redeliver().await;
    assert_eq!(screen.now("2").as_deref(), Some("The geese fly."));

    revise(None).await;
    driver.redeliver().await;
    assert_eq!(screen.now("1"), None);
    assert!(outbox.get(&posted).await.unwrap().is_none(), "nothing is remembered of it");
    revise(Some("The ducks come back.")).await;
    driver.redeliver().await;
    assert_eq!(screen.now("1"), None);
    assert_eq!(outbox.pending(Platform::Discord).await.unwrap(), []);
}
