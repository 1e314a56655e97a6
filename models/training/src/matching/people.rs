//! The profiles of a community, packed so that a need is compared with all of them at once.
//!
//! Vectors lie one behind the other, terms in postings: a need costs one pass over the vectors and the postings of its own
//! terms. It is exact, with no index to build or to keep.

use std::{ops::Range, sync::Arc, thread};

use crate::vector::dot;

use super::{
    lexicon::{Lexicon, Weighed},
    profile::{Line, MatchError, Profile},
    scoring::{Grid, Match, Pair, Scoring, mean_log},
};

struct Row {
    lines: Range<usize>,
    year: Option<i16>,
    weight: f32,
}

/// Profiles that can be searched. A person is known by the place among the profiles.
pub struct People {
    lexicon: Arc<Lexicon>,
    dims: usize,
    /// One row of `dims` numbers for each line, of 0 where it has no vector.
    vectors: Vec<f32>,
    /// Lines and weights by term number.
    postings: Vec<Vec<(u32, f32)>>,
    items: Vec<Row>,
    /// Items of each person.
    persons: Vec<Range<usize>>,
}

impl People {
    /// Most lines of a need.
    pub const NEED_LINES_MAX: usize = 64;

    /// Packs `profiles`: 4 bytes for each number of each vector, and 8 for each distinct term of each line.
    ///
    /// # Errors
    /// [`MatchError::Dims`] where vectors differ in length, [`MatchError::NotFinite`] where one or a weight is no number.
    pub fn new(lexicon: Arc<Lexicon>, profiles: &[Profile]) -> Result<Self, MatchError> {
        let lines = || profiles.iter().flat_map(|profile| &profile.items).flat_map(|item| &item.lines);
        let dims = lines().map(|line| line.vector.len()).find(|length| *length > 0).unwrap_or(0);
        let mut people = Self {
            dims,
            vectors: Vec::with_capacity(dims * lines().count()),
            postings: vec![Vec::new(); lexicon.len()],
            items: Vec::new(),
            persons: Vec::with_capacity(profiles.len()),
            lexicon,
        };
        let mut count = 0;
        for profile in profiles {
            let start = people.items.len();
            for item in &profile.items {
                if !(item.weight > 0.0 && item.weight.is_finite()) {
                    return Err(MatchError::NotFinite { what: "a weight" });
                }
                let first = count;
                for line in &item.lines {
                    people.vectors.extend(checked(&line.vector, dims)?);
                    people.vectors.resize((count + 1) * dims, 0.0);
                    for (term, weight) in people.lexicon.weigh(&line.terms).0 {
                        people.postings[term as usize].push((count as u32, weight));
                    }
                    count += 1;
                }
                people.items.push(Row { lines: first..count, year: item.year, weight: item.weight });
            }
            people.persons.push(start..people.items.len());
        }
        Ok(people)
    }

