//! What somebody may want to read: the port on the state, with what `training` makes of it.
//!
//! Read [`Reader`] for what is asked, [`Shelf`] for what it is weighed on, `reasons` for how a choice is explained.
//!
//! **Invariant:** of others only those count who consented to it, and whoever may not be read here is named by no reason.
//! **Invariant:** nothing of one person outlives the call: what is kept in memory is the papers and everybody's likes of them.

mod reasons;
mod shelf;

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use chat::{
    DocumentId, MemberId, PortError, Readable,
    ports::{Because, ReadingRequest, Recommended, Recommending, Verdict},
    profile::{Entry, EntryKind},
};
use jiff::Timestamp;
use store::{Store, StoreError, Word};
use tokio::sync::Mutex;
use training::recommend::{DigestOptions, Feedback, Paper, Pick, Signals, Taste, Tastes, Way, digest};

pub(crate) use shelf::{HALF_LIFE_DAYS, Shelf, day, feedback, line, papers, words};

use crate::versions::Versions;

const PORT: &str = "reading";

/// Papers that are weighed for one person, at most: beyond, those that lie nearest to what they like best.
const CANDIDATES_MAX: usize = 2_000;

/// Papers of a person that candidates are chosen by.
const CHOSEN_BY: usize = 10;

/// What an entry of a profile counts, beside a word on a paper.
const OF_PROFILE: f32 = 0.6;

/// After how many years an entry counts half.
const ENTRY_HALF_LIFE_YEARS: f32 = 8.0;

/// Recommends from the library. A clone is the same one, and costs nothing.
#[derive(Clone)]
pub struct Reader {
    store: Store,
    /// The encoder's name: whose vectors are compared.
    model: String,
    versions: Versions,
    /// As of the last call.
    shelf: Arc<Mutex<Option<Arc<Shelf>>>>,
}

/// Somebody, as far as reading goes.
struct Person {
    words: Vec<Word>,
    /// What they give of themselves that says what they read.
    entries: Vec<Entry>,
    /// The signals of the shelf, with the entries beside it.
    catalogue: training::recommend::Catalogue,
    taste: Taste,
}

impl Reader {
    /// On a state, with the vectors of a model and what was learned.
    pub fn new(store: Store, model: &str, versions: Versions) -> Self {
        Self { store, model: model.to_owned(), versions, shelf: Arc::default() }
    }

    /// Forgets whatever was read, once it is read: nothing of somebody who was erased stays in memory.
    pub async fn clear(&self) {
        *self.shelf.lock().await = None;
    }

    /// The papers and everybody's likes, as of now: made anew where something changed.
    async fn shelf(&self, at: Timestamp) -> Result<Arc<Shelf>, PortError> {
        let reader = self.clone();
        // On its own, so that it is there for the next call though the one that began it is over.
        let making = tokio::spawn(async move {
            // One makes it, the others wait for it.
            let mut kept = reader.shelf.lock().await;
            reader.store.note_arrivals(at).await.map_err(StoreError::port(PORT))?;
            let before = kept.clone();
            let shelf = Shelf::renew(before, &reader.store, &reader.model, &reader.versions, day(at)).await?;
            *kept = Some(Arc::clone(&shelf));
            Ok::<_, PortError>(shelf)
        });
        making.await.map_err(PortError::failed(PORT, "weighing the library"))?
    }

    async fn person(&self, shelf: &Shelf, accounts: &[MemberId]) -> Result<Person, PortError> {
        let port = StoreError::port(PORT);
        let words = self.store.verdicts(Some(accounts)).await.map_err(&port)?;
        let profiles = self.store.profiles_of(accounts, &self.model).await.map_err(&port)?;
        let (mut entries, mut papers, mut feedback) = (Vec::new(), Vec::new(), Vec::new());
        let first = shelf.papers.len();
        for kept in profiles.into_values().flat_map(|profile| profile.entries) {
            if kept.entry.kind == EntryKind::Message {
                continue;
            }
            let vectors: Vec<&[f32]> = kept.lines.iter().map(|line| line.vector.as_slice()).collect();
            let line = line(&vectors, &format!("{}\n{}", kept.entry.text, kept.entry.summary), shelf.dims);
            let age = kept.entry.year.map_or(0, |year| (shelf.year() - i32::from(year)).max(0));
            let value = OF_PROFILE * (-(age as f32) / ENTRY_HALF_LIFE_YEARS).exp2();
            feedback.push(Feedback { user: 0, paper: (first + papers.len()) as u32, value, day: shelf.today });
            papers.push(Paper { line, day: shelf.today });
            entries.push(kept.entry);
        }
        let said = words.iter().filter_map(|word| {
            let paper = *shelf.numbers.get(&word.document)?;
            Some(Feedback { user: 0, paper, value: word.verdict.value(), day: day(word.at) })
        });
        feedback.extend(said);
        let catalogue = shelf.catalogue.beside(&papers).map_err(PortError::failed(PORT, "comparing papers"))?;
        let taste = Tastes::new(&feedback, catalogue.len(), shelf.today, Some(HALF_LIFE_DAYS)).of(0);
        Ok(Person { words, entries, catalogue, taste })
    }
}

