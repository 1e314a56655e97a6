//! What recommending weighs: the papers, what everybody who consented likes of them, and what was learned.

use std::{collections::HashMap, sync::Arc};

use chat::{
    DocumentId, MemberId, PortError, Switch,
    people::Register as _,
    ports::{Because, Recommended},
    profile::Accounts,
    text::plain,
};
use jiff::{Timestamp, tz::TimeZone};
use store::{PaperText, ReadablePaper, ReadingMark, Store, StoreError, Word};
use training::{
    matching::Line,
    recommend::{Catalogue, Feedback, Model, Neighbours, Paper, Tastes, Way},
};

use super::PORT;
use crate::versions::Versions;

/// After how many days a word on a paper counts half.
pub const HALF_LIFE_DAYS: f32 = 90.0;

/// What was known on one day.
pub struct Shelf {
    mark: ReadingMark,
    /// The day, counted from 1970.
    pub today: i32,
    /// The papers, by number.
    pub papers: Arc<Vec<PaperText>>,
    /// Their numbers.
    pub numbers: Arc<HashMap<DocumentId, u32>>,
    /// Copies of one paper, in several scopes, have one number here: by number, and by title.
    twins: Arc<(Vec<u32>, HashMap<String, u32>)>,
    /// The papers, packed.
    pub catalogue: Catalogue,
    /// Length of their vectors.
    pub dims: usize,
    /// What everybody who consented likes.
    pub tastes: Tastes,
    /// What they like together.
    pub neighbours: Neighbours,
    learned: (Option<u32>, Option<Arc<Model>>),
}

impl Shelf {
    /// The shelf of today: `before` where nothing changed.
    ///
    /// # Errors
    /// [`PortError`], where the state cannot be read. What was learned and cannot be read is done without.
    pub async fn renew(
        before: Option<Arc<Self>>,
        store: &Store,
        model: &str,
        versions: &Versions,
        today: i32,
    ) -> Result<Arc<Self>, PortError> {
        let port = StoreError::port(PORT);
        let mark = store.reading_mark(model).await.map_err(&port)?;
        let current = versions.current().unwrap_or_else(|error| {
            tracing::warn!(%error, "it cannot be told which ranker is in use: none is");
            None
        });
        if let Some(before) = &before
            && (before.mark, before.today, before.learned.0) == (mark, today, current)
        {
            return Ok(Arc::clone(before));
        }
        let same = before.filter(|before| before.mark.has_papers_of(&mark));
        let words = words(store).await?;
        let learned = match &same {
            Some(same) if same.learned.0 == current => same.learned.clone(),
            _ => (current, current.and_then(|number| read(versions, number))),
        };
        let texts = match &same {
            Some(_) => None,
            None => Some(store.papers(model).await.map_err(&port)?),
        };
        let making = tokio::task::spawn_blocking(move || {
            let (papers, numbers, twins, catalogue, dims) = match (same, texts) {
                (Some(same), _) => (
                    Arc::clone(&same.papers),
                    Arc::clone(&same.numbers),
                    Arc::clone(&same.twins),
                    same.catalogue.clone(),
                    same.dims,
                ),
                (None, texts) => packed(texts.unwrap_or_default())?,
            };
            let feedback = feedback(&words, &numbers);
            let tastes = Tastes::new(&feedback, papers.len(), today, Some(HALF_LIFE_DAYS));
            let neighbours = Neighbours::new(&tastes, papers.len());
            Ok(Arc::new(Self { mark, today, papers, numbers, twins, catalogue, dims, tastes, neighbours, learned }))
        });
        making.await.map_err(PortError::failed(PORT, "weighing the library"))?
    }

    /// How papers are ranked: as learned where that was found to be better.
    pub fn way(&self) -> Way<'_> {
        self.learned.1.as_ref().map_or(Way::Blend, |model| model.way())
    }

    /// The year.
    pub fn year(&self) -> i32 {
        let at = Timestamp::from_second(i64::from(self.today) * 86_400).unwrap_or(Timestamp::UNIX_EPOCH);
        i32::from(at.to_zoned(TimeZone::UTC).year())
    }

    /// The number that all copies of a paper have in common.
    pub fn twins_of(&self, id: &DocumentId) -> Option<u32> {
        self.numbers.get(id).map(|number| self.twins.0[*number as usize])
    }

    /// The same of whatever has a title.
    pub fn twins_called(&self, title: &str) -> Option<u32> {
        self.twins.1.get(&plain(title)).copied()
    }

    /// The papers that may be recommended and whose copies `may` be, one of each, by number.
    pub fn open(&self, papers: &[ReadablePaper], may: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut taken = std::collections::HashSet::new();
        let open = papers.iter().filter(|(_, is_open)| *is_open).filter_map(|(id, _)| self.numbers.get(id).copied());
        open.filter(|number| {
            let twins = self.twins.0[*number as usize];
            may(twins) && taken.insert(twins)
        })
        .collect()
    }

    /// A paper with why it was chosen.
    pub fn recommended(&self, paper: u32, because: Vec<Because>) -> Recommended {
        let PaperText { document, title, authors, year, .. } = &self.papers[paper as usize];
        let (document, title, authors) = (document.clone(), title.clone(), authors.clone());
        Recommended { document, title, authors, year: *year, because }
    }
}

