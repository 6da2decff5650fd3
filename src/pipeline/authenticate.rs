//! Step 1: authentication.

use nexus_edge_core::access::Principal;
use nexus_edge_core::access::api_key::is_api_key;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::limits::Rules;

use super::admit;
use crate::exchange::Exchange;
use crate::platform::now_ms;
use crate::store::{keys, snapshot};

/// Wrong keys per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 60;

/// The principal of the request's key: an API key, or a personalized key of some providers.
pub async fn authenticate(exchange: &Exchange) -> Result<Principal, ApiError> {
    if let Some(hash) = &exchange.internal_key_hash {
        return of_hash(exchange, hash, true).await;
    }
    let credential = exchange.credential().ok_or_else(|| {
        let message = "The API key is missing: send it as `Authorization: Bearer <key>`.";
        ApiError::unauthorized("missing_api_key", message)
    })?;
    of_hash(exchange, &sha256_hex(&credential), is_api_key(&credential)).await
}

/// The principal of the key with this hash. A text that does not have the form of our keys (`may_be_api_key`) is not
/// looked up.
pub async fn of_hash(exchange: &Exchange, hash: &str, may_be_api_key: bool) -> Result<Principal, ApiError> {
    let snapshot = snapshot::current(exchange).await?;
    if let Some(providers) = snapshot.providers_of_personalized_key(hash) {
        return Ok(Principal::of_personalized_key(hash, providers.to_vec()));
    }
    let record =
        if may_be_api_key { keys::by_hash(exchange, hash, snapshot.keys_version).await? } else { None };
    let Some(record) = record else {
        let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
        admit::attempt_from_address(exchange, "api_key", &rules).await?;
        return Err(ApiError::unauthorized("invalid_api_key", "The API key is not valid."));
    };
    record.check(now_ms())?;
    // Internal requests skip the checks of address and dialect; both ran when the session's caller connected.
    if exchange.internal_key_hash.is_none() {
        record.check_use(exchange.header("cf-connecting-ip").as_deref(), exchange.caller_dialect.name())?;
    }
    Ok(Principal::of_api_key(&record))
}
