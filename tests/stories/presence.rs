//! A room is who can see it, at the moment when something is said or kept there: on the real host and store, with a platform that
//! hides rooms from people.

use chat::{
    Message, Place, Role, Scope, Switch,
    people::Register as _,
    ports::{Archived, Clock as _},
};
use tests::{
    desk::{Desk, words},
    double::PlatformDouble,
};

const NOON: &str = "2026-11-24T12:00:00Z";

const QUESTION: &str = "What is the melting point of tungsten carbide?";

/// What each of them owns, the nearest to the question first.
const OF: [(&str, &str); 3] = [
    (
        "bob",
        "# Hard metals\n\nThe melting point of tungsten carbide is 2785 degrees Celsius. The melting point of tungsten carbide \
         depends on the binder.\n",
    ),
    ("eve", "# Furnaces\n\nThe furnace melts tungsten carbide, whose melting point is high.\n"),
    ("fay", "# Drills of the workshop\n\nThe drills are made of tungsten carbide, which is hard.\n"),
];

/// A lab whose people agreed to be asked.
async fn opened() -> Desk {
    let desk = Desk::open(PlatformDouble::default(), NOON).await;
    for (who, paper) in OF {
        let scope = Scope::Person(who.into());
        let acquirer = desk.home().acquirer();
        let added = acquirer
            .add(&scope, (&who.into(), desk.clock.now()), &format!("{who}.md"), paper.as_bytes().to_vec())
            .await
            .unwrap();
        assert_eq!(added.documents.len(), 1, "{who}");
        agrees(&desk, who, Switch::Suggest).await;
    }
    // What all may read, and does not answer them.
    let (all, note) = (desk.home().community(), b"# Geese\n\nGeese fly to the south in autumn.\n".to_vec());
    desk.home().acquirer().add(&all, (&"ana".into(), desk.clock.now()), "geese.md", note).await.unwrap();
    desk
}

async fn agrees(desk: &Desk, who: &str, switch: Switch) {
    desk.home().store.set_consent(&who.into(), switch, true, desk.clock.now()).await.unwrap();
}

/// Ana asks in room 7, and hands the question on.
async fn asks(desk: &mut Desk) -> String {
    let message = Message { addressed: true, ..desk.message("7", "ana", QUESTION) };
    let call = message.call_id();
    let answer = desk.reply(message).await.text();
    assert!(answer.contains("not in the library"), "{answer}");
    desk.presses("7", "ana", &call, "person").await.text()
}

/// Who was told of the question, each as often as they were.
async fn asked(desk: &Desk) -> Vec<&'static str> {
    let mut asked = Vec::new();
    for (who, _) in OF {
        let told = desk.told(who).await;
        asked.extend(told.iter().filter(|post| words(post).contains(QUESTION)).map(|_| who));
    }
    asked
}

#[tokio::test]
async fn who_does_not_see_a_room_is_not_asked_there() {
    let mut desk = opened().await;
    desk.platform.hide("7", "bob", true);
    let said = asks(&mut desk).await;
    assert!(said.contains("agreed to be asked"), "{said}");
    assert_eq!(asked(&desk).await, ["eve"]);
}

/// Not by a role that somebody has everywhere either; nobody is left, and the room hears the question.
#[tokio::test]
async fn where_nobody_else_sees_the_room_nobody_is_asked() {
    let mut desk = opened().await;
    for (who, _) in OF {
        desk.platform.hide("7", who, true);
    }
    let said = asks(&mut desk).await;
    assert!(said.contains("A question for the people here"), "{said}");
    assert!(asked(&desk).await.is_empty());
}

