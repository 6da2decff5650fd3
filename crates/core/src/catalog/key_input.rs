//! The bodies of `POST /keys`, `PUT /keys/{id}` and `POST /keys/{id}/rotate`.

use std::collections::BTreeMap;

use super::logical_model::MAX_CACHE_TTL_S;
use crate::access::permission::{Permissions, check_codes};
use crate::access::signing::{SignatureUse, check_public_key};
use crate::access::tool_approval::ToolApproval;
use crate::access::{ApiKeyRecord, StorePolicy, ip_range};
use crate::dialect::caller::CallerDialect;
use crate::error::ApiError;
use crate::input;
use crate::input::{Patch, Rule, boolean, ids, integer, integer_u32, one_of, text, text_map, texts};
use crate::limits::LimitPolicyInput;
use crate::secrets::pii::KeyRedaction;
use crate::time::add_months;

const DAY_MS: u64 = 86_400_000;
/// The largest time that a JSON number holds exactly, in milliseconds.
const MAX_TIME_MS: u64 = 1 << 53;
/// A month.
const MAX_OVERLAP_S: u64 = 30 * 86_400;
/// Most tags of a key.
const MAX_TAGS: usize = 16;

/// The validity of a key from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// 7 days.
    Week,
    /// A calendar month.
    Month,
    /// 12 calendar months.
    Year,
    /// It does not expire.
    Never,
}

impl Validity {
    const NAMES: &'static [(&'static str, Self)] =
        &[("week", Self::Week), ("month", Self::Month), ("year", Self::Year), ("never", Self::Never)];

    fn end(self, now_ms: u64) -> Option<u64> {
        match self {
            Self::Week => Some(now_ms + 7 * DAY_MS),
            Self::Month => Some(add_months(now_ms, 1)),
            Self::Year => Some(add_months(now_ms, 12)),
            Self::Never => None,
        }
    }
}

input! {
    /// What may be said about an API key.
    pub struct KeyInput {
        /// A name for people; it need not be unique.
        pub name: String = text(1..=100).not_null().required(),
        /// Whether requests with the key are served.
        pub enabled: bool = boolean().not_null(),
        /// When the key expires, in milliseconds since the epoch; `null`: never.
        pub expires_at: u64 = integer(0..=MAX_TIME_MS),
        /// The same as a duration from now on. Not together with `expires_at`.
        pub expires_in: Validity = one_of(Validity::NAMES),
        /// Models that the key may use, by the names that callers write; `null`: all.
        pub allowed_models: Vec<String> = texts(1..=200),
        /// Ids of the providers that the key may use; `null`: all.
        pub allowed_providers: Vec<i64> = ids(),
        /// Addresses and networks (`10.0.0.0/8`) that the key may be used from; `null`: all.
        pub allowed_ips: Vec<String> = texts(1..=60).check(check_ips),
        /// Caller dialects in which the key may be used: `openai_chat`, `openai_completions`, `openai_responses`,
        /// `anthropic`, `gemini`; `null`: all.
        pub allowed_dialects: Vec<String> = texts(1..=40).check(check_dialects),
        /// Tools that the key may use, as patterns of `server/tool` such as `github/get_*`, and of its owner's agents
        /// `agent/{id}/{server}/{tool}`; `null`: none.
        pub allow_tools: Vec<String> = texts(1..=200),
        /// Tools that the key may not use, whatever `allow_tools` says.
        pub deny_tools: Vec<String> = texts(1..=200),
        /// The name of a set of tools: chat requests of the key that name no tools of the gateway have those of this set.
        pub default_toolset: String = text(1..=60),
        /// Which calls of tools in chats of the key a person must agree to: `never`, `rules` (of tools that write or send), `always`.
        /// What the server or the request says counts where it is stricter.
        pub tool_approval: ToolApproval = one_of(ToolApproval::NAMES).not_null(),
        /// Calls of tools in any 24 hours; `null`: unlimited.
        pub max_tool_calls_per_day: u32 = integer_u32(0..=1_000_000_000),
        /// Whose key it is. Keys of one owner share its limits and its account of credits.
        pub owner: String = text(1..=100).check(check_owner),
        /// What a program with the key may do in the admin API: codes of permissions, at most those that you have.
        pub permissions: Vec<String> = texts(1..=60).check(check_codes).not_null(),
        /// Whether requests with the key are signed: `off`, `optional`, or `required`, where the key alone is not enough.
        pub signature: SignatureUse = one_of(SignatureUse::NAMES).not_null(),
        /// The Ed25519 key that checks its signatures: 32 bytes in base64. Takes the place of a signing secret.
        pub signing_public_key: String = text(43..=44).check(check_public_key),
        /// Labels for searching and for cost reports: at most 16, names of 1 to 64 and values of 1 to 256 characters.
        pub tags: BTreeMap<String, String> = text_map().check(check_tags),
        /// What is kept of the conversations of the key.
        pub store: StorePolicy = one_of(StorePolicy::NAMES).not_null(),
        /// Whether personal data is replaced by placeholders in the archive, in exports and in errors of the key's requests:
        /// `inherit` (where `REDACT_PII` says so), `on`, `off`. Of one's own keys only `on` may be chosen.
        pub redact_pii: KeyRedaction = one_of(KeyRedaction::NAMES).not_null(),
        /// Seconds for which answers are cached for the key; 0 turns off the cache of its models as well; `null`: as the
        /// model says.
        pub cache_ttl_s: u32 = integer_u32(0..=MAX_CACHE_TTL_S),
        ..pub policy: LimitPolicyInput,
    }
}

