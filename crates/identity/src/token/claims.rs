//! The claims of a verified token, and what is expected of them.

use serde_json::{Map, Value};

use super::error::TokenError;

/// Seconds by which clocks may differ.
pub const SKEW_S: u64 = 60;

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its type, without regard to case and to the prefix `application/`; `None`: any, for tokens of others, who set it as
    /// they like. The gateway's own always have one, so that no kind of token passes for another.
    pub typ: Option<&'a str>,
    /// Its issuer.
    pub iss: &'a str,
    /// Who it is for: one of its audiences.
    pub aud: &'a str,
}

/// The claims of a token whose signature is right.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn of_payload(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok().map(Self)
    }

    /// Checks issuer, audience and times at `now_ms`. A token without an end is refused.
    pub(super) fn check(&self, expected: &Expected<'_>, now_ms: u64) -> Result<(), TokenError> {
        if self.text("iss") != Some(expected.iss) {
            return Err(TokenError::Issuer);
        }
        let is_for = match self.0.get("aud") {
            Some(Value::String(one)) => one == expected.aud,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(expected.aud)),
            _ => false,
        };
        if !is_for {
            return Err(TokenError::Audience);
        }
        let seconds_now = now_ms / 1_000;
        let end = self.seconds("exp")?.ok_or(TokenError::Malformed)?;
        if seconds_now >= end.saturating_add(SKEW_S) {
            return Err(TokenError::Expired);
        }
        for name in ["nbf", "iat"] {
            if self.seconds(name)?.is_some_and(|begin| begin > seconds_now.saturating_add(SKEW_S)) {
                return Err(TokenError::NotYet);
            }
        }
        Ok(())
    }

    /// A claim that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A claim of any kind.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a time in seconds since the epoch. It may have decimals (RFC 7519, section 2: `NumericDate`).
    fn seconds(&self, name: &str) -> Result<Option<u64>, TokenError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest"
        )]
        let whole =
            value.as_u64().or_else(|| value.as_f64().filter(|seconds| *seconds >= 0.0).map(|s| s as u64));
        whole.map(Some).ok_or(TokenError::Malformed)
    }
}
