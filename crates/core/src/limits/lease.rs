//! The lease of one isolate for one subject: permits that it may spend without asking, and changes that the authority
//! has not been told yet.
//!
//! A permit expires by the isolate's own clock, counted from before the ask was sent; so differences between clocks
//! do not matter. Unspent permits are returned with the next ask.

use std::collections::VecDeque;

use super::amounts::{Amounts, Unit};
use super::refusal::Refusal;
use super::rules::{RuleKind, Rules};
use super::sync::{Ask, MeterState, Part, Reply};
use super::{LEASE_TTL_MS, SLOT_RENEW_MS};

/// Milliseconds of expected demand that an ask covers; below [`LEASE_TTL_MS`], or permits would expire unused.
const ASK_FOR_MS: u64 = 1_500;
/// More permits are asked for when the lease covers less than this many milliseconds of demand.
const REFILL_BELOW_MS: u64 = 500;
/// Demand is measured over spans of this many milliseconds.
const RATE_SPAN_MS: u64 = 1_000;
/// An ask in the background without an answer after this many milliseconds counts as lost.
const REFILL_PATIENCE_MS: u64 = 3_000;
/// Changes are sent after this many milliseconds even if there is nothing to ask.
pub const FLUSH_AFTER_MS: u64 = 2_000;
/// Most returns of different grants that are queued; the oldest beyond that stay counted.
const MAX_RETURNS: usize = 64;

/// The isolate's side of the limits of one subject.
#[derive(Debug, Clone, Default)]
pub struct Lease {
    rules: Rules,
    pockets: VecDeque<Pocket>,
    returns: Vec<Part>,
    debt: Amounts,
    /// Released slots, since when, and when the authority was last told of them.
    free_slots: Vec<FreeSlot>,
    release: Vec<String>,
    blocked: Vec<Blocked>,
    rate: Rate,
    /// Since when an ask for more is outstanding.
    refilling_since_ms: Option<u64>,
    meters: Vec<MeterState>,
    heard_at_ms: u64,
    /// Since when changes wait to be sent.
    waiting_since_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Pocket {
    at: u64,
    expires_ms: u64,
    left: Amounts,
}

#[derive(Debug, Clone)]
struct FreeSlot {
    id: String,
    freed_ms: u64,
    renewed_ms: u64,
}

#[derive(Debug, Clone)]
struct Blocked {
    refusal: Refusal,
    /// Amounts that were spent without a grant.
    need: u64,
    hold_until_ms: u64,
    retry_at_ms: Option<u64>,
}

/// What a request has taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    parts: Vec<Part>,
    /// The slot that it holds.
    pub slot: Option<String>,
    /// When the slot was last renewed, in milliseconds of the isolate's clock.
    renewed_ms: u64,
}

/// The decision on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Admitted.
    Granted(Spent),
    /// Refused.
    Refused(Refusal),
    /// The authority must be asked.
    Ask,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    since_ms: u64,
    current: Amounts,
    previous: Amounts,
}

impl Rate {
    fn note(&mut self, now: u64, amounts: Amounts) {
        self.roll(now);
        self.current = self.current.plus(amounts);
    }

    fn roll(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.since_ms);
        if elapsed >= 2 * RATE_SPAN_MS {
            (self.previous, self.current, self.since_ms) = (Amounts::ZERO, Amounts::ZERO, now);
        } else if elapsed >= RATE_SPAN_MS {
            (self.previous, self.current) = (self.current, Amounts::ZERO);
            self.since_ms += RATE_SPAN_MS;
        }
    }

    /// The demand of so many milliseconds, measured in the last full span. A single burst does not count as demand
    /// yet.
    fn over(&self, milliseconds: u64) -> Amounts {
        Amounts::each(|unit| self.previous.of(unit).saturating_mul(milliseconds) / RATE_SPAN_MS)
    }
}

impl Lease {
    /// Tries to admit a request that needs `need`.
    pub fn spend(&mut self, rules: &Rules, need: Amounts, now: u64) -> Step {
        if self.rules != *rules {
            self.adopt(rules);
        }
        let need = rules.demand(need);
        self.rate.note(now, need);
        if let Some(spent) = self.spend_here(need, now) {
            return Step::Granted(spent);
        }
        match self.blocking(need, now) {
            Some(refusal) => Step::Refused(refusal),
            None => Step::Ask,
        }
    }

