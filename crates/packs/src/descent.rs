//! Reads the rows of several packs from the largest key down, and no block before it is needed.
//!
//! The caller does what [`Descent::next`] says and tells the result. Rows come in descending order of their keys, each key
//! once, however packs and blocks overlap. A pack whose keys end below the rows that are taken is not opened.

use std::collections::BinaryHeap;

use crate::manifest::{Block, Manifest};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read the manifest of this pack, and tell it to [`Descent::opened`].
    Open(usize),
    /// Read this block, and tell its rows to [`Descent::read`].
    Read {
        /// The pack.
        pack: usize,
        /// Its block.
        block: Block,
    },
    /// The next row.
    Row {
        /// Its key.
        key: String,
        /// Its text.
        line: String,
    },
    /// There are no more rows.
    End,
}

/// What is not read yet, ordered by the largest key in it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    last: String,
    pack: usize,
    /// `None`: its manifest is to be read.
    offset: Option<u64>,
}

/// A reading in progress.
#[derive(Debug)]
pub struct Descent {
    from: String,
    below: String,
    sources: BinaryHeap<Source>,
    blocks: Vec<(usize, Block)>,
    rows: BinaryHeap<(String, String)>,
}

impl Descent {
    /// A reading of keys below one, and not below another.
    #[must_use]
    pub fn new(from: &str, below: &str) -> Self {
        let (from, below) = (from.to_owned(), below.to_owned());
        Self { from, below, sources: BinaryHeap::new(), blocks: Vec::new(), rows: BinaryHeap::new() }
    }

    /// Adds a pack with these keys, which the caller knows by a number.
    pub fn add(&mut self, pack: usize, first: &str, last: &str) {
        if first < &*self.below && last >= &*self.from {
            self.sources.push(Source { last: last.to_owned(), pack, offset: None });
        }
    }

    /// Tells the manifest of a pack.
    pub fn opened(&mut self, pack: usize, manifest: &Manifest) {
        let wanted =
            manifest.between(&self.from, &self.below).iter().filter(|block| block.first < self.below);
        for block in wanted {
            self.sources.push(Source { last: block.last.clone(), pack, offset: Some(block.offset) });
            self.blocks.push((pack, block.clone()));
        }
    }

    /// Tells the rows of a block, with their keys.
    pub fn read(&mut self, rows: impl IntoIterator<Item = (String, String)>) {
        let wanted = rows.into_iter().filter(|(key, _)| *key < self.below && *key >= self.from);
        self.rows.extend(wanted);
    }

    /// What is to be done next.
    #[expect(clippy::should_implement_trait, reason = "between two steps the caller tells what was read")]
    pub fn next(&mut self) -> Step {
        loop {
            let unread = self.sources.peek().map(|source| source.last.as_str());
            let next = self.rows.peek().map(|(key, _)| key.as_str());
            if next.is_some() && next >= unread {
                let Some((key, line)) = self.rows.pop() else { return Step::End };
                // The same key of another pack is not below it.
                if key >= self.below {
                    continue;
                }
                self.below.clone_from(&key);
                return Step::Row { key, line };
            }
            let Some(Source { pack, offset, .. }) = self.sources.pop() else { return Step::End };
            let Some(offset) = offset else { return Step::Open(pack) };
            let place = self.blocks.iter().position(|(of, block)| *of == pack && block.offset == offset);
            if let Some(place) = place {
                let (pack, block) = self.blocks.swap_remove(place);
                return Step::Read { pack, block };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Builder, Pack};
    use crate::layout::{self, Row};
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn pack(keys: &BTreeSet<String>, block_bytes: usize) -> Pack {
        let rows = keys.iter().map(|key| Row { key, line: key }).collect();
        let mut pack = Builder::new("tests", 0, 1);
        for block in layout::blocks(rows, block_bytes).unwrap() {
            pack.push(&block, block.text.as_bytes());
        }
        pack.finish()
    }

    /// The first keys of a reading, and how many manifests and blocks were read for them.
    fn taken(packs: &[Pack], from: &str, below: &str, most: usize) -> (Vec<String>, usize) {
        let mut descent = Descent::new(from, below);
        for (number, Pack { manifest, .. }) in packs.iter().enumerate() {
            if let (Some(first), Some(last)) = (manifest.first(), manifest.last()) {
                descent.add(number, first, last);
            }
        }
        let (mut keys, mut reads) = (Vec::new(), 0);
        while keys.len() < most {
            match descent.next() {
                Step::Open(number) => {
                    reads += 1;
                    descent.opened(number, &packs[number].manifest);
                }
                Step::Read { pack, block } => {
                    reads += 1;
                    let begin = usize::try_from(block.offset).unwrap();
                    let member = &packs[pack].bytes[begin..begin + usize::try_from(block.length).unwrap()];
                    let text = String::from_utf8(member.to_vec()).unwrap();
                    let lines = block.lines(&text).unwrap();
                    descent.read(lines.into_iter().map(|line| (line.to_owned(), line.to_owned())));
                }
                Step::Row { key, line } => {
                    assert_eq!(key, line);
                    keys.push(key);
                }
                Step::End => break,
            }
        }
        (keys, reads)
    }

    #[test]
    fn what_is_not_needed_is_not_read() {
        let packs = [["a", "b"], ["c", "d"], ["e", "f"]]
            .map(|keys| pack(&keys.iter().map(|key| (*key).to_owned()).collect(), 1));
        assert_eq!(taken(&packs, "", "~", 1), (vec!["f".to_owned()], 2));
        assert_eq!(taken(&packs, "c", "e", 9), (vec!["d".to_owned(), "c".to_owned()], 3));
        assert_eq!(taken(&packs, "", "a", 9), (Vec::new(), 0));
    }

    proptest! {
        #[test]
        fn rows_come_in_order_and_once_however_packs_overlap(
            packs in vec((btree_set("[a-d]{1,3}", 0..12), 1_usize..12), 0..6),
            from in "[a-d]{0,2}", below in "[a-d~]{1,2}", most in 0_usize..40,
        ) {
            let all: BTreeSet<&String> = packs.iter().flat_map(|(keys, _)| keys).collect();
            let expected: Vec<String> = all.into_iter().rev()
                .filter(|key| **key >= from && **key < below).take(most).cloned().collect();
            let packs: Vec<Pack> = packs.iter().map(|(keys, bytes)| pack(keys, *bytes)).collect();
            prop_assert_eq!(taken(&packs, &from, &below, most).0, expected);
        }
    }
}
