//! The health registry: the health of all targets, as one isolate knows it.
//!
//! A target is anything that can be healthy or not, by name: a provider (`uid`), a model at a provider (`uid/model`),
//! a key (`uid#key`, with a tag of its value). An attempt begins at each of its targets, which returns a [`Permit`], and ends by returning the
//! permit with the outcome. The number of targets is bounded; the least recently used one is dropped first.

use std::collections::HashMap;

use super::Outcome;
use super::circuit::{CircuitSettings, Opening, ProbeTurn};
use super::shared::{CLOSING_TOLD_MS, MAX_BLOCK_MS, SharedKind, SharedState};
use super::target::{News, Target, TargetView};
use super::witnesses::Caller;
use crate::routing::num::{count, float};
use crate::routing::random::SplitMix64;

/// For this many milliseconds isolates leave the trial of a half-open circuit to the one that saw the last failure:
/// long enough to receive its result, which takes two seconds, and different for each isolate, so that they do not
/// all try at once.
const HEARSAY_GRACE_MS: (u64, u64) = (5_000, 20_000);

/// Settings of a registry.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrySettings {
    /// When circuits open, and for how long.
    pub circuit: CircuitSettings,
    /// Most targets; each takes up to about a kilobyte.
    pub max_targets: usize,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self { circuit: CircuitSettings::default(), max_targets: 2_048 }
    }
}

/// Permission for one attempt at a target. Return it with [`HealthRegistry::finish`] or [`HealthRegistry::cancel`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an attempt that is not ended counts as under way for ever"]
pub struct Permit {
    serial: u64,
    begun_ms: u64,
    lease: Option<u64>,
}

impl Permit {
    /// Whether this attempt is the trial of a half-open circuit.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.lease.is_some()
    }
}

/// Why an attempt is not permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// The time before which asking again is useless, in milliseconds since the epoch.
    pub until_ms: u64,
    /// Whether an open circuit is the cause (otherwise a cool-down).
    pub by_circuit: bool,
}

/// What blocks a target, and until when, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Blocks {
    /// Its circuit is open, or its trial is in progress.
    pub by_circuit_ms: Option<u64>,
    /// It is cooling down, as it requested.
    pub by_rest_ms: Option<u64>,
}

impl Blocks {
    /// The block of two targets together.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            by_circuit_ms: self.by_circuit_ms.max(other.by_circuit_ms),
            by_rest_ms: self.by_rest_ms.max(other.by_rest_ms),
        }
    }
}

/// See the module documentation.
#[derive(Debug)]
pub struct HealthRegistry {
    settings: RegistrySettings,
    targets: HashMap<Box<str>, Target>,
    serials: u64,
    revision: u64,
    random: SplitMix64,
    /// Milliseconds for which this isolate leaves the trial to the one that saw the last failure.
    hearsay_grace_ms: u64,
}

impl HealthRegistry {
    /// An empty registry. `seed` makes its jitter differ from that of other isolates.
    #[must_use]
    pub fn new(settings: RegistrySettings, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let (least, most) = HEARSAY_GRACE_MS;
        let hearsay_grace_ms = least + count(random.next_f64() * float(most - least));
        Self { settings, targets: HashMap::new(), serials: 0, revision: 0, random, hearsay_grace_ms }
    }

    /// Changes the settings; the state is kept.
    pub fn set_settings(&mut self, settings: RegistrySettings) {
        self.settings = settings;
    }

    /// Number of targets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Most targets.
    #[must_use]
    pub const fn most(&self) -> usize {
        self.settings.max_targets
    }

    /// The state of a target.
    #[must_use]
    pub fn view(&self, target: &str, now_ms: u64) -> TargetView {
        self.targets.get(target).map(|state| state.view(now_ms)).unwrap_or_default()
    }

    /// The combined state of a model and its provider.
    #[must_use]
    pub fn view_of_model(&self, provider: &str, model: &str, now_ms: u64) -> TargetView {
        TargetView::of_model_at(&self.view(model, now_ms), &self.view(provider, now_ms))
    }

    /// The time before which a target should not be asked; `None` if it may be asked now. Cheaper than a view.
    #[must_use]
    pub fn blocked_until_ms(&self, target: &str, now_ms: u64) -> Option<u64> {
        self.targets.get(target)?.blocked_until_ms(now_ms)
    }

