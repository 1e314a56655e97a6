//! What is kept of a person: all of it is handed over, and none of it is left.

use chat::{
    Document, MemberId, Message, Role, Scope, Switch,
    people::Register,
    ports::{Audit, HeldVersion, Inbox, Outbox, Outcome, PluginData, Post, Schedule, Verdict},
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    MODEL,
    audit::event,
    document, message, open,
    schedule::{order, own_order},
    vectors,
};
use crate::{
    Conversation, Entry, Gone, Line, LineKind, Refusal, SeenFile, Store,
    declared::{self, Column},
};

const NOON: &str = "2026-11-03T12:00:00Z";

/// Leaves traces of `who` in every table that keeps any; every text of them holds `who`.
async fn plant(store: &Store, who: &str) {
    let at = NOON.parse().unwrap();
    let member: MemberId = who.into();
    let scope = Scope::Person(member.clone());
    let text = format!("{who} writes. {}", "And on it goes. ".repeat(200));
    let paper = Document {
        title: format!("Of {who}"),
        text,
        pages: vec![],
        sections: vec![],
        ..document(who, &scope.to_string())
    };
    let passages = [0..paper.text.len() / 2, 0..20].into_iter().zip(0..).map(|(span, ordinal)| chat::Passage {
        id: chat::PassageId { document: paper.id.clone(), ordinal },
        text: paper.text[span.clone()].to_owned(),
        span,
        page: None,
        section: None,
    });
    let passages: Vec<_> = passages.collect();
    let keys = [format!("title:{who}")];
    let entry = Entry { document: &paper, passages: &passages, vectors: &vectors(), keys: &keys };
    store.put_many(MODEL, &[entry]).await.unwrap();
    let refusals = vec![Refusal { entry: who.to_owned(), sentence: format!("{who} cannot be read") }];
    let seen = SeenFile {
        scope,
        file: format!("{who}.pdf"),
        bytes: 7,
        modified: at,
        content_hash: format!("hash of {who}"),
        reader: "1".to_owned(),
        documents: vec![paper.id.clone()],
        refusals,
    };
    store.see(&seen).await.unwrap();

    let question = Message { author: member.clone(), text: format!("why {who}?"), ..message(who, "lab", "seminar") };
    let post = Post {
        call: chat::CallId(format!("post of {who}")),
        question: question.clone(),
        renews: None,
        address: json!({"to": who, "interaction": format!("sécret of {who}"), "until": 1}),
        shown: vec![format!("shown to {who}").as_str().into()],
        actions: Vec::new(),
        of: Vec::new(),
        body: Some(json!(format!("dear {who}"))),
    };
    Outbox::put(store, &post).await.unwrap();
    Inbox::open(store, &Message { id: "in flight".into(), place: place(who), ..question.clone() }).await.unwrap();
    store.set_beside(&post.call, at, "qa", Some(&member), &format!("answer:{who}"), json!(who)).await.unwrap();
    store.set("feedback", Some((&member, at)), &format!("vote:{who}"), Some(json!(who))).await.unwrap();
    for number in 0..3 {
        // Somebody else's words, and theirs in the call of somebody else.
        let voices = if number == 0 { vec![member.clone()] } else { event(who, "").voices };
        store.record(chat::ports::AuditEvent { voices, ..event(who, "done") }).await.unwrap();
    }
    store.set_consent(&member, Switch::Improve, true, at).await.unwrap();
    store.set_grant(&member, Some(Role::Member)).await.unwrap();
    let other: MemberId = format!("{who} elsewhere").as_str().into();
    super::register::link(store, &other.0, who).await;
    store.offer_link(&member, &place(who), &format!("again {who}"), at).await.unwrap();
    let (offer, code, until) = (format!("an offer to {who}"), format!("a code of {who}"), Timestamp::MAX);
    store.offer_link(&format!("who knows {who}").as_str().into(), &place(who), &offer, until).await.unwrap();
    store.say_link(&member, &place(who), &offer, (&code, until), at).await.unwrap();
    let line = Line {
        id: who.into(),
        kind: LineKind::Talk,
        author: Some(member),
        name: who.to_owned(),
        at,
        text: format!("{who} says so"),
        link: Some(format!("https://chat/{who}")),
    };
    let conversation = Conversation {
        document: chat::DocumentId(format!("said in {}", place(who).room)),
        room: place(who).room,
        name: "Seminar".to_owned(),
        is_note: false,
        changes: 0,
    };
    store.keep_lines(&place(who), &conversation, &[line]).await.unwrap();
    store.order(&order(&place(who).room.0, "digest", who)).await.unwrap();
    store.order(&own_order(&place(who).room.0, "papers", who)).await.unwrap();
    let member: MemberId = who.into();
    store.note_brought(std::slice::from_ref(&paper.id), &member, at).await.unwrap();
    let (document, title) = (paper.id.clone(), paper.title.clone());
    let (file, tells) = (format!("other {who}.pdf"), format!("what {who} tells"));
    store.hold(&HeldVersion { document, title, file, member: member.clone(), at, tells }).await.unwrap();
    store.keep_verdict(&member, &paper.id, Verdict::Saved, at).await.unwrap();
    store.keep_shown(&member, &[paper.id], at).await.unwrap();
    let (facts, entry) = super::profiles::of(who);
    store.keep_facts(&[], &member, &facts).await.unwrap();
    store.keep_entries(&[], &member, MODEL, &[entry]).await.unwrap();
    let (need, other) = (format!("what {who} needs"), "somebody".into());
    store.keep_outcome(&need, &member, (&other, &[0.5]), Outcome::Asked, at).await.unwrap();
    store.keep_outcome("what somebody needs", &other, (&member, &[0.5]), Outcome::Accepted, at).await.unwrap();
}

