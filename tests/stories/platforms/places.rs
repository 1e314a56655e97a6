//! Where one asks: in a thread, in a direct message, as a member or not any more.

use anyhow::{Result, ensure};

use super::{Person, QUESTION, is_answer, until};

/// A question that says nothing by itself: it needs what was said before.
const FOLLOW_UP: &str = "And when?";

/// A thread is answered within, and a question there is about what was said there; outside nobody hears of it.
pub async fn a_thread_is_answered_within_and_followed_up(thread: &dyn Person, room: &dyn Person) -> Result<()> {
    let outside = room.all().await?;
    let asked = thread.says(QUESTION).await?;
    thread.hears(&is_answer).await?;
    ensure!(thread.answers(&asked).await?.len() == 1, "it was not answered once within");
    a_follow_up_is_about_what_was_said(thread, false).await?;
    ensure!(room.all().await? == outside, "the room outside heard of it: {:?}", room.all().await?);
    // The same words in the room are about nothing.
    let asked = room.says(FOLLOW_UP).await?;
    let is_lost = |text: &str| text.contains("not in the library");
    until("it is answered in the room", async || Ok(room.answers(&asked).await?.into_iter().find(|it| is_lost(&it.1))))
        .await
        .map(drop)
}

async fn a_follow_up_is_about_what_was_said(person: &dyn Person, is_direct: bool) -> Result<()> {
    let asked = if is_direct { person.tells(FOLLOW_UP).await? } else { person.says(FOLLOW_UP).await? };
    let is_about = |text: &str| text.contains("Ducks of the lake") && text.contains("own words");
    until("the follow-up is about nothing", async || {
        Ok(person.answers(&asked).await?.into_iter().find(|it| is_about(&it.1)))
    })
    .await
    .map(drop)
}

/// Between two nobody needs to be named, what was said before counts, and lists come at once.
pub async fn a_direct_message_needs_no_name(ana: &dyn Person) -> Result<()> {
    ana.tells(QUESTION).await?;
    ana.hears(&is_answer).await?;
    a_follow_up_is_about_what_was_said(ana, true).await?;
    ana.tells("!papers ducks").await?;
    ana.hears(&|text| text.starts_with("- Ducks of the lake")).await?;
    Ok(())
}

/// What is dropped into a room of some people of another is read, listed and quoted there, and not in the other one.
pub async fn what_is_dropped_in_a_room_within_stays_there(within: &dyn Person, outside: &dyn Person) -> Result<()> {
    const ASKED: &str = "With whom is the research boat Albatros booked?";
    let note = b"# Booking the boat\n\nThe research boat Albatros is booked with Greta until noon of the day before.\n";
    within.sends("!add", "boat.md", note).await?;
    within.hears(&|text| text.contains("Added one paper")).await?;
    within.says(ASKED).await?;
    within.hears(&|text| text.contains("Greta") && text.contains("[1]")).await?;
    let asked = outside.says(ASKED).await?;
    let is_lost = |text: &str| text.contains("This is not in the library");
    let answered = async || Ok(outside.answers(&asked).await?.into_iter().find(|(_, text)| is_lost(text)));
    until("it is not answered so outside", answered).await?;
    ensure!(!outside.all().await?.iter().any(|text| text.contains("Greta")), "it is quoted outside");
    Ok(())
}

/// What needs a member is refused, by its name, to who is none.
pub async fn a_member_may_add(alone: &dyn Person) -> Result<()> {
    said(alone, "Attach a file").await
}

/// The same for who was a member a moment ago.
pub async fn who_is_no_member_may_not_add(alone: &dyn Person) -> Result<()> {
    said(alone, "needs the role Member").await
}

async fn said(alone: &dyn Person, want: &str) -> Result<()> {
    let asked = alone.tells("!add").await?;
    let (_, text) = until("`add` is not answered", async || Ok(alone.answers(&asked).await?.pop())).await?;
    ensure!(text.contains(want), "{text}");
    Ok(())
}
