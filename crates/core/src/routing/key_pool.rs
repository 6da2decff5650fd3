//! Which key of a provider's pool is used.
//!
//! Keys are used in proportion to their weights (smooth weighted round robin, as in nginx: without bursts on the
//! heaviest key). A key that was refused or rate-limited cools down; the health registry knows until when. A key with
//! a limit on requests per second is skipped while the limit is reached.

use std::collections::HashMap;

use super::health::{Caller, HealthRegistry};
use super::qps::{self, Qps};

/// Most keys in memory; beyond that all are dropped, which only resets their order.
const MAX_KEYS: usize = 4_096;

/// The planner's view of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyFacts<'a> {
    /// Its name in the health registry; not a secret.
    pub target: &'a str,
    /// Share of the requests. 0: only when no other key can be used.
    pub weight: u32,
    /// Requests per second, in this isolate.
    pub max_qps: Option<f64>,
    /// Whether it is enabled.
    pub active: bool,
}

/// The key to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChoice {
    /// This one.
    Use(usize),
    /// This one, although it is cooling down, because all others cool down longer.
    LastResort {
        /// Its index.
        index: usize,
        /// Until when it cools down, in milliseconds since the epoch.
        until_ms: u64,
    },
    /// None now: all usable keys have reached their limit.
    Busy {
        /// Milliseconds until one has not.
        retry_after_ms: u64,
    },
    /// None: there is no enabled key that was not tried yet.
    None,
}

/// The order of the keys.
#[derive(Debug, Default)]
pub struct KeyPool {
    turns: HashMap<Box<str>, Turn>,
}

#[derive(Debug)]
struct Turn {
    /// The current weight of smooth weighted round robin.
    credit: f64,
    qps: Option<Qps>,
}