impl KeyInput {
    /// Checks what no field can tell by itself.
    ///
    /// # Errors
    /// `invalid_value` where `expires_at` and `expires_in` contradict each other.
    pub fn checked(self) -> Result<Self, ApiError> {
        if matches!(self.expires_in, Patch::Set(_)) && self.expires_at != Patch::Keep {
            let message = "Say either `expires_at` or `expires_in`.";
            return Err(ApiError::invalid("invalid_value", "expires_in", message));
        }
        Ok(self)
    }

    /// Applies the change at `now_ms`. Enabling a key clears its `disabled_reason`.
    pub fn apply(&self, record: &mut ApiKeyRecord, now_ms: u64) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        if record.enabled {
            record.disabled_reason = None;
        }
        self.expires_at.clone().apply_to(&mut record.expires_at);
        if let Some(validity) = self.expires_in.clone().into_set() {
            record.expires_at = validity.end(now_ms);
        }
        self.allowed_models.clone().apply_to(&mut record.allowed_models);
        self.allowed_providers.clone().apply_to(&mut record.allowed_providers);
        self.store.clone().apply_or(&mut record.store, StorePolicy::default());
        self.redact_pii.clone().apply_or(&mut record.redact_pii, KeyRedaction::default());
        self.allowed_ips.clone().apply_to(&mut record.allowed_ips);
        self.allowed_dialects.clone().apply_to(&mut record.allowed_dialects);
        self.allow_tools.clone().apply_to(&mut record.allow_tools);
        self.deny_tools.clone().apply_to(&mut record.deny_tools);
        self.default_toolset.clone().apply_to(&mut record.default_toolset);
        self.tool_approval.clone().apply_or(&mut record.tool_approval, ToolApproval::Never);
        self.max_tool_calls_per_day.clone().apply_to(&mut record.max_tool_calls_per_day);
        self.owner.clone().apply_to(&mut record.owner);
        if let Some(codes) = self.permissions.clone().into_set() {
            record.permissions = Permissions::of_codes(&codes);
        }
        self.signature.clone().apply_or(&mut record.signature, SignatureUse::Off);
        if self.signing_public_key.as_set().is_some() {
            record.signing_secret_sealed = None;
        }
        self.signing_public_key.clone().apply_to(&mut record.signing_public_key);
        self.tags.clone().apply_or(&mut record.tags, BTreeMap::new());
        self.policy.apply(&mut record.policy);
        self.cache_ttl_s.clone().apply_to(&mut record.cache_ttl_s);
    }
}

