//! A key in the pool of a provider. Requests are spread over the pool; a key that the upstream refuses cools down.

use serde::{Deserialize, Serialize};

use super::fields::{Fields, Patch};
use super::operation::{DEFAULT_WEIGHT, RATE_RANGE, WEIGHT_RANGE};
use super::provider::check_key;
use crate::error::ApiError;
use crate::row::flag;

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

/// The validated body of `POST /providers/{id}/keys` and `PUT /providers/{id}/keys/{key_id}`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record, in clear")]
pub struct ProviderKeyInput {
    pub label: Patch<String>,
    pub key: Patch<String>,
    pub weight: Patch<u32>,
    pub max_qps: Patch<u32>,
    pub enabled: Patch<bool>,
}

impl ProviderKeyInput {
    const FIELDS: &'static [&'static str] = &["label", "key", "weight", "max_qps", "enabled"];

    /// Parses and validates a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::parse(body, Self::FIELDS)?;
        Ok(Self {
            label: fields.text("label", 1..=100)?.not_null("label")?,
            key: fields.text("key", 1..=8000)?.not_null("key")?.try_map(|key| check_key("key", key))?,
            weight: fields.integer_u32("weight", WEIGHT_RANGE)?,
            max_qps: fields.integer_u32("max_qps", RATE_RANGE)?,
            enabled: fields.boolean("enabled")?.not_null("enabled")?,
        })
    }

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
