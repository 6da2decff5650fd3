//! The admin API for API keys. A key is shown once, in the answer that creates it.

use nexus_edge_core::access::api_key::{ApiKey, ApiKeyRecord, shown_prefix};
use nexus_edge_core::catalog::key_input::KeyInput;
use nexus_edge_core::error::ApiError;
use serde_json::{Value, json};
use worker::Response;

use crate::exchange::{self, Exchange};
use crate::platform::{log_error, now_ms, random_bytes};
use crate::store::{self, snapshot};

/// `GET /keys`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let keys = store::keys::list(&exchange.env).await?;
    exchange::json(200, &json!({ "keys": keys.iter().map(view).collect::<Vec<_>>() }))
}

/// `GET /keys/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &view(&find(exchange, id).await?))
}

/// `POST /keys`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let input = KeyInput::parse(&body)?;
    input.name.clone().required("name")?;
    let random = random_bytes().map_err(|error| {
        log_error("random", &error);
        ApiError::internal()
    })?;
    let key = ApiKey::from_random(random);
    let now = now_ms();
    let mut record = ApiKeyRecord {
        id: key.public_id().to_owned(),
        name: String::new(),
        enabled: true,
        expires_at: None,
        allowed_models: None,
        allowed_providers: None,
        created_at: now,
        updated_at: now,
        last_used_at: None,
    };
    input.apply(&mut record);
    store::keys::insert(&exchange.env, &record, &key.hash()).await?;
    snapshot::reload(exchange).await?;
    let mut shown = view(&record);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("key".to_owned(), key.reveal().into());
    }
    exchange::json(201, &shown)
}

/// `PUT /keys/{id}`: changes what the body names and nothing else.
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let input = KeyInput::parse(&body)?;
    let mut record = find(exchange, id).await?;
    input.apply(&mut record);
    record.updated_at = now_ms();
    if !store::keys::update(&exchange.env, &record).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    exchange::json(200, &view(&record))
}

/// `DELETE /keys/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !store::keys::delete(&exchange.env, id).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    exchange::json(200, &json!({ "id": id, "deleted": true }))
}

fn not_found() -> ApiError {
    ApiError::not_found("key_not_found", "There is no API key with this id.")
}

async fn find(exchange: &Exchange, id: &str) -> Result<ApiKeyRecord, ApiError> {
    store::keys::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn view(record: &ApiKeyRecord) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "prefix": shown_prefix(&record.id),
        "enabled": record.enabled,
        "expires_at": record.expires_at,
        "allowed_models": record.allowed_models,
        "allowed_providers": record.allowed_providers,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "last_used_at": record.last_used_at,
    })
}
