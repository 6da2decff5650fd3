//! The walk of one request through its plan.
//!
//! A plan is made at one moment and walked during the next seconds. A candidate that is busy or whose trial is
//! claimed when its turn comes is moved to the end instead of being lost, because at the end it may be the only one
//! left.

use std::collections::VecDeque;

use super::planner::Decision;

/// The next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Index of the candidate.
    pub index: usize,
    /// Whether to begin it with [`super::health::HealthRegistry::begin_last_resort`], because only last resorts are left.
    pub anyway: bool,
    /// How often the candidate has failed this request before: wait for [`super::backoff::Backoff::delay_ms`] of it,
    /// if it is not 0.
    pub failures: u32,
}

/// See the module documentation.
#[derive(Debug, Clone)]
pub struct Walk {
    steps: VecDeque<Step>,
    attempts_left: u32,
}

impl Walk {
    /// A walk of at most so many attempts.
    #[must_use]
    pub fn new(decision: &Decision, max_attempts: u32) -> Self {
        let step = |(place, index): (usize, &usize)| Step {
            index: *index,
            anyway: place >= decision.usable,
            failures: 0,
        };
        Self { steps: decision.order.iter().enumerate().map(step).collect(), attempts_left: max_attempts }
    }

    /// The next attempt; `None` if no candidate or no attempt is left. It is not counted yet: see [`Walk::count`].
    pub fn next_step(&mut self) -> Option<Step> {
        if self.attempts_left == 0 {
            return None;
        }
        self.steps.pop_front()
    }

    /// Whether another attempt is allowed, at any candidate.
    #[must_use]
    pub fn has_attempts(&self) -> bool {
        self.attempts_left > 0
    }

    /// Counts an attempt that has really begun.
    pub fn count(&mut self) {
        self.attempts_left = self.attempts_left.saturating_sub(1);
    }

    /// Whether any candidate is left.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.attempts_left > 0 && !self.steps.is_empty()
    }

    /// An attempt could not begin, because the candidate is blocked or busy: it is moved to the end, and is then
    /// begun as a last resort. If that fails, too, it is not tried again.
    pub fn put_off(&mut self, step: Step) {
        if !step.anyway {
            self.steps.push_back(Step { anyway: true, ..step });
        }
    }

    /// An attempt failed for a temporary reason: the candidate is tried again after all others, if attempts are left.
    pub fn again(&mut self, step: Step) {
        self.steps.push_back(Step { anyway: true, failures: step.failures.saturating_add(1), ..step });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(max_attempts: u32) -> Walk {
        Walk::new(&Decision { order: vec![4, 2, 7], usable: 2, ..Default::default() }, max_attempts)
    }

    #[test]
    fn the_plan_is_walked_in_order() {
        let mut walk = walk(9);
        let steps: Vec<(usize, bool)> =
            std::iter::from_fn(|| walk.next_step()).map(|step| (step.index, step.anyway)).collect();
        assert_eq!(steps, [(4, false), (2, false), (7, true)]);
    }

    #[test]
    fn what_is_put_off_comes_last_and_once() {
        let mut walk = walk(9);
        let first = walk.next_step().unwrap();
        walk.put_off(first);
        let order: Vec<usize> = std::iter::from_fn(|| {
            let step = walk.next_step()?;
            walk.put_off(step);
            Some(step.index)
        })
        .collect();
        assert_eq!(order, [2, 7, 4, 2]);
    }

    #[test]
    fn attempts_are_limited_and_repeated_ones_say_so() {
        let mut walk = walk(5);
        let mut made = Vec::new();
        while let Some(step) = walk.next_step() {
            walk.count();
            made.push((step.index, step.failures));
            walk.again(step);
        }
        assert_eq!(made, [(4, 0), (2, 0), (7, 0), (4, 1), (2, 1)]);
        assert!(!walk.has_more());
    }
}
