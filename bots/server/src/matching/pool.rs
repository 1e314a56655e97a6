//! Persons, packed so that a need is compared with all of them at once.

use std::sync::Arc;

use training::matching::{Item, Lexicon, MatchError, People, Profile};

use super::person::{Held, Person};

/// Persons that can be searched. Each is known by the place.
pub struct Pool {
    /// What their words weigh: counted over them alone.
    pub lexicon: Arc<Lexicon>,
    /// The same, packed.
    pub people: People,
    /// Who they are.
    pub persons: Vec<Person>,
    /// What of each was packed, in its order.
    pub items: Vec<Vec<Arc<Held>>>,
}

impl Pool {
    /// Packs persons.
    ///
    /// # Errors
    /// [`MatchError`] where vectors are of different encoders.
    pub fn new(persons: Vec<Person>) -> Result<Self, MatchError> {
        let items: Vec<Vec<Arc<Held>>> = persons.iter().map(telling).collect();
        let lines = items.iter().flatten().flat_map(|held| &held.lines);
        let lexicon = Arc::new(Lexicon::new(lines.map(|line| line.terms.as_slice())));
        let profiles: Vec<Profile> = items.iter().map(|items| profile(items)).collect();
        let people = People::new(Arc::clone(&lexicon), &profiles)?;
        Ok(Self { lexicon, people, persons, items })
    }

    /// What seekers have themselves, as one person, weighed by the words of the others.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn beside(&self, seekers: &[Person]) -> Result<People, MatchError> {
        let items: Vec<Arc<Held>> = seekers.iter().flat_map(telling).collect();
        People::new(Arc::clone(&self.lexicon), &[profile(&items)])
    }
}

/// What speaks for a person: what they look for does not.
fn telling(person: &Person) -> Vec<Arc<Held>> {
    person.held.iter().filter(|held| held.entry.kind.weight() > 0.0).cloned().collect()
}

fn profile(items: &[Arc<Held>]) -> Profile {
    let item =
        |held: &Arc<Held>| Item { lines: held.lines.clone(), year: held.entry.year, weight: held.entry.kind.weight() };
    Profile { items: items.iter().map(item).collect() }
}
