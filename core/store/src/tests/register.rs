//! What is remembered of people and rooms.

use chat::{
    Policy, Role, Switch,
    people::{Linking, Register},
};

use super::{open, place};
use crate::Store;

fn at(time: &str) -> jiff::Timestamp {
    time.parse().unwrap()
}

const NOON: &str = "2026-11-03T12:00:00Z";

/// Says a code; the step that it was, with the other account.
async fn say(store: &Store, who: &str, code: &str, next: &str, now: &str) -> String {
    let (until, now) = (at("2026-11-04T12:00:00Z"), at(now));
    match store.say_link(&who.into(), &place("lab", "7"), code, (next, until), now).await.unwrap() {
        Some(Linking::Shown(party)) => format!("shown {}", party.member),
        Some(Linking::Confirmed(party)) => format!("confirmed {}", party.member),
        Some(Linking::Linked(party)) => format!("linked {}", party.member),
        None => "nothing".to_owned(),
    }
}

/// Links two accounts as their person does.
pub async fn link(store: &Store, one: &str, other: &str) {
    store.offer_link(&one.into(), &place("lab", "7"), &format!("offer of {one}"), at(NOON)).await.unwrap();
    let (theirs, own) = (format!("{other} confirms"), format!("{one} confirms"));
    assert_eq!(say(store, other, &format!("offer of {one}"), &theirs, NOON).await, format!("shown {one}"));
    assert_eq!(say(store, other, &theirs, &own, NOON).await, format!("confirmed {one}"));
    assert_eq!(say(store, one, &own, "unused", NOON).await, format!("linked {other}"));
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
async fn what_allows_needs_every_account_and_what_protects_needs_one() {
    let (_folder, store) = open().await;
    let consents = async |who: &str, switch: Switch| {
        let standing = store.standing(&who.into()).await.unwrap();
        let (willing, one) = (store.willing(switch).await.unwrap(), who.into());
        assert_eq!(
            willing.iter().any(|person| person.contains(&one)),
            standing.consent.to(switch) && !switch.is_protective()
        );
        standing.consent.to(switch)
    };
    let set = async |who: &str, switch: Switch, on: bool| {
        store.set_consent(&who.into(), switch, on, at(NOON)).await.unwrap();
    };
    for switch in [Switch::Index, Switch::Match, Switch::Improve, Switch::Suggest, Switch::Name] {
        set("ana", switch, true).await;
    }
    set("@ana:lab", Switch::Match, true).await;
    set("bob", Switch::Index, true).await;
    assert_eq!(store.consenting(Switch::Index).await.unwrap(), ["ana".into(), "bob".into()]);
    link(&store, "ana", "@ana:lab").await;
    for account in ["ana", "@ana:lab"] {
        for switch in [Switch::Index, Switch::Improve, Switch::Suggest, Switch::Name] {
            assert!(!consents(account, switch).await, "{account} {switch}: one of the two said nothing");
        }
        assert!(consents(account, Switch::Match).await, "both said so");
    }
    assert_eq!(store.consenting(Switch::Index).await.unwrap(), ["bob".into()]);
    set("@ana:lab", Switch::Index, true).await;
    assert!(consents("ana", Switch::Index).await && consents("@ana:lab", Switch::Index).await);
    set("@ana:lab", Switch::Index, false).await;
    assert!(!consents("ana", Switch::Index).await && !consents("@ana:lab", Switch::Index).await);

    let omits = async |who: &str| store.standing(&who.into()).await.unwrap().consent.to(Switch::Omit);
    set("ana", Switch::Omit, true).await;
    assert!(omits("ana").await && omits("@ana:lab").await);
    set("@ana:lab", Switch::Omit, false).await;
    assert!(omits("@ana:lab").await, "what one asked for no other takes back");
    store.unlink(&"ana".into(), at(NOON)).await.unwrap();
    assert!(omits("ana").await && !omits("@ana:lab").await);
    assert!(consents("ana", Switch::Name).await, "each has its own again");
}

#[tokio::test]
async fn what_was_said_is_judged_by_how_things_stood_then_and_stand_now() {
    let (_folder, store) = open().await;
    let time = |minute: u32| at(&format!("2026-11-03T12:{minute:02}:00Z"));
    let room = "7".into();
    let indexing = Policy { index_messages: true, ..Policy::default() };
    let paused = Policy { paused: true, ..indexing.clone() };
    let check = async |who: &str, minute: u32, kept: bool, omitted: bool| {
        let policy = store.policy_at(&room, time(minute)).await.unwrap();
        let consent = store.standing_at(&who.into(), time(minute)).await.unwrap().consent;
        let is_kept = policy.index_messages && consent.to(Switch::Index);
        assert_eq!((is_kept, consent.to(Switch::Omit)), (kept, omitted), "{who} said it at 12:{minute}");
    };
    store.set_consent(&"ana".into(), Switch::Index, true, time(10)).await.unwrap();
    store.set_consent(&"bob".into(), Switch::Index, true, time(30)).await.unwrap();
    for (policy, minute) in
        [(Some(&indexing), 20), (Some(&paused), 40), (Some(&indexing), 44), (None, 46), (Some(&indexing), 50)]
    {
        store.set_policy(&room, policy, time(minute)).await.unwrap();
    }
    for (who, minute, kept) in [
        ("ana", 5, false),
        ("ana", 15, false),
        ("ana", 19, false),
        ("ana", 20, true),
        ("bob", 20, false),
        ("bob", 29, false),
        ("bob", 30, true),
        ("ana", 39, true),
        ("ana", 41, false),
        ("ana", 45, true),
        ("ana", 48, false),
        ("ana", 59, true),
        ("cleo", 59, false),
    ] {
        check(who, minute, kept, false).await;
    }
    // A message whose time lies ahead is judged by what holds now.
    assert!(store.policy_at(&room, jiff::Timestamp::MAX).await.unwrap().index_messages);

    // Off and on again: nothing of what was said in between, and nothing while it is off.
    store.set_consent(&"ana".into(), Switch::Index, false, time(52)).await.unwrap();
    check("ana", 51, false, false).await;
    store.set_consent(&"ana".into(), Switch::Index, true, time(54)).await.unwrap();
    for (minute, kept) in [(51, true), (53, false), (54, true)] {
        check("ana", minute, kept, false).await;
    }
    // What protects holds where it was on then, or is now.
    store.set_consent(&"ana".into(), Switch::Omit, true, time(55)).await.unwrap();
    check("ana", 21, true, true).await;
    store.set_consent(&"ana".into(), Switch::Omit, false, time(57)).await.unwrap();
    for (minute, omitted) in [(21, false), (56, true), (58, false)] {
        check("ana", minute, true, omitted).await;
    }
    // A change that is dated back counts from the change before it.
    store.set_consent(&"bob".into(), Switch::Index, false, time(58)).await.unwrap();
    store.set_consent(&"bob".into(), Switch::Index, true, time(1)).await.unwrap();
    check("bob", 57, true, false).await;
    check("bob", 2, false, false).await;
    // A link changes what holds, from when on it was made; parting changes it back.
    for account in ["ana", "bob"] {
        store.set_consent(&account.into(), Switch::Name, account == "ana", time(58)).await.unwrap();
    }
    let named = async |minute| store.standing_at(&"ana".into(), time(minute)).await.unwrap().consent.to(Switch::Name);
    assert!(named(59).await);
    link(&store, "ana", "bob").await;
    assert!(!named(59).await && !named(57).await);
    store.unlink(&"bob".into(), at("2026-11-03T13:30:00Z")).await.unwrap();
    assert!(store.standing_at(&"ana".into(), at("2026-11-03T14:00:00Z")).await.unwrap().consent.to(Switch::Name));
    // Of who was forgotten no change is known.
    store.erase(&["ana".into()]).await.unwrap();
    store.set_consent(&"ana".into(), Switch::Index, true, at("2026-11-03T15:00:00Z")).await.unwrap();
    check("ana", 59, false, false).await;
    // A room that goes on as another goes on keeping.
    store.move_room(&room, &"8".into()).await.unwrap();
    for (room, minute, keeps) in [("8", 20, true), ("8", 19, false), ("8", 48, false), ("7", 20, false)] {
        assert_eq!(store.policy_at(&room.into(), time(minute)).await.unwrap().index_messages, keeps, "{room} {minute}");
    }
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
    let unlink = async |who: &str| store.unlink(&who.into(), at(NOON)).await.unwrap();
    assert!(unlink("b").await);
    assert_eq!((names(&store, "a").await, names(&store, "b").await), ("a c d".to_owned(), "b".to_owned()));
    assert!(!unlink("b").await);
    assert!(unlink("a").await && unlink("c").await);
    assert!(!unlink("d").await, "a link to nobody is none");
}

#[tokio::test]
async fn nothing_is_linked_before_both_confirmed_each_with_a_code_of_its_own() {
    let (_folder, store) = open().await;
    let alone =
        async || assert_eq!((names(&store, "ana").await, names(&store, "bob").await), ("ana".into(), "bob".into()));
    let offer =
        async |who: &str, code: &str| store.offer_link(&who.into(), &place("lab", "7"), code, at(NOON)).await.unwrap();
    offer("ana", "old").await;
    offer("ana", "new").await;
    for (who, code, next, now, did) in [
        ("bob", "old", "-", NOON, "nothing"),
        ("ana", "new", "-", NOON, "nothing"),
        ("bob", "new", "bob's first", NOON, "shown ana"),
        // Who says it once more is shown it once more; nobody else can take it up.
        ("bob", "new", "bob's", NOON, "shown ana"),
        ("eve", "new", "eve's", NOON, "nothing"),
        ("bob", "bob's first", "-", NOON, "nothing"),
        // A code does nothing for who was not shown it.
        ("ana", "bob's", "-", NOON, "nothing"),
        ("eve", "bob's", "-", NOON, "nothing"),
        ("bob", "bob's", "ana's", NOON, "confirmed ana"),
        ("bob", "bob's", "-", NOON, "nothing"),
        ("bob", "new", "-", NOON, "nothing"),
        ("bob", "ana's", "-", NOON, "nothing"),
        ("eve", "ana's", "-", NOON, "nothing"),
    ] {
        assert_eq!(say(&store, who, code, next, now).await, did, "{who} says {code}");
        alone().await;
    }
    let (party, code) = store.pending_link(&"ana".into(), at(NOON)).await.unwrap().unwrap();
    assert_eq!((party.member, code.as_str()), ("bob".into(), "ana's"));
    assert_eq!(store.pending_link(&"bob".into(), at(NOON)).await.unwrap(), None);
    assert_eq!(say(&store, "ana", "ana's", "-", "2026-11-04T12:00:00Z").await, "linked bob", "a day is left for it");
    assert_eq!(names(&store, "bob").await, "ana bob");
    for code in ["new", "bob's", "ana's"] {
        assert_eq!(say(&store, "ana", code, "-", NOON).await, "nothing", "{code} is used up");
    }
    // Each step lapses, and can be refused.
    offer("x", "late").await;
    assert_eq!(say(&store, "y", "late", "-", "2026-11-03T12:00:01Z").await, "nothing");
    offer("x", "of x").await;
    say(&store, "y", "of x", "y's", NOON).await;
    assert!(
        !store.refuse_link(&"z".into(), "y's").await.unwrap() && store.refuse_link(&"y".into(), "y's").await.unwrap()
    );
    assert_eq!(say(&store, "y", "y's", "-", NOON).await, "nothing");
    offer("x", "of x").await;
    say(&store, "y", "of x", "y's", NOON).await;
    say(&store, "y", "y's", "x's", NOON).await;
    assert_eq!(say(&store, "x", "x's", "-", "2026-11-04T12:00:01Z").await, "nothing");
    offer("x", "same").await;
    offer("y", "same").await;
    assert_eq!(say(&store, "eve", "same", "-", NOON).await, "nothing", "nobody knows whose it is");
}

#[tokio::test]
async fn a_role_and_a_block_stay_with_their_account() {
    let (_folder, store) = open().await;
    store.set_grant(&"a".into(), Some(Role::Operator)).await.unwrap();
    store.set_blocked(&"b".into(), None, true).await.unwrap();
    link(&store, "a", "b").await;
    let standing = async |who: &str| store.standing(&who.into()).await.unwrap();
    assert_eq!((standing("a").await.grant, standing("b").await.grant), (Some(Role::Operator), None));
    assert!(!standing("a").await.blocked.everywhere && standing("b").await.blocked.everywhere);
    store.set_grant(&"b".into(), Some(Role::Moderator)).await.unwrap();
    store.set_grant(&"b".into(), None).await.unwrap();
    assert_eq!(standing("a").await.grant, Some(Role::Operator), "another account's role is no other's to lose");
    // What a blocked account owns counts for nobody.
    for account in ["a", "b"] {
        store.set_consent(&account.into(), Switch::Match, true, at(NOON)).await.unwrap();
    }
    assert_eq!(store.willing(Switch::Match).await.unwrap(), [[chat::MemberId::from("a")]]);
    store.unlink(&"b".into(), at(NOON)).await.unwrap();
    assert!(standing("b").await.blocked.everywhere);
    store.erase(&["b".into()]).await.unwrap();
    assert!(standing("b").await.blocked.everywhere, "a block survives a forget");
}

#[tokio::test]
async fn a_block_of_a_room_holds_there_and_one_of_all_rooms_everywhere() {
    let (_folder, store) = open().await;
    let (seminar, hall) = ("seminar".into(), "hall".into());
    let blocked = async |who: &str| {
        let blocked = store.standing(&who.into()).await.unwrap().blocked;
        [&seminar, &hall].map(|room| blocked.holds_in(room))
    };
    let willing = async || store.willing(Switch::Match).await.unwrap().len();
    for who in ["a", "b"] {
        store.set_consent(&who.into(), Switch::Match, true, at(NOON)).await.unwrap();
    }
    store.set_blocked(&"a".into(), Some(&seminar), true).await.unwrap();
    assert_eq!((blocked("a").await, willing().await), ([true, false], 2), "in the hall they are who they were");
    store.set_blocked(&"b".into(), None, true).await.unwrap();
    assert_eq!((blocked("b").await, willing().await), ([true, true], 1));
    // A room ends what it began, and nothing else.
    store.set_blocked(&"b".into(), Some(&seminar), false).await.unwrap();
    store.set_blocked(&"a".into(), Some(&hall), false).await.unwrap();
    assert_eq!((blocked("a").await, blocked("b").await), ([true, false], [true, true]));
    // A block is an account's own until somebody blocks its person; a room that moves takes its blocks along.
    link(&store, "a", "c").await;
    assert_eq!(blocked("c").await, [false, false]);
    store.set_blocked(&"a".into(), Some(&seminar), true).await.unwrap();
    assert_eq!(blocked("c").await, [true, false]);
    store.move_room(&seminar, &hall).await.unwrap();
    assert_eq!(blocked("c").await, [false, true]);
    store.set_blocked(&"c".into(), None, false).await.unwrap();
    assert_eq!((blocked("a").await, blocked("c").await), ([false, false], [false, false]), "all that there was ends");
}

#[tokio::test]
async fn a_room_has_its_policy_and_a_pause_is_everyones() {
    let (_folder, store) = open().await;
    let strict = Policy { language: "de".to_owned(), retention_days: 7, ..Policy::default() };
    store.set_policy(&"a".into(), Some(&Policy::default()), at(NOON)).await.unwrap();
    store.set_policy(&"a".into(), Some(&strict), at(NOON)).await.unwrap();
    let policy = async |room: &str| store.policy(&room.into()).await.unwrap();
    assert_eq!((policy("a").await, policy("b").await), (strict.clone(), Policy::default()));
    store.pause_all(true).await.unwrap();
    assert!(store.is_paused().await.unwrap() && !policy("a").await.paused, "a pause of all is no room's own");
    assert_eq!(store.policies().await.unwrap(), [("a".into(), strict)], "as it was set");
    store.pause_all(false).await.unwrap();
    assert!(!store.is_paused().await.unwrap());
    store.set_policy(&"a".into(), None, at(NOON)).await.unwrap();
    assert_eq!(policy("a").await, Policy::default());
}
