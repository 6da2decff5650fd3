//! The concurrency limiter in front of a provider: limits concurrent requests and requests per second, and has a
//! short queue.
//!
//! - The number of requests in flight never exceeds the limit, nor do the requests admitted within a second.
//! - Queued requests are admitted in the order of arrival; no request overtakes the queue.
//! - The queue is bounded, and so is the wait. A request that cannot be admitted in time is refused with a time after
//!   which to retry, at once if that can be known at once.
//! - A queued request that does not poll any more is removed, so that it does not block others.
//!
//! The limiter does not wake requests: a queued request polls again after the time that it was given. (On the
//! platform, a request cannot act on behalf of another one.)

use std::collections::VecDeque;

use super::qps::{self, Qps};

/// How soon the first in the queue polls when it waits for another request to end, in milliseconds. The second polls
/// after twice that, and so on, up to [`LONGEST_POLL_MS`].
const POLL_MS: u64 = 15;
const LONGEST_POLL_MS: u64 = 150;
/// By how many milliseconds a poll may be late before the place in the queue is lost.
const GRACE_MS: u64 = 1_000;
/// The retry time for callers when the end of a request cannot be predicted, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// Settings of a limiter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConcurrencyLimits {
    /// Limit on concurrent requests.
    pub max_in_flight: Option<u32>,
    /// Limit on requests per second.
    pub max_qps: Option<f64>,
    /// Most queued requests.
    pub max_queue: u32,
    /// The longest wait, in milliseconds.
    pub max_wait_ms: u64,
}

impl Default for ConcurrencyLimits {
    /// No limits; if one is set, up to 100 requests are queued for up to two seconds.
    fn default() -> Self {
        Self { max_in_flight: None, max_qps: None, max_queue: 100, max_wait_ms: 2_000 }
    }
}

/// Permission to be in flight. Return it with [`ConcurrencyLimiter::leave`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a request that never leaves counts as under way for ever"]
pub struct Pass(());

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// Admitted.
    Enter(Pass),
    /// Queued: poll again with this ticket after `wait_ms`, or give it up with [`ConcurrencyLimiter::abandon`].
    Wait {
        /// The place in the queue.
        ticket: Ticket,
        /// Milliseconds.
        wait_ms: u64,
    },
    /// Refused.
    Refuse {
        /// Milliseconds after which to retry.
        retry_after_ms: u64,
    },
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    /// When its wait ends, in milliseconds since the epoch.
    until_ms: u64,
    /// When it is to poll again.
    due_ms: u64,
}

/// See the module documentation.
#[derive(Debug)]
pub struct ConcurrencyLimiter {
    limits: ConcurrencyLimits,
    in_flight: u32,
    qps: Option<Qps>,
    queue: VecDeque<Waiter>,
    tickets: u64,
}

impl ConcurrencyLimiter {
    /// An idle limiter.
    #[must_use]
    pub fn new(limits: ConcurrencyLimits) -> Self {
        let qps = limits.max_qps.map(Qps::new);
        Self { limits, in_flight: 0, qps, queue: VecDeque::new(), tickets: 0 }
    }

