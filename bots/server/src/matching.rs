//! People by their work: the port [`Matching`] on the state, the encoder and `training`.
//!
//! Read [`Matcher`] here, then what a profile becomes (`person`), how persons are packed to be searched (`pool`), who fits and
//! why (`fit`), who may not be proposed (`conflict`), and the small ones: `topic` and `works`.
//!
//! **Invariant:** only who is named in [`Need::among`] is packed: nobody else weighs on a score, a word or a conflict. The
//! seekers are compared with what they have themselves, and count for nothing else.
//! **Invariant:** what somebody said in a room counts in that room alone.

mod conflict;
mod fit;
mod person;
mod pool;
#[cfg(test)]
mod tests;
mod topic;
mod works;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chat::{
    MemberId, PortError,
    ports::{EmbedTask, Embedder, Matching, Outcome},
    profile::{ENTRIES_MAX, Entry, Facts, Fit, Group, Need, Profile, Topic, Works},
};
use jiff::Timestamp;
use store::{ProfileEntry, ProfileLine, RoomLine, Store, StoreError};
use training::{
    learn::Ranker,
    matching::{Line, MatchError, MatchModel, People},
};

use crate::{
    apart::{ApartError, Door},
    versions::Versions,
};
use person::{Given, Person};
use pool::Pool;

const PORT: &str = "matching";

/// Texts that are embedded in one call.
const EMBEDDED_AT_ONCE: usize = 64;

/// Entries that are embedded while their owner waits; the others are right after, and matched by their words till then.
const EMBEDDED_WAITING: usize = 32;

/// Entries that are embedded and written in one go.
const ENTRIES_AT_ONCE: usize = 64;

/// What somebody said in a room that counts there: so many of the newest messages.
const MESSAGES_MAX: usize = 50;

/// Packed persons that are kept for the next need.
const POOLS_MAX: usize = 4;

/// Matches people. A clone is the same one, and costs nothing.
#[derive(Clone)]
pub struct Matcher {
    store: Store,
    embedder: Arc<dyn Embedder>,
    versions: Versions,
    /// Where lists of works are read.
    door: Door,
    learned: Arc<Mutex<Option<Learned>>>,
    cache: Arc<Mutex<Cache>>,
    /// Held by whoever embeds what has no vectors yet.
    embedding: Arc<tokio::sync::Mutex<()>>,
}

/// What was learned: its number, and the ranker, where it may be used.
type Learned = (u32, Option<Arc<Ranker>>);

/// What was read of profiles as of a stamp.
#[derive(Default)]
struct Cache {
    stamp: Option<i64>,
    given: BTreeMap<MemberId, Option<Arc<Given>>>,
    /// The last one last.
    pools: Vec<(Among, Arc<Pool>)>,
}

/// Who is packed, and what they said where it counts.
#[derive(PartialEq)]
struct Among {
    accounts: Vec<Vec<MemberId>>,
    said: Vec<RoomLine>,
}

impl Matcher {
    /// Matches by what this state keeps, and by what was learned.
    pub fn new(store: Store, embedder: Arc<dyn Embedder>, versions: Versions, door: Door) -> Self {
        let (learned, cache, embedding) = (Arc::default(), Arc::default(), Arc::default());
        Self { store, embedder, versions, door, learned, cache, embedding }
    }

