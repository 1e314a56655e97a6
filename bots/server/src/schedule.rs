//! Does what rooms, and people for themselves, ordered, when it is due: the call, its text into the room or to the person
//! alone, then the next time.
//!
//! **Invariant:** an order is said once for each time that it was due at, whatever happens in between: it stays due until
//! it was posted, and its notice is known by that time. A process that was down for three weeks says it once, not thrice.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::bail;
use chat::{
    Action, Event, MemberId, RoomId,
    people::Register,
    ports::{Clock, Dispatch, Notice, Notify, Order, Outbox, Schedule},
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

/// An order for the time that it is due at; of a person's own, whose.
type Due = (RoomId, Option<MemberId>, String, String, Timestamp);

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

    /// Says what an order says, where it says something, and sets its next time. In a room's quiet hours nothing of it is
    /// done: it is due at their end. They do not hold for what is told to one person alone.
    async fn carry_out(&self, order: &Order, now: Timestamp) -> anyhow::Result<()> {
        let Order { place, member, .. } = order;
        if !order.is_own() && self.store.policy(&place.room).await?.is_quiet(now) {
            return Ok(());
        }
        let posted = Outbox::get(&self.store, &order.question(now).call_id()).await?;
        // A process died right after.
        if posted.is_none() {
            let notice = self.said(order).await?;
            // It may have been ended or ordered anew meanwhile.
            if !notice.text.is_empty() && self.still_stands(order).await? {
                match order.is_own() {
                    true => self.platforms.tell(place, member, &notice, now).await?,
                    false => self.platforms.post(place, &notice, now).await?,
                }
            }
        }
        self.store.done(order, order.rhythm.next(now)).await?;
        Ok(())
    }

    async fn still_stands(&self, order: &Order) -> anyhow::Result<bool> {
        let orders = match order.is_own() {
            true => self.store.own_orders(std::slice::from_ref(&order.member)).await?,
            false => self.store.orders_of(&order.place.room).await?,
        };
        Ok(orders.contains(order))
    }

    /// What the call says, with what can be done with it; an empty text where nothing is to be said.
    async fn said(&self, order: &Order) -> anyhow::Result<Notice> {
        let (mut events, mut text, mut failed) = (self.dispatch.due(order), String::new(), None);
        let mut actions: Vec<Action> = Vec::new();
        // To the end, whatever it says: then it is in the audit trail.
        while let Some(event) = events.next().await {
            match event {
                Event::Text { delta } => text.push_str(&delta),
                Event::Actions { actions: more } => actions.extend(more),
                Event::Failed { sentence } => failed = Some(sentence),
                _ => {}
            }
        }
        match failed {
            // Half of it is not said.
            Some(sentence) => bail!("the call failed: {sentence}"),
            None => Ok(Notice { actions, ..order.notice(text.trim()) }),
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
    let whose = order.is_own().then(|| order.member.clone());
    (order.place.room.clone(), whose, order.plugin.clone(), order.key.clone(), order.next)
}
