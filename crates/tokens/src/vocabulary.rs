//! One vocabulary as static tables, read where they lie.
//!
//! - `list`: every token in the order of the ranks, one byte of length (less one) and its bytes. The place of a token
//!   in the list is its identity here: places are ordered like ranks, so they decide merges just as well, and the
//!   bytes to compare with are there without another look-up.
//! - `pilots`, `fingerprints` and `places`: a perfect hash from bytes to place. The pilot says which slot it is; the
//!   fingerprint there, a byte, turns away most bytes that are no token. For the others the place is read, and what is
//!   there is compared. So most look-ups touch a small part of the tables, which stays in the cache.
//! - `index`: the first rank in every 64 bytes of the list, for the way between places and ranks.
//! - `boundaries`: see [`boundary`].

use crate::{boundary, bytes, hash};

/// Where a token stands in the list. Orders like the ranks.
pub type Place = u32;

const INDEX_STEP: u32 = 64;
const NO_PAIR: u32 = u32::MAX;

/// The tables of a vocabulary, as `build/vocabulary.rs` lays them out.
pub struct Vocabulary {
    pub pilots: &'static [u8],
    pub fingerprints: &'static [u8],
    /// Three bytes each, little-endian.
    pub places: &'static [u8],
    pub list: &'static [u8],
    pub index: &'static [u8],
    pub boundaries: &'static [u8; boundary::BYTES],
    /// The place of every token of two bytes, as a little-endian word each; [`NO_PAIR`] for what is no token. For two
    /// bytes below 0x80, then for two others, the first by 128 and the second.
    pub pairs: &'static [u8; 4 * 2 * 128 * 128],
    pub bucket_bits: u32,
    pub slot_count: u32,
    /// Ordinary tokens; also the first number that is none.
    pub count: u32,
    /// Bytes of the longest token.
    pub longest: usize,
    /// Bytes of the list that are in use.
    pub end: u32,
}

impl Vocabulary {
    /// The place of a hash, if its fingerprint is there.
    #[inline(always)]
    fn candidate(&self, hash: u64) -> Option<Place> {
        let pilot = *self.pilots.get(hash::bucket(hash, self.bucket_bits))?;
        let slot = hash::slot(hash, pilot, self.slot_count);
        if *self.fingerprints.get(slot)? != hash::fingerprint(hash) {
            return None;
        }
        let (places, _) = self.places.as_chunks::<3>();
        let &[low, middle, high] = places.get(slot)?;
        Some(u32::from_le_bytes([low, middle, high, 0]))
    }

    /// The token that is `text[start..end]`, at most eight bytes, of which `low` holds the first with zeros above.
    #[inline(always)]
    pub fn find_up_to_8(&self, low: u64, length: usize) -> Option<Place> {
        let place = self.candidate(hash::up_to_8(low, length))?;
        let (&stored, bytes) = self.list.get(place as usize..)?.split_first()?;
        let bytes = u64::from_le_bytes(*bytes.first_chunk::<8>()?);
        (usize::from(stored) + 1 == length && bytes::first(bytes, length) == low).then_some(place)
    }

    /// The token that is the two bytes from `at` on.
    #[inline(always)]
    pub fn find_pair(&self, text: &[u8], at: usize) -> Option<Place> {
        let &[first, second] = text.get(at..)?.first_chunk::<2>()?;
        if (first ^ second) & 0x80 != 0 {
            return self.find_up_to_8(u64::from(first) | (u64::from(second) << 8), 2);
        }
        let (pairs, _) = self.pairs.as_chunks::<4>();
        let index = (usize::from(first) << 7) | usize::from(second & 0x7f);
        let place = u32::from_le_bytes(*pairs.get(index)?);
        (place != NO_PAIR).then_some(place)
    }

    /// The token that is `text[start..end]`.
    #[inline(always)]
    pub fn find(&self, text: &[u8], start: usize, end: usize) -> Option<Place> {
        let length = end - start;
        if length <= 8 {
            return self.find_up_to_8(bytes::load(text, start, length), length);
        }
        if length <= 16 {
            return self.find_up_to_16(bytes::load_8(text, start), bytes::load_8(text, end - 8), length);
        }
        self.find_long(text.get(start..end)?)
    }

    /// The token of nine to sixteen bytes that begins with the bytes of `low` and ends with those of `high`.
    #[inline(always)]
    fn find_up_to_16(&self, low: u64, high: u64, length: usize) -> Option<Place> {
        let place = self.candidate(hash::up_to_16(low, high, length))?;
        let (&stored, bytes) = self.list.get(place as usize..)?.split_first()?;
        let bytes = bytes.first_chunk::<16>()?;
        (usize::from(stored) + 1 == length
            && bytes::load_8(bytes, 0) == low
            && bytes::load_8(bytes, length - 8) == high)
            .then_some(place)
    }

    #[inline(never)]
    fn find_long(&self, token: &[u8]) -> Option<Place> {
        if token.len() > self.longest {
            return None;
        }
        let place = self.candidate(hash::of(token))?;
        (self.bytes_at(place)? == token).then_some(place)
    }

    /// The bytes of the token at `place`.
    fn bytes_at(&self, place: Place) -> Option<&'static [u8]> {
        let (&stored, bytes) = self.list.get(place as usize..)?.split_first()?;
        bytes.get(..usize::from(stored) + 1)
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

    fn index_entry(&self, block: u32) -> Option<(u32, Place)> {
        let (index, _) = self.index.as_chunks::<4>();
        let entry = u32::from_le_bytes(*index.get(block as usize)?);
        Some((entry >> 8, block * INDEX_STEP + (entry & 0xff)))
    }

    /// The rank of the token at `place`.
    pub fn rank(&self, place: Place) -> u32 {
        let Some((mut rank, mut at)) = self.index_entry(place / INDEX_STEP) else { return 0 };
        while at < place {
            at += self.list.get(at as usize).map_or(u32::MAX - at, |&stored| u32::from(stored) + 2);
            rank += 1;
        }
        rank
    }

    /// The bytes of the ordinary token with this rank.
    pub fn bytes_of(&self, rank: u32) -> Option<&'static [u8]> {
        if rank >= self.count {
            return None;
        }
        // The last block whose first rank is not past the wanted one.
        let (mut low, mut high) = (0, self.end / INDEX_STEP + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.index_entry(middle)?.0 <= rank {
                low = middle;
            } else {
                high = middle;
            }
        }
        let (first, mut at) = self.index_entry(low)?;
        for _ in first..rank {
            at += u32::from(*self.list.get(at as usize)?) + 2;
        }
        self.bytes_at(at)
    }

    /// Bytes of all tables.
    pub fn table_bytes(&self) -> usize {
        self.pilots.len()
            + self.fingerprints.len()
            + self.places.len()
            + self.list.len()
            + self.index.len()
            + self.boundaries.len()
            + self.pairs.len()
    }
}
