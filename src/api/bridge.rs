//! Agents on users' machines: their tokens, their tools, and calls.
//!
//! An agent belongs to the owner of the key that made its token, or to the key where it has no owner. Those of others are as if they
//! did not exist.

use std::collections::BTreeMap;

use nexus_edge_api::bridge::{AgentToken, AgentView, Agents};
use nexus_edge_core::access::Principal;
use nexus_edge_core::catalog::bridge::{self, AgentInput, AgentRecord, AgentTokenInput, MAX_AGENTS};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::json::error as json_error;
use nexus_edge_tunnel::frame::{is_agent_id, is_id};
use nexus_edge_tunnel::limits::MAX_DEADLINE_MS;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::invoked::recorded;
use super::{answer_deleted, input, random};
use crate::exchange::{self, Exchange};
use crate::objects::agent_hub::{Approve, Cancel, HubClient, Invoke, Named, Revoke, Target, Watch};
use crate::pipeline::admit;
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::mcp::{self, Calling, Origin, Reach};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{self, credits};

/// Milliseconds of a call that says nothing else.
const DEFAULT_TIMEOUT_MS: u64 = 60_000;

/// Whose agents a caller reaches.
fn owner_of(caller: &Principal) -> String {
    credits::account_of(caller)
}

/// `GET /v1/bridge/agents`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let owner = owner_of(&authenticate(exchange).await?);
    let records = store::bridge::list(&exchange.env, &owner).await?;
    let views = records.into_iter().map(|record| view(exchange, record));
    exchange::json(200, &Agents { agents: futures::future::join_all(views).await })
}

async fn view(exchange: &Exchange, record: AgentRecord) -> AgentView {
    let state = state(exchange, &record).await.ok();
    let is_connected = state.as_ref().and_then(|state| state.get("connected")).and_then(Value::as_bool);
    AgentView {
        status: match is_connected {
            Some(true) => "online",
            Some(false) => "offline",
            None => "unknown",
        },
        agent_id: record.agent_id,
        label: record.label,
        token_version: record.version,
        token_expires_at: record.expires_at,
        created_at: record.created_at,
        hub: state,
    }
}

async fn state(exchange: &Exchange, record: &AgentRecord) -> Result<Value, ApiError> {
    let hub = HubClient::new(&exchange.env, &record.owner, &record.agent_id);
    hub.ask_for("/state", &()).await
}

/// `POST /v1/bridge/agent-token`
pub async fn token(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = authenticate(exchange).await?;
    let owner = owner_of(&caller);
    let input = input::new::<AgentTokenInput>(exchange).await?;
    let agent_id = input.agent_id.as_set().cloned().unwrap_or_default();
    let before = store::bridge::find(&exchange.env, &owner, &agent_id).await?;
    if before.is_none() && store::bridge::list(&exchange.env, &owner).await?.len() >= MAX_AGENTS {
        let message = format!("There are {MAX_AGENTS} agents already: delete one.");
        return Err(ApiError::conflict("too_many_agents", "agent_id", message));
    }
    let token = bridge::AgentToken::from_random(random()?);
    let record = input.record(&owner, before.as_ref(), &token, now_ms())?;
    if !store::bridge::put(&exchange.env, &record).await? {
        let message = "Another request made a token at the same time.";
        return Err(ApiError::conflict("agent_token_exists", "agent_id", message));
    }
    mcp::changed();
    note(exchange, &caller, before.as_ref(), Some(&record));
    // The connection of the token before ends at once, and a ticket that was made with it is no longer good.
    let revoke = Revoke { not_before_ms: record.issued_at, wipe: false };
    HubClient::new(&exchange.env, &owner, &agent_id).ask("/revoke", &revoke).await?;
    let view = AgentToken {
        agent_id,
        expires_at: record.expires_at,
        version: record.version,
        reset: before.is_some(),
        token: token.reveal(),
    };
    exchange::json(201, &view)
}

/// `PUT /v1/bridge/agents/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let caller = authenticate(exchange).await?;
    let input = input::change::<AgentInput>(exchange).await?;
    let before = find(exchange, &owner_of(&caller), id).await?;
    let record = input.apply(&before, now_ms());
    if !store::bridge::rename(&exchange.env, &record).await? {
        return Err(not_found());
    }
    note(exchange, &caller, Some(&before), Some(&record));
    exchange::json(200, &view(exchange, record).await)
}

