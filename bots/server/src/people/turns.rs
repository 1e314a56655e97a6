//! How often a person takes along, or erases, what is kept of them: both read and write all of the state.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chat::MemberId;
use jiff::{SignedDuration, Timestamp};

/// How often an hour each of both is done for one person.
const AN_HOUR: usize = 3;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Who has a turn, and who had one within the last hour.
#[derive(Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<MemberId, Taken>>>);

/// What an account had.
#[derive(Debug, Default)]
struct Taken {
    /// When each began, by what it was.
    began: Vec<(&'static str, Timestamp)>,
    is_busy: bool,
}

/// A turn; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    taken: Arc<Mutex<HashMap<MemberId, Taken>>>,
    accounts: Vec<MemberId>,
}

impl Turns {
    /// A turn of a person to do `what`, with all of their accounts.
    ///
    /// # Errors
    /// A sentence that says when they have one.
    pub fn take(&self, accounts: &[MemberId], what: &'static str, at: Timestamp) -> Result<Turn, String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, account| {
            account.began.retain(|(_, began)| at.duration_since(*began) < HOUR);
            account.is_busy || !account.began.is_empty()
        });
        let own = || accounts.iter().filter_map(|account| taken.get(account));
        if own().any(|account| account.is_busy) {
            return Err("I am still at work on your last export or erasure. Wait until it is done.".to_owned());
        }
        // A turn counts once for each account: the most that any of them had.
        let began =
            |account: &Taken| account.began.iter().filter(|(done, _)| *done == what).map(|(_, at)| *at).collect();
        let most: Vec<Timestamp> = own().map(began).max_by_key(Vec::len).unwrap_or_default();
        if most.len() >= AN_HOUR {
            let first = most.iter().min().copied().unwrap_or(at);
            let minutes = (HOUR - at.duration_since(first)).as_mins() + 1;
            return Err(format!(
                "I do this at most {AN_HOUR} times an hour for one person. Try again in {minutes} minutes."
            ));
        }
        for account in accounts {
            let account = taken.entry(account.clone()).or_default();
            account.is_busy = true;
            account.began.push((what, at));
        }
        Ok(Turn { taken: Arc::clone(&self.0), accounts: accounts.to_vec() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for account in &self.accounts {
            if let Some(account) = taken.get_mut(account) {
                account.is_busy = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        "2026-11-03T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    #[track_caller]
    fn check(turns: &Turns, accounts: &[&str], what: &'static str, at: i64, refused: Option<&str>) {
        let accounts: Vec<MemberId> = accounts.iter().map(|account| (*account).into()).collect();
        let said = turns.take(&accounts, what, minute(at)).err();
        match refused {
            None => assert_eq!(said, None, "{accounts:?} {what} {at}"),
            Some(why) => assert!(said.as_ref().is_some_and(|said| said.contains(why)), "{accounts:?} {at}: {said:?}"),
        }
    }

    #[test]
    fn a_person_has_few_turns_an_hour_with_all_accounts_together() {
        let turns = Turns::default();
        for at in [0, 10, 20] {
            check(&turns, &["ana", "ana2"], "export", at, None);
        }
        check(&turns, &["ana", "ana2"], "export", 30, Some("Try again in 31 minutes."));
        // Parted from the other, an account had the turns that both had.
        check(&turns, &["ana2"], "export", 30, Some("at most 3 times an hour"));
        check(&turns, &["ana"], "forget", 30, None);
        check(&turns, &["bob"], "export", 30, None);
        check(&turns, &["ana"], "export", 61, None);
    }

    #[test]
    fn one_turn_of_a_person_ends_before_the_next() {
        let turns = Turns::default();
        let turn = turns.take(&["ana".into(), "ana2".into()], "forget", minute(0)).unwrap();
        check(&turns, &["ana2"], "export", 0, Some("still at work"));
        check(&turns, &["bob"], "export", 0, None);
        drop(turn);
        check(&turns, &["ana2"], "export", 0, None);
    }
}
