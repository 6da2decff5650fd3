//! Step 7: work after the response has been delivered.
//!
//! What is done, in which order and for which requests is decided in [`nexus_edge_failover::after_response`]; here are the
//! stores that it writes to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::conversation::Remembrance;
use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::secrets::pii;
use nexus_edge_core::stats::{AttemptRecord, UsageEvent};
use nexus_edge_failover::{Bound, Ended, Stores, after_response};
use nexus_edge_telemetry::names::GenAi;
use nexus_edge_telemetry::otlp::spans::{self, Said};
use nexus_edge_telemetry::trace::Trace;
use nexus_edge_telemetry::traceparent::hex;
use worker::Env;

use super::admission::{Admission, Settled};
use super::cache::{self, Place};
use super::recognise::{self, Recognised};
use super::record::RequestRecord;
use super::upstream_health;
use crate::platform::hidden::without_secrets;
use crate::platform::{now_ms, random_bytes, rarely};
use crate::settings;
use crate::store::credits;
use crate::store::live;
use crate::store::otlp;
use crate::store::sticky::{self, Binding};
use crate::store::usage;

/// The caller, as far as it is needed here.
pub struct Asker {
    /// The key.
    pub principal: Principal,
    /// The dialect of the caller.
    pub caller_dialect: CallerDialect,
    /// In a session, which has its own history: the turn with the question of this answer.
    pub asked_by: Option<String>,
    /// The trace of the request, if it is recorded.
    pub trace: Option<Rc<Trace>>,
}

/// Runs all of it.
pub async fn run(env: &Env, asker: Asker, mut record: RequestRecord) {
    let Asker { principal, caller_dialect, asked_by, trace } = asker;
    let is_priced = match record.rounds.take() {
        Some(rounds) => rarely(rounds.write_to(&mut record)).await,
        None => false,
    };
    let RequestRecord {
        mut event,
        trail,
        transcript,
        acted,
        uploaded,
        session,
        cache,
        admission,
        recognised,
        ..
    } = record;
    if !is_priced {
        event.guards = acted.told();
    }
    event.request_bytes += uploaded.get();
    event.trace = trace.as_ref().map(|trace| hex(trace.id()));
    let only_attempt = trace.as_ref().and_then(|_| trail.only_attempt(event.ts));
    let ended = Ended {
        event,
        is_priced,
        trail,
        transcript,
        session,
        is_cacheable: cache.is_some(),
        store: principal.store,
        asked_by,
    };
    let stores = WorkerStores {
        env,
        principal,
        caller_dialect,
        place: cache,
        admission: Cell::new(admission),
        settled: RefCell::default(),
        recognised: Cell::new(recognised),
        is_traced: trace.is_some(),
        told: RefCell::default(),
    };
    after_response::run(&stores, ended).await;
    if let Some(trace) = trace {
        rarely(export(env, &trace, stores.told.take(), only_attempt)).await;
    }
}

/// What a trace says of a request besides its attempts.
#[derive(Default)]
struct Told {
    event: Option<UsageEvent>,
    messages: Vec<Said>,
}

/// Hands the spans of a request over to be sent to the collector.
async fn export(env: &Env, trace: &Trace, told: Told, only_attempt: Option<AttemptRecord>) {
    let Ok(settings) = settings::get(env) else { return };
    let (Some(otlp), Some(event)) = (&settings.otlp, told.event) else { return };
    let attempts =
        if event.attempts.is_empty() { only_attempt.into_iter().collect() } else { event.attempts.clone() };
    let ended = spans::Ended { trace, event: &event, attempts: &attempts, messages: &told.messages };
    let names = GenAi::named(&settings.metrics.genai_names);
    let spans = spans::of_request(&ended, names, || random_bytes().unwrap_or_default());
    otlp::export_spans(otlp, spans).await;
}

/// The stores of the deployment, for one request.
struct WorkerStores<'a> {
    env: &'a Env,
    principal: Principal,
    caller_dialect: CallerDialect,
    place: Option<Place>,
    admission: Cell<Option<Admission>>,
    settled: RefCell<Settled>,
    recognised: Cell<Recognised>,
    is_traced: bool,
    told: RefCell<Told>,
}

impl Stores for WorkerStores<'_> {
    async fn cache(&self, event: &UsageEvent, transcript: &mut Transcript) {
        if let Some(place) = &self.place {
            rarely(cache::keep(self.env, event, &self.principal, transcript, self.caller_dialect, place))
                .await;
        }
    }

    fn count(&self, event: &mut UsageEvent, transcript: &mut Transcript) {
        nexus_edge_counting::usage::complete(event, transcript);
    }

    fn settle(&self, event: &UsageEvent) {
        if let Some(admission) = self.admission.take() {
            self.settled.replace(admission.settle(event));
        }
    }

    async fn recognise(&self) -> nexus_edge_failover::Recognised {
        let mut recognised = self.recognised.take().complete().await;
        let conversation_id = recognised.id.take();
        let is_named = recognised.is_named();
        self.recognised.set(recognised);
        nexus_edge_failover::Recognised { conversation_id, is_named }
    }

    async fn record(&self, mut event: UsageEvent, mut kept: Option<Kept>) {
        event.dropped_spans = otlp::take_dropped();
        if let (Some(kept), Ok(settings)) = (&mut kept, settings::get(self.env))
            && self.principal.redact_pii.replaces(settings.redact_pii.has(pii::Place::Archive))
        {
            kept.clean(|text| settings.pii.clean(text));
        }
        if self.is_traced {
            // Texts are there only if the key archives them, and as it does.
            let mut messages =
                kept.as_ref().and_then(|kept| kept.archived.as_ref()).map(Said::all).unwrap_or_default();
            for message in &mut messages {
                message.content = without_secrets(std::mem::take(&mut message.content));
            }
            self.told.replace(Told { event: Some(event.clone()), messages });
        }
        usage::record(self.env, event, kept).await;
    }

    async fn charge(&self, event: &UsageEvent) {
        let hold = self.settled.borrow_mut().take_credit();
        if let Some(hold) = hold {
            rarely(credits::charge(self.env, &hold, event)).await;
        }
    }

    async fn share_health(&self) {
        upstream_health::share(self.env).await;
    }

    async fn show(&self, event: &UsageEvent) {
        live::show(self.env, event).await;
    }

    async fn bind(&self, event: &UsageEvent, session: &str, bound: Bound) {
        let now = now_ms();
        let binding = Binding {
            logical_model: event.model.clone(),
            provider_id: bound.provider_id,
            model_id: bound.model_id,
            key_id: bound.key_id,
            created_at: now,
            last_used_at: now,
        };
        rarely(sticky::bind(self.env, session, &self.principal.key_id, binding)).await;
    }

    async fn remember(&self, request: &ChatRequest, reply: &[Part], conversation_id: &str) -> Remembrance {
        let recognised = self.recognised.take();
        recognise::remember(self.env, &self.principal, request, reply, conversation_id, recognised).await
    }

    async fn tell(&self) {
        let settled = self.settled.take();
        settled.tell(self.env).await;
    }
}
