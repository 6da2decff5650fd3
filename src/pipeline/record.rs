//! The record of a request while it runs. [`super::settle::Settlement`] owns it and hands it over when the request
//! ends.

use std::cell::Cell;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use nexus_edge_core::dialect::cached_answer::CachedAnswer;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::inbound;
use nexus_edge_core::dialect::pipe::StreamFacts;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::routing::Route;
use nexus_edge_core::stats::{AttemptRecord, PriceSource, UsageEvent};
use nexus_edge_core::tokens::{TokenUsage, UsageSource};
use nexus_edge_failover::Trail;
use nexus_edge_guards::guard::Acted;

use super::admission::Admission;
use super::cache::Place;
use super::guard;
use super::recognise::Recognised;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::Headers;
use crate::platform::now_ms;

/// Longest model name or finish reason in a record, in characters.
const MAX_RECORDED_NAME: usize = 200;

/// What is known of a request so far.
#[derive(Default)]
pub struct RequestRecord {
    /// The usage event. The trail is added at the end.
    pub event: UsageEvent,
    /// The attempts.
    pub trail: Trail,
    /// Request and answer.
    pub transcript: Transcript,
    /// The session to be bound to the upstream that answers.
    pub session: Option<String>,
    /// Where the answer is to be cached.
    pub cache: Option<Place>,
    /// What the request has taken from its limits.
    pub admission: Option<Admission>,
    /// Bytes of an upload that have arrived.
    pub uploaded: Rc<Cell<u64>>,
    /// Which guards acted.
    pub acted: Rc<Acted>,
    /// The result of recognising its conversation.
    pub recognised: Recognised,
    /// The rounds in which the request is answered, where the gateway runs its tools.
    pub rounds: Option<Rc<dyn Parts>>,
    prompt: Prompt,
}

/// Records that become a part of another one when that is complete.
pub trait Parts {
    /// Waits for the last of them, and writes what they add up to into `record`. False if there was none.
    fn write_to<'a>(&'a self, record: &'a mut RequestRecord) -> LocalBoxFuture<'a, bool>;
}

/// The prompt's tokens before the upstream reports them.
enum Prompt {
    /// An estimate.
    Estimated(u64),
    /// The body, from which an estimate is made if the upstream reports nothing.
    Body(CallerDialect, Rc<Vec<u8>>),
}

impl Default for Prompt {
    fn default() -> Self {
        Self::Estimated(0)
    }
}

/// Says in the answer's headers where its price comes from; `unknown` if there is none.
pub fn set_price_source(headers: &Headers, record: &RequestRecord) {
    if let Some(quote) = record.trail.quote() {
        set_header(headers, "x-nexus-price-source", quote.source.as_str());
    }
}

/// Says in the headers of a whole answer what it costs, in millionths of a dollar, where that is certain before they leave:
/// tokens that the gateway counts itself are counted afterwards.
pub fn set_cost(headers: &Headers, record: &RequestRecord) {
    let event = &record.event;
    let Some(quote) = record.trail.quote().filter(|_| event.usage_source == UsageSource::Reported) else {
        return;
    };
    let charge = quote.charge(&event.usage, event.usage_source, event.ts);
    // A side that was not reported is counted afterwards too, if the request is a chat; what the provider says that it costs stays.
    let is_final =
        charge.source == PriceSource::Provider || record.transcript.is_empty() || !event.usage.is_one_sided();
    if is_final && charge.source != PriceSource::Unknown {
        set_header(headers, "x-nexus-cost", &charge.micros.to_string());
    }
}

impl RequestRecord {
    /// The record of a request whose usage event starts with these values.
    pub fn begin(event: UsageEvent) -> Self {
        Self { event, ..Self::default() }
    }

    /// Records the time during which no upstream was waited for, and says it in the headers of the answer that is about to leave.
    pub fn note_overhead(&mut self, exchange: &Exchange) {
        let overhead_ms = self.trail.overhead_ms(self.event.ts, now_ms());
        self.event.overhead_ms = Some(overhead_ms);
        exchange.notes.borrow_mut().push(("x-nexus-overhead-ms", overhead_ms.to_string()));
    }

    /// Says in the headers of the answer that is about to leave which guards have acted so far.
    pub fn note_guards(&self, exchange: &Exchange) {
        if let Some(told) = self.acted.told() {
            exchange.notes.borrow_mut().push((guard::HEADER, told));
        }
    }

    /// Records model and streaming of the request.
    pub fn note_request(&mut self, model: &str, stream: bool) {
        self.event.model = model.chars().take(MAX_RECORDED_NAME).collect();
        self.event.stream = stream;
    }

    /// Records the logical model that the request names, if it names one.
    pub fn note_logical_model(&mut self, route: &Route) {
        self.event.logical_model = route.logical.as_ref().map(|logical| logical.name.clone());
    }

    /// Records the body of a chat: for the transcript, and for an estimate of the prompt.
    pub fn note_body(
        &mut self,
        caller_dialect: CallerDialect,
        body: &Rc<Vec<u8>>,
        model: &str,
        stream: bool,
    ) {
        self.transcript.keep_request(caller_dialect, Rc::clone(body), model, stream);
        self.prompt = Prompt::Body(caller_dialect, Rc::clone(body));
    }

    /// Records an estimate of the prompt's tokens, for an upstream that does not report them.
    pub fn note_prompt_estimate(&mut self, tokens: u64) {
        self.prompt = Prompt::Estimated(tokens);
    }

    /// Records the recognised conversation.
    pub fn note_recognised(&mut self, mut recognised: Recognised) {
        if let Some(id) = recognised.id.take() {
            self.event.conversation_id = id;
        }
        self.recognised = recognised;
    }

    /// Records that a cached response was the answer.
    pub fn note_cached(&mut self, caller_dialect: CallerDialect, answer: CachedAnswer) {
        self.event.status = 200;
        self.trail.note_attempt(AttemptRecord {
            provider: answer.provider.clone(),
            skipped: Some("cache_hit".to_owned()),
            ..AttemptRecord::default()
        });
        // The conversation continues from it as from any other answer.
        answer.keep_in(caller_dialect, &mut self.transcript);
    }

    /// Records the facts of an answer; without reported usage, the estimate of the text.
    pub fn note_facts(&mut self, facts: &StreamFacts) {
        let reported = facts.usage.unwrap_or_default();
        let (usage, source) = if reported.has_counts() {
            (reported, UsageSource::Reported)
        } else {
            let prompt = match &self.prompt {
                Prompt::Estimated(tokens) => *tokens,
                Prompt::Body(caller_dialect, body) => inbound::estimate_prompt_tokens(*caller_dialect, body),
            };
            let completion = facts.estimated_completion;
            let is_suspect = reported.is_suspect;
            (TokenUsage { prompt, completion, is_suspect, ..TokenUsage::default() }, UsageSource::Estimated)
        };
        (self.event.usage, self.event.usage_source) = (usage, source);
        let reason = facts.finish_reason.as_deref();
        self.event.finish_reason = reason.map(|reason| reason.chars().take(MAX_RECORDED_NAME).collect());
    }
}
