//! The count of one rule.
//!
//! Time is divided into slices with a counter each. A permit granted in a slice may be spent until [`LEASE_TTL_MS`]
//! later, so a slice counts until that moment has left the window, too: in no interval of the window's length,
//! wherever it begins, is more than the limit spent. In return a permit becomes available up to a slice and a lease
//! later than necessary. A calendar period is a single slice.

use std::collections::VecDeque;

use super::LEASE_TTL_MS;
use super::rules::{Rule, RuleKind, Window};

/// One counter, as it is stored. A count of 0 may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The rule that it belongs to.
    pub kind: RuleKind,
    /// The number of the slice since the epoch, or the beginning of the period in milliseconds.
    pub slice: u64,
    /// The amount that was granted in it.
    pub count: u64,
}

/// The counters of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    kind: RuleKind,
    /// (slice, count), oldest first.
    slices: VecDeque<(u64, u64)>,
    used: u64,
}

impl Meter {
    /// An empty meter.
    #[must_use]
    pub fn new(kind: RuleKind) -> Self {
        Self { kind, slices: VecDeque::new(), used: 0 }
    }

    /// Which rule it counts for.
    #[must_use]
    pub const fn kind(&self) -> RuleKind {
        self.kind
    }

    /// Restores a stored counter.
    pub fn restore(&mut self, slice: u64, count: u64) {
        let at = self.slices.partition_point(|(held, _)| *held < slice);
        self.slices.insert(at, (slice, count));
        self.used = self.used.saturating_add(count);
    }

