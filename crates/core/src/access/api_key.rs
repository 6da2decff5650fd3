//! API keys: `sk-nx-<public id>-<secret>`.
//!
//! The public id names the key in lists, logs and statistics; the secret is shown once and never stored. What is
//! stored is the SHA-256 of the whole key: its 160 random bits make a slow password hash pointless.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::flag;
use crate::error::ApiError;

/// How every key of ours begins. Some clients insist on `sk-`.
const PREFIX: &str = "sk-nx-";
const PUBLIC_ID_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 32;
/// Random bytes that make one key: one for each character.
pub const KEY_RANDOM_BYTES: usize = PUBLIC_ID_LENGTH + SECRET_LENGTH;
/// 32 symbols, so that a random byte maps to them without bias; without letters that are taken for digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new key, in clear.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
}

impl ApiKey {
    /// Makes a key from random bytes.
    #[must_use]
    pub fn from_random(random: [u8; KEY_RANDOM_BYTES]) -> Self {
        let symbol = |byte: &u8| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0'));
        let (id, secret) = random.split_at(PUBLIC_ID_LENGTH);
        let id: String = id.iter().map(symbol).collect();
        let secret: String = secret.iter().map(symbol).collect();
        Self { text: format!("{PREFIX}{id}-{secret}") }
    }

    /// The key itself. To be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The part that may be shown, stored and logged.
    #[must_use]
    pub fn public_id(&self) -> &str {
        self.text.get(PREFIX.len()..PREFIX.len() + PUBLIC_ID_LENGTH).unwrap_or_default()
    }

    /// What is stored to recognise the key.
    #[must_use]
    pub fn hash(&self) -> String {
        hash_key(&self.text)
    }
}

/// The stored form of a key: lower-case hexadecimal SHA-256.
#[must_use]
pub fn hash_key(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        hex
    })
}

/// Whether a text has the form of our keys, so that looking it up is worth it.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    text.len() == PREFIX.len() + PUBLIC_ID_LENGTH + 1 + SECRET_LENGTH && text.starts_with(PREFIX)
}

/// How a key is shown in lists: enough to recognise it, nothing to use it with.
#[must_use]
pub fn shown_prefix(public_id: &str) -> String {
    format!("{PREFIX}{public_id}-…")
}

/// An API key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// Public id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it may be used.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Milliseconds since the epoch after which it is refused.
    pub expires_at: Option<u64>,
    /// Models it may use; `None` is all. A trailing `*` makes a prefix.
    pub allowed_models: Option<Vec<String>>,
    /// Ids of the providers it may use; `None` is all.
    pub allowed_providers: Option<Vec<i64>>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
    /// Milliseconds since the epoch of the newest recorded request.
    pub last_used_at: Option<u64>,
}

impl ApiKeyRecord {
    /// Whether the key may be used at `now_ms`.
    pub fn check(&self, now_ms: u64) -> Result<(), ApiError> {
        if !self.enabled {
            return Err(ApiError::unauthorized("api_key_disabled", "This API key is disabled."));
        }
        if self.expires_at.is_some_and(|end| end <= now_ms) {
            return Err(ApiError::unauthorized("api_key_expired", "This API key has expired."));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_documented_form() {
        let key = ApiKey::from_random(std::array::from_fn(|index| u8::try_from(index * 5).unwrap()));
        assert!(key.reveal().starts_with("sk-nx-"));
        assert_eq!(key.reveal().len(), 6 + 12 + 1 + 32);
        assert_eq!(key.reveal().split('-').count(), 4);
        assert_eq!(key.public_id().len(), 12);
        assert!(is_api_key(key.reveal()) && !is_api_key("sk-nx-short"));
        assert!(key.reveal().contains(key.public_id()));
        assert!(!shown_prefix(key.public_id()).contains(&key.reveal()[19..]));
    }

    #[test]
    fn the_hash_is_plain_sha256() {
        assert_eq!(hash_key("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn disabled_and_expired_keys_are_refused() {
        let mut key = ApiKeyRecord {
            id: "a".into(),
            name: "a".into(),
            enabled: true,
            expires_at: Some(1000),
            allowed_models: None,
            allowed_providers: None,
            created_at: 0,
            updated_at: 0,
            last_used_at: None,
        };
        assert!(key.check(999).is_ok());
        assert_eq!(key.check(1000).unwrap_err().code, "api_key_expired");
        key.enabled = false;
        assert_eq!(key.check(0).unwrap_err().code, "api_key_disabled");
    }
}
