//! Encrypted reasoning of a service with the Responses API, as the signature of a thinking block.
//!
//! Only the account that it was made for can read it back, and a service refuses what it cannot read. The signature
//! therefore names the host that issued it; for another host there is nothing to send. It is base64 throughout, because
//! clients of some dialects decode signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::canonical::SignatureOrigin;

/// The beginning of `OpenAI`'s own encrypted reasoning, as callers of the Responses API have it.
const BARE: &str = "gAAAA";

/// An item of encrypted reasoning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seal {
    /// The id of the item; empty if it is not known.
    pub(super) id: String,
    /// `encrypted_content`
    pub(super) encrypted: String,
}

impl Seal {
    /// The signature. Neither hosts nor ids contain line breaks.
    pub(super) fn write(&self, host: &str) -> String {
        let Self { id, encrypted } = self;
        STANDARD.encode(format!("{host}\n{id}\n{encrypted}"))
    }

    /// The seal in a signature, if this host issued it. One without a host was passed through and may be anyone's; its
    /// form tells.
    pub(super) fn read(signature: &str, host: &str) -> Option<Self> {
        let signature = signature.strip_prefix(SignatureOrigin::OpenAi.mark()).unwrap_or(signature);
        if signature.starts_with(BARE) {
            return Some(Self { id: String::new(), encrypted: signature.to_owned() });
        }
        let text = String::from_utf8(STANDARD.decode(signature).ok()?).ok()?;
        let (issuer, rest) = text.split_once('\n')?;
        let (id, encrypted) = rest.split_once('\n')?;
        (issuer == host && !encrypted.is_empty())
            .then(|| Self { id: id.to_owned(), encrypted: encrypted.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_seal_is_read_by_its_host_only(id in "[a-z0-9_]{0,9}", encrypted in "\\PC{1,20}") {
            let seal = Seal { id, encrypted };
            let signature = seal.write("api.example");
            prop_assert!(Seal::read(&signature, "other.example").is_none());
            prop_assert_eq!(Seal::read(&signature, "api.example"), Some(seal));
        }
    }

    #[test]
    fn others_signatures_are_not_seals() {
        for signature in ["", "c2ln", "EqQBCgIYAhIM", "not base64!"] {
            assert!(Seal::read(signature, "").is_none(), "{signature}");
        }
        let bare = Seal::read("gAAAAABo-_x==", "api.example").unwrap();
        assert_eq!((bare.id.as_str(), bare.encrypted.as_str()), ("", "gAAAAABo-_x=="));
    }
}
