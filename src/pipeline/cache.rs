//! Answers that need no upstream, because the same was asked before.
//!
//! Nobody gets one who did not ask for it: the request by `x-nexus-cache`, else its key, else its logical model. A key's answers are its
//! own. Where a session's answer is wanted anew, it replaces the kept one. The header says on every such answer whether it was found (`hit`), asked for anew (`miss`) or could not be kept
//! (`bypass`).

use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::logical_model::MAX_CACHE_TTL_S;
use nexus_edge_core::dialect::cached_answer::{self, CachedAnswer};
use nexus_edge_core::dialect::canonical::ReplyContext;
use nexus_edge_core::dialect::face::Face;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::Route;
use nexus_edge_core::stats::UsageEvent;
use worker::Env;

use crate::exchange::{Exchange, set_header};
use crate::platform::http::{Headers, Response};
use crate::platform::{log_error, new_ulid, now_ms};
use crate::store::answers;

/// Says on an answer how the cache was used.
pub const HEADER: &str = "x-nexus-cache";
/// Seconds for which an answer is kept where the request only says `on`.
const DEFAULT_TTL_S: u64 = 3_600;

/// How a request uses the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Not at all, and nobody asked.
    Off,
    /// It was asked for, but answers to such a request cannot be kept.
    Bypass,
    /// It is.
    On(Place),
}

/// Where the answer to a request is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: String,
    ttl_s: u64,
    /// What is kept is not good enough: it is replaced.
    refresh: bool,
}

/// How this request uses the cache.
pub fn use_of(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    route: &Route,
) -> Result<Use, ApiError> {
    let of_model = || route.logical.as_ref().and_then(|logical| logical.cache_ttl_s);
    // A key that wants no cache is not talked into one by a model, but a request may be of another mind.
    let configured = principal.cache_ttl_s.or_else(of_model).map(u64::from).filter(|ttl_s| *ttl_s > 0);
    let asked = exchange.header(HEADER);
    let (ttl_s, refresh) = match (asked.as_deref().map(str::trim), configured) {
        (None, None) | (Some("off"), _) => return Ok(Use::Off),
        (None, Some(ttl_s)) => (ttl_s, exchange.wants_anew),
        (Some("on"), configured) => (configured.unwrap_or(DEFAULT_TTL_S), false),
        (Some("refresh"), configured) => (configured.unwrap_or(DEFAULT_TTL_S), true),
        (Some(seconds), _) => {
            let seconds = seconds.parse().ok().filter(|seconds| (1..=MAX_CACHE_TTL_S).contains(seconds));
            let seconds = seconds.ok_or_else(|| {
                let message = format!(
                    "`{HEADER}` must be on, off, refresh, or a number of seconds up to {MAX_CACHE_TTL_S}."
                );
                ApiError::invalid("invalid_value", HEADER, message)
            })?;
            (seconds, false)
        }
    };
    if !cached_answer::is_cacheable(exchange.face) || inbound.as_array {
        return Ok(Use::Bypass);
    }
    let name = cached_answer::name_of(&principal.key_id, exchange.face, &inbound.model, inbound.body);
    Ok(name.map_or(Use::Bypass, |name| Use::On(Place { name, ttl_s, refresh })))
}

/// The kept answer to this request, if there is one.
pub async fn find(
    exchange: &Exchange,
    inbound: &Inbound<'_>,
    place: &Place,
) -> Option<(Response, CachedAnswer)> {
    if place.refresh {
        return None;
    }
    let found = answers::find(&exchange.env, &place.name).await.unwrap_or_else(|error| {
        log_error("cached answer", &error);
        None
    })?;
    let context = context_of(exchange.started_ms, &inbound.model);
    let (body, content_type) = found.replay(exchange.face, inbound.stream.then_some(&context))?;
    let headers = Headers::new();
    set_header(&headers, "content-type", content_type);
    if inbound.stream {
        set_header(&headers, "cache-control", "no-cache, no-transform");
    }
    set_header(&headers, HEADER, "hit");
    set_header(&headers, "age", &(now_ms().saturating_sub(found.stored_at) / 1000).to_string());
    set_header(&headers, "x-nexus-provider", &found.provider);
    Some((Response::bytes(200, headers, body), found))
}

/// Keeps the answer of a request that has been completed.
pub async fn keep(
    env: &Env,
    event: &UsageEvent,
    principal: &Principal,
    transcript: &mut Transcript,
    face: Face,
    place: &Place,
) {
    let context = context_of(event.ts, &event.model);
    let Some(body) = CachedAnswer::of(face, transcript, &context) else { return };
    let stored_at = now_ms();
    let answer = CachedAnswer {
        stored_at,
        expires_at: stored_at + place.ttl_s * 1000,
        provider: event.provider_name.clone().unwrap_or_default(),
        body,
    };
    let kept = answers::put(env, &place.name, &principal.key_id, &event.model, &answer).await;
    if let Err(error) = kept {
        log_error("an answer is not kept", &error);
    }
}

fn context_of(now_ms: u64, model: &str) -> ReplyContext {
    ReplyContext { unique: new_ulid(now_ms).to_lowercase(), created: now_ms / 1000, model: model.to_owned() }
}
