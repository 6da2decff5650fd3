//! Metrics for Prometheus.

use nexus_edge_core::access::credential::bearer_token;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::Rules;
use nexus_edge_telemetry::exposition::{self, Format};

use crate::exchange::{Exchange, set_header};
use crate::jobs;
use crate::pipeline::admit;
use crate::platform::http::{Headers, Response};
use crate::settings::Settings;

/// Wrong tokens per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 10;

/// Checks that a request has the token of metrics, or the admin token.
///
/// # Errors
/// `missing_metrics_token`, `invalid_metrics_token` (401), and `rate_limited` (429) for an address that guesses.
pub async fn authorize(exchange: &Exchange) -> Result<(), ApiError> {
    admit::check_address(exchange, "metrics")?;
    let header = exchange.header("authorization");
    let given = header.as_deref().and_then(bearer_token).ok_or_else(|| {
        let message = "The token for metrics is missing: send it as `Authorization: Bearer <token>`.";
        ApiError::unauthorized("missing_metrics_token", message)
    })?;
    let Settings { admin_token, metrics, .. } = &*exchange.settings;
    // Both are compared in any case.
    if admin_token.is(given) | metrics.token.as_ref().is_some_and(|token| token.is(given)) {
        return Ok(());
    }
    let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
    admit::attempt_from_address(exchange, "metrics", &rules).await?;
    Err(ApiError::unauthorized("invalid_metrics_token", "The token for metrics is not valid."))
}

/// `GET /metrics`
pub async fn metrics(exchange: &Exchange) -> Result<Response, ApiError> {
    let format = Format::accepted(exchange.header("accept").as_deref());
    let gathered = jobs::metrics::gather(&exchange.env, &exchange.settings).await?;
    let headers = Headers::new();
    set_header(&headers, "content-type", format.content_type());
    set_header(&headers, "cache-control", "no-store");
    Ok(Response::bytes(200, headers, exposition::write(&gathered.families, format).into_bytes()))
}