    /// The same, with the cause.
    #[must_use]
    pub fn blocks(&self, target: &str, now_ms: u64) -> Blocks {
        self.targets.get(target).map_or_else(Blocks::default, |state| Blocks {
            by_circuit_ms: state.circuit.phase(now_ms).blocked_until_ms(),
            by_rest_ms: state.cooldown(now_ms),
        })
    }

    /// Which isolate should make the trial of a target.
    #[must_use]
    pub fn probe_turn(&self, target: &str, now_ms: u64) -> ProbeTurn {
        let state = self.targets.get(target);
        state.map_or(ProbeTurn::NotDue, |state| state.circuit.probe_turn(now_ms, self.hearsay_grace_ms))
    }

    /// Begins an attempt, if it is permitted. On a half-open circuit it is the trial.
    pub fn begin(&mut self, target: &str, now_ms: u64) -> Result<Permit, Blocked> {
        if let Some(state) = self.targets.get(target)
            && let Some(until_ms) = state.blocked_until_ms(now_ms)
        {
            let by_circuit = state.circuit.phase(now_ms).blocked_until_ms().is_some();
            return Err(Blocked { until_ms, by_circuit });
        }
        Ok(self.begin_anyway(target, now_ms))
    }

    /// Begins an attempt regardless of the target's state.
    pub fn begin_anyway(&mut self, target: &str, now_ms: u64) -> Permit {
        self.ensure(target, now_ms);
        let Self { targets, settings, .. } = self;
        let Some(state) = targets.get_mut(target) else {
            return Permit { serial: 0, begun_ms: now_ms, lease: None };
        };
        state.in_flight = state.in_flight.saturating_add(1);
        state.used_ms = state.used_ms.max(now_ms);
        let lease = state.circuit.claim_probe(now_ms, &settings.circuit);
        Permit { serial: state.serial, begun_ms: now_ms, lease }
    }

    /// Begins an attempt at all of several targets, or at none.
    pub fn begin_all<const N: usize>(
        &mut self,
        targets: [&str; N],
        now_ms: u64,
    ) -> Result<[Permit; N], Blocked> {
        let blocks = self.blocks_of(targets, now_ms);
        match blocks.by_circuit_ms.max(blocks.by_rest_ms) {
            Some(until_ms) => Err(Blocked { until_ms, by_circuit: blocks.by_circuit_ms.is_some() }),
            None => Ok(targets.map(|target| self.begin_anyway(target, now_ms))),
        }
    }

    /// The same despite open circuits, as a last resort. Cool-downs are still respected.
    pub fn begin_last_resort<const N: usize>(
        &mut self,
        targets: [&str; N],
        now_ms: u64,
    ) -> Result<[Permit; N], Blocked> {
        match self.blocks_of(targets, now_ms).by_rest_ms {
            Some(until_ms) => Err(Blocked { until_ms, by_circuit: false }),
            None => Ok(targets.map(|target| self.begin_anyway(target, now_ms))),
        }
    }

    fn blocks_of<const N: usize>(&self, targets: [&str; N], now_ms: u64) -> Blocks {
        let blocks = targets.into_iter().map(|target| self.blocks(target, now_ms));
        blocks.reduce(Blocks::or).unwrap_or_default()
    }

    /// The first byte of a successful answer has arrived, `ttfb_ms` after the request was sent. This is enough for a
    /// trial: the circuit closes without waiting for the end of a long answer. Pass no time to [`HealthRegistry::finish`]
    /// then.
    pub fn first_byte(&mut self, target: &str, permit: &Permit, now_ms: u64, ttfb_ms: u64) {
        if let Some(state) = self.targets.get_mut(target).filter(|state| state.serial == permit.serial) {
            state.record_latency(ttfb_ms, now_ms);
            if state.first_byte(permit.lease, permit.begun_ms, now_ms) == News::Some {
                self.revision += 1;
            }
        }
    }

    /// Ends an attempt. `ttfb_ms` is the time to first byte of a successful answer.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is used up")]
    pub fn finish(
        &mut self,
        target: &str,
        permit: Permit,
        now_ms: u64,
        outcome: Outcome,
        ttfb_ms: Option<u64>,
    ) {
        let random = self.random.next_f64();
        let Permit { serial, begun_ms, lease } = permit;
        let Self { targets, settings, revision, .. } = self;
        // A target that was dropped in the meantime has no state to update.
        let Some(state) = targets.get_mut(target).filter(|state| state.serial == serial) else { return };
        state.in_flight = state.in_flight.saturating_sub(1);
        state.used_ms = state.used_ms.max(now_ms);
        if let Some(ttfb_ms) = ttfb_ms {
            state.record_latency(ttfb_ms, now_ms);
        }
        if state.settle(outcome, (lease, begun_ms), now_ms, &settings.circuit, random) == News::Some {
            *revision += 1;
        }
    }