/// `DELETE /v1/bridge/agents/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let caller = authenticate(exchange).await?;
    let owner = owner_of(&caller);
    let record = find(exchange, &owner, id).await?;
    let revoke = Revoke { not_before_ms: now_ms().max(record.issued_at) + 1, wipe: true };
    // The token first: a connection that is opened in between ends with the second step.
    store::bridge::delete(&exchange.env, &owner, id).await?;
    note(exchange, &caller, Some(&record), None);
    mcp::forget_agent(exchange, &owner, id).await?;
    HubClient::new(&exchange.env, &owner, id).ask("/revoke", &revoke).await?;
    answer_deleted(id)
}

/// Notes in the audit log what became of an agent and its token.
fn note(exchange: &Exchange, caller: &Principal, before: Option<&AgentRecord>, after: Option<&AgentRecord>) {
    let Some(named) = after.or(before) else { return };
    let shown = |record: &AgentRecord| {
        json!({
            "owner": record.owner, "label": record.label,
            "token_version": record.version, "token_expires_at": record.expires_at,
        })
    };
    exchange.note_key(&caller.key_id);
    let field = format!("agent {}", named.agent_id);
    exchange.note_setting(&field, before.map(shown).as_ref(), after.map(shown).as_ref());
}

/// `GET /v1/bridge/agents/{id}/tools`
pub async fn tools(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    hub(exchange, id).await?.ask("/tools", &()).await
}

/// `POST /v1/bridge/invoke`
pub async fn invoke(exchange: &Exchange) -> Result<Response, ApiError> {
    let caller = authenticate(exchange).await?;
    let body =
        Body::of(exchange, &["agent_id", "tool_name", "req_id", "arguments", "timeout_ms", "stream"]).await?;
    let agent_id: String = body.required("agent_id", "a string")?;
    let id = match body.optional::<String>("req_id", "a string")? {
        None => new_ulid(exchange.started_ms),
        Some(id) if is_id(&id) => id,
        Some(_) => {
            let message = "`req_id` has 1 to 64 letters, digits, `_` and `-`.";
            return Err(ApiError::invalid("invalid_value", "req_id", message));
        }
    };
    let timeout_ms = body.optional("timeout_ms", "a whole number")?.unwrap_or(DEFAULT_TIMEOUT_MS);
    if !(1..=MAX_DEADLINE_MS).contains(&timeout_ms) {
        let message = format!("`timeout_ms` must be from 1 to {MAX_DEADLINE_MS}.");
        return Err(ApiError::invalid("invalid_value", "timeout_ms", message));
    }
    let arguments = match body.fields.get("arguments") {
        Some(raw) if raw.get().starts_with('{') => raw.clone(),
        None => to_raw_value(&json!({})).map_err(|_| ApiError::internal())?,
        Some(_) => {
            return Err(ApiError::invalid("invalid_type", "arguments", "`arguments` must be an object."));
        }
    };
    let principal = json!({ "key": caller.key_id, "request": exchange.request_id });
    let invoke = Invoke {
        id,
        target: Target::Tool { name: body.required("tool_name", "a string")?, arguments },
        timeout_ms,
        stream: body.optional("stream", "a boolean")?.unwrap_or(false),
        until_asked: false,
        principal: to_raw_value(&principal).map_err(|_| ApiError::internal())?,
    };
    find(exchange, &owner_of(&caller), &agent_id).await?;
    let origin = Origin {
        caller: "bridge",
        principal: &caller,
        request_id: &exchange.request_id,
        conversation_id: None,
    };
    let (name, bytes_in) = (invoke.target.shown(), invoke.target.bytes());
    let calling = Calling::begin(exchange, origin, &format!("agent/{agent_id}"), &name, bytes_in);
    let checked = async {
        mcp::check_invoke(exchange, &Reach::of(&caller), &agent_id, &name).await?;
        admit::tool_call_of_day(exchange, &caller).await
    };
    let answer = match checked.await {
        Ok(()) => HubClient::new(&exchange.env, &owner_of(&caller), &agent_id).invoke(&invoke).await,
        Err(error) => Err(error),
    };
    recorded(calling, answer, invoke.stream)
}

