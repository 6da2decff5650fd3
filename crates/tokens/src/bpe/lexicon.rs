//! The tokens of all vocabularies, each stored once: maps bytes to the slot of a token.
//!
//! A filter, one bit for each hash, rejects most bytes that are no token. The others are searched among the tokens of
//! the same length and with the same first and last byte ([`group`]), which are sorted: a binary search of few steps.
//! The bytes are compared at the end, so there are no false positives. A hash table would be larger, and would
//! compress worse.
//!
//! Vocabularies share most of their tokens (85 % of those of `cl100k_base` are in `o200k_base`), and store only the
//! rank for each slot.

use alloc::vec::Vec;
use core::hint::select_unpredictable;

use crate::bpe::{
    bytes,
    group::{self, Group, SHORT, SHORT_GROUPS, STARTS, STRETCHES, Start},
    hash,
};

/// The number of a token in the lexicon.
pub type Slot = usize;

/// The tables, as `build/layout/lexicon.rs` lays them out.
pub struct Lexicon {
    pub filter: &'static [u8; hash::FILTER],
    /// Tokens of up to [`SHORT`] bytes, two groups for each length; then one group for each length.
    pub groups: &'static [Group],
    /// For each of the first groups [`STARTS`] places in it, little-endian.
    pub starts: &'static [u8; size_of::<Start>() * STARTS * SHORT_GROUPS],
    /// What is stored of the tokens in the order of the slots, and sixteen bytes more.
    pub text: &'static [u8],
}

/// Tokens of which the same is stored, in the order of what is.
struct Stretch {
    slot: Slot,
    text: &'static [u8],
    size: usize,
}

impl Lexicon {
    /// Whether bytes of this hash may be a token.
    #[inline(always)]
    pub fn may_be(&self, hash: u64) -> bool {
        let bit = hash::filter_bit(hash);
        self.filter.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }

    #[inline(always)]
    fn stretch(&self, group: usize, stretch: usize, stored: usize) -> Option<Stretch> {
        let start = self.start(group, stretch)?;
        let end = self.start(group, stretch + 1)?;
        let group = self.groups.get(group)?;
        Some(Stretch {
            slot: group.slot as usize + start,
            text: self.text.get(group.text as usize + start * stored..)?,
            size: end - start,
        })
    }

    /// Where a stretch of one of the first groups begins.
    #[inline(always)]
    fn start(&self, group: usize, stretch: usize) -> Option<usize> {
        let (starts, _) = self.starts.as_chunks::<{ size_of::<Start>() }>();
        Some(Start::from_le_bytes(*starts.get(group * STARTS + stretch)?) as usize)
    }

