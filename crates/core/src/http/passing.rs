//! Which headers and query parameters pass between caller and upstream, and with which values.
//!
//! Headers are allow lists in both directions. Of a request, nothing passes that acts within the provider's account, because the
//! account belongs to the gateway's operator and is shared by all callers: no credentials, no choice of organisation,
//! project or workspace, and no idempotency key as another caller could send it. Of an answer, what clients read
//! passes: its type, its limits, ids for support; nothing that names the account, no cookies, no header that a service
//! repeats from the request.
//!
//! A value that is not what its header may contain is left out, so that neither side has to be able to bear it.

use std::borrow::Cow;

use super::headers::{carries_credential, is_valid_value};
use super::percent::decode_lossy;
use super::request_id;
use crate::hash::sha256_hex;

/// Longest value that passes, in bytes; longer than any that a client or a service sends.
const MAX_VALUE_BYTES: usize = 2048;
/// Longest value about a limit, in bytes.
const MAX_LIMIT_BYTES: usize = 64;
/// Most digits of a count.
const MAX_DIGITS: usize = 15;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Anything that is valid in a header.
    Text,
    /// Words of letters, digits and `.`, `_`, `-`, separated by commas: versions and features.
    Words,
    /// `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context).
    TraceParent,
    /// Media types: `type/subtype;parameter=value`.
    MediaTypes,
    /// An id as [`request_id::accept`] accepts it.
    Id,
    /// A whole number.
    Count,
    /// A number, a duration such as `1m30.5s` or a date.
    Moment,
    /// Only as a hash together with the caller; see [`idempotency_key`].
    Idempotency,
}

/// The request headers that pass.
const REQUEST: &[(&str, Form)] = &[
    ("accept", Form::MediaTypes),
    ("anthropic-beta", Form::Words),
    ("anthropic-version", Form::Words),
    ("http-referer", Form::Text),
    ("idempotency-key", Form::Idempotency),
    ("openai-beta", Form::Text),
    ("traceparent", Form::TraceParent),
    ("tracestate", Form::Text),
    ("user-agent", Form::Text),
    ("x-title", Form::Text),
];
/// Prefixes of such headers: what official clients say about themselves.
const REQUEST_PREFIXES: &[(&str, Form)] = &[("x-stainless-", Form::Text)];

/// Request headers that say who asks, when and with what, and change no answer.
const WITHOUT_EFFECT: &[&str] =
    &["accept", "http-referer", "idempotency-key", "traceparent", "tracestate", "user-agent", "x-title"];
/// Prefixes of such headers.
const WITHOUT_EFFECT_PREFIXES: &[&str] = &["x-stainless-"];

/// The response headers that pass.
const RESPONSE: &[(&str, Form)] = &[
    ("apim-request-id", Form::Id),
    ("azureml-model-session", Form::Text),
    ("cache-control", Form::Text),
    ("content-disposition", Form::Text),
    ("content-language", Form::Words),
    ("content-type", Form::MediaTypes),
    ("deprecation", Form::Text),
    ("fireworks-prompt-tokens", Form::Count),
    ("fireworks-cached-prompt-tokens", Form::Count),
    ("fireworks-server-time-to-first-token", Form::Moment),
    ("mistral-correlation-id", Form::Id),
    ("openai-model", Form::Text),
    ("openai-processing-ms", Form::Count),
    ("openai-version", Form::Words),
    ("request-id", Form::Id),
    ("server-timing", Form::Text),
    ("sunset", Form::Text),
    ("warning", Form::Text),
    ("x-amzn-requestid", Form::Id),
    ("x-api-warning", Form::Text),
    ("x-ds-trace-id", Form::Id),
    ("x-envoy-upstream-service-time", Form::Count),
    ("x-generation-id", Form::Id),
    ("x-groq-region", Form::Words),
    ("x-ms-region", Form::Text),
    ("x-should-retry", Form::Words),
];
/// Prefixes of such headers.
const RESPONSE_PREFIXES: &[(&str, Form)] = &[
    ("anthropic-fast-", Form::Moment),
    ("anthropic-priority-", Form::Moment),
    ("anthropic-ratelimit-", Form::Moment),
    ("ratelimit-", Form::Moment),
    ("x-amzn-bedrock-", Form::Count),
    ("x-ratelimit-", Form::Moment),
    ("x-tokenlimit-", Form::Moment),
];

/// Words in the names of query parameters that do not pass: they choose an account, or the version of the service that
/// the provider's address names. Nor does what carries a credential.
const WITHHELD_PARAMETERS: &[&str] =
    &["account", "api-version", "code", "organi", "project", "sig", "subscription", "tenant", "workspace"];

