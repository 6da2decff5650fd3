//! The body of `POST /providers` and `PUT /providers/{id}`: parsed, validated and applied to a record.

use std::collections::BTreeMap;

use super::operation_input::OperationInput;
use super::presets::{self, Preset};
use super::provider::{ProviderRecord, TIMEOUT_RANGE_MS, check_key};
use super::visibility::{MAX_SHARED_WITH, Visibility};
use crate::access::api_key::is_api_key;
use crate::error::ApiError;
use crate::http::headers;
use crate::http::upstream_url::UpstreamUrl;
use crate::input;
use crate::input::{Patch, Rule, boolean, choice, credential, integer_u32, one_of, text, text_map, texts};
use crate::json::error::unknown_value;
use crate::provider::{ProviderKind, Quirk};
use crate::secrets::Secret;

/// Range of a provider's limit on requests per minute.
const RATE_LIMIT_RANGE: std::ops::RangeInclusive<u64> = 1..=10_000_000;
/// Most headers that a provider may have.
const MAX_HEADERS: usize = 50;

/// What a preset says where a body says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The id of the preset, which becomes the name of the provider.
    pub id: String,
    /// Its kind.
    pub kind: ProviderKind,
    /// Its address.
    pub server_url: String,
    /// Its quirks, separated by commas.
    pub quirks: String,
}

impl Defaults {
    fn of(preset: &Preset) -> Result<Self, ApiError> {
        let quirks: Vec<&str> = preset.quirks.iter().map(|quirk| quirk.name()).collect();
        Ok(Self {
            id: preset.id.to_owned(),
            kind: read_kind(preset.kind)?,
            server_url: preset.server_url.unwrap_or_default().to_owned(),
            quirks: quirks.join(","),
        })
    }
}

input! {
    /// What may be said about a provider.
    pub struct ProviderInput {
        /// A preset of `GET /provider-presets` whose address, kind and quirks are taken where the body says nothing.
        pub preset: String = text(1..=50),
        /// Its name, unique without regard to case: the part before the slash in `provider/model`.
        pub name: String = text(1..=100).not_null().check(check_name),
        /// The dialect that it speaks, and how it is reached.
        pub kind: ProviderKind = choice(ProviderKind::names).not_null(),
        /// Its address: a base URL, or the whole address of an endpoint. Empty for kinds without one.
        pub server_url: String = text(0..=2000).not_null(),
        /// Its key, stored sealed; for `vertex` the JSON of a service account. Shown masked.
        pub server_key: Secret = text(1..=8000).check(|key| check_key("server_key", key)).secret(),
        /// A key that callers may use for this provider only, stored as a hash. Shown masked.
        pub personalized_key: Secret = credential(16..=256).check(check_personalized_key).secret(),
        /// Free text.
        pub description: String = text(0..=2000),
        /// Headers of every request to it, stored sealed. Values that look like credentials are shown masked.
        pub headers: BTreeMap<String, String> = text_map().check(check_headers),
        /// What is particular about it; see `docs/providers.md`.
        pub quirks: String = texts(1..=50).check(|names| check_quirks(&names)),
        /// Requests a minute; `null`: any number.
        pub rate_limit: u32 = integer_u32(RATE_LIMIT_RANGE),
        /// Milliseconds to wait for the headers of an answer; `null`: the default of the gateway.
        pub first_byte_timeout_ms: u32 = integer_u32(TIMEOUT_RANGE_MS),
        /// Milliseconds to wait for each further piece of an answer; `null`: the default of the gateway.
        pub idle_timeout_ms: u32 = integer_u32(TIMEOUT_RANGE_MS),
        /// Whose it is: the id of a user, or the `owner` of keys. `null`: the operator's.
        pub owner: String = text(1..=100),
        /// Whose requests it may serve. `private`: those of its owner; `shared`: also those of the owners in `shared_with`;
        /// `public`: all. What one owns oneself becomes public by a review.
        pub visibility: Visibility = one_of(Visibility::NAMES).not_null(),
        /// Ids of users, or owners of keys, with whom it is shared. Without a `visibility` this makes it `shared`, or `private`
        /// again if there is none.
        pub shared_with: Vec<String> = texts(1..=100).check(check_shared_with).not_null(),
        /// Whether it is used.
        pub enabled: bool = boolean().not_null(),
        ..pub operation: OperationInput,
    }
}