    /// The slot of the `length` (one to eight) bytes of `low`, which has zeros above them.
    #[expect(clippy::cast_possible_truncation, reason = "cut to a byte")]
    pub fn search_8(&self, low: u64, length: usize) -> Option<Slot> {
        let is_spaced = group::is_spaced(low, length);
        let group = group::number(length, is_spaced);
        let (low, length) = if is_spaced { (low >> 8, length - 1) } else { (low, length) };
        let (first, last) = (low as u8, (low >> (8 * (length - 1))) as u8);
        let size = group::stored(length);
        // Without the last byte, which is the first one where there is no other.
        let rest = low & ((1 << (8 * (length - 1))) - 1) & !0xff;
        let key = rest | u64::from(group::edges(first, last));
        let mask = u64::MAX >> (64 - 8 * size);
        let stretch = self.stretch(group, group::stretch(first, last), size)?;
        let stored = |index: usize| {
            let bytes = stretch.text.get(index * size..).and_then(<[u8]>::first_chunk::<8>);
            bytes.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes) & mask)
        };
        let at = last_not_above(stretch.size, |index| stored(index) <= key);
        (stretch.size > 0 && stored(at) == key).then_some(stretch.slot + at)
    }

    /// The slot of `text[start..end]`.
    #[inline(always)]
    pub fn find(&self, text: &[u8], start: usize, end: usize) -> Option<Slot> {
        let length = end - start;
        if length <= 8 {
            let low = bytes::load(text, start, length);
            if !self.may_be(hash::up_to_16(low, 0, length)) {
                return None;
            }
            self.search_8(low, length)
        } else if length <= SHORT {
            let (low, high) = bytes::load_both(text, start, length);
            if !self.may_be(hash::up_to_16(low, high, length)) {
                return None;
            }
            self.search_16(low, high, length)
        } else {
            self.find_long(text.get(start..end)?)
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "cut to a byte")]
    #[inline(never)]
    fn search_16(&self, low: u64, high: u64, length: usize) -> Option<Slot> {
        let is_spaced = group::is_spaced(low, length);
        let group = group::number(length, is_spaced);
        let (low, high, length) =
            if is_spaced { ((low >> 8) | (high << 56), high >> 8, length - 1) } else { (low, high, length) };
        let last = if length > 8 { high >> (8 * (length - 9)) } else { low >> 56 } as u8;
        let size = group::stored(length);
        let (low_mask, high_mask) = if size > 8 {
            (u64::MAX, u64::MAX >> (64 - 8 * (size - 8)))
        } else {
            (u64::MAX >> (64 - 8 * size), 0)
        };
        let low_key = (low & low_mask & !0xff) | u64::from(group::edges(low as u8, last));
        let key = (high & high_mask, low_key);
        let stretch = self.stretch(group, group::stretch(low as u8, last), size)?;
        let stored = |index: usize| {
            let bytes = stretch.text.get(index * size..).and_then(<[u8]>::first_chunk::<16>);
            let [low, high] = bytes.map_or([u64::MAX; 2], |bytes| {
                let (words, _) = bytes.as_chunks::<8>();
                [0, 1].map(|at| words.get(at).map_or(u64::MAX, |word| u64::from_le_bytes(*word)))
            });
            (high & high_mask, low & low_mask)
        };
        let at = last_not_above(stretch.size, |index| {
            let (high, low) = stored(index);
            high < key.0 || (high == key.0 && low <= key.1)
        });
        (stretch.size > 0 && stored(at) == key).then_some(stretch.slot + at)
    }

    #[inline(never)]
    fn find_long(&self, token: &[u8]) -> Option<Slot> {
        // What is longer than any token need not be hashed to know that it is none.
        let group = self.groups.get(SHORT_GROUPS + token.len() - SHORT - 1)?;
        if !self.may_be(hash::of(token)) {
            return None;
        }
        let text = self.text.get(group.text as usize..)?;
        let stored = |index: usize| text.get(index * token.len()..)?.get(..token.len());
        let at = last_not_above(group.size as usize, |index| stored(index) <= Some(token));
        (group.size > 0 && stored(at) == Some(token)).then_some(group.slot as usize + at)
    }

    /// The token at a slot.
    pub fn token(&self, slot: Slot) -> Option<Token> {
        let number = self.groups.partition_point(|group| (group.slot + group.size) as usize <= slot);
        let group = self.groups.get(number)?;
        let index = slot - group.slot as usize;
        let text = self.text.get(group.text as usize..)?;
        if number >= SHORT_GROUPS {
            let length = number - SHORT_GROUPS + SHORT + 1;
            return Some(Token::Long(text.get(index * length..)?.get(..length)?));
        }
        let is_spaced = number % 2 == 1;
        let length = number / 2 + 1 - usize::from(is_spaced);
        let size = group::stored(length);
        let (&edges, middle) = text.get(index * size..)?.get(..size)?.split_first()?;
        let stretch = last_not_above(STRETCHES, |stretch| {
            self.start(number, stretch).is_some_and(|start| start <= index)
        });
        let (first, last) = group::first_and_last(stretch, edges);
        Some(Token::Short { is_spaced, first, middle, last: (length > 1).then_some(last) })
    }

    /// Bytes of all tables.
    pub const fn table_bytes(&self) -> usize {
        self.filter.len() + size_of_val(self.groups) + self.starts.len() + self.text.len()
    }
}

/// The bytes of a token.
#[derive(Clone, Copy)]
pub enum Token {
    /// Perhaps a space, and then these; there is no last byte if the first one is that.
    Short { is_spaced: bool, first: u8, middle: &'static [u8], last: Option<u8> },
    /// These.
    Long(&'static [u8]),
}

impl Token {
    /// Appends the bytes.
    pub fn write(self, to: &mut Vec<u8>) {
        match self {
            Self::Short { is_spaced, first, middle, last } => {
                to.extend(is_spaced.then_some(b' '));
                to.push(first);
                to.extend_from_slice(middle);
                to.extend(last);
            }
            Self::Long(bytes) => to.extend_from_slice(bytes),
        }
    }
}

/// The last of `size` places in order that is not above what is looked for; the first one if all are.
#[inline(always)]
fn last_not_above(size: usize, is_not_above: impl Fn(usize) -> bool) -> usize {
    let (mut at, mut size) = (0, size);
    while size > 1 {
        let half = size / 2;
        // No branch, as it would be taken as often as not.
        at = select_unpredictable(is_not_above(at + half), at + half, at);
        size -= half;
    }
    at
}
