//! One vocabulary: the ranks that it gives to the tokens of the lexicon.

use alloc::{vec, vec::Vec};

use crate::bpe::{
    boundary,
    lexicon::{Lexicon, Slot, Token},
};

/// The number of a token. Of two merges that of the lower rank comes first.
pub type Rank = u32;

/// Bits that a rank has in the tables.
const RANK_BITS: usize = 18;
/// What stands for the rank of a pair that is no token.
const NONE: Rank = (1 << RANK_BITS) - 1;

/// The tables of a vocabulary, as `build/vocabulary.rs` lays them out.
pub struct Vocabulary {
    pub lexicon: &'static Lexicon,
    /// Which slots hold tokens of this vocabulary: for every 64 slots a word of bits and, in four bytes, how many there
    /// are before them; little-endian.
    pub members: &'static [u8],
    /// The ranks of its tokens in the order of their slots, [`RANK_BITS`] each, and four bytes more.
    pub ranks: &'static [u8],
    pub boundaries: &'static [u8; boundary::BYTES],
    /// Where the ranks of the tokens of two bytes are that begin with each byte: the second byte of the first of them and
    /// of the last, and the place in `pairs` of the first, little-endian.
    pub pair_rows: &'static [u8; 4 * 256],
    /// The ranks of tokens of two bytes, three bytes each, little-endian, and of what is between them.
    pub pairs: &'static [u8],
    /// Ordinary tokens; also the first number that is none.
    pub count: u32,
    /// Bytes of the longest token.
    pub longest: usize,
}

impl Vocabulary {
    /// The bit of a slot in the first number, among those of its word; the tokens before the word.
    #[inline(always)]
    fn member(&self, slot: Slot) -> Option<(u64, u64, u32)> {
        let (entries, _) = self.members.as_chunks::<12>();
        let (bits, before) = entries.get(slot / 64)?.split_first_chunk::<8>()?;
        let bits = u64::from_le_bytes(*bits);
        let bit = 1 << (slot % 64);
        (bits & bit != 0).then_some((bit, bits, u32::from_le_bytes(*before.first_chunk()?)))
    }

    /// The rank of the token at a slot.
    #[inline(always)]
    fn rank(&self, slot: Slot) -> Option<Rank> {
        let (bit, bits, before) = self.member(slot)?;
        self.rank_of((before + (bits & (bit - 1)).count_ones()) as usize)
    }

    /// The rank of the token of this index among its tokens.
    #[inline(always)]
    fn rank_of(&self, index: usize) -> Option<Rank> {
        let bit = index * RANK_BITS;
        let word = u32::from_le_bytes(*self.ranks.get(bit / 8..)?.first_chunk()?);
        Some(word >> (bit % 8) & ((1 << RANK_BITS) - 1))
    }

    /// Whether `text[start..end]` is a token.
    #[inline(always)]
    pub fn contains(&self, text: &[u8], start: usize, end: usize) -> bool {
        self.lexicon.find(text, start, end).is_some_and(|slot| self.member(slot).is_some())
    }

    /// The token that is the two bytes from `at` on.
    #[inline(always)]
    pub fn find_pair(&self, text: &[u8], at: usize) -> Option<Rank> {
        let &[first, second] = text.get(at..)?.first_chunk::<2>()?;
        let (rows, _) = self.pair_rows.as_chunks::<4>();
        let &[least, most, low, high] = rows.get(usize::from(first))?;
        if second < least || second > most {
            return None;
        }
        let (pairs, _) = self.pairs.as_chunks::<3>();
        let at = usize::from(u16::from_le_bytes([low, high])) + usize::from(second - least);
        let &[low, middle, high] = pairs.get(at)?;
        let rank = u32::from_le_bytes([low, middle, high, 0]);
        (rank != NONE).then_some(rank)
    }

    /// The token that is `text[start..end]`.
    #[inline(always)]
    pub fn find(&self, text: &[u8], start: usize, end: usize) -> Option<Rank> {
        self.rank(self.lexicon.find(text, start, end)?)
    }

