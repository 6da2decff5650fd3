//! The admin API for logical models.

use std::collections::HashSet;

use nexus_edge_core::catalog::LogicalModelRecord;
use nexus_edge_core::catalog::logical_model::LogicalModelInput;
use nexus_edge_core::error::ApiError;

use super::{MAX_UPDATE_TRIES, answer_deleted, answer_list, busy, next_version};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{self, snapshot};

/// `GET /logical-models`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_list("logical_models", &store::logical_models::list(&exchange.env).await?)
}

/// `GET /logical-models/{id}`; here and below, `id` is the number or the name.
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?)
}

/// `POST /logical-models`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let input = LogicalModelInput::parse(&body.bytes)?;
    input.name.clone().required("name")?;
    let mut record = LogicalModelRecord::new(now_ms());
    input.apply(&mut record)?;
    require_providers(exchange, &record).await?;
    record.id = store::logical_models::insert(&exchange.env, &record).await?;
    snapshot::reload(exchange).await?;
    exchange::json(201, &record)
}

/// `PUT /logical-models/{id}`: changes what the body names and nothing else, whoever else is changing the record.
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let input = LogicalModelInput::parse(&body.bytes)?;
    // By its number from here on: the change may be of the name.
    let number = find(exchange, id).await?.id;
    for _ in 0..MAX_UPDATE_TRIES {
        let mut record = store::logical_models::find(&exchange.env, number).await?.ok_or_else(not_found)?;
        let read_at_version = record.updated_at;
        let stood = record.candidates.clone();
        input.apply(&mut record)?;
        // Candidates that stand may be of providers that have gone; they are passed over.
        if record.candidates != stood {
            require_providers(exchange, &record).await?;
        }
        record.updated_at = next_version(read_at_version);
        if store::logical_models::update(&exchange.env, &record, read_at_version).await? {
            snapshot::reload(exchange).await?;
            return exchange::json(200, &record);
        }
    }
    Err(busy())
}

/// `DELETE /logical-models/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let id = find(exchange, id).await?.id;
    if !store::logical_models::delete(&exchange.env, id).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

/// The error for a logical model that does not exist.
pub fn not_found() -> ApiError {
    ApiError::not_found("logical_model_not_found", "There is no logical model with this id or name.")
}

/// The logical model with this number, or else with this name.
pub async fn find(exchange: &Exchange, id: &str) -> Result<LogicalModelRecord, ApiError> {
    if let Ok(number) = id.parse::<u32>()
        && let Some(found) = store::logical_models::find(&exchange.env, number.into()).await?
    {
        return Ok(found);
    }
    store::logical_models::find_by_name(&exchange.env, id).await?.ok_or_else(not_found)
}

async fn require_providers(exchange: &Exchange, record: &LogicalModelRecord) -> Result<(), ApiError> {
    let known: HashSet<i64> =
        store::providers::list(&exchange.env).await?.into_iter().map(|provider| provider.id).collect();
    match record.candidates.iter().position(|candidate| !known.contains(&candidate.provider_id)) {
        None => Ok(()),
        Some(index) => {
            Err(super::providers::not_found().with_param(format!("candidates[{index}].provider_id")))
        }
    }
}
