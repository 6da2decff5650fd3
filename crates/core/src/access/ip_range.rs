//! Addresses from which a key may be used: single ones, or networks in CIDR notation (RFC 4632).

use std::net::IpAddr;

/// Whether the text is an address or a network.
#[must_use]
pub fn is_range(text: &str) -> bool {
    parse(text).is_some()
}

/// Whether `address` is in the range. False if either of them is invalid.
#[must_use]
pub fn contains(range: &str, address: &str) -> bool {
    let (Some((network, length)), Some(address)) = (parse(range), parse_address(address)) else {
        return false;
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same_start(u128::from(network.to_bits()) << 96, u128::from(address.to_bits()) << 96, length)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            same_start(network.to_bits(), address.to_bits(), length)
        }
        _ => false,
    }
}

fn same_start(network: u128, address: u128, length: u32) -> bool {
    length == 0 || (network ^ address).checked_shr(128 - length).unwrap_or(0) == 0
}

fn parse(range: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match range.split_once('/') {
        Some((address, length)) => (parse_address(address)?, Some(length.parse().ok()?)),
        None => (parse_address(range)?, None),
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(longest);
    (length <= longest).then_some((address, length))
}

fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_what_they_say() {
        for (range, address) in [
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.0.0.1", "10.0.0.1"),
            ("0.0.0.0/0", "1.2.3.4"),
            ("2001:db8::/32", "2001:db8:1::2"),
            ("10.0.0.0/8", "::ffff:10.1.1.1"),
        ] {
            assert!(contains(range, address), "{range} {address}");
        }
        for (range, address) in [
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.1", "10.0.0.2"),
            ("2001:db8::/32", "2001:db9::1"),
            ("::/0", "10.0.0.1"),
            ("10.0.0.0/33", "10.0.0.0"),
            ("10.0.0.0/8", "nonsense"),
        ] {
            assert!(!contains(range, address), "{range} {address}");
        }
        assert!(is_range("10.0.0.0/8") && !is_range("10.0.0.0/x") && !is_range(""));
    }
}