/// An owner and a key without one have accounts of credits by their names; the name of a key's begins with `key:`.
fn check_owner(owner: String) -> Result<String, ApiError> {
    if owner.starts_with("key:") {
        let message = "`owner` must not begin with `key:`: so begin the accounts of keys without an owner.";
        return Err(ApiError::invalid("invalid_value", "owner", message));
    }
    Ok(owner)
}

fn check_ips(ranges: Vec<String>) -> Result<Vec<String>, ApiError> {
    each_of(ranges, "allowed_ips", "an address or a network such as `10.0.0.0/8`", ip_range::is_range)
}

fn check_dialects(names: Vec<String>) -> Result<Vec<String>, ApiError> {
    let expected = "one of openai_chat, openai_completions, openai_responses, anthropic and gemini";
    each_of(names, "allowed_dialects", expected, |name| {
        CallerDialect::NAMES.iter().any(|(known, _)| *known == name)
    })
}

fn each_of(
    items: Vec<String>,
    name: &str,
    expected: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ApiError> {
    match items.iter().position(|item| !is_valid(item)) {
        None => Ok(items),
        Some(index) => {
            let param = format!("{name}[{index}]");
            let message = format!("`{param}` must be {expected}.");
            Err(ApiError::invalid("invalid_value", param, message))
        }
    }
}

fn check_tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    let fits = |text: &str, longest: usize| {
        (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if tags.len() > MAX_TAGS || !tags.iter().all(|(name, value)| fits(name, 64) && fits(value, 256)) {
        let message = format!(
            "`tags` must be at most {MAX_TAGS}, with names of 1 to 64 and values of 1 to 256 characters."
        );
        return Err(ApiError::invalid("invalid_value", "tags", message));
    }
    Ok(tags)
}

input! {
    /// How a key gets a new secret.
    pub struct RotateKeyInput {
        /// For how many seconds the old secret stays valid as well; 0 is the default.
        pub overlap_seconds: u64 = integer(0..=MAX_OVERLAP_S),
    }
}

impl RotateKeyInput {
    /// For how many milliseconds the old secret stays valid.
    #[must_use]
    pub fn overlap_ms(&self) -> u64 {
        self.overlap_seconds.as_set().copied().unwrap_or(0) * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::api_key::test_record;
    use crate::input::Input;

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"expires_in":"decade"}"#, "expires_in"),
            (r#"{"expires_in":"week","expires_at":1}"#, "expires_in"),
            (r#"{"allowed_ips":["10.0.0.1","x"]}"#, "allowed_ips[1]"),
            (r#"{"allowed_dialects":["latin"]}"#, "allowed_dialects[0]"),
            (r#"{"tags":{"":"x"}}"#, "tags"),
            (r#"{"tags":{"a":1}}"#, "tags.a"),
            (r#"{"limits":{"concurrency":"2"}}"#, "limits.concurrency"),
            (r#"{"cache_ttl_s":2592001}"#, "cache_ttl_s"),
        ] {
            let error = KeyInput::parse(body.as_bytes()).and_then(KeyInput::checked).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
        let overlap = |body: &[u8]| RotateKeyInput::parse_optional(body).map(|input| input.overlap_seconds);
        assert_eq!(overlap(b"").unwrap(), Patch::Keep);
        assert_eq!(overlap(br#"{"overlap_seconds":60}"#).unwrap(), Patch::Set(60));
        assert!(overlap(br#"{"overlap_seconds":-1}"#).is_err());
    }

    #[test]
    fn a_key_ends_when_it_is_told_to_and_can_be_enabled_again() {
        let mut record = test_record();
        record.enabled = false;
        record.disabled_reason = Some("too many errors".into());
        KeyInput::parse(br#"{"expires_in":"week"}"#).unwrap().apply(&mut record, 1_000);
        assert_eq!(record.expires_at, Some(1_000 + 7 * DAY_MS));
        assert!(record.disabled_reason.is_some());
        KeyInput::parse(br#"{"expires_in":"never","enabled":true}"#).unwrap().apply(&mut record, 1_000);
        assert_eq!((record.expires_at, record.enabled, record.disabled_reason), (None, true, None));
    }
}
