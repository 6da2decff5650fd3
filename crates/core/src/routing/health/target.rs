//! The state of one target.

use serde::Serialize;

use super::Outcome;
use super::circuit::{Circuit, CircuitSettings, Phase};
use super::error_rate::ErrorRate;
use super::latency::LatencySketch;
use super::witnesses::Witnesses;
use crate::routing::num::{count, float};

/// Half-life of the error rate, of the penalty and of latencies, in milliseconds.
const ERROR_HALF_LIFE_MS: u64 = 60_000;
const PENALTY_HALF_LIFE_MS: u64 = 120_000;
const LATENCY_HALF_LIFE_MS: u64 = 300_000;
/// First and longest cool-down, in milliseconds, of a target that limits its rate without stating a time.
const LIMITED_REST_MS: (u64, u64) = (1_000, 60_000);
/// The same for a key that was refused.
const REJECTED_REST_MS: (u64, u64) = (30_000, 600_000);
/// By how much a success reduces the penalty, and a failure and a refused key raise it.
const PENALTY_STEPS: (f64, f64, f64) = (0.05, 0.2, 0.5);
/// With fewer recent requests, a model has no error rate of its own.
const MIN_REQUESTS: f64 = 1.0;
/// Largest penalty of a target whose circuit closed; with a larger one it would get no traffic to recover.
const PENALTY_AFTER_PROBE: f64 = 0.25;

/// The state of a target at one moment. The default is that of a target without any requests.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TargetView {
    /// The circuit.
    pub circuit: Phase,
    /// It is cooling down until then (milliseconds since the epoch).
    pub cooldown_until_ms: Option<u64>,
    /// Median time to first byte, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 95th percentile of it.
    pub p95_ms: Option<u64>,
    /// Error rate of about the last minute, 0 to 1.
    pub error_rate: Option<f64>,
    /// Number of requests of about the last minute, decayed.
    pub requests: f64,
    /// Requests in flight.
    pub in_flight: u32,
    /// Penalty for recent failures, 0 to 1. It decays, and every success reduces it.
    pub penalty: f64,
}

impl TargetView {
    /// The time before which the target should not be asked; `None` if it may be asked now.
    #[must_use]
    pub fn blocked_until_ms(&self) -> Option<u64> {
        self.circuit.blocked_until_ms().max(self.cooldown_until_ms)
    }

    /// The combined state of a model and its provider. The provider's statistics replace those of a model with too
    /// little data; a block of either blocks both.
    #[must_use]
    pub fn of_model_at(model: &Self, provider: &Self) -> Self {
        let worse = if provider.circuit.blocked_until_ms() > model.circuit.blocked_until_ms()
            || model.circuit == Phase::Closed
        {
            provider.circuit
        } else {
            model.circuit
        };
        let errors = if model.requests >= MIN_REQUESTS { model } else { provider };
        Self {
            circuit: worse,
            cooldown_until_ms: model.cooldown_until_ms.max(provider.cooldown_until_ms),
            p50_ms: model.p50_ms.or(provider.p50_ms),
            p95_ms: model.p95_ms.or(provider.p95_ms),
            error_rate: errors.error_rate,
            requests: errors.requests,
            in_flight: provider.in_flight.max(model.in_flight),
            penalty: model.penalty.max(provider.penalty),
        }
    }
}

/// The state behind a [`TargetView`].
#[derive(Debug)]
pub(super) struct Target {
    /// Distinguishes a target that was dropped from a later one with the same name.
    pub serial: u64,
    pub used_ms: u64,
    pub in_flight: u32,
    pub circuit: Circuit,
    pub cooldown_until_ms: u64,
    /// When our own observation set the cool-down; 0 if another isolate's did.
    pub cooldown_seen_ms: u64,
    rests: u32,
    errors: ErrorRate,
    /// Created when there is something to count: it is the largest part.
    latency: Option<LatencySketch>,
    penalty: f64,
    penalty_ms: u64,
    /// Whom it answered and whom it failed.
    pub witnesses: Witnesses,
}

/// What a change of a target means for other isolates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    None,
    Some,
}

impl Target {
    pub fn new(serial: u64, now_ms: u64) -> Self {
        Self {
            serial,
            used_ms: now_ms,
            in_flight: 0,
            circuit: Circuit::default(),
            cooldown_until_ms: 0,
            cooldown_seen_ms: 0,
            rests: 0,
            errors: ErrorRate::new(ERROR_HALF_LIFE_MS),
            latency: None,
            penalty: 0.0,
            penalty_ms: now_ms,
            witnesses: Witnesses::default(),
        }
    }

    pub fn view(&self, now_ms: u64) -> TargetView {
        let quantiles = self.latency.as_ref().and_then(|sketch| sketch.quantiles([0.5, 0.95], now_ms));
        TargetView {
            circuit: self.circuit.phase(now_ms),
            cooldown_until_ms: self.cooldown(now_ms),
            p50_ms: quantiles.map(|[p50, _]| p50),
            p95_ms: quantiles.map(|[_, p95]| p95),
            error_rate: self.errors.rate(),
            requests: self.errors.requests(now_ms),
            in_flight: self.in_flight,
            penalty: self.penalty * self.penalty_factor(now_ms),
        }
    }

