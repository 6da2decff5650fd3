//! The session API: `/api/v1`. Who calls and how often is decided here; the session's object does the rest.

use nexus_edge_api::sessions::{
    CallerModel, CallerModels, CallerProvider, CallerProviders, SessionPage, SessionView,
};
use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::http::request_id;
use nexus_edge_core::json::error as json_error;
use nexus_edge_core::json::object::Kind;
use serde_json::{Map, Value};
use worker::js_sys::Uint8Array;
use worker::{Env, Method, Request, RequestInit, web_sys};

use super::{health, query};
use crate::envelope;
use crate::exchange::Exchange;
use crate::objects::chat_room::{CALL_HEADER, Call};
use crate::pipeline::admit;
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid};
use crate::store::{sessions, snapshot};

const DEFAULT_PAGE: u64 = 20;
const MAX_PAGE: u64 = 100;
/// Longest id that a client may give a session.
const MAX_ID_LENGTH: usize = 100;

/// `GET /api/v1/health`
pub fn health(exchange: &Exchange) -> Response {
    envelope::success(200, health::view(), "ok", &exchange.request_id)
}

/// `GET /api/v1/sessions/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    Caller::of(exchange).await?.ask(exchange, id, Method::Get, "/session", None).await
}

/// `PUT /api/v1/sessions/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let body = object(exchange).await?;
    caller.ask(exchange, id, Method::Put, "/session", Some(&body)).await
}

/// `DELETE /api/v1/sessions/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let path = with_query(exchange, "/session");
    Caller::of(exchange).await?.ask(exchange, id, Method::Delete, &path, None).await
}

/// `GET /api/v1/sessions/{id}/messages`
pub async fn messages(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let path = with_query(exchange, "/messages");
    Caller::of(exchange).await?.ask(exchange, id, Method::Get, &path, None).await
}

/// `GET /api/v1/sessions/{id}/export`
pub async fn export(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let path = with_query(exchange, "/export");
    Caller::of(exchange).await?.ask(exchange, id, Method::Get, &path, None).await
}

/// `POST /api/v1/chat`
pub async fn chat(exchange: &Exchange) -> Result<Response, ApiError> {
    turn(exchange, "/chat", false).await
}

/// `POST /api/v1/chat/stream`
pub async fn chat_stream(exchange: &Exchange) -> Result<Response, ApiError> {
    turn(exchange, "/chat", true).await
}

/// `POST /api/v1/chat/regenerate`
pub async fn regenerate(exchange: &Exchange) -> Result<Response, ApiError> {
    turn(exchange, "/regenerate", false).await
}

/// `POST /api/v1/chat/stop`
pub async fn stop(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let body = object(exchange).await?;
    let id = session_id(&body)?;
    caller.ask(exchange, &id, Method::Post, "/stop", Some(&body)).await
}

/// `POST /api/v1/chat/approve`
pub async fn approve(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let body = object(exchange).await?;
    let id = session_id(&body)?;
    caller.ask(exchange, &id, Method::Post, "/approve", Some(&body)).await
}

/// `POST /api/v1/chat/answer`
pub async fn answer(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let body = object(exchange).await?;
    let id = session_id(&body)?;
    caller.ask(exchange, &id, Method::Post, "/answer", Some(&body)).await
}

/// The caller of a session endpoint.
pub struct Caller {
    /// The key, its owner and what both may do.
    pub principal: Principal,
    /// SHA-256 of the key, by which the session looks it up again for later turns.
    pub key_hash: String,
}

impl Caller {
    /// The caller of a request with a key.
    pub async fn of(exchange: &Exchange) -> Result<Self, ApiError> {
        let principal = authenticate(exchange).await?;
        let key_hash = exchange.credential().as_deref().map(sha256_hex).unwrap_or_default();
        Ok(Self { principal, key_hash })
    }

    /// Checks that a session may say anything for this caller: it is a stored history.
    ///
    /// # Errors
    /// `texts_not_kept` (403) for a key of which no texts are kept.
    pub fn check_may_keep(&self) -> Result<(), ApiError> {
        if self.principal.store.keeps_texts() {
            return Ok(());
        }
        let message =
            "A session is a stored history, and the policy of this API key (`store`) keeps no texts.";
        Err(ApiError::forbidden("texts_not_kept", message))
    }

