//! Papers for somebody: told to them alone, whatever room they ask in.

use anyhow::{Result, ensure};

use super::{Person, until_it_listens};

/// `bob` is no moderator.
pub async fn papers_are_chosen_for_one_alone(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    ana.says("!mark up Ducks of the lake").await?;
    ana.hears_alone(&|text| text.contains("you like “Ducks of the lake”")).await?;
    ana.says("!papers for me").await?;
    let list = ana.hears_alone(&|text| text.contains("Announcements in channels")).await?;
    ensure!(list.contains("1. ") && !list.contains("2. "), "what she knows is recommended: {list}");
    ana.says("!papers saved").await?;
    ana.hears_alone(&|text| text.contains("You saved no paper")).await?;

    bob.says("!digest papers weekly monday 09:00").await?;
    bob.hears_alone(&|text| text.contains("in private: every Monday at 09:00")).await?;
    bob.says("!digest papers off").await?;
    bob.hears_alone(&|text| text.contains("No more digests of papers")).await?;
    bob.says("!papers similar to ducks of the lake").await?;
    bob.hears_alone(&|text| text.contains("Nearest to “Ducks of the lake”")).await?;
    for word in ["you like", "Announcements in channels", "every Monday", "Nearest to"] {
        ensure!(!ana.all().await?.iter().any(|text| text.contains(word)), "the room saw `{word}`");
    }
    Ok(())
}
