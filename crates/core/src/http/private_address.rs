//! Hosts that only the gateway's own network can reach, or that no server on the Internet has.
//!
//! The ranges are those of the IANA special-purpose registries (RFC 6890 and its updates) that are not globally reachable,
//! and the IPv6 forms that carry an IPv4 address: a translator on the way turns them into that address. Names are those that
//! are reserved for private use (RFC 6761, 6762, 8375, ICANN's `.internal`), the usual names of company networks, and
//! services that resolve any name to the address written in it.
//!
//! A name that resolves to a private address cannot be recognised here; the platform refuses to connect to such an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks as address and length of the prefix.
const V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // The metadata service of Azure, which has a public address.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// IPv6 networks as address and length of the prefix.
const V6: &[(Ipv6Addr, u32)] = &[
    // Local NAT64 (RFC 8215).
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48),
    // Discard-only.
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
    // Teredo, benchmarking, ORCHID and others.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // Segment routing.
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16),
    // Unique local.
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    // Link local and the former site local.
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 9),
    // Multicast.
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

/// Zones of names that only a private network resolves.
const PRIVATE_ZONES: &[&str] = &[
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "localdomain",
    // Services of a Kubernetes cluster.
    "svc",
    "test",
    "invalid",
    "onion",
];

/// Zones whose names resolve to the address that is written in them, or to the loopback address.
const ECHOING_ZONES: &[&str] =
    &["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "yoogle.com"];

/// Whether a host, as a URL writes it but without the brackets of IPv6, is private.
#[must_use]
pub fn is_private(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => is_private_v4(address),
            IpAddr::V6(address) => is_private_v6(address),
        };
    }
    // A URL parser reads a host whose last label is a number as an IPv4 address in one of many spellings
    // (`2130706433`, `0x7f.1`); a real host name never looks like that.
    let last_label = host.rsplit('.').next().unwrap_or_default();
    let is_numeric = last_label.starts_with("0x") || last_label.bytes().all(|byte| byte.is_ascii_digit());
    let is_single_label = !host.contains('.');
    let is_in =
        |zone: &&str| host.strip_suffix(*zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // `%` could hide any of these.
    is_numeric
        || is_single_label
        || host.contains('%')
        || PRIVATE_ZONES.iter().chain(ECHOING_ZONES).any(is_in)
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    V4.iter().any(|(network, length)| (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(carried) = carried_v4(address) {
        return is_private_v4(carried);
    }
    V6.iter().any(|(network, length)| (address.to_bits() ^ network.to_bits()) >> (128 - length) == 0)
}

/// The IPv4 address to which an IPv6 address is translated on its way: mapped and compatible (RFC 4291), translated
/// (RFC 2765), NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let low = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, a, b]
        | [0, 0, 0, 0, 0xffff, 0, a, b]
        | [0x64, 0xff9b, 0, 0, 0, 0, a, b]
        | [0x2002, a, b, ..] => Some(low(a, b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_every_range() {
        for (inside, outside) in [
            (["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            (["100.64.0.0", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"]),
            (["127.0.0.0", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"]),
            (["168.63.129.16", "168.63.129.16"], ["168.63.129.15", "168.63.129.17"]),
            (["169.254.0.0", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"]),
            (["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
            (["192.0.0.0", "192.0.0.255"], ["191.255.255.255", "192.0.1.0"]),
            (["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"]),
            (["198.18.0.0", "198.19.255.255"], ["198.17.255.255", "198.20.0.0"]),
            (["224.0.0.0", "255.255.255.255"], ["223.255.255.255", "1.0.0.0"]),
            (["fc00::", "fdff:ffff::"], ["fbff::", "2600::"]),
            (["fe80::", "feff::"], ["2a00::", "2606:4700::1111"]),
            (["2001::", "2001:1ff::"], ["2001:200::", "2001:4860:4860::8888"]),
        ] {
            assert!(inside.iter().all(|host| is_private(host)), "{inside:?}");
            assert!(outside.iter().all(|host| !is_private(host)), "{outside:?}");
        }
    }

    #[test]
    fn addresses_that_carry_a_private_one() {
        for host in [
            "::1",
            "::",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"] {
            assert!(!is_private(host), "{host}");
        }
    }

    #[test]
    fn spellings_and_names() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "0x7f.1",
            "127.0.0.1.",
            "0",
            "fe80::1%25eth0",
            "intranet",
            "LOCALHOST.",
            "a.localhost",
            "printer.lan",
            "nas.home",
            "git.corp",
            "wiki.intranet",
            "db.internal",
            "api.svc.cluster.local",
            "metadata.google.internal",
            "127.0.0.1.nip.io",
            "7f000001.sslip.io",
            "localtest.me",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in ["api.openai.com", "lan.example", "homelocal.example", "mynip.io", "local.ai"] {
            assert!(!is_private(host), "{host}");
        }
    }
}
