//! Work after the response has been delivered: what is kept of a request, and of which requests.
//!
//! No caller waits for it, and it cannot fail the request any more. Guarantees, however the request ended: the usage event is
//! complete before it is recorded; it is recorded, with what the archive keeps of the request, settled and charged exactly once,
//! and a slow cache delays neither; only the record waits for a conversation that is still being looked up; only a completed answer
//! is cached or binds a session; what is archived is what the caller was answered, never an error.

use std::borrow::Cow;

use nexus_edge_core::access::StorePolicy;
use nexus_edge_core::chat::prompt::is_summary;
use nexus_edge_core::chat::title::title_of;
use nexus_edge_core::conversation::kept::{Entry, Kept};
use nexus_edge_core::conversation::normalise::last_user_text;
use nexus_edge_core::conversation::{Remembrance, archive};
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::stats::{Outcome, PriceSource, UsageEvent};
use nexus_edge_core::tokens::{MAX_COST_MICROS, UsageSource};

use crate::trail::Trail;

/// A request that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its usage event, with the trail in it. Usage that the upstream did not report is an estimate.
    pub event: UsageEvent,
    /// Usage and cost are complete already, because they are sums of [rounds](crate::rounds).
    pub is_priced: bool,
    /// The attempts.
    pub trail: Trail,
    /// Request and answer.
    pub transcript: Transcript,
    /// The session to be bound to the upstream that answered.
    pub session: Option<String>,
    /// The answer may be cached.
    pub is_cacheable: bool,
    /// How much of the texts the key wants archived.
    pub store: StorePolicy,
    /// In a session, which has its own history: the turn with the question of this answer.
    pub asked_by: Option<String>,
}

/// The conversation of a request that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recognised {
    /// Its id, if the event does not have it yet.
    pub conversation_id: Option<String>,
    /// The request named its conversation, so that none has to be recognised by its history.
    pub is_named: bool,
}

/// The upstream that a session is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Id of the provider.
    pub provider_id: i64,
    /// The model at the provider.
    pub model_id: String,
    /// Id of the provider's key.
    pub key_id: Option<String>,
}

/// Where the results of this work go. Nothing here fails: an implementation logs what it cannot write.
#[expect(async_fn_in_trait, reason = "futures of the Worker hold JavaScript handles and cannot be `Send`")]
pub trait Stores {
    /// Caches the answer of this transcript.
    async fn cache(&self, event: &UsageEvent, transcript: &mut Transcript);

    /// Counts the usage that the upstream did not report.
    fn count(&self, event: &mut UsageEvent, transcript: &mut Transcript);

    /// Corrects what the request has taken from its limits to its real usage, and ends its slots.
    fn settle(&self, event: &UsageEvent);

    /// Waits until the conversation has been looked up, if the answer did not. The record and what is kept wait for it, nothing else.
    async fn recognise(&self) -> Recognised;

    /// Hands the event over to be recorded, with what is kept of the request.
    async fn record(&self, event: UsageEvent, kept: Option<Kept>);

    /// Charges the account with the cost of the event, in place of what was reserved.
    async fn charge(&self, event: &UsageEvent);

    /// Shares what this isolate knows of the health of upstreams.
    async fn share_health(&self);

    /// Shows the request to those who watch. Called when health has been shared.
    async fn show(&self, event: &UsageEvent);

    /// Binds a session to an upstream.
    async fn bind(&self, event: &UsageEvent, session: &str, bound: Bound);

    /// Notes the state of the conversation after this reply. The record waits for it.
    async fn remember(&self, request: &ChatRequest, reply: &[Part], conversation_id: &str) -> Remembrance;

    /// Sends the settled amounts to those who keep the limits.
    async fn tell(&self);
}

