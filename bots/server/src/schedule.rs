//! Does what rooms ordered, when it is due: the call, its text into the room, then the next time.
//!
//! **Invariant:** an order is said once for each time that it was due at, whatever happens in between: it stays due until
//! it was posted, and its notice is known by that time. A process that was down for three weeks says it once, not thrice.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::bail;
use chat::{
    Event, RoomId,
    people::Register,
    ports::{Clock, Dispatch, Notify, Order, Outbox, Schedule},
};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use store::Store;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::platforms::Platforms;

/// How long after each failure it is tried again; after one more its time is let go. A homeserver that is down for an hour
/// costs no digest.
const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(20),
    SignedDuration::from_mins(60),
];

/// An order for the time that it is due at.
type Due = (RoomId, String, String, Timestamp);

/// Does what is due, one after the other: the people's own calls find free slots beside it.
pub struct Ticker {
    store: Store,
    dispatch: Arc<dyn Dispatch>,
    platforms: Platforms,
    clock: Arc<dyn Clock>,
    /// What failed: how often, and when it is tried again. A restart tries at once.
    failures: HashMap<Due, (usize, Timestamp)>,
}

impl Ticker {
    /// What is due is found in `store`, called by `dispatch`, and posted on the `platforms` that are told what nobody asked
    /// for; orders of others wait for the process that serves them.
    pub fn new(store: Store, dispatch: Arc<dyn Dispatch>, platforms: Platforms, clock: Arc<dyn Clock>) -> Self {
        Self { store, dispatch, platforms, clock, failures: HashMap::new() }
    }

    /// Looks every so often, until the end. What is then in the making is dropped, and done at the next start.
    pub async fn run(mut self, every: Duration, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ticking = async {
            loop {
                ticks.tick().await;
                self.tick().await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = ticking => {}
        }
    }

    /// Does what is due now. Cancel-safe: what was not done stays due.
    pub async fn tick(&mut self) {
        let now = self.clock.now();
        let orders = match self.store.due(now).await {
            Ok(orders) => orders,
            Err(error) => return tracing::error!(error = %chat::error::chain(&error), "what is due cannot be read"),
        };
        self.failures.retain(|due, _| orders.iter().any(|order| named(order) == *due));
        for order in orders {
            let due = named(&order);
            let (failed, again) = self.failures.get(&due).copied().unwrap_or_default();
            if !self.platforms.notifies(order.place.platform) || now < again {
                continue;
            }
            match self.carry_out(&order, now).await {
                Ok(()) => drop(self.failures.remove(&due)),
                Err(error) => {
                    let Order { place, plugin, key, .. } = &order;
                    tracing::error!(error = %format!("{error:#}"), %place.room, plugin, key, "an order was not done");
                    match PAUSES.get(failed) {
                        Some(pause) => drop(self.failures.insert(due, (failed + 1, now + *pause))),
                        None => self.let_go(&order, now).await,
                    }
                }
            }
        }
    }

    /// Posts what an order says, where it says something, and sets its next time. In quiet hours nothing of it is done: it
    /// is due at their end.
    async fn carry_out(&self, order: &Order, now: Timestamp) -> anyhow::Result<()> {
        let room = &order.place.room;
        if self.store.policy(room).await?.is_quiet(now) {
            return Ok(());
        }
        let posted = Outbox::get(&self.store, &order.notice("").call_id(&order.place)).await?;
        // A process died right after.
        if posted.is_none() {
            let text = self.said(order).await?;
            // It may have been ended or ordered anew meanwhile.
            if !text.is_empty() && self.store.orders_of(room).await?.contains(order) {
                self.platforms.post(&order.place, &order.notice(text), now).await?;
            }
        }
        self.store.done(order, order.rhythm.next(now)).await?;
        Ok(())
    }

    /// The text of the call; empty where nothing is to be said.
    async fn said(&self, order: &Order) -> anyhow::Result<String> {
        let (mut events, mut text, mut failed) = (self.dispatch.due(order), String::new(), None);
        // To the end, whatever it says: then it is in the audit trail.
        while let Some(event) = events.next().await {
            match event {
                Event::Text { delta } => text.push_str(&delta),
                Event::Failed { sentence } => failed = Some(sentence),
                _ => {}
            }
        }
        match failed {
            // Half of it is not said.
            Some(sentence) => bail!("the call failed: {sentence}"),
            None => Ok(text.trim().to_owned()),
        }
    }

    async fn let_go(&mut self, order: &Order, now: Timestamp) {
        match self.store.done(order, order.rhythm.next(now)).await {
            Ok(()) => drop(self.failures.remove(&named(order))),
            Err(error) => tracing::error!(error = %chat::error::chain(&error), "an order cannot be let go"),
        }
    }
}

fn named(order: &Order) -> Due {
    (order.place.room.clone(), order.plugin.clone(), order.key.clone(), order.next)
}
