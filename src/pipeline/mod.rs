//! One chat completion, step by step: authenticate, admit, resolve, attempt, relay, settle.
//!
//! Each step takes values and returns values; no step reaches back. Whatever happens after a caller is known, exactly
//! one usage event is left behind, because the [`settle::Settlement`] leaves it when it goes away.

pub mod authenticate;
pub mod count;
pub mod forward;
pub mod probe;

mod admit;
mod aftermath;
mod attempt;
mod cross;
mod relay;
mod service_account;
mod settle;

use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::request_id;
use worker::Response;

use crate::exchange::Exchange;
use crate::platform::new_ulid;
use crate::store::snapshot;
use settle::Settlement;

/// A chat completion in the dialect of the exchange. `from_path`: model and streaming, where the path says them.
pub async fn chat_completion(
    exchange: &Exchange,
    from_path: Option<FromPath<'_>>,
) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let mut settlement = Settlement::begin(exchange, &principal, conversation_id(exchange));
    let served = serve(exchange, &principal, from_path, &mut settlement).await;
    match served {
        // The relay settles when the answer is over.
        Ok((answer, memory)) => relay::relay(exchange, answer, memory, settlement).await,
        Err(error) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
    }
}

async fn serve(
    exchange: &Exchange,
    principal: &Principal,
    from_path: Option<FromPath<'_>>,
    settlement: &mut Settlement,
) -> Result<(attempt::Answer, cross::Memory), ApiError> {
    let body = exchange.body().await?;
    let inbound = Inbound::parse(exchange.face, &body.bytes, from_path)?;
    settlement.note_request(&inbound.model, inbound.stream);
    settlement.transcript.keep_request(exchange.face, Rc::clone(&body.bytes), &inbound.model, inbound.stream);
    let snapshot = snapshot::current(exchange).await?;
    let plan = snapshot.resolve(&inbound.model, principal)?;
    settlement.note_candidate(&plan.first);
    let conversation = settlement.conversation_id();
    let (crossing, memory) = cross::cross(exchange, principal, &inbound, &plan.first, conversation).await?;
    admit::admit(exchange, &plan.first).await?;
    let answer = attempt::attempt(exchange, &plan.first, &body, &inbound, crossing, settlement).await?;
    Ok((answer, memory))
}

/// The conversation that the caller names, or a new one.
fn conversation_id(exchange: &Exchange) -> String {
    let named = exchange.header("x-conversation-id").or_else(|| exchange.header("x-session-id"));
    match named.as_deref().and_then(request_id::accept) {
        Some(id) => id.to_owned(),
        None => new_ulid(exchange.started_ms),
    }
}
