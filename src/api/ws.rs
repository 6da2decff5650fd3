//! `GET /ws/chat` and `POST /ws/ticket`: the way to a session's connection.
//!
//! A ticket is a sealed text with the key, the session and the time at which it expires. Issuing one stores nothing; the
//! session's object, of which there is only one, records the tickets that were used, so each is accepted once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_edge_core::access::api_key::is_api_key;
use nexus_edge_core::chat::handshake::{self, Version};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::hash::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worker::{Method, RequestInit};

use super::sessions::{Caller, checked_id, new_session_id, send};
use crate::exchange::{self, Exchange};
use crate::objects::chat_room::{SOCKET_HEADER, SocketCall};
use crate::pipeline::authenticate;
use crate::platform::http::Response;
use crate::platform::{log_error, new_ulid, now_ms, random_bytes};

/// Milliseconds for which a ticket is valid.
const TICKET_LIFE_MS: u64 = 60_000;
/// Context that tickets are sealed with, so that no other sealed value passes for one.
const TICKET_CONTEXT: &str = "ws/ticket";

#[derive(Serialize, Deserialize)]
struct Ticket {
    id: String,
    key_hash: String,
    /// The key, if a page asked that acts as it and does not have it.
    #[serde(default)]
    key_id: Option<String>,
    session_id: String,
    /// Whether the session is to be created.
    create: bool,
    expires_at: u64,
}

/// `POST /ws/ticket {"session_id"?}`
pub async fn ticket(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = Caller::of(exchange).await?;
    caller.check_may_keep()?;
    let body = exchange.body().await?;
    let fields: Value = if body.bytes.iter().all(u8::is_ascii_whitespace) {
        json!({})
    } else {
        serde_json::from_slice(&body.bytes)
            .map_err(|error| ApiError::invalid_json(format!("The body must be a JSON object: {error}.")))?
    };
    let (session_id, create) = match fields.get("session_id") {
        None | Some(Value::Null) => (new_session_id(exchange), true),
        Some(Value::String(id)) => (checked_id(id)?.to_owned(), false),
        Some(_) => {
            return Err(ApiError::invalid("invalid_type", "session_id", "`session_id` must be a string."));
        }
    };
    let now = now_ms();
    let ticket = Ticket {
        id: new_ulid(now),
        key_id: exchange.credential().is_none().then_some(caller.principal.key_id),
        key_hash: caller.key_hash,
        session_id,
        create,
        expires_at: now + TICKET_LIFE_MS,
    };
    let failed = |error: &dyn std::fmt::Display| {
        log_error("ticket", error);
        ApiError::internal()
    };
    let plain = serde_json::to_string(&ticket).map_err(|error| failed(&error))?;
    let nonce = random_bytes().map_err(|error| failed(&error))?;
    let sealed =
        exchange.settings.keyring.seal(&plain, TICKET_CONTEXT, nonce).map_err(|error| failed(&error))?;
    let body = json!({
        "ticket": URL_SAFE_NO_PAD.encode(sealed),
        "session_id": ticket.session_id,
        "expires_in": TICKET_LIFE_MS / 1000,
    });
    exchange::json(201, &body)
}

fn open_ticket(exchange: &Exchange, text: &str) -> Result<Ticket, ApiError> {
    let invalid = || ApiError::unauthorized("invalid_ticket", "The ticket is not valid.");
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let sealed = String::from_utf8(sealed).map_err(|_| invalid())?;
    let plain = exchange.settings.keyring.open(&sealed, TICKET_CONTEXT).map_err(|_| invalid())?;
    let ticket: Ticket = serde_json::from_str(plain.expose()).map_err(|_| invalid())?;
    if ticket.expires_at <= now_ms() {
        return Err(ApiError::unauthorized("ticket_expired", "The ticket has expired: get another one."));
    }
    Ok(ticket)
}

