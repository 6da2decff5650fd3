//! The session API: `/api/v1`. Who calls and how often is decided here; the session's object does the rest.

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::http::request_id;
use serde::Serialize;
use serde_json::{Map, Value, json};
use worker::js_sys::Uint8Array;
use worker::{Env, Method, Request, RequestInit, web_sys};

use crate::envelope;
use crate::exchange::Exchange;
use crate::objects::chat_room::{self, CALL_HEADER, Call};
use crate::pipeline::admit;
use crate::pipeline::authenticate::authenticate;
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid};
use crate::store::{sessions, snapshot};

const DEFAULT_PAGE: u64 = 20;
const MAX_PAGE: u64 = 100;
/// Longest id that a client may give a session.
const MAX_ID_LENGTH: usize = 100;

/// Endpoints of the session API.
#[derive(Clone, Copy)]
pub enum SessionEndpoint {
    Create,
    List,
    Get,
    Update,
    Delete,
    Messages,
    Export,
    Chat,
    ChatStream,
    Regenerate,
    Stop,
    Providers,
    ModelsOfProvider,
    Health,
}

/// Answers a request to the session API; errors are put into the envelope by the route table.
pub async fn answer(
    exchange: &Exchange,
    endpoint: SessionEndpoint,
    parameter: &str,
) -> Result<Response, ApiError> {
    if matches!(endpoint, SessionEndpoint::Health) {
        let data = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
        return Ok(envelope::success(200, data, "ok", &exchange.request_id));
    }
    let caller = Caller::of(exchange).await?;
    match endpoint {
        SessionEndpoint::Create => create(exchange, &caller).await,
        SessionEndpoint::List => list(exchange, &caller).await,
        SessionEndpoint::Get => caller.ask(exchange, parameter, Method::Get, "/session", None).await,
        SessionEndpoint::Update => {
            let body = object(exchange).await?;
            caller.ask(exchange, parameter, Method::Put, "/session", Some(&body)).await
        }
        SessionEndpoint::Delete => {
            let path = with_query(exchange, "/session");
            caller.ask(exchange, parameter, Method::Delete, &path, None).await
        }
        SessionEndpoint::Messages => {
            let path = with_query(exchange, "/messages");
            caller.ask(exchange, parameter, Method::Get, &path, None).await
        }
        SessionEndpoint::Export => {
            let path = with_query(exchange, "/export");
            caller.ask(exchange, parameter, Method::Get, &path, None).await
        }
        SessionEndpoint::Chat => turn(exchange, &caller, "/chat", false).await,
        SessionEndpoint::ChatStream => turn(exchange, &caller, "/chat", true).await,
        SessionEndpoint::Regenerate => turn(exchange, &caller, "/regenerate", false).await,
        SessionEndpoint::Stop => {
            let body = object(exchange).await?;
            let id = session_id(&body)?;
            caller.ask(exchange, &id, Method::Post, "/stop", Some(&body)).await
        }
        SessionEndpoint::Providers => providers(exchange, &caller).await,
        SessionEndpoint::ModelsOfProvider => models(exchange, &caller, parameter).await,
        SessionEndpoint::Health => Err(ApiError::internal()),
    }
}

/// Who calls.
pub struct Caller {
    /// On whose behalf.
    pub principal: Principal,
    /// What the key is recognised by.
    pub key_hash: String,
}

impl Caller {
    /// The caller of a request with a key.
    pub async fn of(exchange: &Exchange) -> Result<Self, ApiError> {
        let principal = authenticate(exchange).await?;
        let key_hash = exchange.credential().as_deref().map(sha256_hex).unwrap_or_default();
        Ok(Self { principal, key_hash })
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

/// A session's id as it may be; nothing else names a session.
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
        // Values that these parameters may have need no encoding; others are told to be wrong as well without theirs.
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
            nexus_edge_core::error::ErrorType::InvalidRequestError,
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
        Some(Value::Null) | None => {
            let message = "The required field `session_id` is missing.";
            Err(ApiError::invalid("missing_required_parameter", "session_id", message))
        }
        Some(_) => Err(ApiError::invalid("invalid_type", "session_id", "`session_id` must be a string.")),
    }
}

