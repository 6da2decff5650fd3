//! A model that a provider serves.

use serde::{Deserialize, Serialize};

use super::fields::{Fields, Patch};
use super::flag;
use crate::error::ApiError;

/// A model as it is stored and as the admin API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Stable number.
    pub id: i64,
    /// The provider that serves it.
    pub provider_id: i64,
    /// What callers write; unique within the provider.
    pub model_name: String,
    /// What the upstream is asked for, if that is another name.
    pub upstream_model: Option<String>,
    /// Free text.
    pub description: String,
    /// Whether it is offered.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Whether its first byte may take minutes, as with models that think first.
    #[serde(deserialize_with = "flag")]
    pub slow: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

/// The checked body of `POST /provider_models` and `PUT /provider_models/{id}`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct ModelInput {
    pub provider_id: Patch<u64>,
    pub model_name: Patch<String>,
    pub upstream_model: Patch<String>,
    pub description: Patch<String>,
    pub enabled: Patch<bool>,
    pub slow: Patch<bool>,
}

impl ModelInput {
    const FIELDS: &'static [&'static str] =
        &["provider_id", "model_name", "upstream_model", "description", "enabled", "slow"];

    /// Reads and checks a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        const MAX_ID: u64 = 1 << 53;
        let fields = Fields::parse(body, Self::FIELDS)?;
        Ok(Self {
            provider_id: fields.integer("provider_id", 1..=MAX_ID)?.not_null("provider_id")?,
            model_name: fields.text("model_name", 1..=200)?.not_null("model_name")?,
            upstream_model: fields.text("upstream_model", 1..=200)?,
            description: fields.text("description", 0..=2000)?,
            enabled: fields.boolean("enabled")?.not_null("enabled")?,
            slow: fields.boolean("slow")?.not_null("slow")?,
        })
    }

    /// Applies the change, except for the provider, which has to be looked up.
    pub fn apply(&self, record: &mut ModelRecord) {
        self.model_name.clone().apply_or(&mut record.model_name, String::new());
        self.upstream_model.clone().apply_to(&mut record.upstream_model);
        self.description.clone().apply_or(&mut record.description, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.slow.clone().apply_or(&mut record.slow, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"provider_id":0}"#, "provider_id"),
            (r#"{"provider_id":"1"}"#, "provider_id"),
            (r#"{"model_name":"  "}"#, "model_name"),
            (r#"{"slow":1}"#, "slow"),
            (r#"{"id":1}"#, "id"),
        ] {
            let error = ModelInput::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }
}
