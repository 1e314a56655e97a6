//! How much a bridge carries: so much a minute of one person and of one room, so that nobody floods the other side.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use chat::{MemberId, RoomId};
use jiff::{SignedDuration, Timestamp};

/// Messages of one person in a room that are carried within a minute.
pub const OF_PERSON_MAX: usize = 12;

/// Messages of one room that are carried within a minute.
pub const OF_ROOM_MAX: usize = 30;

/// What was carried within the last minute.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<RoomId, VecDeque<(Timestamp, MemberId)>>>);

impl Pace {
    /// Counts a message, where one more may be carried.
    pub fn take(&self, room: &RoomId, author: &MemberId, now: Timestamp) -> bool {
        // Every change leaves the map whole, so a panic elsewhere poisons nothing.
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_sub(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MIN);
        rooms.retain(|_, carried| {
            carried.retain(|(at, _)| *at > since);
            !carried.is_empty()
        });
        let carried = rooms.entry(room.clone()).or_default();
        let of_person = carried.iter().filter(|(_, who)| who == author).count();
        let is_free = carried.len() < OF_ROOM_MAX && of_person < OF_PERSON_MAX;
        if is_free {
            carried.push_back((now, author.clone()));
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_and_a_room_have_so_much_a_minute() {
        let (pace, room, now) = (Pace::default(), RoomId::from("seminar"), Timestamp::UNIX_EPOCH);
        let carried = |who: &str, seconds| {
            (0..40).filter(|_| pace.take(&room, &who.into(), now + SignedDuration::from_secs(seconds))).count()
        };
        assert_eq!(carried("ana", 0), OF_PERSON_MAX);
        assert_eq!(carried("bob", 1), OF_PERSON_MAX);
        assert_eq!(carried("eva", 2), OF_ROOM_MAX - 2 * OF_PERSON_MAX);
        assert_eq!(carried("dan", 59), 0);
        assert_eq!(carried("ana", 60), OF_PERSON_MAX, "a minute later it is free again");
        assert!(pace.take(&"hall".into(), &"dan".into(), now), "another room has its own");
    }
}
