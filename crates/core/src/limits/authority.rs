//! The authority: the one global counter of a subject.
//!
//! Pure state: its holder stores the [`Changes`] of every answer before the answer leaves, and can restore the state
//! from them.

use std::collections::BTreeMap;

use super::amounts::{Amounts, Unit};
use super::meter::{Counter, Meter};
use super::rules::{Rule, RuleKind};
use super::sync::{Ask, MeterState, Refused, Reply};
use super::{LEASE_TTL_MS, SLOT_TTL_MS};

/// Beyond its need an isolate gets at most this fraction (one in so many) of what is left, so that other isolates are
/// not refused because of permits that one of them does not use.
const SHARE: u64 = 4;
/// Longest time for which an isolate may refuse without asking, in milliseconds.
const MAX_HOLD_MS: u64 = 30_000;
/// The same while grants are outstanding that may be returned.
const LOOSE_HOLD_MS: u64 = 200;
/// The same for limits that are corrected when an answer ends, which may be at any moment.
const CORRECTED_HOLD_MS: u64 = 1_000;
/// When to ask again for a subject whose slots are all in use, in milliseconds: the end of a request is not known in
/// advance.
const BUSY_RETRY_MS: u64 = 1_000;

/// The state of one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    meters: Vec<Meter>,
    /// Slots in use, and when each counts as abandoned.
    slots: BTreeMap<String, u64>,
    /// Until when grants are outstanding that may be returned.
    loose_until_ms: u64,
    clock_ms: u64,
}

/// What must be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changed counters; counters of 0 may be deleted.
    pub counters: Vec<Counter>,
    /// Changed slots with their expiry, or `None` for released ones.
    pub slots: Vec<(String, Option<u64>)>,
}

impl Authority {
    /// Restores the state from what was stored.
    #[must_use]
    pub fn restore(
        counters: impl IntoIterator<Item = Counter>,
        slots: impl IntoIterator<Item = (String, u64)>,
    ) -> Self {
        let mut restored = Self { slots: slots.into_iter().collect(), ..Self::default() };
        for counter in counters {
            restored.meter(counter.kind).restore(counter.slice, counter.count);
        }
        restored
    }

    /// Answers an ask at `now_ms`. If the clock steps back, it counts as standing still.
    pub fn answer(&mut self, ask: &Ask, now_ms: u64) -> (Reply, Changes) {
        let now = now_ms.max(self.clock_ms);
        self.clock_ms = now;
        let mut changes = Changes::default();
        for meter in &mut self.meters {
            meter.advance(now, &mut changes.counters);
        }
        self.take_in(ask, now, &mut changes);

        let rules = &ask.rules;
        let mut reply = Reply { at: now, lease_ms: LEASE_TTL_MS, ..Reply::default() };
        reply.refused = self.find_refusal(ask, now);
        if reply.refused.is_none() {
            let left = Amounts::each(|unit| self.available(rules.counted.iter(), unit)).minus(ask.need);
            let extra = ask.extra.min(Amounts::each(|unit| left.of(unit) / SHARE));
            reply.granted = ask.need.plus(extra);
            if !extra.is_zero() {
                self.loose_until_ms = now + LEASE_TTL_MS;
            }
            for rule in &rules.counted {
                let amount = reply.granted.of(rule.kind.unit());
                changes.counters.extend(self.meter(rule.kind).add(now, amount));
                reply.lease_ms = reply.lease_ms.min(self.meter(rule.kind).lease_ms(now));
            }
            if let Some(slot) = &ask.slot {
                self.slots.insert(slot.clone(), now + SLOT_TTL_MS);
                changes.slots.push((slot.clone(), Some(now + SLOT_TTL_MS)));
            }
        }
        reply.slots = self.slots.len() as u64;
        reply.meters = rules.counted.iter().map(|rule| self.state_of(rule, now)).collect();
        (reply, changes)
    }

