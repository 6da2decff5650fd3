//! A block of nothing, to erase a block of a pack in its place: all others keep their offsets, and the pack stays one that `zcat`
//! reads.
//!
//! Source of the form: RFC 1952.

/// Bytes of a member of nothing without a comment, which is the shortest there is.
const SHORTEST: usize = 20;
/// Magic number, deflate, flags, no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const FLAGS: usize = 3;
const HAS_COMMENT: u8 = 16;
/// One empty block of deflate, then checksum and length of nothing.
const NOTHING: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A gzip member of exactly this length that decompresses to nothing. `None` if it is shorter than any member.
#[must_use]
pub fn blank(length: usize) -> Option<Vec<u8>> {
    let padding = length.checked_sub(SHORTEST)?;
    let mut header = HEADER;
    if padding > 0
        && let Some(flags) = header.get_mut(FLAGS)
    {
        *flags = HAS_COMMENT;
    }
    let mut member = Vec::with_capacity(length);
    member.extend_from_slice(&header);
    if padding > 0 {
        // The comment ends with a zero.
        member.resize(HEADER.len() + padding - 1, b' ');
        member.push(0);
    }
    member.extend_from_slice(&NOTHING);
    Some(member)
}

/// Erases bytes of a pack, which are whole blocks. False, and nothing is changed, if they are not within the pack.
#[must_use]
pub fn erase(pack: &mut [u8], offset: u64, length: u64) -> bool {
    let (Ok(begin), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else { return false };
    let Some(member) = blank(length) else { return false };
    let Some(erased) = begin.checked_add(length).and_then(|end| pack.get_mut(begin..end)) else {
        return false;
    };
    erased.copy_from_slice(&member);
    true
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(pack: &[u8]) -> String {
        let mut text = String::new();
        MultiGzDecoder::new(pack).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_blank_member_of_any_length_is_nothing() {
        for length in 0..300 {
            match blank(length) {
                None => assert!(length < SHORTEST),
                Some(member) => assert_eq!((member.len(), read(&member)), (length, String::new())),
            }
        }
    }

    #[test]
    fn an_erased_block_is_gone_and_the_others_stay_where_they_are() {
        let blocks = ["one\n", "two\n", "three\n"].map(gzip);
        let mut pack = blocks.concat();
        let (before, length) = (blocks[0].len(), blocks[1].len());
        assert!(erase(&mut pack, before as u64, length as u64));
        assert_eq!((pack.len(), read(&pack)), (blocks.concat().len(), "one\nthree\n".to_owned()));
        assert_eq!(pack[before + length..], blocks[2]);
        assert!(erase(&mut pack, before as u64, length as u64), "a second time");
        let whole = pack.clone();
        assert!(!erase(&mut pack, whole.len() as u64 - 5, 30) && !erase(&mut pack, 0, 3) && pack == whole);
    }
}
