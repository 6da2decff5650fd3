//! What the admin API accepts about a guard.

use super::guard::{
    DEFAULT_TIMEOUT_MS, DETECTORS, Direction, GuardAction, GuardKind, GuardRecord, OnFailure,
};
use super::pattern::Pattern as ModelPattern;
use super::webhook::check_url;
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, boolean, credential, integer_u32, one_of, text, texts};
use crate::secrets::Secret;
use crate::secrets::pii::Pattern;

const MAX_NAME: usize = 64;
const MAX_PATTERNS: usize = 20;

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
}
