//! The walk through the candidates: the next attempt, and when to give up.
//!
//! Nothing reaches the caller while this runs, so they get one coherent answer or one clean error in any case. Every
//! attempt and every skipped candidate is recorded in the trail.

use std::future::Future;
use std::pin::{Pin, pin};

use futures::future::{Either, select};
use nexus_edge_core::error::{ApiError, ErrorKind, retry_after_s};
use nexus_edge_core::routing::backoff::{Backoff, Deadline};
use nexus_edge_core::routing::health::Caller;
use nexus_edge_core::routing::key_pool::KeyChoice;
use nexus_edge_core::routing::retry::{self, ErrorClass, Failure, Next, Verdict};
use nexus_edge_core::routing::walk::{Step, Walk};
use nexus_edge_core::routing::{Candidate, Route};
use nexus_edge_core::stats::AttemptRecord;
use nexus_edge_core::tokens::UsageSource;

use crate::failed::{AttemptError, Failed};
use crate::health::{Hold, Targets};
use crate::platform::{Platform, Refused, Slot};
use crate::trail::Trail;

/// Milliseconds within which the trial of a half-open circuit must begin to answer: its caller should not wait long.
const PROBE_FIRST_BYTE_MS: u64 = 10_000;

/// A request that can be sent to one candidate after another: a chat, or an operation without translation.
#[expect(async_fn_in_trait, reason = "futures of the Worker hold JavaScript handles and cannot be `Send`")]
pub trait Question {
    /// Its answer.
    type Answer: Answer;
    /// The error for its caller.
    type Reply: From<ApiError>;
    /// The platform.
    type Platform: Platform;

    /// Where it is served.
    fn platform(&self) -> &Self::Platform;

    /// Who asks: what their requests alone cause is not held against an upstream that answers others.
    fn caller(&self) -> Caller;

    /// Estimated tokens that an upstream which was asked has processed.
    fn prompt_tokens(&self) -> u64;

    /// Applies the limits of what an attempt would use: of the model, however it was named, and of the provider.
    ///
    /// # Errors
    /// The limit that refuses it; another candidate may still answer.
    async fn admit(
        &self,
        candidate: &Candidate,
    ) -> Result<Option<<Self::Platform as Platform>::Slot>, Refused>;

    /// Sends the request to a candidate.
    ///
    /// # Errors
    /// Why there is no answer that can be relayed.
    async fn ask(&self, candidate: &Candidate) -> Result<Self::Answer, Failed<Self::Reply>>;
}

/// An answer that is certain enough to be relayed.
pub trait Answer {
    /// Its status.
    fn status(&self) -> u16;

    /// Milliseconds until its headers.
    fn first_byte_ms(&self) -> u64;
}

type Attempting<'a, Q> = Pin<Box<dyn Future<Output = Ended<Q>> + 'a>>;

/// A finished attempt, with everything recorded of it.
struct Ended<Q: Question> {
    step: Step,
    candidate: Candidate,
    record: AttemptRecord,
    hold: Hold<<Q::Platform as Platform>::Slot>,
    result: Result<Q::Answer, Failed<Q::Reply>>,
}

