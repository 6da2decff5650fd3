//! The canonical form of a JSON text (JCS, RFC 8785): what is hashed, so that white space, escapes and the order of
//! members make no difference, and everything else does. One difference from the RFC: where two texts of equal length are
//! equally close to a number, Rust's choice stands and not ECMAScript's.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::fault::JsonFault;
use super::members::Members;

/// The canonical form of a JSON text. Its depth must have been limited before ([`super::depth()`]).
///
/// # Errors
/// A repeated member at any depth, or a text that is not JSON.
pub fn canonical(json: &str) -> Result<String, JsonFault> {
    let mut out = String::with_capacity(json.len());
    write(json.trim(), &mut out)?;
    Ok(out)
}

fn write(json: &str, out: &mut String) -> Result<(), JsonFault> {
    match json.as_bytes().first() {
        Some(b'{') => {
            let members = Members::parse(json)?;
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|one, other| one.name.encode_utf16().cmp(other.name.encode_utf16()));
            out.push('{');
            for (index, member) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(&member.name, out);
                out.push(':');
                write(member.value.get(), out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| JsonFault::Syntax)?;
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item.get(), out)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(json).map_err(|_| JsonFault::Syntax)?;
            write_string(&text, out);
        }
        _ if matches!(json, "null" | "true" | "false") => out.push_str(json),
        _ => write_number(json.parse().map_err(|_| JsonFault::Syntax)?, out)?,
    }
    Ok(())
}

/// A string with the escapes of ECMAScript's `JSON.stringify`.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A number as ECMAScript writes it: the shortest digits that read back as the same `f64`, without an exponent between
/// 1e-6 and 1e21.
fn write_number(number: f64, out: &mut String) -> Result<(), JsonFault> {
    if !number.is_finite() {
        return Err(JsonFault::Syntax);
    }
    if number == 0.0 {
        out.push('0');
        return Ok(());
    }
    if number < 0.0 {
        out.push('-');
    }
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e').ok_or(JsonFault::Syntax)?;
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    // The place of the decimal point, counted from the first digit.
    let point = exponent.parse::<i32>().map_err(|_| JsonFault::Syntax)? + 1;
    let count = i32::try_from(digits.len()).map_err(|_| JsonFault::Syntax)?;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let split = |at: i32| digits.split_at(usize::try_from(at).unwrap_or_default().min(digits.len()));
    if count <= point && point <= 21 {
        out.push_str(&digits);
        out.push_str(&zeros(point - count));
    } else if 0 < point && point <= 21 {
        let (whole, fraction) = split(point);
        let _ = write!(out, "{whole}.{fraction}");
    } else if -6 < point && point <= 0 {
        let _ = write!(out, "0.{}{digits}", zeros(-point));
    } else {
        let (first, rest) = split(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if point > 0 { '+' } else { '-' };
        let _ = write!(out, "{first}{dot}{rest}e{sign}{}", (point - 1).abs());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_rfc_is_written_as_the_rfc_writes_it() {
        let given = r#"{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#;
        let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                        \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(given).unwrap(), expected);
    }

    #[test]
    fn members_are_sorted_by_utf16_code_units() {
        let given = r#"{"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Smiley","\u0080":"Control","\u00f6":"o"}"#;
        let order: Vec<char> = Members::parse(&canonical(given).unwrap())
            .unwrap()
            .iter()
            .filter_map(|member| member.name.chars().next())
            .collect();
        assert_eq!(order, ['\r', '1', '\u{80}', 'ö', '€', '😀', '\u{fb33}']);
    }

    #[test]
    fn numbers_are_those_of_appendix_b() {
        for (given, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("5e-324", "5e-324"),
            ("-5e-324", "-5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("1e23", "1e+23"),
            ("999999999999999900000", "999999999999999900000"),
            ("1e21", "1e+21"),
            ("0.000001", "0.000001"),
            ("9.999999999999997e-7", "9.999999999999997e-7"),
            ("333333333.3333332", "333333333.3333332"),
            ("1.0", "1"),
        ] {
            assert_eq!(canonical(given).unwrap(), expected);
        }
        assert!(canonical("1e999").is_err() && canonical("nan").is_err() && canonical("inf").is_err());
    }

    #[test]
    fn a_repeated_member_has_no_canonical_form() {
        assert!(canonical(r#"{"a":{"b":1,"b":2}}"#).is_err());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_is_its_own_canonical_form_and_ignores_white_space(value in json()) {
            let once = canonical(&value.to_string()).unwrap();
            prop_assert_eq!(&canonical(&once).unwrap(), &once);
            prop_assert_eq!(canonical(&serde_json::to_string_pretty(&value).unwrap()).unwrap(), once);
        }
    }
}