/// `GET /ws/chat?session_id=&v=&last_seq=&ticket=`
pub async fn chat(exchange: &Exchange) -> Result<Response, ApiError> {
    let is_upgrade = exchange.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if !is_upgrade {
        let message = "This path answers WebSocket connections only: send `upgrade: websocket`.";
        return Err(ApiError::new(426, ErrorKind::InvalidRequest, "upgrade_required", message));
    }
    // A browser sends the origin of its page and connects wherever the page says; CORS does not hold for WebSocket.
    if let Some(origin) = exchange.header("origin").filter(|origin| !exchange.settings.allows_origin(origin))
    {
        let message = format!("Pages of {origin} may not connect: see CORS_ALLOWED_ORIGINS.");
        return Err(ApiError::forbidden("origin_not_allowed", message));
    }
    if exchange.query("key").is_some() || exchange.query("api_key").is_some() {
        let message =
            "A key must not stand in an address: send it in a header or a subprotocol, or get a ticket.";
        return Err(ApiError::invalid("key_in_address", "key", message));
    }
    let handshake = handshake::read(
        exchange.header("sec-websocket-protocol").as_deref(),
        exchange.query("v").as_deref(),
    )?;
    let last_seq = match exchange.query("last_seq") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            ApiError::invalid("invalid_value", "last_seq", "`last_seq` must be a whole number from 0.")
        })?),
    };
    let asked = exchange.query("session_id");
    let ticket = handshake.ticket.clone().or_else(|| exchange.query("ticket"));
    let (caller, ticket) = match (&ticket, &handshake.key) {
        (Some(ticket), _) => {
            let ticket = open_ticket(exchange, ticket)?;
            let principal = match &ticket.key_id {
                Some(id) => authenticate::of_id(exchange, id, |_| true).await?,
                None => authenticate::of_hash(exchange, &ticket.key_hash, true).await?,
            };
            (Caller { principal, key_hash: ticket.key_hash.clone() }, Some(ticket))
        }
        (None, Some(key)) => {
            let key_hash = sha256_hex(key);
            let principal = authenticate::of_hash(exchange, &key_hash, is_api_key(key)).await?;
            (Caller { principal, key_hash }, None)
        }
        (None, None) => (Caller::of(exchange).await?, None),
    };
    caller.check_may_keep()?;
    let (session_id, create) = match (&ticket, &asked) {
        (Some(ticket), Some(asked)) if ticket.session_id != *asked => {
            let message = "The ticket is for another session.";
            return Err(ApiError::invalid("invalid_value", "session_id", message));
        }
        (Some(ticket), _) => (ticket.session_id.clone(), ticket.create),
        (None, Some(asked)) => (checked_id(asked)?.to_owned(), false),
        (None, None) => (new_session_id(exchange), true),
    };
    let socket = SocketCall {
        is_v2: handshake.version == Version::V2,
        subprotocol: handshake.subprotocol.map(str::to_owned),
        last_seq,
        create,
        ticket: ticket.map(|ticket| ticket.id),
    };
    let socket = serde_json::to_string(&socket).map_err(|_| ApiError::internal())?;
    let mut init = RequestInit::new();
    init.with_method(Method::Get);
    for (name, value) in [("upgrade", "websocket"), (SOCKET_HEADER, socket.as_str())] {
        init.headers.set(name, value).map_err(|error| {
            log_error("chat room", &error);
            ApiError::internal()
        })?;
    }
    let call = caller.call(exchange, &session_id);
    let response = send(&exchange.env, &call, init, "/socket").await?;
    if response.status() == 101 {
        return Ok(response);
    }
    refused(response).await
}

/// Turns an error of the object, which is in the envelope of the session API, into one of this path.
async fn refused(response: Response) -> Result<Response, ApiError> {
    let status = response.status();
    let body: Value = match response.into_body().read().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Value::Null,
    };
    let message = body.get("message").and_then(Value::as_str).unwrap_or("The connection was refused.");
    let code = body.get("error_code").and_then(Value::as_str).unwrap_or("session_unavailable");
    let code = match code {
        "INVALID_SESSION" => "session_not_found".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        _ => "invalid_request_error",
    };
    let body =
        json!({ "error": { "message": message, "type": kind, "param": body.get("param"), "code": code } });
    exchange::json(status, &body)
}
