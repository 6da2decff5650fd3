//! The validated body of `POST /keys` and `PUT /keys/{id}`.

use std::collections::BTreeMap;

use super::fields::{Fields, Patch};
use super::logical_model::MAX_CACHE_TTL_S;
use crate::access::{ApiKeyRecord, StorePolicy, ip_range};
use crate::dialect::face::Face;
use crate::error::ApiError;
use crate::limits::LimitPolicyInput;
use crate::time::add_months;

const DAY_MS: u64 = 86_400_000;
/// Most tags of a key.
const MAX_TAGS: usize = 16;

/// The validity of a key from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Week,
    Month,
    Year,
    Never,
}

impl Validity {
    fn parse(name: &str) -> Result<Self, ApiError> {
        match name {
            "week" => Ok(Self::Week),
            "month" => Ok(Self::Month),
            "year" => Ok(Self::Year),
            "never" => Ok(Self::Never),
            _ => {
                let message = "`expires_in` must be `week`, `month`, `year` or `never`.";
                Err(ApiError::invalid("invalid_value", "expires_in", message))
            }
        }
    }

    fn end(self, now_ms: u64) -> Option<u64> {
        match self {
            Self::Week => Some(now_ms + 7 * DAY_MS),
            Self::Month => Some(add_months(now_ms, 1)),
            Self::Year => Some(add_months(now_ms, 12)),
            Self::Never => None,
        }
    }
}

/// The fields of an API key that can be set.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct KeyInput {
    pub name: Patch<String>,
    pub enabled: Patch<bool>,
    pub expires_at: Patch<u64>,
    expires_in: Option<Validity>,
    pub allowed_models: Patch<Vec<String>>,
    pub allowed_providers: Patch<Vec<i64>>,
    pub allowed_ips: Patch<Vec<String>>,
    pub allowed_dialects: Patch<Vec<String>>,
    pub owner: Patch<String>,
    pub tags: Patch<BTreeMap<String, String>>,
    pub policy: LimitPolicyInput,
    pub store: Patch<StorePolicy>,
    pub cache_ttl_s: Patch<u32>,
}

impl KeyInput {
    const FIELDS: &'static [&'static str] = &[
        "name",
        "enabled",
        "expires_at",
        "expires_in",
        "allowed_models",
        "allowed_providers",
        "allowed_ips",
        "allowed_dialects",
        "owner",
        "tags",
        "store",
        "cache_ttl_s",
        "limits",
        "budget",
        "on_limit_failure",
    ];

    /// Parses and validates a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        const MAX_TIME_MS: u64 = 1 << 53;
        let fields = Fields::parse(body, Self::FIELDS)?;
        let expires_at = fields.integer("expires_at", 0..=MAX_TIME_MS)?;
        let expires_in =
            fields.text("expires_in", 1..=10)?.into_set().map(|name| Validity::parse(&name)).transpose()?;
        if expires_in.is_some() && expires_at != Patch::Keep {
            let message = "Say either `expires_at` or `expires_in`.";
            return Err(ApiError::invalid("invalid_value", "expires_in", message));
        }
        Ok(Self {
            name: fields.text("name", 1..=100)?.not_null("name")?,
            enabled: fields.boolean("enabled")?.not_null("enabled")?,
            expires_at,
            expires_in,
            allowed_models: fields.text_list("allowed_models", &(1..=200))?,
            allowed_providers: fields.id_list("allowed_providers")?,
            allowed_ips: each_of(fields.text_list("allowed_ips", &(1..=60))?, "allowed_ips", |range| {
                ip_range::is_range(range).then_some("").ok_or("an address or a network such as `10.0.0.0/8`")
            })?,
            allowed_dialects: each_of(
                fields.text_list("allowed_dialects", &(1..=40))?,
                "allowed_dialects",
                |name| {
                    let is_known = Face::NAMES.iter().any(|(known, _)| known == &name);
                    is_known.then_some("").ok_or(
                        "one of openai_chat, openai_completions, openai_responses, anthropic and gemini",
                    )
                },
            )?,
            owner: fields.text("owner", 1..=100)?,
            tags: fields.text_map("tags")?.try_map(check_tags)?,
            policy: LimitPolicyInput::read(&fields)?,
            cache_ttl_s: fields.integer_u32("cache_ttl_s", 0..=MAX_CACHE_TTL_S)?,
            store: fields.text("store", 1..=20)?.not_null("store")?.try_map(|name| {
                StorePolicy::parse(&name).ok_or_else(|| {
                    ApiError::invalid("invalid_value", "store", "`store` must be none, metadata or full.")
                })
            })?,
        })
    }

    /// Applies the change at `now_ms`. Enabling a key clears its `disabled_reason`.
    pub fn apply(&self, record: &mut ApiKeyRecord, now_ms: u64) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        if record.enabled {
            record.disabled_reason = None;
        }
        self.expires_at.clone().apply_to(&mut record.expires_at);
        if let Some(validity) = self.expires_in {
            record.expires_at = validity.end(now_ms);
        }
        self.allowed_models.clone().apply_to(&mut record.allowed_models);
        self.allowed_providers.clone().apply_to(&mut record.allowed_providers);
        self.store.clone().apply_or(&mut record.store, StorePolicy::default());
        self.allowed_ips.clone().apply_to(&mut record.allowed_ips);
        self.allowed_dialects.clone().apply_to(&mut record.allowed_dialects);
        self.owner.clone().apply_to(&mut record.owner);
        self.tags.clone().apply_or(&mut record.tags, BTreeMap::new());
        self.policy.apply(&mut record.policy);
        self.cache_ttl_s.clone().apply_to(&mut record.cache_ttl_s);
    }
}