    /// Changes the settings; requests in flight are kept.
    pub fn set_limits(&mut self, limits: ConcurrencyLimits) {
        qps::keep(&mut self.qps, limits.max_qps);
        self.limits = limits;
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Queued requests.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// A request arrives.
    pub fn enter(&mut self, now_ms: u64) -> Entry {
        self.clear_out(now_ms);
        let obstacle = if self.queue.is_empty() {
            match self.try_enter(now_ms) {
                Ok(pass) => return Entry::Enter(pass),
                Err(obstacle) => obstacle,
            }
        } else {
            self.obstacle_behind()
        };
        let place = self.queue.len();
        let wait_ms = self.wait_at(place, obstacle);
        let is_hopeless = matches!(obstacle, Obstacle::Rate(_)) && wait_ms > self.limits.max_wait_ms;
        if is_hopeless || self.limits.max_wait_ms == 0 || place as u64 >= u64::from(self.limits.max_queue) {
            return Entry::Refuse {
                retry_after_ms: obstacle.retry_after_ms().max(if is_hopeless { wait_ms } else { 0 }),
            };
        }
        self.tickets += 1;
        let ticket = self.tickets;
        let wait_ms = wait_ms.min(self.limits.max_wait_ms);
        self.queue.push_back(Waiter {
            ticket,
            until_ms: now_ms.saturating_add(self.limits.max_wait_ms),
            due_ms: now_ms.saturating_add(wait_ms),
        });
        Entry::Wait { ticket: Ticket(ticket), wait_ms }
    }

    /// A queued request polls.
    pub fn poll(&mut self, ticket: Ticket, now_ms: u64) -> Entry {
        // A request that polls is alive, however late it is.
        if let Some(waiter) = self.queue.iter_mut().find(|waiter| waiter.ticket == ticket.0) {
            waiter.due_ms = waiter.due_ms.max(now_ms);
        }
        self.clear_out(now_ms);
        let Some(place) = self.queue.iter().position(|waiter| waiter.ticket == ticket.0) else {
            return Entry::Refuse { retry_after_ms: RETRY_AFTER_MS };
        };
        let obstacle = if place == 0 {
            match self.try_enter(now_ms) {
                Ok(pass) => {
                    self.queue.pop_front();
                    return Entry::Enter(pass);
                }
                Err(obstacle) => obstacle,
            }
        } else {
            self.obstacle_behind()
        };
        let wait_ms = self.wait_at(place, obstacle);
        let Some(waiter) = self.queue.get_mut(place) else {
            return Entry::Refuse { retry_after_ms: RETRY_AFTER_MS };
        };
        let patience_ms = waiter.until_ms.saturating_sub(now_ms);
        if patience_ms == 0 {
            self.queue.remove(place);
            return Entry::Refuse { retry_after_ms: obstacle.retry_after_ms() };
        }
        let wait_ms = wait_ms.min(patience_ms);
        waiter.due_ms = now_ms.saturating_add(wait_ms);
        Entry::Wait { ticket, wait_ms }
    }

    /// A queued request gives up.
    pub fn abandon(&mut self, ticket: Ticket) {
        self.queue.retain(|waiter| waiter.ticket != ticket.0);
    }

    /// A request has ended.
    #[expect(clippy::needless_pass_by_value, reason = "a pass is used up")]
    pub fn leave(&mut self, pass: Pass) {
        let Pass(()) = pass;
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn try_enter(&mut self, now_ms: u64) -> Result<Pass, Obstacle> {
        if self.limits.max_in_flight.is_some_and(|most| self.in_flight >= most) {
            return Err(Obstacle::Full);
        }
        if let Some(limit) = &mut self.qps {
            limit.take(now_ms).map_err(Obstacle::Rate)?;
        }
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(Pass(()))
    }

    /// What blocks requests behind others in the queue.
    fn obstacle_behind(&self) -> Obstacle {
        let is_full = self.limits.max_in_flight.is_some_and(|most| self.in_flight >= most);
        match &self.qps {
            Some(limit) if !is_full => Obstacle::Rate(limit.spacing_ms()),
            _ => Obstacle::Full,
        }
    }

    /// How long to wait at a position in the queue before polling again.
    fn wait_at(&self, place: usize, obstacle: Obstacle) -> u64 {
        let place = place as u64;
        match obstacle {
            Obstacle::Full => POLL_MS.saturating_mul(place + 1).min(LONGEST_POLL_MS),
            Obstacle::Rate(first_ms) => {
                let spacing_ms = self.qps.as_ref().map_or(0, Qps::spacing_ms);
                first_ms.saturating_add(spacing_ms.saturating_mul(place)).max(1)
            }
        }
    }

    /// Removes requests from the queue that do not poll any more.
    fn clear_out(&mut self, now_ms: u64) {
        self.queue.retain(|waiter| now_ms <= waiter.due_ms.saturating_add(GRACE_MS));
    }
}

/// What blocks a request.
#[derive(Debug, Clone, Copy)]
enum Obstacle {
    /// The limit on concurrent requests is reached.
    Full,
    /// The limit per second is reached, for so many more milliseconds.
    Rate(u64),
}

impl Obstacle {
    fn retry_after_ms(self) -> u64 {
        match self {
            Self::Full => RETRY_AFTER_MS,
            Self::Rate(wait_ms) => wait_ms.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;

    fn limiter(max_in_flight: u32, max_queue: u32) -> ConcurrencyLimiter {
        ConcurrencyLimiter::new(ConcurrencyLimits {
            max_in_flight: Some(max_in_flight),
            max_queue,
            ..Default::default()
        })
    }

    fn pass(entry: Entry) -> Pass {
        match entry {
            Entry::Enter(pass) => pass,
            other => panic!("{other:?}"),
        }
    }

    fn ticket(entry: Entry) -> (Ticket, u64) {
        match entry {
            Entry::Wait { ticket, wait_ms } => (ticket, wait_ms),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_limiter_without_limits_admits() {
        let mut limiter = ConcurrencyLimiter::new(ConcurrencyLimits::default());
        let passes: Vec<Pass> = (0..1_000).map(|_| pass(limiter.enter(NOW))).collect();
        assert_eq!(limiter.in_flight(), 1_000);
        for pass in passes {
            limiter.leave(pass);
        }
        assert_eq!(limiter.in_flight(), 0);
    }

    #[test]
    fn queued_requests_are_admitted_in_order() {
        let mut limiter = limiter(1, 2);
        let inside = pass(limiter.enter(NOW));
        let (first, _) = ticket(limiter.enter(NOW));
        let (second, _) = ticket(limiter.enter(NOW));
        assert_eq!(limiter.enter(NOW), Entry::Refuse { retry_after_ms: RETRY_AFTER_MS });
        limiter.leave(inside);
        assert!(matches!(limiter.poll(second, NOW + 5), Entry::Wait { .. }));
        assert!(matches!(limiter.enter(NOW + 5), Entry::Refuse { .. }), "the queue is full, and goes first");
        let inside = pass(limiter.poll(first, NOW + 10));
        limiter.leave(inside);
        let _inside = pass(limiter.poll(second, NOW + 20));
        assert_eq!((limiter.in_flight(), limiter.queued()), (1, 0));
    }

    #[test]
    fn patience_ends() {
        let mut limiter = limiter(1, 5);
        let _inside = pass(limiter.enter(NOW));
        let (waiting, mut wait) = ticket(limiter.enter(NOW));
        let mut now = NOW;
        let refused = loop {
            now += wait;
            match limiter.poll(waiting, now) {
                Entry::Wait { wait_ms, .. } => wait = wait_ms,
                other => break other,
            }
        };
        assert_eq!((refused, now), (Entry::Refuse { retry_after_ms: RETRY_AFTER_MS }, NOW + 2_000));
        assert_eq!(limiter.queued(), 0);
    }

    #[test]
    fn a_request_that_does_not_poll_blocks_no_other() {
        let mut limiter = limiter(1, 5);
        let inside = pass(limiter.enter(NOW));
        let (_gone, _) = ticket(limiter.enter(NOW));
        let (given_up, _) = ticket(limiter.enter(NOW));
        let (waiting, _) = ticket(limiter.enter(NOW));
        limiter.leave(inside);
        limiter.abandon(given_up);
        assert!(matches!(limiter.poll(waiting, NOW + 900), Entry::Wait { .. }));
        let _inside = pass(limiter.poll(waiting, NOW + 1_100));
    }

    #[test]
    fn a_rate_is_waited_for_and_a_hopeless_wait_is_refused_at_once() {
        let mut limiter = ConcurrencyLimiter::new(ConcurrencyLimits {
            max_qps: Some(2.0),
            max_wait_ms: 1_500,
            ..Default::default()
        });
        let _one = pass(limiter.enter(NOW));
        let _two = pass(limiter.enter(NOW));
        let (third, wait) = ticket(limiter.enter(NOW));
        assert!((1_000..1_050).contains(&wait), "{wait}");
        let (_fourth, _) = ticket(limiter.enter(NOW));
        let (_fifth, _) = ticket(limiter.enter(NOW));
        let Entry::Refuse { retry_after_ms } = limiter.enter(NOW) else { panic!("too long a wait") };
        assert!(retry_after_ms > 1_500);
        let _three = pass(limiter.poll(third, NOW + wait));
    }

    #[test]
    fn limits_change_while_requests_are_under_way() {
        let mut limiter = limiter(1, 0);
        let one = pass(limiter.enter(NOW));
        assert!(matches!(limiter.enter(NOW), Entry::Refuse { .. }));
        limiter.set_limits(ConcurrencyLimits { max_in_flight: Some(2), ..Default::default() });
        let two = pass(limiter.enter(NOW));
        limiter.set_limits(ConcurrencyLimits { max_in_flight: Some(1), ..Default::default() });
        limiter.leave(one);
        assert!(matches!(limiter.enter(NOW), Entry::Wait { .. }));
        limiter.leave(two);
    }

    proptest! {
        #[test]
        fn limits_hold_and_order_is_kept(
            max_in_flight in 1_u32..6, max_qps in proptest::option::of(5.0_f64..200.0), max_queue in 0_u32..10,
            arrivals in proptest::collection::vec((0_u64..30, 1_u64..400, any::<bool>()), 1..300),
        ) {
            let mut limiter = ConcurrencyLimiter::new(ConcurrencyLimits { max_in_flight: Some(max_in_flight), max_qps, max_queue, max_wait_ms: 2_000 });
            let mut arriving: VecDeque<(u64, u64, bool)> = arrivals.iter().scan(NOW, |at, (gap, hold, faithful)| { *at += gap; Some((*at, *hold, *faithful)) }).collect();
            let mut waiting: Vec<(u64, Ticket, u64)> = Vec::new();
            let mut inside: Vec<(u64, Pass)> = Vec::new();
            let (mut entered, mut last_ticket, mut settled, total) = (Vec::new(), 0, 0, arriving.len());
            let mut faithless = 0;
            for now in NOW..NOW + 15_000 {
                let (over, still): (Vec<_>, Vec<_>) = inside.into_iter().partition(|(end, _)| *end <= now);
                inside = still;
                for (_, pass) in over {
                    limiter.leave(pass);
                }
                let (due, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(due, ..)| *due <= now);
                waiting = later;
                for (_, ticket, hold) in due {
                    match limiter.poll(ticket, now) {
                        Entry::Enter(pass) => {
                            prop_assert!(ticket.0 > last_ticket, "overtaken");
                            last_ticket = ticket.0;
                            entered.push(now);
                            inside.push((now + hold, pass));
                            settled += 1;
                        }
                        Entry::Wait { wait_ms, .. } => { prop_assert!(wait_ms > 0); waiting.push((now + wait_ms, ticket, hold)); }
                        Entry::Refuse { retry_after_ms } => { prop_assert!(retry_after_ms > 0); settled += 1; }
                    }
                }
                while arriving.front().is_some_and(|(at, ..)| *at <= now) {
                    let (_, hold, faithful) = arriving.pop_front().unwrap();
                    match limiter.enter(now) {
                        Entry::Enter(pass) => { entered.push(now); inside.push((now + hold, pass)); settled += 1; }
                        Entry::Wait { ticket, wait_ms } if faithful => waiting.push((now + wait_ms, ticket, hold)),
                        Entry::Wait { .. } => faithless += 1,
                        Entry::Refuse { retry_after_ms } => { prop_assert!(retry_after_ms > 0); settled += 1; }
                    }
                }
                prop_assert!(limiter.in_flight() <= max_in_flight && limiter.queued() <= max_queue as usize);
                prop_assert_eq!(limiter.in_flight() as usize, inside.len());
            }
            prop_assert_eq!(settled + faithless, total, "every request gets an answer in the end");
            if let Some(qps) = max_qps {
                for (index, start) in entered.iter().enumerate() {
                    let in_a_second = entered[index..].iter().take_while(|at| **at < start + 1_000).count();
                    prop_assert!(in_a_second as f64 <= qps);
                }
            }
        }
    }
}
