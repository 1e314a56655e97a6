//! What a room, or the caller for themselves, orders to be done again and again, by the plugin that does it.
//!
//! **Invariant:** a plugin sees and ends its own orders of the call's own room and of the caller, and no others.

use crate::{
    Args, Audience, Cx, MemberId, Place, PluginError, Role,
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
        self.keep_order(key, args, rhythm, Audience::Room).await
    }

    /// Orders this call's own command with other arguments again and again for the caller alone, in the place of what they
    /// ordered under `key` anywhere. It is called unasked, as the caller and as in this room, and told to them in private.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no member, or where others see the reply; [`PluginError::Port`].
    pub async fn order_own(&self, key: &str, args: Args, rhythm: Rhythm) -> Result<Order, PluginError> {
        self.needs(Role::Member)?;
        if self.call.place.audience != Audience::Caller {
            return Err(PluginError::Refused("That is for you alone; ask me in private.".to_owned()));
        }
        let order = self.keep_order(key, args, rhythm, Audience::Caller).await?;
        // With another account it would come twice. Afterwards, so that a process that dies in between loses nothing.
        let accounts = self.standing.accounts.iter();
        let others: Vec<MemberId> = accounts.filter(|account| **account != self.call.caller).cloned().collect();
        if !others.is_empty() {
            let ending = self.ports.schedule.cancel_own(&others, &self.call.plugin, key);
            ending.await.map_err(PluginError::port(ORDERING))?;
        }
        Ok(order)
    }

    async fn keep_order(
        &self,
        key: &str,
        args: Args,
        rhythm: Rhythm,
        audience: Audience,
    ) -> Result<Order, PluginError> {
        let call = &self.call;
        let order = Order {
            key: key.to_owned(),
            plugin: call.plugin.clone(),
            command: call.command.clone(),
            args,
            member: call.caller.clone(),
            place: Place { thread: None, audience, ..call.place.clone() },
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

    /// Ends what the caller ordered for themselves under `key`, wherever; whether there was something.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn cancel_own(&self, key: &str) -> Result<bool, PluginError> {
        let ending = self.ports.schedule.cancel_own(&self.standing.accounts, &self.call.plugin, key);
        ending.await.map_err(PluginError::port("ending an order"))
    }

    /// What this plugin does for the caller alone again and again, by key.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn own_orders(&self) -> Result<Vec<Order>, PluginError> {
        let orders = self.ports.schedule.own_orders(&self.standing.accounts).await;
        let orders = orders.map_err(PluginError::port("looking up what is ordered"))?;
        Ok(orders.into_iter().filter(|order| order.plugin == self.call.plugin).collect())
    }
}
