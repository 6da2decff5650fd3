//! API keys: `sk-nx-<public id>-<secret>`.
//!
//! The public id names the key in lists, logs and statistics; the secret is shown once and never stored. What is
//! stored is the SHA-256 of the whole key: its 160 random bits make a slow password hash pointless.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::permission::Permissions;
use super::signing::SignatureUse;
use super::tool_approval::ToolApproval;
use super::{StorePolicy, ip_range, store_policy};
use crate::error::ApiError;
use crate::hash::sha256_hex;
use crate::limits::LimitPolicy;
use crate::limits::policy::stored_policy;
use crate::row::table::{self, json, optional_json, table};
use crate::row::{allowed, flag, json_or_default};
use crate::secrets::pii::KeyRedaction;

/// Prefix of every key. Some clients require `sk-`.
const PREFIX: &str = "sk-nx-";
const PUBLIC_ID_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 32;
/// Random bytes of one key: one for each character.
pub const KEY_RANDOM_BYTES: usize = PUBLIC_ID_LENGTH + SECRET_LENGTH;
/// 32 symbols, so that a random byte maps to them without bias; without letters that look like digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new key in clear text.
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

    /// A key with the same id and a new secret.
    #[must_use]
    pub fn with_new_secret(id: &str, random: [u8; KEY_RANDOM_BYTES]) -> Self {
        let fresh = Self::from_random(random);
        let secret = fresh.text.get(PREFIX.len() + PUBLIC_ID_LENGTH..).unwrap_or_default();
        Self { text: format!("{PREFIX}{id}{secret}") }
    }

    /// The key in clear text. To be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The part that may be shown, stored and logged.
    #[must_use]
    pub fn public_id(&self) -> &str {
        self.text.get(PREFIX.len()..PREFIX.len() + PUBLIC_ID_LENGTH).unwrap_or_default()
    }

    /// The stored hash of the key.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.text)
    }
}

/// Whether a text has the form of our keys, so that a look-up makes sense.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    text.len() == PREFIX.len() + PUBLIC_ID_LENGTH + 1 + SECRET_LENGTH && text.starts_with(PREFIX)
}

/// The text with the secret part of everything that has the form of our keys masked.
#[must_use]
pub fn without_keys(mut text: String) -> String {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(PREFIX)).map(|at| from + at) {
        from = at + PREFIX.len();
        let secret = from + PUBLIC_ID_LENGTH + 1;
        let end = secret + SECRET_LENGTH;
        let is_key = text.get(from..end).is_some_and(|rest| {
            rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        });
        if is_key {
            text.replace_range(secret..end, "…");
        }
    }
    text
}

/// The masked form of a key in lists: enough to recognise it, not enough to use it.
#[must_use]
pub fn shown_prefix(public_id: &str) -> String {
    format!("{PREFIX}{public_id}-…")
}

/// An API key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// Public id.
    pub id: String,
    /// Its name, chosen by the administrator.
    pub name: String,
    /// Whether it may be used.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Milliseconds since the epoch after which it is refused.
    pub expires_at: Option<u64>,
    /// Models it may use; `None` is all. A trailing `*` makes a prefix.
    #[serde(default, deserialize_with = "allowed")]
    pub allowed_models: Option<Vec<String>>,
    /// Ids of the providers it may use; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub allowed_providers: Option<Vec<i64>>,
    /// What is archived of prompts and answers.
    #[serde(default, deserialize_with = "store_policy::stored")]
    pub store: StorePolicy,
    /// Whether personal data is replaced in the archive, in exports and in errors.
    #[serde(default)]
    pub redact_pii: KeyRedaction,
    /// Seconds for which responses are cached; 0: never, `None`: as the logical model says.
    #[serde(default)]
    pub cache_ttl_s: Option<u32>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
    /// Milliseconds since the epoch of the newest recorded request.
    pub last_used_at: Option<u64>,
    /// Addresses and networks from which it may be used; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub allowed_ips: Option<Vec<String>>,
    /// Dialects in which it may be used, by the names of [`crate::dialect::caller::CallerDialect`]; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub allowed_dialects: Option<Vec<String>>,
    /// Tools that it may use, as patterns of `server/tool`; `None` is none.
    #[serde(default, deserialize_with = "allowed")]
    pub allow_tools: Option<Vec<String>>,
    /// Tools that it may not use, whatever is allowed.
    #[serde(default, deserialize_with = "allowed")]
    pub deny_tools: Option<Vec<String>>,
    /// The set whose tools its chat requests have that name none.
    #[serde(default)]
    pub default_toolset: Option<String>,
    /// Which calls of tools in its chats a person must agree to.
    #[serde(default)]
    pub tool_approval: ToolApproval,
    /// Calls of tools in any 24 hours; `None` is unlimited.
    #[serde(default)]
    pub max_tool_calls_per_day: Option<u32>,
    /// The owner: limits may be set for all keys of an owner together.
    #[serde(default)]
    pub owner: Option<String>,
    /// What a program with the key may do in the admin API.
    #[serde(default, deserialize_with = "json_or_default")]
    pub permissions: Permissions,
    /// Whether requests with it are signed.
    #[serde(default)]
    pub signature: SignatureUse,
    /// The Ed25519 key that checks its signatures, in base64url.
    #[serde(default)]
    pub signing_public_key: Option<String>,
    /// The secret of its signatures, sealed. It has nothing to do with that of the key.
    #[serde(default)]
    pub signing_secret_sealed: Option<String>,
    /// Tags that are recorded with every request.
    #[serde(default, deserialize_with = "json_or_default")]
    pub tags: BTreeMap<String, String>,
    /// Its limits and its budget.
    #[serde(default, deserialize_with = "stored_policy")]
    pub policy: LimitPolicy,
    /// Why the gateway disabled it, if it did.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// Until when the previous secret is valid after a rotation, in milliseconds since the epoch.
    #[serde(default)]
    pub previous_expires_at: Option<u64>,
}

