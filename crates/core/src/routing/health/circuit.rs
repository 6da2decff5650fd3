//! A circuit breaker: after enough failures a target gets no requests, then one as a trial, and is used again when
//! that succeeds.
//!
//! ```text
//! closed ──(N failures in a row, or a high error rate)──▶ open ──(cooldown over)──▶ half-open
//!    ▲                                                     ▲                            │
//!    │                                                     └─(probe failed: longer)─────┤
//!    └──────────────────────────────(probe succeeded)───────────────────────────────────┘
//! ```
//!
//! - While half-open, exactly one request at a time is admitted as the trial (the code says probe). Its lease expires, so that a trial
//!   without a result does not block the target for ever.
//! - Requests that began before the circuit opened and end afterwards change nothing, because their result is
//!   outdated.
//! - Observations of other isolates are stored beside our own. Only the newest of them counts, and only until the
//!   time that its observer gave, so that they can be received in any order and any number of times.

use serde::Serialize;

use crate::routing::num::{count, float};

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitSettings {
    /// Consecutive failures that open it; 0 disables this rule.
    pub consecutive_failures: u32,
    /// Error rate that opens it (0 to 1; above 1 disables the rule) …
    pub error_rate: f64,
    /// … if there were at least this many requests in about the last window.
    pub min_requests: u32,
    /// The first cooldown, in milliseconds. Each failed probe doubles it.
    pub cooldown_ms: u64,
    /// Longest cooldown, in milliseconds.
    pub max_cooldown_ms: u64,
    /// Largest random reduction of a cooldown, as a fraction of it, so that isolates do not try at the same time.
    pub jitter: f64,
    /// After this many milliseconds without a result, a trial makes room for another.
    pub probe_lease_ms: u64,
    /// After this many milliseconds without opening, the next cooldown is a first one again. Before, it continues to
    /// grow: a flapping target gets longer cooldowns.
    pub forget_ms: u64,
}

impl Default for CircuitSettings {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            error_rate: 0.5,
            min_requests: 20,
            cooldown_ms: 10_000,
            max_cooldown_ms: 120_000,
            jitter: 0.2,
            probe_lease_ms: 30_000,
            forget_ms: 300_000,
        }
    }
}

/// The state of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    /// All requests pass.
    #[default]
    Closed,
    /// No request passes before `until_ms`.
    Open {
        /// End of the cooldown, in milliseconds since the epoch.
        until_ms: u64,
    },
    /// One trial passes.
    HalfOpen {
        /// When the lease of the current trial expires. `None`: the next request is the trial.
        probe_until_ms: Option<u64>,
    },
}

impl Phase {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }

    /// The time before which no request passes; `None` if one may pass now.
    #[must_use]
    pub fn blocked_until_ms(self) -> Option<u64> {
        match self {
            Self::Open { until_ms } => Some(until_ms),
            Self::HalfOpen { probe_until_ms } => probe_until_ms,
            Self::Closed => None,
        }
    }
}

/// Which isolate should make the trial of a half-open circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeTurn {
    /// None: the circuit is not half-open, or its trial is in progress.
    NotDue,
    /// This one: its next request should be the trial, or the circuit would stay open.
    Ours,
    /// The one that saw the last failure. This isolate may make the trial, but should prefer other candidates and
    /// wait for the result.
    Others,
}

/// An opening as isolates share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opening {
    pub observed_at_ms: u64,
    pub until_ms: u64,
    /// Number of consecutive openings, from 1.
    pub level: u32,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    id: u64,
    until_ms: u64,
}

/// The state of one circuit. It starts closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Circuit {
    /// Our own last opening, unless the circuit closed since.
    own: Option<Opening>,
    /// The newest opening that other isolates reported.
    heard: Option<Opening>,
    /// The last closing, our own or a reported one. Older reported openings are void.
    closed_at_ms: u64,
    /// Whether that closing was our own.
    closed_here: bool,
    probe: Option<Lease>,
    leases: u64,
    consecutive: u32,
    level: u32,
}

impl Circuit {
    pub fn phase(&self, now_ms: u64) -> Phase {
        let Some(until_ms) = self.until_ms() else { return Phase::Closed };
        if now_ms < until_ms {
            return Phase::Open { until_ms };
        }
        let under_way = self.probe.filter(|lease| now_ms < lease.until_ms);
        Phase::HalfOpen { probe_until_ms: under_way.map(|lease| lease.until_ms) }
    }

