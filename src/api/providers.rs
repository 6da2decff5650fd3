//! The admin API for providers.

use nexus_edge_core::catalog::provider::mask_headers;
use nexus_edge_core::catalog::provider_input::ProviderInput;
use nexus_edge_core::catalog::{OperationStatus, ProviderRecord, presets};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::input::Patch;
use nexus_edge_core::secrets::mask::mask;
use nexus_edge_core::time::rfc3339;
use serde_json::json;

use super::update::update as change_record;
use super::{answer_deleted, answer_list, input, record_id, seal};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{self, snapshot, table};

/// `GET /providers` without `with`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_records(&table::list(&exchange.env).await?)
}

/// `GET /providers/available`: those that are enabled and offer at least one enabled model.
pub async fn list_available(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_records(&store::providers::list_available(&exchange.env).await?)
}

/// `GET /provider-presets`: providers that are known in advance.
pub fn presets() -> Result<Response, ApiError> {
    let today = rfc3339(now_ms() / 1000);
    exchange::json(200, &presets::list(today.get(..10).unwrap_or_default()))
}

/// `GET /providers/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view())
}

/// `POST /providers`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let mut input = read(exchange).await?;
    input.apply_preset()?;
    let name = input.name.clone().required("name")?;
    let now = now_ms();
    let mut record = ProviderRecord::new(new_ulid(now), name, now);
    input.apply_public(&mut record)?;
    apply_secrets(exchange, &input, &mut record)?;
    record.id = table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &record.view())
}

/// `PUT /providers/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = read(exchange).await?;
    let change = async |record: &mut ProviderRecord| {
        input.apply_public(record)?;
        apply_secrets(exchange, &input, record)
    };
    let record = change_record(exchange, async || find(exchange, id).await, change).await?;
    exchange::json(200, &record.view())
}

/// `POST /providers/{id}/pause`, `/resume` and `/offline`
pub async fn set_status(
    exchange: &Exchange,
    id: &str,
    status: OperationStatus,
) -> Result<Response, ApiError> {
    let change = async |record: &mut ProviderRecord| {
        record.status = status;
        Ok(())
    };
    let record = change_record(exchange, async || find(exchange, id).await, change).await?;
    exchange::json(200, &record.view())
}

async fn read(exchange: &Exchange) -> Result<ProviderInput, ApiError> {
    let input = input::change::<ProviderInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("server_url", input.server_url.as_set())?;
    Ok(input)
}

/// `DELETE /providers/{id}`: its models and keys go with it.
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<ProviderRecord>(&exchange.env, record.id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(record.id)
}

/// The error for a provider that does not exist.
pub fn not_found() -> ApiError {
    ApiError::not_found("provider_not_found", "There is no provider with this id.")
}

/// The provider of a path.
pub async fn find(exchange: &Exchange, id: &str) -> Result<ProviderRecord, ApiError> {
    let id = record_id(id, not_found)?;
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn answer_records(records: &[ProviderRecord]) -> Result<Response, ApiError> {
    let views: Vec<_> = records.iter().map(ProviderRecord::view).collect();
    answer_list("providers", &views)
}

/// Seals or hashes the secrets of the input into the record.
fn apply_secrets(
    exchange: &Exchange,
    input: &ProviderInput,
    record: &mut ProviderRecord,
) -> Result<(), ApiError> {
    match &input.server_key {
        Patch::Keep => {}
        Patch::Clear => (record.server_key_sealed, record.server_key_hint) = (None, None),
        Patch::Set(key) => {
            record.server_key_sealed = Some(seal(exchange, key, &record.seal_context("server_key"))?);
            record.server_key_hint = Some(mask(key));
        }
    }
    match &input.personalized_key {
        Patch::Keep => {}
        Patch::Clear => (record.personalized_key_hash, record.personalized_key_hint) = (None, None),
        // Everyone who has the one would have the other.
        Patch::Set(key) if *key == exchange.settings.admin_token => {
            let message = "`personalized_key` must not be the admin token.";
            return Err(ApiError::invalid("invalid_value", "personalized_key", message));
        }
        Patch::Set(key) => {
            record.personalized_key_hash = Some(sha256_hex(key));
            record.personalized_key_hint = Some(mask(key));
        }
    }
    match &input.headers {
        Patch::Keep => {}
        Patch::Clear => (record.headers_sealed, record.headers_hint) = (None, None),
        Patch::Set(headers) => {
            let clear = json!(headers).to_string();
            record.headers_sealed = Some(seal(exchange, &clear, &record.seal_context("headers"))?);
            record.headers_hint = Some(json!(mask_headers(headers)).to_string());
        }
    }
    Ok(())
}
