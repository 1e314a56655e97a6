//! A person to ask on Discord, and a link to read.

use anyhow::Result;

use super::World;
use crate::platforms::{
    experts::{People, a_person_is_asked_who_agreed_to_it},
    links,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_to_ask_is_asked_alone() -> Result<()> {
    let mut world = World::of(&["ana", "bob", "cyd", "eve"], &["seminar"], &[("models.generate", "")]).await?;
    let World { guild, served, .. } = &mut world;
    let seat = |name| super::Seat::new(guild, name, "seminar");
    let (ana, bob, cyd, eve) = (seat("ana"), seat("bob"), seat("cyd"), seat("eve"));
    let at_bobs = bob.in_channel(bob.human.dm().await?);
    let at_cyds = cyd.in_channel(cyd.human.dm().await?);
    let at_eves = eve.in_channel(eve.human.dm().await?);
    let ids = [ana.human.id.as_str(), bob.human.id.as_str()];
    let people = People { ids, ana: &ana, other: &cyd, bob: &at_bobs, cyd: &at_cyds, eve: &at_eves };
    a_person_is_asked_who_agreed_to_it(&people, served).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_read_from_a_host_that_was_named() -> Result<()> {
    let host = links::a_host().await?;
    let keys = [("models.generate", ""), ("library.fetch_hosts", host.as_str())];
    let world = World::of(&["ana", "bob"], &["seminar"], &keys).await?;
    links::a_link_is_read_from_a_host_that_was_named(&world.seat("ana", "seminar"), &host).await
}
