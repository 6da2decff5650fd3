//! Ids of tool calls as callers of this dialect see them.
//!
//! The API accepts only letters, digits, `_` and `-`, and a client may go on with a conversation at an upstream of this
//! dialect, which gets its ids unchanged. Ids of other providers contain dots and colons, so those characters are
//! spelled out for the caller, reversibly: the provider gets its own id back. And the API has no field for the
//! signature that Gemini requires with a tool call: a client sends back only the id, so the signature is appended to it
//! and removed again when the id returns.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Separates an id from the signature appended to it.
const SEPARATOR: &str = "__sig_";

/// Stands for an empty id.
const EMPTY: &str = "call";

/// The id for a caller: it matches `^[a-zA-Z0-9_-]+$`.
pub fn shown<'a>(id: &'a str, signature: Option<&str>) -> Cow<'a, str> {
    let spelled = spelled(id);
    match signature {
        Some(signature) if !signature.is_empty() => {
            Cow::Owned(format!("{spelled}{SEPARATOR}{}", URL_SAFE_NO_PAD.encode(signature)))
        }
        _ => spelled,
    }
}

/// The upstream's id and its signature.
pub fn read(shown: &str) -> (Cow<'_, str>, Option<String>) {
    let signed = shown.rsplit_once(SEPARATOR).and_then(|(id, encoded)| {
        let signature = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        (!signature.is_empty()).then_some((id, Some(signature)))
    });
    let (id, signature) = signed.unwrap_or((shown, None));
    (unspelled(id), signature)
}

/// The id in accepted characters: every other byte becomes `_x` and its hexadecimal digits, and so does a `_` that
/// would read as the beginning of one.
fn spelled(id: &str) -> Cow<'_, str> {
    if id.is_empty() {
        return Cow::Borrowed(EMPTY);
    }
    let bytes = id.as_bytes();
    let stays = |(at, byte): (usize, &u8)| is_accepted(*byte) && escaped(bytes, at).is_none();
    if bytes.iter().enumerate().all(stays) {
        return Cow::Borrowed(id);
    }
    let mut written = String::with_capacity(id.len() + 8);
    for (at, byte) in bytes.iter().enumerate() {
        if stays((at, byte)) {
            written.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(written, "_x{byte:02x}");
        }
    }
    Cow::Owned(written)
}

/// The id that is spelled in this way; the same id if no other is.
fn unspelled(id: &str) -> Cow<'_, str> {
    if !id.contains("_x") {
        return Cow::Borrowed(id);
    }
    let bytes = id.as_bytes();
    let mut read = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if let Some(escaped) = escaped(bytes, at) {
            read.push(escaped);
            at += 4;
        } else {
            read.push(*byte);
            at += 1;
        }
    }
    match String::from_utf8(read) {
        // An id that happens to look like a spelled one is not changed.
        Ok(read) if read != id && spelled(&read) == id => Cow::Owned(read),
        _ => Cow::Borrowed(id),
    }
}

/// The byte that is spelled out here.
fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let digits = bytes.get(at..at.checked_add(4)?)?.strip_prefix(b"_x")?;
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(is_digit))?;
    u8::from_str_radix(text, 16).ok()
}

fn is_accepted(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_signature_travels_in_the_id_and_back() {
        let id = shown("call_1", Some("CpcB+/é=="));
        assert_eq!(read(&id), (Cow::Borrowed("call_1"), Some("CpcB+/é==".to_owned())));
        assert_eq!(shown("call_1", None), "call_1");
        for plain in ["call_1", "toolu_01A__sig_!", "__sig_", ""] {
            assert_eq!(read(plain), (Cow::Borrowed(plain), None));
        }
    }

    #[test]
    fn ids_of_other_providers_are_spelled_out() {
        assert_eq!(shown("toolu_01-A", None), "toolu_01-A");
        assert_eq!(shown("functions.Bash:0", None), "functions_x2eBash_x3a0");
        assert_eq!(read("functions_x2eBash_x3a0").0, "functions.Bash:0");
        let signed = shown("functions.Bash:0", Some("sig"));
        assert_eq!(read(&signed), (Cow::Borrowed("functions.Bash:0"), Some("sig".to_owned())));
        assert_eq!(shown("a_x2eb", None), "a_x5fx2eb");
        assert_eq!(shown("", None), "call");
        // These were not spelled here.
        for other in ["toolu_x41", "a_x5f", "_xff"] {
            assert_eq!(read(other).0, other);
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back(id in "[a-zA-Z0-9_x:. é-]{1,40}", signature in proptest::option::of(".{1,40}")) {
            let shown = shown(&id, signature.as_deref());
            prop_assert!(shown.bytes().all(is_accepted) && !shown.is_empty());
            prop_assert_eq!(read(&shown), (Cow::Borrowed(id.as_str()), signature));
        }
    }
}
