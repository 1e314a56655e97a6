//! Roles and rights on Matrix.

use anyhow::Result;
use futures::FutureExt as _;
use serde_json::json;
use tests::peers::synapse::Limits;

use super::{Seat, World};
use crate::platforms::{WITHIN, permissions};

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_rights_are_followed_and_what_was_erased_is_gone() -> Result<()> {
    let keys = [
        ("models.generate", ""),
        ("matrix.edit_gap_ms", "500"),
        ("engine.calls_per_minute_of_person", "0"),
        ("engine.refusals_per_minute_of_person", "0"),
    ];
    let mut world = World::of(Limits::Off, &keys).await?;
    let (ana, bob) = (world.synapse.human("ana").await?, world.synapse.human("bob").await?);
    // One that is not encrypted: what the client's own store keeps of it could be read.
    let (seminar, hall) = (world.room(&ana, false, &[&bob]).await?, world.room(&ana, true, &[&bob]).await?);
    let direct = bob.create_room(json!({"direct": true, "encrypted": true, "invite": [world.bot]})).await?;
    bob.wait_member(&direct, &world.bot, "join", WITHIN).await?;
    let seat = |human, room: &str| Seat::new(human, room, &world.bot);
    let (at_anas, at_bobs) = (seat(&ana, &seminar), seat(&bob, &seminar));
    let (elsewhere, alone) = (seat(&bob, &hall), seat(&bob, &direct));
    let people = permissions::People {
        ana: &at_anas,
        bob: &at_bobs,
        elsewhere: &elsewhere,
        alone: &alone,
        bobs_name: &bob.user,
    };
    permissions::consent_is_a_persons_own(&alone).await?;
    let (ana, bob, room) = (&ana, &bob, &seminar);
    let empower = |yes: bool| async move { ana.power(room, &bob.user, if yes { 50 } else { 0 }).await }.boxed();
    let sent = |name: &'static str| {
        async move { Ok(bob.events().iter().any(|event| event["body"] == name && event["msgtype"] == "m.file")) }
            .boxed()
    };
    permissions::a_role_holds_as_long_as_the_platform_says(people, &empower, &sent).await?;
    permissions::a_pause_holds_until_a_moderator_ends_it(people).await?;
    permissions::a_block_leaves_what_is_ones_own(people).await?;
    permissions::why_is_told_to_a_moderator(people).await?;
    permissions::a_paper_is_held_and_not_given_on_by_moderators(people).await?;
    permissions::what_was_erased_is_in_no_file(people, &mut world.served).await
}
