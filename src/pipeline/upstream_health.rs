//! The health of upstreams in this isolate, and sharing it between isolates.
//!
//! It is in memory and changes with every attempt. What blocks an upstream (an open circuit, a cool-down) is shared
//! with other isolates through one Durable Object, in the background, within seconds; everything else each isolate
//! measures for itself.

use std::cell::Cell;
use std::rc::Rc;

use nexus_edge_core::routing::backoff;
use nexus_edge_core::routing::health::{HealthRegistry, RegistrySettings, SharedState};
use nexus_edge_failover::Health;
use worker::Env;

use super::admission::Slot;
use crate::objects::circuits::{self, Heard};
use crate::platform::http::Received;
use crate::platform::{log_error, now_ms, random_u64, rarely};
use crate::store::live;

/// Milliseconds between two exchanges with the other isolates.
const HEAR_EVERY_MS: u64 = 3_000;

thread_local! {
    static HEALTH: Rc<Health> =
        Rc::new(Health::new(HealthRegistry::new(RegistrySettings::default(), random_u64()), now_ms));
    static TOLD_REVISION: Cell<u64> = const { Cell::new(0) };
    static HEARD_AT_MS: Cell<u64> = const { Cell::new(0) };
}

/// An attempt in progress, with its permits and what it has taken of limits.
pub type Hold = nexus_edge_failover::Hold<Slot>;

/// The health of upstreams as this isolate knows it.
pub fn health() -> Rc<Health> {
    HEALTH.with(Rc::clone)
}

/// Reads or changes the registry.
pub fn with_registry<T>(work: impl FnOnce(&mut HealthRegistry) -> T) -> T {
    HEALTH.with(|health| health.with_registry(work))
}

/// The cool-down that an upstream requests, in milliseconds.
pub fn asked_rest_ms(response: &Received) -> Option<u64> {
    backoff::retry_after_ms(response.header("retry-after-ms"), response.header("retry-after"), now_ms())
}

/// The same as it is told to a caller, in seconds.
pub fn asked_wait_s(response: &Received) -> Option<u32> {
    backoff::told_retry_after_s(response.header("retry-after-ms"), response.header("retry-after"), now_ms())
}

/// Adds observations from elsewhere, for this isolate and all others.
pub async fn tell(env: &Env, news: &[SharedState]) {
    with_registry(|registry| registry.absorb(news, now_ms()));
    if let Err(error) = circuits::exchange(env, news).await {
        log_error("circuits object", &error);
    }
}

/// Exchanges observations with the other isolates. Free while there are no changes here and the last exchange was
/// recent; a comparison of the configuration's versions is one.
pub async fn share(env: &Env) {
    let now = now_ms();
    if let Some(heard) = circuits::take_heard() {
        HEARD_AT_MS.set(heard.asked_at_ms.max(HEARD_AT_MS.get()));
        take_in(&heard);
    }
    let (revision, news) = with_registry(|registry| {
        let revision = registry.revision();
        (revision, if revision == TOLD_REVISION.get() { Vec::new() } else { registry.export(now) })
    });
    if revision == TOLD_REVISION.get() && now < HEARD_AT_MS.get() + HEAR_EVERY_MS {
        return;
    }
    HEARD_AT_MS.set(now);
    TOLD_REVISION.set(revision);
    match rarely(circuits::exchange(env, &news)).await {
        Ok(heard) => take_in(&heard),
        Err(error) => log_error("circuits object", &error),
    }
}

fn take_in(heard: &Heard) {
    live::note_watched(heard.watched_for_ms, heard.asked_at_ms);
    with_registry(|registry| registry.absorb(&heard.states, now_ms()));
}
