//! How often an answer may change on a platform: seldom, ever more seldom, and never at the cost of a final edit. Pure.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// The gaps between the edits of one answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The first gap; no two growing edits of one room are closer.
    pub gap: Duration,
    /// What each gap is multiplied by.
    pub growth: f64,
    /// The longest gap.
    pub gap_max: Duration,
}

impl Pace {
    /// The gap after so many edits.
    pub fn after(&self, edits: u32) -> Duration {
        let factor = self.growth.max(1.0).powi(i32::try_from(edits).unwrap_or(i32::MAX));
        Duration::from_secs_f64((self.gap.as_secs_f64() * factor).min(self.gap_max.as_secs_f64()))
    }
}

/// When each bucket of a platform's limits may take its next growing edit. Final edits go ahead at once and only push
/// the growing ones back.
#[derive(Debug, Default)]
pub struct Budget {
    next: HashMap<String, Instant>,
}

impl Budget {
    /// Buckets that are remembered before the idle ones are dropped.
    const BUCKETS_MAX: usize = 1_000;

    /// Takes the bucket for a growing edit at `now`, if it is free.
    pub fn take(&mut self, bucket: &str, now: Instant, gap: Duration) -> bool {
        if self.next.get(bucket).is_some_and(|next| now < *next) {
            return false;
        }
        self.spend(bucket, now, gap);
        true
    }

    /// Something of this bucket goes out at `now`, whatever was planned.
    pub fn spend(&mut self, bucket: &str, now: Instant, gap: Duration) {
        if self.next.len() >= Self::BUCKETS_MAX {
            self.next.retain(|_, next| now < *next);
        }
        let next = self.next.entry(bucket.to_owned()).or_insert(now);
        *next = (*next).max(now) + gap;
    }

    /// The platform said how long to wait.
    pub fn wait(&mut self, bucket: &str, until: Instant) {
        let next = self.next.entry(bucket.to_owned()).or_insert(until);
        *next = (*next).max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { gap: Duration::from_secs(2), growth: 1.5, gap_max: Duration::from_secs(6) };

    #[test]
    fn gaps_grow_up_to_the_longest() {
        let gaps: Vec<f64> = (0..5).map(|edits| PACE.after(edits).as_secs_f64()).collect();
        assert_eq!(gaps, [2.0, 3.0, 4.5, 6.0, 6.0]);
        assert_eq!(PACE.after(u32::MAX).as_secs_f64(), 6.0);
    }

    #[test]
    fn one_bucket_takes_one_growing_edit_a_gap() {
        let (start, mut budget) = (Instant::now(), Budget::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(budget.take("a", at(0), PACE.gap));
        assert!(!budget.take("a", at(1), PACE.gap));
        assert!(budget.take("b", at(1), PACE.gap));
        assert!(budget.take("a", at(2), PACE.gap));
        budget.spend("a", at(3), PACE.gap);
        assert!(!budget.take("a", at(5), PACE.gap), "a final edit pushes the growing ones back");
        assert!(budget.take("a", at(6), PACE.gap));
        budget.wait("a", at(60));
        assert!(!budget.take("a", at(59), PACE.gap));
    }
}
