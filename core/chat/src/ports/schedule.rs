//! Time: what a room, or a person for themselves, ordered to be done again and again, and when. [`Rhythm`] counts,
//! [`Schedule`] remembers.
//!
//! **Invariant:** [`Rhythm::next`] is pure, and later than what it is given: what is due is done once for its time.

use async_trait::async_trait;
use jiff::{
    Timestamp, ToSpan,
    civil::{Time, Weekday},
    tz::TimeZone,
};

use crate::{Args, Audience, MemberId, Message, Place, PortError, RoomId, Visibility, ports::Notice};

/// The time, as an argument.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Orders of one plugin in one room, at most.
pub const ORDERS_MAX: usize = 16;

/// A time of day, every day or on one day of the week, by the clock of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rhythm {
    /// The day of the week; every day where there is none.
    pub day: Option<Weekday>,
    /// The time of day.
    pub time: Time,
    /// The time zone, as `Europe/Berlin`; UTC where nobody knows it any more.
    pub zone: String,
}

impl Rhythm {
    /// The first time after another; never that one itself, but at the end of time.
    ///
    /// A time that the clock leaps over is as much later as it leaps; one that it shows twice counts the first time.
    pub fn next(&self, after: Timestamp) -> Timestamp {
        let zone = self.zone();
        let today = after.to_zoned(zone.clone()).date();
        // From yesterday, whose time a leap may have put off into today, to a week from today, whose own may be over.
        let times = (-1..=8_i64).filter_map(|days| {
            let date = today.checked_add(days.days()).ok()?;
            let is_day = self.day.is_none_or(|day| day == date.weekday());
            // jiff's own reading of a local time is the one that is promised above.
            is_day.then(|| date.to_datetime(self.time).to_zoned(zone.clone()).ok()).flatten()
        });
        times.map(|zoned| zoned.timestamp()).find(|at| *at > after).unwrap_or(Timestamp::MAX)
    }

    /// The time before one of its times.
    pub fn previous(&self, at: Timestamp) -> Timestamp {
        // Half a turn more than one back lies between two times, whatever the clock did.
        let hours = if self.day.is_some() { 24 * 7 * 3 / 2 } else { 24 * 3 / 2 };
        self.next(at.saturating_sub(hours.hours()).unwrap_or(Timestamp::MIN))
    }

    /// The rhythm that has a time among its own.
    pub fn at(time: Timestamp, is_weekly: bool, zone: &str) -> Self {
        let rhythm = Self { day: None, time: Time::midnight(), zone: zone.to_owned() };
        let zoned = time.to_zoned(rhythm.zone());
        Self { day: is_weekly.then(|| zoned.weekday()), time: zoned.time(), ..rhythm }
    }

    /// Its time zone.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }
}

/// A call that is made again and again. What makes it this one are room, plugin and key, or, where it is told to who ordered
/// it alone, their account, plugin and key: a second order replaces it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Its name among those of the plugin in the room: letters, digits and signs, without spaces.
    pub key: String,
    /// The plugin.
    pub plugin: String,
    /// The plugin's command.
    pub command: String,
    /// The command's arguments.
    pub args: Args,
    /// Who ordered it, in whose name and with whose role it is called.
    pub member: MemberId,
    /// Where it is said: all who are there see it. Where its audience is the caller alone, only who ordered it is told, and
    /// it reads what may be read there.
    pub place: Place,
    /// When.
    pub rhythm: Rhythm,
    /// When it is due next.
    pub next: Timestamp,
}

impl Order {
    /// Whether it is told to who ordered it, and to nobody else.
    pub fn is_own(&self) -> bool {
        self.place.audience == Audience::Caller
    }

    /// What is said of it for the time that is due; said once, as its key has that time in it.
    pub fn notice(&self, text: impl Into<String>) -> Notice {
        let Self { plugin, key, member, next, .. } = self;
        // Many order the same for themselves in one room.
        let whose = if self.is_own() { format!(":{member}") } else { String::new() };
        Notice::new(format!("{plugin}/{key}{whose}:{next}"), text)
    }

    /// The message that stands in for the one that would have asked for it; its call is that of the notice, so that what
    /// is known of the one is found by the other.
    pub fn question(&self, at: Timestamp) -> Message {
        let visibility = if self.is_own() { Visibility::Caller } else { Visibility::Room };
        self.notice("").question(&self.place, self.member.clone(), visibility, at)
    }
}

