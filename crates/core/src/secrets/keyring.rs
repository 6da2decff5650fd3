//! Sealing with AES-256-GCM (NIST SP 800-38D).
//!
//! A sealed value is `v1.<key id>.<base64 of nonce and ciphertext>`. The record and field that it belongs to are
//! associated data, so that a value cannot be moved to another record unnoticed. The key id is derived from the
//! master key; a keyring may contain older keys beside the current one, which makes rotation possible: old values
//! stay readable, new ones are sealed under the current key.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::secret::Secret;

/// Bytes of a nonce. It must be random: a nonce used twice under one key breaks the cipher.
pub const NONCE_BYTES: usize = 12;
const MASTER_KEY_BYTES: usize = 32;
const VERSION: &str = "v1";

/// Why a secret could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The master key is not the base64 of 32 bytes.
    #[error("the master key must be the base64 form of 32 random bytes")]
    BadMasterKey,
    /// The sealed value is malformed.
    #[error("the sealed value is malformed")]
    Malformed,
    /// No key of the keyring has sealed this value.
    #[error("the value was sealed under a master key that is not configured")]
    UnknownKey,
    /// The value was changed, or belongs to another record.
    #[error("the sealed value failed authentication")]
    Forged,
}

struct MasterKey {
    id: String,
    cipher: Aes256Gcm,
    /// Of which hashes under this key are made.
    hashing: String,
}

/// The master keys, the current one first.
pub struct Keyring {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

impl MasterKey {
    fn parse(base64_key: &str) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(base64_key.trim()).map_err(|_| SealError::BadMasterKey)?;
        let bytes: [u8; MASTER_KEY_BYTES] = bytes.try_into().map_err(|_| SealError::BadMasterKey)?;
        let digest = Sha256::digest([b"nexus-edge master key id".as_slice(), &bytes].concat());
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let id = digest.get(..4).map(hex).unwrap_or_default();
        let hashing = hex(&Sha256::digest([b"nexus-edge master key hashing".as_slice(), &bytes].concat()));
        Ok(Self { id, hashing, cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(bytes)) })
    }
}

impl Keyring {
    /// A keyring of the current master key and its predecessors, each as base64.
    pub fn new<'a>(current: &str, previous: impl IntoIterator<Item = &'a str>) -> Result<Self, SealError> {
        let previous = previous.into_iter().map(MasterKey::parse).collect::<Result<_, _>>()?;
        Ok(Self { current: MasterKey::parse(current)?, previous })
    }

    /// The ids of the keys, the current one first.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys().map(|key| key.id.as_str())
    }

    /// The id of the key that sealed a value; `None` if the value is not of the known form.
    #[must_use]
    pub fn key_id_of(sealed: &str) -> Option<&str> {
        parts(sealed).map(|(key_id, _)| key_id)
    }

    /// A secret that is derived from the current key, for hashes that must tell nothing to readers who do not have it.
    #[must_use]
    pub fn hashing_secret(&self) -> &str {
        &self.current.hashing
    }

    /// Whether a value was sealed under the current key. Says nothing of whether it opens.
    #[must_use]
    pub fn is_current(&self, sealed: &str) -> bool {
        Self::key_id_of(sealed) == Some(&self.current.id)
    }

    fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Seals `plaintext` for the record and field that `context` names.
    pub fn seal(
        &self,
        plaintext: &str,
        context: &str,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<String, SealError> {
        let payload = Payload { msg: plaintext.as_bytes(), aad: context.as_bytes() };
        let ciphertext =
            self.current.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Malformed)?;
        let body = STANDARD.encode([nonce.as_slice(), &ciphertext].concat());
        Ok(format!("{VERSION}.{}.{body}", self.current.id))
    }

    /// Opens what [`Keyring::seal`] made for the same context.
    pub fn open(&self, sealed: &str, context: &str) -> Result<Secret, SealError> {
        let (key_id, body) = parts(sealed).ok_or(SealError::Malformed)?;
        let key = self.keys().find(|key| key.id == key_id).ok_or(SealError::UnknownKey)?;
        let bytes = STANDARD.decode(body).map_err(|_| SealError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Malformed)?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        let plaintext = key.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError::Forged)?;
        String::from_utf8(plaintext).map(Secret::new).map_err(|_| SealError::Malformed)
    }
}

/// The key id and the base64 body of a sealed value.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    let mut parts = sealed.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(VERSION), Some(key_id), Some(body)) => Some((key_id, body)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    #[test]
    fn opens_what_it_sealed_and_only_in_its_place() {
        let ring = Keyring::new(&key(1), []).unwrap();
        let sealed = ring.seal("sk-secret", "providers/7/server_key", [9; 12]).unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(ring.open(&sealed, "providers/7/server_key").unwrap().expose(), "sk-secret");
        assert_eq!(ring.open(&sealed, "providers/8/server_key"), Err(SealError::Forged));
    }

    #[test]
    fn rotation_keeps_old_values_readable() {
        let old = Keyring::new(&key(1), []).unwrap();
        let sealed = old.seal("s", "c", [0; 12]).unwrap();
        let (old_key, new_key) = (key(1), key(2));
        let rotated = Keyring::new(&new_key, [old_key.as_str()]).unwrap();
        assert_eq!(rotated.open(&sealed, "c").unwrap().expose(), "s");
        let resealed = rotated.seal("s", "c", [0; 12]).unwrap();
        assert_eq!(old.open(&resealed, "c"), Err(SealError::UnknownKey));
    }

    #[test]
    fn changed_and_malformed_values_are_refused() {
        let ring = Keyring::new(&key(1), []).unwrap();
        let sealed = ring.seal("secret", "c", [3; 12]).unwrap();
        let mut bytes = sealed.clone().into_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        assert_eq!(ring.open(&String::from_utf8(bytes).unwrap(), "c"), Err(SealError::Forged));
        for bad in ["", "v1", "v2.x.y", "plain text"] {
            assert_eq!(ring.open(bad, "c"), Err(SealError::Malformed), "{bad}");
        }
        assert!(matches!(Keyring::new("c2hvcnQ=", []), Err(SealError::BadMasterKey)));
        assert!(matches!(Keyring::new("not base64!", []), Err(SealError::BadMasterKey)));
    }

    /// Test case 16 of the GCM specification by its authors, which fixes key, nonce, data and ciphertext.
    #[test]
    fn agrees_with_the_published_test_vector() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] =
            hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").try_into().unwrap();
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let plaintext = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let data = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let ciphertext = Aes256Gcm::new(&Key::<Aes256Gcm>::from(key))
            .encrypt(&Nonce::from(nonce), Payload { msg: &plaintext, aad: &data })
            .unwrap();
        assert_eq!(
            ciphertext,
            hex(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
            )
        );
    }
}
