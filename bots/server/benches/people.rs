//! A match among 10 000 people, and the digests of 1 000 members, through the state and the encoder:
//! `cargo bench --profile dev --workspace --bench people`.
//!
//! A plain program: what counts is the slowest of many matches and the time of one long job. Vectors are random, which takes as
//! long to compare as any.

use std::time::{Duration, Instant};

use chat::{
    Audience, Document, DocumentId, Identifiers, MemberId, Passage, PassageId, Place, Platform, Provenance, Readable,
    ports::{EmbedTask, Embedder as _, Matching as _, ReadingRequest, Recommending as _, Verdict},
    profile::{Accounts, Entry, EntryKind, Need},
};
use server::{
    home::{Home, Needs},
    settings::Settings,
};
use store::{Entry as Stored, ProfileEntry, ProfileLine};

const PEOPLE: usize = 10_000;
const VECTORS: usize = 20;
const DIMS: usize = 384;
const MATCHES: usize = 100;

const MEMBERS: usize = 1_000;
const PAPERS: usize = 10_000;
const WORDS: usize = 20;

fn vector(random: &mut fastrand::Rng) -> Vec<f32> {
    let mut vector: Vec<f32> = (0..DIMS).map(|_| random.f32() * 2.0 - 1.0).collect();
    let norm = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|number| *number /= norm);
    vector
}

/// Words of a language of twenty thousand.
fn text(random: &mut fastrand::Rng, words: usize) -> String {
    (0..words).map(|_| format!("word{}", random.u32(..20_000))).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut settings = Settings::defaults();
    settings.data.dir = dir.path().to_owned();
    // The encoder is where `colloquy try` and the tests put it.
    let home = &Home::open(&settings, Needs::Library).await.expect("an empty folder opens");
    let mut random = fastrand::Rng::with_seed(1);
    let began = Instant::now();
    let among = people(home, &mut random).await;
    println!("{PEOPLE} profiles of {VECTORS} lines written in {:.1} s", began.elapsed().as_secs_f64());
    let mut times = Vec::new();
    for number in 0..=MATCHES {
        let lines = vec![text(&mut random, 8)];
        let seekers = vec![among[number].clone()];
        let need = Need { lines, seekers, among: among.clone(), year: 2026, ..Need::default() };
        let began = Instant::now();
        home.matcher.rank(&need, 40).await.expect("it matches");
        times.push(began.elapsed());
    }
    // The first one reads and packs them all.
    let first = times.remove(0);
    println!("the first match {:.2} s, then {}", first.as_secs_f64(), told(times));

    papers(home, &mut random).await;
    let reader = &home.reader;
    let began = Instant::now();
    let mut times = Vec::new();
    for member in among.iter().take(MEMBERS) {
        let request = ReadingRequest {
            accounts: member.clone(),
            readable: readable(home, &member[0]),
            since: None,
            due: None,
            at: server::now(),
            limit: 10,
        };
        let began = Instant::now();
        let chosen = reader.papers_for(&request).await.expect("it chooses");
        times.push(began.elapsed());
        assert_eq!(chosen.len(), 10);
    }
    let all = began.elapsed().as_secs_f64();
    println!("digests of {MEMBERS} members among {PAPERS} papers: {all:.1} s, {}", told(times));
}

fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!("p50 {:.1?}, p95 {:.1?}, longest {:.1?}", at(0.5), at(0.95), times[times.len() - 1])
}

fn readable(home: &Home, member: &MemberId) -> Readable {
    let community = home.seat().place.community;
    let (room, audience) = ("seminar".into(), Audience::Caller);
    Readable::of(&Place { platform: Platform::Console, community, room, thread: None, audience }, member, &[], &[])
}

/// Each with five papers of four lines.
async fn people(home: &Home, random: &mut fastrand::Rng) -> Vec<Accounts> {
    let mut all = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        let member = MemberId(format!("member{number:05}"));
        let entries: Vec<ProfileEntry> = (0..VECTORS / 4)
            .map(|_| {
                let entry = Entry::statement(EntryKind::Paper, &text(random, 10), 2020);
                let lines = (0..4)
                    .map(|at| ProfileLine {
                        text: if at == 0 { entry.text.clone() } else { text(random, 20) },
                        vector: vector(random),
                    })
                    .collect();
                ProfileEntry { entry, lines }
            })
            .collect();
        let accounts = vec![member.clone()];
        let kept = home.store.keep_entries(&accounts, &member, home.embedder.model(), &entries).await;
        kept.expect("there is space");
        all.push(accounts);
    }
    all
}

/// With the words of the members on some of them.
async fn papers(home: &Home, random: &mut fastrand::Rng) {
    let mut all = Vec::new();
    for number in 0..PAPERS {
        let (title, text) = (text(random, 10), text(random, 120));
        let id = DocumentId(format!("{number:016x}"));
        let document = Document {
            id: id.clone(),
            scope: home.community(),
            title,
            authors: vec!["Ana Quan".to_owned()],
            year: Some(2026),
            venue: None,
            language: Some("en".to_owned()),
            identifiers: Identifiers::default(),
            provenance: Provenance { file: format!("{number}.md"), ..Provenance::default() },
            retracted: false,
            text: text.clone(),
            pages: Vec::new(),
            sections: Vec::new(),
        };
        let span = 0..text.len();
        let passage = Passage { id: PassageId { document: id, ordinal: 0 }, span, text, page: None, section: None };
        all.push((document, vec![passage], vec![vector(random)]));
    }
    let entries: Vec<Stored<'_>> =
        all.iter().map(|(document, passages, vectors)| Stored { document, passages, vectors, keys: &[] }).collect();
    for some in entries.chunks(512) {
        home.store.put_many(home.embedder.model(), some).await.expect("there is space");
    }
    for member in 0..MEMBERS {
        for _ in 0..WORDS {
            let id = DocumentId(format!("{:016x}", random.usize(..PAPERS)));
            let member = MemberId(format!("member{member:05}"));
            home.store.keep_verdict(&member, &id, Verdict::Saved, server::now()).await.expect("there is space");
        }
    }
    // Warm, as it is in a process that serves.
    home.embedder.embed(EmbedTask::Query, &["warm"]).await.expect("it embeds");
}