    /// The ranker that is in use, read anew where another one is.
    fn ranker(&self) -> Option<Arc<Ranker>> {
        let read = || {
            let Some(number) = self.versions.current()? else { return Ok(None) };
            let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, ranker)) = learned.as_ref().filter(|(known, _)| *known == number) {
                return Ok(ranker.clone());
            }
            let model: MatchModel = self.versions.read(number)?;
            let ranker = model.ranker().cloned().map(Arc::new);
            *learned = Some((number, ranker.clone()));
            std::io::Result::Ok(ranker)
        };
        read().unwrap_or_else(|error| {
            tracing::warn!(error = %chat::error::chain(&error), "what was learned of introductions cannot be read");
            None
        })
    }

    /// Forgets whatever was read: nothing of somebody who was erased stays in memory.
    pub fn clear(&self) {
        *self.cached() = Cache::default();
    }

    /// Embeds entries of these accounts that have no vectors of this encoder; how many there were.
    ///
    /// # Errors
    /// Where the encoder or the state fails.
    pub async fn embed_missing(&self, accounts: &[MemberId]) -> Result<usize, PortError> {
        let _turn = self.embedding.lock().await;
        let model = self.embedder.model();
        let mut count = 0;
        loop {
            let missing = self.store.entries_without_lines(accounts, model, ENTRIES_AT_ONCE).await;
            let missing = missing.map_err(StoreError::port(PORT))?;
            if missing.is_empty() {
                return Ok(count);
            }
            let lines = self.lines(missing.iter().map(|(_, entry)| entry)).await?;
            let lines: Vec<_> =
                missing.into_iter().zip(lines).map(|((member, entry), lines)| (member, entry.id, lines)).collect();
            count += lines.len();
            self.store.keep_lines_of_entries(model, &lines).await.map_err(StoreError::port(PORT))?;
        }
    }

    /// The same, while nobody waits.
    fn embed_in_time(&self, accounts: Vec<MemberId>) {
        let matcher = self.clone();
        tokio::spawn(async move {
            if let Err(error) = matcher.embed_missing(&accounts).await {
                tracing::warn!(error = %chat::error::chain(&error), "entries of profiles stay without vectors");
            }
        });
    }

    fn cached(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines of entries with their vectors.
    async fn lines(&self, entries: impl Iterator<Item = &Entry>) -> Result<Vec<Vec<ProfileLine>>, PortError> {
        let texts: Vec<Vec<String>> = entries.map(person::lines).collect();
        let flat: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
        let mut vectors = Vec::with_capacity(flat.len());
        for some in flat.chunks(EMBEDDED_AT_ONCE) {
            vectors.extend(self.embedder.embed(EmbedTask::Passage, some).await?);
        }
        let mut vectors = vectors.into_iter();
        Ok(texts
            .into_iter()
            .map(|texts| {
                texts.into_iter().zip(vectors.by_ref()).map(|(text, vector)| ProfileLine { text, vector }).collect()
            })
            .collect())
    }

    /// What each of these accounts gave, and the stamp that it is as of.
    async fn given(&self, accounts: &[MemberId]) -> Result<(i64, BTreeMap<MemberId, Arc<Given>>), PortError> {
        // Before what it stands for: what changes meanwhile is read again.
        let stamp = self.store.profile_stamp().await.map_err(StoreError::port(PORT))?;
        let mut known = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let mut cache = self.cached();
            if cache.stamp != Some(stamp) {
                *cache = Cache { stamp: Some(stamp), ..Cache::default() };
            }
            for account in accounts {
                match cache.given.get(account) {
                    Some(given) => known.extend(given.clone().map(|given| (account.clone(), given))),
                    None => missing.push(account.clone()),
                }
            }
        }
        if !missing.is_empty() {
            let profiles = self.store.profiles_of(&missing, self.embedder.model()).await;
            let mut profiles = profiles.map_err(StoreError::port(PORT))?;
            let doing = "reading profiles";
            let given = move || {
                let of = |account| {
                    let given = profiles.remove(&account).map(|profile| Arc::new(Given::new(profile)));
                    (account, given)
                };
                missing.into_iter().map(of).collect::<BTreeMap<_, _>>()
            };
            let read = tokio::task::spawn_blocking(given).await.map_err(PortError::failed(PORT, doing))?;
            let bare = read.iter().filter(|(_, given)| given.as_ref().is_some_and(|given| given.has_bare_entries()));
            let bare: Vec<MemberId> = bare.map(|(account, _)| account.clone()).collect();
            if !bare.is_empty() {
                self.embed_in_time(bare);
            }
            known.extend(read.iter().filter_map(|(account, given)| Some((account.clone(), given.clone()?))));
            let mut cache = self.cached();
            if cache.stamp == Some(stamp) {
                cache.given.extend(read);
            }
        }
        Ok((stamp, known))
    }

    /// A person by all of their accounts.
    async fn person(&self, accounts: &[MemberId]) -> Result<Person, PortError> {
        let (_, given) = self.given(accounts).await?;
        Ok(Person::new(accounts, &given))
    }

    /// The persons of a need, packed.
    async fn pool(&self, need: &Need) -> Result<Arc<Pool>, PortError> {
        let all: Vec<MemberId> = need.among.iter().flatten().cloned().collect();
        let said = match &need.room {
            Some(room) => self.store.said_in(room, &all, MESSAGES_MAX).await.map_err(StoreError::port(PORT))?,
            None => Vec::new(),
        };
        let (stamp, given) = self.given(&all).await?;
        let among = Among { accounts: need.among.clone(), said };
        if let Some((_, pool)) = self.cached().pools.iter().find(|(known, _)| *known == among) {
            return Ok(Arc::clone(pool));
        }
        let room = need.room.clone();
        let doing = "packing profiles";
        let packed = move || {
            let mut persons: Vec<Person> =
                among.accounts.iter().map(|accounts| Person::new(accounts, &given)).collect();
            if let Some(room) = room {
                person::add_said(&mut persons, &room, &among.said);
            }
            Pool::new(persons).map(|pool| (among, Arc::new(pool)))
        };
        let packed = tokio::task::spawn_blocking(packed).await.map_err(PortError::failed(PORT, doing))?;
        let (among, pool) = packed.map_err(unfit)?;
        let mut cache = self.cached();
        if cache.stamp == Some(stamp) {
            if cache.pools.len() >= POOLS_MAX {
                cache.pools.remove(0);
            }
            cache.pools.push((among, Arc::clone(&pool)));
        }
        Ok(pool)
    }

    /// Everything that an answer to a need is made of.
    async fn question(&self, need: &Need) -> Result<fit::Question, PortError> {
        if need.lines.len() > People::NEED_LINES_MAX {
            return Err(unfit(MatchError::NeedTooLong { got: need.lines.len(), max: People::NEED_LINES_MAX }));
        }
        let pool = self.pool(need).await?;
        let mut seekers = Vec::with_capacity(need.seekers.len());
        for accounts in &need.seekers {
            seekers.push(self.person(accounts).await?);
        }
        let said: Vec<&str> = need.lines.iter().map(String::as_str).filter(|line| !line.trim().is_empty()).collect();
        let mut vectors = Vec::with_capacity(said.len());
        for some in said.chunks(EMBEDDED_AT_ONCE) {
            vectors.extend(self.embedder.embed(EmbedTask::Query, some).await?);
        }
        let mut vectors = vectors.into_iter();
        let line = |text: &String| {
            // An empty line asks for nothing, and nothing speaks to it.
            let vector = if text.trim().is_empty() { None } else { vectors.next() };
            Line { vector: vector.unwrap_or_default(), terms: chat::text::terms(text) }
        };
        let lines = need.lines.iter().map(line).collect();
        Ok(fit::Question { need: need.clone(), lines, pool, seekers })
    }
}

