//! What plugins keep, read again; and names for it that tell nobody whose it is.

use chat::{Cx, MemberId, PluginError};
use serde::de::DeserializeOwned;

/// The value under a key of the plugin's own data; none where there is none, or it is of another release.
pub async fn read<T: DeserializeOwned>(cx: &Cx, key: &str) -> Result<Option<T>, PluginError> {
    Ok(cx.load(key).await?.and_then(|value| serde_json::from_value(value).ok()))
}

/// The same for the same words, however often and by whichever release: FNV-1a.
pub fn hash<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    // Between two words, so that no two lists run together.
    let bytes = words.into_iter().flat_map(|word| word.bytes().chain([0xff]));
    format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325_u64, step))
}

/// A person in a key: the same for the same accounts in the same order.
pub fn fingerprint(accounts: &[MemberId]) -> String {
    hash(accounts.iter().map(|account| account.0.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_run_together() {
        assert_eq!(hash(["ab", "c"]), hash(["ab", "c"]));
        assert_ne!(hash(["ab", "c"]), hash(["a", "bc"]));
        assert_ne!(hash(["ab"]), hash(["ab", ""]));
    }
}
