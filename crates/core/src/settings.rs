//! Variables and secrets of a deployment. docs/deploy.md lists them.
//!
//! A value that cannot be read counts as not set; only a required secret that is missing or too short is an error.

pub mod mail;
pub mod otlp;
pub mod runtime;
pub mod strength;

pub use mail::MailSettings;
pub use otlp::OtlpSettings;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::strength::{weakness_of_key, weakness_of_token};
use crate::hash::sha256_hex;
use crate::logging::Level;
use crate::secrets::pii::{Pattern, Pii, Reach};
use crate::secrets::{Keyring, Secret};

const DEFAULT_MAX_BODY_BYTES: usize = 32 << 20;
const DEFAULT_BODY_TIMEOUT_MS: u64 = 20_000;
const DEFAULT_KEEP_ALIVE_MS: u64 = 15_000;
const DEFAULT_REQUESTS_PER_SECOND: u64 = 1_000;
const DEFAULT_CHAT_PER_MINUTE: u32 = 60;
const DEFAULT_CHAT_STREAM_PER_MINUTE: u32 = 30;
const DEFAULT_METRICS_SERIES: usize = 2_000;
const DEFAULT_RESERVATION_S: u64 = 30 * 60;
const DEFAULT_RECONCILE_S: u64 = 60;
const DEFAULT_OWN_PROVIDERS: u32 = 3;
const MICROS: u64 = 1_000_000;
/// A hundred years.
const MAX_DAYS: u32 = 36_500;

/// The settings of a deployment.
pub struct Settings {
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Milliseconds that a request body may pause (`http::pace`).
    pub body_timeout_ms: u64,
    /// Milliseconds of silence in a stream after which a keep-alive comment is sent.
    pub keep_alive_ms: u64,
    /// Requests per second that one isolate accepts; 0 is no limit.
    pub requests_per_second: u64,
    /// Whether requests need credits.
    pub checks_credits: bool,
    /// Balance of a new account, in millionths of a credit.
    pub initial_credits: u64,
    /// Milliseconds after which a reservation whose request has not ended is charged.
    pub credit_reservation_ms: u64,
    /// Milliseconds after which an account compares its charges and reservations with the request log.
    pub credit_reconcile_ms: u64,
    /// The price of a million tokens of a model whose price is not known, in micro-dollars; `None`: keys with a budget or
    /// credits cannot use it.
    pub unknown_price: Option<u64>,
    /// Origins that browsers may call from; `None` is any.
    pub cors_origins: Option<Vec<String>>,
    /// Whether upstreams may have private or local addresses.
    pub allow_private_upstreams: bool,
    /// Turns of chat sessions per API key and minute that are not streamed.
    pub chat_per_minute: u32,
    /// Streamed turns of chat sessions per API key and minute, over HTTP and WebSocket together.
    pub chat_stream_per_minute: u32,
    /// For how many days statistics are kept.
    pub statistics_days: StatisticsDays,
    /// For how many days the rows of the request log are in the database.
    pub request_log_days: u32,
    /// Where the rows of requests are written to.
    pub record_sink: RecordSink,
    /// For how many days they are kept at all: when they leave the database they go to R2.
    pub request_archive_days: u32,
    /// For how many days conversations are archived.
    pub archive_days: u32,
    /// Metrics for Prometheus.
    pub metrics: MetricsSettings,
    /// For how many days alerts that ended, and deliveries to webhooks, are kept.
    pub alert_days: u32,
    /// How many private providers a user may have.
    pub own_providers: u32,
    /// The least important log lines that are written.
    pub log_level: Level,
    /// Where personal data is replaced.
    pub redact_pii: Reach,
    /// What is searched for there.
    pub pii: Pii,
    /// Whether a backup is made each hour.
    pub backup_hourly: bool,
    /// The collector of traces and metrics, if there is one.
    pub otlp: Option<OtlpSettings>,
    /// Where mail to users is handed over, if it can be sent at all.
    pub mail: Option<MailSettings>,
    /// The origin of the gateway's pages, such as `https://gateway.example`; `None`: that of each request.
    pub public_url: Option<String>,
    /// What is set and cannot be used, in words for the operator.
    pub complaints: Vec<String>,
    /// Names the deployment to itself, in requests that may come back ([`crate::http::hops`]).
    pub deployment: String,
    /// Authenticates the admin API.
    pub admin_token: Secret,
    /// Encrypts and decrypts sealed secrets.
    pub keyring: Keyring,
}

/// Where the rows of requests are written to. Sums are in the database in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RecordSink {
    /// The database.
    #[default]
    D1,
    /// R2: each batch of the queue is a pack.
    R2,
}

