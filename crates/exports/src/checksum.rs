//! A SHA-256 that is worked out in steps, each of which may be in another process.

use nexus_edge_core::hash::hex;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// The SHA-256 of what was added so far.
#[derive(Debug, Clone, Default)]
pub struct Checksum(Sha256);

impl Checksum {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The SHA-256 in lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0.clone().finalize())
    }

    /// The state as a text, from which [`Checksum::resumed`] goes on. It contains up to 63 of the bytes that were added last.
    #[must_use]
    pub fn suspended(&self) -> String {
        hex(&self.0.serialize())
    }

    /// The checksum that was suspended; `None` for a text of another kind.
    #[must_use]
    pub fn resumed(state: &str) -> Option<Self> {
        let mut bytes = SerializedState::<Sha256>::default();
        if state.len() != 2 * bytes.len() {
            return None;
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(state.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Sha256::deserialize(&bytes).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_core::hash::sha256_hex;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_same_in_however_many_steps(parts in prop::collection::vec("[a-z]{0,200}", 0..6)) {
            let mut checksum = Checksum::default();
            for part in &parts {
                checksum = Checksum::resumed(&checksum.suspended()).unwrap();
                checksum.add(part.as_bytes());
            }
            prop_assert_eq!(checksum.hex(), sha256_hex(&parts.concat()));
        }

        #[test]
        fn a_text_of_another_kind_is_no_state(text in any::<String>()) {
            prop_assume!(text.len() != 2 * SerializedState::<Sha256>::default().len());
            prop_assert!(Checksum::resumed(&text).is_none());
        }
    }
}
