//! What a manifest says of its pack, and the checks of what is read by it.
//!
//! A manifest that was read is consistent: blocks follow each other without gaps, their sums are those of the whole, and their
//! keys ascend.

use nexus_edge_core::hash::checksum_hex;
use serde::{Deserialize, Serialize};

use crate::damage::Damage;

/// The version of manifests that are written, and the only one so far.
pub const VERSION: u32 = 1;

/// The manifest of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// What its rows are, such as `requests`.
    pub kind: String,
    /// From when on its rows are, in milliseconds since the epoch.
    pub from_ms: u64,
    /// Until before when.
    pub to_ms: u64,
    /// How many rows.
    pub rows: u64,
    /// How many bytes, compressed.
    pub bytes: u64,
    /// How many bytes of text.
    pub text_bytes: u64,
    /// The SHA-256 of the whole, in lower-case hexadecimal.
    pub sha256: String,
    /// Its blocks, in their order.
    pub blocks: Vec<Block>,
}

/// A block of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Where it begins in the pack, in bytes.
    pub offset: u64,
    /// How many bytes it has, compressed.
    pub length: u64,
    /// How many bytes of text it has.
    pub text_bytes: u64,
    /// How many rows.
    pub rows: u64,
    /// The smallest key.
    pub first: String,
    /// The largest key.
    pub last: String,
    /// The SHA-256 of the compressed bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads a manifest.
    pub fn read(json: &[u8]) -> Result<Self, Damage> {
        let read: Self = serde_json::from_slice(json).map_err(|error| Damage::Manifest(error.to_string()))?;
        match read.contradiction() {
            Some(reason) => Err(Damage::Manifest(reason.to_owned())),
            None => Ok(read),
        }
    }

    /// The manifest as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Numbers and texts can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The smallest key of the pack; `None` if it has no rows.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.blocks.first().map(|block| block.first.as_str())
    }

    /// The largest key of the pack; `None` if it has no rows.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.blocks.last().map(|block| block.last.as_str())
    }

    /// Whether these are the bytes of the whole pack.
    pub fn check(&self, pack: &[u8]) -> Result<(), Damage> {
        check(0, self.bytes, &self.sha256, pack)
    }

    fn contradiction(&self) -> Option<&'static str> {
        if self.version != VERSION {
            return Some("its version is not known");
        }
        let (mut bytes, mut rows, mut text_bytes) = (0_u64, 0_u64, 0_u64);
        let mut last: Option<&str> = None;
        for block in &self.blocks {
            if block.offset != bytes {
                return Some("its blocks do not follow each other");
            }
            if block.rows == 0 || block.first > block.last || last.is_some_and(|last| last >= &*block.first) {
                return Some("its keys do not ascend");
            }
            bytes = bytes.saturating_add(block.length);
            rows = rows.saturating_add(block.rows);
            text_bytes = text_bytes.saturating_add(block.text_bytes);
            last = Some(&block.last);
        }
        ((bytes, rows, text_bytes) != (self.bytes, self.rows, self.text_bytes))
            .then_some("its sums are not those of its blocks")
    }
}

impl Block {
    /// Whether these are the compressed bytes of the block.
    pub fn check(&self, member: &[u8]) -> Result<(), Damage> {
        check(self.offset, self.length, &self.sha256, member)
    }

    /// The lines of the decompressed block, in the order of their keys.
    pub fn lines<'a>(&self, text: &'a str) -> Result<Vec<&'a str>, Damage> {
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        if lines.len() as u64 != self.rows || text.len() as u64 != self.text_bytes {
            return Err(Damage::Rows { offset: self.offset, expected: self.rows, found: lines.len() as u64 });
        }
        Ok(lines)
    }
}

fn check(offset: u64, expected: u64, sha256: &str, bytes: &[u8]) -> Result<(), Damage> {
    let found = bytes.len() as u64;
    if found != expected {
        return Err(Damage::Length { offset, expected, found });
    }
    if checksum_hex(bytes) == sha256 { Ok(()) } else { Err(Damage::Checksum { offset }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::Builder;
    use crate::layout::{self, Row};

    fn manifest() -> Manifest {
        let rows = [("a", "1"), ("b", "2"), ("c", "3")].map(|(key, line)| Row { key, line });
        let mut pack = Builder::new("tests", 5, 9);
        for block in layout::blocks(rows.to_vec(), 3).unwrap() {
            pack.push(&block, block.text.as_bytes());
        }
        pack.finish().manifest
    }

    #[test]
    fn a_manifest_comes_back() {
        let manifest = manifest();
        assert_eq!((manifest.rows, manifest.bytes, manifest.blocks.len()), (3, 6, 2));
        assert_eq!((manifest.first(), manifest.last()), (Some("a"), Some("c")));
        assert_eq!(Manifest::read(manifest.to_json().as_bytes()), Ok(manifest));
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        let changes: [fn(&mut Manifest); 7] = [
            |manifest| manifest.version = 2,
            |manifest| manifest.rows += 1,
            |manifest| manifest.bytes -= 1,
            |manifest| manifest.blocks[1].offset += 1,
            |manifest| manifest.blocks[1].first = "a".to_owned(),
            |manifest| manifest.blocks[0].last = "c".to_owned(),
            |manifest| drop(manifest.blocks.pop()),
        ];
        for change in changes {
            let mut manifest = manifest();
            change(&mut manifest);
            let read = Manifest::read(manifest.to_json().as_bytes());
            assert!(matches!(read, Err(Damage::Manifest(_))), "{read:?}");
        }
        assert!(matches!(Manifest::read(b"{}"), Err(Damage::Manifest(_))));
    }

    #[test]
    fn a_block_with_other_rows_is_refused() {
        let manifest = manifest();
        assert_eq!(manifest.blocks[0].lines("1\n2\n"), Ok(vec!["1", "2"]));
        let found = |text| manifest.blocks[0].lines(text).unwrap_err();
        assert_eq!(found("1\n"), Damage::Rows { offset: 0, expected: 2, found: 1 });
        assert!(matches!(found("1\n222"), Damage::Rows { .. }));
    }
}
