//! Whether what follows a text could still change what is found at a place in it: for texts that arrive in pieces.
//!
//! Each search stops at the first byte that does not fit. As long as it has found none, the place is open; the searches look
//! at a bounded number of bytes, so a place does not stay open for longer than that ([`MAX_OPEN`]).

use super::numbers;
use super::words;

/// Most bytes from a place on that leave it open.
pub const MAX_OPEN: usize = 256;
/// Most bytes before a place that a search looks at.
pub const LOOK_BACK: usize = 64;

/// What a search found at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search<'a> {
    /// Nothing, whatever follows.
    Nothing,
    /// It depends on what follows.
    Open,
    /// Personal data, whatever follows.
    Found {
        /// How many bytes before the place it begins.
        before: usize,
        /// How many bytes from the place on it has.
        length: usize,
        /// Its kind, or the name of the pattern.
        kind: &'a str,
    },
}

/// Whether this byte may stand in the part of a mail address before the `@`.
#[must_use]
pub fn may_precede_at_sign(byte: u8) -> bool {
    words::is_local(byte)
}

/// Whether the search at the place where `rest` begins depends on what follows `rest`.
pub(super) fn is_open(earlier: &[u8], rest: &[u8]) -> bool {
    let Some(first) = rest.first() else { return false };
    if *first == b'@' {
        return words::is_open_email(earlier, rest);
    }
    if earlier.last().is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    let is_address = || (first.is_ascii_hexdigit() || *first == b':') && words::is_open_ipv6(rest);
    match first {
        b'0'..=b'9' | b'+' | b'(' => numbers::is_open(rest) || is_address(),
        b'A'..=b'Z' | b'a'..=b'z' => {
            words::is_open_iban(rest) || words::is_open_spanish_id(rest) || is_address()
        }
        _ => is_address(),
    }
}
