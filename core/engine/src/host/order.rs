//! What a room, or a person for themselves, ordered to be done at a time, done: a call that nobody makes just then.
//!
//! **Invariant:** it goes through the gate as who ordered it would now; a pause, and a plugin that is turned off, hold for
//! it though its command is a moderators' one, which the gate lets through.

use std::sync::Arc;

use chat::{Audience, Call, Event, PortError, error::chain, ports::Order};
use futures::{StreamExt, channel::mpsc, stream::BoxStream};
use tokio_util::sync::CancellationToken;

use super::{Shared, send};

impl Shared {
    /// The reply to an order that is due.
    pub(super) fn due(self: Arc<Self>, order: Order) -> BoxStream<'static, Event> {
        let (events, stream) = mpsc::unbounded();
        let token = CancellationToken::new();
        // Dropping the stream drops the guard, which ends the call.
        let guard = token.clone().drop_guard();
        let serving = self.serving.clone();
        serving.spawn(async move { self.carry_out(&order, &events, &token).await });
        stream
            .map(move |event| {
                let _held = &guard;
                event
            })
            .boxed()
    }

    async fn carry_out(&self, order: &Order, events: &mpsc::UnboundedSender<Event>, token: &CancellationToken) {
        let failed = |sentence: &str| send(events, Event::Failed { sentence: sentence.to_owned() });
        match self.is_silent(order).await {
            Ok(false) => {}
            Ok(true) => return,
            Err(error) => {
                tracing::error!(error = %chain(&error), "it cannot be told whether an order may be done: it is not");
                return failed("The room's policy could not be read.");
            }
        }
        let manifest = self.manifests().into_iter().find(|manifest| manifest.name == order.plugin);
        let Some(command) = manifest.and_then(|manifest| manifest.command(&order.command)) else {
            return tracing::warn!(command = order.command, "a room ordered what this version cannot do");
        };
        let (of_caller, in_all) = self.queue.load(&order.member);
        if of_caller >= self.settings.of_caller_max || in_all >= self.settings.in_all_max {
            // The gate would refuse it for good.
            return failed("Too many calls are running.");
        }
        let message = order.question(self.parts.clock.now());
        let call = Call { unasked: true, ..Self::call_of(&message, &order.plugin, command, order.args.clone()) };
        let (inner, told) = mpsc::unbounded();
        let record = self.call((&message).into(), call, command, &inner, token).await;
        inner.close_channel();
        // The room asked nothing just now: it hears no refusal.
        if record.outcome != "refused" {
            told.for_each(async |event| send(events, event)).await;
        }
        self.audit(record).await;
    }

    /// Whether who is told alone, unasked, is still where they ordered it. In a direct message, whose room owns nothing, they
    /// count as not there.
    pub(super) async fn is_away(&self, call: &Call) -> Result<bool, PortError> {
        if !call.unasked || call.place.audience == Audience::Room {
            return Ok(false);
        }
        let rooms = self.parts.members.rooms(&call.place, &call.caller).await?;
        Ok(rooms.iter().all(|room| room.place.room != call.place.room))
    }

    /// Whether the plugin may say nothing there now, whoever calls it.
    async fn is_silent(&self, order: &Order) -> Result<bool, PortError> {
        let register = &self.parts.ports.register;
        let (policy, is_paused) = futures::try_join!(register.policy(&order.place.room), register.is_paused())?;
        Ok(is_paused || policy.paused || policy.plugins_off.contains(&order.plugin))
    }
}
