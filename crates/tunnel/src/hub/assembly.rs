//! Bodies that arrive in parts.

use crate::limits::MAX_CATALOG_BYTES;
use crate::part::Part;
use nexus_edge_hash::Checksum;

/// A result that is arriving.
#[derive(Default)]
pub struct Assembly {
    pub buffer: Vec<u8>,
    /// Index of the part that comes next.
    pub next: u32,
    pub pieces: u32,
    pub bytes: usize,
    pub sum: Checksum,
    /// Whether a part was missing: the rest is of no use.
    pub is_broken: bool,
}

/// A catalogue that is arriving.
#[derive(Default)]
pub struct CatalogAssembly {
    pub n: u32,
    pub next: u32,
    pub bytes: Vec<u8>,
}

impl CatalogAssembly {
    /// Takes in a part.
    pub fn push(&mut self, part: &Part<'_>) {
        if part.index == 0 {
            *self = Self { n: part.number, ..Self::default() };
        }
        let fits = self.bytes.len() + part.bytes.len() <= MAX_CATALOG_BYTES;
        if fits && part.number == self.n && part.index == self.next {
            self.bytes.extend(part.bytes);
            self.next += 1;
        }
    }
}
