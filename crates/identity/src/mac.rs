//! HMAC-SHA-256 (RFC 2104) with keys of the deployment, for what only the gateway may have written.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// A secret key. It has no form in text: neither `Debug` nor a serialised one.
#[derive(Clone)]
pub struct MacKey([u8; KEY_BYTES]);

impl MacKey {
    /// The key of these bytes, which must be random.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The code of a message for a purpose. Codes of one purpose are worth nothing for another.
    #[must_use]
    pub fn code(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.begun(purpose, message).finalize().into_bytes().into()
    }

    /// Whether `code` is the code of the message, in a time that does not depend on where they differ.
    #[must_use]
    pub fn is_code(&self, purpose: &str, message: &[u8], code: &[u8]) -> bool {
        self.begun(purpose, message).verify_slice(code).is_ok()
    }

    fn begun(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        // HMAC fills a key up to the size of a block with zeros; a key of that size cannot be refused.
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(self.0) {
            *place = byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(message);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64url;

    #[test]
    fn a_code_is_good_for_its_key_purpose_and_message() {
        let key = MacKey::new([7; 32]);
        let code = key.code("refresh", b"m");
        assert!(key.is_code("refresh", b"m", &code));
        assert!(!key.is_code("state", b"m", &code));
        assert!(!key.is_code("refresh", b"n", &code));
        assert!(!MacKey::new([8; 32]).is_code("refresh", b"m", &code));
        // `printf 'refresh\0m' | openssl dgst -sha256 -mac hmac -macopt hexkey:0707… -binary | basenc --base64url`
        assert_eq!(base64url::encode(code), "SUT9PWMshekt8tnK6hqt3IBM3HEckQGFc6S0yxgxyXw");
        assert!(!key.is_code("refresh", b"m", code.get(..31).unwrap_or_default()));
    }
}
