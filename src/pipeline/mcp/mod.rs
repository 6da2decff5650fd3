//! Tools of servers of the Model Context Protocol: what a key may see of them, and calls.
//!
//! [`Server`] is the one place that says who answers a tool. Callers of this module know nothing of transports.

mod call;
mod catalogue;
mod link;
mod remote;

use std::rc::Rc;

use nexus_edge_core::access::tool_grants::ToolGrants;
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::rpc::Outcome;

use crate::host::Host;
use crate::store::table;

pub use call::Call;
pub use catalogue::{ask_anew, forget, kept, replace};

/// Who answers tools.
pub enum Server {
    /// A server that the gateway asks over HTTP.
    Remote(Rc<McpServerRecord>),
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

impl Server {
    /// Its name, a part of the names of its tools.
    pub fn name(&self) -> &str {
        match self {
            Self::Remote(record) => &record.id,
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
        let Self::Remote(record) = self;
        let (allow, deny) = record.patterns();
        let by_lists = kept.open(nexus_edge_mcp::trust::Strictness::Off, &allow, &deny);
        let is_in = |tools: &[&Item]| tools.iter().any(|tool| tool.name == name);
        let refusal = if is_in(&by_lists) {
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
    /// `mcp_server_unreachable` (502) where the server did not answer.
    pub async fn call(&self, host: &Host, tool: &Item, call: &Call<'_>) -> Result<Outcome, ApiError> {
        match self {
            Self::Remote(record) => {
                let version = self.kept(host).await?.version();
                link::call_tool(host, record, version, tool, call).await
            }
        }
    }

    async fn kept(&self, host: &Host) -> Result<Rc<Kept>, ApiError> {
        match self {
            Self::Remote(record) => kept(host, record).await,
        }
    }

    fn open<'a>(&self, kept: &'a Kept) -> Vec<&'a Item> {
        let Self::Remote(record) = self;
        let (allow, deny) = record.patterns();
        kept.open(record.pins, &allow, &deny)
    }
}

/// The servers that a key may know, in the order of their names.
pub async fn servers(host: &Host, grants: &ToolGrants) -> Result<Vec<Server>, ApiError> {
    let mut records: Vec<McpServerRecord> = table::list(&host.env).await?;
    records.retain(|record| record.enabled && grants.may_know(&record.id));
    records.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(records.into_iter().map(|record| Server::Remote(Rc::new(record))).collect())
}

/// The server of a name, if a key may know it.
pub async fn server(host: &Host, grants: &ToolGrants, name: &str) -> Result<Option<Server>, ApiError> {
    if !grants.may_know(name) {
        return Ok(None);
    }
    let found: Option<McpServerRecord> = table::find(&host.env, name).await?;
    Ok(found.filter(|record| record.enabled).map(|record| Server::Remote(Rc::new(record))))
}
