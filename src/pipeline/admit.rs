//! Step 2: limits, budgets and credits.
//!
//! The usage of a request is known only at its end, so tokens and money are reserved by an estimate and corrected by
//! the [`Admission`], which belongs to the request and settles however that ends.

use nexus_edge_api::system::MapSize;
use nexus_edge_core::access::Principal;
use nexus_edge_core::billing::journal::Note;
use nexus_edge_core::error::{ApiError, ErrorKind, retry_after_s};
use nexus_edge_core::limits::amounts::Unit;
use nexus_edge_core::limits::blocked::Blocked;
use nexus_edge_core::limits::headers::ratelimit_headers;
use nexus_edge_core::limits::policy::LimitPolicy;
use nexus_edge_core::limits::refusal::{Refusal, not_enough, too_much};
use nexus_edge_core::limits::rules::{FailurePolicy, Limits, RuleKind};
use nexus_edge_core::limits::subject::caller_network;
use nexus_edge_core::limits::{Amounts, Bucket, Rules, Subject, SubjectKind};
use nexus_edge_core::routing::bound::{Demand, SHORTEST_ANSWER_TOKENS};
use nexus_edge_core::routing::{Candidate, Route, Snapshot};
use nexus_edge_core::stats::UsageEvent;
use std::cell::RefCell;

use super::admission::{Admission, refuse, unpriced};
use super::recognise;
use crate::exchange::Exchange;
use crate::host::Host;
use crate::platform::{log_error, now_ms, rarely};
use crate::store::credits::{self, Hold};
use crate::store::limits::{self, Held};

/// What may be given to a request that sets no limit on its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortening {
    /// A limit.
    Limit,
    /// None: the operation has no such limit, and what is reserved is only an estimate.
    None,
}

/// Applies the limits of the key and of its owner to a request. Those of models are applied to each
/// [attempt](super::admission::admit_attempt), whatever the model was called. Without limits this is free.
///
/// Reserved is what the request [may owe](nexus_edge_core::routing::bound) at most; candidates without a known price are left out of
/// the route where money is counted. What exceeds a limit by itself is refused. For a request that sets no limit on its
/// answer, less is reserved where a limit does not allow more, and the limit that it must be sent with is in the
/// admission.
pub async fn admit(
    exchange: &Exchange,
    principal: &Principal,
    snapshot: &Snapshot,
    model: &str,
    route: &mut Route,
    shortening: Shortening,
    demand: impl FnOnce() -> Demand,
) -> Result<Option<Admission>, ApiError> {
    let subjects = limited_subjects(principal, snapshot);
    let pays = exchange.settings.checks_credits;
    let is_model_limited = route.candidates.iter().any(|candidate| !candidate.limits().is_empty());
    if subjects.is_empty() && !pays && !is_model_limited {
        return Ok(None);
    }
    let limited = Limited { exchange, principal, model, subjects, shortening };
    rarely(limited.admit(route, demand)).await.map(Some)
}

/// A request that something limits.
struct Limited<'a> {
    exchange: &'a Exchange,
    principal: &'a Principal,
    model: &'a str,
    subjects: Vec<(Subject, &'a LimitPolicy, Rules)>,
    shortening: Shortening,
}