/// Walks the candidates of a route until one answers.
///
/// # Errors
/// The error of the last attempt. If no candidate could be asked: the refusal of the limit that admits the request soonest,
/// otherwise `no_upstream_available` (503, with `retry-after`).
pub async fn serve<Q: Question>(
    question: &Q,
    route: &Route,
    trail: &mut Trail,
) -> Result<(Q::Answer, Hold<<Q::Platform as Platform>::Slot>), Q::Reply> {
    let mut asking = Asking::new(question, route);
    let mut under_way: Option<Attempting<'_, Q>> = None;
    loop {
        let current = match under_way.take() {
            Some(current) => current,
            None => match asking.next(trail).await {
                Some(next) => next,
                None => return Err(asking.give_up()),
            },
        };
        let (ended, other) = asking.race(current, trail).await;
        under_way = other;
        let Ended { step, candidate, mut record, hold, result } = ended;
        trail.note_candidate(&candidate);
        match result {
            Ok(accepted) => {
                if let Some(loser) = under_way.take() {
                    // Dropping it closes its connection. Its real cost so far is known to its provider only.
                    drop(loser);
                    asking.note_loser(&record, trail);
                }
                record.status = Some(accepted.status());
                record.first_byte_ms = Some(accepted.first_byte_ms());
                trail.note_attempt(record);
                trail.note_first_byte(accepted.first_byte_ms());
                return Ok((accepted, hold));
            }
            Err(failed) if question.platform().is_caller_gone() => {
                // The caller broke off. That counts against no upstream, and there is no further attempt.
                drop(hold);
                trail.note_attempt(record);
                return Err(failed.reply);
            }
            Err(failed) => {
                let verdict = judge(&candidate, &failed);
                let mut hold = hold;
                if let Some(slot) = hold.take_slot().filter(|_| verdict.next != Next::Stop) {
                    slot.give_back();
                }
                hold.end(verdict.outcomes(failed.retry_after_ms, candidate.upstream.keys.len() <= 1));
                record.error_class = Some(verdict.class.word().to_owned());
                record.first_byte_ms = failed.first_byte_ms;
                record.status = match failed.failure {
                    Failure::Status(status) => Some(status),
                    _ => None,
                };
                trail.note_attempt(record);
                asking.failed(step, failed, verdict);
                if verdict.next == Next::Stop {
                    return Err(asking.give_up());
                }
            }
        }
    }
}

/// The progress of a request through its candidates.
struct Asking<'a, Q: Question> {
    question: &'a Q,
    route: &'a Route,
    deadline: Deadline,
    walk: Walk,
    /// The candidate whose keys are being tried, and the keys tried so far.
    same: Option<(Step, Vec<usize>)>,
    /// The candidates that were asked, for the trail of a hedged request.
    begun: Vec<AttemptRecord>,
    /// Whether the next attempt is begun beside another one.
    is_hedging: bool,
    last: Option<Failed<Q::Reply>>,
    /// The refusal of the limit that admits the request soonest.
    limited: Option<ApiError>,
    /// The earliest time at which one of the skipped candidates can be asked.
    free_at_ms: Option<u64>,
}

impl<'a, Q: Question> Asking<'a, Q> {
    fn new(question: &'a Q, route: &'a Route) -> Self {
        Self {
            question,
            route,
            deadline: Deadline::after(question.platform().now_ms(), route.deadline_ms),
            walk: route.walk(),
            same: None,
            begun: Vec::new(),
            is_hedging: false,
            last: None,
            limited: None,
            free_at_ms: None,
        }
    }

    fn now_ms(&self) -> u64 {
        self.question.platform().now_ms()
    }

