//! A provider: one upstream account with its address and credentials.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::{Fields, Patch};
use super::flag;
use crate::error::ApiError;
use crate::http::headers;
use crate::routing::upstream_url::UpstreamUrl;

/// Which language an upstream speaks, and how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Any `OpenAI`-compatible service.
    Openai,
    /// Answers inside the gateway, with no network.
    Demo,
}

/// Time-outs are 1 second to 1 hour.
const TIMEOUT_RANGE_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;
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
    /// Whether it is used.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
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

impl ProviderRecord {
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
            rate_limit: self.rate_limit,
            first_byte_timeout_ms: self.first_byte_timeout_ms,
            idle_timeout_ms: self.idle_timeout_ms,
            enabled: self.enabled,
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
    pub rate_limit: Option<u32>,
    pub first_byte_timeout_ms: Option<u32>,
    pub idle_timeout_ms: Option<u32>,
    pub enabled: bool,
    pub created_at: u64,
    pub updated_at: u64,
}

/// The checked body of `POST /providers` and `PUT /providers/{id}`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record, in clear")]
pub struct ProviderInput {
    pub name: Patch<String>,
    pub kind: Patch<ProviderKind>,
    pub server_url: Patch<String>,
    pub server_key: Patch<String>,
    pub personalized_key: Patch<String>,
    pub description: Patch<String>,
    pub headers: Patch<BTreeMap<String, String>>,
    pub rate_limit: Patch<u32>,
    pub first_byte_timeout_ms: Patch<u32>,
    pub idle_timeout_ms: Patch<u32>,
    pub enabled: Patch<bool>,
}

impl ProviderInput {
    const FIELDS: &'static [&'static str] = &[
        "name",
        "kind",
        "server_url",
        "server_key",
        "personalized_key",
        "description",
        "headers",
        "rate_limit",
        "first_byte_timeout_ms",
        "idle_timeout_ms",
        "enabled",
    ];

    /// Reads and checks a body. Upstreams on private addresses are refused unless `allow_private`.
    pub fn parse(body: &[u8], allow_private: bool) -> Result<Self, ApiError> {
        let fields = Fields::parse(body, Self::FIELDS)?;
        Ok(Self {
            name: fields.text("name", 1..=100)?.not_null("name")?.try_map(check_name)?,
            kind: fields.text("kind", 1..=50)?.not_null("kind")?.try_map(|kind| read_kind(&kind))?,
            server_url: fields
                .text("server_url", 0..=2000)?
                .not_null("server_url")?
                .try_map(|url| check_url(url, allow_private))?,
            server_key: fields.credential("server_key", 1..=4000)?,
            personalized_key: fields.credential("personalized_key", 8..=256)?,
            description: fields.text("description", 0..=2000)?,
            headers: fields.text_map("headers")?.try_map(check_headers)?,
            rate_limit: integer_u32(&fields, "rate_limit", RATE_LIMIT_RANGE)?,
            first_byte_timeout_ms: integer_u32(&fields, "first_byte_timeout_ms", TIMEOUT_RANGE_MS)?,
            idle_timeout_ms: integer_u32(&fields, "idle_timeout_ms", TIMEOUT_RANGE_MS)?,
            enabled: fields.boolean("enabled")?.not_null("enabled")?,
        })
    }

    /// Applies everything but the secrets, which must be sealed first, and checks that the whole makes sense.
    pub fn apply_public(&self, record: &mut ProviderRecord) -> Result<(), ApiError> {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.kind.clone().apply_or(&mut record.kind, ProviderKind::Openai);
        self.server_url.clone().apply_or(&mut record.server_url, String::new());
        self.description.clone().apply_or(&mut record.description, String::new());
        self.rate_limit.clone().apply_to(&mut record.rate_limit);
        self.first_byte_timeout_ms.clone().apply_to(&mut record.first_byte_timeout_ms);
        self.idle_timeout_ms.clone().apply_to(&mut record.idle_timeout_ms);
        self.enabled.clone().apply_or(&mut record.enabled, true);
        if record.kind != ProviderKind::Demo && record.server_url.is_empty() {
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

fn integer_u32(
    fields: &Fields<'_>,
    name: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Patch<u32>, ApiError> {
    fields.integer(name, range)?.try_map(|number| {
        u32::try_from(number)
            .map_err(|_| ApiError::invalid("invalid_value", name, format!("`{name}` is too large.")))
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
    match kind {
        "openai" => Ok(ProviderKind::Openai),
        "demo" => Ok(ProviderKind::Demo),
        _ => Err(ApiError::invalid("invalid_value", "kind", "`kind` must be one of: openai, demo.")),
    }
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
    ProviderRecord {
        id,
        uid: format!("uid{id}"),
        name: name.into(),
        kind: ProviderKind::Openai,
        server_url: "https://api.example.com".into(),
        description: String::new(),
        rate_limit: None,
        first_byte_timeout_ms: None,
        idle_timeout_ms: None,
        enabled: true,
        created_at: 0,
        updated_at: 0,
        server_key_sealed: None,
        server_key_hint: None,
        personalized_key_hash: None,
        personalized_key_hint: None,
        headers_sealed: None,
        headers_hint: None,
    }
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
    fn only_the_demo_needs_no_address() {
        let mut record = test_record(1, "x");
        let input = ProviderInput::parse(br#"{"server_url":""}"#, false).unwrap();
        assert_eq!(input.apply_public(&mut record).unwrap_err().param.as_deref(), Some("server_url"));
        let input = ProviderInput::parse(br#"{"server_url":"","kind":"demo"}"#, false).unwrap();
        assert!(input.apply_public(&mut record).is_ok());
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
