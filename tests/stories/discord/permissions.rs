//! Roles and rights on Discord.

use anyhow::Result;
use futures::FutureExt as _;

use super::{Seat, World};
use crate::platforms::{permissions, until_it_listens};

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_rights_are_followed_and_what_was_erased_is_gone() -> Result<()> {
    let keys = [
        ("models.generate", ""),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    let mut world = World::of(&["ana", "bob"], &["seminar", "hall"], &keys).await?;
    let World { guild, served, .. } = &mut world;
    let guild = &*guild;
    let (ana, bob, elsewhere) =
        (Seat::new(guild, "ana", "seminar"), Seat::new(guild, "bob", "seminar"), Seat::new(guild, "bob", "hall"));
    let alone = bob.in_channel(bob.human.dm().await?);
    let bobs_name = format!("<@{}>", bob.human.id);
    let people =
        permissions::People { ana: &ana, bob: &bob, elsewhere: &elsewhere, alone: &alone, bobs_name: &bobs_name };
    until_it_listens(&ana).await?;
    permissions::consent_is_a_persons_own(&alone).await?;
    let empower = |yes: bool| {
        async move { if yes { guild.grant("bob", "chair").await } else { guild.revoke("bob", "chair").await } }.boxed()
    };
    let bobs = &bob;
    let sent = |name: &'static str| {
        async move {
            let is_it = |message: &serde_json::Value| message["attachments"].to_string().contains(name);
            Ok(bobs.ours().await?.iter().any(is_it))
        }
        .boxed()
    };
    permissions::a_role_holds_as_long_as_the_platform_says(people, &empower, &sent).await?;
    permissions::a_pause_holds_until_a_moderator_ends_it(people).await?;
    permissions::a_block_leaves_what_is_ones_own(people).await?;
    permissions::why_is_told_to_a_moderator(people).await?;
    permissions::a_paper_is_held_and_not_given_on_by_moderators(people).await?;
    permissions::what_was_erased_is_in_no_file(people, served).await
}
