//! Keys. Each has one algorithm; a message cannot choose another.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A key that checks signatures.
pub trait VerifyingKey {
    /// The name of the algorithm in the registry of RFC 9421.
    fn algorithm(&self) -> &'static str;

    /// Whether this is the signature of these bytes, in a time that does not depend on how much of it fits.
    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool;
}

/// A key that makes signatures.
pub trait SigningKey: VerifyingKey {
    /// The signature of these bytes.
    fn sign(&self, bytes: &[u8]) -> Vec<u8>;
}

/// A shared secret for `hmac-sha256`. It is not part of debug output.
#[derive(Clone)]
pub struct HmacSha256 {
    keyed: Hmac<Sha256>,
}

impl HmacSha256 {
    /// The key with these bytes; `None` without any.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        Some(Self { keyed: Hmac::new_from_slice(secret).ok()? })
    }
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HmacSha256")
    }
}

impl VerifyingKey for HmacSha256 {
    fn algorithm(&self) -> &'static str {
        "hmac-sha256"
    }

    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        self.keyed.clone().chain_update(bytes).verify_slice(signature).is_ok()
    }
}

impl SigningKey for HmacSha256 {
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.keyed.clone().chain_update(bytes).finalize().into_bytes().to_vec()
    }
}

/// A public key for `ed25519`.
#[cfg(feature = "ed25519")]
#[derive(Debug, Clone)]
pub struct Ed25519Public(ed25519_compact::PublicKey);

#[cfg(feature = "ed25519")]
impl Ed25519Public {
    /// The key with these 32 bytes; `None` if they are no point of the curve.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        ed25519_compact::PublicKey::from_slice(bytes).ok().map(Self)
    }
}

#[cfg(feature = "ed25519")]
impl VerifyingKey for Ed25519Public {
    fn algorithm(&self) -> &'static str {
        "ed25519"
    }

    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        ed25519_compact::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify(bytes, &signature).is_ok())
    }
}
