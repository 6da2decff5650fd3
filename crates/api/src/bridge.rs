//! Agents on users' machines, and calls of their tools.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::bridge::{AgentInput, AgentTokenInput};
use serde::Serialize;
use serde_json::Value;

#[cfg(feature = "openapi")]
use crate::agent_calls::{AnsweredCall, CallView, CancelledCall, EndedCall};
use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::mcp::{AcceptToolsInput, McpServerTools};

#[cfg(feature = "openapi")]
const OF_AGENT: &[(u16, &str)] = &[(404, "agent_not_found"), (503, "bridge_gateway_error")];
#[cfg(feature = "openapi")]
const OF_SERVER: &[(u16, &str)] =
    &[(404, "agent_not_found, agent_offline, mcp_server_not_found"), (503, "bridge_gateway_error")];
#[cfg(feature = "openapi")]
const OF_CALL: &[(u16, &str)] = &[
    (403, "tool_not_allowed"),
    (404, "agent_not_found, agent_offline, tool_not_found"),
    (409, "req_id_reused, call_canceled"),
    (413, "arguments_too_large"),
    (429, "agent_busy"),
    (502, "agent_lost, call_rejected, tool_result_invalid, tool_result_too_large"),
    (503, "bridge_gateway_error"),
    (504, "tool_timeout, agent_unresponsive"),
];

