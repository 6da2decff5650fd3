//! A small cache of the tokens of pieces, for the length of one text: words are repeated.
//!
//! It belongs to one call and is dropped with it. It changes the time of a count, never the result: a cached piece is
//! compared byte by byte.

use alloc::{vec, vec::Vec};

use crate::bpe::{bytes, hash};

/// Longest piece that counts as a word.
pub const WORD: usize = 14;
/// Longest piece that counts as short.
const SHORT: usize = 7;
/// For a shorter text the cache does not pay off.
const LEAST_TEXT: usize = 1024;
/// Bytes of text for each entry, and the most entries.
const BYTES_PER_WORD: usize = 16;
const MOST_SHORT_WORDS: usize = 8192;
const MOST_LONG_WORDS: usize = 4096;
const BYTES_PER_PIECE: usize = 64;
const MOST_PIECES: usize = 1024;

/// A word of more than [`SHORT`] bytes: those and, in the two bytes above them, how many tokens and how many bytes they are.
#[derive(Clone, Copy, Default)]
struct LongWord {
    low: u64,
    high: u64,
}

const LONG_COUNT: u64 = 0xff << 48;

/// Number of tokens of some words.
pub struct Words {
    /// The bytes of words up to [`SHORT`], above them in three bits how many they are, and then how many tokens.
    short: Vec<u64>,
    long: Vec<LongWord>,
}

const SHORT_COUNT: u64 = 0xf8 << 56;

impl Words {
    /// A cache for a text of this length.
    pub fn new(length: usize) -> Self {
        Self {
            short: vec![0; entries(length, BYTES_PER_WORD, MOST_SHORT_WORDS)],
            long: vec![LongWord::default(); entries(length, 2 * BYTES_PER_WORD, MOST_LONG_WORDS)],
        }
    }

    /// How many tokens the piece `text[start..start + length]` of one to [`WORD`] bytes is; `count` says so if this is not
    /// remembered. `first` are the eight bytes from `start` on.
    #[expect(clippy::cast_possible_truncation, reason = "hashes that are cut to an index, and a byte")]
    #[inline(always)]
    pub fn count(
        &mut self,
        text: &[u8],
        start: usize,
        length: usize,
        first: u64,
        count: impl FnOnce() -> usize,
    ) -> usize {
        if length <= SHORT {
            let key = bytes::first(first, length) | ((length as u64) << 56);
            let index = (hash::quick(key) >> 48) as usize & self.short.len().wrapping_sub(1);
            let Some(word) = self.short.get_mut(index) else { return count() };
            if (*word ^ key) & !SHORT_COUNT != 0 {
                *word = key | ((count() as u64) << 59);
            }
            return (*word >> 59) as usize;
        }
        let high = if length > 8 { bytes::load(text, start + 8, length - 8) } else { 0 };
        let high = high | ((length as u64) << 56);
        let index =
            (hash::quick(first ^ high.rotate_left(21)) >> 48) as usize & self.long.len().wrapping_sub(1);
        let Some(word) = self.long.get_mut(index) else { return count() };
        if (word.low ^ first) | ((word.high ^ high) & !LONG_COUNT) != 0 {
            *word = LongWord { low: first, high: high | ((count() as u64) << 48) };
        }
        usize::from((word.high >> 48) as u8)
    }
}

/// A piece, by where it was in the text, and its tokens.
#[derive(Clone, Copy, Default)]
pub struct Piece {
    start: u32,
    length: u32,
    /// Where its tokens are, if they are kept.
    pub at: u32,
    /// How many tokens it is; 0 if that is not known.
    pub count: u32,
}

/// What pieces of any length were in tokens.
pub struct Pieces {
    pieces: Vec<Piece>,
}

impl Pieces {
    /// A memory for a text of this length.
    pub fn new(length: usize) -> Self {
        Self { pieces: vec![Piece::default(); entries(length, BYTES_PER_PIECE, MOST_PIECES)] }
    }

    /// Where it is remembered what tokens the piece `text[start..start + length]` is: if it is not yet, its count is 0 and
    /// to be written. `None` if nothing can be remembered.
    pub fn get(&mut self, text: &[u8], start: usize, length: usize) -> Option<&mut Piece> {
        let (low, high) = (bytes::load_8(text, start), bytes::load_8(text, start + length.saturating_sub(8)));
        let index = (hash::up_to_16(low, high, length) >> 40) as usize & self.pieces.len().wrapping_sub(1);
        let piece = self.pieces.get_mut(index)?;
        let before = piece.start as usize;
        if piece.length as usize != length
            || text.get(before..before + length) != text.get(start..start + length)
        {
            let (start, length) = (u32::try_from(start).ok()?, u32::try_from(length).ok()?);
            *piece = Piece { start, length, at: 0, count: 0 };
        }
        Some(piece)
    }
}

/// How many entries a memory has for a text of this length.
pub fn entries(length: usize, bytes_per_entry: usize, most: usize) -> usize {
    if length < LEAST_TEXT { 0 } else { (length / bytes_per_entry).next_power_of_two().min(most) }
}