fn each_of(
    list: Patch<Vec<String>>,
    name: &str,
    check: impl Fn(&str) -> Result<&'static str, &'static str>,
) -> Result<Patch<Vec<String>>, ApiError> {
    list.try_map(|items| {
        for (index, item) in items.iter().enumerate() {
            check(item).map_err(|expected| {
                let param = format!("{name}[{index}]");
                ApiError::invalid("invalid_value", &param, format!("`{param}` must be {expected}."))
            })?;
        }
        Ok(items)
    })
}

fn check_tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    let fits = |text: &str, longest: usize| {
        (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if tags.len() > MAX_TAGS || !tags.iter().all(|(name, value)| fits(name, 64) && fits(value, 256)) {
        let message = format!(
            "`tags` must be at most {MAX_TAGS}, with names of 1 to 64 and values of 1 to 256 characters."
        );
        return Err(ApiError::invalid("invalid_value", "tags", message));
    }
    Ok(tags)
}

/// The validated body of `POST /keys/{id}/rotate`: for how many seconds the old key stays valid.
pub fn parse_overlap(body: &[u8]) -> Result<u64, ApiError> {
    /// A month.
    const MAX_OVERLAP_S: u64 = 30 * 86_400;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(0);
    }
    let fields = Fields::parse(body, &["overlap_seconds"])?;
    Ok(fields.integer("overlap_seconds", 0..=MAX_OVERLAP_S)?.into_set().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::api_key::test_record;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"expires_in":"decade"}"#, "expires_in"),
            (r#"{"expires_in":"week","expires_at":1}"#, "expires_in"),
            (r#"{"allowed_ips":["10.0.0.1","x"]}"#, "allowed_ips[1]"),
            (r#"{"allowed_dialects":["latin"]}"#, "allowed_dialects[0]"),
            (r#"{"tags":{"":"x"}}"#, "tags"),
            (r#"{"tags":{"a":1}}"#, "tags.a"),
            (r#"{"limits":{"concurrency":"2"}}"#, "limits.concurrency"),
            (r#"{"cache_ttl_s":2592001}"#, "cache_ttl_s"),
        ] {
            let error = KeyInput::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
        assert_eq!(parse_overlap(b"").unwrap(), 0);
        assert_eq!(parse_overlap(br#"{"overlap_seconds":60}"#).unwrap(), 60);
        assert!(parse_overlap(br#"{"overlap_seconds":-1}"#).is_err());
    }

    #[test]
    fn a_key_ends_when_it_is_told_to_and_can_be_enabled_again() {
        let mut record = test_record();
        record.enabled = false;
        record.disabled_reason = Some("too many errors".into());
        KeyInput::parse(br#"{"expires_in":"week"}"#).unwrap().apply(&mut record, 1_000);
        assert_eq!(record.expires_at, Some(1_000 + 7 * DAY_MS));
        assert!(record.disabled_reason.is_some());
        KeyInput::parse(br#"{"expires_in":"never","enabled":true}"#).unwrap().apply(&mut record, 1_000);
        assert_eq!((record.expires_at, record.enabled, record.disabled_reason), (None, true, None));
    }
}