    /// The ask for a request that the lease cannot admit. `slot` makes a name that was never used before, in case
    /// none is free here.
    pub fn ask(&mut self, need: Amounts, slot: impl FnOnce() -> String, now: u64) -> Ask {
        let need = self.rules.demand(need);
        self.tidy(now);
        let free = self.rules.concurrency.and_then(|_| self.free_slots.pop());
        let reuses_slot = free.is_some();
        let slot = self.rules.concurrency.map(|_| free.map_or_else(slot, |free| free.id));
        let extra = self.wanted(now);
        Ask { need, extra, slot, reuses_slot, ..self.tell(now) }
    }

    /// An ask in the background, if the lease will soon run low.
    pub fn refill(&mut self, now: u64) -> Option<Ask> {
        let low = self.rate.over(REFILL_BELOW_MS);
        if self.rules.counted.is_empty() || low.is_zero() || self.left().covers(low) {
            return None;
        }
        if self.blocked.iter().any(|blocked| now < blocked.hold_until_ms) {
            return None;
        }
        let extra = self.wanted(now);
        (!extra.is_zero()).then(|| Ask { extra, ..self.tell(now) })
    }

    /// An ask that only sends changes, if they have waited long enough.
    pub fn flush(&mut self, now: u64) -> Option<Ask> {
        self.tidy(now);
        let since = self.waiting_since_ms?;
        (now >= since + FLUSH_AFTER_MS).then(|| self.tell(now))
    }

    /// Whether changes wait to be sent, so that a flush must be scheduled.
    #[must_use]
    pub const fn has_news(&self) -> bool {
        self.waiting_since_ms.is_some()
    }

    /// The ask that renews the slots of running requests.
    pub fn renew(&mut self, slot: &str, now: u64) -> Ask {
        Ask { renew: vec![slot.to_owned()], ..self.tell(now) }
    }

    /// Applies the answer to an ask that was sent at `sent_ms`, and decides on the request behind it. [`Step::Ask`]
    /// means that the grant arrived too late to be used.
    pub fn receive(&mut self, ask: &Ask, reply: &Reply, sent_ms: u64, now: u64) -> Step {
        self.refilled(ask);
        self.meters.clone_from(&reply.meters);
        self.heard_at_ms = now;
        let expires_ms = sent_ms + reply.lease_ms.min(LEASE_TTL_MS);
        if let Some(refused) = &reply.refused {
            if let Some(slot) = ask.slot.as_ref().filter(|_| ask.reuses_slot) {
                self.release_slot(slot.clone(), now);
            }
            // Another answer may have brought the permits that this one was refused.
            if let Some(spent) = self.spend_here(ask.need, now) {
                return Step::Granted(spent);
            }
            let refusal = Refusal::from(refused);
            self.blocked.retain(|blocked| blocked.refusal.kind != refusal.kind);
            self.blocked.push(Blocked {
                need: refused.kind.map_or(1, |kind| ask.need.of(kind.unit())),
                hold_until_ms: now + refused.hold_ms,
                retry_at_ms: refused.retry_after_ms.map(|wait| now + wait),
                refusal: refusal.clone(),
            });
            return Step::Refused(refusal);
        }
        if now >= expires_ms {
            self.give_back_part(Part { at: reply.at, amounts: reply.granted }, now);
            if let Some(slot) = &ask.slot {
                self.release_slot(slot.clone(), now);
            }
            return Step::Ask;
        }
        self.blocked.clear();
        let left = reply.granted.minus(ask.need);
        if !left.is_zero() {
            self.pockets.push_back(Pocket { at: reply.at, expires_ms, left });
        }
        let parts =
            if ask.need.is_zero() { Vec::new() } else { vec![Part { at: reply.at, amounts: ask.need }] };
        Step::Granted(Spent { parts, slot: ask.slot.clone(), renewed_ms: sent_ms })
    }

    /// Notes that an ask was not answered. The authority may have received it.
    pub fn lost(&mut self, ask: &Ask, now: u64) {
        self.refilled(ask);
        // Counting twice is safe; returning twice would not be.
        self.debt = self.debt.plus(ask.debt);
        for slot in ask.slot.iter().chain(&ask.release) {
            self.release_slot(slot.clone(), now);
        }
        if !self.debt.is_zero() {
            self.waiting_since_ms.get_or_insert(now);
        }
    }

