//! The admin API for servers of tools. A token goes in and never comes out.

use std::collections::BTreeMap;

use nexus_edge_api::mcp::{AcceptToolsInput, McpServerTest, McpServerTools, ReviewedTool};
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::catalog::mcp_server::McpServerInput;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::Patch;
use nexus_edge_core::secrets::mask::mask;
use nexus_edge_mcp::catalogue::estimated_tokens;
use nexus_edge_mcp::client::Transport;
use nexus_edge_mcp::glob::Glob;
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::trust::Strictness;
use nexus_edge_mcp::version::Era;
use serde::Serialize;
use serde_json::json;

use super::update::change;
use super::{answer_deleted, answer_list, input, seal};
use crate::exchange::{self, Exchange};
use crate::pipeline::mcp;
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::table;

/// Most servers: all of them are read for a list of all tools.
const MAX_SERVERS: usize = 100;

/// `GET /mcp-servers`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<McpServerRecord> = table::list(&exchange.env).await?;
    answer_list("mcp_servers", &records.iter().map(McpServerRecord::view).collect::<Vec<_>>())
}

/// `GET /mcp-servers/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?.view())
}

/// `POST /mcp-servers`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<McpServerInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("url", input.url.as_set())?;
    let existing: Vec<McpServerRecord> = table::list(&exchange.env).await?;
    if existing.len() >= MAX_SERVERS {
        let message = format!("There are at most {MAX_SERVERS} servers of tools.");
        return Err(ApiError::conflict("too_many_mcp_servers", "id", message));
    }
    let mut record = McpServerRecord::new(input.id.clone().into_set().unwrap_or_default(), now_ms());
    input.apply_public(&mut record);
    record.check()?;
    apply_secrets(exchange, &input, &mut record)?;
    table::insert(&exchange.env, &record, &[]).await?;
    mcp::changed();
    exchange.note_change(None, Some(&record));
    exchange::json(201, &record.view())
}

/// `PUT /mcp-servers/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<McpServerInput>(exchange).await?;
    let input = input.checked(exchange.settings.allow_private_upstreams)?;
    exchange.refuse_own_address("url", input.url.as_set())?;
    if input.id.as_set().is_some_and(|new| new != id) {
        let message = "`id` cannot be changed: it is a part of the names of tools and of grants.";
        return Err(ApiError::invalid("invalid_value", "id", message));
    }
    let apply = async |record: &mut McpServerRecord| {
        // Another address must not get the token that was given for this one.
        let moves = input.url.as_set().is_some_and(|url| *url != record.url);
        let kept = [
            ("token", record.token_sealed.is_some() && input.token == Patch::Keep),
            ("headers", record.headers_sealed.is_some() && input.headers == Patch::Keep),
        ];
        if let Some((field, _)) = kept.into_iter().find(|(_, is_kept)| moves && *is_kept) {
            let message = format!("Say `{field}` again with another `url`, or `null` for none.");
            return Err(ApiError::invalid("missing_required_parameter", field, message));
        }
        input.apply_public(record);
        record.check()?;
        apply_secrets(exchange, &input, record)
    };
    let record = change(
        exchange,
        async || find(exchange, id).await,
        apply,
        async |record, read_at| table::update(&exchange.env, record, read_at).await,
    )
    .await?;
    mcp::changed();
    exchange::json(200, &record.view())
}

/// `DELETE /mcp-servers/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<McpServerRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    mcp::changed();
    mcp::forget(exchange, id).await?;
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

/// `POST /mcp-servers/{id}/test`
pub async fn test(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    let began_ms = now_ms();
    let kept = mcp::ask_anew(exchange, &record).await?;
    let version = kept.version();
    exchange::json(
        200,
        &McpServerTest {
            version: version.as_str(),
            era: if version.era() == Era::Modern { "modern" } else { "legacy" },
            transport: if kept.transport == Transport::EventStream { "sse" } else { "streamable" },
            server_info: kept.info.as_ref().map(value),
            tools: kept.tools.len(),
            tokens: kept.tools.iter().map(|tool| estimated_tokens(&tool.raw)).sum(),
            took_ms: now_ms().saturating_sub(began_ms),
        },
    )
}

/// `GET /mcp-servers/{id}/tools`
pub async fn tools(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    let kept = mcp::kept(exchange, &record).await?;
    exchange::json(200, &reviewed(record.pins, &record.patterns(), &kept))
}

/// `POST /mcp-servers/{id}/tools/accept`
pub async fn accept(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::optional::<AcceptToolsInput>(exchange).await?;
    let record = find(exchange, id).await?;
    let held = mcp::kept(exchange, &record).await?;
    let kept = accepted(&held, &input)?;
    exchange.note_setting(&format!("mcp_servers/{id}/tools"), Some(&held.pins()), Some(&kept.pins()));
    let kept = mcp::replace(exchange, &record, kept).await?;
    exchange::json(200, &reviewed(record.pins, &record.patterns(), &kept))
}

/// What is kept after some of its tools were accepted.
pub fn accepted(held: &Kept, input: &AcceptToolsInput) -> Result<Kept, ApiError> {
    let mut kept = held.clone();
    if let Err(unknown) = kept.accept(input.tools.as_set().map(Vec::as_slice)) {
        let message = format!("The server has no tool {unknown:?}.");
        return Err(ApiError::invalid("invalid_value", "tools", message));
    }
    Ok(kept)
}

/// The tools of a server for those who decide about them; `patterns` are the server's own lists of what is offered and what is not.
pub fn reviewed(pins: Strictness, patterns: &(Vec<Glob>, Vec<Glob>), kept: &Kept) -> McpServerTools {
    let (allow, deny) = patterns;
    let open = kept.open(pins, allow, deny);
    let tools: Vec<ReviewedTool> = kept
        .review(&[])
        .into_iter()
        .map(|reviewed| ReviewedTool {
            name: reviewed.tool.name.clone(),
            state: value(&reviewed.gate),
            offered: open.iter().any(|tool| tool.name == reviewed.tool.name),
            tokens: estimated_tokens(&reviewed.tool.raw),
            findings: reviewed.findings.iter().map(value).collect(),
            definition: value(&reviewed.tool.raw),
        })
        .collect();
    McpServerTools {
        tokens: tools.iter().map(|tool| tool.tokens).sum(),
        tools,
        changes: kept.changes().iter().map(value).collect(),
        read_at: kept.read_at,
    }
}

fn value(of: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// Seals the secrets of the input into the record.
fn apply_secrets(
    exchange: &Exchange,
    input: &McpServerInput,
    record: &mut McpServerRecord,
) -> Result<(), ApiError> {
    match &input.token {
        Patch::Keep => {}
        Patch::Clear => record.token_sealed = None,
        Patch::Set(token) => {
            record.token_sealed = Some(seal(exchange, token, &record.seal_context("token"))?);
        }
    }
    match &input.headers {
        Patch::Keep => {}
        Patch::Clear => (record.headers_sealed, record.headers_hint) = (None, None),
        Patch::Set(headers) => {
            let clear = json!(headers).to_string();
            record.headers_sealed = Some(seal(exchange, &clear, &record.seal_context("headers"))?);
            let masked: BTreeMap<&String, String> =
                headers.iter().map(|(name, value)| (name, mask(value))).collect();
            record.headers_hint = Some(json!(masked).to_string());
        }
    }
    Ok(())
}

async fn find(exchange: &Exchange, id: &str) -> Result<McpServerRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("mcp_server_not_found", "There is no server of tools with this name.")
}
