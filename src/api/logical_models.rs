//! The admin API for logical models. Candidates at private providers are seen by those who may know of the provider.

use std::collections::HashSet;

use nexus_edge_core::catalog::logical_model::LogicalModelInput;
use nexus_edge_core::catalog::{LogicalModelRecord, ProviderRecord};
use nexus_edge_core::error::ApiError;

use super::provider_models::hidden_providers;
use super::update::update as change_record;
use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{self, snapshot, table};

/// `GET /logical-models`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let mut records = table::list::<LogicalModelRecord>(&exchange.env).await?;
    let hidden = hidden_providers(exchange).await?;
    for record in &mut records {
        record.candidates.retain(|candidate| !hidden.contains(&candidate.provider_id));
    }
    answer_list("logical_models", &records)
}

/// `GET /logical-models/{id}`; here and below, `id` is the number or the name.
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let mut record = find(exchange, id).await?;
    let hidden = hidden_providers(exchange).await?;
    record.candidates.retain(|candidate| !hidden.contains(&candidate.provider_id));
    exchange::json(200, &record)
}

/// `POST /logical-models`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<LogicalModelInput>(exchange).await?;
    let mut record = LogicalModelRecord::new(now_ms());
    input.apply(&mut record)?;
    require_providers(exchange, &record).await?;
    record.id = table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &record)
}

/// `PUT /logical-models/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<LogicalModelInput>(exchange).await?;
    // By number from here on: the change may rename the model.
    let number = find(exchange, id).await?.id;
    let find = async || table::find(&exchange.env, number).await?.ok_or_else(not_found);
    let change = async |record: &mut LogicalModelRecord| {
        let stood = record.candidates.clone();
        input.apply(record)?;
        // Unchanged candidates may name providers that have been deleted; routing skips them.
        if record.candidates == stood { Ok(()) } else { require_providers(exchange, record).await }
    };
    exchange::json(200, &change_record(exchange, find, change).await?)
}

/// `DELETE /logical-models/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<LogicalModelRecord>(&exchange.env, record.id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(record.id)
}

/// The error for a logical model that does not exist.
pub fn not_found() -> ApiError {
    ApiError::not_found("logical_model_not_found", "There is no logical model with this id or name.")
}

/// The logical model with this number, or else with this name.
pub async fn find(exchange: &Exchange, id: &str) -> Result<LogicalModelRecord, ApiError> {
    if let Ok(number) = id.parse::<u32>()
        && let Some(found) = table::find(&exchange.env, i64::from(number)).await?
    {
        return Ok(found);
    }
    store::logical_models::find_by_name(&exchange.env, id).await?.ok_or_else(not_found)
}

async fn require_providers(exchange: &Exchange, record: &LogicalModelRecord) -> Result<(), ApiError> {
    let providers = table::list::<ProviderRecord>(&exchange.env).await?;
    let known: HashSet<i64> = providers.into_iter().map(|provider| provider.id).collect();
    match record.candidates.iter().position(|candidate| !known.contains(&candidate.provider_id)) {
        None => Ok(()),
        Some(index) => {
            Err(super::providers::not_found().with_param(format!("candidates[{index}].provider_id")))
        }
    }
}
