//! The console: its pages, and who is signed in there.

use nexus_edge_api::console::{BeginInput, VisitorView};
use nexus_edge_api::users::UserView;
use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::error::ApiError;
use nexus_edge_identity::console::{ConsoleToken, LIFE_MS, Times};
use nexus_edge_identity::cookie;
use worker::web_sys;

use super::{answer_deleted, answer_list, input, random, sign_in};
use crate::exchange::{self, Exchange};
use crate::pipeline::page::{self, Visitor};
use crate::pipeline::{person, signed_in};
use crate::platform::http::{Headers, Response};
use crate::platform::{log_error, new_ulid, now_ms};
use crate::store::{console_sessions, sign_in as sessions, users};

/// Where the files are whose names change with what is in them.
const FILES: &str = "assets/";

/// `GET /console/session`
pub async fn session(exchange: &Exchange) -> Result<Response, ApiError> {
    answer_visitor(exchange, page::visitor(exchange).await?).await
}

/// `POST /console/session`
pub async fn begin(exchange: &Exchange) -> Result<Response, ApiError> {
    // Or a page of another site could sign its visitor in.
    signed_in::check_site(exchange, true)?;
    let given = input::new::<BeginInput>(exchange).await?.admin_token.required("admin_token")?;
    person::check_admin_token(exchange, given.expose()).await?;
    exchange.note_admin();
    let (env, now) = (&exchange.env, now_ms());
    if let Some(mut session) = page::console_session(exchange).await? {
        console_sessions::note(env, &session.id, now, true).await?;
        session.times.confirmed_at = now;
        return answer_visitor(exchange, Some(Visitor::Admin(session))).await;
    }
    let token = ConsoleToken::new(new_ulid(now), random()?);
    let (proof, times) = (token.proof(exchange.settings.admin_token.expose()), Times::new(now));
    let (address, agent) = (exchange.header("cf-connecting-ip"), exchange.header("user-agent"));
    console_sessions::begin(env, &token.id, &proof, times, address.as_deref(), agent.as_deref()).await?;
    let session = page::ConsoleSession { id: token.id.clone(), times };
    let response = answer_visitor(exchange, Some(Visitor::Admin(session))).await?;
    set_cookie(exchange, &response, Some(&token));
    Ok(response)
}

/// `DELETE /console/session`
pub async fn end(exchange: &Exchange) -> Result<Response, ApiError> {
    signed_in::check_site(exchange, true)?;
    let response = Response::empty(204, Headers::new());
    if let Some(session) = page::console_session(exchange).await? {
        exchange.note_admin();
        console_sessions::end(&exchange.env, &session.id).await?;
    }
    // A token that is no longer good ends nothing, and its cookies go as well.
    if let Some(session) = signed_in::find(exchange).await.ok().flatten() {
        exchange.note_user(&session.user);
        sessions::end(&exchange.env, &session.user.id, &session.session_id, now_ms()).await?;
    }
    set_cookie(exchange, &response, None);
    sign_in::set_cookies(exchange, &response, None);
    Ok(response)
}

/// `GET /console/sessions`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let own = page::console_session(exchange).await?.map(|session| session.id);
    let mut found = console_sessions::list(&exchange.env, now_ms()).await?;
    for session in &mut found {
        session.is_current = own.as_ref() == Some(&session.id);
    }
    answer_list("sessions", &found)
}

/// `DELETE /console/sessions/{id}`
pub async fn end_session(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !console_sessions::end(&exchange.env, id).await? {
        return Err(ApiError::not_found("session_not_found", "There is no session with this id."));
    }
    answer_deleted(id)
}

/// `GET /console` and `GET /console/{path...}`: the one page, whatever the address; its program reads the rest.
pub async fn page(exchange: &Exchange, path: &str) -> Result<Response, ApiError> {
    // A browser that has the page of an earlier deployment asks for its files. To remember that they are missing would be wrong:
    // the next deployment may have them.
    exchange.notes.borrow_mut().push(("cache-control", "no-store".to_owned()));
    if path.starts_with(FILES) {
        return Err(missing());
    }
    let Ok(files) = exchange.env.assets("ASSETS") else { return Err(missing()) };
    let found = files.fetch(format!("{}/console/", exchange.own_origin()), None).await;
    let found = found.map_err(|error| {
        log_error("console", &error);
        ApiError::internal()
    })?;
    let response = Response::of_platform(web_sys::Response::from(found));
    if response.status() != 200 {
        return Err(missing());
    }
    Ok(response)
}

fn missing() -> ApiError {
    ApiError::not_found("not_found", "There is no such file of the console.")
}

async fn answer_visitor(exchange: &Exchange, visitor: Option<Visitor>) -> Result<Response, ApiError> {
    let has_users = !users::page(&exchange.env, None, 1).await?.is_empty();
    let (kind, user) = match &visitor {
        None => (None, None),
        Some(Visitor::Admin(_)) => (Some("admin_token"), None),
        Some(Visitor::User { user, .. }) => (Some("user"), Some(UserView::of(user))),
    };
    let view = VisitorView {
        kind,
        user,
        permissions: visitor.as_ref().map_or(Permissions::NONE, |visitor| visitor.person().permissions),
        confirmed_at: visitor.as_ref().map(Visitor::confirmed_at),
        users: has_users,
        version: env!("CARGO_PKG_VERSION"),
        time_zone: "UTC",
    };
    let response = exchange::json(200, &view)?;
    response.headers().set("cache-control", "no-store");
    Ok(response)
}

/// Sets the cookie of a session, or removes it.
fn set_cookie(exchange: &Exchange, response: &Response, token: Option<&ConsoleToken>) {
    let name = signed_in::cookie_name(exchange, cookie::CONSOLE);
    let value = token.map(ConsoleToken::write).unwrap_or_default();
    let lives_s = if token.is_some() { LIFE_MS / 1_000 } else { 0 };
    response.headers().add("set-cookie", &cookie::write(name, &value, "/", lives_s));
}
