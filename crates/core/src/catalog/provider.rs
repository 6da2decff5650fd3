//! A provider: one upstream account with its address and credentials.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::{Fields, Patch};
use super::flag;
use super::operation::{DEFAULT_WEIGHT, OperationInput, OperationStatus};
use super::presets::{self, Preset};
use crate::error::ApiError;
use crate::http::headers;
use crate::routing::upstream_url::UpstreamUrl;

/// Which language an upstream speaks, and how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Any `OpenAI`-compatible service.
    Openai,
    /// `OpenAI`'s models in an Azure resource.
    AzureOpenai,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Google's Gemini models in a Vertex AI project; `server_key` is the JSON of a service account.
    Vertex,
    /// Alibaba's native protocol for Qwen.
    Dashscope,
    /// A Dify chat application.
    Dify,
    /// Cloudflare's Workers AI through the deployment's own binding: no address, no key.
    WorkersAi,
    /// Answers inside the gateway, with no network.
    Demo,
}

impl ProviderKind {
    /// Every kind with the name by which the admin API knows it.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("openai", Self::Openai),
        ("azure_openai", Self::AzureOpenai),
        ("anthropic", Self::Anthropic),
        ("gemini", Self::Gemini),
        ("vertex", Self::Vertex),
        ("dashscope", Self::Dashscope),
        ("dify", Self::Dify),
        ("workers_ai", Self::WorkersAi),
        ("demo", Self::Demo),
    ];

    /// Whether its providers are reached over the network, at a `server_url`.
    #[must_use]
    pub fn has_address(self) -> bool {
        !matches!(self, Self::WorkersAi | Self::Demo)
    }
}

/// Time-outs are a tenth of a second to 1 hour.
pub(super) const TIMEOUT_RANGE_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;
/// Requests a minute that a provider may be limited to.
const RATE_LIMIT_RANGE: std::ops::RangeInclusive<u64> = 1..=10_000_000;
/// Most headers that a provider may have.
const MAX_HEADERS: usize = 50;

/// A provider as it is stored. Secrets are sealed; `*_hint` is their masked form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// Stable number.
    pub id: i64,
    /// Random name of the record, bound into its sealed secrets.
    pub uid: String,
    /// Unique name, without regard to case. The part before the slash in `provider/model`.
    pub name: String,
    /// Language of the upstream.
    pub kind: ProviderKind,
    /// Address as it was entered; see [`UpstreamUrl`].
    pub server_url: String,
    /// Free text.
    pub description: String,
    /// Requests a minute.
    pub rate_limit: Option<u32>,
    /// Milliseconds to wait for the upstream's headers.
    pub first_byte_timeout_ms: Option<u32>,
    /// Milliseconds to wait for each further piece of the answer.
    pub idle_timeout_ms: Option<u32>,
    /// What is particular about it: names out of [`QUIRKS`], separated by commas.
    #[serde(default)]
    pub quirks: String,
    /// Whether it is used.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Whether requests are let through to it.
    pub status: OperationStatus,
    /// Where it is.
    pub region: Option<String>,
    /// Share of the traffic, relative to others of the same priority.
    pub weight: u32,
    /// Lower is tried first.
    pub priority: u32,
    /// Requests that may be under way at it at a time.
    pub max_in_flight: Option<u32>,
    /// Requests a second that may be sent to it.
    pub max_qps: Option<u32>,
    /// Status codes that are tried elsewhere besides those that always are, separated by commas.
    pub retry_statuses: String,
    /// Whether it is asked for a sign of life from time to time.
    #[serde(deserialize_with = "flag")]
    pub probe_enabled: bool,
    /// The model that is asked then; `None`: its first.
    pub probe_model: Option<String>,
    /// What it is asked then; `None`: a short greeting.
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

/// What may be particular about a provider: its answers have their text at the top (`odd_replies`); it takes
/// `cache_control`; it limits answers by one of the two names only; it refuses `stream_options`; it speaks the
/// Responses API itself; it is a Dify app of that kind.
pub const QUIRKS: &[&str] = &[
    "odd_replies",
    "cache_control",
    "max_tokens_only",
    "max_completion_tokens",
    "no_stream_options",
    RESPONSES,
    "dify_completion",
    "dify_workflow",
];

