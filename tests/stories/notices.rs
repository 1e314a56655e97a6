//! What is said unasked, on the real outbox: once, whatever happens in between; and what nobody answers lapses, once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    Action, Audience, MemberId, Message, MessageId, Place, Platform,
    ports::{Audit as _, Lapse, Notice, Notify as _, Outbox},
};
use frontend::{Bell, Driver, Naming, Notifier, Pace, Part, Screen, ScreenError, Style};
use jiff::Timestamp;
use serde_json::{Value, json};
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
            Audience::Room => json!({ "room": message.place.room }),
        })
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
