//! A key in the pool of a provider. Requests are spread over the pool; a key that the upstream refuses cools down.

use serde::{Deserialize, Serialize};

use super::operation::{DEFAULT_WEIGHT, RATE_RANGE, WEIGHT_RANGE};
use super::provider::check_key;
use crate::input;
use crate::input::{Rule, boolean, integer_u32, text};
use crate::row::flag;
use crate::row::table::table;
use crate::secrets::Secret;

/// A key as it is stored: sealed, with its masked form beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderKeyRecord {
    /// ULID; bound into the sealed key.
    pub id: String,
    /// Its provider.
    pub provider_id: i64,
    /// Its name, chosen by the administrator; unique within the provider.
    pub label: String,
    /// Share of the provider's requests, relative to its other keys.
    pub weight: u32,
    /// Most requests per second with it.
    pub max_qps: Option<u32>,
    /// Whether it is enabled.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// The key, sealed.
    pub key_sealed: String,
    /// The key, masked.
    pub key_hint: String,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    ProviderKeyRecord in "provider_keys" unique "label" {
        given id;
        fixed { provider_id, created_at }
        changing { label, weight, max_qps, enabled, key_sealed, key_hint }
        elsewhere {}
    }
}

impl ProviderKeyRecord {
    /// A key with default values, created at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, provider_id: i64, now_ms: u64) -> Self {
        Self {
            id,
            provider_id,
            label: String::new(),
            weight: DEFAULT_WEIGHT,
            max_qps: None,
            enabled: true,
            key_sealed: String::new(),
            key_hint: String::new(),
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The associated data that binds the sealed key to this record.
    #[must_use]
    pub fn seal_context(&self) -> String {
        format!("provider_keys/{}/key", self.id)
    }

    /// The record as the admin API returns it.
    #[must_use]
    pub fn view(&self) -> ProviderKeyView<'_> {
        ProviderKeyView {
            id: &self.id,
            provider_id: self.provider_id,
            label: &self.label,
            key: &self.key_hint,
            weight: self.weight,
            max_qps: self.max_qps,
            enabled: self.enabled,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A key as the admin API returns it: masked.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct ProviderKeyView<'a> {
    pub id: &'a str,
    pub provider_id: i64,
    pub label: &'a str,
    pub key: &'a str,
    pub weight: u32,
    pub max_qps: Option<u32>,
    pub enabled: bool,
    pub created_at: u64,
    pub updated_at: u64,
}

input! {
    /// What may be said about a further key of a provider.
    pub struct ProviderKeyInput {
        /// A name for people, unique within the provider.
        pub label: String = text(1..=100).not_null().required(),
        /// The key itself. It is stored sealed and never shown again.
        pub key: Secret = text(1..=8000).not_null().required().check(|key| check_key("key", key)).secret(),
        /// Share of the provider's requests, relative to its other keys.
        pub weight: u32 = integer_u32(WEIGHT_RANGE),
        /// Requests a second that it may be used for; `null`: any number.
        pub max_qps: u32 = integer_u32(RATE_RANGE),
        /// Whether it is used.
        pub enabled: bool = boolean().not_null(),
    }
}

impl ProviderKeyInput {
    /// Applies everything but the key itself, which must be sealed first.
    pub fn apply_public(&self, record: &mut ProviderKeyRecord) {
        self.label.clone().apply_or(&mut record.label, String::new());
        self.weight.clone().apply_or(&mut record.weight, DEFAULT_WEIGHT);
        self.max_qps.clone().apply_to(&mut record.max_qps);
        self.enabled.clone().apply_or(&mut record.enabled, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"label":""}"#, "label"),
            (r#"{"key":"has space"}"#, "key"),
            (r#"{"key":null}"#, "key"),
            (r#"{"weight":0}"#, "weight"),
            (r#"{"max_qps":"1"}"#, "max_qps"),
            (r#"{"server_key":"x"}"#, "server_key"),
        ] {
            let error = ProviderKeyInput::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn neither_view_nor_context_tells_the_key() {
        let mut record = ProviderKeyRecord::new("K".into(), 7, 1);
        record.key_sealed = "sealed".into();
        record.key_hint = "sk-…cdef".into();
        ProviderKeyInput::parse(br#"{"label":"second","key":"sk-0123456789abcdef","weight":5}"#)
            .unwrap()
            .apply_public(&mut record);
        let shown = serde_json::to_string(&record.view()).unwrap();
        assert!(shown.contains(r#""label":"second","key":"sk-…cdef","weight":5"#), "{shown}");
        assert!(!shown.contains("sealed"));
        assert_eq!(record.seal_context(), "provider_keys/K/key");
    }
}
