//! Cached responses.
//!
//! The cache is off unless enabled. Precedence: request header (`x-nexus-cache`), API key, logical model. Responses
//! are never shared between keys. A regenerated answer of a session replaces the cached one. If the cache is enabled,
//! the header `x-nexus-cache` of the answer says `hit`, `miss`, or `bypass` if responses to such a request cannot be
//! cached.

use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::cache_rule::{CacheRule, cache_rule};
use nexus_edge_core::dialect::cached_answer::{self, CachedAnswer};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ReplyContext;
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
use crate::store::origin::Origin;

pub use nexus_edge_core::catalog::cache_rule::HEADER;

/// How a request uses the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// The cache is not enabled.
    Off,
    /// It is enabled, but responses to such a request cannot be cached.
    Bypass,
    /// It is used.
    On(Place),
}

/// The cache entry of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: String,
    rule: CacheRule,
}

/// How this request uses the cache.
pub fn use_of(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    route: &Route,
) -> Result<Use, ApiError> {
    let of_model = route.logical.as_ref().and_then(|logical| logical.cache_ttl_s);
    let header = exchange.header(HEADER);
    let rule = cache_rule(header.as_deref(), principal.cache_ttl_s, of_model, exchange.wants_anew)?;
    let Some(rule) = rule else { return Ok(Use::Off) };
    let is_cacheable = cached_answer::is_cacheable(exchange.caller_dialect) && !inbound.as_array;
    if !is_cacheable || !principal.store.keeps_texts() {
        return Ok(Use::Bypass);
    }
    let name =
        cached_answer::name_of(&principal.key_id, exchange.caller_dialect, &inbound.model, inbound.body);
    Ok(name.map_or(Use::Bypass, |name| Use::On(Place { name, rule })))
}

/// The cached response to this request, if there is one.
pub async fn find(
    exchange: &Exchange,
    inbound: &Inbound<'_>,
    place: &Place,
) -> Option<(Response, CachedAnswer)> {
    if place.rule.refresh {
        return None;
    }
    let found = answers::find(&exchange.env, &place.name).await.unwrap_or_else(|error| {
        log_error("cached answer", &error);
        None
    })?;
    let context = context_of(exchange.started_ms, &inbound.model);
    let (body, content_type) = found.replay(exchange.caller_dialect, inbound.stream.then_some(&context))?;
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

/// Caches the response of a completed request.
pub async fn keep(
    env: &Env,
    event: &UsageEvent,
    principal: &Principal,
    transcript: &mut Transcript,
    caller_dialect: CallerDialect,
    place: &Place,
) {
    let context = context_of(event.ts, &event.model);
    let Some(body) = CachedAnswer::of(caller_dialect, transcript, &context) else { return };
    let stored_at = now_ms();
    let answer = CachedAnswer {
        stored_at,
        expires_at: stored_at + place.rule.ttl_s * 1000,
        provider: event.provider_name.clone().unwrap_or_default(),
        body,
    };
    let origin = Origin {
        key_id: principal.key_id.clone(),
        conversation_id: event.conversation_id.clone(),
        began_at: event.ts,
    };
    let kept = answers::put(env, &place.name, &origin, &event.model, &answer).await;
    if let Err(error) = kept {
        log_error("an answer is not kept", &error);
    }
}

fn context_of(now_ms: u64, model: &str) -> ReplyContext {
    ReplyContext { unique: new_ulid(now_ms).to_lowercase(), created: now_ms / 1000, model: model.to_owned() }
}
