//! The permits that one request holds of its limits, from its admission to its end.
//!
//! What is held of which subject, and what of it is given back or settled, is decided in
//! [`Holdings`](nexus_edge_core::limits::Holdings); here it is taken from the leases of this isolate and returned to them.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::limits::amounts::Unit;
use nexus_edge_core::limits::headers::ratelimit_headers;
use nexus_edge_core::limits::refusal::too_much;
use nexus_edge_core::limits::{Amounts, Holdings, Rules, SLOT_RENEW_MS, Spent, Subject};
use nexus_edge_core::routing::{Candidate, LimitedModel};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_failover::Refused;
use worker::Env;

use super::failed::Reply;
use super::limiter;
use crate::exchange::Exchange;
use crate::host::Host;
use crate::platform::promise::Timer;
use crate::store::credits::Hold;
use crate::store::limits::{self, Held};

/// What a request has taken from its limits. Dropped without being settled, the request has used no tokens.
pub struct Admission {
    inner: Rc<Inner>,
    /// The limit on tokens of the answer with which the request must be sent, because it sets none and no more is reserved.
    pub answer_limit: Option<u64>,
}

struct Inner {
    host: Host,
    /// What a request needs of each subject, by estimate.
    need: Amounts,
    /// What it would need with the shortest answers.
    least: Amounts,
    holdings: RefCell<Holdings<Spent>>,
    credit: Cell<Option<Hold>>,
    /// Stops renewing the slots when dropped.
    renewing: RefCell<Option<oneshot::Sender<()>>>,
    /// Of the limits on models that refused the request, the one that admits it soonest.
    refused: RefCell<Option<LimitReached>>,
}

/// A limit on a model that refused an attempt.
struct LimitReached {
    error: ApiError,
    /// The headers that tell its state.
    headers: Vec<(&'static str, String)>,
}

impl Admission {
    /// Nothing yet, for a request that needs so much of each subject, and `least` with the shortest answers.
    pub fn begin(exchange: &Exchange, need: Amounts, least: Amounts) -> Self {
        let inner = Rc::new(Inner {
            host: (**exchange).clone(),
            need,
            least,
            holdings: RefCell::default(),
            credit: Cell::new(None),
            renewing: RefCell::default(),
            refused: RefCell::default(),
        });
        Self { inner, answer_limit: None }
    }

    /// Holds what was taken of a subject for the whole request.
    pub fn hold(&self, subject: Subject, spent: Spent) {
        let has_slot = spent.slot.is_some();
        self.inner.holdings.borrow_mut().hold(subject, spent);
        if has_slot {
            self.inner.renew_slots();
        }
    }

    /// Holds reserved credits.
    pub fn hold_credit(&self, hold: Hold) {
        self.inner.credit.set(Some(hold));
    }

    /// Returns everything, because the request is not admitted.
    pub fn give_back(&self) {
        let all = self.inner.holdings.borrow_mut().take_all();
        self.inner.return_all(all);
    }

    /// Takes what an attempt at a candidate needs of the limits on its model. Without such a limit this costs nothing.
    pub async fn attempt(&self, candidate: &Candidate) -> Result<Option<Taken>, ApiError> {
        if candidate.limits().is_empty() {
            return Ok(None);
        }
        let mut taken = Taken { admission: Rc::clone(&self.inner), limits: Vec::new() };
        for limited in candidate.limits() {
            match self.inner.take_for_attempt(limited, candidate).await {
                Ok(()) => taken.limits.push(Arc::clone(limited)),
                Err(error) => {
                    taken.give_back();
                    return Err(error);
                }
            }
        }
        Ok(Some(taken))
    }

    /// The headers of the limit on a model that is the reason for this error, if one is.
    fn headers_of_refusal(&self, error: &ApiError) -> Option<Vec<(&'static str, String)>> {
        let reached = self.inner.refused.take()?;
        (reached.error.message == error.message).then_some(reached.headers)
    }

    /// Ends the request with its real usage. The caller must send the returned changes.
    pub fn settle(self, event: &UsageEvent) -> Settled {
        let subjects = self.settle_as(Amounts::request(event.usage.total(), event.cost_micros));
        Settled { subjects, credit: self.inner.credit.take() }
    }