/// The quirk of a provider that speaks the Responses API itself.
pub const RESPONSES: &str = "responses";

impl ProviderRecord {
    /// A provider of which only the name is known, made at `now_ms` (milliseconds since the epoch). It gets its number
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

    /// Whether this is particular about it.
    #[must_use]
    pub fn has_quirk(&self, name: &str) -> bool {
        self.quirks.split(',').any(|quirk| quirk == name)
    }

    /// What binds a sealed secret to its place: this record and the field.
    #[must_use]
    pub fn seal_context(&self, field: &str) -> String {
        format!("providers/{}/{field}", self.uid)
    }

    /// The record as the admin API shows it.
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

/// A provider as the admin API answers it: secrets masked.
#[derive(Debug, Serialize)]
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

/// The checked body of `POST /providers` and `PUT /providers/{id}`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record, in clear")]
pub struct ProviderInput {
    pub preset: Option<&'static Preset>,
    pub name: Patch<String>,
    pub kind: Patch<ProviderKind>,
    pub server_url: Patch<String>,
    pub server_key: Patch<String>,
    pub personalized_key: Patch<String>,
    pub description: Patch<String>,
    pub headers: Patch<BTreeMap<String, String>>,
    pub quirks: Patch<String>,
    pub rate_limit: Patch<u32>,
    pub first_byte_timeout_ms: Patch<u32>,
    pub idle_timeout_ms: Patch<u32>,
    pub enabled: Patch<bool>,
    pub operation: OperationInput,
}

impl ProviderInput {
    const FIELDS: &'static [&'static str] = &[
        "preset",
        "name",
        "kind",
        "server_url",
        "server_key",
        "personalized_key",
        "description",
        "headers",
        "quirks",
        "rate_limit",
        "first_byte_timeout_ms",
        "idle_timeout_ms",
        "enabled",
    ];

    /// Reads and checks a body. Upstreams on private addresses are refused unless `allow_private`.
    pub fn parse(body: &[u8], allow_private: bool) -> Result<Self, ApiError> {
        let fields = Fields::parse(body, &[Self::FIELDS, OperationInput::FIELDS].concat())?;
        Ok(Self {
            preset: fields.text("preset", 1..=50)?.try_map(|id| find_preset(&id))?.into_set(),
            name: fields.text("name", 1..=100)?.not_null("name")?.try_map(check_name)?,
            kind: fields.text("kind", 1..=50)?.not_null("kind")?.try_map(|kind| read_kind(&kind))?,
            server_url: fields
                .text("server_url", 0..=2000)?
                .not_null("server_url")?
                .try_map(|url| check_url(url, allow_private))?,
            server_key: fields.text("server_key", 1..=8000)?.try_map(|key| check_key("server_key", key))?,
            personalized_key: fields.credential("personalized_key", 8..=256)?,
            description: fields.text("description", 0..=2000)?,
            headers: fields.text_map("headers")?.try_map(check_headers)?,
            quirks: fields.text_list("quirks", &(1..=50))?.try_map(|names| check_quirks(&names))?,
            rate_limit: fields.integer_u32("rate_limit", RATE_LIMIT_RANGE)?,
            first_byte_timeout_ms: fields.integer_u32("first_byte_timeout_ms", TIMEOUT_RANGE_MS)?,
            idle_timeout_ms: fields.integer_u32("idle_timeout_ms", TIMEOUT_RANGE_MS)?,
            enabled: fields.boolean("enabled")?.not_null("enabled")?,
            operation: OperationInput::read(&fields)?,
        })
    }