type Parts =
    (Arc<Vec<PaperText>>, Arc<HashMap<DocumentId, u32>>, Arc<(Vec<u32>, HashMap<String, u32>)>, Catalogue, usize);

fn packed(mut texts: Vec<PaperText>) -> Result<Parts, PortError> {
    let dims = texts.iter().flat_map(|paper| &paper.vectors).map(Vec::len).find(|length| *length > 0).unwrap_or(0);
    let catalogue = Catalogue::new(&papers(&texts, dims)).map_err(PortError::failed(PORT, "comparing papers"))?;
    // They are in the catalogue now.
    texts.iter_mut().for_each(|paper| paper.vectors = Vec::new());
    let numbers = texts.iter().zip(0..).map(|(paper, number)| (paper.document.clone(), number)).collect();
    let (mut twins, mut called) = (Vec::with_capacity(texts.len()), HashMap::new());
    for (paper, number) in texts.iter().zip(0u32..) {
        twins.push(*called.entry(plain(&paper.title)).or_insert(number));
    }
    Ok((Arc::new(texts), Arc::new(numbers), Arc::new((twins, called)), catalogue, dims))
}

/// The papers as they are weighed.
pub fn papers(texts: &[PaperText], dims: usize) -> Vec<Paper> {
    let paper = |text: &PaperText| {
        let vectors: Vec<&[f32]> = text.vectors.iter().map(Vec::as_slice).collect();
        let line = line(&vectors, &format!("{}\n{}", text.title, text.text), dims);
        Paper { line, day: day(text.arrived) }
    };
    texts.iter().map(paper).collect()
}

/// The last words of those who let themselves be learned from: a person's number, and what they said.
///
/// # Errors
/// [`PortError`], where the state cannot be read.
pub async fn words(store: &Store) -> Result<Vec<(u32, Word)>, PortError> {
    let people: Vec<Accounts> = store.willing(Switch::Improve).await?;
    let number: HashMap<&MemberId, u32> = people
        .iter()
        .zip(1..)
        .flat_map(|(accounts, number)| accounts.iter().map(move |account| (account, number)))
        .collect();
    let words = store.verdicts(None).await.map_err(StoreError::port(PORT))?;
    Ok(words.into_iter().filter_map(|word| Some((*number.get(&word.member)?, word))).collect())
}

/// Words as numbers.
pub fn feedback(words: &[(u32, Word)], numbers: &HashMap<DocumentId, u32>) -> Vec<Feedback> {
    let word = |(user, word): &(u32, Word)| {
        let paper = *numbers.get(&word.document)?;
        Some(Feedback { user: *user, paper, value: word.verdict.value(), day: day(word.at) })
    };
    words.iter().filter_map(word).collect()
}

/// A day, counted from 1970.
pub fn day(at: Timestamp) -> i32 {
    i32::try_from(at.as_second().div_euclid(86_400)).unwrap_or(i32::MAX)
}

/// The centre of vectors, of unit norm, with the terms of a text; vectors of another length than `dims` are none.
pub fn line(vectors: &[&[f32]], text: &str, dims: usize) -> Line {
    let mut centre = vec![0.0f32; dims];
    for vector in vectors.iter().filter(|vector| vector.len() == dims) {
        centre.iter_mut().zip(*vector).for_each(|(sum, number)| *sum += number);
    }
    let norm = centre.iter().map(|number| number * number).sum::<f32>().sqrt();
    let vector = match norm > 0.0 {
        true => centre.into_iter().map(|number| number / norm).collect(),
        false => Vec::new(),
    };
    Line { vector, terms: chat::text::terms(text) }
}

fn read(versions: &Versions, number: u32) -> Option<Arc<Model>> {
    match versions.read(number) {
        Ok(model) => Some(Arc::new(model)),
        Err(error) => {
            tracing::warn!(%error, number, "what was learned cannot be read: the fixed blend recommends");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_paper_have_one_title() {
        assert_eq!(plain("Trees: A  Survey"), plain("trees — a survey."));
        assert_ne!(plain("Trees"), plain("Tree"));
    }

    #[test]
    fn a_line_is_the_centre_of_its_vectors() {
        let found = line(&[&[1.0, 0.0], &[0.0, 1.0], &[1.0]], "parse trees", 2);
        assert!(found.vector.iter().all(|number| (number - 0.5f32.sqrt()).abs() < 1e-6));
        assert!(!found.terms.is_empty() && line(&[], "parse", 2).vector.is_empty());
    }

    #[test]
    fn a_day_begins_at_midnight() {
        let at = |text: &str| day(text.parse().unwrap());
        assert_eq!((at("1970-01-01T23:59:59Z"), at("1970-01-02T00:00:00Z"), at("1969-12-31T23:00:00Z")), (0, 1, -1));
    }
}
