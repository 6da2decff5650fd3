//! The admin API for API keys.

use nexus_edge_api::keys::KeyView;
use nexus_edge_core::access::api_key::{ApiKey, ApiKeyRecord};
use nexus_edge_core::access::person::Scope;
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
    let scope = exchange.scope();
    let seen = keys.iter().filter(|key| scope.has(key.owner.as_deref()));
    answer_list("keys", &seen.map(KeyView::of).collect::<Vec<_>>())
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
    check(exchange, &mut record)?;
    table::insert(&exchange.env, &record, &[("key_hash", &key.hash())]).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `PUT /keys/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<KeyInput>(exchange).await?.checked()?;
    let change = async |record: &mut ApiKeyRecord| {
        check_reach(exchange, record)?;
        input.apply(record, now_ms());
        check(exchange, record)
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
        check_reach(exchange, record)
    };
    let write = async |record: &ApiKeyRecord, read_at: u64| {
        store::keys::rotate(&exchange.env, record, &hash, read_at).await
    };
    let record = update_with(exchange, async || find(exchange, id).await, change, write).await?;
    exchange::json(200, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `DELETE /keys/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    check_reach(exchange, &record)?;
    if !table::delete::<ApiKeyRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("key_not_found", "There is no API key with this id.")
}

async fn find(exchange: &Exchange, id: &str) -> Result<ApiKeyRecord, ApiError> {
    let found: Option<ApiKeyRecord> = table::find(&exchange.env, id).await?;
    found.filter(|key| exchange.scope().has(key.owner.as_deref())).ok_or_else(not_found)
}

/// Checks that a key by whose id something is asked for may be seen; those who see their own only have to name one.
///
/// # Errors
/// `missing_required_parameter` (400), `key_not_found` (404).
pub(super) async fn check_seen(exchange: &Exchange, key_id: Option<&str>) -> Result<(), ApiError> {
    match key_id {
        _ if *exchange.scope() == Scope::All => Ok(()),
        Some(id) => find(exchange, id).await.map(|_| ()),
        None => {
            let message = "Say in `key_id` which of your keys it is about.";
            Err(ApiError::invalid("missing_required_parameter", "key_id", message))
        }
    }
}

/// Checks that the person gives the key no permission that they do not have, and no owner that they may not act for.
fn check(exchange: &Exchange, record: &mut ApiKeyRecord) -> Result<(), ApiError> {
    record.owner = exchange.scope().owner_of_new(record.owner.take())?;
    check_reach(exchange, record)
}

/// Checks that a key has no permission that the person does not have: its secret, and what it does, would be theirs.
fn check_reach(exchange: &Exchange, record: &ApiKeyRecord) -> Result<(), ApiError> {
    exchange.person()?.check_has(record.permissions)
}
