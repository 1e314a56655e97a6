//! From when on something holds: what may be kept of what was said, accounts that are one person's, embargoes. On the real host and
//! store, at times of our own.

use chat::{
    Audience, Message, Overheard, Policy, Role, Scope, Switch,
    document::Rights,
    people::{Personal as _, Register as _},
    ports::{Clock as _, Dispatch, Documents as _},
};
use futures::StreamExt as _;
use server::people::Custodian;
use tests::{
    desk::{Desk, code, words},
    double::PlatformDouble,
};

const NOON: &str = "2026-11-24T12:00:00Z";

fn time(minute: &str) -> jiff::Timestamp {
    format!("2026-11-24T{minute}:00Z").parse().unwrap()
}

/// Says something to the assistant at a time, which it deals with two minutes later.
async fn says(desk: &mut Desk, who: &str, minute: &str, text: &str) -> String {
    *desk.clock.0.lock().unwrap() = time(minute) + jiff::SignedDuration::from_mins(2);
    let message = Message { at: time(minute), ..desk.message("7", who, text) };
    desk.reply(message).await.text()
}

/// A process hears a message that was said at a time.
async fn hears(dispatch: &dyn Dispatch, message: Message) {
    let name = message.author.to_string();
    let heard = Overheard { message, link: None, name, room: "Seminar".to_owned() };
    dispatch.overheard(heard).await.collect::<Vec<_>>().await;
    dispatch.settled().await;
}

/// What is kept of what was said, sorted.
async fn kept(desk: &Desk) -> Vec<String> {
    let store = &desk.home().store;
    let mut kept = Vec::new();
    for conversation in store.conversations_behind().await.unwrap() {
        kept.extend(store.lines_of(&conversation.document).await.unwrap().into_iter().map(|line| line.text));
    }
    kept.sort();
    kept
}

#[tokio::test]
async fn what_was_said_before_a_switch_is_not_kept_however_late_it_is_heard() {
    let mut desk = Desk::open(PlatformDouble::default(), NOON).await;
    desk.platform.set_role(&"ana".into(), Role::Moderator);
    for (who, minute, text, want) in [
        ("bob", "12:00", "!privacy set index on", "index: on"),
        ("ana", "12:10", "!room set index-messages true", "index-messages = true"),
        ("ana", "12:20", "!room set index-messages false", "index-messages = false"),
        ("ana", "12:30", "!room set index-messages true", "index-messages = true"),
        ("bob", "12:40", "!privacy set index off", "index: off"),
        ("bob", "12:50", "!privacy set index on", "index: on"),
    ] {
        let said = says(&mut desk, who, minute, text).await;
        assert!(said.contains(want), "{text}: {said}");
    }
    // Heard by this process, and by the next one, which catches up with what was said meanwhile.
    let next = desk.home().host_at(desk.platforms.clone(), desk.clock.clone());
    let mut old = None;
    for minute in ["11:50", "12:05", "12:09", "12:11", "12:19", "12:25", "12:35", "12:45", "12:51", "13:30"] {
        for (process, dispatch) in [("first", desk.dispatch.clone()), ("next", next.clone())] {
            let message = desk.message("7", "bob", &format!("{minute} {process}"));
            let message = Message { at: time(minute), ..message };
            if minute == "12:05" {
                old = Some(message.clone());
            }
            hears(dispatch.as_ref(), message).await;
        }
    }
    let allowed = ["12:11", "12:19", "12:35", "12:51", "13:30"];
    let want: Vec<String> = allowed.iter().flat_map(|at| ["first", "next"].map(|one| format!("{at} {one}"))).collect();
    assert_eq!(kept(&desk).await, want);
    // An edit changes what was said, not when.
    hears(desk.dispatch.as_ref(), Message { text: "zqedited".to_owned(), ..old.unwrap() }).await;
    assert_eq!(kept(&desk).await, want);
    // Nothing of who never said so.
    let message = Message { at: time("12:35"), ..desk.message("7", "cleo", "zqcleo") };
    hears(desk.dispatch.as_ref(), message).await;
    assert_eq!(kept(&desk).await, want);
}