    /// The next attempt, begun; `None` if no candidate or no time is left.
    async fn next(&mut self, trail: &mut Trail) -> Option<Attempting<'a, Q>> {
        loop {
            if !self.begun.is_empty() && self.deadline.remaining_ms(self.now_ms()) == 0 {
                return None;
            }
            let (step, tried) = match self.same.take() {
                Some(same) if self.walk.has_attempts() => same,
                _ => (self.walk.next_step()?, Vec::new()),
            };
            let Some(planned) = self.route.candidates.get(step.index) else { continue };
            let backoff_ms = if step.failures > 0 { Some(self.pause(step).await?) } else { None };
            if let Some(attempt) = self.begin(step, tried, planned, backoff_ms, trail).await {
                return Some(attempt);
            }
        }
    }

    /// Begins an attempt, unless the candidate is blocked.
    async fn begin(
        &mut self,
        step: Step,
        mut tried: Vec<usize>,
        planned: &'a Candidate,
        backoff_ms: Option<u64>,
        trail: &mut Trail,
    ) -> Option<Attempting<'a, Q>> {
        let upstream = &planned.upstream;
        let preferred = self.route.sticky_key.as_deref().filter(|_| step.index == 0);
        let platform = self.question.platform();
        let health = platform.health();
        let caller = self.question.caller();
        let key = match health.choose_key(caller, upstream, preferred, &tried, &mut || platform.random_unit())
        {
            KeyChoice::Use(index) => Some(index),
            KeyChoice::LastResort { index, .. } if step.anyway || self.is_alone() => Some(index),
            KeyChoice::LastResort { until_ms, .. } => {
                self.put_off(step, planned, "no_usable_key", until_ms, trail);
                return None;
            }
            KeyChoice::Busy { retry_after_ms } => {
                let free_at_ms = self.now_ms().saturating_add(retry_after_ms);
                self.put_off(step, planned, "busy", free_at_ms, trail);
                return None;
            }
            KeyChoice::None if upstream.keys.is_empty() => None,
            // All keys were tried.
            KeyChoice::None => return None,
        };
        let mut candidate = planned.with_key(key);
        let targets = Targets::of(&candidate, caller);
        let claimed = match step.anyway {
            _ if self.is_alone() => Ok(Hold::begin_anyway(&health, targets)),
            true => Hold::begin_last_resort(&health, targets),
            false => Hold::begin(&health, targets),
        };
        let hold = match claimed {
            Ok(hold) => hold,
            Err(blocked) => {
                let reason = if blocked.by_circuit { "circuit_open" } else { "cooldown" };
                self.put_off(step, &candidate, reason, blocked.until_ms, trail);
                return None;
            }
        };
        let asked_ms = self.now_ms();
        let hold = match self.question.admit(&candidate).await {
            Ok(slot) => hold.with_slot(slot),
            Err(Refused::Limited(error)) => {
                drop(hold);
                trail.note_attempt(AttemptRecord {
                    skipped: Some("limited".to_owned()),
                    ..record_of(&candidate, self.now_ms())
                });
                self.limited = Some(sooner(self.limited.take(), error));
                return None;
            }
            Err(Refused::Busy(error)) => {
                drop(hold);
                let failed = Failed::from(AttemptError::new(Failure::Busy, error));
                let wait_ms = failed.retry_after_ms.unwrap_or(1_000);
                self.put_off(step, &candidate, "busy", self.now_ms().saturating_add(wait_ms), trail);
                self.last.get_or_insert(failed);
                return None;
            }
        };
        self.walk.count();
        tried.extend(key);
        self.same = Some((step, tried));
        let most_ms = if hold.is_probe() { PROBE_FIRST_BYTE_MS } else { u64::MAX };
        let left_ms = self.deadline.remaining_ms(self.now_ms()).clamp(1, most_ms);
        candidate.first_byte_timeout_ms =
            candidate.first_byte_timeout_ms.min(u32::try_from(left_ms).unwrap_or(u32::MAX));
        let (question, started_ms) = (self.question, self.now_ms());
        let record = AttemptRecord {
            backoff_ms,
            queued_ms: Some(started_ms.saturating_sub(asked_ms)).filter(|waited_ms| *waited_ms > 0),
            hedge: self.is_hedging,
            ..record_of(&candidate, started_ms)
        };
        self.begun.push(record.clone());
        Some(Box::pin(async move {
            let result = question.ask(&candidate).await;
            if let Ok(accepted) = &result {
                hold.first_byte(accepted.first_byte_ms());
            }
            let record = AttemptRecord {
                duration_ms: question.platform().now_ms().saturating_sub(started_ms),
                ..record
            };
            Ended { step, candidate, record, hold, result }
        }))
    }

    /// Waits for an attempt. If it has no first token after the hedging delay, a second one is started; the first to
    /// answer is returned, with the other.
    async fn race(
        &mut self,
        current: Attempting<'a, Q>,
        trail: &mut Trail,
    ) -> (Ended<Q>, Option<Attempting<'a, Q>>) {
        let Some(delay_ms) = self.route.hedge_after_ms else { return (current.await, None) };
        let current = match select(current, pin!(self.question.platform().sleep(delay_ms))).await {
            Either::Left((ended, _)) => return (ended, None),
            Either::Right(((), current)) => current,
        };
        // A hedge goes to the next candidate, never to another key of this one.
        self.same = None;
        self.is_hedging = true;
        let hedge = self.next(trail).await;
        self.is_hedging = false;
        let Some(hedge) = hedge else { return (current.await, None) };
        match select(current, hedge).await {
            Either::Left((ended, other)) | Either::Right((ended, other)) => (ended, Some(other)),
        }
    }

    /// Waits for the back-off before a candidate is retried, and gives its milliseconds; `None` if there is no time for that.
    async fn pause(&self, step: Step) -> Option<u64> {
        let platform = self.question.platform();
        let pause_ms = Backoff::default().delay_ms(step.failures - 1, &mut || platform.random_unit());
        if !self.deadline.allows(pause_ms, 1, platform.now_ms()) {
            return None;
        }
        platform.sleep(pause_ms).await;
        Some(pause_ms)
    }

    /// Whether it is the only candidate: refusing the request would not help its caller.
    fn is_alone(&self) -> bool {
        self.route.candidates.len() == 1
    }

    fn failed(&mut self, step: Step, failed: Failed<Q::Reply>, verdict: Verdict) {
        let has_keys = self
            .route
            .candidates
            .get(step.index)
            .is_some_and(|candidate| !candidate.upstream.keys.is_empty());
        if verdict.next != Next::OtherKey || !has_keys {
            self.same = None;
        }
        if matches!(
            verdict.class,
            ErrorClass::Transport | ErrorClass::UpstreamError | ErrorClass::InvalidResponse
        ) {
            self.walk.again(step);
        }
        self.last = Some(failed);
    }

    /// Skips a blocked candidate, which is moved to the end.
    fn put_off(
        &mut self,
        step: Step,
        candidate: &Candidate,
        reason: &str,
        free_at_ms: u64,
        trail: &mut Trail,
    ) {
        self.free_at_ms = Some(self.free_at_ms.map_or(free_at_ms, |known| known.min(free_at_ms)));
        if !step.anyway {
            let record = record_of(candidate, self.now_ms());
            trail.note_attempt(AttemptRecord { skipped: Some(reason.to_owned()), ..record });
        }
        self.walk.put_off(step);
    }

    fn note_loser(&self, winner: &AttemptRecord, trail: &mut Trail) {
        let is_loser =
            |record: &&AttemptRecord| (&record.provider, &record.model) != (&winner.provider, &winner.model);
        if let Some(record) = self.begun.iter().rev().find(is_loser) {
            // It was asked, so its provider has most likely processed the prompt, and charges for it.
            trail.note_attempt(AttemptRecord {
                skipped: Some("hedge_lost".to_owned()),
                duration_ms: self.now_ms().saturating_sub(record.started_ms.unwrap_or_default()),
                prompt_tokens: Some(self.question.prompt_tokens()),
                usage_source: Some(UsageSource::Estimated),
                ..record.clone()
            });
        }
    }

    /// The error for the caller.
    fn give_up(self) -> Q::Reply {
        if let Some(failed) = self.last {
            return failed.reply;
        }
        if let Some(error) = self.limited {
            return error.into();
        }
        let message = "No provider of this model can be asked at the moment.";
        let error = ApiError::new(503, ErrorKind::Overloaded, "no_upstream_available", message);
        let wait_ms =
            self.free_at_ms.map_or(1_000, |at| at.saturating_sub(self.question.platform().now_ms()));
        error.with_retry_after(retry_after_s(wait_ms)).into()
    }
}

fn judge<R>(candidate: &Candidate, failed: &Failed<R>) -> Verdict {
    let statuses: Vec<u16> = candidate.upstream.record.retry_statuses().collect();
    retry::classify(failed.failure, failed.code.as_deref(), failed.message.as_deref(), &statuses)
}

/// Of two refusals, the one with the shorter wait; without a time it is the longest.
fn sooner(known: Option<ApiError>, error: ApiError) -> ApiError {
    let wait_s = |error: &ApiError| error.retry_after_s.unwrap_or(u32::MAX);
    match known {
        Some(known) if wait_s(&known) <= wait_s(&error) => known,
        _ => error,
    }
}

/// The start of an entry in the trail, begun at this time.
fn record_of(candidate: &Candidate, now_ms: u64) -> AttemptRecord {
    AttemptRecord {
        started_ms: Some(now_ms),
        provider: candidate.upstream.record.name.clone(),
        model: candidate.upstream_model.clone(),
        key: candidate.key().filter(|_| candidate.upstream.keys.len() > 1).map(|key| key.label.clone()),
        ..AttemptRecord::default()
    }
}
