//! The configuration as a file: presets of an operator's own, providers with their models, and logical models, without secrets. It is read by people, kept under
//! version control, and taken into another deployment.
//!
//! An entry of the file has the fields of the body that would create it, so that its rules are those of the admin API. Providers are
//! named: what refers to one has `provider` in place of an id. Guarantees: a file contains no secret and no id that a database gave; to import what was
//! exported changes nothing; an import changes what the file names and deletes nothing; what it would change is known before it does.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::custom_preset::{CustomPresetInput, CustomPresetRecord, MAX_CUSTOM_PRESETS};
use super::logical_model::LogicalModelInput;
use super::model::ModelInput;
use super::provider_input::ProviderInput;
use super::{LogicalModelRecord, ModelRecord, ProviderRecord};
use crate::access::audit::change::{Changes, between};
use crate::error::ApiError;
use crate::input::Input;

/// The version of the form of a file.
pub const VERSION: u64 = 1;
/// Most entries of a file, models included.
pub const MAX_ENTRIES: usize = 5_000;
/// Stands for the id of a provider that is made by the import: this, and its place among the new ones below it.
const FIRST_NEW: i64 = 1 << 53;

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

/// What an import does. Ids of providers that it makes are from [`Plan::new_id`].
#[derive(Debug, Default)]
pub struct Plan {
    /// Providers that are made or changed.
    pub providers: Vec<Change<ProviderRecord>>,
    /// Models that are made or changed.
    pub models: Vec<Change<ModelRecord>>,
    /// Logical models that are made or changed.
    pub logical_models: Vec<Change<LogicalModelRecord>>,
    /// Presets that are made or changed.
    pub presets: Vec<Change<CustomPresetRecord>>,
    /// A line for each entry of the file.
    pub lines: Vec<Line>,
}

impl Plan {
    /// The id that stands for the `place`th provider that the import makes.
    #[must_use]
    pub fn new_id(place: usize) -> i64 {
        FIRST_NEW - i64::try_from(place).unwrap_or(i64::MAX / 2)
    }

    /// Puts real ids in the place of those that stand for new providers.
    pub fn resolve(&mut self, ids: &HashMap<i64, i64>) {
        for (_, model) in &mut self.models {
            model.provider_id = ids.get(&model.provider_id).copied().unwrap_or(model.provider_id);
        }
        for (_, logical) in &mut self.logical_models {
            for candidate in &mut logical.candidates {
                candidate.provider_id =
                    ids.get(&candidate.provider_id).copied().unwrap_or(candidate.provider_id);
            }
        }
    }
}

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

/// A file as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    version: u64,
    #[serde(default)]
    providers: Vec<Map<String, Value>>,
    #[serde(default)]
    logical_models: Vec<Map<String, Value>>,
    #[serde(default)]
    presets: Vec<Map<String, Value>>,
}

