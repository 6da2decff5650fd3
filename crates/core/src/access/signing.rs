//! What an API key may say about signatures of its requests (RFC 9421).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// Bytes of an Ed25519 public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// Whether requests with a key are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignatureUse {
    /// Signatures are not looked at.
    #[default]
    Off,
    /// A signature is checked where there is one, and stands for the key's secret.
    Optional,
    /// The key's secret alone is not enough. Also what a stored value of another version counts as.
    #[serde(other)]
    Required,
}

impl SignatureUse {
    /// Every value by its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("off", Self::Off), ("optional", Self::Optional), ("required", Self::Required)];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

/// The one form of an Ed25519 public key: base64url without padding. Takes that and base64.
///
/// # Errors
/// `invalid_value` (400) for anything else.
#[expect(clippy::needless_pass_by_value, reason = "the rule of a field hands the value over")]
pub fn check_public_key(given: String) -> Result<String, ApiError> {
    let bytes = STANDARD.decode(&given).or_else(|_| URL_SAFE_NO_PAD.decode(&given));
    let key = bytes.ok().filter(|bytes| bytes.len() == PUBLIC_KEY_BYTES);
    key.map(|key| URL_SAFE_NO_PAD.encode(key)).ok_or_else(|| {
        let message = "`signing_public_key` must be the 32 bytes of an Ed25519 key, in base64.";
        ApiError::invalid("invalid_value", "signing_public_key", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_use_of_another_version_asks_for_a_signature() {
        for (name, used) in SignatureUse::NAMES {
            assert_eq!(serde_json::from_str::<SignatureUse>(&format!("{name:?}")).unwrap(), *used);
            assert_eq!(used.name(), *name);
        }
        assert_eq!(serde_json::from_str::<SignatureUse>(r#""twice""#).unwrap(), SignatureUse::Required);
    }

    #[test]
    fn public_keys_have_one_form() {
        let bytes = [251; 32];
        let form = URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(check_public_key(STANDARD.encode(bytes)).as_ref(), Ok(&form));
        assert_eq!(check_public_key(form.clone()).as_ref(), Ok(&form));
        for other in [URL_SAFE_NO_PAD.encode([1; 31]), "?".into(), STANDARD.encode([1; 33])] {
            assert_eq!(check_public_key(other).unwrap_err().param.as_deref(), Some("signing_public_key"));
        }
    }
}
