//! A rule about what requests and answers contain: a content rule, or a webhook that is asked. What may be said about one is in
//! `guard_input.rs`.

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::row::table::{json, name, optional_json, table};
use crate::row::{allowed, flag, json_list};

/// What a content rule can search for, besides patterns and words of its own.
pub const DETECTORS: [&str; 8] =
    ["secret", "email", "phone", "card", "iban", "national_id", "ip", "prompt_injection"];
/// How long a webhook is waited for without another word, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u32 = 2_000;

/// What a guard is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "GuardKind"))]
#[serde(rename_all = "snake_case")]
pub enum GuardKind {
    /// The gateway searches by itself.
    #[default]
    Content,
    /// A webhook judges.
    Webhook,
}

/// What is done with what was found. The strictest is the largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GuardAction {
    /// It is noted.
    Log,
    /// A placeholder takes its place.
    #[default]
    Mask,
    /// The request is refused, or the answer ends.
    Block,
}

/// Which way the texts go that a guard is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "GuardDirection"))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the caller to the provider.
    Request,
    /// From the provider to the caller.
    Answer,
    /// Both.
    #[default]
    Both,
}

/// What counts when a webhook does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "GuardFailure"))]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Texts pass.
    Open,
    /// Texts do not pass.
    #[default]
    Closed,
}

impl GuardKind {
    pub(super) const NAMES: &'static [(&'static str, Self)] =
        &[("content", Self::Content), ("webhook", Self::Webhook)];

    fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Webhook => "webhook",
        }
    }
}

impl GuardAction {
    pub(super) const NAMES: &'static [(&'static str, Self)] =
        &[("log", Self::Log), ("mask", Self::Mask), ("block", Self::Block)];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Mask => "mask",
            Self::Block => "block",
        }
    }
}

impl Direction {
    /// All of them by name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("request", Self::Request), ("answer", Self::Answer), ("both", Self::Both)];

    fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Both => "both",
        }
    }

    /// Whether requests are meant.
    #[must_use]
    pub fn is_for_requests(self) -> bool {
        self != Self::Answer
    }

    /// Whether answers are meant.
    #[must_use]
    pub fn is_for_answers(self) -> bool {
        self != Self::Request
    }
}

impl OnFailure {
    pub(super) const NAMES: &'static [(&'static str, Self)] =
        &[("open", Self::Open), ("closed", Self::Closed)];

    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// A guard as it is stored: the secret of a webhook sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRecord {
    /// ULID; bound into the sealed secret, and the `keyid` of signatures.
    pub id: String,
    /// Its name, which `x-nexus-guard` shows: unique, letters, digits, `-` and `_`.
    pub name: String,
    /// What it is.
    pub kind: GuardKind,
    /// Which way the texts go that it is for.
    pub direction: Direction,
    /// What a content rule does.
    pub action: GuardAction,
    /// What a content rule searches for, of [`DETECTORS`].
    #[serde(default, deserialize_with = "json_list")]
    pub detectors: Vec<String>,
    /// Patterns that it searches for besides, such as `customer=C-######`.
    #[serde(default, deserialize_with = "json_list")]
    pub patterns: Vec<String>,
    /// Words that it searches for besides.
    #[serde(default, deserialize_with = "json_list")]
    pub words: Vec<String>,
    /// Whether what it masks in a request comes back in the answer.
    #[serde(deserialize_with = "flag")]
    pub restore: bool,
    /// Ids of keys, or owners, that it is for; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub keys: Option<Vec<String>>,
    /// Names of models that it is for, or patterns such as `gpt-*`; `None` is all.
    #[serde(default, deserialize_with = "allowed")]
    pub models: Option<Vec<String>>,
    /// The address of a webhook.
    pub url: Option<String>,
    /// The secret of its signatures, sealed.
    pub secret_sealed: Option<String>,
    /// How long it is waited for, in milliseconds.
    pub timeout_ms: u32,
    /// What counts when it does not answer.
    pub on_failure: OnFailure,
    /// Whether it is used.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    GuardRecord in "guards" unique "name" {
        given id;
        fixed { created_at }
        changing {
            name, restore, url, secret_sealed, timeout_ms, enabled,
            kind = |record| name(record.kind.as_str()),
            direction = |record| name(record.direction.as_str()),
            action = |record| name(record.action.as_str()),
            detectors = |record| json(&record.detectors),
            patterns = |record| json(&record.patterns),
            words = |record| json(&record.words),
            keys = |record| optional_json(record.keys.as_ref()),
            models = |record| optional_json(record.models.as_ref()),
            on_failure = |record| name(record.on_failure.as_str()),
        }
        elsewhere {}
    }
}