#[async_trait]
impl Recommending for Reader {
    async fn papers_for(&self, request: &ReadingRequest) -> Result<Vec<Recommended>, PortError> {
        let ReadingRequest { accounts, readable, since, due, at, limit } = request;
        let port = StoreError::port(PORT);
        let shelf = self.shelf(*at).await?;
        let person = self.person(&shelf, accounts).await?;
        let shown = self.store.shown_papers(accounts, *due).await.map_err(&port)?;
        let papers = self.store.readable_papers(readable, *since).await.map_err(&port)?;
        let limit = *limit;
        let choosing = tokio::task::spawn_blocking(move || {
            let said = person.words.iter().map(|word| &word.document);
            // Another copy of what they know, or what they wrote themselves, is no news either.
            let known: HashSet<u32> = said.chain(&shown).filter_map(|id| shelf.twins_of(id)).collect();
            let own: HashSet<u32> = person
                .entries
                .iter()
                .filter(|entry| entry.kind == EntryKind::Paper)
                .filter_map(|entry| shelf.twins_called(&entry.text))
                .collect();
            let open = shelf.open(&papers, |twins| !known.contains(&twins) && !own.contains(&twins));
            let open = nearest(&shelf, &person, open);
            let picks = choose(&shelf, &person.catalogue, &person.taste, shelf.way(), &open, limit);
            let readable: HashSet<&DocumentId> = papers.iter().map(|(id, _)| id).collect();
            let told = |pick: &Pick| reasons::of(&shelf, &person.words, &person.entries, &readable, pick);
            picks.iter().map(|pick| shelf.recommended(pick.paper, told(pick))).collect()
        });
        choosing.await.map_err(PortError::failed(PORT, "choosing papers"))
    }

    async fn similar(
        &self,
        readable: &Readable,
        document: &DocumentId,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Recommended>, PortError> {
        let shelf = self.shelf(at).await?;
        let papers = self.store.readable_papers(readable, None).await.map_err(StoreError::port(PORT))?;
        let id = document.clone();
        let choosing = tokio::task::spawn_blocking(move || {
            let Some(number) = shelf.numbers.get(&id).copied().filter(|_| papers.iter().any(|(other, _)| *other == id))
            else {
                return Vec::new();
            };
            let own = shelf.twins_of(&id);
            let open = shelf.open(&papers, |twins| Some(twins) != own);
            let taste = Taste { liked: vec![(number, 1.0)], disliked: Vec::new(), seen: vec![number] };
            let picks = choose(&shelf, &shelf.catalogue, &taste, Way::Content, &open, limit);
            let topic = |pick: &Pick| {
                let of_topic = |because: &Because| matches!(because, Because::Topic(_));
                reasons::of(&shelf, &[], &[], &HashSet::new(), pick).into_iter().filter(of_topic).collect()
            };
            picks.iter().map(|pick| shelf.recommended(pick.paper, topic(pick))).collect()
        });
        choosing.await.map_err(PortError::failed(PORT, "comparing papers"))
    }

    async fn knows(&self, accounts: &[MemberId]) -> Result<bool, PortError> {
        let port = StoreError::port(PORT);
        if self.store.verdicts(Some(accounts)).await.map_err(&port)?.iter().any(|word| word.verdict.value() > 0.0) {
            return Ok(true);
        }
        let profiles = self.store.profiles_of(accounts, &self.model).await.map_err(&port)?;
        Ok(profiles.into_values().flat_map(|profile| profile.entries).any(|kept| kept.entry.kind != EntryKind::Message))
    }

    async fn rate(
        &self,
        member: &MemberId,
        document: &DocumentId,
        verdict: Verdict,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.store.keep_verdict(member, document, verdict, at).await.map_err(StoreError::port(PORT))
    }

    async fn rated(
        &self,
        accounts: &[MemberId],
        verdict: Verdict,
        readable: &Readable,
    ) -> Result<Vec<(DocumentId, String)>, PortError> {
        let port = StoreError::port(PORT);
        let mut words = self.store.verdicts(Some(accounts)).await.map_err(&port)?;
        words.reverse();
        let mut seen = HashSet::new();
        // The last word of the person, with whichever account.
        words.retain(|word| seen.insert(word.document.clone()));
        let ids: Vec<DocumentId> =
            words.into_iter().filter(|word| word.verdict == verdict).map(|word| word.document).collect();
        self.store.readable_titles(readable, &ids).await.map_err(&port)
    }

    async fn shown(&self, member: &MemberId, documents: &[DocumentId], at: Timestamp) -> Result<(), PortError> {
        self.store.keep_shown(member, documents, at).await.map_err(StoreError::port(PORT))
    }
}

/// The candidates, or those that lie nearest to what somebody likes best: of a stranger, what most like and what is new.
fn nearest(shelf: &Shelf, person: &Person, open: Vec<u32>) -> Vec<u32> {
    if open.len() <= CANDIDATES_MAX {
        return open;
    }
    let by = &person.taste.liked[..person.taste.liked.len().min(CHOSEN_BY)];
    let near =
        |paper: u32| by.iter().map(|(liked, weight)| weight * person.catalogue.cosine(paper, *liked)).sum::<f32>();
    let arrived = |paper: u32| shelf.papers.get(paper as usize).map(|paper| paper.arrived);
    let mut scored: Vec<(f32, f32, Option<Timestamp>, u32)> =
        open.into_iter().map(|paper| (near(paper), shelf.tastes.popularity(paper), arrived(paper), paper)).collect();
    scored.sort_unstable_by(|one, two| {
        let by_score = two.0.total_cmp(&one.0).then(two.1.total_cmp(&one.1));
        by_score.then(two.2.cmp(&one.2)).then(one.3.cmp(&two.3))
    });
    scored.truncate(CANDIDATES_MAX);
    scored.into_iter().map(|(_, _, _, paper)| paper).collect()
}

fn choose(
    shelf: &Shelf,
    catalogue: &training::recommend::Catalogue,
    taste: &Taste,
    way: Way<'_>,
    open: &[u32],
    limit: usize,
) -> Vec<Pick> {
    let signals = Signals { catalogue, tastes: &shelf.tastes, neighbours: &shelf.neighbours, today: shelf.today };
    digest(&signals, taste, way, open, &DigestOptions { limit, ..DigestOptions::default() })
}