/// The value with which a caller's header (lower-case name) reaches the upstream; `None` if it does not. `owner`
/// stands for the caller and what is asked, and separates idempotency keys.
#[must_use]
pub fn to_upstream<'a>(name: &str, value: &'a str, owner: &[&str]) -> Option<Cow<'a, str>> {
    match form_of(name, REQUEST, REQUEST_PREFIXES)? {
        Form::Idempotency => (!value.is_empty()).then(|| Cow::Owned(idempotency_key(value, owner))),
        form => form.accepts(value).then_some(Cow::Borrowed(value)),
    }
}

/// Whether a caller's header (lower-case name) with this value reaches the upstream and may change its answer.
#[must_use]
pub fn changes_answer(name: &str, value: &str) -> bool {
    !WITHOUT_EFFECT.contains(&name)
        && !WITHOUT_EFFECT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && to_upstream(name, value, &[]).is_some()
}

/// Whether an upstream's header (lower-case name) with this value reaches the caller. The wait that it asks for
/// (`retry-after`) does not: the gateway tells it in its own words.
#[must_use]
pub fn reaches_caller(name: &str, value: &str) -> bool {
    let counts = name.split('-').any(|word| matches!(word, "limit" | "remaining"));
    form_of(name, RESPONSE, RESPONSE_PREFIXES).is_some_and(|form| match form {
        Form::Moment if counts => Form::Count.accepts(value),
        form => form.accepts(value),
    })
}

/// The part of a caller's query that passes, as it was written: versions of the dialect (`beta=true`), and which part of
/// a stored response is wanted.
#[must_use]
pub fn query_to_upstream(query: &str) -> String {
    let passes = |pair: &&str| {
        let name = decode_lossy(pair.split('=').next().unwrap_or_default()).to_ascii_lowercase();
        !name.is_empty()
            && !carries_credential(&name)
            && !WITHHELD_PARAMETERS.iter().any(|word| name.contains(word))
            && pair.len() <= MAX_VALUE_BYTES
            && pair.bytes().all(|byte| byte.is_ascii_graphic())
    };
    query.split('&').filter(passes).collect::<Vec<_>>().join("&")
}

/// An idempotency key that no other owner can send: their requests would be answered with each other's answers.
fn idempotency_key(value: &str, owner: &[&str]) -> String {
    let mut text = String::new();
    for part in owner.iter().chain([&value]) {
        text.push_str(&part.len().to_string());
        text.push(':');
        text.push_str(part);
    }
    format!("nx-{}", sha256_hex(&text))
}

fn form_of(name: &str, exact: &[(&str, Form)], prefixes: &[(&str, Form)]) -> Option<Form> {
    let known = exact.iter().find(|(known, _)| *known == name);
    let known = known.or_else(|| prefixes.iter().find(|(prefix, _)| name.starts_with(prefix)));
    known.map(|(_, form)| *form)
}

impl Form {
    fn accepts(self, value: &str) -> bool {
        if value.is_empty() || value.len() > MAX_VALUE_BYTES || !is_valid_value(value) {
            return false;
        }
        match self {
            Self::Text => true,
            Self::Words => {
                value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-, :=".contains(&byte))
            }
            Self::TraceParent => is_trace_parent(value),
            Self::MediaTypes => {
                value.split(',').all(|media_type| media_type.contains('/'))
                    && value
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-*/;=, \"'()?:".contains(&byte))
            }
            Self::Id => request_id::accept(value).is_some(),
            Self::Count => value.len() <= MAX_DIGITS && value.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Moment => {
                value.len() <= MAX_LIMIT_BYTES
                    && value.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-+, ".contains(&byte))
            }
            Self::Idempotency => false,
        }
    }
}

