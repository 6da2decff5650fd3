//! The codec of each dialect.

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{CallerCodec, ErrorInfo, UpstreamCodec};
use crate::dialect::upstream::verdict::Judged;
use crate::dialect::{anthropic, gemini, openai, responses};
use crate::error::ApiError;
use serde::de::IgnoredAny;

/// The codec of a caller dialect.
#[must_use]
pub fn caller(caller_dialect: CallerDialect) -> Box<dyn CallerCodec> {
    match caller_dialect {
        CallerDialect::OpenaiChat => Box::new(openai::codec::OpenAi::default()),
        CallerDialect::OpenaiCompletions => Box::new(openai::legacy::LegacyCompletions),
        CallerDialect::OpenaiResponses => Box::new(responses::Responses),
        CallerDialect::Anthropic => Box::new(anthropic::Anthropic),
        CallerDialect::Gemini => Box::new(gemini::Gemini),
    }
}

/// What replaces an upstream's error body that is not JSON (a page of a proxy, the beginning of a stream), which no SDK of
/// the caller's dialect could read; `None` if `body` is JSON and can be passed on.
#[must_use]
pub fn replace_unreadable_error(
    caller_dialect: CallerDialect,
    body: &[u8],
    error: &ErrorInfo,
    request_id: &str,
) -> Option<Vec<u8>> {
    if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        return None;
    }
    Some(caller(caller_dialect).encode_error(error, request_id))
}

/// The body of an error response in a caller dialect.
#[must_use]
pub fn encode_error(caller_dialect: CallerDialect, error: &ErrorInfo, request_id: &str) -> Vec<u8> {
    match caller_dialect {
        CallerDialect::Anthropic | CallerDialect::Gemini => {
            caller(caller_dialect).encode_error(error, request_id)
        }
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions | CallerDialect::OpenaiResponses => {
            openai::codec::encode_passthrough_error(error)
        }
    }
}

/// The body of the response for an error of the gateway's own. In the dialects of `OpenAI`:
///
/// ```json
/// {"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}
/// ```
#[must_use]
pub fn encode_own_error(caller_dialect: CallerDialect, error: &ApiError, request_id: &str) -> Vec<u8> {
    let error = ErrorInfo::from(error);
    match caller_dialect {
        CallerDialect::Anthropic | CallerDialect::Gemini => {
            caller(caller_dialect).encode_error(&error, request_id)
        }
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions | CallerDialect::OpenaiResponses => {
            openai::codec::encode_own_error(&error)
        }
    }
}

/// The codec of upstreams with the dialect of these callers.
#[must_use]
pub fn upstream(caller_dialect: CallerDialect) -> Box<dyn UpstreamCodec> {
    match caller_dialect {
        CallerDialect::Anthropic => Box::new(Judged::new(Box::new(anthropic::Anthropic))),
        CallerDialect::Gemini => Box::new(Judged::new(Box::new(gemini::Gemini))),
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => {
            Box::new(Judged::new(Box::new(openai::codec::OpenAi::default())))
        }
        CallerDialect::OpenaiResponses => {
            Box::new(Judged::new(Box::new(responses::ResponsesUpstream::default())))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;

    fn written(caller_dialect: CallerDialect, error: &ApiError) -> Value {
        serde_json::from_slice(&encode_own_error(caller_dialect, error, "req_1")).unwrap()
    }

    #[test]
    fn the_gateways_own_errors_have_a_type_in_every_dialect() {
        let unsupported = ApiError::unsupported("unsupported_parameter", "background", "m");
        for (error, openai, anthropic, gemini) in [
            (
                ApiError::invalid_json("m"),
                "invalid_request_error",
                "invalid_request_error",
                "INVALID_ARGUMENT",
            ),
            (unsupported, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
            (
                ApiError::unauthorized("c", "m"),
                "authentication_error",
                "authentication_error",
                "UNAUTHENTICATED",
            ),
            (ApiError::forbidden("c", "m"), "permission_error", "permission_error", "PERMISSION_DENIED"),
            (ApiError::not_found("c", "m"), "invalid_request_error", "not_found_error", "NOT_FOUND"),
            (ApiError::too_large(1), "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
            (
                ApiError::new(402, ErrorKind::InsufficientQuota, "c", "m"),
                "insufficient_quota",
                "billing_error",
                "RESOURCE_EXHAUSTED",
            ),
            (
                ApiError::new(429, ErrorKind::RateLimit, "c", "m"),
                "rate_limit_error",
                "rate_limit_error",
                "RESOURCE_EXHAUSTED",
            ),
            (
                ApiError::new(503, ErrorKind::Overloaded, "c", "m"),
                "upstream_error",
                "overloaded_error",
                "UNAVAILABLE",
            ),
            (ApiError::unavailable("c", "m"), "server_error", "overloaded_error", "UNAVAILABLE"),
            (ApiError::bad_gateway("c", "m"), "upstream_error", "api_error", "UNAVAILABLE"),
            (ApiError::upstream_timeout("answer", 5), "timeout_error", "timeout_error", "DEADLINE_EXCEEDED"),
            (ApiError::internal(), "server_error", "api_error", "INTERNAL"),
        ] {
            for caller_dialect in
                [CallerDialect::OpenaiChat, CallerDialect::OpenaiCompletions, CallerDialect::OpenaiResponses]
            {
                let expected = json!({"error": {
                    "message": error.message, "type": openai, "param": error.param, "code": error.code,
                }});
                assert_eq!(written(caller_dialect, &error), expected);
            }
            assert_eq!(written(CallerDialect::Anthropic, &error)["error"]["type"], anthropic);
            assert_eq!(written(CallerDialect::Gemini, &error)["error"]["status"], gemini);
        }
    }
}
