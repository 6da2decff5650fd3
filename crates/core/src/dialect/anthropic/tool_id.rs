//! Ids of tool calls.
//!
//! The API accepts only letters, digits, `_` and `-`; ids of other providers contain dots and colons. And it has no
//! field for the signature that Gemini requires with a tool call: a client of this dialect sends back only the id, so
//! the signature is appended to the id and removed again when the id returns. The result is itself a valid id, in
//! case the conversation continues at another upstream.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Separates an id from the signature appended to it.
const SEPARATOR: &str = "__sig_";

/// The id for a caller.
pub fn with_signature<'a>(id: &'a str, signature: Option<&str>) -> Cow<'a, str> {
    match signature {
        Some(signature) if !signature.is_empty() => {
            Cow::Owned(format!("{id}{SEPARATOR}{}", URL_SAFE_NO_PAD.encode(signature)))
        }
        _ => Cow::Borrowed(id),
    }
}

/// The upstream's id and its signature.
pub fn split(id: &str) -> (&str, Option<String>) {
    let parts = id.rsplit_once(SEPARATOR).and_then(|(id, encoded)| {
        let signature = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        (!signature.is_empty()).then_some((id, Some(signature)))
    });
    parts.unwrap_or((id, None))
}

/// The id in characters that the API accepts. Different ids stay different, because replaced characters are spelled
/// out.
pub fn accepted(id: &str) -> Cow<'_, str> {
    let is_accepted = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if id.is_empty() {
        return Cow::Borrowed("call");
    }
    if id.bytes().all(is_accepted) {
        return Cow::Borrowed(id);
    }
    let mut written = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        if is_accepted(byte) {
            written.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(written, "_x{byte:02x}");
        }
    }
    Cow::Owned(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_travels_in_the_id_and_back() {
        let id = with_signature("call_1", Some("CpcB+/é=="));
        assert_eq!(split(&id), ("call_1", Some("CpcB+/é==".to_owned())));
        assert_eq!(accepted(&id), id);
        assert_eq!(with_signature("call_1", None), "call_1");
        for plain in ["call_1", "toolu_01A__sig_!", "__sig_", ""] {
            assert_eq!(split(plain), (plain, None));
        }
    }

    #[test]
    fn ids_of_other_providers_are_spelled_in_accepted_letters() {
        assert_eq!(accepted("toolu_01-A"), "toolu_01-A");
        assert_eq!(accepted("functions.get:0"), "functions_x2eget_x3a0");
        assert_ne!(accepted("a.b"), accepted("a:b"));
        assert_eq!(accepted(""), "call");
    }
}