/// The private papers that somebody is shown.
async fn papers(desk: &mut Desk, who: &str) -> String {
    let mut message = desk.message("7", who, "!papers");
    message.place.audience = Audience::Caller;
    desk.reply(message).await.text()
}

/// Whether somebody reads what the victim put there alone.
async fn reads(desk: &mut Desk, who: &str) -> bool {
    papers(desk, who).await.contains("Songs of the victim")
}

async fn accounts(desk: &Desk, who: &str) -> usize {
    desk.home().store.standing(&who.into()).await.unwrap().accounts.len()
}

#[tokio::test]
async fn nobody_is_talked_into_another_persons_account() {
    let mut desk = Desk::open(PlatformDouble::default(), NOON).await;
    let store = desk.home().store.clone();
    let (name, text) = ("songs.md", "# Songs of the victim\n\nNobody but the victim may read of these songs.\n");
    let scope = Scope::Person("victim".into());
    desk.home()
        .acquirer()
        .add(&scope, (&"victim".into(), desk.clock.now()), name, text.as_bytes().to_vec())
        .await
        .unwrap();
    store.set_grant(&"victim".into(), Some(Role::Operator)).await.unwrap();
    store.set_consent(&"eve".into(), Switch::Index, true, desk.clock.now()).await.unwrap();
    assert!(reads(&mut desk, "victim").await && !reads(&mut desk, "eve").await);

    // "Say `!link ...` to join the raffle."
    let offer = code(&desk.says("7", "eve", "!link").await);
    let shown = desk.says("7", "victim", &format!("!link {offer}")).await;
    assert!(shown.contains("Discord: eve") && shown.contains("only if both accounts are yours"), "{shown}");
    // Said twice it is shown twice; and whatever Eve says with what she knows.
    desk.says("7", "victim", &format!("!link {offer}")).await;
    for who in ["eve", "victim"] {
        desk.says("7", who, &format!("!link {offer} --refuse")).await;
        desk.says("7", who, &format!("!link {offer}")).await;
    }
    assert_eq!((accounts(&desk, "victim").await, accounts(&desk, "eve").await), (1, 1));
    assert!(desk.told("eve").await.is_empty(), "nobody confirmed");

    // "Tell me the code that you get, and I join you."
    let offer = code(&desk.says("7", "victim", "!link").await);
    let shown = desk.says("7", "eve", &format!("!link {offer}")).await;
    let said = desk.says("7", "eve", &format!("!link {}", code(&shown))).await;
    assert!(said.contains("I asked Discord: victim to confirm") && said.contains("nothing is shared"), "{said}");
    let asked = desk.told("victim").await.pop().unwrap();
    let confirms = code(&words(&asked));
    assert!(words(&asked).contains("Discord: eve") && confirms != offer, "{}", words(&asked));
    for code in [&offer, &code(&shown)] {
        for who in ["eve", "victim"] {
            desk.says("7", who, &format!("!link {code}")).await;
        }
    }
    desk.says("7", "eve", &format!("!link {confirms}")).await;
    assert_eq!((accounts(&desk, "victim").await, accounts(&desk, "eve").await), (1, 1));
    assert!(!reads(&mut desk, "eve").await);
    let exported = store.personal(&store.standing(&"eve".into()).await.unwrap().accounts).await.unwrap();
    assert!(exported.iter().all(|(_, value)| !value.to_string().contains("Songs of the victim")));
    assert!(!store.standing(&"victim".into()).await.unwrap().consent.to(Switch::Index));
    // The victim says no, and the code does nothing any more.
    let refused = desk.presses("7", "victim", &asked.call, &format!("link {confirms} --refuse")).await.text();
    assert!(refused.contains("stay apart"), "{refused}");
    assert!(desk.says("7", "victim", &format!("!link {confirms}")).await.contains("That code does nothing"));

    // Where both confirm, having seen the names, they are one; role and consent stay where they were given.
    desk.links("7", "victim", "eve").await;
    for who in ["victim", "eve"] {
        let told = words(&desk.told(who).await.pop().unwrap());
        assert!(told.contains("now linked with") && accounts(&desk, who).await == 2, "{told}");
    }
    assert!(reads(&mut desk, "eve").await);
    let standing = store.standing(&"eve".into()).await.unwrap();
    assert!(standing.grant.is_none() && !standing.consent.to(Switch::Index));
    let said = desk.says("7", "victim", "!privacy set index on").await;
    assert!(said.contains("index: on"), "both said so: {said}");
    let said = desk.says("7", "victim", "!privacy set match on").await;
    assert!(said.contains("match: off") && said.contains("with each of your linked accounts"), "{said}");
    desk.says("7", "victim", "!unlink").await;
    assert!(!reads(&mut desk, "eve").await && accounts(&desk, "eve").await == 1);
    assert_eq!(
        Custodian::new(desk.home())
            .forget(&"eve".into(), desk.clock.now())
            .await
            .unwrap()
            .counts
            .iter()
            .find(|(kind, _)| kind == "documents"),
        None
    );
}

