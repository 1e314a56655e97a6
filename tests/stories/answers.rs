//! Asking, on the sample papers with the small models.

use chat::{Audience, Event, Message, Policy, Scope, Visibility, people::Register, ports::Inbox};
use futures::StreamExt;
use server::ingest;
use tests::World;
use tokio_util::sync::CancellationToken;

/// Sources first, every citation resolves, every quoted line is verbatim.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_on_lines_one_can_check() {
    let world = World::start().await;
    world.ingest(&tests::samples()).await;
    let reply = world.says("How is conversation disentanglement annotated in the new dataset?").await;
    let sources = reply.sources();
    assert!(!sources.is_empty(), "{}", reply.text());
    let (mut sources_seen, mut text_seen) = (false, false);
    for event in &reply.events {
        match event {
            Event::Sources { .. } => {
                assert!(!text_seen, "the sources come before any text");
                sources_seen = true;
            }
            Event::Text { .. } => {
                assert!(sources_seen);
                text_seen = true;
            }
            _ => {}
        }
    }
    for source in &sources {
        use chat::ports::Documents;
        let document = world.home.store.get(None, &source.quote.document).await.unwrap().unwrap();
        assert!(document.text.contains(&source.quote.line), "{}", source.quote.line);
    }
    let text = reply.text();
    let cited: Vec<usize> = text.split('[').skip(1).filter_map(|rest| rest.split(']').next()?.parse().ok()).collect();
    assert!(!cited.is_empty(), "{text}");
    assert!(cited.iter().all(|number| sources.iter().any(|source| source.number == *number)), "{text}");
    assert!(matches!(reply.events.last(), Some(Event::Done { .. })));

    let line = world.says("line 1").await;
    let quoted = line.events.iter().find_map(|event| match event {
        Event::Quote { quote } => Some(quote.line.clone()),
        _ => None,
    });
    assert_eq!(quoted.as_deref(), Some(sources[0].quote.line.as_str()));
}

/// No sources, no model, a fixed sentence that says what was searched.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_library_does_not_hold_is_not_answered() {
    let world = World::library().await;
    let reply = world.says("What is the boiling point of mercury?").await;
    assert!(reply.text().contains("is empty"), "{}", reply.text());
    world.ingest(&tests::samples()).await;
    for question in [
        "What is the boiling point of mercury on Mars?",
        "Who won the football cup in 1998?",
        "量子引力的实验证据是什么？",
    ] {
        let reply = world.says(question).await;
        assert!(reply.sources().is_empty(), "{question}: {}", reply.text());
        assert!(reply.text().contains("I searched") || reply.text().contains("我检索了"), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_calls_get_a_sentence() {
    let world = World::library().await;
    for (said, want) in [
        ("/ask", "I need a question."),
        ("/lien 2", "Did you mean `line`?"),
        ("line 1", "There is no answer of mine here yet"),
        ("/line 99", "It is called like this: `line"),
        ("/help", "`ask <question>`"),
    ] {
        let text = world.says(said).await.text();
        assert!(text.contains(want), "{said}: {text}");
    }
    let long = format!("/ask {}", "why ".repeat(25_000));
    assert!(world.says(&long).await.text().contains("I read at most 16 kB"), "a long question is refused");
}

/// The examples of every manifest, run.
#[tokio::test(flavor = "multi_thread")]
async fn every_manifest_tells_the_truth() {
    let world = World::library().await;
    for manifest in world.home.host().0.manifests() {
        for example in manifest.commands.iter().flat_map(|command| command.examples) {
            let text = world.says(&format!("/{}", example.call)).await.text();
            assert!(text.contains(example.reply), "{}: {text}", example.call);
        }
    }
}

/// A frontend that dies over a reply leaves its message to the next start; one that took its end, or gave it up, does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_done_when_its_reply_was_taken_or_given_up() {
    let world = World::library().await;
    let (dispatch, _) = world.home.host();
    let community = world.home.seat().place.community;
    let unfinished = async || {
        dispatch.settled().await;
        Inbox::unfinished(&world.home.store, &community).await.unwrap().len()
    };
    let message = world.message("/ask why?");
    let mut events = dispatch.message(message.clone()).await;
    events.next().await.unwrap();
    drop(events);
    assert_eq!(unfinished().await, 1, "it was dropped");
    dispatch.give_up(&message).await;
    assert_eq!(unfinished().await, 0, "it was given up");
    let mut events = dispatch.message(world.message("/ask why?")).await;
    while events.next().await.is_some() {}
    assert_eq!(unfinished().await, 0, "its end was taken");
    assert!(events.next().await.is_none(), "an end that is asked for twice is still one");
}

/// What a policy kept to the caller is computed anew for the room: what the room may not read is not in it. What its command
/// keeps to the caller stays theirs, whatever is wished.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_to_everyone_is_what_everyone_may_read() {
    let world = World::library().await;
    let own = world.dir.path().join("own.md");
    std::fs::write(&own, "# A draft of mine\n\nNobody but me reads this draft before it is done.\n").unwrap();
    let (bar, stop) = (indicatif::ProgressBar::hidden(), CancellationToken::new());
    let person = Scope::Person(world.home.seat().member);
    ingest::ingest(&world.home.library(), &[own], &person, &bar, &stop).await.unwrap();
    let (dispatch, _) = world.home.host();
    for (visibility, audience, is_listed) in
        [(None, Audience::Caller, true), (Some(Visibility::Room), Audience::Caller, true)]
    {
        let mut message = Message { visibility, ..world.message("/papers") };
        message.place.audience = Audience::Room;
        let events: Vec<Event> = dispatch.message(message).await.collect().await;
        assert!(events.contains(&Event::Accepted { audience }), "{events:?}");
        assert_eq!(format!("{events:?}").contains("A draft of mine"), is_listed, "{events:?}");
    }
    let room = world.message("/ask why?").place.room;
    let discreet = Policy { visibility: Visibility::Caller, ..Policy::default() };
    Register::set_policy(&world.home.store, &room, Some(&discreet), world.message("").at).await.unwrap();
    for (visibility, audience) in [(None, Audience::Caller), (Some(Visibility::Room), Audience::Room)] {
        let mut message = Message { visibility, ..world.message("/ask Who reads this draft before it is done?") };
        message.place.audience = Audience::Room;
        let events: Vec<Event> = dispatch.message(message).await.collect().await;
        assert!(events.contains(&Event::Accepted { audience }), "{events:?}");
        let shown = format!("{events:?}").contains("A draft of mine");
        assert!(!shown || audience == Audience::Caller, "{events:?}");
    }
}