    /// Which isolate should make the trial. If another isolate saw the newest opening, it takes precedence for
    /// `grace_ms`.
    pub fn probe_turn(&self, now_ms: u64, grace_ms: u64) -> ProbeTurn {
        if self.phase(now_ms) != (Phase::HalfOpen { probe_until_ms: None }) {
            return ProbeTurn::NotDue;
        }
        let theirs = self.valid_heard().filter(|heard| Some(*heard) > self.own);
        match theirs {
            Some(heard) if now_ms < heard.until_ms.saturating_add(grace_ms) => ProbeTurn::Others,
            _ => ProbeTurn::Ours,
        }
    }

    /// Claims the trial, if the circuit is half-open and it is not claimed: the number of the lease.
    pub fn claim_probe(&mut self, now_ms: u64, settings: &CircuitSettings) -> Option<u64> {
        if self.phase(now_ms) != (Phase::HalfOpen { probe_until_ms: None }) {
            return None;
        }
        self.leases += 1;
        self.probe =
            Some(Lease { id: self.leases, until_ms: now_ms.saturating_add(settings.probe_lease_ms.max(1)) });
        Some(self.leases)
    }

    /// Releases the trial without a result.
    pub fn release_probe(&mut self, lease: Option<u64>) {
        if self.holds_probe(lease) {
            self.probe = None;
        }
    }

    /// A request that began at `begun_ms` succeeded. Returns whether the circuit closed.
    pub fn succeed(&mut self, lease: Option<u64>, begun_ms: u64, now_ms: u64) -> bool {
        let Some(opening) = self.newest_opening() else {
            self.consecutive = 0;
            return false;
        };
        if !self.holds_probe(lease) && begun_ms <= opening.observed_at_ms {
            return false;
        }
        self.own = None;
        self.probe = None;
        self.consecutive = 0;
        // Clocks differ a little: everything reported before this moment is void.
        self.closed_at_ms = now_ms.max(opening.observed_at_ms).max(self.closed_at_ms);
        self.closed_here = true;
        true
    }

    /// A request failed. `error_rate` and `requests` are those of about the last window, this one included; `random`
    /// in [0, 1) reduces the cooldown. Returns whether the circuit opened, for the first time or again.
    pub fn fail(
        &mut self,
        lease: Option<u64>,
        (error_rate, requests): (f64, f64),
        now_ms: u64,
        settings: &CircuitSettings,
        random: f64,
    ) -> bool {
        if self.newest_opening().is_some() {
            let was_probe = self.holds_probe(lease);
            if was_probe {
                self.open(now_ms, settings, random);
            }
            return was_probe;
        }
        self.consecutive = self.consecutive.saturating_add(1);
        let in_a_row = settings.consecutive_failures > 0 && self.consecutive >= settings.consecutive_failures;
        let too_often =
            requests >= f64::from(settings.min_requests.max(1)) && error_rate >= settings.error_rate;
        if in_a_row || too_often {
            self.open(now_ms, settings, random);
        }
        in_a_row || too_often
    }

    /// Our own opening, to be shared.
    pub fn own_opening(&self) -> Option<Opening> {
        self.own
    }

    /// Our own last closing, if there was no opening since, to be shared.
    pub fn own_closing_ms(&self) -> Option<u64> {
        (self.closed_here && self.own.is_none()).then_some(self.closed_at_ms)
    }

    /// Merges a reported opening.
    pub fn hear_opening(&mut self, opening: Opening) {
        self.heard = self.heard.max(Some(opening));
    }

    /// Merges a reported closing. Our own opening stays: our own observations take precedence.
    pub fn hear_closing(&mut self, at_ms: u64) {
        if at_ms > self.closed_at_ms {
            self.closed_at_ms = at_ms;
            self.closed_here = false;
        }
    }

    /// An operator closed it at `at_ms`: what was observed before is void, here as well.
    pub fn reset(&mut self, at_ms: u64) {
        if self.own.is_some_and(|opening| opening.observed_at_ms <= at_ms) {
            self.own = None;
            self.probe = None;
        }
        if self.own.is_none() {
            self.consecutive = 0;
            self.level = 0;
        }
        self.hear_closing(at_ms);
    }

