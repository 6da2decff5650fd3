//! Path patterns of the route table.
//!
//! A pattern consists of literal segments, `{name}` (one segment) and a final `{name...}` (the rest, slashes
//! included: model ids contain them). Matching works on the raw path and decodes only what it captures, so that an
//! encoded slash stays inside its segment.

use std::borrow::Cow;

use super::percent;

/// Why a matching path cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the path contains an invalid percent-encoding")]
    BadEncoding,
}

/// The captured parameters of a path; the empty string where the pattern has none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured<'a> {
    /// The first.
    pub first: Cow<'a, str>,
    /// The second.
    pub second: Cow<'a, str>,
}

impl Captured<'_> {
    /// All of them, with `/` between them.
    #[must_use]
    pub fn joined(&self) -> String {
        if self.second.is_empty() {
            self.first.to_string()
        } else {
            format!("{}/{}", self.first, self.second)
        }
    }
}

/// Normalises common misspellings of a path by clients: removes a trailing slash, and one `/v1` where a base URL that
/// already ends in `/v1` was joined with `/v1/…`.
#[must_use]
pub fn normalize(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("/v1/v1/").map(|_| path.get("/v1".len()..).unwrap_or(path)) {
        path = rest;
    }
    match path.strip_suffix('/') {
        Some("") | None => path,
        Some(trimmed) => trimmed,
    }
}

/// Matches `path` against `pattern`; `None` if they do not match. A pattern has at most two parameters.
#[must_use]
pub fn matches<'a>(pattern: &str, path: &'a str) -> Option<Result<Captured<'a>, PathError>> {
    let Some((prefix, parameter)) = pattern.split_once('{') else {
        return (pattern == path).then(|| Ok(Captured::default()));
    };
    let (parameter, suffix) = parameter.split_once('}')?;
    let rest = path.strip_prefix(prefix)?;
    let (value, further) = if suffix.contains('{') {
        let (value, rest) = rest.split_at(rest.find('/')?);
        (value, matches(suffix, rest)?)
    } else {
        (rest.strip_suffix(suffix)?, Ok(Captured::default()))
    };
    let takes_slashes = parameter.ends_with("...");
    if value.is_empty() || (!takes_slashes && value.contains('/')) {
        return None;
    }
    let captured = percent::decode(value)
        .ok_or(PathError::BadEncoding)
        .and_then(|first| further.map(|further| Captured { first, second: further.first }));
    Some(captured)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(pattern: &str, path: &str) -> Option<String> {
        matches(pattern, path).map(|result| result.unwrap().first.into_owned())
    }

    fn capture_two(path: &str) -> Option<(String, String)> {
        let captured = matches("/providers/{id}/keys/{key_id}", path)?.unwrap();
        Some((captured.first.into_owned(), captured.second.into_owned()))
    }

    #[test]
    fn two_parameters() {
        assert_eq!(capture_two("/providers/7/keys/K"), Some(("7".into(), "K".into())));
        assert_eq!(capture_two("/providers/a%2Fb/keys/%20"), Some(("a/b".into(), " ".into())));
        for path in [
            "/providers/7/keys/",
            "/providers//keys/K",
            "/providers/7/keys/K/x",
            "/providers/7/k/K",
            "/providers/7",
        ] {
            assert_eq!(capture_two(path), None, "{path}");
        }
    }

    #[test]
    fn literal_parameter_and_rest() {
        assert_eq!(capture("/health", "/health"), Some(String::new()));
        assert_eq!(capture("/health", "/health/x"), None);
        assert_eq!(capture("/providers/{id}", "/providers/7"), Some("7".into()));
        assert_eq!(capture("/providers/{id}", "/providers/7/models"), None);
        assert_eq!(capture("/providers/{id}/models", "/providers/7/models"), Some("7".into()));
        assert_eq!(capture("/providers/{id}", "/providers/"), None);
        assert_eq!(capture("/v1/models/{id...}", "/v1/models/meta/llama-3"), Some("meta/llama-3".into()));
        assert_eq!(capture("/v1/models/{id...}", "/v1/models/meta%2Fllama"), Some("meta/llama".into()));
    }

    #[test]
    fn broken_encodings_are_reported_not_guessed() {
        for path in ["/x/%", "/x/%4", "/x/%zz", "/x/%ff"] {
            assert_eq!(matches("/x/{id}", path), Some(Err(PathError::BadEncoding)), "{path}");
            let two = format!("/x/1{path}");
            assert_eq!(matches("/x/{id}/x/{key}", &two), Some(Err(PathError::BadEncoding)), "{two}");
        }
    }

    #[test]
    fn common_misspellings_are_normalized() {
        assert_eq!(normalize("/v1/v1/chat/completions"), "/v1/chat/completions");
        assert_eq!(normalize("/v1/v1/v1/models"), "/v1/models");
        assert_eq!(normalize("/v1/models/"), "/v1/models");
        assert_eq!(normalize("/"), "/");
        assert_eq!(normalize("/v1"), "/v1");
    }
}
