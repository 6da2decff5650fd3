//! Percentiles of durations that can be stored, added up and read again with a known error.
//!
//! Values are counted in buckets whose bounds grow by the factor 2^(1/32), as in OpenTelemetry's exponential histogram of
//! scale 5. A percentile is at most [`RELATIVE_ERROR`] of its value away from the exact one, whatever the distribution, and
//! two sketches are merged by adding their counts: in any order and any grouping the result is the same. Percentiles are
//! never averaged.
//!
//! Bounds lie on 10 ms·2^k, so that the bounds which OpenTelemetry recommends for durations (0.01·2^k seconds) are bounds of
//! buckets, and [`Sketch::at_most`] is exact there.
//!
//! The encoded form is text for a database column: base64url of the index of the first bucket as a zigzag varint, and for
//! each further one the distance to the one before it, less one; each followed by its count. One value takes at most 6
//! characters, 60 values of a usual distribution at most 150.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Largest relative error of a percentile: (g − 1)/(g + 1) for the factor g of the bounds.
pub const RELATIVE_ERROR: f64 = 0.010_83;
/// Larger values count as this one: a day, in milliseconds.
pub const MAX_MS: u64 = 86_400_000;

/// Buckets from one power of two to the next.
const PER_DOUBLING: f64 = 32.0;
/// The bound of bucket −1, in milliseconds.
const ORIGIN_MS: f64 = 10.0;
/// Buckets in half of a doubling.
const BUCKETS_OF_HALF: i32 = 16;
/// The bucket of 1 ms and below, and that of [`MAX_MS`].
const FIRST: i32 = -107;
const LAST: i32 = 737;

/// See the module documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Index and count of every bucket that is not empty, in ascending order.
    buckets: Vec<(i32, u64)>,
}

impl Sketch {
    /// Counts a value, in milliseconds.
    pub fn record(&mut self, value_ms: u64) {
        self.add(bucket_of(value_ms), 1);
    }

    /// Adds the counts of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (index, count) in &other.buckets {
            self.add(*index, *count);
        }
    }

    fn add(&mut self, index: i32, count: u64) {
        match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(place) => {
                if let Some((_, sum)) = self.buckets.get_mut(place) {
                    *sum = sum.saturating_add(count);
                }
            }
            Err(place) => self.buckets.insert(place, (index, count)),
        }
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// The value in milliseconds at or below which the fraction `quantile` (0 to 1) of all values lies; `None` without
    /// values.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let rank = quantile.clamp(0.0, 1.0) * float(self.count());
        let mut below = 0.0;
        let mut last = None;
        for (index, count) in &self.buckets {
            below += float(*count);
            last = Some(value_of(*index));
            if below >= rank {
                break;
            }
        }
        last
    }

    /// How many values were at most 10 ms·2^`doublings`, exactly.
    #[must_use]
    pub fn at_most(&self, doublings: i32) -> u64 {
        let end = doublings.saturating_mul(32);
        let counted = self.buckets.iter().take_while(|(index, _)| *index < end);
        counted.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// The values by halves of a doubling, in ascending order, without empty ones: number `h` has those above
    /// [`half_bound_ms`]`(h)` up to and including `half_bound_ms(h + 1)`, exactly.
    pub fn halves(&self) -> impl Iterator<Item = (i32, u64)> {
        self.buckets.iter().map(|(index, count)| (index.div_euclid(BUCKETS_OF_HALF), *count))
    }

    /// As text for a database column.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(2 + 3 * self.buckets.len());
        let mut before = None;
        for (index, count) in &self.buckets {
            match before {
                None => write_varint(&mut bytes, zigzag(*index)),
                Some(before) => write_varint(&mut bytes, u64::from(index.abs_diff(before)) - 1),
            }
            write_varint(&mut bytes, *count);
            before = Some(*index);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Sketch::encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut rest = bytes.as_slice();
        let mut sketch = Self::default();
        let mut before: Option<i32> = None;
        while !rest.is_empty() {
            let step = read_varint(&mut rest)?;
            let index = match before {
                None => unzigzag(step)?,
                Some(before) => before.checked_add(i32::try_from(step.checked_add(1)?).ok()?)?,
            };
            let count = read_varint(&mut rest)?;
            if !(FIRST..=LAST).contains(&index) || count == 0 {
                return None;
            }
            sketch.buckets.push((index, count));
            before = Some(index);
        }
        Some(sketch)
    }
}

