//! One chat completion, step by step: authenticate, admit, resolve, attempt, relay, settle.
//!
//! Each step takes values and returns values; no step reaches back. Whatever happens after a caller is known, exactly
//! one usage event is left behind, because the [`settle::Settlement`] leaves it when it goes away.

pub mod authenticate;

mod admit;
mod attempt;
mod relay;
mod settle;

use nexus_edge_core::dialect::openai::request::ChatRequest;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::request_id;
use worker::Response;

use crate::exchange::Exchange;
use crate::platform::new_ulid;
use crate::store::snapshot;
use settle::Settlement;

/// `POST /v1/chat/completions`
pub async fn chat_completion(exchange: &Exchange) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let mut settlement = Settlement::begin(exchange, &principal, conversation_id(exchange));
    let served = serve(exchange, &principal, &mut settlement).await;
    match served {
        // The relay settles when the answer is over.
        Ok(answer) => Ok(relay::relay(exchange, answer, settlement).await?),
        Err(error) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
    }
}

async fn serve(
    exchange: &Exchange,
    principal: &nexus_edge_core::access::Principal,
    settlement: &mut Settlement,
) -> Result<attempt::Answer, ApiError> {
    let body = exchange.body().await?;
    let request = ChatRequest::parse(&body.bytes)?;
    settlement.note_request(&request);
    let snapshot = snapshot::current(exchange).await?;
    let plan = snapshot.resolve(&request.model, principal)?;
    settlement.note_candidate(&plan.first);
    admit::admit(exchange, &plan.first).await?;
    attempt::attempt(exchange, &plan.first, &body, &request, settlement).await
}

/// The conversation that the caller names, or a new one.
fn conversation_id(exchange: &Exchange) -> String {
    let named = exchange.header("x-conversation-id").or_else(|| exchange.header("x-session-id"));
    match named.as_deref().and_then(request_id::accept) {
        Some(id) => id.to_owned(),
        None => new_ulid(exchange.started_ms),
    }
}
