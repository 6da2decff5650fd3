//! The leases of this isolate, and the requests to the authorities that grant them.
//!
//! No request waits for another one: a request that finds its lease empty asks the authority itself, because the
//! platform ties every outgoing call to the request that made it.

use std::cell::RefCell;
use std::collections::HashMap;

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::limits::lease::FLUSH_AFTER_MS;
use nexus_edge_core::limits::rules::RuleKind;
use nexus_edge_core::limits::sync::MeterState;
use nexus_edge_core::limits::{
    Amounts, Ask, Bucket, FailurePolicy, LEASE_TTL_MS, Lease, Refusal, Reply, Rules, Spent, Step, Subject,
};
use serde::{Deserialize, Serialize};
use worker::Env;

use super::{StoreError, StoreResult};
use crate::host::Host;
use crate::objects::quota;
use crate::platform::promise::Timer;
use crate::platform::{log_error, new_ulid, now_ms};

/// With more entries than this, idle ones are dropped.
const MANY_SUBJECTS: usize = 5_000;
/// Seconds for which a marker in KV refuses in every location: the least expiry that KV supports. The next request
/// that the authority refuses after that writes a new marker, so raising a limit or a late refund takes effect at
/// most this late.
const MARKER_TTL_S: u64 = 60;
/// A flush that is overdue by this many milliseconds has ended with the request that was to send it.
const OVERDUE_MS: u64 = 1_000;
/// Requests per minute that one isolate admits while the authority cannot be reached: the limit divided by this, but
/// at least one.
const OPEN_SHARE: u64 = 10;
/// The same for a subject without a limit per minute.
const OPEN_DEFAULT: u64 = 10;

#[derive(Default)]
struct Entry {
    lease: Lease,
    /// When the authority will be told of settled amounts, in milliseconds since the epoch; `None` if no request has
    /// taken this on.
    told_at_ms: Option<u64>,
    /// Bounds the requests that are admitted while the authority cannot be reached.
    alone: Option<Bucket>,
    marked_until_ms: u64,
}

