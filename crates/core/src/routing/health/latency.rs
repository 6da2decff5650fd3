//! A quantile sketch of the time to first byte, with exponential decay.
//!
//! Values are counted in buckets whose bounds grow by a constant factor (as in `DDSketch`: Masson, Rim, Lee, VLDB
//! 2019), so the error of a quantile is at most [`RELATIVE_ERROR`] of its value for any distribution. Old values
//! decay with a half-life: instead of shrinking all buckets at every value, newer values have a larger weight
//! ("forward decay", Cormode et al., ICDE 2009), and all weights are rescaled occasionally.
//!
//! One sketch is about 600 bytes. Sketches with the same half-life can be merged.

use crate::routing::num::{count, float};

/// Largest relative error of a quantile between 1 ms and ten minutes.
pub const RELATIVE_ERROR: f64 = 0.05;
/// Larger values count as this one: ten minutes.
pub const MAX_MS: u64 = 600_000;
/// Factor between the bounds of a bucket: (1 + e) / (1 − e) for a relative error e.
const GROWTH: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// Enough that `GROWTH` to this power exceeds [`MAX_MS`].
const BUCKETS: usize = 134;
/// New values may weigh 2 to this power before all weights are scaled back.
const MAX_EXPONENT: f64 = 30.0;
/// Below this weight, in units of one new value, there is no estimate.
const MIN_WEIGHT: f64 = 0.01;

/// See the module documentation.
#[derive(Debug, Clone)]
pub struct LatencySketch {
    half_life_ms: f64,
    /// The time at which a value weighs 1.
    landmark_ms: u64,
    weights: Box<[f32; BUCKETS]>,
}

impl LatencySketch {
    /// An empty sketch in which the weight of a value halves every `half_life_ms` milliseconds.
    #[must_use]
    pub fn new(half_life_ms: u64) -> Self {
        Self { half_life_ms: float(half_life_ms.max(1)), landmark_ms: 0, weights: Box::new([0.0; BUCKETS]) }
    }

    /// Adds a value. If the clock steps back, it counts as standing still.
    pub fn record(&mut self, value_ms: u64, now_ms: u64) {
        let weight = self.weight_at(now_ms);
        if let Some(bucket) = self.weights.get_mut(bucket_of(value_ms)) {
            *bucket += narrow(weight);
        }
    }

    /// Merges another sketch.
    pub fn merge(&mut self, other: &Self) {
        if other.landmark_ms > self.landmark_ms {
            self.rebase(other.landmark_ms);
        }
        let factor = self.exponent(other.landmark_ms).exp2();
        for (mine, theirs) in self.weights.iter_mut().zip(other.weights.iter()) {
            *mine += narrow(f64::from(*theirs) * factor);
        }
    }

    /// The value, in milliseconds, below which the fraction `quantile` of the weight lies; `None` without data.
    #[must_use]
    pub fn quantile(&self, quantile: f64, now_ms: u64) -> Option<u64> {
        let [value] = self.quantiles([quantile], now_ms)?;
        Some(value)
    }

