//! Signatures for tests.

use ed25519_dalek::Verifier as _;
use p256::ecdsa;

use super::jwk::{Algorithm, PublicKey};
use super::verify::Signatures;
use crate::base64url;

/// Signatures by implementations in Rust, where the Worker asks the platform.
pub struct Native;

impl Signatures for Native {
    async fn is_signature(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let number = |place: usize| base64url::decode(&key.numbers[place]).unwrap();
        match key.algorithm {
            Algorithm::EdDsa => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(&number(0).try_into().unwrap()).unwrap();
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Algorithm::Es256 => {
                let point = [vec![4], number(0), number(1)].concat();
                let key = ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
                ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Algorithm::Rs256 => false,
        }
    }
}
