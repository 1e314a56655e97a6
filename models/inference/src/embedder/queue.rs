//! Who is next: two bounded lines, queries before passages, and within a line everyone in turn.
//!
//! **Invariant:** a request whose caller is gone holds no place.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// When a refused caller may try again: a line of calls is not over sooner.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What stands in the queue.
pub trait Waiting {
    /// Whether its caller is gone.
    fn abandoned(&self) -> bool;
}

/// The queue.
#[derive(Debug)]
pub struct Queue<T> {
    lines: Mutex<Lines<T>>,
    changed: Condvar,
    calls_max: usize,
}

#[derive(Debug)]
struct Lines<T> {
    queries: VecDeque<T>,
    passages: VecDeque<T>,
    closed: bool,
}

impl<T> Lines<T> {
    fn line(&mut self, query: bool) -> &mut VecDeque<T> {
        if query { &mut self.queries } else { &mut self.passages }
    }
}

impl<T: Waiting> Queue<T> {
    /// Two lines of at most `calls_max` each.
    pub fn new(calls_max: usize) -> Self {
        let lines = Lines { queries: VecDeque::new(), passages: VecDeque::new(), closed: false };
        Self { lines: Mutex::new(lines), changed: Condvar::new(), calls_max }
    }

    fn lines(&self) -> MutexGuard<'_, Lines<T>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins a line; where it is full, when to try again.
    pub fn push(&self, query: bool, item: T) -> Result<(), Duration> {
        let mut lines = self.lines();
        let line = lines.line(query);
        if line.len() >= self.calls_max {
            line.retain(|item| !item.abandoned());
        }
        if line.len() >= self.calls_max {
            return Err(RETRY_AFTER);
        }
        line.push_back(item);
        self.changed.notify_one();
        Ok(())
    }

    /// To the end of its line, after a step: it has its place already.
    pub fn put_back(&self, query: bool, item: T) {
        self.lines().line(query).push_back(item);
    }

    /// The next one, and whether it is a query; waits for it. Nothing once closed.
    pub fn take(&self) -> Option<(bool, T)> {
        let mut lines = self.lines();
        loop {
            if lines.closed {
                lines.queries.clear();
                lines.passages.clear();
                return None;
            }
            for query in [true, false] {
                while let Some(item) = lines.line(query).pop_front() {
                    if !item.abandoned() {
                        return Some((query, item));
                    }
                }
            }
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends it: the taker gets nothing more, and those who wait are dropped.
    pub fn close(&self) {
        self.lines().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Named(&'static str);

    impl Waiting for Named {
        fn abandoned(&self) -> bool {
            self.0.starts_with("gone")
        }
    }

    /// Pushes in order (`?` ahead of a name marks a query), then takes all: the order served.
    #[track_caller]
    fn check(calls_max: usize, pushed: &[&'static str], want: &str) {
        let queue = Queue::new(calls_max);
        let mut served = Vec::new();
        for &name in pushed {
            let bare = name.trim_start_matches('?');
            if queue.push(bare != name, Named(bare)).is_err() {
                served.push(format!("refused {bare}"));
            }
        }
        queue.put_back(false, Named("end"));
        while let Some((query, item)) = queue.take().filter(|(_, item)| item.0 != "end") {
            served.push(format!("{}{}", if query { "?" } else { "" }, item.0));
        }
        assert_eq!(served.join(" "), want);
    }

    #[test]
    fn queries_overtake_passages_and_each_line_keeps_its_order() {
        check(8, &["a", "b", "?x", "c", "?y"], "?x ?y a b c");
    }

    #[test]
    fn a_full_line_refuses_and_the_other_does_not() {
        check(3, &["a", "b", "c", "d", "?x"], "refused d ?x a b c");
    }

    #[test]
    fn an_abandoned_call_holds_no_place() {
        check(3, &["gone", "a", "gone too", "b"], "a b");
    }

    #[test]
    fn long_calls_of_one_line_take_turns() {
        let queue = Queue::new(4);
        for name in ["long", "short"] {
            queue.push(false, Named(name)).unwrap();
        }
        let (query, long) = queue.take().unwrap();
        queue.put_back(query, long);
        assert_eq!(queue.take().unwrap().1, Named("short"));
        assert_eq!(queue.take().unwrap().1, Named("long"));
    }

    #[test]
    fn a_closed_queue_ends_its_taker() {
        let queue = Queue::new(4);
        queue.push(false, Named("a")).unwrap();
        queue.close();
        assert_eq!(queue.take(), None);
    }
}
