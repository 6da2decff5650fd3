//! The states of one rule for one instance of what it watches.
//!
//! | state | goes to | when |
//! |---|---|---|
//! | kept | pending | it is broken and must be so for a while |
//! | kept, pending | firing | it has been broken for that long |
//! | pending | kept | it is broken no longer |
//! | firing | kept | the value is on the good side of the clear threshold, or there is none |
//!
//! Without a value nothing is known to be broken: no requests are no errors.

use nexus_edge_core::catalog::measure::Comparison;

/// When a rule is broken and when it is kept again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// On which side of the threshold it is broken.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
    /// The threshold at which it is kept again, once it fires.
    pub clear_threshold: f64,
    /// How long it must be broken before it fires, in milliseconds.
    pub for_ms: u64,
}

/// The state of a rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Not yet for long enough. Since when, in milliseconds since the epoch.
    Pending(u64),
    /// For long enough.
    Firing,
}

/// What a value changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Stay,
    /// It is broken from now on.
    Begin,
    /// It fires from now on.
    Fire,
    /// It was pending and is kept.
    Forget,
    /// It fired and is kept.
    End,
}

impl Condition {
    fn is_broken_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::Below => value < self.threshold,
        }
    }

    fn is_cleared_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value <= self.clear_threshold,
            Comparison::Below => value >= self.clear_threshold,
        }
    }

    /// What this value changes at `now_ms`; `state` is `None` while the rule is kept.
    #[must_use]
    pub fn step(&self, state: Option<Broken>, value: Option<f64>, now_ms: u64) -> Step {
        let is_broken = value.is_some_and(|value| self.is_broken_by(value));
        match state {
            None if is_broken && self.for_ms == 0 => Step::Fire,
            None if is_broken => Step::Begin,
            None => Step::Stay,
            Some(Broken::Pending(since_ms)) if is_broken => {
                if now_ms.saturating_sub(since_ms) >= self.for_ms { Step::Fire } else { Step::Stay }
            }
            Some(Broken::Pending(_)) => Step::Forget,
            Some(Broken::Firing) => {
                if value.is_none_or(|value| self.is_cleared_by(value)) {
                    Step::End
                } else {
                    Step::Stay
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000;

    fn above(threshold: f64, clear_threshold: f64, minutes: u64) -> Condition {
        Condition { comparison: Comparison::Above, threshold, clear_threshold, for_ms: minutes * MINUTE }
    }

    /// The steps of a series of values, a minute apart.
    fn steps(condition: Condition, values: &[Option<f64>]) -> Vec<Step> {
        let mut state = None;
        let mut told = Vec::new();
        for (minute, value) in (0_u64..).zip(values) {
            let now_ms = minute * MINUTE;
            let step = condition.step(state, *value, now_ms);
            state = match step {
                Step::Stay => state,
                Step::Begin => Some(Broken::Pending(now_ms)),
                Step::Fire => Some(Broken::Firing),
                Step::Forget | Step::End => None,
            };
            told.push(step);
        }
        told
    }

    #[test]
    fn it_fires_after_its_time_and_ends_at_the_clear_threshold() {
        use Step::{Begin, End, Fire, Stay};
        let values = [0.5, 2.0, 2.0, 2.0, 1.5, 0.9, 0.7].map(Some);
        let expected = [Stay, Begin, Stay, Fire, Stay, Stay, End];
        assert_eq!(steps(above(1.0, 0.8, 2), &values), expected);
    }

    #[test]
    fn a_short_break_is_forgotten_and_counted_anew() {
        use Step::{Begin, Fire, Forget, Stay};
        let values = [2.0, 1.0, 2.0, 2.0, 2.0].map(Some);
        assert_eq!(steps(above(1.0, 1.0, 2), &values), [Begin, Forget, Begin, Stay, Fire]);
    }

    #[test]
    fn without_a_value_nothing_is_broken() {
        use Step::{Begin, End, Fire, Forget, Stay};
        assert_eq!(steps(above(1.0, 1.0, 0), &[None, Some(2.0), None]), [Stay, Fire, End]);
        assert_eq!(steps(above(1.0, 1.0, 1), &[Some(2.0), None]), [Begin, Forget]);
        let below =
            Condition { comparison: Comparison::Below, threshold: 0.99, clear_threshold: 1.0, for_ms: 0 };
        assert_eq!(steps(below, &[Some(0.98), Some(0.995), Some(1.0)]), [Fire, Stay, End]);
    }

    proptest! {
        /// Whatever the values: it fires only after it was broken at every look for long enough, and never twice without an
        /// end between.
        #[test]
        fn it_fires_for_a_reason_and_ends_once(values in prop::collection::vec(prop::option::of(0_u32..5), 1..60), minutes in 0_u64..5) {
            let values: Vec<Option<f64>> = values.into_iter().map(|value| value.map(f64::from)).collect();
            let condition = above(2.0, 1.0, minutes);
            let mut is_firing = false;
            for (at, step) in steps(condition, &values).into_iter().enumerate() {
                match step {
                    Step::Fire => {
                        prop_assert!(!is_firing);
                        is_firing = true;
                        let looks = usize::try_from(minutes).unwrap();
                        prop_assert!(at >= looks);
                        prop_assert!(values[at - looks..=at].iter().all(|value| value.is_some_and(|value| value > 2.0)));
                    }
                    Step::End => {
                        prop_assert!(is_firing && values[at].is_none_or(|value| value <= 1.0));
                        is_firing = false;
                    }
                    Step::Forget => prop_assert!(!is_firing),
                    Step::Begin | Step::Stay => {}
                }
            }
        }
    }
}
