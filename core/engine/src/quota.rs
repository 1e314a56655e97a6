//! How much people and rooms may ask, and how often one of them is told that it was too much: the generic cell rate
//! algorithm, which lets a burst through and then one call at a time.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
};

use chat::{MemberId, RoomId};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// Calls between two sweeps.
const SWEEP_EVERY: usize = 1_024;

/// Calls a minute; 0 for no limit. As many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one person, in all rooms.
    pub of_person: u32,
    /// In one room.
    pub in_room: u32,
    /// In the community.
    pub in_all: u32,
    /// Refusals that one person is told: nobody floods a room by being refused.
    pub refusals: u32,
}

/// What was asked lately, by whom and where.
pub struct Quotas {
    people: Option<DefaultKeyedRateLimiter<MemberId>>,
    rooms: Option<DefaultKeyedRateLimiter<RoomId>>,
    all: Option<DefaultKeyedRateLimiter<()>>,
    refusals: Option<DefaultKeyedRateLimiter<MemberId>>,
    taken: AtomicUsize,
}

impl Quotas {
    /// Nothing was asked yet.
    pub fn new(rates: Rates) -> Self {
        Self {
            people: limiter(rates.of_person),
            rooms: limiter(rates.in_room),
            all: limiter(rates.in_all),
            refusals: limiter(rates.refusals),
            taken: AtomicUsize::new(0),
        }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// The sentence for the caller, with the seconds to wait. What was refused counts for the person, so that it is
    /// theirs alone to wait.
    pub fn take(&self, person: &MemberId, room: &RoomId) -> Result<(), String> {
        let wait = |who: &str, seconds: u64| {
            let unit = if seconds == 1 { "second" } else { "seconds" };
            format!("{who} asked much within a minute; please try again in {seconds} {unit}.")
        };
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            self.sweep();
        }
        check(&self.people, person).map_err(|seconds| wait("You", seconds))?;
        check(&self.rooms, room).map_err(|seconds| wait("This room", seconds))?;
        check(&self.all, &()).map_err(|seconds| wait("The community", seconds))
    }

    /// Counts a refusal; whether the person is told of it.
    pub fn tells(&self, person: &MemberId) -> bool {
        check(&self.refusals, person).is_ok()
    }

    /// Forgets who has not asked for a minute.
    fn sweep(&self) {
        if let Some(people) = &self.people {
            people.retain_recent();
        }
        if let Some(rooms) = &self.rooms {
            rooms.retain_recent();
        }
        if let Some(refusals) = &self.refusals {
            refusals.retain_recent();
        }
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(a_minute: u32) -> Option<DefaultKeyedRateLimiter<K>> {
    NonZeroU32::new(a_minute).map(|calls| RateLimiter::keyed(Quota::per_minute(calls)))
}

/// Whether a call is within the limit, or the seconds until one is.
fn check<K: std::hash::Hash + Eq + Clone>(limiter: &Option<DefaultKeyedRateLimiter<K>>, key: &K) -> Result<(), u64> {
    let Some(limiter) = limiter else { return Ok(()) };
    limiter.check_key(key).map_err(|until| until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_waits() {
        let quotas = Quotas::new(Rates { of_person: 3, in_room: 0, in_all: 0, refusals: 0 });
        for _ in 0..3 {
            quotas.take(&"ana".into(), &"seminar".into()).unwrap();
        }
        let refused = quotas.take(&"ana".into(), &"hall".into()).unwrap_err();
        assert!(refused.starts_with("You asked much") && refused.contains("seconds"), "{refused}");
        quotas.take(&"bob".into(), &"seminar".into()).unwrap();
    }

    #[test]
    fn who_is_refused_again_and_again_is_told_a_few_times() {
        let quotas = Quotas::new(Rates { of_person: 0, in_room: 0, in_all: 0, refusals: 3 });
        let told = (0..100).filter(|_| quotas.tells(&"ana".into())).count();
        assert_eq!(told, 3);
        assert!(quotas.tells(&"bob".into()));
    }

    #[test]
    fn a_room_and_a_community_have_limits_of_their_own() {
        let quotas = Quotas::new(Rates { of_person: 0, in_room: 1, in_all: 2, refusals: 0 });
        quotas.take(&"ana".into(), &"seminar".into()).unwrap();
        assert!(quotas.take(&"bob".into(), &"seminar".into()).unwrap_err().starts_with("This room"));
        quotas.take(&"bob".into(), &"hall".into()).unwrap();
        assert!(quotas.take(&"cy".into(), &"attic".into()).unwrap_err().starts_with("The community"));
    }
}