/// The columns that hold this.
fn columns(holds: Column) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of = move |table: &'static declared::Table| {
        table.columns.iter().filter(move |(_, column)| *column == holds).map(|(column, _)| (table.name, *column))
    };
    declared::all().flat_map(of)
}

/// A room whose name tells nobody.
fn place(who: &str) -> chat::Place {
    super::place("lab", if who == ANA { "a" } else { "b" })
}

const ANA: &str = "zq-ana-zq";
const BOB: &str = "zq-bob-zq";

/// How often a text stands in the files of the state.
fn traces(folder: &tempfile::TempDir, text: &str) -> usize {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.map(|bytes| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()).sum()
}

#[tokio::test]
async fn a_forgotten_person_leaves_no_byte_and_others_lose_none() {
    let (folder, store) = open().await;
    plant(&store, ANA).await;
    plant(&store, BOB).await;
    for (table, column) in columns(Column::Member) {
        let there: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1")))
                .bind(ANA)
                .fetch_one(&store.read)
                .await
                .unwrap();
        assert!(there > 0 || table == "blocked_member", "plant something of a person in {table}.{column}");
    }
    // Rows between theirs, so that the database moves rows about.
    for number in 0..3_000 {
        let (owner, words) = (if number % 3 == 0 { ANA } else { BOB }, "x".repeat(number * 37 % 900));
        let key = format!("{}:{owner}", number * 7_919 % 3_000);
        store
            .set("atlas", Some((&owner.into(), NOON.parse().unwrap())), &key, Some(json!(format!("{owner} {words}"))))
            .await
            .unwrap();
    }
    assert!(traces(&folder, ANA) > 50 && traces(&folder, BOB) > 50);
    let of_bob = store.personal(&[BOB.into()]).await.unwrap();

    let accounts = store.standing(&ANA.into()).await.unwrap().accounts;
    assert_eq!(accounts.len(), 2);
    assert_eq!(store.take_out(Gone::Of(&accounts)).await.unwrap().0, 1);
    let (erased, documents) = store.erase(&accounts).await.unwrap();
    assert_eq!(documents, [chat::DocumentId(ANA.to_owned())]);
    let counts: Vec<String> = erased.counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let want = "words on papers 1, papers shown 1, files 1, notes of who added what 1, versions of documents 1, documents 1, notes of plugins 1002, answers 1, questions 1, records of calls 3, salts 1, \
                changes of consents 1, consents 1, links between accounts 2, codes 2, roles 1, orders 1, \
                orders for themselves 1, outcomes of introductions 2, profiles 1, entries of profiles 1";
    assert_eq!(counts.join(", "), want);
    for (table, column) in columns(Column::Member) {
        let left: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1")))
                .bind(ANA)
                .fetch_one(&store.read)
                .await
                .unwrap();
        assert_eq!(left, 0, "{table}.{column}");
    }

    store.scrub().await.unwrap();
    assert_eq!(traces(&folder, ANA), 0);
    assert!(traces(&folder, BOB) > 50);
    assert_eq!(store.personal(&[BOB.into()]).await.unwrap(), of_bob);
    assert!(store.check().await.unwrap().is_whole());
    // Again finds nothing, and the next process neither.
    assert!(store.erase(&accounts).await.unwrap().0.counts.is_empty());
    store.close().await;
    assert_eq!(traces(&folder, ANA), 0);
}

