//! The admin API for the further keys of a provider. A key is never shown again, only masked.

use nexus_edge_core::catalog::ProviderKeyRecord;
use nexus_edge_core::catalog::provider_key::ProviderKeyInput;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::Patch;
use nexus_edge_core::secrets::mask::mask;

use super::update::update as change_record;
use super::{answer_deleted, answer_list, input, providers, seal};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{self, snapshot, table};

/// Most keys of one provider: they are opened whenever the configuration is loaded.
const MAX_KEYS: usize = 100;

/// `GET /providers/{id}/keys`
pub async fn list(exchange: &Exchange, provider: &str) -> Result<Response, ApiError> {
    let provider = providers::find(exchange, provider).await?;
    let keys = store::provider_keys::list(&exchange.env, provider.id).await?;
    answer_list("keys", &keys.iter().map(ProviderKeyRecord::view).collect::<Vec<_>>())
}

/// `GET /providers/{id}/keys/{key_id}`
pub async fn get(exchange: &Exchange, provider: &str, id: &str) -> Result<Response, ApiError> {
    let provider = providers::find(exchange, provider).await?;
    exchange::json(200, &find(exchange, provider.id, id).await?.view())
}

/// `POST /providers/{id}/keys`
pub async fn create(exchange: &Exchange, provider: &str) -> Result<Response, ApiError> {
    let input = input::new::<ProviderKeyInput>(exchange).await?;
    let provider = providers::find(exchange, provider).await?;
    if store::provider_keys::list(&exchange.env, provider.id).await?.len() >= MAX_KEYS {
        let message = format!("A provider has at most {MAX_KEYS} keys.");
        return Err(ApiError::conflict("too_many_keys", "key", message));
    }
    let now = now_ms();
    let mut record = ProviderKeyRecord::new(new_ulid(now), provider.id, now);
    apply(exchange, &input, &mut record)?;
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &record.view())
}

/// `PUT /providers/{id}/keys/{key_id}`
pub async fn update(exchange: &Exchange, provider: &str, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<ProviderKeyInput>(exchange).await?;
    let provider = providers::find(exchange, provider).await?;
    let change = async |record: &mut ProviderKeyRecord| apply(exchange, &input, record);
    let find = async || find(exchange, provider.id, id).await;
    exchange::json(200, &change_record(exchange, find, change).await?.view())
}

/// `DELETE /providers/{id}/keys/{key_id}`
pub async fn delete(exchange: &Exchange, provider: &str, id: &str) -> Result<Response, ApiError> {
    let provider = providers::find(exchange, provider).await?;
    let record = find(exchange, provider.id, id).await?;
    if !store::provider_keys::delete(&exchange.env, provider.id, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("provider_key_not_found", "This provider has no key with this id.")
}

async fn find(exchange: &Exchange, provider_id: i64, id: &str) -> Result<ProviderKeyRecord, ApiError> {
    store::provider_keys::find(&exchange.env, provider_id, id).await?.ok_or_else(not_found)
}

fn apply(
    exchange: &Exchange,
    input: &ProviderKeyInput,
    record: &mut ProviderKeyRecord,
) -> Result<(), ApiError> {
    input.apply_public(record);
    if let Patch::Set(key) = &input.key {
        record.key_sealed = seal(exchange, key.expose(), &record.seal_context())?;
        record.key_hint = mask(key.expose());
    }
    Ok(())
}
