//! A fair queue: a slot goes to the caller with the fewest calls running, then to the room with the fewest, then to
//! who waited longest. Everyone who waits knows the position.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat::{MemberId, RoomId};
use tokio::sync::watch;

/// Who a slot is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The caller.
    pub caller: MemberId,
    /// The room.
    pub room: RoomId,
}

/// The index of the next to run. Pure.
pub fn next(waiting: &[Party], running: &[Party]) -> Option<usize> {
    let busy = |party: &Party| {
        let of_caller = running.iter().filter(|other| other.caller == party.caller).count();
        let of_room = running.iter().filter(|other| other.room == party.room).count();
        (of_caller, of_room)
    };
    (0..waiting.len()).min_by_key(|index| (busy(&waiting[*index]), *index))
}

/// The position of each that waits, from 1, if slots came free one at a time and none did later. Pure.
pub fn positions(waiting: &[Party], running: &[Party]) -> Vec<usize> {
    let mut positions = vec![0; waiting.len()];
    let mut left: Vec<usize> = (0..waiting.len()).collect();
    let mut served = running.to_vec();
    for position in 1..=waiting.len() {
        let parties: Vec<Party> = left.iter().map(|index| waiting[*index].clone()).collect();
        if let Some(at) = next(&parties, &served) {
            let index = left.remove(at);
            positions[index] = position;
            served.push(waiting[index].clone());
        }
    }
    positions
}

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    state: Arc<Mutex<State>>,
}

struct State {
    slots: usize,
    next_id: u64,
    running: Vec<(u64, Party)>,
    waiting: Vec<(u64, Party, watch::Sender<usize>)>,
}

impl State {
    /// Gives free slots away and tells everyone else the position. 0 means: run.
    fn settle(&mut self) {
        while self.running.len() < self.slots {
            let waiting: Vec<Party> = self.waiting.iter().map(|(_, party, _)| party.clone()).collect();
            let running: Vec<Party> = self.running.iter().map(|(_, party)| party.clone()).collect();
            let Some(at) = next(&waiting, &running) else { break };
            let (id, party, turn) = self.waiting.remove(at);
            self.running.push((id, party));
            turn.send_replace(0);
        }
        let waiting: Vec<Party> = self.waiting.iter().map(|(_, party, _)| party.clone()).collect();
        let running: Vec<Party> = self.running.iter().map(|(_, party)| party.clone()).collect();
        for (position, (_, _, turn)) in positions(&waiting, &running).into_iter().zip(&self.waiting) {
            turn.send_if_modified(|known| std::mem::replace(known, position) != position);
        }
    }
}

/// A place in the queue, then a slot; given back when dropped.
pub struct Ticket {
    id: u64,
    queue: Queue,
    turn: watch::Receiver<usize>,
}

impl Queue {
    /// A queue for `slots` calls at a time.
    pub fn new(slots: usize) -> Self {
        let state = State { slots: slots.max(1), next_id: 0, running: Vec::new(), waiting: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole, so a panic elsewhere poisons nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place.
    pub fn enter(&self, party: Party) -> Ticket {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        let (sender, turn) = watch::channel(usize::MAX);
        state.waiting.push((id, party, sender));
        state.settle();
        drop(state);
        Ticket { id, queue: self.clone(), turn }
    }

    /// How many calls of `caller`, and how many in all, wait or run.
    pub fn load(&self, caller: &MemberId) -> (usize, usize) {
        let state = self.lock();
        let parties =
            || state.running.iter().map(|(_, party)| party).chain(state.waiting.iter().map(|(_, party, _)| party));
        (parties().filter(|party| party.caller == *caller).count(), parties().count())
    }
}

impl Ticket {
    /// Waits for the slot; `tell` hears each position, from 1, as it changes. Cancel-safe.
    pub async fn turn(&mut self, mut tell: impl FnMut(usize)) {
        loop {
            match *self.turn.borrow_and_update() {
                0 => return,
                position => tell(position),
            }
            if self.turn.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.running.retain(|(id, _)| *id != self.id);
        state.waiting.retain(|(id, _, _)| *id != self.id);
        state.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parties(text: &str) -> Vec<Party> {
        text.split_whitespace()
            .map(|party| {
                let (caller, room) = party.split_once('@').unwrap();
                Party { caller: caller.into(), room: room.into() }
            })
            .collect()
    }

    #[track_caller]
    fn check(waiting: &str, running: &str, want: &[usize]) {
        assert_eq!(positions(&parties(waiting), &parties(running)), want);
    }

    #[test]
    fn who_asks_much_waits_behind_who_asks_little() {
        check("ana@a ana@a ana@a bob@a", "", &[1, 3, 4, 2]);
        check("ana@a bob@b", "ana@a", &[2, 1]);
    }

    #[test]
    fn a_busy_room_waits_behind_a_quiet_one() {
        check("ana@a bob@b", "eve@a", &[2, 1]);
    }

    #[test]
    fn equals_are_served_in_order() {
        check("ana@a bob@b eve@c", "", &[1, 2, 3]);
    }

    #[tokio::test]
    async fn a_dropped_ticket_frees_its_slot() {
        let queue = Queue::new(1);
        let [ana, bob, eve]: [Party; 3] = parties("ana@a bob@a eve@a").try_into().unwrap();
        let mut first = queue.enter(ana);
        first.turn(|_| panic!("the first never waits")).await;
        let (second, mut third) = (queue.enter(bob), queue.enter(eve));
        let mut heard = Vec::new();
        tokio::select! {
            biased;
            () = third.turn(|position| heard.push(position)) => panic!("there is one slot"),
            () = std::future::ready(()) => drop(second),
        }
        drop(first);
        third.turn(|position| heard.push(position)).await;
        assert_eq!(heard[0], 2);
        assert_eq!(queue.load(&"eve".into()), (1, 1));
    }
}
