//! Links that work once: to choose a new password and to confirm a mail address. The state of one account.
//!
//! A link's token names the account and a secret; only the hash of the secret is kept. Codes of invitations have the same form. A link ends when it is used, when
//! another of its purpose is used, and when its time is over. At most three of a purpose are made in an hour, so that a
//! mailbox cannot be filled.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base64url;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;
const HOUR_MS: u64 = 3_600_000;
/// Links of one purpose in an hour.
pub const MAX_AN_HOUR: usize = 3;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To choose a new password. Valid for an hour.
    ResetPassword,
    /// To show that a mail address is the user's. Valid for a day.
    VerifyEmail,
}

impl Purpose {
    /// For how long a link is valid, in milliseconds.
    #[must_use]
    pub fn lifetime_ms(self) -> u64 {
        match self {
            Self::ResetPassword => HOUR_MS,
            Self::VerifyEmail => 24 * HOUR_MS,
        }
    }
}

/// What a link carries.
#[derive(Debug, PartialEq, Eq)]
pub struct LinkToken {
    /// The account, or the invitation.
    pub id: String,
    /// SHA-256 of the secret, in base64url.
    pub hash: String,
}

impl LinkToken {
    /// The token's text for this account or invitation and secret. It is shown once.
    #[must_use]
    pub fn write(id: &str, secret: [u8; SECRET_BYTES]) -> String {
        format!("{id}.{}", base64url::encode(secret))
    }

    /// The hash of a secret.
    #[must_use]
    pub fn hash_of(secret: [u8; SECRET_BYTES]) -> String {
        base64url::encode(Sha256::digest(secret))
    }

    /// Reads a token; `None` if it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let secret: [u8; SECRET_BYTES] = base64url::decode(secret)?.try_into().ok()?;
        let is_id = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_id && !id.is_empty()).then(|| Self { id: id.to_owned(), hash: Self::hash_of(secret) })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    purpose: Purpose,
    hash: String,
    issued_at: u64,
    is_open: bool,
}

/// The links of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links(Vec<Link>);

impl Links {
    /// Makes a link with this hash of a secret; false if there were too many in the last hour.
    pub fn issue(&mut self, purpose: Purpose, hash: &str, now_ms: u64) -> bool {
        self.0.retain(|link| link.issued_at + link.purpose.lifetime_ms() > now_ms);
        let recent =
            self.0.iter().filter(|link| link.purpose == purpose && link.issued_at + HOUR_MS > now_ms);
        if recent.count() >= MAX_AN_HOUR {
            return false;
        }
        self.0.push(Link { purpose, hash: hash.to_owned(), issued_at: now_ms, is_open: true });
        true
    }

    /// Whether a link can be used: there is one with this hash, and it is not over.
    #[must_use]
    pub fn has(&self, purpose: Purpose, hash: &str, now_ms: u64) -> bool {
        self.0.iter().any(|link| {
            link.is_open
                && link.purpose == purpose
                && link.hash == hash
                && link.issued_at + purpose.lifetime_ms() > now_ms
        })
    }

    /// Uses a link; false if there is none with this hash, or no longer.
    pub fn redeem(&mut self, purpose: Purpose, hash: &str, now_ms: u64) -> bool {
        let is_valid = self.has(purpose, hash, now_ms);
        if is_valid {
            self.end(purpose);
        }
        is_valid
    }

    /// Ends every link of a purpose.
    pub fn end(&mut self, purpose: Purpose) {
        for link in self.0.iter_mut().filter(|link| link.purpose == purpose) {
            link.is_open = false;
        }
    }

    /// When the last link is over, in milliseconds since the epoch; 0 without one.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.0.iter().map(|link| link.issued_at + link.purpose.lifetime_ms()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Purpose::{ResetPassword, VerifyEmail};

    #[test]
    fn a_token_names_its_account_and_keeps_its_secret() {
        let text = LinkToken::write("01ABC", [5; SECRET_BYTES]);
        let token = LinkToken::read(&text).unwrap();
        assert_eq!(token.id, "01ABC");
        assert_eq!(token.hash, LinkToken::hash_of([5; SECRET_BYTES]));
        assert!(!text.contains(&token.hash));
        for wrong in
            ["", ".", "01ABC.", "01ABC.AAAA", &format!("{text}A"), &text.replace("01ABC", "0'; --"), "01ABC"]
        {
            assert_eq!(LinkToken::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_link_works_once_in_its_time_and_for_its_purpose() {
        let mut links = Links::default();
        assert!(links.issue(ResetPassword, "a", 0) && links.issue(ResetPassword, "b", 0));
        assert!(!links.redeem(VerifyEmail, "a", 1) && !links.redeem(ResetPassword, "c", 1));
        assert!(!links.redeem(ResetPassword, "a", HOUR_MS));
        assert!(links.has(ResetPassword, "a", 1) && links.redeem(ResetPassword, "a", 1));
        assert!(!links.redeem(ResetPassword, "a", 1), "it was used");
        assert!(!links.redeem(ResetPassword, "b", 1), "another of its purpose was used");
    }

    #[test]
    fn at_most_three_in_an_hour_used_or_not() {
        let mut links = Links::default();
        for at in 0..3 {
            assert!(links.issue(VerifyEmail, &at.to_string(), at));
        }
        assert!(links.redeem(VerifyEmail, "0", 3));
        assert!(!links.issue(VerifyEmail, "x", 4));
        assert!(links.issue(ResetPassword, "y", 4));
        assert!(links.issue(VerifyEmail, "x", HOUR_MS + 1));
        assert_eq!(links.until(), HOUR_MS + 1 + 24 * HOUR_MS);
    }
}
