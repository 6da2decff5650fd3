//! A text as the value of a header: as it is where it is safe, else in base64 between marks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// A text as the value of a header.
#[must_use]
pub fn encode(text: &str) -> String {
    let has_marks = text.starts_with(PREFIX) && text.ends_with(SUFFIX);
    let is_padded = text.starts_with(' ') || text.ends_with(' ');
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_printable && !is_padded && !has_marks {
        text.to_owned()
    } else {
        format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(text))
    }
}

/// The text that a value stands for; `None` where it has characters that no value may have, or is not base64 between the
/// marks.
#[must_use]
pub fn decode(value: &str) -> Option<String> {
    match value.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)) {
        Some(encoded) => STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        None => value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')).then(|| value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_specification_are_written_as_it_writes_them() {
        for (text, value) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encode(text), value);
        }
        assert_eq!(decode("ä"), None);
        assert_eq!(decode("=?base64?!?="), None);
        assert_eq!(decode("=?base64?/w==?="), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_safe_and_decodes_to_itself(text in any::<String>()) {
            let value = encode(&text);
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value);
            prop_assert_eq!(decode(&value), Some(text));
        }
    }
}
