//! `POST /bridge/ticket` and `GET /bridge/tunnel`: the way of an agent to its hub.
//!
//! A ticket is a sealed text with the agent and the time at which it expires. Issuing one stores nothing; the hub, of which there is
//! only one, records the tickets that were used, so each is accepted once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_edge_api::bridge::TunnelTicket;
use nexus_edge_core::access::credential::bearer_token;
use nexus_edge_core::catalog::bridge::{AgentToken, invalid_token};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::limits::Rules;
use serde::{Deserialize, Serialize};

use super::seal;
use crate::exchange::{self, Exchange};
use crate::objects::agent_hub::{HubClient, Opening, SUBPROTOCOL};
use crate::pipeline::admit;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store;

/// Milliseconds for which a ticket is valid.
const TICKET_LIFE_MS: u64 = 60_000;
/// Context that tickets are sealed with, so that no other sealed value passes for one.
const TICKET_CONTEXT: &str = "bridge/ticket";
const TICKET_PREFIX: &str = "nexus-ticket.";
/// Wrong tokens per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 60;

#[derive(Serialize, Deserialize)]
struct Ticket {
    owner: String,
    opening: Opening,
}

/// `POST /bridge/ticket`
pub async fn ticket(exchange: &Exchange) -> Result<Response, ApiError> {
    admit::check_address(exchange, "agent_token")?;
    let given = exchange.header("authorization");
    let token = given.as_deref().and_then(bearer_token).and_then(AgentToken::read);
    let now = now_ms();
    let found = match &token {
        Some(token) => store::bridge::of_token(&exchange.env, token.public_id(), now).await?,
        None => None,
    };
    let checked = match (found, &token) {
        (Some(found), Some(token)) => {
            found.record.check(token, found.is_active == 1, now).map(|()| found.record)
        }
        _ => Err(invalid_token()),
    };
    let record = match checked {
        Ok(record) => record,
        Err(error) => {
            let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
            admit::attempt_from_address(exchange, "agent_token", &rules).await?;
            return Err(error);
        }
    };
    let opening = Opening {
        agent_id: record.agent_id.clone(),
        ticket: new_ulid(now),
        expires_ms: now + TICKET_LIFE_MS,
        issued_ms: record.issued_at,
    };
    let plain =
        serde_json::to_string(&Ticket { owner: record.owner, opening }).map_err(|_| ApiError::internal())?;
    let view = TunnelTicket {
        ticket: URL_SAFE_NO_PAD.encode(seal(exchange, &plain, TICKET_CONTEXT)?),
        agent_id: record.agent_id,
        expires_in: TICKET_LIFE_MS / 1000,
    };
    exchange::json(201, &view)
}

/// `GET /bridge/tunnel`
pub async fn tunnel(exchange: &Exchange) -> Result<Response, ApiError> {
    let is_upgrade = exchange.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if !is_upgrade {
        let message = "This path answers WebSocket connections only: send `upgrade: websocket`.";
        return Err(ApiError::new(426, ErrorKind::InvalidRequest, "upgrade_required", message));
    }
    let offered = exchange.header("sec-websocket-protocol").unwrap_or_default();
    let mut offers = offered.split(',').map(str::trim);
    if !offers.clone().any(|offer| offer == SUBPROTOCOL) {
        let message = format!("Offer `{SUBPROTOCOL}` among the subprotocols.");
        return Err(ApiError::invalid("unsupported_subprotocol", "sec-websocket-protocol", message));
    }
    let ticket = offers.find_map(|offer| offer.strip_prefix(TICKET_PREFIX)).unwrap_or_default();
    let ticket = open_ticket(exchange, ticket)?;
    HubClient::new(&exchange.env, &ticket.owner, &ticket.opening.agent_id).open(&ticket.opening).await
}

fn open_ticket(exchange: &Exchange, text: &str) -> Result<Ticket, ApiError> {
    let invalid = || ApiError::unauthorized("invalid_ticket", "The ticket is not valid.");
    let sealed = URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(invalid)?;
    let plain = exchange.settings.keyring.open(&sealed, TICKET_CONTEXT).map_err(|_| invalid())?;
    let ticket: Ticket = serde_json::from_str(plain.expose()).map_err(|_| invalid())?;
    if ticket.opening.expires_ms <= now_ms() {
        return Err(ApiError::unauthorized("ticket_expired", "The ticket has expired: get another one."));
    }
    Ok(ticket)
}
