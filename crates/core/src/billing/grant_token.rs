//! Grant tokens: signed by the gateway, worth credits, redeemable once.
//!
//! A token is `nxg_<claims>.<signature>`, both in base64url: the claims as JSON, signed with HMAC-SHA256 (RFC 2104).
//! The caller of this module must ensure, by the nonce, that a token is redeemed only once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::ApiError;

const PREFIX: &str = "nxg_";
const BLOCK: usize = 64;

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Id of the token.
    pub nonce: String,
    /// Millionths of a credit.
    pub amount: u64,
    /// The only account that may redeem it; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at: u64,
    /// Description of the ledger row.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl Grant {
    /// The signed token.
    #[must_use]
    pub fn sign(&self, secret: &[u8]) -> String {
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, claims.as_bytes()));
        format!("{PREFIX}{claims}.{signature}")
    }

    /// The claims of a token, if its signature is valid, it has not expired and it is for this account.
    pub fn verify(token: &str, secret: &[u8], account: &str, now_ms: u64) -> Result<Self, ApiError> {
        let invalid = || ApiError::invalid("invalid_grant_token", "token", "The token is not valid.");
        let (claims, signature) =
            token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or_else(invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
        if !is_same(&signature, &hmac_sha256(secret, claims.as_bytes())) {
            return Err(invalid());
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| invalid())?;
        let grant: Self = serde_json::from_slice(&claims).map_err(|_| invalid())?;
        if grant.expires_at <= now_ms {
            return Err(ApiError::invalid("grant_token_expired", "token", "The token has expired."));
        }
        if grant.account.as_ref().is_some_and(|only| only != account) {
            let message = "The token is for another account.";
            return Err(ApiError::invalid("grant_token_of_another", "token", message));
        }
        Ok(grant)
    }
}

/// Compares in constant time.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |different, (left, right)| different | (left ^ right)) == 0
}

/// HMAC-SHA256 (RFC 2104).
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut padded = [0; BLOCK];
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    for (place, byte) in padded.iter_mut().zip(key) {
        *place = *byte;
    }
    let inner = Sha256::new().chain_update(padded.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        let hex = |bytes: [u8; 32]| {
            let (high, low) = bytes.split_at(16);
            let number = |half: &[u8]| u128::from_be_bytes(half.try_into().unwrap());
            format!("{:032x}{:032x}", number(high), number(low))
        };
        // RFC 4231, test cases 2 and 6.
        assert_eq!(
            hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_token_is_worth_what_it_says_to_whom_it_says_and_as_long_as_it_says() {
        let grant = Grant {
            nonce: "n".into(),
            amount: 5,
            account: Some("alice".into()),
            expires_at: 1_000,
            description: String::new(),
        };
        let token = grant.sign(b"secret");
        assert_eq!(Grant::verify(&token, b"secret", "alice", 999), Ok(grant));
        let code = |token: &str, secret: &[u8], account: &str, now| {
            Grant::verify(token, secret, account, now).unwrap_err().code
        };
        assert_eq!(code(&token, b"secret", "alice", 1_000), "grant_token_expired");
        assert_eq!(code(&token, b"secret", "bob", 1), "grant_token_of_another");
        assert_eq!(code(&token, b"other", "alice", 1), "invalid_grant_token");
        for bad in ["", "nxg_", "nxg_a.b", &token[..token.len() - 1], &token[4..]] {
            assert_eq!(code(bad, b"secret", "alice", 1), "invalid_grant_token");
        }
    }
}
