//! Finding the API key in a request.
//!
//! Each SDK sends it in its own header, and all of them are accepted, so that a client needs only a new base URL and
//! key: `Authorization: Bearer` (`OpenAI`), `x-api-key` (Anthropic), `api-key` (Azure), `x-goog-api-key` (Gemini).

/// Headers that hold a bare key, in the order in which they are tried after `authorization`.
pub const KEY_HEADERS: [&str; 3] = ["x-api-key", "api-key", "x-goog-api-key"];

/// The token of an `Authorization: Bearer` header. The scheme is case-insensitive (RFC 9110, section 11.1).
#[must_use]
pub fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The key of a request whose headers are read with `header` (by lower-case name).
pub fn find(header: impl Fn(&str) -> Option<String>) -> Option<String> {
    let bearer = header("authorization").and_then(|value| bearer_token(&value).map(str::to_owned));
    bearer.or_else(|| {
        KEY_HEADERS
            .iter()
            .find_map(|name| header(name).map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_accepted_and_bearer_comes_first() {
        for name in ["x-api-key", "api-key", "x-goog-api-key"] {
            assert_eq!(
                find(|asked| (asked == name).then(|| " k ".to_owned())).as_deref(),
                Some("k"),
                "{name}"
            );
        }
        let both = |name: &str| match name {
            "authorization" => Some("bearer  b ".to_owned()),
            "x-api-key" => Some("x".to_owned()),
            _ => None,
        };
        assert_eq!(find(both).as_deref(), Some("b"));
    }

    #[test]
    fn other_schemes_and_empty_tokens_are_no_key() {
        for value in ["Basic abc", "Bearer", "Bearer  ", "", "token"] {
            assert_eq!(bearer_token(value), None, "{value:?}");
        }
    }
}
