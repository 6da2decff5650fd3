//! A provider: one upstream account with its address and credentials.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::operation::{DEFAULT_PROBE_INTERVAL_S, DEFAULT_WEIGHT, OperationStatus};
use super::visibility::Visibility;
use crate::dialect::canonical::UpstreamCodec;
use crate::error::ApiError;
use crate::http::headers;
use crate::provider::{ProviderKind, Quirk, Quirks};
use crate::row::table::{self, json, table};
use crate::row::{flag, json_list};

/// Time-outs are from 0.1 seconds to 1 hour.
pub(super) const TIMEOUT_RANGE_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;

/// A provider as it is stored. Secrets are sealed; `*_hint` is their masked form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// Id.
    pub id: i64,
    /// Random id of the record, bound into its sealed secrets.
    pub uid: String,
    /// Unique name, case-insensitive. The part before the slash in `provider/model`.
    pub name: String,
    /// Its kind, which determines the dialect.
    pub kind: ProviderKind,
    /// Address as entered; see [`crate::http::upstream_url`].
    pub server_url: String,
    /// Free text.
    pub description: String,
    /// Requests a minute.
    pub rate_limit: Option<u32>,
    /// Milliseconds to wait for the upstream's headers.
    pub first_byte_timeout_ms: Option<u32>,
    /// Milliseconds to wait for each further chunk of the answer.
    pub idle_timeout_ms: Option<u32>,
    /// Deviations from its dialect: names from [`Quirk::NAMES`], separated by commas.
    #[serde(default)]
    pub quirks: String,
    /// Whose it is; `None`: the operator's.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whose requests it may serve.
    #[serde(default)]
    pub visibility: Visibility,
    /// Owners besides its own whose requests it serves while it is shared.
    #[serde(default, deserialize_with = "json_list")]
    pub shared_with: Vec<String>,
    /// Whether it is submitted for a review. Its owner does not change it meanwhile.
    #[serde(default, deserialize_with = "flag")]
    pub in_review: bool,
    /// Whether it is enabled.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Whether the operator lets it have requests.
    pub status: OperationStatus,
    /// Its location.
    pub region: Option<String>,
    /// Share of the traffic, relative to others of the same priority.
    pub weight: u32,
    /// Lower is tried first.
    pub priority: u32,
    /// Most concurrent requests.
    pub max_in_flight: Option<u32>,
    /// Most requests per second.
    pub max_qps: Option<u32>,
    /// Additional status codes that lead to failover, separated by commas.
    pub retry_statuses: String,
    /// Whether the cron probes it.
    #[serde(deserialize_with = "flag")]
    pub probe_enabled: bool,
    /// The model of probes; `None`: its first enabled one.
    pub probe_model: Option<String>,
    /// The prompt of probes; `None`: a short greeting.
    pub probe_prompt: Option<String>,
    /// Seconds between two probes; see [`ProviderRecord::probe_interval_ms`].
    pub probe_interval_s: Option<u32>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
    /// The upstream's key, sealed.
    pub server_key_sealed: Option<String>,
    /// The upstream's key, masked.
    pub server_key_hint: Option<String>,
    /// SHA-256 of the key that callers may use for this provider.
    pub personalized_key_hash: Option<String>,
    /// That key, masked.
    pub personalized_key_hint: Option<String>,
    /// Extra request headers as a JSON object, sealed.
    pub headers_sealed: Option<String>,
    /// The same object with credentials masked, as JSON.
    pub headers_hint: Option<String>,
}

table! {
    ProviderRecord in "providers" unique "name" {
        generated id;
        fixed { uid, created_at }
        changing {
            name,
            kind = |provider| table::name(provider.kind.name()),
            owner,
            visibility = |provider| table::name(provider.visibility.name()),
            shared_with = |provider| json(&provider.shared_with),
            in_review, server_url, description, rate_limit, first_byte_timeout_ms, idle_timeout_ms, quirks, enabled,
            status = |provider| table::name(provider.status.name()),
            region, weight, priority, max_in_flight, max_qps, retry_statuses,
            probe_enabled, probe_model, probe_prompt, probe_interval_s,
            server_key_sealed, server_key_hint, personalized_key_hash, personalized_key_hint,
            headers_sealed, headers_hint,
        }
        elsewhere {}
    }
}

impl ProviderRecord {
    /// A provider with a name and default values, created at `now_ms` (milliseconds since the epoch). It gets its id
    /// when it is stored.
    #[must_use]
    pub fn new(uid: String, name: String, now_ms: u64) -> Self {
        Self {
            id: 0,
            uid,
            name,
            kind: ProviderKind::Openai,
            server_url: String::new(),
            description: String::new(),
            rate_limit: None,
            first_byte_timeout_ms: None,
            idle_timeout_ms: None,
            quirks: String::new(),
            owner: None,
            visibility: Visibility::Public,
            shared_with: Vec::new(),
            in_review: false,
            enabled: true,
            status: OperationStatus::Active,
            region: None,
            weight: DEFAULT_WEIGHT,
            priority: 0,
            max_in_flight: None,
            max_qps: None,
            retry_statuses: String::new(),
            probe_enabled: false,
            probe_model: None,
            probe_prompt: None,
            probe_interval_s: None,
            created_at: now_ms,
            updated_at: now_ms,
            server_key_sealed: None,
            server_key_hint: None,
            personalized_key_hash: None,
            personalized_key_hint: None,
            headers_sealed: None,
            headers_hint: None,
        }
    }

