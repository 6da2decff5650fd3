//! The configuration as a file: presets of an operator's own, providers with their models, and logical models, without secrets. It is read by people, kept under
//! version control, and taken into another deployment.
//!
//! An entry of the file has the fields of the body that would create it, so that its rules are those of the admin API. Providers are
//! named: what refers to one has `provider` in place of an id. Guarantees: a file contains no secret and no id that a database gave; to import what was
//! exported changes nothing; an import changes what the file names and deletes nothing; what it would change is known before it does.

mod export;
mod import;

use serde::Serialize;
use serde_json::Value;

use super::custom_preset::CustomPresetRecord;
use super::{LogicalModelRecord, ModelRecord, ProviderRecord};
use crate::access::audit::change::Changes;

pub use import::{Plan, plan};

/// The version of the form of a file.
pub const VERSION: u64 = 1;
/// Most entries of a file, models included.
pub const MAX_ENTRIES: usize = 5_000;

/// The configuration as it is stored.
#[derive(Debug, Default)]
pub struct Stored {
    /// The providers.
    pub providers: Vec<ProviderRecord>,
    /// Their models.
    pub models: Vec<ModelRecord>,
    /// The logical models.
    pub logical_models: Vec<LogicalModelRecord>,
    /// The presets of an operator's own.
    pub presets: Vec<CustomPresetRecord>,
}

/// A file.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ConfigurationFile"))]
pub struct File {
    /// [`VERSION`]
    pub version: u64,
    /// The providers, each with its `models`, by name.
    pub providers: Vec<Value>,
    /// The logical models, by name.
    pub logical_models: Vec<Value>,
    /// The presets of an operator's own, by id.
    pub presets: Vec<Value>,
}

/// What a record is, in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ImportedKind"))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A provider.
    Provider,
    /// A model of a provider, as `provider/model`.
    Model,
    /// A logical model.
    LogicalModel,
    /// A preset of an operator's own, by its id.
    Preset,
}

/// What an import does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ImportedAction"))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is as the file says.
    Unchanged,
}

/// A line of a report.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ImportedRecord"))]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What is done with it.
    pub action: Action,
    /// The columns that change, with their values before and after; none of what is made.
    pub changes: Changes,
}