#[tokio::test]
async fn a_person_is_handed_all_of_theirs_and_nothing_of_others() {
    let (_folder, store) = open().await;
    plant(&store, ANA).await;
    plant(&store, BOB).await;
    let accounts = store.standing(&ANA.into()).await.unwrap().accounts;
    let kept = store.personal(&accounts).await.unwrap();
    for (name, value) in &kept {
        let text = value.to_string();
        assert!(text.contains(ANA) && !text.contains(BOB), "{name}: {text}");
        assert!(!text.contains("zoe") && !text.contains("Because, ") && !text.contains("sécret"), "{name}: {text}");
    }
    let of = |wanted: &str| &kept.iter().find(|(name, _)| name == wanted).unwrap().1;
    assert_eq!(of("person.json")["consents"][0]["since"], json!("2026-11-03T12:00:00Z"));
    assert_eq!(of("person.json")["roles"][0]["role"], json!(Role::Member));
    assert!(of("documents.json")[0]["text"].as_str().unwrap().starts_with("zq-ana-zq writes."));
    assert_eq!(of("answers.json")[0]["question"]["text"], json!("why zq-ana-zq?"));
    assert_eq!(of("orders.json")[0]["next"], json!("2026-11-30T08:00:00.000001Z"));
    assert_eq!(of("orders.json").as_array().unwrap().len(), 2);
    assert_eq!(of("profile.json")["who"][0]["facts"]["names"], json!([ANA]));
    assert_eq!(of("profile.json")["entries"][0]["authors"], json!([ANA]));
    assert_eq!(of("reading.json")["words"][0], json!({"paper": ANA, "word": "save", "at": "2026-11-03T12:00:00Z"}));
    assert_eq!(of("introductions.json")["sought"][0]["asked"], json!(true));
    assert_eq!(of("introductions.json")["found"][0]["accepted"], json!(true));
    assert_eq!(of("calls.json")[0]["event"]["outcome"], json!("done"));

    let stranger = store.personal(&["stranger".into()]).await.unwrap();
    assert_eq!(stranger.iter().find(|(name, _)| name == "documents.json").unwrap().1, json!([]));
}

/// A prompt holds what could be read when it was made: a passage of a room that the person left since, words of others.
#[tokio::test]
async fn what_a_person_takes_along_holds_no_prompt_and_no_answer_made_of_one() {
    let (_folder, store) = open().await;
    let passage = "The moulting schedule of the lake";
    let mut asked = event(ANA, "done");
    asked.generations[0].prompt.turns.push((chat::ports::Speaker::Assistant, format!("zoe says: {passage}")));
    asked.generations[0].text = format!("It is {passage}.");
    asked.error = format!("cannot read {passage}");
    store.record(asked.clone()).await.unwrap();
    let (member, at) = (MemberId(ANA.to_owned()), NOON.parse().unwrap());
    store.set_beside(&asked.call.id, at, "qa", Some(&member), "answer:1", json!({ "line": passage })).await.unwrap();
    let question = Message { author: member.clone(), ..message("1", "lab", "seminar") };
    let post = Post {
        call: question.call_id(),
        question,
        renews: None,
        address: json!({ "interaction": passage }),
        shown: vec!["51".into()],
        actions: Vec::new(),
        of: vec!["zoe".into()],
        body: Some(json!([{ "markdown": passage }])),
    };
    Outbox::put(&store, &post).await.unwrap();
    let kept = serde_json::to_string(&store.personal(&[member]).await.unwrap()).unwrap();
    assert!(kept.contains("zq-ana-zq asks why?") && kept.contains("warum 1?"), "her own words are hers: {kept}");
    assert!(!kept.contains(passage) && !kept.contains("zoe"), "{kept}");
}
