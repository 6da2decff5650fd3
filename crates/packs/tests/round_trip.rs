//! Rows in any blocks come back exactly, and damage anywhere is found.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{GzDecoder, MultiGzDecoder};
use flate2::write::GzEncoder;
use nexus_edge_packs::builder::{Builder, Pack};
use nexus_edge_packs::layout::{self, Row};
use nexus_edge_packs::lookup::ranges;
use nexus_edge_packs::manifest::Manifest;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(member: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(member).read_to_string(&mut text).unwrap();
    text
}

fn packed(rows: &BTreeMap<String, String>, block_bytes: usize) -> Pack {
    let rows = rows.iter().rev().map(|(key, line)| Row { key, line }).collect();
    let mut pack = Builder::new("tests", 0, 1);
    for block in layout::blocks(rows, block_bytes).unwrap() {
        pack.push(&block, &gzip(&block.text));
    }
    pack.finish()
}

/// The lines of the blocks that may hold these keys, read range by range.
fn read(pack: &[u8], manifest: &[u8], first: &str, last: &str, gap: u64) -> Result<Vec<String>, String> {
    let manifest = Manifest::read(manifest).map_err(|damage| damage.to_string())?;
    let mut lines = Vec::new();
    for range in ranges(manifest.between(first, last), gap) {
        let begin = usize::try_from(range.offset).unwrap().min(pack.len());
        let end = (begin + usize::try_from(range.length).unwrap()).min(pack.len());
        for (block, member) in range.members(&pack[begin..end]).map_err(|damage| damage.to_string())? {
            let text = gunzip(member);
            let of_block = block.lines(&text).map_err(|damage| damage.to_string())?;
            lines.extend(of_block.into_iter().map(str::to_owned));
        }
    }
    Ok(lines)
}

fn some_rows() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[a-c]{1,4}", "[^\n]{1,30}", 1..60)
}

proptest! {
    #[test]
    fn any_rows_in_any_blocks_come_back(rows in some_rows(), block_bytes in 0_usize..400, gap in 0_u64..200) {
        let Pack { bytes, manifest } = packed(&rows, block_bytes);
        manifest.check(&bytes).unwrap();
        let lines = read(&bytes, manifest.to_json().as_bytes(), "", "~", gap).unwrap();
        prop_assert_eq!(&lines, &rows.values().cloned().collect::<Vec<_>>());
        // The whole is one file that any reader of gzip understands.
        let mut text = String::new();
        MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        prop_assert_eq!(text.split_terminator('\n').collect::<Vec<_>>(), lines);
    }

    #[test]
    fn every_row_is_in_the_block_that_is_read_for_it(rows in some_rows(), block_bytes in 0_usize..400) {
        let Pack { bytes, manifest } = packed(&rows, block_bytes);
        let manifest = manifest.to_json();
        for (key, line) in &rows {
            let lines = read(&bytes, manifest.as_bytes(), key, key, 0).unwrap();
            prop_assert!(lines.contains(line));
            prop_assert!(lines.len() < 2 || lines.iter().map(String::len).sum::<usize>() < block_bytes + 200);
        }
    }

    #[test]
    fn damage_anywhere_is_found(
        rows in btree_map("[a-c]{1,4}", "[^\n]{1,30}", 1..40),
        block_bytes in 0_usize..200,
        (at, bit) in (any::<prop::sample::Index>(), 0_u8..8),
        cut in vec(any::<prop::sample::Index>(), 0..2),
    ) {
        let Pack { mut bytes, manifest } = packed(&rows, block_bytes);
        if let Some(cut) = cut.first() {
            bytes.truncate(cut.index(bytes.len()));
        } else {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        prop_assert!(manifest.check(&bytes).is_err());
        prop_assert!(read(&bytes, manifest.to_json().as_bytes(), "", "~", 0).is_err());
    }
}
