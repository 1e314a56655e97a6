//! Digests, on the real store and outbox, by a clock of our own: posted once for each time, whatever happens in between,
//! and not at all where there is nothing to say.

use std::sync::{Arc, Mutex, atomic::Ordering};

use chat::{
    Audience, Message, Place, Platform, Policy, Role, Switch,
    people::{Personal as _, Register as _},
    ports::{Archived, Clock, Dispatch, Outbox, Schedule as _},
};
use frontend::{Bell, Naming, Notifier};
use futures::StreamExt as _;
use serde_json::Value;
use server::{
    home::{Home, Needs},
    people::Custodian,
    schedule::Ticker,
};
use tempfile::TempDir;
use tests::{
    World,
    double::{Hands, PlatformDouble, STYLE},
};

/// A process that serves one platform, at a time of ours.
struct Process {
    home: Home,
    platform: Arc<PlatformDouble>,
    clock: Arc<Hands>,
    dispatch: Arc<dyn Dispatch>,
    ticker: Ticker,
    said: usize,
    dir: TempDir,
}

impl Process {
    /// `ana` is a moderator of a room in Berlin.
    async fn start(at: &str) -> Self {
        let World { home, dir } = World::library().await;
        let platform = Arc::new(PlatformDouble::default());
        platform.set_role(&"ana".into(), Role::Moderator);
        let policy = Policy { time_zone: "Europe/Berlin".to_owned(), ..Policy::default() };
        home.store.set_policy(&"7".into(), Some(&policy), at.parse().unwrap()).await.unwrap();
        Self::of(home, dir, platform, at)
    }

    fn of(home: Home, dir: TempDir, platform: Arc<PlatformDouble>, at: &str) -> Self {
        let clock = Arc::new(Hands(Mutex::new(at.parse().unwrap())));
        let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
        let mut platforms = platform.platforms();
        let outbox: Arc<dyn Outbox> = Arc::new(home.store.clone());
        platforms.notify_by(Platform::Discord, Arc::new(Notifier::new(STYLE, naming, outbox, Bell::default())));
        let dispatch = home.host_at(platforms.clone(), clock.clone());
        let ticker = Ticker::new(home.store.clone(), dispatch.clone(), platforms, clock.clone());
        Self { home, platform, clock, dispatch, ticker, said: 0, dir }
    }

    /// The process ends, and another one begins.
    async fn restart(self) -> Self {
        let Self { home, platform, clock, dispatch, ticker, dir, .. } = self;
        drop((dispatch, ticker));
        home.close().await.unwrap();
        let home = Home::open(&tests::settings(dir.path()), Needs::Library).await.unwrap();
        Self::of(home, dir, platform, &clock.now().to_string())
    }

    fn set(&self, at: &str) {
        *self.clock.0.lock().unwrap() = at.parse().unwrap();
    }

