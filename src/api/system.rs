//! Operations on the gateway as a whole.

use futures::future::join3;
use nexus_edge_api::system::{
    BindingStatus, CacheSegment, ClearCacheInput, ClearedCache, CronStatus, IsolateStatus, MapSize,
    QueueStatus, SecretStatus, SystemInfo, SystemStatus,
};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::ProviderKind;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;

use super::input;
use crate::exchange::{self, Exchange};
use crate::pipeline;
use crate::platform::http::Response;
use crate::platform::{executor, log_error, memory_bytes, now_ms, promise, queue};
use crate::store::answers::{self, Segment};
use crate::store::{
    StoreError, console_sessions, conversations, dead_letters, keys, limits, otlp, sign_in, sticky, system,
    usage,
};

/// `POST /system/cache/clear`
pub async fn clear_cache(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::optional::<ClearCacheInput>(exchange).await?;
    let segment = match input.segment.into_set().unwrap_or(CacheSegment::All) {
        CacheSegment::All => Segment::All,
        CacheSegment::Key => Segment::ApiKey(input.id.required("id")?),
        CacheSegment::Model => Segment::Model(input.id.required("id")?),
        CacheSegment::Expired => Segment::Expired,
    };
    exchange::json(200, &ClearedCache { cleared: answers::clear(&exchange.env, &segment).await? })
}

/// Secrets, and whether the Worker needs them.
const SECRETS: [(&str, bool); 6] = [
    ("ADMIN_TOKEN", true),
    ("MASTER_KEY", true),
    ("MASTER_KEY_PREVIOUS", false),
    ("METRICS_TOKEN", false),
    ("OTLP_HEADERS", false),
    ("MAIL_WEBHOOK_SECRET", false),
];
/// Bindings, and whether the Worker needs them.
const BINDINGS: [(&str, bool); 11] = [
    ("DB", true),
    ("KV", true),
    ("BUCKET", true),
    ("USAGE_QUEUE", false),
    ("QUOTA", true),
    ("CIRCUITS", true),
    ("LIVE", true),
    ("ACCOUNT", true),
    ("CHAT_ROOM", true),
    ("LOGIN", true),
    ("AI", false),
];
/// Most dead letters that are counted.
const MAX_DEAD_LETTERS: u32 = 1_000;
/// What `wrangler.toml` says; `crates/core/tests/drift.rs` compares both.
const COMPATIBILITY_DATE: &str = "2026-11-17";

/// `GET /system/info`
pub fn info() -> Result<Response, ApiError> {
    let features = [
        ("exact-tokens", cfg!(feature = "exact-tokens")),
        ("qwen-tokens", cfg!(feature = "qwen-tokens")),
        ("deepseek-tokens", cfg!(feature = "deepseek-tokens")),
        ("kimi-tokens", cfg!(feature = "kimi-tokens")),
        ("glm-tokens", cfg!(feature = "glm-tokens")),
        ("mistral-tokens", cfg!(feature = "mistral-tokens")),
        ("minimax-tokens", cfg!(feature = "minimax-tokens")),
    ];
    exchange::json(
        200,
        &SystemInfo {
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "optimised" },
            compatibility_date: COMPATIBILITY_DATE,
            features: features.into_iter().filter_map(|(name, is_in)| is_in.then_some(name)).collect(),
            dialects: CallerDialect::NAMES.iter().map(|(name, _)| *name).collect(),
            provider_kinds: ProviderKind::names().into_iter().map(|(name, _)| name).collect(),
        },
    )
}

/// `GET /system/status`
pub async fn status(exchange: &Exchange) -> Result<Response, ApiError> {
    let env = &exchange.env;
    let (database, cron_at, backlog) =
        join3(system::database(env), system::cron_at(env), queue::backlog(env, "USAGE_QUEUE")).await;
    let dead_letters = dead_letters::list(env, MAX_DEAD_LETTERS, None).await.map(|(list, _)| list.len());
    let now = now_ms();
    let unread = |error: &StoreError| log_error("system status", error);
    let cron_at = cron_at.inspect_err(unread).ok().flatten();
    let value =
        |name: &str| Reflect::get(env.as_ref(), &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
    let is_there =
        |name: &str| !matches!(value(name).as_string().as_deref(), Some("")) && value(name).is_truthy();
    exchange::json(
        200,
        &SystemStatus {
            isolate: isolate(),
            secrets: SECRETS
                .into_iter()
                .map(|(name, is_required)| SecretStatus { name, is_set: is_there(name), is_required })
                .collect(),
            bindings: BINDINGS
                .into_iter()
                .map(|(name, is_required)| BindingStatus { name, is_bound: is_there(name), is_required })
                .collect(),
            database: database.inspect_err(unread).ok(),
            queue: backlog.map(|backlog| QueueStatus {
                messages: backlog.messages,
                oldest_ms: backlog.oldest_ms.map(|oldest_ms| now.saturating_sub(oldest_ms)),
                dead_letters: dead_letters.unwrap_or_default(),
            }),
            cron: CronStatus { last_run_at: cron_at, ago_ms: cron_at.map(|at| now.saturating_sub(at)) },
            complaints: exchange.settings.complaints.clone(),
        },
    )
}

fn isolate() -> IsolateStatus {
    let mut maps =
        vec![keys::size(), limits::size(), sign_in::size(), console_sessions::size(), sticky::size()];
    maps.extend(conversations::sizes());
    maps.extend(pipeline::sizes());
    maps.extend([
        MapSize::in_progress("usage_events", usage::waiting()),
        MapSize::in_progress("spans", otlp::waiting()),
        MapSize::in_progress("tasks", executor::tasks()),
        MapSize::in_progress("promises", promise::pending()),
    ]);
    IsolateStatus { memory_bytes: memory_bytes(), maps }
}
