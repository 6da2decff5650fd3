//! Operations on the gateway as a whole.

use nexus_edge_api::system::{CacheSegment, ClearCacheInput, ClearedCache};
use nexus_edge_core::error::ApiError;

use super::input;
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::answers::{self, Segment};

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
