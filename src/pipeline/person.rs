//! Identifies the person who calls the admin API: by the admin token, a session of the console, an access token, or an API key with
//! permissions.

use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::api_key::is_api_key;
use nexus_edge_core::access::credential::bearer_token;
use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::access::person::{Own, Person, PersonId, Reach};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::id;
use nexus_edge_core::limits::Rules;

use super::{admit, authenticate, page, signed_in};
use crate::exchange::Exchange;
use crate::platform::now_ms;
use crate::store::given;

/// Wrong admin tokens per minute and address, above which it gets 429.
const ADMIN_FAILURES_PER_MINUTE: u64 = 10;

/// The person who makes a request.
///
/// # Errors
/// `missing_admin_token`, `invalid_admin_token` (401); `too_many_attempts` (429) for an address with too many wrong tokens; those
/// of an access token.
pub async fn identify(exchange: &Exchange) -> Result<Person, ApiError> {
    admit::check_address(exchange, "admin")?;
    let admin_token = exchange.header("x-admin-token");
    if admin_token.is_none() {
        if page::console_session(exchange).await?.is_some() {
            return Ok(Person::with_admin_token());
        }
        if let Some(session) = signed_in::find(exchange).await? {
            return Ok(session.person(exchange.started_ms));
        }
    }
    let bearer = || exchange.header("authorization").as_deref().and_then(bearer_token).map(str::to_owned);
    let given = admin_token.or_else(bearer);
    if given.is_none()
        && let Some(key) = exchange.signed_by()
        && let Some(program) = program_of(exchange, key).await?
    {
        return Ok(program);
    }
    let given = given.ok_or_else(|| {
        let message = "The admin token is missing: send it as `Authorization: Bearer <token>`.";
        ApiError::unauthorized("missing_admin_token", message)
    })?;
    if is_admin_token(exchange, &given) {
        return Ok(Person::with_admin_token());
    }
    if is_api_key(&given)
        && let Some(record) = authenticate::api_key_of(exchange, &sha256_hex(&given)).await?
        && let Some(program) = program_of(exchange, &record).await?
    {
        return Ok(program);
    }
    Err(wrong_admin_token(exchange).await)
}

/// Checks an admin token that is given in a body.
///
/// # Errors
/// `invalid_admin_token` (401); `too_many_attempts` (429) for an address with too many wrong tokens.
pub async fn check_admin_token(exchange: &Exchange, given: &str) -> Result<(), ApiError> {
    admit::check_address(exchange, "admin")?;
    if is_admin_token(exchange, given) { Ok(()) } else { Err(wrong_admin_token(exchange).await) }
}

fn is_admin_token(exchange: &Exchange, given: &str) -> bool {
    exchange.settings.admin_token.is(given)
}

async fn wrong_admin_token(exchange: &Exchange) -> ApiError {
    let rules = Rules::requests_per_minute(ADMIN_FAILURES_PER_MINUTE);
    match admit::attempt_from_address(exchange, "admin", &rules).await {
        Ok(()) => ApiError::unauthorized("invalid_admin_token", "The admin token is not valid."),
        Err(too_many) => too_many,
    }
}

/// The program with this key; `None` if the key has no permissions. A key that belongs to a user may do what it
/// was given and the user still may.
async fn program_of(exchange: &Exchange, record: &ApiKeyRecord) -> Result<Option<Person>, ApiError> {
    if record.permissions == Permissions::NONE {
        return Ok(None);
    }
    record.check(now_ms())?;
    record.check_signed(exchange.signed_by().map(|key| key.id.as_str()))?;
    record.check_address(exchange.header("cf-connecting-ip").as_deref())?;
    let mut permissions = record.permissions;
    // Whatever is no ULID is no user.
    if let Some(owner) = record.owner.as_deref().filter(|owner| id::time_of(owner).is_some()) {
        let of_owner = given::permissions_of_owner(&exchange.env, owner).await;
        let of_owner = of_owner.map_err(|error| signed_in::sign_in_unavailable("owners of keys", &error))?;
        permissions = of_owner.map_or(permissions, |of_owner| permissions.shared_with(of_owner));
    }
    let own = |owner: &String| Own { owner: owner.clone(), reach: Reach::Manage };
    Ok(Some(Person {
        id: PersonId::Program(record.id.clone()),
        permissions,
        owners: record.owner.iter().map(own).collect(),
    }))
}
