//! Rotation of the master key: what is sealed under which key, and sealing it anew under the current one.
//!
//! A call writes a bounded number of records, each whole and at the version that was read, so that a change made
//! meanwhile wins over the rotation and is found by the next call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_edge_api::secret_key::{GeneratedKey, RotateSecretKeyInput, RotatedSecretKey, SealedPlace};
use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::identity_key::IdentityKeyRecord;
use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::catalog::{
    GuardRecord, McpServerRecord, ProviderKeyRecord, ProviderRecord, WebhookRecord,
};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::row::table::Table;
use nexus_edge_core::secrets::rotation::{Census, SealedRecord, reseal};

use super::update::next_version;
use super::{input, random};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::{self, snapshot, table};

/// Records that one call writes unless it says otherwise.
const DEFAULT_LIMIT: u64 = 25;

/// Every record that has sealed columns.
struct SealedRecords {
    providers: Vec<ProviderRecord>,
    keys: Vec<ProviderKeyRecord>,
    of_sign_in: Vec<IdentityKeyRecord>,
    identity_providers: Vec<IdentityProviderRecord>,
    webhooks: Vec<WebhookRecord>,
    guards: Vec<GuardRecord>,
    mcp_servers: Vec<McpServerRecord>,
    of_signatures: Vec<ApiKeyRecord>,
}

impl SealedRecords {
    async fn read(exchange: &Exchange) -> Result<Self, ApiError> {
        Ok(Self {
            providers: table::list(&exchange.env).await?,
            keys: table::list(&exchange.env).await?,
            of_sign_in: table::list(&exchange.env).await?,
            identity_providers: table::list(&exchange.env).await?,
            webhooks: table::list(&exchange.env).await?,
            guards: table::list(&exchange.env).await?,
            mcp_servers: table::list(&exchange.env).await?,
            of_signatures: store::keys::with_signing_secrets(&exchange.env).await?,
        })
    }

    fn census(&mut self, exchange: &Exchange) -> Census<SealedPlace> {
        let ring = &exchange.settings.keyring;
        let mut census = Census::new(ring);
        for record in &mut self.providers {
            census.add(ring, &SealedPlace { provider_id: Some(record.id), ..SealedPlace::default() }, record);
        }
        for record in &mut self.keys {
            let place = SealedPlace {
                provider_id: Some(record.provider_id),
                key_id: Some(record.id.clone()),
                ..SealedPlace::default()
            };
            census.add(ring, &place, record);
        }
        for record in &mut self.of_sign_in {
            let place = SealedPlace { identity_key_id: Some(record.id.clone()), ..SealedPlace::default() };
            census.add(ring, &place, record);
        }
        for record in &mut self.identity_providers {
            let place =
                SealedPlace { identity_provider_id: Some(record.id.clone()), ..SealedPlace::default() };
            census.add(ring, &place, record);
        }
        for record in &mut self.of_signatures {
            let place = SealedPlace { api_key_id: Some(record.id.clone()), ..SealedPlace::default() };
            census.add(ring, &place, record);
        }
        for record in &mut self.webhooks {
            let place = SealedPlace { webhook_id: Some(record.id.clone()), ..SealedPlace::default() };
            census.add(ring, &place, record);
        }
        for record in &mut self.guards {
            let place = SealedPlace { guard_id: Some(record.id.clone()), ..SealedPlace::default() };
            census.add(ring, &place, record);
        }
        for record in &mut self.mcp_servers {
            let place = SealedPlace { mcp_server_id: Some(record.id.clone()), ..SealedPlace::default() };
            census.add(ring, &place, record);
        }
        census
    }
}

/// `GET /system/secret-key`: how many values are sealed under which master key, and what no key opens.
pub async fn state(exchange: &Exchange) -> Result<Response, ApiError> {
    exchange::json(200, &SealedRecords::read(exchange).await?.census(exchange))
}

/// `POST /system/secret-key/generate`: a key that is stored nowhere.
pub fn generate() -> Result<Response, ApiError> {
    let key: [u8; 32] = random()?;
    exchange::json(200, &GeneratedKey { master_key: STANDARD.encode(key) })
}

/// `POST /system/secret-key/rotate`: seals records anew, at most `limit` of them, and answers the state after it. To be
/// called until `left` is 0.
pub async fn rotate(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::optional::<RotateSecretKeyInput>(exchange).await?;
    let mut budget = input.limit.into_set().unwrap_or(DEFAULT_LIMIT);
    let mut records = SealedRecords::read(exchange).await?;
    let mut resealed = reseal_records(exchange, &mut records.providers, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.keys, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.of_sign_in, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.identity_providers, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.webhooks, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.guards, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.mcp_servers, &mut budget).await?;
    resealed += reseal_records(exchange, &mut records.of_signatures, &mut budget).await?;
    if resealed > 0 {
        snapshot::reload(exchange).await?;
    }
    let state = SealedRecords::read(exchange).await?.census(exchange);
    exchange::json(200, &RotatedSecretKey { resealed, state })
}

/// Seals these records anew until the budget is spent; how many values were written.
async fn reseal_records<R: Table + SealedRecord>(
    exchange: &Exchange,
    records: &mut [R],
    budget: &mut u64,
) -> Result<usize, ApiError> {
    let mut resealed = 0;
    for record in records {
        let changed = if *budget == 0 { 0 } else { reseal(&exchange.settings.keyring, record, random)? };
        if changed > 0 {
            *budget -= 1;
            let read_at = record.version();
            record.set_version(next_version(read_at));
            if table::update(&exchange.env, record, read_at).await? {
                resealed += changed;
            }
        }
    }
    Ok(resealed)
}
