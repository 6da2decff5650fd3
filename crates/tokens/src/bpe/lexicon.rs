//! The tokens of all vocabularies, each of them once: what bytes are a token of any of them, and at which slot.
//!
//! A perfect hash says the one slot at which bytes may be: their region ([`region`]) is a range of slots, and the pilot
//! of their bucket says which of those it is. The fingerprint there, a byte, turns away most bytes that are no token; for
//! the others the bytes of the slot are compared. So most look-ups touch a small part of the tables, which stays in the
//! cache, and nothing is ever found that is not there.
//!
//! Vocabularies share most of their tokens (85 % of those of `cl100k_base` are in `o200k_base`), and keep for each slot
//! no more than their rank.

use crate::bpe::{
    bytes, hash,
    region::{self, Region},
};

/// The number of a token in the lexicon. Some slots are free.
pub type Slot = usize;

/// The tables, as `build/lexicon.rs` lays them out.
pub struct Lexicon {
    pub pilots: &'static [u8],
    pub fingerprints: &'static [u8],
    /// [`Region`]s, little-endian words.
    pub regions: &'static [u8],
    /// The bytes of the tokens in the order of the slots, and sixteen more.
    pub text: &'static [u8],
    pub bucket_bits: u32,
}

impl Lexicon {
    #[inline(always)]
    fn region(&self, number: usize) -> Option<Region> {
        let (regions, _) = self.regions.as_chunks::<8>();
        Some(Region(u64::from_le_bytes(*regions.get(number)?)))
    }

    /// The slot of a hash in the region of this number, if its fingerprint is there and the slot is one of the wanted; and
    /// the bytes from that slot on.
    #[inline(always)]
    fn candidate(
        &self,
        hash: u64,
        region: usize,
        length: usize,
        is_wanted: impl Fn(Slot) -> bool,
    ) -> Option<(Slot, &'static [u8])> {
        let region = self.region(region)?;
        let pilot = *self.pilots.get(hash::bucket(hash, self.bucket_bits))?;
        let within = hash::slot(hash, pilot, region.size());
        let slot = region.slot() + within;
        // In an empty region `slot` is the first one of the next.
        if *self.fingerprints.get(slot)? != hash::fingerprint(hash) || region.size() == 0 || !is_wanted(slot)
        {
            return None;
        }
        Some((slot, self.text.get(region.text() + within * length..)?))
    }

    /// The slot of the `length` (one to eight) bytes of `low`, which has zeros above them, if it is one of the wanted.
    /// Those that are not are turned away before their bytes are looked at.
    #[inline(always)]
    pub fn find_up_to_8(&self, low: u64, length: usize, is_wanted: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (slot, stored) =
            self.candidate(hash::up_to_8(low, length), region::number(low, length), length, is_wanted)?;
        let stored = u64::from_le_bytes(*stored.first_chunk::<8>()?);
        (bytes::first(stored, length) == low).then_some(slot)
    }

    /// The slot of `text[start..end]`, if it is one of the wanted.
    #[inline(always)]
    pub fn find(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        is_wanted: impl Fn(Slot) -> bool,
    ) -> Option<Slot> {
        let length = end - start;
        if length <= 8 {
            self.find_up_to_8(bytes::load(text, start, length), length, is_wanted)
        } else if length <= 16 {
            self.find_up_to_16(bytes::load_8(text, start), bytes::load_8(text, end - 8), length, is_wanted)
        } else {
            self.find_long(text.get(start..end)?, is_wanted)
        }
    }

    /// The slot of the `length` (nine to sixteen) bytes that begin with those of `low` and end with those of `high`.
    #[inline(always)]
    fn find_up_to_16(
        &self,
        low: u64,
        high: u64,
        length: usize,
        is_wanted: impl Fn(Slot) -> bool,
    ) -> Option<Slot> {
        let (slot, stored) = self.candidate(
            hash::up_to_16(low, high, length),
            region::number(low, length),
            length,
            is_wanted,
        )?;
        let stored = stored.first_chunk::<16>()?;
        (bytes::load_8(stored, 0) == low && bytes::load_8(stored, length - 8) == high).then_some(slot)
    }

    #[inline(never)]
    fn find_long(&self, token: &[u8], is_wanted: impl Fn(Slot) -> bool) -> Option<Slot> {
        // What is longer than any token need not be hashed to know that it is none.
        let region = region::number(0, token.len());
        self.region(region)?;
        let (slot, stored) = self.candidate(hash::of(token), region, token.len(), is_wanted)?;
        stored.starts_with(token).then_some(slot)
    }

    /// Every slot and its bytes.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &'static [u8])> {
        (0..region::MOST).map_while(|number| Some((self.region(number)?, region::length(number)))).flat_map(
            move |(region, length)| {
                (0..region.size()).filter_map(move |within| {
                    let at = region.text() + within * length;
                    Some((region.slot() + within, self.text.get(at..at + length)?))
                })
            },
        )
    }

    /// Bytes of all tables.
    pub fn table_bytes(&self) -> usize {
        self.pilots.len() + self.fingerprints.len() + self.regions.len() + self.text.len()
    }
}
