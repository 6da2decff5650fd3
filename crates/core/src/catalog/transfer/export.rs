//! The configuration as a file.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{File, Stored, VERSION};
use crate::catalog::custom_preset::{CustomPresetInput, CustomPresetRecord};
use crate::catalog::logical_model::LogicalModelInput;
use crate::catalog::model::ModelInput;
use crate::catalog::provider_input::ProviderInput;
use crate::catalog::{LogicalModelRecord, ModelRecord, ProviderRecord};
use crate::input::Input;

impl File {
    /// The file of a configuration.
    #[must_use]
    pub fn of(stored: &Stored) -> Self {
        let names: HashMap<i64, &str> =
            stored.providers.iter().map(|provider| (provider.id, provider.name.as_str())).collect();
        let mut providers: Vec<&ProviderRecord> = stored.providers.iter().collect();
        providers.sort_by(|one, other| one.name.cmp(&other.name));
        let mut logical_models: Vec<&LogicalModelRecord> = stored.logical_models.iter().collect();
        logical_models.sort_by(|one, other| one.name.cmp(&other.name));
        let mut presets: Vec<&CustomPresetRecord> = stored.presets.iter().collect();
        presets.sort_by(|one, other| one.id.cmp(&other.id));
        Self {
            version: VERSION,
            providers: providers.iter().map(|provider| provider_entry(provider, &stored.models)).collect(),
            logical_models: logical_models.iter().map(|logical| logical_entry(logical, &names)).collect(),
            presets: presets.iter().map(|preset| fields_of::<CustomPresetInput>(preset).into()).collect(),
        }
    }
}

/// The fields of an entry that is made of a view of the record, without those that a body does not have.
fn fields_of<T: Input>(view: &impl Serialize) -> Map<String, Value> {
    let known: HashSet<&str> = T::names().into_iter().collect();
    match serde_json::to_value(view) {
        Ok(Value::Object(fields)) => {
            fields.into_iter().filter(|(name, _)| known.contains(name.as_str())).collect()
        }
        _ => Map::new(),
    }
}

fn provider_entry(provider: &ProviderRecord, models: &[ModelRecord]) -> Value {
    let mut fields = fields_of::<ProviderInput>(&provider.view());
    // The view shows them masked.
    for secret in ["server_key", "personalized_key", "headers"] {
        fields.remove(secret);
    }
    let mut own: Vec<&ModelRecord> = models.iter().filter(|model| model.provider_id == provider.id).collect();
    own.sort_by(|one, other| one.model_name.cmp(&other.model_name));
    let own = own.iter().map(|model| {
        let mut fields = fields_of::<ModelInput>(model);
        fields.remove("provider_id");
        Value::Object(fields)
    });
    fields.insert("models".to_owned(), own.collect());
    Value::Object(fields)
}

fn logical_entry(logical: &LogicalModelRecord, names: &HashMap<i64, &str>) -> Value {
    let mut fields = fields_of::<LogicalModelInput>(logical);
    let candidates = logical.candidates.iter().filter_map(|candidate| {
        // A candidate whose provider was deleted stands for nothing elsewhere.
        let name = names.get(&candidate.provider_id)?;
        let Ok(Value::Object(mut spec)) = serde_json::to_value(candidate) else { return None };
        spec.remove("provider_id");
        spec.insert("provider".to_owned(), json!(name));
        Some(Value::Object(spec))
    });
    fields.insert("candidates".to_owned(), candidates.collect());
    Value::Object(fields)
}
