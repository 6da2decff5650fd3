//! The way of one request through its plan.
//!
//! A plan is made at one moment and walked during the next seconds. A candidate may be found busy or with its probe taken when
//! its turn comes; it is then put off to the end instead of being lost, because at the end it may be all that is left.

use std::collections::VecDeque;

use super::planner::Decision;

/// One attempt to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Position of the candidate.
    pub index: usize,
    /// Whether to begin it with [`super::health::Board::begin_last_resort`]: nothing better is left.
    pub anyway: bool,
    /// How often the candidate has failed this request before: wait for [`super::backoff::Backoff::delay_ms`] of it, if it
    /// is not 0.
    pub failures: u32,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Walk {
    steps: VecDeque<Step>,
    attempts_left: u32,
}

impl Walk {
    /// A walk of so many attempts at the most.
    #[must_use]
    pub fn new(decision: &Decision, max_attempts: u32) -> Self {
        let step = |(place, index): (usize, &usize)| Step {
            index: *index,
            anyway: place >= decision.usable,
            failures: 0,
        };
        Self { steps: decision.order.iter().enumerate().map(step).collect(), attempts_left: max_attempts }
    }

    /// The next attempt; `None` if there is nothing left to try, or no attempt left. Does not count yet: see
    /// [`Walk::count`].
    pub fn next_step(&mut self) -> Option<Step> {
        if self.attempts_left == 0 {
            return None;
        }
        self.steps.pop_front()
    }

    /// Whether another attempt may be made, of whichever candidate.
    #[must_use]
    pub fn has_attempts(&self) -> bool {
        self.attempts_left > 0
    }

    /// Counts an attempt that has really begun.
    pub fn count(&mut self) {
        self.attempts_left = self.attempts_left.saturating_sub(1);
    }

    /// Whether anything is left to try.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.attempts_left > 0 && !self.steps.is_empty()
    }

    /// A step could not begin, because the candidate is blocked or busy: it comes again after all others, and then goes
    /// as a last resort. One that could not even then is not tried again.
    pub fn put_off(&mut self, step: Step) {
        if !step.anyway {
            self.steps.push_back(Step { anyway: true, ..step });
        }
    }

    /// An attempt failed for a reason that may pass: the candidate comes again after all others, if attempts are left.
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