impl Limited<'_> {
    async fn admit(self, route: &mut Route, demand: impl FnOnce() -> Demand) -> Result<Admission, ApiError> {
        let Self { exchange, principal, model, subjects, shortening } = self;
        let pays = exchange.settings.checks_credits;
        let counts_money = pays || subjects.iter().any(|(_, _, rules)| rules.counts(Unit::Cost));
        if counts_money && !route.keep(|candidate| candidate.quote.is_known()) {
            return Err(unpriced(model));
        }
        let of_models = |candidate: &Candidate, unit: Unit| {
            candidate.limits().iter().filter_map(|limited| limited.rules.smallest(unit)).min()
        };
        let counts = |unit: Unit| {
            subjects.iter().any(|(_, _, rules)| rules.counts(unit))
                || route.candidates.iter().any(|candidate| of_models(candidate, unit).is_some())
        };
        if !pays && !counts(Unit::Tokens) && !counts(Unit::Cost) {
            let one = Amounts::request(0, 0);
            return reserve(exchange, principal, model, &subjects, [one, one]).await;
        }
        // The preferred model decides how long an answer may be; one with a smaller limit is passed over.
        let smallest = |unit: Unit| {
            let of_callers = subjects.iter().filter_map(|(_, _, rules)| rules.smallest(unit)).min();
            let of_model = route.candidates.first().and_then(|candidate| of_models(candidate, unit));
            of_callers.into_iter().chain(of_model).min()
        };
        let limit = (smallest(Unit::Tokens), smallest(Unit::Cost));
        let demand = demand();
        let now = exchange.started_ms;
        let mut refused = ApiError::internal();
        for each in demand.lengths(&route.candidates, limit, now) {
            let need = demand.owes(each, &route.candidates, now);
            let exceeded =
                subjects.iter().find_map(|(subject, _, rules)| Some((subject, rules.exceeded_by(need)?)));
            if let Some((subject, rule)) = exceeded {
                return Err(too_much(subject, rule, need));
            }
            let least = match shortening {
                Shortening::Limit => demand.owes(SHORTEST_ANSWER_TOKENS.min(each), &route.candidates, now),
                Shortening::None => need,
            };
            match reserve(exchange, principal, model, &subjects, [need, least]).await {
                Ok(mut admission) => {
                    if shortening == Shortening::Limit && demand.each.is_none() {
                        admission.answer_limit = demand.limit_to_send(each, &route.candidates);
                    }
                    return Ok(admission);
                }
                // Less may still be left.
                Err(error) if is_of_amounts(&error) => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }
}

/// Whether a limit on tokens or money refuses, which may have room for less.
fn is_of_amounts(error: &ApiError) -> bool {
    error.status == 402 || error.code.starts_with("tokens_")
}

/// What a request has taken that an earlier instance of its object made: its credits, if it needs any. What it took from
/// limits stays counted as it was estimated.
pub fn of_interrupted(exchange: &Exchange, principal: &Principal) -> Option<Admission> {
    exchange.settings.checks_credits.then(|| {
        let one = Amounts::request(0, 0);
        let admission = Admission::begin(exchange, one, one);
        admission.hold_credit(credits::hold_of(principal, &exchange.event_id));
        admission
    })
}

/// Takes what a request needs of each subject, and of the account that pays; the second amount is what it would need with the
/// shortest answers.
async fn reserve(
    exchange: &Exchange,
    principal: &Principal,
    model: &str,
    subjects: &[(Subject, &LimitPolicy, Rules)],
    [need, least]: [Amounts; 2],
) -> Result<Admission, ApiError> {
    let admission = Admission::begin(exchange, need, least);
    for (subject, policy, rules) in subjects {
        let taken = limits::take(exchange, subject, rules, need, policy.on_failure).await;
        note_state(exchange, subject, policy);
        match taken {
            Ok(spent) => admission.hold(subject.clone(), spent),
            Err(held) => {
                admission.give_back();
                return Err(refuse(&held, subject, least));
            }
        }
    }
    if exchange.settings.checks_credits {
        match pay(exchange, principal, model, [need.cost, least.cost]).await {
            Ok(hold) => admission.hold_credit(hold),
            Err(error) => {
                admission.give_back();
                return Err(error);
            }
        }
    }
    Ok(admission)
}

/// Reserves the credits of a request. If the account cannot be reached the request is refused: money fails closed.
async fn pay(
    exchange: &Exchange,
    principal: &Principal,
    model: &str,
    [cost, least]: [u64; 2],
) -> Result<Hold, ApiError> {
    let conversation = recognise::named(exchange).unwrap_or_else(|| exchange.event_id.clone());
    let begun = UsageEvent { model: model.to_owned(), ..exchange.event_of(principal, conversation) };
    // The reservation of a request is for all of its rounds.
    let spent = exchange.round.as_ref().map_or(0, |round| round.spent_micros);
    let (cost, least) = (cost.saturating_add(spent), least.saturating_add(spent));
    let note = Note::of_begun(&begun);
    let (env, settings) = (&exchange.env, &exchange.settings);
    match credits::reserve(env, settings, principal, &exchange.event_id, cost, note).await {
        Ok(Ok(hold)) => Ok(hold),
        Ok(Err(available)) => Err(not_enough(u64::try_from(available).unwrap_or(0), cost, least)),
        Err(error) => {
            log_error("credits", &error);
            let message = "The credits of this API key cannot be checked at the moment. Try again.";
            Err(ApiError::unavailable("credits_unavailable", message).with_retry_after(1))
        }
    }
}

/// Whether the request is charged to a budget or to credits.
pub fn pays(exchange: &Exchange, principal: &Principal, snapshot: &Snapshot) -> bool {
    exchange.settings.checks_credits
        || limited_subjects(principal, snapshot).iter().any(|(_, _, rules)| rules.counts(Unit::Cost))
}

/// The limited subjects that are known before a candidate is asked: the key and its owner.
fn limited_subjects<'a>(
    principal: &'a Principal,
    snapshot: &'a Snapshot,
) -> Vec<(Subject, &'a LimitPolicy, Rules)> {
    let mut subjects = Vec::new();
    let mut add = |subject: Subject, policy: &'a LimitPolicy| {
        let rules = policy.rules();
        if !rules.is_unlimited() {
            subjects.push((subject, policy, rules));
        }
    };
    if !principal.policy.is_unlimited() {
        add(Subject::key(&principal.key_id), &principal.policy);
    }
    if let Some(owner) = &principal.owner {
        let owner = Subject::new(SubjectKind::User, owner);
        if let Some(policy) = snapshot.limits_of(&owner) {
            add(owner, policy);
        }
    }
    subjects
}