/// What an import of a file would do at `now_ms` (milliseconds since the epoch). Addresses on private networks are refused
/// unless `allow_private`; `uid` makes the random id of a new provider.
///
/// # Errors
/// `invalid_json`, `invalid_value` and the like, with the entry and its field (`providers[2].models[0].weight`);
/// `unknown_provider` for a candidate of a provider that neither the file nor the configuration has.
pub fn plan(
    file: &[u8],
    stored: &Stored,
    allow_private: bool,
    now_ms: u64,
    mut uid: impl FnMut() -> String,
) -> Result<Plan, ApiError> {
    let given: Given = serde_json::from_slice(file)
        .map_err(|error| ApiError::invalid_json(format!("The file cannot be read: {error}.")))?;
    if given.version != VERSION {
        let message = format!("`version` must be {VERSION}.");
        return Err(ApiError::invalid("invalid_value", "version", message));
    }
    let mut plan = Plan::default();
    // Names of providers are the same whatever their case.
    let mut ids: HashMap<String, i64> =
        stored.providers.iter().map(|provider| (provider.name.to_lowercase(), provider.id)).collect();
    let mut entries = given.logical_models.len() + given.presets.len();
    for (place, mut entry) in given.providers.into_iter().enumerate() {
        let at = format!("providers[{place}]");
        let models = take_list(&mut entry, "models", &at)?;
        entries = entries.saturating_add(1).saturating_add(models.len());
        if entries > MAX_ENTRIES {
            let message = format!("A file has at most {MAX_ENTRIES} entries.");
            return Err(ApiError::invalid("invalid_value", "providers", message));
        }
        let provider_id = plan.add_provider(&entry, &at, stored, allow_private, now_ms, &mut uid, &ids)?;
        let name = plan.lines.last().map(|line| line.name.clone()).unwrap_or_default();
        if ids.insert(name.to_lowercase(), provider_id).is_some_and(|_| provider_id > FIRST_NEW / 2) {
            return Err(twice(&at, "name"));
        }
        for (place, model) in models.into_iter().enumerate() {
            plan.add_model(model, &format!("{at}.models[{place}]"), (provider_id, &name), stored, now_ms)?;
        }
    }
    for (place, entry) in given.logical_models.into_iter().enumerate() {
        plan.add_logical(entry, &format!("logical_models[{place}]"), stored, now_ms, &ids)?;
    }
    for (place, entry) in given.presets.into_iter().enumerate() {
        plan.add_preset(&entry, &format!("presets[{place}]"), stored, allow_private, now_ms)?;
    }
    let made = plan.presets.iter().filter(|(before, _)| before.is_none()).count();
    if stored.presets.len() + made > MAX_CUSTOM_PRESETS {
        let message = format!("There are at most {MAX_CUSTOM_PRESETS} presets of one's own.");
        return Err(ApiError::invalid("invalid_value", "presets", message));
    }
    Ok(plan)
}

impl Plan {
    fn add_preset(
        &mut self,
        entry: &Map<String, Value>,
        at: &str,
        stored: &Stored,
        allow_private: bool,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        let input = read::<CustomPresetInput>(entry, at)?;
        let id = input.id.clone().required("id").map_err(|error| within(at, error))?;
        let before = stored.presets.iter().find(|preset| preset.id == id);
        if self.lines.iter().any(|line| line.kind == Kind::Preset && line.name == id) {
            return Err(twice(at, "id"));
        }
        let mut after = before.cloned().unwrap_or_else(|| CustomPresetRecord::new(id.clone(), now_ms));
        input.apply(&mut after, allow_private).map_err(|error| within(at, error))?;
        note(&mut self.lines, Kind::Preset, id, before, &after);
        if before != Some(&after) {
            self.presets.push((before.cloned(), after));
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "what a new provider needs of its surroundings")]
    fn add_provider(
        &mut self,
        entry: &Map<String, Value>,
        at: &str,
        stored: &Stored,
        allow_private: bool,
        now_ms: u64,
        uid: &mut impl FnMut() -> String,
        ids: &HashMap<String, i64>,
    ) -> Result<i64, ApiError> {
        for secret in ["server_key", "personalized_key", "headers", "preset"] {
            if entry.contains_key(secret) {
                let message = format!("`{secret}` is no part of a file: set it for the provider itself.");
                return Err(ApiError::invalid("invalid_value", format!("{at}.{secret}"), message));
            }
        }
        let input =
            read::<ProviderInput>(entry, at)?.checked(allow_private).map_err(|error| within(at, error))?;
        let name = input.name.clone().required("name").map_err(|error| within(at, error))?;
        let before = stored.providers.iter().find(|provider| provider.name.eq_ignore_ascii_case(&name));
        let mut after = match before {
            Some(before) => before.clone(),
            None => ProviderRecord {
                id: Self::new_id(self.providers.iter().filter(|(before, _)| before.is_none()).count()),
                ..ProviderRecord::new(uid(), name.clone(), now_ms)
            },
        };
        if before.is_none() && ids.contains_key(&name.to_lowercase()) {
            return Err(twice(at, "name"));
        }
        input.apply_public(&mut after).map_err(|error| within(at, error))?;
        let everything = crate::access::person::Scope::All;
        input.apply_ownership(&everything, before, &mut after).map_err(|error| within(at, error))?;
        let id = after.id;
        note(&mut self.lines, Kind::Provider, name, before, &after);
        if before != Some(&after) {
            self.providers.push((before.cloned(), after));
        }
        Ok(id)
    }