/// `POST /v1/bridge/cancel`
pub async fn cancel(exchange: &Exchange) -> Result<Response, ApiError> {
    authenticate(exchange).await?;
    let body = Body::of(exchange, &["agent_id", "req_id", "reason"]).await?;
    let agent_id: String = body.required("agent_id", "a string")?;
    let id: String = body.required("req_id", "a string")?;
    let reason: Option<String> = body.optional("reason", "a string")?;
    let reason: String = reason.unwrap_or_default().chars().take(200).collect();
    hub(exchange, &agent_id).await?.ask("/cancel", &Cancel { id, reason }).await
}

/// `GET /v1/bridge/events`
pub async fn events(exchange: &Exchange) -> Result<Response, ApiError> {
    watch(exchange, false).await
}

/// `GET /v1/bridge/tool-events`
pub async fn tool_events(exchange: &Exchange) -> Result<Response, ApiError> {
    watch(exchange, true).await
}

async fn watch(exchange: &Exchange, only_tools: bool) -> Result<Response, ApiError> {
    let (hub, agent_id) = hub_of_query(exchange).await?;
    let after = exchange.header("last-event-id");
    hub.ask("/events", &Watch { agent_id, only_tools, after }).await
}

/// `GET /v1/bridge/results/{id}`
pub async fn result(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let (hub, _) = hub_of_query(exchange).await?;
    hub.ask("/result", &Named { id: id.to_owned() }).await
}

/// `POST /v1/bridge/approvals/{id}`
pub async fn approve(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    authenticate(exchange).await?;
    let body = Body::of(exchange, &["agent_id", "decision", "response"]).await?;
    let agent_id: String = body.required("agent_id", "a string")?;
    let decision: Option<String> = body.optional("decision", "a string")?;
    let answer = match (decision.as_deref(), body.fields.get("response")) {
        (Some("once" | "session" | "always" | "deny"), None) => json!({ "decision": decision }),
        (None, Some(response)) => json!({ "response": response }),
        _ => {
            let message = "Give `decision`, which is `once`, `session`, `always` or `deny`, or `response`.";
            return Err(ApiError::invalid("invalid_value", "decision", message));
        }
    };
    let body = to_raw_value(&answer).map_err(|_| ApiError::internal())?;
    hub(exchange, &agent_id).await?.ask("/approve", &Approve { ask: id.to_owned(), body }).await
}

/// The hub of one of the caller's agents.
async fn hub<'a>(exchange: &'a Exchange, agent_id: &str) -> Result<HubClient<'a>, ApiError> {
    let owner = owner_of(&authenticate(exchange).await?);
    find(exchange, &owner, agent_id).await?;
    Ok(HubClient::new(&exchange.env, &owner, agent_id))
}

async fn hub_of_query(exchange: &Exchange) -> Result<(HubClient<'_>, String), ApiError> {
    authenticate(exchange).await?;
    let agent_id = exchange.query("agent_id").ok_or_else(|| json_error::missing("agent_id"))?;
    Ok((hub(exchange, &agent_id).await?, agent_id))
}

async fn find(exchange: &Exchange, owner: &str, agent_id: &str) -> Result<AgentRecord, ApiError> {
    let found =
        if is_agent_id(agent_id) { store::bridge::find(&exchange.env, owner, agent_id).await? } else { None };
    found.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("agent_not_found", "There is no agent with this id.").with_param("agent_id")
}

/// The fields of a body. What a tool is called with stays the text that it is.
struct Body {
    fields: BTreeMap<String, Box<RawValue>>,
}

impl Body {
    async fn of(exchange: &Exchange, known: &[&str]) -> Result<Self, ApiError> {
        let body = exchange.body().await?;
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&body.bytes)
            .map_err(|error| ApiError::invalid_json(format!("The body must be a JSON object: {error}.")))?;
        if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(json_error::unknown_field("", name, known));
        }
        fields.retain(|_, value| value.get() != "null");
        Ok(Self { fields })
    }

    fn optional<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.fields.get(name) else { return Ok(None) };
        let read = serde_json::from_str(raw.get());
        read.map(Some)
            .map_err(|_| ApiError::invalid("invalid_type", name, format!("`{name}` must be {what}.")))
    }

    fn required<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<T, ApiError> {
        self.optional(name, what)?.ok_or_else(|| json_error::missing(name))
    }
}