impl ProviderInput {
    /// Checks the address. Upstreams on private addresses are refused unless `allow_private`.
    ///
    /// # Errors
    /// `invalid_value` for an address that must not be asked.
    pub fn checked(self, allow_private: bool) -> Result<Self, ApiError> {
        if let Patch::Set(url) = &self.server_url {
            check_url(url, allow_private)?;
        }
        Ok(self)
    }

    /// The id of the preset that the body names, if it is no built-in one.
    #[must_use]
    pub fn custom_preset(&self) -> Option<&str> {
        self.preset.as_set().map(String::as_str).filter(|id| presets::find(id).is_none())
    }

    /// Takes over values of the preset that the request does not set. `custom`: what the preset says that is no built-in one.
    ///
    /// # Errors
    /// `invalid_value` for a preset that does not exist; `missing_required_parameter` for one with a placeholder in its address.
    pub fn apply_preset(&mut self, custom: Option<Defaults>) -> Result<(), ApiError> {
        let Patch::Set(id) = &self.preset else { return Ok(()) };
        let built_in = presets::find(id);
        let defaults = match built_in {
            Some(preset) => Defaults::of(preset)?,
            None => custom.filter(|custom| custom.id == *id).ok_or_else(no_preset)?,
        };
        if self.name == Patch::Keep {
            self.name = Patch::Set(defaults.id);
        }
        if self.kind == Patch::Keep {
            self.kind = Patch::Set(defaults.kind);
        }
        if self.quirks == Patch::Keep {
            self.quirks = Patch::Set(defaults.quirks);
        }
        if self.server_url == Patch::Keep {
            if let Some(placeholder) = built_in.and_then(|preset| preset.placeholders.first()) {
                let message = format!(
                    "This preset needs a `server_url` with your own {placeholder}: {}.",
                    defaults.server_url
                );
                return Err(ApiError::invalid("missing_required_parameter", "server_url", message));
            }
            self.server_url = Patch::Set(defaults.server_url);
        }
        Ok(())
    }