/// For how many days statistics are kept, by how fine they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsDays {
    /// Sums of quarters of an hour. Those of minutes are kept for two days.
    pub quarters: u32,
    /// Sums of hours.
    pub hours: u32,
    /// Sums of days.
    pub days: u32,
}

/// Metrics for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Authenticates those who read metrics, besides the admin token.
    pub token: Option<Secret>,
    /// Most time series.
    pub series: usize,
    /// The version of OpenTelemetry's conventions for generative AI whose names are used.
    pub genai_names: String,
}

impl Settings {
    /// Reads the settings; `variable` gives the value of a variable or secret by its name.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let number = |name: &str| variable(name).and_then(|value| value.trim().parse::<u64>().ok());
        let seconds = |name: &str, default: u64| number(name).unwrap_or(default).max(1).saturating_mul(1_000);
        let days = |name: &str, default: u32| {
            number(name).map_or(default, |days| u32::try_from(days).unwrap_or(MAX_DAYS)).clamp(1, MAX_DAYS)
        };
        let count = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        let is_true = |name: &str| variable(name).is_some_and(|value| value == "true");
        let admin_token = variable("ADMIN_TOKEN").unwrap_or_default();
        if let Some(weakness) = weakness_of_token(&admin_token) {
            return Err(format!("ADMIN_TOKEN {weakness}"));
        }
        let master_key = variable("MASTER_KEY").ok_or("MASTER_KEY must be set")?;
        let previous = variable("MASTER_KEY_PREVIOUS");
        let keyring =
            Keyring::new(&master_key, previous.as_deref()).map_err(|error| format!("MASTER_KEY: {error}"))?;
        // Checked behind the form, which the keyring knows.
        if let Some(weakness) = STANDARD.decode(master_key.trim()).ok().and_then(|key| weakness_of_key(&key))
        {
            return Err(format!("MASTER_KEY {weakness}"));
        }
        let allow_private_upstreams = is_true("ALLOW_PRIVATE_UPSTREAMS");
        let mut complaints = Vec::new();
        let metrics_token = variable("METRICS_TOKEN").filter(|token| {
            let weakness = weakness_of_token(token);
            complaints.extend(weakness.map(|weakness| format!("METRICS_TOKEN {weakness}")));
            weakness.is_none()
        });
        let [endpoint, headers, sample] = ["OTLP_ENDPOINT", "OTLP_HEADERS", "OTLP_SAMPLE"].map(&variable);
        let otlp = OtlpSettings::read(
            endpoint.as_deref(),
            headers.as_deref(),
            sample.as_deref(),
            allow_private_upstreams,
        );
        let otlp = otlp.unwrap_or_else(|reason| {
            complaints.push(format!("OTLP_ENDPOINT {reason}"));
            None
        });
        let (mail, public_url) = mail_and_origin(&variable, allow_private_upstreams, &mut complaints);
        Ok(Self {
            max_body_bytes: number("MAX_BODY_BYTES")
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(DEFAULT_MAX_BODY_BYTES),
            body_timeout_ms: number("BODY_TIMEOUT_MS").unwrap_or(DEFAULT_BODY_TIMEOUT_MS).max(1),
            keep_alive_ms: number("KEEP_ALIVE_MS").unwrap_or(DEFAULT_KEEP_ALIVE_MS).max(1),
            requests_per_second: number("GLOBAL_REQUESTS_PER_SECOND").unwrap_or(DEFAULT_REQUESTS_PER_SECOND),
            checks_credits: is_true("ENABLE_CREDIT_CHECK"),
            initial_credits: number("INITIAL_CREDITS").unwrap_or(0).saturating_mul(MICROS),
            credit_reservation_ms: seconds("CREDIT_RESERVATION_S", DEFAULT_RESERVATION_S),
            credit_reconcile_ms: seconds("CREDIT_RECONCILE_S", DEFAULT_RECONCILE_S),
            unknown_price: variable("UNKNOWN_PRICE_CEILING").and_then(|dollars| micros(&dollars)),
            cors_origins: variable("CORS_ALLOWED_ORIGINS").filter(|origins| origins.trim() != "*").map(
                |origins| {
                    origins.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect()
                },
            ),
            allow_private_upstreams,
            chat_per_minute: number("CHAT_PER_MINUTE").map_or(DEFAULT_CHAT_PER_MINUTE, count),
            chat_stream_per_minute: number("CHAT_STREAM_PER_MINUTE")
                .map_or(DEFAULT_CHAT_STREAM_PER_MINUTE, count),
            statistics_days: StatisticsDays {
                quarters: days("STATS_QUARTER_DAYS", 15),
                hours: days("STATS_HOUR_DAYS", 90),
                days: days("STATS_DAY_DAYS", 365),
            },
            request_log_days: days("REQUEST_LOG_DAYS", 30),
            record_sink: match variable("RECORD_SINK").as_deref() {
                Some("r2") => RecordSink::R2,
                _ => RecordSink::D1,
            },
            request_archive_days: days("REQUEST_ARCHIVE_DAYS", 183),
            archive_days: days("ARCHIVE_DAYS", 183),
            metrics: MetricsSettings {
                token: metrics_token.map(Secret::new),
                series: number("METRICS_SERIES")
                    .and_then(|series| usize::try_from(series).ok())
                    .unwrap_or(DEFAULT_METRICS_SERIES),
                genai_names: variable("OTEL_GENAI_NAMES").unwrap_or_else(|| "0.1".to_owned()),
            },
            alert_days: days("ALERT_DAYS", 30),
            own_providers: number("OWN_PROVIDERS").map_or(DEFAULT_OWN_PROVIDERS, count),
            log_level: variable("LOG_LEVEL").and_then(|name| Level::named(&name)).unwrap_or_default(),
            // A word that is none of these must not let personal data pass.
            redact_pii: variable("REDACT_PII")
                .map_or(Reach::OFF, |name| Reach::named(&name).unwrap_or(Reach::ALL)),
            pii: Pii::new(Pattern::list(&variable("PII_PATTERNS").unwrap_or_default())),
            backup_hourly: is_true("BACKUP_HOURLY"),
            otlp,
            mail,
            public_url,
            complaints,
            deployment: sha256_hex(&format!("deployment/{}", keyring.key_ids().next().unwrap_or_default()))
                .chars()
                .take(16)
                .collect(),
            admin_token: Secret::new(admin_token),
            keyring,
        })
    }

    /// Whether pages of this origin may call the gateway.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.cors_origins.as_ref().is_none_or(|allowed| allowed.iter().any(|allowed| allowed == origin))
    }
}

