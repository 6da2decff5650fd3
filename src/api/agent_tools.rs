//! What of the servers of one's agents was accepted for `/mcp`. A server that the key is not granted is as if it did not exist.

use std::rc::Rc;

use nexus_edge_api::mcp::AcceptToolsInput;
use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::trust::Strictness;

use super::input;
use super::mcp_servers::{accepted, reviewed};
use crate::exchange::{self, Exchange};
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::mcp::{self, AgentServer, Reach};
use crate::platform::http::Response;

/// `GET /v1/bridge/agents/{id}/servers/{server}/tools`
pub async fn list(exchange: &Exchange, id: &str, server: &str) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    let found = find(exchange, &principal, id, server).await?;
    exchange::json(200, &reviewed(Strictness::Strict, &Default::default(), &found.kept))
}

/// `POST /v1/bridge/agents/{id}/servers/{server}/tools/accept`
pub async fn accept(exchange: &Exchange, id: &str, server: &str) -> Result<Response, ApiError> {
    // Who asks is told first: a caller without a key learns nothing of the body.
    let principal = authenticate(exchange).await?;
    let found = find(exchange, &principal, id, server).await?;
    let input = input::optional::<AcceptToolsInput>(exchange).await?;
    let kept = accepted(&found.kept, &input)?;
    exchange.note_key(&principal.key_id);
    exchange.note_setting(&format!("{}/tools", found.name), Some(&found.kept.pins()), Some(&kept.pins()));
    mcp::replace_of_agent(exchange, &found, kept.clone()).await?;
    exchange::json(200, &reviewed(Strictness::Strict, &Default::default(), &kept))
}

async fn find(
    exchange: &Exchange,
    principal: &Principal,
    id: &str,
    server: &str,
) -> Result<Rc<AgentServer>, ApiError> {
    mcp::agent(exchange, &Reach::of(principal), id, server).await?.found()
}
