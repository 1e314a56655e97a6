//! Which hosts, ports and addresses may be fetched from. Pure.
//!
//! **Invariant:** silence is no: a host that nobody named is refused, and so is an address that is not the public's.
//! **Invariant:** to name a host is not to name where it leads: one that leads to a private address needs that address
//! in the list as well, so that no name server can turn the one into the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Ports of a host that stands without one.
const PORTS: [u16; 2] = [80, 443];

/// Networks of version 4 that are not the public's: first address and length of the prefix.
const NOT_PUBLIC: [(Ipv4Addr, u32); 16] = [
    // This network, this machine, links.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Links, with the addresses that clouds answer secrets on.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Private networks, and those that a provider shares.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Protocols, relays, documentation, measurements.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Many at once, and what nobody was given.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// Networks within version 6's global ones that are not the public's, or that hide an address of version 4: protocols
/// with Teredo, documentation, 6to4.
const NOT_PUBLIC_6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Where version 6 has its global addresses. Outside are this machine, links, private networks, many at once, and the
/// addresses of version 4 in all their wrappings (mapped, NAT64).
const GLOBAL_6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether an address is one that everybody may reach.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC.iter().any(|(network, bits)| {
            let mask = u32::MAX << (32 - bits);
            address.to_bits() & mask == network.to_bits()
        }),
        IpAddr::V6(address) => {
            let within = |(network, bits): &(Ipv6Addr, u32)| {
                let mask = u128::MAX << (128 - bits);
                address.to_bits() & mask == network.to_bits()
            };
            within(&GLOBAL_6) && !NOT_PUBLIC_6.iter().any(within)
        }
    }
}

/// The hosts that the operator named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Hosts(Vec<Named>);

/// A host as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    /// As it was written.
    written: String,
    /// In lower case, without port and star; an address without brackets.
    name: String,
    /// Whether all below it are meant, and not itself.
    is_below: bool,
    /// The one port; [`PORTS`] without one.
    port: Option<u16>,
}

impl Hosts {
    /// Whether a host may be asked on a port: `papers.example.org`, `10.0.0.5`, `::1`.
    pub fn names(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        self.0.iter().any(|named| {
            let is_it = match named.is_below {
                true => host.strip_suffix(&named.name).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
                false => host == named.name,
            };
            is_it && named.port.map_or(PORTS.contains(&port), |only| only == port)
        })
    }

    /// Whether a host that was named may lead to this address.
    pub fn admits(&self, address: IpAddr, port: u16) -> bool {
        is_public(address) || self.names(&address.to_string(), port)
    }
}

impl TryFrom<Vec<String>> for Hosts {
    type Error = String;

    fn try_from(list: Vec<String>) -> Result<Self, String> {
        list.into_iter().map(named).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Hosts> for Vec<String> {
    fn from(hosts: Hosts) -> Self {
        hosts.0.into_iter().map(|named| named.written).collect()
    }
}

fn named(written: String) -> Result<Named, String> {
    let wrong = || {
        format!(
            "`library.fetch_hosts` names hosts, as `arxiv.org`, `*.example.org` or `papers.lab:8080`; `{written}` is \
             none"
        )
    };
    let text = written.trim().trim_end_matches('.').to_lowercase();
    // An address of version 6 has colons of its own.
    let (name, port) = match text.parse::<Ipv6Addr>() {
        Ok(_) => (text.as_str(), None),
        Err(_) => match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (text.as_str(), None),
        },
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let (name, is_below) = name.strip_prefix("*.").map_or((name, false), |name| (name, true));
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if name.parse::<Ipv6Addr>().is_err() && !name.split('.').all(is_word) {
        return Err(wrong());
    }
    // In the one way that addresses are written.
    let name = name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |address| address.to_string());
    Ok(Named { name, is_below, port, written })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_everybody_may_reach_are_public() {
        let public = ["1.1.1.1", "128.84.4.18", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"];
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address} is public");
        }
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address} is not public");
        }
    }

    fn hosts(list: &[&str]) -> Result<Hosts, String> {
        Hosts::try_from(list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(list: &[&str], host: &str, port: u16, want: bool) {
        assert_eq!(hosts(list).unwrap().names(host, port), want, "{host}:{port} by {list:?}");
    }

    #[test]
    fn a_host_is_fetched_from_where_it_is_named() {
        check(&[], "arxiv.org", 443, false);
        check(&["arxiv.org"], "arxiv.org", 443, true);
        check(&["ArXiv.org."], "ARXIV.ORG.", 80, true);
        check(&["arxiv.org"], "export.arxiv.org", 443, false);
        check(&["arxiv.org"], "notarxiv.org", 443, false);
        check(&["*.arxiv.org"], "export.arxiv.org", 443, true);
        check(&["*.arxiv.org"], "a.b.arxiv.org", 443, true);
        check(&["*.arxiv.org"], "arxiv.org", 443, false);
        check(&["*.arxiv.org"], ".arxiv.org", 443, false);
        check(&["*.arxiv.org"], "notarxiv.org", 443, false);
    }

    #[test]
    fn a_port_stands_with_its_host() {
        check(&["papers.lab"], "papers.lab", 8080, false);
        check(&["papers.lab:8080"], "papers.lab", 8080, true);
        check(&["papers.lab:8080"], "papers.lab", 443, false);
        check(&["[::1]:8080"], "::1", 8080, true);
        check(&["0:0::1"], "::1", 80, true);
    }

    #[test]
    fn a_name_that_leads_to_a_private_address_needs_the_address_too() {
        let address = "10.0.0.5".parse().unwrap();
        assert!(!hosts(&["wiki.lab"]).unwrap().admits(address, 443));
        assert!(hosts(&["wiki.lab", "10.0.0.5"]).unwrap().admits(address, 443));
        assert!(!hosts(&["wiki.lab", "10.0.0.5"]).unwrap().admits(address, 8080));
    }

    #[test]
    fn what_names_no_host_is_refused_by_its_key() {
        for wrong in ["", "*", "*.", "https://arxiv.org", "arxiv.org/abs", "a:b", "a b", "*.*.org", "user@host"] {
            let error = hosts(&[wrong]).unwrap_err();
            assert!(error.contains("library.fetch_hosts"), "`{wrong}`: {error}");
        }
    }
}
