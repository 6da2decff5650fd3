//! The user of a request: from an access token, in the header `authorization` or in the cookie of the console, to a session
//! and its user.
//!
//! A cookie counts only where the request comes from the gateway's own pages. A bearer token that is not an access token
//! is no error here: it may be something else.

use std::rc::Rc;

use nexus_edge_core::access::credential::bearer_token;
use nexus_edge_core::error::ApiError;
use nexus_edge_identity::cookie;
use nexus_edge_identity::csrf::{self, Origin};
use nexus_edge_identity::token::{self, Expected, Unverified};

use crate::exchange::Exchange;
use crate::platform::log_error;
use crate::platform::subtle::Subtle;
use crate::store::identity_keys;
use crate::store::sign_in::{self, SignedIn};

/// What the gateway's access tokens say.
pub const ACCESS_TOKEN: Expected<'_> = Expected { typ: Some("at+jwt"), iss: "nexus-edge", aud: "nexus-edge" };

/// The user of a request and their session; `None` if it has no access token.
///
/// # Errors
/// `invalid_access_token` (401) for a token that is no longer, or never was, good; `cross_site_request` (403) for a cookie that
/// another site's page caused to be sent; `sign_in_unavailable` (503).
pub async fn find(exchange: &Exchange) -> Result<Option<Rc<SignedIn>>, ApiError> {
    let bearer = exchange.header("authorization").as_deref().and_then(bearer_token).map(str::to_owned);
    if let Some(token) = bearer {
        return if Unverified::read(&token).is_some() {
            check(exchange, &token).await.map(Some)
        } else {
            Ok(None)
        };
    }
    let Some(token) = cookie_of(exchange, cookie::ACCESS) else { return Ok(None) };
    check_site(exchange, !exchange.only_reads())?;
    check(exchange, &token).await.map(Some)
}

/// A cookie of the request.
pub fn cookie_of(exchange: &Exchange, name: &'static str) -> Option<String> {
    let cookies = exchange.header("cookie")?;
    cookie::read(&cookies, cookie_name(exchange, name)).map(str::to_owned)
}

/// The name of a cookie where the request arrived.
pub fn cookie_name(exchange: &Exchange, name: &'static str) -> &'static str {
    cookie::name_at(&exchange.own_origin(), name)
}

/// The same, where a user is needed.
///
/// # Errors
/// Those of [`find`]; `not_signed_in` (401) without an access token.
pub async fn require(exchange: &Exchange) -> Result<Rc<SignedIn>, ApiError> {
    find(exchange).await?.ok_or_else(|| {
        let message = "Sign in, and send the access token as `Authorization: Bearer <token>`.";
        ApiError::unauthorized("not_signed_in", message)
    })
}

/// Checks that a request with a cookie comes from the gateway's own pages.
///
/// # Errors
/// `cross_site_request` (403).
pub fn check_site(exchange: &Exchange, writes: bool) -> Result<(), ApiError> {
    check_origin(exchange, |from| if writes { from.may_write() } else { from.may_read() })
}

/// The same for operations that pages of any origin may call with an API key of theirs: reading needs the header, too.
///
/// # Errors
/// `cross_site_request` (403).
pub fn check_site_of_caller(exchange: &Exchange) -> Result<(), ApiError> {
    let reads = exchange.only_reads();
    check_origin(exchange, |from| if reads { from.may_read_as_another() } else { from.may_write() })
}

fn check_origin(exchange: &Exchange, may: impl Fn(Origin<'_>) -> bool) -> Result<(), ApiError> {
    let (own, origin) = (exchange.own_origin(), exchange.header("origin"));
    let fetch_site = exchange.header("sec-fetch-site");
    let from = Origin {
        own: &own,
        origin: origin.as_deref(),
        fetch_site: fetch_site.as_deref(),
        has_header: exchange.header(csrf::HEADER).is_some(),
    };
    if may(from) {
        return Ok(());
    }
    let message = "Cookies are accepted only from the gateway's own pages, with the header `x-nexus-csrf`.";
    Err(ApiError::forbidden("cross_site_request", message))
}

/// The session of an access token.
async fn check(exchange: &Exchange, token: &str) -> Result<Rc<SignedIn>, ApiError> {
    let unavailable = |error| sign_in_unavailable("access tokens", &error);
    let kid = Unverified::read(token).and_then(|token| token.header.kid).unwrap_or_default();
    let keys = identity_keys::with(&exchange.env, &exchange.settings, &kid).await.map_err(unavailable)?;
    let verified = token::verify(&Subtle, &keys.verifying, token, &ACCESS_TOKEN, exchange.started_ms).await;
    let claims = verified.map_err(|_| invalid())?;
    let session_id = claims.text("sid").ok_or_else(invalid)?;
    let session = sign_in::of_access_token(&exchange.env, session_id).await.map_err(unavailable)?;
    session.filter(|session| claims.text("sub") == Some(&session.user.id)).ok_or_else(invalid)
}

fn invalid() -> ApiError {
    ApiError::unauthorized(
        "invalid_access_token",
        "The access token is not valid, or no longer. Sign in again.",
    )
}

/// The error where something that sign-in needs does not answer.
pub fn sign_in_unavailable(what: &str, error: &dyn std::fmt::Display) -> ApiError {
    log_error(what, error);
    ApiError::unavailable("sign_in_unavailable", "Sign-in is not possible at the moment. Try again.")
        .with_retry_after(1)
}
