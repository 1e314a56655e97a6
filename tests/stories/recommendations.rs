//! Papers for somebody, on the real host, store and encoder, by a clock of our own: what they say of papers changes what comes
//! next, nothing comes twice, and nothing that is not theirs to read.

use std::collections::HashSet;

use chat::{
    CallId, Message, Scope, Switch,
    document::Rights,
    people::{Personal as _, Register as _},
    ports::{Clock as _, Documents as _, Outbox as _, Post, Schedule as _},
};
use server::{
    home::{Home, Needs},
    people::Custodian,
    schedule::Ticker,
};
use tests::{
    World,
    desk::{Desk, words},
    double::PlatformDouble,
};

const NOON: &str = "2026-11-24T12:00:00Z";

/// What is written of two things, the newest last.
const BIRDS: [(&str, &str); 8] = [
    ("Songs of wading birds at night", "We record the songs of wading birds at night in coastal marshes."),
    ("Dialects of the nightingale", "Nightingale song differs from valley to valley; we compare bird song dialects."),
    ("Bird song told apart by neural networks", "A neural network classifies the song of birds from recordings."),
    (
        "Warblers in reed beds",
        "The song of reed warblers, recorded by microphones in reed beds, tells how many birds sing.",
    ),
    ("Calls of birds before dawn", "Birds call and sing before dawn; the chorus of song begins with robins."),
    ("How young finches learn to sing", "Young finches learn their song from older birds that sing beside them."),
    ("The chorus of marsh birds", "Marsh birds sing in a chorus; recordings of their song were annotated by ear."),
    ("Owls and their calls", "Owls call at night; recordings of their calls and songs tell one bird from another."),
];
const SOLAR: [(&str, &str); 8] = [
    ("Perovskite crystals for solar cells", "We grow perovskite crystals and measure the efficiency of solar cells."),
    ("Solar cells without lead", "Lead-free perovskite solar cells reach half the efficiency of those with lead."),
    ("Thin films for photovoltaics", "Thin films of perovskite on glass make light photovoltaic solar cells."),
    ("Ageing of solar modules", "Solar modules lose efficiency with age; moisture enters perovskite solar cells."),
    ("Tandem solar cells on silicon", "A perovskite layer on silicon makes tandem solar cells of high efficiency."),
    ("Electrodes for solar cells", "Transparent electrodes carry the current of perovskite solar cells."),
    ("Printing solar cells", "Perovskite solar cells are printed from ink on foil, cell by cell."),
    ("Light soaking of solar cells", "Under light the efficiency of perovskite solar cells rises for minutes."),
];

async fn opened() -> Desk {
    let desk = Desk::open(PlatformDouble::default(), NOON).await;
    add(&desk, &BIRDS[..6]).await;
    add(&desk, &SOLAR[..6]).await;
    desk
}

async fn add(desk: &Desk, papers: &[(&str, &str)]) {
    for (title, text) in papers {
        add_to(desk, &desk.home().community(), title, text).await;
    }
}

async fn add_to(desk: &Desk, scope: &Scope, title: &str, text: &str) {
    let (name, bytes) = (format!("{}.md", title.replace(' ', "-")), format!("# {title}\n\n{text}\n"));
    let added =
        desk.home().acquirer().add(scope, (&"ana".into(), desk.clock.now()), &name, bytes.into_bytes()).await.unwrap();
    assert_eq!(added.documents, [title], "{:?}", added.refused);
}

/// The titles of a list, in order.
fn titles(text: &str) -> Vec<String> {
    let bold: Vec<&str> = text.split("**").skip(1).step_by(2).collect();
    bold.into_iter().filter(|title| *title != "Papers for you").map(str::to_owned).collect()
}

fn are(papers: &[(&str, &str)], titles: &[String]) -> usize {
    titles.iter().filter(|title| papers.iter().any(|(known, _)| known == title)).count()
}

/// Says something in the seminar; the call and its reply.
async fn asks(desk: &mut Desk, who: &str, text: &str) -> (CallId, String) {
    let message: Message = desk.message("7", who, text);
    let call = message.call_id();
    (call, desk.reply(message).await.text())
}

fn ticker(desk: &Desk) -> Ticker {
    Ticker::new(desk.home().store.clone(), desk.dispatch.clone(), desk.platforms.clone(), desk.clock.clone())
}

fn set(desk: &Desk, at: &str) {
    *desk.clock.0.lock().unwrap() = at.parse().unwrap();
}

