//! The admin API for providers. Those who may only manage their own see and change no others.

use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::person::{Need, Scope};
use nexus_edge_core::catalog::custom_preset::CustomPresetRecord;
use nexus_edge_core::catalog::provider::mask_headers;
use nexus_edge_core::catalog::provider_input::ProviderInput;
use nexus_edge_core::catalog::{OperationStatus, ProviderRecord};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::input::Patch;
use nexus_edge_core::secrets::mask::mask;
use serde_json::json;

use super::update::update as change_record;
use super::{answer_deleted, answer_list, input, record_id, seal};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{self, snapshot, table};

/// What it takes to know of all providers, or of one's own.
const TO_SEE: Need = Need::or_own(Permission::ViewProviders, Permission::ManageOwnProviders);
/// The providers that count towards the quota of their owner.
const COUNTED: &str = "visibility <> 'public'";

/// Whose private providers the person may know of, in operations that all may call who see models.
pub fn reach(exchange: &Exchange) -> Result<Scope, ApiError> {
    Ok(exchange.person()?.sees(TO_SEE))
}

/// `GET /providers` without `with`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_records(exchange, &table::list_of(&exchange.env, exchange.scope()).await?)
}

/// `GET /providers/available`: those that are enabled and offer at least one enabled model.
pub async fn list_available(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_records(exchange, &store::providers::list_available(&exchange.env).await?)
}

/// `GET /providers/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view())
}

/// `POST /providers`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let mut input = read(exchange).await?;
    let custom: Option<CustomPresetRecord> = match input.custom_preset() {
        Some(id) => table::find(&exchange.env, id).await?,
        None => None,
    };
    input.apply_preset(custom.map(|preset| preset.defaults()))?;
    let name = input.name.clone().required("name")?;
    let now = now_ms();
    let mut record = ProviderRecord::new(new_ulid(now), name, now);
    input.apply_public(&mut record)?;
    input.apply_ownership(exchange.scope(), None, &mut record)?;
    apply_secrets(exchange, &input, &mut record)?;
    record.id = insert(exchange, &record).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &record.view())
}

/// `PUT /providers/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = read(exchange).await?;
    let change = async |record: &mut ProviderRecord| {
        let before = record.clone();
        input.apply_public(record)?;
        input.apply_ownership(exchange.scope(), Some(&before), record)?;
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
        record.check_status_change(exchange.scope(), status)?;
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
    record.check_not_in_review(exchange.scope())?;
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

/// The provider of a path, if it is in the scope of the operation.
pub async fn find(exchange: &Exchange, id: &str) -> Result<ProviderRecord, ApiError> {
    let id = record_id(id, not_found)?;
    let found: Option<ProviderRecord> = table::find(&exchange.env, id).await?;
    found.filter(|record| exchange.scope().has(record.owner.as_deref())).ok_or_else(not_found)
}

/// Adds a provider; one of one's own up to the quota.
async fn insert(exchange: &Exchange, record: &ProviderRecord) -> Result<i64, ApiError> {
    if *exchange.scope() == Scope::All {
        return Ok(table::insert(&exchange.env, record, &[]).await?);
    }
    let most = exchange.settings.own_providers;
    let added = table::insert_below(&exchange.env, record, "owner", COUNTED, most).await?;
    added.ok_or_else(|| {
        let message = format!("You may have {most} private providers.");
        ApiError::conflict("too_many_providers", "owner", message)
    })
}

fn answer_records(exchange: &Exchange, records: &[ProviderRecord]) -> Result<Response, ApiError> {
    let scope = exchange.scope();
    let seen = records.iter().filter(|record| scope.has(record.owner.as_deref()));
    answer_list("providers", &seen.map(ProviderRecord::view).collect::<Vec<_>>())
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
            record.server_key_sealed =
                Some(seal(exchange, key.expose(), &record.seal_context("server_key"))?);
            record.server_key_hint = Some(mask(key.expose()));
        }
    }
    match &input.personalized_key {
        Patch::Keep => {}
        Patch::Clear => (record.personalized_key_hash, record.personalized_key_hint) = (None, None),
        // Everyone who has the one would have the other.
        Patch::Set(key) if exchange.settings.admin_token == *key => {
            let message = "`personalized_key` must not be the admin token.";
            return Err(ApiError::invalid("invalid_value", "personalized_key", message));
        }
        Patch::Set(key) => {
            record.personalized_key_hash = Some(sha256_hex(key.expose()));
            record.personalized_key_hint = Some(mask(key.expose()));
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
