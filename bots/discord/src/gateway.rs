//! The gateway's events, each handed to what deals with it. Every one runs in a task of its own.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serenity::all::{
    ChannelId, ConnectionStage, Context, EventHandler, Guild, GuildChannel, GuildId, Interaction, Message, MessageId,
    MessageUpdateEvent, PartialGuild, PartialGuildChannel, Reaction, Ready, ResumedEvent, Role, RoleId,
    ShardStageUpdateEvent, ThreadListSyncEvent, UnavailableGuild,
};

use crate::hub::Hub;

#[async_trait]
impl EventHandler for Hub {
    async fn ready(&self, _: Context, ready: Ready) {
        tracing::info!(guilds = ready.guilds.len(), shard = ?ready.shard.map(|shard| shard.id.0), "Discord is ready");
        (self.ready)(true);
        // Other shards come after the first, and each comes anew after a reconnect.
        if self.is_started.swap(true, Ordering::Relaxed) {
            return;
        }
        tokio::join!(self.register(ready.application.id), self.driver.recover(&self.community));
    }

    async fn resume(&self, _: Context, _: ResumedEvent) {
        (self.ready)(true);
    }

    async fn shard_stage_update(&self, _: Context, event: ShardStageUpdateEvent) {
        if event.new == ConnectionStage::Disconnected {
            (self.ready)(false);
        }
    }

    async fn message(&self, _: Context, said: Message) {
        self.heard(said).await;
    }

    async fn message_update(&self, _: Context, _: Option<Message>, _: Option<Message>, event: MessageUpdateEvent) {
        self.edited(event).await;
    }

    async fn message_delete(&self, _: Context, channel: ChannelId, message: MessageId, guild: Option<GuildId>) {
        self.deleted(channel, guild, vec![message]).await;
    }

    async fn message_delete_bulk(
        &self,
        _: Context,
        channel: ChannelId,
        messages: Vec<MessageId>,
        guild: Option<GuildId>,
    ) {
        self.deleted(channel, guild, messages).await;
    }

    async fn reaction_add(&self, _: Context, added: Reaction) {
        self.marked(added, true).await;
    }

    async fn reaction_remove(&self, _: Context, removed: Reaction) {
        self.marked(removed, false).await;
    }

    async fn interaction_create(&self, _: Context, interaction: Interaction) {
        match interaction {
            Interaction::Command(it) => self.commanded(it).await,
            Interaction::Autocomplete(it) => self.proposed(it).await,
            Interaction::Component(it) => self.pressed(it).await,
            _ => {}
        }
    }

    async fn guild_create(&self, _: Context, guild: Guild, _: Option<bool>) {
        let id = guild.id.get();
        self.guilds.put(id, guild.owner_id.get(), guild.roles.values());
        self.guilds.put_channels(id, guild.channels.values().chain(&guild.threads));
    }

    async fn guild_update(&self, _: Context, _: Option<Guild>, guild: PartialGuild) {
        self.guilds.put(guild.id.get(), guild.owner_id.get(), guild.roles.values());
    }

    async fn guild_delete(&self, _: Context, guild: UnavailableGuild, _: Option<Guild>) {
        // One that is only out of reach comes back with another `guild_create`.
        if !guild.unavailable {
            tracing::info!(guild = guild.id.get(), "the bot left a server");
            self.guilds.forget(guild.id.get());
        }
    }

    async fn guild_role_create(&self, _: Context, role: Role) {
        self.guilds.put_role(&role);
    }

    async fn guild_role_update(&self, _: Context, _: Option<Role>, role: Role) {
        self.guilds.put_role(&role);
    }

    async fn guild_role_delete(&self, _: Context, guild: GuildId, role: RoleId, _: Option<Role>) {
        self.guilds.drop_role(guild.get(), role.get());
    }

    async fn channel_create(&self, _: Context, channel: GuildChannel) {
        self.guilds.put_channels(channel.guild_id.get(), std::iter::once(&channel));
    }

    async fn channel_update(&self, _: Context, _: Option<GuildChannel>, channel: GuildChannel) {
        self.guilds.put_channels(channel.guild_id.get(), std::iter::once(&channel));
    }

    async fn channel_delete(&self, _: Context, channel: GuildChannel, _: Option<Vec<Message>>) {
        self.guilds.drop_channel(channel.id.get());
    }

    async fn thread_create(&self, _: Context, thread: GuildChannel) {
        self.guilds.put_channels(thread.guild_id.get(), std::iter::once(&thread));
    }

    async fn thread_update(&self, _: Context, _: Option<GuildChannel>, thread: GuildChannel) {
        self.guilds.put_channels(thread.guild_id.get(), std::iter::once(&thread));
    }

    async fn thread_delete(&self, _: Context, thread: PartialGuildChannel, _: Option<GuildChannel>) {
        self.guilds.drop_channel(thread.id.get());
    }

    async fn thread_list_sync(&self, _: Context, event: ThreadListSyncEvent) {
        self.guilds.put_channels(event.guild_id.get(), event.threads.iter());
    }
}
