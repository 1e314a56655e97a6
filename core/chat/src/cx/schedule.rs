//! What a room orders to be done again and again, by the plugin that does it.
//!
//! **Invariant:** a plugin sees and ends its own orders of the call's own room, and no others.

use crate::{
    Args, Audience, Cx, Place, PluginError, Role,
    ports::{Order, Rhythm, schedule::ORDERS_MAX},
};

const ORDERING: &str = "ordering something for later";

impl Cx {
    /// Orders this call's own command with other arguments again and again, in the room without its thread, in the place of
    /// what was ordered under `key` (letters, digits and signs). It is called unasked, as the caller, and what it says is
    /// said to the room.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator, where nobody else is in the room, or where too much is
    /// ordered there; [`PluginError::Port`].
    pub async fn order(&self, key: &str, args: Args, rhythm: Rhythm) -> Result<Order, PluginError> {
        self.needs(Role::Moderator)?;
        let call = &self.call;
        if call.place.audience != Audience::Room {
            return Err(PluginError::Refused("That is ordered in a room.".to_owned()));
        }
        let orders = self.orders().await?;
        if orders.len() >= ORDERS_MAX && orders.iter().all(|order| order.key != key) {
            return Err(PluginError::Refused(format!("More than {ORDERS_MAX} things are not ordered in a room.")));
        }
        let order = Order {
            key: key.to_owned(),
            plugin: call.plugin.clone(),
            command: call.command.clone(),
            args,
            member: call.caller.clone(),
            place: Place { thread: None, ..call.place.clone() },
            next: rhythm.next(self.at),
            rhythm,
        };
        self.ports.schedule.order(&order).await.map_err(PluginError::port(ORDERING))?;
        Ok(order)
    }

    /// Ends what was ordered under `key`; whether there was something.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator; [`PluginError::Port`].
    pub async fn cancel(&self, key: &str) -> Result<bool, PluginError> {
        self.needs(Role::Moderator)?;
        let call = &self.call;
        let ending = self.ports.schedule.cancel(&call.place.room, &call.plugin, key);
        ending.await.map_err(PluginError::port("ending an order"))
    }

    /// What this plugin does in this room again and again, by key.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn orders(&self) -> Result<Vec<Order>, PluginError> {
        let orders = self.ports.schedule.orders_of(&self.call.place.room).await;
        let orders = orders.map_err(PluginError::port("looking up what is ordered"))?;
        Ok(orders.into_iter().filter(|order| order.plugin == self.call.plugin).collect())
    }
}
