//! Rotation of the master key: what is sealed under which key, and sealing it anew under the current one.
//!
//! A call writes a bounded number of records, each whole and at the version that was read, so that a change made
//! meanwhile wins over the rotation and is found by the next call.

use nexus_edge_core::catalog::fields::Fields;
use nexus_edge_core::catalog::{ProviderKeyRecord, ProviderRecord};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::rotation::{Census, reseal};
use serde::Serialize;

use super::{next_version, random};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::{self, snapshot};

/// Records that one call writes unless it says otherwise. Each is a query, of which the smallest plan of the platform
/// grants an invocation 50.
const DEFAULT_LIMIT: u64 = 25;
const MAX_LIMIT: u64 = 500;

/// Names a record in what is reported as unreadable.
#[derive(Clone, Serialize)]
struct Place {
    provider_id: i64,
    /// Of one of the provider's further keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

/// Every record that has sealed columns.
struct SealedRecords {
    providers: Vec<ProviderRecord>,
    keys: Vec<ProviderKeyRecord>,
}

impl SealedRecords {
    async fn read(exchange: &Exchange) -> Result<Self, ApiError> {
        Ok(Self {
            providers: store::providers::list(&exchange.env).await?,
            keys: store::provider_keys::list_all(&exchange.env).await?,
        })
    }

    fn census(&mut self, exchange: &Exchange) -> Census<Place> {
        let ring = &exchange.settings.keyring;
        let mut census = Census::new(ring);
        for record in &mut self.providers {
            census.add(ring, &Place { provider_id: record.id, key_id: None }, record);
        }
        for record in &mut self.keys {
            let place = Place { provider_id: record.provider_id, key_id: Some(record.id.clone()) };
            census.add(ring, &place, record);
        }
        census
    }
}

/// `GET /system/secret-key`: how many values are sealed under which master key, and what no key opens.
pub async fn state(exchange: &Exchange) -> Result<Response, ApiError> {
    exchange::json(200, &SealedRecords::read(exchange).await?.census(exchange))
}

/// `POST /system/secret-key/rotate`: seals records anew, at most `limit` of them, and answers the state after it. To be
/// called until `left` is 0.
pub async fn rotate(exchange: &Exchange) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Rotated {
        /// Values that this call sealed anew.
        resealed: usize,
        #[serde(flatten)]
        state: Census<Place>,
    }
    let body = exchange.body().await?;
    let given: &[u8] = if body.bytes.is_empty() { b"{}" } else { &body.bytes };
    let fields = Fields::parse(given, &["limit"])?;
    let mut budget = fields.integer("limit", 1..=MAX_LIMIT)?.into_set().unwrap_or(DEFAULT_LIMIT);
    let (ring, env) = (&exchange.settings.keyring, &exchange.env);
    let mut records = SealedRecords::read(exchange).await?;
    let mut resealed = 0;
    for record in &mut records.providers {
        let changed = if budget == 0 { 0 } else { reseal(ring, record, random)? };
        if changed > 0 {
            budget -= 1;
            let read_at_version = record.updated_at;
            record.updated_at = next_version(read_at_version);
            if store::providers::update(env, record, read_at_version).await? {
                resealed += changed;
            }
        }
    }
    for record in &mut records.keys {
        let changed = if budget == 0 { 0 } else { reseal(ring, record, random)? };
        if changed > 0 {
            budget -= 1;
            let read_at_version = record.updated_at;
            record.updated_at = next_version(read_at_version);
            if store::provider_keys::update(env, record, read_at_version).await? {
                resealed += changed;
            }
        }
    }
    if resealed > 0 {
        snapshot::reload(exchange).await?;
    }
    let state = SealedRecords::read(exchange).await?.census(exchange);
    exchange::json(200, &Rotated { resealed, state })
}
