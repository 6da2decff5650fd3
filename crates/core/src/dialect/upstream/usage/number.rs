//! Numbers as providers write them: whole, with a decimal point or an exponent, or as text.
//!
//! They are read from their digits, not through a binary fraction: 0.00014 dollars are 140 millionths, not 141.

use serde_json::value::RawValue;

use crate::json::lenient::string;
use crate::json::object::Kind;

/// A number that what it counts cannot have: negative, or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absurd;

/// A count of at most `most`. Fractions are dropped; `None` for what is not a number.
pub fn count(value: &RawValue, most: u64) -> Option<Result<u64, Absurd>> {
    scaled(value, 0, false).map(|read| read.and_then(|count| bounded(count, most)))
}

/// An amount times ten to the power of `digits`, rounded up, of at most `most`.
pub fn amount(value: &RawValue, digits: i32, most: u64) -> Option<Result<u64, Absurd>> {
    scaled(value, digits, true).map(|read| read.and_then(|amount| bounded(amount, most)))
}

fn bounded(number: u64, most: u64) -> Result<u64, Absurd> {
    if number <= most { Ok(number) } else { Err(Absurd) }
}

fn scaled(value: &RawValue, digits: i32, is_rounded_up: bool) -> Option<Result<u64, Absurd>> {
    match Kind::of(value) {
        Kind::Number => shifted(value.get(), digits, is_rounded_up),
        Kind::String => shifted(string(value)?.trim(), digits, is_rounded_up),
        _ => None,
    }
}

/// The decimal number in a text, times ten to the power of `shift`.
fn shifted(text: &str, shift: i32, is_rounded_up: bool) -> Option<Result<u64, Absurd>> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent_of(exponent)?),
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
    if mantissa == 0 {
        return Some(Ok(0));
    }
    if is_negative {
        return Some(Err(Absurd));
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
    Some(u64::try_from(result).map_err(|_| Absurd))
}

/// An exponent; one that is out of any range is as good as the largest.
fn exponent_of(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i32>().unwrap_or(i32::MAX);
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 20_000_000;

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
            ("-5", None),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("20000000", Some(MOST)),
            ("20000001", None),
            ("1e99999999999", None),
            ("1e-99999999999", Some(0)),
            ("0", Some(0)),
            ("1e400", None),
            ("1e-400", Some(0)),
            ("99999999999999999999999999999999999999999999", None),
            ("null", None),
            ("true", None),
            ("\"\"", None),
            ("\"many\"", None),
            ("\"-\"", None),
            ("\"1e\"", None),
            ("[1]", None),
            ("{}", None),
        ] {
            assert_eq!(count(&raw(json), MOST).and_then(Result::ok), expected, "{json}");
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
            ("1e-99", 1),
        ] {
            assert_eq!(amount(&raw(json), 6, u64::MAX), Some(Ok(expected)), "{json}");
        }
        assert_eq!(amount(&raw("37756000"), -4, u64::MAX), Some(Ok(3776)));
        for absurd in ["1e300", "-1", "-1e-9", "1001", "9007199254740993"] {
            assert_eq!(amount(&raw(absurd), 6, 1_000_000_000), Some(Err(Absurd)), "{absurd}");
        }
    }
}
