//! The deployment's own keys of sign-in: sealed like every secret, and resealed with the master key.

use serde::Deserialize;

use crate::row::table::table;
use crate::secrets::rotation::{SealedField, SealedRecord};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Goes into every hash of a password: 32 bytes in base64url.
    Password,
    /// Makes refresh tokens: 32 bytes in base64url.
    Refresh,
    /// Signs access tokens: an Ed25519 key as PKCS #8 in base64url.
    Token,
}

impl KeyPurpose {
    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Refresh => "refresh",
            Self::Token => "token",
        }
    }
}

/// A key. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IdentityKeyRecord {
    /// Its name: the `kid` of tokens, the `keyid` of hashes.
    pub id: String,
    /// What it is for: a name of [`KeyPurpose`].
    pub purpose: String,
    /// The public half as a number in base64url, where there is one.
    pub public_key: Option<String>,
    /// The key, sealed.
    pub secret_sealed: String,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    IdentityKeyRecord in "identity_keys" unique "id" {
        given id;
        fixed { purpose, public_key, created_at }
        changing { secret_sealed }
        elsewhere {}
    }
}

impl IdentityKeyRecord {
    /// The context that binds the sealed key to its record.
    #[must_use]
    pub fn context(id: &str) -> String {
        format!("identity_keys/{id}/secret")
    }

    /// Whether the key is for this.
    #[must_use]
    pub fn is_for(&self, purpose: KeyPurpose) -> bool {
        self.purpose == purpose.name()
    }
}

impl SealedRecord for IdentityKeyRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        let context = Self::context(&self.id);
        vec![SealedField { name: "secret", context, value: &mut self.secret_sealed }]
    }
}
