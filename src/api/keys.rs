//! The admin API for API keys.

use nexus_edge_api::keys::KeyView;
use nexus_edge_core::access::api_key::{ApiKey, ApiKeyRecord};
use nexus_edge_core::catalog::key_input::{KeyInput, RotateKeyInput};
use nexus_edge_core::error::ApiError;

use super::update::{update as change_record, update_with};
use super::{answer_deleted, answer_list, input, random};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{self, snapshot, table};

/// `GET /keys`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let keys = store::keys::list(&exchange.env).await?;
    answer_list("keys", &keys.iter().map(KeyView::of).collect::<Vec<_>>())
}

/// `GET /keys/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &KeyView::of(&find(exchange, id).await?))
}

/// `POST /keys`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<KeyInput>(exchange).await?.checked()?;
    let key = ApiKey::from_random(random()?);
    let now = now_ms();
    let mut record = ApiKeyRecord::new(key.public_id().to_owned(), now);
    input.apply(&mut record, now);
    table::insert(&exchange.env, &record, &[("key_hash", &key.hash())]).await?;
    snapshot::reload(exchange).await?;
    exchange::json(201, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `PUT /keys/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<KeyInput>(exchange).await?.checked()?;
    let change = async |record: &mut ApiKeyRecord| {
        input.apply(record, now_ms());
        Ok(())
    };
    let record = change_record(exchange, async || find(exchange, id).await, change).await?;
    exchange::json(200, &KeyView::of(&record))
}

/// `POST /keys/{id}/rotate`
pub async fn rotate(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let overlap_ms = input::optional::<RotateKeyInput>(exchange).await?.overlap_ms();
    let key = ApiKey::with_new_secret(id, random()?);
    let hash = key.hash();
    let change = async |record: &mut ApiKeyRecord| {
        record.previous_expires_at = Some(now_ms() + overlap_ms);
        Ok(())
    };
    let write = async |record: &ApiKeyRecord, read_at: u64| {
        store::keys::rotate(&exchange.env, record, &hash, read_at).await
    };
    let record = update_with(exchange, async || find(exchange, id).await, change, write).await?;
    exchange::json(200, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `DELETE /keys/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !table::delete::<ApiKeyRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("key_not_found", "There is no API key with this id.")
}

async fn find(exchange: &Exchange, id: &str) -> Result<ApiKeyRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}
