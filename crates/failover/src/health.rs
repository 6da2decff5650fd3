//! The health of upstreams while they are asked: permits in the health registry, and the choice of a key.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::routing::health::{Blocked, Caller, HealthRegistry, Permit};
use nexus_edge_core::routing::key_pool::{KeyChoice, KeyFacts, KeyPool};
use nexus_edge_core::routing::retry::Outcomes;
use nexus_edge_core::routing::{Candidate, Upstream};

/// The health registry and the key pools of one isolate.
#[derive(Debug)]
pub struct Health {
    registry: RefCell<HealthRegistry>,
    keys: RefCell<KeyPool>,
    clock: fn() -> u64,
}

impl Health {
    /// Begins with this registry. `clock` gives milliseconds since the epoch, also where a permit is dropped.
    #[must_use]
    pub fn new(registry: HealthRegistry, clock: fn() -> u64) -> Self {
        Self { registry: RefCell::new(registry), keys: RefCell::default(), clock }
    }

    /// Reads or changes the registry.
    pub fn with_registry<T>(&self, work: impl FnOnce(&mut HealthRegistry) -> T) -> T {
        work(&mut self.registry.borrow_mut())
    }

    /// The key to use for an upstream and a caller: the preferred one (by its id) if it is healthy, otherwise the next in turn.
    pub fn choose_key(
        &self,
        caller: Caller,
        upstream: &Upstream,
        preferred: Option<&str>,
        tried: &[usize],
        random: &mut dyn FnMut() -> f64,
    ) -> KeyChoice {
        let now = (self.clock)();
        let preferred = preferred.and_then(|id| upstream.keys.iter().position(|key| key.id == id));
        let registry = self.registry.borrow();
        if let Some(index) = preferred.filter(|index| !tried.contains(index))
            && let Some(key) = upstream.keys.get(index)
            && registry.blocked_for_until_ms(caller, &key.target, now).is_none()
        {
            return KeyChoice::Use(index);
        }
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
        self.keys.borrow_mut().choose(caller, &facts, &registry, now, tried, random)
    }
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
    /// For whom it is asked.
    pub caller: Caller,
}

impl Targets {
    /// Those of an attempt at this candidate for a caller.
    #[must_use]
    pub fn of(candidate: &Candidate, caller: Caller) -> Self {
        let provider = candidate.upstream.record.uid.clone();
        let key = match candidate.key() {
            Some(key) => key.target.clone(),
            None => candidate.upstream.keyless_target(),
        };
        Self { model: candidate.target.to_string(), provider, key, caller }
    }

    fn names(&self) -> [&str; 3] {
        [&self.provider, &self.model, &self.key]
    }
}

/// An attempt in progress, with what it has taken of limits (`S`). Dropping it without an outcome is no
/// statement about the upstream: its caller has left.
#[derive(Debug)]
pub struct Hold<S> {
    health: Rc<Health>,
    targets: Targets,
    permits: Option<[Permit; 3]>,
    /// Released with the attempt.
    slot: Option<S>,
}

impl<S> Hold<S> {
    /// Begins an attempt, unless it is blocked.
    ///
    /// # Errors
    /// What blocks it, and until when.
    pub fn begin(health: &Rc<Health>, targets: Targets) -> Result<Self, Blocked> {
        let now = (health.clock)();
        let permits = health.with_registry(|registry| registry.begin_all(targets.names(), now))?;
        Ok(Self::with(health, targets, permits))
    }

    /// Begins an attempt despite an open circuit, as a last resort. Cool-downs are still respected.
    ///
    /// # Errors
    /// The cool-down that blocks it.
    pub fn begin_last_resort(health: &Rc<Health>, targets: Targets) -> Result<Self, Blocked> {
        let now = (health.clock)();
        let permits = health.with_registry(|registry| registry.begin_last_resort(targets.names(), now))?;
        Ok(Self::with(health, targets, permits))
    }

    /// Begins an attempt despite a block: there is no other candidate.
    #[must_use]
    pub fn begin_anyway(health: &Rc<Health>, targets: Targets) -> Self {
        let now = (health.clock)();
        let permits =
            health.with_registry(|registry| targets.names().map(|name| registry.begin_anyway(name, now)));
        Self::with(health, targets, permits)
    }

    fn with(health: &Rc<Health>, targets: Targets, permits: [Permit; 3]) -> Self {
        Self { health: Rc::clone(health), targets, permits: Some(permits), slot: None }
    }

    /// Whether the attempt is the trial of a half-open circuit.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.permits.as_ref().is_some_and(|permits| permits.iter().any(Permit::is_probe))
    }

    /// The same with what the attempt has taken of limits, which is released at its end.
    #[must_use]
    pub fn with_slot(mut self, slot: Option<S>) -> Self {
        self.slot = slot;
        self
    }

    /// What the attempt has taken of limits.
    pub fn slot_mut(&mut self) -> Option<&mut S> {
        self.slot.as_mut()
    }

    /// The same, taken out.
    pub fn take_slot(&mut self) -> Option<S> {
        self.slot.take()
    }

    /// Records the first byte of the answer, so many milliseconds after the request.
    pub fn first_byte(&self, milliseconds: u64) {
        let Some(permits) = &self.permits else { return };
        let now = (self.health.clock)();
        self.health.with_registry(|registry| {
            for (name, permit) in self.targets.names().into_iter().zip(permits) {
                registry.first_byte(name, permit, now, milliseconds);
            }
            registry.answers(self.targets.caller, &self.targets.key, now);
        });
    }

    /// Ends the attempt.
    pub fn end(mut self, outcomes: Outcomes) {
        let Some([provider, model, key]) = self.permits.take() else { return };
        let now = (self.health.clock)();
        self.health.with_registry(|registry| {
            let Targets { provider: of_provider, model: of_model, key: of_key, caller } = &self.targets;
            registry.finish_for(*caller, of_provider, provider, now, outcomes.provider);
            registry.finish_for(*caller, of_model, model, now, outcomes.model);
            registry.finish_for(*caller, of_key, key, now, outcomes.key);
        });
    }
}

impl<S> Drop for Hold<S> {
    fn drop(&mut self) {
        let Some(permits) = self.permits.take() else { return };
        let now = (self.health.clock)();
        self.health.with_registry(|registry| {
            for (name, permit) in self.targets.names().into_iter().zip(permits) {
                registry.cancel(name, permit, now);
            }
        });
    }
}
