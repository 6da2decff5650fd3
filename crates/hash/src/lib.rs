//! SHA-256 as text.

use sha2::{Digest, Sha256};

/// The SHA-256 of a text in lower-case hexadecimal: the stored form of keys, and a short name for long texts.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    checksum_hex(text.as_bytes())
}

/// The SHA-256 of bytes in lower-case hexadecimal: a checksum.
#[must_use]
pub fn checksum_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A checksum that grows with what it is fed.
#[derive(Clone, Default)]
pub struct Checksum(Sha256);

impl Checksum {
    /// Takes in the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum in lower-case hexadecimal.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_plain_sha256() {
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
