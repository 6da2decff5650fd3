//! One chat completion, step by step: authenticate, resolve, admit, attempt (and, as long as that fails, the next one),
//! relay, settle; and what is done after the response.
//! Each step takes values and returns values; no step reaches back. What a request leaves behind is written into one
//! [`record::RequestRecord`] here; failover only borrows its trail. Once the caller is known, exactly one usage event
//! is left behind however the request ends, because the guard around the record, [`settle::Settlement`], leaves it
//! when it is dropped. A request that names tools of the gateway is answered in rounds, each of which takes all of these steps
//! ([`tool_loop`]).

pub mod admit;
pub mod ask;
pub mod authenticate;
pub mod count;
pub mod directory;
pub mod forward;
pub mod identity_services;
pub mod mail;
pub mod native_responses;
pub mod page;
pub mod probe;
pub mod recognise;
pub mod upstream_health;

mod admission;
mod after_response;
mod attempt;
mod cache;
mod dify_app;
mod failed;
mod failover;
mod guard;
mod inside;
mod limiter;
pub mod mcp;
mod ownership;
pub mod person;
mod received;
mod record;
mod relay;
pub mod resolve;
mod rounds;
mod service_account;
mod settle;
pub mod signed_in;
pub mod signed_request;
mod stream_relay;
mod tool_loop;
mod translate;
mod transport;
mod upload;
mod upstream;
mod workers_ai;

use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::Body;
use crate::platform::http::{Headers, Response};
use crate::platform::rarely;
use crate::store::snapshot;
use admit::Shortening;
use attempt::{Accepted, Asked};
use cache::Use;
use failed::Reply;
use futures::future::LocalBoxFuture;
use guard::Guards;
use nexus_edge_api::system::MapSize;
use nexus_edge_core::access::{Principal, StorePolicy};
use nexus_edge_core::conversation::Lookup;
use nexus_edge_core::dialect::cached_answer::CachedAnswer;
use nexus_edge_core::dialect::inbound::{FromPath, Inbound, without_storing};
use nexus_edge_core::dialect::pipe::StreamFacts;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::bound::{Demand, takes_max_completion_tokens};
use nexus_edge_core::routing::{Candidate, Route};
use nexus_edge_core::stats::Outcome;
use recognise::{Conversation, Recogniser};
use record::{RequestRecord, set_price_source};
use std::rc::Rc;
use tool_loop::{Asked as RoundAsked, Opened, Question};
use upstream_health::Hold;

/// A chat completion in the dialect of the exchange. `from_path`: model and streaming, if the path contains them.
pub async fn chat_completion(
    exchange: &Exchange,
    from_path: Option<FromPath<'_>>,
) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let conversation = Conversation::of(exchange);
    let settlement = settle::begin(exchange, &principal, conversation.id().to_owned());
    answer(exchange, &principal, from_path, &conversation, settlement).await
}

/// Asks a question of a request whose tools the gateway runs: a chat completion of its own, whose record becomes a part of the request's.
fn ask(question: Question) -> LocalBoxFuture<'static, RoundAsked> {
    Box::pin(async move {
        let Question { exchange, rounds, .. } = &question;
        let answering = async {
            let principal = authenticate::authenticate(exchange).await?;
            let conversation = Conversation::of(exchange);
            let settlement = settle::begin_round(exchange, &principal, conversation.id().to_owned(), rounds);
            answer(exchange, &principal, question.in_path(), &conversation, settlement).await
        };
        let response = answering.await;
        RoundAsked { response, notes: exchange.notes.take() }
    })
}

async fn answer(
    exchange: &Exchange,
    principal: &Principal,
    from_path: Option<FromPath<'_>>,
    conversation: &Conversation,
    mut settlement: settle::Settlement,
) -> Result<Response, ApiError> {
    let served = serve(exchange, principal, from_path, conversation, settlement.record()).await;
    settlement.record().note_overhead(exchange);
    settlement.record().note_guards(exchange);
    match served {
        // The relay settles at the end of the answer.
        Ok(Served::Upstream { mut accepted, hold, is_cache_on }) => {
            set_headers(&accepted.headers, settlement.record());
            set_price_source(&accepted.headers, settlement.record());
            if is_cache_on {
                let place = accepted.place.take();
                set_header(&accepted.headers, cache::HEADER, if place.is_some() { "miss" } else { "bypass" });
                settlement.record().cache = place;
            }
            settlement.keep_hold(hold);
            Ok(relay::relay(exchange, *accepted, settlement).await)
        }
        Ok(Served::Rounds(opened)) => rarely(tool_loop::answer(exchange, *opened, settlement, ask)).await,
        Ok(Served::Cache { response, answer, bytes }) => {
            let record = settlement.record();
            record.event.answer_bytes = bytes;
            set_header(response.headers(), "x-conversation-id", &record.event.conversation_id);
            record.note_cached(exchange.caller_dialect, answer);
            set_header(response.headers(), "x-nexus-cost", "0");
            settlement.finish(Outcome::Completed);
            Ok(response)
        }
        Err(Reply::Gateway(error)) => {
            settlement.refuse(&error, exchange.is_caller_gone());
            Err(error)
        }
        Err(Reply::Upstream { status, headers, bytes }) => {
            set_headers(&headers, settlement.record());
            Ok(relay::relay_error(exchange, status, headers, bytes, settlement))
        }
    }
}

