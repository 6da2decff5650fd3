//! Byte-pair merging of up to 63 bytes: nearly every piece that is not a token as a whole.
//!
//! The bytes fall into parts, at first single characters or bytes; again and again the two neighbours are merged which
//! together are the token of the lowest rank, the leftmost if there are several. What no merge changes any more are
//! the tokens.
//!
//! A word of 64 bits says where parts begin, so that neighbours are found by counting zeros. For every part `keys`
//! holds the rank of the token that it would make with its right neighbour, and where it begins in the low bits, so
//! the minimum of all keys says what to merge next and where.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "positions are less than 64, and keys less than 2^29"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loop: every index is the position of a bit or less than the length of the piece"
)]

use crate::bpe::{finder::Finder, merge::character_length, vocabulary::Rank};

/// The most bytes that are merged here: one bit is for the end.
pub const LONGEST: usize = 63;
/// Bits of a key that say where the part begins.
const START_BITS: u32 = 8;
/// The key of a part that makes no token with its neighbour.
const NONE: i32 = i32::MAX;

/// Merges `text[start..start + length]`; the bits of the result say where tokens begin, the last one where they end.
#[inline]
pub fn merge(finder: &mut Finder<'_>, text: &[u8], start: usize, length: usize) -> u64 {
    if length <= 8 {
        merge_groups::<8, 1>(finder, text, start, length)
    } else if length <= 16 {
        merge_groups::<16, 1>(finder, text, start, length)
    } else {
        merge_groups::<16, 4>(finder, text, start, length)
    }
}

/// Merging with keys in groups, each of which has its minimum.
fn merge_groups<const GROUP: usize, const GROUPS: usize>(
    finder: &mut Finder<'_>,
    text: &[u8],
    start: usize,
    length: usize,
) -> u64 {
    let mut begins = cut(finder, text, start, length);
    let mut keys = [[NONE; GROUP]; GROUPS];
    let mut left = begins & (begins - 1);
    let mut from = 0;
    // `from` and `middle` begin two parts, `to` ends the second.
    while left & (left - 1) != 0 {
        let middle = left.trailing_zeros() as usize;
        left &= left - 1;
        let to = left.trailing_zeros() as usize;
        let found = if to - from == 2 {
            finder.vocabulary.find_pair(text, start + from)
        } else {
            finder.find(text, start + from, start + to)
        };
        keys[from / GROUP % GROUPS][from % GROUP] = key_of(found, from);
        from = middle;
    }
    let mut minima = [NONE; GROUPS];
    if GROUPS > 1 {
        for (minimum, keys) in minima.iter_mut().zip(&keys) {
            *minimum = lowest(keys);
        }
    }
    loop {
        let key = if GROUPS > 1 { lowest(&minima) } else { lowest(&keys[0]) };
        if key == NONE {
            return begins;
        }
        let part = (key & 0x3f) as usize;
        // What begins after this part: the part that it is merged with, and then the part after that, if any.
        let mut after = begins & (u64::MAX << part << 1);
        let merged = after.trailing_zeros() as usize;
        begins &= !(1 << merged);
        after &= after - 1;
        let end = after.trailing_zeros() as usize;
        after &= after - 1;
        keys[merged / GROUP % GROUPS][merged % GROUP] = NONE;
        let mut found = None;
        if after != 0 {
            found = finder.find(text, start + part, start + after.trailing_zeros() as usize);
        }
        keys[part / GROUP % GROUPS][part % GROUP] = key_of(found, part);
        let before = begins & ((1 << part) - 1);
        if before != 0 {
            let before = 63 - before.leading_zeros() as usize;
            let found = finder.find(text, start + before, start + end);
            keys[before / GROUP % GROUPS][before % GROUP] = key_of(found, before);
            if GROUPS > 1 && before / GROUP != part / GROUP {
                minima[before / GROUP % GROUPS] = lowest(&keys[before / GROUP % GROUPS]);
            }
        }
        if GROUPS > 1 {
            minima[part / GROUP % GROUPS] = lowest(&keys[part / GROUP % GROUPS]);
            if merged / GROUP != part / GROUP {
                minima[merged / GROUP % GROUPS] = lowest(&keys[merged / GROUP % GROUPS]);
            }
        }
    }
}

/// Where parts begin at first: at characters where those are tokens that surely come about, at every byte elsewhere.
#[inline(always)]
fn cut(finder: &mut Finder<'_>, text: &[u8], start: usize, length: usize) -> u64 {
    let piece = &text[start..start + length];
    let mut begins = u64::MAX >> (63 - length);
    if piece.is_ascii() {
        return begins;
    }
    let mut at = 0;
    // Whether the boundary at `at` is one that no part of a character is merged across.
    let mut clean = true;
    while at < length {
        let size = character_length(piece[at]);
        let next = at + size;
        if next > length {
            break;
        }
        let clean_after = next == length || finder.vocabulary.is_clean(text, start + next);
        if size > 1 && clean && clean_after && finder.find(text, start + at, start + next).is_some() {
            begins &= !(((1 << (size - 1)) - 1) << (at + 1));
        }
        clean = clean_after;
        at = next;
    }
    begins
}

#[inline(always)]
fn key_of(rank: Option<Rank>, start: usize) -> i32 {
    rank.map_or(NONE, |rank| ((rank << START_BITS) | start as u32) as i32)
}

#[inline(always)]
fn lowest(keys: &[i32]) -> i32 {
    keys.iter().copied().fold(NONE, i32::min)
}