/// The bound below the half of a doubling with this number: 10 ms·2^(`half`/2), rounded down, which separates whole milliseconds as
/// the exact bound does.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most twice a day in milliseconds"
)]
pub fn half_bound_ms(half: i32) -> u64 {
    bound(half.saturating_mul(BUCKETS_OF_HALF)).floor() as u64
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom("not an encoded sketch"))
    }
}

/// The bucket of a value: number i holds those above 10·2^(i/32), up to and including 10·2^((i+1)/32).
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a clamped value fits")]
fn bucket_of(value_ms: u64) -> i32 {
    let value = float(value_ms.clamp(1, MAX_MS));
    let guess = (PER_DOUBLING * (value / ORIGIN_MS).log2()).ceil() as i32 - 1;
    // A logarithm is rounded, and a value on a bound belongs below it.
    let index = if value <= bound(guess) {
        guess - 1
    } else if value > bound(guess + 1) {
        guess + 1
    } else {
        guess
    };
    index.clamp(FIRST, LAST)
}

/// The bound below bucket `index`, in milliseconds. Exact where it is a doubling.
fn bound(index: i32) -> f64 {
    let (doublings, part) = (index.div_euclid(32), index.rem_euclid(32));
    ORIGIN_MS * f64::from(doublings).exp2() * (f64::from(part) / PER_DOUBLING).exp2()
}

