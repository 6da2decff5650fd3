//! A rule about what requests and answers contain: a content rule, or a webhook that is asked.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern as ModelPattern;
use super::webhook::check_url;
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, boolean, credential, integer_u32, one_of, text, texts};
use crate::row::table::{json, name, optional_json, table};
use crate::row::{allowed, flag, json_list};
use crate::secrets::Secret;
use crate::secrets::pii::Pattern;

/// What a content rule can search for, besides patterns and words of its own.
pub const DETECTORS: [&str; 8] =
    ["secret", "email", "phone", "card", "iban", "national_id", "ip", "prompt_injection"];
/// How long a webhook is waited for without another word, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u32 = 2_000;
const MAX_NAME: usize = 64;
const MAX_PATTERNS: usize = 20;

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
    const NAMES: &'static [(&'static str, Self)] = &[("content", Self::Content), ("webhook", Self::Webhook)];

    fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Webhook => "webhook",
        }
    }
}

impl GuardAction {
    const NAMES: &'static [(&'static str, Self)] =
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
    const NAMES: &'static [(&'static str, Self)] = &[("open", Self::Open), ("closed", Self::Closed)];

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

input! {
    /// What may be said about a guard.
    pub struct GuardInput {
        /// Its name, which `x-nexus-guard` shows: unique, of letters, digits, `-` and `_`.
        pub name: String = text(1..=64).not_null().required().check(check_name),
        /// A content rule, which is the default, or a webhook that is asked.
        pub kind: GuardKind = one_of(GuardKind::NAMES).not_null(),
        /// Which way the texts go that it is for: `request` to the provider, `answer` to the caller, or `both`, which is the default.
        pub direction: Direction = one_of(Direction::NAMES).not_null(),
        /// What a content rule does with what it finds: `log`, `mask`, which is the default, or `block`.
        pub action: GuardAction = one_of(GuardAction::NAMES).not_null(),
        /// What a content rule searches for: `secret`, `email`, `phone`, `card`, `iban`, `national_id`, `ip`, `prompt_injection`.
        pub detectors: Vec<String> = texts(1..=40).check(check_detectors),
        /// Patterns of one's own, such as `customer=C-######`: `#` is a digit, `@` a letter, `?` either.
        pub patterns: Vec<String> = texts(3..=130).check(check_patterns),
        /// Words and phrases, compared without regard to case, of at most 100 bytes.
        pub words: Vec<String> = texts(1..=100).check(check_words),
        /// Whether what it masks in a request comes back in the answer to the same request.
        pub restore: bool = boolean().not_null(),
        /// Ids of API keys, or their owners, that it is for; `null`: all.
        pub keys: Vec<String> = texts(1..=200),
        /// Models that it is for, as callers name them, or prefixes such as `gpt-*`; `null`: all.
        pub models: Vec<String> = texts(1..=200).check(check_models),
        /// Where a webhook is asked: an `https` or `http` URL. Redirects are not followed.
        pub url: String = text(1..=2000),
        /// The secret of the signatures of a webhook. Without one the gateway makes it; `null` in a change makes a new one. It is stored sealed.
        pub secret: Secret = credential(16..=200).secret(),
        /// How long a webhook is waited for, in milliseconds; 2,000 is the default.
        pub timeout_ms: u32 = integer_u32(50..=30_000),
        /// What counts when a webhook does not answer: `closed`, which is the default, lets nothing pass; `open` lets pass.
        pub on_failure: OnFailure = one_of(OnFailure::NAMES).not_null(),
        /// Whether it is used.
        pub enabled: bool = boolean().not_null(),
    }
}

impl GuardInput {
    /// Checks the address. Private and local ones are refused unless `allow_private`.
    ///
    /// # Errors
    /// `invalid_value` for an address that must not be asked.
    pub fn checked(self, allow_private: bool) -> Result<Self, ApiError> {
        if let Some(url) = self.url.as_set() {
            check_url(url, allow_private)?;
        }
        Ok(self)
    }