    pub fn blocked_until_ms(&self, now_ms: u64) -> Option<u64> {
        self.circuit.phase(now_ms).blocked_until_ms().max(self.cooldown(now_ms))
    }

    /// Whether dropping it would lose more than statistics.
    pub fn matters(&self, now_ms: u64) -> bool {
        self.in_flight > 0 || self.circuit.phase(now_ms) != Phase::Closed || self.cooldown(now_ms).is_some()
    }

    pub fn cooldown(&self, now_ms: u64) -> Option<u64> {
        (self.cooldown_until_ms > now_ms).then_some(self.cooldown_until_ms)
    }

    pub fn record_latency(&mut self, ttfb_ms: u64, now_ms: u64) {
        let sketch = self.latency.get_or_insert_with(|| LatencySketch::new(LATENCY_HALF_LIFE_MS));
        sketch.record(ttfb_ms, now_ms);
    }

    /// The first byte of a successful answer, which is enough for a trial.
    pub fn first_byte(&mut self, lease: Option<u64>, begun_ms: u64, now_ms: u64) -> News {
        if lease.is_some() { self.close(lease, begun_ms, now_ms) } else { News::None }
    }

    /// Records the end of an attempt. `random` in [0, 1).
    pub fn settle(
        &mut self,
        outcome: Outcome,
        (lease, begun_ms): (Option<u64>, u64),
        now_ms: u64,
        settings: &CircuitSettings,
        random: f64,
    ) -> News {
        let (relief, pain, disgrace) = PENALTY_STEPS;
        match outcome {
            Outcome::Success => {
                self.errors.record(true, now_ms);
                self.rests = 0;
                self.punish(-relief, now_ms);
                self.close(lease, begun_ms, now_ms)
            }
            Outcome::Failure => {
                self.punish(pain, now_ms);
                self.fail(lease, now_ms, settings, random)
            }
            Outcome::RateLimited { retry_after_ms: Some(wait) } => {
                self.circuit.release_probe(lease);
                self.rest(wait, now_ms)
            }
            Outcome::RateLimited { retry_after_ms: None } => {
                self.punish(pain, now_ms);
                let wait = self.growing_rest(LIMITED_REST_MS, begun_ms, random);
                let rested = self.rest(wait, now_ms);
                let failed = self.fail(lease, now_ms, settings, random);
                if failed == News::Some { failed } else { rested }
            }
            Outcome::Rejected { retry_after_ms } => {
                self.punish(disgrace, now_ms);
                self.circuit.release_probe(lease);
                let wait = self.growing_rest(REJECTED_REST_MS, begun_ms, random);
                self.rest(retry_after_ms.map_or(wait, |asked| asked.max(wait)), now_ms)
            }
            Outcome::Neutral | Outcome::Refused { .. } => {
                self.circuit.release_probe(lease);
                News::None
            }
        }
    }

    /// Sets a cool-down of `wait_ms`, unless a longer one is in effect.
    pub fn rest(&mut self, wait_ms: u64, now_ms: u64) -> News {
        let until_ms = now_ms.saturating_add(wait_ms);
        if until_ms <= self.cooldown_until_ms || wait_ms == 0 {
            return News::None;
        }
        self.cooldown_until_ms = until_ms;
        self.cooldown_seen_ms = now_ms;
        News::Some
    }

    /// The next cool-down of a growing sequence. Concurrent requests are refused together and count once.
    fn growing_rest(&mut self, (first, longest): (u64, u64), begun_ms: u64, random: f64) -> u64 {
        if self.rests == 0 || begun_ms >= self.cooldown_seen_ms {
            self.rests = self.rests.saturating_add(1);
        }
        let factor = 1_u64.checked_shl(self.rests - 1).unwrap_or(u64::MAX);
        let whole = first.saturating_mul(factor).min(longest);
        count(float(whole) * (1.0 - 0.2 * random)).max(1)
    }

    fn fail(&mut self, lease: Option<u64>, now_ms: u64, settings: &CircuitSettings, random: f64) -> News {
        self.errors.record(false, now_ms);
        let rate = (self.errors.rate().unwrap_or(0.0), self.errors.requests(now_ms));
        if self.circuit.fail(lease, rate, now_ms, settings, random) { News::Some } else { News::None }
    }

    fn close(&mut self, lease: Option<u64>, begun_ms: u64, now_ms: u64) -> News {
        if !self.circuit.succeed(lease, begun_ms, now_ms) {
            return News::None;
        }
        // The failures that opened the circuit must not open it again at the next single failure.
        self.errors.clear();
        self.errors.record(true, now_ms);
        self.penalty = self.penalty.min(PENALTY_AFTER_PROBE);
        News::Some
    }

    fn punish(&mut self, step: f64, now_ms: u64) {
        self.penalty = (self.penalty * self.penalty_factor(now_ms) + step).clamp(0.0, 1.0);
        self.penalty_ms = self.penalty_ms.max(now_ms);
    }

    fn penalty_factor(&self, now_ms: u64) -> f64 {
        (-float(now_ms.saturating_sub(self.penalty_ms)) / float(PENALTY_HALF_LIFE_MS)).exp2()
    }
}