    fn message(&mut self, who: &str, text: &str) -> Message {
        self.said += 1;
        Message {
            id: format!("m{}-{}", self.said, self.clock.now()).as_str().into(),
            place: Place {
                platform: Platform::Discord,
                community: self.home.seat().place.community,
                room: "7".into(),
                thread: Some(chat::ThreadId("t".to_owned())),
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
    async fn says(&mut self, who: &str, text: &str) -> String {
        let message = self.message(who, text);
        tests::Reply { events: self.dispatch.message(message).await.collect().await }.text()
    }

    /// Somebody says something to the others.
    fn talks(&mut self, who: &str, text: &str, at: &str) {
        let message = Message { at: at.parse().unwrap(), ..self.message(who, text) };
        let link = Some(format!("https://chat.example/{}", self.said));
        let one = Archived { message, name: who.to_owned(), ours: false, link };
        let mut said = self.platform.said.lock().unwrap();
        said.push(one);
        said.sort_by_key(|one| std::cmp::Reverse(one.message.at));
    }

    /// Looks at a time for what is due.
    async fn looks(&mut self, at: &str) {
        self.set(at);
        self.ticker.tick().await;
    }

    /// What was posted, oldest first.
    async fn posts(&self) -> Vec<String> {
        let posts = self.home.store.pending(Platform::Discord).await.unwrap();
        let text = |part: &Value| part["markdown"].as_str().unwrap().to_owned();
        let texts = posts.into_iter().map(|post| {
            assert_eq!((post.question.place.room.0.as_str(), &post.question.place.thread), ("7", &None));
            post.body.unwrap().as_array().unwrap().iter().map(text).collect::<Vec<_>>().join("\n")
        });
        texts.collect()
    }

    /// When the digest comes next.
    async fn next(&self) -> String {
        let orders = self.home.store.orders_of(&"7".into()).await.unwrap();
        orders.first().map(|order| order.next.to_string()).unwrap_or_default()
    }

    async fn outcomes(&self, wanted: &str) -> usize {
        let events = self.home.store.audit_events(0, 1_000).await.unwrap();
        events.iter().filter(|(_, event)| event.call.unasked && event.outcome == wanted).count()
    }

    async fn decide(&self, policy: Policy) {
        let policy = Policy { time_zone: "Europe/Berlin".to_owned(), ..policy };
        self.home.store.set_policy(&"7".into(), Some(&policy), self.clock.now()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_ordered_due_and_posted_once_though_the_process_dies_after_posting() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    assert!(process.says("bob", "!digest weekly monday 09:00").await.contains("needs the role Moderator"));
    assert!(process.says("ana", "!digest").await.contains("No digest is ordered here"));
    assert!(process.says("ana", "!digest weekly 09:00").await.contains("Say when"));
    assert!(process.says("ana", "!digest daily monday 09:00").await.contains("Say when"));
    assert_eq!(process.next().await, "");
    let told = process.says("ana", "!digest weekly monday 09:00").await;
    let ordered = "Every Monday at 09:00 (Europe/Berlin), in English; next on 2026-11-30.";
    assert_eq!(told, format!("{ordered} Where nothing was said, nothing comes."));
    assert_eq!(process.says("ana", "!digest").await, format!("{ordered} Ordered by ana."));
    let now = process.says("ana", "!digest now").await;
    assert_eq!(now, "Nothing was said there since Tuesday, 2026-11-17 13:00 that I may tell.");

    process.talks("bob", "Before the week the zqold boat was green.", "2026-11-23T07:59:00Z");
    process.talks("bob", "We decided: BORIS it is for the duck videos.", "2026-11-25T10:00:00Z");
    process.talks("cleo", "When does the boat to the island leave?", "2026-11-26T10:00:00Z");
    process.looks("2026-11-30T07:59:59Z").await;
    assert!(process.posts().await.is_empty());
    let due = process.home.store.orders_of(&"7".into()).await.unwrap().remove(0);
    process.looks("2026-11-30T08:00:10Z").await;
    let posts = process.posts().await;
    let [post] = posts.as_slice() else { panic!("{posts:?}") };
    assert!(post.starts_with("**Digest of this room**"), "{post}");
    assert!(post.contains("2 messages of 2 people") && post.contains("since Monday, 2026-11-23 09:00."), "{post}");
    assert!(post.contains("Decided: “We decided: BORIS it is") && post.contains("https://chat.example/"), "{post}");
    assert!(!post.contains("zqold") && !post.contains("bob"), "{post}");
    assert_eq!(process.next().await, "2026-12-07T08:00:00Z");

    // It died before it knew: due again, and more was said meanwhile.
    process.home.store.order(&due).await.unwrap();
    process.talks("bob", "The lamp is amber.", "2026-11-30T08:01:00Z");
    for at in ["2026-11-30T08:05:00Z", "2026-11-30T08:05:30Z"] {
        process.looks(at).await;
        assert_eq!((process.posts().await, process.next().await), (posts.clone(), "2026-12-07T08:00:00Z".to_owned()));
    }

    // How it came about is found by it.
    let about = process.home.store.pending(Platform::Discord).await.unwrap().remove(0).call;
    let why = Message { about: Some(about), ..process.message("ana", "!why") };
    let why = tests::Reply { events: process.dispatch.message(why).await.collect().await }.text();
    assert!(why.contains("`digest` of ana") && why.contains("done"), "{why}");

    assert_eq!(process.says("ana", "!digest off").await, "No more digests here.");
    assert!(process.says("ana", "!digest off").await.contains("No digest is ordered"));
    process.looks("2027-01-01T00:00:00Z").await;
    assert_eq!(process.posts().await, posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_outlives_the_process_and_three_weeks_without_one_make_one_digest() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    process.says("ana", "!digest weekly Mon 9:00").await;
    process.talks("bob", "The geese of the southern pond have hatched.", "2026-11-27T10:00:00Z");
    process.talks("cleo", "The ducks of the northern lake have not.", "2026-12-10T10:00:00Z");
    let mut process = process.restart().await;
    process.looks("2026-12-20T12:00:00Z").await;
    process.looks("2026-12-20T12:00:30Z").await;
    let posts = process.posts().await;
    let [post] = posts.as_slice() else { panic!("{posts:?}") };
    // All of the three weeks is told, as nothing was told of them before.
    assert!(post.contains("since Monday, 2026-11-23 09:00."), "{post}");
    assert!(post.contains("geese") && post.contains("ducks"), "{post}");
    assert_eq!(process.next().await, "2026-12-21T08:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_keeps_the_hour_of_the_digest() {
    let mut process = Process::start("2026-03-27T12:00:00Z").await;
    assert!(process.says("ana", "!digest daily 09:00").await.starts_with("Every day at 09:00 (Europe/Berlin)"));
    for (day, at) in [("27", "2026-03-27T13:00:00Z"), ("28", "2026-03-28T13:00:00Z"), ("29", "2026-03-29T13:00:00Z")] {
        process.talks("bob", &format!("The count of day {day} is done."), at);
    }
    for (at, posts) in [
        ("2026-03-28T07:59:59Z", 0),
        ("2026-03-28T08:00:00Z", 1),
        ("2026-03-29T06:59:59Z", 1),
        ("2026-03-29T07:00:00Z", 2),
        ("2026-03-30T06:59:59Z", 2),
        ("2026-03-30T07:00:00Z", 3),
    ] {
        process.looks(at).await;
        assert_eq!(process.posts().await.len(), posts, "{at}");
    }
    let posts = process.posts().await;
    assert!(posts[1].contains("day 28") && posts[1].contains("since Saturday, 2026-03-28 09:00."), "{}", posts[1]);
    assert!(!posts[1].contains("day 27") && !posts[1].contains("day 29"), "{}", posts[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_posted_where_nothing_may_be_told() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    process.says("ana", "!digest daily 09:00").await;
    process.looks("2026-11-25T08:00:00Z").await;
    assert_eq!(process.next().await, "2026-11-26T08:00:00Z", "nothing was said");

    process.home.store.set_consent(&"cleo".into(), Switch::Omit, true, process.clock.now()).await.unwrap();
    process.talks("cleo", "The zqsecret sandwich is mine.", "2026-11-25T10:00:00Z");
    process.looks("2026-11-26T08:00:00Z").await;
    assert_eq!(process.next().await, "2026-11-27T08:00:00Z", "who said something wants to be left out");

    // Without being due it says so.
    assert!(process.says("ana", "!digest now").await.contains("that I may tell"));

    let silent = [
        Policy { paused: true, ..Policy::default() },
        Policy { plugins_off: ["summary".to_owned()].into(), ..Policy::default() },
        Policy { roles: [("digest".to_owned(), Role::Operator)].into(), ..Policy::default() },
    ];
    for (day, policy) in (27..).zip(silent) {
        process.talks("bob", "The lamp is amber.", &format!("2026-11-{}T20:00:00Z", day - 1));
        process.decide(policy).await;
        process.looks(&format!("2026-11-{day}T08:00:00Z")).await;
        assert_eq!(process.next().await, format!("2026-11-{}T08:00:00Z", day + 1));
    }
    process.decide(Policy::default()).await;
    process.home.store.pause_all(true).await.unwrap();
    process.looks("2026-11-30T08:00:00Z").await;
    process.home.store.pause_all(false).await.unwrap();
    process.platform.set_role(&"ana".into(), Role::Member);
    process.talks("bob", "The lamp is amber.", "2026-11-30T20:00:00Z");
    process.looks("2026-12-01T08:00:00Z").await;
    assert_eq!(process.next().await, "2026-12-02T08:00:00Z", "who ordered it is a moderator no more");
    assert!(process.posts().await.is_empty());

    process.platform.set_role(&"ana".into(), Role::Moderator);
    Custodian::new(&process.home).forget(&"ana".into(), process.clock.now()).await.unwrap();
    assert_eq!(process.next().await, "", "what she ordered went with her");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_put_a_digest_off_to_their_end() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    process.decide(Policy { quiet: "08:00-10:00".parse().unwrap(), ..Policy::default() }).await;
    let told = process.says("ana", "!digest weekly monday 09:00").await;
    assert!(told.ends_with("That is in the quiet hours (08:00-10:00), so it comes at their end."), "{told}");
    process.talks("bob", "The lamp is amber.", "2026-11-30T06:00:00Z");
    for (at, posts) in [("2026-11-30T08:00:00Z", 0), ("2026-11-30T08:59:30Z", 0), ("2026-11-30T09:00:00Z", 1)] {
        process.looks(at).await;
        assert_eq!(process.posts().await.len(), posts, "{at}");
    }
    assert_eq!(process.next().await, "2026-12-07T08:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_later_and_let_go_in_the_end() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    process.says("ana", "!digest daily 09:00").await;
    process.talks("bob", "The lamp is amber.", "2026-11-25T06:00:00Z");
    process.platform.is_down.store(true, Ordering::Relaxed);
    // One minute, five, twenty and sixty after each other.
    for (at, tries) in [
        ("2026-11-25T08:00:00Z", 1),
        ("2026-11-25T08:00:30Z", 1),
        ("2026-11-25T08:01:00Z", 2),
        ("2026-11-25T08:05:30Z", 2),
        ("2026-11-25T08:06:00Z", 3),
        ("2026-11-25T08:26:00Z", 4),
    ] {
        process.looks(at).await;
        assert_eq!((process.outcomes("failed").await, process.next().await.as_str()), (tries, "2026-11-25T08:00:00Z"));
    }
    process.looks("2026-11-25T09:26:00Z").await;
    assert_eq!((process.outcomes("failed").await, process.next().await.as_str()), (5, "2026-11-26T08:00:00Z"));
    assert!(process.posts().await.is_empty());

    process.talks("bob", "The lamp is green.", "2026-11-25T20:00:00Z");
    process.looks("2026-11-26T08:00:00Z").await;
    process.platform.is_down.store(false, Ordering::Relaxed);
    process.looks("2026-11-26T08:01:00Z").await;
    let posts = process.posts().await;
    assert!(posts.len() == 1 && posts[0].contains("The lamp is green."), "{posts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_speaks_the_language_of_its_room() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    process.decide(Policy { language: "zh".to_owned(), ..Policy::default() }).await;
    let told = process.says("ana", "!digest weekly 周一 9:00").await;
    assert_eq!(told, "每周一 09:00（Europe/Berlin），使用中文；下次为 2026-11-30。没有消息时不发布。");
    process.talks("bob", "The lamp is amber.", "2026-11-25T10:00:00Z");
    assert!(process.says("ana", "!digest now").await.contains("1 人的 1 条消息"));
    process.looks("2026-11-30T08:00:00Z").await;
    let posts = process.posts().await;
    assert!(posts.len() == 1 && posts[0].starts_with("**本房间摘要**"), "{posts:?}");
    assert!(posts[0].contains("自 2026-11-23（周一）09:00 起"), "{posts:?}");
}

/// What another process serves waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_platform_that_is_not_served_stays_due() {
    let mut process = Process::start("2026-11-24T12:00:00Z").await;
    process.says("ana", "!digest daily 09:00").await;
    let mut order = process.home.store.orders_of(&"7".into()).await.unwrap().remove(0);
    order.place.platform = Platform::Matrix;
    process.home.store.order(&order).await.unwrap();
    process.looks("2026-11-28T08:00:00Z").await;
    assert_eq!(process.next().await, "2026-11-25T08:00:00Z");
    assert!(process.dispatch.due(&order).count().await == 1, "what fails says so");
}
