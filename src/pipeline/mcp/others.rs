//! What a server has besides tools: prompts, resources, templates of resources, and the completion of their arguments.
//!
//! Grants and the server's own lists hold for them as for tools, under the names of [`Kind::granted_as`].

use nexus_edge_core::access::tool_grants::ToolGrants;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Item, Kind};
use nexus_edge_mcp::glob::any_matches;
use nexus_edge_mcp::kept::Holds;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::rpc::Outcome;

use super::call::Call;
use super::server::Server;
use super::{agent_call, link};
use crate::host::Host;

impl Server {
    /// Which of `tools`, `prompts`, `resources`, `completions` and `logging` it has.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where nothing is known of the server.
    pub async fn capabilities(&self, host: &Host) -> Result<Vec<String>, ApiError> {
        Ok(self.kept(host).await?.capabilities().into_iter().map(str::to_owned).collect())
    }

    /// Whether something that is not a tool may be seen and asked for.
    pub fn may_use(&self, grants: &ToolGrants, kind: Kind, name: &str) -> bool {
        let name = kind.granted_as(name);
        let is_offered = match self {
            Self::Remote(record) => {
                let (allow, deny) = record.patterns();
                (allow.is_empty() || any_matches(&allow, &name)) && !any_matches(&deny, &name)
            }
            Self::Agent(_) => true,
        };
        is_offered && grants.may_call(self.name(), &name)
    }

    /// The prompts, resources or templates that these grants open.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where nothing is known of the server.
    pub async fn listed(&self, host: &Host, grants: &ToolGrants, kind: Kind) -> Result<Vec<Item>, ApiError> {
        let kept = self.kept(host).await?;
        let open = kept.list(kind).iter().filter(|item| self.may_use(grants, kind, &item.name));
        Ok(open.cloned().collect())
    }

    /// Whether it is known to have the resource of an address that these grants open.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) where nothing is known of the server.
    pub async fn holds(
        &self,
        host: &Host,
        grants: &ToolGrants,
        uri: &str,
    ) -> Result<Option<Holds>, ApiError> {
        if !self.may_use(grants, Kind::Resource, uri) {
            return Ok(None);
        }
        Ok(self.kept(host).await?.holds(uri))
    }

    /// Asks for something that is not a call of a tool.
    ///
    /// # Errors
    /// Those of [`Server::call`].
    pub async fn ask(&self, host: &Host, method: Method, call: &Call<'_>) -> Result<Outcome, ApiError> {
        match self {
            Self::Remote(record) => {
                let kept = self.kept(host).await?;
                link::request(host, record, &kept, method, None, call).await
            }
            Self::Agent(server) => agent_call::request(host, server, method, call).await,
        }
    }
}
