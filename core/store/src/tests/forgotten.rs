//! What began before somebody was forgotten leaves nothing, however late it ends; what they do later is kept; and a backup of
//! before brings nobody back.

use chat::{
    CallId, MemberId, Message, Role, Switch,
    people::Register,
    ports::{Audit, AuditEvent, Inbox, Outbox, Outcome, PluginData, Post, Verdict},
    profile::Facts,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{MODEL, audit::event, document, message, open, passages};
use crate::{Entry, Forgetting, Store};

fn minute(minute: i64) -> Timestamp {
    "2026-11-03T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

fn post(who: &str, minutes: i64, body: Option<&str>) -> Post {
    let question =
        Message { author: who.into(), at: minute(minutes), ..message(&format!("{who} {minutes}"), "lab", "hall") };
    Post {
        call: question.call_id(),
        question,
        renews: None,
        address: json!({}),
        shown: body.is_none().then(|| "51".into()).into_iter().collect(),
        actions: Vec::new(),
        of: Vec::new(),
        body: body.map(|body| json!(body)),
    }
}

/// A call that began at a time and ended ten minutes later.
fn flight(who: &str, began: i64, voices: &[&str]) -> AuditEvent {
    let event = event(who, "done");
    let call = chat::Call { id: CallId(format!("{who} {began}")), ..event.call };
    let voices = voices.iter().map(|one| (*one).into()).collect();
    AuditEvent { at: minute(began + 10), began: minute(began), call, voices, ..event }
}

async fn forget(store: &Store, who: &str, at: i64) {
    let accounts: [MemberId; 1] = [who.into()];
    store.begin_forgetting(&accounts, minute(at)).await.unwrap();
    store.erase(&accounts).await.unwrap();
}

/// How much there is of somebody: flights, posts, plugin data, words on papers, papers shown, outcomes.
async fn left(store: &Store, who: &str) -> [i64; 6] {
    let mut counts = [0; 6];
    for (count, query) in counts.iter_mut().zip([
        "SELECT COUNT(*) FROM flight WHERE member = $1",
        "SELECT COUNT(*) FROM post WHERE author = $1",
        "SELECT COUNT(*) FROM plugin_datum WHERE owner = $1",
        "SELECT COUNT(*) FROM paper_word WHERE member = $1",
        "SELECT COUNT(*) FROM paper_shown WHERE member = $1",
        "SELECT COUNT(*) FROM match_outcome WHERE seeker = $1 OR person = $1",
    ]) {
        *count = sqlx::query_scalar(query).bind(who).fetch_one(&store.read).await.unwrap();
    }
    counts
}

/// All that a call of somebody that began at a time may keep.
async fn keep(store: &Store, who: &str, began: i64) {
    let (member, at): (MemberId, _) = (who.into(), minute(began));
    let paper = chat::DocumentId("paper".to_owned());
    store.record(flight(who, began, &[])).await.unwrap();
    Outbox::put(store, &post(who, began, Some("an answer"))).await.unwrap();
    Outbox::put(store, &post(who, began, None)).await.unwrap();
    store.set("feedback", Some((&member, at)), &format!("vote:{began}"), Some(json!(1))).await.unwrap();
    let call = CallId(format!("{who} {began}"));
    store.set_beside(&call, at, "qa", Some(&member), &format!("answer:{began}"), json!("words")).await.unwrap();
    store.keep_verdict(&member, &paper, Verdict::Saved, at).await.unwrap();
    store.keep_shown(&member, &[paper], at).await.unwrap();
    store.keep_outcome("a need", &member, (&"bob".into(), &[0.5]), Outcome::Asked, at).await.unwrap();
}

#[tokio::test]
async fn a_call_that_began_before_and_ends_after_leaves_nothing_and_a_later_one_is_kept() {
    let (_folder, store) = open().await;
    let paper = chat::Document { id: chat::DocumentId("paper".to_owned()), ..document("paper", "community:lab") };
    let parts = passages(&paper);
    store.put_many(MODEL, &[Entry { document: &paper, passages: &parts, vectors: &[], keys: &[] }]).await.unwrap();
    keep(&store, "ana", 0).await;
    assert_eq!(left(&store, "ana").await, [1, 1, 2, 1, 1, 1]);
    forget(&store, "ana", 5).await;
    assert_eq!(left(&store, "ana").await, [0; 6]);

    keep(&store, "ana", 1).await;
    assert_eq!(left(&store, "ana").await, [0; 6]);
    // Nor in what somebody else asked with her words, nor in what is about her and on its way to somebody else.
    store.record(flight("bob", 1, &["ana"])).await.unwrap();
    Outbox::put(&store, &Post { of: vec!["ana".into()], ..post("bob", 1, Some("meet ana")) }).await.unwrap();
    assert_eq!(left(&store, "bob").await[..2], [0, 0]);
    let check = store.audit_verify().await.unwrap();
    assert_eq!((check.events, check.broken), (3, None), "that something happened is told");
    let salts: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM caller_salt").fetch_one(&store.read).await.unwrap();
    assert_eq!(salts, 1, "that of bob");

    keep(&store, "ana", 6).await;
    assert_eq!(left(&store, "ana").await, [1, 1, 2, 1, 1, 1], "who comes back is served as anybody");
}

#[tokio::test]
async fn a_reply_is_delivered_first_and_what_said_words_again_is_taken_down() {
    let (_folder, store) = open().await;
    forget(&store, "ana", 5).await;
    // The wish to be forgotten is answered too.
    Outbox::put(&store, &post("ana", 5, Some("Erased."))).await.unwrap();
    assert_eq!(Outbox::pending(&store, chat::Platform::Discord).await.unwrap().len(), 1);
    Outbox::put(&store, &post("ana", 5, None)).await.unwrap();
    assert_eq!(left(&store, "ana").await[1], 0);

    let echo = |body| {
        let mut post = post("ana", 4, body);
        post.question.id = "notice:translation/echo/discord:hall:1".into();
        Post { call: post.question.call_id(), ..post }
    };
    Outbox::put(&store, &echo(Some("what ana said"))).await.unwrap();
    assert!(Outbox::pending(&store, chat::Platform::Discord).await.unwrap().is_empty(), "it is not said any more");
    Outbox::put(&store, &echo(None)).await.unwrap();
    let [taking] = &Outbox::pending(&store, chat::Platform::Discord).await.unwrap()[..] else { panic!("it stands") };
    assert_eq!((&taking.body, taking.question.author.0.as_str()), (&Some(Post::NOTHING), ""));
}

#[tokio::test]
async fn forgetting_is_due_until_it_is_done_whatever_happens_to_the_process() {
    let (folder, store) = open().await;
    let at = minute(5);
    for who in ["ana", "bob"] {
        store.set_consent(&who.into(), Switch::Improve, true, minute(0)).await.unwrap();
    }
    store.begin_forgetting(&["ana".into()], at).await.unwrap();
    // The process dies here: the next one knows.
    let store = Store::open(folder.path()).await.unwrap();
    let due = Forgetting { accounts: vec!["ana".into()], at };
    assert!(store.forgettings_due(minute(4)).await.unwrap().is_empty());
    assert_eq!(store.forgettings_due(at).await.unwrap(), std::slice::from_ref(&due));
    assert!(!store.has_returned(&due).await.unwrap());
    store.erase(&due.accounts).await.unwrap();
    store.look_again(at, Some(minute(6))).await.unwrap();
    assert!(store.forgettings_due(at).await.unwrap().is_empty());
    // Nothing is left of her, and it is known that there is nothing more to do.
    assert_eq!(store.forgettings_due(minute(6)).await.unwrap(), [Forgetting { accounts: vec![], at }]);
    Inbox::open(&store, &Message { author: "ana".into(), at: minute(7), ..message("new", "lab", "hall") })
        .await
        .unwrap();
    assert!(store.has_returned(&due).await.unwrap());
    store.look_again(at, None).await.unwrap();
    assert!(store.forgettings_due(Timestamp::MAX).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_others_declare_names_no_forgotten_person() {
    let (_folder, store) = open().await;
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let own = Facts { names: named(&["Ana Quan"]), ids: named(&["orcid:0000-0002-1825-0097"]), ..Facts::default() };
    store.keep_facts(&[], &"ana".into(), &own).await.unwrap();
    let conflicts = named(&["ana", "ANA QUAN", "orcid:0000-0002-1825-0097", "Carl"]);
    store.keep_facts(&[], &"bob".into(), &Facts { conflicts, ..Facts::default() }).await.unwrap();
    forget(&store, "ana", 5).await;
    let left = store.profiles_of(&["bob".into()], MODEL).await.unwrap().remove(&MemberId::from("bob")).unwrap();
    assert_eq!(
        left.facts.unwrap().conflicts,
        named(&["Carl"]).into_iter().collect::<std::collections::BTreeSet<String>>()
    );
}

#[tokio::test]
async fn a_backup_of_before_brings_back_nobody_who_was_forgotten_blocked_or_withdrew() {
    let (folder, store) = open().await;
    let consent = async |store: &Store, who: &str, on: bool| {
        store.set_consent(&who.into(), Switch::Index, on, minute(0)).await.unwrap();
    };
    for who in ["ana", "bob", "cleo"] {
        consent(&store, who, true).await;
        store.record(flight(who, -20, &[])).await.unwrap();
    }
    store.set_grant(&"dan".into(), Some(Role::Operator)).await.unwrap();
    store.set_blocked(&"eve".into(), None, true).await.unwrap();
    // The backup.
    let elsewhere = tempfile::tempdir().unwrap();
    crate::backup::copy(&folder.path().join(Store::FILE), &elsewhere.path().join(Store::FILE)).await.unwrap();
    let written = minute(0);

    forget(&store, "ana", 5).await;
    consent(&store, "bob", false).await;
    store.set_grant(&"dan".into(), None).await.unwrap();
    store.set_blocked(&"eve".into(), None, false).await.unwrap();
    store.set_blocked(&"mallory".into(), None, true).await.unwrap();
    let decisions = store.decisions(minute(10)).await.unwrap();
    let text = serde_json::to_string(&decisions).unwrap();
    assert!(!text.contains("ana"), "{text}");

    let restored = Store::open(elsewhere.path()).await.unwrap();
    let nothing = restored.apply_decisions(&decisions, minute(10)).await.unwrap();
    assert!(nothing.forgotten.is_empty() && restored.standing(&"bob".into()).await.unwrap().consent.to(Switch::Index));
    let read = serde_json::from_str(&text).unwrap();
    let applied = restored.apply_decisions(&read, written).await.unwrap();
    assert_eq!(applied.forgotten, [MemberId::from("ana")]);
    let standing = async |who: &str| restored.standing(&who.into()).await.unwrap();
    assert!(!standing("ana").await.consent.to(Switch::Index) && !standing("bob").await.consent.to(Switch::Index));
    assert!(standing("cleo").await.consent.to(Switch::Index));
    assert_eq!(standing("dan").await.grant, None);
    assert!(!standing("eve").await.blocked.everywhere && standing("mallory").await.blocked.everywhere);
    assert_eq!((left(&restored, "ana").await[0], left(&restored, "bob").await[0]), (0, 1));
    // It says the same as the state that it was of.
    assert!(restored.decisions(minute(20)).await.unwrap().says_the_same_as(&decisions));
    assert_eq!(restored.audit_verify().await.unwrap().broken, None);
}

#[tokio::test]
async fn secrets_and_ids_are_kept_no_longer_than_they_are_of_use() {
    let (_folder, store) = open().await;
    let until = minute(15).as_second();
    let address = json!({"interaction": "a token", "channel": 7, "until": until});
    Outbox::put(&store, &Post { address, ..post("ana", 0, None) }).await.unwrap();
    Outbox::put(&store, &Post { address: json!({"channel": 7}), ..post("bob", 0, None) }).await.unwrap();
    assert_eq!(store.end_secrets(Timestamp::MIN, minute(14)).await.unwrap(), 0);
    assert_eq!(store.end_secrets(Timestamp::MIN, minute(15)).await.unwrap(), 1);
    assert_eq!(store.end_secrets(Timestamp::MIN, minute(16)).await.unwrap(), 0);
    let kept = Outbox::get(&store, &post("ana", 0, None).call).await.unwrap().unwrap();
    assert_eq!(kept.address, json!({"interaction": "", "channel": 7, "until": until}));

    let open = |at| Message { at: minute(at), ..message(&format!("at {at}"), "lab", "hall") };
    for at in [0, 10] {
        Inbox::open(&store, &open(at)).await.unwrap();
    }
    Inbox::close(&store, &open(0)).await.unwrap();
    assert_eq!(store.forget_seen(minute(5)).await.unwrap(), 1);
    assert_eq!(store.forget_seen(minute(50)).await.unwrap(), 0, "one that is not answered is known");
}