    /// Fills in what the preset knows and the request does not say.
    pub fn apply_preset(&mut self) -> Result<(), ApiError> {
        let Some(preset) = self.preset else { return Ok(()) };
        if self.name == Patch::Keep {
            self.name = Patch::Set(preset.id.to_owned());
        }
        if self.kind == Patch::Keep {
            self.kind = Patch::Set(read_kind(preset.kind)?);
        }
        if self.quirks == Patch::Keep {
            let names: Vec<String> = preset.quirks.iter().map(|quirk| quirk.name()).collect();
            let known = names.into_iter().filter(|name| QUIRKS.contains(&name.as_str()));
            self.quirks = Patch::Set(known.collect::<Vec<_>>().join(","));
        }
        if self.server_url == Patch::Keep {
            if let Some(placeholder) = preset.placeholders.first() {
                let message = format!(
                    "This preset needs a `server_url` with your own {placeholder}: {}.",
                    preset.server_url.unwrap_or_default()
                );
                return Err(ApiError::invalid("missing_required_parameter", "server_url", message));
            }
            self.server_url = Patch::Set(preset.server_url.unwrap_or_default().to_owned());
        }
        Ok(())
    }

    /// Applies everything but the secrets, which must be sealed first, and checks that the whole makes sense.
    pub fn apply_public(&self, record: &mut ProviderRecord) -> Result<(), ApiError> {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.kind.clone().apply_or(&mut record.kind, ProviderKind::Openai);
        self.server_url.clone().apply_or(&mut record.server_url, String::new());
        self.description.clone().apply_or(&mut record.description, String::new());
        self.quirks.clone().apply_or(&mut record.quirks, String::new());
        self.rate_limit.clone().apply_to(&mut record.rate_limit);
        self.first_byte_timeout_ms.clone().apply_to(&mut record.first_byte_timeout_ms);
        self.idle_timeout_ms.clone().apply_to(&mut record.idle_timeout_ms);
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.operation.apply(record);
        if record.kind.has_address() && record.server_url.is_empty() {
            let message = "`server_url` is required for this kind of provider.";
            return Err(ApiError::invalid("missing_required_parameter", "server_url", message));
        }
        Ok(())
    }
}

/// Headers with the values of credentials masked, for showing.
#[must_use]
pub fn mask_headers(headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let shown = |name: &str, value: &str| {
        if headers::carries_credential(name) { crate::secrets::mask::mask(value) } else { value.to_owned() }
    };
    headers.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

/// A key is one word; only the key file of a service account is JSON.
pub(super) fn check_key(field: &str, key: String) -> Result<String, ApiError> {
    if key.starts_with('{') || key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    let message = format!("`{field}` must consist of visible ASCII characters without spaces.");
    Err(ApiError::invalid("invalid_value", field, message))
}

fn check_quirks(names: &[String]) -> Result<String, ApiError> {
    match names.iter().position(|name| !QUIRKS.contains(&name.as_str())) {
        None => Ok(names.join(",")),
        Some(index) => {
            let message = format!("`quirks` must be among: {}.", QUIRKS.join(", "));
            Err(ApiError::invalid("invalid_value", format!("quirks[{index}]"), message))
        }
    }
}

fn find_preset(id: &str) -> Result<&'static Preset, ApiError> {
    presets::find(id).ok_or_else(|| {
        ApiError::invalid("invalid_value", "preset", "There is no such preset; see GET /provider-presets.")
    })
}

fn check_name(name: String) -> Result<String, ApiError> {
    if name.contains('/') {
        let message = "`name` must not contain a slash: callers write `name/model`.";
        return Err(ApiError::invalid("invalid_value", "name", message));
    }
    Ok(name)
}

fn read_kind(kind: &str) -> Result<ProviderKind, ApiError> {
    let found = ProviderKind::NAMES.iter().find(|(name, _)| *name == kind);
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        let names: Vec<&str> = ProviderKind::NAMES.iter().map(|(name, _)| *name).collect();
        ApiError::invalid("invalid_value", "kind", format!("`kind` must be one of: {}.", names.join(", ")))
    })
}

fn check_url(url: String, allow_private: bool) -> Result<String, ApiError> {
    if !url.is_empty() {
        UpstreamUrl::parse(&url, allow_private).map_err(|error| {
            ApiError::invalid("invalid_value", "server_url", format!("`server_url` {error}."))
        })?;
    }
    Ok(url)
}

fn check_headers(configured: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    if configured.len() > MAX_HEADERS {
        let message = format!("`headers` must have at most {MAX_HEADERS} entries.");
        return Err(ApiError::invalid("invalid_value", "headers", message));
    }
    for (name, value) in &configured {
        let param = format!("headers.{name}");
        if !headers::may_be_configured(name) {
            let message = format!("`{name}` is not a header name that can be set.");
            return Err(ApiError::invalid("invalid_value", param, message));
        }
        if !headers::is_valid_value(value) {
            let message = format!("The value of the header `{name}` must be visible ASCII.");
            return Err(ApiError::invalid("invalid_value", param, message));
        }
    }
    Ok(configured)
}

