//! What an import of a file would do, known before it does it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Action, Change, Kind, Line, MAX_ENTRIES, Stored, VERSION};
use crate::access::audit::change::between;
use crate::catalog::custom_preset::{CustomPresetInput, CustomPresetRecord, MAX_CUSTOM_PRESETS};
use crate::catalog::logical_model::LogicalModelInput;
use crate::catalog::model::ModelInput;
use crate::catalog::provider_input::ProviderInput;
use crate::catalog::{LogicalModelRecord, ModelRecord, ProviderRecord};
use crate::error::ApiError;
use crate::input::Input;
use crate::row::table::Table;

/// Stands for the id of a provider that is made by the import: this, and its place among the new ones below it.
const FIRST_NEW: i64 = 1 << 53;

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

fn note<R: Table>(lines: &mut Vec<Line>, kind: Kind, name: String, before: Option<&R>, after: &R) {
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
