//! Who fits a need and why, and who of them together.

use std::{collections::BTreeMap, sync::Arc};

use chat::profile::{EvidencePair, Facts, Fit, Group, Need};
use training::{
    learn::Ranker,
    matching::{Grid, Line, MatchError, MatchSignals, Pair, Scoring, TeamOptions, team},
};

use super::{conflict::conflicted, person::Person, pool::Pool};

/// Pairs that are shown for a match.
const EVIDENCE_MAX: usize = 3;

/// The best by the plain score that a learned ranker puts in order: always the same ones, however many are asked for.
const RANKED_MAX: usize = 50;

/// Cosine from which a line of a profile covers one of a need. Tried with all-MiniLM-L6-v2 on 13 skills in two words and a
/// sentence of somebody who has each: 10 of the 13 reach it, and none of the 156 others.
const COSINE_MIN: f32 = 0.35;

/// How far a pair covers its line of the need: [`COSINE_MIN`] and more covers it. Where there are no vectors the words decide.
fn covers(pair: &Pair) -> f32 {
    match pair.dense {
        0.0 => pair.strength / TeamOptions::default().covered_min * COSINE_MIN,
        dense => dense,
    }
}

/// How far what is in a grid covers a line of the need.
fn covered(grid: &Grid, line: usize) -> f32 {
    grid.pairs.iter().filter_map(|item| item.get(line)).map(covers).fold(0.0, f32::max)
}

/// A need with all that an answer is made of.
pub struct Question {
    /// What was asked.
    pub need: Need,
    /// Its lines, as they are compared.
    pub lines: Vec<Line>,
    /// Who may be found.
    pub pool: Arc<Pool>,
    /// On whose behalf.
    pub seekers: Vec<Person>,
}

impl Question {
    /// Who fits, best first, at most `limit`; nobody whom nothing speaks for. What was learned orders the best of them.
    ///
    /// # Errors
    /// [`MatchError`] where vectors are of different encoders.
    pub fn rank(&self, limit: usize, learned: Option<&Ranker>) -> Result<Vec<Fit>, MatchError> {
        let (scoring, may, own) = (self.scoring(), self.may(), self.own()?);
        let found = self.pool.people.search(&self.lines, &scoring, usize::MAX, |person| may[person])?;
        let mut fits = Vec::new();
        for (person, _) in found {
            if fits.len() == limit.max(if learned.is_some() { RANKED_MAX } else { 0 }) {
                break;
            }
            let fit = self.fit(person, &self.grid(person)?, &own);
            if !fit.evidence.is_empty() {
                fits.push(fit);
            }
        }
        if let Some(ranker) = learned {
            let best = fits.len().min(RANKED_MAX);
            fits[..best].sort_by(|one, two| ranker.score(&two.features).total_cmp(&ranker.score(&one.features)));
        }
        fits.truncate(limit);
        Ok(fits)
    }

    /// Who together covers it, at most `size`.
    ///
    /// # Errors
    /// As [`Self::rank`].
    pub fn team(&self, size: usize) -> Result<Group, MatchError> {
        let (may, own) = (self.may(), self.own()?);
        let who: Vec<usize> = (0..self.pool.persons.len()).filter(|person| may[*person]).collect();
        let grids: Vec<Grid> = who.iter().map(|person| self.grid(*person)).collect::<Result<_, _>>()?;
        let coverage: Vec<Vec<f32>> =
            grids.iter().map(|grid| (0..self.lines.len()).map(|line| covered(grid, line)).collect()).collect();
        let options = TeamOptions { members_max: size, covered_min: COSINE_MIN, ..TeamOptions::default() };
        let found = team(&coverage, &self.groups(&who), &options);
        let member = |(place, lines)| (self.fit(who[place], &grids[place], &own), lines);
        let members = found.members.into_iter().map(member).collect();
        // With nobody to choose from nothing is covered.
        let uncovered = if who.is_empty() { (0..self.lines.len()).collect() } else { found.uncovered };
        Ok(Group { members, uncovered })
    }

    fn scoring(&self) -> Scoring {
        Scoring::in_year(self.need.year)
    }

    /// Whether each person may be proposed.
    fn may(&self) -> Vec<bool> {
        let out = conflicted(&self.pool.persons, &self.seekers, &self.need);
        let is_seeker = |person: &Person| self.seekers.iter().any(|seeker| person.is_any_of(&seeker.accounts));
        let may = |(place, person): (usize, &Person)| !person.facts.away && !is_seeker(person) && !out.contains(&place);
        self.pool.persons.iter().enumerate().map(may).collect()
    }

    /// All pairs of the need and a person.
    fn grid(&self, person: usize) -> Result<Grid, MatchError> {
        self.pool.people.grid(&self.lines, person, &self.scoring())
    }

    /// All pairs of the need and what the seekers have.
    fn own(&self) -> Result<Grid, MatchError> {
        self.pool.beside(&self.seekers)?.grid(&self.lines, 0, &self.scoring())
    }

    fn fit(&self, person: usize, theirs: &Grid, own: &Grid) -> Fit {
        let found = theirs.explain(&self.scoring(), EVIDENCE_MAX);
        let items = &self.pool.items[person];
        let evidence = found.evidence.iter().map(|evidence| {
            let held = &items[evidence.item];
            EvidencePair {
                need: evidence.need_line,
                entry: held.entry.clone(),
                line: held.texts[evidence.item_line].clone(),
                carries: evidence.carries,
            }
        });
        let evidence: Vec<EvidencePair> = evidence.collect();
        let lines = 0..self.lines.len();
        let (brings, lacks): (Vec<usize>, Vec<usize>) = {
            let covers = |grid: &Grid, line: usize| covered(grid, line) >= COSINE_MIN;
            // What the seekers cover themselves is not missing, though others may cover it better.
            let mut brings: Vec<usize> =
                lines.clone().filter(|line| covers(theirs, *line) && !covers(own, *line)).collect();
            let gain = |line: usize| covered(theirs, line) - covered(own, line);
            brings.sort_by(|one, two| gain(*two).total_cmp(&gain(*one)));
            (brings, lines.filter(|line| !covers(theirs, *line)).collect())
        };
        let latest = evidence.iter().filter_map(|pair| pair.entry.year).max();
        Fit {
            person,
            score: found.score,
            brings,
            lacks,
            features: MatchSignals::of(theirs, own, found.score, latest, self.need.year).to_vec(),
            evidence,
            latest,
            // Whom they declared a conflict with is for nobody else.
            facts: Facts { conflicts: Default::default(), ..self.pool.persons[person].facts.clone() },
        }
    }

    /// A number for the first group of each of these persons; none for who is in none.
    fn groups(&self, who: &[usize]) -> Vec<Option<u32>> {
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        let number = |person: &usize| {
            let group = self.pool.persons[*person].facts.groups.first()?.trim().to_lowercase();
            let next = numbers.len() as u32;
            Some(*numbers.entry(group).or_insert(next))
        };
        who.iter().map(number).collect()
    }
}
