//! Conversions between counts, milliseconds and fractions, in one place with their rounding.

/// A count as a float: exact below 2⁵³, which is 285,000 years in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds and counts stay below 2^53")]
pub(super) const fn float(value: u64) -> f64 {
    value as f64
}

/// A float as a count: rounded down; 0 for negative values and NaN; the largest count for larger values.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates, which is what is wanted"
)]
pub(super) const fn count(value: f64) -> u64 {
    value as u64
}
