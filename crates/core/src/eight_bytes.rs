//! Looking at eight bytes together, as a number in which the first of them is the lowest.
//!
//! The standard library takes as many as a pointer has, which are four in WebAssembly. What is found is the high bit of each byte that
//! is looked for. Guarantees: 0 if there is none, and the lowest bit is that of the first one; above it others may be set that are none.

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Bytes below a limit of at most 128.
#[must_use]
pub const fn below(eight: u64, limit: u8) -> u64 {
    eight.wrapping_sub(ONES * limit as u64) & !eight & HIGH
}

/// Bytes that are this one.
#[must_use]
pub const fn equal(eight: u64, byte: u8) -> u64 {
    below(eight ^ (ONES * byte as u64), 1)
}
