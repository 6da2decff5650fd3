//! Amounts of money as the API writes them.

/// Micro-dollars (or millionths of a credit) as the number that the API takes and gives.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
#[must_use]
pub fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The same for an amount that may be negative.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
#[must_use]
pub fn signed_dollars(micros: i64) -> f64 {
    micros as f64 / 1e6
}