    /// The counters, for a test of storing.
    pub fn counters(&self) -> impl Iterator<Item = Counter> + '_ {
        self.slices.iter().map(|(slice, count)| Counter { kind: self.kind, slice: *slice, count: *count })
    }

    fn slice_of(&self, at_ms: u64) -> u64 {
        match self.kind.window() {
            Window::Sliding { slice_ms, .. } => at_ms / slice_ms,
            Window::Calendar(period) => period.bounds(at_ms).0,
        }
    }

    /// When a slice stops counting.
    fn leaves_at(&self, slice: u64) -> u64 {
        match self.kind.window() {
            Window::Sliding { length_ms, slice_ms } => (slice + 1) * slice_ms + LEASE_TTL_MS + length_ms,
            Window::Calendar(period) => period.bounds(slice).1,
        }
    }

    /// Milliseconds for which a grant made now may be spent: not beyond the end of a calendar period, where it would
    /// belong to the next.
    #[must_use]
    pub fn lease_ms(&self, now_ms: u64) -> u64 {
        match self.kind.window() {
            Window::Sliding { .. } => LEASE_TTL_MS,
            Window::Calendar(period) => period.bounds(now_ms).1.saturating_sub(now_ms).min(LEASE_TTL_MS),
        }
    }

    /// Drops slices that have left the window, and returns them.
    pub fn advance(&mut self, now_ms: u64, forgotten: &mut Vec<Counter>) {
        while let Some((slice, count)) = self.slices.front().copied()
            && self.leaves_at(slice) <= now_ms
        {
            self.slices.pop_front();
            self.used = self.used.saturating_sub(count);
            forgotten.push(Counter { kind: self.kind, slice, count: 0 });
        }
    }

    /// The current count.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// What may still be granted under `rule`.
    #[must_use]
    pub const fn available(&self, rule: &Rule) -> u64 {
        rule.limit.saturating_sub(self.used)
    }

    /// Counts an amount at `now_ms` and returns the changed counter.
    pub fn add(&mut self, now_ms: u64, amount: u64) -> Option<Counter> {
        if amount == 0 {
            return None;
        }
        // If the clock steps back, it counts as standing still.
        let newest = self.slices.back().map_or(0, |(slice, _)| *slice);
        let slice = self.slice_of(now_ms).max(newest);
        self.used = self.used.saturating_add(amount);
        let count = match self.slices.back_mut() {
            Some((held, count)) if *held == slice => {
                *count = count.saturating_add(amount);
                *count
            }
            _ => {
                self.slices.push_back((slice, amount));
                amount
            }
        };
        Some(Counter { kind: self.kind, slice, count })
    }

    /// Subtracts what was granted at `at_ms` and never spent; returns the changed counter.
    pub fn take_back(&mut self, at_ms: u64, amount: u64) -> Option<Counter> {
        let slice = self.slice_of(at_ms);
        let (_, count) = self.slices.iter_mut().find(|(held, _)| *held == slice)?;
        let amount = amount.min(*count);
        *count -= amount;
        self.used = self.used.saturating_sub(amount);
        (amount > 0).then_some(Counter { kind: self.kind, slice, count: *count })
    }

    /// Milliseconds until `need` is available under `rule`; `None` if never.
    #[must_use]
    pub fn wait_ms(&self, rule: &Rule, need: u64, now_ms: u64) -> Option<u64> {
        if need > rule.limit {
            return None;
        }
        let mut missing = need.saturating_sub(self.available(rule));
        if missing == 0 {
            return Some(0);
        }
        // Debts may have raised the count above the limit.
        missing = missing.saturating_add(self.used.saturating_sub(rule.limit));
        for (slice, count) in &self.slices {
            missing = missing.saturating_sub(*count);
            if missing == 0 {
                let at = self.leaves_at(*slice);
                return (at < u64::MAX).then(|| at.saturating_sub(now_ms).max(1));
            }
        }
        None
    }

    /// Milliseconds until the count is zero, without further requests.
    #[must_use]
    pub fn reset_ms(&self, now_ms: u64) -> u64 {
        self.slices.back().map_or(0, |(slice, _)| self.leaves_at(*slice).saturating_sub(now_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RPM: RuleKind = RuleKind::RequestsPerMinute;

    #[test]
    fn the_time_to_wait_is_the_time_until_it_is_there() {
        let rule = Rule { kind: RPM, limit: 2 };
        let mut meter = Meter::new(RPM);
        meter.add(1_000_100, 1);
        meter.add(1_010_100, 1);
        assert_eq!(meter.available(&rule), 0);
        let wait = meter.wait_ms(&rule, 1, 1_020_000).unwrap();
        let mut gone = Vec::new();
        meter.advance(1_020_000 + wait - 1, &mut gone);
        assert_eq!(meter.available(&rule), 0);
        meter.advance(1_020_000 + wait, &mut gone);
        assert_eq!(meter.available(&rule), 1);
        assert_eq!(gone.len(), 1);
        assert_eq!(meter.wait_ms(&rule, 3, 1_020_000), None);
        assert_eq!(meter.wait_ms(&Rule { kind: RPM, limit: 0 }, 1, 0), None);
    }

    #[test]
    fn what_comes_back_is_free_again_and_debts_are_waited_for() {
        let rule = Rule { kind: RPM, limit: 10 };
        let mut meter = Meter::new(RPM);
        meter.add(1_000_000, 10);
        meter.take_back(1_000_010, 4);
        assert_eq!(meter.available(&rule), 4);
        meter.add(1_030_000, 14);
        assert_eq!((meter.used(), meter.available(&rule)), (20, 0));
        let wait = meter.wait_ms(&rule, 1, 1_040_000).unwrap();
        assert!(wait > 52_000, "the debt has to leave first: {wait}");
        assert_eq!(meter.take_back(5, 1), None);
    }

    #[test]
    fn a_period_of_the_calendar_ends_at_once() {
        let mut meter = Meter::new(RuleKind::BudgetDay);
        let end = 20_000 * 86_400_000;
        meter.add(end - 500, 7);
        assert_eq!(meter.lease_ms(end - 500), 500);
        meter.advance(end - 1, &mut Vec::new());
        assert_eq!(meter.used(), 7);
        meter.advance(end, &mut Vec::new());
        assert_eq!(meter.used(), 0);
        let mut total = Meter::new(RuleKind::BudgetTotal);
        total.add(end, 1);
        assert_eq!(total.wait_ms(&Rule { kind: RuleKind::BudgetTotal, limit: 1 }, 1, end), None);
    }

    #[test]
    fn counters_are_restored_in_any_order() {
        let mut meter = Meter::new(RuleKind::RequestsPerMinute);
        for slice in [7, 5, 9] {
            meter.restore(slice, slice * 10);
        }
        let slices: Vec<_> = meter.counters().map(|counter| (counter.slice, counter.count)).collect();
        assert_eq!(slices, [(5, 50), (7, 70), (9, 90)]);
        assert_eq!(meter.used(), 210);
    }

    #[test]
    fn only_a_change_is_a_changed_counter() {
        let mut meter = Meter::new(RuleKind::RequestsPerMinute);
        let added = meter.add(100_000, 3).unwrap();
        assert_eq!(meter.take_back(100_000, 2), Some(Counter { count: 1, ..added }));
        assert_eq!(meter.take_back(100_000, 0), None);
        assert_eq!(meter.take_back(100_000, 5).map(|counter| counter.count), Some(0));
        assert_eq!(meter.take_back(100_000, 5), None, "nothing is left to take back");
    }

    #[test]
    fn the_reset_is_when_the_newest_requests_leave_the_window() {
        let mut meter = Meter::new(RuleKind::RequestsPerMinute);
        assert_eq!(meter.reset_ms(100_000), 0);
        meter.add(100_000, 1);
        let reset_ms = meter.reset_ms(100_000);
        assert!((60_000..=62_250).contains(&reset_ms), "{reset_ms}");
        assert_eq!(meter.reset_ms(100_000 + 10), reset_ms - 10);
        assert_eq!(meter.reset_ms(100_000 + reset_ms), 0);
    }
}
