//! Who is signed in, in a page of the gateway's own: by cookies, which count for nothing where a request has a credential in a
//! header, or comes from somewhere else.

use nexus_edge_core::access::person::Person;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_identity::console::{self, ConsoleToken, Times};
use nexus_edge_identity::cookie;

use super::signed_in::{self, sign_in_unavailable};
use crate::exchange::Exchange;
use crate::platform::{log_error, now_ms};
use crate::store::console_sessions;

/// Says as which API key a page makes a request, by the key's id.
pub const KEY_HEADER: &str = "x-nexus-key-id";

/// A session that began with the admin token.
pub struct ConsoleSession {
    /// Its id.
    pub id: String,
    /// Its times.
    pub times: Times,
}

/// Who is signed in.
pub enum Visitor {
    /// The holder of the admin token.
    Admin(ConsoleSession),
    /// A user.
    User {
        /// The user.
        user: Box<UserRecord>,
        /// What they may do.
        person: Box<Person>,
        /// When they signed in, in milliseconds since the epoch.
        signed_in_at: u64,
    },
}

impl Visitor {
    /// When the token or the password was given last, in milliseconds since the epoch.
    pub fn confirmed_at(&self) -> u64 {
        match self {
            Self::Admin(session) => session.times.confirmed_at,
            Self::User { signed_in_at, .. } => *signed_in_at,
        }
    }

    /// What they may do.
    pub fn person(&self) -> Person {
        match self {
            Self::Admin(_) => Person::with_admin_token(),
            Self::User { person, .. } => (**person).clone(),
        }
    }
}

/// Who is signed in by the cookies of a request; `None` without cookies, or if they are no longer good. Without cookies this is
/// free.
///
/// # Errors
/// `cross_site_request` (403), `invalid_access_token` (401), `sign_in_unavailable` (503).
pub async fn visitor(exchange: &Exchange) -> Result<Option<Visitor>, ApiError> {
    if let Some(session) = console_session(exchange).await? {
        return Ok(Some(Visitor::Admin(session)));
    }
    if is_by_header(exchange) {
        return Ok(None);
    }
    Ok(signed_in::find(exchange).await?.map(|session| Visitor::User {
        user: Box::new(session.user.clone()),
        person: Box::new(session.person(exchange.started_ms)),
        signed_in_at: session.family.created_at,
    }))
}

/// The session that began with the admin token, if the cookie of one is good.
///
/// # Errors
/// `cross_site_request` (403), `sign_in_unavailable` (503).
pub async fn console_session(exchange: &Exchange) -> Result<Option<ConsoleSession>, ApiError> {
    if is_by_header(exchange) {
        return Ok(None);
    }
    let Some(token) = signed_in::cookie_of(exchange, cookie::CONSOLE) else { return Ok(None) };
    let Some(token) = ConsoleToken::read(&token) else { return Ok(None) };
    signed_in::check_site(exchange, !exchange.only_reads())?;
    let found = console_sessions::find(&exchange.env, &token.id).await;
    let found = found.map_err(|error| sign_in_unavailable("console", &error))?;
    let now = now_ms();
    let admin_token = exchange.settings.admin_token.expose();
    let session =
        found.filter(|found| token.is_proved_by(&found.proof, admin_token) && !found.times().is_over(now));
    let Some(session) = session else { return Ok(None) };
    let times = session.times();
    if times.is_to_be_noted(now) {
        let (env, id) = (exchange.env.clone(), token.id.clone());
        exchange.tasks.wait_until(async move {
            if let Err(error) = console_sessions::note(&env, &id, now, false).await {
                log_error("console sessions", &error);
            }
        });
    }
    Ok(Some(ConsoleSession { id: token.id, times }))
}

/// Checks, for what cannot be undone, that a page's visitor showed who they are just now. Requests with a credential in a header
/// show it each time.
///
/// # Errors
/// `confirmation_required` (403), and those of [`visitor`].
pub async fn check_confirmed(exchange: &Exchange) -> Result<(), ApiError> {
    let Some(visitor) = visitor(exchange).await? else { return Ok(()) };
    let mut confirmed_at = visitor.confirmed_at();
    let now = now_ms();
    if let Visitor::Admin(session) = &visitor
        && !console::is_confirmed(confirmed_at, now)
    {
        // It may have been confirmed in another isolate a moment ago.
        let read = console_sessions::read(&exchange.env, &session.id).await;
        let read = read.map_err(|error| sign_in_unavailable("console", &error))?;
        confirmed_at = read.map_or(0, |stored| stored.times().confirmed_at);
    }
    if console::is_confirmed(confirmed_at, now) {
        return Ok(());
    }
    let message = "This cannot be undone: sign in again, and repeat the request within 15 minutes.";
    Err(ApiError::forbidden("confirmation_required", message))
}

fn is_by_header(exchange: &Exchange) -> bool {
    exchange.headers().get("authorization").is_some() || exchange.headers().get("x-admin-token").is_some()
}