/// Remembers what is ordered.
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Keeps an order, in the place of the same one.
    async fn order(&self, order: &Order) -> Result<(), PortError>;

    /// Ends an order; whether there was one.
    async fn cancel(&self, room: &RoomId, plugin: &str, key: &str) -> Result<bool, PortError>;

    /// All that is ordered in a room for all of it, by plugin and key.
    async fn orders_of(&self, room: &RoomId) -> Result<Vec<Order>, PortError>;

    /// Ends what a person ordered for themselves, with whichever account and wherever; whether there was something.
    async fn cancel_own(&self, accounts: &[MemberId], plugin: &str, key: &str) -> Result<bool, PortError>;

    /// All that a person ordered for themselves, by plugin, key and account.
    async fn own_orders(&self, accounts: &[MemberId]) -> Result<Vec<Order>, PortError>;

    /// What is due at a time, the longest due first.
    async fn due(&self, now: Timestamp) -> Result<Vec<Order>, PortError>;

    /// An order is done for the time that it was due at, and due again at `next`. Of an order that is due at another time
    /// by now, or was ended, nothing changes.
    async fn done(&self, order: &Order, next: Timestamp) -> Result<(), PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(day: Option<Weekday>, time: &str, zone: &str) -> Rhythm {
        Rhythm { day, time: time.parse().unwrap(), zone: zone.to_owned() }
    }

    /// The times after one, each by its place's clock and by that of everyone.
    #[track_caller]
    fn check(rhythm: &Rhythm, after: &str, want: &[&str]) {
        let mut at: Timestamp = after.parse().unwrap();
        for want in want {
            let next = rhythm.next(at);
            assert!(next > at);
            let zoned = next.to_zoned(rhythm.zone());
            assert_eq!(format!("{} = {next}", zoned.strftime("%a %F %H:%M")), *want, "after {at}");
            if at > after.parse().unwrap() {
                assert_eq!(rhythm.previous(next), at, "before {next}");
            }
            // Whenever it is asked, it is the same one.
            let mut between = at;
            while between < next {
                assert_eq!(rhythm.next(between), next, "after {between}");
                between += 17.minutes();
            }
            assert!(rhythm.next(next) > next);
            at = next;
        }
    }

    #[test]
    fn a_week_wraps_and_a_time_is_never_its_own_next_one() {
        let monday = rhythm(Some(Weekday::Monday), "09:00", "UTC");
        check(&monday, "2026-11-23T09:00:00Z", &["Mon 2026-11-30 09:00 = 2026-11-30T09:00:00Z"]);
        check(&monday, "2026-11-23T08:59:59Z", &["Mon 2026-11-23 09:00 = 2026-11-23T09:00:00Z"]);
        check(&monday, "2026-11-29T23:00:00Z", &["Mon 2026-11-30 09:00 = 2026-11-30T09:00:00Z"]);
        let sunday = rhythm(Some(Weekday::Sunday), "00:30", "Asia/Tokyo");
        check(
            &sunday,
            "2026-12-26T12:00:00Z",
            &["Sun 2026-12-27 00:30 = 2026-12-26T15:30:00Z", "Sun 2027-01-03 00:30 = 2027-01-02T15:30:00Z"],
        );
    }

    #[test]
    fn a_clock_that_leaps_keeps_the_local_hour() {
        let monday = rhythm(Some(Weekday::Monday), "09:00", "Europe/Berlin");
        check(
            &monday,
            "2026-03-20T00:00:00Z",
            &["Mon 2026-03-23 09:00 = 2026-03-23T08:00:00Z", "Mon 2026-03-30 09:00 = 2026-03-30T07:00:00Z"],
        );
        check(
            &monday,
            "2026-10-16T00:00:00Z",
            &["Mon 2026-10-19 09:00 = 2026-10-19T07:00:00Z", "Mon 2026-10-26 09:00 = 2026-10-26T08:00:00Z"],
        );
    }

    #[test]
    fn a_time_that_is_leapt_over_moves_forward_and_one_that_is_shown_twice_counts_once() {
        check(
            &rhythm(None, "02:30", "Europe/Berlin"),
            "2026-03-27T12:00:00Z",
            &[
                "Sat 2026-03-28 02:30 = 2026-03-28T01:30:00Z",
                "Sun 2026-03-29 03:30 = 2026-03-29T01:30:00Z",
                "Mon 2026-03-30 02:30 = 2026-03-30T00:30:00Z",
            ],
        );
        check(
            &rhythm(None, "02:30", "Europe/Berlin"),
            "2026-10-24T00:00:00Z",
            &[
                "Sat 2026-10-24 02:30 = 2026-10-24T00:30:00Z",
                "Sun 2026-10-25 02:30 = 2026-10-25T00:30:00Z",
                "Mon 2026-10-26 02:30 = 2026-10-26T01:30:00Z",
            ],
        );
    }

    #[test]
    fn a_leap_day_is_a_day_and_so_is_the_one_that_samoa_left_out() {
        check(
            &rhythm(None, "18:00", "UTC"),
            "2028-02-28T12:00:00Z",
            &[
                "Mon 2028-02-28 18:00 = 2028-02-28T18:00:00Z",
                "Tue 2028-02-29 18:00 = 2028-02-29T18:00:00Z",
                "Wed 2028-03-01 18:00 = 2028-03-01T18:00:00Z",
            ],
        );
        check(
            &rhythm(Some(Weekday::Tuesday), "00:00", "UTC"),
            "2028-02-29T00:00:00Z",
            &["Tue 2028-03-07 00:00 = 2028-03-07T00:00:00Z"],
        );
        check(
            &rhythm(None, "12:00", "Pacific/Apia"),
            "2011-12-29T00:00:00Z",
            &["Thu 2011-12-29 12:00 = 2011-12-29T22:00:00Z", "Sat 2011-12-31 12:00 = 2011-12-30T22:00:00Z"],
        );
    }

    #[test]
    fn a_time_is_one_of_its_own_rhythm() {
        for (is_weekly, before) in [(true, "2026-10-20T10:30:00.5Z"), (false, "2026-10-26T11:30:00.5Z")] {
            let at: Timestamp = "2026-10-27T11:30:00.5Z".parse().unwrap();
            assert_eq!(Rhythm::at(at, is_weekly, "Europe/Berlin").previous(at).to_string(), before);
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_is_utc_and_the_end_of_time_is_the_last_time() {
        check(
            &rhythm(None, "06:00", "Mars/Base"),
            "2026-01-01T12:00:00Z",
            &["Fri 2026-01-02 06:00 = 2026-01-02T06:00:00Z"],
        );
        assert_eq!(rhythm(None, "06:00", "UTC").next(Timestamp::MAX), Timestamp::MAX);
        assert_eq!(
            rhythm(None, "06:00", "UTC").previous(Timestamp::MIN),
            rhythm(None, "06:00", "UTC").next(Timestamp::MIN)
        );
        assert!(rhythm(None, "06:00", "UTC").next(Timestamp::MIN) > Timestamp::MIN);
    }
}