    /// The token that is the `length` (one to eight) bytes of `low`, which has zeros above them.
    pub fn find_up_to_8(&self, low: u64, length: usize) -> Option<Rank> {
        self.rank(self.lexicon.search_8(low, length)?)
    }

    /// Whether no merge joins part of a character with its neighbour at the boundary `at`, which is inside of `text`.
    #[inline(always)]
    pub fn is_clean(&self, text: &[u8], at: usize) -> bool {
        let byte = |at: usize| text.get(at).copied().unwrap_or_default();
        let (last, next) = (byte(at.wrapping_sub(1)), byte(at));
        let is_set = |bit: usize| self.boundaries.get(bit / 8).is_none_or(|byte| byte >> (bit % 8) & 1 == 1);
        !is_set(boundary::right_partial(byte(at.wrapping_sub(2)), last, next))
            && !is_set(boundary::left_partial(last, next, byte(at + 1)))
    }

    /// The bytes of those of `tokens` that are ordinary tokens.
    ///
    /// The tables lead from bytes to ranks. The way back is one pass over all ranks for all tokens together: few ever ask,
    /// and tables for it would be a fifth more.
    pub fn bytes_of(&self, tokens: &[Rank]) -> TokenBytes {
        let mut wanted = vec![0_u64; self.count as usize / 64 + 1];
        for &token in tokens.iter().filter(|&&token| token < self.count) {
            if let Some(word) = wanted.get_mut(token as usize / 64) {
                *word |= 1 << (token % 64);
            }
        }
        let is_wanted =
            |rank: Rank| wanted.get(rank as usize / 64).is_some_and(|word| word >> (rank % 64) & 1 == 1);
        let ranks = (0..self.count as usize).filter_map(|index| Some((index, self.rank_of(index)?)));
        let mut slots = self.slots();
        let mut passed = 0;
        let mut found: Vec<(Rank, Token)> = ranks
            .filter(|&(_, rank)| is_wanted(rank))
            .filter_map(|(index, rank)| {
                let slot = slots.nth(index - passed)?;
                passed = index + 1;
                Some((rank, self.lexicon.token(slot)?))
            })
            .collect();
        found.sort_unstable_by_key(|&(rank, _)| rank);
        TokenBytes(found)
    }

    /// The slots of its tokens in their order.
    fn slots(&self) -> Slots<'_> {
        let (words, _) = self.members.as_chunks::<12>();
        Slots { words, passed: 0, bits: 0 }
    }

    /// Bytes of all tables, those included that it shares with others.
    pub fn table_bytes(&self) -> usize {
        self.lexicon.table_bytes()
            + self.members.len()
            + self.ranks.len()
            + self.boundaries.len()
            + self.pair_rows.len()
            + self.pairs.len()
    }
}

/// The slots of a vocabulary's tokens.
struct Slots<'v> {
    words: &'v [[u8; 12]],
    /// Words that have been begun with, and what is left of the last of them.
    passed: usize,
    bits: u64,
}

impl Iterator for Slots<'_> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        self.nth(0)
    }

    /// Passes over whole words.
    fn nth(&mut self, mut before: usize) -> Option<Slot> {
        while before >= self.bits.count_ones() as usize {
            before -= self.bits.count_ones() as usize;
            self.bits = u64::from_le_bytes(*self.words.get(self.passed)?.first_chunk()?);
            self.passed += 1;
        }
        for _ in 0..before {
            self.bits &= self.bits - 1;
        }
        let slot = (self.passed - 1) * 64 + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(slot)
    }
}

/// The bytes of some tokens, in the order of their ranks.
pub struct TokenBytes(Vec<(Rank, Token)>);

impl TokenBytes {
    /// The bytes of this token, if it is among them.
    pub fn get(&self, token: Rank) -> Option<Token> {
        let index = self.0.binary_search_by_key(&token, |&(rank, _)| rank).ok()?;
        self.0.get(index).map(|&(_, token)| token)
    }
}
