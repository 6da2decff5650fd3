//! Step 6: what the request leaves behind.

use std::rc::Rc;

use futures::channel::oneshot;
use nexus_edge_core::access::Principal;
use nexus_edge_core::billing::Price;
use nexus_edge_core::dialect::cached_answer::CachedAnswer;
use nexus_edge_core::dialect::face::Face;
use nexus_edge_core::dialect::inbound;
use nexus_edge_core::dialect::pipe::StreamFacts;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::{Candidate, retry};
use nexus_edge_core::stats::{AttemptRecord, Outcome, UsageEvent};
use nexus_edge_core::tokens::{TokenUsage, UsageSource};

use super::admit::Admission;
use super::aftermath::{self, Aftermath};
use super::cache::Place;
use super::recognise::Recognised;
use super::upstream_health::Hold;
use crate::exchange::Exchange;
use crate::platform::executor::wait_until;
use crate::platform::now_ms;

/// Longest model name that is recorded.
const MAX_RECORDED_NAME: usize = 200;

/// The usage event of a request in the making. It leaves when it is finished or dropped, and once only; the work of
/// recording it is registered with the platform at the start, so that it outlives the answer.
pub struct Settlement {
    event: Option<UsageEvent>,
    leave: Option<oneshot::Sender<Aftermath>>,
    prompt: Prompt,
    principal: Principal,
    /// The session to be bound to whoever answers.
    session: Option<String>,
    /// The dialect of the caller.
    face: Face,
    /// Where the answer is to be kept.
    cache: Option<Place>,
    /// The key that was used, by its id.
    upstream_key: Option<String>,
    /// Our claim on the upstream that answers.
    hold: Option<Hold>,
    price: Option<Price>,
    /// What the request has taken from its limits.
    pub admission: Option<Admission>,
    asked_by: Option<String>,
    recognised: Recognised,
    /// What was asked and answered.
    pub transcript: Transcript,
}

/// What is known of the tokens of the prompt before the upstream says.
enum Prompt {
    /// About so many.
    Estimated(u64),
    /// The body, to be looked at if the upstream says nothing.
    Body(Rc<Vec<u8>>),
}

impl Settlement {
    /// Begins the event of a request by `principal`.
    pub fn begin(exchange: &Exchange, principal: &Principal, conversation_id: String) -> Self {
        let (leave, left) = oneshot::channel();
        let env = exchange.env.clone();
        wait_until(&exchange.context, async move {
            if let Ok(left) = left.await {
                aftermath::run(&env, left).await;
            }
        });
        let event = UsageEvent {
            id: exchange.event_id.clone(),
            ts: exchange.started_ms,
            request_id: exchange.request_id.clone(),
            key_id: principal.key_id.clone(),
            provider_id: None,
            provider_name: None,
            model: String::new(),
            upstream_model: None,
            stream: false,
            status: 499,
            outcome: Outcome::Cancelled,
            error_code: None,
            finish_reason: None,
            usage: TokenUsage::default(),
            usage_source: UsageSource::None,
            first_byte_ms: None,
            duration_ms: 0,
            conversation_id,
            attempts: Vec::new(),
            cost_micros: 0,
            tags: principal.tags.clone(),
        };
        Self {
            event: Some(event),
            leave: Some(leave),
            prompt: Prompt::Estimated(0),
            principal: principal.clone(),
            session: None,
            face: exchange.face,
            cache: None,
            upstream_key: None,
            hold: None,
            price: None,
            admission: None,
            asked_by: exchange.asked_by.clone(),
            recognised: Recognised::default(),
            transcript: Transcript::default(),
        }
    }

    /// Keeps the claim on the upstream that answers until its answer is over.
    pub fn keep_hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// The conversation that the request belongs to.
    pub fn conversation_id(&self) -> &str {
        self.event.as_ref().map(|event| event.conversation_id.as_str()).unwrap_or_default()
    }

    /// Notes what conversation the request was recognised to belong to.
    pub fn note_recognised(&mut self, mut recognised: Recognised) {
        if let Some(id) = recognised.id.take() {
            self.change(|event| event.conversation_id = id);
        }
        self.recognised = recognised;
    }

    /// Notes what was asked for.
    pub fn note_request(&mut self, model: &str, stream: bool) {
        self.change(|event| {
            event.model = model.chars().take(MAX_RECORDED_NAME).collect();
            event.stream = stream;
        });
    }

    /// Has the session bound to whoever answers.
    pub fn bind_session(&mut self, session: Option<String>) {
        self.session = session;
    }

    /// Has the answer kept.
    pub fn keep_answer(&mut self, place: Place) {
        self.cache = Some(place);
    }