    /// Ends an attempt for a caller. What it says about the target is weighed against what other callers see: see
    /// `witnesses.rs`.
    pub fn finish_for(
        &mut self,
        caller: Caller,
        target: &str,
        permit: Permit,
        now_ms: u64,
        outcome: Outcome,
    ) {
        let outcome = match self.targets.get_mut(target).map(|state| (&mut state.witnesses, outcome)) {
            Some((witnesses, Outcome::Success)) => {
                witnesses.answered(caller, now_ms);
                outcome
            }
            Some((witnesses, Outcome::Failure)) => {
                if witnesses.failed(caller, now_ms) {
                    outcome
                } else {
                    Outcome::Neutral
                }
            }
            Some((witnesses, Outcome::Refused { retry_after_ms })) => {
                let is_bad = witnesses.refused(caller, retry_after_ms, now_ms);
                if is_bad { Outcome::Rejected { retry_after_ms } } else { Outcome::Neutral }
            }
            _ => outcome,
        };
        self.finish(target, permit, now_ms, outcome, None);
    }

    /// A target has begun to answer a caller.
    pub fn answers(&mut self, caller: Caller, target: &str, now_ms: u64) {
        if let Some(state) = self.targets.get_mut(target) {
            state.witnesses.answered(caller, now_ms);
        }
    }

    /// The time before which a target should not be asked for this caller; `None` if it may be asked now.
    #[must_use]
    pub fn blocked_for_until_ms(&self, caller: Caller, target: &str, now_ms: u64) -> Option<u64> {
        let state = self.targets.get(target)?;
        state.blocked_until_ms(now_ms).max(state.witnesses.rests_until_ms(caller, now_ms))
    }

    /// Ends an attempt whose result is not needed any more: without an outcome; a trial is released.
    pub fn cancel(&mut self, target: &str, permit: Permit, now_ms: u64) {
        self.finish(target, permit, now_ms, Outcome::Neutral, None);
    }

    /// Records an outcome that did not go through [`HealthRegistry::begin`], such as that of a scheduled probe.
    pub fn note(&mut self, target: &str, now_ms: u64, outcome: Outcome, ttfb_ms: Option<u64>) {
        let permit = self.begin_anyway(target, now_ms);
        self.finish(target, permit, now_ms, outcome, ttfb_ms);
    }

    /// Drops a target, for instance because its configuration has changed.
    pub fn forget(&mut self, target: &str) {
        self.targets.remove(target);
    }

    /// All known targets, in no order.
    pub fn targets(&self, now_ms: u64) -> impl Iterator<Item = (&str, TargetView)> {
        self.targets.iter().map(move |(name, state)| (&**name, state.view(now_ms)))
    }

    /// Incremented whenever there are changes to share.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What this isolate has observed itself and others should know. What it received from others is not repeated.
    #[must_use]
    pub fn export(&self, now_ms: u64) -> Vec<SharedState> {
        let mut shared = Vec::new();
        let mut tell = |target: &str, kind, observed_at_ms, until_ms: u64, level| {
            let until_ms = until_ms.min(now_ms.saturating_add(MAX_BLOCK_MS));
            if until_ms > now_ms {
                shared.push(SharedState { target: target.to_owned(), kind, until_ms, observed_at_ms, level });
            }
        };
        for (target, state) in &self.targets {
            if let Some(Opening { observed_at_ms, until_ms, level }) = state.circuit.own_opening() {
                tell(target, SharedKind::Open, observed_at_ms, until_ms, level);
            }
            if let Some(closed_ms) = state.circuit.own_closing_ms() {
                tell(target, SharedKind::Closed, closed_ms, closed_ms.saturating_add(CLOSING_TOLD_MS), 0);
            }
            if state.cooldown_seen_ms > 0 {
                tell(target, SharedKind::Cooldown, state.cooldown_seen_ms, state.cooldown_until_ms, 0);
            }
        }
        shared
    }

