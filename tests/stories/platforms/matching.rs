//! Matching: who agreed is found by their work, and two are brought together by two yeses and by nothing less.

use anyhow::{Result, ensure};
use tests::served::Served;

use super::{Person, until_it_listens};

/// Each alone with the assistant: `ana` and `dan` look for somebody, `bob` agreed to be found, `cyd` did not.
pub struct People<'a> {
    pub ana: &'a dyn Person,
    pub bob: &'a dyn Person,
    pub cyd: &'a dyn Person,
    pub dan: &'a dyn Person,
}

const OF_BOB: &str = "I record the songs of wading birds at night and classify them with neural networks";
const OF_CYD: &str = "I classify bird songs that were recorded at night: Millerbird songs above all";
const NEED: &str = "!match need: somebody who can classify bird songs recorded at night";

/// What is said where the two meet.
pub const TOGETHER: &str = "You both said yes";

/// From a profile to the second yes; the process dies in between.
pub async fn two_are_brought_together_by_two_yeses(people: &People<'_>, served: &mut Served) -> Result<()> {
    let People { ana, bob, cyd, .. } = people;
    until_it_listens(*ana).await?;
    for (person, work) in [(bob, OF_BOB), (cyd, OF_CYD)] {
        person.tells(&format!("!profile add {work}")).await?;
        person.hears(&|text| text.contains("Kept") && text.contains("Nobody sees it")).await?;
    }
    bob.tells("!profile preview").await?;
    bob.hears(&|text| text.contains("would see") && text.contains("wading birds")).await?;
    bob.tells("!privacy set match on").await?;
    bob.hears(&|text| text.contains("match: on")).await?;

    asks(*ana).await?;
    served.kill()?;
    served.start().await?;
    until_it_listens(*ana).await?;
    let (asked, text) = bob.hears(&|text| text.contains("would like to meet you")).await?;
    ensure!(text.contains("classify bird songs"), "{text}");
    bob.presses(&asked, "meet yes").await?;
    bob.hears(&|text| text.contains("I bring the two of you together")).await?;
    Ok(())
}

/// Looks for somebody, and asks to be introduced: the words first.
async fn asks(seeker: &dyn Person) -> Result<()> {
    seeker.tells(NEED).await?;
    let (found, text) = seeker.hears(&|text| text.contains("wading birds") && text.contains("if they say yes")).await?;
    ensure!(!text.contains("Millerbird"), "{text}");
    seeker.presses(&found, "introduce 1").await?;
    let (draft, text) = seeker.hears(&|text| text.contains("what I would say to both of you")).await?;
    ensure!(text.contains("wading birds"), "{text}");
    seeker.presses(&draft, "introduce 1 --confirm").await?;
    seeker.hears(&|text| text.starts_with("I ask them.") || text.contains("I ask them. If they say yes")).await?;
    Ok(())
}

/// A no is told to nobody; and who did not agree was named to nobody at all.
pub async fn a_no_is_silent(people: &People<'_>) -> Result<()> {
    let People { ana, bob, cyd, dan } = people;
    asks(*dan).await?;
    let asked = super::until("bob is not asked a second time", async || {
        let all = bob.all().await?;
        Ok((all.iter().filter(|text| text.contains("would like to meet you")).count() == 2).then_some(()))
    });
    asked.await?;
    let before = dan.all().await?.len();
    bob.tells("!meet no").await?;
    bob.hears(&|text| text.contains("Nobody learns that you were asked")).await?;
    until_it_listens(*dan).await?;
    let told = dan.all().await?;
    ensure!(
        !told[before.min(told.len())..].iter().any(|text| text.contains("bob") || text.contains("introduc")),
        "{told:?}"
    );
    for person in [ana, bob, dan] {
        let told = person.all().await?;
        ensure!(!told.iter().any(|text| text.contains("Millerbird")), "{told:?}");
    }
    ensure!(!cyd.all().await?.iter().any(|text| text.contains("would like to meet you")), "cyd was asked");
    Ok(())
}
