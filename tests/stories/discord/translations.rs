//! Translations, words and digests on Discord, and the menu of a message there.

use anyhow::Result;
use serde_json::Value;

use super::{World, content};
use crate::platforms::{WITHIN, bridges::KEYS, translations, until};

async fn world() -> Result<World> {
    tests::phrasebook();
    let keys = [KEYS.as_slice(), &[("discord.message_content", "true")]].concat();
    World::of(&["ana", "bob"], &["seminar"], &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn translations_words_and_digests() -> Result<()> {
    let world = world().await?;
    let (ana, bob) = (world.seat("ana", "seminar"), world.seat("bob", "seminar"));
    translations::a_message_is_translated_for_who_asks(&ana, &bob).await?;
    translations::a_question_in_another_language_finds_them(&ana).await?;
    translations::the_words_of_a_community_are_kept_by_its_moderators(&ana, &bob).await?;
    translations::a_digest_is_ordered_by_moderators(&ana, &bob).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_of_a_message_translates_it_and_tells_what_came_after() -> Result<()> {
    let world = world().await?;
    let (ana, bob, channel) = (world.guild.human("ana"), world.guild.human("bob"), world.guild.channel("seminar"));
    crate::platforms::until_it_listens(&world.seat("ana", "seminar")).await?;
    let said = bob.say(channel, "Die Enten schlafen auf der nördlichen Insel.").await?;
    bob.say(channel, "We decided: the counting of the zqducks begins at six.").await?;
    let said = said["id"].as_str().unwrap_or_default();
    let alone = |message: &Value, part: &str| message["flags"] == 64 && content(message).contains(part);
    // Its language is the reader's own.
    // Menus are registered while the bot serves already.
    until("there is no such menu", async || Ok(ana.invoke_on(channel, "Translate", said).await.ok())).await?;
    ana.hear("MESSAGE_UPDATE", |message| alone(message, "The ducks sleep on the northern island."), WITHIN).await?;
    ana.invoke_on(channel, "Summarise from here", said).await?;
    ana.hear("MESSAGE_UPDATE", |message| alone(message, "zqducks"), WITHIN).await.map(drop)
}
