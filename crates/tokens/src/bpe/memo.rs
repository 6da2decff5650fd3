//! A small memory of how pieces were merged, for the length of one text: words come again.
//!
//! It belongs to one call and is thrown away with it. It changes how long a count takes, never what it is.

use alloc::{vec, vec::Vec};

use crate::bpe::{bytes, hash, short, vocabulary::Vocabulary};

/// The longest piece that is remembered.
const LONGEST: usize = 24;
/// Bytes of text for each entry, and the most entries.
const BYTES_PER_ENTRY: usize = 32;
const MOST: usize = 4096;

/// A piece as three words which overlap, or are zero, if it is shorter; and how it was merged.
#[derive(Clone, Copy, Default)]
struct Entry {
    low: u64,
    middle: u64,
    high: u64,
    /// Where tokens begin, and in the highest bit where the piece ends: what [`short::merge`] gives. Zero if unused.
    begins: u32,
}

/// How pieces were merged.
pub struct Memo {
    entries: Vec<Entry>,
}

impl Memo {
    /// A memory for a text of this length.
    pub fn new(length: usize) -> Self {
        // A short text has no time to pay back what it costs.
        let count = if length < 1024 { 0 } else { (length / BYTES_PER_ENTRY).next_power_of_two().min(MOST) };
        Self { entries: vec![Entry::default(); count] }
    }

    /// What [`short::merge`] gives for `text[start..start + length]`, which is at most [`short::LONGEST`] bytes.
    #[expect(clippy::cast_possible_truncation, reason = "up to 25 bits, and a hash that is cut to an index")]
    #[inline(always)]
    pub fn merge(&mut self, vocabulary: &Vocabulary, text: &[u8], start: usize, length: usize) -> u64 {
        if length > LONGEST || self.entries.is_empty() {
            return short::merge(vocabulary, text, start, length);
        }
        let (low, high) = if length > 8 {
            (bytes::load_8(text, start), bytes::load_8(text, start + length - 8))
        } else {
            (bytes::load(text, start, length), 0)
        };
        let middle = if length > 16 { bytes::load_8(text, start + 8) } else { 0 };
        let hash = hash::up_to_16(low.wrapping_add(middle.rotate_left(27)), high, length);
        let index = (hash >> 40) as usize & (self.entries.len() - 1);
        let Some(entry) = self.entries.get_mut(index) else {
            return short::merge(vocabulary, text, start, length);
        };
        if entry.low == low && entry.middle == middle && entry.high == high && entry.begins >> length == 1 {
            return u64::from(entry.begins);
        }
        let begins = short::merge(vocabulary, text, start, length);
        *entry = Entry { low, middle, high, begins: begins as u32 };
        begins
    }
}
