//! Why a pack or its manifest cannot be trusted.

use std::fmt;

/// What is wrong. Its text names the place and no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The manifest is not JSON of its version, or contradicts itself; the reason.
    Manifest(String),
    /// The bytes are fewer or more than the manifest says.
    Length {
        /// Where in the pack they begin.
        offset: u64,
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The SHA-256 of the bytes is another.
    Checksum {
        /// Where in the pack they begin.
        offset: u64,
    },
    /// A block that is whole does not have the lines that the manifest says.
    Rows {
        /// Where in the pack it begins.
        offset: u64,
        /// How many lines there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(reason) => write!(formatter, "the manifest cannot be read: {reason}"),
            Self::Length { offset, expected, found } => {
                write!(formatter, "from byte {offset} on there are {found} bytes instead of {expected}")
            }
            Self::Checksum { offset } => {
                write!(formatter, "the checksum of the bytes from {offset} on does not fit")
            }
            Self::Rows { offset, expected, found } => {
                write!(formatter, "the block from byte {offset} on has {found} rows instead of {expected}")
            }
        }
    }
}

impl std::error::Error for Damage {}
