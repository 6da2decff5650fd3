//! Batches what several requests of one isolate write: a message of a queue and a statement cost money and time each.
//!
//! The first request that adds to an empty outbox takes on to send it, waits a moment so that others join, and sends what
//! has come together. Guarantees: what was added is taken exactly once, in order; and if the request that was to send is
//! cancelled by the platform, the next one that adds after [`OVERDUE_MS`] takes its place.

/// Milliseconds for which what was added waits so that others join.
pub const LINGER_MS: u64 = 20;

/// An outbox that is overdue by this many milliseconds has lost the request that was to send it.
pub const OVERDUE_MS: u64 = 1_000;

/// What waits to be sent.
#[derive(Debug)]
pub struct Outbox<T> {
    waiting: Vec<T>,
    weight: usize,
    linger_ms: u64,
    /// When it will be sent, in milliseconds since the epoch; `None` if no request has taken this on.
    leaves_at_ms: Option<u64>,
}

/// How much is sent without waiting.
#[derive(Debug, Clone, Copy)]
pub struct Full {
    /// So many entries.
    pub entries: usize,
    /// Entries of so much weight together.
    pub weight: usize,
}

/// What a request that has added to an outbox has taken on: to [`take`](Outbox::take) what is in it, and send that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// At once: the outbox is full.
    Now,
    /// After so many milliseconds.
    AfterMs(u64),
}

impl<T> Outbox<T> {
    /// An empty outbox.
    #[must_use]
    pub const fn new() -> Self {
        Self::lingering(LINGER_MS)
    }

    /// An empty outbox in which entries wait for so many milliseconds.
    #[must_use]
    pub const fn lingering(linger_ms: u64) -> Self {
        Self { waiting: Vec::new(), weight: 0, linger_ms, leaves_at_ms: None }
    }

    /// Number of entries that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds to it. The result is what the request must do; `None` if another one sends what it added. `full`: with as
    /// many entries it is sent without waiting.
    pub fn add(
        &mut self,
        entries: impl IntoIterator<Item = T>,
        full: usize,
        now_ms: u64,
    ) -> Option<Departure> {
        self.add_weighing(entries, 0, Full { entries: full, weight: usize::MAX }, now_ms)
    }

    /// The same with entries that weigh so much together.
    pub fn add_weighing(
        &mut self,
        entries: impl IntoIterator<Item = T>,
        weight: usize,
        full: Full,
        now_ms: u64,
    ) -> Option<Departure> {
        self.waiting.extend(entries);
        self.weight = self.weight.saturating_add(weight);
        let is_taken_on = self.leaves_at_ms.is_some_and(|due| now_ms < due + OVERDUE_MS);
        if self.waiting.len() >= full.entries || self.weight >= full.weight {
            Some(Departure::Now)
        } else if is_taken_on {
            None
        } else {
            self.leaves_at_ms = Some(now_ms + self.linger_ms);
            Some(Departure::AfterMs(self.linger_ms))
        }
    }

    /// Takes all that waits, for a request whose departure this is.
    pub fn take(&mut self, departure: Departure) -> Vec<T> {
        // What leaves early because the outbox was full leaves the scheduled departure to those that come after it.
        if departure != Departure::Now {
            self.leaves_at_ms = None;
        }
        self.weight = 0;
        std::mem::take(&mut self.waiting)
    }
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WAIT: Option<Departure> = Some(Departure::AfterMs(LINGER_MS));

    #[test]
    fn the_first_sends_for_all() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.add([1], 64, 1_000), WAIT);
        assert_eq!(outbox.add([2, 3], 64, 1_049), None);
        assert_eq!(outbox.take(Departure::AfterMs(LINGER_MS)), [1, 2, 3]);
        assert_eq!(outbox.add([4], 64, 1_051), WAIT, "it is empty again");
    }

    #[test]
    fn a_full_one_leaves_at_once_and_the_scheduled_departure_takes_the_rest() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.add([1], 3, 0), WAIT);
        assert_eq!(outbox.add([2, 3], 3, 10), Some(Departure::Now));
        assert_eq!(outbox.take(Departure::Now), [1, 2, 3]);
        assert_eq!(outbox.add([4], 3, 20), None);
        assert_eq!(outbox.take(Departure::AfterMs(LINGER_MS)), [4]);
    }

    #[test]
    fn what_weighs_much_leaves_at_once() {
        let mut outbox = Outbox::new();
        let add = |outbox: &mut Outbox<u8>, weight| {
            outbox.add_weighing([0], weight, Full { entries: 9, weight: 100 }, 0)
        };
        assert_eq!(add(&mut outbox, 60), WAIT);
        assert_eq!(add(&mut outbox, 0), None);
        assert_eq!(add(&mut outbox, 40), Some(Departure::Now));
        assert_eq!(outbox.take(Departure::Now).len(), 3);
        assert_eq!(add(&mut outbox, 60), None, "the weight is gone with what had it");
    }

    #[test]
    fn a_sender_that_was_cancelled_is_replaced() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.add([1], 64, 0), WAIT);
        assert_eq!(outbox.add([2], 64, LINGER_MS + OVERDUE_MS - 1), None);
        assert_eq!(outbox.add([3], 64, LINGER_MS + OVERDUE_MS), WAIT);
        assert_eq!(outbox.take(Departure::AfterMs(LINGER_MS)), [1, 2, 3]);
    }

    proptest! {
        /// Requests come at any time; each that has a departure takes place after it, unless it is cancelled.
        #[test]
        fn nothing_is_lost_or_doubled(
            requests in prop::collection::vec((0_u64..400, 1_usize..4, prop::bool::weighted(0.2)), 1..60),
        ) {
            let mut outbox = Outbox::new();
            let (mut now, mut next) = (0, 0_usize);
            let (mut due, mut sent): (Vec<u64>, Vec<usize>) = (Vec::new(), Vec::new());
            for (pause, count, is_cancelled) in requests {
                now += pause;
                due.retain(|at| {
                    let is_due = *at <= now;
                    if is_due {
                        sent.extend(outbox.take(Departure::AfterMs(LINGER_MS)));
                    }
                    !is_due
                });
                let added = next..next + count;
                next += count;
                match outbox.add(added, 5, now) {
                    Some(Departure::Now) => sent.extend(outbox.take(Departure::Now)),
                    Some(Departure::AfterMs(ms)) if !is_cancelled => due.push(now + ms),
                    _ => {}
                }
            }
            // The last request comes when every cancelled sender is overdue.
            if outbox.add([next], 5, now + LINGER_MS + OVERDUE_MS).is_some() {
                sent.extend(outbox.take(Departure::AfterMs(LINGER_MS)));
            }
            prop_assert_eq!(sent, (0..=next).collect::<Vec<_>>());
        }
    }
}
