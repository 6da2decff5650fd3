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

/// The digits of a ULID, in their order, which is that of texts as well.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Digits of a ULID that are its time.
const TIME_DIGITS: usize = 10;

/// The time of a ULID, in milliseconds since the epoch. Of any other text, the time of the ULIDs that it stands behind when
/// texts are sorted: a larger text never has an earlier time.
#[must_use]
pub fn floor_time_of(id: &str) -> u64 {
    let mut time = 0_u64;
    let mut digits = id.bytes();
    for left in (0..TIME_DIGITS).rev().map(|places| 5 * places) {
        let digit = digits.next().unwrap_or_default();
        let behind = DIGITS.partition_point(|known| *known <= digit) as u64;
        time = (time << 5) | behind.saturating_sub(1);
        if !DIGITS.contains(&digit) {
            let next = if behind == 0 { time } else { time + 1 };
            return (next << left).saturating_sub(1);
        }
    }
    // Fewer digits than a ULID has, or others, may stand before all ULIDs of this time.
    if *ulid(time, [0; ULID_RANDOM_BYTES]) > *id { time.saturating_sub(1) } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_time_of_an_id_comes_back() {
        assert_eq!(floor_time_of(&ulid(1_795_973_559_123, [255; 10])), 1_795_973_559_123);
        assert_eq!(floor_time_of(&ulid(0, [0; 10])), 0);
        assert_eq!(floor_time_of(""), 0);
    }

    proptest! {
        #[test]
        fn the_time_of_any_text_is_in_its_order(text in "[ -~]{0,14}", ms in 0_u64..4_000_000_000_000) {
            let time = floor_time_of(&text);
            prop_assert!(ulid(time, [0; 10]) <= text || time == 0, "{}", time);
            prop_assert!(text < ulid(time + 1, [0; 10]) || time + 1 >= 1 << 48, "{}", time);
            prop_assert_eq!(floor_time_of(&ulid(ms, [7; 10])), ms);
        }
    }

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