/// Records the state of the key's limits for the answer's headers.
fn note_state(exchange: &Exchange, subject: &Subject, policy: &LimitPolicy) {
    if subject.kind != SubjectKind::Key {
        return;
    }
    let meters = limits::meters(subject);
    let mut headers = ratelimit_headers(&meters);
    let budget = meters.iter().find(|meter| meter.kind.unit() == Unit::Cost);
    if let Some(percent) = budget.and_then(|meter| policy.alert(meter.used)) {
        headers.push(("x-nexus-budget-alert", percent.to_string()));
    }
    exchange.notes.replace(headers);
}

/// Calls of tools per minute and key: a tool costs those who run it.
const TOOL_CALLS_PER_MINUTE: u32 = 600;

thread_local! {
    static BLOCKED: RefCell<Blocked> = RefCell::default();
}

/// The size of this isolate's memory of blocked addresses.
pub fn size() -> MapSize {
    BLOCKED.with_borrow(|blocked| MapSize::of("blocked_addresses", blocked.addresses()))
}

/// Counts one more failed attempt at `what` from the caller's address, under rules such as five per minute. Nothing is
/// counted if the platform does not report the address.
pub async fn attempt_from_address(exchange: &Exchange, what: &str, rules: &Rules) -> Result<(), ApiError> {
    let Some(subject) = address_of(exchange, what) else { return Ok(()) };
    let one = Amounts::request(0, 0);
    match limits::take(exchange, &subject, rules, one, None).await {
        Ok(_) => Ok(()),
        Err(held) => {
            let wait_ms = match held {
                Held::Refused(refusal) => refusal.retry_after_ms.unwrap_or(60_000),
                Held::Unreachable => 60_000,
            };
            let now = now_ms();
            BLOCKED.with_borrow_mut(|blocked| blocked.block(&subject.name(), now + wait_ms, now));
            Err(too_many_attempts(wait_ms))
        }
    }
}

/// Refuses a caller whose address has failed too often at `what`, before their credential is compared.
pub fn check_address(exchange: &Exchange, what: &str) -> Result<(), ApiError> {
    let Some(subject) = address_of(exchange, what) else { return Ok(()) };
    let remaining = BLOCKED.with_borrow(|blocked| blocked.remaining_ms(&subject.name(), now_ms()));
    remaining.map_or(Ok(()), |wait_ms| Err(too_many_attempts(wait_ms)))
}

fn address_of(exchange: &Exchange, what: &str) -> Option<Subject> {
    let address = exchange.header("cf-connecting-ip")?;
    Some(Subject::new(SubjectKind::Ip, format!("{what}:{}", caller_network(&address))))
}