thread_local! {
    static ENTRIES: RefCell<HashMap<String, Entry>> = RefCell::default();
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Held {
    /// A limit is exhausted.
    Refused(Refusal),
    /// The authority cannot be reached, and the policy is to refuse in that case.
    Unreachable,
}

/// An exhausted limit, as KV stores it.
///
/// ```json
/// {"kind": "requests_per_day", "limit": 50000, "retry_at_ms": 1795200203000}
/// ```
#[derive(Serialize, Deserialize)]
struct Marker {
    kind: RuleKind,
    limit: u64,
    retry_at_ms: Option<u64>,
}

/// Takes what a request needs from the limits of a subject.
pub async fn take(
    host: &Host,
    subject: &Subject,
    rules: &Rules,
    need: Amounts,
    on_failure: Option<FailurePolicy>,
) -> Result<Spent, Held> {
    let name = subject.name();
    // A grant that arrived too late has expired: ask once more.
    for _ in 0..2 {
        let now = now_ms();
        let (step, is_new) = with(&name, |entry| (entry.lease.spend(rules, need, now), entry.lease.is_new()));
        match step {
            Step::Granted(spent) => {
                fill_up(host, &name);
                return Ok(spent);
            }
            Step::Refused(refusal) => return Err(Held::Refused(refusal)),
            Step::Ask => {}
        }
        if is_new && let Some(refusal) = marked(&host.env, &name, rules).await {
            return Err(Held::Refused(refusal));
        }
        let sent_ms = now_ms();
        let ask = with(&name, |entry| entry.lease.ask(need, || new_ulid(sent_ms), sent_ms));
        match send(&host.env, &name, &ask).await {
            Ok(reply) => {
                let now = now_ms();
                match with(&name, |entry| entry.lease.receive(&ask, &reply, sent_ms, now)) {
                    Step::Granted(spent) => return Ok(spent),
                    Step::Refused(refusal) => {
                        mark(host, &name, rules, &refusal);
                        tell_later(host, &name);
                        return Err(Held::Refused(refusal));
                    }
                    Step::Ask => {}
                }
            }
            Err(error) => {
                log_error("limits", &error);
                with(&name, |entry| entry.lease.lost(&ask, now_ms()));
                tell_later(host, &name);
                break;
            }
        }
    }
    alone(&name, rules, on_failure)
}

/// Ends a request that took `spent` and really needed `real`. The caller must call [`tell`] afterwards.
pub fn settle(subject: &Subject, spent: Spent, real: Amounts) {
    with(&subject.name(), |entry| entry.lease.settle(spent, real, now_ms()));
}

/// Returns what a request took that was not admitted in the end.
pub fn give_back(host: &Host, subject: &Subject, spent: Spent) {
    let name = subject.name();
    with(&name, |entry| entry.lease.give_back(spent, now_ms()));
    tell_later(host, &name);
}

/// Sends settled amounts and returned permits to the authority, batched for up to [`FLUSH_AFTER_MS`], unless another
/// task already does. To be called by a task that outlives its request.
pub async fn tell(env: &Env, subject: &Subject) {
    tell_by_name(env, &subject.name()).await;
}

async fn tell_by_name(env: &Env, name: &str) {
    let now = now_ms();
    let is_ours = with(name, |entry| {
        let is_taken_care_of = entry.told_at_ms.is_some_and(|due| now < due + OVERDUE_MS);
        let is_ours = entry.lease.has_news() && !is_taken_care_of;
        if is_ours {
            entry.told_at_ms = Some(now + FLUSH_AFTER_MS);
        }
        is_ours
    });
    if !is_ours {
        return;
    }
    loop {
        Timer::after_ms(FLUSH_AFTER_MS).await;
        let sent_ms = now_ms();
        let (ask, has_news) = with(name, |entry| {
            let ask = entry.lease.flush(sent_ms);
            entry.told_at_ms = entry.lease.has_news().then_some(sent_ms + FLUSH_AFTER_MS);
            (ask, entry.lease.has_news())
        });
        if let Some(ask) = ask {
            exchange(env, name, &ask, sent_ms).await;
        }
        if !has_news {
            return;
        }
    }
}

/// Reports that the slot of a running request is still in use.
pub async fn renew(env: &Env, subject: &Subject, slot: &str) {
    let name = subject.name();
    let sent_ms = now_ms();
    let ask = with(&name, |entry| entry.lease.renew(slot, sent_ms));
    exchange(env, &name, &ask, sent_ms).await;
}

/// What this isolate knows of the subject's limits.
pub fn meters(subject: &Subject) -> Vec<MeterState> {
    with(&subject.name(), |entry| entry.lease.meters(now_ms()))
}

/// The counts of the authority, for the admin API.
pub async fn look(env: &Env, subject: &Subject, rules: Rules) -> StoreResult<quota::Look> {
    let ask = Ask { rules, ..Ask::default() };
    quota::look(env, &subject.name(), &ask).await.map_err(StoreError::from)
}

fn with<T>(name: &str, act: impl FnOnce(&mut Entry) -> T) -> T {
    ENTRIES.with_borrow_mut(|entries| {
        if let Some(entry) = entries.get_mut(name) {
            return act(entry);
        }
        if entries.len() >= MANY_SUBJECTS {
            let now = now_ms();
            entries.retain(|_, entry| !entry.lease.is_idle(now));
        }
        act(entries.entry(name.to_owned()).or_default())
    })
}

/// Asks for more permits in the background when the lease runs low.
fn fill_up(host: &Host, name: &str) {
    let sent_ms = now_ms();
    let Some(ask) = with(name, |entry| entry.lease.refill(sent_ms)) else { return };
    let (env, name) = (host.env.clone(), name.to_owned());
    host.tasks.wait_until(async move {
        exchange(&env, &name, &ask, sent_ms).await;
        tell_by_name(&env, &name).await;
    });
}

fn tell_later(host: &Host, name: &str) {
    let (env, name) = (host.env.clone(), name.to_owned());
    host.tasks.wait_until(async move { tell_by_name(&env, &name).await });
}

/// An ask without a request that needs permits now.
async fn exchange(env: &Env, name: &str, ask: &Ask, sent_ms: u64) {
    match send(env, name, ask).await {
        Ok(reply) => {
            let now = now_ms();
            with(name, |entry| {
                let _ = entry.lease.receive(ask, &reply, sent_ms, now);
            });
        }
        Err(error) => {
            log_error("limits", &error);
            with(name, |entry| entry.lease.lost(ask, now_ms()));
        }
    }
}

/// Sends an ask. Its time-out is the lifetime of a lease, after which a grant would be useless.
async fn send(env: &Env, name: &str, ask: &Ask) -> Result<Reply, StoreError> {
    let asking = quota::ask(env, name, ask);
    pin_mut!(asking);
    match select(asking, Timer::after_ms(LEASE_TTL_MS)).await {
        Either::Left((reply, _)) => Ok(reply?),
        Either::Right(_) => Err(StoreError::Platform("the quota object does not answer".into())),
    }
}

/// Decides without the authority.
fn alone(name: &str, rules: &Rules, on_failure: Option<FailurePolicy>) -> Result<Spent, Held> {
    let default = if rules.has_budget() { FailurePolicy::FailClosed } else { FailurePolicy::FailOpen };
    if on_failure.unwrap_or(default) == FailurePolicy::FailClosed {
        return Err(Held::Unreachable);
    }
    let per_minute = rules.counted.iter().find(|rule| rule.kind == RuleKind::RequestsPerMinute);
    let capacity = per_minute.map_or(OPEN_DEFAULT, |rule| (rule.limit / OPEN_SHARE).max(1));
    let now = now_ms();
    let taken = with(name, |entry| {
        // A changed limit starts a new count.
        entry.alone = entry.alone.filter(|bucket| bucket.capacity() == capacity);
        entry.alone.get_or_insert_with(|| Bucket::new(capacity, 60_000, now)).take(now)
    });
    taken.map(|()| Spent::default()).map_err(|_| Held::Unreachable)
}

fn marker_name(name: &str, rules: &Rules) -> String {
    // The key contains the limits: a marker of a lower limit does not refuse after the limit was raised.
    let rules = sha256_hex(&serde_json::to_string(rules).unwrap_or_default());
    format!("limit:{name}:{}", rules.get(..16).unwrap_or_default())
}

/// Reads the marker in KV for a subject that this isolate does not know yet.
async fn marked(env: &Env, name: &str, rules: &Rules) -> Option<Refusal> {
    if !rules.counted.iter().any(|rule| rule.kind.is_long()) {
        return None;
    }
    let json = env.kv("KV").ok()?.get(&marker_name(name, rules)).text().await.ok()??;
    let marker: Marker = serde_json::from_str(&json).ok()?;
    let now = now_ms();
    if marker.retry_at_ms.is_some_and(|at| at <= now) {
        return None;
    }
    let refusal = Refusal {
        kind: Some(marker.kind),
        limit: marker.limit,
        retry_after_ms: marker.retry_at_ms.map(|at| at - now),
    };
    with(name, |entry| entry.lease.block(rules, refusal.clone(), LEASE_TTL_MS, now));
    Some(refusal)
}

/// Marks a limit that stays exhausted for more than a minute, for all locations.
fn mark(host: &Host, name: &str, rules: &Rules, refusal: &Refusal) {
    let now = now_ms();
    let Some(kind) = refusal.kind.filter(|kind| kind.is_long()) else { return };
    let is_short = refusal.retry_after_ms.is_some_and(|wait| wait < MARKER_TTL_S * 1000);
    let is_marked = with(name, |entry| {
        let is_marked = now < entry.marked_until_ms;
        if !is_marked && !is_short {
            entry.marked_until_ms = now + MARKER_TTL_S * 1000;
        }
        is_marked
    });
    if is_marked || is_short {
        return;
    }
    let retry_at_ms = refusal.retry_after_ms.map(|wait| now + wait);
    let marker = Marker { kind, limit: refusal.limit, retry_at_ms };
    let (env, key) = (host.env.clone(), marker_name(name, rules));
    host.tasks.wait_until(async move {
        let put = async {
            let json = serde_json::to_string(&marker)?;
            env.kv("KV")?.put(&key, json.as_str())?.expiration_ttl(MARKER_TTL_S).execute().await?;
            StoreResult::Ok(())
        };
        if let Err(error) = put.await {
            log_error("limit marker", &error);
        }
    });
}