    /// Merges observations of others. Implausible and expired ones are ignored.
    pub fn absorb(&mut self, shared: &[SharedState], now_ms: u64) {
        for news in shared.iter().filter(|news| news.is_sound(now_ms)) {
            self.ensure(&news.target, now_ms);
            let Some(state) = self.targets.get_mut(news.target.as_str()) else { continue };
            let SharedState { until_ms, observed_at_ms, level, .. } = *news;
            match news.kind {
                SharedKind::Open => state.circuit.hear_opening(Opening { observed_at_ms, until_ms, level }),
                SharedKind::Closed if news.is_reset() => state.circuit.reset(observed_at_ms),
                SharedKind::Closed => state.circuit.hear_closing(observed_at_ms),
                SharedKind::Cooldown if until_ms > state.cooldown_until_ms => {
                    state.cooldown_until_ms = until_ms;
                    state.cooldown_seen_ms = 0;
                }
                SharedKind::Cooldown => {}
            }
        }
    }

    /// Ensures that a target exists, dropping others if there are too many.
    fn ensure(&mut self, target: &str, now_ms: u64) {
        if self.targets.contains_key(target) {
            return;
        }
        if self.targets.len() >= self.settings.max_targets.max(1) {
            self.evict(now_ms);
        }
        self.serials += 1;
        self.targets.insert(target.into(), Target::new(self.serials, now_ms));
    }

