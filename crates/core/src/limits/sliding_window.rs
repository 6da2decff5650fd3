//! A limit on requests in any window of time.
//!
//! The window is divided into [`SLICES`] slices with a counter each. A slice counts until all of it has left the
//! window, so no interval of the window's length, wherever it begins, exceeds the limit. In return a permit may
//! become available up to one slice late.

use std::collections::VecDeque;

/// Number of slices of a window.
pub const SLICES: u64 = 60;

/// The state of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlidingWindow {
    limit: u32,
    slice_ms: u64,
    /// (number of the slice since the epoch, requests in it), oldest first.
    slices: VecDeque<(u64, u32)>,
}

/// The result for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Admitted; this many more can be admitted now.
    Granted {
        /// Permits that are left.
        remaining: u32,
    },
    /// Refused for this many milliseconds.
    Refused {
        /// Milliseconds until a permit becomes available.
        retry_after_ms: u64,
    },
}

impl SlidingWindow {
    /// A limit of `limit` requests in any `window_ms` milliseconds (at least [`SLICES`]).
    #[must_use]
    pub fn new(limit: u32, window_ms: u64) -> Self {
        Self { limit, slice_ms: window_ms.div_ceil(SLICES).max(1), slices: VecDeque::new() }
    }

    /// The same, restored from stored counters ([`SlidingWindow::slices`]).
    #[must_use]
    pub fn with_slices(mut self, slices: impl IntoIterator<Item = (u64, u32)>) -> Self {
        self.slices = slices.into_iter().collect();
        self.slices.make_contiguous().sort_unstable();
        self
    }

    /// The counters, for storing.
    pub fn slices(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.slices.iter().copied()
    }

    /// The slice that `now_ms` falls into, and the oldest one that still counts then.
    #[must_use]
    pub fn slice_range(&self, now_ms: u64) -> (u64, u64) {
        let current = now_ms / self.slice_ms;
        (current.saturating_sub(SLICES), current)
    }

    /// Takes a permit at `now_ms` if there is one. If the clock steps back, it counts as standing still.
    pub fn take(&mut self, now_ms: u64) -> Decision {
        let newest = self.slices.back().map_or(0, |(slice, _)| *slice);
        let now_ms = now_ms.max(newest * self.slice_ms);
        let (oldest, current) = self.slice_range(now_ms);
        while self.slices.front().is_some_and(|(slice, _)| *slice < oldest) {
            self.slices.pop_front();
        }
        let used: u32 = self.slices.iter().map(|(_, count)| *count).sum();
        if used >= self.limit {
            let frees = self.slices.front().map_or(current, |(slice, _)| *slice) + SLICES + 1;
            return Decision::Refused {
                retry_after_ms: (frees * self.slice_ms).saturating_sub(now_ms).max(1),
            };
        }
        match self.slices.back_mut() {
            Some((slice, count)) if *slice == current => *count += 1,
            _ => self.slices.push_back((current, 1)),
        }
        Decision::Granted { remaining: self.limit - used - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn a_burst_gets_exactly_the_limit() {
        let mut window = SlidingWindow::new(5, MINUTE);
        let granted = (0..40).filter(|_| matches!(window.take(1_000_000), Decision::Granted { .. })).count();
        assert_eq!(granted, 5);
    }

    #[test]
    fn the_time_to_wait_is_the_time_until_it_passes() {
        let mut window = SlidingWindow::new(1, MINUTE);
        assert_eq!(window.take(500), Decision::Granted { remaining: 0 });
        let Decision::Refused { retry_after_ms } = window.take(700) else { panic!("must be refused") };
        assert!(matches!(window.take(700 + retry_after_ms - 1), Decision::Refused { .. }));
        assert!(matches!(window.take(700 + retry_after_ms), Decision::Granted { .. }));
    }

    #[test]
    fn a_limit_of_zero_grants_nothing() {
        assert!(matches!(SlidingWindow::new(0, MINUTE).take(5), Decision::Refused { .. }));
    }

    proptest! {
        #[test]
        fn no_window_sees_more_than_the_limit(limit in 1_u32..20, gaps in proptest::collection::vec(0_u64..3_000, 1..400)) {
            let mut window = SlidingWindow::new(limit, 10_000);
            let mut now = 1_000_000;
            let mut granted = Vec::new();
            for gap in gaps {
                now += gap;
                if let Decision::Granted { .. } = window.take(now) {
                    granted.push(now);
                }
                // A limit that was stored and restored is the same limit.
                window = SlidingWindow::new(limit, 10_000).with_slices(window.slices().collect::<Vec<_>>());
            }
            for start in &granted {
                let in_window = granted.iter().filter(|at| (*start..*start + 10_000).contains(at)).count();
                prop_assert!(in_window <= limit as usize);
            }
        }

        #[test]
        fn steady_demand_gets_nearly_all_of_it(limit in 1_u32..200) {
            let mut window = SlidingWindow::new(limit, MINUTE);
            let granted = (0..600_000_u64).step_by(50).filter(|now| matches!(window.take(1_000_000 + now), Decision::Granted { .. })).count();
            prop_assert!(granted as f64 >= f64::from(limit) * 10.0 * 0.95, "{granted} of {}", limit * 10);
        }
    }
}
