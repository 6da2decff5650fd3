//! From a request to its response: finds the route, checks who may call it, and adds the common headers.

use nexus_edge_api::scim::BASE as SCIM;
use nexus_edge_api::{Audience, Method, Operation, Speaks};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::path;
use worker::{Context, Env, web_sys};

use crate::api::{audit, metrics, scim};
use crate::envelope;
use crate::exchange::{Exchange, error_response, request_id_of, set_header};
use crate::host::Host;
use crate::pipeline::{admit, directory, page, person, signed_in, signed_request};
use crate::platform::executor::{self, Tasks};
use crate::platform::hidden::without_secrets;
use crate::platform::http::{Headers, RequestHead, Response};
use crate::platform::{log_debug, now_ms};
use crate::routes::{find, operations_at};
use crate::settings::{self, Settings};

/// Answers a request. Every answer, errors included, carries `x-request-id`.
pub async fn handle(request: web_sys::Request, env: Env, context: Context) -> Response {
    let head = RequestHead::of(&request);
    let request_id = request_id_of(&head, now_ms());
    executor::works_for(&request_id);
    let began_ms = now_ms();
    let header = |name: &str| head.headers.get(name).map(str::to_owned);
    let origin = header("origin");
    let preflight = head.method == "OPTIONS" && header("access-control-request-method").is_some();
    let requested_headers = if preflight { header("access-control-request-headers") } else { None };
    let settings = settings::get(&env);
    let (method, path) = (head.method.clone(), head.path().to_owned());
    let path = path::normalize(&path);
    let from_browser =
        origin.filter(|_| operations_at(path).next().is_some_and(|first| first.audience == Audience::Caller));

    let is_for_people = operations_at(path).next().is_some_and(|first| {
        matches!(first.audience, Audience::Person(_) | Audience::SignedIn | Audience::Directory)
    });
    let found = find(&head.method, path);
    let caller_dialect = found.as_ref().map_or_else(
        |_| dialect_of_path(path),
        |(route, captured)| dialect_of(route.operation, &captured.first, &head),
    );
    let mut notes = Vec::new();
    let result = match &settings {
        _ if preflight => Ok(Response::empty(204, Headers::new())),
        Ok(settings) => match found {
            Ok((route, captured)) => {
                let tasks = Tasks::of_event(&context);
                let host = Host { env, settings: settings.clone(), tasks };
                let exchange = Exchange::new(request, head, caller_dialect, host, request_id.clone());
                let answered = match admit(route.operation, &exchange).await {
                    Ok(()) => (route.answer)(&exchange, &captured).await,
                    Err(error) => Err(error),
                };
                audit::note(&exchange, route.operation, &captured, &answered);
                notes = exchange.notes.take();
                answered.map_err(|mut error| {
                    let cleaned = exchange.pii_in_errors().and_then(|pii| pii.clean(&error.message));
                    error.message = cleaned.unwrap_or(error.message);
                    error
                })
            }
            Err(error) => Err(error),
        },
        Err(error) => Err(error.clone()),
    };
    let response = result.unwrap_or_else(|mut error| {
        error.message = without_secrets(error.message);
        if path.starts_with(SCIM) {
            scim::failure(&error)
        } else if operations_at(path).any(|operation| operation.speaks == Speaks::Envelope) {
            envelope::failure(&error, &request_id)
        } else {
            error_response(&error, caller_dialect, &request_id)
        }
    });
    // Nothing is added to an accepted connection, whose headers are its object's.
    set_header(response.headers(), "x-request-id", &request_id);
    for (name, value) in notes {
        set_header(response.headers(), name, &value);
    }
    if caller_dialect == CallerDialect::Anthropic {
        set_header(response.headers(), "request-id", &request_id);
    }
    protect(response.headers(), is_for_people);
    if let (Some(origin), Ok(settings)) = (from_browser, &settings) {
        allow_origin(response.headers(), settings, &origin, preflight, requested_headers.as_deref());
    }
    let took_ms = now_ms().saturating_sub(began_ms);
    log_debug("request", &format_args!("{method} {path} {} {took_ms} ms", response.status()));
    response
}

/// Adds what keeps a browser from taking an answer for something else than it is. A page of the gateway's own has said what it may
/// load by now.
fn protect(headers: &Headers, is_for_people: bool) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        if !headers.has(name) {
            headers.set(name, value);
        }
    }
    if is_for_people && !headers.has("cache-control") {
        headers.set("cache-control", "no-store");
    }
}

/// Checks who may call the operation. Handlers for callers look up the key themselves.
async fn admit(operation: &Operation, exchange: &Exchange) -> Result<(), ApiError> {
    match operation.audience {
        Audience::Person(need) => {
            signed_request::check(exchange).await?;
            exchange.admit(person::identify(exchange).await?, need)?;
            if operation.asks_again() { page::check_confirmed(exchange).await } else { Ok(()) }
        }
        Audience::Scraper => metrics::authorize(exchange).await,
        Audience::Directory => directory::authorize(exchange).await,
        Audience::Caller => {
            exchange.refuse_loop()?;
            admit::ceiling(exchange)?;
            signed_request::check(exchange).await
        }
        Audience::SignedIn => {
            exchange.sign_in(signed_in::require(exchange).await?);
            Ok(())
        }
        Audience::Public => Ok(()),
    }
}

/// The dialect of a request: that of the operation or, for paths that SDKs share, that of their headers.
fn dialect_of(operation: &Operation, parameter: &str, head: &RequestHead) -> CallerDialect {
    let has = |name: &str| head.headers.get(name).is_some();
    match operation.speaks {
        Speaks::DialectOfHeaders if has("anthropic-version") => CallerDialect::Anthropic,
        Speaks::DialectOfHeaders if has("x-goog-api-key") || has("x-goog-api-client") => {
            CallerDialect::Gemini
        }
        // A model without an action: a mistake of callers of any dialect.
        Speaks::Dialect(CallerDialect::Gemini)
            if operation.method == Method::Post && !parameter.contains(':') =>
        {
            CallerDialect::OpenaiChat
        }
        Speaks::Dialect(dialect) => dialect,
        Speaks::DialectOfHeaders | Speaks::Envelope | Speaks::Scim => CallerDialect::OpenaiChat,
    }
}

/// The dialect of errors for unknown paths.
fn dialect_of_path(path: &str) -> CallerDialect {
    match path {
        path if path.starts_with("/v1/messages") => CallerDialect::Anthropic,
        path if path.starts_with("/v1beta/") => CallerDialect::Gemini,
        _ => CallerDialect::OpenaiChat,
    }
}

/// Allows a browser on an allowed origin to read the response. No cookies are involved, so any origin may be allowed.
fn allow_origin(
    headers: &Headers,
    settings: &Settings,
    origin: &str,
    preflight: bool,
    requested_headers: Option<&str>,
) {
    let allowed = match &settings.cors_origins {
        None => "*",
        Some(_) if settings.allows_origin(origin) => {
            set_header(headers, "vary", "origin");
            origin
        }
        Some(_) => return,
    };
    set_header(headers, "access-control-allow-origin", allowed);
    if preflight {
        set_header(headers, "access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS");
        set_header(
            headers,
            "access-control-allow-headers",
            requested_headers.unwrap_or("authorization, content-type"),
        );
        set_header(headers, "access-control-max-age", "86400");
    } else {
        set_header(headers, "access-control-expose-headers", "*");
    }
}