impl KeyPool {
    /// Chooses a key for a caller and counts it as used. `tried` are the indexes that this request has tried already.
    pub fn choose(
        &mut self,
        caller: Caller,
        keys: &[KeyFacts<'_>],
        registry: &HealthRegistry,
        now_ms: u64,
        tried: &[usize],
        rng: &mut dyn FnMut() -> f64,
    ) -> KeyChoice {
        let is_open = |(index, key): &(usize, &KeyFacts<'_>)| key.active && !tried.contains(index);
        let blocked_until_ms = |target: &str| registry.blocked_for_until_ms(caller, target, now_ms);
        let is_well = |key: &KeyFacts<'_>| blocked_until_ms(key.target).is_none();
        let mut full: Vec<usize> = Vec::new();
        let mut soonest: Option<u64> = None;
        for standby in [false, true] {
            loop {
                let eligible = keys.iter().enumerate().filter(is_open).filter(|(index, key)| {
                    (key.weight == 0) == standby && is_well(key) && !full.contains(index)
                });
                let Some(index) = self.next_turn(eligible, rng) else { break };
                match keys.get(index).map_or(Ok(()), |key| self.take(key, now_ms)) {
                    Ok(()) => return KeyChoice::Use(index),
                    Err(wait_ms) => {
                        soonest = Some(soonest.map_or(wait_ms, |soonest| soonest.min(wait_ms)));
                        full.push(index);
                    }
                }
            }
        }
        if let Some(retry_after_ms) = soonest {
            return KeyChoice::Busy { retry_after_ms };
        }
        let resting = keys.iter().enumerate().filter(is_open).filter_map(|(index, key)| {
            Some((blocked_until_ms(key.target)?, std::cmp::Reverse(key.weight), index))
        });
        resting
            .min()
            .map_or(KeyChoice::None, |(until_ms, _, index)| KeyChoice::LastResort { index, until_ms })
    }

    /// The key with the largest current weight; its turn is counted. A single key needs no order.
    fn next_turn<'a>(
        &mut self,
        eligible: impl Iterator<Item = (usize, &'a KeyFacts<'a>)>,
        rng: &mut dyn FnMut() -> f64,
    ) -> Option<usize> {
        let mut eligible = eligible.peekable();
        let first = eligible.next()?;
        if eligible.peek().is_none() {
            return Some(first.0);
        }
        if self.turns.len() > MAX_KEYS {
            self.turns.clear();
        }
        let mut total = 0.0;
        let mut chosen: Option<(f64, usize, &str)> = None;
        for (index, key) in std::iter::once(first).chain(eligible) {
            let weight = f64::from(key.weight.max(1));
            let Some(turn) = self.turn(key.target, || rng() * weight) else { continue };
            turn.credit += weight;
            total += weight;
            if chosen.is_none_or(|(credit, ..)| turn.credit > credit) {
                chosen = Some((turn.credit, index, key.target));
            }
        }
        let (_, index, target) = chosen?;
        if let Some(turn) = self.turns.get_mut(target) {
            turn.credit -= total;
        }
        Some(index)
    }

    fn take(&mut self, key: &KeyFacts<'_>, now_ms: u64) -> Result<(), u64> {
        if key.max_qps.is_none() && !self.turns.contains_key(key.target) {
            return Ok(());
        }
        let Some(turn) = self.turn(key.target, || 0.0) else { return Ok(()) };
        qps::keep(&mut turn.qps, key.max_qps);
        turn.qps.as_mut().map_or(Ok(()), |limit| limit.take(now_ms))
    }

    /// The state of a key. A new one starts at a random point of its turn, so that isolates do not all start with the
    /// same key. (Looked up twice, because `entry` would copy the name every time.)
    fn turn(&mut self, target: &str, start: impl FnOnce() -> f64) -> Option<&mut Turn> {
        if !self.turns.contains_key(target) {
            self.turns.insert(target.into(), Turn { credit: start(), qps: None });
        }
        self.turns.get_mut(target)
    }
}

/// When the first of the enabled keys can be used, in milliseconds since the epoch, if none can be used now: for
/// [`super::candidate_facts::CandidateFacts::keys_blocked_until_ms`].
#[must_use]
pub fn blocked_until_ms(keys: &[KeyFacts<'_>], registry: &HealthRegistry, now_ms: u64) -> Option<u64> {
    let mut soonest = u64::MAX;
    for key in keys.iter().filter(|key| key.active) {
        soonest = soonest.min(registry.blocked_until_ms(key.target, now_ms)?);
    }
    (!keys.is_empty()).then_some(soonest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::health::{Outcome, RegistrySettings};
    use crate::routing::random::seeded;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;
    const NAMES: [&str; 5] = ["p#0", "p#1", "p#2", "p#3", "p#4"];

    fn registry() -> HealthRegistry {
        HealthRegistry::new(RegistrySettings::default(), 1)
    }

    fn keys(weights: &[u32]) -> Vec<KeyFacts<'static>> {
        let key = |(weight, target): (&u32, &'static str)| KeyFacts {
            target,
            weight: *weight,
            max_qps: None,
            active: true,
        };
        weights.iter().zip(NAMES).map(key).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn shares_follow_weights(weights in proptest::collection::vec(1_u32..20, 1..5), seed in any::<u64>()) {
            let (mut pool, registry, keys, mut rng) = (KeyPool::default(), registry(), keys(&weights), seeded(seed));
            let mut counts = vec![0_u32; keys.len()];
            for _ in 0..100_000 {
                let KeyChoice::Use(index) = pool.choose(Caller::default(), &keys, &registry, NOW, &[], &mut rng) else { panic!("must choose") };
                counts[index] += 1;
            }
            let total = f64::from(weights.iter().sum::<u32>());
            for (count, weight) in counts.iter().zip(&weights) {
                let (got, want) = (f64::from(*count) / 100_000.0, f64::from(*weight) / total);
                prop_assert!((got - want).abs() < 0.001, "{got} instead of {want}");
            }
        }

        #[test]
        fn a_resting_key_is_left_alone_unless_all_rest(rests in proptest::collection::vec(0_u64..5_000, 2..5), seed in any::<u64>()) {
            let (mut pool, mut registry, mut rng) = (KeyPool::default(), registry(), seeded(seed));
            let keys = keys(&vec![3; rests.len()]);
            for (key, rest) in keys.iter().zip(&rests) {
                registry.note(key.target, NOW, Outcome::RateLimited { retry_after_ms: Some(*rest) }, None);
            }
            let soonest = rests.iter().min().copied().unwrap();
            for now in (NOW..NOW + 6_000).step_by(37) {
                match pool.choose(Caller::default(), &keys, &registry, now, &[], &mut rng) {
                    KeyChoice::Use(index) => prop_assert!(NOW + rests[index] <= now),
                    KeyChoice::LastResort { index, until_ms } => {
                        prop_assert_eq!((rests[index], until_ms), (soonest, NOW + soonest));
                        prop_assert!(now < until_ms);
                        prop_assert_eq!(blocked_until_ms(&keys, &registry, now), Some(until_ms));
                    }
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    #[test]
    fn turns_are_smooth() {
        let (mut pool, registry, keys) = (KeyPool::default(), registry(), keys(&[5, 1, 1]));
        let mut draw = || pool.choose(Caller::default(), &keys, &registry, NOW, &[], &mut || 0.0);
        let round: Vec<KeyChoice> = (0..7).map(|_| draw()).collect();
        assert_eq!(round, [0, 0, 1, 0, 2, 0, 0].map(KeyChoice::Use));
    }

    #[test]
    fn limits_are_kept_and_the_others_take_over() {
        let (mut pool, registry, mut keys) = (KeyPool::default(), registry(), keys(&[10, 1]));
        keys[0].max_qps = Some(3.0);
        let mut used = [0; 2];
        for _ in 0..10 {
            let KeyChoice::Use(index) =
                pool.choose(Caller::default(), &keys, &registry, NOW, &[], &mut || 0.5)
            else {
                panic!()
            };
            used[index] += 1;
        }
        assert_eq!(used, [3, 7]);
        keys[1].active = false;
        let KeyChoice::Busy { retry_after_ms } =
            pool.choose(Caller::default(), &keys, &registry, NOW, &[], &mut || 0.5)
        else {
            panic!()
        };
        assert_eq!(
            pool.choose(Caller::default(), &keys, &registry, NOW + retry_after_ms, &[], &mut || 0.5),
            KeyChoice::Use(0)
        );
    }

    #[test]
    fn tried_inactive_and_standby_keys() {
        let (mut pool, mut registry, mut keys) = (KeyPool::default(), registry(), keys(&[1, 1, 0]));
        let mut choose = |keys: &[KeyFacts<'_>], registry: &HealthRegistry, tried: &[usize]| {
            pool.choose(Caller::default(), keys, registry, NOW, tried, &mut || 0.5)
        };
        assert_eq!(choose(&keys, &registry, &[0]), KeyChoice::Use(1));
        assert_eq!(choose(&keys, &registry, &[0, 1]), KeyChoice::Use(2));
        assert_eq!(choose(&keys, &registry, &[0, 1, 2]), KeyChoice::None);
        keys[2].active = false;
        assert_eq!(choose(&keys, &registry, &[0, 1]), KeyChoice::None);
        assert_eq!(choose(&[], &registry, &[]), KeyChoice::None);
        assert_eq!(blocked_until_ms(&[], &registry, NOW), None);
        registry.note("p#0", NOW, Outcome::Rejected { retry_after_ms: None }, None);
        assert_eq!(choose(&keys, &registry, &[]), KeyChoice::Use(1));
        assert!(matches!(choose(&keys, &registry, &[1]), KeyChoice::LastResort { index: 0, .. }));
        assert_eq!(blocked_until_ms(&keys, &registry, NOW), None);
    }
}
