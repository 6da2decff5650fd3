//! Texts as JSON strings.
//!
//! Guarantees: what is written is byte for byte what `serde_json` writes. That looks at every byte by itself, which for an archived
//! request of 50 KB was a twentieth of its processor time; here eight are looked at together.

use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use crate::eight_bytes::{below, equal};

/// The text as a JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + text.len() / 32 + 2);
    json.push('"');
    let mut rest = text;
    loop {
        let at = plain_bytes(rest.as_bytes());
        json.push_str(rest.get(..at).unwrap_or_default());
        let Some(byte) = rest.as_bytes().get(at) else { break };
        escape(&mut json, *byte);
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    json.push('"');
    json
}

/// Serializes a text as [`quote`] writes it, for `#[serde(serialize_with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(quote(text)).map_err(S::Error::custom)?.serialize(serializer)
}

/// The same for a list of texts.
///
/// # Errors
/// Those of the serializer.
pub fn texts<S: Serializer>(texts: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(texts.len()))?;
    for text in texts {
        list.serialize_element(&RawValue::from_string(quote(text)).map_err(S::Error::custom)?)?;
    }
    list.end()
}

/// How many bytes at the beginning need no escape.
fn plain_bytes(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let found = to_be_escaped(u64::from_le_bytes(*chunk));
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| **byte >= b' ' && **byte != b'"' && **byte != b'\\';
    chunks.len() * 8 + rest.iter().take_while(is_plain).count()
}

/// The bytes that are a quote, a backslash or below a space.
const fn to_be_escaped(eight: u64) -> u64 {
    below(eight, b' ') | equal(eight, b'"') | equal(eight, b'\\')
}

fn escape(json: &mut String, byte: u8) {
    let short = match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        _ => {
            json.push_str("\\u00");
            for digit in [byte >> 4, byte & 15] {
                json.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
            return;
        }
    };
    json.push_str(short);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place_of_eight() {
        for byte in 0..=0x7f_u8 {
            for before in 0..17 {
                for after in [0, 1, 9] {
                    let text = format!("{}{}{}", "é".repeat(before), char::from(byte), "x".repeat(after));
                    assert_eq!(quote(&text), serde_json::to_string(&text).unwrap());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(text in any::<String>(), ascii in "[ -~\\n\\r\\t\\x00-\\x1f]{0,40}") {
            for text in [&text, &ascii] {
                prop_assert_eq!(quote(text), serde_json::to_string(text).unwrap());
            }
            let list = vec![text, ascii];
            let written = texts(&list, serde_json::value::Serializer).unwrap();
            prop_assert_eq!(written, serde_json::json!(list));
        }
    }
}