    /// Ends a request that took `spent` and really needed `real`.
    pub fn settle(&mut self, spent: Spent, real: Amounts, now: u64) {
        let reserved = spent.parts.iter().fold(Amounts::ZERO, |sum, part| sum.plus(part.amounts));
        let counted = Amounts::each(|unit| if self.rules.counts(unit) { real.of(unit) } else { 0 });
        let mut excess = reserved.minus(counted);
        // The newest grants are returned first: they count longest.
        for part in spent.parts.iter().rev() {
            let amounts = part.amounts.min(excess);
            excess = excess.minus(amounts);
            self.give_back_part(Part { at: part.at, amounts }, now);
        }
        let debt = counted.minus(reserved);
        if !debt.is_zero() {
            self.debt = self.debt.plus(debt);
            self.waiting_since_ms.get_or_insert(now);
        }
        if let Some(id) = spent.slot {
            self.free_slots.push(FreeSlot { id, freed_ms: now, renewed_ms: spent.renewed_ms });
            self.blocked.retain(|blocked| blocked.refusal.kind.is_some());
            self.waiting_since_ms.get_or_insert(now);
        }
    }

    /// Returns what a request took that was not admitted in the end.
    pub fn give_back(&mut self, spent: Spent, now: u64) {
        self.settle(spent, Amounts::ZERO, now);
    }

    /// The state of the limits as this isolate knows it.
    #[must_use]
    pub fn meters(&self, now: u64) -> Vec<MeterState> {
        let left = self.left();
        let age = now.saturating_sub(self.heard_at_ms);
        let adjust = |meter: &MeterState| MeterState {
            used: meter.used.saturating_sub(left.of(meter.kind.unit())),
            reset_ms: meter.reset_ms.saturating_sub(age),
            ..meter.clone()
        };
        self.meters.iter().map(adjust).collect()
    }

