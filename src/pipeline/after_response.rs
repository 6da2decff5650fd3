//! Step 7: work after the response has been delivered.
//!
//! What is done, in which order and for which requests is decided in [`nexus_edge_failover::after_response`]; here are the
//! stores that it writes to.

use std::cell::{Cell, RefCell};

use nexus_edge_core::access::Principal;
use nexus_edge_core::conversation::Remembrance;
use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_failover::{Bound, Ended, Stores, after_response};
use worker::Env;

use super::admission::{Admission, Settled};
use super::cache::{self, Place};
use super::recognise::{self, Recognised};
use super::record::RequestRecord;
use super::upstream_health;
use crate::platform::now_ms;
use crate::settings;
use crate::store::credits;
use crate::store::live;
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
}

/// Runs all of it.
pub async fn run(env: &Env, asker: Asker, record: RequestRecord) {
    let Asker { principal, caller_dialect, asked_by } = asker;
    let RequestRecord { event, trail, transcript, session, cache, admission, recognised, .. } = record;
    let ended = Ended {
        event,
        trail,
        transcript,
        session,
        is_cacheable: cache.is_some(),
        store: principal.store,
        asked_by,
        is_named: recognised.is_named(),
    };
    let stores = WorkerStores {
        env,
        principal,
        caller_dialect,
        place: cache,
        admission: Cell::new(admission),
        settled: RefCell::default(),
        recognised: Cell::new(recognised),
    };
    after_response::run(&stores, ended).await;
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
}

impl Stores for WorkerStores<'_> {
    async fn cache(&self, event: &UsageEvent, transcript: &mut Transcript) {
        if let Some(place) = &self.place {
            cache::keep(self.env, event, &self.principal, transcript, self.caller_dialect, place).await;
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

    async fn record(&self, event: UsageEvent, mut kept: Option<Kept>) {
        if let (Some(kept), Ok(settings)) = (&mut kept, settings::get(self.env))
            && settings.redact_pii.has_archive()
        {
            kept.clean(|text| settings.pii.clean(text));
        }
        usage::record(self.env, event, kept).await;
    }

    async fn charge(&self, event: &UsageEvent) {
        let hold = self.settled.borrow_mut().take_credit();
        if let Some(hold) = hold {
            credits::charge(self.env, &hold, event).await;
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
        sticky::bind(self.env, session, &self.principal.key_id, binding).await;
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