/// Where mail is handed over, and the origin that its links lead to.
fn mail_and_origin(
    variable: &impl Fn(&str) -> Option<String>,
    allow_private: bool,
    complaints: &mut Vec<String>,
) -> (Option<MailSettings>, Option<String>) {
    let [webhook, secret] = ["MAIL_WEBHOOK", "MAIL_WEBHOOK_SECRET"].map(variable);
    let mail = MailSettings::read(webhook.as_deref(), secret, allow_private).unwrap_or_else(|reason| {
        complaints.push(format!("MAIL_WEBHOOK {reason}"));
        None
    });
    let public_url = variable("PUBLIC_URL").and_then(|url| {
        let origin = mail::origin(&url);
        if origin.is_none() {
            complaints.push("PUBLIC_URL must be an origin such as https://gateway.example".to_owned());
        }
        origin
    });
    (mail, public_url)
}

/// A positive amount of dollars with at most 6 decimals, in micro-dollars.
fn micros(dollars: &str) -> Option<u64> {
    let (whole, decimals) = dollars.trim().split_once('.').unwrap_or((dollars.trim(), ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if decimals.len() > 6 || !is_number(decimals) || !is_number(whole) {
        return None;
    }
    let micros = format!("{decimals:0<6}").parse::<u64>().ok()?;
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    whole.checked_mul(MICROS)?.checked_add(micros).filter(|micros| *micros > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::pii::Place;

    const SECRETS: [(&str, &str); 2] =
        [("ADMIN_TOKEN", "sixteen-letters-"), ("MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")];

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Settings::read(|name| value(name).map(|(_, value)| (*value).to_owned()))
    }

    fn with(variables: &[(&str, &str)]) -> Settings {
        read(&[variables, &SECRETS].concat()).unwrap()
    }

    #[test]
    fn a_deployment_needs_two_secrets_and_nothing_else() {
        assert!(read(&[]).is_err_and(|reason| reason.starts_with("ADMIN_TOKEN")));
        let weak = [SECRETS[0], ("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")];
        assert!(read(&weak).is_err_and(|reason| reason.starts_with("MASTER_KEY can be guessed")));
        let short = [("ADMIN_TOKEN", "short"), SECRETS[1]];
        assert!(read(&short).is_err_and(|reason| reason.starts_with("ADMIN_TOKEN")));
        assert_eq!(read(&SECRETS[..1]).err().as_deref(), Some("MASTER_KEY must be set"));
        assert!(
            read(&[SECRETS[0], ("MASTER_KEY", "!")]).is_err_and(|reason| reason.starts_with("MASTER_KEY: "))
        );
        let settings = with(&[]);
        assert_eq!((settings.max_body_bytes, settings.keep_alive_ms), (32 << 20, 15_000));
        assert_eq!(settings.body_timeout_ms, 20_000);
        assert_eq!((settings.chat_per_minute, settings.chat_stream_per_minute), (60, 30));
        assert_eq!((settings.requests_per_second, settings.initial_credits), (1_000, 0));
        assert_eq!(settings.unknown_price, None);
        assert_eq!((settings.credit_reservation_ms, settings.credit_reconcile_ms), (1_800_000, 60_000));
        let kept = settings.statistics_days;
        assert_eq!((kept.quarters, kept.hours, kept.days), (15, 90, 365));
        assert_eq!((settings.request_log_days, settings.request_archive_days), (30, 183));
        assert_eq!(settings.record_sink, RecordSink::D1);
        assert_eq!(with(&[("RECORD_SINK", "r2")]).record_sink, RecordSink::R2);
        assert!(
            settings.cors_origins.is_none() && !settings.checks_credits && !settings.allow_private_upstreams
        );
        assert!(!settings.backup_hourly && with(&[("BACKUP_HOURLY", "true")]).backup_hourly);
    }

    #[test]
    fn what_is_set_is_read_and_what_cannot_be_read_is_not_set() {
        let settings = with(&[
            ("MAX_BODY_BYTES", " 100 "),
            ("BODY_TIMEOUT_MS", "0"),
            ("KEEP_ALIVE_MS", "0"),
            ("GLOBAL_REQUESTS_PER_SECOND", "0"),
            ("ENABLE_CREDIT_CHECK", "true"),
            ("INITIAL_CREDITS", "18446744073709551615"),
            ("CREDIT_RESERVATION_S", "5"),
            ("CREDIT_RECONCILE_S", "0"),
            ("CORS_ALLOWED_ORIGINS", "https://a.example/, https://b.example"),
            ("ALLOW_PRIVATE_UPSTREAMS", "yes"),
            ("CHAT_PER_MINUTE", "4294967296"),
            ("CHAT_STREAM_PER_MINUTE", "a few"),
            ("REQUEST_LOG_DAYS", "0"),
            ("LOG_LEVEL", "debug"),
            ("REDACT_PII", "everything"),
            ("PII_PATTERNS", "customer=C-####"),
            ("METRICS_TOKEN", "short"),
            ("METRICS_SERIES", "many"),
            ("STATS_DAY_DAYS", "99999999999"),
        ]);
        assert_eq!((settings.request_log_days, settings.statistics_days.days), (1, MAX_DAYS));
        assert_eq!((settings.metrics.token.as_ref(), settings.metrics.series), (None, 2_000));
        assert_eq!((settings.log_level, settings.redact_pii), (Level::Debug, Reach::ALL));
        assert_eq!(settings.pii.clean("of C-1234").as_deref(), Some("of [customer]"));
        assert_eq!((with(&[]).log_level, with(&[]).redact_pii), (Level::Info, Reach::OFF));
        let logs = with(&[("REDACT_PII", "logs")]).redact_pii;
        assert!(logs.has(Place::Logs) && !logs.has(Place::Archive));
        assert_eq!((settings.max_body_bytes, settings.keep_alive_ms), (100, 1));
        assert_eq!(settings.body_timeout_ms, 1);
        assert_eq!((settings.requests_per_second, settings.initial_credits), (0, u64::MAX));
        assert_eq!((settings.chat_per_minute, settings.chat_stream_per_minute), (u32::MAX, 30));
        assert_eq!((settings.credit_reservation_ms, settings.credit_reconcile_ms), (5_000, 1_000));
        assert!(settings.checks_credits && !settings.allow_private_upstreams);
        assert!(settings.allows_origin("https://a.example") && !settings.allows_origin("https://c.example"));
        assert!(with(&[]).allows_origin("https://c.example"));
        assert_eq!(settings.cors_origins.unwrap(), ["https://a.example", "https://b.example"]);
        assert!(with(&[("CORS_ALLOWED_ORIGINS", " * ")]).cors_origins.is_none());
        for (given, micros) in [
            ("20", Some(20_000_000)),
            (" 0.5 ", Some(500_000)),
            (".000001", Some(1)),
            ("0", None),
            ("-1", None),
            ("free", None),
            ("1.0000001", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(with(&[("UNKNOWN_PRICE_CEILING", given)]).unknown_price, micros, "{given}");
        }
    }
}
