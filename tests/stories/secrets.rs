//! Random worlds of rooms, people and documents: nothing that a reply shows, in any of its forms, is of a document that
//! its audience may not read.
//!
//! What may be read is said here a second time, by other code: the two must agree.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    sync::Arc,
};

use chat::{
    Audience, DocumentId, MemberId, Message, Place, Platform, Policy, Role, RoomId, Scope, Visibility,
    document::Rights,
    people::Register as _,
    ports::{Audit as _, Dispatch, Documents as _},
};
use fastrand::Rng;
use futures::StreamExt as _;
use jiff::Timestamp;
use server::ingest;
use tests::{World, double::PlatformDouble};
use tokio_util::sync::CancellationToken;

const ROOMS: [&str; 3] = ["seminar", "hall", "attic"];
const PEOPLE: [&str; 5] = ["ana", "bob", "cyd", "dan", "eve"];
const GROUPS: [&str; 2] = ["nlp", "birds"];
const DOCUMENTS: usize = 30;
const CALLS: usize = 150;

/// A document, and the words that stand nowhere else.
struct Paper {
    id: DocumentId,
    scope: Scope,
    is_held: bool,
    /// In its title, and in questions.
    key: String,
    /// In its title, and never asked for.
    title: String,
    /// In its text, and never asked for.
    text: String,
}

/// What the world is made of, as whoever made it knows it.
struct Truth {
    papers: Vec<Paper>,
    groups: HashMap<MemberId, Vec<Scope>>,
    accounts: HashMap<MemberId, BTreeSet<MemberId>>,
    policies: HashMap<RoomId, Policy>,
}

impl Truth {
    /// The audience rule, in other words.
    fn may_read(&self, paper: &Paper, caller: &MemberId, room: &RoomId, alone: bool) -> bool {
        let is_here = match &paper.scope {
            Scope::Community(_) => true,
            Scope::Room(owner) => owner == room,
            Scope::Person(owner) => alone && self.accounts[caller].contains(owner),
            Scope::Group(_) => alone && self.groups[caller].contains(&paper.scope),
        };
        let is_lent = self.policies[room].reads.contains(&paper.scope) && !paper.is_held;
        is_here || is_lent
    }
}