#[tokio::test]
async fn the_next_one_is_looked_for_again_when_their_turn_comes() {
    let mut desk = opened().await;
    asks(&mut desk).await;
    assert_eq!(asked(&desk).await, ["bob"]);
    // Days later one of the others does not see the room any more.
    desk.platform.hide("7", "eve", true);
    desk.wait(20);
    let call = desk.told("bob").await.pop().unwrap().call;
    desk.presses("bobs", "bob", &call, "decline").await;
    assert_eq!(asked(&desk).await, ["bob", "fay"]);
    // Nor does the one who offers to help.
    desk.platform.hide("7", "fay", true);
    let call = desk.told("fay").await.pop().unwrap().call;
    let said = desk.presses("fays", "fay", &call, "accept").await.text();
    assert!(said.contains("no question for you"), "{said}");
    assert!(!desk.posts().await.iter().any(|post| words(post).contains("offers to help")));
}

/// A message that the platform gives out.
fn archived(message: Message) -> Archived {
    Archived { message, name: String::new(), ours: false, link: None }
}

/// Bob asks and cyd answers in a room; where it was said, and the answer.
fn talk(desk: &mut Desk, room: &str) -> (Place, Message) {
    let asked = desk.message(room, "bob", "Where is the spare key of the boat house kept?");
    let reply_to = Some(asked.id.clone());
    let answer = Message { reply_to, ..desk.message(room, "cyd", "The spare key is kept with Greta in room 214.") };
    let mut by_id = desk.platform.by_id.lock().unwrap();
    by_id.extend([archived(asked), archived(answer.clone())]);
    (answer.place.clone(), answer)
}

/// Ana marks an answer as right; the rooms that have notes by then.
async fn marks(desk: &Desk, place: &Place, answer: &Message) -> Vec<String> {
    let mark = format!("mark of {}", answer.id);
    desk.dispatch.reacted(place, &"ana".into(), &answer.id, "✅", &mark.as_str().into()).await;
    let kept = desk.home().store.conversations_behind().await.unwrap();
    kept.into_iter().filter(|one| one.is_note).map(|one| one.room.0).collect()
}

#[tokio::test]
async fn a_mark_notes_nothing_where_the_room_keeps_nothing() {
    let mut desk = Desk::open(PlatformDouble::default(), NOON).await;
    desk.platform.set_role(&"ana".into(), Role::Moderator);
    for who in ["bob", "cyd"] {
        agrees(&desk, who, Switch::Index).await;
    }
    // The room 9 is what a private thread of the channel 7 is: neither its rules nor its words are the channel's.
    let ((channel, in_channel), (thread, in_thread)) = (talk(&mut desk, "7"), talk(&mut desk, "9"));
    assert!(marks(&desk, &channel, &in_channel).await.is_empty());
    assert!(marks(&desk, &thread, &in_thread).await.is_empty());
    let said = desk.says("7", "ana", "!room set index-messages true").await;
    assert!(said.contains("index-messages = true"), "{said}");
    assert!(marks(&desk, &thread, &in_thread).await.is_empty());
    assert!(marks(&desk, &channel, &in_thread).await.is_empty());
    assert_eq!(marks(&desk, &channel, &in_channel).await, ["7"]);
    // Who looks after the channel, and does not see it any more, marks nothing in it.
    let (channel, in_channel) = talk(&mut desk, "7");
    desk.platform.hide("7", "ana", true);
    assert_eq!(marks(&desk, &channel, &in_channel).await, ["7"]);
}

/// A paper of a room of its own is listed and quoted there alone.
#[tokio::test]
async fn what_is_dropped_in_a_room_of_its_own_stays_there() {
    let note = b"# Booking the boat\n\nThe research boat Albatros is booked with Greta until noon of the day before.\n";
    let files = std::collections::HashMap::from([("boat.md".to_owned(), note.to_vec())]);
    let mut desk = Desk::open(PlatformDouble { files, ..PlatformDouble::default() }, NOON).await;
    assert!(desk.sends("9", "ana", "!add", &["boat.md"]).await.contains("Added one paper"));
    for (room, want) in [("9", true), ("7", false)] {
        let listed = desk.says(room, "bob", "!papers").await;
        assert_eq!(listed.contains("Booking the boat"), want, "{listed}");
        let answer = desk.says(room, "bob", "!ask With whom is the research boat Albatros booked?").await;
        assert_eq!(answer.contains("Greta"), want, "{answer}");
    }
}