/// The headers about how an upstream's answer was obtained.
fn set_headers(headers: &Headers, record: &RequestRecord) {
    if !record.recognised.is_unnamed() {
        set_header(headers, "x-conversation-id", &record.event.conversation_id);
    }
    set_header(headers, "x-nexus-attempts", &record.trail.attempts().to_string());
    if let Some(tokens) = record.admission.as_ref().and_then(|admission| admission.answer_limit) {
        set_header(headers, "x-nexus-answer-limit", &tokens.to_string());
    }
}

/// The sizes of what this isolate remembers of upstreams and addresses.
pub fn sizes() -> [MapSize; 4] {
    let (targets, most) = upstream_health::with_registry(|registry| (registry.len(), registry.most()));
    [
        MapSize { name: "upstream_health", entries: targets, most: Some(most) },
        limiter::size(),
        service_account::size(),
        admit::size(),
    ]
}

/// What answers a request.
enum Served {
    /// An upstream.
    Upstream { accepted: Box<Accepted>, hold: Hold, is_cache_on: bool },
    /// The model and tools of the gateway, in rounds.
    Rounds(Box<Opened>),
    /// A cached response.
    Cache { response: Response, answer: CachedAnswer, bytes: u64 },
}

async fn serve(
    exchange: &Exchange,
    principal: &Principal,
    from_path: Option<FromPath<'_>>,
    conversation: &Conversation,
    record: &mut RequestRecord,
) -> Result<Served, Reply> {
    let mut body = exchange.body().await?;
    record.event.request_bytes = body.bytes.len() as u64;
    if !principal.store.keeps_texts()
        && let Some(told) = without_storing(exchange.caller_dialect, &body.bytes)
    {
        body = Body::from_bytes(told);
    }
    let mut inbound = Inbound::parse(exchange.caller_dialect, &body.bytes, from_path)?;
    record.note_request(&inbound.model, inbound.stream);
    if tool_loop::may_concern(exchange, principal, &inbound)
        && let Some(opened) = rarely(tool_loop::open(exchange, principal, &inbound)).await?
    {
        return Ok(Served::Rounds(Box::new(opened)));
    }
    let snapshot = snapshot::current(exchange).await.map_err(ApiError::from)?;
    let guards = Guards::of(exchange, &snapshot, principal, &inbound.model);
    match &guards {
        None => record.note_body(exchange.caller_dialect, &body.bytes, &inbound.model, inbound.stream),
        Some(guards) => record.acted = Rc::clone(guards.acted()),
    }
    let mut route = resolve::resolve(exchange, &snapshot, principal, &mut inbound).await?;
    record.note_logical_model(&route);
    let pays = admit::pays(exchange, principal, &snapshot);
    snapshot.check_named(principal, &inbound, pays)?;
    let demand = || Demand::of_chat(&inbound);
    let model = &inbound.model;
    record.admission =
        admit::admit(exchange, principal, &snapshot, model, &mut route, Shortening::Limit, demand).await?;
    let answer_limit = record.admission.as_ref().and_then(|admission| admission.answer_limit);
    let limited = answer_limit
        .and_then(|tokens| inbound.limited_to(tokens, takes_max_completion_tokens(&route.candidates)))
        .map(Body::from_bytes);
    if let Some(limited) = &limited {
        inbound = inbound.with_body(&limited.bytes, from_path)?;
    }
    let body = limited.as_ref().unwrap_or(&body);
    let guarded = match &guards {
        None => None,
        Some(guards) => rarely(judged(exchange, guards, body, &inbound, record)).await?,
    };
    if let Some(guarded) = &guarded {
        inbound = inbound.with_body(&guarded.bytes, from_path)?;
    }
    let body = guarded.as_ref().unwrap_or(body);
    record.session = route.binds_sessions().then(|| resolve::session_of(exchange)).flatten();
    let cache = cache::use_of(exchange, principal, &inbound, &route, guards.as_ref())?;
    let found = match &cache {
        Use::On(recipe) => rarely(cache::find(exchange, &inbound, recipe, &route)).await,
        Use::Off | Use::Bypass => None,
    };
    let lookup = lookup_of(exchange, principal, &route, conversation, found.is_some());
    let lookups = Recogniser { exchange, principal, lookup };
    if let Some(recognised) = lookups.at(Lookup::First, &mut record.transcript, Some(&inbound)).await {
        record.note_recognised(recognised);
    }
    if let Some((response, answer, bytes)) = found {
        return Ok(Served::Cache { response, answer, bytes });
    }
    let RequestRecord { event, trail, transcript, admission, .. } = &mut *record;
    let conversation_id = event.conversation_id.as_str();
    let admission = admission.as_ref();
    let named = inbound.references()?;
    let asked = Asked {
        exchange,
        principal,
        body,
        inbound: &inbound,
        pays,
        is_alone: route.candidates.len() == 1,
        named: &named,
        conversation_id,
        admission,
        cache: &cache,
        guards: guards.as_ref(),
    };
    let serving = nexus_edge_failover::serve(&asked, &route, trail);
    let (mut served, mut recognised) = lookups.meanwhile(serving, transcript, &inbound).await;
    admission::note_end(exchange, admission, &mut served);
    if let Ok((accepted, _)) = &mut served
        && let Some(last) = lookups.at(Lookup::Last, &mut accepted.transcript, None).await
    {
        recognised = Some(last);
    }
    if let Some(recognised) = recognised {
        record.note_recognised(recognised);
    }
    let is_cache_on = !matches!(cache, Use::Off);
    served.map(|(accepted, hold)| Served::Upstream { accepted: Box::new(accepted), hold, is_cache_on })
}

