//! Who answers a tool: a server that the gateway asks over HTTP, or one of an agent. Grants and pins are checked here, when tools are
//! offered and when one is called.

use std::rc::Rc;

use nexus_edge_core::access::tool_approval::ToolApproval;
use nexus_edge_core::access::tool_grants::ToolGrants;
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::naming::{Target, is_old_name};
use nexus_edge_mcp::rpc::Outcome;
use nexus_edge_mcp::trust::Strictness;
use nexus_edge_mcp::version::Era;
use nexus_edge_tunnel::tools::name_of;

use super::agent_call;
use super::agents::AgentServer;
use super::call::Call;
use super::catalogue::kept;
use super::configured;
use super::link;
use crate::host::Host;

/// Who answers tools.
#[derive(Clone)]
pub enum Server {
    /// A server that the gateway asks over HTTP.
    Remote(Rc<McpServerRecord>),
    /// A server of an agent.
    Agent(Rc<AgentServer>),
}

/// Why a tool is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server has no such tool.
    Unknown,
    /// The key is not granted it, or the server does not offer it.
    NotAllowed,
    /// It is not as it was accepted.
    Changed,
}

impl Refusal {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "tool_not_found",
            Self::NotAllowed => "tool_not_allowed",
            Self::Changed => "tool_changed",
        }
    }
}

impl Server {
    /// Its name in grants and errors: an id, or `agent/{id}/{server}`.
    pub fn name(&self) -> &str {
        match self {
            Self::Remote(record) => &record.id,
            Self::Agent(server) => &server.name,
        }
    }

    /// Which calls of a tool in chats a person must agree to. Agents ask where they run.
    pub fn approval_of(&self, tool: &str) -> ToolApproval {
        match self {
            Self::Remote(record) => record.approval_of(tool),
            Self::Agent(_) => ToolApproval::Never,
        }
    }

    /// What an alias of its tool stands for.
    pub fn target(&self, tool: &str) -> Target {
        let (agent, server) = match self {
            Self::Remote(record) => (None, &record.id),
            Self::Agent(server) => (Some(server.agent.clone()), &server.server),
        };
        Target { agent, server: server.clone(), tool: tool.to_owned() }
    }

    /// Whether this is another name of its tool: that by which its agent calls it, or the one that an earlier system gave it.
    pub fn calls(&self, tool: &str, name: &str) -> bool {
        match self {
            Self::Remote(_) => false,
            Self::Agent(server) => {
                name_of(&server.server, tool) == name || is_old_name(name, &self.target(tool))
            }
        }
    }

    /// The tools that these grants open.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where nothing is known of the server.
    pub async fn offered(&self, host: &Host, grants: &ToolGrants) -> Result<Vec<Item>, ApiError> {
        let kept = self.kept(host).await?;
        let tools = self.open(&kept);
        let tools = tools.into_iter().filter(|tool| grants.may_call(self.name(), &tool.name)).cloned();
        Ok(tools.collect())
    }

    /// The tool of a name, or why it is not called.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where nothing is known of the server.
    pub async fn tool(
        &self,
        host: &Host,
        grants: &ToolGrants,
        name: &str,
    ) -> Result<Result<Item, Refusal>, ApiError> {
        if !grants.may_call(self.name(), name) {
            return Ok(Err(Refusal::NotAllowed));
        }
        let kept = self.kept(host).await?;
        if let Some(tool) = self.open(&kept).into_iter().find(|tool| tool.name == name) {
            return Ok(Ok(tool.clone()));
        }
        let is_open_unpinned = self.open_with(Strictness::Off, &kept).iter().any(|tool| tool.name == name);
        let refusal = if is_open_unpinned {
            Refusal::Changed
        } else if kept.tools.iter().any(|tool| tool.name == name) {
            Refusal::NotAllowed
        } else {
            Refusal::Unknown
        };
        Ok(Err(refusal))
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where the server did not answer; `agent_offline` (404) and those of a call of an agent.
    pub async fn call(&self, host: &Host, tool: &Item, call: &Call<'_>) -> Result<Outcome, ApiError> {
        match self {
            Self::Remote(record) => {
                let kept = self.kept(host).await?;
                link::request(host, record, &kept, Method::CallTool, Some(tool), call).await
            }
            Self::Agent(server) => agent_call::request(host, server, Method::CallTool, call).await,
        }
    }

    /// The era that it speaks.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where nothing is known of the server.
    pub async fn era(&self, host: &Host) -> Result<Era, ApiError> {
        Ok(self.kept(host).await?.version().era())
    }

    /// What is kept of it.
    pub(super) async fn kept(&self, host: &Host) -> Result<Rc<Kept>, ApiError> {
        match self {
            Self::Remote(record) => kept(host, record).await,
            Self::Agent(server) => Ok(Rc::clone(&server.kept)),
        }
    }

    fn open<'a>(&self, kept: &'a Kept) -> Vec<&'a Item> {
        let pins = match self {
            Self::Remote(record) => record.pins,
            Self::Agent(_) => Strictness::Strict,
        };
        self.open_with(pins, kept)
    }

    fn open_with<'a>(&self, pins: Strictness, kept: &'a Kept) -> Vec<&'a Item> {
        match self {
            Self::Remote(record) => {
                let (allow, deny) = record.patterns();
                kept.open(pins, &allow, &deny)
            }
            Self::Agent(_) => kept.open(pins, &[], &[]),
        }
    }
}

/// The gateway's server of a name, if a key may know it.
pub async fn remote_server(host: &Host, grants: &ToolGrants, name: &str) -> Result<Option<Server>, ApiError> {
    if !grants.may_know(name) {
        return Ok(None);
    }
    let servers = configured::servers(host).await?;
    let found = servers.iter().find(|record| record.id == name);
    Ok(found.map(|record| Server::Remote(Rc::clone(record))))
}
