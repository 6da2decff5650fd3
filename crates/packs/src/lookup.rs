//! Which bytes of a pack a reader needs.

use crate::damage::Damage;
use crate::manifest::{Block, Manifest};

/// A gap between two blocks that is better read than left out, in bytes: a request costs more than they do.
pub const GAP: u64 = 1 << 16;

impl Manifest {
    /// The blocks that may hold keys from `first` to `last`, both included.
    #[must_use]
    pub fn between(&self, first: &str, last: &str) -> &[Block] {
        let begin = self.blocks.partition_point(|block| &*block.last < first);
        let end = self.blocks.partition_point(|block| &*block.first <= last);
        self.blocks.get(begin..end).unwrap_or_default()
    }

    /// The block that may hold this key.
    #[must_use]
    pub fn block_of(&self, key: &str) -> Option<&Block> {
        self.between(key, key).first()
    }
}

/// Bytes of a pack that are read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range<'a> {
    /// Where they begin.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// The blocks that are wanted of them, in their order.
    pub blocks: Vec<&'a Block>,
}

impl<'a> Range<'a> {
    /// Each block with its compressed bytes, of which length and checksum fit.
    pub fn members<'b>(&self, bytes: &'b [u8]) -> Result<Vec<(&'a Block, &'b [u8])>, Damage> {
        if bytes.len() as u64 != self.length {
            let (offset, expected) = (self.offset, self.length);
            return Err(Damage::Length { offset, expected, found: bytes.len() as u64 });
        }
        let member = |block: &&'a Block| {
            let begin = usize::try_from(block.offset - self.offset).unwrap_or(usize::MAX);
            let length = usize::try_from(block.length).unwrap_or(usize::MAX);
            let member = bytes.get(begin..begin.saturating_add(length)).unwrap_or_default();
            block.check(member)?;
            Ok((*block, member))
        };
        self.blocks.iter().map(member).collect()
    }
}

/// The ranges of these blocks, which stand in the order of the pack: blocks that are at most `gap` bytes apart are one.
#[must_use]
pub fn ranges<'a>(blocks: impl IntoIterator<Item = &'a Block>, gap: u64) -> Vec<Range<'a>> {
    let mut ranges: Vec<Range<'a>> = Vec::new();
    for block in blocks {
        let end = block.offset.saturating_add(block.length);
        match ranges.last_mut().filter(|range| range.offset + range.length + gap >= block.offset) {
            Some(range) => {
                range.length = end.saturating_sub(range.offset).max(range.length);
                range.blocks.push(block);
            }
            None => ranges.push(Range { offset: block.offset, length: block.length, blocks: vec![block] }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Builder, Pack};
    use crate::layout::{self, Row};

    /// A pack of the keys `b`, `d`, `f` …, a block of three bytes for each.
    fn pack(keys: &[&str]) -> Pack {
        let rows = keys.iter().map(|key| Row { key, line: "12" }).collect();
        let mut pack = Builder::new("tests", 0, 1);
        for block in layout::blocks(rows, 1).unwrap() {
            pack.push(&block, block.text.as_bytes());
        }
        pack.finish()
    }

    #[test]
    fn only_blocks_that_may_hold_a_key_are_wanted() {
        let Pack { manifest, .. } = pack(&["b", "d", "f"]);
        let firsts = |first, last| -> Vec<&str> {
            manifest.between(first, last).iter().map(|block| block.first.as_str()).collect()
        };
        assert_eq!(firsts("", "~"), ["b", "d", "f"]);
        assert_eq!(firsts("b", "d"), ["b", "d"]);
        assert_eq!(firsts("c", "e"), ["d"]);
        assert!(firsts("g", "z").is_empty() && firsts("", "a").is_empty() && firsts("e", "c").is_empty());
        assert_eq!(manifest.block_of("d").map(|block| block.offset), Some(3));
        assert_eq!(manifest.block_of("e"), None);
    }

    #[test]
    fn blocks_that_are_near_each_other_are_read_at_once() {
        let Pack { manifest, bytes } = pack(&["b", "d", "f", "h"]);
        let wanted = [&manifest.blocks[0], &manifest.blocks[2], &manifest.blocks[3]];
        let spans = |gap| -> Vec<(u64, u64, usize)> {
            let ranges = ranges(wanted, gap);
            ranges.iter().map(|range| (range.offset, range.length, range.blocks.len())).collect()
        };
        assert_eq!(spans(0), [(0, 3, 1), (6, 6, 2)]);
        assert_eq!(spans(3), [(0, 12, 3)]);
        let range = &ranges(wanted, 3)[0];
        let members = range.members(&bytes).unwrap();
        assert_eq!(members.iter().map(|(block, _)| block.offset).collect::<Vec<_>>(), [0, 6, 9]);
        assert!(matches!(range.members(&bytes[1..]), Err(Damage::Length { offset: 0, .. })));
        let mut damaged = bytes.clone();
        damaged[7] ^= 1;
        assert_eq!(range.members(&damaged), Err(Damage::Checksum { offset: 6 }));
    }
}
