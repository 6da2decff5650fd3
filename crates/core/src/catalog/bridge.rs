//! Agents on users' machines: what their tokens look like, and how long they are good.
//!
//! A token is `ag-nx-<public id>-<secret>`. The SHA-256 of it is stored; its 160 random bits make a slow password hash pointless.

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::hash::{hex, sha256_hex};
use crate::input;
use crate::input::{Rule, boolean, integer_u32, text};

/// Random bytes of a token.
pub const TOKEN_RANDOM_BYTES: usize = 26;
/// Bytes of them that are its public id.
const ID_BYTES: usize = 6;
/// Most agents of an owner.
pub const MAX_AGENTS: usize = 50;
/// Days for which a token is good, unless its maker says otherwise.
const DEFAULT_DAYS: u64 = 90;
const DAY_MS: u64 = 24 * 3_600_000;
const PREFIX: &str = "ag-nx-";

input! {
    /// A token for an agent.
    pub struct AgentTokenInput {
        /// The agent: 3 to 64 letters, digits, `_` and `-`, a letter or digit first.
        pub agent_id: String = text(3..=64).not_null().required(),
        /// What the agent is called.
        pub label: String = text(0..=100).not_null(),
        /// Whether the token that there is is to be replaced. `false` is the default.
        pub reset: bool = boolean().not_null(),
        /// Days for which the token is good; 90 is the default.
        pub expires_in_days: u32 = integer_u32(1..=365).not_null(),
    }
}

input! {
    /// What may be changed of an agent.
    pub struct AgentInput {
        /// What the agent is called.
        pub label: String = text(0..=100).not_null(),
    }
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentToken {
    id: String,
    text: String,
}

impl AgentToken {
    /// Makes a token from random bytes.
    #[must_use]
    pub fn from_random(random: [u8; TOKEN_RANDOM_BYTES]) -> Self {
        let (id, secret) = random.split_at(ID_BYTES);
        let id = hex(id);
        Self { text: format!("{PREFIX}{id}-{}", hex(secret)), id }
    }

    /// Reads a token; `None` if a text does not have the form of one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('-')?;
        let is_hex =
            |text: &str, bytes: usize| text.len() == 2 * bytes && text.bytes().all(|b| b.is_ascii_hexdigit());
        let is_token = is_hex(id, ID_BYTES) && is_hex(secret, TOKEN_RANDOM_BYTES - ID_BYTES);
        is_token.then(|| Self { id: id.to_owned(), text: text.to_owned() })
    }

    /// The part by which it is found.
    #[must_use]
    pub fn public_id(&self) -> &str {
        &self.id
    }

    /// The SHA-256 of the whole.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.text)
    }

    /// The token itself, for the one answer that shows it.
    #[must_use]
    pub fn reveal(self) -> String {
        self.text
    }
}

/// A stored agent. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Whose it is: the owner of the key that made it, or `key:` and the key's id.
    pub owner: String,
    /// The agent.
    pub agent_id: String,
    /// What it is called.
    pub label: String,
    /// Public id of its token.
    pub token_id: String,
    /// SHA-256 of its token.
    pub token_hash: String,
    /// Counts its tokens.
    pub version: u64,
    /// When the token was issued.
    pub issued_at: u64,
    /// When the token expires.
    pub expires_at: u64,
    /// When the agent was made.
    pub created_at: u64,
    /// When it was changed.
    pub updated_at: u64,
}