    fn add_model(
        &mut self,
        mut entry: Map<String, Value>,
        at: &str,
        (provider_id, provider): (i64, &str),
        stored: &Stored,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        entry.insert("provider_id".to_owned(), json!(1));
        let input = read::<ModelInput>(&entry, at)?;
        let name = input.model_name.clone().required("model_name").map_err(|error| within(at, error))?;
        let is_it = |model: &&ModelRecord| model.provider_id == provider_id && model.model_name == name;
        let before = stored.models.iter().find(is_it);
        if self.models.iter().any(|(_, model)| is_it(&model)) {
            return Err(twice(at, "model_name"));
        }
        let mut after =
            before.cloned().unwrap_or_else(|| ModelRecord::new(provider_id, String::new(), now_ms));
        input.apply(&mut after);
        note(&mut self.lines, Kind::Model, format!("{provider}/{name}"), before, &after);
        if before != Some(&after) {
            self.models.push((before.cloned(), after));
        }
        Ok(())
    }

    fn add_logical(
        &mut self,
        mut entry: Map<String, Value>,
        at: &str,
        stored: &Stored,
        now_ms: u64,
        ids: &HashMap<String, i64>,
    ) -> Result<(), ApiError> {
        if let Some(Value::Array(candidates)) = entry.get_mut("candidates") {
            for (place, candidate) in candidates.iter_mut().enumerate() {
                let at = format!("{at}.candidates[{place}].provider");
                let Value::Object(spec) = candidate else { continue };
                let named = spec.remove("provider");
                let known =
                    named.as_ref().and_then(Value::as_str).and_then(|name| ids.get(&name.to_lowercase()));
                let Some(id) = known else {
                    let message =
                        "`provider` must be the name of a provider of the file or the configuration.";
                    return Err(ApiError::invalid("unknown_provider", at, message));
                };
                spec.insert("provider_id".to_owned(), json!(id));
            }
        }
        let input = read::<LogicalModelInput>(&entry, at)?;
        let name = input.name.clone().required("name").map_err(|error| within(at, error))?;
        let before = stored.logical_models.iter().find(|logical| logical.name == name);
        if self.logical_models.iter().any(|(_, logical)| logical.name == name) {
            return Err(twice(at, "name"));
        }
        let mut after = before.cloned().unwrap_or_else(|| LogicalModelRecord::new(now_ms));
        input.apply(&mut after).map_err(|error| within(at, error))?;
        note(&mut self.lines, Kind::LogicalModel, name, before, &after);
        if before != Some(&after) {
            self.logical_models.push((before.cloned(), after));
        }
        Ok(())
    }
}

fn note<R: crate::row::table::Table>(
    lines: &mut Vec<Line>,
    kind: Kind,
    name: String,
    before: Option<&R>,
    after: &R,
) {
    // Of what is new, the file itself says what it is made of.
    let changes = before.map(|before| between(Some(before), Some(after))).unwrap_or_default();
    let action = match before {
        None => Action::Create,
        Some(_) if changes.is_empty() => Action::Unchanged,
        Some(_) => Action::Update,
    };
    lines.push(Line { kind, name, action, changes });
}

fn take_list(
    entry: &mut Map<String, Value>,
    name: &str,
    at: &str,
) -> Result<Vec<Map<String, Value>>, ApiError> {
    let Some(value) = entry.remove(name) else { return Ok(Vec::new()) };
    serde_json::from_value(value).map_err(|_| {
        let message = format!("`{name}` must be a list of objects.");
        ApiError::invalid("invalid_type", format!("{at}.{name}"), message)
    })
}

fn read<T: Input>(entry: &Map<String, Value>, at: &str) -> Result<T, ApiError> {
    // A map of JSON values always serialises.
    let body = serde_json::to_vec(entry).unwrap_or_default();
    T::parse_new(&body).map_err(|error| within(at, error))
}

/// The error with the entry before its field.
fn within(at: &str, error: ApiError) -> ApiError {
    let param = error.param.as_ref().map_or_else(|| at.to_owned(), |param| format!("{at}.{param}"));
    error.with_param(param)
}

fn twice(at: &str, field: &str) -> ApiError {
    ApiError::invalid("invalid_value", format!("{at}.{field}"), "The file has another entry of this name.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;

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