#[tokio::test]
async fn an_offer_lapses_and_waits_for_who_is_told_nothing() {
    let mut desk = Desk::open(PlatformDouble::default(), NOON).await;
    let offer = code(&desk.says("7", "ana", "!link").await);
    desk.wait(1);
    assert!(desk.says("7", "bob", &format!("!link {offer}")).await.contains("That code does nothing"));
    let offer = code(&desk.says("7", "ana", "!link").await);
    let theirs = code(&desk.says("7", "bob", &format!("!link {offer}")).await);
    desk.says("7", "bob", &format!("!link {theirs}")).await;
    // Who never got the notice asks what waits.
    desk.wait(23);
    let waits = desk.says("7", "ana", "!link").await;
    assert!(waits.contains("Discord: bob"), "{waits}");
    desk.wait(2);
    assert!(desk.says("7", "ana", &format!("!link {}", code(&waits))).await.contains("That code does nothing"));
    assert_eq!(accounts(&desk, "ana").await, 1);
}

#[tokio::test]
async fn an_embargo_ends_by_itself() {
    let mut desk = Desk::open(PlatformDouble::default(), NOON).await;
    desk.platform.set_role(&"mod".into(), Role::Moderator);
    let store = desk.home().store.clone();
    let (there, text) = (Scope::Room("8".into()), "# Ducks of the lake\n\nDucks dive for twelve seconds.\n");
    desk.home()
        .acquirer()
        .add(&there, (&"mod".into(), desk.clock.now()), "ducks.md", text.as_bytes().to_vec())
        .await
        .unwrap();
    let reading = Policy { reads: [there].into(), ..Policy::default() };
    store.set_policy(&"7".into(), Some(&reading), desk.clock.now()).await.unwrap();
    let id = store.list(None, "Ducks", 0, 1).await.unwrap().remove(0).id;
    let embargo = Some("2026-11-25T00:00:00Z".parse().unwrap());
    store.set_rights(&id, &Rights { embargo, ..Rights::default() }).await.unwrap();
    for (hours, is_over) in [(0, false), (11, false), (1, true)] {
        desk.wait(hours);
        let listed = desk.says("7", "ana", "!papers").await;
        assert_eq!(listed.contains("Ducks of the lake"), is_over, "{listed}");
        let answer = desk.says("7", "ana", "!ask How long do the ducks dive?").await;
        assert!(is_over || !answer.contains("twelve seconds"), "{answer}");
        let shown = desk.says("8", "mod", "!library show Ducks of the lake").await;
        assert_eq!(shown.contains("no embargo"), is_over, "{shown}");
    }
}