    /// Several quantiles, in ascending order, in one pass.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, wanted: [f64; N], now_ms: u64) -> Option<[u64; N]> {
        let total: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        if total < MIN_WEIGHT * self.exponent(now_ms).exp2() {
            return None;
        }
        let mut values = [0; N];
        let mut open = values.iter_mut().zip(wanted).peekable();
        let mut below = 0.0;
        for (index, weight) in self.weights.iter().enumerate() {
            below += f64::from(*weight);
            // The comparison with the weight excludes empty buckets, also if rounding leaves the last rank unreached.
            while *weight > 0.0
                && let Some((value, _)) =
                    open.next_if(|(_, quantile)| below >= quantile * total * (1.0 - 1e-9))
            {
                *value = value_of(index);
            }
        }
        Some(values)
    }

    /// The weight of all values, in units of one new value.
    #[must_use]
    pub fn weight(&self, now_ms: u64) -> f64 {
        let total: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        total / self.exponent(now_ms).exp2()
    }

    /// How many half-lives after the landmark `now_ms` is; negative before it.
    fn exponent(&self, now_ms: u64) -> f64 {
        let distance = if now_ms >= self.landmark_ms {
            float(now_ms - self.landmark_ms)
        } else {
            -float(self.landmark_ms - now_ms)
        };
        distance / self.half_life_ms
    }

    /// The weight of a value at `now_ms`.
    fn weight_at(&mut self, now_ms: u64) -> f64 {
        if self.landmark_ms == 0 || self.exponent(now_ms) > MAX_EXPONENT {
            self.rebase(now_ms);
        }
        self.exponent(now_ms).max(0.0).exp2()
    }

    fn rebase(&mut self, landmark_ms: u64) {
        let factor = narrow((-self.exponent(landmark_ms)).exp2());
        for weight in self.weights.iter_mut() {
            *weight *= factor;
        }
        self.landmark_ms = landmark_ms;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven digits of a weight are enough")]
fn narrow(weight: f64) -> f32 {
    weight as f32
}

/// The bucket of a value: number i holds those from `GROWTH`^(i-1), exclusive, to `GROWTH`^i, inclusive.
fn bucket_of(value_ms: u64) -> usize {
    let value = float(value_ms.clamp(1, MAX_MS));
    let index = (value.ln() / GROWTH.ln() - 1e-9).ceil().max(0.0);
    usize::try_from(count(index)).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

/// The value of a bucket that is nearest, relatively, to all values in it.
fn value_of(index: usize) -> u64 {
    let upper = GROWTH.powi(i32::try_from(index).unwrap_or(i32::MAX));
    count((2.0 * upper / (GROWTH + 1.0)).round()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF_LIFE: u64 = 60_000;
    const NOW: u64 = 1_800_000_000_000;

    /// The smallest value such that at least `quantile` of the weight is at or below it.
    fn exact(values: &[(u64, u64)], quantile: f64, now: u64) -> u64 {
        let weight = |at: u64| (-((now - at) as f64) / HALF_LIFE as f64).exp2();
        let mut sorted: Vec<(u64, f64)> = values.iter().map(|(at, value)| (*value, weight(*at))).collect();
        sorted.sort_by_key(|(value, _)| *value);
        let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
        let mut below = 0.0;
        for (value, weight) in &sorted {
            below += weight;
            if below >= quantile * total {
                return *value;
            }
        }
        sorted.last().unwrap().0
    }

    /// Within the stated error of a true quantile whose rank differs by at most the rounding of `f32` weights; plus
    /// half a millisecond, because results are whole milliseconds.
    fn is_close(estimate: u64, values: &[(u64, u64)], quantile: f64, now: u64) -> bool {
        let low = exact(values, (quantile - 1e-4).max(0.0), now) as f64 * (1.0 - RELATIVE_ERROR) - 0.51;
        let high = exact(values, (quantile + 1e-4).min(1.0), now) as f64 * (1.0 + RELATIVE_ERROR) + 0.51;
        (low..=high).contains(&(estimate as f64))
    }

    fn values() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let one = (0_u64..40_000, prop_oneof![1_u64..200, 200_u64..5_000, 1_u64..=MAX_MS]);
        proptest::collection::vec(one, 1..300).prop_map(|steps| {
            let mut at = NOW;
            steps
                .into_iter()
                .map(|(gap, value)| {
                    at += gap;
                    (at, value)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(values in values(), wait in 0_u64..60_000) {
            let mut sketch = LatencySketch::new(HALF_LIFE);
            for (at, value) in &values {
                sketch.record(*value, *at);
            }
            let now = values.last().unwrap().0 + wait;
            let [p50, p95, p99] = sketch.quantiles([0.5, 0.95, 0.99], now).unwrap();
            prop_assert!(is_close(p50, &values, 0.5, now), "p50 {p50}, exact {}", exact(&values, 0.5, now));
            prop_assert!(is_close(p95, &values, 0.95, now), "p95 {p95}, exact {}", exact(&values, 0.95, now));
            prop_assert!(is_close(p99, &values, 0.99, now), "p99 {p99}, exact {}", exact(&values, 0.99, now));
            prop_assert!(p50 <= p95 && p95 <= p99);
        }

        #[test]
        fn merging_is_the_same_as_counting_together(values in values(), split in 0_usize..300) {
            let split = split.min(values.len());
            let (mut whole, mut early, mut late) =
                (LatencySketch::new(HALF_LIFE), LatencySketch::new(HALF_LIFE), LatencySketch::new(HALF_LIFE));
            for (index, (at, value)) in values.iter().enumerate() {
                whole.record(*value, *at);
                if index < split { early.record(*value, *at) } else { late.record(*value, *at) }
            }
            let now = values.last().unwrap().0;
            for merged in [{ let mut sketch = early.clone(); sketch.merge(&late); sketch }, { let mut sketch = late.clone(); sketch.merge(&early); sketch }] {
                prop_assert!((merged.weight(now) - whole.weight(now)).abs() < 1e-3 * whole.weight(now));
                prop_assert!(is_close(merged.quantile(0.5, now).unwrap(), &values, 0.5, now));
            }
        }
    }

    #[test]
    fn every_value_lands_in_a_bucket_that_speaks_for_it() {
        for value in (1..2_000).chain((2_000..=MAX_MS).step_by(997)) {
            let back = value_of(bucket_of(value)) as f64;
            let off = (back - value as f64).abs() - 0.5;
            assert!(off <= RELATIVE_ERROR * value as f64 + 1e-6, "{value} comes back as {back}");
        }
        assert!(bucket_of(MAX_MS) < BUCKETS);
        assert_eq!(bucket_of(u64::MAX), bucket_of(MAX_MS));
        assert_eq!(bucket_of(0), bucket_of(1));
    }

    #[test]
    fn it_forgets() {
        let mut sketch = LatencySketch::new(HALF_LIFE);
        assert_eq!(sketch.quantile(0.5, NOW), None);
        for _ in 0..100 {
            sketch.record(5_000, NOW);
        }
        let later = NOW + 10 * HALF_LIFE;
        sketch.record(100, later);
        sketch.record(100, later);
        assert!(sketch.quantile(0.5, later).unwrap() < 110);
        assert_eq!(sketch.quantile(0.5, later + 30 * HALF_LIFE), None);
        sketch.record(200, later + 1_000 * HALF_LIFE);
        assert!(sketch.quantile(0.99, later + 1_000 * HALF_LIFE).unwrap() < 220);
    }
}