/// For `map_err`: what cannot be matched.
fn unfit(error: MatchError) -> PortError {
    match error {
        MatchError::NeedTooLong { .. } => PortError::Refused { port: PORT, reason: error.to_string() },
        other => PortError::failed(PORT, "comparing profiles")(other),
    }
}

/// Works on what takes a while, away from the threads that answer.
async fn apart<T: Send + 'static>(
    question: fit::Question,
    work: impl FnOnce(fit::Question) -> Result<T, MatchError> + Send + 'static,
) -> Result<T, PortError> {
    let done = tokio::task::spawn_blocking(move || work(question)).await;
    done.map_err(PortError::failed(PORT, "comparing profiles"))?.map_err(unfit)
}

#[async_trait]
impl Matching for Matcher {
    async fn profile(&self, accounts: &[MemberId]) -> Result<Profile, PortError> {
        Ok(self.person(accounts).await?.profile())
    }

    async fn topics(&self, accounts: &[MemberId]) -> Result<Vec<Topic>, PortError> {
        let person = self.person(accounts).await?;
        let doing = "looking for topics";
        tokio::task::spawn_blocking(move || topic::topics(&person)).await.map_err(PortError::failed(PORT, doing))
    }

    async fn set_facts(&self, accounts: &[MemberId], member: &MemberId, facts: &Facts) -> Result<(), PortError> {
        self.store.keep_facts(accounts, member, facts).await.map_err(StoreError::port(PORT))
    }

    async fn keep(&self, accounts: &[MemberId], member: &MemberId, entries: &[Entry]) -> Result<usize, PortError> {
        if entries.len() > ENTRIES_MAX {
            let reason = format!("a profile holds at most {ENTRIES_MAX} entries");
            return Err(PortError::Refused { port: PORT, reason });
        }
        let now = &entries[..entries.len().min(EMBEDDED_WAITING)];
        // A busy encoder costs the vectors, not the entries.
        let mut lines = match self.lines(now.iter()).await {
            Ok(lines) => lines,
            Err(error) if error.is_retryable() => Vec::new(),
            Err(error) => return Err(error),
        };
        lines.resize(entries.len(), Vec::new());
        let is_complete = lines.iter().all(|lines| !lines.is_empty());
        let kept = entries.iter().cloned().zip(lines).map(|(entry, lines)| ProfileEntry { entry, lines });
        let kept: Vec<ProfileEntry> = kept.collect();
        let new = self.store.keep_entries(accounts, member, self.embedder.model(), &kept).await;
        let new = new.map_err(StoreError::port(PORT))?;
        if !is_complete {
            self.embed_in_time(vec![member.clone()]);
        }
        Ok(new)
    }

    async fn discard(&self, accounts: &[MemberId], ids: &[String]) -> Result<usize, PortError> {
        self.store.discard_entries(accounts, ids).await.map_err(StoreError::port(PORT))
    }

    async fn works(&self, name: &str, bytes: Vec<u8>) -> Result<Works, PortError> {
        let listed = self.door.works(name, bytes).await.map_err(ApartError::port)?;
        Ok(works::entries(name, listed))
    }

    async fn rank(&self, need: &Need, limit: usize) -> Result<Vec<Fit>, PortError> {
        let ranker = self.ranker();
        apart(self.question(need).await?, move |question| question.rank(limit, ranker.as_deref())).await
    }

    async fn team(&self, need: &Need, size: usize) -> Result<Group, PortError> {
        apart(self.question(need).await?, move |question| question.team(size)).await
    }

    async fn outcome(
        &self,
        need: &str,
        seeker: &MemberId,
        fit: (&MemberId, &[f32]),
        outcome: Outcome,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.store.keep_outcome(need, seeker, fit, outcome, at).await.map_err(StoreError::port(PORT))
    }
}
