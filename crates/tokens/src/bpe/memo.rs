//! A small memory of what pieces are in tokens, for the length of one text: words come again.
//!
//! It belongs to one call and is thrown away with it. It changes how long a count takes, never what it is: what is
//! remembered of a piece is compared with all of its bytes.

use alloc::{vec, vec::Vec};

use crate::bpe::{bytes, hash};

/// The longest piece that is a [`Word`].
pub const WORD: usize = 14;
/// A shorter text has no time to pay back what a memory costs.
const LEAST_TEXT: usize = 1024;
/// Bytes of text for each word and each longer piece, and the most of them.
const BYTES_PER_WORD: usize = 16;
const MOST_WORDS: usize = 4096;
const BYTES_PER_PIECE: usize = 64;
const MOST_PIECES: usize = 1024;

/// A piece of up to [`WORD`] bytes: those and, in the two bytes above them, how many tokens and how many bytes they are.
#[derive(Clone, Copy, Default)]
struct Word {
    low: u64,
    high: u64,
}

const COUNT_SHIFT: usize = 48;
const LENGTH_SHIFT: usize = 56;

/// How many tokens each of some words is.
pub struct Words {
    words: Vec<Word>,
}

impl Words {
    /// A memory for a text of this length.
    pub fn new(length: usize) -> Self {
        Self { words: vec![Word::default(); entries(length, BYTES_PER_WORD, MOST_WORDS)] }
    }

    /// How many tokens the piece `text[start..start + length]` of one to [`WORD`] bytes is; `count` says so if this is not
    /// remembered.
    #[expect(clippy::cast_possible_truncation, reason = "a hash that is cut to an index, and a byte")]
    #[inline(always)]
    pub fn count(
        &mut self,
        text: &[u8],
        start: usize,
        length: usize,
        count: impl FnOnce() -> usize,
    ) -> usize {
        let (low, high) = bytes::load_both(text, start, length);
        let high = high | ((length as u64) << LENGTH_SHIFT);
        let index = (hash::pair(low, high) >> 40) as usize & self.words.len().wrapping_sub(1);
        let Some(word) = self.words.get_mut(index) else { return count() };
        let differs = (word.low ^ low) | ((word.high ^ high) & !(0xff << COUNT_SHIFT));
        if differs == 0 {
            return usize::from((word.high >> COUNT_SHIFT) as u8);
        }
        let count = count();
        *word = Word { low, high: high | ((count as u64) << COUNT_SHIFT) };
        count
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
