//! A vocabulary with a small cache of look-ups: merges look up the same few bytes again and again.
//!
//! The cache belongs to one text. It changes the time of a look-up, never the result.

use alloc::{vec, vec::Vec};

use crate::bpe::{
    bytes, hash,
    memo::entries,
    vocabulary::{Rank, Vocabulary},
};

const BYTES_PER_ENTRY: usize = 32;
const MOST: usize = 4096;
/// What stands for the rank of bytes that are no token.
const NONE: Rank = Rank::MAX;

/// Up to eight bytes, how many of them, and the rank that they have; no bytes if it is not used.
#[derive(Clone, Copy, Default)]
struct Entry {
    low: u64,
    length: u32,
    rank: Rank,
}

/// Finds the tokens of one vocabulary.
pub struct Finder<'v> {
    pub vocabulary: &'v Vocabulary,
    entries: Vec<Entry>,
}

impl<'v> Finder<'v> {
    /// With a memory for a text of this length.
    pub fn new(vocabulary: &'v Vocabulary, length: usize) -> Self {
        Self { vocabulary, entries: vec![Entry::default(); entries(length, BYTES_PER_ENTRY, MOST)] }
    }

    /// The token that is `text[start..end]`.
    #[inline(always)]
    pub fn find(&mut self, text: &[u8], start: usize, end: usize) -> Option<Rank> {
        let length = end - start;
        if length > 8 {
            return self.vocabulary.find(text, start, end);
        }
        let low = bytes::load(text, start, length);
        let hash = hash::up_to_16(low, 0, length);
        if !self.vocabulary.lexicon.may_be(hash) {
            return None;
        }
        self.find_up_to_8(low, length, hash)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a length of at most eight, and a hash that is cut to an index"
    )]
    #[inline(always)]
    fn find_up_to_8(&mut self, low: u64, length: usize, hash: u64) -> Option<Rank> {
        let index = (hash >> 40) as usize & self.entries.len().wrapping_sub(1);
        if let Some(entry) = self.entries.get(index)
            && entry.low == low
            && entry.length == length as u32
        {
            return (entry.rank != NONE).then_some(entry.rank);
        }
        self.look_up(low, length, index)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a length of at most eight")]
    #[inline(never)]
    fn look_up(&mut self, low: u64, length: usize, index: usize) -> Option<Rank> {
        let rank = self.vocabulary.find_up_to_8(low, length);
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = Entry { low, length: length as u32, rank: rank.unwrap_or(NONE) };
        }
        rank
    }
}
