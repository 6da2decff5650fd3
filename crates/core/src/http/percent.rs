//! Percent-encoding (RFC 3986, section 2.1). A `+` is a plus sign throughout: these are paths and single values, not
//! forms.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All characters but the unreserved ones.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Model names have their version after an `@`, which services expect unencoded.
const RESERVED_IN_NAMES: &AsciiSet = &RESERVED.remove(b'@');

/// A text as one segment of a path or as a value in a query: everything is encoded but unreserved characters.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The same for a name or an id, in which `@` is not encoded.
#[must_use]
pub fn encode_name(name: &str) -> String {
    utf8_percent_encode(name, RESERVED_IN_NAMES).to_string()
}

/// The text; `None` if a `%` is not followed by two hexadecimal digits or if the bytes are not UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    let is_valid = text
        .split('%')
        .skip(1)
        .all(|rest| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
    is_valid.then(|| percent_decode_str(text).decode_utf8().ok()).flatten()
}

/// The text; invalid encodings are kept as they are, and bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn decode_lossy(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode("aZ09-._~ /?#@%+&=ü"), "aZ09-._~%20%2F%3F%23%40%25%2B%26%3D%C3%BC");
        assert_eq!(encode_name("publisher/model@001"), "publisher%2Fmodel@001");
    }

    #[test]
    fn broken_encodings_are_refused_or_kept() {
        for (broken, kept) in
            [("%", "%"), ("%4", "%4"), ("a%zz", "a%zz"), ("%2x%41%", "%2xA%"), ("%%41", "%A")]
        {
            assert_eq!(decode(broken), None, "{broken}");
            assert_eq!(decode_lossy(broken), kept, "{broken}");
        }
        assert_eq!((decode("%ff"), decode_lossy("%ff").as_ref()), (None, "\u{fffd}"));
        assert_eq!(decode("a+b%2Fc%c3%BC").as_deref(), Some("a+b/cü"));
        assert!(matches!(decode("plain"), Some(Cow::Borrowed("plain"))));
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            for encoded in [encode(&text), encode_name(&text)] {
                prop_assert_eq!(decode(&encoded), Some(Cow::Borrowed(text.as_str())));
                prop_assert_eq!(decode_lossy(&encoded), text.as_str());
            }
        }
    }
}
