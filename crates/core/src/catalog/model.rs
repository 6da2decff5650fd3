//! A model that a provider serves.

use serde::{Deserialize, Serialize};

use super::operation::{PRIORITY_RANGE, WEIGHT_RANGE};
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, boolean, integer, integer_u32, text, texts};
use crate::row::table::{SqlValue, table};
use crate::row::{flag, words};

/// Capabilities of a model: image input, audio input, tool calls, answers by a JSON schema, reasoning.
pub const CAPABILITIES: &[&str] = &["vision", "audio", "tools", "json_schema", "reasoning"];
/// The largest id that a JSON number holds exactly.
const MAX_ID: u64 = 1 << 53;
const TOKENS_RANGE: std::ops::RangeInclusive<u64> = 1..=1_000_000_000;

/// A model as it is stored and returned by the admin API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ModelRecord {
    /// Id.
    pub id: i64,
    /// The provider that serves it.
    pub provider_id: i64,
    /// The name that callers use; unique within the provider.
    pub model_name: String,
    /// The upstream's name of it, if that differs.
    pub upstream_model: Option<String>,
    /// Free text.
    pub description: String,
    /// Whether it is enabled.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Whether its first byte may take minutes, as with reasoning models.
    #[serde(deserialize_with = "flag")]
    pub slow: bool,
    /// Tokens of prompt and answer together; `None`: unknown.
    pub context_length: Option<u32>,
    /// Tokens of an answer; `None`: unknown.
    pub max_output: Option<u32>,
    /// Which of [`CAPABILITIES`] it has; `None`: unknown.
    #[serde(deserialize_with = "words")]
    pub capabilities: Option<Vec<String>>,
    /// Share of the traffic; `None`: the provider's setting.
    pub weight: Option<u32>,
    /// Lower is tried first; `None`: the provider's setting.
    pub priority: Option<u32>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    ModelRecord in "provider_models" unique "model_name" {
        generated id;
        fixed { created_at }
        changing {
            provider_id, model_name, upstream_model, description, enabled, slow, context_length, max_output,
            capabilities = |model| {
                model.capabilities.as_ref().map_or(SqlValue::Null, |names| SqlValue::Text(names.join(",").into()))
            },
            weight, priority,
        }
        elsewhere {}
    }
}

impl ModelRecord {
    /// A model with a name and default values, created at `now_ms` (milliseconds since the epoch). It gets its id
    /// when it is stored.
    #[must_use]
    pub fn new(provider_id: i64, model_name: String, now_ms: u64) -> Self {
        Self {
            id: 0,
            provider_id,
            model_name,
            upstream_model: None,
            description: String::new(),
            enabled: true,
            slow: false,
            context_length: None,
            max_output: None,
            capabilities: None,
            weight: None,
            priority: None,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// Whether it has the capability; `None`: unknown.
    #[must_use]
    pub fn has_capability(&self, name: &str) -> Option<bool> {
        self.capabilities.as_ref().map(|known| known.iter().any(|word| word == name))
    }

    /// The upstream's name of it.
    #[must_use]
    pub fn asked_for(&self) -> &str {
        self.upstream_model.as_deref().unwrap_or(&self.model_name)
    }
}

input! {
    /// What may be said about a model of a provider.
    pub struct ModelInput {
        /// The provider that serves it.
        pub provider_id: u64 = integer(1..=MAX_ID).not_null().required(),
        /// What callers write; unique within the provider.
        pub model_name: String = text(1..=200).not_null().required(),
        /// The upstream's name of the model, where it is another one.
        pub upstream_model: String = text(1..=200),
        /// Free text.
        pub description: String = text(0..=2000),
        /// Whether it is offered.
        pub enabled: bool = boolean().not_null(),
        /// Whether its first byte may take minutes, as with models that reason first.
        pub slow: bool = boolean().not_null(),
        /// Tokens of prompt and answer together.
        pub context_length: u32 = integer_u32(TOKENS_RANGE),
        /// Tokens of an answer.
        pub max_output: u32 = integer_u32(TOKENS_RANGE),
        /// What it can do, and nothing else: `vision`, `audio`, `tools`, `json_schema`, `reasoning`; `null`: not known.
        pub capabilities: Vec<String> = texts(1..=50).check(|names| check_capabilities(&names)),
        /// Share of the traffic among those of the same priority; `null`: as the provider.
        pub weight: u32 = integer_u32(WEIGHT_RANGE),
        /// Lower is tried first; `null`: as the provider.
        pub priority: u32 = integer_u32(PRIORITY_RANGE),
    }
}

impl ModelInput {
    /// Applies the change, except for the provider, which has to be looked up.
    pub fn apply(&self, record: &mut ModelRecord) {
        self.model_name.clone().apply_or(&mut record.model_name, String::new());
        self.upstream_model.clone().apply_to(&mut record.upstream_model);
        self.description.clone().apply_or(&mut record.description, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.slow.clone().apply_or(&mut record.slow, false);
        self.context_length.clone().apply_to(&mut record.context_length);
        self.max_output.clone().apply_to(&mut record.max_output);
        self.capabilities.clone().apply_to(&mut record.capabilities);
        self.weight.clone().apply_to(&mut record.weight);
        self.priority.clone().apply_to(&mut record.priority);
    }
}

fn check_capabilities(names: &[String]) -> Result<Vec<String>, ApiError> {
    if let Some(index) = names.iter().position(|name| !CAPABILITIES.contains(&name.as_str())) {
        let message = format!("`capabilities` must be among: {}.", CAPABILITIES.join(", "));
        return Err(ApiError::invalid("invalid_value", format!("capabilities[{index}]"), message));
    }
    // Sorted and without duplicates, so that equal sets are stored equal.
    let known = CAPABILITIES.iter().filter(|known| names.iter().any(|name| name == *known));
    Ok(known.map(|name| (*name).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"provider_id":0}"#, "provider_id"),
            (r#"{"provider_id":"1"}"#, "provider_id"),
            (r#"{"model_name":"  "}"#, "model_name"),
            (r#"{"slow":1}"#, "slow"),
            (r#"{"id":1}"#, "id"),
            (r#"{"capabilities":["tools","magic"]}"#, "capabilities[1]"),
            (r#"{"capabilities":"tools"}"#, "capabilities"),
            (r#"{"context_length":0}"#, "context_length"),
            (r#"{"weight":0}"#, "weight"),
            (r#"{"priority":-1}"#, "priority"),
        ] {
            let error = ModelInput::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }
    #[test]
    fn capabilities_read_the_same_from_a_row_and_from_a_copy() {
        let row = |stored: &str| -> ModelRecord {
            let json = format!(
                r#"{{"id":1,"provider_id":1,"model_name":"m","upstream_model":null,"description":"","enabled":1,"slow":0,
                "context_length":8192,"max_output":null,"capabilities":{stored},"weight":null,"priority":2,
                "created_at":1,"updated_at":1}}"#
            );
            serde_json::from_str(&json).unwrap()
        };
        for (stored, vision) in [("null", None), ("\"\"", Some(false)), ("\"tools,vision\"", Some(true))] {
            let record = row(stored);
            assert_eq!(record.has_capability("vision"), vision, "{stored}");
            let copy: ModelRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
            assert_eq!(copy, record);
        }
        let mut record = row("null");
        let input = ModelInput::parse(br#"{"capabilities":["vision","tools","tools"]}"#).unwrap();
        input.apply(&mut record);
        assert_eq!(record.capabilities, Some(vec!["vision".into(), "tools".into()]));
    }
}
