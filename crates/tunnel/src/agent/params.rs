//! Parameters of a call that come in parts.

use serde_json::value::RawValue;

use crate::part::Part;
use nexus_edge_hash::checksum_hex;

/// Parameters that are arriving. The parts of a call come without others in between.
#[derive(Default)]
pub struct ParamsAssembly {
    n: u32,
    next: u32,
    bytes: Vec<u8>,
}

impl ParamsAssembly {
    /// Takes in a part.
    pub fn push(&mut self, part: &Part<'_>) {
        if part.index == 0 {
            *self = Self { n: part.number, ..Self::default() };
        }
        if part.number == self.n && part.index == self.next {
            self.bytes.extend(part.bytes);
            self.next += 1;
        }
    }

    /// The parameters, if they are whole.
    pub fn take(&mut self, n: u32, bytes: usize, sum: &str) -> Option<Box<RawValue>> {
        if self.n != n || self.bytes.len() != bytes || checksum_hex(&self.bytes) != sum {
            return None;
        }
        let text = String::from_utf8(std::mem::take(&mut self.bytes)).ok()?;
        RawValue::from_string(text).ok()
    }
}
