//! Links that open without a header: each allows the download of one export until it expires.
//!
//! The signature is HMAC-SHA256 (RFC 2104) over the id and the time of expiry, in lower-case hexadecimal.

use nexus_edge_core::billing::grant_token::hmac_sha256;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::hex;

/// The signature of a link to the export with this id, which expires at a time in milliseconds since the epoch.
#[must_use]
pub fn sign(secret: &[u8], id: &str, expires_ms: u64) -> String {
    hex(&hmac_sha256(secret, format!("export\n{id}\n{expires_ms}").as_bytes()))
}

/// Checks a link.
///
/// # Errors
/// `invalid_link` (403) if the signature is not that of the link, `link_expired` (403).
pub fn check(secret: &[u8], id: &str, expires_ms: u64, signature: &str, now_ms: u64) -> Result<(), ApiError> {
    let expected = sign(secret, id, expires_ms);
    let is_same = expected.len() == signature.len()
        && expected.bytes().zip(signature.bytes()).fold(0, |different, (a, b)| different | (a ^ b)) == 0;
    if !is_same {
        return Err(ApiError::forbidden("invalid_link", "The link is not valid. Ask for the export again."));
    }
    if expires_ms <= now_ms {
        let message = "The link has expired. Ask for the export again.";
        return Err(ApiError::forbidden("link_expired", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_one_export_until_it_expires() {
        let signature = sign(b"secret", "a", 100);
        let code = |id, expires, signature: &str, now| {
            check(b"secret", id, expires, signature, now).err().map(|error| error.code)
        };
        assert_eq!(code("a", 100, &signature, 99), None);
        assert_eq!(code("a", 100, &signature, 100), Some("link_expired"));
        assert_eq!(code("b", 100, &signature, 99), Some("invalid_link"));
        assert_eq!(code("a", 101, &signature, 99), Some("invalid_link"));
        assert_eq!(code("a", 100, "", 99), Some("invalid_link"));
        assert_ne!(sign(b"other", "a", 100), signature);
    }
}
