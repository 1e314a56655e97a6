//! What the other room of a bridge calls who said something.
//!
//! **Invariant:** who did not agree to be named has a number that nobody can work out from their account: it comes from a secret
//! of this bridge. No two people of a bridge have the same one, and each keeps theirs until the bridge ends or they are
//! forgotten.

use chat::{
    Cx, MemberId, Overheard, Place, PluginError,
    cx::{Voice, of_room},
    text::digest,
};

use super::{Traffic, room_of};
use crate::shelf::named;

/// The least number, and how many more there are to begin with.
const NUMBERS: (u64, u64) = (10, 90);

/// What is kept of the names of a room's people: the secret, each person's number, and whose each number is.
const SECRET: &str = "bridge-secret";
const NUMBER_OF: &str = "bridge-number-of";
const TAKEN: &str = "bridge-number";

/// Their name only if they agreed to it; else a number, the same each time.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn name(cx: &Cx, heard: &Overheard, traffic: &Traffic) -> Result<String, PluginError> {
    let author = &heard.message.author;
    if cx.voice(author, heard.message.at).await? == Voice::Named && !heard.name.is_empty() {
        return Ok(named(&heard.name));
    }
    let number = {
        let _turn = traffic.naming.lock().await;
        number(cx, author, &room_of(&heard.message.place)).await?
    };
    Ok(cx.said(&format!("Somebody {number}"), &format!("成员 {number}")))
}

async fn number(cx: &Cx, author: &MemberId, room: &Place) -> Result<u64, PluginError> {
    let secret = secret(cx, room).await?;
    let whose = digest(&[&secret, &author.0]);
    let own = of_room(&format!("{NUMBER_OF}:{whose}"), room);
    if let Some(number) = cx.load(&own).await?.and_then(|value| value.as_u64()) {
        return Ok(number);
    }
    let (least, many) = NUMBERS;
    let mut number = least + u64::from_str_radix(&whose[..12], 16).unwrap_or_default() % many;
    loop {
        let taken = of_room(&format!("{TAKEN}:{number}"), room);
        if cx.load(&taken).await?.is_none() {
            // Taken before it is theirs: a process that dies in between leaves a number to nobody, and never one to two.
            cx.save_of(author, &taken, Some(true.into())).await?;
            cx.save_of(author, &own, Some(number.into())).await?;
            return Ok(number);
        }
        number += 1;
    }
}

/// Made with the first number, by a code that is said to nobody.
async fn secret(cx: &Cx, room: &Place) -> Result<String, PluginError> {
    let key = of_room(SECRET, room);
    if let Some(secret) = cx.load(&key).await?.as_ref().and_then(|value| value.as_str()) {
        return Ok(secret.to_owned());
    }
    let secret = cx.secret();
    cx.save(&key, Some(secret.clone().into())).await?;
    Ok(secret)
}

/// Forgets all of them: the bridge has ended.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn forget(cx: &Cx, room: &Place) -> Result<(), PluginError> {
    for what in [SECRET, NUMBER_OF, TAKEN] {
        cx.clear_of_room(what, room).await?;
    }
    Ok(())
}