impl GuardRecord {
    /// A guard with default values, created at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            name: String::new(),
            kind: GuardKind::default(),
            direction: Direction::default(),
            action: GuardAction::default(),
            detectors: Vec::new(),
            patterns: Vec::new(),
            words: Vec::new(),
            restore: false,
            keys: None,
            models: None,
            url: None,
            secret_sealed: None,
            timeout_ms: DEFAULT_TIMEOUT_MS,
            on_failure: OnFailure::default(),
            enabled: true,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The associated data that binds the sealed secret to this record.
    #[must_use]
    pub fn seal_context(&self) -> String {
        format!("guards/{}/secret", self.id)
    }

    /// Checks what only the whole record shows.
    ///
    /// # Errors
    /// `missing_required_parameter` for a guard that can do nothing.
    pub fn checked(&self) -> Result<(), ApiError> {
        match self.kind {
            GuardKind::Webhook if self.url.is_none() => {
                Err(ApiError::invalid("missing_required_parameter", "url", "A webhook needs a `url`."))
            }
            GuardKind::Content
                if self.detectors.is_empty() && self.patterns.is_empty() && self.words.is_empty() =>
            {
                let message = "A content rule needs `detectors`, `patterns` or `words`.";
                Err(ApiError::invalid("missing_required_parameter", "detectors", message))
            }
            _ => Ok(()),
        }
    }

    /// The record as the admin API returns it. `secret` is given once, when it was made.
    #[must_use]
    pub fn view<'a>(&'a self, secret: Option<&'a str>) -> GuardView<'a> {
        GuardView {
            id: &self.id,
            name: &self.name,
            kind: self.kind,
            direction: self.direction,
            action: self.action,
            detectors: &self.detectors,
            patterns: &self.patterns,
            words: &self.words,
            restore: self.restore,
            keys: self.keys.as_deref(),
            models: self.models.as_deref(),
            url: self.url.as_deref(),
            secret,
            timeout_ms: self.timeout_ms,
            on_failure: self.on_failure,
            enabled: self.enabled,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A guard as the admin API returns it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct GuardView<'a> {
    /// Its id, which is the `keyid` of a webhook's signatures.
    pub id: &'a str,
    /// Its name, which `x-nexus-guard` shows.
    pub name: &'a str,
    /// What it is.
    pub kind: GuardKind,
    /// Which way the texts go that it is for.
    pub direction: Direction,
    /// What a content rule does.
    pub action: GuardAction,
    /// What a content rule searches for.
    pub detectors: &'a [String],
    /// Patterns that it searches for besides.
    pub patterns: &'a [String],
    /// Words that it searches for besides.
    pub words: &'a [String],
    /// Whether what it masks in a request comes back in the answer.
    pub restore: bool,
    /// Ids of keys, or owners, that it is for; `null` is all.
    pub keys: Option<&'a [String]>,
    /// Names or patterns of models that it is for; `null` is all.
    pub models: Option<&'a [String]>,
    /// The address of a webhook.
    pub url: Option<&'a str>,
    /// The secret of the signatures, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<&'a str>,
    /// How long a webhook is waited for, in milliseconds.
    pub timeout_ms: u32,
    /// What counts when a webhook does not answer.
    pub on_failure: OnFailure,
    /// Whether it is used.
    pub enabled: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_that_can_do_nothing_is_refused() {
        let mut record = GuardRecord::new("G".into(), 1);
        assert_eq!(record.checked().unwrap_err().param.as_deref(), Some("detectors"));
        record.words.push("x".into());
        assert!(record.checked().is_ok());
        record.kind = GuardKind::Webhook;
        assert_eq!(record.checked().unwrap_err().param.as_deref(), Some("url"));
    }

    #[test]
    fn the_view_does_not_tell_the_secret() {
        let record = GuardRecord { secret_sealed: Some("sealed".into()), ..GuardRecord::new("G".into(), 1) };
        let shown = serde_json::to_string(&record.view(None)).unwrap();
        assert!(!shown.contains("sealed"), "{shown}");
    }
}