impl AgentTokenInput {
    /// The record with a new token, in the place of the one that there is.
    ///
    /// # Errors
    /// `invalid_value` (400) for an id that no agent can have, `agent_token_exists` (409) without `reset`.
    pub fn record(
        &self,
        owner: &str,
        before: Option<&AgentRecord>,
        token: &AgentToken,
        now: u64,
    ) -> Result<AgentRecord, ApiError> {
        let agent_id = self.agent_id.as_set().cloned().unwrap_or_default();
        let is_id = agent_id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            && agent_id.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !is_id {
            let message = "`agent_id` has 3 to 64 letters, digits, `_` and `-`, and a letter or digit first.";
            return Err(ApiError::invalid("invalid_value", "agent_id", message));
        }
        if before.is_some_and(|before| before.expires_at > now)
            && !self.reset.as_set().copied().unwrap_or(false)
        {
            let message = "The agent has a token: `reset` replaces it.";
            return Err(ApiError::conflict("agent_token_exists", "reset", message));
        }
        let days = self.expires_in_days.as_set().map_or(DEFAULT_DAYS, |days| u64::from(*days));
        let label = self.label.as_set().cloned();
        Ok(AgentRecord {
            owner: owner.to_owned(),
            agent_id,
            label: label.or_else(|| before.map(|before| before.label.clone())).unwrap_or_default(),
            token_id: token.public_id().to_owned(),
            token_hash: token.hash(),
            version: before.map_or(1, |before| before.version + 1),
            // Tokens of one agent are told apart by this time.
            issued_at: before.map_or(now, |before| now.max(before.issued_at + 1)),
            expires_at: now + days * DAY_MS,
            created_at: before.map_or(now, |before| before.created_at),
            updated_at: now,
        })
    }
}

impl AgentInput {
    /// The record after the change, at `now` (milliseconds since the epoch).
    #[must_use]
    pub fn apply(&self, before: &AgentRecord, now: u64) -> AgentRecord {
        let label = self.label.as_set().unwrap_or(&before.label).clone();
        AgentRecord { label, updated_at: now.max(before.updated_at + 1), ..before.clone() }
    }
}

impl AgentRecord {
    /// Checks a token that has the public id of this record's, of an owner who is active or is not.
    ///
    /// # Errors
    /// `invalid_agent_token`, `agent_token_expired` (401), `agent_owner_inactive` (403).
    pub fn check(&self, token: &AgentToken, is_owner_active: bool, now: u64) -> Result<(), ApiError> {
        if self.token_hash != token.hash() {
            return Err(invalid_token());
        }
        if self.expires_at <= now {
            let message = "The token of the agent has expired: make another one.";
            return Err(ApiError::unauthorized("agent_token_expired", message));
        }
        if !is_owner_active {
            let message = "The owner of the agent may not use the gateway any more.";
            return Err(ApiError::forbidden("agent_owner_inactive", message));
        }
        Ok(())
    }
}

/// The error for what is no token of an agent.
#[must_use]
pub fn invalid_token() -> ApiError {
    ApiError::unauthorized("invalid_agent_token", "The token of the agent is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn a_token_is_read_as_it_was_made_and_nothing_else_is_one() {
        let token = AgentToken::from_random([7; TOKEN_RANDOM_BYTES]);
        assert_eq!(AgentToken::read(&token.clone().reveal()), Some(token.clone()));
        assert_eq!(token.public_id().len(), 12);
        for bad in [
            "",
            "ag-nx-",
            "ag-nx-070707070707-07",
            "sk-nx-070707070707-0707070707070707070707070707070707070707",
        ] {
            assert_eq!(AgentToken::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_replaced_only_when_asked_to_or_when_it_has_expired() {
        let input = AgentTokenInput::parse_new(br#"{"agent_id":"laptop","expires_in_days":1}"#).unwrap();
        let token = AgentToken::from_random([1; TOKEN_RANDOM_BYTES]);
        let first = input.record("u", None, &token, 1_000).unwrap();
        assert_eq!((first.version, first.expires_at), (1, 1_000 + DAY_MS));
        assert_eq!(input.record("u", Some(&first), &token, 2_000).unwrap_err().code, "agent_token_exists");
        let second = input.record("u", Some(&first), &token, first.expires_at).unwrap();
        assert_eq!((second.version, second.created_at), (2, 1_000));
        assert_eq!(second.check(&token, true, second.expires_at).unwrap_err().code, "agent_token_expired");
        let other = AgentToken::from_random([2; TOKEN_RANDOM_BYTES]);
        assert_eq!(second.check(&other, false, 0).unwrap_err().code, "invalid_agent_token");
        assert_eq!(second.check(&token, false, 0).unwrap_err().code, "agent_owner_inactive");
        assert_eq!(second.check(&token, true, 0), Ok(()));
        let bad = AgentTokenInput::parse_new(br#"{"agent_id":"-lap top"}"#).unwrap();
        assert_eq!(bad.record("u", None, &token, 0).unwrap_err().param.as_deref(), Some("agent_id"));
    }
}