operations! {
    "Agents";

    /// List one's agents.
    ///
    /// Those of the key's owner, or of the key where it has none.
    LIST: Get "/v1/bridge/agents" Caller, |it| it.answer::<Agents>(200, "The agents.");

    /// Make a token for an agent.
    ///
    /// With it the agent opens its tunnel, and it is good for nothing else. An agent has one: `reset` replaces it, and ends the
    /// connection that was opened with the one before.
    TOKEN: Post "/v1/bridge/agent-token" Caller, |it| it.creates::<AgentTokenInput>()
        .answer::<AgentToken>(201, "The token. It is shown this once.")
        .errors(&[(409, "agent_token_exists, too_many_agents"), (503, "bridge_gateway_error")]);

    /// Rename an agent.
    ///
    /// Its token, its connection and its calls stay as they are.
    UPDATE: Put "/v1/bridge/agents/{id}" Caller, |it| it.updates::<AgentInput>()
        .answer::<AgentView>(200, "The agent as it is now.").errors(OF_AGENT);

    /// Delete an agent.
    ///
    /// Its token is not good any more, its connection ends, and what is known of its calls is deleted.
    DELETE: Delete "/v1/bridge/agents/{id}" Caller, |it| it.deleted("string").errors(OF_AGENT);

    /// List the tools of an agent.
    TOOLS: Get "/v1/bridge/agents/{id}/tools" Caller, |it| it.answer::<Value>(200, "The tools, also of an agent that is not connected.")
        .errors(&[(404, "agent_not_found, agent_offline"), (503, "bridge_gateway_error")]);

    /// Show the tools of a server of an agent as `/mcp` has them.
    ///
    /// With what each costs in tokens, what its definition hides, and what has changed since it was accepted.
    REVIEW: Get "/v1/bridge/agents/{id}/servers/{server}/tools" Caller, |it| it.answer::<McpServerTools>(200, "The tools.").errors(OF_SERVER);

    /// Accept tools of a server of an agent.
    ///
    /// As they are now: those in `tools`, or all without it. The agent keeps what was accepted on its machine for itself.
    ACCEPT: Post "/v1/bridge/agents/{id}/servers/{server}/tools/accept" Caller, |it| it.optional_body::<AcceptToolsInput>()
        .answer::<McpServerTools>(200, "The tools as they are now.").errors(OF_SERVER);

    /// Call a tool of an agent.
    ///
    /// The answer comes when the call has ended; with `stream: true` its events come while it runs: `tool_status`, `tool_log`,
    /// `tool_approval`, and `tool_result` last. A call with a `req_id` that was used is not made again: the answer is that of the first one.
    INVOKE: Post "/v1/bridge/invoke" Caller, |it| it
        .free_body(&["agent_id", "tool_name"], "`agent_id`, `tool_name`; optional `req_id`, `arguments`, `timeout_ms` (60000, at most 600000), `stream`.")
        .answer::<EndedCall>(200, "The result.").streams().errors(OF_CALL);

    /// Cancel a call.
    CANCEL: Post "/v1/bridge/cancel" Caller, |it| it.free_body(&["agent_id", "req_id"], "`agent_id`, `req_id`; optional `reason`.")
        .answer::<CancelledCall>(200, "Whether it was open.").errors(&[(404, "agent_not_found, call_not_found"), (503, "bridge_gateway_error")]);

    /// Watch an agent.
    ///
    /// When it connects and disconnects, and what happens during its calls, as Server-Sent Events. With `Last-Event-ID` those come first
    /// that were missed since that event; `ready` says with `missed` whether some of them are not known any more.
    EVENTS: Get "/v1/bridge/events" Caller, |it| it.text("agent_id", "The agent.").streams().errors(OF_AGENT);

    /// Watch the calls of an agent.
    TOOL_EVENTS: Get "/v1/bridge/tool-events" Caller, |it| it.text("agent_id", "The agent.").streams().errors(OF_AGENT);

    /// Show a call.
    ///
    /// Kept for 24 hours after its end.
    RESULT: Get "/v1/bridge/results/{id}" Caller, |it| it.text("agent_id", "The agent.").answer::<CallView>(200, "The call, with its result if it has one.")
        .errors(&[(404, "agent_not_found, call_not_found"), (503, "bridge_gateway_error")]);

    /// Answer a question of a call.
    ///
    /// To an `approval`: `decision`, which is `once`, `session`, `always` or `deny`. To `input_required`: `response`.
    APPROVE: Post "/v1/bridge/approvals/{id}" Caller, |it| it
        .free_body(&["agent_id"], "`agent_id`, and `decision` or `response`.").answer::<AnsweredCall>(200, "The call that goes on.")
        .errors(&[(404, "agent_not_found, approval_not_found"), (503, "bridge_gateway_error")]);

    /// Get a ticket for an agent's tunnel.
    ///
    /// With the token of the agent as `Authorization: Bearer`. It is good for a minute, and once.
    TICKET: Post "/bridge/ticket" Public, |it| it.answer::<TunnelTicket>(201, "The ticket.")
        .errors(&[(401, "invalid_agent_token, agent_token_expired"), (403, "agent_owner_inactive"), (429, "too_many_attempts")]);

    /// Open an agent's tunnel.
    ///
    /// A WebSocket with the subprotocols `nexus.bridge.v2` and `nexus-ticket.<ticket>`; its frames are described in `docs/tunnel.md`.
    TUNNEL: Get "/bridge/tunnel" Public, |it| it.empty(101, "The connection is open.")
        .errors(&[
            (400, "unsupported_subprotocol"),
            (401, "invalid_ticket, ticket_expired, ticket_used, agent_token_revoked"),
            (426, "upgrade_required"),
            (429, "too_many_connections"),
            (503, "bridge_gateway_error"),
        ]);
}

/// Agents.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Agents {
    /// The agents.
    pub agents: Vec<AgentView>,
}

/// An agent. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AgentView {
    /// Its id.
    pub agent_id: String,
    /// What it is called.
    pub label: String,
    /// `online`, `offline`, or `unknown` where its hub could not be asked.
    pub status: &'static str,
    /// Counts its tokens.
    pub token_version: u64,
    /// When its token expires.
    pub token_expires_at: u64,
    /// When it was made.
    pub created_at: u64,
    /// What its hub says: since when it is connected, its version, its servers, and in `questions` what its calls wait for, each as an open
    /// call has it, with `tool_name`.
    pub hub: Option<Value>,
}

/// A new token of an agent.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AgentToken {
    /// The agent.
    pub agent_id: String,
    /// The token.
    pub token: String,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at: u64,
    /// Counts the tokens of the agent.
    pub version: u64,
    /// Whether it replaces one.
    pub reset: bool,
}

/// A ticket for a tunnel.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TunnelTicket {
    /// The ticket.
    pub ticket: String,
    /// The agent that it is for.
    pub agent_id: String,
    /// Seconds for which it is good.
    pub expires_in: u64,
}
