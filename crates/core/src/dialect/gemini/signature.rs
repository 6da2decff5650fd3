//! Signatures of thoughts (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
//!
//! A `thoughtSignature` is base64 that only its own vendor can read. The canonical model does not contain its origin,
//! and a conversation may have begun with another provider, whose signatures the service would refuse with a 400.
//! Signatures that can be recognised as foreign by their form are therefore dropped.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};

/// The documented placeholder for the signature of a call by another model.
pub(super) const STAND_IN: &str = "skip_thought_signature_validator";

/// Marks an encrypted thinking block of another vendor, which a Gemini caller receives as a signature.
const REDACTED_MARK: &[u8] = b"redacted:";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT_STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// An encrypted thinking block as a signature.
pub(super) fn wrap_redacted(data: &str) -> String {
    STANDARD.encode([REDACTED_MARK, data.as_bytes()].concat())
}

/// The encrypted thinking block in a signature.
pub(super) fn unwrap_redacted(signature: &str) -> Option<String> {
    // Most signatures are long and not marked; the mark has as many bytes as these characters of base64.
    if !signature.starts_with("cmVkYWN0ZWQ6") {
        return None;
    }
    let bytes = decode(signature)?;
    String::from_utf8(bytes.strip_prefix(REDACTED_MARK)?.to_vec()).ok()
}

/// Marks a signature of another vendor that is no base64.
const TEXT_MARK: &[u8] = b"verbatim:";

/// A signature as clients of this dialect accept it: they read base64, and refuse any other text.
pub(super) fn for_clients(signature: &str) -> Cow<'_, str> {
    if STANDARD.decode(signature).is_ok() || URL_SAFE.decode(signature).is_ok() {
        return Cow::Borrowed(signature);
    }
    Cow::Owned(STANDARD.encode([TEXT_MARK, signature.as_bytes()].concat()))
}

/// The signature that was given to a client.
pub(super) fn from_client(signature: String) -> String {
    if !signature.starts_with("dmVyYmF0aW06") {
        return signature;
    }
    let bytes = decode(&signature);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.strip_prefix(TEXT_MARK)?.to_vec()).ok());
    text.unwrap_or(signature)
}

/// Whether the signature certainly belongs to another vendor.
pub(super) fn is_foreign(signature: &str) -> bool {
    if signature == STAND_IN {
        return false;
    }
    let Some(bytes) = decode(signature) else { return true };
    // Encrypted reasoning of OpenAI is a Fernet token with version byte 0x80 (and a time that begins with zeros).
    let fernet = bytes.starts_with(&[0x80, 0, 0, 0]);
    fernet || bytes.starts_with(REDACTED_MARK) || is_anthropic(&bytes)
}

/// Anthropic's is a protocol buffer: field 2 is a message whose field 1 is a message that begins with a number. In
/// Gemini's, field 1 at that place is bytes that begin with 1.
fn is_anthropic(bytes: &[u8]) -> bool {
    let inner = |bytes: &[u8], tag: u8| -> Option<Vec<u8>> {
        let mut rest = bytes.strip_prefix(&[tag])?.iter();
        // The length, seven bits per byte.
        rest.by_ref().take(4).find(|byte| **byte < 0x80)?;
        Some(rest.copied().collect())
    };
    inner(bytes, 0x12)
        .and_then(|message| inner(&message, 0x0a))
        .is_some_and(|field| field.starts_with(&[0x08]))
}

fn decode(signature: &str) -> Option<Vec<u8>> {
    LENIENT_STANDARD.decode(signature).or_else(|_| LENIENT_URL_SAFE.decode(signature)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_base64_and_give_back_what_was_signed() {
        for signature in ["YQ==", "YWI_", "NexusAnthropic00YQ=="] {
            assert_eq!(for_clients(signature), signature);
        }
        for signature in ["YR==", "YQ", "NexusAnthropic00not base64", "a"] {
            let given = for_clients(signature).into_owned();
            assert!(STANDARD.decode(&given).is_ok(), "{given}");
            assert_eq!(from_client(given), signature);
        }
        assert_eq!(from_client("YQ==".into()), "YQ==");
    }

    #[test]
    fn redacted_thoughts_travel_as_a_signature() {
        let wrapped = wrap_redacted("EmwKAhgB");
        assert_eq!(unwrap_redacted(&wrapped).as_deref(), Some("EmwKAhgB"));
        assert!(is_foreign(&wrapped));
        assert_eq!(unwrap_redacted("CiQB"), None);
    }

    #[test]
    fn foreign_signatures_are_told_by_their_form() {
        let anthropic = STANDARD.encode([0x12, 0xb5, 0x01, 0x0a, 0x46, 0x08, 0x05, 0x18]);
        let gemini = STANDARD.encode([0x12, 0xdc, 0x03, 0x0a, 0xd9, 0x03, 0x01, 0x72]);
        let gemini_2 = STANDARD.encode([0x0a, 0xf7, 0x10, 0x01, 0xd1]);
        let fernet = STANDARD.encode([0x80, 0, 0, 0, 0, 0x66]);
        assert!(is_foreign(&anthropic) && is_foreign(&fernet) && is_foreign("not base64!"));
        assert!(!is_foreign(&gemini) && !is_foreign(&gemini_2) && !is_foreign(STAND_IN));
        assert!(!is_foreign("c2ln") && !is_foreign(""));
    }
}