#[cfg(test)]
pub(crate) fn test_record(id: i64, name: &str) -> ProviderRecord {
    let server_url = "https://api.example.com".into();
    ProviderRecord { id, server_url, ..ProviderRecord::new(format!("uid{id}"), name.into(), 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param_of(body: &str) -> Option<String> {
        ProviderInput::parse(body.as_bytes(), false).unwrap_err().param
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"name":""}"#, "name"),
            (r#"{"name":"a/b"}"#, "name"),
            (r#"{"name":null}"#, "name"),
            (r#"{"kind":"telepathy"}"#, "kind"),
            (r#"{"server_url":"ftp://x"}"#, "server_url"),
            (r#"{"server_url":"http://127.0.0.1"}"#, "server_url"),
            (r#"{"server_key":"has space"}"#, "server_key"),
            (r#"{"personalized_key":"short"}"#, "personalized_key"),
            (r#"{"headers":{"Host":"x"}}"#, "headers.Host"),
            (r#"{"headers":{"X":"a\nb"}}"#, "headers.X"),
            (r#"{"rate_limit":0}"#, "rate_limit"),
            (r#"{"first_byte_timeout_ms":-1}"#, "first_byte_timeout_ms"),
            (r#"{"enabled":null}"#, "enabled"),
            (r#"{"nmae":"x"}"#, "nmae"),
        ] {
            assert_eq!(param_of(body).as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn a_change_touches_only_what_it_names() {
        let mut record = test_record(1, "old");
        record.rate_limit = Some(5);
        record.description = "kept".into();
        let input = ProviderInput::parse(br#"{"name":"new","rate_limit":null}"#, false).unwrap();
        input.apply_public(&mut record).unwrap();
        let expected =
            ProviderRecord { name: "new".into(), description: "kept".into(), ..test_record(1, "") };
        assert_eq!(record, expected);
    }

    #[test]
    fn a_preset_fills_in_what_is_not_said() {
        let mut input = ProviderInput::parse(br#"{"preset":"anthropic","server_key":"k"}"#, false).unwrap();
        input.apply_preset().unwrap();
        let mut record = test_record(1, "");
        input.apply_public(&mut record).unwrap();
        assert_eq!((record.name.as_str(), record.kind), ("anthropic", ProviderKind::Anthropic));
        assert!(record.server_url.starts_with("https://"));
        let mut azure = ProviderInput::parse(br#"{"preset":"azure_openai"}"#, false).unwrap();
        assert_eq!(azure.apply_preset().unwrap_err().param.as_deref(), Some("server_url"));
        assert_eq!(param_of(r#"{"preset":"nobody"}"#).as_deref(), Some("preset"));
    }

    #[test]
    fn every_preset_makes_a_provider() {
        for preset in presets::all() {
            assert!(ProviderKind::NAMES.iter().any(|(name, _)| *name == preset.kind), "{}", preset.id);
        }
    }

    #[test]
    fn only_what_is_inside_needs_no_address() {
        let mut record = test_record(1, "x");
        let input = ProviderInput::parse(br#"{"server_url":""}"#, false).unwrap();
        assert_eq!(input.apply_public(&mut record).unwrap_err().param.as_deref(), Some("server_url"));
        for kind in ["demo", "workers_ai"] {
            let input = format!(r#"{{"server_url":"","kind":"{kind}"}}"#);
            let input = ProviderInput::parse(input.as_bytes(), false).unwrap();
            assert!(input.apply_public(&mut record).is_ok(), "{kind}");
        }
    }

    #[test]
    fn credentials_among_the_headers_are_masked() {
        let headers = [("X-Api-Key", "0123456789abcdef"), ("X-Title", "Nexus")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let shown = mask_headers(&headers);
        assert_eq!(shown["X-Api-Key"], "…cdef");
        assert_eq!(shown["X-Title"], "Nexus");
    }
}