fn word(rng: &mut Rng) -> String {
    // Consonants alone: no word of any language, no stem of another.
    (0..9)
        .map(|_| *rng.choice(&['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 't', 'v', 'z']).unwrap_or(&'z'))
        .collect()
}

async fn world(rng: &mut Rng) -> (World, Truth, Arc<dyn Dispatch>) {
    let world = World::library().await;
    let community = world.home.community();
    let people = PEOPLE.map(MemberId::from);
    let pick = |rng: &mut Rng| match rng.usize(..6) {
        0 => community.clone(),
        1 | 2 => Scope::Room(ROOMS[rng.usize(..ROOMS.len())].into()),
        3 => Scope::Group(GROUPS[rng.usize(..GROUPS.len())].to_owned()),
        _ => Scope::Person(people[rng.usize(..people.len())].clone()),
    };
    let mut papers = Vec::new();
    for _ in 0..DOCUMENTS {
        let (scope, key, title, text) = (pick(rng), word(rng), word(rng), word(rng));
        let folder = tempfile::tempdir().unwrap();
        let body =
            format!("# The lake {key} and {title}\n\nThe depth of the lake {key} is named {text} by its fishers.\n");
        fs::write(folder.path().join(format!("{key}.md")), body).unwrap();
        let (bar, stop) = (indicatif::ProgressBar::hidden(), CancellationToken::new());
        let files = [folder.path().to_owned()];
        ingest::ingest(&world.home.library(), &files, &scope, &bar, &stop).await.unwrap();
        let listed = world.home.store.list(None, &key, 0, 2).await.unwrap();
        let (id, is_held) = (listed[0].id.clone(), rng.usize(..3) == 0);
        if is_held {
            let embargo = rng.bool().then(|| "2999-01-01T00:00:00Z".parse().unwrap());
            let rights = Rights { embargo, confidential: embargo.is_none(), ..Rights::default() };
            world.home.store.set_rights(&id, &rights).await.unwrap();
        }
        papers.push(Paper { id, scope, is_held, key, title, text });
    }
    let groups: HashMap<MemberId, Vec<Scope>> = people
        .iter()
        .map(|one| (one.clone(), vec![Scope::Group(GROUPS[rng.usize(..GROUPS.len())].to_owned())]))
        .collect();
    let mut policies = HashMap::new();
    for room in ROOMS.map(RoomId::from) {
        let lent = [Scope::Group(GROUPS[0].to_owned()), Scope::Room(ROOMS[rng.usize(..ROOMS.len())].into())];
        let reads = lent.into_iter().filter(|_| rng.bool()).collect();
        let visibility = if rng.usize(..4) == 0 { Visibility::Caller } else { Visibility::Room };
        let policy = Policy { reads, visibility, ..Policy::default() };
        world.home.store.set_policy(&room, Some(&policy), Timestamp::UNIX_EPOCH).await.unwrap();
        policies.insert(room, policy);
    }
    let now = Timestamp::UNIX_EPOCH;
    let store = &world.home.store;
    let (place, until) = (world.home.seat().place, Timestamp::MAX);
    store.offer_link(&people[0], &place, "offer", until).await.unwrap();
    for (who, code, next) in [(1, "offer", "theirs"), (1, "theirs", "own"), (0, "own", "unused")] {
        assert!(store.say_link(&people[who], &place, code, (next, until), now).await.unwrap().is_some(), "{code}");
    }
    let both = BTreeSet::from([people[0].clone(), people[1].clone()]);
    let accounts = people.iter().map(|one| match both.contains(one) {
        true => (one.clone(), both.clone()),
        false => (one.clone(), BTreeSet::from([one.clone()])),
    });
    let truth = Truth { papers, groups: groups.clone(), accounts: accounts.collect(), policies };
    let told = Arc::new(PlatformDouble { groups, ..PlatformDouble::default() });
    told.set_role(&people[0], Role::Moderator);
    let dispatch = told.host(&world.home);
    (world, truth, dispatch)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reply_shows_what_its_audience_may_not_read() {
    let mut rng = Rng::with_seed(20_261_124);
    let (world, truth, dispatch) = world(&mut rng).await;
    let community = world.home.seat().place.community;
    let (mut shown, mut hidden) = (0, 0);
    let mut answered = Vec::new();
    for number in 0..CALLS {
        let caller = MemberId::from(PEOPLE[rng.usize(..PEOPLE.len())]);
        let room = RoomId::from(ROOMS[rng.usize(..ROOMS.len())]);
        let audience = if rng.usize(..4) == 0 { Audience::Caller } else { Audience::Room };
        let asked = &truth.papers[rng.usize(..truth.papers.len())];
        let (command, is_private) = match rng.usize(..8) {
            0..3 => (format!("!ask What is the depth of the lake {} named?", asked.key), false),
            3 => (format!("!papers {}", asked.key), true),
            4 => (format!("!library show - {}", asked.key), true),
            5 => ("!why".to_owned(), true),
            6 => ("!line 1".to_owned(), false),
            _ => ("!sources".to_owned(), true),
        };
        let is_about = matches!(command.as_str(), "!why" | "!line 1" | "!sources");
        let about = if is_about { rng.choice(&answered).cloned() } else { None };
        let place = Place { platform: Platform::Discord, community: community.clone(), room, thread: None, audience };
        let message = Message {
            id: format!("m{number}").as_str().into(),
            place,
            author: caller,
            text: command,
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about,
            visibility: None,
            addressed: true,
            at: Timestamp::from_second(number as i64).unwrap(),
        };
        let alone = is_private
            || audience == Audience::Caller
            || truth.policies[&message.place.room].visibility == Visibility::Caller;
        let events: Vec<chat::Event> = dispatch.message(message.clone()).await.collect().await;
        let flight = world.home.store.flight(&message.call_id()).await.unwrap();
        let typed = truth.papers[rng.usize(..truth.papers.len())].key[..3].to_owned();
        let invocation = chat::Invocation { command: "papers".to_owned(), args: chat::Args::default(), locale: None };
        let typing =
            Message { invocation: Some(invocation), id: format!("t{number}").as_str().into(), ..message.clone() };
        let proposals = dispatch.complete(typing, "matching", &typed).await;
        let said = format!("{events:?} {}", serde_json::to_string(&flight).unwrap());
        for paper in &truth.papers {
            let may = |alone| truth.may_read(paper, &message.author, &message.place.room, alone);
            let is_there = said.contains(&paper.title) || said.contains(&paper.text);
            assert!(may(alone) || !is_there, "{} is shown {} in {said}", paper.scope, message.text);
            let is_proposed = proposals.iter().any(|title| title.contains(&paper.title));
            assert!(may(true) || !is_proposed, "{} is proposed", paper.scope);
            if message.text.contains(&paper.key) {
                *if may(alone) && is_there { &mut shown } else { &mut hidden } += 1;
            }
            assert!(may(alone) || !said.contains(&paper.id.0), "its id is told: {said}");
        }
        if let Some((_, counted)) = said.split_once("passages of ") {
            let may = |paper: &&Paper| truth.may_read(paper, &message.author, &message.place.room, alone);
            let readable = truth.papers.iter().filter(may).count();
            assert!(counted.starts_with(&format!("{readable} documents")), "{readable} can be read: {said}");
        }
        answered.push(message.call_id());
    }
    assert!(shown > 15 && hidden > 15, "{shown} shown, {hidden} hidden: this proves nothing");
}