    /// Applies returns, debts, renewals and releases.
    fn take_in(&mut self, ask: &Ask, now: u64, changes: &mut Changes) {
        for part in &ask.returns {
            for rule in &ask.rules.counted {
                let amount = part.amounts.of(rule.kind.unit());
                changes.counters.extend(self.meter(rule.kind).take_back(part.at, amount));
            }
        }
        for rule in &ask.rules.counted {
            changes.counters.extend(self.meter(rule.kind).add(now, ask.debt.of(rule.kind.unit())));
        }
        for slot in &ask.renew {
            if let Some(expires) = self.slots.get_mut(slot) {
                *expires = now + SLOT_TTL_MS;
                changes.slots.push((slot.clone(), Some(*expires)));
            }
        }
        let abandoned =
            self.slots.iter().filter(|(_, expires)| **expires <= now).map(|(slot, _)| slot.clone());
        let abandoned: Vec<String> = abandoned.collect();
        for slot in ask.release.iter().chain(&abandoned) {
            if self.slots.remove(slot).is_some() {
                changes.slots.push((slot.clone(), None));
            }
        }
    }

    /// Of the limits that refuse the need, the one that will refuse it longest.
    fn find_refusal(&mut self, ask: &Ask, now: u64) -> Option<Refused> {
        let loose = self.loose_until_ms > now;
        let mut worst: Option<Refused> = None;
        for rule in &ask.rules.counted {
            let need = ask.need.of(rule.kind.unit());
            let meter = self.meter(rule.kind);
            if need <= meter.available(rule) {
                continue;
            }
            let retry_after_ms = meter.wait_ms(rule, need, now);
            let mut hold_ms = retry_after_ms.unwrap_or(MAX_HOLD_MS).min(MAX_HOLD_MS);
            if rule.kind.unit() != Unit::Requests {
                hold_ms = hold_ms.min(CORRECTED_HOLD_MS);
            }
            if loose {
                hold_ms = hold_ms.min(LOOSE_HOLD_MS);
            }
            let is_worse = worst.as_ref().is_none_or(|worst| {
                worst.retry_after_ms.unwrap_or(u64::MAX) < retry_after_ms.unwrap_or(u64::MAX)
            });
            if is_worse {
                let Rule { kind, limit } = *rule;
                let left = Some(self.meter(kind).available(rule));
                worst = Some(Refused { kind: Some(kind), limit, retry_after_ms, hold_ms, left });
            }
        }
        let is_full = ask.rules.concurrency.is_some_and(|limit| self.slots.len() as u64 >= limit);
        if worst.is_none()
            && let (Some(slot), Some(limit)) = (&ask.slot, ask.rules.concurrency)
            && is_full
            && !self.slots.contains_key(slot)
        {
            let retry_after_ms = (limit > 0).then_some(BUSY_RETRY_MS);
            worst = Some(Refused { kind: None, limit, retry_after_ms, hold_ms: LOOSE_HOLD_MS, left: None });
        }
        worst
    }

