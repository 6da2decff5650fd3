//! The hash of a token's bytes, shared by the build script (which places the tokens) and the crate (which finds them).
//!
//! Eight bytes are read at a time, so that a token of up to sixteen bytes costs two multiplications. All arithmetic is
//! 64-bit and wrapping, which WebAssembly does in one instruction each.

const LENGTH: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND: u64 = 0x94d0_49bb_1331_11eb;
const PILOT: u64 = 0xd6e8_feb8_6659_fd93;
const SLOT: u64 = 0xff51_afd7_ed55_8ccd;

/// The hash of up to eight bytes, which are the low bytes of `low` with zeros above them.
#[inline(always)]
pub const fn up_to_8(low: u64, length: usize) -> u64 {
    up_to_16(low, 0, length)
}

/// The hash of nine to sixteen bytes: the first eight and the last eight.
#[inline(always)]
pub const fn up_to_16(low: u64, high: u64, length: usize) -> u64 {
    let mixed = (low ^ (length as u64).wrapping_mul(LENGTH)).wrapping_mul(FIRST);
    ((mixed ^ (mixed >> 32)) ^ high).wrapping_mul(SECOND)
}

/// The hash of any bytes.
#[inline]
pub fn of(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let Some(first) = bytes.first_chunk::<8>() else {
        let mut low = [0; 8];
        for (to, from) in low.iter_mut().zip(bytes) {
            *to = *from;
        }
        return up_to_8(u64::from_le_bytes(low), length);
    };
    let mut low = u64::from_le_bytes(*first);
    if length == 8 {
        return up_to_8(low, length);
    }
    let high = u64::from_le_bytes(bytes.last_chunk::<8>().copied().unwrap_or_default());
    if length > 16 {
        let (chunks, _) = bytes.get(8..length - 8).unwrap_or_default().as_chunks::<8>();
        for chunk in chunks {
            low = (low ^ (low >> 29)).wrapping_mul(FIRST) ^ u64::from_le_bytes(*chunk);
        }
        // What is left of the middle is less than eight bytes, and may be read together with what came before it.
        if let Some(rest) = bytes.get(length - 16..length - 8).and_then(<[u8]>::first_chunk::<8>) {
            low = (low ^ (low >> 29)).wrapping_mul(FIRST) ^ u64::from_le_bytes(*rest);
        }
    }
    up_to_16(low, high, length)
}

/// The bucket of a hash: its highest `bits` bits, which are few.
#[expect(clippy::cast_possible_truncation, reason = "cut to the bits that are wanted")]
#[inline(always)]
pub const fn bucket(hash: u64, bits: u32) -> usize {
    (hash >> (64 - bits)) as usize
}

/// The slot of a hash among `slots`, given the pilot of its bucket.
#[inline(always)]
pub const fn slot(hash: u64, pilot: u8, slots: usize) -> usize {
    let spread = (hash ^ (pilot as u64).wrapping_mul(PILOT)).wrapping_mul(SLOT) >> 32;
    ((spread * slots as u64) >> 32) as usize
}

/// What is kept of the hash of a token, to turn away most bytes that are none without looking at the token.
#[expect(clippy::cast_possible_truncation, reason = "cut to the bits that are wanted")]
#[inline(always)]
pub const fn fingerprint(hash: u64) -> u8 {
    (hash >> 24) as u8
}