    fn open(&mut self, now_ms: u64, settings: &CircuitSettings, random: f64) {
        let was_long_closed =
            self.own.is_none() && now_ms.saturating_sub(self.closed_at_ms) >= settings.forget_ms;
        let heard = self.valid_heard().map_or(0, |opening| opening.level);
        let before = if was_long_closed { heard } else { self.level.max(heard) };
        self.level = before.saturating_add(1);
        let factor = 1_u64.checked_shl(before).unwrap_or(u64::MAX);
        let whole = settings.cooldown_ms.saturating_mul(factor).min(settings.max_cooldown_ms).max(1);
        let cooldown = count(float(whole) * (1.0 - settings.jitter.clamp(0.0, 1.0) * random)).max(1);
        let until_ms = now_ms.saturating_add(cooldown);
        self.own = Some(Opening { observed_at_ms: now_ms, until_ms, level: self.level });
        self.probe = None;
        self.consecutive = 0;
    }

    fn valid_heard(&self) -> Option<Opening> {
        self.heard.filter(|opening| opening.observed_at_ms > self.closed_at_ms)
    }

    /// The newest opening without a later closing.
    fn newest_opening(&self) -> Option<Opening> {
        self.own.max(self.valid_heard())
    }

    /// The end of the cooldown: the later one of our own and the reported.
    fn until_ms(&self) -> Option<u64> {
        self.own.map(|opening| opening.until_ms).max(self.valid_heard().map(|opening| opening.until_ms))
    }

