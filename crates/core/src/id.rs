//! Identifiers made by the gateway.
//!
//! All of them are ULIDs (<https://github.com/ulid/spec>): they sort by time, so tables with such keys are appended
//! to at their end and paged with a plain `id < cursor`.

use ulid::Ulid;

/// Random bytes that one ULID needs.
pub const ULID_RANDOM_BYTES: usize = 10;

/// A ULID for `now_ms` (milliseconds since the epoch) with the given randomness, as 26 characters.
#[must_use]
pub fn ulid(now_ms: u64, random: [u8; ULID_RANDOM_BYTES]) -> String {
    let entropy = random.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    Ulid::from_parts(now_ms, entropy).to_string()
}

/// When a ULID was made, in milliseconds since the epoch. `None` if the text is none.
#[must_use]
pub fn time_of(ulid: &str) -> Option<u64> {
    Ulid::from_string(ulid).ok().map(|ulid| ulid.timestamp_ms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_time_and_keeps_the_randomness() {
        let early = ulid(1_000, [255; 10]);
        let late = ulid(1_001, [0; 10]);
        assert!(early < late);
        assert_eq!(early.len(), 26);
        assert_ne!(ulid(1, [1; 10]), ulid(1, [2; 10]));
        assert_eq!((time_of(&late), time_of("no ulid")), (Some(1_001), None));
    }
}
