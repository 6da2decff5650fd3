//! The deployments that a request has passed, so that one which is sent to itself, directly or in a circle, ends at once.
//!
//! Every request for an upstream names them in [`HEADER`], the last one last. A deployment is named by a hash that nothing follows from.

use std::borrow::Cow;

/// The header.
pub const HEADER: &str = "x-nexus-hops";
/// Longest value that is passed on, in bytes: some twenty deployments. An honest chain is never that long.
const MAX_LENGTH: usize = 340;

/// Whether a request with this header has passed a deployment before.
#[must_use]
pub fn has_passed(header: Option<&str>, deployment: &str) -> bool {
    header.is_some_and(|header| header.split(',').any(|hop| hop.trim() == deployment))
}

/// The header for an upstream, of a request that came with `header`.
#[must_use]
pub fn extended<'a>(header: Option<&str>, deployment: &'a str) -> Cow<'a, str> {
    let is_hops = |header: &&str| {
        header.len() <= MAX_LENGTH
            && header.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b',' || byte == b' ')
    };
    match header.filter(is_hops).filter(|header| !header.trim().is_empty()) {
        Some(header) => Cow::Owned(format!("{header}, {deployment}")),
        None => Cow::Borrowed(deployment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_noticed_and_nothing_else() {
        assert!(!has_passed(None, "aa"));
        assert!(!has_passed(Some("bb, aab"), "aa"));
        assert!(has_passed(Some("bb,aa"), "aa"));
        assert_eq!(extended(None, "aa"), "aa");
        assert_eq!(extended(Some("bb"), "aa"), "bb, aa");
        assert_eq!(extended(Some("bb\u{e9}"), "aa"), "aa");
        assert_eq!(extended(Some(&"b".repeat(1_000)), "aa"), "aa");
        assert!(has_passed(Some(&extended(Some("bb"), "aa")), "aa"));
    }
}