    fn available<'a>(&mut self, rules: impl Iterator<Item = &'a Rule>, unit: Unit) -> u64 {
        let rules = rules.filter(|rule| rule.kind.unit() == unit);
        rules.map(|rule| self.meter(rule.kind).available(rule)).min().unwrap_or(0)
    }

    fn state_of(&mut self, rule: &Rule, now: u64) -> MeterState {
        let meter = self.meter(rule.kind);
        MeterState { kind: rule.kind, limit: rule.limit, used: meter.used(), reset_ms: meter.reset_ms(now) }
    }

    fn meter(&mut self, kind: RuleKind) -> &mut Meter {
        let at = self.meters.iter().position(|meter| meter.kind() == kind).unwrap_or_else(|| {
            self.meters.push(Meter::new(kind));
            self.meters.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed in the line above")]
        &mut self.meters[at]
    }

    /// All counters, for a test of storing.
    pub fn counters(&self) -> impl Iterator<Item = Counter> + '_ {
        self.meters.iter().flat_map(Meter::counters)
    }

    /// The slots in use, for a test of storing.
    pub fn slots(&self) -> impl Iterator<Item = (&str, u64)> {
        self.slots.iter().map(|(slot, expires)| (slot.as_str(), *expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, Rules};

    fn rules(limits: Limits) -> Rules {
        Rules::new(&limits, None)
    }

    fn take(authority: &mut Authority, rules: &Rules, need: Amounts, now: u64) -> Reply {
        authority.answer(&Ask { rules: rules.clone(), need, ..Ask::default() }, now).0
    }

    #[test]
    fn a_burst_gets_exactly_the_limit_and_the_exact_time_to_wait() {
        let rules = Rules::requests_per_minute(5);
        let mut authority = Authority::default();
        let one = Amounts::request(0, 0);
        let granted = (0..40).filter(|_| take(&mut authority, &rules, one, 1_000_000).refused.is_none());
        assert_eq!(granted.count(), 5);
        let refused = take(&mut authority, &rules, one, 1_000_000).refused.unwrap();
        let wait = refused.retry_after_ms.unwrap();
        assert!((60_000..=62_250).contains(&wait));
        assert!(take(&mut authority, &rules, one, 1_000_000 + wait - 1).refused.is_some());
        assert!(take(&mut authority, &rules, one, 1_000_000 + wait).refused.is_none());
    }

    #[test]
    fn a_refusal_counts_nothing_and_names_the_longest_wait() {
        let rules = rules(Limits {
            requests_per_minute: Some(1),
            requests_per_day: Some(1),
            tokens_per_minute: Some(100),
            ..Limits::default()
        });
        let mut authority = Authority::default();
        assert!(take(&mut authority, &rules, Amounts::request(60, 0), 5_000).refused.is_none());
        let reply = take(&mut authority, &rules, Amounts::request(60, 0), 5_000);
        assert_eq!(reply.refused.unwrap().kind, Some(RuleKind::RequestsPerDay));
        let rules = Rules::new(&Limits { tokens_per_minute: Some(100), ..Limits::default() }, None);
        let refused = take(&mut authority, &rules, Amounts::request(60, 0), 5_000).refused;
        assert_eq!(refused.and_then(|refused| refused.left), Some(40), "there is room for less");
        assert_eq!(reply.meters.iter().map(|meter| meter.used).collect::<Vec<_>>(), [1, 1, 60]);
    }

    #[test]
    fn slots_are_exact_idempotent_and_abandoned_ones_come_free() {
        let rules = rules(Limits { concurrency: Some(2), ..Limits::default() });
        let mut authority = Authority::default();
        let mut ask = |slot: &str, release: &[&str], now: u64| {
            let release = release.iter().map(ToString::to_string).collect();
            let ask = Ask { rules: rules.clone(), slot: Some(slot.into()), release, ..Ask::default() };
            authority.answer(&ask, now).0.refused.is_none()
        };
        assert!(ask("a", &[], 0) && ask("b", &[], 0) && ask("b", &[], 1));
        assert!(!ask("c", &[], 2));
        assert!(ask("c", &["a", "a", "x"], 3));
        assert!(!ask("d", &[], SLOT_TTL_MS));
        assert!(ask("d", &[], SLOT_TTL_MS + 1), "`b` was not heard of for too long");
    }

    #[test]
    fn extra_never_takes_more_than_a_share_of_what_is_left() {
        let rules = Rules::requests_per_minute(9);
        let mut authority = Authority::default();
        let one = Amounts::request(0, 0);
        let ask =
            Ask { rules, need: one, extra: Amounts { requests: 100, ..Amounts::ZERO }, ..Ask::default() };
        assert_eq!(authority.answer(&ask, 0).0.granted.requests, 3);
    }

    #[test]
    fn what_is_stored_is_all_that_matters() {
        let rules = rules(Limits { requests_per_minute: Some(9), concurrency: Some(3), ..Limits::default() });
        let mut authority = Authority::default();
        for (index, now) in [1_000, 1_100, 40_000].into_iter().enumerate() {
            let ask = Ask {
                rules: rules.clone(),
                need: Amounts::request(0, 0),
                slot: Some(format!("s{index}")),
                ..Ask::default()
            };
            authority.answer(&ask, now);
        }
        let slots: Vec<_> = authority.slots().map(|(slot, expires)| (slot.to_owned(), expires)).collect();
        let mut restored = Authority::restore(authority.counters().collect::<Vec<_>>(), slots);
        let ask = Ask { rules, need: Amounts::request(0, 0), ..Ask::default() };
        assert_eq!(restored.answer(&ask, 50_000).0, authority.answer(&ask, 50_000).0);
    }
}