fn too_many_attempts(wait_ms: u64) -> ApiError {
    let message = "There were too many failed attempts from this address.";
    let error = ApiError::new(429, ErrorKind::RateLimit, "too_many_attempts", message);
    error.with_retry_after(retry_after_s(wait_ms))
}

/// Applies the limit of `per_minute` turns of the kind `chat` or `stream` to a user of chat sessions.
pub async fn chat_turn(host: &Host, kind: &str, key_id: &str, per_minute: u32) -> Result<(), ApiError> {
    let subject = Subject::new(SubjectKind::Key, format!("{kind}-turns:{key_id}"));
    let rules = Rules::requests_per_minute(per_minute.into());
    match limits::take(host, &subject, &rules, Amounts::request(0, 0), None).await {
        // A limit that cannot be checked must not cause an outage of its own.
        Ok(_) | Err(Held::Unreachable) => Ok(()),
        Err(Held::Refused(refusal)) => Err(too_many(&refusal, "turns")),
    }
}

/// Applies the limits on calls of tools to a key: [`TOOL_CALLS_PER_MINUTE`], and its own of a day.
///
/// # Errors
/// `rate_limited`, `tool_calls_per_day_exceeded` (429); `limits_unavailable` (503) where that of a day cannot be checked.
pub async fn tool_call(host: &Host, principal: &Principal) -> Result<(), ApiError> {
    let per_day = principal.max_tool_calls_per_day;
    let subject = Subject::new(SubjectKind::Key, format!("tool-calls:{}", principal.key_id));
    let limits = Limits {
        requests_per_minute: Some(TOOL_CALLS_PER_MINUTE.into()),
        requests_per_day: per_day.map(u64::from),
        ..Limits::default()
    };
    let on_failure = per_day.map(|_| FailurePolicy::FailClosed);
    let rules = Rules::new(&limits, None);
    match limits::take(host, &subject, &rules, Amounts::request(0, 0), on_failure).await {
        Ok(_) => Ok(()),
        Err(Held::Unreachable) if per_day.is_none() => Ok(()),
        Err(held @ Held::Unreachable) => Err(refuse(&held, &Subject::key(&principal.key_id), Amounts::ZERO)),
        Err(Held::Refused(refusal)) => Err(too_many(&refusal, "calls of tools")),
    }
}

/// Applies the limit of a day on calls of tools to a key that has one.
///
/// # Errors
/// Those of [`tool_call`].
pub async fn tool_call_of_day(host: &Host, principal: &Principal) -> Result<(), ApiError> {
    match principal.max_tool_calls_per_day {
        Some(_) => tool_call(host, principal).await,
        None => Ok(()),
    }
}

/// The error of a limit on something that is no request.
fn too_many(refusal: &Refusal, what: &str) -> ApiError {
    let seconds = retry_after_s(refusal.retry_after_ms.unwrap_or(60_000));
    let limit = refusal.limit;
    let message = |time: &str| format!("At most {limit} {what} a {time}. Retry after {seconds} s.");
    let limited = ErrorKind::RateLimit;
    let error = match refusal.kind {
        Some(RuleKind::RequestsPerDay) => {
            ApiError::new(429, limited, "tool_calls_per_day_exceeded", message("day"))
        }
        _ => ApiError::new(429, limited, "rate_limited", message("minute")),
    };
    error.with_retry_after(seconds)
}

thread_local! {
    static CEILING: RefCell<Option<Bucket>> = const { RefCell::new(None) };
}

/// Applies this isolate's ceiling on requests per second.
pub fn ceiling(exchange: &Exchange) -> Result<(), ApiError> {
    let per_second = exchange.settings.requests_per_second;
    if per_second == 0 {
        return Ok(());
    }
    let now = exchange.started_ms;
    let taken = CEILING.with_borrow_mut(|bucket| {
        bucket.get_or_insert_with(|| Bucket::new(per_second, 1_000, now)).take(now)
    });
    taken.map_err(|_| {
        let message = "The gateway has as many requests as it may have at the moment.";
        ApiError::new(429, ErrorKind::RateLimit, "gateway_rate_limited", message).with_retry_after(1)
    })
}
