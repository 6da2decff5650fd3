//! Cached responses.
//!
//! The cache is off unless enabled. Precedence: request header (`x-nexus-cache`), API key, logical model. Responses
//! are never shared between keys, and one is stored for the upstream that gave it: what is sent where names its entry
//! (`nexus_edge_core::dialect::cache_name`), and which answers are stored is decided in
//! `nexus_edge_core::dialect::cached_answer`. A regenerated answer of a session replaces the cached one. If the cache is enabled,
//! the header `x-nexus-cache` of the answer says `hit`, `miss`, or `bypass` if responses to such a request cannot be
//! cached.

use std::pin::pin;

use futures::future::{Either, select};
use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::cache_rule::{CacheRule, cache_rule};
use nexus_edge_core::dialect::cache_name::{self, Destination, Naming};
use nexus_edge_core::dialect::cached_answer::{self, CachedAnswer, Ending};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ReplyContext;
use nexus_edge_core::dialect::dify::DifyApp;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::{Candidate, Route};
use nexus_edge_core::stats::UsageEvent;
use worker::Env;

use super::guard::Guards;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::{Headers, Response};
use crate::platform::promise::Timer;
use crate::platform::{log_error, new_ulid, now_ms};
use crate::store::answers;
use crate::store::origin::Origin;

pub use nexus_edge_core::catalog::cache_rule::HEADER;

/// The header that names what the upstream could not be told.
pub const DROPPED: &str = "x-nexus-dropped-params";
/// Milliseconds that a cached response is waited for; then the upstream is asked.
const FIND_LIMIT_MS: u64 = 3_000;

/// How a request uses the cache.
pub enum Use {
    /// The cache is not enabled.
    Off,
    /// It is enabled, but responses to such a request cannot be cached.
    Bypass,
    /// It is used.
    On(Recipe),
}

/// How the cache entries of a request are named.
pub struct Recipe {
    naming: Naming,
    rule: CacheRule,
    limits_length: bool,
    /// The guards in force, where some apply: a cached answer was judged by the same.
    guards: Option<String>,
}

/// The cache entry of a request at one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: String,
    rule: CacheRule,
    limits_length: bool,
    /// What the upstream could not be told.
    dropped: Option<String>,
}

/// How this request uses the cache. A round of a request whose tools the gateway runs does not: only all of them are the answer.
pub fn use_of(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    route: &Route,
    guards: Option<&Guards<'_>>,
) -> Result<Use, ApiError> {
    if exchange.round.is_some() {
        return Ok(Use::Off);
    }
    let of_model = route.logical.as_ref().and_then(|logical| logical.cache_ttl_s);
    let header = exchange.header(HEADER);
    let rule = cache_rule(header.as_deref(), principal.cache_ttl_s, of_model, exchange.wants_anew)?;
    let Some(rule) = rule else { return Ok(Use::Off) };
    let is_cacheable = cached_answer::is_cacheable(exchange.caller_dialect) && !inbound.as_array;
    // An answer with values that came back would be another request's, too.
    let is_own = guards.is_some_and(Guards::restores);
    if !is_cacheable || is_own || !principal.store.keeps_texts() {
        return Ok(Use::Bypass);
    }
    let request = cache_name::Request {
        key_id: &principal.key_id,
        caller_dialect: exchange.caller_dialect,
        model: &inbound.model,
        body: inbound.body,
        fallbacks_taken: inbound.fallbacks_taken,
        is_strict: exchange.is_strict(),
    };
    let naming = Naming::of(&request, exchange.headers().iter());
    let limits_length = inbound.max_completion_tokens().is_some();
    let guards = guards.map(Guards::version);
    Ok(naming.map_or(Use::Bypass, |naming| Use::On(Recipe { naming, rule, limits_length, guards })))
}

impl Use {
    /// The entry of an answer of this candidate with these headers; `None` if it cannot be cached.
    pub fn place(&self, exchange: &Exchange, candidate: &Candidate, headers: &Headers) -> Option<Place> {
        let Self::On(recipe) = self else { return None };
        let dropped = headers.get(DROPPED);
        Some(Place { dropped, ..recipe.place(exchange, candidate)? })
    }
}

impl Recipe {
    /// The entry at this candidate; `None` for a Dify app that has conversations: what it answers depends on what it was asked
    /// before.
    fn place(&self, exchange: &Exchange, candidate: &Candidate) -> Option<Place> {
        let record = &candidate.upstream.record;
        let app = candidate.upstream.provider().dify_app(record.quirk_set());
        if app.is_some_and(DifyApp::keeps_conversation) {
            return None;
        }
        let destination = Destination {
            provider_uid: &record.uid,
            configured_at: record.updated_at,
            model: &candidate.upstream_model,
            query: &exchange.query_to(candidate.upstream.provider()),
        };
        let mut name = self.naming.name(&destination);
        if let Some(guards) = &self.guards {
            name.push_str(guards);
        }
        Some(Place { name, rule: self.rule, limits_length: self.limits_length, dropped: None })
    }
}

/// The cached response to this request of the upstream that would be asked first, if there is one, and the bytes of its body.
pub async fn find(
    exchange: &Exchange,
    inbound: &Inbound<'_>,
    recipe: &Recipe,
    route: &Route,
) -> Option<(Response, CachedAnswer, u64)> {
    if recipe.rule.refresh {
        return None;
    }
    let place = recipe.place(exchange, route.candidates.first()?)?;
    let finding = pin!(answers::find(&exchange.env, &place.name));
    let found = match select(finding, Timer::after_ms(FIND_LIMIT_MS)).await {
        Either::Left((Ok(found), _)) => found?,
        Either::Left((Err(error), _)) => {
            log_error("cached answer", &error);
            return None;
        }
        Either::Right(_) => {
            log_error("cached answer", &"it took too long to find one");
            return None;
        }
    };
    let context = context_of(exchange.started_ms, &inbound.model);
    let (body, content_type) =
        found.replay(exchange.caller_dialect, inbound.stream.then_some(&context), inbound.wants_usage())?;
    let headers = Headers::new();
    set_header(&headers, "content-type", content_type);
    if inbound.stream {
        set_header(&headers, "cache-control", "no-cache, no-transform");
    }
    set_header(&headers, HEADER, "hit");
    set_header(&headers, "age", &(now_ms().saturating_sub(found.stored_at) / 1000).to_string());
    set_header(&headers, "x-nexus-provider", &found.provider);
    if let Some(dropped) = &found.dropped {
        set_header(&headers, DROPPED, dropped);
    }
    let bytes = body.len() as u64;
    Some((Response::bytes(200, headers, body), found, bytes))
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
    let ending = Ending {
        status: event.status,
        finish_reason: event.finish_reason.as_deref(),
        limits_length: place.limits_length,
    };
    let Some(body) = CachedAnswer::of(caller_dialect, transcript, &context, ending) else { return };
    let stored_at = now_ms();
    let answer = CachedAnswer {
        stored_at,
        expires_at: stored_at + place.rule.ttl_s * 1000,
        provider: event.provider_name.clone().unwrap_or_default(),
        body,
        dropped: place.dropped.clone(),
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
