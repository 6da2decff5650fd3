//! The health of upstreams in this isolate, and sharing it between isolates.
//!
//! It is in memory and changes with every attempt. What blocks an upstream (an open circuit, a cool-down) is shared
//! with other isolates through one Durable Object, in the background, within seconds; everything else each isolate
//! measures for itself.

use std::cell::{Cell, RefCell};

use nexus_edge_core::routing::health::{Blocked, HealthRegistry, Permit, RegistrySettings, SharedState};
use nexus_edge_core::routing::key_pool::{KeyChoice, KeyFacts, KeyPool};
use nexus_edge_core::routing::retry::Outcomes;
use nexus_edge_core::routing::{Upstream, backoff};
use worker::Env;

use super::limiter::Slot;
use crate::objects::circuits;
use crate::platform::http::Received;
use crate::platform::{log_error, now_ms, random_u64, random_unit};

/// Milliseconds between two exchanges with the other isolates.
const HEAR_EVERY_MS: u64 = 3_000;

thread_local! {
    static REGISTRY: RefCell<Option<HealthRegistry>> = const { RefCell::new(None) };
    static KEY_POOL: RefCell<KeyPool> = RefCell::default();
    static TOLD_REVISION: Cell<u64> = const { Cell::new(0) };
    static HEARD_AT_MS: Cell<u64> = const { Cell::new(0) };
}

/// Reads or changes the registry.
pub fn with_registry<T>(work: impl FnOnce(&mut HealthRegistry) -> T) -> T {
    REGISTRY.with_borrow_mut(|registry| {
        work(registry.get_or_insert_with(|| HealthRegistry::new(RegistrySettings::default(), random_u64())))
    })
}

/// The key to use for an upstream: the preferred one (by its id) if it is healthy, otherwise the next in turn.
pub fn choose_key(upstream: &Upstream, preferred: Option<&str>, tried: &[usize]) -> KeyChoice {
    let now = now_ms();
    let facts: Vec<KeyFacts<'_>> = upstream
        .keys
        .iter()
        .map(|key| KeyFacts {
            target: &key.target,
            weight: key.weight,
            max_qps: key.max_qps.map(f64::from),
            active: true,
        })
        .collect();
    let mut random = random_unit;
    with_registry(|registry| {
        let preferred = preferred.and_then(|id| upstream.keys.iter().position(|key| key.id == id));
        if let Some(index) = preferred
            && !tried.contains(&index)
            && upstream
                .keys
                .get(index)
                .is_some_and(|key| registry.blocked_until_ms(&key.target, now).is_none())
        {
            return KeyChoice::Use(index);
        }
        KEY_POOL.with_borrow_mut(|pool| pool.choose(&facts, registry, now, tried, &mut random))
    })
}

/// The cool-down that an upstream requests, in milliseconds.
pub fn asked_rest_ms(response: &Received) -> Option<u64> {
    backoff::retry_after_ms(response.header("retry-after-ms"), response.header("retry-after"), now_ms())
}

/// The targets of an attempt in the registry.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The provider.
    pub provider: String,
    /// The model at the provider.
    pub model: String,
    /// The key at the provider.
    pub key: String,
}

/// An attempt in progress. Dropping it without an outcome is no statement about the upstream: its caller has left.
pub struct Hold {
    targets: Targets,
    permits: Option<[Permit; 3]>,
    /// The place in the provider's concurrency limiter.
    slot: Option<Slot>,
}

impl Hold {
    /// Begins an attempt, unless it is blocked.
    pub fn begin(targets: Targets) -> Result<Self, Blocked> {
        let names = [targets.provider.as_str(), targets.model.as_str(), targets.key.as_str()];
        let permits = with_registry(|registry| registry.begin_all(names, now_ms()))?;
        Ok(Self { permits: Some(permits), targets, slot: None })
    }

    /// Begins an attempt despite an open circuit, as a last resort. Cool-downs are still respected.
    pub fn begin_last_resort(targets: Targets) -> Result<Self, Blocked> {
        let names = [targets.provider.as_str(), targets.model.as_str(), targets.key.as_str()];
        let permits = with_registry(|registry| registry.begin_last_resort(names, now_ms()))?;
        Ok(Self { permits: Some(permits), targets, slot: None })
    }

    /// Whether the attempt is the trial of a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.permits.as_ref().is_some_and(|permits| permits.iter().any(Permit::is_probe))
    }

    /// Begins an attempt despite a block: there is no other candidate.
    pub fn begin_anyway(targets: Targets) -> Self {
        let now = now_ms();
        let names = [targets.provider.as_str(), targets.model.as_str(), targets.key.as_str()];
        let permits = with_registry(|registry| names.map(|name| registry.begin_anyway(name, now)));
        Self { permits: Some(permits), targets, slot: None }
    }

    /// The same with a place in the provider's concurrency limiter, which is released at its end.
    pub fn with_slot(mut self, slot: Option<Slot>) -> Self {
        self.slot = slot;
        self
    }

    /// Records the first byte of the answer, so many milliseconds after the request.
    pub fn first_byte(&self, milliseconds: u64) {
        let Some([provider, model, key]) = &self.permits else { return };
        let now = now_ms();
        with_registry(|registry| {
            registry.first_byte(&self.targets.provider, provider, now, milliseconds);
            registry.first_byte(&self.targets.model, model, now, milliseconds);
            registry.first_byte(&self.targets.key, key, now, milliseconds);
        });
    }

    /// Ends the attempt.
    pub fn end(mut self, outcomes: Outcomes) {
        let Some([provider, model, key]) = self.permits.take() else { return };
        let now = now_ms();
        with_registry(|registry| {
            registry.finish(&self.targets.provider, provider, now, outcomes.provider, None);
            registry.finish(&self.targets.model, model, now, outcomes.model, None);
            registry.finish(&self.targets.key, key, now, outcomes.key, None);
        });
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some([provider, model, key]) = self.permits.take() else { return };
        let now = now_ms();
        with_registry(|registry| {
            registry.cancel(&self.targets.provider, provider, now);
            registry.cancel(&self.targets.model, model, now);
            registry.cancel(&self.targets.key, key, now);
        });
    }
}

/// Adds an observation from elsewhere, for this isolate and all others.
pub async fn tell(env: &Env, state: SharedState) {
    let news = [state];
    with_registry(|registry| registry.absorb(&news, now_ms()));
    if let Err(error) = circuits::exchange(env, &news).await {
        log_error("circuits object", &error);
    }
}

/// Exchanges observations with the other isolates. Free while there are no changes here and the last exchange was
/// recent.
pub async fn share(env: &Env) {
    let now = now_ms();
    let (revision, news) = with_registry(|registry| {
        let revision = registry.revision();
        (revision, if revision == TOLD_REVISION.get() { Vec::new() } else { registry.export(now) })
    });
    if revision == TOLD_REVISION.get() && now < HEARD_AT_MS.get() + HEAR_EVERY_MS {
        return;
    }
    HEARD_AT_MS.set(now);
    TOLD_REVISION.set(revision);
    match circuits::exchange(env, &news).await {
        Ok(known) => with_registry(|registry| registry.absorb(&known, now_ms())),
        Err(error) => log_error("circuits object", &error),
    }
}
