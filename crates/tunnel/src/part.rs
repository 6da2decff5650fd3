//! Parts: the binary frames in which results, parameters and catalogues travel that are too long for a text frame.
//!
//! `u8 kind | u8 flags | u32 number | u32 part | bytes`, numbers in network order. The number is that of the call, or for
//! catalogues one that the agent chose. Parts of a body count from 0; part 0 begins it anew. The text frame that names
//! the body follows its last part.

/// Length of the header in bytes.
const HEADER: usize = 10;

/// What a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// A result, from the agent.
    Result,
    /// A catalogue, from the agent.
    Catalog,
    /// Parameters of a call, from the hub.
    Params,
}

/// A part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it belongs to.
    pub kind: PartKind,
    /// The number of the call or catalogue.
    pub number: u32,
    /// Its place in the body, from 0.
    pub index: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// Reads a binary frame. `None` if it is not a part that is understood here.
    #[must_use]
    pub fn read(frame: &'a [u8]) -> Option<Self> {
        let (header, bytes) = frame.split_at_checked(HEADER)?;
        let (&[kind, flags], rest) = header.split_first_chunk::<2>()?;
        let (number, index) = rest.split_first_chunk::<4>()?;
        let kind = match (kind, flags) {
            (1, 0) => PartKind::Result,
            (2, 0) => PartKind::Catalog,
            (3, 0) => PartKind::Params,
            _ => return None,
        };
        let index = u32::from_be_bytes(index.try_into().ok()?);
        Some(Self { kind, number: u32::from_be_bytes(*number), index, bytes })
    }

    /// The binary frame.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let kind = match self.kind {
            PartKind::Result => 1,
            PartKind::Catalog => 2,
            PartKind::Params => 3,
        };
        let mut frame = Vec::with_capacity(HEADER + self.bytes.len());
        frame.extend([kind, 0]);
        frame.extend(self.number.to_be_bytes());
        frame.extend(self.index.to_be_bytes());
        frame.extend(self.bytes);
        frame
    }
}

/// The parts of a body, in their order.
pub fn parts(kind: PartKind, number: u32, body: &[u8], part_bytes: usize) -> impl Iterator<Item = Part<'_>> {
    (0..).zip(body.chunks(part_bytes.max(1))).map(move |(index, bytes)| Part { kind, number, index, bytes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u32, index: u32, bytes: Vec<u8>) {
            for kind in [PartKind::Result, PartKind::Catalog, PartKind::Params] {
                let part = Part { kind, number, index, bytes: &bytes };
                let written = part.write();
                prop_assert_eq!(Part::read(&written), Some(part));
            }
        }

        #[test]
        fn any_bytes_are_a_part_or_none(bytes: Vec<u8>) {
            if let Some(part) = Part::read(&bytes) {
                prop_assert_eq!(part.write(), bytes);
            }
        }
    }
}
