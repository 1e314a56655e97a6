//! Asking, on the sample papers with the small models.

use chat::Event;
use tests::World;

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
