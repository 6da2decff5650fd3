//! The admin API for the models of providers. Those of private providers exist only for those who may know of the provider.

use std::collections::HashSet;

use nexus_edge_core::access::person::Scope;
use nexus_edge_core::catalog::model::ModelInput;
use nexus_edge_core::catalog::own_provider::MAX_OWN_MODELS;
use nexus_edge_core::catalog::{ModelRecord, ProviderRecord};
use nexus_edge_core::error::ApiError;

use super::update::update as change_record;
use super::{answer_deleted, answer_list, input, providers, record_id};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{self, snapshot, table};

/// `GET /provider_models`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let mut models = table::list::<ModelRecord>(&exchange.env).await?;
    let hidden = hidden_providers(exchange).await?;
    models.retain(|model| !hidden.contains(&model.provider_id));
    answer_list("models", &models)
}

/// `GET /providers/{id}/models`
pub async fn list_of_provider(exchange: &Exchange, provider_id: &str) -> Result<Response, ApiError> {
    let id = record_id(provider_id, providers::not_found)?;
    find_provider(exchange, id).await?.ok_or_else(providers::not_found)?;
    answer_list("models", &store::models::list_of_provider(&exchange.env, id).await?)
}

/// `GET /provider_models/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?)
}

/// `POST /provider_models`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<ModelInput>(exchange).await?;
    let provider_id = input.provider_id.clone().required("provider_id")?.cast_signed();
    require_provider(exchange, provider_id).await?;
    let mut record = ModelRecord::new(provider_id, String::new(), now_ms());
    input.apply(&mut record);
    record.id = insert(exchange, &record).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &record)
}

/// `PUT /provider_models/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<ModelInput>(exchange).await?;
    let moved_to = input.provider_id.clone().into_set().map(u64::cast_signed);
    if let Some(provider_id) = moved_to {
        require_provider(exchange, provider_id).await?;
    }
    let change = async |record: &mut ModelRecord| {
        check_changeable(exchange, record).await?;
        record.provider_id = moved_to.unwrap_or(record.provider_id);
        input.apply(record);
        Ok(())
    };
    exchange::json(200, &change_record(exchange, async || find(exchange, id).await, change).await?)
}

/// `DELETE /provider_models/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    check_changeable(exchange, &record).await?;
    if !table::delete::<ModelRecord>(&exchange.env, record.id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(record.id)
}

fn not_found() -> ApiError {
    ApiError::not_found("provider_model_not_found", "There is no provider model with this id.")
}

async fn find(exchange: &Exchange, id: &str) -> Result<ModelRecord, ApiError> {
    let id = record_id(id, not_found)?;
    let model: ModelRecord = table::find(&exchange.env, id).await?.ok_or_else(not_found)?;
    find_provider(exchange, model.provider_id).await?.ok_or_else(not_found)?;
    Ok(model)
}

/// The provider with this id, if it is in the scope of the operation and the person may know of it.
async fn find_provider(exchange: &Exchange, id: i64) -> Result<Option<ProviderRecord>, ApiError> {
    let reach = providers::reach(exchange)?;
    let found = table::find::<ProviderRecord>(&exchange.env, id).await?;
    Ok(found
        .filter(|provider| exchange.scope().has(provider.owner.as_deref()) && provider.is_visible_to(&reach)))
}

/// Ids of the providers that the person may not know of.
pub async fn hidden_providers(exchange: &Exchange) -> Result<HashSet<i64>, ApiError> {
    let reach = providers::reach(exchange)?;
    if reach == Scope::All {
        return Ok(HashSet::new());
    }
    let providers = table::list::<ProviderRecord>(&exchange.env).await?;
    Ok(providers
        .iter()
        .filter(|provider| !provider.is_visible_to(&reach))
        .map(|provider| provider.id)
        .collect())
}

/// Checks that the provider that a body names is there, and that its models may be changed.
async fn require_provider(exchange: &Exchange, id: i64) -> Result<(), ApiError> {
    let found = table::find::<ProviderRecord>(&exchange.env, id).await?;
    let provider = found.filter(|provider| exchange.scope().has(provider.owner.as_deref()));
    let provider = provider.ok_or_else(|| providers::not_found().with_param("provider_id"))?;
    provider.check_parts_changeable(exchange.scope())
}

async fn check_changeable(exchange: &Exchange, model: &ModelRecord) -> Result<(), ApiError> {
    if *exchange.scope() == Scope::All { Ok(()) } else { require_provider(exchange, model.provider_id).await }
}

/// Adds a model; to a provider of one's own up to a number.
async fn insert(exchange: &Exchange, record: &ModelRecord) -> Result<i64, ApiError> {
    if *exchange.scope() == Scope::All {
        return Ok(table::insert(&exchange.env, record, &[]).await?);
    }
    let added = table::insert_below(&exchange.env, record, "provider_id", "true", MAX_OWN_MODELS).await?;
    added.ok_or_else(too_many)
}

/// The error for more models than a provider of one's own may have.
pub fn too_many() -> ApiError {
    let message = format!("A provider of one's own has at most {MAX_OWN_MODELS} models.");
    ApiError::conflict("too_many_models", "provider_id", message)
}
