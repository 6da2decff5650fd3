//! A bitmap of the boundaries between characters at which a merge might join part of a character with its neighbour;
//! shared by the build script, which fills it, and the crate, which queries it.
//!
//! There are two kinds of such merges, and each is identified by the three most significant bytes. The bitmap may
//! have false positives (different boundaries may share a bit), which cost time but never correctness.

/// Size of the bitmap.
pub const BYTES: usize = 1 << 13;

/// The number of the bit for merges whose right part is the beginning of a character: after `before` and `last`, and
/// before `next`. After ASCII, what stands before it says nothing more.
#[inline(always)]
pub const fn right_partial(before: u8, last: u8, next: u8) -> usize {
    let before = if last < 0x80 { 0 } else { before & 0x3f };
    spread(((before as u32) << 16) | ((last as u32) << 8) | next as u32)
}

/// The number of the bit for merges whose left part is the end of a character: after `last`, before `next` and `after`.
#[inline(always)]
pub const fn left_partial(last: u8, next: u8, after: u8) -> usize {
    spread((1 << 24) | ((last as u32) << 16) | ((next as u32) << 8) | after as u32)
}

const fn spread(key: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b1) >> 16) as usize
}