    /// Applies everything but the secret, which must be sealed first.
    pub fn apply_public(&self, record: &mut GuardRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.kind.clone().apply_or(&mut record.kind, GuardKind::default());
        self.direction.clone().apply_or(&mut record.direction, Direction::default());
        self.action.clone().apply_or(&mut record.action, GuardAction::default());
        self.detectors.clone().apply_or(&mut record.detectors, Vec::new());
        self.patterns.clone().apply_or(&mut record.patterns, Vec::new());
        self.words.clone().apply_or(&mut record.words, Vec::new());
        self.restore.clone().apply_or(&mut record.restore, false);
        self.keys.clone().apply_to(&mut record.keys);
        self.models.clone().apply_to(&mut record.models);
        self.url.clone().apply_to(&mut record.url);
        self.timeout_ms.clone().apply_or(&mut record.timeout_ms, DEFAULT_TIMEOUT_MS);
        self.on_failure.clone().apply_or(&mut record.on_failure, OnFailure::default());
        self.enabled.clone().apply_or(&mut record.enabled, true);
    }
}

fn check_name(name: String) -> Result<String, ApiError> {
    let is_name = name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let message = "`name` may have letters, digits, `-` and `_`: it is shown in a header.";
    is_name.then_some(name).ok_or_else(|| ApiError::invalid("invalid_value", "name", message))
}

/// The list, if every item passes.
fn check_each(
    field: &str,
    items: Vec<String>,
    most: usize,
    fault: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, ApiError> {
    if items.len() > most {
        return Err(ApiError::invalid("invalid_value", field, format!("`{field}` may have {most} items.")));
    }
    let wrong = items.iter().enumerate().find_map(|(index, item)| Some((index, fault(item)?)));
    match wrong {
        None => Ok(items),
        Some((index, fault)) => Err(ApiError::invalid("invalid_value", format!("{field}[{index}]"), fault)),
    }
}

fn check_detectors(detectors: Vec<String>) -> Result<Vec<String>, ApiError> {
    check_each("detectors", detectors, DETECTORS.len(), |name| {
        let message = || format!("`detectors` must be among: {}.", DETECTORS.join(", "));
        (!DETECTORS.contains(&name)).then(message)
    })
}

fn check_patterns(patterns: Vec<String>) -> Result<Vec<String>, ApiError> {
    check_each("patterns", patterns, MAX_PATTERNS, |text| {
        let message = "A pattern is a name, `=`, and a shape in ASCII with a `#`, `@` or `?`, of at most 64 characters each.";
        Pattern::read(text).is_none().then(|| message.to_owned())
    })
}

fn check_words(words: Vec<String>) -> Result<Vec<String>, ApiError> {
    check_each("words", words, 1_000, |word| {
        let is_word = !word.trim().is_empty() && word.len() <= 100;
        (!is_word).then(|| "A word has 1 to 100 bytes that are not only spaces.".to_owned())
    })
}

fn check_models(models: Vec<String>) -> Result<Vec<String>, ApiError> {
    check_each("models", models, 200, |name| {
        ModelPattern::parse(name).err().map(|error| format!("A model {error}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    fn read(body: &str) -> Result<GuardInput, ApiError> {
        GuardInput::parse(body.as_bytes())?.checked(false)
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"name":"with space"}"#, "name"),
            (r#"{"name":"<script>"}"#, "name"),
            (r#"{"kind":"plugin"}"#, "kind"),
            (r#"{"detectors":["email","nothing"]}"#, "detectors[1]"),
            (r#"{"patterns":["a=C-#","no shape"]}"#, "patterns[1]"),
            (r#"{"words":[" "]}"#, "words[0]"),
            (r#"{"models":["g*t"]}"#, "models[0]"),
            (r#"{"url":"http://127.0.0.1/guard"}"#, "url"),
            (r#"{"timeout_ms":1}"#, "timeout_ms"),
            (r#"{"action":"explode"}"#, "action"),
            (r#"{"anything":1}"#, "anything"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
        assert!(read(r#"{"url":"https://example.com/guard","models":["gpt-*"],"words":["x"]}"#).is_ok());
    }

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
