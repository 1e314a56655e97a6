//! How answers end on Discord.

use anyhow::{Result, ensure};
use futures::FutureExt as _;

use super::{Seat, World, content};
use crate::platforms::{Person as _, WITHIN, ends, until_it_listens};

/// Discord's limit of a message, in code points.
const CONTENT_MAX: usize = 2_000;

/// Discord's flag of a message for one alone.
const EPHEMERAL: u64 = 1 << 6;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_stopped_by_who_asked_or_a_moderator_and_apologised_for_when_cut_off() -> Result<()> {
    let mut world = World::with_model().await?;
    let (ana, bob) = (world.seat("ana", "seminar"), world.seat("bob", "seminar"));
    until_it_listens(&ana).await?;
    ends::who_asked_can_stop_the_answer(&ana).await?;
    let guild = &world.guild;
    let empower = |yes: bool| {
        async move { if yes { guild.grant("bob", "chair").await } else { guild.revoke("bob", "chair").await } }.boxed()
    };
    ends::only_a_moderator_stops_anothers_answer(&ana, &bob, &empower).await?;
    let World { guild, served, .. } = &mut world;
    ends::an_answer_that_was_cut_off_is_apologised_for(&Seat::new(guild, "ana", "seminar"), served).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_comes_in_parts_that_discord_takes() -> Result<()> {
    let world = World::start().await?;
    let ana = world.seat("ana", "seminar");
    until_it_listens(&ana).await?;
    for part in ends::a_long_answer_comes_in_parts(&ana).await? {
        ensure!(part.chars().count() <= CONTENT_MAX, "{} code points", part.chars().count());
    }
    Ok(())
}

/// A vote is its voter's business: pressed under an answer that all see, what comes of it is for one alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_button_says_to_its_presser_alone_stays_so() -> Result<()> {
    let world = World::start().await?;
    let (ana, bob) = (world.seat("ana", "seminar"), world.seat("bob", "seminar"));
    until_it_listens(&ana).await?;
    let answer = crate::platforms::a_question_gets_its_sources_and_its_answer(&ana).await?;
    let before = bob.all().await?;
    ana.presses(&answer, "rate up").await?;
    let is_taken = |message: &serde_json::Value| message["author"]["id"] == ana.bot && content(message) == "✓";
    let taken = ana.human.hear("MESSAGE_UPDATE", is_taken, WITHIN).await?;
    ensure!(taken["flags"].as_u64().is_some_and(|flags| flags & EPHEMERAL != 0), "{taken}");
    ensure!(bob.all().await? == before, "others read it");
    let heard = bob.human.inbox().await?;
    ensure!(!heard.iter().any(|event| event["d"]["id"] == taken["id"]), "others were told of it");
    Ok(())
}
