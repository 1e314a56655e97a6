//! Who comes when, where order matters: what is heard in a room is dealt with in the order in which it was heard.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chat::RoomId;
use tokio::sync::watch;

/// Most that wait in a room, the one whose turn it is included.
const IN_ROOM_MAX: usize = 100;

/// The turns of all rooms. Cheap to clone.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<RoomId, Numbers>>>);

/// The numbers of those who wait in a room: the lowest one's turn it is.
type Numbers = watch::Sender<BTreeSet<u64>>;

/// A place in the order of a room; given up when dropped.
pub struct Turn {
    turns: Turns,
    room: RoomId,
    number: u64,
    waiting: watch::Receiver<BTreeSet<u64>>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Numbers>> {
        // Every change leaves the map whole, so a panic elsewhere poisons nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next place in the order of a room; none where too many wait there.
    pub fn take(&self, room: &RoomId) -> Option<Turn> {
        let mut rooms = self.lock();
        let numbers = rooms.entry(room.clone()).or_insert_with(|| watch::channel(BTreeSet::new()).0);
        let mut number = None;
        numbers.send_modify(|waiting| {
            let next = waiting.last().map_or(0, |last| last + 1);
            number = (waiting.len() < IN_ROOM_MAX).then_some(next);
            waiting.extend(number);
        });
        let waiting = numbers.subscribe();
        number.map(|number| Turn { turns: self.clone(), room: room.clone(), number, waiting })
    }
}

impl Turn {
    /// Waits for the turn.
    pub async fn come(&mut self) {
        let number = self.number;
        // The sender stands as long as anybody waits.
        let _ = self.waiting.wait_for(|waiting| waiting.first() == Some(&number)).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut rooms = self.turns.lock();
        let Some(numbers) = rooms.get(&self.room) else { return };
        numbers.send_modify(|waiting| {
            waiting.remove(&self.number);
        });
        if numbers.borrow().is_empty() {
            rooms.remove(&self.room);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_room_is_dealt_with_in_order_and_others_meanwhile() {
        let (turns, room) = (Turns::default(), RoomId::from("seminar"));
        let [mut first, mut second, mut third] = [(); 3].map(|()| turns.take(&room).unwrap());
        let has_come = |turn: &mut Turn| pin!(turn.come()).now_or_never().is_some();
        assert!(has_come(&mut first) && has_come(&mut first));
        assert!(!has_come(&mut second) && !has_come(&mut third));
        assert!(has_come(&mut turns.take(&"hall".into()).unwrap()));
        // Who goes before their turn lets nobody pass who is behind another.
        drop(second);
        assert!(!has_come(&mut third));
        drop(first);
        assert!(has_come(&mut third));
        drop(third);
        assert!(turns.lock().is_empty(), "nothing is left of a room where nobody waits");
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let (turns, room) = (Turns::default(), RoomId::from("seminar"));
        let mut waiting: Vec<Turn> = (0..IN_ROOM_MAX).map(|_| turns.take(&room).unwrap()).collect();
        assert!(turns.take(&room).is_none());
        waiting.remove(0);
        assert!(turns.take(&room).is_some());
    }
}
