//! The admin API for the models of providers.

use nexus_edge_core::catalog::model::ModelInput;
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
    answer_list("models", &table::list::<ModelRecord>(&exchange.env).await?)
}

/// `GET /providers/{id}/models`
pub async fn list_of_provider(exchange: &Exchange, provider_id: &str) -> Result<Response, ApiError> {
    let provider = providers::find(exchange, provider_id).await?;
    let models = store::models::list_of_provider(&exchange.env, provider.id).await?;
    answer_list("models", &models)
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
    record.id = table::insert(&exchange.env, &record, &[]).await?;
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
        record.provider_id = moved_to.unwrap_or(record.provider_id);
        input.apply(record);
        Ok(())
    };
    exchange::json(200, &change_record(exchange, async || find(exchange, id).await, change).await?)
}

/// `DELETE /provider_models/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
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
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

/// Checks that the provider that a body names is there.
async fn require_provider(exchange: &Exchange, id: i64) -> Result<(), ApiError> {
    let found = table::find::<ProviderRecord>(&exchange.env, id).await?;
    found.map(|_| ()).ok_or_else(|| providers::not_found().with_param("provider_id"))
}
