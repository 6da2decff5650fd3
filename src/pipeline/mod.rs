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
pub mod recognise;

pub mod admit;
mod aftermath;
mod attempt;
mod cache;
mod cross;
mod dify_app;
mod failover;
mod gate;
mod received;
mod relay;
mod resolve;
mod service_account;
mod settle;
mod stream_relay;
mod upload;
mod upstream;
pub mod upstream_health;
mod workers_ai;

use std::rc::Rc;

use crate::exchange::{Exchange, set_header};
use crate::platform::http::Response;
use crate::platform::new_ulid;
use crate::store::snapshot;
use attempt::{Accepted, Asked, Reply};
use cache::Use;
use futures::future::join;
use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::ProviderKind;
use nexus_edge_core::dialect::cached_answer::CachedAnswer;
use nexus_edge_core::dialect::face::Face;
use nexus_edge_core::dialect::inbound::{FromPath, Inbound};
use nexus_edge_core::dialect::pipe::StreamFacts;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::stats::Outcome;
use recognise::Recognised;
use settle::Settlement;
use upstream_health::Hold;

/// A chat completion in the dialect of the exchange. `from_path`: model and streaming, where the path says them.
pub async fn chat_completion(
    exchange: &Exchange,
    from_path: Option<FromPath<'_>>,
) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let named = recognise::named(exchange);
    let is_named = named.is_some();
    let conversation = named.unwrap_or_else(|| new_ulid(exchange.started_ms));
    let mut settlement = Settlement::begin(exchange, &principal, conversation);
    match serve(exchange, &principal, from_path, is_named, &mut settlement).await {
        // The relay settles when the answer is over.
        Ok(Served::Upstream { accepted, hold, cache }) => {
            set_header(&accepted.headers, "x-conversation-id", settlement.conversation_id());
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
        Ok(Served::Cache { response, answer }) => {
            set_header(response.headers(), "x-conversation-id", settlement.conversation_id());
            settlement.finish_from_cache(answer);
            Ok(response)
        }
        Err(Reply::Gateway(error)) => {
            settlement.refuse(&error, exchange);
            Err(error)
        }
        Err(Reply::Upstream { status, headers, bytes }) => {
            set_header(&headers, "x-conversation-id", settlement.conversation_id());
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
    Cache { response: Response, answer: CachedAnswer },
}

async fn serve(
    exchange: &Exchange,
    principal: &Principal,
    from_path: Option<FromPath<'_>>,
    is_named: bool,
    settlement: &mut Settlement,
) -> Result<Served, Reply> {
    let body = exchange.body().await?;
    let mut inbound = Inbound::parse(exchange.face, &body.bytes, from_path)?;
    settlement.note_request(&inbound.model, inbound.stream);
    settlement.note_body(Rc::clone(&body.bytes));
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
        if !is_named {
            let recognised =
                recognise::recognise(exchange, principal, &mut settlement.transcript, Some(&inbound)).await;
            settlement.note_recognised(recognised);
        }
        return Ok(Served::Cache { response, answer: found });
    }
    let mut is_known = is_named;
    let is_dify = |candidate: &Candidate| candidate.upstream.record.kind == ProviderKind::Dify;
    if !is_known && route.candidates.iter().any(is_dify) {
        // Its own conversation goes by the name of ours, so ours must be known before it is asked.
        let recognised =
            recognise::recognise(exchange, principal, &mut settlement.transcript, Some(&inbound)).await;
        settlement.note_recognised(recognised);
        is_known = true;
    }
    let conversation_id = settlement.conversation_id().to_owned();
    let asked =
        Asked { exchange, principal, body: &body, inbound: &inbound, conversation_id: &conversation_id };
    let mut transcript = std::mem::take(&mut settlement.transcript);
    // What such a request continues is known only once it has been put together.
    let is_pieced_together = exchange.face == Face::OpenaiResponses;
    let recognising = async {
        if is_known || is_pieced_together {
            return Recognised::default();
        }
        recognise::recognise(exchange, principal, &mut transcript, Some(&inbound)).await
    };
    // The request leaves at the first poll; whose it is is found out while the upstream works.
    let (mut served, mut recognised) = join(failover::serve(&asked, &route, settlement), recognising).await;
    if let Ok((accepted, _)) = &mut served
        && is_pieced_together
        && !is_known
    {
        recognised = recognise::recognise(exchange, principal, &mut accepted.transcript, None).await;
    }
    settlement.transcript = transcript;
    if !is_known {
        settlement.note_recognised(recognised);
    }
    served.map(|(accepted, hold)| Served::Upstream { accepted: Box::new(accepted), hold, cache })
}

/// Records a request that was cut off with the object that made it, under the id that its event always had.
pub async fn record_interrupted(
    exchange: &Exchange,
    model: &str,
    prompt_tokens: u64,
    completion_tokens: u64,
) -> Result<(), ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let conversation = recognise::named(exchange).unwrap_or_default();
    let mut settlement = Settlement::begin(exchange, &principal, conversation);
    settlement.note_request(model, true);
    settlement.note_status(200);
    settlement.note_prompt_estimate(prompt_tokens);
    settlement.note_facts(&StreamFacts { estimated_completion: completion_tokens, ..StreamFacts::default() });
    settlement.note_error_code(Some("turn_interrupted"));
    settlement.finish(Outcome::Failed);
    Ok(())
}