fn is_trace_parent(value: &str) -> bool {
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = value.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWNER: [&str; 2] = ["key-1", "gpt-5"];

    fn passes(name: &str, value: &str) -> bool {
        to_upstream(name, value, &OWNER).is_some()
    }

    #[test]
    fn credentials_accounts_and_network_details_of_the_caller_stay_here() {
        for name in [
            "anthropic-organization-id",
            "anthropic-workspace-id",
            "api-key",
            "authorization",
            "cf-ray",
            "cookie",
            "host",
            "ocp-apim-subscription-key",
            "openai-organization",
            "openai-project",
            "range",
            "x-amz-security-token",
            "x-api-key",
            "x-client-name",
            "x-dashscope-workspace",
            "x-forwarded-for",
            "x-goog-api-key",
            "x-goog-user-project",
            "x-ms-client-principal",
            "x-nexus-fallback",
        ] {
            assert!(!passes(name, "1"), "{name}");
        }
        for (name, value) in [
            ("accept", "application/json, */*;q=0.8"),
            ("anthropic-beta", "tools-2024-04-04,files-api-2025-04-14"),
            ("anthropic-version", "2023-06-01"),
            ("openai-beta", "assistants=v2"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("user-agent", "OpenAI/Python 2.1"),
            ("x-stainless-lang", "js"),
        ] {
            assert!(passes(name, value), "{name}");
        }
    }

    #[test]
    fn nonsense_does_not_pass() {
        let long = "a".repeat(64 << 10);
        for (name, value) in [
            ("accept", "json"),
            ("accept", "text/html\u{e9}"),
            ("anthropic-version", "2023-06-01<script>"),
            ("traceparent", "00-xyz-1-01"),
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01, 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            ("user-agent", ""),
            ("user-agent", "caf\u{e9}"),
            ("user-agent", long.as_str()),
            ("x-stainless-os", long.as_str()),
        ] {
            assert!(!passes(name, value), "{name}: {}", value.get(..40).unwrap_or(value));
        }
    }

    #[test]
    fn an_idempotency_key_is_that_of_one_caller_and_one_model() {
        let sent = |value, owner: &[&str]| to_upstream("idempotency-key", value, owner).unwrap().into_owned();
        let first = sent("retry-1", &OWNER);
        assert_eq!(first, sent("retry-1", &OWNER));
        assert_eq!(first.len(), 67);
        for (value, owner) in [
            ("retry-2", ["key-1", "gpt-5"]),
            ("retry-1", ["key-2", "gpt-5"]),
            ("retry-1", ["key-1", "gpt-5-mini"]),
            ("retry-1", ["key-1g", "pt-5"]),
        ] {
            assert_ne!(first, sent(value, &owner));
        }
        assert_eq!(sent(&"k".repeat(64 << 10), &OWNER).len(), 67);
        assert_eq!(to_upstream("idempotency-key", "", &OWNER), None);
    }

    #[test]
    fn limits_of_the_upstream_reach_the_caller_and_its_account_does_not() {
        for (name, value) in [
            ("anthropic-ratelimit-tokens-remaining", "12000"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-29T13:00:00Z"),
            ("content-type", "text/event-stream; charset=utf-8"),
            ("content-type", "multipart/mixed; boundary=\"a\""),
            ("openai-version", "2020-10-01"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1m30.5s"),
            ("x-ratelimit-reset-tokens", "6ms"),
            ("x-should-retry", "false"),
        ] {
            assert!(reaches_caller(name, value), "{name}");
        }
        for (name, value) in [
            ("anthropic-organization-id", "org"),
            ("authorization", "Bearer a"),
            ("cf-cache-status", "HIT"),
            ("content-length", "1"),
            ("content-type", "nonsense"),
            ("openai-organization", "org-1"),
            ("openai-processing-ms", "-4"),
            ("openai-processing-ms", "1e9"),
            ("openai-project", "proj_1"),
            ("retry-after", "5"),
            ("retry-after-ms", "5"),
            ("set-cookie", "a=b"),
            ("x-api-key", "a"),
            ("x-debug", "a"),
            ("x-nexus-provider", "other"),
            ("x-ratelimit-limit-requests", "1e300"),
            ("x-ratelimit-remaining-requests", "-1"),
            ("x-ratelimit-remaining-tokens", "99999999999999999999"),
            ("x-ratelimit-reset-tokens", "<b>"),
            ("x-request-id", "req_1"),
        ] {
            assert!(!reaches_caller(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn of_a_query_versions_pass_and_credentials_do_not() {
        for (query, passed) in [
            ("beta=true", "beta=true"),
            ("key=sk-nx-1&beta=true&api-version=2024-01-01", "beta=true"),
            ("%6Bey=sk-nx-1&API_KEY=1&access_token=1&sig=1&workspace_id=1&trace=a%20b", "trace=a%20b"),
            (
                "include%5B%5D=a&include[]=b&stream=true&starting_after=3",
                "include%5B%5D=a&include[]=b&stream=true&starting_after=3",
            ),
            ("beta=\u{e9}&=1&&x", "x"),
            ("", ""),
        ] {
            assert_eq!(query_to_upstream(query), passed);
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_valid_in_a_header(name in "[a-z-]{1,30}", value in "\\PC{0,80}") {
            for name in [name.as_str(), "accept", "idempotency-key", "traceparent", "user-agent"] {
                if let Some(passed) = to_upstream(name, &value, &OWNER) {
                    prop_assert!(is_valid_value(&passed) && !passed.is_empty() && passed.len() <= MAX_VALUE_BYTES);
                }
            }
            if reaches_caller("content-type", &value) {
                prop_assert!(is_valid_value(&value));
            }
        }
    }
}
