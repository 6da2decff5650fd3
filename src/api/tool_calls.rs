//! Calls of tools, for those who may see requests.

use nexus_edge_api::tool_calls::ToolCallPage;
use nexus_edge_core::error::ApiError;
use nexus_edge_stats::tool_calls::Wanted;

use super::query;
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::tool_calls;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

/// `GET /tool-calls`
pub async fn search(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    query::one_of(exchange, "caller", &["mcp", "chat", "bridge"])?;
    let wanted = Wanted::read(|name| exchange.query(name), exchange.scope().clone())?;
    let (tool_calls, next_cursor) = tool_calls::page(&exchange.env, &wanted, limit.into()).await?;
    exchange::json(200, &ToolCallPage { tool_calls, next_cursor })
}