    /// How many persons.
    pub fn len(&self) -> usize {
        self.persons.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    /// The score of every person for a need, in 0..1; see [`Match::score`].
    ///
    /// # Errors
    /// [`MatchError`], where the need is too long or of another encoder.
    pub fn scores(&self, need: &[Line], scoring: &Scoring) -> Result<Vec<f32>, MatchError> {
        let query = Query::new(self, need)?;
        let lines = self.items.last().map_or(0, |item| item.lines.end);
        let mut scores = vec![0.0; self.persons.len()];
        let threads = thread::available_parallelism().map_or(1, usize::from).min(1 + lines / 4_096);
        let share = self.persons.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            for (part, scores) in scores.chunks_mut(share).enumerate() {
                let query = &query;
                scope.spawn(move || {
                    let own = self.lines(part * share..part * share + scores.len());
                    let terms: Vec<Vec<f32>> = query.terms.iter().map(|terms| self.terms(terms, own.clone())).collect();
                    let mut strengths = vec![0.0; need.len()];
                    let mut sums = Vec::with_capacity(need.len());
                    for (person, score) in (part * share..).zip(scores) {
                        let mut weight = f64::from(scoring.prior);
                        sums.clear();
                        sums.resize(need.len(), weight);
                        for item in &self.items[self.persons[person].clone()] {
                            strengths.fill(0.0f32);
                            for line in item.lines.clone() {
                                for (j, strength) in strengths.iter_mut().enumerate() {
                                    let dense = query.dense(j, self.vector(line));
                                    *strength = strength.max(scoring.fuse(dense, terms[j][line - own.start]));
                                }
                            }
                            let counts = scoring.weight(item.weight, item.year);
                            weight += f64::from(counts);
                            for (sum, strength) in sums.iter_mut().zip(&strengths) {
                                *sum += f64::from(counts * (scoring.sharpness * strength).exp());
                            }
                        }
                        *score = mean_log(&sums, weight, f64::from(scoring.sharpness)) as f32;
                    }
                });
            }
        });
        Ok(scores)
    }

    /// The best `limit` persons that `may` lets through, with their scores, best first; nobody with a score of 0.
    ///
    /// # Errors
    /// As [`Self::scores`].
    pub fn search(
        &self,
        need: &[Line],
        scoring: &Scoring,
        limit: usize,
        may: impl Fn(usize) -> bool,
    ) -> Result<Vec<(usize, f32)>, MatchError> {
        let scores = self.scores(need, scoring)?;
        let mut found: Vec<(usize, f32)> =
            scores.into_iter().enumerate().filter(|(person, score)| *score > 0.0 && may(*person)).collect();
        found.sort_unstable_by(|(a, one), (b, two)| two.total_cmp(one).then(a.cmp(b)));
        found.truncate(limit);
        Ok(found)
    }

    /// All pairs of a need and one person; empty for nobody.
    ///
    /// # Errors
    /// As [`Self::scores`].
    pub fn grid(&self, need: &[Line], person: usize, scoring: &Scoring) -> Result<Grid, MatchError> {
        let query = Query::new(self, need)?;
        let mut grid = Grid { need_lines: need.len(), ..Grid::default() };
        for item in self.persons.get(person).map_or(&[][..], |items| &self.items[items.clone()]) {
            let terms: Vec<Vec<f32>> = query.terms.iter().map(|terms| self.terms(terms, item.lines.clone())).collect();
            let pair = |j: usize| {
                let mut best = Pair::default();
                for (at, line) in item.lines.clone().enumerate() {
                    let (dense, terms) = (query.dense(j, self.vector(line)), terms[j][at]);
                    let strength = scoring.fuse(dense, terms);
                    if at == 0 || strength > best.strength {
                        best = Pair { line: at, strength, dense, terms };
                    }
                }
                best
            };
            grid.pairs.push((0..need.len()).map(pair).collect());
            grid.weights.push(scoring.weight(item.weight, item.year));
        }
        Ok(grid)
    }

    /// Why one person fits, in at most `evidence_max` pairs.
    ///
    /// # Errors
    /// As [`Self::scores`].
    pub fn explain(
        &self,
        need: &[Line],
        person: usize,
        scoring: &Scoring,
        evidence_max: usize,
    ) -> Result<Match, MatchError> {
        Ok(self.grid(need, person, scoring)?.explain(scoring, evidence_max))
    }

    /// The lines of some persons.
    fn lines(&self, persons: Range<usize>) -> Range<usize> {
        let items = self.persons[persons.start].start..self.persons[persons.end - 1].end;
        let line = |item: usize| self.items.get(item).map(|item| item.lines.start);
        let end = self.items.last().map_or(0, |item| item.lines.end);
        line(items.start).unwrap_or(end)..line(items.end).unwrap_or(end)
    }

    fn vector(&self, line: usize) -> &[f32] {
        &self.vectors[line * self.dims..(line + 1) * self.dims]
    }

    /// Cosine of terms for each line in `range`.
    fn terms(&self, query: &Weighed, range: Range<usize>) -> Vec<f32> {
        let mut found = vec![0.0; range.len()];
        for (term, by) in &query.0 {
            let postings = &self.postings[*term as usize];
            let from = postings.partition_point(|(line, _)| (*line as usize) < range.start);
            for (line, weight) in postings[from..].iter().take_while(|(line, _)| (*line as usize) < range.end) {
                found[*line as usize - range.start] += by * weight;
            }
        }
        found
    }
}

/// A need, ready to be compared.
struct Query {
    vectors: Vec<Vec<f32>>,
    terms: Vec<Weighed>,
}

impl Query {
    fn new(people: &People, need: &[Line]) -> Result<Self, MatchError> {
        if need.len() > People::NEED_LINES_MAX {
            return Err(MatchError::NeedTooLong { got: need.len(), max: People::NEED_LINES_MAX });
        }
        let vectors = need.iter().map(|line| {
            // Nobody has a vector: words alone decide.
            if people.dims == 0 { Ok(Vec::new()) } else { checked(&line.vector, people.dims).map(<[f32]>::to_vec) }
        });
        Ok(Self {
            vectors: vectors.collect::<Result<_, _>>()?,
            terms: need.iter().map(|line| people.lexicon.weigh(&line.terms)).collect(),
        })
    }

    fn dense(&self, line: usize, vector: &[f32]) -> f32 {
        dot(&self.vectors[line], vector)
    }
}

fn checked(vector: &[f32], dims: usize) -> Result<&[f32], MatchError> {
    if !vector.is_empty() && vector.len() != dims {
        return Err(MatchError::Dims { got: vector.len(), want: dims });
    }
    if vector.iter().any(|number| !number.is_finite()) {
        return Err(MatchError::NotFinite { what: "a vector" });
    }
    Ok(vector)
}