    /// The call about a session.
    pub fn call(&self, exchange: &Exchange, session_id: &str) -> Call {
        Call {
            key_id: self.principal.key_id.clone(),
            key_hash: self.key_hash.clone(),
            session_id: session_id.to_owned(),
            request_id: exchange.request_id.clone(),
        }
    }

    /// Asks the object of a session. `path` begins with a slash and may have a query.
    async fn ask(
        &self,
        exchange: &Exchange,
        session_id: &str,
        method: Method,
        path: &str,
        body: Option<&Map<String, Value>>,
    ) -> Result<Response, ApiError> {
        let session_id = checked_id(session_id)?;
        let mut init = RequestInit::new();
        if let Some(body) = body {
            let json = serde_json::to_vec(body).map_err(|_| ApiError::internal())?;
            init.with_body(Some(Uint8Array::from(json.as_slice()).into()));
        }
        init.with_method(method);
        send(&exchange.env, &self.call(exchange, session_id), init, path).await
    }
}

/// Sends a call to the object of its session.
pub async fn send(env: &Env, call: &Call, init: RequestInit, path: &str) -> Result<Response, ApiError> {
    let failed = |error: worker::Error| {
        log_error("chat room", &error);
        ApiError::unavailable("session_unavailable", "The session cannot be reached. Try again.")
            .with_retry_after(1)
    };
    let call_text = serde_json::to_string(call).map_err(|_| ApiError::internal())?;
    init.headers.set(CALL_HEADER, &call_text).map_err(failed)?;
    let request = Request::new_with_init(&format!("http://room{path}"), &init).map_err(failed)?;
    let namespace = env.durable_object("CHAT_ROOM").map_err(failed)?;
    let stub = namespace.get_by_name(&format!("{}/{}", call.key_id, call.session_id)).map_err(failed)?;
    let response = stub.fetch_with_request(request).await.map_err(failed)?;
    Ok(Response::of_platform(web_sys::Response::from(response)))
}

/// The id, if it is one that a session may have; otherwise `session_not_found`.
pub fn checked_id(id: &str) -> Result<&str, ApiError> {
    request_id::accept(id).filter(|id| id.len() <= MAX_ID_LENGTH).ok_or_else(|| {
        ApiError::not_found("session_not_found", "There is no session with this id.").with_param("session_id")
    })
}

/// An id for a new session.
pub fn new_session_id(exchange: &Exchange) -> String {
    format!("sess_{}", new_ulid(exchange.started_ms).to_lowercase())
}

fn with_query(exchange: &Exchange, path: &str) -> String {
    let pairs = ["permanent", "limit", "before", "format"];
    let mut query = String::new();
    for name in pairs {
        // Valid values need no encoding; in others, other characters become dashes, and the object refuses them.
        if let Some(value) = exchange.query(name) {
            let safe: String =
                value.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.push_str(&safe);
        }
    }
    format!("{path}{query}")
}

async fn object(exchange: &Exchange) -> Result<Map<String, Value>, ApiError> {
    let is_json = exchange
        .header("content-type")
        .is_none_or(|value| value.to_ascii_lowercase().contains("json") || value.is_empty());
    if !is_json {
        return Err(ApiError::new(
            400,
            nexus_edge_core::error::ErrorKind::InvalidRequest,
            "invalid_content_type",
            "The body must be JSON: send `content-type: application/json`.",
        ));
    }
    let body = exchange.body().await?;
    if body.bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    serde_json::from_slice(&body.bytes)
        .map_err(|error| ApiError::invalid_json(format!("The body must be a JSON object: {error}.")))
}

fn session_id(body: &Map<String, Value>) -> Result<String, ApiError> {
    match body.get("session_id") {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Null) | None => Err(json_error::missing("session_id")),
        Some(other) => Err(json_error::wrong_type("session_id", "a string", Kind::of_tree(other))),
    }
}