/// The value whose relative distance to both bounds of the bucket is the same.
fn value_of(index: i32) -> f64 {
    let (lower, upper) = (bound(index), bound(index + 1));
    2.0 * lower * upper / (lower + upper)
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds stay below 2^53")]
const fn float(value: u64) -> f64 {
    value as f64
}

const fn zigzag(index: i32) -> u64 {
    ((index << 1) ^ (index >> 31)).cast_unsigned() as u64
}

fn unzigzag(value: u64) -> Option<i32> {
    let value = u32::try_from(value).ok()?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or_default());
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch_of(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.record(*value);
        }
        sketch
    }

    /// The smallest value such that at least `quantile` of all are at or below it.
    fn exact(values: &[u64], quantile: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let rank = (quantile * sorted.len() as f64).ceil().max(1.0) as usize;
        sorted[rank - 1] as f64
    }

    /// A source of uniform numbers from 0 to 1, the same on every run.
    fn uniform(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64) / (1_u64 << 53) as f64
        }
    }

    #[test]
    fn percentiles_are_within_the_stated_error_on_four_shapes_of_distribution() {
        let mut random = uniform(7);
        let mut normal = move || {
            let (a, b): (f64, f64) = (random().max(1e-12), random());
            (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        };
        let mut other = uniform(8);
        let shapes: [(&str, Vec<u64>); 4] = [
            ("log-normal", (0..20_000).map(|_| (4_000.0 * normal().exp()) as u64).collect()),
            (
                "two humps",
                (0..20_000).map(|i| if i % 3 == 0 { 200 + i % 90 } else { 9_000 + 7 * (i % 500) }).collect(),
            ),
            ("uniform", (0..20_000).map(|_| (other() * 60_000.0) as u64 + 1).collect()),
            ("constant", vec![1_234; 500]),
        ];
        for (name, values) in shapes {
            let sketch = sketch_of(&values);
            for quantile in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
                let (estimate, exact) =
                    (sketch.quantile(quantile).unwrap(), exact(&values, quantile).max(1.0));
                let error = (estimate - exact).abs() / exact;
                assert!(
                    error <= RELATIVE_ERROR,
                    "{name}, {quantile}: {estimate} for {exact}, off by {error}"
                );
            }
        }
    }

    #[test]
    fn every_value_is_in_a_bucket_around_it() {
        for value in (1..5_000).chain((5_000..=MAX_MS).step_by(9_973)).chain((0..24).map(|k| 10 << k)) {
            let (index, value) = (bucket_of(value), value.min(MAX_MS) as f64);
            assert!(bound(index) < value && value <= bound(index + 1), "{value} in {index}");
        }
        assert_eq!((bucket_of(0), bucket_of(1)), (FIRST, FIRST));
        assert_eq!((bucket_of(MAX_MS), bucket_of(u64::MAX)), (LAST, LAST));
    }

    #[test]
    fn counts_up_to_a_doubling_are_exact() {
        let values: Vec<u64> = (1..3_000).collect();
        let sketch = sketch_of(&values);
        for (doublings, bound) in (0..9).map(|k| (k, 10_u64 << k)) {
            assert_eq!(sketch.at_most(doublings), bound.min(2_999));
        }
    }

    #[test]
    fn halves_of_doublings_count_every_value_between_their_bounds() {
        let values: Vec<u64> = (1..3_000).collect();
        let mut counts = std::collections::BTreeMap::new();
        for (half, count) in sketch_of(&values).halves() {
            *counts.entry(half).or_insert(0) += count;
        }
        assert_eq!(counts.values().sum::<u64>(), 2_999);
        for (half, count) in counts {
            let (above, to) = (half_bound_ms(half), half_bound_ms(half + 1).min(2_999));
            assert_eq!(count, to - above, "{half}: above {above} to {to}");
        }
        assert_eq!([0, 1, 2, 12].map(half_bound_ms), [10, 14, 20, 640]);
    }

    #[test]
    fn it_is_small() {
        let mut random = uniform(3);
        let values: Vec<u64> =
            (0..60).map(|_| (600.0 * (1.4 * (random() + random() - 1.0)).exp()) as u64).collect();
        assert!(sketch_of(&[4_000]).encode().len() <= 6);
        assert!(sketch_of(&values).encode().len() <= 150, "{}", sketch_of(&values).encode().len());
        assert_eq!(Sketch::default().encode(), "");
    }

    #[test]
    fn what_is_not_a_sketch_is_not_read() {
        for text in ["!", "A", "AA", "_____w", "AAAA", &URL_SAFE_NO_PAD.encode([0x80; 12]), &"-".repeat(500)]
        {
            assert_eq!(Sketch::decode(text), None, "{text}");
        }
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn merging_is_the_same_in_any_order_and_any_grouping(
            values in proptest::collection::vec((0_u64..200_000_000, 0_usize..4), 0..300),
        ) {
            let mut parts = vec![Sketch::default(); 4];
            for (value, part) in &values {
                parts[*part].record(*value);
            }
            let whole = sketch_of(&values.iter().map(|(value, _)| *value).collect::<Vec<_>>());
            let merged = |order: [usize; 4]| {
                let mut sum = Sketch::default();
                for part in order {
                    sum.merge(&parts[part]);
                }
                sum
            };
            prop_assert_eq!(&merged([0, 1, 2, 3]), &whole);
            prop_assert_eq!(&merged([3, 1, 0, 2]), &whole);
            prop_assert_eq!(whole.count(), values.len() as u64);
        }

        #[test]
        fn the_encoded_form_is_read_again(values in proptest::collection::vec(0_u64..200_000_000, 0..300)) {
            let sketch = sketch_of(&values);
            prop_assert_eq!(Sketch::decode(&sketch.encode()), Some(sketch));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[A-Za-z0-9_-]{0,60}") {
            if let Some(sketch) = Sketch::decode(&text) {
                prop_assert_eq!(sketch.quantile(0.5).is_some(), sketch.count() > 0);
                prop_assert_eq!(Sketch::decode(&sketch.encode()), Some(sketch));
            }
        }
    }
}
