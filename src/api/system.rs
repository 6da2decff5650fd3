//! What concerns the gateway as a whole.

use nexus_edge_core::catalog::fields::Fields;
use nexus_edge_core::error::ApiError;
use serde_json::json;

use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::answers::{self, Segment};

/// `POST /system/cache/clear`: removes kept answers, all of them or those of one API key or one model.
pub async fn clear_cache(exchange: &Exchange) -> Result<Response, ApiError> {
    let body = exchange.body().await?;
    let given: &[u8] = if body.bytes.is_empty() { b"{}" } else { &body.bytes };
    let fields = Fields::parse(given, &["segment", "id"])?;
    let segment = fields.text("segment", 1..=20)?.into_set().unwrap_or_else(|| "all".to_owned());
    let id = fields.text("id", 1..=200)?;
    let segment = match segment.as_str() {
        "all" => Segment::All,
        "key" => Segment::ApiKey(id.required("id")?),
        "model" => Segment::Model(id.required("id")?),
        "expired" => Segment::Expired,
        _ => {
            let message = "`segment` must be one of: all, key, model, expired.";
            return Err(ApiError::invalid("invalid_value", "segment", message));
        }
    };
    let cleared = answers::clear(&exchange.env, &segment).await?;
    exchange::json(200, &json!({ "cleared": cleared }))
}
