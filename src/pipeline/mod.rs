//! One chat completion, step by step: authenticate, admit, resolve, attempt (and, as long as that fails, the next one),
//! relay, settle; and the aftermath.
//!
//! Each step takes values and returns values; no step reaches back. Whatever happens after a caller is known, exactly
//! one usage event is left behind, because the [`settle::Settlement`] leaves it when it goes away.

pub mod authenticate;
pub mod count;
pub mod forward;
pub mod native_responses;
pub mod probe;

pub mod admit;
mod aftermath;
mod attempt;
mod cache;
mod cross;
mod dify_app;
mod failover;
mod gate;
mod relay;
mod resolve;
mod service_account;
mod settle;
mod stream_relay;
mod upstream;
pub mod upstream_health;

use std::cell::Cell;
use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::request_id;
use worker::Response;

use crate::exchange::{Exchange, set_header};
use crate::platform::new_ulid;
use crate::store::snapshot;
use attempt::{Accepted, Asked, Reply};
use cache::Use;
use settle::Settlement;
use upstream_health::Hold;

/// A chat completion in the dialect of the exchange. `from_path`: model and streaming, where the path says them.
pub async fn chat_completion(
    exchange: &Exchange,
    from_path: Option<FromPath<'_>>,
) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let mut settlement = Settlement::begin(exchange, &principal, conversation_id(exchange));
    match serve(exchange, &principal, from_path, &mut settlement).await {
        // The relay settles when the answer is over.
        Ok(Served::Upstream { accepted, hold, cache }) => {
            set_header(&accepted.headers, "x-nexus-attempts", &settlement.attempts().to_string());
            match cache {
                Use::Off => {}
                Use::Bypass => set_header(&accepted.headers, cache::HEADER, "bypass"),
                Use::On(place) => {
                    set_header(&accepted.headers, cache::HEADER, "miss");
                    settlement.keep_answer(place);
                }
            }
            settlement.keep_hold(hold);
            Ok(relay::relay(exchange, *accepted, settlement).await)
        }
        Ok(Served::Cache { response, provider }) => {
            set_header(response.headers(), "x-conversation-id", settlement.conversation_id());
            settlement.finish_from_cache(&provider);
            Ok(response)
        }
        Err(Reply::Gateway(error)) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
        Err(Reply::Upstream { status, headers, bytes }) => {
            set_header(&headers, "x-nexus-attempts", &settlement.attempts().to_string());
            Ok(relay::relay_error(status, headers, bytes, settlement))
        }
    }
}

/// Who answers a request.
enum Served {
    /// An upstream.
    Upstream { accepted: Box<Accepted>, hold: Hold, cache: Use },
    /// Nobody: the answer was kept from before.
    Cache { response: Response, provider: String },
}

async fn serve(
    exchange: &Exchange,
    principal: &Principal,
    from_path: Option<FromPath<'_>>,
    settlement: &mut Settlement,
) -> Result<Served, Reply> {
    let body = exchange.body().await?;
    let mut inbound = Inbound::parse(exchange.face, &body.bytes, from_path)?;
    settlement.note_request(&inbound.model, inbound.stream);
    settlement.transcript.keep_request(exchange.face, Rc::clone(&body.bytes), &inbound.model, inbound.stream);
    let snapshot = snapshot::current(exchange).await.map_err(ApiError::from)?;
    let route = resolve::resolve(exchange, &snapshot, principal, &mut inbound).await?;
    let prices = route.candidates.iter().filter_map(|candidate| candidate.price);
    settlement.admission = admit::key_limits(exchange, principal, &snapshot, &inbound, prices).await?;
    settlement.bind_session(route.binds_sessions().then(|| resolve::session_of(exchange)).flatten());
    let cache = cache::use_of(exchange, principal, &inbound, &route)?;
    if let Use::On(place) = &cache
        && let Some((response, found)) = cache::find(exchange, &inbound, place).await
    {
        return Ok(Served::Cache { response, provider: found.provider });
    }
    let conversation_id = settlement.conversation_id().to_owned();
    let asked = Asked {
        exchange,
        principal,
        body: &body,
        inbound: &inbound,
        conversation_id: &conversation_id,
        prompt_estimate: Cell::new(None),
    };
    let served = failover::serve(&asked, &route, settlement).await;
    if let Some(tokens) = asked.prompt_estimate.get() {
        settlement.note_prompt_estimate(tokens);
    }
    served.map(|(accepted, hold)| Served::Upstream { accepted: Box::new(accepted), hold, cache })
}

/// The conversation that the caller names, or a new one.
fn conversation_id(exchange: &Exchange) -> String {
    let named = exchange.header("x-conversation-id").or_else(|| exchange.header("x-session-id"));
    match named.as_deref().and_then(request_id::accept) {
        Some(id) => id.to_owned(),
        None => new_ulid(exchange.started_ms),
    }
}
