//! Step 2: may this request pass now?

use nexus_edge_core::error::{ApiError, ErrorType};
use nexus_edge_core::limits::Decision;
use nexus_edge_core::routing::Candidate;

use crate::exchange::Exchange;
use crate::objects::quota;

/// Holds the request against the provider's limit. A provider without one costs no hop.
pub async fn admit(exchange: &Exchange, candidate: &Candidate) -> Result<(), ApiError> {
    let record = &candidate.upstream.record;
    let Some(limit) = record.rate_limit else { return Ok(()) };
    match quota::take(&exchange.env, &format!("provider:{}", record.uid), limit).await {
        Decision::Granted { .. } => Ok(()),
        Decision::Refused { retry_after_ms } => {
            let seconds = u32::try_from(retry_after_ms.div_ceil(1000)).unwrap_or(60);
            let message = format!(
                "The provider `{}` is limited to {limit} requests a minute. Retry after {seconds} s.",
                record.name
            );
            let error = ApiError::new(429, ErrorType::RateLimitError, "provider_rate_limited", message);
            Err(error.with_retry_after(seconds))
        }
    }
}