    /// Whether it has this quirk.
    #[must_use]
    pub fn has_quirk(&self, quirk: Quirk) -> bool {
        self.quirk_set().has(quirk)
    }

    /// Its quirks.
    #[must_use]
    pub fn quirk_set(&self) -> Quirks {
        Quirks::read(&self.quirks)
    }

    /// The codec of its dialect.
    #[must_use]
    pub fn codec(&self) -> Box<dyn UpstreamCodec> {
        self.kind.codec(self.quirk_set())
    }

    /// Additional status codes that lead to failover.
    pub fn retry_statuses(&self) -> impl Iterator<Item = u16> {
        self.retry_statuses.split(',').filter_map(|status| status.parse().ok())
    }

    /// Milliseconds between two probes.
    #[must_use]
    pub fn probe_interval_ms(&self) -> u64 {
        u64::from(self.probe_interval_s.unwrap_or(DEFAULT_PROBE_INTERVAL_S)) * 1000
    }

    /// The associated data that binds a sealed secret to this record and field.
    #[must_use]
    pub fn seal_context(&self, field: &str) -> String {
        format!("providers/{}/{field}", self.uid)
    }

    /// The record as the admin API returns it.
    #[must_use]
    pub fn view(&self) -> ProviderView<'_> {
        ProviderView {
            id: self.id,
            name: &self.name,
            kind: self.kind,
            server_url: &self.server_url,
            server_key: self.server_key_hint.as_deref(),
            personalized_key: self.personalized_key_hint.as_deref(),
            description: &self.description,
            headers: self
                .headers_hint
                .as_deref()
                .and_then(|json| serde_json::from_str(json).ok())
                .unwrap_or_default(),
            quirks: self.quirks.split(',').filter(|quirk| !quirk.is_empty()).collect(),
            owner: self.owner.as_deref(),
            visibility: self.visibility,
            shared_with: &self.shared_with,
            in_review: self.in_review,
            rate_limit: self.rate_limit,
            first_byte_timeout_ms: self.first_byte_timeout_ms,
            idle_timeout_ms: self.idle_timeout_ms,
            enabled: self.enabled,
            status: self.status,
            region: self.region.as_deref(),
            weight: self.weight,
            priority: self.priority,
            max_in_flight: self.max_in_flight,
            max_qps: self.max_qps,
            retry_statuses: self.retry_statuses().collect(),
            probe_enabled: self.probe_enabled,
            probe_model: self.probe_model.as_deref(),
            probe_prompt: self.probe_prompt.as_deref(),
            probe_interval_s: self.probe_interval_s,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A provider as the admin API returns it: secrets masked.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct ProviderView<'a> {
    pub id: i64,
    pub name: &'a str,
    pub kind: ProviderKind,
    pub server_url: &'a str,
    pub server_key: Option<&'a str>,
    pub personalized_key: Option<&'a str>,
    pub description: &'a str,
    pub headers: BTreeMap<String, String>,
    pub quirks: Vec<&'a str>,
    pub owner: Option<&'a str>,
    pub visibility: Visibility,
    pub shared_with: &'a [String],
    pub in_review: bool,
    pub rate_limit: Option<u32>,
    pub first_byte_timeout_ms: Option<u32>,
    pub idle_timeout_ms: Option<u32>,
    pub enabled: bool,
    pub status: OperationStatus,
    pub region: Option<&'a str>,
    pub weight: u32,
    pub priority: u32,
    pub max_in_flight: Option<u32>,
    pub max_qps: Option<u32>,
    pub retry_statuses: Vec<u16>,
    pub probe_enabled: bool,
    pub probe_model: Option<&'a str>,
    pub probe_prompt: Option<&'a str>,
    pub probe_interval_s: Option<u32>,
    pub created_at: u64,
    pub updated_at: u64,
}

/// Headers with the values of credentials masked.
#[must_use]
pub fn mask_headers(headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let shown = |name: &str, value: &str| {
        if headers::carries_credential(name) { crate::secrets::mask::mask(value) } else { value.to_owned() }
    };
    headers.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

/// A key has no white space; only the key file of a service account is JSON.
pub(super) fn check_key(field: &str, key: String) -> Result<String, ApiError> {
    if key.starts_with('{') || key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    let message = format!("`{field}` must consist of visible ASCII characters without spaces.");
    Err(ApiError::invalid("invalid_value", field, message))
}

#[cfg(test)]
pub(crate) fn test_record(id: i64, name: &str) -> ProviderRecord {
    let server_url = "https://api.example.com".into();
    ProviderRecord { id, server_url, ..ProviderRecord::new(format!("uid{id}"), name.into(), 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_among_the_headers_are_masked() {
        let headers = [("X-Api-Key", "0123456789abcdef"), ("X-Title", "Nexus")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let shown = mask_headers(&headers);
        assert_eq!(shown["X-Api-Key"], "…cdef");
        assert_eq!(shown["X-Title"], "Nexus");
    }
}
