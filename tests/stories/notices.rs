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
use frontend::{Bell, Driver, Naming, Notifier, Pace, Part, Screen, ScreenError, Style, Tables};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::{World, double::PlatformDouble};

const STYLE: Style = Style {
    part_max: 2_000,
    measure: |text| text.chars().count(),
    tables: Tables::Fixed,
    formulas: false,
    previews: false,
};

/// A platform that shows everything: what was sent, and where.
#[derive(Default)]
struct Shown(Mutex<Vec<(Value, Part)>>);

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

    async fn edit(&self, _: &Value, shown: &MessageId, _: &Part) -> Result<MessageId, ScreenError> {
        Ok(shown.clone())
    }

    async fn remove(&self, _: &Value, _: &MessageId) -> Result<(), ScreenError> {
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