    /// Ends a request whose answer was kept from before.
    pub fn finish_from_cache(mut self, answer: CachedAnswer) {
        self.note_status(200);
        self.note_attempt(AttemptRecord {
            provider: answer.provider.clone(),
            skipped: Some("cache_hit".to_owned()),
            ..AttemptRecord::default()
        });
        // The conversation goes on from it as from any other.
        answer.keep_in(self.face, &mut self.transcript);
        self.finish(Outcome::Completed);
    }

    /// Notes who is asked.
    pub fn note_candidate(&mut self, candidate: &Candidate) {
        self.upstream_key = candidate.key().map(|key| key.id.clone());
        self.price = candidate.price;
        self.change(|event| {
            event.provider_id = Some(candidate.upstream.record.id);
            event.provider_name = Some(candidate.upstream.record.name.clone());
            event.upstream_model = Some(candidate.upstream_model.clone());
        });
    }

    /// Notes an attempt, or a candidate that was passed over.
    pub fn note_attempt(&mut self, record: AttemptRecord) {
        self.change(|event| event.attempts.push(record));
    }

    /// How many upstreams were asked.
    pub fn attempts(&self) -> usize {
        let attempts = self.event.as_ref().map_or(&[][..], |event| &event.attempts);
        attempts.iter().filter(|record| record.skipped.is_none()).count()
    }

    /// Notes about how many tokens the prompt is, for an upstream that will not say.
    pub fn note_prompt_estimate(&mut self, tokens: u64) {
        self.prompt = Prompt::Estimated(tokens);
    }

    /// Keeps the body to estimate the prompt by, if the upstream turns out not to say its tokens.
    pub fn note_body(&mut self, body: Rc<Vec<u8>>) {
        self.prompt = Prompt::Body(body);
    }

    /// Notes how long the upstream's headers took, in milliseconds.
    pub fn note_first_byte(&mut self, milliseconds: u64) {
        self.change(|event| event.first_byte_ms = Some(milliseconds));
    }

    /// Notes the status of the answer.
    pub fn note_status(&mut self, status: u16) {
        self.change(|event| event.status = status);
    }

    /// Notes what an answer says of itself; where it does not say its usage, the estimate of what was sent.
    pub fn note_facts(&mut self, facts: &StreamFacts) {
        let (usage, source) = if let Some(usage) = facts.usage {
            (usage, UsageSource::Reported)
        } else {
            let prompt = match &self.prompt {
                Prompt::Estimated(tokens) => *tokens,
                Prompt::Body(body) => inbound::estimate_prompt_tokens(self.face, body),
            };
            let completion = facts.estimated_completion;
            (TokenUsage { prompt, completion, ..TokenUsage::default() }, UsageSource::Estimated)
        };
        self.change(|event| {
            (event.usage, event.usage_source) = (usage, source);
            let reason = facts.finish_reason.as_deref();
            event.finish_reason = reason.map(|reason| reason.chars().take(MAX_RECORDED_NAME).collect());
        });
    }

    /// Notes an error of the gateway or of the stream.
    pub fn note_error_code(&mut self, code: Option<&str>) {
        self.change(|event| event.error_code = code.map(str::to_owned));
    }

    /// Ends a request that the gateway answers with an error of its own.
    pub fn refuse(mut self, error: &ApiError, exchange: &Exchange) {
        self.note_status(error.status);
        self.note_error_code(Some(error.code));
        let outcome = match error.status {
            _ if exchange.is_caller_gone() => Outcome::Cancelled,
            502..=504 => Outcome::Failed,
            _ => Outcome::Rejected,
        };
        self.finish(outcome);
    }

    /// Ends the request.
    pub fn finish(mut self, outcome: Outcome) {
        self.change(|event| event.outcome = outcome);
        let code = self.event.as_ref().and_then(|event| event.error_code.as_deref());
        if let Some(hold) = self.hold.take().filter(|_| outcome != Outcome::Cancelled) {
            hold.end(retry::outcomes_of_stream(code));
        }
        self.go();
    }

    fn change(&mut self, change: impl FnOnce(&mut UsageEvent)) {
        if let Some(event) = &mut self.event {
            change(event);
        }
    }

    fn go(&mut self) {
        if let (Some(mut event), Some(leave)) = (self.event.take(), self.leave.take()) {
            event.duration_ms = now_ms().saturating_sub(event.ts);
            // The trail of a request that went straight to one upstream says nothing that the event does not.
            if matches!(event.attempts.as_slice(), [only] if only.skipped.is_none()) {
                event.attempts.clear();
            }
            // Nobody listens only when the platform has given up on the request altogether.
            let transcript = std::mem::take(&mut self.transcript);
            let _ = leave.send(Aftermath {
                event,
                principal: self.principal.clone(),
                transcript,
                session: self.session.take(),
                face: self.face,
                cache: self.cache.take(),
                upstream_key: self.upstream_key.take(),
                admission: self.admission.take(),
                price: self.price,
                asked_by: self.asked_by.take(),
                recognised: std::mem::take(&mut self.recognised),
            });
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        self.go();
    }
}
