//! The groups of the lexicon: where tokens lie, and what is stored of them. Shared by the build script, which places them,
//! and the crate, which finds them.
//!
//! Tokens of one length are a group, so the place of one says where its bytes are, and no offsets are kept. A word mostly
//! begins with a space, so tokens of up to [`SHORT`] bytes that do are groups of their own, and the space is not stored.
//! In a group those are side by side whose first and last bytes have the same low bits: a stretch, of five tokens mostly.
//! What these bits say is not stored either, so the first and the last byte are one: [`edges`].

/// Up to this length tokens are found by their first and last bytes; there are few longer ones.
pub const SHORT: usize = 16;
/// Groups of tokens up to [`SHORT`] bytes.
pub const SHORT_GROUPS: usize = 2 * SHORT;
/// Stretches of such a group.
pub const STRETCHES: usize = 1 << 10;
/// For every such group the places where its stretches begin, and its end.
pub const STARTS: usize = STRETCHES + 1;

/// The place of a token in its group. The vocabularies of others make groups larger.
#[cfg(not(feature = "others"))]
pub type Start = u16;
#[cfg(feature = "others")]
pub type Start = u32;

/// Tokens of one length.
pub struct Group {
    /// The slot of the first one.
    pub slot: u32,
    /// Where the bytes of the first one begin.
    pub text: u32,
    /// How many there are.
    pub size: u32,
}

/// The number of the group of tokens of `length` bytes, up to [`SHORT`], with a space before the others or not.
#[inline(always)]
pub const fn number(length: usize, space: bool) -> usize {
    2 * (length - 1) + space as usize
}

/// Whether a token of `length` bytes that begins with those of `low` is stored without its first byte, a space.
#[expect(clippy::cast_possible_truncation, reason = "cut to a byte")]
#[inline(always)]
pub const fn is_spaced(low: u64, length: usize) -> bool {
    low as u8 == b' ' && length > 1
}

/// The stretch of a group in which tokens are that begin and end with these bytes.
#[inline(always)]
pub const fn stretch(first: u8, last: u8) -> usize {
    ((first as usize & 31) << 5) | (last as usize & 31)
}

/// What the number of the stretch does not say of the first and the last byte.
#[inline(always)]
pub const fn edges(first: u8, last: u8) -> u8 {
    ((first >> 5) << 3) | (last >> 5)
}

/// The first and the last byte of tokens in a stretch.
#[expect(clippy::cast_possible_truncation, reason = "cut to the bits that are wanted")]
pub const fn first_and_last(stretch: usize, edges: u8) -> (u8, u8) {
    (((edges >> 3) << 5) | (stretch >> 5) as u8, ((edges & 7) << 5) | (stretch & 31) as u8)
}

/// How many bytes are stored of a token of `length` bytes, the space not counted: the edges and what is between them.
#[inline(always)]
pub const fn stored(length: usize) -> usize {
    if length > 1 { length - 1 } else { 1 }
}
