//! Sessions of pages that began with the deployment's admin token, which is typed once and kept nowhere in the browser.
//!
//! The cookie has 256 random bits. What is stored of them is their HMAC under the admin token: the table opens nothing, and
//! another admin token ends all sessions. A session ends after two hours without use and after twelve in any case. What cannot
//! be undone is asked for again by the token, unless that was given in the last quarter of an hour.

use sha2::{Digest, Sha256};

use crate::base64url;
use crate::mac::MacKey;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// Milliseconds without use after which a session is over.
pub const IDLE_MS: u64 = 2 * 3_600_000;
/// Milliseconds after which it is over in any case.
pub const LIFE_MS: u64 = 12 * 3_600_000;
/// Milliseconds for which the admin token counts as given just now.
pub const CONFIRMED_MS: u64 = 15 * 60_000;
/// Sessions that are kept at most: the one that was unused for longest ends.
pub const MAX_SESSIONS: usize = 20;
/// Milliseconds within which use is not noted again.
const NOTED_MS: u64 = 5 * 60_000;
const PREFIX: &str = "nxc.";
const PURPOSE: &str = "console session";

/// What a cookie carries.
#[derive(Clone)]
pub struct ConsoleToken {
    /// The session.
    pub id: String,
    secret: [u8; SECRET_BYTES],
}

impl ConsoleToken {
    /// The token of a session; `secret` must be random.
    #[must_use]
    pub fn new(id: String, secret: [u8; SECRET_BYTES]) -> Self {
        Self { id, secret }
    }

    /// Reads a token; `None` if it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let secret: [u8; SECRET_BYTES] = base64url::decode(secret)?.try_into().ok()?;
        is_id.then(|| Self { id: id.to_owned(), secret })
    }

    /// The token's text.
    #[must_use]
    pub fn write(&self) -> String {
        format!("{PREFIX}{}.{}", self.id, base64url::encode(self.secret))
    }

    /// What is stored of the token.
    #[must_use]
    pub fn proof(&self, admin_token: &str) -> String {
        base64url::encode(key_of(admin_token).code(PURPOSE, &self.secret))
    }

    /// Whether this is what was stored of the token, and the admin token the one of then.
    #[must_use]
    pub fn is_proved_by(&self, proof: &str, admin_token: &str) -> bool {
        base64url::decode(proof)
            .is_some_and(|proof| key_of(admin_token).is_code(PURPOSE, &self.secret, &proof))
    }
}

fn key_of(admin_token: &str) -> MacKey {
    MacKey::new(Sha256::digest(admin_token).into())
}

/// The times of a session, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it began.
    pub created_at: u64,
    /// When the admin token was given last.
    pub confirmed_at: u64,
    /// When it was used last, to within some minutes.
    pub last_used_at: u64,
}

impl Times {
    /// Those of a session that begins.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self { created_at: now_ms, confirmed_at: now_ms, last_used_at: now_ms }
    }

    /// When it will be over if it is not used any more.
    #[must_use]
    pub fn over_at(&self) -> u64 {
        (self.last_used_at + IDLE_MS).min(self.created_at + LIFE_MS)
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.over_at()
    }

    /// Whether its use is to be noted: seldom, as that is a row of the database.
    #[must_use]
    pub fn is_to_be_noted(&self, now_ms: u64) -> bool {
        now_ms >= self.last_used_at + NOTED_MS
    }

    /// Whether the admin token was given just now.
    #[must_use]
    pub fn is_confirmed(&self, now_ms: u64) -> bool {
        is_confirmed(self.confirmed_at, now_ms)
    }
}

/// Whether what was shown at `at_ms`, a token or a password, counts as shown just now.
#[must_use]
pub fn is_confirmed(at_ms: u64, now_ms: u64) -> bool {
    now_ms < at_ms + CONFIRMED_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: &str = "the admin token of today";

    #[test]
    fn a_token_is_good_for_its_session_and_its_admin_token() {
        let token = ConsoleToken::new("01ABC".to_owned(), [7; SECRET_BYTES]);
        let text = token.write();
        let read = ConsoleToken::read(&text).unwrap();
        assert_eq!((read.id.as_str(), read.write()), ("01ABC", text.clone()));
        let proof = token.proof(ADMIN);
        assert!(read.is_proved_by(&proof, ADMIN) && !text.contains(&proof));
        assert!(!read.is_proved_by(&proof, "another admin token"));
        assert!(!ConsoleToken::new("01ABC".to_owned(), [8; SECRET_BYTES]).is_proved_by(&proof, ADMIN));
        for damaged in ["", "!", "AAAA"] {
            assert!(!read.is_proved_by(damaged, ADMIN), "{damaged}");
        }
    }

    #[test]
    fn what_is_not_a_token_is_none() {
        let text = ConsoleToken::new("01ABC".to_owned(), [7; SECRET_BYTES]).write();
        for wrong in [
            "",
            "nxc.",
            "nxc.01ABC",
            "nxc..AAAA",
            "nxc.01ABC.AAAA",
            &text.replace("nxc", "nxr"),
            &format!("{text}A"),
        ] {
            assert!(ConsoleToken::read(wrong).is_none(), "{wrong}");
        }
        assert!(ConsoleToken::read(&text.replace("01ABC", "a'--")).is_none());
    }

    #[test]
    fn a_session_ends_without_use_and_in_any_case() {
        let mut times = Times::new(1_000);
        assert!(!times.is_over(1_000 + IDLE_MS - 1) && times.is_over(1_000 + IDLE_MS));
        assert!(!times.is_to_be_noted(2_000) && times.is_to_be_noted(1_000 + NOTED_MS));
        times.last_used_at = 1_000 + LIFE_MS - 1;
        assert!(!times.is_over(1_000 + LIFE_MS - 1) && times.is_over(1_000 + LIFE_MS));
    }

    #[test]
    fn the_token_counts_as_given_for_a_quarter_of_an_hour() {
        let times = Times { confirmed_at: 5_000, ..Times::new(0) };
        assert!(times.is_confirmed(5_000 + CONFIRMED_MS - 1) && !times.is_confirmed(5_000 + CONFIRMED_MS));
    }
}
