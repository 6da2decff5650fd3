//! A limit on requests per second, which may also be less than one.

use super::num::count;
use crate::limits::{Decision, SlidingWindow};

/// Range of such a limit, in requests per second.
const RANGE: (f64, f64) = (0.001, 100_000.0);

/// A limit that no window of its length ever exceeds.
#[derive(Debug)]
pub(super) struct Qps {
    per_second: f64,
    window: SlidingWindow,
}

impl Qps {
    /// A limit of so many requests per second.
    pub fn new(per_second: f64) -> Self {
        let rate = if per_second.is_nan() { RANGE.1 } else { per_second.clamp(RANGE.0, RANGE.1) };
        // Whole requests per second, or one in as many seconds as needed. The fraction of 2.5 is lost: with a shorter
        // window two bursts could fall into one second.
        let requests = rate.floor().max(1.0);
        let window_ms = count((1_000.0 / rate.min(1.0)).ceil());
        let limit = u32::try_from(count(requests)).unwrap_or(u32::MAX);
        Self { per_second, window: SlidingWindow::new(limit, window_ms) }
    }

    /// Whether this is a limit of this many requests per second.
    fn is_of(&self, per_second: f64) -> bool {
        self.per_second.to_bits() == per_second.to_bits()
    }

    /// Takes a permit, or returns the milliseconds until there is one.
    pub fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        match self.window.take(now_ms) {
            Decision::Granted { .. } => Ok(()),
            Decision::Refused { retry_after_ms } => Err(retry_after_ms),
        }
    }

    /// Milliseconds from one request to the next at a constant rate.
    pub fn spacing_ms(&self) -> u64 {
        count(1_000.0 / self.per_second.clamp(RANGE.0, RANGE.1))
    }
}

/// Updates a limit to its setting: created again when the setting has changed, removed when there is none.
pub(super) fn keep(limit: &mut Option<Qps>, setting: Option<f64>) {
    let is_kept = match (&*limit, setting) {
        (Some(limit), Some(per_second)) => limit.is_of(per_second),
        (None, None) => true,
        _ => false,
    };
    if !is_kept {
        *limit = setting.map(Qps::new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_second_sees_more_and_demand_gets_nearly_all(per_second in prop_oneof![0.1_f64..2.0, 1.0_f64..300.0]) {
            let mut limit = Qps::new(per_second);
            let times: Vec<u64> = (1_000_000..1_060_000_u64).step_by(2).filter(|now| limit.take(*now).is_ok()).collect();
            for (index, start) in times.iter().enumerate() {
                let in_a_second = times[index..].iter().take_while(|at| **at < start + 1_000).count();
                prop_assert!(in_a_second as f64 <= per_second.max(1.0), "{in_a_second} at {per_second}");
            }
            let whole = if per_second > 1.0 { per_second.floor() } else { per_second };
            prop_assert!(times.len() as f64 >= whole * 60.0 * 0.93 - 1.0);
        }
    }

    #[test]
    fn odd_settings_are_harmless() {
        for odd in [0.0, -5.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            let mut limit = Qps::new(odd);
            assert!(limit.take(5).is_ok());
            let mut kept = Some(limit);
            keep(&mut kept, Some(odd));
            assert!(kept.is_some_and(|kept| kept.is_of(odd)));
        }
    }
}
