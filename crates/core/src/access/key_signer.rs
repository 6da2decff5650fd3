//! What proves the signatures of an API key, and when one is needed.
//!
//! A key signs with a secret of its own, which the gateway makes and stores sealed, or with an Ed25519 key of which the gateway
//! knows the public half. Neither has to do with the secret of the API key, of which only a hash is stored.

use super::api_key::ApiKeyRecord;
use super::signing::SignatureUse;
use crate::error::ApiError;
use crate::secrets::rotation::{SealedField, SealedRecord};

/// What the signatures of a key are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer<'a> {
    /// `hmac-sha256` with a secret, sealed.
    Secret(&'a str),
    /// `ed25519` with a public key, in base64url.
    PublicKey(&'a str),
}

impl Signer<'_> {
    /// The name of the algorithm in the registry of RFC 9421.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "hmac-sha256",
            Self::PublicKey(_) => "ed25519",
        }
    }
}

impl ApiKeyRecord {
    /// What the key's signatures are checked with; `None` if nothing was set.
    #[must_use]
    pub fn signer(&self) -> Option<Signer<'_>> {
        let secret = self.signing_secret_sealed.as_deref().map(Signer::Secret);
        secret.or_else(|| self.signing_public_key.as_deref().map(Signer::PublicKey))
    }

    /// The context that binds the sealed signing secret to its key.
    #[must_use]
    pub fn signing_context(id: &str) -> String {
        format!("api_keys/{id}/signing_secret")
    }

    /// Checks a request that is made with the key and was signed by the key `signed_by`, if it was signed.
    ///
    /// # Errors
    /// `signature_required` and `invalid_signature` (401).
    pub fn check_signed(&self, signed_by: Option<&str>) -> Result<(), ApiError> {
        match signed_by {
            Some(id) if id != self.id => {
                let message = "The request is signed by another key than the one that it is made with.";
                Err(ApiError::unauthorized("invalid_signature", message))
            }
            None if self.signature == SignatureUse::Required => {
                let message = "This API key is only accepted with a signature (RFC 9421, tag `nexus`).";
                Err(ApiError::unauthorized("signature_required", message))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a key that asks for signatures can have any.
    ///
    /// # Errors
    /// `invalid_value` (400).
    pub fn check_signer(&self) -> Result<(), ApiError> {
        if self.signature == SignatureUse::Off || self.signer().is_some() {
            return Ok(());
        }
        let message = "Set `signing_public_key`, or make a secret with POST /keys/{id}/signing-secret first.";
        Err(ApiError::invalid("invalid_value", "signature", message))
    }
}

impl SealedRecord for ApiKeyRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        let context = Self::signing_context(&self.id);
        let value = self.signing_secret_sealed.as_mut();
        value.map(|value| SealedField { name: "signing_secret", context, value }).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::api_key::test_record;

    #[test]
    fn a_key_is_used_with_its_own_signature_or_where_none_is_asked_for() {
        let mut key = test_record();
        let code = |key: &ApiKeyRecord, by| key.check_signed(by).map_err(|error| error.code);
        for (used, alone) in [
            (SignatureUse::Off, Ok(())),
            (SignatureUse::Optional, Ok(())),
            (SignatureUse::Required, Err("signature_required")),
        ] {
            key.signature = used;
            assert_eq!(code(&key, None), alone);
            assert_eq!(code(&key, Some("a")), Ok(()));
            assert_eq!(code(&key, Some("b")), Err("invalid_signature"));
        }
    }

    #[test]
    fn signatures_are_asked_for_only_where_they_can_be_made() {
        let mut key = test_record();
        assert!(key.check_signer().is_ok());
        key.signature = SignatureUse::Optional;
        assert_eq!(key.check_signer().unwrap_err().param.as_deref(), Some("signature"));
        key.signing_public_key = Some("x".into());
        assert_eq!(key.signer().unwrap().algorithm(), "ed25519");
        key.signing_secret_sealed = Some("sealed".into());
        assert_eq!(key.signer().unwrap().algorithm(), "hmac-sha256");
        assert!(key.check_signer().is_ok());
    }
}
