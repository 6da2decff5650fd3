//! SHA-256 of results and catalogues, whole or piece by piece.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// A checksum that grows with what it is fed.
#[derive(Clone, Default)]
pub struct Checksum(Sha256);

impl Checksum {
    /// Takes in the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum in lower-case hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a text cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// The SHA-256 of bytes in lower-case hexadecimal.
pub fn checksum(bytes: &[u8]) -> String {
    let mut sum = Checksum::default();
    sum.push(bytes);
    sum.finish()
}