table! {
    ApiKeyRecord in "api_keys" unique "id" {
        given id;
        fixed { created_at }
        changing {
            name, enabled, expires_at,
            allowed_models = |key| optional_json(key.allowed_models.as_ref()),
            allowed_providers = |key| optional_json(key.allowed_providers.as_ref()),
            allowed_ips = |key| optional_json(key.allowed_ips.as_ref()),
            allowed_dialects = |key| optional_json(key.allowed_dialects.as_ref()),
            allow_tools = |key| optional_json(key.allow_tools.as_ref()),
            deny_tools = |key| optional_json(key.deny_tools.as_ref()),
            default_toolset,
            tool_approval = |key| table::name(key.tool_approval.name()),
            max_tool_calls_per_day,
            owner,
            permissions = |key| json(&key.permissions),
            signature = |key| table::name(key.signature.name()),
            signing_public_key,
            signing_secret_sealed,
            tags = |key| json(&key.tags),
            policy = |key| json(&key.policy),
            disabled_reason,
            store = |key| table::name(key.store.as_str()),
            redact_pii = |key| table::name(key.redact_pii.as_str()),
            cache_ttl_s,
        }
        elsewhere { key_hash, previous_key_hash, previous_expires_at, last_used_at }
    }
}

/// A key that may do everything, for tests.
#[cfg(test)]
pub(crate) fn test_record() -> ApiKeyRecord {
    ApiKeyRecord::new("a".into(), 0)
}

impl ApiKeyRecord {
    /// An unrestricted key without a name.
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            name: String::new(),
            enabled: true,
            expires_at: None,
            allowed_models: None,
            allowed_providers: None,
            store: StorePolicy::default(),
            redact_pii: KeyRedaction::default(),
            cache_ttl_s: None,
            created_at: now_ms,
            updated_at: now_ms,
            last_used_at: None,
            allowed_ips: None,
            allowed_dialects: None,
            allow_tools: None,
            deny_tools: None,
            default_toolset: None,
            tool_approval: ToolApproval::Never,
            max_tool_calls_per_day: None,
            owner: None,
            permissions: Permissions::NONE,
            signature: SignatureUse::Off,
            signing_public_key: None,
            signing_secret_sealed: None,
            tags: BTreeMap::new(),
            policy: LimitPolicy::default(),
            disabled_reason: None,
            previous_expires_at: None,
        }
    }

    /// Whether the key may be used from this address, if it is known, and in this dialect.
    pub fn check_use(&self, address: Option<&str>, dialect: &str) -> Result<(), ApiError> {
        self.check_address(address)?;
        match &self.allowed_dialects {
            Some(dialects) if !dialects.iter().any(|allowed| allowed == dialect) => {
                let message = "This API key may not be used in this dialect.";
                Err(ApiError::forbidden("dialect_not_allowed", message))
            }
            _ => Ok(()),
        }
    }

    /// Whether the key may be used from this address, if it is known.
    pub fn check_address(&self, address: Option<&str>) -> Result<(), ApiError> {
        if let Some(ranges) = &self.allowed_ips {
            let is_allowed =
                address.is_some_and(|address| ranges.iter().any(|range| ip_range::contains(range, address)));
            if !is_allowed {
                return Err(ApiError::forbidden("ip_not_allowed", "This API key may not be used from here."));
            }
        }
        Ok(())
    }

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
        let shown = without_keys(format!("sk-nx-short é {0}, {0}.", key.reveal()));
        let prefix = shown_prefix(key.public_id());
        assert_eq!(shown, format!("sk-nx-short é {prefix}, {prefix}."));
        assert!(key.reveal().contains(key.public_id()));
        assert!(!shown_prefix(key.public_id()).contains(&key.reveal()[19..]));
    }

    #[test]
    fn a_rotated_key_keeps_its_id() {
        let key = ApiKey::from_random([1; KEY_RANDOM_BYTES]);
        let rotated = ApiKey::with_new_secret(key.public_id(), [2; KEY_RANDOM_BYTES]);
        assert!(is_api_key(rotated.reveal()));
        assert_eq!(rotated.public_id(), key.public_id());
        assert_ne!(rotated.hash(), key.hash());
    }

    #[test]
    fn keys_are_refused_elsewhere_and_in_other_dialects() {
        let mut key = test_record();
        assert!(key.check_use(None, "gemini").is_ok());
        key.allowed_ips = Some(vec!["10.0.0.0/8".into()]);
        key.allowed_dialects = Some(vec!["gemini".into()]);
        assert!(key.check_use(Some("10.2.3.4"), "gemini").is_ok());
        assert_eq!(key.check_use(Some("11.2.3.4"), "gemini").unwrap_err().code, "ip_not_allowed");
        assert_eq!(key.check_use(None, "gemini").unwrap_err().code, "ip_not_allowed");
        assert_eq!(key.check_use(Some("10.2.3.4"), "anthropic").unwrap_err().code, "dialect_not_allowed");
    }

    #[test]
    fn disabled_and_expired_keys_are_refused() {
        let mut key = test_record();
        key.expires_at = Some(1000);
        assert!(key.check(999).is_ok());
        assert_eq!(key.check(1000).unwrap_err().code, "api_key_expired");
        key.enabled = false;
        assert_eq!(key.check(0).unwrap_err().code, "api_key_disabled");
    }
}