    /// Applies everything but the secrets, which must be sealed first, and validates the result.
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

/// The quirks, separated by commas.
///
/// # Errors
/// `invalid_value` for one that does not exist.
pub(super) fn check_quirks(names: &[String]) -> Result<String, ApiError> {
    match names.iter().position(|name| Quirk::named(name).is_none()) {
        None => Ok(names.join(",")),
        Some(index) => {
            let known: Vec<&str> = Quirk::NAMES.iter().map(|(name, _)| *name).collect();
            let message = format!("`quirks` must be among: {}.", known.join(", "));
            Err(ApiError::invalid("invalid_value", format!("quirks[{index}]"), message))
        }
    }
}

fn check_shared_with(mut owners: Vec<String>) -> Result<Vec<String>, ApiError> {
    if owners.len() > MAX_SHARED_WITH {
        let message = format!("`shared_with` must have at most {MAX_SHARED_WITH} entries.");
        return Err(ApiError::invalid("invalid_value", "shared_with", message));
    }
    owners.sort_unstable();
    owners.dedup();
    Ok(owners)
}

fn no_preset() -> ApiError {
    ApiError::invalid("invalid_value", "preset", "There is no such preset; see GET /provider-presets.")
}

fn check_name(name: String) -> Result<String, ApiError> {
    if name.contains('/') {
        let message = "`name` must not contain a slash: callers write `name/model`.";
        return Err(ApiError::invalid("invalid_value", "name", message));
    }
    Ok(name)
}

fn read_kind(kind: &str) -> Result<ProviderKind, ApiError> {
    ProviderKind::named(kind).ok_or_else(|| {
        let names: Vec<&str> = ProviderKind::ALL.iter().map(|kind| kind.name()).collect();
        unknown_value("kind", kind, &names)
    })
}

fn check_personalized_key(key: String) -> Result<String, ApiError> {
    if is_api_key(&key) {
        let message = "`personalized_key` must not have the form of an API key of the gateway.";
        return Err(ApiError::invalid("invalid_value", "personalized_key", message));
    }
    Ok(key)
}

/// Checks the address of a provider.
///
/// # Errors
/// `invalid_value`.
pub(super) fn check_url(url: &str, allow_private: bool) -> Result<(), ApiError> {
    if url.is_empty() {
        return Ok(());
    }
    UpstreamUrl::parse(url, allow_private)
        .map(|_| ())
        .map_err(|error| ApiError::invalid("invalid_value", "server_url", format!("`server_url` {error}.")))
}

/// Checks names and values of headers that are sent to another service.
pub(super) fn check_headers(
    configured: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ApiError> {
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
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;
    use crate::input::Input;

    fn parse(body: &[u8]) -> Result<ProviderInput, ApiError> {
        ProviderInput::parse(body)?.checked(false)
    }

    fn param_of(body: &str) -> Option<String> {
        parse(body.as_bytes()).unwrap_err().param
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
        let input = parse(br#"{"name":"new","rate_limit":null}"#).unwrap();
        input.apply_public(&mut record).unwrap();
        let expected =
            ProviderRecord { name: "new".into(), description: "kept".into(), ..test_record(1, "") };
        assert_eq!(record, expected);
    }

    #[test]
    fn a_preset_fills_in_what_is_not_said() {
        let mut input = parse(br#"{"preset":"anthropic","server_key":"k"}"#).unwrap();
        input.apply_preset(None).unwrap();
        let mut record = test_record(1, "");
        input.apply_public(&mut record).unwrap();
        assert_eq!((record.name.as_str(), record.kind), ("anthropic", ProviderKind::Anthropic));
        assert!(record.server_url.starts_with("https://"));
        let mut azure = parse(br#"{"preset":"azure_openai"}"#).unwrap();
        assert_eq!(azure.apply_preset(None).unwrap_err().param.as_deref(), Some("server_url"));
        let mut unknown = parse(br#"{"preset":"ours"}"#).unwrap();
        assert_eq!(unknown.custom_preset(), Some("ours"));
        assert_eq!(unknown.apply_preset(None).unwrap_err().param.as_deref(), Some("preset"));
        let ours = Defaults {
            id: "ours".into(),
            kind: ProviderKind::Anthropic,
            server_url: "https://ours.example".into(),
            quirks: String::new(),
        };
        unknown.apply_preset(Some(ours)).unwrap();
        unknown.apply_public(&mut record).unwrap();
        assert_eq!((record.name.as_str(), record.server_url.as_str()), ("ours", "https://ours.example"));
    }

    #[test]
    fn every_preset_makes_a_provider() {
        for preset in presets::all() {
            assert!(ProviderKind::named(preset.kind).is_some(), "{}", preset.id);
        }
    }

    #[test]
    fn only_what_is_inside_needs_no_address() {
        let mut record = test_record(1, "x");
        let input = parse(br#"{"server_url":""}"#).unwrap();
        assert_eq!(input.apply_public(&mut record).unwrap_err().param.as_deref(), Some("server_url"));
        for kind in ["demo", "workers_ai"] {
            let input = format!(r#"{{"server_url":"","kind":"{kind}"}}"#);
            let input = parse(input.as_bytes()).unwrap();
            assert!(input.apply_public(&mut record).is_ok(), "{kind}");
        }
    }
}
