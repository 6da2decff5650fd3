//! The header `content-digest` (RFC 9530): a hash of the body, which ties it to the signature of the headers.

use sha2::{Digest as _, Sha256, Sha512};

use crate::structured::{BareItem, Item, Member, dictionary};

/// The name of the header.
pub const HEADER: &str = "content-digest";

/// Why the digest of a body is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The header cannot be read.
    #[error("`content-digest` cannot be read: {0}")]
    Unreadable(String),
    /// It has no digest of an algorithm that is safe: `sha-256` or `sha-512`.
    #[error("`content-digest` has neither `sha-256` nor `sha-512`")]
    NoneKnown,
    /// A digest is not that of the body.
    #[error("the `{0}` of `content-digest` is not that of the body")]
    Differs(&'static str),
}

/// The value of the header for a body, with SHA-256.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256={}", BareItem::Bytes(Sha256::digest(body).to_vec()))
}

/// Compares the header with a body: every digest of a known algorithm must fit, and there must be one.
///
/// # Errors
/// If the header cannot be read, has no known digest, or a digest is another.
pub fn check(header: &str, body: &[u8]) -> Result<(), DigestError> {
    let members = dictionary(header).map_err(|error| DigestError::Unreadable(error.to_string()))?;
    let mut known = 0;
    for (name, member) in members {
        let (name, made) = match name.as_str() {
            "sha-256" => ("sha-256", Sha256::digest(body).to_vec()),
            "sha-512" => ("sha-512", Sha512::digest(body).to_vec()),
            _ => continue,
        };
        let Member::Item(Item { value: BareItem::Bytes(given), .. }) = member else {
            return Err(DigestError::Unreadable(format!("`{name}` is not a byte sequence")));
        };
        if given != made {
            return Err(DigestError::Differs(name));
        }
        known += 1;
    }
    if known == 0 { Err(DigestError::NoneKnown) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421, B.2 and RFC 9530, appendix D.
    const BODY: &[u8] = br#"{"hello": "world"}"#;
    const SHA_256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const SHA_512: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    #[test]
    fn the_digests_of_the_standard_fit() {
        assert_eq!(content_digest(BODY), SHA_256);
        for header in [SHA_256.to_owned(), SHA_512.to_owned(), format!("md5=:AA==:, {SHA_512}, {SHA_256}")] {
            assert_eq!(check(&header, BODY), Ok(()));
        }
    }

    #[test]
    fn one_digest_that_does_not_fit_is_enough_to_refuse() {
        assert_eq!(check(&format!("{SHA_512}, sha-256=:AA==:"), BODY), Err(DigestError::Differs("sha-256")));
        assert_eq!(check(SHA_256, b"other"), Err(DigestError::Differs("sha-256")));
        assert_eq!(check("md5=:AA==:", BODY), Err(DigestError::NoneKnown));
        assert_eq!(check("", BODY), Err(DigestError::NoneKnown));
        assert!(matches!(check("sha-256=\"x\"", BODY), Err(DigestError::Unreadable(_))));
        assert!(matches!(check("sha-256=", BODY), Err(DigestError::Unreadable(_))));
    }
}
