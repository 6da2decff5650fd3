//! Durations as people write them: `500ms`, `1s`, `15m`, `2h`, `1m30s`. A number without a unit is refused, as readers would
//! disagree about what it means.

use std::time::Duration;

/// Reads a duration.
///
/// # Errors
/// The text is no sequence of numbers with a unit each, or longer than a year.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write 500ms, 30s, 15m or 2h");
    let mut rest = text.trim();
    let mut sum_ms: u64 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at_checked(letters).ok_or_else(wrong)?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        sum_ms = number.checked_mul(factor).and_then(|ms| sum_ms.checked_add(ms)).ok_or_else(wrong)?;
        rest = after;
    }
    if sum_ms > 366 * 86_400_000 {
        return Err(format!("`{text}` is longer than a year"));
    }
    Ok(Duration::from_millis(sum_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in
            [("500ms", 500), ("1s", 1_000), ("15m", 900_000), ("2h", 7_200_000), ("1m30s", 90_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_no_end() {
        for text in ["", "5", "s", "5 s", "-1s", "1.5s", "99999999999999999999s", "500d", "5é"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
