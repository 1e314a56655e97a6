//! Which hosts are fetched from: no list of names, however odd, opens a private address that it does not name.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;

// The server itself is too heavy to be built here; this file of it needs nothing else.
#[path = "../../../bots/server/src/fetch/hosts.rs"]
mod hosts;

use hosts::{Hosts, is_public};

/// The standard library's own words on it, as far as they are stable.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || v4.is_broadcast()
                || v4.is_unspecified()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4().is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

fuzz_target!(|input: (&str, &str, u16, [u8; 16], bool)| {
    let (names, host, port, bytes, is_four) = input;
    let address = match is_four {
        true => IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]),
        false => IpAddr::from(bytes),
    };
    assert!(!(is_public(address) && is_private(address)), "{address}");
    let list: Vec<String> = names.lines().map(str::to_owned).collect();
    let Ok(hosts) = Hosts::try_from(list.clone()) else { return };
    assert_eq!(Vec::<String>::from(hosts.clone()), list);
    let _ = hosts.names(host, port);
    let written = address.to_string();
    if hosts.admits(address, port) && !is_public(address) {
        let is_named = list.iter().any(|name| {
            let name = name.trim().to_lowercase();
            let bare = name.trim_end_matches('.').trim_start_matches('[');
            let bare = bare.split(']').next().unwrap_or_default();
            let without_port = bare.rsplit_once(':').map_or(bare, |(bare, _)| bare);
            [bare, without_port].iter().any(|bare| bare.parse::<IpAddr>().is_ok_and(|one| one == address))
        });
        assert!(is_named, "{written} by {list:?}");
    }
});