async fn create(exchange: &Exchange, caller: &Caller) -> Result<Response, ApiError> {
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

async fn list(exchange: &Exchange, caller: &Caller) -> Result<Response, ApiError> {
    let number = |name: &str, default: u64, most: u64| match exchange.query(name) {
        None => Ok(default),
        Some(text) => text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
            ApiError::invalid(
                "invalid_value",
                name,
                format!("`{name}` must be a whole number from 1 to {most}."),
            )
        }),
    };
    let boolean = |name: &str| match exchange.query(name).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(ApiError::invalid("invalid_value", name, format!("`{name}` must be true or false."))),
    };
    let page = number("page", 1, 1_000_000)?;
    let page_size = match exchange.query("page_size") {
        Some(_) => number("page_size", DEFAULT_PAGE, MAX_PAGE)?,
        None => number("limit", DEFAULT_PAGE, MAX_PAGE)?,
    };
    let query = sessions::Query {
        search: exchange.query("search").or_else(|| exchange.query("q")).filter(|text| !text.is_empty()),
        pinned: boolean("pinned")?,
        archived: boolean("archived")?.unwrap_or(false),
        model: exchange.query("model"),
        offset: (page - 1) * page_size,
        limit: page_size,
    };
    let (found, total) = sessions::list(&exchange.env, &caller.principal.key_id, &query).await?;
    let data = json!({
        "sessions": found.iter().map(chat_room::view).collect::<Vec<_>>(),
        "total": total,
        "page": page,
        "page_size": page_size,
        "has_more": query.offset + (found.len() as u64) < total,
    });
    Ok(envelope::success(200, data, "ok", &exchange.request_id))
}

/// A turn: `stream` is what the path says, and the body may say otherwise where the path leaves it open.
async fn turn(
    exchange: &Exchange,
    caller: &Caller,
    path: &str,
    is_streamed: bool,
) -> Result<Response, ApiError> {
    let mut body = object(exchange).await?;
    let id = session_id(&body)?;
    let is_streamed = match body.get("stream") {
        Some(Value::Bool(stream)) => *stream || is_streamed,
        None | Some(Value::Null) => is_streamed,
        Some(_) => return Err(ApiError::invalid("invalid_type", "stream", "`stream` must be a boolean.")),
    };
    body.insert("stream".into(), is_streamed.into());
    let settings = &exchange.settings;
    let (kind, limit) = if is_streamed {
        ("stream", settings.chat_stream_per_minute)
    } else {
        ("chat", settings.chat_per_minute)
    };
    admit::chat_turn(&exchange.env, &exchange.context, kind, &caller.principal.key_id, limit).await?;
    caller.ask(exchange, &id, Method::Post, path, Some(&body)).await
}

#[derive(Serialize)]
struct ProviderView<'a> {
    id: i64,
    name: &'a str,
    description: &'a str,
    models: Vec<&'a str>,
}

async fn providers(exchange: &Exchange, caller: &Caller) -> Result<Response, ApiError> {
    let snapshot = snapshot::current(exchange).await?;
    let mut views: Vec<ProviderView<'_>> = Vec::new();
    for offer in snapshot.offers_for(&caller.principal) {
        let record = &offer.upstream.record;
        let model = offer.model.model_name.as_str();
        match views.iter_mut().find(|view| view.id == record.id) {
            Some(view) => view.models.push(model),
            None => views.push(ProviderView {
                id: record.id,
                name: &record.name,
                description: &record.description,
                models: vec![model],
            }),
        }
    }
    Ok(envelope::success(200, json!({ "providers": views }), "ok", &exchange.request_id))
}

async fn models(exchange: &Exchange, caller: &Caller, provider: &str) -> Result<Response, ApiError> {
    let snapshot = snapshot::current(exchange).await?;
    let of_provider = |name: &str, id: i64| name.eq_ignore_ascii_case(provider) || id.to_string() == provider;
    let models: Vec<Value> = snapshot
        .offers_for(&caller.principal)
        .filter(|offer| of_provider(&offer.upstream.record.name, offer.upstream.record.id))
        .map(|offer| json!({ "name": offer.model.model_name, "description": offer.model.description }))
        .collect();
    if models.is_empty() {
        let message = "There is no provider of this name, or none of its models is for this key.";
        return Err(ApiError::not_found("provider_not_found", message));
    }
    let data = json!({ "provider": provider, "models": models });
    Ok(envelope::success(200, data, "ok", &exchange.request_id))
}
