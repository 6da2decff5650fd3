//! Which headers are forwarded between caller and upstream.
//!
//! Requests use an allow list: the caller's credentials, cookies and network details must not reach a provider by
//! accident. Answers use a deny list: all headers of a provider are forwarded, except hop-by-hop headers, those that
//! the gateway sets itself, and cookies of the provider's domain.

/// Request headers that are forwarded unchanged.
const FORWARDED_REQUEST_HEADERS: &[&str] = &[
    "accept",
    "content-type",
    "http-referer",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-title",
];

/// Prefixes of request headers that are forwarded unchanged.
const FORWARDED_REQUEST_PREFIXES: &[&str] = &["anthropic-", "openai-", "x-stainless-"];

/// Response headers that are not forwarded: hop-by-hop headers (RFC 9110, section 7.6.1), headers about the encoding
/// of a body that the platform has decoded, cookies, and those that the gateway sets itself.
const WITHHELD_RESPONSE_HEADERS: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "keep-alive",
    "nel",
    "proxy-authenticate",
    "proxy-authorization",
    "report-to",
    "server",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// Prefixes of response headers that are not forwarded.
const WITHHELD_RESPONSE_PREFIXES: &[&str] = &["cf-", "x-nexus-"];

/// Words that mark a header whose value is a credential.
const CREDENTIAL_WORDS: &[&str] =
    &["auth", "cookie", "credential", "key", "password", "secret", "signature", "token"];

/// Headers that a provider's configuration may not set, because the platform or the gateway sets them.
const RESERVED_PROVIDER_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a caller's header (lower-case name) is forwarded to the upstream.
#[must_use]
pub fn forwards_to_upstream(name: &str) -> bool {
    FORWARDED_REQUEST_HEADERS.contains(&name)
        || FORWARDED_REQUEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether an upstream's header (lower-case name) is forwarded to the caller.
#[must_use]
pub fn forwards_to_caller(name: &str) -> bool {
    !WITHHELD_RESPONSE_HEADERS.contains(&name)
        && !WITHHELD_RESPONSE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether the value of a header with this name must be masked when it is shown.
#[must_use]
pub fn carries_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIAL_WORDS.iter().any(|word| name.contains(word))
}

/// Whether `name` is a header name (RFC 9110 `token`) that a provider's configuration may set.
#[must_use]
pub fn may_be_configured(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        && !RESERVED_PROVIDER_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether `value` is valid in a header: visible ASCII, spaces and tabs, none at the ends.
#[must_use]
pub fn is_valid_value(value: &str) -> bool {
    value.trim() == value && value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_network_details_of_the_caller_stay_here() {
        for name in [
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "cookie",
            "x-forwarded-for",
            "cf-ray",
            "host",
        ] {
            assert!(!forwards_to_upstream(name), "{name}");
        }
        for name in ["anthropic-beta", "openai-organization", "traceparent", "x-stainless-lang"] {
            assert!(forwards_to_upstream(name), "{name}");
        }
    }

    #[test]
    fn rate_limits_of_the_upstream_reach_the_caller() {
        for name in ["x-ratelimit-remaining-tokens", "retry-after", "openai-version", "content-type"] {
            assert!(forwards_to_caller(name), "{name}");
        }
        for name in ["set-cookie", "content-length", "cf-cache-status", "x-request-id", "x-nexus-provider"] {
            assert!(!forwards_to_caller(name), "{name}");
        }
    }

    #[test]
    fn header_names_of_a_provider_are_checked() {
        assert!(may_be_configured("X-Custom"));
        for bad in ["", "a b", "a:b", "Host", "é", "content-length"] {
            assert!(!may_be_configured(bad), "{bad:?}");
        }
        assert!(!is_valid_value("a\r\nb"));
        assert!(carries_credential("X-Auth-Token") && !carries_credential("HTTP-Referer"));
    }
}
