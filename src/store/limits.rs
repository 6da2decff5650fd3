//! The leases of this isolate, and the requests to the authorities that grant them.
//!
//! No request waits for another one: a request that finds its lease empty asks the authority itself, because the
//! platform ties every outgoing call to the request that made it.

use std::cell::RefCell;

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::limits::fallback::MARKER_TTL_S;
use nexus_edge_core::limits::lease::FLUSH_AFTER_MS;
use nexus_edge_core::limits::sync::MeterState;
use nexus_edge_core::limits::{
    Alone, Amounts, Ask, FailurePolicy, LEASE_TTL_MS, Lease, Marker, Refusal, Reply, Rules, Spent, Step,
    Subject, SubjectKind,
};
use worker::Env;

use super::{StoreError, StoreResult};
use crate::host::Host;
use crate::objects::quota;
use crate::platform::promise::Timer;
use crate::platform::{log_error, new_ulid, now_ms};

/// Most subjects that are kept in memory while nothing of them is in progress.
const MANY_SUBJECTS: usize = 5_000;
/// A flush that is overdue by this many milliseconds has ended with the request that was to send it.
const OVERDUE_MS: u64 = 1_000;
#[derive(Default)]
struct Entry {
    lease: Lease,
    /// When the authority will be told of settled amounts, in milliseconds since the epoch; `None` if no request has
    /// taken this on.
    told_at_ms: Option<u64>,
    /// Bounds the requests that are admitted while the authority cannot be reached.
    alone: Alone,
    marked_until_ms: u64,
    /// Whether it is an address: of these callers can have any number.
    is_address: bool,
}

impl Entry {
    fn new(name: &str) -> Self {
        Self { is_address: SubjectKind::Ip.is_of(name), ..Self::default() }
    }

    /// A subject that is not idle must stay, because a request that is in progress settles with its lease. Nothing is
    /// settled with an address: what it has of permits may be lost, which only makes the limit stricter.
    fn worth(&self, now_ms: u64) -> Worth {
        if self.lease.is_idle(now_ms) {
            Worth::Nothing
        } else if self.is_address && !self.lease.has_news() {
            Worth::Something
        } else {
            Worth::Needed
        }
    }
}

thread_local! {
    static ENTRIES: RefCell<BoundedMap<String, Entry>> = RefCell::new(BoundedMap::new(MANY_SUBJECTS));
}

/// The size of this isolate's memory of limited subjects.
pub fn size() -> MapSize {
    ENTRIES.with_borrow(|entries| MapSize::of("limited_subjects", entries))
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Held {
    /// A limit is exhausted.
    Refused(Refusal),
    /// The authority cannot be reached, and the policy is to refuse in that case.
    Unreachable,
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
        let now = now_ms();
        let mut entry = Entry::new(name);
        let acted = act(&mut entry);
        entries.insert(name.to_owned(), entry, |entry| entry.worth(now));
        acted
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
    let admits = with(name, |entry| entry.alone.admits(rules, on_failure, now_ms()));
    if admits { Ok(Spent::default()) } else { Err(Held::Unreachable) }
}

/// Reads the marker in KV for a subject that this isolate does not know yet.
async fn marked(env: &Env, name: &str, rules: &Rules) -> Option<Refusal> {
    let json = env.kv("KV").ok()?.get(&Marker::name(name, rules)?).text().await.ok()??;
    let marker: Marker = serde_json::from_str(&json).ok()?;
    let now = now_ms();
    let refusal = marker.refusal(now)?;
    with(name, |entry| entry.lease.block(rules, refusal.clone(), LEASE_TTL_MS, now));
    Some(refusal)
}

/// Marks a limit that stays exhausted for more than a minute, for all locations.
fn mark(host: &Host, name: &str, rules: &Rules, refusal: &Refusal) {
    let now = now_ms();
    let (Some(marker), Some(key)) = (Marker::of(refusal, now), Marker::name(name, rules)) else { return };
    let is_marked = with(name, |entry| {
        let is_marked = now < entry.marked_until_ms;
        if !is_marked {
            entry.marked_until_ms = now + MARKER_TTL_S * 1000;
        }
        is_marked
    });
    if is_marked {
        return;
    }
    let env = host.env.clone();
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