    /// Ends what a round has taken of limits. Its credits stay reserved until the request ends.
    pub fn settle_round(&self, event: &UsageEvent) -> Settled {
        let subjects = self.settle_as(Amounts::request(event.usage.total(), event.cost_micros));
        Settled { subjects, credit: None }
    }

    fn settle_as(&self, real: Amounts) -> Vec<Subject> {
        self.inner.renewing.take();
        let settled = self.inner.holdings.borrow_mut().settle(real);
        let settle = |(subject, spent, real): (Subject, Spent, Amounts)| {
            limits::settle(&subject, spent, real);
            subject
        };
        settled.into_iter().map(settle).collect()
    }
}

impl Drop for Admission {
    /// A request that is dropped without settling has used no tokens.
    fn drop(&mut self) {
        self.settle_as(Amounts::request(0, 0));
    }
}

impl Inner {
    async fn take_for_attempt(
        self: &Rc<Self>,
        limited: &LimitedModel,
        candidate: &Candidate,
    ) -> Result<(), ApiError> {
        let LimitedModel { subject, policy, rules } = limited;
        if self.holdings.borrow_mut().join(subject) {
            return Ok(());
        }
        if rules.counts(Unit::Cost) && !candidate.quote.is_known() {
            return Err(unpriced(&candidate.upstream_model));
        }
        if let Some(rule) = rules.exceeded_by(self.need) {
            let error = too_much(subject, rule, self.need);
            self.note_refusal(&error, subject);
            return Err(error);
        }
        match limits::take(&self.host, subject, rules, self.need, policy.on_failure).await {
            Ok(spent) => {
                let has_slot = spent.slot.is_some();
                self.holdings.borrow_mut().hold_for_attempt(subject.clone(), spent);
                if has_slot {
                    self.renew_slots();
                }
                Ok(())
            }
            Err(held) => {
                let error = refuse(&held, subject, self.least);
                self.note_refusal(&error, subject);
                Err(error)
            }
        }
    }

    fn note_refusal(&self, error: &ApiError, subject: &Subject) {
        let wait_s = |error: &ApiError| error.retry_after_s.unwrap_or(u32::MAX);
        let is_sooner =
            self.refused.borrow().as_ref().is_none_or(|known| wait_s(error) < wait_s(&known.error));
        if is_sooner {
            let headers = ratelimit_headers(&limits::meters(subject));
            self.refused.replace(Some(LimitReached { error: error.clone(), headers }));
        }
    }

    fn return_all(&self, all: Vec<(Subject, Spent)>) {
        for (subject, spent) in all {
            limits::give_back(&self.host, &subject, spent);
        }
    }

    /// Renews the slots for as long as the request runs.
    fn renew_slots(self: &Rc<Self>) {
        if self.renewing.borrow().is_some() {
            return;
        }
        let (held, mut ended) = oneshot::channel::<()>();
        self.renewing.replace(Some(held));
        let (env, admission) = (self.host.env.clone(), Rc::downgrade(self));
        self.host.tasks.wait_until(async move {
            loop {
                match select(ended, Timer::after_ms(SLOT_RENEW_MS)).await {
                    Either::Left(_) => return,
                    Either::Right(((), unended)) => ended = unended,
                }
                let slots = slots_of(&admission);
                join_all(slots.iter().map(|(subject, slot)| limits::renew(&env, subject, slot))).await;
            }
        });
    }
}

fn slots_of(admission: &Weak<Inner>) -> Vec<(Subject, String)> {
    let Some(admission) = admission.upgrade() else { return Vec::new() };
    let holdings = admission.holdings.borrow();
    holdings.iter().filter_map(|(subject, spent)| Some((subject.clone(), spent.slot.clone()?))).collect()
}

/// What an attempt has taken of the limits on its model. Merely dropped, it counts as a request: the upstream was asked.
pub struct Taken {
    admission: Rc<Inner>,
    limits: Vec<Arc<LimitedModel>>,
}

impl Taken {
    fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.limits.iter().map(|limited| &limited.subject)
    }

    /// The attempt answers: what it took is settled with the usage of its answer.
    fn answered(&self) {
        self.admission.holdings.borrow_mut().answered(self.subjects());
    }

    /// The attempt was not made, or failed and another candidate may be asked.
    fn give_back(self) {
        let freed = self.admission.holdings.borrow_mut().give_back(self.subjects());
        self.admission.return_all(freed);
    }
}