/// `POST /api/v1/sessions`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    caller.check_may_keep()?;
    let mut body = object(exchange).await?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_session_id(exchange),
        Some(Value::String(id)) if request_id::accept(&id).is_some() && id.len() <= MAX_ID_LENGTH => id,
        Some(_) => {
            let message = format!("`id` must be 1–{MAX_ID_LENGTH} characters of `A-Z a-z 0-9 . _ -`.");
            return Err(ApiError::invalid("invalid_value", "id", message));
        }
    };
    caller.ask(exchange, &id, Method::Post, "/session", Some(&body)).await
}

/// `GET /api/v1/sessions`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let page = query::number(exchange, "page", 1..=1_000_000)?.unwrap_or(1);
    let size_name = if exchange.query("page_size").is_some() { "page_size" } else { "limit" };
    let page_size = query::number(exchange, size_name, 1..=MAX_PAGE)?.unwrap_or(DEFAULT_PAGE);
    let wanted = sessions::Query {
        search: query::text(exchange, "search").or_else(|| query::text(exchange, "q")),
        pinned: query::boolean(exchange, "pinned")?,
        archived: query::boolean(exchange, "archived")?.unwrap_or(false),
        model: exchange.query("model"),
        offset: (page - 1) * page_size,
        limit: page_size,
    };
    let (found, total) = sessions::list(&exchange.env, &caller.principal.key_id, &wanted).await?;
    let data = SessionPage {
        sessions: found.iter().map(SessionView::of).collect(),
        total,
        page,
        page_size,
        has_more: wanted.offset + (found.len() as u64) < total,
    };
    Ok(envelope::success(200, data, "ok", &exchange.request_id))
}

/// A turn. It is streamed if the path says so, or else if the body has `"stream": true`.
async fn turn(exchange: &Exchange, path: &str, is_streamed: bool) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    caller.check_may_keep()?;
    let mut body = object(exchange).await?;
    let id = session_id(&body)?;
    let is_streamed = match body.get("stream") {
        Some(Value::Bool(stream)) => *stream || is_streamed,
        None | Some(Value::Null) => is_streamed,
        Some(other) => return Err(json_error::wrong_type("stream", "a boolean", Kind::of_tree(other))),
    };
    body.insert("stream".into(), is_streamed.into());
    let settings = &exchange.settings;
    let (kind, limit) = if is_streamed {
        ("stream", settings.chat_stream_per_minute)
    } else {
        ("chat", settings.chat_per_minute)
    };
    admit::chat_turn(exchange, kind, &caller.principal.key_id, limit).await?;
    caller.ask(exchange, &id, Method::Post, path, Some(&body)).await
}

/// `GET /api/v1/chat/providers`
pub async fn providers(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let snapshot = snapshot::current(exchange).await?;
    let mut providers: Vec<CallerProvider<'_>> = Vec::new();
    for offer in snapshot.offers_for(&caller.principal) {
        let record = &offer.upstream.record;
        let model = offer.model.model_name.as_str();
        match providers.iter_mut().find(|provider| provider.id == record.id) {
            Some(provider) => provider.models.push(model),
            None => providers.push(CallerProvider {
                id: record.id,
                name: &record.name,
                description: &record.description,
                models: vec![model],
            }),
        }
    }
    Ok(envelope::success(200, CallerProviders { providers }, "ok", &exchange.request_id))
}

/// `GET /api/v1/chat/providers/{id}/models`
pub async fn models(exchange: &Exchange, provider: &str) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    let snapshot = snapshot::current(exchange).await?;
    let of_provider = |name: &str, id: i64| name.eq_ignore_ascii_case(provider) || id.to_string() == provider;
    let models: Vec<CallerModel<'_>> = snapshot
        .offers_for(&caller.principal)
        .filter(|offer| of_provider(&offer.upstream.record.name, offer.upstream.record.id))
        .map(|offer| CallerModel { name: &offer.model.model_name, description: &offer.model.description })
        .collect();
    if models.is_empty() {
        let message = "There is no provider of this name, or none of its models is for this key.";
        return Err(ApiError::not_found("provider_not_found", message));
    }
    Ok(envelope::success(200, CallerModels { provider, models }, "ok", &exchange.request_id))
}
