//! Whether the response to a request is cached, and for how long.
//!
//! The cache is off unless enabled. Precedence: request header, API key, logical model.

use super::logical_model::MAX_CACHE_TTL_S;
use crate::error::ApiError;

/// The header that enables the cache, and reports how it was used.
pub const HEADER: &str = "x-nexus-cache";
/// Seconds for which a response is cached if the request only says `on`.
const DEFAULT_TTL_S: u64 = 3_600;

/// How the cache is to be used for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheRule {
    /// Seconds for which the response is kept.
    pub ttl_s: u64,
    /// A cached response must not be used, but replaced.
    pub refresh: bool,
}

/// The rule for a request; `None` if the cache is off. `header`: what the request says. `of_key`, `of_model`: the seconds
/// that its key and its logical model say; a key with 0 overrides its models. `regenerates`: an answer of a session is wanted
/// anew.
///
/// # Errors
/// `invalid_value` (400) naming the header.
pub fn cache_rule(
    header: Option<&str>,
    of_key: Option<u32>,
    of_model: Option<u32>,
    regenerates: bool,
) -> Result<Option<CacheRule>, ApiError> {
    let configured = of_key.or(of_model).map(u64::from).filter(|ttl_s| *ttl_s > 0);
    let rule = match (header.map(str::trim), configured) {
        (None, None) | (Some("off"), _) => return Ok(None),
        (None, Some(ttl_s)) => CacheRule { ttl_s, refresh: regenerates },
        (Some("on"), configured) => CacheRule { ttl_s: configured.unwrap_or(DEFAULT_TTL_S), refresh: false },
        (Some("refresh"), configured) => {
            CacheRule { ttl_s: configured.unwrap_or(DEFAULT_TTL_S), refresh: true }
        }
        (Some(seconds), _) => {
            let seconds = seconds.parse().ok().filter(|seconds| (1..=MAX_CACHE_TTL_S).contains(seconds));
            let ttl_s = seconds.ok_or_else(|| {
                let message = format!(
                    "`{HEADER}` must be on, off, refresh, or a number of seconds up to {MAX_CACHE_TTL_S}."
                );
                ApiError::invalid("invalid_value", HEADER, message)
            })?;
            CacheRule { ttl_s, refresh: false }
        }
    };
    Ok(Some(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(header: Option<&str>, of_key: Option<u32>, of_model: Option<u32>) -> Option<(u64, bool)> {
        cache_rule(header, of_key, of_model, false).unwrap().map(|rule| (rule.ttl_s, rule.refresh))
    }

    #[test]
    fn the_request_goes_before_its_key_and_the_key_before_its_model() {
        assert_eq!(rule(None, None, None), None);
        assert_eq!(rule(None, None, Some(60)), Some((60, false)));
        assert_eq!(rule(None, Some(30), Some(60)), Some((30, false)));
        assert_eq!(rule(None, Some(0), Some(60)), None);
        assert_eq!(rule(Some("off"), Some(30), Some(60)), None);
        assert_eq!(rule(Some(" on "), Some(30), None), Some((30, false)));
        assert_eq!(rule(Some("on"), Some(0), Some(60)), Some((3_600, false)));
        assert_eq!(rule(Some("refresh"), None, None), Some((3_600, true)));
        assert_eq!(rule(Some("5"), Some(30), None), Some((5, false)));
    }

    #[test]
    fn a_regenerated_answer_replaces_the_cached_one() {
        let regenerated = |header| cache_rule(header, Some(30), None, true).unwrap().map(|rule| rule.refresh);
        assert_eq!(regenerated(None), Some(true));
        assert_eq!(regenerated(Some("on")), Some(false));
    }

    #[test]
    fn anything_else_in_the_header_is_an_error() {
        let too_long = (MAX_CACHE_TTL_S + 1).to_string();
        for header in ["", "0", "-1", "1.5", "yes", &too_long] {
            let error = cache_rule(Some(header), Some(30), None, false).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), ("invalid_value", Some(HEADER)), "{header}");
        }
    }
}
