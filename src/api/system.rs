//! Operations on the gateway as a whole.

use nexus_edge_api::system::{
    CacheSegment, ClearCacheInput, ClearedCache, IsolateStatus, MapSize, SystemStatus,
};
use nexus_edge_core::error::ApiError;

use super::input;
use crate::exchange::{self, Exchange};
use crate::pipeline;
use crate::platform::http::Response;
use crate::platform::{executor, memory_bytes, promise};
use crate::store::answers::{self, Segment};
use crate::store::{console_sessions, conversations, keys, limits, otlp, sign_in, sticky, usage};

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

/// `GET /system/status`
pub fn status() -> Result<Response, ApiError> {
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
    exchange::json(200, &SystemStatus { isolate: IsolateStatus { memory_bytes: memory_bytes(), maps } })
}
