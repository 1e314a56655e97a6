//! A room's policy from any TOML: what is taken makes sense, and is written as it was read.

#![no_main]

use chat::{Policy, Scope};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(policy) = toml::from_str::<Policy>(text) else { return };
    if policy.check().is_err() {
        return;
    }
    assert!(!policy.reads.iter().any(|scope| matches!(scope, Scope::Person(_))));
    let written = toml::to_string(&policy).expect("what was read can be written");
    assert_eq!(toml::from_str::<Policy>(&written).ok(), Some(policy.clone()), "{written}");
    for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let _ = policy.is_quiet(at);
    }
});
