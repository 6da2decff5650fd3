//! Numbers as providers write them: whole, with a decimal point or an exponent, or as text.
//!
//! They are read from their digits, not through a binary fraction: 0.00014 dollars are 140 millionths, not 141.

use serde_json::value::RawValue;

use crate::json::lenient::string;
use crate::json::object::Kind;

/// Greatest count that is believed: above it, a number with a decimal point is no longer exact.
const MAX_COUNT: u64 = 1 << 53;

/// A count. Fractions are dropped and negative numbers are zero; `None` for what is not a number.
pub fn count(value: &RawValue) -> Option<u64> {
    Some(scaled(value, 0, false)?.min(MAX_COUNT))
}

/// An amount times ten to the power of `digits`, rounded up.
pub fn amount(value: &RawValue, digits: i32) -> Option<u64> {
    scaled(value, digits, true)
}

fn scaled(value: &RawValue, digits: i32, is_rounded_up: bool) -> Option<u64> {
    match Kind::of(value) {
        Kind::Number => shifted(value.get(), digits, is_rounded_up),
        Kind::String => shifted(string(value)?.trim(), digits, is_rounded_up),
        _ => None,
    }
}

/// The decimal number in a text, times ten to the power of `shift`.
fn shifted(text: &str, shift: i32, is_rounded_up: bool) -> Option<u64> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa: u128 = 0;
    let mut power = exponent.saturating_add(shift);
    let mut has_more = false;
    for (digit, is_fraction) in
        whole.bytes().map(|digit| (digit, false)).chain(fraction.bytes().map(|digit| (digit, true)))
    {
        if !digit.is_ascii_digit() {
            return None;
        }
        // More digits than any count or price has: their places count, their values do not.
        if mantissa < 10_u128.pow(30) {
            mantissa = mantissa * 10 + u128::from(digit - b'0');
            power = power.saturating_sub(i32::from(is_fraction));
        } else {
            power = power.saturating_add(i32::from(!is_fraction));
            has_more |= digit != b'0';
        }
    }
    if is_negative || mantissa == 0 {
        return Some(0);
    }
    let magnitude = 10_u128.checked_pow(power.unsigned_abs());
    let result = match (power < 0, magnitude) {
        (false, Some(magnitude)) => mantissa.saturating_mul(magnitude),
        (false, None) => u128::MAX,
        (true, Some(magnitude)) => {
            let has_rest = has_more || !mantissa.is_multiple_of(magnitude);
            mantissa / magnitude + u128::from(is_rounded_up && has_rest)
        }
        (true, None) => u128::from(is_rounded_up),
    };
    Some(u64::try_from(result).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn counts_however_they_are_written() {
        for (json, expected) in [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("7.9", Some(7)),
            ("1.2e3", Some(1200)),
            ("12E-1", Some(1)),
            ("\"42\"", Some(42)),
            ("\" 42.0 \"", Some(42)),
            ("-5", Some(0)),
            ("0", Some(0)),
            ("1e400", Some(MAX_COUNT)),
            ("1e-400", Some(0)),
            ("99999999999999999999999999999999999999999999", Some(MAX_COUNT)),
            ("null", None),
            ("true", None),
            ("\"\"", None),
            ("\"many\"", None),
            ("\"-\"", None),
            ("\"1e\"", None),
            ("[1]", None),
            ("{}", None),
        ] {
            assert_eq!(count(&raw(json)), expected, "{json}");
        }
    }

    #[test]
    fn amounts_are_exact_and_rounded_up_once() {
        for (json, expected) in [
            ("0.00014", 140),
            ("0.000000000000001", 1),
            ("1.4e-4", 140),
            ("0.0001400001", 141),
            ("\"0.0012890\"", 1289),
            ("3", 3_000_000),
            ("0", 0),
            ("0.0", 0),
            ("-1", 0),
            ("1e-99", 1),
        ] {
            assert_eq!(amount(&raw(json), 6), Some(expected), "{json}");
        }
        assert_eq!(amount(&raw("37756000"), -4), Some(3776));
        assert_eq!(amount(&raw("1e300"), 6), Some(u64::MAX));
    }
}