/// When the conversation is looked up. `is_found`: a cached response is the answer.
fn lookup_of(
    exchange: &Exchange,
    principal: &Principal,
    route: &Route,
    conversation: &Conversation,
    is_found: bool,
) -> Lookup {
    let is_dify = |candidate: &Candidate| {
        let quirks = candidate.upstream.record.quirk_set();
        candidate.upstream.provider().dify_app(quirks).is_some()
    };
    // What is known of a conversation that has a name says which messages the archive has already. The first round has looked that up.
    let is_later_round = exchange.round.as_ref().is_some_and(|round| round.conversation_id.is_some());
    let is_archived = principal.store != StorePolicy::None && exchange.asked_by.is_none() && !is_later_round;
    match conversation {
        Conversation::Named(_) if !is_archived => Lookup::Never,
        Conversation::New(_) if is_found || route.candidates.iter().any(is_dify) => Lookup::First,
        _ => Lookup::after_sending(exchange.caller_dialect),
    }
}

/// The body as guards let it pass, if they change it. It is recorded as it is passed on.
async fn judged(
    exchange: &Exchange,
    guards: &Guards<'_>,
    body: &Body,
    inbound: &Inbound<'_>,
    record: &mut RequestRecord,
) -> Result<Option<Body>, ApiError> {
    let guarded = guards.request(&body.bytes).await?.map(Body::from_bytes);
    let told = guarded.as_ref().unwrap_or(body);
    record.note_body(exchange.caller_dialect, &told.bytes, &inbound.model, inbound.stream);
    Ok(guarded)
}

/// A request that was interrupted by the eviction of the object that made it, as far as it got.
pub struct Interrupted<'a> {
    /// The name of the model in the request.
    pub model: &'a str,
    /// The provider that was answering, once it had begun to.
    pub provider: Option<&'a str>,
    /// Estimated tokens of the prompt.
    pub prompt_tokens: u64,
    /// Estimated tokens of the answer so far.
    pub completion_tokens: u64,
}

/// Records and charges an interrupted request under the id of its event: what was used is paid, at the price of the
/// provider that was answering; if none had begun to, at the highest price of those that could have been asked, which
/// is the one that was reserved.
pub async fn record_interrupted(exchange: &Exchange, cut: &Interrupted<'_>) -> Result<(), ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let snapshot = snapshot::current(exchange).await.map_err(ApiError::from)?;
    let conversation = recognise::named(exchange).unwrap_or_default();
    let mut settlement = settle::begin(exchange, &principal, conversation);
    let record = settlement.record();
    record.note_request(cut.model, true);
    record.event.status = 200;
    record.note_prompt_estimate(cut.prompt_tokens);
    record.note_facts(&StreamFacts { estimated_completion: cut.completion_tokens, ..StreamFacts::default() });
    record.event.error_code = Some("turn_interrupted".to_owned());
    let stages = snapshot.stages(cut.model, &[], &principal).unwrap_or_default();
    let candidates = || stages.iter().flat_map(|stage| &stage.choices).map(|choice| &choice.candidate);
    let cost = |candidate: &&Candidate| candidate.quote.estimate(&record.event.usage, exchange.started_ms);
    let answering =
        candidates().find(|candidate| Some(candidate.upstream.record.name.as_str()) == cut.provider);
    if let Some(candidate) = answering.or_else(|| candidates().max_by_key(cost)) {
        record.trail.note_candidate(candidate);
    }
    record.admission = admit::of_interrupted(exchange, &principal);
    settlement.finish(Outcome::Failed);
    Ok(())
}
