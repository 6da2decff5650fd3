//! Byte-pair merging of one stretch of bytes, in memory of fixed size.
//!
//! The bytes fall into parts, at first single characters or bytes; again and again the two neighbours are merged which
//! together are the token of the lowest rank, the leftmost if there are several. What no merge changes any more are
//! the tokens.
//!
//! For every part `keys` holds the rank of the token that it would make with its neighbour, and its own number in the
//! low bits, so the minimum of all keys says what to merge next and where. Minima are kept for every sixteen parts: a
//! merge costs two look-ups and a few dozen comparisons without branches, whatever the length of the stretch.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "parts are at most 256, their bytes at most 1024, and keys less than 2^29"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loop: every index is a part number, which is less than the size of the arrays"
)]

use crate::bpe::{finder::Finder, vocabulary::Rank};

/// The most parts that a stretch is cut into.
pub const PARTS: usize = 256;
/// Parts that share a minimum.
const GROUP: usize = 16;
const GROUPS: usize = PARTS / GROUP;
/// Bits of a key that are the number of the part.
const PART_BITS: u32 = 8;
/// The key of a part that makes no token with its neighbour.
const NONE: i32 = i32::MAX;

/// The parts of one stretch. Made once and used for many.
pub struct Merger {
    keys: [[i32; GROUP]; GROUPS],
    minima: [i32; GROUPS],
    /// Where a part begins, in bytes from the beginning of the stretch.
    starts: [u16; PARTS + 1],
    next: [u16; PARTS + 1],
    previous: [u16; PARTS + 1],
    /// Parts at first.
    parts: usize,
}

impl Merger {
    pub const fn new() -> Self {
        Self {
            keys: [[NONE; GROUP]; GROUPS],
            minima: [NONE; GROUPS],
            starts: [0; PARTS + 1],
            next: [0; PARTS + 1],
            previous: [0; PARTS + 1],
            parts: 0,
        }
    }

    /// Merges as much of `text[start..end]` as fits, from its beginning, and says where that ends.
    pub fn run(&mut self, finder: &mut Finder<'_>, text: &[u8], start: usize, end: usize) -> usize {
        let end = self.cut(finder, text, start, end);
        self.find_first(finder, text, start);
        self.merge(finder, text, start);
        end
    }

    /// The tokens of the last stretch: the end of each, from the beginning of the stretch.
    pub fn ends(&self) -> impl Iterator<Item = usize> + '_ {
        let mut part = 0;
        core::iter::from_fn(move || {
            if part >= self.parts {
                return None;
            }
            part = usize::from(self.next[part]);
            Some(usize::from(self.starts[part]))
        })
    }

    /// Cuts the stretch into characters where those are tokens that surely come about, and into bytes elsewhere.
    fn cut(&mut self, finder: &mut Finder<'_>, text: &[u8], start: usize, end: usize) -> usize {
        let mut at = start;
        let mut parts = 0;
        // Whether the boundary at `at` is one that no part of a character is merged across.
        let mut clean = true;
        while at < end && parts < PARTS {
            let lead = text[at];
            let length = character_length(lead);
            self.starts[parts] = (at - start) as u16;
            if length == 1 || at + length > end {
                at += 1;
                parts += 1;
                clean = at >= end || finder.vocabulary.is_clean(text, at);
                continue;
            }
            let next = at + length;
            let clean_after = next >= end || finder.vocabulary.is_clean(text, next);
            if clean && clean_after && finder.find(text, at, next).is_some() {
                parts += 1;
                at = next;
            } else {
                if parts + length > PARTS {
                    break;
                }
                for byte in at..next {
                    self.starts[parts] = (byte - start) as u16;
                    parts += 1;
                }
                at = next;
            }
            clean = clean_after;
        }
        self.starts[parts] = (at - start) as u16;
        self.parts = parts;
        at
    }

    fn find_first(&mut self, finder: &mut Finder<'_>, text: &[u8], start: usize) {
        let groups = self.parts.div_ceil(GROUP);
        for part in 0..groups * GROUP {
            let mut key = NONE;
            if part + 1 < self.parts {
                let (from, to) = (usize::from(self.starts[part]), usize::from(self.starts[part + 2]));
                key = key_of(finder.find(text, start + from, start + to), part);
            }
            self.keys[part / GROUP][part % GROUP] = key;
        }
        for part in 0..self.parts {
            self.next[part] = (part + 1) as u16;
            self.previous[part + 1] = part as u16;
        }
        for group in 0..groups {
            self.minima[group] = minimum(&self.keys[group]);
        }
    }

    fn merge(&mut self, finder: &mut Finder<'_>, text: &[u8], start: usize) {
        let groups = self.parts.div_ceil(GROUP);
        loop {
            let key = self.minima[..groups].iter().copied().fold(NONE, i32::min);
            if key == NONE {
                return;
            }
            let part = key as usize % PARTS;
            let merged = usize::from(self.next[part]);
            let after = usize::from(self.next[merged]);
            self.next[part] = after as u16;
            self.previous[after] = part as u16;
            self.keys[merged / GROUP][merged % GROUP] = NONE;
            let part_start = usize::from(self.starts[part]);
            let mut found = None;
            if after < self.parts {
                let to = usize::from(self.starts[usize::from(self.next[after])]);
                found = finder.find(text, start + part_start, start + to);
            }
            self.keys[part / GROUP][part % GROUP] = key_of(found, part);
            self.minima[part / GROUP] = minimum(&self.keys[part / GROUP]);
            if merged / GROUP != part / GROUP {
                self.minima[merged / GROUP] = minimum(&self.keys[merged / GROUP]);
            }
            if part > 0 {
                let before = usize::from(self.previous[part]);
                let from = usize::from(self.starts[before]);
                let to = usize::from(self.starts[after]);
                let found = finder.find(text, start + from, start + to);
                self.keys[before / GROUP][before % GROUP] = key_of(found, before);
                self.minima[before / GROUP] = minimum(&self.keys[before / GROUP]);
            }
        }
    }
}

#[inline(always)]
fn key_of(rank: Option<Rank>, part: usize) -> i32 {
    rank.map_or(NONE, |rank| ((rank << PART_BITS) | part as u32) as i32)
}

#[inline(always)]
fn minimum(keys: &[i32; GROUP]) -> i32 {
    keys.iter().copied().fold(NONE, i32::min)
}

/// Bytes of the character that begins with `lead`; 1 for a byte that begins none.
#[inline(always)]
pub const fn character_length(lead: u8) -> usize {
    match lead {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}
