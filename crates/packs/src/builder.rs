//! A pack put together block by block, and its manifest.

use nexus_edge_core::hash::checksum_hex;

use crate::layout;
use crate::manifest::{Block, Manifest, VERSION};

/// A pack that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The object.
    pub bytes: Vec<u8>,
    /// What is in it.
    pub manifest: Manifest,
}

/// A pack that is being put together. All of it is in memory: a writer with more rows than fit begins another.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    manifest: Manifest,
}

impl Builder {
    /// An empty pack of rows of this kind, from a time on until before another, in milliseconds since the epoch.
    #[must_use]
    pub fn new(kind: &str, from_ms: u64, to_ms: u64) -> Self {
        let manifest = Manifest {
            version: VERSION,
            kind: kind.to_owned(),
            from_ms,
            to_ms,
            rows: 0,
            bytes: 0,
            text_bytes: 0,
            sha256: String::new(),
            blocks: Vec::new(),
        };
        Self { bytes: Vec::new(), manifest }
    }

    /// Adds a block, whose text compressed is `member`. Blocks come in the order of [`layout::blocks`].
    pub fn push(&mut self, block: &layout::Block, member: &[u8]) {
        let (length, text_bytes) = (member.len() as u64, block.text.len() as u64);
        self.manifest.blocks.push(Block {
            offset: self.manifest.bytes,
            length,
            text_bytes,
            rows: block.rows,
            first: block.first.clone(),
            last: block.last.clone(),
            sha256: checksum_hex(member),
        });
        self.manifest.bytes += length;
        self.manifest.text_bytes += text_bytes;
        self.manifest.rows += block.rows;
        self.bytes.extend_from_slice(member);
    }

    /// The pack.
    #[must_use]
    pub fn finish(mut self) -> Pack {
        self.manifest.sha256 = checksum_hex(&self.bytes);
        Pack { bytes: self.bytes, manifest: self.manifest }
    }
}
