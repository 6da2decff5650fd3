//! Challenges of the ceremonies. The gateway keeps nothing of one that it has given out: a challenge carries when it was made and a
//! code that only the gateway can make, for whom and for what it is. That it works once is for its reader to see to, by noting
//! those that were used until they are over: [`UsedOnce`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::mac::MacKey;

/// Milliseconds for which a challenge is valid.
pub const VALID_MS: u64 = 5 * 60_000;
/// Random bytes of a challenge.
pub const RANDOM_BYTES: usize = 16;
const TIME_BYTES: usize = 8;
const CODE_BYTES: usize = 32;

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony<'a> {
    /// A new credential of this user.
    Register(&'a str),
    /// A sign-in.
    SignIn,
}

impl Ceremony<'_> {
    fn purpose(self) -> String {
        match self {
            Self::Register(user_id) => format!("passkey of {user_id}"),
            Self::SignIn => "sign-in with a passkey".to_owned(),
        }
    }
}

/// A new challenge, made at `now_ms` (milliseconds since the epoch).
#[must_use]
pub fn challenge(key: &MacKey, ceremony: Ceremony<'_>, random: [u8; RANDOM_BYTES], now_ms: u64) -> Vec<u8> {
    let message = [&random[..], &now_ms.to_be_bytes()].concat();
    let code = key.code(&ceremony.purpose(), &message);
    [message, code.to_vec()].concat()
}

/// Whether a challenge is one that these keys made for the ceremony and that is not over at `now_ms`; when it is over.
#[must_use]
pub fn valid_until(keys: &[MacKey], ceremony: Ceremony<'_>, challenge: &[u8], now_ms: u64) -> Option<u64> {
    let (message, code) = challenge.split_at_checked(RANDOM_BYTES + TIME_BYTES)?;
    let made_at = u64::from_be_bytes(*message.last_chunk::<TIME_BYTES>()?);
    let purpose = ceremony.purpose();
    let is_own = code.len() == CODE_BYTES && keys.iter().any(|key| key.is_code(&purpose, message, code));
    let until = made_at.saturating_add(VALID_MS);
    (is_own && now_ms < until).then_some(until)
}

/// The challenge that client data is about, before anything of it is checked; `None` if it has none.
#[must_use]
pub fn challenge_in(client_data: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }
    let data: ClientData = serde_json::from_slice(client_data).ok()?;
    base64url::decode(&data.challenge)
}

/// What was used and must not be used again, each until its time is over, in milliseconds since the epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedOnce(BTreeMap<String, u64>);

impl UsedOnce {
    /// Uses something; false if it was used before, or is over.
    pub fn take(&mut self, name: &str, until_ms: u64, now_ms: u64) -> bool {
        self.0.retain(|_, until| *until > now_ms);
        until_ms > now_ms && self.0.insert(name.to_owned(), until_ms).is_none()
    }

    /// Whether nothing would be lost without this.
    #[must_use]
    pub fn is_blank(&self, now_ms: u64) -> bool {
        self.0.values().all(|until| *until <= now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_for_its_ceremony_its_user_and_its_time() {
        let (key, other) = (MacKey::new([1; 32]), MacKey::new([2; 32]));
        let given = challenge(&key, Ceremony::Register("u"), [3; RANDOM_BYTES], 10);
        let keys = [other.clone(), key.clone()];
        let until = |ceremony, now| valid_until(&keys, ceremony, &given, now);
        assert_eq!(until(Ceremony::Register("u"), 10), Some(10 + VALID_MS));
        assert_eq!(until(Ceremony::Register("u"), 10 + VALID_MS), None);
        assert_eq!(until(Ceremony::Register("v"), 10), None);
        assert_eq!(until(Ceremony::SignIn, 10), None);
        assert_eq!(valid_until(&[other], Ceremony::Register("u"), &given, 10), None);
        let mut later = given.clone();
        later[RANDOM_BYTES + TIME_BYTES - 1] ^= 1;
        for forged in [&later[..], &given[1..], &given[..given.len() - 1], &[]] {
            assert_eq!(valid_until(&keys, Ceremony::Register("u"), forged, 10), None);
        }
        let data = format!(r#"{{"type":"webauthn.get","challenge":"{}"}}"#, base64url::encode(&given));
        assert_eq!(challenge_in(data.as_bytes()), Some(given));
        assert_eq!(challenge_in(b"{}"), None);
    }

    #[test]
    fn what_was_used_is_not_used_again_while_it_could_be() {
        let mut used = UsedOnce::default();
        assert!(used.take("a", 100, 1) && !used.take("a", 100, 2));
        assert!(!used.is_blank(99) && used.is_blank(100));
        assert!(!used.take("a", 100, 100), "it is over");
        assert!(used.take("b", 200, 101));
        assert_eq!(used.0.len(), 1, "what is over is forgotten");
    }
}
