//! The admin API for API keys. A key is shown once, in the answer that creates it.

use std::collections::BTreeMap;

use nexus_edge_core::access::StorePolicy;
use nexus_edge_core::access::api_key::{ApiKey, ApiKeyRecord, shown_prefix};
use nexus_edge_core::catalog::key_input::{KeyInput, parse_overlap};
use nexus_edge_core::error::ApiError;
use serde::Serialize;

use super::limits::PolicyView;
use super::{MAX_UPDATE_TRIES, answer_deleted, answer_list, busy, next_version, random};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{self, snapshot};

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
    let body = exchange.body().await?;
    let input = KeyInput::parse(&body.bytes)?;
    input.name.clone().required("name")?;
    let key = ApiKey::from_random(random()?);
    let now = now_ms();
    let mut record = ApiKeyRecord::new(key.public_id().to_owned(), now);
    input.apply(&mut record, now);
    store::keys::insert(&exchange.env, &record, &key.hash()).await?;
    snapshot::reload(exchange).await?;
    exchange::json(201, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `PUT /keys/{id}`: changes what the body names and nothing else, whoever else is changing the record.
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let input = KeyInput::parse(&body.bytes)?;
    for _ in 0..MAX_UPDATE_TRIES {
        let mut record = find(exchange, id).await?;
        let read_at_version = record.updated_at;
        input.apply(&mut record, now_ms());
        record.updated_at = next_version(read_at_version);
        if store::keys::update(&exchange.env, &record, read_at_version).await? {
            snapshot::reload(exchange).await?;
            return exchange::json(200, &KeyView::of(&record));
        }
    }
    Err(busy())
}

/// `POST /keys/{id}/rotate`: a new secret for the same key. The old one stays valid for `overlap_seconds`.
pub async fn rotate(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let overlap_s = parse_overlap(&exchange.body().await?.bytes)?;
    let key = ApiKey::with_new_secret(id, random()?);
    for _ in 0..MAX_UPDATE_TRIES {
        let mut record = find(exchange, id).await?;
        let read_at_version = record.updated_at;
        record.updated_at = next_version(read_at_version);
        let previous_ends = now_ms() + overlap_s * 1000;
        record.previous_expires_at = Some(previous_ends);
        if store::keys::rotate(&exchange.env, &record, &key.hash(), previous_ends, read_at_version).await? {
            snapshot::reload(exchange).await?;
            return exchange::json(200, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) });
        }
    }
    Err(busy())
}

/// `DELETE /keys/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !store::keys::delete(&exchange.env, id).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("key_not_found", "There is no API key with this id.")
}

async fn find(exchange: &Exchange, id: &str) -> Result<ApiKeyRecord, ApiError> {
    store::keys::find(&exchange.env, id).await?.ok_or_else(not_found)
}

/// A key as the admin API shows it.
#[derive(Serialize)]
struct KeyView<'a> {
    id: &'a str,
    name: &'a str,
    /// The key itself, in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    prefix: String,
    enabled: bool,
    expires_at: Option<u64>,
    allowed_models: Option<&'a [String]>,
    allowed_providers: Option<&'a [i64]>,
    allowed_ips: Option<&'a [String]>,
    allowed_dialects: Option<&'a [String]>,
    owner: Option<&'a str>,
    tags: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    policy: PolicyView<'a>,
    disabled_reason: Option<&'a str>,
    /// Until when the key before the last rotation is valid, too.
    previous_expires_at: Option<u64>,
    store: StorePolicy,
    cache_ttl_s: Option<u32>,
    created_at: u64,
    updated_at: u64,
    last_used_at: Option<u64>,
}

impl<'a> KeyView<'a> {
    fn of(record: &'a ApiKeyRecord) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            key: None,
            prefix: shown_prefix(&record.id),
            enabled: record.enabled,
            expires_at: record.expires_at,
            allowed_models: record.allowed_models.as_deref(),
            allowed_providers: record.allowed_providers.as_deref(),
            allowed_ips: record.allowed_ips.as_deref(),
            allowed_dialects: record.allowed_dialects.as_deref(),
            owner: record.owner.as_deref(),
            tags: &record.tags,
            policy: PolicyView::of(&record.policy),
            disabled_reason: record.disabled_reason.as_deref(),
            previous_expires_at: record.previous_expires_at,
            store: record.store,
            cache_ttl_s: record.cache_ttl_s,
            created_at: record.created_at,
            updated_at: record.updated_at,
            last_used_at: record.last_used_at,
        }
    }
}