    /// Whether the isolate has no state of the subject yet.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.heard_at_ms == 0
    }

    /// Refuses for `hold_ms` milliseconds without asking, because another isolate was refused.
    pub fn block(&mut self, rules: &Rules, refusal: Refusal, hold_ms: u64, now: u64) {
        if self.rules != *rules {
            self.adopt(rules);
        }
        let retry_at_ms = refusal.retry_after_ms.map(|wait| now + wait);
        self.blocked.push(Blocked { refusal, need: 1, hold_until_ms: now + hold_ms, retry_at_ms });
    }

    /// Whether the subject can be dropped from memory without loss.
    #[must_use]
    pub fn is_idle(&self, now: u64) -> bool {
        self.waiting_since_ms.is_none()
            && self.blocked.iter().all(|blocked| blocked.hold_until_ms <= now)
            && self.pockets.iter().all(|pocket| pocket.expires_ms <= now)
            && now.saturating_sub(self.heard_at_ms) > 60_000
    }

    fn adopt(&mut self, rules: &Rules) {
        let pockets = std::mem::take(&mut self.pockets);
        self.returns.extend(pockets.iter().map(|pocket| Part { at: pocket.at, amounts: pocket.left }));
        self.release.extend(self.free_slots.drain(..).map(|slot| slot.id));
        self.blocked.clear();
        self.meters.clear();
        self.rules = rules.clone();
    }

    /// Moves expired permits out of the lease.
    fn tidy(&mut self, now: u64) {
        while let Some(pocket) = self.pockets.front().copied()
            && pocket.expires_ms <= now
        {
            self.pockets.pop_front();
            self.give_back_part(Part { at: pocket.at, amounts: pocket.left }, now);
        }
        let is_stale =
            |slot: &FreeSlot| now >= slot.freed_ms + LEASE_TTL_MS || now >= slot.renewed_ms + SLOT_RENEW_MS;
        let stale: Vec<FreeSlot> = self.free_slots.extract_if(.., |slot| is_stale(slot)).collect();
        for slot in stale {
            self.release_slot(slot.id, now);
        }
    }

    fn spend_here(&mut self, need: Amounts, now: u64) -> Option<Spent> {
        self.tidy(now);
        if !self.left().covers(need) {
            return None;
        }
        let slot = match self.rules.concurrency {
            None => None,
            Some(_) => Some(self.free_slots.pop()?),
        };
        let mut missing = need;
        let mut parts = Vec::new();
        for pocket in &mut self.pockets {
            let taken = pocket.left.min(missing);
            if !taken.is_zero() {
                pocket.left = pocket.left.minus(taken);
                missing = missing.minus(taken);
                parts.push(Part { at: pocket.at, amounts: taken });
            }
        }
        self.pockets.retain(|pocket| !pocket.left.is_zero());
        let renewed_ms = slot.as_ref().map_or(0, |slot| slot.renewed_ms);
        Some(Spent { parts, slot: slot.map(|slot| slot.id), renewed_ms })
    }

    fn blocking(&self, need: Amounts, now: u64) -> Option<Refusal> {
        let blocked = self.blocked.iter().find(|blocked| {
            now < blocked.hold_until_ms
                && blocked.refusal.kind.map_or(1, |kind| need.of(kind.unit())) >= blocked.need
        })?;
        let retry_after_ms = blocked.retry_at_ms.map(|at| at.saturating_sub(now).max(1));
        Some(Refusal { retry_after_ms, ..blocked.refusal.clone() })
    }

    fn left(&self) -> Amounts {
        self.pockets.iter().fold(Amounts::ZERO, |sum, pocket| sum.plus(pocket.left))
    }

    /// What to ask for in addition to the need; nothing while such an ask is outstanding.
    fn wanted(&mut self, now: u64) -> Amounts {
        self.rate.roll(now);
        if self.refilling_since_ms.is_some_and(|since| now < since + REFILL_PATIENCE_MS) {
            return Amounts::ZERO;
        }
        let wanted = self.rate.over(ASK_FOR_MS).minus(self.left());
        if !wanted.is_zero() {
            self.refilling_since_ms = Some(now);
        }
        wanted
    }

    fn refilled(&mut self, ask: &Ask) {
        if !ask.extra.is_zero() {
            self.refilling_since_ms = None;
        }
    }

    /// An ask with all queued changes.
    fn tell(&mut self, now: u64) -> Ask {
        self.tidy(now);
        // Released slots that may be reused soon are held back.
        self.waiting_since_ms = self.free_slots.iter().map(|slot| slot.freed_ms).min();
        Ask {
            rules: self.rules.clone(),
            returns: std::mem::take(&mut self.returns),
            debt: std::mem::take(&mut self.debt),
            release: std::mem::take(&mut self.release),
            ..Ask::default()
        }
    }

    fn give_back_part(&mut self, part: Part, now: u64) {
        if part.amounts.is_zero() {
            return;
        }
        match self.returns.iter_mut().find(|held| held.at == part.at) {
            Some(held) => held.amounts = held.amounts.plus(part.amounts),
            None => self.returns.push(part),
        }
        if self.returns.len() > MAX_RETURNS {
            self.returns.remove(0);
        }
        let units = Unit::ALL.into_iter().filter(|unit| part.amounts.of(*unit) > 0);
        for unit in units {
            let freed = |kind: Option<RuleKind>| kind.is_some_and(|kind| kind.unit() == unit);
            self.blocked.retain(|blocked| !freed(blocked.refusal.kind));
        }
        self.waiting_since_ms.get_or_insert(now);
    }

    fn release_slot(&mut self, slot: String, now: u64) {
        self.release.push(slot);
        self.waiting_since_ms.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Authority, Limits};

    fn exchange(
        lease: &mut Lease,
        authority: &mut Authority,
        rules: &Rules,
        need: Amounts,
        now: u64,
    ) -> Step {
        match lease.spend(rules, need, now) {
            Step::Ask => {
                let ask = lease.ask(need, || format!("slot-{now}"), now);
                let (reply, _) = authority.answer(&ask, now);
                lease.receive(&ask, &reply, now, now)
            }
            step => step,
        }
    }

    fn spent(step: Step) -> Spent {
        match step {
            Step::Granted(spent) => spent,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tokens_are_corrected_when_they_are_known() {
        let rules = Rules::new(&Limits { tokens_per_minute: Some(1_000), ..Limits::default() }, None);
        let (mut lease, mut authority) = (Lease::default(), Authority::default());
        let now = 1_000_000;
        let first = spent(exchange(&mut lease, &mut authority, &rules, Amounts::request(800, 0), now));
        let Step::Refused(refusal) =
            exchange(&mut lease, &mut authority, &rules, Amounts::request(800, 0), now)
        else {
            panic!("must be refused")
        };
        assert_eq!(refusal.kind, Some(RuleKind::TokensPerMinute));
        // A smaller request is admitted, though the larger one is refused.
        let small = spent(exchange(&mut lease, &mut authority, &rules, Amounts::request(100, 0), now));
        lease.settle(first, Amounts::request(50, 0), now);
        lease.settle(small, Amounts::request(300, 0), now);
        assert!(lease.has_news());
        let second = spent(exchange(&mut lease, &mut authority, &rules, Amounts::request(650, 0), now));
        assert_eq!(lease.meters(now).first().unwrap().used, 1_000);
        assert_eq!(second.parts.len(), 1);
    }

    #[test]
    fn slots_are_used_again_here_and_released_when_they_are_not() {
        let rules = Rules::new(&Limits { concurrency: Some(1), ..Limits::default() }, None);
        let (mut lease, mut authority) = (Lease::default(), Authority::default());
        let one = Amounts::request(0, 0);
        let first = spent(exchange(&mut lease, &mut authority, &rules, one, 5_000));
        assert!(matches!(exchange(&mut lease, &mut authority, &rules, one, 5_001), Step::Refused(_)));
        lease.settle(first.clone(), one, 5_002);
        let again = spent(lease.spend(&rules, one, 5_003));
        assert_eq!(again.slot, first.slot, "without asking");
        lease.settle(again, one, 5_004);
        assert_eq!(lease.flush(5_100), None);
        let told = lease.flush(5_004 + FLUSH_AFTER_MS).unwrap();
        assert_eq!(told.release, [first.slot.unwrap()]);
    }

    #[test]
    fn one_request_after_the_other_needs_one_slot() {
        let limits = Limits { requests_per_minute: Some(50), concurrency: Some(1), ..Limits::default() };
        let rules = Rules::new(&limits, None);
        let (mut lease, mut authority) = (Lease::default(), Authority::default());
        for now in 0..50 {
            let step = exchange(&mut lease, &mut authority, &rules, Amounts::request(0, 0), 7_000 + now);
            lease.settle(spent(step), Amounts::request(0, 0), 7_000 + now);
        }
        let last = exchange(&mut lease, &mut authority, &rules, Amounts::request(0, 0), 7_100);
        assert!(matches!(last, Step::Refused(Refusal { kind: Some(_), .. })));
        let told = lease.flush(60_000).unwrap();
        authority.answer(&told, 9_000);
        assert_eq!(authority.slots().count(), 0);
    }

    #[test]
    fn a_changed_limit_holds_at_once() {
        let (mut lease, mut authority) = (Lease::default(), Authority::default());
        let one = Amounts::request(0, 0);
        let strict = Rules::requests_per_minute(1);
        spent(exchange(&mut lease, &mut authority, &strict, one, 1_000_000));
        assert!(matches!(exchange(&mut lease, &mut authority, &strict, one, 1_000_001), Step::Refused(_)));
        assert!(matches!(lease.spend(&strict, one, 1_000_002), Step::Refused(_)), "known here");
        spent(exchange(&mut lease, &mut authority, &Rules::requests_per_minute(2), one, 1_000_003));
    }

    #[test]
    fn an_answer_that_comes_too_late_is_returned() {
        let rules = Rules::requests_per_minute(1);
        let (mut lease, mut authority) = (Lease::default(), Authority::default());
        let one = Amounts::request(0, 0);
        assert_eq!(lease.spend(&rules, one, 1_000_000), Step::Ask);
        let ask = lease.ask(one, String::new, 1_000_000);
        let (reply, _) = authority.answer(&ask, 1_000_500);
        assert_eq!(lease.receive(&ask, &reply, 1_000_000, 1_002_000), Step::Ask);
        spent(exchange(&mut lease, &mut authority, &rules, one, 1_002_001));
    }
}
