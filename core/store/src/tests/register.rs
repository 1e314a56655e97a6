//! What is remembered of people and rooms.

use chat::{Policy, Role, Switch, people::Register};

use super::open;
use crate::Store;

fn at(time: &str) -> jiff::Timestamp {
    time.parse().unwrap()
}

const NOON: &str = "2026-11-03T12:00:00Z";

/// Links two accounts as their person does.
async fn link(store: &Store, one: &str, other: &str) {
    store.offer_link(&one.into(), one, at(NOON)).await.unwrap();
    assert_eq!(store.accept_link(&other.into(), one, at(NOON)).await.unwrap(), Some(one.into()));
}

async fn names(store: &Store, member: &str) -> String {
    let standing = store.standing(&member.into()).await.unwrap();
    standing.accounts.iter().map(|account| account.0.as_str()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn nothing_is_known_of_a_stranger_and_silence_is_no() {
    let (_folder, store) = open().await;
    let standing = store.standing(&"ana".into()).await.unwrap();
    assert_eq!(standing, chat::Standing { accounts: vec!["ana".into()], ..chat::Standing::default() });
    for switch in Switch::ALL {
        assert!(store.consenting(switch).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_switch_is_on_for_all_accounts_and_off_for_all() {
    let (_folder, store) = open().await;
    link(&store, "ana", "@ana:lab").await;
    store.set_consent(&"ana".into(), Switch::Index, true, at(NOON)).await.unwrap();
    store.set_consent(&"@ana:lab".into(), Switch::Match, true, at(NOON)).await.unwrap();
    store.set_consent(&"bob".into(), Switch::Index, true, at(NOON)).await.unwrap();
    for account in ["ana", "@ana:lab"] {
        let consent = store.standing(&account.into()).await.unwrap().consent;
        assert!(consent.to(Switch::Index) && consent.to(Switch::Match) && !consent.to(Switch::Suggest), "{account}");
    }
    assert_eq!(store.consenting(Switch::Index).await.unwrap(), ["@ana:lab".into(), "ana".into(), "bob".into()]);
    store.set_consent(&"@ana:lab".into(), Switch::Index, false, at(NOON)).await.unwrap();
    assert_eq!(store.consenting(Switch::Index).await.unwrap(), ["bob".into()]);
    assert!(!store.standing(&"ana".into()).await.unwrap().consent.to(Switch::Index));
}

#[tokio::test]
async fn persons_with_several_accounts_become_one() {
    let (_folder, store) = open().await;
    link(&store, "a", "b").await;
    link(&store, "c", "d").await;
    link(&store, "b", "c").await;
    for account in ["a", "b", "c", "d"] {
        assert_eq!(names(&store, account).await, "a b c d");
    }
    assert_eq!(names(&store, "e").await, "e");
    assert!(store.unlink(&"b".into()).await.unwrap());
    assert_eq!((names(&store, "a").await, names(&store, "b").await), ("a c d".to_owned(), "b".to_owned()));
    assert!(!store.unlink(&"b".into()).await.unwrap());
    assert!(store.unlink(&"a".into()).await.unwrap() && store.unlink(&"c".into()).await.unwrap());
    assert!(!store.unlink(&"d".into()).await.unwrap(), "a link to nobody is none");
}

#[tokio::test]
async fn a_code_links_once_in_time_and_not_with_itself() {
    let (_folder, store) = open().await;
    let accept = async |who: &str, code: &str, now: &str| store.accept_link(&who.into(), code, at(now)).await.unwrap();
    store.offer_link(&"ana".into(), "old", at(NOON)).await.unwrap();
    store.offer_link(&"ana".into(), "new", at(NOON)).await.unwrap();
    assert_eq!(accept("bob", "old", NOON).await, None, "one code an account");
    assert_eq!(accept("bob", "new", "2026-11-03T12:00:01Z").await, None);
    assert_eq!(accept("ana", "new", NOON).await, None);
    assert_eq!(accept("bob", "new", NOON).await, Some("ana".into()));
    assert_eq!(accept("eve", "new", NOON).await, None);
    store.offer_link(&"x".into(), "same", at(NOON)).await.unwrap();
    store.offer_link(&"y".into(), "same", at(NOON)).await.unwrap();
    assert_eq!(accept("eve", "same", NOON).await, None, "nobody knows whose it is");
}

#[tokio::test]
async fn a_role_is_a_persons_and_a_block_outlives_links() {
    let (_folder, store) = open().await;
    link(&store, "a", "b").await;
    let grant = async |who: &str| store.standing(&who.into()).await.unwrap().grant;
    store.set_grant(&"a".into(), Some(Role::Operator)).await.unwrap();
    assert_eq!(grant("b").await, Some(Role::Operator));
    store.set_grant(&"b".into(), Some(Role::Moderator)).await.unwrap();
    assert_eq!(grant("a").await, Some(Role::Moderator));
    store.set_grant(&"a".into(), None).await.unwrap();
    assert_eq!(grant("b").await, None);

    let blocked = async |who: &str| store.standing(&who.into()).await.unwrap().blocked;
    store.set_blocked(&"a".into(), true).await.unwrap();
    store.unlink(&"b".into()).await.unwrap();
    assert!(blocked("a").await && blocked("b").await);
    link(&store, "b", "c").await;
    assert!(blocked("c").await);
    store.erase(&["b".into(), "c".into()]).await.unwrap();
    assert!(blocked("b").await && blocked("c").await, "a block survives a forget");
    store.set_blocked(&"c".into(), false).await.unwrap();
    assert!(!blocked("c").await && blocked("b").await);
}

#[tokio::test]
async fn a_room_has_its_policy_and_a_pause_is_everyones() {
    let (_folder, store) = open().await;
    let strict = Policy { language: "de".to_owned(), retention_days: 7, ..Policy::default() };
    store.set_policy(&"a".into(), Some(&Policy::default())).await.unwrap();
    store.set_policy(&"a".into(), Some(&strict)).await.unwrap();
    let policy = async |room: &str| store.policy(&room.into()).await.unwrap();
    assert_eq!((policy("a").await, policy("b").await), (strict.clone(), Policy::default()));
    store.pause_all(true).await.unwrap();
    assert!(store.is_paused().await.unwrap() && !policy("a").await.paused, "a pause of all is no room's own");
    assert_eq!(store.policies().await.unwrap(), [("a".into(), strict)], "as it was set");
    store.pause_all(false).await.unwrap();
    assert!(!store.is_paused().await.unwrap());
    store.set_policy(&"a".into(), None).await.unwrap();
    assert_eq!(policy("a").await, Policy::default());
}
