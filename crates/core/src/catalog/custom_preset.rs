//! Presets of an operator's own, beside the built-in ones: what a provider of the kind that the users of this deployment need is
//! made of, without a secret.

use serde::{Deserialize, Serialize};

use super::ProviderKind;
use super::presets;
use super::provider_input::{Defaults, check_quirks, check_url};
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, choice, text, texts};
use crate::row::json_list;
use crate::row::table::{self, json, table};

/// Most presets: all of them are in one answer.
pub const MAX_CUSTOM_PRESETS: usize = 200;

/// A preset as it is stored and shown. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CustomPreset"))]
pub struct CustomPresetRecord {
    /// Its id, which `POST /providers` takes as `preset`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its kind, as a provider's `kind`.
    pub kind: ProviderKind,
    /// Its address, as a provider's `server_url`; empty for kinds without one.
    pub server_url: String,
    /// Its quirks, as a provider's.
    #[serde(deserialize_with = "json_list")]
    pub quirks: Vec<String>,
    /// Free text.
    pub description: String,
    /// Some of its models.
    #[serde(deserialize_with = "json_list")]
    pub models: Vec<String>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    CustomPresetRecord in "custom_presets" unique "id" {
        given id;
        fixed { created_at }
        changing {
            name,
            kind = |preset| table::name(preset.kind.name()),
            server_url,
            quirks = |preset| json(&preset.quirks),
            description,
            models = |preset| json(&preset.models),
        }
        elsewhere {}
    }
}

impl CustomPresetRecord {
    /// A preset with default values, made at `now_ms`.
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            name: String::new(),
            kind: ProviderKind::Openai,
            server_url: String::new(),
            quirks: Vec::new(),
            description: String::new(),
            models: Vec::new(),
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// What it says where a body of `POST /providers` says nothing.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        Defaults {
            id: self.id.clone(),
            kind: self.kind,
            server_url: self.server_url.clone(),
            quirks: self.quirks.join(","),
        }
    }
}

input! {
    /// What may be said about a preset.
    pub struct CustomPresetInput {
        /// Its id: lower-case letters, digits, `_` and `-`. It cannot be changed, and is none of a built-in preset.
        pub id: String = text(1..=50).check(check_id).not_null(),
        /// Its name for people.
        pub name: String = text(1..=100).not_null().required(),
        /// Its kind, as a provider's `kind`; `openai` is the default.
        pub kind: ProviderKind = choice(ProviderKind::names).not_null(),
        /// Its address, as a provider's `server_url`.
        pub server_url: String = text(0..=2000).not_null(),
        /// Its quirks, as a provider's.
        pub quirks: Vec<String> = texts(1..=50).check(known_quirks),
        /// Free text.
        pub description: String = text(0..=2000).not_null(),
        /// Some of its models.
        pub models: Vec<String> = texts(1..=200),
    }
}

impl CustomPresetInput {
    /// Applies the change and checks the result. The id is not part of it. Addresses on private networks are refused unless
    /// `allow_private`.
    ///
    /// # Errors
    /// `invalid_value` for an address that must not be asked; `missing_required_parameter` for a kind that needs one.
    pub fn apply(&self, record: &mut CustomPresetRecord, allow_private: bool) -> Result<(), ApiError> {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.kind.clone().apply_or(&mut record.kind, ProviderKind::Openai);
        self.server_url.clone().apply_or(&mut record.server_url, String::new());
        self.quirks.clone().apply_or(&mut record.quirks, Vec::new());
        self.description.clone().apply_or(&mut record.description, String::new());
        self.models.clone().apply_or(&mut record.models, Vec::new());
        if record.kind.has_address() && record.server_url.is_empty() {
            let message = "`server_url` is required for this kind of provider.";
            return Err(ApiError::invalid("missing_required_parameter", "server_url", message));
        }
        check_url(&record.server_url, allow_private)
    }
}

fn known_quirks(names: Vec<String>) -> Result<Vec<String>, ApiError> {
    check_quirks(&names).map(|_| names)
}

fn check_id(id: String) -> Result<String, ApiError> {
    let is_plain = id
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    if !is_plain || presets::find(&id).is_some() {
        let message =
            "`id` must consist of lower-case letters, digits, `_` and `-`, and be none of a built-in preset.";
        return Err(ApiError::invalid("invalid_value", "id", message));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"id":"Big"}"#, "id"),
            (r#"{"id":"openai"}"#, "id"),
            (r#"{"kind":"telepathy"}"#, "kind"),
            (r#"{"quirks":["none"]}"#, "quirks[0]"),
        ] {
            let error = CustomPresetInput::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
        let mut record = CustomPresetRecord::new("p".into(), 1);
        let apply = |body: &str, record: &mut CustomPresetRecord| {
            CustomPresetInput::parse(body.as_bytes()).unwrap().apply(record, false)
        };
        assert_eq!(apply("{}", &mut record).unwrap_err().code, "missing_required_parameter");
        let private = apply(r#"{"server_url":"http://127.0.0.1"}"#, &mut record);
        assert_eq!(private.unwrap_err().param.as_deref(), Some("server_url"));
        assert!(apply(r#"{"server_url":"","kind":"demo"}"#, &mut record).is_ok());
    }
}
