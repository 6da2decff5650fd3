//! The Model Context Protocol: servers whose tools the gateway offers, and the endpoint at which it offers them.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::mcp_server::{McpServerInput, McpServerView};
use nexus_edge_core::input;
use nexus_edge_core::input::texts;
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "mcp_server_not_found")];
#[cfg(feature = "openapi")]
const UNREACHABLE: &[(u16, &str)] = &[(404, "mcp_server_not_found"), (502, "mcp_server_unreachable")];
#[cfg(feature = "openapi")]
const OF_ENDPOINT: &[(u16, &str)] = &[(403, "origin_not_allowed"), (404, "mcp_server_not_found")];

operations! {
    "Tools";

    /// Ask for tools of all servers.
    ///
    /// The endpoint of an MCP client (streamable HTTP, without sessions; 2026-07-28, 2025-11-25 and earlier): the tools of all
    /// servers that the key is granted, those of the owner's agents included, under names that stand beside each other. Errors of the protocol are those of JSON-RPC.
    /// `docs/mcp.md` says more.
    ENDPOINT: Post "/mcp" Caller, |it| it.free_body(&["jsonrpc"], "A message of JSON-RPC.")
        .free_answer("The response.").empty(202, "A notification was taken.").errors(OF_ENDPOINT);

    /// Ask for tools of one server.
    ///
    /// The same for one server, whose tools have the names that it gave them.
    SERVER_ENDPOINT: Post "/mcp/server/{id}" Caller, |it| it.free_body(&["jsonrpc"], "A message of JSON-RPC.")
        .free_answer("The response.").empty(202, "A notification was taken.").errors(OF_ENDPOINT);

    /// Ask for tools of a server of an agent.
    ///
    /// The same for one server of one of the caller's own agents.
    AGENT_ENDPOINT: Post "/mcp/agent/{id}/{server}" Caller, |it| it.free_body(&["jsonrpc"], "A message of JSON-RPC.")
        .free_answer("The response.").empty(202, "A notification was taken.")
        .errors(&[(403, "origin_not_allowed"), (404, "agent_not_found, mcp_server_not_found")]);

    /// List the servers of tools.
    LIST: Get "/mcp-servers" ManageTools, |it| it.list::<McpServerView<'_>>("mcp_servers", "The servers, without their tokens.");

    /// Create a server of tools.
    ///
    /// Its tools are accepted as they are when it is first asked, except those whose definitions hide something.
    CREATE: Post "/mcp-servers" ManageTools, |it| it.creates::<McpServerInput>()
        .answer::<McpServerView<'_>>(201, "The server.").errors(&[(409, "name_taken, too_many_mcp_servers")]);

    /// Show a server of tools.
    GET: Get "/mcp-servers/{id}" ManageTools, |it| it.answer::<McpServerView<'_>>(200, "The server.").errors(NOT_FOUND);

    /// Change a server of tools.
    UPDATE: Put "/mcp-servers/{id}" ManageTools, |it| it.updates::<McpServerInput>()
        .answer::<McpServerView<'_>>(200, "The server as it is now.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Delete a server of tools.
    DELETE: Delete "/mcp-servers/{id}" ManageTools, |it| it.deleted("string").errors(NOT_FOUND);

    /// Test a server of tools.
    ///
    /// Asks it for its version and its tools, and keeps what it answers.
    TEST: Post "/mcp-servers/{id}/test" ManageTools, |it| it.answer::<McpServerTest>(200, "How it went.").errors(UNREACHABLE);

    /// Show the tools of a server.
    ///
    /// With what each costs in tokens, what its definition hides, and what has changed since it was accepted. The server is asked if
    /// what is kept of it is older than ten minutes.
    TOOLS: Get "/mcp-servers/{id}/tools" ManageTools, |it| it.answer::<McpServerTools>(200, "The tools.").errors(UNREACHABLE);

    /// Accept tools of a server.
    ///
    /// As they are kept now: those in `tools`, or all without it.
    ACCEPT: Post "/mcp-servers/{id}/tools/accept" ManageTools, |it| it.optional_body::<AcceptToolsInput>()
        .answer::<McpServerTools>(200, "The tools as they are now.").errors(UNREACHABLE);
}

input! {
    /// Which tools are accepted.
    pub struct AcceptToolsInput {
        /// Their names; `null`: all.
        pub tools: Vec<String> = texts(1..=200),
    }
}

/// How a test went.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct McpServerTest {
    /// The version that the server speaks.
    pub version: &'static str,
    /// `legacy` or `modern`.
    pub era: &'static str,
    /// `streamable` or `sse`.
    pub transport: &'static str,
    /// Who it says that it is; `null` if it does not.
    pub server_info: Option<serde_json::Value>,
    /// How many tools it has.
    pub tools: usize,
    /// Tokens that their definitions cost in a request, estimated.
    pub tokens: u64,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// The tools of a server.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct McpServerTools {
    /// The tools, in the server's order.
    pub tools: Vec<ReviewedTool>,
    /// What has changed since it was accepted: objects with `change` (`added`, `removed`, `changed`, `unusable`), `tool` and, where
    /// it changed, `members` with `before` and `after`.
    pub changes: Vec<serde_json::Value>,
    /// Tokens that all definitions cost in a request, estimated.
    pub tokens: u64,
    /// When they were read, in milliseconds since the epoch.
    pub read_at: u64,
}

/// A tool, for those who decide about it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ReviewedTool {
    /// Its name.
    pub name: String,
    /// `accepted`, `new`, `changed` or `unusable`.
    pub state: serde_json::Value,
    /// Whether it is offered: by its state, `pins`, `allow_tools` and `deny_tools`.
    pub offered: bool,
    /// Tokens that its definition costs in a request, estimated.
    pub tokens: u64,
    /// What its definition hides: objects with `severity`, `rule`, `path` and `detail`.
    pub findings: Vec<serde_json::Value>,
    /// The definition.
    pub definition: serde_json::Value,
}
