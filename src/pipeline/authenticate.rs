//! Step 1: authentication by an API key, by a page's session that acts as a key, or by a signature.

use std::rc::Rc;

use nexus_edge_core::access::api_key::is_api_key;
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::person::{Need, Reach};
use nexus_edge_core::access::{ApiKeyRecord, Principal};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::limits::Rules;

use super::{admit, page, signed_in};
use crate::exchange::{Exchange, KeyOwner};
use crate::host::Host;
use crate::platform::{now_ms, rarely};
use crate::store::{keys, snapshot};

/// Wrong keys per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 60;

/// The principal of the request's key: an API key, or a personalized key of some providers.
pub async fn authenticate(exchange: &Exchange) -> Result<Principal, ApiError> {
    let principal = principal_of(exchange).await?;
    exchange.key_redaction.set(principal.redact_pii);
    Ok(principal)
}

async fn principal_of(exchange: &Exchange) -> Result<Principal, ApiError> {
    if let Some(owner) = &exchange.internal_owner {
        return rarely(of_owner(exchange, owner)).await;
    }
    let Some(credential) = exchange.credential() else {
        // A signature proves as much as the secret that it stands for.
        if let Some(record) = exchange.signed_by() {
            return of_record(exchange, record);
        }
        if let Some(key_id) = exchange.header(page::KEY_HEADER) {
            return rarely(of_page(exchange, &key_id)).await;
        }
        let message = "The API key is missing: send it as `Authorization: Bearer <key>`.";
        return Err(ApiError::unauthorized("missing_api_key", message));
    };
    of_hash(exchange, &sha256_hex(&credential), is_api_key(&credential)).await
}

/// The principal of the key as which a page of the gateway's own makes a request. Its visitor must be able to make such a key:
/// those who may manage all keys act as any, users as their own.
async fn of_page(exchange: &Exchange, key_id: &str) -> Result<Principal, ApiError> {
    signed_in::check_site_of_caller(exchange)?;
    let visitor = page::visitor(exchange).await?.ok_or_else(|| {
        let message = "The request names an API key that it does not carry: sign in, or send the key.";
        ApiError::unauthorized("not_signed_in", message)
    })?;
    let need = Need::or_own(Permission::ManageAllApiKeys, Permission::ManageOwnApiKeys);
    let scope = visitor.person().decide(need, Reach::Manage)?;
    of_id(exchange, key_id, |record| scope.has(record.owner.as_deref())).await
}

/// The principal of the key with this id, if it is one of those that `may_be` is true of.
///
/// # Errors
/// `key_not_found` (404); those of a key that cannot be used.
pub async fn of_id(
    exchange: &Exchange,
    key_id: &str,
    may_be: impl Fn(&ApiKeyRecord) -> bool,
) -> Result<Principal, ApiError> {
    let version = snapshot::current(exchange).await?.keys_version;
    let found = keys::by_id(exchange, key_id, version).await?;
    let record = found
        .filter(|record| may_be(record))
        .ok_or_else(|| ApiError::not_found("key_not_found", "There is no API key with this id."))?;
    record.check(now_ms())?;
    record.check_use(exchange.header("cf-connecting-ip").as_deref(), exchange.caller_dialect.name())?;
    Ok(Principal::of_api_key(&record))
}

/// The principal of the key with this hash. A text that does not have the form of our keys (`may_be_api_key`) is not
/// looked up.
pub async fn of_hash(exchange: &Exchange, hash: &str, may_be_api_key: bool) -> Result<Principal, ApiError> {
    // An API key cannot be guessed; a personalized key is chosen by a person.
    if !may_be_api_key {
        admit::check_address(exchange, "api_key")?;
    }
    match find(exchange, hash, may_be_api_key).await? {
        Found::Personalized(principal) => Ok(*principal),
        Found::ApiKey(record) => of_record(exchange, &record),
        Found::Nothing => {
            let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
            rarely(admit::attempt_from_address(exchange, "api_key", &rules)).await?;
            Err(invalid_key())
        }
    }
}

/// The principal of an API key that the request proved to have.
fn of_record(exchange: &Exchange, record: &ApiKeyRecord) -> Result<Principal, ApiError> {
    record.check(now_ms())?;
    record.check_signed(exchange.signed_by().map(|key| key.id.as_str()))?;
    record.check_use(exchange.header("cf-connecting-ip").as_deref(), exchange.caller_dialect.name())?;
    Ok(Principal::of_api_key(record))
}

/// The API key with this hash.
pub async fn api_key_of(host: &Host, hash: &str) -> Result<Option<Rc<ApiKeyRecord>>, ApiError> {
    Ok(match find(host, hash, true).await? {
        Found::ApiKey(record) => Some(record),
        Found::Personalized(_) | Found::Nothing => None,
    })
}

/// The principal for whom the gateway makes an internal request. Address and dialect are not checked: both were when the
/// session's caller connected. An API key is found by its id, so that a session outlives the rotation of its secret.
pub async fn of_owner(host: &Host, owner: &KeyOwner) -> Result<Principal, ApiError> {
    let snapshot = snapshot::current(host).await?;
    if let Some(providers) = snapshot.providers_of_personalized_key(&owner.key_hash) {
        return Ok(Principal::of_personalized_key(&owner.key_hash, providers.to_vec()));
    }
    let Some(record) = keys::by_id(host, &owner.key_id, snapshot.keys_version).await? else {
        return Err(invalid_key());
    };
    record.check(now_ms())?;
    Ok(Principal::of_api_key(&record))
}

/// Checks that a secret, by its hash, still gives access as this owner: a connection does not outlive the secret that opened
/// it.
pub async fn check_secret(host: &Host, owner: &KeyOwner, hash: &str) -> Result<(), ApiError> {
    match find(host, hash, true).await? {
        Found::Personalized(principal) if principal.key_id == owner.key_id => Ok(()),
        Found::ApiKey(record) if record.id == owner.key_id => record.check(now_ms()),
        _ => Err(invalid_key()),
    }
}

#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::large_enum_variant, reason = "it lives for a moment and is moved once")
)]
enum Found {
    Personalized(Box<Principal>),
    ApiKey(Rc<ApiKeyRecord>),
    Nothing,
}

async fn find(host: &Host, hash: &str, may_be_api_key: bool) -> Result<Found, ApiError> {
    let snapshot = snapshot::current(host).await?;
    if let Some(providers) = snapshot.providers_of_personalized_key(hash) {
        let principal = Principal::of_personalized_key(hash, providers.to_vec());
        return Ok(Found::Personalized(Box::new(principal)));
    }
    if !may_be_api_key {
        return Ok(Found::Nothing);
    }
    let record = keys::by_hash(host, hash, snapshot.keys_version).await?;
    Ok(record.map_or(Found::Nothing, Found::ApiKey))
}

fn invalid_key() -> ApiError {
    ApiError::unauthorized("invalid_api_key", "The API key is not valid.")
}