/// A record with what it was before; `None`: it is new.
pub type Change<R> = (Option<R>, R);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::catalog::provider::test_record;
    use crate::error::ApiError;

    fn stored() -> Stored {
        let mut provider = test_record(7, "Open");
        provider.server_key_sealed = Some("v1.sealed".into());
        provider.server_key_hint = Some("…hint".into());
        provider.headers_hint = Some(r#"{"X-Title":"nexus"}"#.into());
        (provider.weight, provider.retry_statuses) = (50, "409,500".into());
        let mut logical = LogicalModelRecord::new(0);
        logical.id = 3;
        logical.name = "smart".into();
        let spec = json!([{"provider_id": 7, "model": "gpt", "weight": 5}]);
        logical.candidates = serde_json::from_value(spec).unwrap();
        let mut model = ModelRecord { id: 9, ..ModelRecord::new(7, "gpt".into(), 0) };
        model.capabilities = Some(vec!["vision".into(), "tools".into()]);
        let mut preset = CustomPresetRecord::new("house".into(), 0);
        preset.name = "Our own".into();
        preset.server_url = "https://llm.example.com/v1".into();
        preset.models = vec!["gpt".into()];
        Stored {
            providers: vec![provider],
            models: vec![model],
            logical_models: vec![logical],
            presets: vec![preset],
        }
    }

    fn planned(file: &Value, stored: &Stored) -> Result<Plan, ApiError> {
        let mut made = 0;
        plan(file.to_string().as_bytes(), stored, false, 5, || {
            made += 1;
            format!("uid{made}")
        })
    }

    fn actions(plan: &Plan) -> Vec<(Kind, &str, Action)> {
        plan.lines.iter().map(|line| (line.kind, line.name.as_str(), line.action)).collect()
    }

    #[test]
    fn what_was_exported_changes_nothing_where_it_comes_from() {
        let stored = stored();
        let file = serde_json::to_value(File::of(&stored)).unwrap();
        for secret in ["sealed", "hint", "X-Title", "\"id\":7", "provider_id", "created_at"] {
            assert!(!file.to_string().contains(secret), "{secret}: {file}");
        }
        let plan = planned(&file, &stored).unwrap();
        assert!(plan.lines.iter().all(|line| line.action == Action::Unchanged), "{:?}", plan.lines);
        assert!(plan.providers.is_empty() && plan.models.is_empty() && plan.logical_models.is_empty());
        assert!(plan.presets.is_empty());
    }

    #[test]
    fn elsewhere_it_makes_the_same_configuration() {
        let stored = stored();
        let file = serde_json::to_value(File::of(&stored)).unwrap();
        let mut plan = planned(&file, &Stored::default()).unwrap();
        assert_eq!(
            actions(&plan),
            [
                (Kind::Provider, "Open", Action::Create),
                (Kind::Model, "Open/gpt", Action::Create),
                (Kind::LogicalModel, "smart", Action::Create),
                (Kind::Preset, "house", Action::Create),
            ]
        );
        assert_eq!(plan.presets[0].1.server_url, "https://llm.example.com/v1");
        assert_eq!(plan.providers[0].1.id, Plan::new_id(0));
        plan.resolve(&HashMap::from([(Plan::new_id(0), 21)]));
        assert_eq!(
            (plan.models[0].1.provider_id, plan.logical_models[0].1.candidates[0].provider_id),
            (21, 21)
        );
        let made = &plan.providers[0].1;
        assert_eq!(
            (made.weight, made.retry_statuses.as_str(), made.server_key_sealed.as_ref()),
            (50, "409,500", None)
        );
    }

    #[test]
    fn a_change_is_told_with_its_values_and_keeps_the_secrets() {
        let stored = stored();
        let mut file = serde_json::to_value(File::of(&stored)).unwrap();
        file["providers"][0]["name"] = json!("open");
        file["providers"][0]["weight"] = json!(70);
        file["providers"][0]["models"][0]["context_length"] = json!(8192);
        file["logical_models"] = json!([]);
        file["presets"] = json!([]);
        let plan = planned(&file, &stored).unwrap();
        let line = &plan.lines[0];
        let weight = line.changes.iter().find(|change| change.field == "weight").unwrap();
        assert_eq!((line.action, &weight.before, &weight.after), (Action::Update, &json!(50), &json!(70)));
        assert_eq!(plan.providers[0].1.server_key_sealed.as_deref(), Some("v1.sealed"));
        assert_eq!(plan.models[0].1.context_length, Some(8192));
        assert_eq!(plan.lines.len(), 2, "what the file does not name is left alone");
    }

    #[test]
    fn faults_name_their_place() {
        let provider = |fields: Value| {
            let mut entry = json!({"name": "p", "server_url": "https://api.example.com"});
            entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({"version": 1, "providers": [entry]})
        };
        let logical = |name: &str| json!({"version": 1, "logical_models": [{"name": "l", "candidates": [{"provider": name, "model": "m"}]}]});
        for (file, param) in [
            (json!({"version": 2}), Some("version")),
            (json!({"version": 1, "other": 1}), None),
            (provider(json!({"weight": 0})), Some("providers[0].weight")),
            (provider(json!({"server_url": "http://127.0.0.1"})), Some("providers[0].server_url")),
            (provider(json!({"server_key": "sk-1"})), Some("providers[0].server_key")),
            (provider(json!({"id": 1})), Some("providers[0].id")),
            (provider(json!({"visibility": "private"})), Some("providers[0].visibility")),
            (provider(json!({"models": 5})), Some("providers[0].models")),
            (provider(json!({"models": [{"model_name": ""}]})), Some("providers[0].models[0].model_name")),
            (
                provider(json!({"models": [{"model_name": "a"}, {"model_name": "a"}]})),
                Some("providers[0].models[1].model_name"),
            ),
            (
                json!({"version": 1, "providers": [{"name": "p", "kind": "demo"}, {"name": "P", "kind": "demo"}]}),
                Some("providers[1].name"),
            ),
            (json!({"version": 1, "presets": [{"id": "openai", "name": "x"}]}), Some("presets[0].id")),
            (json!({"version": 1, "presets": [{"name": "x"}]}), Some("presets[0].id")),
            (
                json!({"version": 1, "presets": [{"id": "a", "name": "a", "server_url": "http://127.0.0.1"}]}),
                Some("presets[0].server_url"),
            ),
            (
                json!({"version": 1, "presets": [{"id": "a", "name": "a", "kind": "demo"}, {"id": "a", "name": "a", "kind": "demo"}]}),
                Some("presets[1].id"),
            ),
            (logical("nowhere"), Some("logical_models[0].candidates[0].provider")),
            (json!({"version": 1, "logical_models": [{"name": "l"}]}), Some("logical_models[0].candidates")),
        ] {
            let error = planned(&file, &stored()).unwrap_err();
            assert_eq!(error.param.as_deref(), param, "{file}: {error:?}");
        }
        assert!(planned(&logical("OPEN"), &stored()).is_ok());
    }
}
