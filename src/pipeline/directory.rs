//! Identifies the directory of a SCIM request by its token.

use std::rc::Rc;

use nexus_edge_core::access::credential::bearer_token;
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::Rules;
use nexus_edge_identity::link::LinkToken;
use subtle::ConstantTimeEq;

use super::{admit, signed_in};
use crate::exchange::Exchange;
use crate::store::{scim, table};

/// What a token begins with.
pub const TOKEN_PREFIX: &str = "scim_";
/// Wrong tokens per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 10;
/// Milliseconds after which a use is noted anew.
const NOTED_MS: u64 = 3_600_000;

/// Checks that a request has the token of a directory, for which it is made from then on.
///
/// # Errors
/// `missing_scim_token`, `invalid_scim_token` (401), `too_many_attempts` (429) for an address that guesses, and
/// `sign_in_unavailable` (503) while the database does not answer.
pub async fn authorize(exchange: &Exchange) -> Result<(), ApiError> {
    admit::check_address(exchange, "scim")?;
    let header = exchange.header("authorization");
    let given = header.as_deref().and_then(bearer_token).ok_or_else(|| {
        let message = "The token of the directory is missing: send it as `Authorization: Bearer <token>`.";
        ApiError::unauthorized("missing_scim_token", message)
    })?;
    if let Some(client) = client_of(exchange, given).await? {
        note_use(exchange, &client);
        exchange.act_for(Rc::new(client));
        return Ok(());
    }
    admit::attempt_from_address(exchange, "scim", &Rules::requests_per_minute(FAILURES_PER_MINUTE)).await?;
    Err(ApiError::unauthorized("invalid_scim_token", "The token of the directory is not valid."))
}

async fn client_of(exchange: &Exchange, given: &str) -> Result<Option<ScimClientRecord>, ApiError> {
    let Some(token) = given.strip_prefix(TOKEN_PREFIX).and_then(LinkToken::read) else { return Ok(None) };
    let found: Option<ScimClientRecord> = table::find(&exchange.env, token.id.as_str())
        .await
        .map_err(|error| signed_in::sign_in_unavailable("clients of SCIM", &error))?;
    let is = |hash: &str| bool::from(hash.as_bytes().ct_eq(token.hash.as_bytes()));
    Ok(found.filter(|client| client.accepted(exchange.started_ms).any(is)))
}

fn note_use(exchange: &Exchange, client: &ScimClientRecord) {
    let is_noted = client.last_used_at.is_some_and(|at| exchange.started_ms < at + NOTED_MS);
    if is_noted {
        return;
    }
    let (env, id, now) = (exchange.env.clone(), client.id.clone(), exchange.started_ms);
    exchange.tasks.wait_until(async move { scim::note_use(&env, &id, now).await });
}