async fn last(desk: &Desk, who: &str) -> Post {
    desk.told(who).await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_from_one_sentence_or_one_thumb_and_nothing_comes_twice() {
    let mut desk = opened().await;
    let (_, told) = asks(&mut desk, "ana", "!profile add I record the songs of birds at night").await;
    assert!(told.contains("Kept"), "{told}");
    let (list, told) = asks(&mut desk, "ana", "!papers for me").await;
    let first = titles(&told);
    assert_eq!((first.len(), are(&BIRDS, &first[..3])), (5, 3), "{told}");
    assert!(told.contains("close to your profile: “I record the songs of birds at night”"), "{told}");

    // Nothing of it comes again, and what she says of one is kept under its number.
    let (_, told) = asks(&mut desk, "ana", "!papers for me").await;
    let second = titles(&told);
    assert!(!second.is_empty() && second.iter().all(|title| !first.contains(title)), "{first:?} {second:?}");
    let said = desk.presses("7", "ana", &list, "mark save 2").await.text();
    assert!(said.contains("Saved") && said.contains(&first[1]), "{said}");
    assert_eq!(asks(&mut desk, "ana", "!papers saved").await.1, format!("- {}", first[1]));
    assert!(asks(&mut desk, "bob", "!papers saved").await.1.contains("You saved no paper"));

    // A thumb is a start too.
    assert!(asks(&mut desk, "bob", "!mark up Solar cells without lead").await.1.contains("you like"));
    let (_, told) = asks(&mut desk, "bob", "!papers for me").await;
    let of_bob = titles(&told);
    assert!(are(&SOLAR, &of_bob[..3]) == 3 && !of_bob.contains(&"Solar cells without lead".to_owned()), "{told}");
    assert!(told.contains("because you liked “Solar cells without lead”"), "{told}");

    let (_, near) = asks(&mut desk, "cleo", "!papers similar to Dialects of the nightingale").await;
    let near = titles(&near);
    assert!(are(&BIRDS, &near[..3]) == 3 && !near.contains(&"Dialects of the nightingale".to_owned()), "{near:?}");
    assert!(asks(&mut desk, "cleo", "!papers ageing").await.1.contains("- Ageing of solar modules"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_of_todays_papers_changes_tomorrows() {
    let mut desk = opened().await;
    let mut ticker = ticker(&desk);
    asks(&mut desk, "ana", "!mark up Songs of wading birds at night").await;
    let (_, told) = asks(&mut desk, "ana", "!digest papers daily 09:00").await;
    assert!(told.starts_with("Papers for you, in private: every day at 09:00 (UTC); next on 2026-11-25."), "{told}");
    set(&desk, "2026-11-25T09:00:10Z");
    ticker.tick().await;
    let post = last(&desk, "ana").await;
    let today = titles(&words(&post));
    assert!(are(&BIRDS, &today[..2]) == 2, "{today:?}");

    // No more birds, but cells; under the digest, that is in private.
    for (number, title) in (1..).zip(&today) {
        let verdict = if are(&BIRDS, std::slice::from_ref(title)) == 1 { "down" } else { "up" };
        let said = desk.presses("direct", "ana", &post.call, &format!("mark {verdict} {number}")).await.text();
        assert!(said.starts_with("Noted"), "{said}");
    }
    asks(&mut desk, "ana", "!mark down Songs of wading birds at night").await;
    asks(&mut desk, "ana", "!mark save Perovskite crystals for solar cells").await;
    add(&desk, &BIRDS[6..]).await;
    add(&desk, &SOLAR[6..]).await;
    set(&desk, "2026-11-26T09:00:10Z");
    ticker.tick().await;
    let tomorrow = titles(&words(&last(&desk, "ana").await));
    assert!(are(&SOLAR, &tomorrow[..2]) == 2, "{tomorrow:?}");
    assert!(tomorrow.iter().all(|title| !today.contains(title)), "{today:?} {tomorrow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_that_is_not_to_be_read_or_passed_on_never_comes() {
    let mut desk = opened().await;
    let (here, there) = (Scope::Room("7".into()), Scope::Room("8".into()));
    let song = "We record the song of birds at night, and classify the songs of wading birds.";
    for (scope, title) in [
        (&there, "Song of another room"),
        (&here, "Song under embargo"),
        (&here, "Song in confidence"),
        (&here, "Song withdrawn"),
        (&here, "Song of this room"),
        (&Scope::Person("bob".into()), "Song of bob alone"),
    ] {
        add_to(&desk, scope, title, &format!("{song} {title}.")).await;
    }
    let store = &desk.home().store;
    for listed in store.list(None, "Song ", 0, 50).await.unwrap() {
        let rights = Rights {
            embargo: (listed.title == "Song under embargo").then(|| "2027-06-01T00:00:00Z".parse().unwrap()),
            confidential: listed.title == "Song in confidence",
            retracted: listed.title == "Song withdrawn",
            ..Rights::default()
        };
        if rights != Rights::default() {
            store.set_rights(&listed.id, &rights).await.unwrap();
        }
    }
    let refused = ["another room", "under embargo", "in confidence", "withdrawn", "of bob alone"];
    asks(&mut desk, "ana", "!mark up Songs of wading birds at night").await;
    let mut all = Vec::new();
    loop {
        let (_, told) = asks(&mut desk, "ana", "!papers for me").await;
        let titles = titles(&told);
        if titles.is_empty() {
            break;
        }
        all.extend(titles);
    }
    let (_, near) = asks(&mut desk, "ana", "!papers similar to Song of this room").await;
    for refused in refused {
        assert!(all.iter().all(|title| !title.contains(refused)) && !near.contains(refused), "{refused}: {all:?}");
    }
    assert!(all.contains(&"Song of this room".to_owned()), "{all:?}");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "something came twice: {all:?}");
    // What was chosen is for who asked: a room does not see it.
    assert!(desk.says("8", "ana", "!papers similar to Song of this room").await.contains("No paper here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weekly_digest_comes_in_private_and_once_though_the_process_dies() {
    let mut desk = opened().await;
    asks(&mut desk, "ana", "!mark up Songs of wading birds at night").await;
    asks(&mut desk, "bob", "!mark up Solar cells without lead").await;
    assert!(asks(&mut desk, "ana", "!digest papers").await.1.contains("You ordered no digest of papers"));
    assert!(asks(&mut desk, "ana", "!digest weekly monday 09:00").await.1.contains("needs the role Moderator"));
    assert!(asks(&mut desk, "ana", "!digest papers weekly 09:00").await.1.contains("Say when"));
    for who in ["ana", "bob"] {
        let (_, told) = asks(&mut desk, who, "!digest papers weekly monday 09:00").await;
        assert!(told.contains("every Monday at 09:00 (UTC); next on 2026-11-30."), "{told}");
    }
    // Of both alone, and of neither in the room.
    assert!(desk.home().store.orders_of(&"7".into()).await.unwrap().is_empty());
    let due = desk.home().store.own_orders(&["ana".into()]).await.unwrap().remove(0);

    set(&desk, "2026-11-30T08:59:00Z");
    ticker(&desk).tick().await;
    assert!(desk.posts().await.is_empty());
    set(&desk, "2026-11-30T09:00:10Z");
    ticker(&desk).tick().await;
    let told = (words(&last(&desk, "ana").await), words(&last(&desk, "bob").await));
    assert!(are(&BIRDS, &titles(&told.0)[..2]) == 2 && are(&SOLAR, &titles(&told.1)[..2]) == 2, "{told:?}");
    assert_eq!(desk.posts().await.len(), 2, "the room is told nothing");

    // It died before it knew, and comes up again.
    desk.home().store.order(&due).await.unwrap();
    let Desk { world: World { home, dir }, dispatch, platform, clock, platforms, .. } = desk;
    drop((dispatch, platforms));
    home.close().await.unwrap();
    let home = Home::open(&tests::settings(dir.path()), Needs::Library).await.unwrap();
    let desk = Desk::of(World { home, dir }, platform, clock);
    for at in ["2026-11-30T09:05:00Z", "2026-11-30T09:06:00Z"] {
        set(&desk, at);
        ticker(&desk).tick().await;
        assert_eq!(desk.posts().await.len(), 2);
    }
    let next = desk.home().store.own_orders(&["ana".into()]).await.unwrap().remove(0).next;
    assert_eq!(next.to_string(), "2026-12-07T09:00:00Z");
    assert!(
        desk.home().store.pending(chat::Platform::Discord).await.unwrap().iter().all(|post| post.actions.len() == 25)
    );

    // Who is blocked is told nothing.
    desk.home().store.set_blocked(&"bob".into(), None, true).await.unwrap();
    set(&desk, "2026-12-07T09:00:10Z");
    ticker(&desk).tick().await;
    assert_eq!((desk.told("ana").await.len(), desk.told("bob").await.len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_leaves_no_word_and_gets_no_digest() {
    let mut desk = opened().await;
    for who in ["ana", "bob"] {
        desk.home().store.set_consent(&who.into(), Switch::Improve, true, desk.clock.now()).await.unwrap();
        asks(&mut desk, who, "!mark save Songs of wading birds at night").await;
        asks(&mut desk, who, "!papers for me").await;
        asks(&mut desk, who, "!digest papers daily 09:00").await;
    }
    let erased = Custodian::new(desk.home()).forget(&"ana".into(), desk.clock.now()).await.unwrap();
    let kinds: Vec<&str> = erased.counts.iter().map(|(kind, _)| kind.as_str()).collect();
    for kind in ["words on papers", "papers shown", "orders for themselves"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let store = &desk.home().store;
    assert!(store.verdicts(Some(&["ana".into()])).await.unwrap().is_empty());
    assert!(store.shown_papers(&["ana".into()], None).await.unwrap().is_empty());
    assert_eq!(store.verdicts(None).await.unwrap().len(), 1, "bob's stays");
    set(&desk, "2026-11-25T09:00:10Z");
    ticker(&desk).tick().await;
    assert!(desk.told("ana").await.is_empty() && desk.told("bob").await.len() == 1);
    // As somebody new: what she saw may come again.
    assert!(asks(&mut desk, "ana", "!papers for me").await.1.contains("I do not know yet what you read"));
}
