//! The hash of a token's bytes, shared by the build script (which fills the filter) and the crate (which asks it).
//!
//! Eight bytes are read at a time, so that a token of up to sixteen bytes costs two multiplications. All arithmetic is
//! 64-bit and wrapping, which WebAssembly does in one instruction each.

const LENGTH: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND: u64 = 0x94d0_49bb_1331_11eb;

/// The hash of up to sixteen bytes: the first eight and the others, with zeros above them.
#[inline(always)]
pub const fn up_to_16(low: u64, high: u64, length: usize) -> u64 {
    let mixed = (low ^ (length as u64).wrapping_mul(LENGTH)).wrapping_mul(FIRST);
    ((mixed ^ (mixed >> 32)) ^ high).wrapping_mul(SECOND)
}

/// A hash of which only the highest bits are good.
#[inline(always)]
pub const fn quick(word: u64) -> u64 {
    word.wrapping_mul(FIRST)
}

/// The hash of any bytes.
pub fn of(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks(8).map(word);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    words.fold(up_to_16(first, second, bytes.len()), |hash, word| {
        ((hash ^ (hash >> 29)).wrapping_mul(FIRST) ^ word).wrapping_mul(SECOND)
    })
}

/// Up to eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte))
}

/// Bytes of the filter.
pub const FILTER: usize = 1 << 17;

/// The bit of a hash in the filter: its highest bits.
#[inline(always)]
pub const fn filter_bit(hash: u64) -> usize {
    (hash >> 44) as usize
}
