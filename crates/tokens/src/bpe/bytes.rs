//! Reading a few bytes of a text as one number.

/// The first `length` (one to eight) of eight bytes, with zeros above them.
#[inline(always)]
pub const fn first(bytes: u64, length: usize) -> u64 {
    bytes & (u64::MAX >> ((64 - 8 * length) & 63))
}

/// Eight bytes from `at` on, with zeros for those past the end of the text.
#[inline(always)]
pub fn load_8(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => load_end(text, at),
    }
}

#[cold]
#[inline(never)]
fn load_end(text: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text.get(at..).unwrap_or_default()) {
        *to = *from;
    }
    u64::from_le_bytes(bytes)
}

/// `length` (one to eight) bytes from `at` on, with zeros above them.
#[inline(always)]
pub fn load(text: &[u8], at: usize, length: usize) -> u64 {
    first(load_8(text, at), length)
}

/// Up to sixteen bytes from `at` on, the first eight and the others, with zeros above them.
#[inline(always)]
pub fn load_both(text: &[u8], at: usize, length: usize) -> (u64, u64) {
    if length <= 8 { (load(text, at, length), 0) } else { (load_8(text, at), load(text, at + 8, length - 8)) }
}
