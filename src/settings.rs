//! Variables and secrets of the deployment, read once per isolate. docs/deploy.md lists them.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::Keyring;
use worker::Env;

use crate::platform::log_error;

const DEFAULT_MAX_BODY_BYTES: usize = 32 << 20;
const DEFAULT_KEEP_ALIVE_MS: u64 = 15_000;
const DEFAULT_REQUESTS_PER_SECOND: u64 = 1_000;
const DEFAULT_CHAT_PER_MINUTE: u32 = 60;
const DEFAULT_CHAT_STREAM_PER_MINUTE: u32 = 30;
const MIN_ADMIN_TOKEN_LENGTH: usize = 16;

/// The settings of this deployment.
pub struct Settings {
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Milliseconds of silence in a stream after which a keep-alive comment is sent.
    pub keep_alive_ms: u64,
    /// Requests per second that one isolate accepts; 0 is no limit.
    pub requests_per_second: u64,
    /// Whether requests need credits.
    pub checks_credits: bool,
    /// Balance of a new account, in millionths of a credit.
    pub initial_credits: u64,
    /// Origins that browsers may call from; `None` is any.
    pub cors_origins: Option<Vec<String>>,
    /// Whether upstreams may have private or local addresses.
    pub allow_private_upstreams: bool,
    /// Turns of chat sessions per API key and minute that are not streamed.
    pub chat_per_minute: u32,
    /// Streamed turns of chat sessions per API key and minute, over HTTP and WebSocket together.
    pub chat_stream_per_minute: u32,
    /// Authenticates the admin API.
    pub admin_token: String,
    /// Encrypts and decrypts sealed secrets.
    pub keyring: Keyring,
}

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

impl Settings {
    /// The settings; an error if the deployment lacks a required secret.
    pub fn get(env: &Env) -> Result<Rc<Self>, ApiError> {
        if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
            return Ok(settings);
        }
        let settings = Rc::new(Self::read(env)?);
        SETTINGS.set(Some(Rc::clone(&settings)));
        Ok(settings)
    }

    fn read(env: &Env) -> Result<Self, ApiError> {
        let variable =
            |name: &str| env.var(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty());
        let number = |name: &str| variable(name).and_then(|value| value.trim().parse().ok());
        let per_minute = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        let admin_token = variable("ADMIN_TOKEN")
            .filter(|token| token.len() >= MIN_ADMIN_TOKEN_LENGTH)
            .ok_or_else(|| not_configured("ADMIN_TOKEN must be set to a secret of at least 16 characters"))?;
        let master_key = variable("MASTER_KEY").ok_or_else(|| not_configured("MASTER_KEY must be set"))?;
        let previous = variable("MASTER_KEY_PREVIOUS");
        let keyring = Keyring::new(&master_key, previous.as_deref())
            .map_err(|error| not_configured(&format!("MASTER_KEY: {error}")))?;
        Ok(Self {
            max_body_bytes: number("MAX_BODY_BYTES").unwrap_or(DEFAULT_MAX_BODY_BYTES),
            keep_alive_ms: number("KEEP_ALIVE_MS").map_or(DEFAULT_KEEP_ALIVE_MS, |ms| ms as u64).max(1),
            requests_per_second: number("GLOBAL_REQUESTS_PER_SECOND")
                .map_or(DEFAULT_REQUESTS_PER_SECOND, |number| number as u64),
            checks_credits: variable("ENABLE_CREDIT_CHECK").is_some_and(|value| value == "true"),
            initial_credits: number("INITIAL_CREDITS").map_or(0, |credits| credits as u64 * 1_000_000),
            cors_origins: variable("CORS_ALLOWED_ORIGINS").filter(|origins| origins.trim() != "*").map(
                |origins| {
                    origins.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect()
                },
            ),
            allow_private_upstreams: variable("ALLOW_PRIVATE_UPSTREAMS").is_some_and(|value| value == "true"),
            chat_per_minute: number("CHAT_PER_MINUTE").map_or(DEFAULT_CHAT_PER_MINUTE, per_minute),
            chat_stream_per_minute: number("CHAT_STREAM_PER_MINUTE")
                .map_or(DEFAULT_CHAT_STREAM_PER_MINUTE, per_minute),
            admin_token,
            keyring,
        })
    }
}

fn not_configured(reason: &str) -> ApiError {
    log_error("settings", &reason);
    ApiError::unavailable("not_configured", format!("The gateway is not configured: {reason}."))
}