/// Runs all of it, once for each request.
pub async fn run(stores: &impl Stores, ended: Ended) {
    let Ended { mut event, is_priced, trail, mut transcript, session, is_cacheable, store, asked_by } = ended;
    if !is_priced {
        stores.count(&mut event, &mut transcript);
        price(&mut event, &trail);
    }
    stores.settle(&event);
    let recording = async {
        let Recognised { conversation_id, is_named } = stores.recognise().await;
        let event = match conversation_id {
            Some(conversation_id) => Cow::Owned(UsageEvent { conversation_id, ..event.clone() }),
            None => Cow::Borrowed(&event),
        };
        let is_wanted = event.status < 400 && !is_summary(&event.conversation_id) && transcript.is_readable();
        // A caller who names their conversations and archives nothing needs no stored state.
        let is_needed = store != StorePolicy::None || asked_by.is_some() || !is_named;
        let kept = if is_wanted && is_needed {
            keep(stores, &event, store, &mut transcript, asked_by).await
        } else {
            None
        };
        let caching = async {
            // What is slow and not needed by the record must not delay it: until it is written it can be lost.
            if is_cacheable && event.outcome == Outcome::Completed && store.keeps_texts() {
                stores.cache(&event, &mut transcript).await;
            }
        };
        futures::join!(stores.record(UsageEvent::clone(&event), kept), caching);
    };
    let bound = bound(&event, trail.key_id());
    let binding = async {
        if let (Some(session), Some(bound)) = (session.as_deref(), bound) {
            stores.bind(&event, session, bound).await;
        }
    };
    let sharing = async {
        // Others tell here whether the request is watched.
        stores.share_health().await;
        stores.show(&event).await;
    };
    futures::join!(recording, stores.charge(&event), sharing, binding);
    stores.tell().await;
}

/// Works out what the usage of an event costs at the candidate that was asked last.
pub fn price(event: &mut UsageEvent, trail: &Trail) {
    if let Some(quote) = trail.quote() {
        let charge = quote.charge(&event.usage, event.usage_source, event.ts);
        event.cost_micros = charge.micros;
        // At the bound it is not the price that was worked out.
        event.usage.is_suspect |= charge.micros >= MAX_COST_MICROS;
        event.price_source = charge.source;
        event.price_table = quote.table_of(&charge);
    } else if event.usage_source != UsageSource::None {
        event.price_source = PriceSource::Unknown;
    }
}

/// The upstream that gave a completed answer.
fn bound(event: &UsageEvent, key_id: Option<&str>) -> Option<Bound> {
    if event.outcome != Outcome::Completed {
        return None;
    }
    let model_id = event.upstream_model.clone()?;
    Some(Bound { provider_id: event.provider_id?, model_id, key_id: key_id.map(str::to_owned) })
}

/// What is kept of the conversation's state and of the messages.
async fn keep(
    stores: &impl Stores,
    event: &UsageEvent,
    policy: StorePolicy,
    transcript: &mut Transcript,
    asked_by: Option<String>,
) -> Option<Kept> {
    let (request, answered) = (transcript.request()?, transcript.answer()?);
    let reply = answered.response.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default();
    if reply.is_empty() {
        return None;
    }
    let remembrance = if asked_by.is_some() {
        Remembrance { fresh: archive::Fresh::SinceLastAnswer, parent: None, turn: String::new() }
    } else {
        stores.remember(&request, reply, &event.conversation_id).await
    };
    let Remembrance { fresh, parent, turn } = remembrance;
    let (mut messages, mut title) = (Vec::new(), None);
    if policy != StorePolicy::None {
        messages = archive::asked(&request, fresh, event.usage.prompt);
        // A cached response uses no tokens, but its text counts for the archive.
        let is_used = event.usage_source != UsageSource::None;
        messages.push(archive::answered(reply, is_used.then_some(event.usage.completion), event.duration_ms));
        title = last_user_text(&request.messages).as_deref().and_then(title_of);
    }
    Kept::of(Entry { policy, messages, asked_by, title, parent, turn })
}
