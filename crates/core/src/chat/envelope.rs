//! The envelope of the session API: every answer of it, errors included, is
//! `{success, data, message, timestamp, request_id, error_code}`.

use serde::Serialize;

use crate::error::ApiError;

/// An answer of the session API.
#[derive(Debug, Serialize)]
pub struct Envelope<'a, T> {
    success: bool,
    data: Option<T>,
    message: &'a str,
    timestamp: String,
    request_id: &'a str,
    error_code: Option<String>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
}

impl<'a, T: Serialize> Envelope<'a, T> {
    /// The envelope of a success.
    #[must_use]
    pub fn success(data: T, message: &'a str, now_ms: u64, request_id: &'a str) -> Self {
        Self {
            success: true,
            data: Some(data),
            message,
            timestamp: rfc3339(now_ms),
            request_id,
            error_code: None,
            param: None,
        }
    }
}

impl<'a> Envelope<'a, ()> {
    /// The envelope of an error.
    #[must_use]
    pub fn failure(error: &'a ApiError, now_ms: u64, request_id: &'a str) -> Self {
        Self {
            success: false,
            data: None,
            message: &error.message,
            timestamp: rfc3339(now_ms),
            request_id,
            error_code: Some(error_code(error)),
            param: error.param.as_deref(),
        }
    }
}

/// The code in the words of the session API: those of its predecessor where it had one, else the gateway's own.
#[must_use]
pub fn error_code(error: &ApiError) -> String {
    let known = match error.code {
        "missing_api_key" => "MISSING_AUTH_HEADER",
        "invalid_api_key" | "api_key_disabled" | "api_key_expired" => "INVALID_TOKEN",
        "rate_limited" => "RATE_LIMIT_EXCEEDED",
        "invalid_json" => "INVALID_JSON",
        "missing_required_parameter" => "MISSING_FIELDS",
        "session_not_found" => "INVALID_SESSION",
        other => return other.to_ascii_uppercase(),
    };
    known.to_owned()
}

/// A time as RFC 3339 writes it, in UTC with milliseconds.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let (seconds, millis) = (ms / 1000, ms % 1000);
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The date of a day since 1970-01-01, by counting in eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_123), "2000-02-29T00:00:00.123Z");
        assert_eq!(rfc3339(1_795_260_896_007), "2026-11-21T11:34:56.007Z");
    }

    #[test]
    fn both_envelopes_have_the_same_fields() {
        let success = serde_json::to_value(Envelope::success(1, "ok", 0, "r")).unwrap();
        let error = ApiError::invalid("missing_required_parameter", "model", "No model.");
        let failure = serde_json::to_value(Envelope::failure(&error, 0, "r")).unwrap();
        for field in ["success", "data", "message", "timestamp", "request_id", "error_code"] {
            assert!(success.get(field).is_some() && failure.get(field).is_some(), "{field}");
        }
        assert_eq!(failure["error_code"], "MISSING_FIELDS");
        assert_eq!(failure["param"], "model");
        assert_eq!(error_code(&ApiError::model_not_found("x")), "MODEL_NOT_FOUND");
    }
}