    fn holds_probe(&self, lease: Option<u64>) -> bool {
        lease.is_some() && self.probe.map(|probe| probe.id) == lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: (f64, f64) = (0.0, 0.0);

    #[test]
    fn a_reset_closes_what_was_observed_before_it_and_nothing_after() {
        let mut circuit = opened(10_000);
        circuit.reset(9_999);
        assert_eq!(circuit.phase(10_001), Phase::Open { until_ms: 11_000 });
        circuit.hear_opening(Opening { observed_at_ms: 10_200, until_ms: 60_000, level: 4 });
        circuit.reset(10_500);
        assert_eq!(circuit.phase(10_501), Phase::Closed);
        assert!(!circuit.fail(None, CALM, 10_502, &settings(), 0.0), "failures are counted anew");
        for at in [10_503, 10_504] {
            circuit.fail(None, CALM, at, &settings(), 0.0);
        }
        assert_eq!(circuit.phase(10_505), Phase::Open { until_ms: 11_504 }, "and the cooldown is the first");
    }

    fn settings() -> CircuitSettings {
        CircuitSettings {
            consecutive_failures: 3,
            cooldown_ms: 1_000,
            max_cooldown_ms: 5_000,
            ..Default::default()
        }
    }

    fn opened(at: u64) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..3 {
            circuit.fail(None, CALM, at, &settings(), 0.0);
        }
        circuit
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_probe_closes_it() {
        let mut circuit = Circuit::default();
        assert!(!circuit.fail(None, CALM, 9_000, &settings(), 0.0));
        assert!(!circuit.fail(None, CALM, 9_000, &settings(), 0.0));
        circuit.succeed(None, 8_000, 9_000);
        assert_eq!(circuit.phase(9_000), Phase::Closed);
        let mut circuit = opened(10_000);
        assert_eq!(circuit.phase(10_999), Phase::Open { until_ms: 11_000 });
        assert_eq!(circuit.claim_probe(10_999, &settings()), None);
        let lease = circuit.claim_probe(11_000, &settings());
        assert!(lease.is_some());
        assert_eq!(circuit.phase(11_000), Phase::HalfOpen { probe_until_ms: Some(41_000) });
        assert_eq!(circuit.claim_probe(11_000, &settings()), None);
        assert!(circuit.succeed(lease, 11_000, 11_500));
        assert_eq!(circuit.phase(11_500), Phase::Closed);
    }

    #[test]
    fn a_high_error_rate_opens_it() {
        let mut circuit = Circuit::default();
        assert!(!circuit.fail(None, (0.9, 19.0), 1, &settings(), 0.0));
        assert!(!circuit.fail(None, (0.4, 100.0), 1, &settings(), 0.0));
        circuit.succeed(None, 1, 1);
        assert!(circuit.fail(None, (0.5, 20.0), 1, &settings(), 0.0));
    }

    #[test]
    fn failed_probes_make_the_cooldown_grow_to_its_bound() {
        let mut circuit = opened(10_000);
        let mut now = 11_000;
        for cooldown in [2_000, 4_000, 5_000, 5_000] {
            let lease = circuit.claim_probe(now, &settings());
            assert!(circuit.fail(lease, CALM, now, &settings(), 0.0));
            assert_eq!(circuit.phase(now), Phase::Open { until_ms: now + cooldown });
            now += cooldown;
        }
        // Flapping: closed for a moment, then the growth continues. After a long quiet time it starts again.
        let lease = circuit.claim_probe(now, &settings());
        circuit.succeed(lease, now, now);
        for _ in 0..3 {
            circuit.fail(None, CALM, now + 1, &settings(), 0.0);
        }
        assert_eq!(circuit.phase(now + 1), Phase::Open { until_ms: now + 5_001 });
        let lease = circuit.claim_probe(now + 5_001, &settings());
        circuit.succeed(lease, now + 5_001, now + 5_001);
        let later = now + 5_001 + settings().forget_ms;
        for _ in 0..3 {
            circuit.fail(None, CALM, later, &settings(), 0.5);
        }
        assert_eq!(circuit.phase(later), Phase::Open { until_ms: later + 900 });
    }

    #[test]
    fn old_news_changes_nothing() {
        let mut circuit = opened(10_000);
        assert!(!circuit.succeed(None, 9_000, 10_500));
        assert!(!circuit.fail(None, (1.0, 100.0), 10_500, &settings(), 0.0));
        assert_eq!(circuit.phase(10_500), Phase::Open { until_ms: 11_000 });
        // The result of a request that began after the opening, as a last resort, counts.
        assert!(circuit.succeed(None, 10_600, 10_700));
        assert_eq!(circuit.phase(10_700), Phase::Closed);
    }

    #[test]
    fn a_lost_probe_makes_room_for_another() {
        let mut circuit = opened(10_000);
        let lost = circuit.claim_probe(11_000, &settings());
        let next = circuit.claim_probe(41_000, &settings());
        assert!(next.is_some() && next != lost);
        assert!(!circuit.fail(lost, CALM, 41_001, &settings(), 0.0), "the lost probe has no say any more");
        circuit.release_probe(lost);
        assert_eq!(circuit.claim_probe(41_002, &settings()), None);
        circuit.release_probe(next);
        assert!(circuit.claim_probe(41_002, &settings()).is_some());
    }

    #[test]
    fn who_saw_the_last_failure_probes_first() {
        let circuit = opened(10_000);
        assert_eq!(circuit.probe_turn(10_500, 5_000), ProbeTurn::NotDue);
        assert_eq!(circuit.probe_turn(11_000, 5_000), ProbeTurn::Ours);
        let mut circuit = opened(10_000);
        circuit.hear_opening(Opening { observed_at_ms: 10_001, until_ms: 11_500, level: 2 });
        assert_eq!(circuit.probe_turn(11_400, 5_000), ProbeTurn::NotDue);
        assert_eq!(circuit.probe_turn(11_500, 5_000), ProbeTurn::Others);
        assert_eq!(circuit.probe_turn(16_500, 5_000), ProbeTurn::Ours);
        assert!(circuit.claim_probe(11_500, &settings()).is_some(), "it may all the same");
        assert_eq!(circuit.probe_turn(16_500, 5_000), ProbeTurn::NotDue);
    }

    #[test]
    fn what_others_saw_counts_until_it_is_over() {
        let mut circuit = Circuit::default();
        let opening = Opening { observed_at_ms: 5_000, until_ms: 8_000, level: 3 };
        circuit.hear_opening(opening);
        circuit.hear_opening(Opening { observed_at_ms: 4_000, until_ms: 9_000, level: 1 });
        assert_eq!(circuit.phase(6_000), Phase::Open { until_ms: 8_000 });
        // Afterwards it is tried like our own, and the cooldown continues to grow from theirs.
        let lease = circuit.claim_probe(8_000, &settings());
        assert!(circuit.fail(lease, CALM, 8_100, &settings(), 0.0));
        assert_eq!(circuit.phase(8_100), Phase::Open { until_ms: 13_100 });
        // A reported closing does not change what we observed ourselves, …
        circuit.hear_closing(9_000);
        assert_eq!(circuit.phase(9_000), Phase::Open { until_ms: 13_100 });
        // … only what was reported.
        let mut circuit = Circuit::default();
        circuit.hear_closing(9_000);
        circuit.hear_opening(opening);
        assert_eq!(circuit.phase(6_000), Phase::Closed);
    }
}
