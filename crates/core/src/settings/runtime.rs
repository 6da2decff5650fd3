//! The settings that an administrator may change while the gateway runs: a stored value stands before the variable of the deployment.
//!
//! What decides who gets in and where requests may go, what objects with state of their own read, and secrets are variables only.

use crate::error::ApiError;
use crate::secrets::pii::{Place, Reach};

/// Longest value that is a list or a text, in bytes.
const MAX_TEXT: usize = 2_000;

/// A setting that may be changed.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeSetting {
    /// The name of the variable.
    pub name: &'static str,
    /// What it may be.
    pub form: Form,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A whole number between these.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Where personal data is replaced: `off`, `all`, or names of places, separated by commas.
    Redaction,
    /// Dollars with at most 6 decimals, or nothing.
    Dollars,
    /// Any text.
    Text,
}

const DAYS: Form = Form::Number(1, 36_500);

/// All of them.
pub const RUNTIME: &[RuntimeSetting] = &[
    RuntimeSetting { name: "MAX_BODY_BYTES", form: Form::Number(1_024, 100 << 20) },
    RuntimeSetting { name: "BODY_TIMEOUT_MS", form: Form::Number(100, 600_000) },
    RuntimeSetting { name: "KEEP_ALIVE_MS", form: Form::Number(100, 600_000) },
    RuntimeSetting { name: "CORS_ALLOWED_ORIGINS", form: Form::Text },
    RuntimeSetting { name: "GLOBAL_REQUESTS_PER_SECOND", form: Form::Number(0, 1_000_000) },
    RuntimeSetting { name: "UNKNOWN_PRICE_CEILING", form: Form::Dollars },
    RuntimeSetting { name: "STATS_QUARTER_DAYS", form: DAYS },
    RuntimeSetting { name: "STATS_HOUR_DAYS", form: DAYS },
    RuntimeSetting { name: "STATS_DAY_DAYS", form: DAYS },
    RuntimeSetting { name: "REQUEST_LOG_DAYS", form: DAYS },
    RuntimeSetting { name: "REQUEST_ARCHIVE_DAYS", form: DAYS },
    RuntimeSetting { name: "ARCHIVE_DAYS", form: DAYS },
    RuntimeSetting { name: "ALERT_DAYS", form: DAYS },
    RuntimeSetting { name: "OWN_PROVIDERS", form: Form::Number(0, 1_000) },
    RuntimeSetting { name: "METRICS_SERIES", form: Form::Number(100, 100_000) },
    RuntimeSetting { name: "LOG_LEVEL", form: Form::Word(&["error", "warn", "info", "debug"]) },
    RuntimeSetting { name: "REDACT_PII", form: Form::Redaction },
    RuntimeSetting { name: "PII_PATTERNS", form: Form::Text },
    RuntimeSetting { name: "BACKUP_HOURLY", form: Form::Flag },
];

/// The settings that are variables or secrets of the deployment only.
pub const VARIABLES_ONLY: &[&str] = &[
    "ADMIN_TOKEN",
    "MASTER_KEY",
    "MASTER_KEY_PREVIOUS",
    "METRICS_TOKEN",
    "ALLOW_PRIVATE_UPSTREAMS",
    "ENABLE_CREDIT_CHECK",
    "INITIAL_CREDITS",
    "CREDIT_RESERVATION_S",
    "CREDIT_RECONCILE_S",
    "CHAT_PER_MINUTE",
    "CHAT_STREAM_PER_MINUTE",
    "RECORD_SINK",
    "OTEL_GENAI_NAMES",
    "OTLP_ENDPOINT",
    "OTLP_HEADERS",
    "OTLP_SAMPLE",
    "PUBLIC_URL",
    "MAIL_WEBHOOK",
    "MAIL_WEBHOOK_SECRET",
];

/// The setting with a name, if it may be changed.
#[must_use]
pub fn find(name: &str) -> Option<&'static RuntimeSetting> {
    RUNTIME.iter().find(|setting| setting.name == name)
}

/// Checks a value for a setting.
///
/// # Errors
/// `invalid_value`, or `unknown_parameter` for what is no setting that may be changed; `param` is `settings.<name>`.
pub fn check(name: &str, value: &str) -> Result<(), ApiError> {
    let param = format!("settings.{name}");
    let Some(setting) = find(name) else {
        let shown: String = name.chars().take(60).collect();
        let message = format!("`{shown}` is no setting that can be changed while the gateway runs.");
        return Err(ApiError::invalid("invalid_value", param, message));
    };
    let fault = match setting.form {
        Form::Number(least, most) => {
            let is_number = value.parse().is_ok_and(|number: u64| (least..=most).contains(&number));
            (!is_number).then(|| format!("a whole number from {least} to {most}"))
        }
        Form::Flag => (!matches!(value, "true" | "false")).then(|| "`true` or `false`".to_owned()),
        Form::Word(words) => (!words.contains(&value)).then(|| format!("one of {}", words.join(", "))),
        Form::Redaction => Reach::named(value).is_none().then(|| {
            let places: Vec<&str> = Place::NAMES.iter().map(|(name, _)| *name).collect();
            format!("`off`, `all`, or some of {}, separated by commas", places.join(", "))
        }),
        Form::Dollars => {
            let is_amount = value.is_empty() || super::micros(value).is_some();
            (!is_amount).then(|| "an amount of dollars with at most 6 decimals, or empty".to_owned())
        }
        Form::Text => {
            let is_text = value.len() <= MAX_TEXT && !value.chars().any(char::is_control);
            (!is_text).then(|| format!("a text of at most {MAX_TEXT} bytes without control characters"))
        }
    };
    match fault {
        None => Ok(()),
        Some(fault) => Err(ApiError::invalid("invalid_value", param, format!("`{name}` must be {fault}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_their_setting() {
        for (name, good, bad) in [
            ("KEEP_ALIVE_MS", "5000", "5s"),
            ("GLOBAL_REQUESTS_PER_SECOND", "0", "-1"),
            ("LOG_LEVEL", "debug", "loud"),
            ("BACKUP_HOURLY", "false", "no"),
            ("REDACT_PII", "logs,exports", "logs,nowhere"),
            ("UNKNOWN_PRICE_CEILING", "2.5", "cheap"),
            ("ARCHIVE_DAYS", "30", "0"),
            ("CORS_ALLOWED_ORIGINS", "https://a.example", "a\nb"),
        ] {
            assert!(check(name, good).is_ok(), "{name}");
            assert_eq!(check(name, bad).unwrap_err().param, Some(format!("settings.{name}")));
        }
        for name in ["ADMIN_TOKEN", "MASTER_KEY", "ALLOW_PRIVATE_UPSTREAMS", "nothing"] {
            assert!(check(name, "x").is_err(), "{name}");
        }
    }
}