    /// Drops an eighth of all targets: first healthy ones, least recently used first, then the others. So a flood of
    /// new names costs little per name.
    fn evict(&mut self, now_ms: u64) {
        let mut by_worth: Vec<(bool, u64, u64)> =
            self.targets.values().map(|state| (state.matters(now_ms), state.used_ms, state.serial)).collect();
        by_worth.sort_unstable();
        let surplus = self.targets.len().div_ceil(8);
        let Some(last) = by_worth.get(surplus.saturating_sub(1)).copied() else { return };
        self.targets.retain(|_, state| (state.matters(now_ms), state.used_ms, state.serial) > last);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Phase;
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;

    fn registry() -> HealthRegistry {
        HealthRegistry::new(RegistrySettings::default(), 1)
    }

    fn kill(registry: &mut HealthRegistry, target: &str, now: u64) {
        for _ in 0..5 {
            registry.note(target, now, Outcome::Failure, None);
        }
    }

    #[test]
    fn attempts_are_counted_while_they_are_under_way() {
        let mut registry = registry();
        let first = registry.begin("a", NOW).unwrap();
        let second = registry.begin("a", NOW).unwrap();
        assert_eq!(registry.view("a", NOW).in_flight, 2);
        registry.finish("a", first, NOW + 100, Outcome::Success, Some(100));
        registry.cancel("a", second, NOW + 100);
        let view = registry.view("a", NOW + 100);
        assert_eq!((view.in_flight, view.error_rate), (0, Some(0.0)));
        assert!((95..=105).contains(&view.p95_ms.unwrap()));
        assert_eq!(registry.view("never asked", NOW), TargetView::default());
        let json = serde_json::to_value(view).unwrap();
        assert_eq!(json["circuit"], serde_json::json!({"state": "closed"}));
    }

    #[test]
    fn a_dead_target_is_left_alone_probed_once_and_taken_back() {
        let mut registry = registry();
        kill(&mut registry, "a", NOW);
        let blocked = registry.begin("a", NOW + 1).unwrap_err();
        assert!(blocked.by_circuit && (NOW + 8_000..=NOW + 10_000).contains(&blocked.until_ms));
        let probe = registry.begin("a", blocked.until_ms).unwrap();
        assert!(probe.is_probe());
        assert!(registry.begin("a", blocked.until_ms).is_err());
        registry.cancel("a", probe, blocked.until_ms + 5);
        let probe = registry.begin("a", blocked.until_ms + 5).unwrap();
        registry.first_byte("a", &probe, blocked.until_ms + 50, 45);
        assert!(registry.begin("a", blocked.until_ms + 50).is_ok(), "the first byte is enough");
        registry.finish("a", probe, blocked.until_ms + 9_000, Outcome::Success, None);
        assert_eq!(registry.view("a", blocked.until_ms + 9_000).circuit, Phase::Closed);
    }

    #[test]
    fn retry_after_is_kept_to_the_millisecond_and_opens_nothing() {
        let mut registry = registry();
        for _ in 0..50 {
            registry.note("a", NOW, Outcome::RateLimited { retry_after_ms: Some(1_234) }, None);
        }
        registry.note("a", NOW, Outcome::RateLimited { retry_after_ms: Some(5) }, None);
        assert_eq!(
            registry.begin("a", NOW + 1_233),
            Err(Blocked { until_ms: NOW + 1_234, by_circuit: false })
        );
        let view = registry.view("a", NOW + 1_234);
        assert_eq!((view.circuit, view.error_rate, view.penalty), (Phase::Closed, None, 0.0));
        assert!(registry.begin("a", NOW + 1_234).is_ok());
    }

    #[test]
    fn a_refused_key_rests_longer_every_time_but_once_for_requests_that_went_together() {
        let mut registry = registry();
        let together: Vec<Permit> = (0..10).map(|_| registry.begin("k", NOW).unwrap()).collect();
        for permit in together {
            registry.finish("k", permit, NOW + 50, Outcome::Rejected { retry_after_ms: None }, None);
        }
        let first = registry.blocked_until_ms("k", NOW + 50).unwrap() - NOW - 50;
        assert!((24_000..=30_000).contains(&first), "{first}");
        let later = NOW + 100_000;
        registry.note("k", later, Outcome::Rejected { retry_after_ms: None }, None);
        let second = registry.blocked_until_ms("k", later).unwrap() - later;
        assert!((48_000..=60_000).contains(&second), "{second}");
        assert_eq!(registry.view("k", later).circuit, Phase::Closed);
    }

    #[test]
    fn the_penalty_grows_with_failures_and_fades() {
        let mut registry = registry();
        for _ in 0..3 {
            registry.note("a", NOW, Outcome::Failure, None);
        }
        assert!((registry.view("a", NOW).penalty - 0.6).abs() < 1e-9);
        assert!((registry.view("a", NOW + 120_000).penalty - 0.3).abs() < 1e-9);
        registry.note("a", NOW, Outcome::Success, None);
        assert!((registry.view("a", NOW).penalty - 0.55).abs() < 1e-9);
    }

    #[test]
    fn several_targets_begin_together_or_not_at_all() {
        let mut registry = registry();
        kill(&mut registry, "p/m", NOW);
        assert!(registry.begin_all(["p", "p/m", "p#k"], NOW).is_err());
        assert_eq!(registry.view("p", NOW).in_flight, 0);
        assert!(registry.begin_last_resort(["p", "p/m"], NOW).is_ok());
        registry.note("r", NOW, Outcome::RateLimited { retry_after_ms: Some(9) }, None);
        assert_eq!(
            registry.begin_last_resort(["p/m", "r"], NOW),
            Err(Blocked { until_ms: NOW + 9, by_circuit: false })
        );
        let permits = registry.begin_all(["p", "q/m", "p#k"], NOW).unwrap();
        assert!(permits.iter().all(|permit| !permit.is_probe()));
        assert_eq!(registry.view("p#k", NOW).in_flight, 1);
    }

    #[test]
    fn a_provider_speaks_for_models_that_are_little_known() {
        let mut registry = registry();
        for _ in 0..4 {
            registry.note("p", NOW, Outcome::Failure, None);
        }
        assert_eq!(registry.view_of_model("p", "p/m", NOW).error_rate, Some(1.0));
        registry.note("p/m", NOW, Outcome::Success, Some(70));
        registry.note("p/m", NOW, Outcome::Success, Some(70));
        assert_eq!(registry.view_of_model("p", "p/m", NOW).error_rate, Some(0.0));
        kill(&mut registry, "p", NOW);
        assert!(registry.view_of_model("p", "p/m", NOW).blocked_until_ms().is_some());
        kill(&mut registry, "p/m", NOW + 5_000);
        let later = NOW + 5_000;
        let (both, model) = (registry.view_of_model("p", "p/m", later), registry.view("p/m", later));
        assert_eq!(both.blocked_until_ms(), model.blocked_until_ms(), "the longer one counts");
    }

    #[test]
    fn memory_is_bounded_and_what_matters_stays() {
        let mut registry = HealthRegistry::new(RegistrySettings { max_targets: 64, ..Default::default() }, 1);
        kill(&mut registry, "dead", NOW);
        let permit = registry.begin("busy", NOW).unwrap();
        for index in 0..5_000_u64 {
            registry.note(&format!("t{index}"), NOW + index, Outcome::Success, Some(5));
        }
        assert!(registry.targets.len() <= 64);
        assert!(registry.blocked_until_ms("dead", NOW + 5_000).is_some());
        assert_eq!(registry.view("busy", NOW + 5_000).in_flight, 1);
        registry.forget("busy");
        let _other = registry.begin("busy", NOW).unwrap();
        registry.finish("busy", permit, NOW, Outcome::Failure, None);
        assert_eq!(registry.view("busy", NOW).in_flight, 1, "the permit was for the one that is forgotten");
    }

    #[test]
    fn one_isolate_tells_another() {
        let (mut one, mut other) = (registry(), HealthRegistry::new(RegistrySettings::default(), 2));
        kill(&mut one, "a", NOW);
        one.note("b", NOW, Outcome::RateLimited { retry_after_ms: Some(3_000) }, None);
        assert_eq!(one.revision(), 2);
        let told = one.export(NOW + 1);
        let json = serde_json::to_string(&told).unwrap();
        let heard: Vec<SharedState> = serde_json::from_str(&json).unwrap();
        assert_eq!(heard, told);
        other.absorb(&heard, NOW + 2);
        for target in ["a", "b"] {
            assert_eq!(
                other.blocked_until_ms(target, NOW + 2),
                one.blocked_until_ms(target, NOW + 2),
                "{target}"
            );
        }
        assert!(other.export(NOW + 2).is_empty(), "hearsay is not told on");
        // The first finds it healthy again; the second need not wait.
        let until = one.blocked_until_ms("a", NOW + 2).unwrap();
        let probe = one.begin("a", until).unwrap();
        one.finish("a", probe, until + 10, Outcome::Success, None);
        other.absorb(&one.export(until + 20), until + 20);
        assert_eq!(other.view("a", until + 20).circuit, Phase::Closed);
    }

    #[test]
    fn nonsense_is_passed_by() {
        let mut registry = registry();
        let good = SharedState {
            target: "a".into(),
            kind: SharedKind::Open,
            until_ms: NOW + 5_000,
            observed_at_ms: NOW,
            level: 1,
        };
        let nonsense = [
            SharedState { until_ms: NOW + MAX_BLOCK_MS + 1, ..good.clone() },
            SharedState { until_ms: u64::MAX, ..good.clone() },
            SharedState { until_ms: NOW, ..good.clone() },
            SharedState { observed_at_ms: NOW + 60_000, until_ms: NOW + 70_000, ..good.clone() },
            SharedState { observed_at_ms: NOW + 6_000, ..good.clone() },
            SharedState { target: String::new(), ..good.clone() },
            SharedState { target: "x".repeat(257), ..good.clone() },
            SharedState { level: 65, ..good.clone() },
        ];
        registry.absorb(&nonsense, NOW);
        assert!(registry.targets.is_empty());
        registry.absorb(&[good], NOW);
        assert!(registry.begin("a", NOW).is_err());
    }

    /// What isolates tell each other; not the closing that an operator orders, which does close what is known to be worse.
    fn shared() -> impl Strategy<Value = SharedState> {
        let kind = prop_oneof![Just(SharedKind::Open), Just(SharedKind::Closed), Just(SharedKind::Cooldown)];
        (0_u8..3, kind, 0_u64..700_000, 0_u64..60_000, 0_u32..5).prop_map(
            |(target, kind, until, ago, level)| SharedState {
                target: format!("t{target}"),
                kind,
                until_ms: NOW + until,
                observed_at_ms: NOW - ago,
                level: if kind == SharedKind::Closed { 0 } else { level },
            },
        )
    }

    fn blocks(registry: &HealthRegistry) -> Vec<Option<u64>> {
        ["t0", "t1", "t2"].map(|target| registry.blocked_until_ms(target, NOW)).to_vec()
    }

    proptest! {
        #[test]
        fn hearing_is_idempotent_commutative_and_bounded(
            news in proptest::collection::vec(shared(), 0..12),
            order in any::<u64>(),
            own in any::<bool>(),
        ) {
            let fresh = || {
                let mut registry = registry();
                if own {
                    kill(&mut registry, "t0", NOW - 1_000);
                }
                registry
            };
            let before = blocks(&fresh());
            let mut forward = fresh();
            forward.absorb(&news, NOW);
            let once = blocks(&forward);
            forward.absorb(&news, NOW);
            prop_assert_eq!(&blocks(&forward), &once);
            let mut shuffled = news.clone();
            shuffled.sort_by_key(|news| (news.until_ms ^ news.observed_at_ms).wrapping_mul(order | 1).rotate_left(17));
            let mut other = fresh();
            for one in &shuffled {
                other.absorb(std::slice::from_ref(one), NOW);
            }
            prop_assert_eq!(&blocks(&other), &once);
            let latest = news.iter().filter(|news| news.is_sound(NOW)).map(|news| news.until_ms).max();
            for (before, after) in before.iter().zip(&once) {
                prop_assert!(after >= before, "never closes what is known to be worse");
                prop_assert!(*after <= (*before).max(latest), "never outlasts what was told");
            }
        }
    }
}