/// What an attempt has taken of limits: of those on its model, and a place in the concurrency limiter of its provider.
pub struct Slot {
    taken: Option<Taken>,
    _place: Option<limiter::Slot>,
}

/// Takes what an attempt needs: of the limits on its model, however it was named; a place in this isolate's limiter of the
/// provider; and of the provider's limit that holds everywhere.
pub async fn admit_attempt(
    exchange: &Exchange,
    admission: Option<&Admission>,
    candidate: &Candidate,
) -> Result<Option<Slot>, Refused> {
    let taken = match admission {
        Some(admission) => admission.attempt(candidate).await.map_err(Refused::Limited)?,
        None => None,
    };
    let of_provider = async {
        let place = limiter::enter(candidate).await?;
        provider_limit(exchange, candidate).await?;
        Ok(place)
    };
    match of_provider.await {
        Ok(None) if taken.is_none() => Ok(None),
        Ok(place) => Ok(Some(Slot { taken, _place: place })),
        Err(error) => {
            if let Some(taken) = taken {
                taken.give_back();
            }
            Err(Refused::Busy(error))
        }
    }
}

/// Notes how the attempts of a request ended: what the one that answers has taken is used; if limits on models refused them all,
/// nothing is, and the headers of the answer tell of that limit.
pub fn note_end<T>(
    exchange: &Exchange,
    admission: Option<&Admission>,
    served: &mut Result<(T, nexus_edge_failover::Hold<Slot>), Reply>,
) {
    match (served, admission) {
        (Ok((_, hold)), _) => {
            if let Some(Slot { taken: Some(taken), .. }) = hold.slot_mut() {
                taken.answered();
            }
        }
        (Err(Reply::Gateway(error)), Some(admission)) => {
            if let Some(headers) = admission.headers_of_refusal(error) {
                exchange.notes.replace(headers);
                // Nothing was asked, so nothing of the key and its owner is used.
                admission.give_back();
            }
        }
        _ => {}
    }
}

/// Applies the provider's limit to the request. A provider without one costs nothing.
async fn provider_limit(exchange: &Exchange, candidate: &Candidate) -> Result<(), ApiError> {
    let record = &candidate.upstream.record;
    let Some(limit) = record.rate_limit else { return Ok(()) };
    let subject = Subject::provider(&record.uid, &record.name);
    let rules = Rules::requests_per_minute(limit.into());
    let one = Amounts::request(0, 0);
    // A limit that protects an upstream must not cause an outage of its own: without the authority a few requests are
    // admitted.
    match limits::take(exchange, &subject, &rules, one, None).await {
        Ok(_) => Ok(()),
        Err(held) => Err(refuse(&held, &subject, one)),
    }
}

/// A request of which no price is known cannot be counted against a budget or credits, and is not free.
pub fn unpriced(model: &str) -> ApiError {
    let message = format!(
        "The price of `{model}` is not known, and this API key pays for its requests. An administrator can set the price \
         (PUT /prices/{{subject}}), or one for all such models (UNKNOWN_PRICE_CEILING)."
    );
    ApiError::new(403, ErrorKind::Permission, "price_unknown", message)
}

/// The error for a limit that refuses a request, which needs `least` with the shortest answers.
pub fn refuse(held: &Held, subject: &Subject, least: Amounts) -> ApiError {
    match held {
        Held::Refused(refusal) => refusal.to_error(subject, least),
        Held::Unreachable => ApiError::unavailable(
            "limits_unavailable",
            "The limits of this API key cannot be checked at the moment. Try again.",
        )
        .with_retry_after(1),
    }
}

/// Changes of a settled request, to be sent.
#[derive(Default)]
pub struct Settled {
    subjects: Vec<Subject>,
    credit: Option<Hold>,
}

impl Settled {
    /// Takes the reserved credits, to be charged.
    pub fn take_credit(&mut self) -> Option<Hold> {
        self.credit.take()
    }

    /// Sends the settled amounts to each `Quota` object, batched for up to
    /// [`FLUSH_AFTER_MS`](nexus_edge_core::limits::lease::FLUSH_AFTER_MS).
    pub async fn tell(&self, env: &Env) {
        join_all(self.subjects.iter().map(|subject| limits::tell(env, subject))).await;
    }
}

impl nexus_edge_failover::Slot for Slot {
    fn give_back(mut self) {
        if let Some(taken) = self.taken.take() {
            taken.give_back();
        }
    }
}
